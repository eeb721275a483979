"""How the blog proves to the provider that it is the registered client, without a secret that both of them know."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from blog.errors import LoginRefused
from tests.fake_idp import ASSERTION_TYPE, FakeIdp, public
from tests.identity.test_oidc import T, Visitor


def own_key(alg: str = "ES256") -> Any:
    parameters: Any = {"use": "sig", "alg": alg}
    kind, size = (ECKey, "P-256") if alg == "ES256" else (RSAKey, 2048)
    return kind.generate_key(size, parameters, auto_kid=True)


class Keyed(Visitor):
    """Logs in at a provider that knows the blog by this key, and by no secret."""

    def __init__(self, idp: FakeIdp, key: Any = None, **changes: Any) -> None:
        self.key = key or own_key()
        without_secret = {"client_secret": "", "token_auth_method": "private_key_jwt", "signing_key": lambda: self.key}
        super().__init__(idp, **without_secret | changes)
        idp.client_keys = lambda: {"keys": [public(self.key)]}

    def proof(self) -> Any:
        form = self.idp.token_requests[-1]
        assert form["client_assertion_type"] == ASSERTION_TYPE
        return jwt.decode(form["client_assertion"], KeySet([self.key]), [self.key.alg])


@pytest.fixture
def keyed(idp):
    return Keyed(idp)


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256"])
def test_a_login_needs_no_secret(idp, alg):
    visitor = Keyed(idp, own_key(alg))
    assert visitor.log_in().claims["sub"] == "ada"
    assert idp.why == ""
    assert visitor.proof().header == {"alg": alg, "kid": visitor.key.kid, "typ": "JWT"}


def test_a_proof_says_who_we_are_to_whom_and_for_how_long(keyed):
    keyed.log_in()
    claims = keyed.proof().claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("byline", "byline", "https://idp.example")
    assert (claims["iat"], claims["exp"]) == (T, T + 120)
    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti"}


def test_the_request_carries_no_secret_and_no_authorization_header(keyed):
    keyed.log_in()
    form = keyed.idp.token_requests[-1]
    assert "client_secret" not in form
    assert form["client_id"] == "byline"
    (token_request,) = [call.request for call in keyed.idp.responses.calls if call.request.url.endswith("/token")]
    assert "Authorization" not in token_request.headers


def test_every_request_has_a_proof_of_its_own(keyed):
    keyed.idp.metadata["pushed_authorization_request_endpoint"] = keyed.idp.par_url
    for _ in range(3):
        keyed.log_in()
    forms = keyed.idp.token_requests + keyed.idp.pushed_requests
    ids = {jws.extract_compact(form["client_assertion"].encode()).payload for form in forms}
    assert len(ids) == len(forms) == 6


def test_the_provider_can_ask_to_be_addressed_by_its_token_endpoint(idp):
    idp.audiences = {"https://idp.example/token"}
    assert Keyed(idp).refusal() == "client_refused"
    assert idp.why == "aud"
    assert Keyed(idp, assertion_audience="token_endpoint").log_in().claims["sub"] == "ada"


def test_a_key_that_the_provider_does_not_know_is_told_apart_for_the_operator(keyed):
    keyed.idp.client_keys = lambda: {"keys": [public(own_key())]}
    assert keyed.refusal() == "client_refused"


def test_keys_that_cannot_be_read_refuse_the_login(idp):
    def unreadable() -> Any:
        raise LoginRefused("unreadable_keys")

    assert Keyed(idp, signing_key=unreadable).refusal() == "unreadable_keys"
    assert idp.calls["token"] == 0


def test_a_proof_that_was_used_is_good_for_nothing(keyed):  # so the fake provider looks, as real ones do
    keyed.log_in()
    assert not keyed.idp._knows(keyed.idp.token_requests[-1])
    assert keyed.idp.why == "jti"


def test_no_key_is_printed(keyed):
    assert keyed.key.as_dict(private=True)["d"] not in repr(keyed.client)
    assert "signing_key" not in repr(keyed.client)
    assert dataclasses.replace(keyed.client, signing_key=None) == keyed.client
