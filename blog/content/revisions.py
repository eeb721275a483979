"""Revisions: every text that a post had, by whom and when; written with each save that changes title or body."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, select, update
from sqlalchemy import delete as delete_from
from sqlalchemy.orm import Session, defer

from blog.db import Revision, db
from blog.errors import NotFound

AuthorKey = tuple[str, str]  # issuer and id

KEPT = 100  # of a post, unless a setting says otherwise
_IN_BULK = {"synchronize_session": False}  # the transaction has loaded no revision that would have to follow
_table: Any = (
    Revision.__table__
)  # every save writes one: a statement of the class, made anew, costs eight times as much
_of_post = _table.c.post_id == bindparam("post")
_NEWEST = select(func.max(_table.c.number)).where(_of_post)
_KEEP = insert(_table)
_DROP = delete_from(_table).where(_of_post, _table.c.number <= bindparam("last"))


def note(
    session: Session,
    post_id: int,
    text: tuple[str, str],
    before: tuple[str, str],
    *,
    by: AuthorKey | None,
    now: datetime,
    kept: int = KEPT,
) -> None:
    """Write down a text that a post has from now on; nothing happens when it had it before.

    :param session: the transaction that saves the post, in which nobody else does.
    :param text: title and body; `before`: those it had.
    :param by: who saved it; None when nobody knows.
    :param kept: how many of a post remain, the newest.
    """
    if text == before:
        return
    number = (session.scalar(_NEWEST, {"post": post_id}) or 0) + 1
    session.execute(_KEEP, [_row(post_id, number, text, before, by, now)])
    if number > kept:
        session.execute(_DROP, {"post": post_id, "last": number - kept})


def begin(session: Session, firsts: Iterable[tuple[int, tuple[str, str], AuthorKey, datetime]]) -> None:
    """Write down the first texts of posts that have just been made: of each its id, text, writer and moment."""
    session.execute(_KEEP, [_row(post_id, 1, text, ("", ""), by, now) for post_id, text, by, now in firsts])


def _row(  # noqa: PLR0917
    post_id: int, number: int, text: tuple[str, str], before: tuple[str, str], by: AuthorKey | None, now: datetime
) -> dict[str, Any]:
    added, removed = _words(before, text)
    issuer, author_id = by or (None, None)
    who = {"by_issuer": issuer, "by_id": author_id, "saved_at": now}
    what = {"title": text[0], "body_md": text[1], "added": added, "removed": removed}
    return {"post_id": post_id, "number": number, **who, **what}


def _words(before: tuple[str, str], after: tuple[str, str]) -> tuple[int, int]:
    """Count the words that are new and those that are gone; as two bags, which costs a long text nothing."""
    if not any(before):
        return sum(len(part.split()) for part in after), 0
    old, new = (Counter(word for part in text for word in part.split()) for text in (before, after))
    return (new - old).total(), (old - new).total()


def of_post(post_id: int, *, limit: int, before: int | None = None) -> Sequence[Revision]:
    """List what is kept of a post's texts, without their bodies, the newest first; who asks may edit the post.

    :param before: only those with a smaller number.
    """
    chosen = select(Revision).where(Revision.post_id == post_id).order_by(Revision.number.desc()).limit(limit)
    if before is not None:
        chosen = chosen.where(Revision.number < before)
    return db.session.scalars(chosen.options(defer(Revision.body_md, raiseload=True))).all()


def get(post_id: int, number: int) -> Revision:
    """Find one text of a post; who asks may edit the post.

    :raises NotFound: when it is not kept, or never was.
    """
    found = db.session.scalar(select(Revision).where(Revision.post_id == post_id, Revision.number == number))
    if found is None:
        raise NotFound
    return found


def take_along(session: Session, old: AuthorKey, new: AuthorKey) -> None:
    """Let what a key saved be what the same person's new one did; in a transaction of ``db.writing``."""
    theirs = update(Revision).where(_by(old)).values(by_issuer=new[0], by_id=new[1])
    session.execute(theirs, execution_options=_IN_BULK)


def drop(session: Session, author_key: AuthorKey) -> None:
    """Forget what somebody saved; the texts stay, as saved by nobody knows whom."""
    take = update(Revision).where(_by(author_key)).values(by_issuer=None, by_id=None)
    session.execute(take, execution_options=_IN_BULK)


def _by(key: AuthorKey) -> ColumnElement[bool]:
    return and_(Revision.by_issuer == key[0], Revision.by_id == key[1])
