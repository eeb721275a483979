"""The audit: what operators did with somebody's posts, by keyed hashes that only SECRET_KEY can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from blog.db import Audit, db
from blog.identity.people import Key
from blog.identity.sealing import Seal
from blog.identity.traces import Traces

NOTHING = Traces()


def note(
    transaction: Session,
    seal: Seal,
    action: str,
    key: Key,
    *,
    at: datetime,
    by: str,
    into: Key | None = None,
    posts: int = 0,
    traces: Traces = NOTHING,
) -> None:
    """Write one entry, in the transaction (of ``db.writing``) that does what it tells.

    :param action: a word of at most 20 letters.
    :param key: whom it was done to.
    :param into: who has the posts now.
    :param by: who did it: "cli".
    """
    transaction.add(
        Audit(
            at=at,
            action=action,
            by=by,
            key_ref=_ref(seal, key),
            into_ref=_ref(seal, into) if into else None,
            posts=posts,
            sessions=traces.sessions,
            parked=traces.parked,
        )
    )


def of_key(seal: Seal, key: Key) -> Sequence[Audit]:
    """List what was done with a key, on either side, the oldest first."""
    ref = _ref(seal, key)
    theirs = select(Audit).where(or_(Audit.key_ref == ref, Audit.into_ref == ref))
    return db.session.scalars(theirs.order_by(Audit.id)).all()


def _ref(seal: Seal, key: Key) -> str:
    return seal.ref("audit", *key)
