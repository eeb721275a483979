"""The processes that a demo consists of: started with a log each, waited for, watched, and ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

ROOT = Path(__file__).parent.parent  # from where our modules are found
READY_WITHIN_S = 60
STOPPED_WITHIN_S = 15
LAST_WORDS = 12  # lines of a log


class Trouble(Exception):
    """Why the demo cannot go on, in words for the person who started it."""


def call(what: str, command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run a command to its end; what it printed is shown only if it failed.

    :param what: what it is for, after “Could not”.
    """
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"Could not {what}:\n{last_words(done.stdout + done.stderr)}")


class Children:
    """The processes of this demo, each with its log; all of them end when this context does, whatever happens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._may_end: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for process in reversed(self._running.values()):
            process.terminate()
        for process in self._running.values():
            end(process)

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str], *, may_end: bool = False) -> None:
        """Start a command, out of reach of the terminal's Ctrl-C; its input ends when this process does.

        :param may_end: nobody minds when it ends by itself.
        """
        if may_end:
            self._may_end.add(name)
        with self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                command,
                env=environ,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def pid(self, name: str) -> int:
        """Tell the process id of one of them, which is that of its group, too."""
        return self._running[name].pid

    def stop(self, name: str) -> None:
        """End one of them."""
        process = self._running.pop(name)
        process.terminate()
        end(process)

    def wait_for_end(self, name: str) -> int:
        """Return once one of them, which may end, has ended; give its status."""
        return self._running[name].wait(READY_WITHIN_S)

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
            if name not in self._may_end and process.poll() is not None:
                raise Trouble(f"The {name} stopped by itself (status {process.returncode}).\n{self._last_words(name)}")

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _last_words(self, name: str) -> str:
        log = self._log(name)
        return f"From {log}:\n{last_words(log.read_text('utf-8', errors='replace'))}"


def end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was asked to end, not for ever, and leave none of its own children behind."""
    if process.stdin:
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOPPED_WITHIN_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
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
