"""A SCIM server behind `responses` that answers as recorded, and misbehaves on request."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import responses

from blog.identity.directories.bearer import Bearer, Credentials
from blog.identity.directories.scim import Scim
from blog.identity.people import Key

ISSUER = "https://id.example"
URL = "https://id.example/scim/v2"
TOKEN_URL = "https://id.example/oauth/token"

Reply = tuple[int, dict[str, str], str]


ANSWERS = Path(__file__).parent / "answers"


def is_recorded(name: str) -> bool:
    """Whether a provider ever answered so."""
    return (ANSWERS / f"{name}.json").exists()


def recorded(name: str) -> dict[str, Any]:
    """Give what a provider once answered: status, headers, body. `name` is ``<provider>/<case>``."""
    return json.loads((ANSWERS / f"{name}.json").read_text("utf-8"))["response"]


def replay(name: str) -> Reply:
    """Give a recorded answer as it went over the wire."""
    answer = recorded(name)
    body = answer["body"] or ""
    body = body if isinstance(body, str) else json.dumps(body)
    return answer["status"], answer["headers"], body


def user(author_id: str, name: str | None = None, **more: Any) -> dict[str, Any]:
    """Make a SCIM user as a server keeps it."""
    named = {"displayName": name} if name else {}
    return {"id": author_id, "userName": f"login-{author_id}", **named, **more}


def key(author_id: str) -> Key:
    """Make the key of somebody who lives here."""
    return Key(ISSUER, author_id)


class FakeScim:
    """The server; use it with ``with``.

    :ivar users: who lives here, by id.
    :ivar filters: it says that it supports filters.
    :ivar ignores_filters: it lists everybody, whatever the filter.
    :ivar broken: path → an answer in place of the right one; ``*`` for every path but the token endpoint's.
    :ivar calls: paths asked for, decoded, without query; filters stand in `searches`.
    :ivar valid_tokens: tokens it takes; it issues ``token-1``, ``token-2`` and so on.
    """

    def __init__(self, *users: dict[str, Any], filters: bool = False) -> None:
        self.users = {user["id"]: user for user in users}
        self.filters = filters
        self.ignores_filters = False
        self.broken: dict[str, Reply | Exception] = {}
        self.calls: list[str] = []
        self.searches: list[str] = []
        self.queries: list[dict[str, list[str]]] = []
        self.token_requests: list[Any] = []
        self.token_lifetime: Any = 3600
        self.valid_tokens: set[str] = set()
        self._web = responses.RequestsMock(assert_all_requests_are_fired=False)

    def directory(self, **settings: Any) -> Scim:
        """Open it as the blog does."""
        bearer = Bearer(lambda: TOKEN_URL, Credentials("blog", "s3cret:&"), **settings)
        return Scim(ISSUER, URL, bearer)

    def reads(self) -> int:
        """How many calls were made for people."""
        return sum(path.startswith("/Users") for path in self.calls)

    def __enter__(self) -> Self:
        self._web.start()
        self._web.add_callback(responses.POST, TOKEN_URL, self._issue)
        self._web.add_callback(responses.GET, re.compile(re.escape(URL) + "/.*"), self._serve)
        return self

    def __exit__(self, *_: object) -> None:
        self._web.stop()
        self._web.reset()

    def _issue(self, request: Any) -> Reply:
        self.token_requests.append(request)
        if broken := self.broken.get("token"):
            return self._break(broken)
        token = f"token-{len(self.token_requests)}"
        self.valid_tokens.add(token)
        return _json(200, {"access_token": token, "token_type": "Bearer", "expires_in": self.token_lifetime})

    def _serve(self, request: Any) -> Reply:
        parts = urlsplit(request.url)
        raw = parts.path.removeprefix("/scim/v2")
        path = unquote(raw)
        self.calls.append(path)
        self.queries.append(parse_qs(parts.query))
        if broken := self.broken.get(path, self.broken.get("*")):
            return self._break(broken)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.valid_tokens:
            return replay("canaille/unauthorized")
        if path == "/ServiceProviderConfig":
            return replay("scim/token" if self.filters else "canaille/service_provider_config")
        if path == "/Users":
            return self._search(parse_qs(parts.query).get("filter", [""])[0])
        found = self.users.get(unquote(raw.removeprefix("/Users/")))
        return _json(200, found) if found else replay("canaille/not_found")

    def _search(self, text: str) -> Reply:
        self.searches.append(text)
        asked = [json.loads(value) for value in re.findall(r'id eq ("(?:[^"\\]|\\.)*")', text)]
        rows = [row for author_id, row in self.users.items() if self.ignores_filters or author_id in asked]
        return _json(200, {"totalResults": len(rows), "Resources": rows}) if rows else replay("scim/batch_empty")

    @staticmethod
    def _break(broken: Reply | Exception) -> Reply:
        if isinstance(broken, Exception):
            raise broken
        return broken


def _json(status: int, body: Any) -> Reply:
    return status, {"Content-Type": "application/scim+json"}, json.dumps(body)
