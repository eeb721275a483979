"""Names from Okta's user API."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from typing import Any

from blog.config import BadSetting, Setting
from blog.identity.directories import reading
from blog.identity.directories.api import Api
from blog.identity.directories.bearer import Opener
from blog.identity.directories.facts import Facts, Rights
from blog.identity.directories.settings import CLIENT, TOKEN, URL, Lent, auth_method, opener, origin, safe_address
from blog.identity.directories.shape import Shape, says
from blog.identity.people import Key, Person

SETTINGS: tuple[Setting, ...] = (URL, *CLIENT, TOKEN)
IDS = reading.Ids(re.compile(r"[0-9A-Za-z]{1,64}"), lambda: f"00u{secrets.token_hex(8)}x")

SEARCH_SIZE = 50  # of longer searches Okta says that they may fail
FIELDS = "id,status,profile:(firstName,lastName,displayName,locale,preferredLanguage)"
OMIT = {"Content-Type": "application/json; okta-response=omitCredentials,omitCredentialsLinks"}
SHAPE = Shape(
    names={
        "display": "profile.displayName",
        "given": "profile.firstName",
        "family": "profile.lastName",
        "language": "profile.preferredLanguage profile.locale",  # the latter is en_US unless somebody changed it
    },
    is_gone=says("errorCode", "E0000007"),
    deactivated={"status": ("DEPROVISIONED",)},  # the other states pass
)


RIGHTS = Rights(
    enough=frozenset({"okta.users.read"}),
    grant="In Okta's console grant okta.users.read to the service app (BLOG_DIRECTORY_CLIENT_ID), give it an admin role"
    " that may view users, and switch “Require DPoP header” off. A scope without a role gets 403.",
    ends="A token of Okta's (SSWS) ends after 30 days without use, or with the account of whoever made it, and has all"
    " the rights of that account. A service app has neither fault.",
)


class Okta:
    """An Okta organisation as a directory. Who was deactivated is there still, until they are deleted.

    :param issuer: whose people live there.
    :param url: the organisation's address.
    :param opener: gives the token.
    :param scheme: the word before it: ``Bearer`` or ``SSWS``.
    """

    def __init__(self, issuer: str, url: str, opener: Opener, scheme: str = "Bearer") -> None:
        self._issuer = issuer
        self._api = Api("Okta's user API", f"{url}/api/v1", opener, header=f"Authorization: {scheme}", more=OMIT)

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are; see `Directory`. Its search lags behind, so whom it leaves out is read by id."""
        return reading.ask(IDS.of(self._issuer, keys), self._read, self._search, size=SEARCH_SIZE)

    def _read(self, key: Key) -> Person:
        return SHAPE.one(self._api.get(f"/users/{key.id}"), key)

    def _search(self, keys: list[Key]) -> dict[Key, Person] | None:
        text = " or ".join(f'id eq "{key.id}"' for key in keys)
        return SHAPE.several(self._api.get("/users", [("search", text), ("limit", "200"), ("fields", FIELDS)]), keys)


def ids_of(_settings: Mapping[str, Any]) -> reading.Ids:
    """Say what ids look like there; the same whatever is set."""
    return IDS


def facts_of(_settings: Mapping[str, Any]) -> Facts:
    """Tell what is known of it; the same whatever is set."""
    return Facts(SHAPE, SEARCH_SIZE, RIGHTS)


def from_settings(settings: Mapping[str, Any], lent: Lent) -> Okta:
    """Make a directory of settings; see `open_directory`."""
    url = safe_address(settings, "DIRECTORY_URL", origin(settings["OIDC_ISSUER"])).rstrip("/")
    if not settings["DIRECTORY_TOKEN"]:
        _refuse_what_okta_refuses(settings)
    # The organisation's own server gives this token, whichever server people log in with; it wants its endpoint named.
    token = opener(settings, lent, token_url=f"{url}/oauth2/v1/token", scopes=("okta.users.read",), addressee="")
    return Okta(settings["OIDC_ISSUER"], url, token, "SSWS" if settings["DIRECTORY_TOKEN"] else "Bearer")


def _refuse_what_okta_refuses(settings: Mapping[str, Any]) -> None:
    if not settings["DIRECTORY_CLIENT_ID"]:
        raise BadSetting("DIRECTORY_CLIENT_ID", "is missing: Okta tells names to a service app, not to the login's")
    if auth_method(settings) != "private_key_jwt":
        raise BadSetting("DIRECTORY_AUTH_METHOD", "must be private_key_jwt: Okta takes no secret for this")
