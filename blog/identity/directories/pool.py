"""A few threads that nobody waits for when the process ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Pool:
    """Runs calls in daemon threads; a context manager that closes itself.

    ThreadPoolExecutor is not used because the interpreter joins its threads at exit, after all queued work: a slow
    provider would hold up every restart.
    """

    def __init__(self, threads: int) -> None:
        self._closed = threading.Event()
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name="directory", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Have this called by one of the threads; its result, or what it raises, comes with the future."""
        future: Future[T] = Future()
        self._jobs.put((future, call))
        return future

    def close(self, wait_s: float | None = None) -> None:
        """Cancel what has not begun and end the threads, waiting so long for each of them to finish its call."""
        self._closed.set()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(wait_s)

    def _work(self) -> None:
        while job := self._jobs.get():
            future, call = job
            if self._closed.is_set():
                future.cancel()
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001  (who waits for the future raises it)
                future.set_exception(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
