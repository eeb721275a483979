"""Keeps a child of the demo from outliving it, whatever ends the demo."""

from __future__ import annotations

import os
import signal
import sys
from threading import Thread


def end_with_parent() -> None:
    """Ask this process to end (SIGTERM) as soon as whoever holds the other end of its standard input is gone."""
    Thread(target=_wait_for_end_of_input, daemon=True).start()


def _wait_for_end_of_input() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
