"""Names from Google Workspace, whose Directory API is asked by a service account."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from blog.config import BadSetting, Setting
from blog.identity.client import ASSERTION_LIFETIME_S, Proof
from blog.identity.directories import reading
from blog.identity.directories.api import Api, limited
from blog.identity.directories.bearer import Bearer, Credentials
from blog.identity.directories.facts import Facts, Rights
from blog.identity.directories.settings import Lent, private_key
from blog.identity.directories.shape import Shape, at, says
from blog.identity.http import Answer
from blog.identity.people import Key, Person

if TYPE_CHECKING:
    from joserfc.jwk import Key as SigningKey

API = "https://admin.googleapis.com/admin/directory/v1"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105  (an address)
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523, 2.1
SCOPE = "https://www.googleapis.com/auth/admin.directory.user.readonly"
IDS = reading.Ids(re.compile(r"[0-9]{1,30}"), lambda: f"1{secrets.randbelow(10**20):020}")
FIELDS = [("fields", "id,name(displayName,givenName,familyName),languages,suspended,archived")]
LIMITS = {"userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"}
MINUTE_S = 60  # so long Google counts
SHAPE = Shape(
    names={  # never fullName: it puts the given name first, in every language
        "display": "name.displayName",
        "given": "name.givenName",
        "family": "name.familyName",
        "language": "languages.0.languageCode",
    },
    is_gone=says("error.errors.0.reason", "notFound"),
    deactivated={"suspended": (True,), "archived": (True,)},
)


RIGHTS = Rights(
    enough=frozenset({SCOPE}),
    grant="In the Admin console of Google Workspace let the client id of the service account act for others with the"
    f" scope {SCOPE}, and switch the Admin SDK API on in its project.",
)


@dataclass(frozen=True, slots=True)
class Account:
    """A service account: who it is, and what it signs with."""

    email: str
    key_id: str
    key: SigningKey = field(repr=False, compare=False)


def _account(text: str) -> Account | None:
    """Read the file with a service account's key, as Google gives it."""
    if not text.strip():
        return None
    wrong = ValueError("must be the JSON file of a service account's key, with client_email and private_key")
    try:
        told = json.loads(text)
        email, key_id, pem = (str(told[name]) for name in ("client_email", "private_key_id", "private_key"))
        key = private_key(pem)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise wrong from None
    if key is None or key.key_type != "RSA" or not email:
        raise wrong
    return Account(email, key_id, key)


SERVICE_ACCOUNT = Setting(
    "DIRECTORY_SERVICE_ACCOUNT",
    None,
    "The key of the service account that asks Google Workspace: the JSON file that Google gives, whole. It needs the "
    f"scope `{SCOPE}`.",
    _account,
    secret=True,
)
SUBJECT = Setting(
    "DIRECTORY_SUBJECT",
    "",
    "The e-mail address of the administrator in whose name that account asks (domain-wide delegation); empty where it "
    "has a role of its own in the Admin console.",
    example="directory-reader@example.org",
)
SETTINGS: tuple[Setting, ...] = (SERVICE_ACCOUNT, SUBJECT)


class Delegate(Bearer):
    """A token for an account that signs what it may do, and in whose name (RFC 7523, 2.1).

    :param subject: that name; empty for the account's own.
    """

    def __init__(self, account: Account, subject: str) -> None:
        super().__init__(lambda: TOKEN_URL, Credentials(account.email), form={"grant_type": GRANT})
        self._account, self._subject = account, subject

    def _proof(self, url: str) -> Proof:
        from authlib.oauth2.rfc7523 import JWTBearerGrant  # noqa: PLC0415  (it imports joserfc: as in tokens.py)

        assertion = JWTBearerGrant.sign(
            self._account.key,
            self._account.email,
            url,
            self._subject,
            issued_at=int(self._now().timestamp()),
            claims={"scope": SCOPE},
            expires_in=ASSERTION_LIFETIME_S,
            alg="RS256",
            header={"kid": self._account.key_id},
        )
        return {}, {"assertion": assertion}


class Google:
    """A Workspace as a directory; each person is read alone, as Google searches for nobody's id.

    :param issuer: whose people live there.
    """

    def __init__(self, issuer: str, opener: Delegate) -> None:
        self._issuer = issuer
        self._api = Api("Google's Directory API", API, opener)

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are; see `Directory`."""
        asked = IDS.of(self._issuer, keys)
        if len(asked) > 1:
            self._api.open()
        return reading.ask(asked, self._read)

    def _read(self, key: Key) -> Person:
        return SHAPE.one(_plain(self._api.get(f"/users/{key.id}", FIELDS)), key)


def _plain(answer: Answer) -> Answer:
    """Tell a limit from a missing right; Google says 403 of both."""
    if answer.status == 403 and at(answer.object(), "error.errors.0.reason") in LIMITS:
        return limited(answer, MINUTE_S)
    return answer


def ids_of(_settings: Mapping[str, Any]) -> reading.Ids:
    """Say what ids look like there; the same whatever is set."""
    return IDS


def facts_of(_settings: Mapping[str, Any]) -> Facts:
    """Tell what is known of it; the same whatever is set."""
    return Facts(SHAPE, 1, RIGHTS)


def from_settings(settings: Mapping[str, Any], _lent: Lent) -> Google:
    """Make a directory of settings; see `open_directory`."""
    if (account := settings["DIRECTORY_SERVICE_ACCOUNT"]) is None:
        raise BadSetting("DIRECTORY_SERVICE_ACCOUNT", "is missing, and DIRECTORY=google needs it")
    return Google(settings["OIDC_ISSUER"], Delegate(account, settings["DIRECTORY_SUBJECT"]))
