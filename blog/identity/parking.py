"""Forms that were sent while signed out: sealed, kept for a day, given back to their writer only."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Delete, Update, delete, select, update

from blog.db import Parked, db, writing
from blog.identity.people import Key
from blog.identity.sealing import Seal

KEPT_FOR = timedelta(hours=24)
PER_PERSON = 20  # the oldest gives way: whoever holds a form token cannot fill the disk with it
PURPOSE = "parked form"


@dataclass(frozen=True, slots=True)
class ParkedForm:
    """One form as it was sent.

    :param path: the local path it was sent to, which shows the same form on GET.
    :param fields: its fields in order, names and values.
    """

    id: str
    path: str
    fields: list[tuple[str, str]]
    sent_at: datetime


def park(seal: Seal, *, person_ref: str, path: str, fields: list[tuple[str, str]], now: datetime) -> str:
    """Keep a form for this person.

    :param person_ref: whose, as :meth:`Seal.ref` names them.
    :return: the id it can be asked for with; it opens nothing without logging in as the same person.
    """
    parked_id = secrets.token_urlsafe(16)
    data = seal.close(PURPOSE, parked_id, {"path": path, "fields": fields, "sent_at": now.isoformat()})
    with writing() as session:
        session.execute(delete(Parked).where(Parked.expires_at <= now))
        kept = select(Parked.id).where(Parked.person_ref == person_ref).order_by(Parked.expires_at.desc())
        crowded_out = session.scalars(kept.offset(PER_PERSON - 1)).all()
        session.execute(delete(Parked).where(Parked.id.in_(crowded_out)))
        session.add(Parked(id=parked_id, person_ref=person_ref, data=data, expires_at=now + KEPT_FOR))
    return parked_id


def of_person(seal: Seal, *, person_ref: str, now: datetime) -> list[ParkedForm]:
    """List what is kept for this person, newest first."""
    mine = select(Parked).where(Parked.person_ref == person_ref, Parked.expires_at > now)
    opened = [_open(seal, row) for row in db.session.scalars(mine.order_by(Parked.expires_at.desc()))]
    return [form for form in opened if form]


def find(seal: Seal, parked_id: str, *, person_ref: str, now: datetime) -> ParkedForm | None:
    """Give one form back, if it is kept and this person's."""
    mine = select(Parked).where(Parked.id == parked_id, Parked.person_ref == person_ref, Parked.expires_at > now)
    row = db.session.scalar(mine)
    return _open(seal, row) if row else None


def discard(parked_id: str, *, person_ref: str) -> None:
    """Forget a form that has been saved by now."""
    with writing() as session:
        session.execute(delete(Parked).where(Parked.id == parked_id, Parked.person_ref == person_ref))


def person_ref(seal: Seal, key: Key) -> str:
    """Refer to a person where the key itself must not be read: in form tokens, parked forms and logs."""
    return seal.ref("form", *key)


def giving(seal: Seal, old: Key, new: Key) -> Update:
    """Make the statement that gives somebody's forms to the key they have now."""
    theirs = update(Parked).where(Parked.person_ref == person_ref(seal, old))
    return theirs.values(person_ref=person_ref(seal, new))


def dropping(seal: Seal, key: Key) -> Delete:
    """Make the statement that drops all of somebody's forms."""
    return delete(Parked).where(Parked.person_ref == person_ref(seal, key))


def _open(seal: Seal, row: Parked) -> ParkedForm | None:
    if (data := seal.open(PURPOSE, row.id, row.data)) is None:
        return None  # sealed with another SECRET_KEY
    fields = [(name, value) for name, value in data["fields"]]
    return ParkedForm(row.id, data["path"], fields, datetime.fromisoformat(data["sent_at"]))
