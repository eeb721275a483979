"""The Basic plan of the OpenID Foundation, and the same with form post: each line once with either."""

from __future__ import annotations

import pytest
from joserfc.jwk import OctKey

from tests.fake_idp import ABSENT, FakeIdp, make_key, public
from tests.plans.stage import LOGGED_IN, refused


@pytest.fixture(params=["query", "form_post"])
def response_mode(request):
    return request.param


# -- accepted ----------------------------------------------------------------------------------------------------------


def test_a_plain_login_ends_in_userinfo(stage, response_mode):
    visitor = stage.log_in()
    assert stage.outcome(visitor) == LOGGED_IN
    assert "Ada Lovelace" in visitor.text
    assert stage.asked() == ["discovery", "token", "jwks", "userinfo"]
    assert stage.idp.authorizations[0].get("response_mode", "query") == response_mode


def test_without_a_kid_the_one_key_that_fits_is_found_among_others(stage):
    stage.idp.header["kid"] = ABSENT
    others = make_key("EC", kid="e1"), make_key("OKP", kid="o1")
    stage.idp.more_jwks = [*map(public, others), public(make_key("RSA", 5, "r1"), use="enc")]
    assert stage.outcome(stage.log_in()) == LOGGED_IN


def test_a_token_that_is_signed_with_rs256_is_accepted(stage):
    assert stage.idp.alg == "RS256"
    assert stage.outcome(stage.log_in()) == LOGGED_IN


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_the_client_proves_itself_as_it_is_registered(settings, request, method):
    settings["OIDC_TOKEN_AUTH_METHOD"] = method
    stage = request.getfixturevalue("stage")
    assert stage.outcome(stage.log_in()) == LOGGED_IN
    sent = dict(stage.idp.requests)["token"]
    assert sent.headers.get("Authorization", "").startswith("Basic ") == (method == "client_secret_basic")
    assert (b"client_secret=" in sent.body) == (method == "client_secret_post")


def test_scopes_are_asked_for_as_they_are_set(settings, request):
    settings["OIDC_SCOPES"] = "profile email address"
    stage = request.getfixturevalue("stage")
    assert stage.outcome(stage.log_in()) == LOGGED_IN
    assert stage.idp.authorizations[0]["scope"] == "openid profile email address"


# -- refused -----------------------------------------------------------------------------------------------------------

TOKENS = {
    "a wrong iss": ({"iss": "https://evil.example"}, "wrong_issuer"),
    "no sub": ({"sub": ABSENT}, "missing_subject"),
    "a wrong aud": ({"aud": "somebody-else"}, "wrong_audience"),
    "no aud": ({"aud": ABSENT}, "wrong_audience"),
    "no iat": ({"iat": ABSENT}, "missing_issue_time"),
    "a wrong nonce": ({"nonce": "of another login"}, "wrong_nonce"),
}


@pytest.mark.parametrize(("claims", "reason"), TOKENS.values(), ids=TOKENS)
def test_an_id_token_that_says_something_wrong_is_refused(stage, claims, reason):
    stage.idp.id_token |= claims
    assert stage.outcome(stage.log_in()) == refused(reason)
    assert stage.asked() == ["discovery", "token", "jwks"]


@pytest.mark.parametrize("alg", ["RS256", "ES256", "HS256"])
def test_an_id_token_with_a_bad_signature_is_refused(settings, idp, request, alg):
    settings["OIDC_ID_TOKEN_ALG"] = alg
    signed_by_somebody_else(idp, alg)
    stage = request.getfixturevalue("stage")
    assert stage.outcome(stage.log_in()) == refused("bad_signature")


def signed_by_somebody_else(idp: FakeIdp, alg: str) -> None:
    kind = {"RS256": "RSA", "ES256": "EC"}.get(alg)
    idp.alg, idp.jwks = alg, {"keys": [public(make_key(kind, 1))] if kind else []}
    idp.signing_key = make_key(kind, 66) if kind else OctKey.generate_key(256)


def test_an_id_token_that_nobody_signed_is_refused(stage):
    stage.idp.alg = "none"
    assert stage.outcome(stage.log_in()) == refused("wrong_algorithm")


def test_userinfo_about_somebody_else_is_refused(stage):
    stage.idp.userinfo["sub"] = "bob"
    assert stage.outcome(stage.log_in()) == refused("userinfo_of_another", userinfo=1)
