"""Turns: few pages are made at once in a process, as more threads that want the interpreter only hold each other up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from blog.forks import begin_anew

WAIT_S = 0.05  # nobody waits longer: those whose turn it is may be waiting for names

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Turns:
    """A WSGI application before another one: who asks for a page waits a moment while others are being made.

    Eight threads that make pages together took up to twice the CPU for each that two take: they are woken to find that
    the interpreter is somebody else's. Two take a fifth more than one.

    :param at_once: how many pages are made at once: more than one only where they wait for something else.
    :param closed: first parts of paths under which nothing is made in turn: doors that may wait for a provider.
    """

    def __init__(self, app: Application, *, at_once: int, closed: frozenset[str]) -> None:
        self._app, self._at_once, self._closed = app, at_once, closed
        self._start()
        begin_anew(self, Turns._start)  # whose turn it was may be a thread that is no more

    def _start(self) -> None:
        self._free = threading.Semaphore(self._at_once)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or environ["PATH_INFO"][1:].partition("/")[0] in self._closed:
            return self._app(environ, start_response)
        free = self._free
        in_turn = free.acquire(timeout=WAIT_S)
        try:
            return self._app(environ, start_response)
        finally:
            if in_turn:
                free.release()
