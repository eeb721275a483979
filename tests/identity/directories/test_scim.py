"""The SCIM adapter against recorded answers and a server that misbehaves."""

import base64
import json
import threading

import pytest
import requests

from blog.errors import Unreachable
from blog.identity.people import Key, Person
from tests.identity.directories.fake_scim import ISSUER, FakeScim, key, recorded, replay, user

AMINA = recorded("canaille/user")["body"]
HTML = (404, {"Content-Type": "text/html"}, "<!doctype html><title>Not Found</title>")


@pytest.fixture
def scim():
    with FakeScim(AMINA) as server:
        yield server


def names(server, *ids):
    """Ask for these; give id → name, or "gone"."""
    people = server.directory().people([key(author_id) for author_id in ids])
    return {who.id: "gone" if person.gone else person.name for who, person in people.items()}


def test_a_person_is_named(scim):
    assert scim.directory().people([key(AMINA["id"])]) == {key(AMINA["id"]): Person(key(AMINA["id"]), "Amina Okafor")}


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("canaille/user", "Amina Okafor"),
        ("scim/user", "Amina Okafor"),
        ("scim/user_deactivated", "Priya Raman"),
        ("canaille/user_deactivated", "Lock Ed"),
        ("scim/user_minimal", None),
    ],
)
def test_recorded_people_have_their_names(scim, answer, name):
    body = recorded(answer)["body"]
    scim.users[body["id"]] = body
    assert names(scim, body["id"]) == {body["id"]: name}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"displayName": "x@example.org", "name": {"givenName": "Amina", "familyName": "Okafor"}}, "Amina Okafor"),
        ({"name": {"givenName": "太郎", "familyName": "山田"}}, "山田太郎"),
        (
            {"name": {"givenName": "Péter", "familyName": "Nagy"}, "preferredLanguage": "hu", "locale": "en_US"},
            "Nagy Péter",
        ),
        ({"name": {"givenName": "Péter", "familyName": "Nagy"}, "locale": "hu-HU"}, "Nagy Péter"),
        ({"nickName": "Mina"}, "Mina"),
        ({"name": "Amina"}, None),
        ({"name": ["Amina"], "displayName": {"value": "Amina"}}, None),
        ({"userName": "amina", "emails": [{"value": "amina@example.org"}]}, None),
    ],
)
def test_odd_profiles_have_the_right_name_or_none(scim, fields, name):
    scim.users["odd"] = user("odd") | fields
    assert names(scim, "odd") == {"odd": name}


def test_who_is_not_found_is_gone(scim):
    assert names(scim, AMINA["id"], "nobody") == {AMINA["id"]: "Amina Okafor", "nobody": "gone"}


def test_only_names_are_asked_for(scim):
    names(scim, AMINA["id"])
    assert scim.queries[-1] == {"attributes": ["displayName,name,nickName,locale,preferredLanguage,active"]}


@pytest.mark.parametrize(
    "author_id", ["auth0|5f7c", "f:1:amina okafor", "../../admin", "a/b?c#d", "100%", 'x" or id pr', "é"]
)
@pytest.mark.parametrize("filters", [True, False])
def test_an_odd_id_finds_its_person_and_nobody_else(scim, author_id, filters):
    scim.filters = filters
    scim.users[author_id] = user(author_id, "Odd One")
    assert names(scim, author_id) == {author_id: "Odd One"}
    assert scim.reads() == 1


@pytest.mark.parametrize("author_id", ["", ".", ".."])
def test_an_id_that_is_a_way_up_is_not_asked_for(scim, author_id):
    assert names(scim, author_id) == {}
    assert scim.calls == []


def test_people_of_another_issuer_are_not_asked_for(scim):
    assert scim.directory().people([Key("https://other.example", AMINA["id"])]) == {}
    assert scim.calls == []
    assert scim.token_requests == []


class TestWithFilters:
    """Servers that can find several people in one call."""

    @pytest.fixture
    def many(self):
        with FakeScim(*(user(f"u{n}", f"Author {n} of Many") for n in range(45)), filters=True) as server:
            yield server

    def test_many_people_take_few_calls(self, many):
        found = names(many, *many.users)
        assert found == {f"u{n}": f"Author {n} of Many" for n in range(45)}
        assert many.calls == ["/ServiceProviderConfig", "/Users", "/Users", "/Users"]
        assert len(many.token_requests) == 1
        assert max(map(len, many.searches)) < 1000
        assert not any("count" in query for query in many.queries)

    def test_the_configuration_is_read_once(self, many):
        directory = many.directory()
        for _ in range(3):
            directory.people([key("u1"), key("u2")])
        assert many.calls.count("/ServiceProviderConfig") == 1

    def test_whom_a_filter_leaves_out_is_asked_for_alone(self, many):
        assert names(many, "u1", "nobody") == {"u1": "Author 1 of Many", "nobody": "gone"}
        assert many.calls == ["/ServiceProviderConfig", "/Users", "/Users/nobody"]

    def test_one_person_is_read_by_address(self, many):
        assert names(many, "u1") == {"u1": "Author 1 of Many"}
        assert many.calls == ["/Users/u1"]

    @pytest.mark.parametrize("answer", ["scim/batch_empty"])
    def test_an_empty_list_says_nothing(self, many, answer):
        many.broken["/Users"] = replay(answer)
        assert names(many, "u1", "u2") == {"u1": "Author 1 of Many", "u2": "Author 2 of Many"}

    def test_people_who_were_not_asked_for_are_dropped(self, many):
        many.users = {row["id"]: row for row in recorded("canaille/batch_filter_ignored")["body"]["Resources"]}
        many.ignores_filters = True
        asked = list(many.users)[:2]
        assert names(many, *asked).keys() == set(asked)
        assert many.reads() == 1

    @pytest.mark.parametrize(
        ("answer", "searches"),
        [
            (replay("scim/invalid_filter"), 1),
            (replay("scim/too_many"), 1),
            ((414, {}, ""), 1),
            ((501, {}, ""), 2),
            (replay("canaille/count_500"), 2),
        ],
    )
    def test_when_searching_fails_everybody_is_read_alone(self, many, answer, searches):
        many.broken["/Users"] = answer
        directory = many.directory()
        for _ in range(2):
            assert len(directory.people([key(f"u{n}") for n in range(5)])) == 5
        assert many.calls.count("/Users") == searches  # a refusal is remembered, a failure is not

    @pytest.mark.parametrize("status", [401, 403, 429])
    def test_a_refused_search_is_an_outage(self, many, status):
        many.broken["/Users"] = (status, {"Retry-After": "7"}, "{}")
        with pytest.raises(Unreachable) as raised:
            names(many, "u1", "u2")
        assert raised.value.retry_after == 7
        assert many.calls.count("/Users/u1") == 0

    @pytest.mark.parametrize("rows", [{"Resources": "none"}, {"Resources": {"id": "u1"}}, {"Resources": 0}])
    def test_a_list_of_another_form_is_an_outage(self, many, rows):
        many.broken["/Users"] = (200, {}, json.dumps(rows))
        with pytest.raises(Unreachable):
            names(many, "u1", "u2")

    def test_rows_of_another_form_are_passed_over(self, many):
        rows = [None, 42, {"id": ["u1"]}, {"displayName": "Nobody"}, user("u2", "Second")]
        many.broken["/Users"] = (200, {}, json.dumps({"Resources": rows}))
        assert names(many, "u1", "u2") == {"u1": "Author 1 of Many", "u2": "Second"}


class TestWithoutFilters:
    """Servers that are asked for one person at a time."""

    def test_no_filter_is_sent(self, scim):
        scim.users |= {f"u{n}": user(f"u{n}", "Somebody") for n in range(20)}
        assert len(names(scim, *(f"u{n}" for n in range(20)))) == 20
        assert scim.searches == []
        assert scim.reads() == 20
        assert len(scim.token_requests) == 1

    def test_no_thread_is_left(self, scim):
        before = threading.active_count()
        names(scim, *(f"u{n}" for n in range(20)))
        assert threading.active_count() == before

    @pytest.mark.parametrize("status", [403, 404, 405, 501])
    def test_a_server_without_configuration_is_read_one_by_one(self, scim, status):
        scim.broken["/ServiceProviderConfig"] = (status, {}, "no") if status < 500 else HTML
        assert names(scim, AMINA["id"], "nobody") == {AMINA["id"]: "Amina Okafor", "nobody": "gone"}

    @pytest.mark.parametrize("config", [[], {"filter": True}, {"filter": {"supported": "true"}}, {"filter": None}])
    def test_a_configuration_of_another_form_promises_nothing(self, scim, config):
        scim.broken["/ServiceProviderConfig"] = (200, {}, json.dumps(config))
        if isinstance(config, list):
            with pytest.raises(Unreachable):
                names(scim, AMINA["id"], "nobody")
        else:
            assert names(scim, AMINA["id"], "nobody") == {AMINA["id"]: "Amina Okafor", "nobody": "gone"}
        assert scim.searches == []

    @pytest.mark.parametrize("status", [401, 429, 500, 503])
    def test_a_failing_configuration_is_asked_for_again(self, scim, status):
        scim.broken["/ServiceProviderConfig"] = (status, {}, "{}")
        directory = scim.directory()
        asked = [key(AMINA["id"]), key("nobody")]
        with pytest.raises(Unreachable):
            directory.people(asked)
        del scim.broken["/ServiceProviderConfig"]
        assert directory.people(asked)[key(AMINA["id"])].name == "Amina Okafor"


OUTAGES = {
    "401": replay("canaille/unauthorized"),
    "403": (403, {}, json.dumps({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "403"})),
    "404 of a web server": HTML,
    "404 of another API": (404, {"Content-Type": "application/json"}, '{"error": "Realm not found."}'),
    "404 without a body": (404, {}, ""),
    "404 with a list": (404, {}, "[]"),
    "404 about another status": (404, {}, json.dumps(recorded("scim/invalid_filter")["body"])),
    "429": replay("scim/rate_limited"),
    "500 labelled as SCIM": replay("canaille/count_500"),
    "503": (503, {"Retry-After": "120"}, ""),
    "302": (302, {"Location": "https://id.example/login"}, ""),
    "200 with HTML": (200, {"Content-Type": "application/scim+json"}, "<!doctype html>"),
    "200 with nothing": (200, {}, ""),
    "200 with a list": (200, {}, "[]"),
    "200 about somebody else": (200, {}, json.dumps(recorded("canaille/user_by_sub")["body"] | {"id": "other"})),
    "200 too deep": (200, {}, "[" * 100_000),
    "204": (204, {}, ""),
    "no connection": requests.ConnectionError("refused"),
    "no answer": requests.ReadTimeout("slow"),
}


@pytest.mark.parametrize("case", OUTAGES)
@pytest.mark.parametrize("count", [1, 5])
def test_everything_else_is_an_outage(scim, case, count):
    scim.users |= {f"u{n}": user(f"u{n}", "Somebody") for n in range(5)}
    scim.broken["/Users/u0"] = OUTAGES[case]
    with pytest.raises(Unreachable):
        names(scim, *(f"u{n}" for n in range(count)))


@pytest.mark.parametrize(("case", "seconds"), [("429", 5), ("503", 120), ("500 labelled as SCIM", None)])
def test_an_outage_says_when_to_come_back(scim, case, seconds):
    scim.broken["/Users/u0"] = OUTAGES[case]
    with pytest.raises(Unreachable) as raised:
        names(scim, "u0")
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize("case", OUTAGES)
def test_an_outage_tells_no_secret(scim, case):
    scim.broken["/Users/u0"] = OUTAGES[case]
    with pytest.raises(Unreachable) as raised:
        names(scim, "u0")
    assert not any(secret in str(raised.value) for secret in ("token-", "s3cret", "Amina", "u0", "attributes"))


class TestToken:
    """The token that opens the API."""

    def test_it_is_asked_for_as_the_standard_says(self, scim):
        scim.directory(scopes=("users.read", "openid")).people([key(AMINA["id"])])
        (request,) = scim.token_requests
        scheme, credentials = request.headers["Authorization"].split()
        assert (scheme, base64.b64decode(credentials)) == ("Basic", b"blog:s3cret%3A%26")
        assert request.body == "grant_type=client_credentials&scope=users.read+openid"

    def test_no_scope_is_asked_for_unless_set(self, scim):
        names(scim, AMINA["id"])
        assert scim.token_requests[0].body == "grant_type=client_credentials"

    @pytest.mark.parametrize(
        ("lifetime", "kept_s"), [(3600, 3240), (60, 54), (None, 270), ("3600", 270), (10**400, 77_760)]
    )
    def test_it_is_kept_until_shortly_before_it_ends(self, scim, lifetime, kept_s):
        now = [1000.0]
        scim.token_lifetime = lifetime
        directory = scim.directory(clock=lambda: now[0])
        for after_s, requests_so_far in ((0, 1), (kept_s - 1, 1), (kept_s, 2)):
            now[0] = 1000.0 + after_s
            directory.people([key(AMINA["id"])])
            assert len(scim.token_requests) == requests_so_far

    def test_a_revoked_one_is_replaced_once(self, scim):
        directory = scim.directory()
        directory.people([key(AMINA["id"])])
        scim.valid_tokens.clear()
        assert directory.people([key(AMINA["id"])])[key(AMINA["id"])].name == "Amina Okafor"
        assert len(scim.token_requests) == 2

    def test_one_that_is_never_taken_is_an_outage(self, scim):
        scim.broken["/Users/u0"] = OUTAGES["401"]
        with pytest.raises(Unreachable):
            names(scim, "u0")
        assert len(scim.token_requests) == 2

    @pytest.mark.parametrize(
        "answer",
        [
            (401, {}, '{"error": "invalid_client"}'),
            (400, {}, '{"error": "invalid_scope"}'),
            (500, {}, "<!doctype html>"),
            (200, {}, "<!doctype html>"),
            (200, {}, "[]"),
            (200, {}, "{}"),
            (200, {}, '{"access_token": "t", "token_type": "mac"}'),
            (200, {}, '{"access_token": "t"}'),
            (200, {}, '{"access_token": 42, "token_type": "Bearer"}'),
            (200, {}, '{"access_token": "", "token_type": "Bearer"}'),
            (200, {}, '{"access_token": "a\\nb", "token_type": "Bearer"}'),
            (200, {}, '{"access_token": "é", "token_type": "Bearer"}'),
            (307, {"Location": "https://elsewhere.example/token"}, ""),
            requests.ConnectionError("refused"),
        ],
    )
    def test_without_one_there_is_an_outage(self, scim, answer):
        scim.broken["token"] = answer
        with pytest.raises(Unreachable):
            names(scim, AMINA["id"])
        assert scim.calls == []

    def test_its_kind_may_be_written_in_any_case(self, scim):
        scim.broken["token"] = (200, {}, '{"access_token": "token-0", "token_type": "bearer", "expires_in": 60}')
        scim.valid_tokens.add("token-0")
        assert names(scim, AMINA["id"]) == {AMINA["id"]: "Amina Okafor"}


def test_keys_are_those_that_were_asked_for(scim):
    assert list(scim.directory().people({key(AMINA["id"])})) == [Key(ISSUER, AMINA["id"])]
