"""Turns: pages wait for each other, but not for long."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from blog.web import turns
from blog.web.turns import Turns

AT_ONCE = 2


class Slow:
    """An application that notes how many are in it at once, and lets nobody go before it is told to."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.go_on = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, _environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.go_on.wait(10)
        with self._lock:
            self.inside -= 1
        return [b"page"]


def ask(app: Turns, path: str = "/", method: str = "GET") -> bytes:
    return b"".join(app({"REQUEST_METHOD": method, "PATH_INFO": path}, lambda *_: None))


def most_at_once(number: int, **how: str) -> int:
    slow = Slow()
    app = Turns(slow, at_once=AT_ONCE, closed=frozenset({"login"}))
    with ThreadPoolExecutor(number) as pool:
        answers = [pool.submit(ask, app, **how) for _ in range(number)]
        threading.Timer(0.3, slow.go_on.set).start()
        assert [each.result(10) for each in answers] == [b"page"] * number
    return slow.most


def test_few_pages_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT_S", 10)
    assert most_at_once(6) == AT_ONCE


def test_nobody_waits_long_for_those_who_are_held_up() -> None:
    assert most_at_once(6) == 6


@pytest.mark.parametrize("how", [{"method": "POST"}, {"path": "/login"}, {"path": "/login/confirm"}])
def test_forms_and_doors_to_the_provider_wait_for_no_page(monkeypatch: pytest.MonkeyPatch, how: dict[str, str]) -> None:
    monkeypatch.setattr(turns, "WAIT_S", 10)
    assert most_at_once(6, **how) == 6


def test_a_fault_ends_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT_S", 10)

    def broken(_environ: dict[str, Any], _start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise LookupError

    app = Turns(broken, at_once=AT_ONCE, closed=frozenset())
    for _ in range(AT_ONCE + 1):
        with pytest.raises(LookupError):
            ask(app)


def test_a_child_process_waits_for_nobody_who_stayed_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT_S", 10)
    slow = Slow()
    app = Turns(slow, at_once=AT_ONCE, closed=frozenset())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        held = [pool.submit(ask, app) for _ in range(AT_ONCE)]
        while slow.inside < AT_ONCE:
            pass
        if not (child := os.fork()):
            slow.go_on = threading.Event()
            slow.go_on.set()
            threading.Timer(5, os._exit, [1]).start()
            slow._lock = threading.Lock()
            os._exit(ask(app) != b"page")
        status = os.waitpid(child, 0)[1]
        slow.go_on.set()
        assert [each.result(10) for each in held] == [b"page"] * AT_ONCE
    assert os.waitstatus_to_exitcode(status) == 0
