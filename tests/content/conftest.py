"""What the tests of this room share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask


@pytest.fixture
def at_once(database: Flask) -> Callable[[int, Callable[[int], Any]], list[Any]]:
    """Run the same thing many times, all starting together; give back what each returned or raised."""

    def run(times: int, deed: Callable[[int], Any]) -> list[Any]:
        start = threading.Barrier(times)

        def one(number: int) -> Any:
            with database.app_context():
                start.wait()
                try:
                    return deed(number)
                except Exception as error:  # noqa: BLE001 - whatever it is, the test judges it
                    return error

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(one, range(times)))

    return run
