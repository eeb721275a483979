"""What names cost a page: warm, in microseconds; and with a user API that is dead, slow or lying, in pages that came.

`python -m bench.names` prints two tables. It needs nothing but the tests' installation.
"""

from __future__ import annotations

import json
import logging
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from blog import create_app
from blog.content import posts
from blog.db import db
from blog.identity import directories
from blog.identity.directories import Cached
from blog.identity.people import Key, Person

ISSUER = "http://localhost:9"
AUTHORS = 20
READS, READERS = 1000, 8


class Known:
    """A directory that knows everybody."""

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who they are."""
        return {key: Person(key, f"Somebody {key.id}") for key in keys}


def warm() -> None:
    """Ask for the bylines of a page of twenty authors, over and over."""
    keys = {Key(ISSUER, f"author-{number}") for number in range(AUTHORS)}
    cached = Cached(Known())
    directories.bylines(cached, keys, b"secret")
    rounds = []
    for _ in range(20):
        began = time.thread_time()
        for _ in range(200):
            directories.bylines(cached, keys, b"secret")
        rounds.append((time.thread_time() - began) / 200)
    cached.close()
    print(f"| {AUTHORS} authors, warm | {1e6 * statistics.median(rounds):.0f} µs of CPU a page |")


def answer(body: bytes, status: str = "200 OK") -> bytes:
    """Make an HTTP answer."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    )
    return head.encode() + b"\r\n" + body


EVERYBODY = json.dumps({"Resources": [{"id": f"stranger-{number}", "displayName": "Eve"} for number in range(1000)]})


def drip(visitor: socket.socket) -> None:
    """Send a byte at a time."""
    for _ in range(60):
        visitor.sendall(b"H")
        time.sleep(0.5)


TROUBLES: dict[str, Callable[[socket.socket], object] | None] = {
    "dead": None,
    "silent": lambda _visitor: time.sleep(30),
    "dripping": drip,
    "500": lambda visitor: visitor.sendall(answer(b"{}", "500 Internal Server Error")),
    "HTML": lambda visitor: visitor.sendall(answer(b"<!doctype html><title>Hotel</title>")),
    "everybody but who was asked for": lambda visitor: visitor.sendall(answer(EVERYBODY.encode())),
}


@contextmanager
def user_api(serve: Callable[[socket.socket], object] | None) -> Iterator[tuple[str, Counter[str]]]:
    """Run a user API that behaves like this; give its address, and how often it was called."""
    listener, calls = socket.create_server(("127.0.0.1", 0)), Counter[str]()
    url = f"http://localhost:{listener.getsockname()[1]}/scim/v2"

    def meet(visitor: socket.socket) -> None:
        with visitor, suppress(OSError):  # who asked may have given up
            visitor.recv(65536)
            if serve:
                serve(visitor)

    def listen() -> None:
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:
                return
            calls["calls"] += 1
            threading.Thread(target=meet, args=(visitor,), daemon=True).start()

    if serve is None:
        listener.close()
    else:
        threading.Thread(target=listen, daemon=True).start()
    yield url, calls
    listener.close()


def blog_with(folder: Path, directory_url: str) -> Flask:
    """Make a blog with a post by each author."""
    app = create_app(
        {
            "PUBLIC_URL": "http://localhost",
            "SECRET_KEY": "a key that only this benchmark uses, long enough",
            "DATABASE_URL": f"sqlite:///{folder}/blog.db",
            "OIDC_ISSUER": ISSUER,
            "OIDC_CLIENT_ID": "bench",
            "OIDC_CLIENT_SECRET": "bench",
            "DIRECTORY": "scim",
            "DIRECTORY_URL": directory_url,
            "DIRECTORY_TOKEN_URL": f"{directory_url}/token",
        }
    )
    with app.app_context():
        db.create_all()
        for number in range(AUTHORS):
            at = datetime.now(UTC) - timedelta(hours=AUTHORS - number)
            title = f"Post number {number}"
            posts.create((ISSUER, f"author-{number}"), title=title, body_md="Words.", now=at, publish=True)
    return app


def read(app: Flask) -> tuple[int, float]:
    """Read the home page; give the status and how long it took in seconds."""
    began = time.perf_counter()
    status = app.test_client().get("/", buffered=True).status_code
    return status, time.perf_counter() - began


def trouble(name: str, serve: Callable[[socket.socket], object] | None) -> None:
    """Read a thousand pages while the user API behaves like this."""
    with tempfile.TemporaryDirectory() as folder, user_api(serve) as (url, calls):
        app = blog_with(Path(folder), url)
        with ThreadPoolExecutor(READERS) as readers:
            done = list(readers.map(lambda _: read(app), range(READS)))
        app.extensions["porch"].directory.close()
        with app.app_context():
            db.engine.dispose()
    good = sum(status == 200 for status, _ in done)
    took = sorted(seconds for _, seconds in done)
    p50, p99 = took[READS // 2], took[READS * 99 // 100]
    print(f"| {name} | {good} of {READS} | {p50:.3f} s | {p99:.3f} s | {took[-1]:.3f} s | {calls['calls']} |")


def main() -> None:
    """Print both tables."""
    logging.disable(logging.ERROR)
    print("| page | names |\n|---|---|")
    warm()
    print("\n| user API | answers of status 200 | median | p99 | longest | calls |\n|---|---|---|---|---|---|")
    for name, serve in TROUBLES.items():
        trouble(name, serve)


if __name__ == "__main__":
    main()
