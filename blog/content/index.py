"""The index of the search: one row for each post that is published, or due to be, written with it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, and_, bindparam, insert, select
from sqlalchemy import delete as delete_from
from sqlalchemy.orm import Session

from blog.content import words
from blog.content.details import NOTE
from blog.content.markup import plain
from blog.content.readers import GROUPS
from blog.db import Post, PostGroup, PostTag, Searchable, db, writing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACES = 2**20  # in a millisecond: as many posts can be published at once, and stand in the order of their ids
_FARTHEST = 2**42  # milliseconds from 1970, about 139 years: more do not fit into a number of the database
_AT_ONCE = 500  # posts in one statement

_NONE: Mapping[int, Any] = {}

# Every save runs these: made once, and of the tables, they cost an eighth.
_index, _tagged = (cast(Table, each.__table__) for each in (Searchable, PostTag))
_IDS: Any = bindparam("ids", expanding=True)
_DROP = delete_from(_index).where(_index.c.post_id.in_(_IDS))
_KEEP = insert(_index)
_TAGS = select(_tagged.c.post_id, _tagged.c.tag_id).where(_tagged.c.post_id.in_(_IDS))


class Text(NamedTuple):
    """What of a post's text is in the index: as it is read, and its words."""

    plain: str
    words: str


def read(body_html: str) -> Text:
    """Make of a text what is in the index.

    :param body_html: as `text.render` returns it; pictures in it may be dressed, or not.
    """
    text = plain(body_html)
    return Text(text, words.stream(text))


def place(moment: datetime, post_id: int = 0) -> int:
    """Tell where a post that is published at a moment stands in the order of publication; no two stand in one."""
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    return max(-_FARTHEST, min(_FARTHEST, milliseconds)) * PLACES + post_id % PLACES


def tag_mark(number: int) -> str:
    """Give what posts with a tag are found by.

    :param number: of the tag, or of one that was merged into it.
    """
    return f"{words.MARK}t{number}"


def audience_mark(visible_to: str, group: str = "") -> str:
    """Give what posts for an audience are found by; a post for several groups has one for each."""
    named = hashlib.sha256(group.encode()).hexdigest()[:16] if visible_to == GROUPS else ""
    return f"{words.MARK}{visible_to[0]}{named}"


def title_mark(word: str) -> str:
    """Give what posts with a word in their title are found by: sooner than by the word, if it is in many texts."""
    return f"{words.MARK}w{word}"


def follow(session: Session, post_ids: Collection[int]) -> None:
    """Bring the index in step with posts, whatever has become of them, in the transaction that changes them.

    Whatever writes the title, text, tags, audience or time of publishing of posts calls this at its end. A post that is
    deleted takes its row along.

    :param session: of ``db.writing``.
    """
    ids = list(post_ids)
    for at in range(0, len(ids), _AT_ONCE):
        _follow(session, ids[at : at + _AT_ONCE])


def _follow(session: Session, post_ids: Collection[int]) -> None:
    session.execute(_DROP, {"ids": list(post_ids)})
    posts = session.execute(_texts(), {"ids": list(post_ids)}).all()
    begin(session, posts, _tag_ids(session, posts))


def follow_one(session: Session, post: Post) -> None:
    """Bring the index in step with a post that is at hand, and stored as it is, likewise."""
    session.execute(_DROP, {"ids": [post.id]})
    if post.published_at:
        begin(session, [post], _tag_ids(session, [post]))


def begin(
    session: Session,
    posts: Sequence[Post | Any],
    tag_ids: Mapping[int, Iterable[int]],
    known: Mapping[int, Text] = _NONE,
) -> None:
    """Put posts into the index that are not there yet, where they are published, or due to be.

    :param tag_ids: the numbers of each one's tags, if it has any, by its id.
    :param known: what `read` gives for some of these posts, where somebody has asked it already.
    """
    if posts := [post for post in posts if post.published_at]:
        marks = _marks(session, posts, tag_ids)
        rows = [_row(post, known.get(post.id), marks[post.id]) for post in posts]
        rows.sort(key=itemgetter("place"))  # before one that is not the last, FTS5 writes down all it has
        session.execute(_KEEP, rows)


@cache
def _texts() -> Any:
    chosen = select(Post.id, Post.kind, Post.title, Post.body_html, Post.published_at, Post.visible_to)
    return chosen.where(Post.id.in_(_IDS), Post.published_at.is_not(None))


def _tag_ids(session: Session, posts: Sequence[Post | Any]) -> dict[int, list[int]]:
    found = defaultdict[int, list[int]](list)
    for post_id, tag_id in session.execute(_TAGS, {"ids": [post.id for post in posts]}) if posts else ():
        found[post_id].append(tag_id)
    return found


def _marks(session: Session, posts: Sequence[Any], tag_ids: Mapping[int, Iterable[int]]) -> dict[int, list[str]]:
    """Collect what these posts are found by beside their words."""
    limited = [post.id for post in posts if post.visible_to == GROUPS]
    marks = {post.id: [] if post.visible_to == GROUPS else [audience_mark(post.visible_to)] for post in posts}
    for post_id in marks:
        marks[post_id] += map(tag_mark, tag_ids.get(post_id, ()))
    for post_id, group in _groups(session, limited):
        marks[post_id].append(audience_mark(GROUPS, group))
    return marks


def _groups(session: Session, post_ids: Collection[int]) -> Iterable[Any]:
    if not post_ids:
        return ()
    return session.execute(select(PostGroup.post_id, PostGroup.name).where(PostGroup.post_id.in_(post_ids)))


def _row(post: Any, text: Text | None, marks: Iterable[str]) -> dict[str, Any]:
    text = text or read(post.body_html)
    title = "" if post.kind == NOTE else post.title  # a note's are its first words
    in_title = map(title_mark, sorted({*words.tokens(title)}))
    return {
        "place": place(post.published_at, post.id),
        "post_id": post.id,
        "words_version": words.VERSION,
        "title_words": words.stream(title, *in_title, *marks),
        "words": text.words,
        "text": text.plain,
    }


def renew(*, at_once: int = 100) -> int:
    """Put into the index what is missing there, or was put there by an older version; safe to repeat and to break off.

    :param at_once: how many posts are looked at in one transaction.
    :return: how many posts that were.
    """
    done, after = 0, 0
    while ids := _outdated(after, at_once):
        with writing() as session:
            follow(session, ids)
        done, after = done + len(ids), ids[-1]
    return done


def _outdated(after: int, limit: int) -> Sequence[int]:
    there = and_(Searchable.post_id == Post.id, Searchable.words_version == words.VERSION)
    outdated = and_(Post.published_at.is_not(None), Searchable.post_id.is_(None))
    chosen = select(Post.id).outerjoin(Searchable, there).where(Post.id > after, outdated)
    return db.session.scalars(chosen.order_by(Post.id).limit(limit)).all()
