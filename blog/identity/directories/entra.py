"""Names from Microsoft Graph, for Entra ID."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from blog.config import BadSetting, Setting, one_of
from blog.identity.directories import reading
from blog.identity.directories.api import Api
from blog.identity.directories.bearer import Opener
from blog.identity.directories.facts import Facts, Rights
from blog.identity.directories.settings import CLIENT, URL, Lent, auth_method, opener, origin, safe_address
from blog.identity.directories.shape import Shape, at, says
from blog.identity.http import Answer
from blog.identity.people import Key, Person

NAME = Setting(
    "DIRECTORY_NAME",
    "display",
    "Which name to show: `display`, the display name, or `parts`, given and family name put together, for "
    "organisations whose display names say more, such as “Okafor, Amina (News)”.",
    one_of("display", "parts"),
)
SETTINGS: tuple[Setting, ...] = (URL, *CLIENT, NAME)
IDS = reading.UUIDS

GRAPH = "https://graph.microsoft.com/v1.0"
BATCH_SIZE = 20
DISPLAY = Shape(
    names={"display": "displayName", "given": "givenName", "family": "surname"},
    is_gone=says("error.code", "Request_ResourceNotFound"),
)
PARTS = replace(  # and the display name for those who have no parts
    DISPLAY,
    names={"given": "givenName", "family": "surname", "language": "preferredLanguage", "nickname": "displayName"},
)
SELECT = "id,displayName,givenName,surname"


RIGHTS = Rights(
    enough=frozenset({"User.Read.All", "User.ReadBasic.All"}),
    places=("roles",),
    grant="In the app registration that asks add the application permission User.Read.All of Microsoft Graph, and grant"
    " admin consent.",
    id="Graph knows people by the claim oid alone: BLOG_OIDC_AUTHOR_CLAIM=oid, with the scope profile.",
    client_ends="A client secret of Entra ID ends on a day that only its app registration shows. Note it.",
)


class Entra:
    """A tenant as a directory: twenty reads travel in one call, and each is answered on its own.

    :param issuer: whose people live there.
    :param url: Graph, with its version.
    :param opener: gives the token.
    :param by_parts: show given and family name, rather than the display name.
    """

    def __init__(self, issuer: str, url: str, opener: Opener, *, by_parts: bool = False) -> None:
        self._issuer = issuer
        self._api = Api("Microsoft Graph", url, opener)
        self._shape = PARTS if by_parts else DISPLAY
        # The language is no part of what User.ReadBasic.All lets us read, so it is asked for only where it is of use.
        self._select = f"{SELECT},preferredLanguage" if by_parts else SELECT

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are; see `Directory`."""
        return reading.ask(IDS.of(self._issuer, keys), self._read, self._batch, size=BATCH_SIZE)

    def _path(self, key: Key) -> str:
        return f"/users/{key.id}?$select={self._select}"

    def _read(self, key: Key) -> Person:
        return self._shape.one(self._api.get(self._path(key)), key)

    def _batch(self, keys: list[Key]) -> dict[Key, Person] | None:
        reads = [{"id": str(place), "method": "GET", "url": self._path(key)} for place, key in enumerate(keys)]
        answer = self._api.post("/$batch", {"requests": reads})
        if answer.status != 200:
            raise answer.unusable("refuses several reads in one")
        inner = answer.object().get("responses")
        if not isinstance(inner, list):
            raise answer.unusable("answers several reads in a form we do not know")
        by_place = {str(at(each, "id")): _unpacked(answer, each) for each in inner}
        return {
            key: self._shape.one(by_place[str(place)], key) for place, key in enumerate(keys) if str(place) in by_place
        }


def _unpacked(outer: Answer, item: Any) -> Answer:
    """Make of one of the answers in an answer what it would have been alone."""
    status, headers = at(item, "status"), at(item, "headers")
    told = {str(name).title(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
    return Answer(outer.what, status if isinstance(status, int) else 0, told, json.dumps(at(item, "body")).encode())


def ids_of(_settings: Mapping[str, Any]) -> reading.Ids:
    """Say what ids look like there; the same whatever is set."""
    return IDS


def facts_of(_settings: Mapping[str, Any]) -> Facts:
    """Tell what is known of it; the same whatever is set."""
    return Facts(DISPLAY, BATCH_SIZE, RIGHTS)


def from_settings(settings: Mapping[str, Any], lent: Lent) -> Entra:
    """Make a directory of settings; see `open_directory`."""
    if settings["OIDC_AUTHOR_CLAIM"] == "sub":
        raise BadSetting("OIDC_AUTHOR_CLAIM", "must be oid for DIRECTORY=entra: Graph knows nobody by their sub")
    if auth_method(settings) == "private_key_jwt":
        wrong = "cannot be private_key_jwt: Entra ID wants a certificate's thumbprint in proofs, and ours have none"
        raise BadSetting("DIRECTORY_AUTH_METHOD", f"{wrong}; set DIRECTORY_CLIENT_ID and DIRECTORY_CLIENT_SECRET")
    url = safe_address(settings, "DIRECTORY_URL", GRAPH)
    token = opener(settings, lent, scopes=(f"{origin(url)}/.default",))
    return Entra(settings["OIDC_ISSUER"], url, token, by_parts=settings["DIRECTORY_NAME"] == "parts")
