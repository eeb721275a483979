"""What may be used once only, on both kinds of database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from blog.db import Site, Spent, db
from blog.errors import Taken
from blog.identity import spending

LATER = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
CHANGE = update(Site).values(version=2)


def state():
    db.session.rollback()
    return db.session.scalar(select(Site.version)), db.session.scalars(select(Spent.ref)).all()


def test_only_the_first_to_come_may_use_it(database):
    assert [spending.spend(ref, until=LATER) for ref in ("a", "a", "b", "a")] == [True, False, True, False]


def test_what_is_written_along_is_kept_with_it(database):
    with spending.spending("a", until=LATER) as transaction:
        transaction.execute(CHANGE)
    assert state() == (2, ["a"])


def test_it_is_not_used_up_when_what_was_to_be_written_along_fails(database):
    def fail_halfway():
        with spending.spending("a", until=LATER) as transaction:
            transaction.execute(CHANGE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert state() == (1, [])
    assert spending.spend("a", until=LATER)


def test_nothing_is_written_along_a_second_time(database):
    spending.spend("a", until=LATER)
    with pytest.raises(Taken), spending.spending("a", until=LATER) as transaction:
        transaction.execute(CHANGE)
    assert state() == (1, ["a"])
