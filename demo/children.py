"""The processes that a demo consists of: started with a log each, waited for, watched, and ended together."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

READY_WITHIN_S = 60
STOPPED_WITHIN_S = 15
LAST_WORDS = 12  # lines of a log


class Trouble(Exception):
    """Why the demo cannot go on, in words for the person who started it."""


def call(what: str, module: str, *arguments: str, environ: Mapping[str, str]) -> None:
    """Run a Python module to its end; what it printed is shown only if it failed."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Trouble(f"Could not {what}:\n{last_words(done.stdout + done.stderr)}")


class Children:
    """The processes of this demo, each with its log; all of them end when this context does, whatever happens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave somebody behind
        for process in reversed(self._running.values()):
            process.terminate()
        for process in self._running.values():
            end(process)

    def start(self, name: str, module: str, *arguments: str, environ: Mapping[str, str]) -> None:
        """Start a Python module, out of reach of the terminal's Ctrl-C; its input ends when this process does."""
        with self._open_log(name) as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=environ,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for(self, name: str, url: str) -> None:
        """Return once this address answers."""
        give_up_at = time.monotonic() + READY_WITHIN_S
        while not answers(url):
            self._check()
            if time.monotonic() > give_up_at:
                raise Trouble(f"The {name} did not answer within {READY_WITHIN_S} s.\n{self._last_words(name)}")
            time.sleep(0.05)

    def watch(self) -> None:
        """Return never; raise when one of them has ended."""
        while True:
            time.sleep(0.3)
            self._check()

    def _check(self) -> None:
        for name, process in self._running.items():
            if process.poll() is not None:
                raise Trouble(f"The {name} stopped by itself (status {process.returncode}).\n{self._last_words(name)}")

    def _open_log(self, name: str) -> IO[bytes]:
        return (self._folder / f"{name}.log").open("wb")

    def _last_words(self, name: str) -> str:
        log = self._folder / f"{name}.log"
        return f"From {log}:\n{last_words(log.read_text('utf-8', errors='replace'))}"


def end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was asked to end, and do not wait for ever."""
    try:
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    """Whether somebody serves this address."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def last_words(text: str) -> str:
    """Cut a log to its end."""
    return "\n".join(text.rstrip().splitlines()[-LAST_WORDS:])
