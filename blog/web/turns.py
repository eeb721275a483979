"""Turns: few pages are made at once in a process, and by one thread, one after the other, while many ask for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from blog.forks import begin_anew

WAIT_S = 0.05  # nobody waits longer: those whose turn it is may be waiting for names

Environ = dict[str, Any]
Said = tuple[Any, ...]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Turns:
    """A WSGI application before another one: who asks for a page while others are made has it made in turn.

    Eight threads that make pages together take up to twice the CPU for each: they are woken to find that the
    interpreter is somebody else's, and what one has in its processor's cache, the next one has to fetch. So a thread
    makes a page itself where none is being made; else it leaves that to a maker, which goes from page to page.

    :param at_once: how many pages are made at once: more than one only where they wait for something else.
    :param closed: first parts of paths under which nothing is made in turn: doors that may wait for a provider.
    """

    def __init__(self, app: Application, *, at_once: int, closed: frozenset[str]) -> None:
        self._app, self._at_once, self._closed = app, at_once, closed
        self._start()
        begin_anew(self, Turns._start)  # whose turn it was may be a thread that is no more

    def _start(self) -> None:
        self._free = threading.Semaphore(self._at_once)
        self._makers = ThreadPoolExecutor(self._at_once, "maker")  # which has no thread until there is something to do
        self._left: set[Future[tuple[Said, list[bytes]]]] = set()  # who comes now goes behind these

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or environ["PATH_INFO"][1:].partition("/")[0] in self._closed:
            return self._app(environ, start_response)
        if not self._left and self._free.acquire(blocking=False):
            try:
                return self._app(environ, start_response)
            finally:
                self._free.release()
        return self._leave_to_makers(environ, start_response)

    def _leave_to_makers(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        page = self._makers.submit(self._make, environ)
        self._left.add(page)
        try:
            said, body = page.result(WAIT_S)
        except TimeoutError:
            if page.cancel():  # nobody has begun with it
                return self._app(environ, start_response)
            said, body = page.result()
        finally:
            self._left.discard(page)
        start_response(*said)
        return body

    def _make(self, environ: Environ) -> tuple[Said, list[bytes]]:
        """Make a page; give what is said before it, and the whole of it."""
        said: list[Said] = []
        in_turn = self._free.acquire(timeout=WAIT_S)
        try:
            body = self._app(environ, lambda *words: said.append(words))
            try:
                whole = list(body)
            finally:
                getattr(body, "close", lambda: None)()
        finally:
            if in_turn:
                self._free.release()
        return said[-1], whole
