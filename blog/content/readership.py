"""Readership: how often posts are read, counted beside the requests. Numbers are kept, and nothing of who read."""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from functools import partial
from multiprocessing.util import Finalize
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, false, func, select, true, union_all
from sqlalchemy.orm import Session

from blog.content.readers import Reader, named_there, readable_by
from blog.db import Post, PostAuthor, Views, db, insert_or, writing
from blog.forks import begin_anew

log = logging.getLogger(__name__)

EVERY_S = 5.0  # so often are sums written; what a process that is killed has not written is lost
WAIT_S = 1.5  # so long does a process that ends wait for the last sums
QUEUE_LONGEST = 10_000  # views that nobody has looked at yet; more are not counted
SUMS_MOST = 5_000  # posts and days that wait for a database that is away
READERS_MOST = 200_000  # of one day whom a process tells apart, about 17 MB; more are views without a reader
AGENT_LONGEST = 400  # characters; browsers need about 120
QUIET_S = 60.0  # so long is nothing more said of a database that is away


# -- counting --------------------------------------------------------------------------------------------------------


class Counter:
    """Counts, in one process, how often posts are read.

    A request leaves a note in memory and goes on. A thread of our own, made at the first of them, looks at the notes
    every few seconds, leaves out robots, and writes sums; it alone waits for the database. Until then, and no longer,
    the reader's address and browser stand in the note as in the request itself. A process that is forked starts anew.

    :param context: opens the way to the database; for a thread, where there is none.
    :param is_robot: judges a browser by its name (User-Agent); may be slow.
    :param now: tells the moment (aware UTC); a day is one in UTC.
    """

    def __init__(
        self,
        context: Callable[[], AbstractContextManager[Any]],
        *,
        is_robot: Callable[[str], bool],
        now: Callable[[], datetime],
        every_s: float = EVERY_S,
    ) -> None:
        self._context = context
        self._is_robot = is_robot
        self._now = now
        self._every_s = every_s
        self._start()
        begin_anew(self, Counter._start)

    def _start(self) -> None:
        # After a fork too: threads are not forked, locks may be held by one that is no more, and the parent writes
        # what it counted.
        self._notes: deque[tuple[int, str, str, date]] = deque()
        self._sums: dict[tuple[int, date], list[int]] = {}
        self._today: _Day | None = None
        self._lock = threading.Lock()  # held while sums are made and written
        self._beginning = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._quiet_until = 0.0

    def seen(self, post_id: int, *, address: str, agent: str) -> None:
        """Note that this post was read just now; takes no time, waits for nobody, and never raises.

        :param address: of whoever read it, as the proxies in front tell it.
        :param agent: how their browser names itself.
        """
        if len(self._notes) < QUEUE_LONGEST:
            self._notes.append((post_id, address, agent[:AGENT_LONGEST], self._now().date()))
        if self._thread is None:
            self._begin()

    def flush(self) -> None:
        """Write down what was noted until now. What cannot be written is kept for the next time; never raises."""
        with self._lock:
            try:
                self._add_up()
                if self._sums:
                    self._write()
            except Exception as error:  # noqa: BLE001  (whatever it is, counting goes on)
                self._complain(error)
            if self._today and self._today.day != self._now().date():
                self._today = None  # and with it the salt

    def close(self, wait_s: float = WAIT_S) -> None:
        """End the thread, which writes what is left; wait so long for it. Nothing is counted afterwards."""
        self._closed.set()
        if self._thread:
            self._thread.join(wait_s)

    def _begin(self) -> None:
        with self._beginning:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._work, name="readership", daemon=True)
                self._thread.start()
                # Not atexit, which workers that are made by multiprocessing never come to.
                Finalize(None, partial(_close, weakref.ref(self)), exitpriority=0)

    def _work(self) -> None:
        while not self._closed.wait(self._every_s):
            self.flush()
        self.flush()

    def _add_up(self) -> None:
        for _ in range(len(self._notes)):
            post_id, address, agent, day = self._notes.popleft()
            if self._is_robot(agent) or (len(self._sums) >= SUMS_MOST and (post_id, day) not in self._sums):
                continue
            if self._today is None or self._today.day != day:
                self._today = _Day(day)
            sums = self._sums.setdefault((post_id, day), [0, 0])
            sums[0] += 1
            sums[1] += self._today.is_new(post_id, address, agent)

    def _write(self) -> None:
        """Add the sums to the table in one transaction; those of posts that are gone are left out."""
        ids = {post_id for post_id, _ in self._sums}
        with self._context(), writing() as session:
            there = _kept(session, ids)
            rows = [
                {"post_id": post_id, "day": day, "views": views, "readers": readers}
                for (post_id, day), (views, readers) in sorted(
                    self._sums.items()
                )  # in one order, so none waits for none
                if post_id in there
            ]
            if rows:
                session.execute(_adding(session, rows))
        self._sums.clear()

    def _complain(self, error: Exception) -> None:
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + QUIET_S
            # not the error's text, which may name
            log.warning("readership: views could not be written, and are kept: %s", type(error).__name__)


class _Day:
    """Who has read what on one day, as hashes whose salt is made for that day and kept nowhere but here."""

    def __init__(self, day: date) -> None:
        self.day = day
        self._salt = secrets.token_bytes(32)
        self._hashes: set[bytes] = set()

    def is_new(self, post_id: int, address: str, agent: str) -> bool:
        """Whether nobody who looks like this has read this post today; from now on somebody has."""
        text = f"{post_id}\0{address}\0{agent}".encode(errors="replace")
        hashed = hashlib.blake2b(text, key=self._salt, digest_size=8).digest()
        if hashed in self._hashes or len(self._hashes) >= READERS_MOST:
            return False
        self._hashes.add(hashed)
        return True


def _kept(session: Session, ids: Collection[int]) -> set[int]:
    """Say which of these posts are there, and keep them from being deleted until the transaction ends."""
    there = select(Post.id).where(Post.id.in_(ids)).order_by(Post.id)
    return set(session.scalars(there.with_for_update(read=True, key_share=True)))


def _adding(session: Session, rows: list[dict[str, Any]]) -> Any:
    new = insert_or(session, Views).values(rows)
    sums = {"views": Views.views + new.excluded.views, "readers": Views.readers + new.excluded.readers}
    return new.on_conflict_do_update(index_elements=["post_id", "day"], set_=sums)


def _close(reference: weakref.ref[Counter]) -> None:
    if (counter := reference()) is not None:
        counter.close()


# -- what was counted ------------------------------------------------------------------------------------------------


class Count(NamedTuple):
    """How often posts were read from one day to another, both included.

    :param readers: told apart by day and post: who read two posts, or one on two days, is two of them.
    """

    first: date
    last: date
    views: int = 0
    readers: int = 0


class Favourite(NamedTuple):
    """A post that was read, and how often."""

    slug: str
    title: str
    views: int
    readers: int


def of_posts(post_ids: Collection[int], *, now: datetime, days: int) -> Mapping[int, list[Count]]:
    """Tell how often each of these posts was read.

    :param post_ids: of posts that whoever asks may see the readership of.
    :return: id → as many days, the last of them today.
    """
    found: dict[int, dict[date, Count]] = {post_id: {} for post_id in post_ids}
    rows = select(Views).where(Views.post_id.in_(found), Views.day > _start_of(now, days))
    for row in db.session.scalars(rows) if found else ():
        found[row.post_id][row.day] = Count(row.day, row.day, row.views, row.readers)
    return {post_id: _every_day(counted, now, days) for post_id, counted in found.items()}


def by_day(reader: Reader, *, now: datetime, days: int) -> list[Count]:
    """Tell how often the posts of an author were read together; for who may read everything, all posts.

    :return: as many days, the last of them today.
    """
    sums = select(Views.day, func.sum(Views.views), func.sum(Views.readers)).where(
        Views.day > _start_of(now, days), _told_to(reader)
    )
    rows = db.session.execute(sums.group_by(Views.day))
    return _every_day({day: Count(day, day, int(views), int(readers)) for day, views, readers in rows}, now, days)


def favourites(reader: Reader, *, now: datetime, days: int, limit: int) -> list[Favourite]:
    """List which of these posts were read most, most read first."""
    views, readers = func.sum(Views.views), func.sum(Views.readers)
    most = (
        select(Post.slug, Post.title, views, readers)
        .join(Views, Views.post_id == Post.id)
        .where(Views.day > _start_of(now, days), _told_to(reader), readable_by(reader, now))
        .group_by(Post.id, Post.slug, Post.title)
        .order_by(views.desc(), Post.id.desc())
        .limit(limit)
    )
    return [Favourite(slug, title, int(seen), int(by)) for slug, title, seen, by in db.session.execute(most)]


def together(counts: Sequence[Count], size: int) -> list[Count]:
    """Add up counts that follow each other, so many at a time."""
    parts = (counts[at : at + size] for at in range(0, len(counts), size))
    return [
        Count(part[0].first, part[-1].last, sum(each.views for each in part), sum(each.readers for each in part))
        for part in parts
    ]


def _told_to(reader: Reader) -> ColumnElement[bool]:
    """Make the clause for the counts of posts whose author this is; of all, for who may read everything."""
    if reader.everything:
        return true()
    if reader.key is None:
        return false()
    own = select(Post.id).where(Post.author_issuer == reader.key[0], Post.author_id == reader.key[1])
    named = select(PostAuthor.post_id).where(named_there(reader.key), PostAuthor.agreed_at.is_not(None))
    return Views.post_id.in_(union_all(own, named))


def _start_of(now: datetime, days: int) -> date:
    return now.date() - timedelta(days=days)


def _every_day(counted: Mapping[date, Count], now: datetime, days: int) -> list[Count]:
    last = now.date()
    dates = (last - timedelta(days=back) for back in range(days - 1, -1, -1))
    return [counted.get(day, Count(day, day)) for day in dates]
