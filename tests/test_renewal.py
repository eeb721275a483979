"""Asking the provider again about who is logged in (SESSION_REVALIDATE): when, how often, and what follows."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from tests.fake_idp import ABSENT, DOWN, ERROR500, HTML, answer


@pytest.fixture
def settings(settings):
    return settings | {"SESSION_REVALIDATE": "10"}


@pytest.fixture(autouse=True)
def idp(idp):
    idp.refreshes = True
    return idp


class Background:
    """Does at once what would have been done beside the answer, or when told to."""

    def __init__(self):
        self.waits, self.work = False, []

    def __call__(self, work):
        self.work.append(work)
        if not self.waits:
            self.do()

    def do(self):
        while self.work:
            self.work.pop(0)()


@pytest.fixture
def background(app):
    runner = Background()
    app.extensions["porch"] = replace(app.extensions["porch"], background=runner)
    return runner


@pytest.fixture
def ada(background, ada):
    return ada


def refreshes(idp):
    return [form["refresh_token"] for form in idp.token_requests if form["grant_type"] == "refresh_token"]


def test_the_provider_is_asked_again_when_it_is_time(ada, idp, clock, security_log):
    clock.advance(minutes=9)
    ada.get("/")
    assert refreshes(idp) == []
    clock.advance(minutes=1)
    ada.get("/")
    ada.get("/dashboard")
    assert len(refreshes(idp)) == 1
    clock.advance(minutes=10)
    assert ada.is_logged_in()
    assert len(set(refreshes(idp))) == 2, "each refresh token is used once"
    assert security_log.events() == ["session_renewed"] * 2


def test_without_the_setting_nothing_is_asked_and_no_refresh_token_is_kept(settings, request, idp, clock):
    settings["SESSION_REVALIDATE"] = "0"
    ada = request.getfixturevalue("ada")
    clock.advance(hours=1)
    ada.get("/")
    assert refreshes(idp) == []


def test_without_a_refresh_token_nothing_is_asked(idp, anybody, background, clock):
    idp.refreshes = False
    ada = anybody().log_in()
    clock.advance(hours=1)
    assert ada.is_logged_in()
    assert refreshes(idp) == []


def test_a_refusal_ends_the_session_in_every_tab(ada, idp, clock, security_log):
    idp.dismiss("ada")
    clock.advance(minutes=10)
    assert ada.get("/dashboard").status_code == 200, "nobody waits for the provider"
    assert not ada.is_logged_in()
    assert security_log.reasons("session_refused") == ["renewal_refused"]


@pytest.mark.parametrize("reply", [DOWN, ERROR500, HTML, answer({}, 429), answer({"error": "invalid_client"}, 401)])
def test_an_outage_ends_nothing_and_is_tried_again_soon(ada, idp, clock, security_log, reply):
    idp.answers["token"] = reply
    clock.advance(minutes=10)
    assert ada.is_logged_in()
    assert ada.is_logged_in()
    assert idp.calls["token"] == 2
    assert len(security_log.of("session_check_failed")) == 1
    clock.advance(minutes=1)
    del idp.answers["token"]
    assert ada.is_logged_in()
    assert security_log.events()[-1] == "session_renewed"
    assert ada.is_logged_in()


def test_a_form_never_asks(ada, idp, clock):
    form = ada.filled("/dashboard/write", "Publish", title="Words", body="More words")
    clock.advance(minutes=10)
    assert ada.send(form).status_code == 303
    assert refreshes(idp) == []


def test_many_tabs_ask_once(ada, idp, clock, background):
    background.waits = True
    clock.advance(minutes=10)
    session_id = ada.client.get_cookie("byline").value

    def look():
        browser = ada.app.test_client()
        browser.set_cookie("byline", session_id)
        assert "Dashboard" in browser.get("/").text

    tabs = [threading.Thread(target=look) for _ in range(8)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert len(background.work) == 1
    background.do()
    assert len(refreshes(idp)) == 1


def test_what_another_tab_notes_meanwhile_does_not_bring_the_old_refresh_token_back(ada, idp, clock, background):
    background.waits = True
    clock.advance(minutes=10)
    ada.get("/")
    form = ada.filled("/dashboard/write", "Publish", title="Words", body="More words")
    background.do()
    ada.send(form)
    background.waits = False
    clock.advance(minutes=10)
    assert ada.is_logged_in()
    assert ada.is_logged_in()
    assert len(set(refreshes(idp))) == 2


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        (lambda idp: idp.id_token.update(sub="eve"), "other_subject"),
        (lambda idp: idp.id_token.update(iss="https://evil.example"), "wrong_issuer"),
        (lambda idp: idp.id_token.update(aud="somebody-else"), "wrong_audience"),
        (lambda idp: idp.id_token.update(nonce="another"), "wrong_nonce"),
        (lambda idp: setattr(idp, "alg", "none"), "wrong_algorithm"),
        (lambda idp: idp.userinfo.update(sub="eve"), "userinfo_of_another"),
        (lambda idp: idp.tokens.update(id_token=7), "missing_id_token"),
    ],
)
def test_a_refreshed_token_is_judged_as_the_first_one_was(ada, idp, clock, security_log, turn, reason):
    turn(idp)
    clock.advance(minutes=10)
    ada.get("/")
    assert not ada.is_logged_in()
    assert security_log.reasons("session_refused") == [reason]


def test_a_refresh_may_bring_no_id_token_and_no_new_refresh_token(ada, idp, clock):
    idp.tokens |= {"id_token": ABSENT, "refresh_token": ABSENT}
    clock.advance(minutes=10)
    assert ada.is_logged_in()
    assert len(refreshes(idp)) == 1
    assert ada.is_logged_in()


def test_a_token_that_somebody_copied_ends_the_session(ada, idp, clock):
    """Rotation with reuse detection: the thief used it first, and ours tells the provider that there are two."""
    (stolen,) = idp._refresh_tokens
    idp._redeemed_refresh_token(stolen)
    clock.advance(minutes=10)
    ada.get("/")
    assert not ada.is_logged_in()


# -- what somebody may do ----------------------------------------------------------------------------------------------


@pytest.fixture
def mapped(settings, idp):
    settings |= {"ROLES_CLAIM": "groups", "ROLE_AUTHOR": "writers", "ROLE_EDITOR": "desk"}
    idp.people["ada"]["groups"] = ["desk"]
    return idp.people["ada"]


@pytest.mark.parametrize(
    ("groups", "status", "change"),
    [(["writers"], 200, ("editor", "author")), ([], 403, ("editor", "reader")), (["desk"], 200, None)],
)
def test_a_group_taken_away_counts_after_the_next_check(mapped, ada, clock, security_log, groups, status, change):
    mapped["groups"] = groups
    assert ada.get("/dashboard").status_code == 200
    clock.advance(minutes=10)
    ada.get("/")
    assert ada.get("/dashboard").status_code == status
    assert [(line["was"], line["now"]) for line in security_log.of("role_changed")] == ([change] if change else [])


def test_groups_that_nothing_was_said_of_stay(mapped, ada, idp, clock):
    del mapped["groups"]
    idp.tokens["id_token"] = ABSENT
    clock.advance(minutes=10)
    ada.get("/")
    assert ada.get("/dashboard").status_code == 200


def test_a_new_name_shows_after_the_next_check(ada, idp, clock):
    idp.people["ada"]["name"] = "Ada King"
    clock.advance(minutes=10)
    ada.get("/")
    assert "Ada King" in ada.get("/").text


def test_a_role_that_changed_since_the_last_login_is_told(mapped, ada, security_log):
    mapped["groups"] = ["writers"]
    ada.submit("/logout", "Only here")
    ada.log_in()
    assert security_log.of("role_changed") == []  # nothing is left of the last login to compare with
    mapped["groups"] = ["desk"]
    ada.client = ada.app.test_client()
    ada.log_in()
    assert [(line["was"], line["now"]) for line in security_log.of("role_changed")] == [("author", "editor")]


# -- really in the background ------------------------------------------------------------------------------------------


def test_nobody_waits_while_the_provider_is_asked(anybody, idp, clock, security_log):
    gate = threading.Event()
    ada = anybody().log_in()
    clock.advance(minutes=10)
    answered = idp.people["ada"]
    idp.people = Slow(idp.people, gate)
    assert ada.get("/").status_code == 200
    assert "session_renewed" not in security_log.events()
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "porch":
            thread.join(5)
    assert "session_renewed" in security_log.events()
    assert answered


class Slow(dict):
    """People whom the provider remembers only once the gate is open."""

    def __init__(self, people, gate):
        super().__init__(people)
        self.gate = gate

    def get(self, *key):
        self.gate.wait(5)
        return super().get(*key)
