"""Names from Auth0's Management API."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from blog.config import Setting
from blog.identity.directories import reading
from blog.identity.directories.api import Api
from blog.identity.directories.bearer import Opener
from blog.identity.directories.facts import Facts, Rights
from blog.identity.directories.settings import AUDIENCE, CLIENT, URL, Lent, opener, origin, safe_address
from blog.identity.directories.shape import Shape, says
from blog.identity.people import Key, Person

SETTINGS: tuple[Setting, ...] = (URL, *CLIENT, AUDIENCE)
IDS = reading.Ids(re.compile(r"[^|]+\|.+"), lambda: f"auth0|{secrets.token_hex(12)}")

SEARCH_SIZE = 25
FIELDS = [("fields", "user_id,name,given_name,family_name,nickname,username,blocked"), ("include_fields", "true")]
SHAPE = Shape(
    names={"display": "name", "given": "given_name", "family": "family_name"},
    is_gone=says("errorCode", "inexistent_user"),
    id="user_id",
    deactivated={"blocked": (True,)},  # by an administrator
    logins="nickname username",  # Auth0 makes the nickname of the e-mail address, and sometimes the name of that
)


RIGHTS = Rights(
    enough=frozenset({"read:users"}),
    grant="In Auth0's dashboard authorize the application that asks for the Management API, with read:users only.",
    id="Auth0 knows people by the sub of their primary account; a linked one's sub finds nobody.",
)


class Auth0:
    """A tenant as a directory.

    :param issuer: whose people live there.
    :param url: the tenant's own address.
    :param opener: gives the token.
    """

    def __init__(self, issuer: str, url: str, opener: Opener) -> None:
        self._issuer = issuer
        self._api = Api("Auth0's user API", f"{url}/api/v2", opener)

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are; see `Directory`. Its search lags behind, so whom it leaves out is read by id."""
        return reading.ask(IDS.of(self._issuer, keys), self._read, self._search, size=SEARCH_SIZE)

    def _read(self, key: Key) -> Person:
        return SHAPE.one(self._api.get(f"/users/{quote(key.id, safe='')}", FIELDS), key)

    def _search(self, keys: list[Key]) -> dict[Key, Person] | None:
        text = f"user_id:({' OR '.join(map(_quoted, keys))})"
        answer = self._api.get("/users", [("q", text), ("search_engine", "v3"), ("per_page", "50"), *FIELDS])
        if answer.status >= 500:  # a search that takes too long: reading one by one would be more of a burden
            raise answer.unusable("does not search")
        return SHAPE.several(answer, keys)


def _quoted(key: Key) -> str:
    escaped = re.sub(r'(["\\])', r"\\\1", key.id)
    return f'"{escaped}"'


def ids_of(_settings: Mapping[str, Any]) -> reading.Ids:
    """Say what ids look like there; the same whatever is set."""
    return IDS


def facts_of(_settings: Mapping[str, Any]) -> Facts:
    """Tell what is known of it; the same whatever is set."""
    return Facts(SHAPE, SEARCH_SIZE, RIGHTS)


def from_settings(settings: Mapping[str, Any], lent: Lent) -> Auth0:
    """Make a directory of settings; see `open_directory`."""
    url = origin(safe_address(settings, "DIRECTORY_URL", settings["OIDC_ISSUER"]))
    token = opener(settings, lent, token_url=f"{url}/oauth/token", audience=f"{url}/api/v2/")
    return Auth0(settings["OIDC_ISSUER"], url, token)
