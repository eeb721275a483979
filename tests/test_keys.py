"""Our own keys at the door: published, used for logging in, and looked after by the operator."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import text, update

from blog import create_app
from blog.db import ClientKey, db, writing
from tests.actor import Actor

KID = r"[\w-]{43}"


@pytest.fixture(autouse=True)
def keyed(settings):
    """The blog proves itself with keys of its own."""
    del settings["OIDC_CLIENT_SECRET"]
    settings |= {"OIDC_TOKEN_AUTH_METHOD": "private_key_jwt", "OIDC_ASSERTION_ALG": "ES256"}


@pytest.fixture
def knowing(app, idp):
    """The provider reads our keys where they are published."""
    idp.client_keys = lambda: app.test_client().get("/oidc/jwks").json
    return idp


def oidc(app, *words):
    """Run `flask oidc …`."""
    result = app.test_cli_runner().invoke(args=["oidc", *words])
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def kids(app):
    return [key["kid"] for key in app.test_client().get("/oidc/jwks").json["keys"]]


# Published


def test_the_key_set_is_public_and_holds_public_keys_only(app):
    answer = app.test_client().get("/oidc/jwks")
    assert (answer.status_code, answer.content_type) == (200, "application/jwk-set+json")
    assert [set(key) for key in answer.json["keys"]] == [{"kty", "crv", "x", "y", "use", "alg", "kid"}] * 2
    assert not any(key.is_private for key in KeySet.import_key_set(answer.json).keys)


def test_every_cache_may_keep_the_key_set(app, knowing):
    for client in (app.test_client(), Actor(app, knowing).log_in().client):
        answer = client.get("/oidc/jwks")
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert "Set-Cookie" not in answer.headers
        assert "Vary" not in answer.headers


def test_the_key_set_can_only_be_read(app):
    client = app.test_client()
    head = client.head("/oidc/jwks")
    assert (head.status_code, head.data, head.content_type) == (200, b"", "application/jwk-set+json")
    for method in ("POST", "PUT", "DELETE"):
        assert client.open("/oidc/jwks", method=method).status_code == 405


def test_the_key_set_is_there_before_anybody_logged_in_and_stays(app, settings, clock):
    first = kids(app)
    again = create_app(settings, now=clock)
    assert kids(again) == first
    again.extensions["porch"].directory.close()
    with again.app_context():
        db.engine.dispose()


# Logging in


def test_a_login_needs_no_client_secret_anywhere(app, knowing, visitor):
    visitor.log_in()
    assert knowing.why == ""
    assert visitor.is_logged_in()


def test_a_provider_that_knows_our_keys_from_before_notices_no_rotation(app, knowing, visitor):
    known = app.test_client().get("/oidc/jwks").json
    knowing.client_keys = lambda: known
    assert oidc(app, "rotate-keys", "--now").exit_code == 0
    visitor.log_in()
    assert kids(app)[0] == known["keys"][1]["kid"]


def test_a_request_is_pushed_with_the_same_proof(app, knowing, visitor):
    knowing.metadata |= {
        "pushed_authorization_request_endpoint": knowing.par_url,
        "require_pushed_authorization_requests": True,
    }
    visitor.log_in()
    assert visitor.is_logged_in()
    assert knowing.calls["par"] == 1


@pytest.fixture
def asked_again(settings, idp):
    """The provider is asked every ten minutes whether it still vouches for who is logged in."""
    settings["SESSION_REVALIDATE"] = "10"
    idp.refreshes = True


def renewing(app):
    app.extensions["porch"] = replace(app.extensions["porch"], background=lambda work: work())


def test_a_session_is_renewed_with_the_same_proof(asked_again, app, knowing, visitor, clock, security_log):
    renewing(app)
    visitor.log_in()
    clock.advance(minutes=10)
    visitor.get("/")
    assert len(security_log.of("session_renewed")) == 1
    assert "client_assertion" in knowing.token_requests[-1]


def test_keys_that_cannot_be_read_end_no_session(asked_again, app, knowing, visitor, clock, security_log):
    renewing(app)
    visitor.log_in()
    with app.app_context(), writing() as session:
        session.execute(update(ClientKey).values(data=b"sealed by somebody else"))
    clock.advance(minutes=10)
    visitor.get("/")
    assert security_log.reasons("session_check_failed") == ["unreadable_keys"]
    assert visitor.is_logged_in()


def test_a_refused_push_is_a_page_and_a_line_of_the_log(app, idp, visitor, security_log):
    idp.metadata["pushed_authorization_request_endpoint"] = idp.par_url
    idp.client_keys = lambda: {"keys": []}
    answer = visitor.get("/login")
    assert answer.status_code == 400
    assert "client_refused" in answer.text
    assert security_log.of("login_refused") == [
        {"reason": "client_refused", "what": "error=invalid_client (HTTP 401, pushed)"}
    ]


# The operator


def test_the_operator_can_print_the_key_set(app):
    result = oidc(app, "show-keys")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == app.test_client().get("/oidc/jwks").json
    assert re.fullmatch(rf"{KID} ES256 signs\n{KID} ES256 next, may sign from [\d-]+ [\d:]+ UTC\n", result.stderr)


def test_the_operator_can_print_the_keys_in_pem(app, settings):
    result = oidc(app, "show-keys", "--pem")
    assert result.stdout.count("-----BEGIN PUBLIC KEY-----") == 2
    assert "PRIVATE" not in result.output


def test_a_rotation_tells_the_keys_and_when_the_old_one_goes(app, clock):
    first, second = kids(app)
    clock.advance(hours=25)
    told = oidc(app, "rotate-keys").output.splitlines()
    assert told[0] == f"{second} ES256 signs"
    assert re.fullmatch(rf"{KID} ES256 next, may sign from .* UTC", told[1])
    assert re.fullmatch(rf"{first} ES256 retired, published until .* UTC", told[2])
    assert len(told) == 3


def test_rotating_twice_does_no_harm(app, clock):
    oidc(app, "show-keys")
    clock.advance(hours=25)
    oidc(app, "rotate-keys")
    before = kids(app)
    again = oidc(app, "rotate-keys")
    assert again.exit_code == 0
    assert again.output.startswith("Nothing was done")
    assert kids(app) == before


def test_compromised_keys_are_gone_at_once(app):
    before = kids(app)
    oidc(app, "rotate-keys", "--now")
    before += kids(app)
    assert oidc(app, "rotate-keys", "--compromised").exit_code == 0
    assert len(kids(app)) == 2
    assert not set(kids(app)) & set(before)


def test_keys_sealed_with_another_secret_key_are_said_to_be(app, settings, idp, clock, security_log):
    kids(app)
    changed = create_app(settings | {"SECRET_KEY": "another key that only the tests use"}, now=clock)
    assert changed.test_client().get("/oidc/jwks").status_code == 503
    for command in ("show-keys", "rotate-keys"):
        result = oidc(changed, command)
        assert result.exit_code == 1
        assert result.output.startswith("Error: our own keys were sealed with another SECRET_KEY; put that back")
    visitor = Actor(changed, idp)
    refused = visitor.return_with(visitor.begin())
    assert (refused.status_code, "unreadable_keys" in refused.text) == (400, True)
    assert security_log.reasons("login_refused") == ["unreadable_keys"]
    assert oidc(changed, "rotate-keys", "--compromised").exit_code == 0
    assert len(kids(changed)) == 2
    changed.extensions["porch"].directory.close()
    with changed.app_context():
        db.engine.dispose()


def test_where_a_client_secret_does_there_are_no_keys(settings, clock):
    settings |= {"OIDC_TOKEN_AUTH_METHOD": "client_secret_post", "OIDC_CLIENT_SECRET": "s" * 32}
    app = create_app(settings, now=clock)
    with app.app_context():
        db.create_all()
    assert app.test_client().get("/oidc/jwks").status_code == 404
    for command in ("show-keys", "rotate-keys"):
        assert "is not private_key_jwt" in oidc(app, command).output
    with app.app_context():
        assert db.session.scalar(text("SELECT count(*) FROM client_keys")) == 0
        db.engine.dispose()
    app.extensions["porch"].directory.close()


def test_rsa_keys_are_printed_too(settings, clock):
    app = create_app(settings | {"OIDC_ASSERTION_ALG": "RS256"}, now=clock)
    with app.app_context():
        db.create_all()
    pem = oidc(app, "show-keys", "--pem").stdout
    assert RSAKey.import_key(pem[: pem.index("-----BEGIN", 5)]).raw_value.key_size == 2048
    app.extensions["porch"].directory.close()
    with app.app_context():
        db.engine.dispose()
