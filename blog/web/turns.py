"""Turns: few pages are made at once in a process, one after the other, while many ask for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from blog.forks import begin_anew

WAIT_S = 0.05  # nobody waits longer: those whose turn it is may be waiting for names

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Turns:
    """A WSGI application before another one: who asks for a page while others are made waits for their turn.

    Eight threads that make pages together take up to twice the CPU for each: they are woken to find that the
    interpreter is somebody else's, and what one has in its processor's cache, the next one has to fetch. A lock is all
    it takes: who lets go of one may take it again before somebody else is awake, which is what saves the waking.

    :param at_once: how many pages are made at once: more than one only where they wait for something else.
    :param closed: first parts of paths under which nothing is made in turn: doors that may wait for a provider.
    """

    def __init__(self, app: Application, *, at_once: int, closed: frozenset[str]) -> None:
        self._app, self._at_once, self._closed = app, at_once, closed
        self._start()
        begin_anew(self, Turns._start)  # whose turn it was may be a thread that is no more

    def _start(self) -> None:
        self._locks = [threading.Lock() for _ in range(self._at_once)]
        self._numbers = count()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or environ["PATH_INFO"][1:].partition("/")[0] in self._closed:
            return self._app(environ, start_response)
        turn = self._locks[next(self._numbers) % self._at_once]
        is_ours = turn.acquire(timeout=WAIT_S)
        try:
            return self._app(environ, start_response)
        finally:
            if is_ours:
                turn.release()
