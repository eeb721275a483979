"""What is kept of a key beside posts: sessions, and forms that were parked; ended, dropped, or taken along.

A table that knows people by their key gets a statement in each of the functions here, and a number in `Traces`.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Delete, Update, func, select
from sqlalchemy.orm import Session

from blog.db import LoginSession, Parked, db
from blog.identity import parking, sessions
from blog.identity.people import Key
from blog.identity.sealing import Seal


class Traces(NamedTuple):
    """What there is, or was, in numbers.

    :param sessions: browsers in which they are logged in.
    :param parked: forms of theirs that wait for them.
    """

    sessions: int = 0
    parked: int = 0


def count(seal: Seal, key: Key) -> Traces:
    """Tell what is kept of somebody."""
    logins = select(func.count()).select_from(LoginSession).where(LoginSession.key_ref == seal.ref("key", *key))
    forms = select(func.count()).select_from(Parked).where(Parked.person_ref == parking.person_ref(seal, key))
    return Traces(db.session.scalar(logins) or 0, db.session.scalar(forms) or 0)


def drop(transaction: Session, seal: Seal, key: Key) -> Traces:
    """End somebody's sessions and drop their forms, in a transaction of ``db.writing``; tell how many."""
    return Traces(_end_sessions(transaction, seal, key), _rows(transaction, parking.dropping(seal, key)))


def take_along(transaction: Session, seal: Seal, old: Key, new: Key) -> Traces:
    """End the sessions of a key that is no longer somebody's, and give their forms to their new one; tell how many.

    Sessions cannot go along: they say who holds them, sealed, in the provider's own words of then.
    """
    return Traces(_end_sessions(transaction, seal, old), _rows(transaction, parking.giving(seal, old, new)))


def _end_sessions(transaction: Session, seal: Seal, key: Key) -> int:
    return _rows(transaction, sessions.ending(seal, key.issuer, author_id=key.id))


def _rows(transaction: Session, statement: Delete | Update) -> int:
    done = transaction.execute(statement, execution_options={"synchronize_session": False})
    return int(done.rowcount)  # type: ignore[attr-defined]
