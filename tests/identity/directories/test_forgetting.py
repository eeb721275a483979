"""Telling every process to forget names: on both databases, at once, in order, with few queries."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from blog.db import Forgotten, Site, db, writing
from blog.identity.directories import forgetting
from blog.identity.directories.cached import Cached
from blog.identity.directories.forgetting import Forgetting
from blog.identity.directories.shared import Shared
from blog.identity.people import Key, Person
from blog.identity.sealing import Seal

SEAL = Seal("a key that only the tests use, long enough")
ADA, BOB = Key("https://id.example", "ada"), Key("https://id.example", "bob")


def forget_and_fail():
    with writing() as transaction:
        forgetting.note(transaction, SEAL, [ADA], now=datetime.now(UTC))
        raise ZeroDivisionError


class Nobody:
    def people(self, keys):
        return {}


class Process:
    """A process that remembers the names of Ada and Bob."""

    def __init__(self, began_at=None):
        self.time = 0.0
        self.cached = Cached(Nobody())
        began_at = began_at or datetime.now(UTC)
        self.forgetting = Forgetting(self.cached, SEAL, now=lambda: began_at, clock=lambda: self.time)
        self.learn()

    def learn(self):
        for key in (ADA, BOB):
            self.cached.learn(Person(key, key.id.title()))

    def look(self, later=1.0):
        self.time += later
        self.forgetting.look()
        return {key.id for key in self.cached.known()}


@pytest.fixture
def start(database):
    started = []

    def start(**more):
        started.append(Process(**more))
        return started[-1]

    yield start
    for process in started:
        process.cached.close()


def forget(*keys, now=None):
    with writing() as transaction:
        forgetting.note(transaction, SEAL, keys or None, now=now or datetime.now(UTC))


def test_every_process_forgets_whom_it_is_told_to_and_nobody_else(start):
    here, there = start(), start()
    assert here.look() == {"ada", "bob"}
    forget(ADA)
    assert (here.look(), there.look()) == ({"bob"}, {"bob"})


def test_everybody_can_be_forgotten(start):
    here = start()
    here.look()
    forget()
    assert here.look() == set()


def test_a_name_that_is_learnt_after_it_was_forgotten_stays(start):
    here = start()
    here.look()
    forget(ADA)
    here.look()
    here.learn()
    assert here.look() == {"ada", "bob"}


def test_what_was_forgotten_before_a_process_began_is_nothing_to_it(start):
    forget(ADA, now=datetime.now(UTC) - timedelta(minutes=1))
    assert start().look() == {"ada", "bob"}


def test_what_was_forgotten_before_a_process_looked_for_the_first_time_counts(start):
    here = start()
    forget(ADA)
    assert here.look() == {"bob"}


def test_a_process_looks_once_a_second_and_that_is_one_query(start):
    here = start()
    here.look()
    said = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    forget(ADA)
    said.clear()
    assert here.look(later=0.5) == {"ada", "bob"}
    assert said == []
    assert here.look(later=0.5) == {"bob"}
    for _ in range(100):
        here.look(later=0)
    assert len(said) == 1


def test_nobody_is_told_when_the_transaction_fails(start):
    here = start()
    here.look()
    with pytest.raises(ZeroDivisionError):
        forget_and_fail()
    assert here.look() == {"ada", "bob"}


def test_caches_are_told_because_their_pages_show_names(start):
    before = db.session.scalar(select(Site.version))
    forget(ADA)
    assert db.session.scalar(select(Site.version)) == before + 1


def test_no_row_names_anybody_or_stays_longer_than_a_name_does(start):
    forget(ADA, now=datetime.now(UTC) - timedelta(hours=26))
    forget(BOB)
    (row,) = db.session.scalars(select(Forgotten)).all()
    assert len(row.ref) == 64
    assert "bob" not in row.ref


def test_the_shared_memory_is_emptied_by_who_tells_and_by_nobody_else(database, redis_server):
    share = partial(Shared, redis_server.url, SEAL)
    teller, other = Cached(Nobody(), share=share), Cached(Nobody(), share=share)
    listening = Forgetting(other, SEAL, now=lambda: datetime.now(UTC), every_s=0)
    try:
        for cached in (teller, other):
            cached.learn(Person(ADA, "Ada"))
            cached.forget(BOB)  # so that all is written what came before
        assert other.people([ADA])
        listening.look()
        with forgetting.telling(teller, SEAL, [ADA], now=datetime.now(UTC)):
            assert redis_server.client.keys("byline:*:*") == []
        teller.learn(Person(ADA, "Ada King"))
        teller.forget(BOB)  # so that all is written what came before
        listening.look()
        assert other.people([ADA])[ADA].name == "Ada King"  # an idle process does not take away what is new
    finally:
        teller.close()
        other.close()


def test_a_page_does_not_fail_when_nobody_can_say_whom_to_forget(start, monkeypatch):
    here = start()

    def refuse(*_):
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(here.forgetting, "_look", refuse)
    assert here.look() == {"ada", "bob"}
