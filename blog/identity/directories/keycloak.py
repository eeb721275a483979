"""Names from Keycloak's Admin REST API."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from blog.config import Setting
from blog.identity.directories import reading
from blog.identity.directories.api import Api
from blog.identity.directories.bearer import Opener
from blog.identity.directories.facts import Facts, Rights
from blog.identity.directories.settings import CLIENT, URL, Lent, opener, safe_address
from blog.identity.directories.shape import Shape, says
from blog.identity.people import Key, Person

SETTINGS: tuple[Setting, ...] = (URL, *CLIENT)
IDS = reading.Ids(reading.ANY.form, reading.UUIDS.invent)  # those of federated people are no UUIDs

SEARCH_SIZE = 50
SHAPE = Shape(
    names={
        "display": "attributes.displayName.0",  # where the realm has such an attribute
        "given": "firstName",
        "family": "lastName",
        "language": "attributes.locale.0",
    },
    is_gone=says("error", "User not found"),  # an unknown realm is a 404, too
    deactivated={"enabled": (False,)},
)


RIGHTS = Rights(
    enough=frozenset({"view-users", "query-users", "query-groups"}),  # the first brings the others along
    places=("resource_access.realm-management.roles",),
    grant="In Keycloak's console switch on service account roles for the client that asks, and assign it view-users of"
    " realm-management.",
    id="Keycloak knows people by the sub of a login, unless a pairwise mapper changes that one.",
    several="Keycloak before 26.2 cannot be asked for several people at once.",
)


class Keycloak:
    """A realm as a directory. It calls people disabled while they are locked, too, which anybody can bring about.

    :param issuer: whose people live there.
    :param url: the realm's address in the Admin REST API.
    :param opener: gives the token.
    """

    def __init__(self, issuer: str, url: str, opener: Opener) -> None:
        self._issuer = issuer
        self._api = Api("Keycloak's user API", url, opener)
        self._searches = True

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are; see `Directory`."""
        listed: set[Key] = set()

        def search(chunk: list[Key]) -> dict[Key, Person] | None:
            told = self._search(chunk)
            listed.update(told or ())
            return told

        found = reading.ask(
            IDS.of(self._issuer, keys), self._read, search if self._searches else None, size=SEARCH_SIZE
        )
        there = [key for key, person in found.items() if not person.gone and _can_be_searched(key)]
        if len(there) > 1 and not listed:  # a server before 26.2 takes several ids for one, and lists nobody
            self._searches = False
        return found

    def _read(self, key: Key) -> Person:
        return SHAPE.one(self._api.get(f"/users/{quote(key.id, safe='')}"), key)

    def _search(self, keys: list[Key]) -> dict[Key, Person] | None:
        asked = [key for key in keys if _can_be_searched(key)]
        if len(asked) < 2:
            return {}
        # The brief form would leave out what says in which order the parts of a name stand.
        query = [("search", "id:" + " ".join(key.id for key in asked)), ("briefRepresentation", "false")]
        return SHAPE.several(self._api.get("/users", query), asked)


def _can_be_searched(key: Key) -> bool:
    return bool(reading.UUIDS.form.fullmatch(key.id))  # others may hold spaces, which stand between ids


def ids_of(_settings: Mapping[str, Any]) -> reading.Ids:
    """Say what ids look like there; the same whatever is set."""
    return IDS


def facts_of(_settings: Mapping[str, Any]) -> Facts:
    """Tell what is known of it; the same whatever is set."""
    return Facts(SHAPE, SEARCH_SIZE, RIGHTS)


def from_settings(settings: Mapping[str, Any], lent: Lent) -> Keycloak:
    """Make a directory of settings; see `open_directory`."""
    server, realms, realm = settings["OIDC_ISSUER"].rpartition("/realms/")
    url = safe_address(settings, "DIRECTORY_URL", f"{server}/admin/realms/{realm}" if realms else "")
    return Keycloak(settings["OIDC_ISSUER"], url, opener(settings, lent))
