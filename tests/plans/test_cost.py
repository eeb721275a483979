"""What a login costs: which requests it makes, and that nothing is locked or left open while it waits for them."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event, Semaphore

import pytest
from sqlalchemy import create_engine, text

from blog.db import db
from tests.conftest import empty
from tests.plans.stage import LOGGED_IN


def test_a_warm_login_asks_for_a_token_and_for_userinfo_and_whether_anybody_is_there(stage, clock):
    assert stage.outcome(stage.log_in()) == LOGGED_IN
    stage.asked()
    clock.advance(minutes=30)
    assert stage.is_logged_in(stage.log_in())
    assert stage.asked() == ["discovery", "token", "userinfo"]
    assert stage.is_logged_in(stage.log_in())  # within two seconds of the last
    assert stage.asked() == ["token", "userinfo"]


def test_a_warm_login_whose_request_is_pushed_costs_three_requests_as_well(stage, clock):
    stage.idp.metadata["pushed_authorization_request_endpoint"] = stage.idp.par_url
    assert stage.outcome(stage.log_in()) == LOGGED_IN
    stage.asked()
    clock.advance(minutes=30)
    assert stage.is_logged_in(stage.log_in())
    assert stage.asked() == ["par", "token", "userinfo"]


def test_a_session_asks_the_provider_nothing(stage):
    visitor = stage.log_in()
    stage.asked()
    for path in ("/", "/dashboard", "/logout", "/dashboard"):
        assert visitor.open(stage.url + path).status == 200
    assert stage.asked() == []


class Pause:
    """Holds the answers of an endpoint until it is over."""

    def __init__(self) -> None:
        self.came, self.over = Semaphore(0), Event()

    def __call__(self) -> None:
        self.came.release()
        assert self.over.wait(10)


@contextmanager
def waiting_for(stage, clock, endpoint, *, rotate=True):
    """While the context lasts, a login waits for this endpoint, in a browser whose session has ended."""
    visitor = stage.log_in()
    cookie = visitor.cookie("byline")
    visitor.submit("Log out")
    visitor.plant("byline", cookie)  # it opens nothing any more, but is looked up
    if rotate:
        stage.idp.rotate()  # so that keys are asked for, too
    clock.advance(seconds=3)  # and discovery
    if endpoint == "par":
        stage.idp.metadata["pushed_authorization_request_endpoint"] = stage.idp.par_url
        clock.advance(minutes=61)
    pause = stage.idp.meanwhile[endpoint] = Pause()
    with ThreadPoolExecutor() as pool:
        login = pool.submit(stage.log_in, visitor)
        assert pause.came.acquire(timeout=10)
        del stage.idp.meanwhile[endpoint]
        try:
            yield
        finally:
            pause.over.set()
        assert stage.is_logged_in(login.result())


def connect(folder):
    return sqlite3.connect(folder / "blog.db", timeout=0, isolation_level=None)


ENDPOINTS = ["discovery", "par", "token", "jwks", "userinfo"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_while_a_login_waits_anybody_can_write_to_sqlite(stage, tmp_path, clock, endpoint):
    with waiting_for(stage, clock, endpoint), closing(connect(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE site SET version = version + 1")
        other.execute("COMMIT")
        assert other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0  # nobody reads an old state either


STATES = """SELECT state, xact_start FROM pg_stat_activity
    WHERE datname = current_database() AND pid != pg_backend_pid() AND backend_type = 'client backend'"""
LOCKS = "SELECT count(*) FROM pg_locks WHERE pid != pg_backend_pid() AND database IS NOT NULL"


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_while_a_login_waits_nothing_is_open_or_locked_in_postgresql(on_postgres, clock, endpoint):
    stage, url = on_postgres
    watcher = create_engine(url)
    with waiting_for(stage, clock, endpoint), watcher.connect() as connection:
        states = connection.execute(text(STATES)).all()
        assert states
        assert {tuple(row) for row in states} == {("idle", None)}
        assert connection.scalar(text(LOCKS)) == 0
    watcher.dispose()


@pytest.fixture
def on_postgres(settings, postgres_url, request):
    settings["DATABASE_URL"] = postgres_url
    stage = request.getfixturevalue("stage")
    with stage.app.app_context():
        empty()
        db.session.remove()
    return stage, postgres_url


@pytest.mark.parametrize("endpoint", ["token", "userinfo"])
def test_while_a_login_waits_other_logins_and_readers_do_not(stage, clock, endpoint):
    with waiting_for(stage, clock, endpoint):
        assert stage.visitor().open(f"{stage.url}/").status == 200
        other = stage.log_in()
        assert stage.is_logged_in(other)


def test_while_somebody_waits_to_be_sent_to_the_provider_others_come_back_from_it(stage, clock):
    stage.log_in()
    other = stage.visitor()
    params = stage.go_there(other)
    with waiting_for(stage, clock, "discovery", rotate=False):
        stage.come_back(other, params)
        assert stage.is_logged_in(other)
