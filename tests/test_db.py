"""The database handle: how reads and writes begin and end."""

import time
from contextlib import suppress
from threading import Thread

import pytest
from sqlalchemy import Integer, column, create_engine, event, func, literal, select, text
from sqlalchemy.exc import OperationalError

from blog.db import Site, ask, ask_briefly, ask_within, db, one_connection, prepare, writing
from blog.questions import Question


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


@pytest.fixture
def beside(database):
    """Give a thread that will write."""

    def write():
        with database.app_context(), writing() as session:
            session.execute(text("UPDATE site SET version = version + 1"))

    return lambda: Thread(target=write, daemon=True)


def test_threads_that_write_to_sqlite_go_one_after_the_other_and_do_not_ask_it_in_vain(beside, statements):
    other = beside()
    with writing():
        other.start()
        other.join(0.3)
        on_sqlite = db.engine.dialect.name == "sqlite"
        assert other.is_alive() == on_sqlite
        assert statements.count("BEGIN IMMEDIATE") == on_sqlite
    other.join(5)
    assert db.session.scalar(select(Site.version)) == 2


def test_who_waits_longer_for_their_turn_than_sqlite_would_is_left_to_sqlite(beside, statements, monkeypatch):
    monkeypatch.setattr("blog.db.TURN_S", 0.01)
    other = beside()
    with writing():
        other.start()
        other.join(0.3)
        if db.engine.dialect.name == "sqlite":
            assert statements.count("BEGIN IMMEDIATE") == 2
    other.join(5)
    assert db.session.scalar(select(Site.version)) == 2


def test_sqlite_is_set_up_for_many_readers_and_for_power_cuts(tmp_path):
    prepare(engine := create_engine(f"sqlite:///{tmp_path}/blog.db"))
    with engine.connect() as connection:
        wanted = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        settings = [connection.scalar(text(f"PRAGMA {name}")) for name in wanted]
    engine.dispose()
    assert settings == ["wal", 2, 5000, 1]


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


ENDLESS = text(
    "WITH RECURSIVE each(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM each) SELECT number FROM each"
)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_question_without_end_is_answered_as_far_as_its_time_goes(database):
    began = time.thread_time()
    rows, more = ask_briefly(ENDLESS, {}, 0.02)
    assert more
    assert time.thread_time() - began < 2
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert ask_briefly(text("SELECT 1"), {}, 0.02) == ([(1,)], False)
    assert len(ask(text(f"{ENDLESS} LIMIT 100000"))) == 100_000
    with pytest.raises(OperationalError, match="no such table"):
        ask_briefly(text("SELECT 1 FROM nowhere"), {}, 0.02)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_question_is_answered_whole_or_not_at_all(database):
    endless = ENDLESS.columns(column("number", Integer)).subquery()
    began = time.thread_time()
    assert ask_within(Question(select(endless.c.number)), {}, 0.02) == ()
    assert ask_within(Question(select(func.count(endless.c.number))), {}, 0.02) == ()
    assert time.thread_time() - began < 2
    assert ask_within(Question(select(literal(1))), {}, 0.02) == [(1,)]
    assert len(ask(Question(select(endless.c.number).limit(100_000)))) == 100_000
    with pytest.raises(OperationalError, match="no such table"):
        ask_within(Question(select(literal(1)).select_from(text("nowhere"))), {}, 0.02)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_questions_can_share_a_connection_and_what_is_asked_afterwards_takes_its_own(database):
    taken = []
    event.listen(db.engine, "checkout", lambda *_: taken.append(1))
    with one_connection():
        for _ in range(3):
            ask(text("SELECT 1"))
        ask_briefly(text("SELECT 1"), {}, 1)
        assert len(taken) == 1
    ask(text("SELECT 1"))
    assert len(taken) == 2
