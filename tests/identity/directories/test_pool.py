"""Threads that do what they are given and end when they are told to."""

import threading
import time

import pytest

from blog.identity.directories.pool import Pool


def test_results_and_errors_come_back():
    with Pool(2) as pool:
        good, bad = pool.submit(lambda: 42), pool.submit(lambda: {}["x"])
        assert good.result(1) == 42
        with pytest.raises(KeyError):
            bad.result(1)
        assert pool.submit(lambda: 43).result(1) == 43


def test_calls_run_side_by_side():
    meeting = threading.Barrier(3, timeout=5)
    with Pool(3) as pool:
        assert sorted(future.result(5) for future in [pool.submit(meeting.wait) for _ in range(3)]) == [0, 1, 2]


def test_closing_cancels_what_has_not_begun_and_leaves_no_thread():
    before = threading.active_count()
    begun, gate = threading.Event(), threading.Event()
    pool = Pool(1)
    running = pool.submit(lambda: begun.set() or gate.wait(5))
    waiting = pool.submit(lambda: 1)
    assert begun.wait(5)
    pool.close(wait_s=0)
    gate.set()
    pool.close()
    assert running.result(1) is True
    assert waiting.cancelled()
    assert threading.active_count() == before


def test_closing_waits_only_as_long_as_told():
    gate = threading.Event()
    pool = Pool(1)
    pool.submit(lambda: gate.wait(5))
    began_at = time.monotonic()
    pool.close(wait_s=0.05)
    assert time.monotonic() - began_at < 3
    gate.set()
    pool.close()
