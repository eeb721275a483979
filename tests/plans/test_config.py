"""The Config plan of the OpenID Foundation: discovery, and keys that are somewhere else, new, or strange."""

from __future__ import annotations

import pytest

from tests.fake_idp import public
from tests.http_idp import serve
from tests.plans.stage import LOGGED_IN, refused


def test_where_everything_is_is_read_from_discovery(stage):
    base = stage.idp.issuer
    stage.idp.metadata |= {"token_endpoint": f"{base}/t/o/k/e/n", "userinfo_endpoint": f"{base}/who"}
    assert stage.outcome(stage.log_in()) == LOGGED_IN
    where = {name: sent.url for name, sent in stage.idp.requests}
    assert where["discovery"] == f"{base}/.well-known/openid-configuration"
    assert (where["token"], where["userinfo"]) == (f"{base}/t/o/k/e/n", f"{base}/who")


def test_keys_are_found_at_any_address(stage):
    stage.idp.metadata["jwks_uri"] = f"{stage.idp.issuer}/deep/down/keys.json?tenant=a%20b"
    assert stage.outcome(stage.log_in()) == LOGGED_IN
    assert dict(stage.idp.requests)["jwks"].url.endswith("/deep/down/keys.json?tenant=a%20b")


def test_keys_are_found_at_another_host(stage):
    with serve(stage.door) as elsewhere:
        stage.idp.metadata["jwks_uri"] = f"{elsewhere}/jwks"
        assert stage.outcome(stage.log_in()) == LOGGED_IN
        assert dict(stage.idp.requests)["jwks"].url == f"{elsewhere}/jwks"


@pytest.mark.parametrize("theirs", ["https://evil.example", "{issuer}/", "{issuer}/realms/a", ""])
def test_discovery_of_another_issuer_sends_nobody_to_the_authorization_endpoint(stage, theirs):
    stage.idp.metadata["issuer"] = theirs.format(issuer=stage.idp.issuer)
    assert stage.outcome(stage.log_in()) == refused("issuer_mismatch")
    assert not stage.idp.calls["authorize"]
    assert stage.asked() == ["discovery"]


@pytest.mark.parametrize("same_kid", [False, True], ids=["a new kid", "the same kid"])
def test_keys_that_rotate_between_two_logins_are_found(stage, same_kid):
    assert stage.outcome(stage.log_in()) == LOGGED_IN
    stage.idp.rotate(same_kid=same_kid)
    stage.asked()
    assert stage.is_logged_in(stage.log_in())
    assert stage.asked()[-3:] == ["token", "jwks", "userinfo"]


def test_keys_that_rotate_while_a_token_is_signed_are_found(stage, clock):
    assert stage.outcome(stage.log_in()) == LOGGED_IN
    stage.idp.meanwhile["token"] = stage.idp.rotate
    stage.asked()
    assert stage.is_logged_in(stage.log_in())
    clock.advance(seconds=61)
    assert stage.is_logged_in(stage.log_in())
    assert stage.asked().count("jwks") == 2
    assert not stage.log.reasons("login_refused")


def test_keys_that_rotate_faster_than_once_a_minute_refuse_a_login_with_the_reason(stage):
    stage.idp.meanwhile["token"] = stage.idp.rotate
    assert stage.outcome(stage.log_in()) == LOGGED_IN
    assert stage.is_logged_in(stage.log_in())
    visitor = stage.log_in()
    assert (visitor.status, stage.log.reasons("login_refused")) == (400, ["unknown_key"])
    assert not stage.is_logged_in(visitor)


STRANGE_KEYS = [
    {"kty": "EC", "kid": "k0", "crv": "secp256k1", "x": "AA", "y": "AA"},
    {"kty": "EC", "crv": "P-1024", "x": "AA", "y": "AA"},
    {"kty": "OKP", "crv": "Ed9000", "x": "AA"},
    {"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA"},
    {"kty": "RSA", "n": "AA", "e": "AQAB"},
    {"kty": ["RSA"]},
    {},
    None,
    "k0",
]


def test_keys_of_unknown_curves_cost_us_those_keys_only(stage):
    stage.idp.jwks = {"keys": [*STRANGE_KEYS, public(stage.idp.signing_key), *STRANGE_KEYS]}
    assert stage.outcome(stage.log_in()) == LOGGED_IN


def test_where_all_keys_are_of_unknown_curves_the_refusal_says_so(stage):
    stage.idp.jwks = {"keys": STRANGE_KEYS}
    assert stage.outcome(stage.log_in()) == refused("unknown_key")
