"""Neighbours of a post: the ones before and after it, and those with the same tags; all told along with it."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ColumnElement,
    Engine,
    Integer,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import aliased

from blog.content import navigation, recalled
from blog.content.details import POST
from blog.content.readers import ANYBODY, EVERYONE, Reader, readable_by
from blog.db import Post, PostTag, UtcDateTime, db
from blog.questions import NEW_LINE

MOST_RELATED = 3
TAGS_LOOKED_AT = 4  # of the post
POSTS_LOOKED_AT = 25  # under each of these tags, the newest: however many a tag has, a page costs the same
MOST_KEPT = 1000  # posts whose neighbours are known

_OLDER, _NEWER = "<", ">"
# No parameter: SQLite would plan anew at each page, as some value of it may be what an index of some posts is for.
_POST: ColumnElement[str] = literal_column(f"'{POST}'")


class Link(NamedTuple):
    """A post to go on to.

    :param lang: the language its title is in, where that is said.
    """

    title: str
    slug: str
    lang: str | None = None


class Neighbours(NamedTuple):
    """What stands around a post.

    :param older: the post that was published before it.
    :param newer: the one that was published after it.
    :param related: posts with the same tags, those with most of them first, and of these the newest.
    """

    older: Link | None = None
    newer: Link | None = None
    related: tuple[Link, ...] = ()


def told(reader: Reader, now: Any) -> ColumnElement[str]:
    """Make the expression for all of them in one text, a line each: neither a tab nor a new line can stand in a title.

    :param reader: who sees only what they may read.
    :param now: the moment (aware UTC), or the parameter that will be.
    """
    parts = (_next(reader, now, _OLDER), _next(reader, now, _NEWER), _related(reader, now))
    each = union_all(*(select(part.c.line) for part in parts)).subquery()
    return select(func.aggregate_strings(each.c.line, NEW_LINE)).scalar_subquery()


def told_anew(now: Any) -> ColumnElement[str]:
    """Make the expression for what `told` tells strangers, or for nothing where that is known (`known_of`).

    Looking for it takes longer than all else on the page of a post, and it is the same until something changes that
    strangers see, or the time of a post has come.
    """
    due, known, since = aliased(Post), bindparam("version", type_=Integer), bindparam("since", type_=UtcDateTime())
    fell_due = select(due.id).where(due.published_at > since, due.published_at <= now).correlate(None).exists()
    same = and_(navigation.version() == known, since <= now, ~fell_due)
    return case((same, null()), else_=func.coalesce(told(ANYBODY, now), literal_column("''")))


class Told(NamedTuple):
    """What strangers were told of a post's neighbours.

    :param version: that the site had then; None when nothing was told yet.
    :param since: the moment it was told (aware UTC).
    """

    version: int | None
    since: datetime
    told: str


def known_of(slug: str, *, now: datetime) -> Told:
    """Say what is known of a post's neighbours: ``version`` and ``since`` are the parameters of `told_anew`."""
    return _known.setdefault(db.engine, {}).get(slug) or Told(None, now, "")


def learn(slug: str, told: Told) -> None:
    """Keep what was told anew."""
    recalled.keep(_known.setdefault(db.engine, {}), {slug: told}, MOST_KEPT)


_known: WeakKeyDictionary[Engine, dict[str, Told]] = WeakKeyDictionary()


@lru_cache(maxsize=256)
def of(neighbours_told: str | None) -> Neighbours:
    """Read the neighbours of a post.

    :param neighbours_told: as `told` tells them.
    """
    older, newer, related = None, None, list[tuple[int, int, Link]]()
    for line in (neighbours_told or "").split("\n"):
        if not line:
            continue
        mark, shared, number, slug, lang, title = line.split("\t")
        link = Link(title, slug, lang or None)
        if mark == _OLDER:
            older = link
        elif mark == _NEWER:
            newer = link
        else:
            related.append((-int(shared), int(number), link))
    beside = {older, newer}
    near = [link for _, _, link in sorted(related) if link not in beside]
    return Neighbours(older, newer, tuple(near[:MOST_RELATED]))


def _line(mark: str, post: type[Post], shared: Any, number: Any) -> ColumnElement[str]:
    tab, nothing = literal_column("'\t'", String), literal_column("''", String)
    numbers = cast(shared, String) + tab + cast(number, String)
    words = post.slug + tab + func.coalesce(post.lang, nothing) + tab + post.title
    return literal_column(f"'{mark}'", String) + tab + numbers + tab + words


def _next(reader: Reader, now: Any, mark: str) -> Any:
    """Find the next post in one direction, by the index of the home page."""
    beside = aliased(Post)
    place, here = tuple_(beside.published_at, beside.id), tuple_(Post.published_at, Post.id)
    older = mark == _OLDER
    if older:  # one bound and not two: SQLite may take the other one, and go through all that is newer than the post
        now = case((Post.published_at < now, Post.published_at), else_=now)
    found = (
        select(_line(mark, beside, literal_column("0"), literal_column("0")).label("line"))
        .where(readable_by(reader, now, beside), beside.published_at <= now, beside.kind == _POST)
        .where(place < here if older else place > here)
        .order_by(*((beside.published_at.desc(), beside.id.desc()) if older else (beside.published_at, beside.id)))
        .limit(1)
    )
    return found.correlate(Post).subquery()


def _related(reader: Reader, now: Any) -> Any:
    """Find posts with the same tags, among the newest of each."""
    same = union_all(*(_newest(reader, now, number) for number in range(TAGS_LOOKED_AT))).subquery()
    beside, shared = aliased(Post), func.count()
    ranked = (
        select(same.c.post_id, shared.label("shared"), func.max(same.c.published_at).label("at"))
        .group_by(same.c.post_id)
        .subquery()
    )
    place = func.row_number().over(order_by=(ranked.c.shared.desc(), ranked.c.at.desc()))
    return (
        select(_line("=", beside, ranked.c.shared, place).label("line"))
        .join_from(ranked, beside, beside.id == ranked.c.post_id)
        .where(readable_by(reader, now, beside), beside.published_at <= now, beside.kind == _POST, beside.id != Post.id)
        .order_by(ranked.c.shared.desc(), ranked.c.at.desc())
        .limit(MOST_RELATED + 2)  # two may be the ones before and after it
        .correlate(Post)
        .subquery()
    )


def _newest(reader: Reader, now: Any, number: int) -> Any:
    """Find the newest posts under one of the tags of the post, by the index of the tag's page."""
    own, there = aliased(PostTag), aliased(PostTag)
    tag = select(own.tag_id).where(own.post_id == Post.id).order_by(own.tag_id).offset(number).limit(1)
    chosen = and_(there.tag_id == tag.correlate(Post).scalar_subquery(), there.published_at <= now)
    if reader == ANYBODY:
        chosen = and_(chosen, there.visible_to == EVERYONE)
    newest = select(there.post_id, there.published_at).where(chosen).order_by(there.published_at.desc())
    limited = newest.order_by(there.post_id.desc()).limit(POSTS_LOOKED_AT).correlate(Post).subquery()
    return select(limited.c.post_id, limited.c.published_at)
