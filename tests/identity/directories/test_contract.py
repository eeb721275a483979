"""What holds for every directory, whichever provider stands behind it, and with the memory before it."""

import json
import math
from contextlib import ExitStack

import pytest
import requests

from blog.errors import Unreachable
from blog.identity import directories
from blog.identity.directories.cached import FIRM_S, Cached
from blog.identity.directories.claims import Claims
from blog.identity.people import Key, Person
from tests.identity.directories.fake_providers import PROVIDERS, SECRET, TOKEN, FakeProvider
from tests.identity.directories.fake_scim import is_recorded, replay

HIDING = {"zitadel", "authentik"}  # of whom nobody is gone before somebody was seen
DEACTIVATED = {  # cases that the API tells as that, where they are others than one
    "keycloak": {"user_deactivated", "user_locked_by_brute_force"},  # of whom it says the same
    "entra": set(),  # it would take the right to read everything
    "any other": set(),  # of which no setting tells
}
AMINA = {"display": "Amina Okafor", "given": "Amina", "family": "Okafor"}


@pytest.fixture(params=PROVIDERS)
def name(request):
    return request.param


@pytest.fixture
def server(name):
    with FakeProvider(PROVIDERS[name]) as server:
        yield server


@pytest.fixture(params=["plain", "cached"])
def directory(request, server):
    plain = server.directory()
    if request.param == "plain":
        yield plain
        return
    with ExitStack() as end:
        cached = Cached(plain, budget_s=5)
        end.callback(cached.close)
        yield cached


def add(server, number, **parts):
    """Let somebody live there, with those parts of a name that this provider knows."""
    return server.add(number, **{part: text for part, text in parts.items() if part in server.provider.fields})


def called(server, text):
    """The parts of a name by which somebody there is called just this."""
    part = next(part for part in ("display", "formatted", "given") if part in server.provider.fields)
    return {part: text}


def names(directory, keys):
    """Ask for these; give key → name, or "gone"."""
    return {key: "gone" if person.gone else person.name for key, person in directory.people(keys).items()}


def reads(server):
    return [url for _, url in server.calls if "ServiceProviderConfig" not in url]


def test_somebody_has_the_name_the_provider_tells(directory, server):
    amina = add(server, 1, **AMINA)
    assert directory.people([amina]) == {amina: Person(amina, "Amina Okafor")}
    assert len(server.calls) == 1


def test_many_have_theirs_in_the_fewest_possible_calls(directory, server):
    everybody = {add(server, n, **called(server, f"Author {'x' * n}")): f"Author {'x' * n}" for n in range(1, 61)}
    assert names(directory, list(everybody)) == everybody
    size = min(server.provider.size, 20) if isinstance(directory, Cached) else server.provider.size
    assert len(reads(server)) == math.ceil(60 / size)
    assert len(server.token_requests) <= (2 if isinstance(directory, Cached) else 1)  # two calls may start at once


def test_one_who_is_asked_for_twice_is_asked_for_once(directory, server):
    amina = add(server, 1, **AMINA)
    assert len(directory.people([amina, amina])) == 1
    assert len(reads(server)) == 1


def test_who_is_not_there_is_gone(directory, server):
    amina, nobody = add(server, 1, **AMINA), server.key(9)
    assert names(directory, [amina, nobody]) == {amina: "Amina Okafor", nobody: "gone"}


def test_where_people_can_be_hidden_nobody_is_gone_before_somebody_was_seen(directory, server, name):
    assert names(directory, [server.key(8), server.key(9)]) == (
        {} if name in HIDING else {server.key(8): "gone", server.key(9): "gone"}
    )


def tried(cases, applies):
    """Try each case with the providers it applies to; there has to be one for each."""
    pairs = [(name, case) for case in cases for name in PROVIDERS if applies(name, case)]
    assert {case for _, case in pairs} == set(cases)
    return pytest.mark.parametrize(("name", "case"), pairs, indirect=["name"])


@tried(
    ["user_deactivated", "user_suspended", "user_locked_by_brute_force"],
    lambda name, case: is_recorded(f"{PROVIDERS[name].folder}/{case}"),
)
def test_who_was_deactivated_or_locked_keeps_the_name(directory, server, name, case):
    row = server.recorded(case)
    author_id = str(row[server.provider.id])
    server.people[author_id] = row
    key = Key(server.provider.issuer, author_id)
    assert names(directory, [key])[key] in {"Priya Raman", "Amina Okafor"}
    told = server.directory().people([key])[key].deactivated
    assert told is (case in DEACTIVATED[name] if name in DEACTIVATED else case == "user_deactivated")
    if server.provider.size > 1:
        other = add(server, 2, **AMINA)
        assert names(server.directory(), [key, other])[key] in {"Priya Raman", "Amina Okafor"}


OUTAGES = {
    "401": (401, {}, '{"error": "unauthorized"}'),
    "403": (403, {}, '{"error": "forbidden"}'),
    "404 of a web server": (404, {"Content-Type": "text/html"}, "<!doctype html>"),
    "404 of another kind": (404, {}, '{"error": "Realm not found.", "code": 5, "message": "Not Found"}'),
    "404 with a list": (404, {}, "[]"),
    "429": (429, {}, "{}"),
    "500": (500, {}, "<!doctype html>"),
    "503": (503, {"Retry-After": "5"}, ""),
    "HTML for JSON": (200, {"Content-Type": "application/json"}, "<!doctype html>"),
    "nothing": (200, {}, ""),
    "a number": (200, {}, "42"),
    "null": (200, {}, "null"),
    "an object": (200, {}, "{}"),
    "an error": (200, {}, '{"error": "no"}'),
    "somebody else": (200, {}, json.dumps([{"id": "other", "name": "Other"}])),
    "a redirect": (302, {"Location": "https://id.example/login"}, ""),
    "no connection": requests.ConnectionError("refused"),
    "no answer in time": requests.ReadTimeout("slow"),
}


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("case", OUTAGES)
def test_an_outage_is_said_to_callers_and_never_to_pages(directory, server, case, count):
    keys = [add(server, n, **AMINA) for n in range(count)]
    server.broken = OUTAGES[case]
    if isinstance(directory, Cached):
        assert directory.people(keys) == {}
        return
    with pytest.raises(Unreachable) as raised:
        directory.people(keys)
    assert not any(secret in str(raised.value) for secret in (TOKEN, SECRET, "Amina", *(key.id for key in keys)))


def test_a_rate_limit_says_when_to_come_back(server):
    directory, keys = server.directory(), [add(server, n, **AMINA) for n in range(3)]
    server.broken = replay(f"{server.provider.folder}/rate_limited")
    for asked in (keys[:1], keys):
        with pytest.raises(Unreachable) as raised:
            directory.people(asked)
        assert raised.value.retry_after
        assert raised.value.retry_after >= 1


def test_people_who_were_not_asked_for_are_dropped(directory, server):
    asked = [add(server, n, **AMINA) for n in range(2)]
    for n in range(10, 30):
        add(server, n, **called(server, "Somebody Else"))
    server.ignores_filters = True
    assert names(directory, asked) == dict.fromkeys(asked, "Amina Okafor")


def test_an_empty_list_takes_no_name_away(directory, server):
    keys = [add(server, n, **AMINA) for n in range(3)]
    server.searches = False
    assert names(directory, keys) == dict.fromkeys(keys, "Amina Okafor")


def test_nobody_is_asked_about_nobody(directory, server):
    assert directory.people([]) == {}
    assert server.calls == server.token_requests == []


def test_people_of_other_issuers_are_strangers(directory, server):
    assert directory.people([Key("https://other.example", server.provider.number(1))]) == {}
    assert server.calls == server.token_requests == []


@pytest.mark.parametrize("author_id", ["", ".", ".."])
def test_an_id_that_is_a_way_up_is_not_asked_for(directory, server, author_id):
    assert directory.people([Key(server.provider.issuer, author_id)]) == {}
    assert server.calls == []


@pytest.mark.parametrize("author_id", ["../../admin", 'x" or id pr', "a&b=c#d", "a b\\", "*", "{id}", "x|y/../z", "é"])
def test_an_odd_id_finds_nobody_else(directory, server, author_id):
    amina, odd = add(server, 1, **AMINA), Key(server.provider.issuer, author_id)
    found = names(directory, [amina, odd])
    assert found.pop(odd, "gone") == "gone"
    assert found == {amina: "Amina Okafor"}


ODD_NAMES = {
    "Chinese, Japanese and Korean names begin with the family": ({"given": "太郎", "family": "山田"}, "山田太郎"),
    "a Hungarian one, too": ({"given": "Péter", "family": "Nagy", "language": "hu"}, "Nagy Péter"),
    "somebody has one name": ({"given": "Sukarno"}, "Sukarno"),
    "somebody has the other": ({"family": "Björk"}, "Björk"),
    "from right to left": ("نجيب محفوظ", "نجيب محفوظ"),
    "controls that turn text around": ("Amina \u202eOkafor\u202c", "Amina Okafor"),
    "what joins Persian letters stays": ("نازنین\u200cزهرا", "نازنین\u200cزهرا"),
    "HTML is text": ("<b>Amina</b>", "<b>Amina</b>"),
    "an e-mail address": ("amina@example.org", None),
    "a telephone number": ("+49 151 2345678", None),
    "nothing": ("", None),
    "too long": ("x" * 500, "x" * 80),
}


def has_parts(name, case):
    parts, _ = ODD_NAMES[case]
    return isinstance(parts, str) or parts.keys() <= PROVIDERS[name].fields.keys()


@tried(ODD_NAMES, has_parts)
def test_odd_names_are_shown_as_they_should_be(directory, server, name, case):
    parts, expected = ODD_NAMES[case]
    if isinstance(parts, str):
        parts = called(server, parts)
    key = server.add(1, **parts)
    assert names(directory, [key]) == {key: expected}


def test_a_login_is_never_a_name(directory, server):
    key = server.add(1)
    assert names(directory, [key]) == {key: None}


def test_a_directory_gives_nobody_a_role(directory, server):
    key = add(server, 1, **AMINA)
    assert directory.people([key])[key] == Person(key, "Amina Okafor", roles=frozenset(), groups=frozenset())


def test_when_most_people_vanish_at_once_nobody_believes_it(server):
    now = [1000.0]
    keys = [add(server, n, **AMINA) for n in range(6)]
    cached = Cached(server.directory(), budget_s=5, clock=lambda: now[0])
    assert names(cached, keys) == dict.fromkeys(keys, "Amina Okafor")
    now[0] += FIRM_S + 1
    server.people = dict(list(server.people.items())[:2])
    assert names(cached, keys) == dict.fromkeys(keys, "Amina Okafor")
    cached.close()


def test_one_who_leaves_loses_the_name(server):
    now = [1000.0]
    keys = [add(server, n, **AMINA) for n in range(6)]
    cached = Cached(server.directory(), budget_s=5, clock=lambda: now[0])
    cached.people(keys)
    now[0] += FIRM_S + 1
    del server.people[keys[0].id]
    assert names(cached, keys) == dict.fromkeys(keys, "Amina Okafor") | {keys[0]: "gone"}
    cached.close()


def test_the_doctors_nobody_is_really_asked_for(server, name):
    nobody = directories.nobody(server.values())
    found = names(server.directory(), [nobody])
    assert found == ({} if name in HIDING else {nobody: "gone"})
    assert len(server.calls) == 1


def test_the_token_is_fetched_with_the_settings_alone(server):
    server.directory().people([add(server, 1, **AMINA)])
    asked = [request.url for request in server.token_requests]
    fetches = {"DIRECTORY_CLIENT_ID", "DIRECTORY_SERVICE_ACCOUNT"} & server.provider.settings.keys()
    assert asked == ([server.provider.token_url] if fetches else [])


def test_without_a_user_api_nobody_is_confirmed():
    assert Claims().people([Key("https://id.example", "amina")]) == {}
