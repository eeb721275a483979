"""What holds for every directory, whichever provider stands behind it."""

import json
from contextlib import ExitStack

import pytest
import requests

from blog.errors import Unreachable
from blog.identity.directories.cached import Cached
from blog.identity.directories.claims import Claims
from blog.identity.people import Key, Person
from tests.identity.directories.fake_scim import FakeScim, key, recorded, replay

EVERYBODY = recorded("canaille/batch_filter_ignored")["body"]["Resources"]
IDS = [row["id"] for row in EVERYBODY]
KINDS = ("scim", "scim with filters", "scim that ignores filters", "claims", "cached scim", "cached claims")


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def server(kind):
    with FakeScim(*EVERYBODY, filters="filters" in kind) as server:
        server.ignores_filters = "ignores" in kind
        yield server


@pytest.fixture
def directory(kind, server):
    plain = Claims() if "claims" in kind else server.directory()
    if "cached" not in kind:
        yield plain
        return
    with ExitStack() as end:
        cached = Cached(plain)
        end.callback(cached.close)
        yield cached


def test_everybody_has_the_name_the_provider_tells(directory, kind):
    told = {key(row["id"]): row.get("displayName") or row["name"]["formatted"] for row in EVERYBODY}
    found = directory.people([key(author_id) for author_id in IDS])
    assert {who: person.name for who, person in found.items()} == ({} if "claims" in kind else told)


def test_nobody_else_is_told_of(directory, kind):
    assert set(directory.people([key(IDS[0])])) == (set() if "claims" in kind else {key(IDS[0])})


def test_a_person_is_found_under_their_own_key(directory):
    assert all(who == person.key for who, person in directory.people([key(author_id) for author_id in IDS]).items())


def test_a_directory_gives_nobody_a_role(directory):
    assert not any(person.roles for person in directory.people([key(author_id) for author_id in IDS]).values())


def test_who_is_not_there_has_no_name(directory, kind):
    found = directory.people([key("nobody")])
    assert found == ({} if "claims" in kind else {key("nobody"): Person(key("nobody"), None, gone=True)})


def test_people_of_other_issuers_are_strangers(directory, server):
    assert directory.people([Key("https://other.example", author_id) for author_id in IDS]) == {}
    assert server.calls == []


def test_nobody_is_asked_about_nobody(directory, server):
    assert directory.people([]) == {}
    assert server.calls == []


@pytest.mark.parametrize(
    "answer",
    [
        replay("canaille/unauthorized"),
        (403, {}, "{}"),
        (404, {}, "<!doctype html>"),
        replay("scim/rate_limited"),
        replay("canaille/count_500"),
        (200, {}, "<!doctype html>"),
        (200, {}, json.dumps([])),
        requests.ConnectionError("refused"),
    ],
)
def test_an_outage_is_said_to_callers_and_never_to_pages(directory, kind, server, answer):
    server.broken["*"] = answer
    keys = [key(author_id) for author_id in IDS]
    if kind.startswith("scim"):
        with pytest.raises(Unreachable):
            directory.people(keys)
    else:
        assert directory.people(keys) == {}
