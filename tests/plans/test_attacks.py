"""The classes of attacks on relying parties, each through the doors: no session, no effect, and nobody is asked."""

from __future__ import annotations

import base64
import gzip
import json
import time
import tracemalloc

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import OctKey

from blog import create_app
from blog.db import db
from blog.identity import http
from tests.certificate import self_signed
from tests.fake_idp import ABSENT, FakeIdp, answer, b64, make_key, public
from tests.http_idp import Door, serve
from tests.plans.stage import LOGGED_IN, refused

EVIL = make_key("RSA", 66)


# -- identity spoofing -------------------------------------------------------------------------------------------------


def test_identity_spoofing_a_token_of_another_issuer_is_not_ours_whoever_it_names(stage):
    with serve(elsewhere := Door()) as url:
        other = elsewhere.open(FakeIdp(url, people={"ada": {"name": "Ada Lovelace"}}))
        other.signing_key = EVIL
        stage.idp.tokens["id_token"] = other.make_id_token("ada")
        assert stage.outcome(stage.log_in()) == refused("bad_signature")
        assert not other.requests


def test_identity_spoofing_a_name_and_an_address_make_nobody_somebody_else(stage):
    ada = {"name": "Ada Lovelace", "preferred_username": "ada", "email": "ada@idp.example", "email_verified": True}
    stage.idp.people |= {"ada": ada, "mallory": ada}
    author = stage.log_in()
    author.follow("Write a post").submit("Publish", title="A post of hers", body="Hers.")
    assert author.status == 200
    stage.door.sub = "mallory"
    mallory = stage.log_in()
    assert "A post of hers" not in mallory.text
    assert mallory.peek(f"{stage.url}/a-post-of-hers/edit") == 403
    assert author.peek(f"{stage.url}/a-post-of-hers/edit") == 200


def test_identity_spoofing_userinfo_cannot_say_who_it_is(stage):
    stage.door.sub = "mallory"
    stage.idp.userinfo |= {"sub": "ada", "iss": stage.idp.issuer}
    assert stage.outcome(stage.log_in()) == refused("userinfo_of_another", userinfo=1)


# -- key confusion -----------------------------------------------------------------------------------------------------


def certificate_in_header():
    return base64.b64encode(self_signed(EVIL.raw_value).public_bytes(Encoding.DER)).decode()


HEADERS = {
    "jku": lambda url: {"jku": f"{url}/jwks"},
    "x5u": lambda url: {"x5u": f"{url}/certificate"},
    "jku and x5u with a new kid": lambda url: {"jku": f"{url}/jwks", "x5u": f"{url}/x", "kid": "evil"},
    "x5c": lambda url: {"x5c": [certificate_in_header()]},
    "an embedded jwk": lambda url: {"jwk": public(EVIL)},
    "an embedded jwk with its kid": lambda url: {"jwk": public(EVIL, kid="evil"), "kid": "evil"},
    "kid: a path": lambda url: {"kid": "../../../../dev/null"},
    "kid: SQL": lambda url: {"kid": "' UNION SELECT 'k0' --"},
    "kid: an address": lambda url: {"kid": f"{url}/jwks"},
    "kid: a command": lambda url: {"kid": "k0|sleep 9"},
    "nothing but another key": lambda url: {},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_key_confusion_a_token_does_not_choose_its_key(stage, attacker, header):
    url, listener = attacker
    stage.idp.jwks = {"keys": [public(stage.idp.signing_key)]}
    stage.idp.signing_key, stage.idp.header = EVIL, {"kid": "k0", **header(url)}
    kid = stage.idp.header["kid"]
    assert stage.outcome(stage.log_in()) == refused("bad_signature" if kid == "k0" else "unknown_key")
    assert not listener.asked


@pytest.mark.parametrize("key_form", ["pem", "der", "jwk", "n"])
def test_key_confusion_the_public_key_is_no_secret_to_sign_with(stage, key_form):
    key = stage.idp.signing_key
    jwk = public(key)
    secret = {
        "pem": key.as_pem(private=False),
        "der": key.as_der(private=False),
        "jwk": json.dumps(jwk).encode(),
        "n": base64.urlsafe_b64decode(jwk["n"] + "=="),
    }[key_form]
    stage.idp.jwks = {"keys": [jwk]}
    stage.idp.signing_key, stage.idp.alg = OctKey(secret, secret, {"kid": "k0"}), "HS256"
    assert stage.outcome(stage.log_in()) == refused("wrong_algorithm")


def test_key_confusion_a_secret_in_the_key_set_is_no_key(settings, request):
    settings["OIDC_ID_TOKEN_ALG"] = "HS256"
    stage = request.getfixturevalue("stage")
    shared = OctKey.generate_key(256, {"kid": "k0"})
    stage.idp.jwks = {"keys": [shared.as_dict(private=True)]}
    stage.idp.signing_key, stage.idp.alg = shared, "HS256"
    assert stage.outcome(stage.log_in()) == refused("bad_signature")


# -- replay ------------------------------------------------------------------------------------------------------------


def test_replay_a_code_opens_nothing_a_second_time(stage):
    visitor, thief = stage.visitor(), stage.visitor()
    params = stage.go_there(visitor)
    stage.come_back(visitor, params)
    assert stage.is_logged_in(visitor)
    stage.come_back(thief, params)
    assert (thief.status, stage.log.reasons("login_refused")) == (400, ["state_unknown"])
    assert not stage.is_logged_in(thief)
    assert stage.asked().count("token") == 1


def test_replay_a_code_in_a_login_of_ones_own_is_refused_by_the_provider(stage):
    visitor, thief = stage.visitor(), stage.visitor()
    params = stage.go_there(visitor)
    stage.come_back(visitor, params)
    stage.come_back(thief, {**stage.go_there(thief), "code": params["code"]})
    assert (thief.status, stage.log.reasons("login_refused")) == (400, ["code_refused"])
    assert not stage.is_logged_in(thief)


def test_replay_an_id_token_of_an_earlier_login_is_refused(stage):
    sent = []
    answered = stage.idp.make_id_token
    stage.idp.make_id_token = lambda *args, **claims: sent.append(answered(*args, **claims)) or sent[0]
    assert stage.outcome(stage.log_in()) == LOGGED_IN
    visitor = stage.log_in()
    assert (visitor.status, stage.log.reasons("login_refused")) == (400, ["wrong_nonce"])
    assert not stage.is_logged_in(visitor)
    assert len(sent) == 2


def test_replay_a_logout_token_counts_once(stage):
    token = stage.idp.logout_token()
    told = []
    for _ in range(2):
        visitor = stage.log_in()
        answer = requests.post(f"{stage.url}/oidc/backchannel-logout", data={"logout_token": token}, timeout=5)
        told.append((answer.status_code, stage.is_logged_in(visitor)))
    assert told == [(200, False), (400, True)]
    assert stage.log.reasons("backchannel_logout_refused") == ["used_before"]


# -- signature stripping -----------------------------------------------------------------------------------------------


def unsigned(alg):
    """A token's three parts, the last one empty."""
    return lambda head, payload, signature: f"{b64(json.dumps({'alg': alg, 'kid': 'k0'}).encode())}.{payload}."


STRIPPED = {
    "alg none": (unsigned("none"), "wrong_algorithm"),
    "alg nOnE": (unsigned("nOnE"), "wrong_algorithm"),
    "alg empty": (unsigned(""), "wrong_algorithm"),
    "the signature left out": (lambda head, payload, _: f"{head}.{payload}.", "bad_signature"),
    "two parts": (lambda head, payload, _: f"{head}.{payload}", "malformed_token"),
    "the signature of another token": (lambda head, payload, _: f"{head}.{payload}.{b64(b'x' * 256)}", "bad_signature"),
    "other claims under a good signature": (
        lambda head, _, signature: f"{head}.{b64(json.dumps({'sub': 'eve'}).encode())}.{signature}",
        "bad_signature",
    ),
}


@pytest.mark.parametrize(("strip", "reason"), STRIPPED.values(), ids=STRIPPED)
def test_signature_stripping_a_token_that_nobody_signed_is_refused(stage, strip, reason):
    answered = stage.idp.make_id_token
    stage.idp.make_id_token = lambda *args, **claims: strip(*answered(*args, **claims).split("."))
    assert stage.outcome(stage.log_in()) == refused(reason)


# -- login CSRF, session overwriting -----------------------------------------------------------------------------------


def test_login_csrf_somebody_elses_answer_logs_nobody_in(stage):
    stage.door.sub, victim = "mallory", stage.visitor()
    stage.come_back(victim, stage.go_there(stage.visitor()))
    assert stage.outcome(victim) == refused("state_unknown")
    assert "token" not in stage.asked()


def test_login_csrf_somebody_elses_answer_does_not_fit_a_login_that_is_under_way(stage):
    victim = stage.visitor()
    own = stage.go_there(victim)
    stage.door.sub = "mallory"
    stage.come_back(victim, {**stage.go_there(stage.visitor()), "state": own["state"]})
    assert stage.outcome(victim) == refused("code_refused")


def test_session_overwriting_somebody_elses_answer_changes_no_session(stage):
    victim = stage.log_in()
    stage.asked()
    cookie = victim.cookie("byline")
    stage.door.sub = "mallory"
    stage.come_back(victim, stage.go_there(stage.visitor()))
    assert stage.log.reasons("login_refused") == ["state_unknown"]
    assert victim.cookie("byline") == cookie
    assert "Ada Lovelace" in victim.open(f"{stage.url}/dashboard").text
    assert "token" not in stage.asked()


def test_session_overwriting_an_id_that_somebody_planted_is_never_taken(stage):
    planted = "A" * 43
    victim, attacker = stage.visitor(), stage.visitor()
    for browser in (victim, attacker):
        browser.plant("byline", planted)
    stage.log_in(victim)
    assert stage.is_logged_in(victim)
    assert not stage.is_logged_in(attacker)


def test_session_overwriting_a_login_ends_the_session_that_was_in_the_browser(stage):
    mallory = stage.log_in()
    shared = mallory.cookie("byline")
    params = stage.go_there(fresh := stage.visitor())
    fresh.plant("byline", shared)
    stage.come_back(fresh, params)
    assert fresh.status == 200
    assert not stage.is_logged_in(mallory)


# -- token-recipient confusion -----------------------------------------------------------------------------------------

RECIPIENTS = {
    "another client": ({"aud": "somebody-else"}, "wrong_audience"),
    "another client, given out to us": ({"aud": "somebody-else", "azp": "byline"}, "wrong_audience"),
    "us, given out to another": ({"azp": "somebody-else"}, "wrong_authorized_party"),
    "us and another": ({"aud": ["byline", "somebody-else"]}, "wrong_authorized_party"),
    "almost us": ({"aud": "Byline"}, "wrong_audience"),
}


@pytest.mark.parametrize(("claims", "reason"), RECIPIENTS.values(), ids=RECIPIENTS)
def test_token_recipient_confusion_a_token_for_somebody_else_is_refused(stage, claims, reason):
    stage.idp.id_token |= claims
    assert stage.outcome(stage.log_in()) == refused(reason)


# -- token substitution ------------------------------------------------------------------------------------------------


def test_token_substitution_a_code_of_another_browser_does_not_fit(stage):
    victim, thief = stage.visitor(), stage.visitor()
    stolen = stage.go_there(victim)["code"]
    stage.come_back(thief, {**stage.go_there(thief), "code": stolen})
    assert stage.outcome(thief) == refused("code_refused")


def test_token_substitution_an_access_token_of_somebody_else_is_found_out(stage):
    stage.door.sub = "mallory"
    stage.log_in()
    token = dict(stage.idp.requests)["userinfo"].headers["Authorization"].removeprefix("Bearer ")
    stage.door.sub, stage.idp.tokens["access_token"] = "ada", token
    visitor = stage.log_in()
    assert (visitor.status, stage.log.reasons("login_refused")) == (400, ["userinfo_of_another"])
    assert not stage.is_logged_in(visitor)


def test_token_substitution_an_access_token_that_the_id_token_does_not_vouch_for_is_not_sent(stage):
    stage.idp.id_token["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA"
    assert stage.outcome(stage.log_in()) == refused("wrong_access_token")


def test_token_substitution_a_logout_token_is_no_id_token(stage):
    stage.idp.tokens["id_token"] = stage.idp.logout_token()
    assert stage.outcome(stage.log_in()) == refused("wrong_nonce")


# -- issuer and provider confusion -------------------------------------------------------------------------------------


@pytest.mark.parametrize("iss", ["https://evil.example", "", ABSENT], ids=["another", "empty", "none"])
def test_provider_confusion_an_answer_of_another_issuer_never_costs_the_code(stage, iss):
    stage.door.params["iss"] = iss
    assert stage.outcome(stage.log_in()) == refused("answer_from_elsewhere")
    assert stage.asked() == ["discovery"]


def test_provider_confusion_an_error_of_another_issuer_is_not_believed(stage):
    stage.door.sub, stage.door.params["iss"] = None, "https://evil.example"
    assert stage.outcome(stage.log_in()) == refused("answer_from_elsewhere")


def test_issuer_confusion_nobody_is_sent_to_a_document_of_another_issuer(stage, attacker):
    url, listener = attacker
    stage.idp.metadata |= {"issuer": url, "token_endpoint": f"{url}/token"}
    assert stage.outcome(stage.log_in()) == refused("issuer_mismatch")
    assert not listener.asked


def test_issuer_confusion_a_login_begun_at_one_issuer_is_not_finished_at_another(stage, settings, entrance, clock):
    visitor = stage.visitor()
    params = stage.go_there(visitor)
    with serve(elsewhere := Door()) as issuer:
        moved = create_app(settings | {"OIDC_ISSUER": issuer}, now=clock)
        other = elsewhere.open(FakeIdp(issuer))
        entrance[1].application = moved
        stage.come_back(visitor, params)
        assert (visitor.status, stage.log.reasons("login_refused")) == (400, ["answer_from_elsewhere"])
        assert not stage.is_logged_in(visitor)
        assert "token" not in other.calls
        moved.extensions["porch"].directory.close()
        with moved.app_context():
            db.engine.dispose()


# -- malicious endpoints -----------------------------------------------------------------------------------------------

UNSAFE = [
    "http://idp.example/token",
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1:8500/token",
    "ftp://localhost/token",
    "file:///etc/passwd",
    "gopher://localhost:6379/_FLUSHALL",
    "https://user:password@idp.example/token",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("url", UNSAFE)
def test_malicious_endpoints_nobody_is_sent_on_the_word_of_an_unsafe_document(stage, url):
    stage.idp.metadata["token_endpoint"] = url
    assert stage.outcome(stage.log_in()) == refused("provider_unreachable")
    assert "token_endpoint" in stage.log.of("login_refused")[0]["what"]
    assert stage.asked() == ["discovery"]


ASKED = {"discovery": 0, "token": 0, "jwks": 0, "userinfo": 1}


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("endpoint", ASKED)
def test_malicious_endpoints_no_redirect_is_followed(stage, attacker, endpoint, status):
    url, listener = attacker
    stage.idp.answers[endpoint] = answer(b"", status, Location=f"{url}/here")
    assert stage.outcome(stage.log_in()) == refused("provider_unreachable", userinfo=ASKED[endpoint])
    assert "redirects" in stage.log.of("login_refused")[0]["what"]
    assert not listener.asked


@pytest.mark.parametrize("endpoint", ASKED)
def test_malicious_endpoints_an_answer_that_never_ends_does(stage, endpoint, monkeypatch):
    monkeypatch.setitem(http.fetch.__kwdefaults__, "deadline_s", 0.8)  # ten seconds in earnest
    stage.door.dripping.add(endpoint)
    started = time.monotonic()
    assert stage.outcome(stage.log_in()) == refused("provider_unreachable", userinfo=ASKED[endpoint])
    assert time.monotonic() - started < 5


def bomb():
    """Five megabytes that unpack to five thousand."""
    piece = gzip.compress(b" " * 10_000_000)
    return piece * (5_000_000 // len(piece))


@pytest.mark.parametrize("endpoint", ASKED)
def test_malicious_endpoints_a_compressed_bomb_fills_no_memory(stage, endpoint):
    stage.idp.answers[endpoint] = answer(bomb(), Content_Encoding="gzip")
    tracemalloc.start()
    try:
        assert stage.outcome(stage.log_in()) == refused("provider_unreachable", userinfo=ASKED[endpoint])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "more than 1048576 bytes" in stage.log.of("login_refused")[0]["what"]
    assert most < 30_000_000
