"""What may be used once only, such as the state of a login, in all processes together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from blog.db import Spent, writing
from blog.errors import Taken


def spend(ref: str, *, until: datetime) -> bool:
    """Use this up.

    :param ref: a hash of the thing, at most 64 characters.
    :param until: when it would have expired anyway and may be forgotten (aware UTC).
    :return: True for the first to come, False for everybody after.
    """
    try:
        with spending(ref, until=until):
            return True
    except Taken:
        return False


@contextmanager
def spending(ref: str, *, until: datetime) -> Iterator[Session]:
    """Use this up together with what is written inside: both are kept, or neither.

    :param ref: as for :func:`spend`, and so is `until`.
    :return: the session of the one transaction.
    :raises Taken: it was used before, and what is inside is not done.
    """
    with writing() as session:
        session.add(Spent(ref=ref, expires_at=until))
        try:
            session.flush()
        except IntegrityError:
            raise Taken("used before") from None
        yield session
