"""The doctor: every finding is provoked, and a healthy installation gives no cause for worry."""

from __future__ import annotations

import re
import socket
import time
from base64 import urlsafe_b64encode
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, NameResolutionError

from blog import config
from blog.config import BadSetting
from blog.errors import Unreachable
from blog.identity import directories, oidc
from blog.identity.directories import scim
from blog.identity.directories.bearer import Bearer, Credentials
from blog.identity.doctor import arrival, discovery, login, stages
from blog.identity.doctor.advice import ADVICE
from blog.identity.doctor.finding import LEVELS, Finding
from blog.identity.doctor.names import Authors
from blog.identity.http import Answer, fetch
from blog.identity.people import Key, Person, RoleRules
from blog.identity.provider import Provider
from blog.identity.sealing import Seal
from tests.fake_idp import ABSENT, DEEP, DOWN, ERROR500, HTML, SLOW, FakeIdp, answer, make_key, public
from tests.identity.test_oidc import a_client
from tests.ports import free_ports

ENVIRON = {
    "BLOG_PUBLIC_URL": "https://blog.example",
    "BLOG_SECRET_KEY": "a key that only the tests use, long enough",
    "BLOG_OIDC_ISSUER": "https://idp.example",
    "BLOG_OIDC_CLIENT_ID": "byline",
    "BLOG_OIDC_CLIENT_SECRET": "s3cr:t +%/&é" * 3,
    "BLOG_PROXY_HOPS": "1",
}
ROWS = (*config.SETTINGS, *directories.SETTINGS)
NOWHERE = Path("/nonexistent")
SEAL = Seal("a key that only the tests use, long enough")
ADA = Key("https://idp.example", "ada")


def the_values(**changes: str) -> dict[str, Any]:
    """Settings as the product reads them."""
    return config.load(
        ENVIRON | {f"BLOG_{name}": text for name, text in changes.items()}, directories.SETTINGS, NOWHERE
    )


def now() -> datetime:
    return datetime.now(UTC)


def level(findings: list[Finding], check: str) -> str:
    """The level of the one finding of this check."""
    found = [finding.level for finding in findings if finding.check == check]
    assert len(found) == 1, f"{check} in {findings}"
    return found[0]


def words(findings: list[Finding], check: str) -> str:
    """Everything that the findings of one check say."""
    return " ".join(" ".join(asdict(finding).values()) for finding in findings if finding.check == check)


def worst(findings: list[Finding]) -> list[str]:
    return sorted({finding.check for finding in findings if finding.level in {"warning", "fault"}})


class Api:
    """A user API that knows some people, or fails."""

    def __init__(self, known: dict[str, str | None] | Exception) -> None:
        self.known = known

    def ask(self, keys: Any) -> dict[Key, Person]:
        if isinstance(self.known, Exception):
            raise self.known
        return {key: Person(key, self.known.get(key.id), gone=key.id not in self.known) for key in keys}


@pytest.fixture
def idp() -> Any:
    with FakeIdp() as provider:
        provider.metadata |= {
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile"],
            "claims_supported": ["sub", "name", "groups"],
            "backchannel_logout_supported": True,
        }
        provider.responses.add_callback("GET", re.compile("https://idp.example/authorize.*"), comes_back)
        yield provider


def callback_address(asked: dict[str, str], **params: str) -> str:
    return f"{asked['redirect_uri']}?{urlencode({'state': asked['state'], **params})}"


def comes_back(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
    """What a provider does that knows the client, and nobody is logged in."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(request.url or "").query).items()}
    if "request_uri" in asked:  # what was pushed asks for a page
        return 200, {"Content-Type": "text/html"}, b"<!doctype html><title>Log in</title>"
    assert asked["prompt"] == "none"
    return 302, {"Location": callback_address(asked, error="login_required")}, b""


def authorization(idp: FakeIdp, status: int, location: str = "") -> None:
    """Let the authorization endpoint answer like this."""
    idp.responses.remove("GET", re.compile("https://idp.example/authorize.*"))
    idp.responses.add(
        "GET", re.compile("https://idp.example/authorize.*"), status=status, headers={"Location": location}
    )


def examine(idp: FakeIdp, *, api: Any = None, authors: Any = (), clock: Any = now, **settings: str) -> list[Finding]:
    """Ask the provider everything."""
    values = the_values(**settings)
    client = a_client(
        idp,
        issuer=values["OIDC_ISSUER"],
        client_id=values["OIDC_CLIENT_ID"],
        client_secret=values["OIDC_CLIENT_SECRET"],
        scopes=values["OIDC_SCOPES"],
        id_token_alg=values["OIDC_ID_TOKEN_ALG"],
        token_auth_method=values["OIDC_TOKEN_AUTH_METHOD"],
        response_mode=values["OIDC_RESPONSE_MODE"],
        skew=values["OIDC_CLOCK_SKEW"],
    )
    provider = Provider(client.issuer)
    some = Authors(authors, len(authors))
    return stages.of_provider(client, provider, api or Api({}), authors=some, values=values, clock=clock)


SCIM = {"DIRECTORY": "scim", "DIRECTORY_URL": "https://idp.example/scim"}


# -- settings ---------------------------------------------------------------------------------------------------------


def test_healthy_settings_give_no_cause_for_worry():
    found = stages.of_settings(the_values()) + stages.of_sources({}, ROWS, NOWHERE)
    assert worst(found) == []
    assert level(found, "settings") == "good"


@pytest.mark.parametrize(
    ("check", "expected", "changes"),
    [
        ("insecure_switch", "warning", {"INSECURE_ISSUER_HTTP": "yes"}),
        ("secret_key", "warning", {"SECRET_KEY": "abcabc" * 9}),
        ("secret_key", "warning", {"OIDC_CLIENT_SECRET": ENVIRON["BLOG_SECRET_KEY"]}),
        (
            "client_proof",
            "fault",
            {"OIDC_ISSUER": "https://login.microsoftonline.com/t/v2.0", "OIDC_TOKEN_AUTH_METHOD": "private_key_jwt"},
        ),
        ("client_secret", "fault", {"OIDC_ID_TOKEN_ALG": "HS256", "OIDC_CLIENT_SECRET": "short"}),
        ("client_secret", "note", {"OIDC_ID_TOKEN_ALG": "HS256"}),
        ("https", "note", {"PUBLIC_URL": "http://localhost:5000"}),
        ("https", "note", {"OIDC_ISSUER": "http://localhost:5001"}),
        ("proxy_setting", "note", {"PROXY_HOPS": "0"}),
        ("response_mode", "note", {"OIDC_RESPONSE_MODE": "form_post"}),
        ("scopes", "warning", {"OIDC_SCOPES": "openid"}),
        ("scopes", "note", {"OIDC_SCOPES": "openid profile email"}),
        ("roles", "note", {}),
        ("roles", "warning", {"ROLES_CLAIM": "groups", "ROLE_READER": "all"}),
        ("roles", "note", {"ROLES_CLAIM": "groups", "ROLE_AUTHOR": "a, b", "ROLE_EDITOR": "b"}),
        ("author_claim", "note", {"OIDC_AUTHOR_CLAIM": "oid"}),
        ("sessions", "note", {"SESSION_LIFETIME": str(60 * 24 * 60)}),
        ("directory", "note", {}),
        ("directory_cache", "warning", {"DIRECTORY_CACHE_URL": "redis://redis.example:6379/0"}),
    ],
)
def test_a_setting_that_works_and_is_unwise_is_named(check, expected, changes):
    found = stages.of_settings(the_values(**changes))
    assert level(found, check) == expected
    if expected != "note":
        finding = next(finding for finding in found if finding.check == check)
        assert "BLOG_" in finding.change or "BLOG_" in finding.seen
        assert finding.breaks


@pytest.mark.parametrize(
    ("issuer", "method"),
    [
        ("https://login.microsoftonline.com/t/v2.0", "client_secret_post"),
        ("https://idp.example", "private_key_jwt"),
        ("https://login.microsoftonline.com.idp.example", "private_key_jwt"),
    ],
)
def test_only_entra_id_is_said_to_take_no_proof_by_key(issuer, method):
    found = stages.of_settings(the_values(OIDC_ISSUER=issuer, OIDC_TOKEN_AUTH_METHOD=method))
    assert "client_proof" not in {finding.check for finding in found}


def test_the_client_secret_and_the_key_are_never_shown():
    values = the_values(SECRET_KEY="abcabc" * 9, OIDC_ID_TOKEN_ALG="HS256", OIDC_CLIENT_SECRET="tell-nobody")
    said = str(
        stages.of_settings(values) + stages.of_sources({"BLOG_OIDC_CLIENT_SECRET": "tell-nobody"}, ROWS, NOWHERE)
    )
    assert "tell-nobody" not in said
    assert "abcabc" not in said


def test_a_secret_in_a_file_that_everybody_reads_is_named(tmp_path):
    file = tmp_path / "key"
    file.write_text("k" * 40)
    file.chmod(0o644)
    found = stages.of_sources({"BLOG_SECRET_KEY_FILE": str(file)}, ROWS, NOWHERE)
    assert level(found, "secret_file") == "warning"
    assert f"chmod 600 {file}" in words(found, "secret_file")
    file.chmod(0o600)
    assert stages.of_sources({"BLOG_SECRET_KEY_FILE": str(file)}, ROWS, NOWHERE) == []


@pytest.mark.parametrize("named", [True, False])
def test_client_secrets_that_everybody_reads_are_named(tmp_path, named):
    file = tmp_path / "client_secrets.json"
    file.write_text("{}")
    file.chmod(0o644)
    found = stages.of_sources({"BLOG_CLIENT_SECRETS": str(file)} if named else {}, ROWS, NOWHERE if named else tmp_path)
    assert level(found, "client_secrets_file") == "warning"


def test_secrets_in_the_environment_are_noted():
    found = stages.of_sources({"BLOG_SECRET_KEY": "x", "BLOG_OIDC_CLIENT_SECRET": "y"}, ROWS, NOWHERE)
    assert level(found, "secrets") == "note"
    assert "BLOG_OIDC_CLIENT_SECRET_FILE" in words(found, "secrets")


def test_every_bad_setting_is_told_at_once():
    environ = ENVIRON | {"BLOG_OIDC_CLOCK_SKEW": "soon", "BLOG_SECRET_KEY": "short", "BLOG_DIRECTORY": "ldap"}
    bad = config.faults(environ, directories.SETTINGS, NOWHERE)
    assert [each.name for each in bad] == ["SECRET_KEY", "OIDC_CLOCK_SKEW", "DIRECTORY"]
    found = stages.of_faults(bad)
    assert {finding.level for finding in found} == {"fault"}
    assert "docs/settings.md#oidc_clock_skew" in words(found, "setting")


def test_settings_that_do_not_go_together_are_told(tmp_path):
    environ = ENVIRON | {"BLOG_SESSION_IDLE": "600", "BLOG_SESSION_LIFETIME": "60"}
    assert [bad.name for bad in config.faults(environ, (), NOWHERE)] == ["SESSION_IDLE"]
    (tmp_path / "client_secrets.json").write_text("nothing")
    assert [bad.name for bad in config.faults(ENVIRON, (), tmp_path)] == ["CLIENT_SECRETS"]
    assert config.faults(ENVIRON, directories.SETTINGS, NOWHERE) == []


def test_a_bad_setting_of_a_file_leads_to_the_settings_own_place_in_the_manual():
    found = stages.of_faults([BadSetting("SECRET_KEY_FILE", "cannot read /run/key: FileNotFoundError")])
    assert "settings.md#secret_key." in found[0].change


def test_posts_of_people_of_another_issuer_are_told():
    found = stages.of_posts({"https://idp.example": 3, "https://old.example": 2}, "https://idp.example")
    assert level(found, "posts_of_another_issuer") == "warning"
    assert "2 posts" in found[0].seen
    assert stages.of_posts({"https://idp.example": 3}, "https://idp.example") == []


# -- the provider -----------------------------------------------------------------------------------------------------


def test_a_healthy_provider_gives_no_cause_for_worry(idp):
    found = examine(idp, api=Api({"ada": "Ada Lovelace"}), authors={ADA}, **SCIM)
    assert worst(found) == []
    for check in ("discovery", "issuer", "endpoints", "keys", "redirect_address", "client_credentials", "user_api"):
        assert level(found, check) == "good"


def test_an_examination_costs_the_provider_one_failed_token_request(idp):
    examine(idp)
    assert idp.calls["token"] == 1
    assert idp.token_requests[0]["code"].startswith("doctor-")
    assert (idp.calls["discovery"], idp.calls["jwks"], idp.calls["userinfo"]) == (2, 2, 0)


NO_NAME = requests.ConnectionError(
    MaxRetryError(None, "/", NameResolutionError("idp.example", None, socket.gaierror()))
)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (SLOW, "idp.example does not answer in time"),
        (requests.ConnectTimeout("slow"), "does not answer in time"),
        (requests.exceptions.SSLError("certificate verify failed"), "(TLS)"),
        (NO_NAME, "cannot be looked up (DNS)"),
        (requests.exceptions.ProxyError("no"), "HTTPS_PROXY"),
        (requests.ConnectionError(ConnectionRefusedError()), "Nothing listens at idp.example"),
        (DOWN, "did not answer: ConnectionError"),
        (answer({}, 404), "HTTP 404"),
        (ERROR500, "HTTP 500"),
        (answer(b"", 301, Location="https://elsewhere.example/x?token=y"), "leads on to https://elsewhere.example/x."),
        (HTML, "A web page stands at"),
        (DEEP, "Something other than a JSON object"),
        (answer([]), "Something other than a JSON object"),
    ],
)  # fmt: skip
def test_every_way_of_not_answering_is_told_apart(idp, reply, said):
    idp.answers["discovery"] = reply
    found = examine(idp)
    assert worst(found) == ["discovery"]
    assert level(found, "discovery") == "fault"
    assert said in words(found, "discovery")
    assert "token=y" not in words(found, "discovery")


def test_a_port_where_nothing_listens_is_told_as_that():
    (port,) = free_ports(1)
    found = discovery.look(SimpleNamespace(issuer=f"http://127.0.0.1:{port}", skew=60), now).findings  # type: ignore[arg-type]
    assert f"Nothing listens at 127.0.0.1:{port}." in words(found, "discovery")


def test_a_slow_provider_is_told(idp, monkeypatch):
    monkeypatch.setattr(discovery, "SLOW_S", 0)
    assert level(examine(idp), "discovery") == "warning"


@pytest.mark.parametrize("theirs", ["https://idp.example/", "https://other.example", ABSENT, 7])
def test_both_spellings_of_the_issuer_are_shown(idp, theirs):
    idp.metadata["issuer"] = theirs
    found = examine(idp)
    assert (level(found, "issuer"), worst(found)) == ("fault", ["issuer"])
    said = words(found, "issuer")
    assert "https://idp.example" in said
    assert (str(theirs) if isinstance(theirs, str) else "nothing") in said
    assert ("slash at the end" in said) == (theirs == "https://idp.example/")
    assert idp.calls["token"] == 0  # no secret goes to somebody else


@pytest.mark.parametrize("endpoint", ["token_endpoint", "authorization_endpoint", "jwks_uri"])
def test_an_endpoint_that_is_missing_or_unsafe_is_named(idp, endpoint):
    for url in (ABSENT, "http://idp.example/x"):
        idp.metadata[endpoint] = url
        found = examine(idp)
        assert (level(found, "endpoints"), worst(found)) == ("fault", ["endpoints"])
        assert endpoint in words(found, "endpoints")
    assert idp.calls["token"] == 0


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_keys_that_cannot_be_used_are_counted(idp):
    idp.more_jwks = [{"kty": "EC", "crv": "P-999", "x": "a", "y": "b"}, public(make_key("1024", kid="small"))]
    found = examine(idp)
    assert level(found, "keys") == "good"
    assert "Of 3 published keys 1 can sign with RS256." in words(found, "keys")
    assert level(found, "keys_left_out") == "note"


@pytest.mark.parametrize("jwks", [{"keys": []}, {"keys": [public(make_key("EC"))]}, {"keys": "none"}, {}])
def test_a_key_set_without_a_fitting_key_is_a_fault(idp, jwks):
    idp.jwks = jwks
    assert level(examine(idp), "keys") == "fault"


@pytest.mark.parametrize("reply", [DOWN, HTML, ERROR500])
def test_a_key_set_that_cannot_be_had_is_a_fault(idp, reply):
    idp.answers["jwks"] = reply
    assert level(examine(idp), "keys") == "fault"


def test_several_keys_without_a_name_are_too_many(idp):
    idp.jwks = {"keys": [public(make_key("RSA", 1, None)), public(make_key("RSA", 2, None))]}
    assert level(examine(idp), "key_ids") == "warning"


def test_a_shared_secret_needs_no_keys(idp):
    idp.jwks = {"keys": []}
    found = examine(idp, OIDC_ID_TOKEN_ALG="HS256")
    assert level(found, "keys") == "good"


@pytest.mark.parametrize(
    ("check", "expected", "metadata", "settings"),
    [
        ("id_token_alg", "fault", {"id_token_signing_alg_values_supported": ["ES256"]}, {}),
        ("id_token_alg", "note", {"id_token_signing_alg_values_supported": ABSENT}, {}),
        ("response_type", "fault", {"response_types_supported": ["id_token"]}, {}),
        ("response_mode", "warning", {"response_modes_supported": ["query"]}, {"OIDC_RESPONSE_MODE": "form_post"}),
        ("response_mode", "good", {"response_modes_supported": ["form_post"]}, {"OIDC_RESPONSE_MODE": "form_post"}),
        ("pkce", "note", {"code_challenge_methods_supported": ABSENT}, {}),
        ("pkce", "warning", {"code_challenge_methods_supported": ["plain"]}, {}),
        ("token_auth_method", "warning", {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, {}),
        ("token_auth_method", "warning", {}, {"OIDC_TOKEN_AUTH_METHOD": "client_secret_post"}),
        ("scopes_supported", "note", {"scopes_supported": ["openid"]}, {}),
        ("claims_supported", "note", {"claims_supported": ["sub"]}, {"OIDC_AUTHOR_CLAIM": "oid"}),
        ("claims_supported", "note", {}, {"ROLES_CLAIM": "realm_access.roles", "ROLE_AUTHOR": "a"}),
        ("register", "note", {"prompt_values_supported": ABSENT}, {}),
        ("register", "good", {"prompt_values_supported": ABSENT}, {"OIDC_REGISTRATION_URL": "https://idp.example/join"}),
        ("issuer_in_answers", "note", {"authorization_response_iss_parameter_supported": ABSENT}, {}),
        ("par", "good", {"pushed_authorization_request_endpoint": "https://idp.example/par"}, {}),
        ("subjects", "note", {"subject_types_supported": ["public", "pairwise"]}, {}),
        ("subjects", "note", {"subject_types_supported": ["pairwise"]}, {}),
        ("subjects", "warning", {"subject_types_supported": ["pairwise"]}, SCIM),
        ("logout", "note", {"end_session_endpoint": ABSENT}, {}),
        ("provider_logout", "note", {"backchannel_logout_supported": ABSENT}, {}),
        ("provider_logout", "good", {"backchannel_logout_supported": 0, "frontchannel_logout_supported": True}, {}),
    ],
)  # fmt: skip
def test_what_the_provider_cannot_do_is_told(idp, check, expected, metadata, settings):
    idp.metadata |= metadata
    values = the_values(**settings)
    client = a_client(
        idp, response_mode=values["OIDC_RESPONSE_MODE"], token_auth_method=values["OIDC_TOKEN_AUTH_METHOD"]
    )
    document = discovery.look(client, now).document
    assert document is not None
    assert level(discovery.advice(client, document, values), check) == expected


@pytest.mark.parametrize("value", [ABSENT, "S256", 7, {}, [7, None]])
def test_a_senseless_document_takes_nobody_down(idp, value):
    for name in ("code_challenge_methods_supported", "response_types_supported", "subject_types_supported"):
        idp.metadata[name] = value
    assert level(examine(idp), "redirect_address") == "good"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "good"), (20, "good"), (-20, "good"), (45, "warning"), (-45, "warning"), (90, "fault"), (-90, "fault")],
)
def test_clocks_that_differ_are_told(idp, seconds, expected):
    document = requests.get("https://idp.example/.well-known/openid-configuration", timeout=5).json()
    date = format_datetime(now() + timedelta(seconds=seconds))
    idp.answers["discovery"] = answer(document, Date=date)
    found = examine(idp)
    assert level(found, "clock") == expected
    if expected != "good":
        assert ("ahead of" if seconds > 0 else "behind") in words(found, "clock")


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_a_provider_that_does_not_tell_the_time_is_noted(idp, date):
    document = requests.get("https://idp.example/.well-known/openid-configuration", timeout=5).json()
    idp.answers["discovery"] = answer(document, **({"Date": date} if date else {}))
    assert level(examine(idp), "clock") == "note"


@pytest.mark.parametrize(
    ("status", "location", "expected"),
    [
        (302, "https://blog.example/oidc/callback?error=login_required", "good"),
        (303, "https://blog.example/oidc/callback?error=interaction_required", "good"),
        (302, "https://blog.example/oidc/callback?error=invalid_scope", "fault"),
        (302, "https://blog.example/oidc/callback?error=<b>", "fault"),
        (302, "https://idp.example/login", "good"),
        (302, "https://idp.example/oops?error=redirect_uri_mismatch", "warning"),
        (200, "", "note"),
        (400, "", "warning"),
        (404, "", "warning"),
        (500, "", "warning"),
    ],
)
def test_a_redirect_address_that_the_provider_does_not_know_is_told(idp, status, location, expected):
    authorization(idp, status, location)
    found = examine(idp)
    assert level(found, "redirect_address") == expected
    assert "<b>" not in words(found, "redirect_address")
    if status >= 400:
        assert "https://blog.example/oidc/callback" in words(found, "redirect_address")


def test_an_authorization_endpoint_out_of_reach_is_a_warning(idp):
    idp.responses.remove("GET", re.compile("https://idp.example/authorize.*"))
    assert level(examine(idp), "redirect_address") == "warning"


def test_wrong_credentials_are_a_fault(idp):
    found = examine(idp, OIDC_CLIENT_SECRET="wrong")
    assert level(found, "client_credentials") == "fault"
    assert "BLOG_OIDC_CLIENT_SECRET" in words(found, "client_credentials")


@pytest.mark.parametrize("reply", [DOWN, HTML, ERROR500])
def test_a_token_endpoint_out_of_order_is_a_fault(idp, reply):
    idp.answers["token"] = reply
    assert level(examine(idp), "client_credentials") == "fault"


def test_a_provider_that_takes_any_code_is_a_fault(idp):
    def anything(request: requests.PreparedRequest) -> Any:
        nonce = asked["nonce"]
        return answer({"access_token": "x", "token_type": "Bearer", "id_token": idp.make_id_token(nonce=nonce)})

    asked: dict[str, str] = {}

    def remember(request: requests.PreparedRequest) -> Any:
        asked.update({name: values[0] for name, values in parse_qs(urlsplit(request.url or "").query).items()})
        return comes_back(request)

    idp.responses.remove("GET", re.compile("https://idp.example/authorize.*"))
    idp.responses.add_callback("GET", re.compile("https://idp.example/authorize.*"), remember)
    idp.responses.remove("POST", "https://idp.example/token")
    idp.responses.add_callback("POST", "https://idp.example/token", anything)
    idp.answers["userinfo"] = answer({"sub": "ada"})
    found = examine(idp)
    assert level(found, "client_credentials") == "fault"
    assert "senseless" in words(found, "client_credentials")


def test_a_provider_that_takes_only_pushed_requests_and_has_no_address_for_them_is_told(idp):
    idp.metadata["require_pushed_authorization_requests"] = True
    found = examine(idp)
    assert level(found, "begin") == "fault"
    assert "push_impossible" in words(found, "begin")
    assert idp.calls["token"] == 0


def test_a_pushed_request_is_examined_as_it_is(idp):
    idp.metadata |= {
        "require_pushed_authorization_requests": True,
        "pushed_authorization_request_endpoint": idp.par_url,
    }
    found = examine(idp)
    assert level(found, "redirect_address") == "note"
    assert level(found, "client_credentials") == "good"
    assert idp.calls["par"] == 1


def test_credentials_that_are_wrong_are_told_where_the_request_is_pushed(idp):
    idp.metadata["pushed_authorization_request_endpoint"] = idp.par_url
    idp.client_secret = "another"
    assert level(examine(idp), "client_credentials") == "fault"


# -- the user API -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        (Api({}), "good"),
        (Api(Unreachable("the SCIM API at idp.example refuses to search (HTTP 403)")), "fault"),
        (Api(Unreachable("the SCIM API at idp.example did not answer: ConnectTimeout", silent=True)), "fault"),
    ],
)
def test_whether_the_user_api_may_be_asked_is_told(idp, api, expected):
    found = examine(idp, api=api, **SCIM)
    assert level(found, "user_api") == expected
    assert ("right to read users" in words(found, "user_api")) == ("403" in str(api.known))


def test_a_user_api_that_knows_everybody_is_not_believed(idp):
    class Everybody:
        def ask(self, keys):
            return {key: Person(key, "Somebody") for key in keys}

    assert level(examine(idp, api=Everybody(), **SCIM), "user_api") == "warning"


def test_a_user_api_that_knows_no_author_is_told(idp):
    authors = {ADA, Key("https://idp.example", "bob")}
    assert level(examine(idp, api=Api({"x": "X"}), authors=authors, **SCIM), "user_api_authors") == "warning"
    found = examine(idp, api=Api({"ada": "Ada"}), authors=authors, **SCIM)
    assert level(found, "user_api_authors") == "good"
    assert "1 of 2" in words(found, "user_api_authors")
    assert not any("ada" in text for finding in found for text in asdict(finding).values())


def test_without_a_user_api_nobody_is_asked(idp):
    assert not words(examine(idp, api=Api(AssertionError())), "user_api")


def test_the_real_adapter_is_asked_as_the_product_asks_it(idp):
    base, error = "https://idp.example/scim", {"schemas": [scim.ERROR_SCHEMA], "status": "404"}
    idp.responses.add("GET", f"{base}/ServiceProviderConfig", json={"filter": {"supported": False}})
    idp.responses.add("GET", re.compile(f"{base}/Users/doctor-.*"), json=error, status=404)
    values = the_values(**SCIM)
    bearer = Bearer(lambda: "https://idp.example/cc", Credentials("byline", "secret"))
    idp.responses.add("POST", "https://idp.example/cc", json={"access_token": "t", "token_type": "Bearer"})
    cached = directories.Cached(scim.Scim(values["OIDC_ISSUER"], base, bearer))
    assert level(examine(idp, api=cached, **SCIM), "user_api") == "good"
    idp.responses.replace("GET", re.compile(f"{base}/Users/doctor-.*"), json={}, status=403)
    assert level(examine(idp, api=cached, **SCIM), "user_api") == "fault"


# -- the blog from outside --------------------------------------------------------------------------------------------


def test_a_token_for_the_probe_is_good_for_a_minute_and_with_this_key_only():
    made_at = now()
    token = arrival.make_token(SEAL, made_at)
    assert arrival.is_token(SEAL, token, made_at + timedelta(seconds=59))
    assert not arrival.is_token(SEAL, token, made_at + timedelta(seconds=61))
    assert not arrival.is_token(Seal("another key of the tests, as long as that"), token, made_at)
    other_purpose = urlsafe_b64encode(SEAL.close("login attempt", arrival.PROBE, {"at": time.time()})).decode()
    for text in ("", "x", "ü", token[:-4], other_purpose):
        assert not arrival.is_token(SEAL, text, made_at)


@pytest.mark.parametrize(
    ("address", "kind"),
    [("127.0.0.1", "loopback"), ("::1", "loopback"), ("10.0.0.1", "private"), ("8.8.8.8", "public"), (None, "none")],
)
def test_an_arrival_tells_nobodys_address(address, kind):
    told = arrival.describe(
        scheme="http", host="blog.example", address=address, headers={"X-Forwarded-For": "8.8.8.8, 10.0.0.1"}
    )
    assert told == {
        "scheme": "http",
        "host": "blog.example",
        "reader": kind,
        "forwarded": {"X-Forwarded-For": 2, "X-Forwarded-Proto": 0, "X-Forwarded-Host": 0},
    }  # fmt: skip


def look_at_blog(home: Any = 200, arrived: Any = None, status: int = 200, location: str = "", **settings: str) -> Any:
    """Look at a blog that answers its home page and the probe like this."""
    with responses.RequestsMock() as mock:
        if isinstance(home, Exception):
            mock.add("GET", "https://blog.example/", body=home)
        else:
            mock.add("GET", "https://blog.example/", status=home, headers={"Location": location})
            mock.add("GET", re.compile("https://blog.example/oidc/probe.*"), status=status, json=arrived)
        return stages.of_blog(the_values(**settings), SEAL, now())


def as_seen(scheme: str = "https", host: str = "blog.example", hops: int = 1, proto: int = 1) -> dict[str, Any]:
    forwarded = {"X-Forwarded-For": hops, "X-Forwarded-Proto": proto, "X-Forwarded-Host": 0}
    return {"scheme": scheme, "host": host, "reader": "public", "forwarded": forwarded}


def test_a_blog_behind_a_good_proxy_gives_no_cause_for_worry():
    found = look_at_blog(arrived=as_seen())
    assert {finding.level for finding in found} == {"good"}
    assert {finding.check for finding in found} == {"public_url", "forwarded_proto", "proxy_hops"}


@pytest.mark.parametrize(
    ("check", "expected", "said", "blog"),
    [
        ("public_url", "warning", "nobody answers", {"home": requests.ConnectTimeout()}),
        ("public_url", "fault", "HTTP 502", {"home": 502, "status": 502}),
        ("public_url", "fault", "leads on to https://www.example/", {"home": 301, "location": "https://www.example/?a=b"}),
        ("forwarded_host", "fault", "proxy_set_header Host", {"home": 400, "status": 400}),
        ("instance", "fault", "SECRET_KEY", {"status": 404}),
        ("instance", "fault", "SECRET_KEY", {"arrived": ["html"]}),
        ("instance", "fault", "SECRET_KEY", {"arrived": {"scheme": "https"}}),
        ("forwarded_proto", "warning", "without X-Forwarded-Proto", {"arrived": as_seen("http", proto=0)}),
        ("forwarded_proto", "warning", "BLOG_PROXY_HOPS", {"arrived": as_seen("http"), "PROXY_HOPS": "0"}),
        ("proxy_hops", "warning", "Set BLOG_PROXY_HOPS=2", {"arrived": as_seen(hops=2)}),
        ("proxy_hops", "warning", "Set BLOG_PROXY_HOPS=1", {"arrived": as_seen(hops=1), "PROXY_HOPS": "2"}),
        ("proxy_hops", "warning", "Set BLOG_PROXY_HOPS=0", {"arrived": as_seen(hops=0)}),
        ("forwarded_host", "note", "blog.example:8000", {"arrived": as_seen(host="blog.example:8000")}),
    ],
)  # fmt: skip
def test_what_a_proxy_does_wrong_is_told(check, expected, said, blog):
    found = look_at_blog(**blog)
    assert level(found, check) == expected
    assert said in words(found, check)


# -- a login ----------------------------------------------------------------------------------------------------------


def log_in(idp: FakeIdp, api: Any = None, rules: RoleRules | None = None, pasted: str = "", **settings: str) -> Any:
    """Go through a login as the operator would."""
    values, client, provider = the_values(**settings), a_client(idp), Provider(idp.issuer)
    attempt = stages.begin(client, provider, now())
    assert not isinstance(attempt, Finding)
    params = idp.authorize(attempt.url)
    assert params["state"].startswith(oidc.DOCTOR)
    url = pasted or f"  https://blog.example/oidc/callback?{urlencode(params)}\n"
    return stages.of_answer(
        client,
        provider,
        api or Api({}),
        attempt=attempt,
        pasted=url,
        values=values,
        rules=rules or RoleRules(),
        clock=now,
    )


def test_a_login_tells_claims_by_name_and_kind_and_nothing_of_the_person(idp):
    idp.people["ada"] = {
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "groups": ["staff", "x"],
        "address": {"a": 1},
    }
    idp.id_token |= {"sid": "session-7", "email_verified": True}
    found = log_in(idp, Api({"ada": "Ada Lovelace"}), **SCIM)
    assert worst(found) == []
    assert "sid: text" in words(found, "id_token_claims")
    assert "email_verified: yes or no" in words(found, "id_token_claims")
    assert "groups: list of 2 (text)" in words(found, "userinfo_claims")
    assert "address: object of 1" in words(found, "userinfo_claims")
    assert "auth_time" in words(found, "extras")
    said = str(found)
    for private in ("Ada", "Lovelace", "ada@", "staff", "session-7", "ada"):
        assert private not in said


def test_a_login_asks_for_its_answer_in_the_address_whatever_the_setting():
    with FakeIdp() as idp:
        attempt = stages.begin(a_client(idp, response_mode="form_post"), Provider(idp.issuer), now())
        assert not isinstance(attempt, Finding)
        assert "response_mode" not in attempt.url


@pytest.mark.parametrize(
    ("rules", "groups", "expected", "said"),
    [
        (RoleRules(), None, "good", "The role is author, as everybody's."),
        (RoleRules("groups", {"editor": ("desk",)}), ["desk", "other"], "good", "“desk”"),
        (RoleRules("groups", {"editor": ("desk",)}), ["other"], "note", "of 1 groups"),
        (RoleRules("groups", {"editor": ("desk",)}), None, "warning", "roles_claim_absent"),
    ],
)
def test_the_role_that_would_result_and_why_is_told(idp, rules, groups, expected, said):
    idp.people["ada"] = {"name": "Ada"} | ({"groups": groups} if groups is not None else {})
    found = log_in(idp, rules=rules)
    assert level(found, "role") == expected
    assert said in words(found, "role")
    assert "other" not in words(found, "role")


def test_groups_that_entra_keeps_back_are_told(idp):
    idp.id_token["hasgroups"] = True
    assert "groups_overage" in words(log_in(idp, rules=RoleRules("groups", {"author": ("a",)})), "role")


def test_a_login_without_a_name_is_told(idp):
    idp.people["ada"] = {}
    found = log_in(idp)
    assert level(found, "name") == "warning"
    assert level(found, "userinfo_claims") == "note"


def test_a_login_without_the_author_id_is_told(idp):
    assert level(log_in(idp, OIDC_AUTHOR_CLAIM="oid"), "author_claim_seen") == "fault"


def test_a_login_without_a_sid_is_noted_and_a_refresh_token_is_told(idp):
    idp.tokens["refresh_token"] = "r-e-f-r-e-s-h"
    found = log_in(idp)
    assert level(found, "sid") == "note"
    assert "a refresh token" in words(found, "extras")
    assert "r-e-f-r-e-s-h" not in str(found)


def test_a_token_from_the_future_is_told_before_it_is_refused(idp):
    idp.clock = lambda: time.time() + 40
    assert level(log_in(idp), "issue_time") == "warning"
    idp.clock = lambda: time.time() + 100
    assert "issued_in_future" in words(log_in(idp), "login")


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        (Api({"ada": "Ada"}), "good"),
        (Api({"ada": None}), "warning"),
        (Api({}), "fault"),
        (Api(Unreachable("the SCIM API at idp.example refuses (HTTP 401)")), "fault"),
    ],
)
def test_whether_the_user_api_knows_who_logged_in_is_told(idp, api, expected):
    assert level(log_in(idp, api, **SCIM), "user_api_login") == expected


@pytest.mark.parametrize(
    ("provoke", "reason"),
    [
        (lambda idp: idp.id_token.update(aud="other"), "wrong_audience"),
        (lambda idp: idp.id_token.update(nonce="other"), "wrong_nonce"),
        (lambda idp: idp.header.update(kid="other"), "unknown_key"),
        (lambda idp: idp.userinfo.update(sub="bob"), "userinfo_of_another"),
    ],
)
def test_a_refused_login_is_told_with_its_reason_and_advice(idp, provoke, reason):
    provoke(idp)
    found = log_in(idp)
    assert level(found, "login") == "fault"
    assert reason in words(found, "login")
    assert ADVICE[reason] in words(found, "login")


@pytest.mark.parametrize(
    "pasted", ["nothing", "https://blog.example/oidc/callback", "http://[", "https://x/?state=other&code=x"]
)
def test_an_address_that_is_none_of_ours_is_refused(idp, pasted):
    assert "state_mismatch" in words(log_in(idp, pasted=pasted), "login")


def test_a_provider_that_is_gone_by_then_is_told(idp):
    idp.answers["token"] = DOWN
    assert level(log_in(idp), "login") == "fault"


def test_every_reason_for_refusing_has_advice():
    assert list(ADVICE) == list(oidc.REASONS)
    assert set(login.WHY_NO_GROUPS) == {"roles_claim_absent", "groups_overage"}


def test_every_level_that_is_used_is_one_of_the_four(idp):
    idp.metadata["subject_types_supported"] = ["pairwise"]
    assert {finding.level for finding in examine(idp, OIDC_CLIENT_SECRET="wrong")} <= set(LEVELS)


def test_a_redirect_is_an_answer_for_who_asks_for_that(idp):
    authorization(idp, 302, "https://idp.example/login")
    told = fetch("GET", "https://idp.example/authorize", may_redirect=True)
    assert isinstance(told, Answer)
    assert (told.status, told.headers["Location"]) == (302, "https://idp.example/login")
    with pytest.raises(Unreachable, match="redirects"):
        fetch("GET", "https://idp.example/authorize")
