"""Forks: a server may load the application once and fork its workers, where the parent's threads are no more."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from functools import partial
from threading import BoundedSemaphore
from typing import TypeVar

T = TypeVar("T")


def begin_anew(thing: T, anew: Callable[[T], None], *, before: Callable[[T], None] | None = None) -> None:
    """Have each process that is forked from this one begin anew with something, for as long as there is such a thing.

    A lock may be held there for ever, by a thread that was not forked; and a connection is for one process alone.

    :param anew: is called in the forked process.
    :param before: is called in this one, before it forks.
    """
    there = weakref.ref(thing)
    os.register_at_fork(after_in_child=partial(_call, there, anew))
    if before:
        os.register_at_fork(before=partial(_call, there, before))


def _call(there: weakref.ref[T], what: Callable[[T], None]) -> None:
    if (thing := there()) is not None:
        what(thing)


class Places(BoundedSemaphore):
    """So many at a time in one process; in one that is forked all are free again, whoever had them in its parent."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        begin_anew(self, lambda self: BoundedSemaphore.__init__(self, number))
