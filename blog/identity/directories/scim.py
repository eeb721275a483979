"""Names from a provider's SCIM 2.0 user API (RFC 7643, RFC 7644)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from blog.config import Setting
from blog.errors import Unreachable
from blog.identity.directories import reading
from blog.identity.directories.api import Api
from blog.identity.directories.bearer import Opener
from blog.identity.directories.facts import Facts, Rights
from blog.identity.directories.settings import AUDIENCE, CLIENT, TOKEN, URL, Lent, opener, safe_address
from blog.identity.directories.shape import Shape
from blog.identity.http import Answer
from blog.identity.people import Key, Person

SETTINGS: tuple[Setting, ...] = (URL, *CLIENT, AUDIENCE, TOKEN)
IDS = reading.ANY

FILTER_SIZE = 20  # ids in one filter: servers refuse filters from 1,000 characters on
ATTRIBUTES = "displayName,name,nickName,locale,preferredLanguage,active"
ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


RIGHTS = Rights(
    id="A SCIM server knows people by the id that it gave them, which is often not the sub of a login. Let the provider"
    " put that id into the claim of BLOG_OIDC_AUTHOR_CLAIM (Canaille: USERINFO_MAPPING, whose sub is the user name).",
    several="A server that can filter says so at /ServiceProviderConfig.",
)


class Scim:
    """A SCIM 2.0 server as a directory: by filter where that is supported, else one read a person, some at a time.

    Two threads that start at once may both fetch the server's configuration; that costs a call and needs no lock,
    which a fork could leave held.

    :param issuer: whose people live there; keys of other issuers are not asked for.
    :param url: base address, what stands before ``/Users``.
    :param opener: gives the token that opens the API.
    """

    def __init__(self, issuer: str, url: str, opener: Opener) -> None:
        self._issuer = issuer
        self._api = Api("the SCIM API", url, opener, more={"Accept": "application/scim+json, application/json"})
        self._can_filter: bool | None = None

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are (see `Directory`); only a 404 about that very person says that somebody is gone."""
        return reading.ask(IDS.of(self._issuer, keys), self._read, self._filtered, size=FILTER_SIZE)

    def _supports_filter(self) -> bool:
        """Whether the server says so (RFC 7643 §5); asked once."""
        if self._can_filter is None:
            answer = self._api.get("/ServiceProviderConfig")
            if answer.status in {401, 429} or answer.status >= 500:
                raise answer.unusable("does not give its configuration")
            support = answer.object().get("filter") if answer.status == 200 else None
            self._can_filter = isinstance(support, dict) and support.get("supported") is True
        return self._can_filter

    def _filtered(self, keys: list[Key]) -> dict[Key, Person] | None:
        """Search for several people (RFC 7644 §3.4.2)."""
        if not self._supports_filter():
            return None
        text = " or ".join(f"id eq {json.dumps(key.id)}" for key in keys)
        answer = self._api.get("/Users", [("attributes", ATTRIBUTES), ("filter", text)])
        found = SHAPE.several(answer, keys)
        if found is None and answer.status < 500:  # invalidFilter, tooMany, too long: it will not do better next time
            self._can_filter = False
        return found

    def _read(self, key: Key) -> Person:
        """Read one person (RFC 7644 §3.4.1)."""
        return SHAPE.one(self._api.get(f"/Users/{quote(key.id, safe='')}", [("attributes", ATTRIBUTES)]), key)


def ids_of(_settings: Mapping[str, Any]) -> reading.Ids:
    """Say what ids look like there; the same whatever is set."""
    return IDS


def facts_of(_settings: Mapping[str, Any]) -> Facts:
    """Tell what is known of it; the same whatever is set."""
    return Facts(SHAPE, FILTER_SIZE, RIGHTS)


def from_settings(settings: Mapping[str, Any], lent: Lent) -> Scim:
    """Make a directory of settings; see `open_directory`."""
    return Scim(settings["OIDC_ISSUER"], safe_address(settings, "DIRECTORY_URL"), opener(settings, lent))


def _is_scim_error(answer: Answer) -> bool:
    """Whether a 404 is the API's own (RFC 7644 §3.12), not that of a wrong address or of a proxy."""
    try:
        error = answer.object()
    except Unreachable:
        return False
    schemas = error.get("schemas")
    return isinstance(schemas, list) and ERROR_SCHEMA in schemas and str(error.get("status")) == "404"


SHAPE = Shape(  # RFC 7643 §4.1
    names={
        "display": "displayName",
        "formatted": "name.formatted",
        "given": "name.givenName",
        "family": "name.familyName",
        "middle": "name.middleName",
        "nickname": "nickName",
        "language": "preferredLanguage locale",
    },
    is_gone=_is_scim_error,
    rows="Resources",
    deactivated={"active": (False,)},
)
