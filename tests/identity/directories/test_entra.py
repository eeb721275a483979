"""Entra ID: twenty reads in one call, each answered on its own, and its recorded answers."""

import json

import pytest

from blog.config import BadSetting
from blog.errors import Unreachable
from blog.identity.people import Key
from tests.identity.directories.fake_providers import PROVIDERS, FakeProvider, form_of
from tests.identity.directories.fake_scim import recorded, replay

ENTRA = PROVIDERS["entra"]
AMINA, GONE, TARO = (
    Key(ENTRA.issuer, author_id)
    for author_id in (
        "87d349ed-44d7-43e1-9a83-5f2406dee5b1",
        "68be84bf-a585-4776-80b3-30aa5207aa09",
        "7b2c4f10-5a3e-4f0c-8c68-2f8f1f6f6a02",
    )
)


@pytest.fixture
def entra():
    with FakeProvider(ENTRA) as server:
        yield server


def items(*left):
    """The recorded answer to several reads, with only these of them."""
    body = recorded("entra/batch")["body"]
    return 200, {}, json.dumps({"responses": [item for item in body["responses"] if item["id"] in left]})


def test_each_of_several_reads_is_answered_on_its_own(entra):
    entra.broken = items("0", "1")
    found = entra.directory().people([AMINA, GONE])
    assert (found[AMINA].name, found[GONE].gone) == ("Amina Okafor", True)
    assert len(entra.calls) == 1  # a 404 in there is about that very person


def test_one_that_is_held_back_holds_back_all(entra):
    entra.broken = replay("entra/batch")
    with pytest.raises(Unreachable) as raised:
        entra.directory().people([AMINA, GONE, TARO])
    assert raised.value.retry_after == 3


def test_one_that_was_not_answered_is_read_alone(entra):
    people = [entra.add(n, display="Amina") for n in range(2)]
    entra.broken_search = (200, {}, '{"responses": []}')
    assert [person.name for person in entra.directory().people(people).values()] == ["Amina"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        replay("entra/forbidden"),
        (200, {}, "{}"),
        (200, {}, '{"responses": {}}'),
        (200, {}, '{"responses": [{"id": "0", "status": "200", "body": null}]}'),
        (200, {}, '{"responses": [{"id": "0", "status": 200, "headers": [], "body": {"id": "other"}}]}'),
        (200, {}, '{"responses": [{"id": "0", "status": 403, "body": {"error": {"code": "denied"}}}]}'),
    ],
)
def test_everything_else_is_an_outage(entra, answer):
    entra.broken = answer
    with pytest.raises(Unreachable):
        entra.directory().people([AMINA, GONE])


@pytest.mark.parametrize(
    ("answer", "how", "name"),
    [
        ("user", "display", "Amina Okafor"),
        ("user", "parts", "Amina Okafor"),
        ("user_deactivated", "display", "Priya Raman"),
        ("user_corporate_display_name", "display", "山田 太郎 (編集部)"),
        ("user_corporate_display_name", "parts", "山田太郎"),
    ],
)
def test_recorded_people_have_the_name_that_was_chosen(entra, answer, how, name):
    entra.broken = replay(f"entra/{answer}")
    author = Key(ENTRA.issuer, recorded(f"entra/{answer}")["body"]["id"])
    assert entra.directory(DIRECTORY_NAME=how).people([author])[author].name == name
    assert ("preferredLanguage" in entra.calls[0][1]) == (how == "parts")


def test_who_has_no_parts_of_a_name_has_the_display_name(entra):
    amina = entra.add(1, display="Amina of the Desk")
    assert entra.directory(DIRECTORY_NAME="parts").people([amina])[amina].name == "Amina of the Desk"


def test_the_token_is_for_graph(entra):
    entra.directory().people([entra.add(1, display="Amina")])
    assert form_of(entra.token_requests[0])["scope"] == "https://graph.microsoft.com/.default"


def test_the_subject_cannot_be_the_author_id(entra):
    with pytest.raises(BadSetting, match=r"^BLOG_OIDC_AUTHOR_CLAIM: must be oid"):
        entra.directory(OIDC_AUTHOR_CLAIM="sub")


@pytest.mark.parametrize(
    "settings",
    [{"DIRECTORY_AUTH_METHOD": "private_key_jwt", "DIRECTORY_CLIENT_SECRET": ""}, {"DIRECTORY_CLIENT_ID": ""}],
)
def test_a_proof_without_a_certificate_is_not_tried(entra, settings):
    settings |= {"OIDC_TOKEN_AUTH_METHOD": "private_key_jwt", "DIRECTORY_CLIENT_SECRET": ""}
    with pytest.raises(BadSetting, match=r"^BLOG_DIRECTORY_AUTH_METHOD: cannot be private_key_jwt"):
        entra.directory(**settings)
