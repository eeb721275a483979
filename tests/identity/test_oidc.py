"""Whole logins against a provider that signs real tokens: what is accepted, what is refused, and for which reason."""

from __future__ import annotations

import ast
import base64
import contextlib
import dataclasses
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import OctKey

import blog.identity
from blog.errors import LoginRefused, Unreachable
from blog.identity import oidc
from blog.identity.oidc import Attempt, Client, Login
from blog.identity.provider import Provider
from blog.identity.signatures import secret_key
from blog.identity.tokens import Expected, judge_id_token
from tests.fake_idp import (
    ABSENT,
    DEEP,
    DOWN,
    EMPTY,
    ERROR500,
    HTML,
    HUGE,
    SLOW,
    FakeIdp,
    answer,
    make_key,
    public,
    sign,
)

NOW = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
T = int(NOW.timestamp())


def a_client(idp: FakeIdp, **changes: Any) -> Client:
    """The blog, as it is registered at the fake provider."""
    client = Client(
        issuer=idp.issuer,
        client_id=idp.client_id,
        client_secret=idp.client_secret,
        redirect_uri="https://blog.example/oidc/callback",
        scopes=("openid", "profile"),
        token_auth_method="client_secret_basic",
        id_token_alg=idp.alg,
        userinfo_alg="",
        response_mode="query",
        skew=60,
    )
    return dataclasses.replace(client, **changes)


class Visitor:
    """Logs in, with the provider's clock and ours standing at NOW."""

    def __init__(self, idp: FakeIdp, **changes: Any) -> None:
        idp.clock = lambda: T
        self.idp = idp
        self.client = a_client(idp, **changes)
        self.provider = Provider(idp.issuer, clock=lambda: T)

    def begin(self, **how: Any) -> Attempt:
        return oidc.begin(self.client, self.provider, now=NOW, **how)

    def finish(self, attempt: Attempt, params: dict[str, str], *, later_s: float = 0) -> Login:
        return oidc.finish(self.client, self.provider, attempt, params, now=NOW + timedelta(seconds=later_s))

    def log_in(self, *, later_s: float = 0, **how: Any) -> Login:
        attempt = self.begin(**how)
        return self.finish(attempt, self.idp.authorize(attempt.url), later_s=later_s)

    def refusal(self, **how: Any) -> str:
        with pytest.raises(LoginRefused) as caught:
            self.log_in(**how)
        return caught.value.reason


@pytest.fixture
def visitor(idp):
    return Visitor(idp)


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


# Beginning


def test_a_login_begins_with_everything_the_standards_ask_for(visitor):
    attempt = visitor.begin(next="/dashboard")
    asked = query(attempt.url)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.code_verifier.encode()).digest()).decode().rstrip("=")
    assert attempt.url.startswith("https://idp.example/authorize?")
    assert asked == {
        "response_type": "code",
        "client_id": "byline",
        "redirect_uri": "https://blog.example/oidc/callback",
        "scope": "openid profile",
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    assert (attempt.next, attempt.started_at, attempt.issuer) == ("/dashboard", T, "https://idp.example")


def test_offline_access_is_asked_for_with_consent(idp):  # Core 1.0, 11
    plain, offline = Visitor(idp), Visitor(idp, scopes=("profile", "offline_access"))
    assert "prompt" not in query(plain.begin().url)
    assert query(offline.begin().url)["prompt"] == "consent"
    assert query(offline.begin(create=True).url)["prompt"] == "create consent"


def test_every_login_has_its_own_secrets_of_256_bits(visitor):  # row 16
    attempts = [visitor.begin() for _ in range(20)]
    secrets = {secret for each in attempts for secret in (each.state, each.nonce, each.code_verifier)}
    assert len(secrets) == 60
    assert all(re.fullmatch(r"[\w-]{43}", secret) for secret in secrets)


def test_nothing_secret_is_in_what_logs_print(visitor):  # row 16
    attempt = visitor.begin()
    login = visitor.finish(attempt, visitor.idp.authorize(attempt.url))
    printed = repr((visitor.client, attempt, login))
    for secret in (attempt.state, attempt.nonce, attempt.code_verifier, visitor.client.client_secret, login.id_token):
        assert secret not in printed
    assert "Ada" not in printed


def test_openid_is_asked_for_once_whatever_the_setting_says(idp):
    for scopes, asked in (((), "openid"), (("email",), "openid email"), (("email", "openid"), "openid email")):
        assert query(Visitor(idp, scopes=scopes).begin().url)["scope"] == asked


def test_form_post_is_asked_for_only_when_set(idp):
    assert query(Visitor(idp, response_mode="form_post").begin().url)["response_mode"] == "form_post"
    assert "response_mode" not in query(Visitor(idp).begin().url)


@pytest.mark.parametrize(
    ("create", "supported", "prompt"),
    [(True, ["create"], "create"), (True, ["login"], None), (True, ABSENT, None), (False, ["create"], None)],
)
def test_registration_is_asked_for_where_the_provider_offers_it(visitor, create, supported, prompt):
    visitor.idp.metadata["prompt_values_supported"] = supported
    assert query(visitor.begin(create=create).url).get("prompt") == prompt


def test_a_hint_an_age_and_a_strength_can_be_asked_for(visitor):
    asked = query(visitor.begin(login_hint="ada & co", max_age=0, acr_values=["gold", "silver"]).url)
    assert (asked["login_hint"], asked["max_age"], asked["acr_values"]) == ("ada & co", "0", "gold silver")


def test_a_query_of_the_authorization_endpoint_is_kept(visitor):
    visitor.idp.metadata["authorization_endpoint"] = "https://idp.example/authorize?tenant=a"
    assert query(visitor.begin().url)["tenant"] == "a"


def test_no_browser_is_sent_to_a_provider_that_calls_itself_otherwise(visitor):  # row 1
    visitor.idp.metadata["issuer"] = "https://evil.example"
    with pytest.raises(LoginRefused) as caught:
        visitor.begin()
    assert caught.value.reason == "issuer_mismatch"


def test_an_attempt_survives_json(visitor):
    attempt = visitor.begin(next="/dashboard", max_age=60, acr_values=("gold",))
    kept = json.dumps(attempt.to_dict())
    assert Attempt.from_dict(json.loads(kept)) == attempt
    assert attempt.url not in kept


# Accepting


def test_a_login_tells_who_it_is(visitor):
    visitor.idp.people["ada"] = {"name": "Ada Lovelace", "groups": ["authors"]}
    visitor.idp.id_token["sid"] = "s1"
    visitor.idp.tokens["refresh_token"] = "r1"
    login = visitor.log_in()
    assert (login.claims["sub"], login.claims["name"], login.claims["groups"]) == ("ada", "Ada Lovelace", ["authors"])
    assert (login.sid, login.refresh_token, login.id_token.count(".")) == ("s1", "r1", 2)
    assert visitor.idp.calls == {"discovery": 1, "jwks": 1, "token": 1, "userinfo": 1}


@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS512"])
def test_every_algorithm_that_can_be_set_works(alg):
    secret = "0123456789abcdef" * 4
    with FakeIdp(alg=alg, client_secret=secret) as idp:
        assert Visitor(idp).log_in().claims["sub"] == "ada"


@pytest.mark.parametrize("secret", ["s3cr:t +%/&é~", "a b", "ü" * 40, "plain"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_of_any_characters_reaches_the_provider(secret, method):  # row 20
    with FakeIdp(client_id="by:line &co", client_secret=secret) as idp:
        assert Visitor(idp, token_auth_method=method).log_in().claims["sub"] == "ada"


def test_the_code_goes_with_its_verifier(visitor):  # row 16
    attempt = visitor.begin()
    params = visitor.idp.authorize(attempt.url)
    visitor.finish(attempt, params)
    (request,) = visitor.idp.token_requests
    assert (request["code"], request["code_verifier"]) == (params["code"], attempt.code_verifier)
    assert request["redirect_uri"] == visitor.client.redirect_uri


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_logins_begun_in_several_tabs_end_in_any_order(visitor, order):  # row 19
    attempts = [visitor.begin() for _ in range(3)]
    answers = [visitor.idp.authorize(attempt.url) for attempt in attempts]
    for index in order:
        assert visitor.finish(attempts[index], answers[index]).claims["sub"] == "ada"


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_the_token_type_counts_in_any_case(visitor, kind):
    visitor.idp.tokens |= {"token_type": kind, "expires_in": 300}
    assert visitor.log_in()


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"aud": ["byline"]}, id="an audience that is a list"),
        pytest.param({"aud": ["byline", "other"], "azp": "byline"}, id="two audiences, authorized for us"),
        pytest.param({"azp": "byline"}, id="authorized for us"),
        pytest.param({"sub": "a" * 255}, id="the longest subject"),
        pytest.param({"iat": T - 86400}, id="issued yesterday"),
        pytest.param({"iat": T - 0.5, "exp": T + 0.5}, id="fractions of seconds"),
        pytest.param({"sid": 42}, id="a session without a usable name"),
    ],
)
def test_unusual_but_right_tokens_are_accepted(visitor, claims):
    visitor.idp.id_token |= claims
    visitor.idp.userinfo["sub"] = claims.get("sub", "ada")
    assert visitor.log_in().sid is None


SKEW_EDGES = [
    ("exp", -59, True),
    ("exp", -60, False),
    ("iat", 60, True),
    ("iat", 61, False),
    ("nbf", 60, True),
    ("nbf", 61, False),
]


@pytest.mark.parametrize(("claim", "seconds", "accepted"), SKEW_EDGES)
def test_clocks_may_differ_by_the_skew_and_not_by_more(visitor, claim, seconds, accepted):
    visitor.idp.id_token[claim] = T + seconds
    if accepted:
        assert visitor.log_in()
    else:
        assert visitor.refusal() in {"expired", "issued_in_future", "not_yet_valid"}


@pytest.mark.parametrize(
    ("skew", "exp", "accepted"), [(0, 1, True), (0, 0, False), (120, -119, True), (120, -120, False)]
)
def test_the_skew_is_a_setting(idp, skew, exp, accepted):
    idp.id_token["exp"] = T + exp
    if accepted:
        assert Visitor(idp, skew=skew).log_in()
    else:
        assert Visitor(idp, skew=skew).refusal() == "expired"


# Refusing what the browser brings


def changed(**changes: Any):
    return lambda params: {name: value for name, value in {**params, **changes}.items() if value is not ABSENT}


ANSWERS = [
    ("state_mismatch", changed(state="other")),
    ("state_mismatch", changed(state=ABSENT)),
    ("state_mismatch", changed(state="")),
    ("state_mismatch", changed(state="\ud800ü")),
    ("answer_from_elsewhere", changed(iss="https://evil.example")),  # row 9
    ("answer_from_elsewhere", changed(iss="https://idp.example/")),
    ("answer_from_elsewhere", changed(iss="")),
    ("answer_from_elsewhere", changed(iss=ABSENT)),
    ("code_missing", changed(code=ABSENT)),
    ("code_missing", changed(code="")),
    ("code_missing", changed(code="\ud800")),
    ("code_missing", changed(code="a\r\nb")),
    # row 10: state first, then iss, then the error
    ("state_mismatch", changed(state="other", error="access_denied")),
    ("state_mismatch", changed(state="other", iss="https://evil.example")),
    ("answer_from_elsewhere", changed(iss="https://evil.example", error="access_denied")),
    ("answer_from_elsewhere", changed(iss=ABSENT, error="access_denied")),
    # row 11: an error counts wherever it stands, also beside a code
    ("access_denied", changed(error="access_denied")),
]


@pytest.mark.parametrize(("reason", "change"), ANSWERS)
def test_an_answer_that_is_not_for_this_login_never_costs_the_code(visitor, reason, change):  # rows 9, 10, 11
    attempt = visitor.begin()
    with pytest.raises(LoginRefused) as caught:
        visitor.finish(attempt, change(visitor.idp.authorize(attempt.url)))
    assert caught.value.reason == reason
    assert not visitor.idp.token_requests


ERRORS = [
    ("access_denied", "access_denied"),
    ("login_required", "login_required"),
    ("consent_required", "interaction_required"),
    ("interaction_required", "interaction_required"),
    ("temporarily_unavailable", "temporarily_unavailable"),
    ("server_error", "provider_error"),
    ("invalid_scope", "request_refused"),
    ("unauthorized_client", "request_refused"),
    ("<script>alert(1)</script>", "provider_error"),
    ("", "provider_error"),
    ("issuer_mismatch", "provider_error"),
]


@pytest.mark.parametrize(("error", "reason"), ERRORS)
def test_an_error_is_told_in_our_own_words(visitor, error, reason):  # row 10
    attempt = visitor.begin()
    params = {**visitor.idp.authorize(attempt.url, error="placeholder"), "error": error}
    with pytest.raises(LoginRefused) as caught:
        visitor.finish(attempt, params)
    assert (caught.value.reason, str(caught.value)) == (reason, reason)


def test_a_provider_that_never_names_itself_need_not(visitor):  # row 9
    visitor.idp.metadata["authorization_response_iss_parameter_supported"] = ABSENT
    attempt = visitor.begin()
    params = visitor.idp.authorize(attempt.url)
    assert "iss" not in params
    assert visitor.finish(attempt, params)


def test_but_if_it_does_it_has_to_be_itself(visitor):  # row 9
    visitor.idp.metadata["authorization_response_iss_parameter_supported"] = ABSENT
    attempt = visitor.begin()
    params = {**visitor.idp.authorize(attempt.url), "iss": "https://evil.example"}
    with pytest.raises(LoginRefused, match="answer_from_elsewhere"):
        visitor.finish(attempt, params)


def test_an_attempt_at_another_provider_is_not_finished_here(visitor):
    attempt = dataclasses.replace(visitor.begin(), issuer="https://former.example")
    params = visitor.idp.authorize(attempt.url)
    with pytest.raises(LoginRefused, match="answer_from_elsewhere"):
        visitor.finish(attempt, params)
    assert not visitor.idp.token_requests


def test_somebody_elses_code_is_refused(visitor):  # row 16
    mine, theirs = visitor.begin(), visitor.begin()
    stolen = visitor.idp.authorize(theirs.url)["code"]
    with pytest.raises(LoginRefused, match="code_refused"):
        visitor.finish(mine, {**visitor.idp.authorize(mine.url), "code": stolen})


def test_a_code_works_once(visitor):
    attempt = visitor.begin()
    params = visitor.idp.authorize(attempt.url)
    visitor.finish(attempt, params)
    with pytest.raises(LoginRefused, match="code_refused"):
        visitor.finish(attempt, params)


# Refusing what the token endpoint says


TOKEN_ANSWERS = [
    ("missing_id_token", {"id_token": ABSENT}),  # row 5
    ("missing_id_token", {"id_token": None}),
    ("missing_id_token", {"id_token": 42}),
    ("missing_id_token", {"id_token": ["a.b.c"]}),
    ("malformed_answer", {"access_token": ABSENT}),
    ("malformed_answer", {"access_token": 42}),
    ("malformed_answer", {"access_token": ""}),
    ("malformed_answer", {"access_token": "a\r\nX-Header: b"}),
    ("malformed_answer", {"access_token": "\ud800"}),
    ("malformed_answer", {"token_type": ABSENT}),
    ("malformed_answer", {"token_type": "DPoP"}),
    ("malformed_answer", {"token_type": ["Bearer"]}),
    ("malformed_token", {"id_token": ""}),
    ("malformed_token", {"id_token": "a.b"}),
    ("malformed_token", {"id_token": "a.b.c"}),
    ("malformed_token", {"id_token": "a.b.c.d.e"}),
    ("malformed_token", {"id_token": "..."}),
    ("malformed_token", {"id_token": "\ud800.é.\x00"}),
    ("malformed_token", {"id_token": "." * 500_000}),
]


@pytest.mark.parametrize(("reason", "changes"), TOKEN_ANSWERS)
def test_a_senseless_token_answer_is_refused(visitor, reason, changes):
    visitor.idp.tokens |= changes
    assert visitor.refusal() == reason
    assert not visitor.idp.calls["userinfo"]


TOKEN_ERRORS = [
    ("code_refused", answer({"error": "invalid_grant", "error_description": "hush"}, 400)),
    ("code_refused", answer({"error": ["invalid_grant"]}, 400)),
    ("code_refused", answer({}, 403)),
    ("client_refused", answer({"error": "invalid_client"}, 400)),
    ("client_refused", answer({"error": "unauthorized_client"}, 400)),
    ("client_refused", answer(b"who are you", 401)),
]


@pytest.mark.parametrize(("reason", "reply"), TOKEN_ERRORS)
def test_an_error_of_the_token_endpoint_has_its_reason(visitor, reason, reply):  # row 12
    visitor.idp.answers["token"] = reply
    assert visitor.refusal() == reason


def test_a_wrong_secret_is_told_apart_for_the_operator(idp):
    assert Visitor(idp, client_secret="wrong").refusal() == "client_refused"


FAILURES = {
    "down": DOWN,
    "slow": SLOW,
    "html": HTML,
    "huge": HUGE,
    "deep": DEEP,
    "empty": EMPTY,
    "error": ERROR500,
    "busy": answer({"error": "slow_down"}, 429),
    "list": answer([]),
    "redirect": answer({}, 307, Location="https://idp.example/token2"),
}


@pytest.mark.parametrize("endpoint", ["token", "jwks", "userinfo"])
@pytest.mark.parametrize("reply", FAILURES.values(), ids=FAILURES)
def test_a_broken_endpoint_is_unreachable_and_nothing_else(visitor, endpoint, reply):  # rows 12, 18
    visitor.idp.answers[endpoint] = reply
    with pytest.raises(Unreachable):
        visitor.log_in()


def test_every_call_of_a_login_has_its_time_outs_and_looks_at_certificates(visitor):  # row 18
    visitor.log_in()
    sent = [call.request.req_kwargs for call in visitor.idp.responses.calls]
    assert [each["timeout"] for each in sent] == [(3, 5)] * 4
    assert all(each["verify"] for each in sent)  # the name of a bundle counts as well


def test_a_redirect_of_the_token_endpoint_takes_no_secret_elsewhere(visitor):  # row 18
    elsewhere = visitor.idp.responses.add("POST", "https://evil.example/token", json={})
    visitor.idp.answers["token"] = answer({}, 307, Location="https://evil.example/token")
    with pytest.raises(Unreachable):
        visitor.log_in()
    assert elsewhere.call_count == 0


def test_how_we_prove_ourselves_is_our_setting_and_not_the_providers(visitor):  # row 17
    visitor.idp.metadata |= {"token_endpoint_auth_method": "none", "token_endpoint_auth_methods_supported": ["none"]}
    assert visitor.log_in()
    assert visitor.idp.token_requests[0]["client_secret"] == visitor.client.client_secret


# Refusing ID tokens


CLAIMS = [
    ("wrong_issuer", {"iss": "https://evil.example"}),
    ("wrong_issuer", {"iss": "https://idp.example/"}),
    ("wrong_issuer", {"iss": ["https://idp.example"]}),
    ("wrong_issuer", {"iss": ABSENT}),
    ("missing_subject", {"sub": ABSENT}),
    ("missing_subject", {"sub": None}),
    ("missing_subject", {"sub": ""}),
    ("missing_subject", {"sub": 42}),
    ("missing_subject", {"sub": ["ada"]}),
    ("missing_subject", {"sub": "a" * 256}),
    ("missing_subject", {"sub": "adä"}),
    ("missing_subject", {"sub": "ada\x00"}),
    ("wrong_audience", {"aud": "somebody-else"}),
    ("wrong_audience", {"aud": ABSENT}),
    ("wrong_audience", {"aud": []}),
    ("wrong_audience", {"aud": ["somebody-else"]}),
    ("wrong_audience", {"aud": [["byline"]]}),
    ("wrong_audience", {"aud": {"byline": 1}}),
    ("wrong_audience", {"aud": 42}),
    ("wrong_audience", {"aud": "bylines"}),
    ("wrong_audience", {"aud": "somebody-else", "azp": "byline"}),  # row 4
    ("wrong_audience", {"aud": ["somebody-else"], "azp": "byline"}),  # row 4
    ("wrong_authorized_party", {"aud": ["byline", "somebody-else"]}),
    ("wrong_authorized_party", {"aud": ["byline", "somebody-else"], "azp": "somebody-else"}),
    ("wrong_authorized_party", {"azp": "somebody-else"}),
    ("wrong_authorized_party", {"azp": None}),
    ("missing_issue_time", {"iat": ABSENT}),
    ("missing_issue_time", {"iat": str(T)}),
    ("missing_issue_time", {"iat": True}),
    ("missing_issue_time", {"iat": -1}),
    ("missing_expiry", {"exp": ABSENT}),
    ("missing_expiry", {"exp": str(T + 300)}),
    ("missing_expiry", {"exp": None}),
    ("missing_expiry", {"exp": [T + 300]}),
    ("missing_expiry", {"exp": float("nan")}),
    ("missing_expiry", {"exp": float("inf")}),
    ("missing_expiry", {"exp": 10**400}),
    ("expired", {"exp": T - 3600}),
    ("expired", {"exp": 0}),
    ("issued_in_future", {"iat": T + 3600}),
    ("not_yet_valid", {"nbf": T + 3600}),
    ("not_yet_valid", {"nbf": "now"}),
    ("not_yet_valid", {"nbf": None}),
    ("wrong_nonce", {"nonce": "another"}),
    ("wrong_nonce", {"nonce": ABSENT}),
    ("wrong_nonce", {"nonce": None}),
    ("wrong_nonce", {"nonce": 42}),
    ("wrong_nonce", {"nonce": "\ud800"}),
    ("wrong_access_token", {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
    ("wrong_access_token", {"at_hash": 42}),
]


@pytest.mark.parametrize(("reason", "claims"), CLAIMS)
def test_a_token_that_says_something_wrong_is_refused(visitor, reason, claims):  # row 4 and the plans' refusals
    visitor.idp.id_token |= claims
    assert visitor.refusal() == reason
    assert visitor.idp.calls["token"] == 1
    assert not visitor.idp.calls["userinfo"]


def signed_by(key: Any, alg: str, header: dict[str, Any] | None = None):
    """Sign the provider's claims with another key."""

    def turn(idp: FakeIdp) -> None:
        idp.signing_key, idp.alg, idp.header = key, alg, header or {}
        idp.jwks = {"keys": [public(make_key("RSA")), public(make_key("EC", kid="e0"))]}

    return turn


def hmac_with_the_public_key(idp: FakeIdp) -> None:
    pem = idp.signing_key.as_pem()
    idp.jwks = {"keys": [public(idp.signing_key)]}
    idp.signing_key, idp.alg = OctKey(pem, pem, {"kid": "k0"}), "HS256"


def tampered(idp: FakeIdp) -> None:
    head, _, signature = sign({"sub": "ada"}, idp.signing_key, "RS256").split(".")
    _, other, _ = sign({"sub": "eve"}, idp.signing_key, "RS256").split(".")
    idp.tokens["id_token"] = f"{head}.{other}.{signature}"


def stripped(idp: FakeIdp) -> None:
    head, payload, _ = sign({"sub": "ada"}, idp.signing_key, "RS256").split(".")
    idp.tokens["id_token"] = f"{head}.{payload}."


def saying(token: Any, header: dict[str, Any] | None = None):
    def turn(idp: FakeIdp) -> None:
        idp.tokens["id_token"] = sign(token, idp.signing_key, "RS256", header)

    return turn


def raw_header(header: Any):
    def turn(idp: FakeIdp) -> None:
        _, payload, signature = sign({}, idp.signing_key, "RS256").split(".")
        head = base64.urlsafe_b64encode(header if isinstance(header, bytes) else json.dumps(header).encode())
        idp.tokens["id_token"] = f"{head.decode().rstrip('=')}.{payload}.{signature}"

    return turn


EVIL, EVIL_EC = make_key("RSA", 66), make_key("EC", 66)
SIGNATURES = [
    pytest.param("bad_signature", signed_by(EVIL, "RS256"), id="RS256 of another key"),
    pytest.param("bad_signature", tampered, id="changed claims"),
    pytest.param("bad_signature", stripped, id="no signature"),
    pytest.param("unknown_key", signed_by(EVIL, "RS256", {"kid": "k9"}), id="unknown kid"),
    pytest.param("unknown_key", signed_by(EVIL, "RS256", {"kid": "../../dev/null"}), id="kid injection"),
    pytest.param("unknown_key", signed_by(EVIL, "RS256", {"kid": "e0"}), id="kid of a key of another kind"),
    pytest.param("unknown_key", signed_by(EVIL, "RS256", {"kid": ""}), id="empty kid"),
    pytest.param("wrong_algorithm", signed_by(None, "none"), id="none"),  # row 3
    pytest.param("wrong_algorithm", signed_by(None, "none", {"alg": "None"}), id="None"),
    pytest.param("wrong_algorithm", hmac_with_the_public_key, id="HMAC with the public key"),
    pytest.param("wrong_algorithm", signed_by(make_key("EC", kid="e0"), "ES256"), id="a good key, another algorithm"),
    pytest.param("wrong_algorithm", signed_by(make_key("RSA"), "RS512"), id="the good key, another hash"),
    pytest.param("bad_signature", signed_by(EVIL, "RS256", {"jwk": public(EVIL)}), id="embedded jwk"),
    pytest.param("bad_signature", signed_by(EVIL, "RS256", {"jku": "https://evil.example/jwks"}), id="jku"),
    pytest.param("bad_signature", signed_by(EVIL, "RS256", {"x5u": "https://evil.example/x5u"}), id="x5u"),
    pytest.param("bad_signature", signed_by(EVIL, "RS256", {"x5c": ["AAAA" * 300]}), id="x5c"),
    pytest.param("malformed_token", signed_by(EVIL, "RS256", {"crit": ["exp"], "exp": 1}), id="crit"),
    pytest.param("malformed_token", saying({}, {"crit": []}), id="empty crit"),
    pytest.param("malformed_token", saying({}, {"crit": 42}), id="crit that is no list"),
    pytest.param("malformed_token", saying({}, {"b64": False, "crit": ["b64"]}), id="unencoded payload"),
    pytest.param("malformed_token", saying({}, {"kid": 42}), id="kid that is no text"),
    pytest.param("malformed_token", saying({}, {"alg": ABSENT}), id="no algorithm"),
    pytest.param("malformed_token", saying({}, {"alg": ["RS256"]}), id="a list of algorithms"),
    pytest.param("malformed_token", saying(b"[]"), id="claims that are a list"),
    pytest.param("malformed_token", saying(b"null"), id="claims that are null"),
    pytest.param("malformed_token", saying(b"{"), id="claims that are no JSON"),
    pytest.param("malformed_token", saying(b"[" * 50_000), id="claims that are deep"),
    pytest.param("malformed_token", raw_header([]), id="a header that is a list"),
    pytest.param("malformed_token", raw_header(["alg"]), id="a header that is a list with alg"),
    pytest.param("malformed_token", raw_header("alg b64"), id="a header that is text"),
    pytest.param("malformed_token", raw_header(42), id="a header that is a number"),
    pytest.param("malformed_token", raw_header(None), id="a header that is null"),
    pytest.param("malformed_token", raw_header(b"[" * 10_000), id="a header that is deep"),
]


@pytest.mark.parametrize(("reason", "turn"), SIGNATURES)
def test_a_token_that_is_not_genuine_is_refused(visitor, reason, turn):  # row 3 and the attack classes
    turn(visitor.idp)
    assert visitor.refusal() == reason
    assert not visitor.idp.calls["userinfo"]
    assert all("evil" not in call.request.url for call in visitor.idp.responses.calls)


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "PS256"])
def test_other_algorithms_refuse_other_keys_alike(alg):
    with FakeIdp(alg=alg) as idp:
        own = public(idp.signing_key)
        idp.rotate(same_kid=True)
        idp.jwks = {"keys": [own]}
        assert Visitor(idp).refusal() == "bad_signature"


def test_an_hmac_with_another_secret_is_refused():
    with FakeIdp(alg="HS256") as idp:
        idp.signing_key = OctKey(b"x" * 32, b"x" * 32)
        assert Visitor(idp).refusal() == "bad_signature"


def test_an_hmac_key_from_the_key_set_is_not_used():
    with FakeIdp(alg="HS256") as idp:
        idp.signing_key = OctKey(b"x" * 32, b"x" * 32, {"kid": "k0"})
        idp.jwks = {
            "keys": [{"kty": "oct", "kid": "k0", "k": base64.urlsafe_b64encode(b"x" * 32).decode().rstrip("=")}]
        }
        assert Visitor(idp).refusal() == "bad_signature"


def test_a_secret_too_short_to_sign_with_is_refused():
    with FakeIdp(alg="HS256", client_secret="x" * 31) as idp:
        assert Visitor(idp).refusal() == "weak_client_secret"


def test_a_good_token_stays_good_with_its_certificates_along(visitor):
    visitor.idp.header |= {"x5c": ["MIIB" * 500], "x5t": "abc", "vendor": {"a": 1}}
    assert visitor.log_in()


@pytest.mark.parametrize("advertised", [["none"], ["none", "HS256"], [], None, "none"])
def test_what_the_provider_advertises_widens_nothing(visitor, advertised):  # row 3
    visitor.idp.metadata["id_token_signing_alg_values_supported"] = advertised
    visitor.idp.alg = "none"
    assert visitor.refusal() == "wrong_algorithm"


# Keys


OTHERS = [
    public(make_key("EC", kid=None)),
    public(make_key("P-384", kid=None)),
    public(make_key("OKP", kid=None)),
    public(make_key("RSA", 1, None), use="enc"),
    public(make_key("RSA", 2, None), alg="PS256"),
    public(make_key("RSA", 3, None), key_ops=["encrypt"]),
]


@pytest.mark.parametrize("kid", [ABSENT, "k0"], ids=["no kid", "kid"])
def test_the_one_key_that_fits_is_found_among_many(visitor, kid):  # row 6
    visitor.idp.header["kid"] = kid
    visitor.idp.more_jwks = OTHERS
    assert visitor.log_in()


def test_without_a_kid_two_keys_that_fit_are_one_too_many(visitor):  # row 6
    visitor.idp.header["kid"] = ABSENT
    visitor.idp.more_jwks = [public(make_key("RSA", 1, "k1"))]
    assert visitor.refusal() == "unknown_key"


@pytest.mark.parametrize("change", [{"use": "enc"}, {"alg": "PS256"}, {"key_ops": ["encrypt"]}])
def test_a_key_for_something_else_is_not_used(visitor, change):  # row 6
    visitor.idp.jwks = {"keys": [public(visitor.idp.signing_key, **change)]}
    assert visitor.refusal() == "unknown_key"


def test_a_key_of_another_curve_is_not_used():  # row 6
    with FakeIdp(alg="EdDSA") as idp:
        idp.jwks = {"keys": [public(make_key("Ed448", kid="k0")), public(make_key("X25519", kid="k0"))]}
        assert Visitor(idp).refusal() == "unknown_key"


@pytest.mark.parametrize("same_kid", [False, True])
def test_a_rotated_key_is_found_at_once(visitor, same_kid):  # row 7
    visitor.log_in()
    visitor.idp.rotate(same_kid=same_kid)
    assert visitor.log_in()
    assert visitor.idp.calls["jwks"] == 2


def test_two_keys_under_one_kid_both_count(visitor):  # row 7
    old, new = public(visitor.idp.signing_key), make_key("RSA", 9, "k0")
    visitor.idp.jwks = {"keys": [old, public(new)]}
    assert visitor.log_in()
    visitor.idp.signing_key = new
    assert visitor.log_in()
    assert visitor.idp.calls["jwks"] == 1


def test_bad_tokens_do_not_make_us_hammer_the_provider(visitor):  # row 7
    visitor.log_in()
    visitor.idp.tokens["id_token"] = sign({}, EVIL, "RS256")
    for _ in range(5):
        assert visitor.refusal() == "bad_signature"
    assert visitor.idp.calls["jwks"] == 2


def test_one_strange_key_does_not_break_logins(visitor):  # row 8
    visitor.idp.more_jwks = [{**public(make_key("EC")), "crv": "P-1024"}, {"kty": "?"}, None]
    assert visitor.log_in()


# Userinfo


@pytest.mark.parametrize("sub", ["eve", ABSENT, "", None, 42, ["ada"], "ADA"])
def test_userinfo_about_somebody_else_is_refused(visitor, sub):  # row 13
    visitor.idp.userinfo["sub"] = sub
    assert visitor.refusal() == "userinfo_of_another"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_userinfo_endpoint_that_refuses_us_ends_the_login(visitor, status):
    visitor.idp.answers["userinfo"] = answer({"sub": "ada"}, status)
    assert visitor.refusal() == "userinfo_refused"


def test_without_a_userinfo_endpoint_the_token_is_enough(visitor):
    visitor.idp.metadata["userinfo_endpoint"] = ABSENT
    visitor.idp.id_token["name"] = "Ada"
    assert visitor.log_in().claims["name"] == "Ada"


def test_userinfo_adds_to_the_token_and_never_overrules_it(visitor):
    visitor.idp.id_token |= {"name": "Signed"}
    visitor.idp.userinfo |= {"name": "Plain", "nickname": "Countess", "iss": "x", "aud": "x", "exp": 1, "acr": "gold"}
    visitor.idp.userinfo |= {"sid": "x", "auth_time": 1, "nonce": "x"}
    claims = visitor.log_in().claims
    assert (claims["name"], claims["nickname"], claims["aud"]) == ("Signed", "Countess", "byline")
    assert (claims["iss"], claims["auth_time"]) == (visitor.idp.issuer, T)
    assert not {"acr", "sid"} & set(claims)


def test_signed_userinfo_is_read(idp):  # row 13
    idp.userinfo_alg = "RS256"
    assert Visitor(idp, userinfo_alg="RS256").log_in().claims["name"] == "Ada Lovelace"


USERINFO = [
    ("malformed_token", lambda idp: setattr(idp, "userinfo_alg", "")),
    ("wrong_algorithm", lambda idp: setattr(idp, "userinfo_alg", "none")),
    ("wrong_algorithm", lambda idp: setattr(idp, "userinfo_alg", "PS256")),
    ("userinfo_of_another", lambda idp: idp.userinfo.update(sub="eve")),
    ("userinfo_of_another", lambda idp: idp.userinfo.update(sub=ABSENT)),
    ("wrong_issuer", lambda idp: idp.userinfo.update(iss="https://evil.example")),
    ("wrong_issuer", lambda idp: idp.userinfo.update(iss=ABSENT)),
    ("wrong_audience", lambda idp: idp.userinfo.update(aud="somebody-else")),
    ("bad_signature", lambda idp: idp.answers.update(userinfo=answer(sign({"sub": "ada"}, EVIL, "RS256").encode()))),
    ("malformed_token", lambda idp: idp.answers.update(userinfo=answer(b"\xff.\xff.\xff"))),
]


@pytest.mark.parametrize(("reason", "turn"), USERINFO)
def test_signed_userinfo_is_judged_as_a_token_is(idp, reason, turn):  # row 13
    idp.userinfo_alg = "RS256"
    turn(idp)
    assert Visitor(idp, userinfo_alg="RS256").refusal() == reason


def test_signed_userinfo_where_plain_was_agreed_is_not_read(visitor):
    visitor.idp.userinfo_alg = "RS256"
    with pytest.raises(Unreachable):
        visitor.log_in()


# Age and strength of a login


@pytest.mark.parametrize(
    ("auth_time", "accepted"),
    [(T, True), (T - 360, True), (T - 361, False), (0, False), (ABSENT, False), (str(T), False), (None, False)],
)
def test_the_age_asked_for_is_enforced(visitor, auth_time, accepted):  # row 14
    visitor.idp.id_token["auth_time"] = auth_time
    if accepted:
        assert visitor.log_in(max_age=300)
    else:
        assert visitor.refusal(max_age=300) == "login_too_old"


@pytest.mark.parametrize(("acr", "accepted"), [("gold", True), ("silver", True), ("tin", False), (ABSENT, False)])
def test_the_strength_asked_for_is_enforced(visitor, acr, accepted):  # row 14
    visitor.idp.id_token["acr"] = acr
    if accepted:
        assert visitor.log_in(acr_values=("gold", "silver"))
    else:
        assert visitor.refusal(acr_values=("gold", "silver")) == "login_too_weak"


def test_age_and_strength_do_not_matter_when_nobody_asked(visitor):
    visitor.idp.id_token |= {"auth_time": 0, "acr": 42}
    assert visitor.log_in()


# The access token that came along


@pytest.mark.parametrize("alg", ["RS256", "ES384", "PS512", "EdDSA"])
def test_an_access_token_that_fits_its_hash_is_accepted(alg):
    digest = hashlib.new({"RS256": "sha256", "ES384": "sha384"}.get(alg, "sha512"), b"token").digest()
    at_hash = base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
    with FakeIdp(alg="RS256" if alg == "PS512" else alg) as idp:
        idp.alg = alg
        token = idp.make_id_token(iat=T, exp=T + 300, at_hash=at_hash)
        keys = [idp.signing_key]
    expected = Expected(idp.issuer, idp.client_id, alg, 60, access_token="token")
    assert judge_id_token(token, keys, expected, now=NOW)["sub"] == "ada"


# Refreshed tokens


REFRESHED = [
    ("other_subject", {"sub": "eve"}),
    ("wrong_issuer", {"iss": "https://evil.example"}),
    ("wrong_audience", {"aud": "somebody-else"}),
    ("expired", {"exp": T - 3600}),
]


@pytest.mark.parametrize(("reason", "claims"), REFRESHED)
def test_a_refreshed_token_is_judged_as_the_first_one_was(idp, reason, claims):  # row 15
    token = idp.make_id_token(**{"iat": T, "exp": T + 300, **claims})
    expected = Expected(idp.issuer, idp.client_id, "RS256", 60, subject="ada")
    with pytest.raises(LoginRefused) as caught:
        judge_id_token(token, [idp.signing_key], expected, now=NOW)
    assert caught.value.reason == reason


def test_a_refreshed_token_needs_no_nonce(idp):  # row 15
    expected = Expected(idp.issuer, idp.client_id, "RS256", 60, subject="ada")
    token = idp.make_id_token(iat=T, exp=T + 300)
    assert judge_id_token(token, [idp.signing_key], expected, now=NOW)["sub"] == "ada"


# Logging out


def test_logging_out_at_the_provider_leads_back_to_us(visitor):
    login = visitor.log_in()
    url = oidc.logout_url(
        visitor.client,
        visitor.provider,
        id_token_hint=login.id_token,
        state="s1",
        post_logout_redirect_uri="https://blog.example/",
    )
    assert query(url) == {
        "id_token_hint": login.id_token,
        "client_id": "byline",
        "post_logout_redirect_uri": "https://blog.example/",
        "state": "s1",
    }
    assert visitor.idp.end_session(url) == "https://blog.example/?state=s1"


@pytest.mark.parametrize(
    "turn",
    [
        lambda idp: idp.metadata.update(end_session_endpoint=ABSENT),
        lambda idp: idp.answers.update(discovery=DOWN),
        lambda idp: idp.metadata.update(issuer="https://evil.example"),
    ],
    ids=["it has no such place", "it is down", "it is another one"],
)
def test_when_the_provider_cannot_log_out_there_is_no_way_to_it(visitor, turn):
    turn(visitor.idp)
    where = {"id_token_hint": None, "state": "s1", "post_logout_redirect_uri": "https://blog.example/"}
    assert oidc.logout_url(visitor.client, visitor.provider, **where) is None


# Whatever else may come


def test_every_reason_has_its_sentence_and_every_sentence_its_use():
    """Reasons are the second argument of demand(), that of LoginRefused(), those given as refused=, and in ERRORS."""
    used = set(oidc.ERRORS.values())
    for file in Path(blog.identity.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"demand", "LoginRefused"}:
                used |= {each.value for each in ast.walk(node.args[-1]) if isinstance(each, ast.Constant)}
            elif isinstance(node, ast.keyword) and node.arg == "refused":
                used |= {each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant)}
    used -= {"error"}  # the name of a parameter that is looked up in ERRORS
    # the porch's, shown by tests/test_auth.py and tests/test_logouts.py
    used |= {"state_unknown", "provider_unreachable", "initiated_elsewhere", "used_before"}
    assert used == set(oidc.REASONS)
    assert all(re.fullmatch(r"[A-Z][^<>]+\.", sentence) for sentence in oidc.REASONS.values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def objects(*names: str):
    """Objects with some of these names, and anything at all as values."""
    return st.dictionaries(st.sampled_from(names), JSON, max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    endpoint=st.sampled_from(["discovery", "jwks", "token", "userinfo"]),
    content=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()),
    status=st.sampled_from([200, 200, 200, 204, 400, 401, 404, 500]),
)
def test_garbage_of_any_endpoint_is_unreachable_or_refused(endpoint, content, status):  # row 12
    with FakeIdp() as idp:
        idp.answers[endpoint] = answer(content, status)
        with pytest.raises((Unreachable, LoginRefused)):
            Visitor(idp).log_in()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    metadata=objects("issuer", "jwks_uri", "token_endpoint", "userinfo_endpoint", "prompt_values_supported"),
    jwk=objects("kty", "kid", "use", "alg", "n", "e", "key_ops", "x5c"),
    tokens=objects("id_token", "access_token", "token_type", "refresh_token", "expires_in"),
    claims=objects("iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "auth_time", "sid"),
    header=objects("kid", "crit", "typ", "b64", "jku", "jwk"),
    userinfo=objects("sub", "name", "iss"),
)
def test_almost_right_answers_end_in_a_login_or_a_refusal(**wrong):  # row 12
    with FakeIdp() as idp:
        idp.metadata |= wrong["metadata"]
        idp.more_jwks = [{**public(idp.signing_key, kid="k1"), **wrong["jwk"]}]
        idp.tokens, idp.id_token, idp.userinfo, idp.header = (
            wrong[name] for name in ("tokens", "claims", "userinfo", "header")
        )
        with contextlib.suppress(Unreachable, LoginRefused):
            claims = Visitor(idp).log_in().claims
            assert (claims["sub"], claims["iss"]) == ("ada", idp.issuer)


def test_a_key_made_of_a_secret_is_that_secret():
    assert secret_key("x" * 32, "HS256").raw_value == b"x" * 32
