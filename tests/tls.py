"""A proxy that speaks TLS with browsers, as an operator's would, and plain HTTP with the server behind it."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self


class TlsProxy:
    """Passes bytes on between `url` and a port on this machine, until its context ends.

    :param certificate: a file with a private key and its certificate.
    """

    def __init__(self, certificate: Path, port: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(visitor,), daemon=True).start()

    def _serve(self, visitor: socket.socket) -> None:
        with (
            suppress(OSError),
            self._context.wrap_socket(visitor, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", self._port)) as inside,
        ):
            back = threading.Thread(target=_pass_on, args=(inside, outside), daemon=True)
            back.start()
            _pass_on(outside, inside)
            back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
