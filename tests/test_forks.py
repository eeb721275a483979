"""Forks: workers that are forked from a process that has loaded the application, and has used it; on both databases."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

import pytest

from blog.content import posts
from blog.content.media import workshop
from blog.db import db
from blog.forks import Places, begin_anew
from blog.identity import http
from tests.identity.directories.fake_scim import ISSUER, TOKEN_URL, URL, FakeScim, user

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]
PATIENCE_S = 60
ROUNDS = 20


@pytest.fixture
def scim(settings):
    """Where the authors live; ask for it before the application."""
    settings |= {"DIRECTORY": "scim", "DIRECTORY_URL": URL, "DIRECTORY_TOKEN_URL": TOKEN_URL, "OIDC_ISSUER": ISSUER}
    with FakeScim(user("bob", "Bob Ross"), user("cem", "Cem Karaca")) as server:
        yield server


def forked(work: Callable[[], None]) -> int:
    """Do this in a forked process, which ends then; give its number."""
    if child := os.fork():
        return child
    signal.alarm(PATIENCE_S)  # one that hangs fails
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001  (shown, and the process ends)
        traceback.print_exc()
    os._exit(1)


def ended_well(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class Signal:
    """Something that one process waits for and another one does."""

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe()

    def give(self) -> None:
        os.write(self._writes, b".")

    def wait(self) -> None:
        os.read(self._reads, 1)

    def close(self) -> None:
        os.close(self._reads)
        os.close(self._writes)


@pytest.fixture
def signals():
    made = (Signal(), Signal())
    yield made
    for each in made:
        each.close()


def publish(app, author_id, title, **more):
    with app.app_context():
        posts.create((ISSUER, author_id), title=title, body_md="Words.", now=datetime.now(UTC), publish=True, **more)
        db.session.remove()


def page(app, path="/"):
    answer = app.test_client().get(path, headers={"User-Agent": "Mozilla/5.0 (X11) Firefox/140.0"})
    return answer.text if answer.status_code == 200 else ""


def test_a_worker_forked_from_an_application_in_use_is_whole(scim, on_both, app, clock, signals):
    ready, published = signals
    publish(app, "bob", "One")
    publish(app, "bob", "Later", at=datetime.now(UTC) + timedelta(hours=1))
    assert "Bob Ross" in page(app)
    assert page(app, "/one")
    assert {"directory", "readership"} <= {thread.name for thread in threading.enumerate()}

    def work():
        assert "One" in page(app)
        assert "Bob Ross" in page(app)
        ready.give()
        published.wait()
        assert "Two" in page(app, "/two")
        assert "Cem Karaca" in page(app)
        assert page(app, "/later") == ""
        assert "Later" not in page(app)
        clock.advance(hours=2)
        assert page(app, "/later")
        assert "Later" in page(app)
        publish(app, "cem", "Three")
        assert "Three" in page(app)
        app.extensions["readership"].close(20)
        assert not app.extensions["readership"]._sums  # they were written

    child = forked(work)
    ready.wait()
    publish(app, "cem", "Two")
    published.give()
    assert "Two" in page(app)
    assert ended_well(child)
    assert "Three" in page(app)
    app.extensions["readership"].flush()


def test_parent_and_workers_ask_the_database_together_each_by_connections_of_their_own(scim, on_both, app):
    for number in range(5):
        publish(app, "bob", f"Number {number}")

    def ask():
        for number in range(ROUNDS):
            assert f"Number {number % 5}" in page(app, f"/number-{number % 5}")
            publish(app, "bob", "Another")

    with app.app_context():
        db.session.execute(db.select(1))  # a connection is in use
        children = [forked(ask) for _ in range(2)]
        ask()
        assert [ended_well(child) for child in children] == [True, True]
        db.session.remove()


def test_nothing_waits_in_a_worker_for_what_its_parent_was_doing(app, idp):
    porch = app.extensions["porch"]
    keys, places = porch.provider._keys, (porch.waiting, http._threads, workshop._at_work, workshop._in_line)
    keys._fetch_under_way = Future()
    for place in places:
        while place.acquire(blocking=False):
            pass

    def work():
        assert all(place.acquire(blocking=False) for place in places[:1] + places[2:])
        assert porch.provider.keys()
        assert porch.directory.people([]) == {}

    with keys._lock:
        child = forked(work)
    assert ended_well(child)
    keys._fetch_under_way = None
    for place in places:
        place.__init__(place._initial_value)


def test_what_is_no_more_begins_nowhere_anew():
    begun = []

    class Thing:
        pass

    kept, dropped = Thing(), Thing()
    for thing in (kept, dropped):
        begin_anew(thing, begun.append, before=begun.append)
    del thing, dropped

    def work():
        assert begun == [kept, kept]

    assert ended_well(forked(work))
    assert begun == [kept]


def test_a_place_that_was_given_back_is_free():
    places = Places(1)
    assert places.acquire(blocking=False)
    assert not places.acquire(blocking=False)
    places.release()
    assert places.acquire(blocking=False)
