"""A real Redis for tests, configured as docs/operations.md asks for: it writes nothing to disk."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis, RedisError

from tests.ports import free_ports


class RedisServer:
    """A server of our own at `url`, started at once; `client` looks into it past everything that is tested."""

    def __init__(self, binary: str, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = Redis.from_url(self.url)
        self._command = [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        self.start()

    def start(self) -> None:
        """Start it, empty, and return once it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        ends_at = time.monotonic() + 10
        while not self._answers():
            assert time.monotonic() < ends_at, "redis-server does not start"
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False

    def stop(self) -> None:
        """End it; connections are refused from now on."""
        self.client.close()
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        """Have it take connections and answer nothing."""
        self._process.send_signal(signal.SIGSTOP)


@contextmanager
def running(folder: Path) -> Iterator[RedisServer]:
    """A server of our own until the context ends."""
    if not (binary := shutil.which("redis-server")):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no redis-server on this machine")
    server = RedisServer(binary, folder)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that only this test knows."""
    with running(tmp_path) as server:
        yield server
