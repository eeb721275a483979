"""Telling every process to forget names: a row in the database, which each of them looks for once a second at most."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import delete, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from blog.db import Forgotten, db, tell_caches, writing
from blog.identity.directories.cached import HARD_S, Cached
from blog.identity.people import Key
from blog.identity.sealing import Seal

log = logging.getLogger(__name__)

EVERY_S = 1.0
KEPT_FOR = timedelta(seconds=HARD_S + 3600)  # no name is remembered for longer, so nobody needs to be told
PURPOSE = "forgotten name"


@contextmanager
def telling(cached: Cached, seal: Seal, keys: Collection[Key] | None, *, now: datetime) -> Iterator[Session]:
    """One transaction, as of ``db.writing``, at whose good end every process forgets these names.

    The shared memory is emptied of them before it, so that a process that is told finds nothing there, and after it, as
    an answer that was asked for before may have come to lie there meanwhile.

    :param keys: whose; None for everybody's.
    """
    forget = cached.forget_all if keys is None else partial(cached.forget, *keys)
    forget()
    with writing() as transaction:
        yield transaction
        note(transaction, seal, keys, now=now)
    forget()


def note(transaction: Session, seal: Seal, keys: Collection[Key] | None, *, now: datetime) -> None:
    """Have every process forget these names at its next look, and caches the pages that show them.

    :param transaction: of ``db.writing``; nobody is told before it ends well.
    :param keys: whose; None for everybody's.
    """
    tell_caches(transaction)  # first: whoever has this row goes alone, so that ids come to light in their order
    transaction.execute(delete(Forgotten).where(Forgotten.at <= now - KEPT_FOR))
    refs = [None] if keys is None else sorted(_ref(seal, key) for key in set(keys))
    transaction.add_all(Forgotten(ref=ref, at=now) for ref in refs)


class Forgetting:
    """Looks, in one process, for names that it was told to forget.

    :param cached: this process's memory of names.
    :param now: tells the moment (aware UTC); what was forgotten before this process began is of no interest.
    :param clock: seconds that never run backwards.
    """

    def __init__(
        self,
        cached: Cached,
        seal: Seal,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        every_s: float = EVERY_S,
    ) -> None:
        self._cached = cached
        self._seal = seal
        self._clock = clock
        self._every_s = every_s
        self._began_at = now()
        self._seen: int | None = None
        self._due = 0.0

    def look(self, *, at_once: bool = False) -> None:
        """Forget what this process was told to, if it did not look just now; never raises. One query at most.

        :param at_once: look in any case: before something is learnt that it was not told to forget.
        """
        if self._clock() < self._due and not at_once:
            return
        self._due = self._clock() + self._every_s
        try:
            self._look()
        except (OperationalError, PoolTimeout) as error:  # a page never fails because of a name
            log.warning("bylines: nobody could tell which names to forget: %s", type(error).__name__)

    def _look(self) -> None:
        if self._seen is None:  # what came before counts by its time, and then every row by its id
            news = select(Forgotten.id, Forgotten.ref).where(Forgotten.at >= self._began_at)
            self._seen = db.session.scalar(select(func.max(Forgotten.id))) or 0
        else:
            news = select(Forgotten.id, Forgotten.ref).where(Forgotten.id > self._seen)
        rows = db.session.execute(news).all()
        if rows:
            self._seen = max(self._seen, *(row.id for row in rows))
            self._forget({row.ref for row in rows})

    def _forget(self, refs: set[str | None]) -> None:
        known = self._cached.known()
        self._cached.drop({key for key in known if None in refs or _ref(self._seal, key) in refs})


def _ref(seal: Seal, key: Key) -> str:
    return seal.ref(PURPOSE, *key)
