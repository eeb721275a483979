"""Okta: what opens its API, what is asked, and its recorded answers."""

from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from blog.config import BadSetting
from blog.errors import Unreachable
from blog.identity.directories.okta import from_settings
from blog.identity.directories.settings import Lent
from blog.identity.people import Key
from tests.identity.directories.fake_providers import PROVIDERS, FakeProvider, form_of
from tests.identity.directories.fake_scim import recorded, replay

OKTA = PROVIDERS["okta"]
KEY = RSAKey.generate_key(2048, {"alg": "RS256", "kid": "ours"})
SERVICE_APP = {"DIRECTORY_TOKEN": "", "DIRECTORY_CLIENT_ID": "0oaservice"}


@pytest.fixture
def okta():
    with FakeProvider(OKTA) as server:
        yield server


def key(author_id):
    return Key(OKTA.issuer, author_id)


def opened(server, **more):
    """Open it with the blog's own key."""
    return from_settings(server.values(**more), Lent(str, lambda: KEY))


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("user", "Amina Okafor"),
        ("user_without_display_name", "山田太郎"),
        ("user_deactivated", "Priya Raman"),
        ("user_suspended", "Priya Raman"),
    ],
)
def test_recorded_people_have_their_names(okta, answer, name):
    okta.broken = replay(f"okta/{answer}")
    author = key(recorded(f"okta/{answer}")["body"]["id"])
    assert okta.directory().people([author])[author].name == name


def test_the_recorded_search_is_understood(okta):
    okta.broken = replay("okta/batch")
    asked = [key(row["id"]) for row in recorded("okta/batch")["body"]]
    found = okta.directory().people(asked)
    assert [found[who].name for who in asked] == ["Amina Okafor", "Priya Raman", "山田太郎"]
    assert len(okta.calls) == 1


def test_a_service_app_signs_for_the_organisations_own_token_endpoint(okta):
    amina = okta.add(1, display="Amina Okafor")
    with pytest.raises(Unreachable, match="HTTP 401"):  # for the fake wants SSWS in front of the token
        opened(okta, **SERVICE_APP).people([amina])
    request = okta.token_requests[0]
    form = form_of(request)
    claims = jwt.decode(form.pop("client_assertion"), KEY, algorithms=["RS256"]).claims
    assert request.url == claims["aud"] == "https://acme.okta.example/oauth2/v1/token"
    assert claims["exp"] - claims["iat"] < 3600  # Okta refuses more, by its own clock
    assert form == {
        "grant_type": "client_credentials",
        "scope": "okta.users.read",
        "client_id": "0oaservice",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }


def test_only_names_are_searched_for(okta):
    okta.directory().people([okta.add(1, given="Amina"), okta.add(2, given="Taro")])
    query = parse_qs(urlsplit(okta.calls[0][1]).query)
    assert query["fields"] == ["id,status,profile:(firstName,lastName,displayName,locale,preferredLanguage)"]


@pytest.mark.parametrize("answer", ["unauthorized", "forbidden", "rate_limited", "rate_limited_concurrent"])
def test_recorded_refusals_are_outages(okta, answer):
    okta.broken = replay(f"okta/{answer}")
    for count in (1, 2):
        with pytest.raises(Unreachable):
            okta.directory().people([okta.key(n) for n in range(count)])


def test_a_search_that_is_too_long_is_done_one_by_one(okta):
    keys = [okta.add(n, given="Amina") for n in range(3)]
    okta.broken_search = (400, {}, '{"errorCode": "E0000031"}')
    assert [person.name for person in okta.directory().people(keys).values()] == ["Amina"] * 3


@pytest.mark.parametrize(
    ("settings", "blamed"),
    [
        ({"DIRECTORY_TOKEN": ""}, "DIRECTORY_CLIENT_ID"),
        (SERVICE_APP | {"DIRECTORY_AUTH_METHOD": "client_secret_basic"}, "DIRECTORY_AUTH_METHOD"),
        (SERVICE_APP | {"DIRECTORY_CLIENT_SECRET": "s"}, "DIRECTORY_CLIENT_SECRET"),
    ],
)
def test_what_okta_would_refuse_ends_the_start(okta, settings, blamed):
    with pytest.raises(BadSetting, match=f"^BLOG_{blamed}: "):
        opened(okta, **settings)
