"""What a page costs that no cache has: CPU of the application alone, beside the smallest Flask there is.

``python -m bench.cold [--posts 1000] [--folder FOLDER] [--only home post …] [--profile home]`` keeps the database in
the folder, if one is named, and finds it there again.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import os
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask

from bench import site
from bench.hello import app as hello

PAGES = {
    "home": "/",
    "home, far back": "/?before={cursor}",
    "post": "/bench-{middle}",
    "tag": f"/tag/{site.TAG}",
    "author": "/author/author-3",
    "archive": "/archive",
    "month": "/archive/{month}",
    "search": f"/search?q={site.WORD}",
    "feed.xml": "/feed.xml",
    "atom.xml": "/atom.xml",
}
ROUNDS, ROUND_S = 15, 0.15


def ask(app: Callable[..., Any], address: str) -> bytes:
    """Ask an application for a page as a server does, and take all of it.

    :raises AssertionError: when the answer is not a page.
    """
    path, _, query = address.partition("?")
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.9,de;q=0.5",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br, zstd",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    answer = app(environ, lambda status, _headers, *_: said.append(status))
    body = b"".join(answer)
    getattr(answer, "close", lambda: None)()
    assert said[0].startswith("200"), (address, said)  # noqa: S101  (a figure of an error page would be none)
    return body


def _cost(app: Callable[..., Any], address: str, times: int) -> float:
    begin = time.process_time()
    for _ in range(times):
        ask(app, address)
    return (time.process_time() - begin) / times * 1e6


def _times(app: Callable[..., Any], address: str) -> int:
    return max(3, int(ROUND_S * 1e6 / _cost(app, address, 20)))


def measure(app: Flask, addresses: dict[str, str]) -> None:
    """Print what each page costs; bare Flask goes between any two of them, so that a busy machine troubles both."""
    bare_times, bare = _times(hello.wsgi_app, "/"), []
    times = {name: _times(app.wsgi_app, address) for name, address in addresses.items()}
    costs: dict[str, list[float]] = {name: [] for name in addresses}
    for _ in range(ROUNDS):
        for name, address in addresses.items():
            bare.append(_cost(hello.wsgi_app, "/", bare_times))
            costs[name].append(_cost(app.wsgi_app, address, times[name]))
    print(f"| bare Flask | {statistics.median(bare):.0f} µs |  |  |")
    for name, each in costs.items():
        size = len(ask(app.wsgi_app, addresses[name]))
        cost = statistics.median(each)
        print(f"| {name} | {cost:.0f} µs | {statistics.median(bare) / cost:.2f} | {size / 1024:.1f} KB |", flush=True)


def profile(app: Flask, address: str) -> None:
    """Print where the time of a page goes."""
    _cost(app.wsgi_app, address, 50)
    profiler = cProfile.Profile()
    profiler.runcall(_cost, app.wsgi_app, address, 500)
    for order in ("tottime", "cumtime"):
        pstats.Stats(profiler).sort_stats(order).print_stats(45)


def main() -> None:
    """Fill the database unless it is filled, and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", nargs="*", choices=PAGES, default=list(PAGES))
    parser.add_argument("--profile", choices=PAGES)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        os.environ["BENCH_FOLDER"] = str(folder)
        app = site.make(PAGE_CACHE_MB="0")
        if not (folder / "blog.db").exists():
            site.fill(app, given.posts)
        middle = datetime.now(UTC) - timedelta(hours=given.posts // 2)
        cursor = f"{int(middle.timestamp()) * 1_000_000}-1"
        where = {"cursor": cursor, "month": f"{middle:%Y/%m}", "middle": given.posts // 2}
        addresses = {name: PAGES[name].format(**where) for name in PAGES}
        if given.profile:
            profile(app, addresses[given.profile])
        else:
            print(f"| page | CPU | of bare Flask | size |\n|---|---|---|---|\n| {given.posts} posts |||")
            measure(app, {name: addresses[name] for name in given.only})


if __name__ == "__main__":
    main()
