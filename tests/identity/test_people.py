"""Names that may be shown, persons made of claims, and the bylines readers see."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.errors import LoginRefused
from blog.identity.people import (
    Byline,
    Key,
    Person,
    RoleRules,
    byline,
    display_name,
    groups_from_claims,
    handle,
    person_from_claims,
    roles_from_claims,
    why_no_groups,
)
from tests.identity.directories.fake_scim import recorded

ISSUER = "https://id.example"
SECRET = b"k" * 32


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ({"display": "Amina Okafor", "formatted": "Ms. Amina C Okafor"}, "Amina Okafor"),
        ({"formatted": "Ms. Amina C Okafor", "given": "Amina", "family": "Okafor"}, "Ms. Amina C Okafor"),
        ({"given": "Amina", "family": "Okafor", "nickname": "Mina"}, "Amina Okafor"),
        ({"nickname": "Mina"}, "Mina"),
        ({"display": "amina@example.org", "formatted": "Amina Okafor"}, "Amina Okafor"),
        ({"display": "", "formatted": None, "given": "Amina"}, "Amina"),
        ({}, None),
    ],
)
def test_the_most_chosen_name_is_shown(profile, name):
    assert display_name(**profile) == name


@pytest.mark.parametrize(
    ("given_name", "family", "middle", "language", "name"),
    [
        ("太郎", "山田", None, None, "山田太郎"),
        ("철수", "김", None, "en", "김철수"),
        ("さくら", "佐々木", None, None, "佐々木さくら"),
        ("Taro", "Yamada", None, "ja", "Yamada Taro"),
        ("Taro", "Yamada", None, "ja_JP", "Yamada Taro"),
        ("Wei", "Zhang", None, "zh-Hant-TW", "Zhang Wei"),
        ("Cheol-su", "Kim", None, "KO", "Kim Cheol-su"),
        ("Péter", "Nagy", "István", "hu-HU", "Nagy Péter István"),
        ("An", "Nguyen", "Van", "vi", "Nguyen Van An"),
        ("Amina", "Okafor", "Chioma", "en-GB", "Amina Okafor"),
        ("Amina", "Okafor", None, 42, "Amina Okafor"),
        (None, "Sukarno", None, "id", "Sukarno"),
        ("Björk", "", None, "is", "Björk"),
        ("Björk", "-", None, "hu", "Björk"),
        ("amina@example.org", "Okafor", None, None, "Okafor"),
        (None, None, "Van", "vi", None),
    ],
)
def test_parts_of_a_name_stand_in_the_order_of_their_language(given_name, family, middle, language, name):
    assert display_name(given=given_name, family=family, middle=middle, language=language) == name


@pytest.mark.parametrize(
    "value",
    [
        "amina@example.org",
        "Amina <amina@example.org>",
        "amina＠example.org",
        "@amina",
        "+44 20 7946 0000",
        "Amina, (020) 7946-0000",
        "٠٢٠٧٩٤٦٠٠٠٠",
        "12345",
        "df327bf6-4e8c-483e-8849-4a722d65a5a1",
        "5F3759DF5F3759DF",
        "user 0123456789abcdef0123",
        "",
        "   ",
        "...",
        "\u3164",
        "\u200b\u200d",
        "\ud800",
        "\x00",
        None,
        42,
        True,
        ["Amina"],
        {"formatted": "Amina"},
    ],
)
def test_what_is_no_name_is_never_shown(value):
    assert display_name(display=value, formatted=value, given=value, family=value, nickname=value) is None


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("\u202eafokO animA\u202c", "afokO animA"),
        ("\u2066Amina\u2069", "Amina"),
        ("A\u200bmi\ufeffna", "Amina"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("\u200dAmina\u200c", "Amina"),
        ("Amina\n\tOkafor\u2028", "Amina Okafor"),
        ("Ami\x00na\x07", "Amina"),
        ("Ami\ud800na", "Amina"),
        ("Ami\uffffna", "Amina"),
        ("Bjo\u0308rk", "Björk"),
        ("Bjo\u200b\u0308rk", "Björk"),
        ("x" * 200, "x" * 80),
        ("<b>Amina</b>", "<b>Amina</b>"),  # markup is for templates to escape
        ("O'Brien-Smith", "O'Brien-Smith"),
        ("محمد", "محمد"),
        ("🦊", "🦊"),
    ],
)
def test_a_name_is_one_clean_line(value, name):
    assert display_name(display=value) == name


VALUES = st.one_of(st.text(max_size=400), st.none(), st.integers(), st.text("@a0 -\u202e\u200d\u0301山", max_size=120))
FORBIDDEN = {"Cc", "Cs", "Co"}
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


PARTS = ("display", "formatted", "given", "family", "middle", "nickname")


@given(st.fixed_dictionaries(dict.fromkeys(PARTS, VALUES)))
def test_no_input_makes_a_name_that_breaks_a_page(profile):
    for language in (None, "ja", "hu", "vi"):
        name = display_name(**profile, language=language)
        if name is not None:
            assert 0 < len(name) <= 80
            assert "@" not in name
            assert not BIDI & set(name)
            assert not FORBIDDEN & set(map(unicodedata.category, name))
            assert name == unicodedata.normalize("NFC", name) == " ".join(name.split())
            assert display_name(display=name) == name


def test_a_person_is_made_of_recorded_claims():
    claims = recorded("none/id_token_claims")["body"]
    person = person_from_claims(claims, issuer=claims["iss"], author_claim="sub", roles={"author"})
    assert person == Person(Key(claims["iss"], claims["sub"]), "Amina Okafor", frozenset({"author"}))


def test_the_author_claim_decides_who_somebody_is():
    claims = {"sub": "pairwise", "oid": "d0c1e5", "name": "Amina Okafor"}
    assert person_from_claims(claims, issuer=ISSUER, author_claim="oid").key == Key(ISSUER, "d0c1e5")


@pytest.mark.parametrize("author_id", [None, "", 42, True, ["a"], "x" * 256, "a\x00b", "a\nb", "\ud800"])
def test_without_a_usable_author_id_nobody_logs_in(author_id):
    with pytest.raises(LoginRefused, match=r"^author_claim_missing$"):
        person_from_claims({"sub": author_id, "name": "Amina"}, issuer=ISSUER, author_claim="sub")


def test_without_the_author_claim_nobody_logs_in():
    with pytest.raises(LoginRefused, match=r"^author_claim_missing$"):
        person_from_claims({"sub": "amina"}, issuer=ISSUER, author_claim="oid")


@pytest.mark.parametrize("author_id", ["a", "x" * 255, "google-oauth2|1234", "f:1:amina okafor"])
def test_an_author_id_is_kept_to_the_letter(author_id):
    assert person_from_claims({"sub": author_id}, issuer=ISSUER, author_claim="sub").key.id == author_id


@pytest.mark.parametrize(
    "claims",
    [
        {"preferred_username": "amina"},
        {"name": "amina@example.org", "email": "amina@example.org"},
        {"nickname": "amina", "preferred_username": "amina"},
        {"nickname": "amina", "email": "amina@example.org"},
        {"nickname": "amina", "sub": "auth0|5f7c8ec7c33c6c004bbafe82"},
    ],
)
def test_logins_and_mail_boxes_are_no_names(claims):
    assert person_from_claims({"sub": "s1", **claims}, issuer=ISSUER, author_claim="sub").name is None


def test_a_nickname_somebody_chose_is_a_name():
    claims = {"sub": "s1", "nickname": "Mina", "preferred_username": "amina", "email": "a.okafor@example.org"}
    assert person_from_claims(claims, issuer=ISSUER, author_claim="sub").name == "Mina"


KEY = Key(ISSUER, "df327bf6-4e8c-483e-8849-4a722d65a5a1")


def test_a_known_author_stands_under_the_post():
    made = byline(KEY, Person(KEY, "Amina Okafor"), secret=SECRET)
    assert made._replace(colour=0) == Byline("Amina Okafor", known=True, gone=False)


def test_a_departed_author_is_a_former_author():
    assert byline(KEY, Person(KEY, None, gone=True), secret=SECRET) == Byline("Former author", known=False, gone=True)


@pytest.mark.parametrize("person", [None, Person(KEY, None)])
def test_a_nameless_author_has_a_neutral_byline(person):
    nameless = byline(KEY, person, secret=SECRET)
    assert nameless == byline(KEY, None, secret=SECRET)
    assert nameless.name.startswith("Author ")
    assert len(nameless.name) == len("Author 7K3F")
    assert not nameless.known


def test_neutral_bylines_differ_by_person_issuer_and_secret():
    others = [(Key(ISSUER, "b"), SECRET), (Key("https://other.example", KEY.id), SECRET), (KEY, b"other")]
    names = {byline(key, None, secret=secret).name for key, secret in [(KEY, SECRET), *others]}
    assert len(names) == 4


def test_a_handle_is_short_the_same_each_time_and_tells_nothing_of_the_id():
    made = handle(KEY, secret=SECRET)
    assert re.fullmatch("[a-z2-7]{10}", made)
    assert made == handle(KEY, secret=SECRET)
    others = [(Key(ISSUER, "b"), SECRET), (Key("https://other.example", KEY.id), SECRET), (KEY, b"other")]
    assert len({made, *(handle(key, secret=secret) for key, secret in others)}) == 4
    assert byline(KEY, None, secret=SECRET).name.removeprefix("Author ").lower() not in made


ZITADEL = "urn:zitadel:iam:org:project:roles"
MAPPED = {"reader": ("guests",), "author": ("staff", "news"), "editor": ("desk",), "admin": ("ops",)}
READER, AUTHOR = frozenset({"reader"}), frozenset({"reader", "author"})
EDITOR = AUTHOR | {"editor"}
ADMIN = EDITOR | {"admin"}


@pytest.mark.parametrize(
    ("claims", "claim", "roles"),
    [
        ({}, "", AUTHOR),
        ({"groups": ["ops"]}, "", AUTHOR),
        ({"groups": ["guests"]}, "groups", READER),
        ({"groups": ["news"]}, "groups", AUTHOR),
        ({"groups": ["desk"]}, "groups", EDITOR),
        ({"groups": ["ops"]}, "groups", ADMIN),
        ({"groups": ["guests", "desk", "staff"]}, "groups", EDITOR),
        ({"groups": "desk"}, "groups", EDITOR),
        ({"groups": "staff desk"}, "groups", READER),
        ({"groups": ["Desk", " desk", "desk ", "desks"]}, "groups", READER),
        ({"groups": []}, "groups", READER),
        ({"groups": ""}, "groups", READER),
        ({}, "groups", READER),
        ({"groups": None}, "groups", READER),
        ({"groups": {"desk": True}}, "groups", EDITOR),
        ({"groups": {"desk": {}, "ops": False, "news": None}}, "groups", EDITOR),
        ({"groups": {"guests": {"desk": {}}}}, "groups", READER),
        ({"groups": {}}, "groups", READER),
        ({"urn:zitadel:iam:org:project:roles": {"desk": {"2194": "example.org"}}}, ZITADEL, EDITOR),
        ({"groups": 7}, "groups", READER),
        ({"groups": [None, 7, ["ops"], {"ops": 1}, "staff"]}, "groups", AUTHOR),
        ({"groups": [["ops"]]}, "groups", READER),
        ({"realm_access": {"roles": ["desk"]}}, "realm_access.roles", EDITOR),
        ({"resource_access": {"byline": {"roles": ["desk"]}}}, "resource_access.byline.roles", EDITOR),
        ({"a": {"b": {"c": "desk"}}}, "a.b.c", EDITOR),
        ({"a": {"b.c": "desk"}}, "a.b.c", EDITOR),
        ({"a": "desk"}, "a.b", READER),
        ({"a": ["desk"]}, "a.0", READER),
        ({"a": {"": "desk"}}, "a.", READER),
        ({"a.b": "staff", "a": {"b": "ops"}}, "a.b", AUTHOR),
        ({"https://example.org/roles": ["desk"]}, "https://example.org/roles", EDITOR),
        ({"https://example": {"org/roles": ["desk"]}}, "https://example.org/roles", EDITOR),
        ({"https://example.org/app": {"roles": ["desk"]}}, "https://example.org/app.roles", EDITOR),
        ({"https://example.org/app": {"by.line": {"roles": "desk"}}}, "https://example.org/app.by.line.roles", EDITOR),
        ({"a.b": {"c": "staff"}, "a": {"b": {"c": "ops"}}}, "a.b.c", AUTHOR),
        ({"a.b": {"d": "staff"}, "a": {"b": {"c": "ops"}}}, "a.b.c", ADMIN),
        ({"a.b": "staff", "a": {"b": {"c": "ops"}}}, "a.b.c", ADMIN),
        ({"": {"a": "ops"}}, ".a", READER),
    ],
)
def test_groups_give_a_role_and_all_below_it(claims, claim, roles):
    assert roles_from_claims(claims, RoleRules(claim, MAPPED if claim else {})) == roles


NAMES_OF_CLAIMS = st.sampled_from(["groups", "a", "b", "a.b"])
ANY_VALUES = st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(NAMES_OF_CLAIMS, inner), max_leaves=5)


@given(st.dictionaries(NAMES_OF_CLAIMS, ANY_VALUES), NAMES_OF_CLAIMS)
def test_no_claim_breaks_a_login_or_gives_more_than_it_names(claims, claim):
    rules = RoleRules(claim, {"admin": ("a group of nobody",)})
    assert roles_from_claims(claims, rules) == READER
    assert why_no_groups(claims, rules) in {None, "roles_claim_absent"}


@pytest.mark.parametrize(
    ("claims", "claim", "reason"),
    [
        ({}, "", None),
        ({"groups": []}, "groups", None),
        ({"groups": ["staff"]}, "groups", None),
        ({"groups": ""}, "groups", None),
        ({}, "groups", "roles_claim_absent"),
        ({"groups": None}, "groups", "roles_claim_absent"),
        ({"groups": {"staff": {}}}, "groups", None),
        ({"groups": {}}, "groups", None),
        ({"realm_access": {}}, "realm_access.roles", "roles_claim_absent"),
        ({"_claim_names": {"groups": "src1"}}, "groups", "groups_overage"),
        ({"hasgroups": True}, "groups", "groups_overage"),
        ({"hasgroups": "true"}, "groups", "groups_overage"),
        ({"_claim_names": {"groups": "src1"}, "groups": ["staff"]}, "groups", None),
        ({"_claim_names": {"groups": "src1"}}, "roles", "roles_claim_absent"),
        ({"_claim_names": {"roles": "src1"}}, "groups", "roles_claim_absent"),
        ({"_claim_names": "groups"}, "groups", "roles_claim_absent"),
    ],
)
def test_an_absent_claim_is_told_from_an_empty_one(claims, claim, reason):
    assert why_no_groups(claims, RoleRules(claim, MAPPED)) == reason


@pytest.mark.parametrize(
    ("told", "groups"),
    [
        (["Night Desk", "staff"], {"Night Desk", "staff"}),
        ("Night Desk", {"Night Desk"}),
        ({"editor": {"2194": "example.org"}, "owner": False}, {"editor"}),
        (["/staff/desk", "<b>&amp;", "a,b", " x ", "\u202eksed", "میز\u200cها"],) * 2,
        (["g" * 255, "g" * 256], {"g" * 255}),
        (["", "  ", "a\x00", "a\nb", "a\u2028", "\ud800", None, 7], set()),
        (None, set()),
    ],
)
def test_groups_are_kept_to_the_letter_or_not_at_all(told, groups):
    assert groups_from_claims({"groups": told}, RoleRules("groups", MAPPED)) == set(groups)


def test_nobody_is_in_a_group_where_no_claim_is_named():
    assert groups_from_claims({"groups": ["staff"], "": ["staff"]}, RoleRules()) == frozenset()


@given(st.lists(st.text()))
def test_a_group_survives_a_form_and_a_database(told):
    for group in groups_from_claims({"groups": told}, RoleRules("groups", MAPPED)):
        assert "\x00" not in group.encode().decode()
        assert group.splitlines() == [group]
