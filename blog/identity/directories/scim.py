"""Names from a provider's SCIM 2.0 user API (RFC 7643, RFC 7644)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from blog.config import BadSetting, Setting, address, is_loopback, words
from blog.errors import Unreachable
from blog.identity.directories.pool import Pool
from blog.identity.http import Answer, fetch
from blog.identity.people import Key, Person, display_name


def _address_or_nothing(text: str) -> str:
    return address(text) if text.strip() else ""


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DIRECTORY_URL",
        "",
        "The base address of the provider's SCIM 2.0 API: what stands before `/Users`.",
        _address_or_nothing,
        example="https://id.example.org/scim/v2",
    ),
    Setting(
        "DIRECTORY_TOKEN_URL",
        "",
        "Where the token for that API is fetched (client_credentials); the issuer's token endpoint if empty.",
        _address_or_nothing,
    ),
    Setting("DIRECTORY_CLIENT_ID", "", "The client that may read users; the one of the login if empty."),
    Setting("DIRECTORY_CLIENT_SECRET", "", "The secret that goes with it.", secret=True),
    Setting("DIRECTORY_SCOPES", (), "The scopes to ask for with that token, where the provider wants any.", words),
)

TIMEOUT = (1.0, 3.0)
DEADLINE_S = 5.0
FILTER_SIZE = 20  # ids in one filter: servers refuse filters from 1,000 characters on
THREADS = 4
ATTRIBUTES = "displayName,name,nickName,locale,preferredLanguage"
ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"
TOKEN_S = 300.0  # for so long a token is kept where the provider does not say
LONGEST_TOKEN_S = 24 * 60 * 60.0


class Scim:
    """A SCIM 2.0 server as a directory: by filter where that is supported, else one read a person, some at a time.

    Two threads that start at once may both fetch a token or the server's configuration; that costs a call and needs
    no lock, which a fork could leave held.

    :param issuer: whose people live there; keys of other issuers are not asked for.
    :param url: base address, what stands before ``/Users``.
    :param bearer: gives the token that opens the API.
    """

    def __init__(self, issuer: str, url: str, bearer: Bearer) -> None:
        self._issuer = issuer
        self._url = url.rstrip("/")
        self._bearer = bearer
        self._can_filter: bool | None = None

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are (see `Directory`); only a 404 about that very person says that somebody is gone."""
        asked = [key for key in keys if key.issuer == self._issuer and _has_an_address(key)]
        if not asked:
            return {}
        found = self._filtered(asked) if self._supports_filter() else {}
        # A filter may leave out people who are there, so whom it did not name is asked for by address.
        return found | self._read_all([key for key in asked if key not in found])

    def _supports_filter(self) -> bool:
        """Whether the server says so (RFC 7643 §5); asked once."""
        if self._can_filter is None:
            answer = self._get("/ServiceProviderConfig")
            if answer.status in {401, 429} or answer.status >= 500:
                raise answer.unusable("does not give its configuration")
            support = answer.object().get("filter") if answer.status == 200 else None
            self._can_filter = isinstance(support, dict) and support.get("supported") is True
        return self._can_filter

    def _filtered(self, keys: list[Key]) -> dict[Key, Person]:
        found: dict[Key, Person] = {}
        for chunk in _chunks(keys):
            answer = self._get("/Users", filter=" or ".join(f"id eq {json.dumps(key.id)}" for key in chunk))
            match answer.status:
                case 200:
                    found |= self._named(answer, chunk)
                case 401 | 403 | 429:
                    raise answer.unusable("refuses to search")
                case status if status < 500:  # invalidFilter, tooMany, too long: it will not do better next time
                    self._can_filter = False
                    break
                case _:
                    break
        return found

    def _named(self, answer: Answer, keys: list[Key]) -> dict[Key, Person]:
        """Pick those who were asked for from a list (RFC 7644 §3.4.2); who ignores filters lists everybody."""
        rows = answer.object().get("Resources", [])  # left out when nobody matches
        if not isinstance(rows, list):
            raise answer.unusable("lists nobody in a form we know")
        by_id = {key.id: key for key in keys}
        users = [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]
        return {key: _person(key, user) for user in users if (key := by_id.get(user["id"]))}

    def _read_all(self, keys: list[Key]) -> dict[Key, Person]:
        if len(keys) < 2:
            return {key: self._read(key) for key in keys}
        with Pool(min(THREADS, len(keys))) as pool:  # leaving it on a failure cancels the rest
            reads = [(key, pool.submit(partial(self._read, key))) for key in keys]
            return {key: read.result() for key, read in reads}

    def _read(self, key: Key) -> Person:
        """Read one person (RFC 7644 §3.4.1)."""
        answer = self._get(f"/Users/{quote(key.id, safe='')}")
        if answer.status == 404 and _is_scim_error(answer):
            return Person(key, None, gone=True)
        if answer.status != 200:
            raise answer.unusable("does not tell who somebody is")
        user = answer.object()
        if user.get("id") != key.id:
            raise answer.unusable("tells of somebody who was not asked for")
        return _person(key, user)

    def _get(self, path: str, **query: str) -> Answer:
        url = f"{self._url}{path}"
        if path.startswith("/Users"):
            url += "?" + urlencode({"attributes": ATTRIBUTES, **query}, quote_via=quote)
        token = self._bearer()
        answer = self._fetch(url, token)
        return self._fetch(url, self._bearer(refused=token)) if answer.status == 401 else answer

    def _fetch(self, url: str, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/scim+json, application/json"}
        return fetch("GET", url, what="the SCIM API", headers=headers, timeout=TIMEOUT, deadline_s=DEADLINE_S)


class Bearer:
    """A token of our own for the user API (RFC 6749 §4.4), fetched when needed and kept in memory until it ends.

    :param find_url: looks up the token endpoint; may raise Unreachable.
    :param clock: seconds that never run backwards.
    """

    def __init__(
        self,
        find_url: Callable[[], str],
        client_id: str,
        client_secret: str,
        scopes: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find_url = find_url
        # RFC 6749 §2.3.1: both are form-encoded before they go into the header.
        self._auth = (quote_plus(client_id), quote_plus(client_secret))
        self._data = {"grant_type": "client_credentials"} | ({"scope": " ".join(scopes)} if scopes else {})
        self._clock = clock
        self._token, self._ends = "", clock()

    def __call__(self, *, refused: str | None = None) -> str:
        """Give the token.

        :param refused: the API did not take this one: give another.
        :raises Unreachable: there is none to be had.
        """
        if self._token == refused or self._clock() >= self._ends:
            self._token, self._ends = self._request()
        return self._token

    def _request(self) -> tuple[str, float]:
        answer = fetch(
            "POST",
            self._find_url(),
            what="the token endpoint",
            auth=self._auth,
            data=self._data,
            timeout=TIMEOUT,
            deadline_s=DEADLINE_S,
        )
        told = answer.object() if answer.status == 200 else {}
        token, kind, lifetime_s = told.get("access_token"), told.get("token_type"), told.get("expires_in")
        if not isinstance(token, str) or not _is_token(token) or str(kind).lower() != "bearer":
            raise answer.unusable("gives no token for the user API")
        if not isinstance(lifetime_s, int | float):
            lifetime_s = TOKEN_S
        return token, self._clock() + 0.9 * min(LONGEST_TOKEN_S, lifetime_s)


def from_settings(settings: Mapping[str, Any], find_token_url: Callable[[], str] | None) -> Scim:
    """Make a directory of settings; see `open_directory`."""
    if not settings["DIRECTORY_URL"]:
        raise BadSetting("DIRECTORY_URL", "is missing, and DIRECTORY=scim needs it")
    for name in ("DIRECTORY_URL", "DIRECTORY_TOKEN_URL"):
        url = settings[name]
        if url.startswith("http:") and not is_loopback(url) and not settings["INSECURE_ISSUER_HTTP"]:
            raise BadSetting(name, "must be https; plain http is for localhost only")
    client_id, client_secret = _client(settings)
    bearer = Bearer(_token_url(settings, find_token_url), client_id, client_secret, settings["DIRECTORY_SCOPES"])
    return Scim(settings["OIDC_ISSUER"], settings["DIRECTORY_URL"], bearer)


def _client(settings: Mapping[str, Any]) -> tuple[str, str]:
    own = settings["DIRECTORY_CLIENT_ID"], settings["DIRECTORY_CLIENT_SECRET"]
    if any(own) and not all(own):
        missing = "DIRECTORY_CLIENT_SECRET" if own[0] else "DIRECTORY_CLIENT_ID"
        raise BadSetting(missing, "is missing: client id and secret go together")
    if not any(own) and not settings["OIDC_CLIENT_SECRET"]:
        raise BadSetting("DIRECTORY_CLIENT_ID", "is missing, and there is no OIDC_CLIENT_SECRET to use in its place")
    return own if all(own) else (settings["OIDC_CLIENT_ID"], settings["OIDC_CLIENT_SECRET"])


def _token_url(settings: Mapping[str, Any], find_token_url: Callable[[], str] | None) -> Callable[[], str]:
    if known := settings["DIRECTORY_TOKEN_URL"] or settings["OIDC_TOKEN_URI"]:
        return lambda: known
    if find_token_url is None:
        raise BadSetting("DIRECTORY_TOKEN_URL", "is missing, and nobody looks up the issuer's")
    return find_token_url


def _person(key: Key, user: Mapping[str, Any]) -> Person:
    """Make a person of a SCIM user (RFC 7643 §4.1); who was deactivated keeps the name."""
    name = user.get("name")
    parts = name if isinstance(name, dict) else {}
    shown = display_name(
        display=user.get("displayName"),
        formatted=parts.get("formatted"),
        given=parts.get("givenName"),
        family=parts.get("familyName"),
        middle=parts.get("middleName"),
        nickname=user.get("nickName"),
        language=user.get("preferredLanguage") or user.get("locale"),
    )
    return Person(key, shown)


def _is_scim_error(answer: Answer) -> bool:
    """Whether a 404 is the API's own (RFC 7644 §3.12), not that of a wrong address or of a proxy."""
    try:
        error = answer.object()
    except Unreachable:
        return False
    schemas = error.get("schemas")
    return isinstance(schemas, list) and ERROR_SCHEMA in schemas and str(error.get("status")) == "404"


def _has_an_address(key: Key) -> bool:
    return bool(key.id.strip("."))  # "." and ".." would be walked, not read


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and bool(text) and " " not in text  # else it breaks the header


def _chunks(keys: list[Key]) -> Iterator[list[Key]]:
    return (keys[start : start + FILTER_SIZE] for start in range(0, len(keys), FILTER_SIZE))
