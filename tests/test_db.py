"""The database handle: how reads and writes begin and end."""

from contextlib import suppress

import pytest
from sqlalchemy import event, select, text

from blog.db import Site, db, writing


@pytest.fixture
def statements(database):
    """Every statement that reaches the database, in order."""
    seen = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: seen.append(call[2]))
    return seen


def in_transaction():
    connection = db.session.connection().connection.driver_connection
    if db.engine.dialect.name == "sqlite":
        return connection.in_transaction
    return connection.info.transaction_status.name == "INTRANS"


def test_reads_hold_no_transaction(database):
    db.session.scalars(select(Site)).all()
    assert not in_transaction()


def test_a_write_is_one_transaction_from_its_first_read_on(database, statements):
    with writing() as session:
        session.scalars(select(Site)).all()
        assert in_transaction()
    assert not in_transaction()
    if db.engine.dialect.name == "sqlite":
        assert statements[0] == "BEGIN IMMEDIATE"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_is_set_up_for_many_readers_and_for_power_cuts(database):
    settings = {name: db.session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")}
    assert settings == {"journal_mode": "wal", "synchronous": 2}
    assert db.session.scalar(text("PRAGMA busy_timeout")) == 5000
    assert db.session.scalar(text("PRAGMA foreign_keys")) == 1


def fail_while_writing():
    """Change the site, fail, and give back what was loaded in between."""
    loaded = []
    with suppress(ZeroDivisionError), writing() as session:
        loaded.append(session.get(Site, 1))
        session.execute(text("UPDATE site SET version = 9"))
        raise ZeroDivisionError
    return loaded[0]


def test_a_write_that_fails_leaves_nothing_behind(database):
    fail_while_writing()
    assert db.session.scalar(select(Site.version)) == 1


def test_what_was_loaded_stays_readable_when_a_write_fails(database, statements):
    before = db.session.get(Site, 1)
    inside = fail_while_writing()
    del statements[:]
    assert before.version == inside.version == 1
    assert statements == []
