"""Measures saves a second, by one writer and by eight, beside what sqlite3 itself inserts with the same settings.

Eight are the threads of one process, and of two, as the server has with ``--workers 2``.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread

from flask import Flask

from bench import site
from blog.content import posts
from blog.db import db

WRITERS = {"1 at once": (1, 1), "8 at once": (1, 8), "8 in two processes": (2, 4)}  # processes, threads of each
ROUNDS, SECONDS = 5, 2
SOON = 0.5  # seconds, until processes that were told to begin together do
PARAGRAPH = (
    "It begins *somewhere*, and goes on for a while, as texts do that say one thing after another. " * 8 + "\n\n"
)
BODY = PARAGRAPH * 5  # 4 KB
BARE = "INSERT INTO bare (title, slug, body_md, body_html, at) VALUES (?, ?, ?, ?, ?)"


def measured() -> dict[str, tuple[str, float]]:
    """Let both write in turn; give for each number of writers the saves a second, and their ratio to the inserts."""
    with TemporaryDirectory() as folder:
        os.environ["BENCH_FOLDER"] = folder
        app = site.make()
        site.fill(app, 100)
        with _opened(_bare()) as bare:
            bare.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, title, slug UNIQUE, body_md, body_html, at)")
        return {name: _row(name, *number) for name, number in WRITERS.items()}


@contextmanager
def steadily(app: Flask, per_s: int) -> Iterator[None]:
    """Publish so many posts a second meanwhile."""
    over, save = Event(), _saves(app)

    def write() -> None:
        due = time.monotonic()
        while not over.is_set():
            save(f"{time.monotonic_ns()}")
            due += 1 / per_s
            over.wait(max(0, due - time.monotonic()))

    writer = Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def _row(name: str, processes: int, threads: int) -> tuple[str, float]:
    """Let them write in turn, each in processes of its own, which are there all the while."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        rounds = [
            [_together(pool, processes, threads, kind) for kind in ("saves", "inserts")] for _ in range(ROUNDS + 1)
        ]
    saves, inserts = (median(each) for each in zip(*rounds[1:], strict=True))  # in the first one they start
    print(f"{name}: {saves:.0f} saves and {inserts:.0f} inserts a second", flush=True)
    return f"{saves:,.0f} saves/s, {inserts:,.0f} inserts/s", saves / inserts


def _together(pool: ProcessPoolExecutor, processes: int, threads: int, kind: str) -> float:
    begin = time.monotonic() + SOON
    return sum(pool.map(_per_second, [kind] * processes, [threads] * processes, [begin] * processes))


def _per_second(kind: str, writers: int, begin: float) -> float:
    """Let each of them write for a while from a moment on; any error ends the measurement."""
    done: list[int] = []
    until = begin + SECONDS

    def write(writer: int) -> None:
        save, number = _saves(site.app) if kind == "saves" else _inserts(_bare()), 0
        time.sleep(max(0, begin - time.monotonic()))
        while time.monotonic() < until:
            save(f"{os.getpid()}-{writer}-{time.monotonic_ns()}")
            number += 1
        done.append(number)

    threads = [Thread(target=write, args=(each,)) for each in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(done) < writers:
        raise SystemExit("A writer did not come to its end.")
    return sum(done) / SECONDS


def _bare() -> Path:
    return Path(os.environ["BENCH_FOLDER"]) / "bare.db"


def _saves(app: Flask) -> Callable[[str], None]:
    def save(name: str) -> None:
        with app.app_context():
            posts.create((site.ISSUER, "author-1"), title=name, body_md=BODY, now=datetime.now(UTC), publish=True)
            db.session.remove()

    return save


def _inserts(path: Path) -> Callable[[str], None]:
    connection = _opened(path)

    def insert(name: str) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(BARE, (name, name, BODY, BODY, str(datetime.now(UTC))))
        connection.execute("COMMIT")

    return insert


def _opened(path: Path) -> sqlite3.Connection:
    """Open it as the blog opens its own."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


if __name__ == "__main__":
    measured()
