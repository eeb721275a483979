"""Examining the user API: what is proven, and every way in which it fails, for every provider's own API."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest

from blog.errors import LoginRefused, Unreachable
from blog.identity.directories.cached import Cached
from blog.identity.doctor.names import Authors, is_proven, of_directory, of_proof
from blog.identity.people import Key, Person
from tests.identity.directories.fake_providers import PROVIDERS, SECRET, TOKEN, FakeProvider
from tests.identity.directories.fake_scim import is_recorded, replay

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AMINA = {"display": "Amina Okafor", "given": "Amina", "family": "Okafor"}
WITH_CLIENT = [name for name, each in PROVIDERS.items() if "DIRECTORY_CLIENT_ID" in each.settings]
WITH_TOKEN = [name for name, each in PROVIDERS.items() if "DIRECTORY_TOKEN" in each.settings]
SEARCHING = [name for name, each in PROVIDERS.items() if each.size > 1]
HIDING = {"zitadel", "authentik"}


@pytest.fixture(params=PROVIDERS)
def name(request):
    return request.param


@pytest.fixture
def server(name):
    with FakeProvider(PROVIDERS[name]) as server:
        yield server


def add(server, number, **parts):
    """Let somebody live there, with those parts of a name that this provider knows."""
    parts = parts or AMINA
    return server.add(number, **{part: text for part, text in parts.items() if part in server.provider.fields})


def examine(server, *some, one=None, number=None, values=None, **more):
    """Examine it as `flask authors check` does."""
    authors = Authors(some, len(some) if number is None else number, one)
    directory = Cached(server.directory(**more))
    found = of_directory(directory, authors, values or server.values(**more), NOW, proving=True)
    said = str([asdict(finding) for finding in found])
    for secret in (TOKEN, SECRET, "Amina", "Okafor", "login-secret", *(key.id for key in some if len(key.id) > 8)):
        assert secret not in said
    return found


def of(found, check):
    """The one finding of this check."""
    (finding,) = [finding for finding in found if finding.check == check]
    return finding


def level(found, check):
    return of(found, check).level


def words(found, check):
    return " ".join(asdict(of(found, check)).values())


def checks(found):
    return [finding.check for finding in found]


def jwt(**claims):
    """A token that says this of itself; nobody looks at its signature."""
    parts = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "RS256"}, claims))
    return ".".join((*parts, "c2ln"))


# -- what works -------------------------------------------------------------------------------------------------------


def test_names_that_can_be_had_are_proven(server, name):
    amina, ruben = add(server, 1), add(server, 2)
    found = examine(server, amina, ruben)
    assert is_proven(found)
    assert not [finding for finding in found if finding.level in {"warning", "fault"}]
    assert "2 of 2" in words(found, "user_api_authors")
    assert level(found, "user_api_proof") == level(found, "user_api_gone") == level(found, "user_api") == "good"
    assert level(found, "user_api_batch") == ("good" if name in SEARCHING else "note")
    assert ("user_api_token" in checks(found)) == (name not in {"kratos", "cognito"})  # which ask for no token


def test_a_name_is_told_by_its_size_only(server):
    found = examine(server, one=add(server, 1))
    assert "a name of 2 words, 12 characters" in words(found, "user_api_name")


def test_one_known_id_is_enough(server):
    found = examine(server, one=add(server, 1))
    assert is_proven(found)
    assert "1 of 1" in words(found, "user_api_authors")


def test_few_questions_are_asked(server):
    examine(server, *(add(server, n) for n in range(1, 11)))
    questions = [url for _, url in server.calls if "ServiceProviderConfig" not in url and "access_tokens" not in url]
    # nobody; all and nobody, who is read alone where a list leaves people out; one alone
    assert len(questions) <= (4 if server.provider.size > 1 else 13)


@pytest.mark.parametrize("name", WITH_CLIENT)
def test_a_token_that_is_fetched_says_how_long_it_lives(server):
    assert "3600 s" in words(examine(server, add(server, 1)), "user_api_token")
    server.token = {"expires_in": None}
    assert "does not say" in words(examine(server, add(server, 1)), "user_api_token")


# -- the id -----------------------------------------------------------------------------------------------------------


def test_an_id_that_is_not_there_is_a_fault_that_names_the_claim(server):
    add(server, 1)
    found = examine(server, one=server.key(7))
    assert not is_proven(found)
    assert level(found, "user_api_proof") == "fault"
    assert level(found, "user_api_authors") == "fault"
    assert "BLOG_OIDC_AUTHOR_CLAIM" in words(found, "user_api_authors")


def test_the_id_has_to_be_known_though_other_authors_are(server):
    found = examine(server, add(server, 1), add(server, 2), one=server.key(7))
    assert not is_proven(found)
    assert level(found, "user_api_authors") == "fault"


@pytest.mark.parametrize(
    ("name", "hint"), [("entra", "oid"), ("authentik", "subject mode"), ("scim", "USERINFO_MAPPING")]
)
def test_where_another_id_is_usual_it_is_named(server, hint):
    assert hint in words(examine(server, one=server.key(7)), "user_api_authors")


@pytest.mark.parametrize("name", ["entra", "authentik", "kratos", "gitlab", "onelogin", "okta", "auth0"])
def test_an_id_of_another_form_is_not_asked_for_and_told(server):
    add(server, 1)
    found = examine(server, one=Key(server.provider.issuer, "AbC-not_of/this form"))
    assert level(found, "user_api_authors") == "fault"
    assert "another form" in words(found, "user_api_authors")
    assert len(server.calls) == 1  # for nobody


def name_of(server):
    return next(name for name, each in PROVIDERS.items() if each is server.provider)


def test_without_anybody_to_ask_for_nothing_is_proven_and_the_way_on_is_told(server):
    found = examine(server)
    assert not is_proven(found)
    assert level(found, "user_api") == "good"
    assert "user_api_authors" not in checks(found)
    assert "authors check ID" in words(found, "user_api_proof")


def test_authors_who_have_all_left_prove_nothing(server):
    found = examine(server, server.key(7), server.key(8))
    assert level(found, "user_api_authors") == "warning"
    assert level(found, "user_api_proof") == "fault"


def test_one_who_is_there_is_enough_among_many_who_left(server):
    found = examine(server, server.key(7), add(server, 1), server.key(8))
    assert is_proven(found)
    assert "1 of 3" in words(found, "user_api_authors")


def test_a_name_that_is_none_proves_nothing(server):
    part = next(part for part in ("display", "formatted", "given") if part in server.provider.fields)
    found = examine(server, add(server, 1, **{part: "amina@example.org"}))
    assert level(found, "user_api_name") == "warning"
    assert not is_proven(found)
    assert "amina@" not in str(found)


def test_an_author_with_a_name_is_looked_for_among_those_without(server):
    part = next(part for part in ("display", "formatted", "given") if part in server.provider.fields)
    nameless = add(server, 1, **{part: "amina@example.org"})
    assert is_proven(examine(server, nameless, add(server, 2)))


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name not in HIDING])
def test_an_answer_about_somebody_else_is_a_fault(server):
    amina, other = add(server, 1), add(server, 2)
    server.people[amina.id] = server.people[other.id]
    server.searches = False
    found = examine(server, one=amina)
    assert level(found, "user_api_authors") == "fault"
    assert "BLOG_OIDC_AUTHOR_CLAIM" in words(found, "user_api_authors")
    assert not is_proven(found)


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_who_may_not_ask_is_told_which_right_is_missing(server, status):
    server.broken = (status, {}, "{}")
    found = examine(server, add(server, 1))
    assert level(found, "user_api") == "fault"
    assert "the right to read users" in words(found, "user_api")
    assert not is_proven(found)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("okta", "okta.users.read"),
        ("keycloak", "view-users"),
        ("auth0", "read:users"),
        ("entra", "User.Read.All"),
        ("gitlab", "read_user"),
        ("pingone", "Identity Data Read Only"),
        ("zitadel", "role which may read users"),
    ],
)
def test_the_right_has_the_name_that_it_has_at_the_provider(server, right):
    server.broken = (
        replay(f"{server.provider.folder}/forbidden")
        if is_recorded(f"{name_of(server)}/forbidden")
        else (403, {}, "{}")
    )
    assert right in words(examine(server, add(server, 1)), "user_api")


@pytest.mark.parametrize("name", WITH_CLIENT)
@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("invalid_client", "BLOG_DIRECTORY_CLIENT_SECRET"),
        ("unauthorized_client", "client credentials"),
        ("invalid_scope", "BLOG_DIRECTORY_SCOPES"),
        ("access_denied", "BLOG_DIRECTORY_AUDIENCE"),
        ("unsupported_grant_type", "BLOG_DIRECTORY_TOKEN"),
        ("\x1b[2J", "BLOG_DIRECTORY_TOKEN_URL"),
    ],
)
def test_a_refused_token_is_told_with_the_setting_to_look_at(server, error, advice):
    server.broken_token = (400, {}, json.dumps({"error": error}))
    found = examine(server, add(server, 1))
    assert checks(found) == ["user_api", "user_api_proof"]
    assert advice in of(found, "user_api").change
    assert "\x1b" not in str(found)


@pytest.mark.parametrize("name", ["scim"])
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("body", ["<html>", "[]", '{"error": {"a": 1}}', "", '{"access_token": 7}'])
def test_a_token_endpoint_that_speaks_otherwise_is_told(server, status, body):
    server.broken_token = (status, {}, body)
    assert "BLOG_DIRECTORY_TOKEN_URL" in words(examine(server, add(server, 1)), "user_api")


def test_an_outage_between_two_questions_is_told(server):
    class Failing:
        asked = 0

        def ask(self, keys):
            self.asked += 1
            if self.asked > 1:
                raise Unreachable("the API at id.example did not answer: ReadTimeout", silent=True)
            return {}

    found = of_directory(Failing(), Authors([server.key(1)], 1), server.values(), NOW, proving=True)
    assert level(found, "user_api") == level(found, "user_api_proof") == "fault"
    assert "user_api_authors" not in checks(found)


@pytest.mark.parametrize("name", ["scim"])
def test_an_issuer_that_cannot_be_looked_up_is_told(server):
    class Refusing:
        def ask(self, keys):
            raise LoginRefused("issuer_mismatch")

    found = of_directory(Refusing(), Authors([server.key(1)], 1), server.values(), NOW)
    assert "issuer_mismatch" in words(found, "user_api")


# -- many at once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in SEARCHING if name != "entra"])
def test_a_filter_that_is_ignored_is_told(server):
    amina = add(server, 1)
    for n in range(2, 7):
        add(server, n)
    server.ignores_filters = True
    found = examine(server, amina)
    assert level(found, "user_api_strangers") == "warning"
    assert "5 others" in words(found, "user_api_strangers")
    assert is_proven(found)  # who was not asked for is dropped, so names are right


@pytest.mark.parametrize("name", [name for name in SEARCHING if name != "entra"])
def test_a_search_that_finds_nobody_is_told(server):
    server.searches = False
    found = examine(server, add(server, 1), add(server, 2))
    assert level(found, "user_api_batch") == "note"
    assert "not answer about several" in words(found, "user_api_batch")
    assert is_proven(found)


@pytest.mark.parametrize("name", ["keycloak"])
def test_a_keycloak_that_is_too_old_is_told(server):
    server.searches = False
    assert "26.2" in words(examine(server, add(server, 1)), "user_api_batch")


@pytest.mark.parametrize("name", ["scim"])
def test_gone_that_looks_like_forbidden_is_told(server):
    class Silent:
        def ask(self, keys):
            return {key: Person(key, "Amina Okafor") for key in keys if key == amina}

    amina = server.key(1)
    found = of_directory(Silent(), Authors([amina], 1), server.values(), NOW)
    assert level(found, "user_api_gone") == "warning"


# -- what the token may do --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "token", "much"),
    [
        ("auth0", {"scope": "read:users"}, None),
        ("auth0", {"scope": "read:users update:users delete:users"}, "delete:users, update:users"),
        ("auth0", {"access_token": jwt(permissions=["read:users", "create:users"])}, "create:users"),
        ("entra", {"access_token": jwt(roles=["User.Read.All"])}, None),
        ("entra", {"access_token": jwt(roles=["User.ReadBasic.All"])}, None),
        ("entra", {"access_token": jwt(roles=["User.ReadWrite.All"])}, "User.ReadWrite.All"),
        ("entra", {"access_token": jwt(roles=["User.Read.All", "Directory.Read.All"])}, "Directory.Read.All"),
        (
            "keycloak",
            {
                "scope": "profile email",
                "access_token": jwt(resource_access={"realm-management": {"roles": ["view-users", "query-users"]}}),
            },
            None,
        ),
        (
            "keycloak",
            {
                "access_token": jwt(
                    resource_access={
                        "account": {"roles": ["manage-account"]},
                        "realm-management": {"roles": ["view-users", "manage-users", "realm-admin"]},
                    }
                )
            },
            "manage-users, realm-admin",
        ),
        ("scim", {"scope": "openid scim:read"}, None),
        ("scim", {"scope": "openid scim:read scim:write"}, "scim:write"),
        ("zitadel", {"scope": "openid urn:zitadel:iam:org:project:id:zitadel:aud"}, None),
        ("pingone", {"scope": "p1:read:user p1:update:user"}, "p1:update:user"),
    ],
)
def test_a_token_that_may_do_more_than_it_has_to_is_told(server, token, much):
    server.token = token
    found = examine(server, add(server, 1))
    assert level(found, "user_api_scopes") == ("warning" if much else "good")
    assert (much or "no more than it has to") in words(found, "user_api_scopes")
    assert is_proven(found)


@pytest.mark.parametrize("name", ["okta"])
def test_oktas_service_app_is_judged_by_its_scopes(server, monkeypatch):
    from blog.identity.directories import facts_of
    from blog.identity.doctor import credentials
    from blog.identity.http import Answer

    def judged(scope):
        body = json.dumps({"access_token": "opaque", "scope": scope}).encode()
        answers = [Answer("the token endpoint at acme.okta.example", 200, {}, body)]
        values = server.values() | {"DIRECTORY_TOKEN": ""}
        return of(list(credentials.of_rights(answers, values, facts_of(values), NOW)), "user_api_scopes").level

    assert judged("okta.users.read") == "good"
    assert judged("okta.users.read okta.users.manage") == "warning"


@pytest.mark.parametrize(
    "access_token", ["opaque", "a.b.c", "a.W10.c", "a.e30.c", f"a.{'W1sx' * 9000}.c", "..", "a.=.c"]
)
@pytest.mark.parametrize("name", ["scim"])
def test_a_token_that_tells_nothing_is_called_so(server, access_token):
    server.token = {"access_token": access_token}
    found = examine(server, add(server, 1))
    assert level(found, "user_api_scopes") == "note"
    assert is_proven(found)


@pytest.mark.parametrize("scope", [7, None, {"a": 1}, [1, None], True])
@pytest.mark.parametrize("name", ["scim"])
def test_scopes_of_an_odd_form_are_none(server, scope):
    server.token = {"scope": scope}
    assert level(examine(server, add(server, 1)), "user_api_scopes") == "note"


# -- when it ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "expected"), [(29, "warning"), (31, "good"), (-1, "warning")])
@pytest.mark.parametrize("name", ["scim"])
def test_a_given_token_says_when_it_ends(server, days, expected):
    ends = NOW + timedelta(days=days)
    token = jwt(exp=int(ends.timestamp()))
    server.token = {"access_token": token}
    bare = {"DIRECTORY_CLIENT_ID": "", "DIRECTORY_CLIENT_SECRET": "", "DIRECTORY_TOKEN": token}
    found = examine(server, add(server, 1), **bare)
    assert level(found, "user_api_expiry") == expected
    assert f"{ends:%Y-%m-%d}" in words(found, "user_api_expiry")


@pytest.mark.parametrize("exp", ["soon", None, 1e300, True, [], -1e300])
@pytest.mark.parametrize("name", ["scim"])
def test_an_odd_end_is_none(server, exp):
    token = jwt(exp=exp)
    server.token = {"access_token": token}
    bare = {"DIRECTORY_CLIENT_ID": "", "DIRECTORY_CLIENT_SECRET": "", "DIRECTORY_TOKEN": token}
    assert level(examine(server, add(server, 1), **bare), "user_api_expiry") == "note"


@pytest.mark.parametrize(
    ("about", "scopes", "expiry"),
    [
        ({"scopes": ["read_user"], "expires_at": "2026-08-15"}, "good", "good"),
        ({"scopes": ["api"], "expires_at": "2026-03-20"}, "warning", "warning"),
        ({"scopes": ["read_user", "sudo"], "expires_at": None}, "warning", "note"),
        ({"scopes": "x", "expires_at": "never"}, "warning", "note"),
        (None, "note", "note"),
    ],
)
@pytest.mark.parametrize("name", ["gitlab"])
def test_gitlab_is_asked_about_the_token(server, about, scopes, expiry):
    server.about_token = about
    found = examine(server, add(server, 1))
    assert level(found, "user_api_scopes") == scopes
    assert level(found, "user_api_expiry") == expiry


@pytest.mark.parametrize(
    ("name", "note"), [("okta", "30 days"), ("entra", "client secret"), ("fusionauth", "list of keys")]
)
def test_an_end_that_cannot_be_asked_for_is_noted(server, note):
    assert note in words(examine(server, add(server, 1)), "user_api_expiry")
    assert level(examine(server, add(server, 2)), "user_api_expiry") == "note"


# -- how often --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Rate-Limit-Limit": "60", "X-Rate-Limit-Remaining": "57", "X-Rate-Limit-Reset": "1609459200"},
        {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "57"},
        {"RateLimit-Limit": "60, 60;w=60", "RateLimit-Remaining": "57"},
        {"RateLimit-Policy": '"default";q=60;w=60', "RateLimit": '"default";r=57;t=30'},
        {"RateLimit": "limit=60, remaining=57, reset=5"},
    ],
)
def test_a_rate_limit_is_told_and_compared(server, name, headers):
    server.headers = headers
    found = examine(server, add(server, 1), number=61)
    assert "60 requests, of which 57 are left" in words(found, "user_api_limit")
    assert level(found, "user_api_limit") == ("good" if name in SEARCHING else "warning")
    assert is_proven(found)
    assert level(examine(server, add(server, 1), number=60), "user_api_limit") == "good"


@pytest.mark.parametrize("name", ["auth0"])
def test_a_rate_limit_is_told_where_there_is_nobody_yet(server):
    server.headers = {"X-RateLimit-Limit": "60"}
    assert re.fullmatch(
        r"The rate limit is 60 requests(, of which \d+ are left)?\.", of(examine(server), "user_api_limit").seen
    )


@pytest.mark.parametrize("name", ["auth0"])
@pytest.mark.parametrize("limit", ["", "many", "-1", "9" * 40 + "x"])
def test_an_odd_limit_breaks_nothing(server, limit):
    server.headers = {"X-RateLimit-Limit": limit}
    assert level(examine(server, add(server, 1)), "user_api_limit") in {"note", "good"}


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_without_a_user_api_there_is_nothing_to_examine():
    assert of_directory(None, Authors(), {"DIRECTORY": "claims"}, NOW, proving=True) == []  # type: ignore[arg-type]
    assert of_proof(None, {"DIRECTORY": "claims"}) == []


def test_the_doctor_says_whether_it_has_been_proven():
    (found,) = of_proof(None, {"DIRECTORY": "scim"})
    assert found.level == "warning"
    assert "flask --app blog authors check" in found.change
    (found,) = of_proof(NOW, {"DIRECTORY": "scim"})
    assert found.level == "good"
    assert "2026-03-01" in found.seen
