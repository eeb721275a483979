"""Auth0: its ids, its names that are e-mail addresses, and its recorded answers."""

from urllib.parse import parse_qs, urlsplit

import pytest

from blog.errors import Unreachable
from blog.identity.people import Key
from tests.identity.directories.fake_providers import PROVIDERS, SECRET, FakeProvider, form_of
from tests.identity.directories.fake_scim import recorded, replay

AUTH0 = PROVIDERS["auth0"]


@pytest.fixture
def auth0():
    with FakeProvider(AUTH0) as server:
        yield server


def key(author_id):
    return Key(AUTH0.issuer, author_id)


def test_the_recorded_search_is_understood(auth0):
    auth0.broken = replay("auth0/batch")
    asked = [key(row["user_id"]) for row in recorded("auth0/batch")["body"]]
    assert [person.name for person in auth0.directory().people(asked).values()] == ["Amina Okafor", "Priya Raman"]


@pytest.mark.parametrize(("answer", "name"), [("user", "Amina Okafor"), ("user_name_is_email", None)])
def test_recorded_people_have_their_names(auth0, answer, name):
    auth0.broken = replay(f"auth0/{answer}")
    author = key(recorded(f"auth0/{answer}")["body"]["user_id"])
    assert auth0.directory().people([author])[author].name == name


def test_a_name_that_is_the_nickname_is_none(auth0):
    amina, taro = auth0.add(1, display="amina"), auth0.add(2, display="taro", given="Taro", family="Yamada")
    auth0.people[amina.id]["nickname"] = "amina"
    auth0.people[taro.id]["nickname"] = "taro"
    found = auth0.directory().people([amina, taro])
    assert (found[amina].name, found[taro].name) == (None, "Taro Yamada")


def test_the_token_is_asked_for_with_the_tenants_own_audience(auth0):
    auth0.directory().people([auth0.add(1, display="Amina")])
    assert form_of(auth0.token_requests[0]) == {
        "grant_type": "client_credentials",
        "audience": "https://acme.eu.auth0.example/api/v2/",
        "client_id": "names",
        "client_secret": SECRET,
    }


def test_behind_a_domain_of_ones_own_the_tenant_is_asked_itself(auth0):
    directory = auth0.directory(OIDC_ISSUER="https://login.press.example/", DIRECTORY_URL=AUTH0.issuer)
    amina = Key("https://login.press.example/", auth0.add(1, display="Amina").id)
    assert directory.people([amina])[amina].name == "Amina"


def test_quotes_in_an_id_stay_in_it(auth0):
    odd = key('auth0|" OR "x\\')
    auth0.directory().people([odd, auth0.add(1, display="Amina")])
    (query,) = parse_qs(urlsplit(auth0.calls[0][1]).query)["q"]
    assert query.startswith('user_id:("auth0|\\" OR \\"x\\\\" OR "auth0|')


def test_an_id_without_a_connection_is_not_asked_for(auth0):
    assert auth0.directory().people([key("amina")]) == {}
    assert auth0.calls == []


@pytest.mark.parametrize(("answer", "calls"), [("search_timeout", 1), ("rate_limited", 1)])
def test_a_search_that_takes_too_long_is_an_outage(auth0, answer, calls):
    auth0.broken = replay(f"auth0/{answer}")
    with pytest.raises(Unreachable):
        auth0.directory().people([auth0.key(1), auth0.key(2)])
    assert len(auth0.calls) == calls
