"""Whose posts are whose: counting them, moving them from key to key, and what becomes of a gone author's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, not_, or_, select, tuple_, update
from sqlalchemy import delete as delete_from
from sqlalchemy.orm import Session, aliased

from blog.content import comments, index, old_paths, tags
from blog.content.posts import AuthorKey
from blog.content.readers import EVERYONE, named_there
from blog.db import OldPath, Post, PostAuthor, Slug, db, tell_caches
from blog.errors import Invalid

_IN_BULK = {"synchronize_session": False}  # the transaction has loaded nothing that would have to follow


class Holding(NamedTuple):
    """What somebody has written, in numbers.

    :param posts: all of them; those that are neither live nor drafts are due later.
    :param limited: those that are not for everyone, live or not.
    :param first_at: when the first of them was made, and `last_at` the last (aware UTC); None when there are none.
    :param coauthored: posts of others that name them as an author, or ask them to be named.
    """

    key: AuthorKey
    posts: int = 0
    live: int = 0
    drafts: int = 0
    limited: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    coauthored: int = 0


class Move(NamedTuple):
    """One wish: what the old key has shall be the new key's.

    :param where: in the operator's list, as in "line 3"; empty when there is no list.
    """

    old: AuthorKey
    new: AuthorKey
    where: str = ""


class Moved(NamedTuple):
    """What became another key's: so many posts, and its name above so many of others."""

    posts: int
    coauthored: int


class Deleted(NamedTuple):
    """What became of posts that were deleted.

    :param posts: how many.
    :param addresses: how many addresses are kept as tombstones.
    :param coauthored: above how many posts of others the name stands no more.
    """

    posts: int
    addresses: int
    coauthored: int = 0


# -- counting ---------------------------------------------------------------------------------------------------------


def holdings(*, now: datetime, issuer: str | None = None) -> list[Holding]:
    """List everybody who has posts, or is named above those of others, in the order of their keys; for the operator.

    :param issuer: only those of this one.
    """
    live, draft = Post.published_at <= now, Post.published_at.is_(None)
    counted = select(
        Post.author_issuer,
        Post.author_id,
        func.count(),
        func.count(case((live, 1))),
        func.count(case((draft, 1))),
        func.count(case((Post.visible_to != EVERYONE, 1))),
        func.min(Post.created_at),
        func.max(Post.created_at),
    ).group_by(Post.author_issuer, Post.author_id)
    if issuer is not None:
        counted = counted.where(Post.author_issuer == issuer)
    found = {(row[0], row[1]): Holding((row[0], row[1]), *row[2:]) for row in db.session.execute(counted)}
    for key, coauthored in _coauthored(issuer).items():
        found[key] = found.get(key, Holding(key))._replace(coauthored=coauthored)
    return [found[key] for key in sorted(found)]


def _coauthored(issuer: str | None = None) -> dict[AuthorKey, int]:
    """Count above how many posts of others people are named."""
    key = (PostAuthor.author_issuer, PostAuthor.author_id)
    counted = (
        select(*key, func.count())
        .join(Post, Post.id == PostAuthor.post_id)
        .where(PostAuthor.author_id.is_not(None), tuple_(*key) != tuple_(Post.author_issuer, Post.author_id))
        .group_by(*key)
    )
    if issuer is not None:
        counted = counted.where(PostAuthor.author_issuer == issuer)
    return {(row[0] or "", row[1] or ""): row[2] for row in db.session.execute(counted)}


def holding(key: AuthorKey, *, now: datetime) -> Holding | None:
    """Tell what somebody has written; None when that is nothing."""
    return next((each for each in holdings(now=now, issuer=key[0]) if each.key == key), None)


# -- moving -----------------------------------------------------------------------------------------------------------


def check(moves: Sequence[Move], *, merging: bool = False) -> None:
    """Look whether all of these can be done together; ask once more in the transaction that does them.

    :param merging: several keys may become one, and one that has posts already.
    :raises Invalid: under each move's place in the list, with what is wrong with it.
    """
    counts = _counts()
    olds, news = Counter(move.old for move in moves), Counter(move.new for move in moves)
    problems: dict[str, str] = {}
    for move in moves:
        if wrong := _wrong(move, olds, counts) or ("" if merging else _wrong_unless_merging(move, news, counts)):
            problems[move.where] = wrong
    if not moves:
        problems[""] = "there is nothing to move"
    if problems:
        raise Invalid(problems)


def _counts() -> dict[AuthorKey, int]:
    rows = db.session.execute(
        select(Post.author_issuer, Post.author_id, func.count()).group_by(Post.author_issuer, Post.author_id)
    )
    return dict.fromkeys(comments.counts(), 0) | _coauthored() | {(row[0], row[1]): row[2] for row in rows}


def _wrong(move: Move, olds: Counter[AuthorKey], counts: dict[AuthorKey, int]) -> str:
    if move.old == move.new:
        return f"{_told(move.old)} is both the old and the new key"
    if olds[move.old] > 1:
        return f"{_told(move.old)} stands there more than once as an old key"
    if move.new in olds:
        return f"{_told(move.new)} is an old key here and a new one there, a chain or a circle: go step by step"
    return "" if move.old in counts else f"nobody with the key {_told(move.old)} has posts here"


def _wrong_unless_merging(move: Move, news: Counter[AuthorKey], counts: dict[AuthorKey, int]) -> str:
    if news[move.new] > 1:
        return f"more than one key would become {_told(move.new)}; that is a merge"
    return f"{_told(move.new)} has posts already; to put them together is a merge" if counts.get(move.new) else ""


def _told(key: AuthorKey) -> str:
    return f"{key[1]} of {key[0]}"


def move(transaction: Session, moves: Sequence[Move]) -> list[Moved]:
    """Make all posts of each old key the new one's, and its name above those of others; their texts, addresses and
    versions stay. Tell how many, in order.

    :param transaction: of ``db.writing``; do the rest of what it has to do before, as caches are told here.
    """
    moved = [(_move_names(transaction, wish), _move(transaction, wish)) for wish in moves]
    if any(published_at for each in moved for part in each for published_at in part):
        tell_caches(transaction)
    return [Moved(len(posts), len(names)) for names, posts in moved]


def _move(transaction: Session, wish: Move) -> Sequence[datetime | None]:
    theirs = update(Post).where(_by(wish.old)).values(author_issuer=wish.new[0], author_id=wish.new[1])
    return transaction.execute(theirs.returning(Post.published_at), execution_options=_IN_BULK).scalars().all()


def _move_names(transaction: Session, wish: Move) -> Sequence[datetime | None]:
    """Put the new key where the old one is named; where both are, one is left, who agreed if either did.

    :return: when the posts of others were published that named the old one.
    """
    touched = transaction.execute(_named_by_others(wish.old)).scalars().all()
    same, there = aliased(PostAuthor), named_there(wish.old)
    old = and_(same.post_id == PostAuthor.post_id, same.author_issuer == wish.old[0], same.author_id == wish.old[1])
    new = and_(same.post_id == PostAuthor.post_id, same.author_issuer == wish.new[0], same.author_id == wish.new[1])
    answer = select(same.agreed_at).where(old, same.agreed_at.is_not(None))
    unanswered = update(PostAuthor).where(named_there(wish.new), PostAuthor.agreed_at.is_(None), answer.exists())
    for statement in (
        unanswered.values(agreed_at=answer.scalar_subquery()),
        delete_from(PostAuthor).where(there, select(same.post_id).where(new).exists()),
        update(PostAuthor).where(there).values(author_issuer=wish.new[0], author_id=wish.new[1]),
    ):
        transaction.execute(statement, execution_options=_IN_BULK)
    return touched


def _named_by_others(key: AuthorKey) -> Select[datetime | None]:
    return select(Post.published_at).join(Post.author_rows).where(named_there(key), not_(_by(key)))


def unpublish(transaction: Session, key: AuthorKey, *, now: datetime) -> int:
    """Take back all that somebody has published, or will have; it stays as drafts. Tell how many.

    :param transaction: of ``db.writing``.
    """
    public = update(Post).where(_by(key), Post.published_at.is_not(None))
    seen = case((Post.published_at <= now, now), else_=Post.unpublished_at)  # what was due later is a draft again
    drafts = public.values(published_at=None, unpublished_at=seen, updated_at=now, version=Post.version + 1)
    taken_back = transaction.execute(drafts.returning(Post.id), execution_options=_IN_BULK).scalars().all()
    if taken_back:
        tags.follow(transaction, _by(key))
        index.follow(transaction, taken_back)
        tell_caches(transaction)
    return len(taken_back)


def delete(transaction: Session, key: AuthorKey, *, drafts_only: bool = False) -> Deleted:
    """Delete somebody's posts, and take their name off those of others, of which whoever holds them is the author then.

    Addresses at which their own were public are kept, leading nowhere, as with any post.

    :param transaction: of ``db.writing``.
    :param drafts_only: leave what is published, or is due to be, and the name where readers see it above others' posts.
    """
    doomed = and_(_by(key), Post.published_at.is_(None)) if drafts_only else _by(key)
    named = _take_off(transaction, key, unseen_only=drafts_only)
    old_paths.let_go(transaction, doomed)
    ids = select(Post.id).where(doomed)
    left = (select(func.count()).where(each.post_id.in_(ids)).scalar_subquery() for each in (Slug, OldPath))
    tombstones = sum(transaction.execute(select(*left)).one())
    gone = transaction.execute(delete_from(Post).where(doomed).returning(Post.published_at), execution_options=_IN_BULK)
    published = gone.scalars().all()
    if any(published) or any(named):
        tell_caches(transaction)
    return Deleted(len(published), tombstones, len(named))


def _take_off(transaction: Session, key: AuthorKey, *, unseen_only: bool) -> Sequence[datetime | None]:
    """Take somebody's name off the posts of others; tell when those were published."""
    post = select(Post.published_at).where(Post.id == PostAuthor.post_id)
    gone = delete_from(PostAuthor).where(named_there(key), post.where(not_(_by(key))).exists())
    if unseen_only:
        gone = gone.where(or_(PostAuthor.agreed_at.is_(None), post.where(Post.published_at.is_(None)).exists()))
    returned = gone.returning(post.scalar_subquery())
    return transaction.execute(returned, execution_options=_IN_BULK).scalars().all()


def _by(key: AuthorKey) -> ColumnElement[bool]:
    return and_(Post.author_issuer == key[0], Post.author_id == key[1])
