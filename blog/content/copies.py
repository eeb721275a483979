"""Copies of what is being typed and has not been saved: one for each open form, for whoever types and nobody else."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from blog.db import Copy, db, writing
from blog.errors import Forbidden, Invalid, Taken, Words

AuthorKey = tuple[str, str]  # issuer and id
Fields = Sequence[tuple[str, str]]

KEPT_FOR = timedelta(days=30)
PER_PERSON = 50  # the oldest gives way
LONGEST = 600_000  # bytes: more than a body that can be saved, so that one that is too long is kept while it is cut


class Draftable(Protocol):
    """What a copy has to know of the post it belongs to."""

    id: Any
    version: Any
    title: Any
    body_md: Any


class Form(NamedTuple):
    """An open form that somebody types into.

    :param id: of the form, up to 64 letters, digits, ``-`` and ``_``; every page that shows one has a new one.
    :param continues: the copy that this form showed at first, as `Kept.ref` named it.
    """

    writer: AuthorKey
    id: str | None
    continues: str | None = None


class Kept(NamedTuple):
    """A copy as it is kept.

    :param fields: names and values in order.
    :param version: of the post that it started from; None for a new post.
    :param base: title and body of that version, where they are known.
    :param kept_at: when it was typed, or a few seconds later (aware UTC).
    """

    form_id: str
    fields: list[tuple[str, str]]
    version: int | None
    base: tuple[str, str] | None
    kept_at: datetime

    @property
    def ref(self) -> str:
        """Name this copy as it is now: a form that shows it puts itself in its place, unless it moved on elsewhere."""
        return f"{self.form_id}.{(self.kept_at - _EPOCH) // timedelta(microseconds=1)}"

    @property
    def title(self) -> str:
        """What stands in the field of the title."""
        return dict(self.fields).get("title", "")


# -- keeping ----------------------------------------------------------------------------------------------------------


def keep(
    form: Form,
    fields: Fields,
    *,
    now: datetime,
    post: Draftable | None = None,
    version: int | None = None,
    again: bool = False,
) -> datetime:
    """Keep what is in a form; the post itself is not touched.

    :param post: as it is stored now; None for a new one.
    :param version: of the post that the form started from.
    :param again: this form was kept before. When that copy is gone and the post has moved on, the form was saved
        since, and this comes late.
    :return: when it was kept.
    :raises Invalid: when it is longer than `LONGEST`, or the form has no id.
    :raises Forbidden: when somebody else types into the form of this id.
    :raises Taken: when this comes late.
    """
    if not _id(form.id):
        raise Invalid(Words("This form is damaged. Keep your text, open a new form and put it there."))
    text = json.dumps(list(map(list, fields)), ensure_ascii=False).encode("utf-8", "replace").decode()
    if len(text.encode()) > LONGEST:
        raise Invalid(Words("That is more than can be kept before it is saved: %(longest)s bytes.", longest=LONGEST))
    try:
        _keep(form, text, now=now, post=post, version=version, again=again)
    except IntegrityError:  # kept twice at the same moment: the other one was first, and is found now
        _keep(form, text, now=now, post=post, version=version, again=again)
    return now


def _keep(form: Form, text: str, *, now: datetime, post: Draftable | None, version: int | None, again: bool) -> None:
    with writing() as session:
        issuer, author_id = form.writer
        given = {"issuer": issuer, "id": author_id, "form": _id(form.id), "text": text, "now": now}
        if session.scalar(_KEEP_AGAIN, given) is None:
            row = session.get(Copy, _id(form.id))
            if row is None:
                if again and (post is None or post.version != version):
                    raise Taken
                row = _begin(session, form, post, version, now)
            elif (row.author_issuer, row.author_id) != form.writer:
                raise Forbidden
            row.fields, row.kept_at = text, now
        _leave_continued(session, form)


def _begin(session: Session, form: Form, post: Draftable | None, version: int | None, now: datetime) -> Copy:
    _make_room(session, form.writer, now)
    row = Copy(form_id=form.id, post_id=post.id if post else None, version=version, base=_base(session, form))
    if row.base is None and post and post.version == version:
        row.base = json.dumps([post.title, post.body_md], ensure_ascii=False)
    row.author_issuer, row.author_id = form.writer
    session.add(row)
    return row


def _base(session: Session, form: Form) -> str | None:
    """What the copy that this form continues had started from."""
    return session.scalar(select(Copy.base).where(_continued(form))) if form.continues else None


def _make_room(session: Session, writer: AuthorKey, now: datetime) -> None:
    session.execute(delete(Copy).where(Copy.kept_at <= now - KEPT_FOR))
    kept = select(Copy.form_id).where(_of(writer)).order_by(Copy.kept_at.desc())
    crowded_out = session.scalars(kept.offset(PER_PERSON - 1)).all()
    session.execute(delete(Copy).where(Copy.form_id.in_(crowded_out)))


def _leave_continued(session: Session, form: Form) -> None:
    if form.continues:
        session.execute(delete(Copy).where(_continued(form)), execution_options={"synchronize_session": False})


def end(session: Session, form: Form | None) -> None:
    """Drop the copy of a form that is saved, in the transaction that saves it; and the one it had shown at first."""
    if form:
        form_id, moment = _shown_at_first(form)
        issuer, author_id = form.writer
        given = {"issuer": issuer, "id": author_id, "form": _id(form.id), "continued": form_id, "moment": moment}
        session.execute(_END, given)


_copies: Any = Copy.__table__  # every save asks these: made once, of the table, they cost an eighth
_THEIRS = and_(_copies.c.author_issuer == bindparam("issuer"), _copies.c.author_id == bindparam("id"))
_KEEP_AGAIN = (
    update(_copies)
    .where(_copies.c.form_id == bindparam("form"), _THEIRS)
    .values(fields=bindparam("text"), kept_at=bindparam("now"))
    .returning(_copies.c.form_id)
)
_END = delete(_copies).where(
    _THEIRS,
    or_(
        _copies.c.form_id == bindparam("form"),
        and_(_copies.c.form_id == bindparam("continued"), _copies.c.kept_at == bindparam("moment")),
    ),
)


def discard(form: Form) -> None:
    """Drop what was typed into a form, as its writer wishes."""
    with writing() as session:
        end(session, form)


# -- finding ----------------------------------------------------------------------------------------------------------


def of_form(writer: AuthorKey, form_id: str | None, *, now: datetime, post_id: int | None = None) -> Kept | None:
    """Find the copy of one form.

    :param form_id: as it came with a request, so possibly anything.
    :param post_id: of the post it has to belong to; None for a new one.
    """
    belongs = Copy.post_id == post_id if post_id else Copy.post_id.is_(None)
    return _first(and_(_of(writer), Copy.form_id == _id(form_id), belongs, _fresh(now)))


def of_post(writer: AuthorKey, post_id: int, *, now: datetime) -> list[Kept]:
    """List what somebody typed into forms of one post and has not saved, newest first."""
    return _all(and_(_of(writer), Copy.post_id == post_id, _fresh(now)))


def of_new_posts(writer: AuthorKey, *, now: datetime) -> list[Kept]:
    """List what somebody typed into forms of new posts and has not saved, newest first."""
    return _all(and_(_of(writer), Copy.post_id.is_(None), _fresh(now)))


def base_of(form: Form) -> tuple[str, str] | None:
    """Tell the title and body that a form started from, if it was kept while they were known."""
    ids = {_id(form.id), _id((form.continues or "").partition(".")[0])}
    known = select(Copy.base).where(_of(form.writer), Copy.form_id.in_(ids), Copy.base.is_not(None))
    found = db.session.scalars(known.order_by(Copy.kept_at.desc()).limit(1)).first()
    return tuple(json.loads(found)) if found else None


def _first(wanted: ColumnElement[bool]) -> Kept | None:
    return next(iter(_all(wanted)), None)


def _all(wanted: ColumnElement[bool]) -> list[Kept]:
    return [_kept(row) for row in db.session.scalars(select(Copy).where(wanted).order_by(Copy.kept_at.desc()))]


def _kept(row: Copy) -> Kept:
    fields = [(name, text) for name, text in json.loads(row.fields)]
    base = json.loads(row.base) if row.base else None
    return Kept(row.form_id, fields, row.version, (base[0], base[1]) if base else None, row.kept_at)


# -- whose ------------------------------------------------------------------------------------------------------------


def take_along(session: Session, old: AuthorKey, new: AuthorKey) -> None:
    """Give somebody's copies to the key they have now."""
    session.execute(update(Copy).where(_of(old)).values(author_issuer=new[0], author_id=new[1]))


def drop(session: Session, writer: AuthorKey) -> None:
    """Drop all that somebody typed and did not save."""
    session.execute(delete(Copy).where(_of(writer)))


def count(writer: AuthorKey) -> int:
    """Tell how many copies are kept of somebody."""
    return db.session.scalar(select(func.count()).select_from(Copy).where(_of(writer))) or 0


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _of(writer: AuthorKey) -> ColumnElement[bool]:
    return and_(Copy.author_issuer == writer[0], Copy.author_id == writer[1])


def _fresh(now: datetime) -> ColumnElement[bool]:
    return Copy.kept_at > now - KEPT_FOR


def _continued(form: Form) -> ColumnElement[bool]:
    """The copy that a form showed at first, while it is as it was then."""
    form_id, moment = _shown_at_first(form)
    return and_(_of(form.writer), Copy.form_id == form_id, Copy.kept_at == moment)


def _shown_at_first(form: Form) -> tuple[str, datetime]:
    form_id, _, moment = (form.continues or "").partition(".")
    digits = moment if moment.isascii() and moment.isdigit() and len(moment) <= 17 else "0"
    return _id(form_id), _EPOCH + timedelta(microseconds=int(digits))


_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _id(text: str | None) -> str:
    """Give back what can be the id of a form; of anything else, one that no form has."""
    return text if text and _ID.fullmatch(text) else ""
