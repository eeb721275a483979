"""The provider of the tests over real HTTP, with the pages that browsers see; and servers in threads of this process.

    with serve(door := Door()) as url:
        idp = door.open(FakeIdp(url))

Every knob of ``FakeIdp`` works, and more of them are for what goes by the browser or over the wire::

    door.sub = "bob"                     who is logged in at the provider; None for somebody who says no
    door.params["iss"] = "https://…"     override a parameter that the browser brings back; ABSENT leaves it out
    door.dripping = {"token"}            answers of these endpoints begin, and never end
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from tests.fake_idp import ABSENT, FakeIdp

Wsgi = Callable[..., Any]
CALLED_BY_METADATA = {"jwks": "jwks_uri", "token": "token_endpoint", "userinfo": "userinfo_endpoint"}


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  (its name there)
        pass


@contextmanager
def serve(application: Wsgi, *, certificate: Path | None = None, port: int = 0) -> Iterator[str]:
    """Serve this on loopback, a thread a request, until the context ends; give its address.

    :param certificate: a file with key and certificate; then it is https.
    """
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=_Quiet, ssl_context=tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://localhost:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Later:
    """A WSGI application whose address is needed before it can be made."""

    application: Wsgi

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self.application(environ, start_response)


class Listener:
    """Somebody who must not be asked: ``asked`` tells by which requests it was."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        self.asked.append(f"{request.method} {request.full_path}")
        return Response("{}", content_type="application/json")(environ, start_response)


class Door:
    """Where browsers and the blog come to a provider."""

    idp: FakeIdp

    def __init__(self) -> None:
        self.sub: str | None = "ada"
        self.params: dict[str, Any] = {}
        self.dripping: set[str] = set()
        self.logouts: list[dict[str, str]] = []

    def open(self, idp: FakeIdp) -> FakeIdp:
        """Let people in to this provider."""
        self.idp = idp
        return idp

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        pages = {"/authorize": self._authorize, "/end_session": self._end_session}
        page = pages.get(request.path, self._ask)
        return page(request)(environ, start_response)

    def _authorize(self, request: Request) -> Response:
        self.idp.calls["authorize"] += 1
        url = f"{self.idp.issuer}/authorize?{urlencode(request.values)}"
        back = self.idp.authorize(url, sub=self.sub or "", error=None if self.sub else "access_denied")
        params = {name: value for name, value in {**back, **self.params}.items() if value is not ABSENT}
        asked = self.idp.authorizations[-1]
        if asked.get("response_mode") == "form_post":
            return _form(asked["redirect_uri"], params)
        return redirect(f"{asked['redirect_uri']}?{urlencode(params)}")

    def _end_session(self, request: Request) -> Response:
        self.logouts.append(request.values.to_dict())
        url, _, query = self.idp.end_session(request.url).partition("?")
        params = {**dict(parse_qsl(query)), **self.params}
        kept = {name: value for name, value in params.items() if value is not ABSENT}
        return redirect(f"{url}?{urlencode(kept)}" if kept else url)

    def _ask(self, request: Request) -> Response:
        """Let the endpoint with this address answer; what it cannot say is said by hanging up."""
        for name, method, path, called in self.idp.endpoints():
            published = self.idp.metadata.get(CALLED_BY_METADATA.get(name, ""))
            where = urlsplit(published).path if published else path
            if (request.method, request.path) != (method, where):
                continue
            if name in self.dripping:
                self.idp.calls[name] += 1
                return Response(_drops(), content_type="application/json")
            reply = called(_prepared(request))
            if isinstance(reply, Exception):
                raise ConnectionAbortedError
            status, headers, body = reply
            return Response(body, status, {"Content-Type": "application/json", **headers})
        return Response("", 404)


def _prepared(request: Request) -> requests.PreparedRequest:
    headers = dict(request.headers)
    return requests.Request(request.method, request.url, headers=headers, data=request.get_data()).prepare()


def _drops() -> Iterator[bytes]:
    for _ in range(200):  # twenty seconds, which is for ever
        yield b" "
        time.sleep(0.1)


def _form(action: str, params: dict[str, str]) -> Response:
    """A page that sends itself on (Form Post Response Mode); without JavaScript by its button."""
    fields = "".join(f'<input type="hidden" name="{name}" value="{escape(text)}">' for name, text in params.items())
    form = f'<form method="post" action="{escape(action)}">{fields}<button>Continue</button></form>'
    return Response(f"<!doctype html><title>One moment</title>{form}", content_type="text/html")
