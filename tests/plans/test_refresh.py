"""The Refresh plan of the OpenID Foundation: a session is asked about again with a refresh token."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from threading import Event

import pytest

RENEWED, REFUSED = "session_renewed", "session_refused"


@pytest.fixture
def settings(settings):
    return settings | {"SESSION_REVALIDATE": "10"}


@pytest.fixture
def visitor(stage, clock):
    """Somebody who logged in so long ago that it is time to ask."""
    stage.idp.refreshes = True
    visitor = stage.log_in()
    assert stage.is_logged_in(visitor)
    clock.advance(minutes=10)
    return visitor


def look(stage, visitor):
    """Look at a page, and wait for what comes of it in the background."""
    visitor.open(f"{stage.url}/")
    patience = time.monotonic() + 10
    while not {RENEWED, REFUSED} & set(stage.log.events()):
        assert time.monotonic() < patience
        time.sleep(0.01)


def test_a_refreshed_token_is_accepted_and_userinfo_asked_with_it(stage, visitor):
    look(stage, visitor)
    assert [form["grant_type"] for form in stage.idp.token_requests] == ["authorization_code", "refresh_token"]
    bearers = [sent.headers["Authorization"] for name, sent in stage.idp.requests if name == "userinfo"]
    assert len(set(bearers)) == 2
    assert stage.asked()[-2:] == ["token", "userinfo"]
    assert stage.log.events() == ["login", RENEWED]
    assert stage.is_logged_in(visitor)


@pytest.mark.parametrize(
    ("claims", "reason"), [({"iss": "https://evil.example"}, "wrong_issuer"), ({"sub": "bob"}, "other_subject")]
)
def test_a_refreshed_token_of_another_issuer_or_person_ends_the_session(stage, visitor, claims, reason):
    stage.idp.id_token |= claims
    look(stage, visitor)
    assert stage.asked()[-2:] == ["userinfo", "token"]
    assert stage.log.reasons(REFUSED) == [reason]
    assert not stage.is_logged_in(visitor)


def test_while_a_session_is_asked_about_nobody_waits_and_anybody_can_write(stage, visitor, tmp_path):
    came, over = Event(), Event()
    stage.idp.meanwhile["token"] = lambda: (came.set(), over.wait(10))
    assert visitor.open(f"{stage.url}/").status == 200
    assert came.wait(10)
    with closing(sqlite3.connect(tmp_path / "blog.db", timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("COMMIT")
    assert visitor.open(f"{stage.url}/dashboard").status == 200
    over.set()
    look(stage, visitor)
    assert stage.log.events() == ["login", RENEWED]
