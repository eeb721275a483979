"""The user APIs that are data: presets, recorded answers, and any other by settings."""

import json

import pytest

from blog.config import BadSetting
from blog.errors import Unreachable
from blog.identity.directories.presets import PRESETS
from blog.identity.people import Key
from tests.identity.directories.fake_providers import CLIENT, PROVIDERS, TOKEN, FakeProvider, form_of
from tests.identity.directories.fake_scim import is_recorded, recorded, replay

OTHER = PROVIDERS["any other"]


@pytest.fixture
def server(request):
    with FakeProvider(PROVIDERS[request.param]) as server:
        yield server


def of(*names):
    return pytest.mark.parametrize("server", names, indirect=True)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_tried_by_the_contract(preset):
    assert PROVIDERS[preset].settings["DIRECTORY_PRESET"] == preset


RECORDED = [
    (preset, case)
    for preset in PRESETS
    for case in ("user", "user_deactivated", "user_name_is_text")
    if is_recorded(f"{PROVIDERS[preset].folder}/{case}")
]


@pytest.mark.parametrize(("server", "case"), RECORDED, indirect=["server"])
def test_recorded_people_have_their_names(server, case):
    server.broken = replay(f"{server.provider.folder}/{case}")
    row = json.loads(server.broken[2])
    for step in filter(None, server.provider.row.split(".")):
        row = row[int(step) if step.isdigit() else step]
    author = Key(server.provider.issuer, str(row[server.provider.id]))
    expected = {"user": "Amina Okafor", "user_deactivated": "Priya Raman", "user_name_is_text": "山田太郎"}[case]
    assert server.directory().people([author])[author].name == expected


@of("zitadel", "kratos", "fusionauth", "onelogin")
def test_recorded_lists_are_understood(server):
    server.broken = replay(f"{server.provider.folder}/batch")
    told = json.loads(server.broken[2])
    rows = told if isinstance(told, list) else told.get("result") or told["users"]
    asked = [Key(server.provider.issuer, str(row[server.provider.id])) for row in rows]
    found = server.directory().people(asked)
    assert all(found[who].name in {"Amina Okafor", "Priya Raman", "山田太郎"} for who in asked)
    assert len(server.calls) == 1


@of("zitadel")
def test_zitadel_is_asked_for_its_own_audience(server):
    server.directory().people([server.add(1, display="Amina")])
    assert form_of(server.token_requests[0])["scope"] == "openid urn:zitadel:iam:org:project:id:zitadel:aud"


@of("zitadel")
def test_an_unknown_path_is_not_an_unknown_person(server):
    server.add(1, display="Amina")
    directory = server.directory()
    directory.people([server.key(1)])
    server.broken = (404, {}, '{"code": 5, "message": "Not Found", "details": []}')
    with pytest.raises(Unreachable):
        directory.people([server.key(1)])


@of("authentik")
def test_who_may_see_nobody_takes_nobodys_name_away(server):
    directory, amina = server.directory(), server.add(1, display="Amina")
    server.broken = replay("authentik/not_found")
    assert directory.people([amina]) == {}
    server.broken = None
    assert directory.people([amina])[amina].name == "Amina"
    server.broken = replay("authentik/not_found")
    assert directory.people([amina])[amina].gone


@of("kratos")
def test_kratos_at_a_private_address_needs_no_token_and_takes_one(server):
    server.directory().people([server.add(1, given="Amina")])
    server.directory(DIRECTORY_TOKEN=TOKEN).people([server.add(1, given="Amina")])
    assert server.token_requests == []


@of("kratos")
def test_settings_count_instead_of_what_is_known(server):
    amina = server.add(1, given="Amina")
    server.people[amina.id]["traits"] = {"handle": "Amina Okafor", "name": {"first": "No"}}
    directory = server.directory(DIRECTORY_NAME_FIELDS="display=traits.handle")
    assert directory.people([amina])[amina].name == "Amina Okafor"


@of("authentik")
def test_a_field_can_be_the_answer_itself(server):
    server.broken = replay("authentik/not_found_by_pk")
    more = {"DIRECTORY_PERSON_PATH": "/api/v3/core/users/{id}/", "DIRECTORY_PERSON_FIELD": "."}
    directory = server.directory(**more, DIRECTORY_ID_FIELD="pk", DIRECTORY_IDS="number")
    who = Key(server.provider.issuer, "71")
    assert directory.people([who]) == {}
    server.broken = (200, {}, json.dumps(recorded("authentik/user")["body"]["results"][0]))
    assert directory.people([who])[who].name == "Amina Okafor"
    assert server.calls[-1][1] == "https://id.example/api/v3/core/users/71/"


@of("any other")
def test_ids_with_commas_between_them_go_into_the_path(server):
    more = {"DIRECTORY_PEOPLE_BODY": "", "DIRECTORY_PEOPLE_PATH": "/people/{ids}?all=1"}
    server.broken = (
        200,
        {},
        '{"data": {"people": [{"id": "a,b", "displayName": "A"}, {"id": "c", "displayName": "C"}]}}',
    )
    found = server.directory(**more).people([Key(OTHER.issuer, "a,b"), Key(OTHER.issuer, "c")])
    assert [person.name for person in found.values()] == ["A", "C"]
    assert server.calls == [("GET", "https://people.example/v1/people/a%2Cb,c?all=1")]


@of("any other")
def test_a_404_without_a_body_can_mean_gone(server):
    server.broken = (404, {}, "")
    assert server.directory(DIRECTORY_GONE="empty").people([server.key(1)])[server.key(1)].gone
    with pytest.raises(Unreachable):
        server.directory().people([server.key(1)])


@of("any other")
def test_an_api_can_be_open(server):
    server.broken = (200, {}, '{"data": {"id": "a", "displayName": "Amina"}}')
    directory = server.directory(DIRECTORY_TOKEN="", DIRECTORY_TOKEN_HEADER="none")
    assert directory.people([Key(OTHER.issuer, "a")])[Key(OTHER.issuer, "a")].name == "Amina"
    assert server.token_requests == []


@pytest.mark.parametrize(
    ("settings", "blamed"),
    [
        ({"DIRECTORY_PRESET": "ldap"}, "DIRECTORY_PRESET"),
        ({"DIRECTORY_PERSON_PATH": ""}, "DIRECTORY_PERSON_PATH"),
        ({"DIRECTORY_PERSON_PATH": "person/{id}"}, "DIRECTORY_PERSON_PATH"),
        ({"DIRECTORY_PERSON_PATH": "/person"}, "DIRECTORY_PERSON_PATH"),
        ({"DIRECTORY_PEOPLE_PATH": "people"}, "DIRECTORY_PEOPLE_PATH"),
        ({"DIRECTORY_PEOPLE_BODY": "{"}, "DIRECTORY_PEOPLE_BODY"),
        ({"DIRECTORY_PEOPLE_BODY": "{}"}, "DIRECTORY_PEOPLE_BODY"),
        ({"DIRECTORY_NAME_FIELDS": ""}, "DIRECTORY_NAME_FIELDS"),
        ({"DIRECTORY_NAME_FIELDS": "name"}, "DIRECTORY_NAME_FIELDS"),
        ({"DIRECTORY_NAME_FIELDS": "login=userName"}, "DIRECTORY_NAME_FIELDS"),
        ({"DIRECTORY_GONE": ""}, "DIRECTORY_GONE"),
        ({"DIRECTORY_GONE": "message"}, "DIRECTORY_GONE"),
        ({"DIRECTORY_GONE": "=x"}, "DIRECTORY_GONE"),
        ({"DIRECTORY_IDS": "letters"}, "DIRECTORY_IDS"),
        ({"DIRECTORY_TOKEN_HEADER": "X Api: y"}, "DIRECTORY_TOKEN_HEADER"),
        ({"DIRECTORY_TOKEN_HEADER": "Bearer"}, "DIRECTORY_TOKEN_HEADER"),
        ({"DIRECTORY_URL": ""}, "DIRECTORY_URL"),
        ({"DIRECTORY_URL": "http://people.example"}, "DIRECTORY_URL"),
        ({"DIRECTORY_PRESET": "gitlab", "DIRECTORY_TOKEN": ""}, "DIRECTORY_TOKEN"),
        ({"DIRECTORY_PRESET": "kratos", "DIRECTORY_URL": ""}, "DIRECTORY_URL"),
        (CLIENT, "DIRECTORY_CLIENT_ID"),
    ],
)
@of("any other")
def test_senseless_settings_end_the_start_with_one_line(server, settings, blamed):
    with pytest.raises(BadSetting, match=f"^BLOG_{blamed}: "):
        server.directory(**settings)
