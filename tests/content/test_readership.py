"""Counting who reads: sums beside the requests, days, forks, ends, and a database that is away; on either database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text

from blog.content import posts, readership
from blog.content.readers import Reader
from blog.content.readership import Count, Counter, Favourite
from blog.db import PostAuthor, Views, db, writing

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
ADA, BOB, EDDY = ("https://idp.example", "ada"), ("https://idp.example", "bob"), ("https://idp.example", "eddy")
EDITOR = Reader(EDDY, everything=True)


class Hand:
    """A clock whose hand is moved by us."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def make(database, hand):
    """Makes a counter, as a process has one; it writes when it is told to."""
    made = []

    def one(**options):
        options = {"is_robot": lambda agent: "bot" in agent, "now": hand, "every_s": 3600.0} | options
        made.append(Counter(database.app_context, **options))
        return made[-1]

    yield one
    for counter in made:
        counter.close()


@pytest.fixture
def counter(make):
    return make()


def write(title="A title", author=ADA):
    return posts.create(author, title=title, body_md="Words.", now=NOW, publish=True).id


def stored():
    rows = db.session.execute(select(Views.post_id, Views.day, Views.views, Views.readers).order_by(Views.day))
    return [tuple(row) for row in rows]


def read(counter, post_id, address="192.0.2.1", agent="Firefox"):
    counter.seen(post_id, address=address, agent=agent)


# -- what is counted ---------------------------------------------------------------------------------------------------


def test_views_add_up_and_readers_are_told_apart(counter):
    post_id = write()
    for address, agent in (("192.0.2.1", "Firefox"), ("192.0.2.1", "Firefox"), ("192.0.2.2", "Firefox")):
        read(counter, post_id, address, agent)
    counter.flush()
    assert stored() == [(post_id, TODAY, 3, 2)]
    read(counter, post_id, "192.0.2.1", "Safari")
    read(counter, post_id, "192.0.2.2", "Firefox")
    counter.flush()
    assert stored() == [(post_id, TODAY, 5, 3)]


def test_a_robot_is_left_out(counter):
    post_id = write()
    read(counter, post_id, agent="Somebot")
    counter.flush()
    assert stored() == []


def test_who_reads_two_posts_is_a_reader_of_each(counter):
    first, second = write(), write("Another")
    read(counter, first)
    read(counter, second)
    counter.flush()
    assert stored() == [(first, TODAY, 1, 1), (second, TODAY, 1, 1)]


def test_a_new_day_counts_anew_with_another_salt(counter, hand):
    post_id = write()
    read(counter, post_id)
    counter.flush()
    yesterday = counter._today
    hand.at += timedelta(days=1)
    read(counter, post_id)
    counter.flush()
    assert stored() == [(post_id, TODAY, 1, 1), (post_id, TODAY + timedelta(days=1), 1, 1)]
    assert counter._today._salt != yesterday._salt
    assert not counter._today._hashes & yesterday._hashes


def test_the_salt_is_gone_with_its_day_also_when_nobody_reads(counter, hand):
    read(counter, write())
    counter.flush()
    assert counter._today
    hand.at += timedelta(hours=12)
    counter.flush()
    assert counter._today is None


def test_a_view_from_before_midnight_belongs_to_its_day(counter, hand):
    post_id = write()
    hand.at = NOW.replace(hour=23, minute=59, second=59)
    read(counter, post_id)
    hand.at += timedelta(seconds=2)
    counter.flush()
    assert stored() == [(post_id, TODAY, 1, 1)]


def test_two_processes_count_into_the_same_sums(make):
    post_id, here, there = write(), make(), make()
    for counter in (here, there, here):
        read(counter, post_id)
    here.flush()
    there.flush()
    assert stored() == [(post_id, TODAY, 3, 2)]  # each process tells readers apart for itself


def test_many_processes_that_write_at_once_lose_nothing(make):
    ids = [write(f"Title {number}") for number in range(5)]
    counters = [make() for _ in range(4)]
    for counter in counters:
        for post_id in ids * 3:
            read(counter, post_id)
    threads = [threading.Thread(target=counter.flush) for counter in counters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for counter in counters:
        counter.flush()  # who came second to a lock tries again
    assert [row[2] for row in stored()] == [12] * 5


def test_a_deleted_post_takes_its_counts_along_and_hinders_nobody(counter):
    gone, stays = write(), write("Another")
    read(counter, gone)
    counter.flush()
    read(counter, gone)
    read(counter, stays)
    posts.delete(gone)
    assert stored() == []
    counter.flush()
    assert stored() == [(stays, TODAY, 1, 1)]


def test_anything_may_come_as_address_and_agent(counter):
    post_id = write()
    for value in ("", "\0", "\ud800", "ü" * 100_000):
        read(counter, post_id, value, value)
    counter.flush()
    assert stored() == [(post_id, TODAY, 4, 4)]


# -- what limits it ----------------------------------------------------------------------------------------------------


def test_a_queue_that_is_full_drops_views_and_keeps_nobody_waiting(counter, monkeypatch):
    monkeypatch.setattr(readership, "QUEUE_LONGEST", 3)
    post_id = write()
    for _ in range(10):
        read(counter, post_id)
    counter.flush()
    assert stored() == [(post_id, TODAY, 3, 1)]


def test_a_process_tells_only_so_many_readers_apart(counter, monkeypatch):
    monkeypatch.setattr(readership, "READERS_MOST", 2)
    post_id = write()
    for last in range(5):
        read(counter, post_id, f"192.0.2.{last}")
    counter.flush()
    assert stored() == [(post_id, TODAY, 5, 2)]


def test_sums_that_cannot_be_written_do_not_grow_without_end(counter, monkeypatch):
    monkeypatch.setattr(readership, "SUMS_MOST", 2)
    for post_id in (1, 2, 3, 1):
        read(counter, post_id)
    with counter._lock:
        counter._add_up()
    assert counter._sums == {(1, TODAY): [2, 1], (2, TODAY): [1, 1]}


def test_a_database_that_is_away_is_waited_for_and_complained_of_once(database, hand, caplog):
    away = True

    def context():
        if away:
            raise ConnectionError("a text that may name somebody")
        return database.app_context()

    counter, post_id = Counter(context, is_robot=lambda agent: False, now=hand, every_s=3600.0), write()
    for _ in range(3):
        read(counter, post_id)
        counter.flush()
    assert [record.getMessage() for record in caplog.records] == [
        "readership: views could not be written, and are kept: ConnectionError"
    ]
    away = False
    counter.close()
    assert stored() == [(post_id, TODAY, 3, 1)]


def test_a_judge_who_breaks_down_stops_nothing(make):
    def judge(agent):
        if agent == "strange":
            raise ValueError
        return False

    counter, post_id = make(is_robot=judge), write()
    read(counter, post_id, agent="strange")
    read(counter, post_id)
    counter.flush()
    counter.flush()
    assert stored() == [(post_id, TODAY, 1, 1)]


def test_a_reader_never_waits_while_the_table_is_locked(database, make):
    counter, post_id = make(every_s=0.01), write()
    with writing() as session:
        lock = "SELECT 1" if db.engine.dialect.name == "sqlite" else "LOCK TABLE views IN ACCESS EXCLUSIVE MODE"
        session.execute(text(lock))  # on SQLite, writing alone locks everything
        began = time.perf_counter()
        for _ in range(200):
            read(counter, post_id)
        assert time.perf_counter() - began < 1
        time.sleep(0.1)  # the thread has run into the lock
    counter.close(20)
    assert stored() == [(post_id, TODAY, 200, 1)]


# -- a process, its beginning and its end ------------------------------------------------------------------------------


def test_a_thread_writes_by_itself(make):
    counter, post_id = make(every_s=0.02), write()
    read(counter, post_id)
    until = time.monotonic() + 10
    while not stored() and time.monotonic() < until:
        time.sleep(0.02)
    assert stored() == [(post_id, TODAY, 1, 1)]


def test_nothing_runs_before_the_first_view(counter):
    assert counter._thread is None


def test_closing_writes_what_is_left_and_ends_the_thread(counter):
    post_id = write()
    read(counter, post_id)
    counter.close(20)
    assert not counter._thread.is_alive()
    assert stored() == [(post_id, TODAY, 1, 1)]


def test_who_closes_does_not_wait_for_a_database_that_hangs(database, hand):
    stop = threading.Event()

    def context():
        stop.wait(20)
        return database.app_context()

    counter = Counter(context, is_robot=lambda agent: False, now=hand, every_s=3600.0)
    read(counter, write())
    began = time.monotonic()
    counter.close(0.1)
    assert time.monotonic() - began < 5
    stop.set()
    counter._thread.join(20)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_counts_for_itself_and_nothing_twice(database, counter):
    post_id = write()
    read(counter, post_id)
    with counter._lock:  # as if the parent's thread were at work just then
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # a child that hangs fails
            try:
                db.engine.dispose(close=False)  # as servers do that fork: connections are the parent's
                fresh = counter._thread is None and not counter._notes and counter._today is None
                read(counter, post_id)
                counter.close(10)
            finally:
                os._exit(0 if fresh and not counter._thread.is_alive() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    counter.flush()
    assert stored() == [(post_id, TODAY, 2, 2)]


LAST = """
import multiprocessing, sys
from blog import create_app
from blog.content import posts
from datetime import UTC, datetime
app = create_app({"PUBLIC_URL": "http://localhost", "SECRET_KEY": "k" * 32, "DATABASE_URL": sys.argv[1],
    "OIDC_ISSUER": "https://idp.example", "OIDC_CLIENT_ID": "c", "OIDC_CLIENT_SECRET": "s"})
def count():
    app.extensions["readership"].seen(int(sys.argv[2]), address="192.0.2.1", agent="Mozilla/5.0 (X11) Firefox/140.0")
if sys.argv[3] == "child":
    child = multiprocessing.get_context("fork").Process(target=count)
    child.start(); child.join()
else:
    count()
"""


@pytest.mark.parametrize("who", ["itself", "child"])
def test_a_process_that_ends_writes_what_it_has_counted(database, tmp_path, who):
    post_id = write()
    url = db.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-W", "ignore", "-c", LAST, url, str(post_id), who]
    began = time.monotonic()
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    assert time.monotonic() - began < 50
    assert [row[2:] for row in stored()] == [(1, 1)]


# -- what is told ------------------------------------------------------------------------------------------------------


def keep(post_id, day, views, readers):
    with writing() as session:
        session.execute(insert(Views).values(post_id=post_id, day=day, views=views, readers=readers))


@pytest.fixture
def some(database):
    """Two posts of Ada, of which Bob is a co-author of one and asked about the other; and one of Bob."""
    ids = {"first": write("First"), "second": write("Second"), "bobs": write("Bobs", BOB)}
    with writing() as session:
        for position, (slug, agreed_at) in enumerate((("first", NOW), ("second", None))):
            row = {"post_id": ids[slug], "author_issuer": BOB[0], "author_id": BOB[1], "agreed_at": agreed_at}
            session.execute(insert(PostAuthor).values(position=position, **row))
    keep(ids["first"], TODAY, 5, 3)
    keep(ids["first"], TODAY - timedelta(days=29), 4, 4)
    keep(ids["first"], TODAY - timedelta(days=30), 100, 100)
    keep(ids["second"], TODAY, 20, 10)
    keep(ids["bobs"], TODAY - timedelta(days=1), 1, 1)
    return ids


def sums(reader, days=30):
    counts = readership.by_day(reader, now=NOW, days=days)
    assert [count.first for count in counts] == [TODAY - timedelta(days=back) for back in range(days - 1, -1, -1)]
    return sum(count.views for count in counts), sum(count.readers for count in counts)


def test_an_author_is_told_of_their_posts_and_an_editor_of_all(some):
    assert sums(Reader(ADA)) == (29, 17)
    assert sums(Reader(BOB)) == (10, 8)  # of what they agreed to be named above, and no more
    assert sums(EDITOR) == (30, 18)
    assert sums(Reader()) == (0, 0)
    assert sums(Reader(("https://idp.example", "somebody"))) == (0, 0)


def test_only_the_last_days_count(some):
    assert sums(Reader(ADA), 7) == (25, 13)
    assert sums(Reader(ADA), 365) == (129, 117)


def test_what_is_read_most_comes_first(some):
    def told(reader, limit=9):
        return readership.favourites(reader, now=NOW, days=30, limit=limit)

    second, first, bobs = (
        Favourite("second", "Second", 20, 10),
        Favourite("first", "First", 9, 7),
        Favourite("bobs", "Bobs", 1, 1),
    )
    assert told(Reader(ADA)) == [second, first]
    assert told(Reader(BOB)) == [first, bobs]
    assert told(EDITOR) == [second, first, bobs]
    assert told(EDITOR, limit=1) == [second]
    assert told(Reader()) == []


def test_every_day_of_a_post_is_told_also_those_without_readers(some):
    told = readership.of_posts([some["first"], some["bobs"]], now=NOW, days=30)
    assert told.keys() == {some["first"], some["bobs"]}
    assert told[some["first"]][0] == Count(TODAY - timedelta(days=29), TODAY - timedelta(days=29), 4, 4)
    assert told[some["first"]][-1] == Count(TODAY, TODAY, 5, 3)
    assert [count.views for count in told[some["first"]][1:-1]] == [0] * 28
    assert readership.of_posts([], now=NOW, days=30) == {}


def test_days_are_added_up():
    days = [Count(date(2026, 1, day), date(2026, 1, day), day, 1) for day in range(1, 6)]
    assert readership.together(days, 2) == [
        Count(date(2026, 1, 1), date(2026, 1, 2), 3, 2),
        Count(date(2026, 1, 3), date(2026, 1, 4), 7, 2),
        Count(date(2026, 1, 5), date(2026, 1, 5), 5, 1),
    ]
