"""What may be used once only, such as the state of a login, in all processes together."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import IntegrityError

from blog.db import Spent, writing


def spend(ref: str, *, until: datetime) -> bool:
    """Use this up.

    :param ref: a hash of the thing, at most 64 characters.
    :param until: when it would have expired anyway and may be forgotten (aware UTC).
    :return: True for the first to come, False for everybody after.
    """
    try:
        with writing() as session:
            session.add(Spent(ref=ref, expires_at=until))
            session.flush()
    except IntegrityError:
        return False
    return True
