"""The plans for logging out: begun here (RP-initiated), told by the provider (back channel), and in its frame."""

from __future__ import annotations

import pytest
import requests

from tests.fake_idp import ABSENT, make_key, public

STATES = {"its state": {}, "another state": {"state": "of another logout"}, "no state": {"state": ABSENT}}


# -- begun here --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("params", STATES.values(), ids=STATES)
def test_who_comes_back_from_logging_out_is_home_and_logged_out(stage, params):
    visitor = stage.log_in()
    id_token_session = stage.log.events()
    stage.door.params |= params
    visitor.submit("Log out")
    assert (visitor.status, visitor.url) == (200, f"{stage.url}/")
    assert not stage.is_logged_in(visitor)
    assert visitor.sees("Log in")
    assert stage.log.events() == [*id_token_session, "logout"]
    (sent,) = stage.door.logouts
    assert sent["post_logout_redirect_uri"] == f"{stage.url}/"
    assert sent["id_token_hint"].count(".") == 2
    assert len(sent["state"]) >= 16


# -- in the back channel -----------------------------------------------------------------------------------------------


@pytest.fixture
def sessions(stage):
    """Three browsers: two of Ada, one of Bob, each in a session of the provider of its own."""
    stage.idp.people["bob"] = {"name": "Bob Ross"}
    browsers = []
    for stage.door.sub, sid in (("ada", "s1"), ("ada", "s2"), ("bob", "s3")):
        stage.idp.id_token["sid"] = sid
        browsers.append(stage.log_in())
    stage.idp.id_token.clear()
    assert logged_in(stage, browsers) == [True, True, True]
    stage.asked()
    return browsers


def logged_in(stage, browsers):
    return [stage.is_logged_in(browser) for browser in browsers]


def tell(stage, **claims):
    """The provider sends a logout token."""
    form = {"logout_token": stage.idp.logout_token(**claims)}
    return requests.post(f"{stage.url}/oidc/backchannel-logout", data=form, timeout=5)


@pytest.mark.parametrize(
    ("claims", "left"),
    [
        ({"sid": "s1"}, [False, True, True]),
        ({}, [False, False, True]),
        ({"sub": "bob", "sid": "s3"}, [True, True, False]),
    ],
)
def test_a_good_logout_token_ends_what_it_names(stage, sessions, claims, left):
    answer = tell(stage, **claims)
    assert (answer.status_code, answer.text, answer.headers["Cache-Control"]) == (200, "", "no-store")
    assert logged_in(stage, sessions) == left
    assert stage.log.of("backchannel_logout") == [{"ended": left.count(False)}]


def test_a_session_that_has_just_gone_is_no_reason_to_refuse(stage, sessions):
    sessions[0].submit("Log out")
    assert tell(stage, sid="s1").status_code == 200
    assert logged_in(stage, sessions) == [False, True, True]


OTHER_EVENT = {"https://schemas.example/event/login": {}}
LOGOUT_TOKENS = {
    "alg none": ({}, "none", "wrong_algorithm"),
    "a wrong alg": ({}, "RS384", "wrong_algorithm"),
    "no event": ({"events": ABSENT}, "RS256", "not_a_logout"),
    "a wrong event": ({"events": OTHER_EVENT}, "RS256", "not_a_logout"),
    "a nonce": ({"nonce": "n"}, "RS256", "nonce_in_logout"),
    "a wrong aud": ({"aud": "somebody-else"}, "RS256", "wrong_audience"),
    "a wrong iss": ({"iss": "https://evil.example"}, "RS256", "wrong_issuer"),
}


@pytest.mark.parametrize(("claims", "alg", "reason"), LOGOUT_TOKENS.values(), ids=LOGOUT_TOKENS)
def test_a_logout_token_that_is_not_right_ends_nothing(stage, sessions, claims, alg, reason):
    stage.idp.alg = alg
    answer = tell(stage, **claims)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert stage.log.reasons("backchannel_logout_refused") == [reason]
    assert logged_in(stage, sessions) == [True, True, True]
    assert "userinfo" not in stage.asked()


def test_a_logout_token_of_another_key_ends_nothing(stage, sessions):
    stage.idp.jwks, stage.idp.signing_key = {"keys": [public(stage.idp.signing_key)]}, make_key("RSA", 66)
    assert tell(stage).status_code == 400
    assert stage.log.reasons("backchannel_logout_refused") == ["bad_signature"]
    assert logged_in(stage, sessions) == [True, True, True]


# -- in a frame of the provider ----------------------------------------------------------------------------------------


def frame(stage, **query):
    """A browser shows the provider's logout page, and in it our frame, without a cookie of ours."""
    return requests.get(f"{stage.url}/oidc/frontchannel-logout", params=query, timeout=5)


def test_the_session_that_a_frame_names_by_iss_and_sid_ends(stage, sessions):
    answer = frame(stage, iss=stage.idp.issuer, sid="s1")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert f"frame-ancestors {stage.idp.issuer}" in answer.headers["Content-Security-Policy"]
    assert logged_in(stage, sessions) == [False, True, True]
    assert stage.log.of("frontchannel_logout") == [{"ended": 1}]


@pytest.mark.parametrize(
    "query", [{"iss": "https://evil.example", "sid": "s1"}, {"sid": "s1"}, {"iss": "{issuer}"}, {}], ids=str
)
def test_a_frame_that_does_not_name_issuer_and_session_ends_nothing(stage, sessions, query):
    frame(stage, **{name: text.format(issuer=stage.idp.issuer) for name, text in query.items()})
    assert logged_in(stage, sessions) == [True, True, True]
