"""Handles: the addresses of authors' pages, made or picked, and kept for good."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from blog.content import slugs
from blog.content.typed import line
from blog.db import Handle, Post, ask, db, tell_caches, writing
from blog.errors import Invalid, NotFound, Taken, Words

AuthorKey = tuple[str, str]  # issuer and id

SHORTEST, LONGEST = 3, 40  # characters
MOST = 10  # that one author can have had: every one is kept, so nobody may keep all the good ones
RESERVED = slugs.RESERVED | frozenset(
    "all anonymous byline editor editors everybody everyone former-author guest me moderator nobody null"
    " operator owner reader readers root staff support system team undefined unknown webmaster you".split()
)
"""Handles that nobody can pick: they would seem to be somebody else's, or the site's."""
_TYPED_LONGEST = 200
_FORM = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def of(author_key: AuthorKey) -> str | None:
    """Tell the handle an author has now; None for who has none yet."""
    return _current(db.session(), author_key)


def found(asked: Collection[str]) -> dict[str, tuple[AuthorKey, str]]:
    """Find whose pages are at these handles, which they may have had before, in letters of any case; with one query.

    :param asked: as they came in a form, so possibly anything.
    :return: for each that is somebody's, in small letters: their key, and the handle they have now.
    """
    fit = {small for handle in asked if len(small := handle.lower()) <= LONGEST and _FORM.fullmatch(small)}
    if not fit:
        return {}
    return {row[0]: ((row[1], row[2]), row[3]) for row in ask(_CURRENT_OF, {"handles": list(fit)})}


_same: Any = aliased(Handle)
_CURRENT_OF = (
    select(_same.handle, Handle.author_issuer, Handle.author_id, Handle.handle)
    .join(
        _same,
        and_(Handle.author_issuer == _same.author_issuer, Handle.author_id == _same.author_id, Handle.current),
    )
    .where(_same.handle.in_(bindparam("handles", expanding=True)))
)


def at(handle: str) -> tuple[AuthorKey, str]:
    """Find whose page is at this handle, which they may have had before, in letters of any case.

    :param handle: as it came in the address, so possibly anything.
    :return: the author's key, and the handle they have now.
    :raises NotFound: when it is nobody's.
    """
    if not (there := found({handle})):
        raise NotFound
    return next(iter(there.values()))


def keep(session: Session, author_key: AuthorKey, handle: str, now: datetime) -> bool:
    """Give an author this handle, unless they have one; in the transaction that makes them an author.

    Should somebody have picked the very same one, theirs gets a number.

    :param handle: made of their key.
    :return: whether they had none.
    """
    if _current(session, author_key):
        return False
    for wanted in slugs.candidates(handle):
        if _add(session, author_key, wanted, now):
            return True
        if _current(session, author_key):  # another request was first
            return False
    raise AssertionError("candidates have no end")


def keep_all(session: Session, made: Mapping[AuthorKey, str], now: datetime) -> None:
    """Give handles to many authors at once, likewise.

    :param made: the handle that is made of each key.
    """
    theirs = Handle.author_issuer, Handle.author_id
    there = session.execute(select(*theirs).where(tuple_(*theirs).in_(made), Handle.current)) if made else ()
    have = {(row[0], row[1]) for row in there}
    rows = [_row(key, handle, now) for key, handle in made.items() if key not in have]
    if not rows:
        return
    try:
        with session.begin_nested():
            session.execute(insert(Handle), rows)
    except IntegrityError:  # for one of them
        for key, handle in made.items():
            keep(session, key, handle, now)


def pick(author_key: AuthorKey, typed: str, *, now: datetime) -> str:
    """Let an author have the handle they typed; the ones they had go on leading to their page.

    :return: the handle as it is now, in small Latin letters, digits and hyphens.
    :raises Invalid: under ``handle``, when it cannot be one, is somebody else's, or they have had too many.
    :raises Taken: when others were faster again and again.
    """
    wanted = _settled(typed)
    for _ in range(MOST):
        # Fails when somebody takes it meanwhile, or its author another one in another tab; next time that is seen.
        with suppress(IntegrityError):
            _pick(author_key, wanted, now)
            return wanted
    raise Taken


def give(handle_of: Callable[[AuthorKey], str], *, now: datetime) -> int:
    """Give a handle to every author who has none: those from before there were any, or who came past the doors.

    :param handle_of: makes one of a key.
    :return: how many got one.
    """
    there = select(Post.author_issuer, Post.author_id).distinct().where(~Post.handle_row.has())
    with writing() as session:
        keys = [(row[0], row[1]) for row in session.execute(there)]
        given = sum(keep(session, key, handle_of(key), now) for key in keys)
        if given:
            tell_caches(session)
    return given


def take_along(session: Session, old: AuthorKey, new: AuthorKey) -> None:
    """Let the handles of a key that is no longer somebody's lead to the page of their new one."""
    values: dict[str, Any] = {"author_issuer": new[0], "author_id": new[1]}
    if _current(session, new):
        values["current"] = False
    session.execute(update(Handle).where(*_theirs(old)).values(values))


def drop(session: Session, author_key: AuthorKey) -> None:
    """Forget an author's handles: one that they picked may be their name."""
    session.execute(delete(Handle).where(*_theirs(author_key)))


def _settled(typed: str) -> str:
    text = line(typed, "handle", longest=_TYPED_LONGEST)
    wanted = slugs.latin(text)
    if not SHORTEST <= len(wanted) <= LONGEST:
        sizes = {"shortest": SHORTEST, "longest": LONGEST}
        needs = Words("It needs %(shortest)s to %(longest)s letters, digits and hyphens.", **sizes)
        if wanted:
            needs = Words(
                "It needs %(shortest)s to %(longest)s letters, digits and hyphens; "
                "this makes “%(made)s”, which has %(size)s.",
                made=wanted,
                size=len(wanted),
                **sizes,
            )
        raise Invalid({"handle": needs})
    if wanted in RESERVED:
        raise Invalid({"handle": Words("“%(slug)s” is kept for the site itself. Choose another one.", slug=wanted)})
    return wanted


def _pick(author_key: AuthorKey, wanted: str, now: datetime) -> None:
    with writing() as session:
        holders = select(Handle.author_issuer, Handle.author_id).where(Handle.handle == wanted)
        holder = session.execute(holders).one_or_none()
        if holder and tuple(holder) != author_key:
            raise Invalid({"handle": Words("“%(slug)s” is taken. Choose another one.", slug=wanted)})
        if _current(session, author_key) == wanted:
            return
        if not holder:
            _must_have_room(session, author_key)
        session.execute(update(Handle).where(*_theirs(author_key), Handle.current).values(current=False))
        if holder:
            session.execute(update(Handle).where(Handle.handle == wanted).values(current=True))
        else:
            session.execute(insert(Handle).values(_row(author_key, wanted, now)))
        tell_caches(session)


def _must_have_room(session: Session, author_key: AuthorKey) -> None:
    had = session.scalar(select(func.count()).select_from(Handle).where(*_theirs(author_key))) or 0
    if had >= MOST:
        raise Invalid(
            {
                "handle": Words(
                    "You have had %(had)s addresses, and each is kept for you. Choose one of them again.", had=had
                )
            }
        )


def _add(session: Session, author_key: AuthorKey, handle: str, now: datetime) -> bool:
    """Try to take a handle; as with slugs, looking first would lose against who takes it meanwhile."""
    try:
        with session.begin_nested():
            session.execute(insert(Handle).values(_row(author_key, handle, now)))
    except IntegrityError:
        return False
    return True


def _row(author_key: AuthorKey, handle: str, now: datetime) -> dict[str, Any]:
    issuer, author_id = author_key
    return {"handle": handle, "author_issuer": issuer, "author_id": author_id, "current": True, "created_at": now}


def _current(session: Session, author_key: AuthorKey) -> str | None:
    issuer, author_id = author_key
    handle: str | None = session.scalar(_CURRENT, {"issuer": issuer, "id": author_id})
    return handle


_table: Any = Handle.__table__  # every new post asks this: made once, of the table, it costs an eighth
_CURRENT = select(_table.c.handle).where(
    _table.c.author_issuer == bindparam("issuer"), _table.c.author_id == bindparam("id"), _table.c.current
)


def _theirs(author_key: AuthorKey) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Handle.author_issuer == author_key[0], Handle.author_id == author_key[1]
