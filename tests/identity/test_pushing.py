"""Pushed authorization requests (RFC 9126): what travels where, what is accepted, and when the browser helps out."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blog.errors import LoginRefused, Unreachable
from tests.fake_idp import ABSENT, DEEP, DOWN, EMPTY, ERROR500, HTML, HUGE, SLOW, FakeIdp, answer
from tests.identity.test_client import Keyed
from tests.identity.test_oidc import Visitor, objects, query

PAR = "pushed_authorization_request_endpoint"


class Pushing(Visitor):
    """Logs in at a provider that takes pushed requests."""

    def __init__(self, idp: FakeIdp, **changes: Any) -> None:
        idp.metadata[PAR] = idp.par_url
        super().__init__(idp, **changes)


@pytest.fixture
def visitor(idp):
    return Pushing(idp)


def test_only_the_client_and_a_reference_travel_through_the_browser(visitor):
    attempt = visitor.begin(login_hint="ada@example.org")
    asked = query(attempt.url)
    assert attempt.url.startswith("https://idp.example/authorize?")
    assert set(asked) == {"client_id", "request_uri"}
    assert asked["client_id"] == "byline"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_everything_else_is_pushed(idp, method):
    visitor = Pushing(idp, token_auth_method=method, response_mode="form_post")
    idp.id_token["acr"] = "gold"
    attempt = visitor.begin(create=True, login_hint="ada@example.org", max_age=60, acr_values=["gold"])
    pushed = idp.pushed_requests[-1]
    assert {name: text for name, text in pushed.items() if name not in ("client_secret", "code_challenge")} == {
        "client_id": "byline",
        "response_type": "code",
        "redirect_uri": "https://blog.example/oidc/callback",
        "scope": "openid profile",
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge_method": "S256",
        "response_mode": "form_post",
        "prompt": "create",
        "login_hint": "ada@example.org",
        "max_age": "60",
        "acr_values": "gold",
    }
    assert visitor.finish(attempt, idp.authorize(attempt.url)).claims["sub"] == "ada"


def test_a_push_is_proved_as_the_token_request_is(idp):
    idp.metadata[PAR] = idp.par_url
    assert Keyed(idp).log_in().claims["sub"] == "ada"
    assert idp.why == ""
    assert "client_assertion" in idp.pushed_requests[-1]


def test_a_login_takes_three_requests(visitor):
    visitor.log_in()
    before = visitor.idp.calls.copy()
    visitor.provider._metadata._copy = (visitor.provider._metadata._copy[0] - 600, visitor.provider._metadata._copy[1])
    visitor.log_in()
    assert visitor.idp.calls - before == {"par": 1, "token": 1, "userinfo": 1}


def test_nobody_is_sent_to_a_provider_that_is_down(visitor):
    visitor.log_in()
    visitor.idp.answers["par"] = DOWN
    with pytest.raises(Unreachable):
        visitor.begin()


def test_a_query_of_the_authorization_endpoint_is_kept(visitor):
    visitor.idp.metadata["authorization_endpoint"] = "https://idp.example/authorize?tenant=a"
    assert query(visitor.begin().url)["tenant"] == "a"


# When


@pytest.mark.parametrize(
    ("par", "offered", "required", "outcome"),
    [
        ("auto", False, False, "browser"),
        ("auto", True, False, "pushed"),
        ("auto", True, True, "pushed"),
        ("auto", False, True, "push_impossible"),
        ("always", True, False, "pushed"),
        ("always", False, False, "push_impossible"),
        ("never", True, False, "browser"),
        ("never", True, True, "push_impossible"),
    ],
)
def test_it_is_pushed_where_provider_and_operator_want_that(idp, par, offered, required, outcome):
    visitor = Visitor(idp, par=par)
    idp.metadata |= {PAR: idp.par_url if offered else ABSENT, "require_pushed_authorization_requests": required}
    if outcome == "push_impossible":
        assert visitor.refusal() == outcome
    else:
        visitor.log_in()
    assert idp.calls["par"] == (outcome == "pushed")


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize(("par", "required"), [("auto", False), ("auto", True), ("always", False)])
def test_the_browser_helps_out_where_nobody_takes_the_push_and_it_may(idp, status, par, required):
    visitor = Pushing(idp, par=par)
    idp.metadata["require_pushed_authorization_requests"] = required
    idp.answers["par"] = answer(b"<h1>Not here</h1>", status)
    if par == "auto" and not required:
        assert visitor.log_in().claims["sub"] == "ada"
    else:
        assert visitor.refusal() == "push_refused"


def test_a_new_document_counts_before_somebody_is_sent_there(idp):
    visitor = Visitor(idp)
    visitor.log_in()
    idp.metadata[PAR] = idp.par_url
    visitor.provider._metadata._copy = (visitor.provider._metadata._copy[0] - 3, visitor.provider._metadata._copy[1])
    assert set(query(visitor.begin().url)) == {"client_id", "request_uri"}


# The answer


@pytest.mark.parametrize(
    ("reason", "detail", "reply"),
    [
        ("client_refused", "error=invalid_client (HTTP 401, pushed)", answer({"error": "invalid_client"}, 401)),
        ("client_refused", "error=invalid_client (HTTP 400, pushed)", answer({"error": "invalid_client"}, 400)),
        ("client_refused", "error=other (HTTP 401, pushed)", answer(b"no", 401)),
        ("push_refused", "error=invalid_scope (HTTP 400, pushed)", answer({"error": "invalid_scope"}, 400)),
        ("push_refused", "error=other (HTTP 400, pushed)", answer({"error": "Ada <b>did it</b>"}, 400)),
        ("push_refused", "error=other (HTTP 400, pushed)", answer({"error": ["invalid_scope"]}, 400)),
        ("push_refused", "error=other (HTTP 400, pushed)", answer(["invalid_scope"], 400)),
        ("push_refused", "error=other (HTTP 403, pushed)", answer(b"<h1>Blocked</h1>", 403)),
        ("push_refused", "error=other (HTTP 413, pushed)", answer(b"", 413)),
    ],
)
def test_a_refusal_is_told_in_words_of_our_own(visitor, reason, detail, reply):
    visitor.idp.answers["par"] = reply
    with pytest.raises(LoginRefused) as refused:
        visitor.begin()
    assert (refused.value.reason, refused.value.detail) == (reason, detail)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"request_uri": uri} for uri in (ABSENT, None, "", 7, ["urn:x"], "urn:a b", "urn:a\nb", "urn:é", "u" * 2049)),
        *({"expires_in": lifetime} for lifetime in (ABSENT, None, 0, -1, "60", True, 1.5)),
    ],
)
def test_a_senseless_answer_is_refused(visitor, wrong):
    visitor.idp.pushed = wrong
    assert visitor.refusal() == "malformed_answer"


def test_an_answer_of_another_status_is_refused(visitor):
    visitor.idp.answers["par"] = answer({"request_uri": "urn:x", "expires_in": 60}, 200)
    assert visitor.refusal() == "malformed_answer"


@pytest.mark.parametrize(
    "request_uri", ["urn:ietf:params:oauth:request_uri:6esc_11", "https://idp.example/r?a=b&c", "u" * 2048]
)
def test_a_reference_reaches_the_provider_as_it_was(visitor, request_uri):
    visitor.idp.pushed = {"request_uri": request_uri}
    assert query(visitor.begin().url)["request_uri"] == request_uri


@pytest.mark.parametrize(
    "reply",
    [
        *(DOWN, SLOW, HUGE, ERROR500),
        *(answer({"error": "temporarily_unavailable"}, status) for status in (429, 503)),
        *((201, {}, body[2]) for body in (HTML, DEEP, EMPTY)),
        (302, {"Location": "https://elsewhere.example/"}, b""),
    ],
)
def test_a_broken_endpoint_is_unreachable_and_nothing_else(visitor, reply):
    visitor.idp.answers["par"] = reply
    with pytest.raises(Unreachable):
        visitor.begin()
    assert {call.request.url.split("/")[2] for call in visitor.idp.responses.calls} == {"idp.example"}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    content=st.binary(max_size=40) | objects("request_uri", "expires_in", "error").map(json.dumps).map(str.encode),
    status=st.sampled_from([200, 201, 201, 201, 204, 400, 401, 404, 500]),
)
def test_garbage_is_unreachable_or_refused(content, status):
    with FakeIdp() as idp, suppress(Unreachable, LoginRefused):
        idp.answers["par"] = answer(content, status)
        reference = query(Pushing(idp, par="always").begin().url)["request_uri"]
        assert reference == json.loads(content)["request_uri"]


def test_an_endpoint_that_is_not_safe_is_not_used(visitor):
    visitor.idp.metadata[PAR] = "http://idp.example/par"
    with pytest.raises(Unreachable):
        visitor.begin()
