"""Ended by the provider, in the back channel and in a frame; and begun by a third party."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import OctKey
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from blog import create_app
from blog.db import Spent, db
from blog.identity import sessions
from blog.identity.sealing import Seal
from tests.actor import Actor
from tests.fake_idp import ABSENT, DOWN, LOGOUT, make_key, public

BACK = "/oidc/backchannel-logout"
FRONT = "/oidc/frontchannel-logout"
INITIATE = "/oidc/initiate"
ISSUER = "https://idp.example"


@pytest.fixture
def log_in(app, idp):
    """Logs somebody in with a new browser, in this session of the provider."""

    def log_in(sub="ada", sid="s1"):
        idp.people.setdefault(sub, {"name": sub.title()})
        idp.id_token["sid"] = sid
        browser = Actor(app, idp).log_in(sub)
        idp.id_token.clear()
        return browser

    return log_in


def tell(browser, token):
    """The provider sends this logout token, by any way into the application; it keeps no cookies."""
    return browser.app.test_client().post(BACK, data={"logout_token": token})


def logged_in(*browsers):
    return [browser.is_logged_in() for browser in browsers]


# -- in the back channel -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "left"),
    [
        ({"sub": "ada", "sid": ABSENT}, [False, False, True]),
        ({"sub": ABSENT, "sid": "s1"}, [False, True, True]),
        ({"sub": "ada", "sid": "s1"}, [False, True, True]),
        ({"sub": "bob", "sid": "s1"}, [True, True, True]),
        ({"sub": "ada", "sid": "long gone"}, [True, True, True]),
        ({"sub": "nobody here"}, [True, True, True]),
    ],
)
def test_a_logout_token_ends_the_sessions_it_names_and_no_others(log_in, idp, claims, left):
    browsers = log_in("ada", "s1"), log_in("ada", "s2"), log_in("bob", "s3")
    response = tell(browsers[0], idp.logout_token(**claims))
    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["Cache-Control"] == "no-store"
    assert logged_in(*browsers) == left


def test_who_was_logged_out_by_the_provider_can_log_in_again(log_in, idp):
    browser = log_in()
    tell(browser, idp.logout_token())
    assert not browser.is_logged_in()
    assert browser.log_in().is_logged_in()


def test_a_session_that_has_gone_already_is_no_reason_to_refuse(log_in, idp):
    browser = log_in()
    browser.submit("/logout", "Log out")
    assert tell(browser, idp.logout_token(sid="s1")).status_code == 200


def test_a_session_ends_by_its_subject_also_where_people_are_known_by_another_claim(settings, request):
    settings["OIDC_AUTHOR_CLAIM"] = "oid"
    request.getfixturevalue("idp").people["ada"] |= {"oid": "an-object-id"}
    browser = request.getfixturevalue("ada")
    assert tell(browser, browser.idp.logout_token(sub="an-object-id")).status_code == 200
    assert browser.is_logged_in()
    tell(browser, browser.idp.logout_token(sub="ada"))
    assert not browser.is_logged_in()


def test_another_process_sees_it_at_its_next_request(log_in, idp, settings, clock):
    here = log_in()
    other = create_app(settings, now=clock)
    elsewhere = Actor(other, idp)
    elsewhere.client.set_cookie("byline", here.client.get_cookie("byline").value)
    assert logged_in(here, elsewhere) == [True, True]
    tell(here, idp.logout_token(sid="s1"))
    started = time.perf_counter()
    assert logged_in(here, elsewhere) == [False, False]
    assert time.perf_counter() - started < 1
    other.extensions["porch"].directory.close()
    with other.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("typ", ["logout+jwt", "LOGOUT+JWT", "application/logout+jwt", "JWT", ABSENT])
def test_a_logout_token_may_say_its_type_or_leave_it_out(log_in, idp, typ):
    browser = log_in()
    idp.header["typ"] = typ
    assert tell(browser, idp.logout_token()).status_code == 200
    assert not browser.is_logged_in()


REFUSED = {
    # claims, knobs of the provider: reason. Numbers in times are seconds from now.
    "alg none": ({}, {"alg": "none"}, "wrong_algorithm"),
    "another alg": ({}, {"alg": "RS384"}, "wrong_algorithm"),
    "an HMAC": ({}, {"alg": "HS256", "signing_key": OctKey.generate_key(256)}, "wrong_algorithm"),
    "another key": ({}, {"signing_key": make_key("RSA", 7, "k0")}, "bad_signature"),
    "an unknown kid": ({}, {"kid": "k9"}, "unknown_key"),
    "another iss": ({"iss": "https://evil.example"}, {}, "wrong_issuer"),
    "no iss": ({"iss": ABSENT}, {}, "wrong_issuer"),
    "another aud": ({"aud": "somebody-else"}, {}, "wrong_audience"),
    "no aud": ({"aud": ABSENT}, {}, "wrong_audience"),
    "two in aud": ({"aud": ["byline", "somebody-else"]}, {}, "wrong_authorized_party"),
    "no event": ({"events": ABSENT}, {}, "not_a_logout"),
    "another event": ({"events": {"https://schemas.example/event/login": {}}}, {}, "not_a_logout"),
    "an event in a list": ({"events": [LOGOUT]}, {}, "not_a_logout"),
    "an event that is no object": ({"events": {LOGOUT: None}}, {}, "not_a_logout"),
    "a nonce": ({"nonce": "n"}, {}, "nonce_in_logout"),
    "an empty nonce": ({"nonce": None}, {}, "nonce_in_logout"),
    "no jti": ({"jti": ABSENT}, {}, "missing_token_id"),
    "an empty jti": ({"jti": ""}, {}, "missing_token_id"),
    "a jti that is a list": ({"jti": ["x"]}, {}, "missing_token_id"),
    "no exp": ({"exp": ABSENT}, {}, "missing_expiry"),
    "expired": ({"exp": -61}, {}, "expired"),
    "no iat": ({"iat": ABSENT}, {}, "missing_issue_time"),
    "a stale iat": ({"iat": -662, "exp": 120}, {}, "logout_too_old"),
    "an iat to come": ({"iat": 62, "exp": 120}, {}, "issued_in_future"),
    "not valid yet": ({"nbf": 62}, {}, "not_yet_valid"),
    "no sub and no sid": ({"sub": ABSENT}, {}, "missing_subject"),
    "an empty sid beside the sub": ({"sid": ""}, {}, "missing_subject"),
    "a sub that is a number": ({"sub": 1}, {}, "missing_subject"),
    "the type of an access token": ({}, {"typ": "at+jwt"}, "wrong_type"),
    "the type of something else": ({}, {"typ": "secevent+jwt"}, "wrong_type"),
    "an extension it insists on": ({}, {"crit": ["x"], "x": 1}, "malformed_token"),
}


def misbehave(idp, alg=None, signing_key=None, **header):
    """Turn the provider's knobs, while it still publishes the key that it should sign with."""
    idp.jwks = {"keys": [public(idp.signing_key)]}
    idp.alg, idp.signing_key = alg or idp.alg, signing_key or idp.signing_key
    idp.header |= header


@pytest.mark.parametrize(("claims", "knobs", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_logout_token_that_is_not_right_ends_nothing(log_in, app, idp, clock, security_log, claims, knobs, reason):
    browser, userinfo_calls = log_in(), idp.calls["userinfo"]
    misbehave(idp, **knobs)
    now = int(clock().timestamp())
    times = {name: now + claims[name] for name in ("iat", "exp", "nbf") if isinstance(claims.get(name), int)}
    response = tell(browser, idp.logout_token(**{**claims, **times}))
    assert (response.status_code, response.json) == (400, {"error": "invalid_request"})
    assert response.headers["Cache-Control"] == "no-store"
    assert security_log.reasons("backchannel_logout_refused") == [reason]
    assert browser.is_logged_in()
    assert idp.calls["userinfo"] == userinfo_calls


@pytest.mark.parametrize(
    "garbage", [None, "", "x", "..", "a.b.c", "e30.e30.", "\u00fc.\u00fc.\u00fc", "[" * 10_000, "x" * 1_000_000]
)
def test_garbage_instead_of_a_logout_token_is_refused(log_in, garbage):
    browser = log_in()
    response = browser.app.test_client().post(BACK, data={} if garbage is None else {"logout_token": garbage})
    assert (response.status_code, response.json) == (400, {"error": "invalid_request"})
    assert response.headers["Cache-Control"] == "no-store"
    assert browser.is_logged_in()


def test_an_id_token_is_no_logout_token(log_in, idp, security_log):
    browser = log_in()
    for token in (idp.make_id_token(nonce="n", sid="s1", jti="j1"), idp.make_id_token(jti="j2")):
        assert tell(browser, token).status_code == 400
    assert security_log.reasons("backchannel_logout_refused") == ["not_a_logout"] * 2
    assert browser.is_logged_in()


def test_a_logout_token_is_no_id_token(visitor, idp):
    params = visitor.begin()
    idp.tokens["id_token"] = idp.logout_token()
    assert visitor.return_with(params).status_code == 400
    assert not visitor.is_logged_in()


def test_a_logout_token_counts_once(log_in, idp, security_log):
    browser, token = log_in(), idp.logout_token(jti="j1")
    assert tell(browser, token).status_code == 200
    browser.log_in()
    assert tell(browser, token).status_code == 400
    assert tell(browser, idp.logout_token(jti="j1", sid="s1")).status_code == 400
    assert security_log.reasons("backchannel_logout_refused") == ["used_before"] * 2
    assert browser.is_logged_in()
    assert tell(browser, idp.logout_token(jti="j2")).status_code == 200
    assert not browser.is_logged_in()


def test_a_token_that_was_used_is_remembered_for_as_long_as_it_would_be_accepted(log_in, app, idp, clock):
    """However long the provider says that it is valid."""
    browser, token = log_in(), idp.logout_token(jti="j1", exp=int(clock().timestamp()) + 10**9)
    remembered = select(Spent).where(Spent.ref == app.extensions["porch"].seal.ref("logout token", ISSUER, "j1"))
    tell(browser, token)
    for seconds, is_remembered in ((10 * 60 + 58, True), (5, False)):
        clock.advance(seconds=seconds)
        Actor(app, idp).log_in("bob")  # which tidies up
        with app.app_context():
            assert (db.session.scalar(remembered) is not None) == is_remembered
        assert tell(browser, token).status_code == 400


def test_a_refused_token_uses_nothing_up(log_in, idp):
    browser = log_in()
    assert tell(browser, idp.logout_token(jti="j1", events=ABSENT)).status_code == 400
    assert tell(browser, idp.logout_token(jti="j1")).status_code == 200


def test_a_token_is_not_used_up_when_the_sessions_could_not_be_ended(log_in, app, idp):
    browser, token = log_in(), idp.logout_token()

    def refuse(_connection, _cursor, statement, *_):
        if statement.startswith("DELETE FROM sessions"):
            raise OperationalError(statement, {}, Exception("disk is full"))

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", refuse)
    assert tell(browser, token).status_code == 503
    event.remove(engine, "before_cursor_execute", refuse)
    assert browser.is_logged_in()
    assert tell(browser, token).status_code == 200
    assert not browser.is_logged_in()


def test_without_the_providers_keys_it_is_asked_to_try_again(log_in, idp, security_log):
    browser = log_in()
    browser.app.extensions["porch"].provider.__init__(ISSUER)
    idp.answers["jwks"] = DOWN
    token = idp.logout_token()
    response = tell(browser, token)
    assert (response.status_code, response.json) == (503, {"error": "temporarily_unavailable"})
    assert response.headers["Cache-Control"] == "no-store"
    assert int(response.headers["Retry-After"]) > 0
    assert security_log.reasons("backchannel_logout_refused") == ["provider_unreachable"]
    assert browser.is_logged_in()


def test_a_logout_token_of_a_new_key_is_understood(log_in, idp):
    browser = log_in()
    idp.rotate()
    assert tell(browser, idp.logout_token()).status_code == 200
    assert not browser.is_logged_in()


def test_the_provider_may_send_it_whatever_it_says_of_itself(log_in, idp):
    """It is a server: it has no cookie and no form token; a browser would say that it comes from elsewhere."""
    browser = log_in()
    headers = {"Origin": ISSUER, "Sec-Fetch-Site": "cross-site"}
    assert browser.post(BACK, {"logout_token": idp.logout_token()}, headers=headers).status_code == 200
    assert not browser.is_logged_in()


def test_no_page_and_no_log_shows_whom_a_logout_token_named(log_in, idp, security_log):
    browser, token = log_in(), idp.logout_token(sub="ada", sid="s1", jti="jti-of-it")
    tell(browser, token)
    tell(browser, token)
    assert security_log.of("backchannel_logout") == [{"ended": 1}]
    assert security_log.reasons("backchannel_logout_refused") == ["used_before"]
    assert not any(word in repr(security_log.lines) for word in (token, "ada", "s1", "jti-of-it"))


def test_a_statement_that_would_end_everybodys_sessions_is_not_made():
    with pytest.raises(ValueError, match="name a subject"):
        sessions.ending(Seal("a key"), ISSUER)


# -- in a frame --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own_cookie", [False, True])
def test_a_frame_of_the_provider_ends_the_session_it_names(log_in, own_cookie):
    browser, another = log_in("ada", "s1"), log_in("ada", "s2")
    frame = browser.client if own_cookie else browser.app.test_client()  # browsers send no Lax cookie into a frame
    response = frame.get(FRONT, query_string={"iss": ISSUER, "sid": "s1"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (response.status_code, response.data) == (200, b"")
    assert logged_in(browser, another) == [False, True]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"iss": ISSUER},
        {"sid": "s1"},
        {"iss": "https://evil.example", "sid": "s1"},
        {"iss": ISSUER + "/", "sid": "s1"},
        {"iss": ISSUER, "sid": ""},
        {"iss": ISSUER, "sid": "s2"},
    ],
)
def test_a_frame_that_does_not_name_the_session_ends_nothing(log_in, query):
    browser, without_sid = log_in("ada", "s1"), log_in("bob", ABSENT)
    response = browser.get(FRONT, query_string=query)
    assert (response.status_code, response.data) == (200, b"")
    assert logged_in(browser, without_sid) == [True, True]


def test_only_the_provider_may_show_that_frame(visitor):
    headers = visitor.get(FRONT).headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors https://idp.example"
    assert "X-Frame-Options" not in headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert visitor.get("/").headers["X-Frame-Options"] == "DENY"


# -- begun by a third party --------------------------------------------------------------------------------------------


def initiate(browser, method, **params):
    how = {"query_string": params} if method == "GET" else {"data": params}
    return browser.client.open(INITIATE, method=method, headers={"Sec-Fetch-Site": "cross-site"}, **how)


def asked(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_third_party_can_send_somebody_here_to_log_in(visitor, method):
    target = "http://localhost/a-post?page=2"
    response = initiate(visitor, method, iss=ISSUER, login_hint="ada@example.org", target_link_uri=target)
    assert response.status_code == 302
    assert asked(response.location)["login_hint"] == "ada@example.org"
    done = visitor.return_with(visitor.idp.authorize(response.location))
    assert (done.status_code, done.location) == (303, "/a-post?page=2")
    assert visitor.is_logged_in()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("iss", [None, "", "https://evil.example", ISSUER + "/", ISSUER.upper()])
def test_another_issuer_begins_no_login(visitor, security_log, method, iss):
    response = initiate(visitor, method, **({} if iss is None else {"iss": iss}))
    assert response.status_code == 400
    assert "initiated_elsewhere" in response.text
    assert "evil.example" not in response.text
    assert "Set-Cookie" not in response.headers
    assert visitor.idp.calls.total() == 0
    assert security_log.reasons("login_refused") == ["initiated_elsewhere"]


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("http://localhost/a-post", "/a-post"),
        ("http://localhost/", "/"),
        ("http://localhost", "/"),
        ("/a-post", "/a-post"),
        ("", "/dashboard"),
        ("a-post", "/dashboard"),
        ("https://evil.example/", "/dashboard"),
        ("https://localhost/a-post", "/dashboard"),
        ("http://localhost.evil.example/", "/dashboard"),
        ("http://localhost@evil.example/", "/dashboard"),
        ("http://localhost:81/", "/dashboard"),
        ("http://localhost//evil.example", "/dashboard"),
        ("http://localhost/\\evil.example", "/dashboard"),
        ("//evil.example", "/dashboard"),
        ("javascript:alert(1)", "/dashboard"),
        ("http://localhost/" + "a" * 500, "/dashboard"),
    ],
)
def test_a_third_party_names_a_target_on_this_site_only(visitor, link, target):
    response = initiate(visitor, "GET", iss=ISSUER, target_link_uri=link)
    assert visitor.return_with(visitor.idp.authorize(response.location)).location == target
    assert initiate(visitor, "GET", iss=ISSUER, target_link_uri=link).location == target  # logged in by now


def test_no_hint_is_passed_on_where_there_is_none(visitor):
    for hint in ({}, {"login_hint": ""}):
        assert "login_hint" not in asked(initiate(visitor, "GET", iss=ISSUER, **hint).location)


def test_a_third_party_sends_nobody_to_a_provider_that_is_down(visitor):
    visitor.idp.answers["discovery"] = DOWN
    assert initiate(visitor, "GET", iss=ISSUER).status_code == 503
