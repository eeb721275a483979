"""The archive: years and months, by the clocks of the blog's time zone, in which there is something to read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import BindParameter, ColumnElement, Executable, and_, bindparam, case, exists, false, select, true

from blog.content.details import PAGE
from blog.content.readers import ANYBODY, Reader, readable_by
from blog.db import Post, UtcDateTime, ask
from blog.errors import NotFound

_AT_ONCE = 240  # months in one statement


class Span(NamedTuple):
    """A year, or a month of one.

    :param month: from 1 to 12; None for the whole year.
    """

    year: int
    month: int | None = None

    @property
    def path(self) -> str:
        """The last part of its address."""
        return f"{self.year:04}" if self.month is None else f"{self.year:04}/{self.month:02}"

    @property
    def first_day(self) -> date:
        """Its first day."""
        return date(self.year, self.month or 1, 1)

    def ends(self, zone: str) -> tuple[datetime, datetime]:
        """Tell where it begins and where the next one does, in a time zone (aware UTC)."""
        next_one = self.year * 12 + (self.month or 1) - 1 + (1 if self.month else 12)
        place = ZoneInfo(zone)
        begins = datetime(self.year, self.month or 1, 1, tzinfo=place)
        return begins.astimezone(UTC), datetime(next_one // 12, next_one % 12 + 1, 1, tzinfo=place).astimezone(UTC)


def span(year: str, month: str | None = None) -> Span:
    """Read a span from an address.

    :param year: as it came in the address, so possibly anything; four digits.
    :param month: two digits.
    :raises NotFound: when it is none.
    """
    if not re.fullmatch("[0-9]{4}", year) or not 1 < int(year) < 9999:
        raise NotFound
    if month is None:
        return Span(int(year))
    if not re.fullmatch("0[1-9]|1[0-2]", month):
        raise NotFound
    return Span(int(year), int(month))


def months(reader: Reader, *, now: datetime, zone: str) -> list[Span]:
    """List the months in which there is something that this reader may read, the newest first; with two queries."""
    first, last = ask(_ends(reader), {"now": now})[0]
    if first is None or last is None:
        return []
    every = _between(_month_of(first, zone), _month_of(last, zone))
    pieces = (every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE))
    return [month for piece in pieces for month in _with_posts(reader, piece, now, zone)]


@lru_cache(maxsize=64)  # statements: putting one together takes far longer than asking it
def _ends(reader: Reader) -> Executable:
    """Ask for the first and the last moment, each by the end of an index: SQLite would go through all for both."""
    every = select(Post.published_at).where(_listed(reader, bindparam("now", type_=UtcDateTime()))).limit(1)
    first, last = every.order_by(Post.published_at), every.order_by(Post.published_at.desc())
    return select(first.scalar_subquery(), last.scalar_subquery())


@lru_cache(maxsize=64)
def _there(reader: Reader, number: int) -> Executable:
    """Ask of so many months whether there is something in them."""
    ends = [[bindparam(f"{end}{month}", type_=UtcDateTime()) for end in ("begin", "last")] for month in range(number)]
    within = (and_(_listed(reader, last), Post.published_at >= begin) for begin, last in ends)
    return select(*(exists(select(Post.id).where(each)) for each in within))


def _listed(reader: Reader, now: BindParameter[datetime]) -> ColumnElement[bool]:
    readable = readable_by(reader, now)
    # of people not bare, else SQLite would go through all posts by their audience
    clause = readable if reader == ANYBODY else case((readable, true()), else_=false())
    return and_(Post.published_at <= now, Post.kind != PAGE, clause)


def _month_of(at: datetime, zone: str) -> Span:
    local = at.astimezone(ZoneInfo(zone))
    return Span(local.year, local.month)


def _between(first: Span, last: Span) -> list[Span]:
    """List all months from one to another, the last one first."""
    numbers = [span.year * 12 + (span.month or 1) - 1 for span in (first, last)]
    return [Span(number // 12, number % 12 + 1) for number in range(numbers[1], numbers[0] - 1, -1)]


def _with_posts(reader: Reader, every: Sequence[Span], now: datetime, zone: str) -> list[Span]:
    """Leave those months in which there are posts that somebody may read."""
    given = {}
    for number, month in enumerate(every):
        given[f"begin{number}"], end = month.ends(zone)
        # one bound and not two: SQLite may take the other one, and go through all that is newer than the month
        given[f"last{number}"] = min(now, end - datetime.resolution)
    row = ask(_there(reader, len(every)), given)[0]
    return [month for month, found in zip(every, row, strict=True) if found]
