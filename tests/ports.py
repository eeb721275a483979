"""Ports for servers that are started by their number: nobody else is given one between its choice and its use."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator

# Below what systems give to connections, and to servers that leave the choice to them.
CHOICE = range(20_000, 32_000)
_kept: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """Choose ports on loopback that are this process's until it ends, for TCP servers to be started."""
    found = _found()
    return [next(found) for _ in range(count)]


def _found() -> Iterator[int]:
    for port in random.sample(CHOICE, len(CHOICE)):
        if _is_free(port) and _keep(port):
            yield port


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _keep(port: int) -> bool:
    """Take the port of the same number for UDP, which no server here needs: others who run tests see that by it."""
    kept = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        kept.bind(("127.0.0.1", port))
    except OSError:
        kept.close()
        return False
    _kept.append(kept)
    return True
