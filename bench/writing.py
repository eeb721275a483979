"""Measures saves a second, by one writer and by eight, beside what sqlite3 itself inserts with the same settings."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread

from flask import Flask

from bench import site
from blog.content import posts
from blog.db import db

WRITERS = (1, 8)
ROUNDS, SECONDS = 5, 2
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
        path = Path(folder) / "bare.db"
        with _opened(path) as bare:
            bare.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, title, slug UNIQUE, body_md, body_html, at)")
        return {f"{number} at once": _row(app, path, number) for number in WRITERS}


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


def _row(app: Flask, path: Path, writers: int) -> tuple[str, float]:
    rounds = [
        (_per_second(writers, lambda: _saves(app)), _per_second(writers, lambda: _inserts(path))) for _ in range(ROUNDS)
    ]
    saves, inserts = (median(each) for each in zip(*rounds, strict=True))
    print(f"{writers} at once: {saves:.0f} saves and {inserts:.0f} inserts a second", flush=True)
    return f"{saves:,.0f} saves/s, {inserts:,.0f} inserts/s", saves / inserts


def _per_second(writers: int, begin: Callable[[], Callable[[str], None]]) -> float:
    """Let each of them write for a while; any error ends the measurement."""
    done: list[int] = []

    def write(writer: int) -> None:
        save, number, until = begin(), 0, time.monotonic() + SECONDS
        while time.monotonic() < until:
            save(f"{writer}-{time.monotonic_ns()}")
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
