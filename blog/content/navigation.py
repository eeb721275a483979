"""Navigation: the pages that stand in it, known in the process, asked for again when the site's version moved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Engine, case, false, literal_column, select, true
from sqlalchemy.exc import SQLAlchemyError

from blog.content.details import PAGE
from blog.content.readers import ANYBODY, readable_by
from blog.db import Post, Site, db

MOST = 20  # pages
_IS_PAGE: ColumnElement[str] = literal_column(f"'{PAGE}'")  # and no parameter: only so is it what the index is for
_FAR = datetime(9999, 1, 1, tzinfo=UTC)


class Link(NamedTuple):
    """A page in the navigation.

    :param lang: the language its title is in, where that is said.
    """

    title: str
    slug: str
    lang: str | None


class _Known(NamedTuple):
    """What was found when the site had this version; pages that are not out yet, too."""

    version: int
    links: tuple[tuple[datetime, Link], ...]


_heard: WeakKeyDictionary[Engine, int] = WeakKeyDictionary()
_known: WeakKeyDictionary[Engine, _Known] = WeakKeyDictionary()


def version() -> ColumnElement[int]:
    """Make the expression for the site's version, which goes along with whatever is asked of posts anyway."""
    return select(Site.version).scalar_subquery()


def hear(seen: int) -> None:
    """Note the version that the site was seen to have."""
    _heard[db.engine] = seen


def links(*, now: datetime) -> tuple[Link, ...]:
    """List the live pages for everyone, in their order; without a query unless something public has changed."""
    engine = db.engine
    known = _known.get(engine)
    if known is None or known.version != _heard.get(engine):
        try:
            known = _known[engine] = _look()
        except SQLAlchemyError:  # pages that need no database stay, with what is known
            known = known or _Known(0, ())
        else:
            hear(known.version)
    return tuple(link for published_at, link in known.links if published_at <= now)[:MOST]


def _look() -> _Known:
    """Look for the version first: what changes before the pages are found is noticed with the next version."""
    seen = db.session.scalar(select(Site.version)) or 0
    # Not bare: SQLite would go through all that strangers may read, and not through the few pages.
    theirs = case((readable_by(ANYBODY, _FAR), true()), else_=false())
    rows = db.session.execute(
        select(Post.published_at, Post.title, Post.slug, Post.lang)
        .where(Post.kind == _IS_PAGE, theirs)
        .order_by(Post.place, Post.title, Post.id)
    ).all()
    return _Known(seen, tuple((row[0], Link(*row[1:])) for row in rows if row[0]))
