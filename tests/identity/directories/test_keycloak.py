"""Keycloak: older servers, its many kinds of 404 and 403, and its recorded answers."""

import pytest

from blog.config import BadSetting
from blog.errors import Unreachable
from blog.identity.people import Key
from tests.identity.directories.fake_providers import PROVIDERS, FakeProvider
from tests.identity.directories.fake_scim import recorded, replay

KEYCLOAK = PROVIDERS["keycloak"]


@pytest.fixture
def keycloak():
    with FakeProvider(KEYCLOAK) as server:
        yield server


def test_the_recorded_search_is_understood(keycloak):
    keycloak.broken = replay("keycloak/batch")
    asked = [Key(KEYCLOAK.issuer, row["id"]) for row in recorded("keycloak/batch")["body"]]
    found = keycloak.directory().people(asked)
    assert [found[who].name for who in asked] == ["Amina Okafor", "山田太郎", "Priya Raman"]


def test_an_older_server_is_searched_once_and_then_read_one_by_one(keycloak):
    keys = [keycloak.add(n, given="Amina") for n in range(3)]
    keycloak.searches = False
    directory = keycloak.directory()
    for _ in range(2):
        assert len(directory.people(keys)) == 3
    assert sum("search=" in url for _, url in keycloak.calls) == 1


def test_a_search_that_finds_none_of_those_who_are_gone_says_nothing_of_the_server(keycloak):
    directory = keycloak.directory()
    for _ in range(2):
        directory.people([keycloak.key(8), keycloak.key(9)])
    assert sum("search=" in url for _, url in keycloak.calls) == 2


def test_federated_people_are_read_by_address(keycloak):
    federated = Key(KEYCLOAK.issuer, "f:ldap:amina okafor")
    keycloak.people[federated.id] = {"id": federated.id, "firstName": "Amina"}
    keys = [federated, *(keycloak.add(n, given="Taro") for n in range(2))]
    assert [person.name for person in keycloak.directory().people(keys).values()].count("Amina") == 1
    assert [url for _, url in keycloak.calls if "ldap" in url] == [f"{KEYCLOAK.api}/users/f%3Aldap%3Aamina%20okafor"]


def test_a_display_name_is_shown_where_the_realm_has_one(keycloak):
    amina = keycloak.add(1, given="Amina")
    keycloak.people[amina.id]["attributes"] = {"displayName": ["Mina of the Desk"]}
    assert keycloak.directory().people([amina])[amina].name == "Mina of the Desk"


@pytest.mark.parametrize("answer", ["realm_not_found", "forbidden", "rate_limited"])
def test_recorded_refusals_are_outages(keycloak, answer):
    keycloak.broken = replay(f"keycloak/{answer}")
    with pytest.raises(Unreachable):
        keycloak.directory().people([keycloak.key(1)])


def test_the_address_follows_from_the_issuer_unless_it_is_set(keycloak):
    amina = keycloak.add(1, given="Amina")
    keycloak.directory(DIRECTORY_URL=KEYCLOAK.api + "/").people([amina])
    assert keycloak.calls == [("GET", f"{KEYCLOAK.api}/users/{amina.id}")]
    with pytest.raises(BadSetting, match=r"^BLOG_DIRECTORY_URL: "):
        keycloak.directory(OIDC_ISSUER="https://id.example")
