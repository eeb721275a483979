"""Who a person is to us: an identity key, a display name that is never stored, roles, and the byline readers see."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from base64 import b32encode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, TypeGuard

from blog.errors import Invalid, LoginRefused, Words
from blog.identity import avatars

NAME_LENGTH = 80
ID_LENGTH = 255  # OpenID Connect Core 1.0 §2: sub
ISSUER_LENGTH = 500
FORMER_AUTHOR = Words("Former author")
GROUP_LENGTH = 255
ZONE_LENGTH = 64
ROLES = ("reader", "author", "editor", "admin")  # each includes the ones before it


class Key(NamedTuple):
    """An identity key: the only thing by which anything is ever decided about a person."""

    issuer: str
    id: str


NOBODY = Key("urn:byline:nobody", "nobody")
"""Has the posts that were kept of people who were erased; no provider has this issuer, so nobody logs in as this."""


@dataclass(frozen=True, slots=True)
class Person:
    """What the provider says of somebody right now.

    :param key: who.
    :param name: the display name, cleaned for showing; None when the provider tells none.
    :param roles: what they may do; only known for the person of a session.
    :param groups: which they are in; likewise.
    :param gone: the provider says there is no such person any more.
    :param deactivated: it says that they are there, and shut out; told to operators, and to no page.
    :param zone: the time zone that the provider told at the login, to the letter; likewise of a session only.
    """

    key: Key
    name: str | None
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    gone: bool = False
    deactivated: bool = False
    zone: str | None = None


class Byline(NamedTuple):
    """What readers see in the place of an author's name.

    :param name: the display name, or what stands in for it; plain text, still to be escaped.
    :param known: the name is the person's own.
    :param gone: there is no such person any more.
    :param colour: of the avatar: a number from 1 to `avatars.COLOURS`, the same for this person on every page; 0 is
        the neutral one.
    """

    name: str
    known: bool
    gone: bool = False
    colour: int = 0

    @property
    def initials(self) -> str:
        """What stands in the avatar; nothing for who is not known by a name of their own."""
        return avatars.initials(self.name) if self.known else ""


def byline(key: Key, person: Person | None, *, secret: bytes) -> Byline:
    """Say what readers see of this author; without a name that is a neutral one, the same on every page.

    :param person: what the directory knows; None when it knows nothing just now.
    :param secret: keys the hash in a neutral name, so that nobody can tell the id from it.
    """
    if key == NOBODY or (person is not None and person.gone):
        return Byline(FORMER_AUTHOR, known=False, gone=True)
    if person is not None and person.name:
        return Byline(person.name, known=True, colour=1 + _hashed(key, "colour", secret)[0] % avatars.COLOURS)
    sign = b32encode(_hashed(key, "byline", secret))[:4].decode()
    return Byline(Words("Author %(sign)s", sign=sign), known=False)


def handle(key: Key, *, secret: bytes) -> str:
    """Make a handle for the page of an author who picked none: the same each time, and nobody can tell the id from it.

    :param secret: keys the hash; another one than in neutral names, so that neither leads to the other.
    :return: ten small letters and digits, 50 bits of the hash.
    """
    return b32encode(_hashed(key, "handle", secret))[:10].decode().lower()


@lru_cache(maxsize=10_000)  # each author has one on every page
def _hashed(key: Key, purpose: str, secret: bytes) -> bytes:
    return hmac.digest(secret, f"{purpose}\0{key.issuer}\0{key.id}".encode(), hashlib.sha256)


def person_from_claims(
    claims: Mapping[str, Any],
    *,
    issuer: str,
    author_claim: str,
    roles: Iterable[str] = (),
    groups: Iterable[str] = (),
) -> Person:
    """Make a person of what sign-in told (OpenID Connect Core 1.0 §5.1).

    :param claims: judged claims of ID token and userinfo.
    :param author_claim: which of them is the author id.
    :raises LoginRefused: ``author_claim_missing`` when that claim cannot be an id.
    """
    author_id = claims.get(author_claim)
    if not _is_id(author_id):
        raise LoginRefused("author_claim_missing")
    zone = claims.get("zoneinfo")
    return Person(
        Key(issuer, author_id),
        name_from_claims(claims),
        frozenset(roles),
        frozenset(groups),
        zone=zone if isinstance(zone, str) and len(zone) <= ZONE_LENGTH else None,
    )


def _is_id(value: Any) -> TypeGuard[str]:
    # What cannot be printed (NUL, half a surrogate pair) cannot be stored either.
    return isinstance(value, str) and 0 < len(value) <= ID_LENGTH and value.isprintable()


def key_of(issuer: str, author_id: str) -> Key:
    """Make a key of what an operator, or a program of theirs, says.

    :raises Invalid: when nobody can have it; says why.
    """
    if not issuer.startswith(("https://", "http://")) or len(issuer) > ISSUER_LENGTH or not issuer.isprintable():
        raise Invalid("an issuer is an address, as the provider's discovery document spells it")
    if not _is_id(author_id):
        raise Invalid(f"an author id has 1 to {ID_LENGTH} characters that can be printed")
    return Key(issuer, author_id)


def name_from_claims(claims: Mapping[str, Any]) -> str | None:
    """Find the display name that these claims tell; None when they tell none."""
    return display_name(
        formatted=claims.get("name"),
        given=claims.get("given_name"),
        family=claims.get("family_name"),
        middle=claims.get("middle_name"),
        nickname=_chosen_nickname(claims),
        language=claims.get("locale"),
    )


@dataclass(frozen=True, slots=True)
class RoleRules:
    """Which of the provider's groups give which role.

    :param claim: the name of the claim that holds the groups, or a dotted path to it; empty when nothing is mapped.
    :param groups: role → the groups that give it.
    """

    claim: str = ""
    groups: Mapping[str, Collection[str]] = field(default_factory=dict)

    def can_give(self, role: str) -> bool:
        """Whether anybody can have this role: some group gives it, or one above."""
        return bool(self.claim) and any(self.groups.get(each) for each in ROLES[ROLES.index(role) :])


def roles_from_claims(claims: Mapping[str, Any], rules: RoleRules) -> frozenset[str]:
    """Say what somebody may do: the highest role that one of their groups gives, and all below it.

    :param claims: judged claims of ID token and userinfo.
    :return: out of ROLES. Everybody is an author where nothing is mapped; a reader, where no group gives more.
    """
    if not rules.claim:
        return _up_to("author")
    held = groups_at(claims, rules.claim) or frozenset()
    given = [role for role in ROLES if not held.isdisjoint(rules.groups.get(role, ()))]
    return _up_to(given[-1] if given else "reader")


def groups_from_claims(claims: Mapping[str, Any], rules: RoleRules) -> frozenset[str]:
    """Say which groups somebody is in, out of those that a post can be limited to.

    :param claims: judged claims of ID token and userinfo.
    :return: to the letter as the provider tells them, so still to be escaped; without any that are empty, longer than
        255 characters, or hold what cannot be stored or stand in a form. None where no claim is named.
    """
    told = groups_at(claims, rules.claim) if rules.claim else None
    return frozenset(name for name in told or () if _can_be_chosen(name))


def _can_be_chosen(group: str) -> bool:
    """Whether a browser sends this name back as it was, and a database can keep it: no controls, half pairs, breaks."""
    unfit = {"Cc", "Cs", "Zl", "Zp"}
    return 0 < len(group.strip()) <= len(group) <= GROUP_LENGTH and unfit.isdisjoint(map(unicodedata.category, group))


def why_no_groups(claims: Mapping[str, Any], rules: RoleRules) -> str | None:
    """Say why nothing is known of somebody's groups, which is not the same as being in none.

    :return: a reason code for the log: ``groups_overage`` when Entra ID keeps them back because they are too many,
        ``roles_claim_absent`` when there is no such claim, or it is no string, list or object; None when all is well.
    """
    if not rules.claim or groups_at(claims, rules.claim) is not None:
        return None
    return "groups_overage" if rules.claim == "groups" and _too_many_groups(claims) else "roles_claim_absent"


def _up_to(role: str) -> frozenset[str]:
    return frozenset(ROLES[: ROLES.index(role) + 1])


def groups_at(claims: Mapping[str, Any], path: str) -> frozenset[str] | None:
    """Read the groups out of a claim: a string (one group, whatever it holds), a list of them, or an object.

    The names in an object are the groups, as in Zitadel's ``{"editor": {…}}``, but for those it says no to.

    :param path: the whole name of the claim, or a dotted path into it.
    :return: None when there is no such claim, or it is of another kind.
    """
    value = _claim_at(claims, path)
    if isinstance(value, str):
        return frozenset({value})
    if isinstance(value, Mapping):
        return frozenset(name for name, told in value.items() if told is not None and told is not False)
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else None


def _claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """Follow a dotted path. The longest name goes first: the names of claims may be addresses, with dots in them."""
    if path in claims:
        return claims[path]
    name, _, rest = path.rpartition(".")
    while name:
        inner = claims.get(name)
        if rest and isinstance(inner, Mapping) and (found := _claim_at(inner, rest)) is not None:
            return found
        name, _, last = name.rpartition(".")
        rest = f"{last}.{rest}"
    return None


def _too_many_groups(claims: Mapping[str, Any]) -> bool:
    """Whether Entra ID says that the groups are to be had elsewhere (Core 1.0 §5.6.2), as it does beyond about 200."""
    elsewhere = claims.get("_claim_names")
    return bool(claims.get("hasgroups")) or (isinstance(elsewhere, Mapping) and "groups" in elsewhere)


def _chosen_nickname(claims: Mapping[str, Any]) -> object:
    """Give the nickname unless the provider made it of the login or the e-mail address."""
    nickname, sub, email = claims.get("nickname"), claims.get("sub"), claims.get("email")
    made_by_auth0 = isinstance(sub, str) and "|" in sub  # its subjects are "connection|id"
    mailbox = email.partition("@")[0] if isinstance(email, str) else None
    if made_by_auth0 or nickname in (claims.get("preferred_username"), mailbox):
        return None
    return nickname


def display_name(
    *,
    display: object = None,
    formatted: object = None,
    given: object = None,
    family: object = None,
    middle: object = None,
    nickname: object = None,
    language: object = None,
) -> str | None:
    """Choose and clean the name to show: display name, formatted name, one composed of its parts, nickname.

    The values come from outside and may be of any type. A value that holds an e-mail address, a phone number or an id
    is passed over. Never give this a user name or a login.

    :param language: a language tag (RFC 5646) that decides the order of the parts.
    :return: one line of at most 80 characters in NFC without control characters, or None.
    """
    composed = _compose(_showable(given), _showable(family), _showable(middle), _primary_language(language))
    candidates = (display, formatted, composed, nickname)
    return next((name for value in candidates if (name := _showable(value))), None)


# Han, kana and Hangul, with the marks that stand among them
_EAST_ASIAN = re.compile(
    r"[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+"
)


def _compose(given: str, family: str, middle: str, language: str) -> str:
    if _EAST_ASIAN.fullmatch(given) and _EAST_ASIAN.fullmatch(family):
        return family + given
    match language:
        case "hu":
            parts = (family, given, middle)
        case "vi":
            parts = (family, middle, given)
        case "ja" | "ko" | "zh":
            parts = (family, given, "")
        case _:
            parts = (given, family, "")
    return " ".join(part for part in parts if part) if given or family else ""


def _primary_language(tag: object) -> str:
    return re.split("[-_]", tag, maxsplit=1)[0].lower() if isinstance(tag, str) else ""


_AT_SIGNS = "@\ufe6b\uff20"
_PHONE = re.compile(r"\d(?:[\s().\-/]*\d){6,}")
_HEX_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{16,}\b", re.IGNORECASE)


def _showable(value: object) -> str:
    """Clean a value for showing; the empty string when it is no name."""
    if not isinstance(value, str) or any(sign in value for sign in _AT_SIGNS):
        return ""
    # Long input is cut first: composing marks into letters takes the square of their number.
    text = "".join(char for char in value[: 4 * NAME_LENGTH] if _may_stand(char))
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if _PHONE.search(text) or _HEX_ID.search(text) or not any(map(_is_letter_or_picture, text)):
        return ""
    return text[:NAME_LENGTH].strip(" " + _JOINERS)


_JOINERS = "\u200c\u200d"  # Persian and the Indic scripts need them within a word
_BLANK_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # counted as letters, marks, symbols; all invisible


def _may_stand(char: str) -> bool:
    """Whether a character may stand in a name: no control, bidi or zero-width one, no half pair, nothing private."""
    if char in _JOINERS or char.isspace():
        return True
    no_character = ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef"  # XML, so every feed, refuses these
    return (
        not no_character and char not in _BLANK_LETTERS and unicodedata.category(char) not in {"Cc", "Cf", "Co", "Cs"}
    )


def _is_letter_or_picture(char: str) -> bool:
    category = unicodedata.category(char)
    return category.startswith("L") or category == "So"
