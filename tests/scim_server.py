"""A SCIM 2.0 server over real HTTP, which lets in whoever has a token of its provider, and misbehaves on request.

    with serve(server := ScimServer()) as url:
        server.introspect = …

Knobs::

    server.people["7f3c"] = "Ada"    who lives here; None for somebody without a name
    server.most = 10                 as many people it lists in one answer, whoever asks for how many
    server.broken = 503              this status is its answer to everything; None when it is well
    server.asked                     the requests for people so far, as method and path with query
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from werkzeug.wrappers import Request, Response

API = "urn:ietf:params:scim:api:messages:2.0:"
CONFIGURATION = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "patch": {"supported": False},
    "bulk": {"supported": False},
    "filter": {"supported": True, "maxResults": 200},
    "sort": {"supported": False},
    "etag": {"supported": False},
    "authenticationSchemes": [{"type": "oauthbearertoken", "name": "OAuth Bearer Token", "description": "RFC 6750"}],
}
ONE = re.compile(r'id eq "((?:[^"\\]|\\.)*)"')
FILTER = re.compile(rf"{ONE.pattern}(?: or {ONE.pattern})*")


class ScimServer:
    """The server, as a WSGI application."""

    def __init__(self) -> None:
        self.people: dict[str, str | None] = {}
        self.most = 200
        self.broken: int | None = None
        self.asked: list[str] = []
        self.introspect: Callable[[str], bool] = lambda _token: False
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path.startswith("/Users"):
            with self._lock:
                self.asked.append(f"{request.method} {unquote(request.full_path)}")
        if self.broken:
            return Response("<!doctype html><title>Away</title>", self.broken, content_type="text/html")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not self.introspect(token):
            return _error(401, "Who are you?")
        return self._read(request) if request.method == "GET" else _error(405, "This server is for reading.")

    def _read(self, request: Request) -> Response:
        if request.path == "/ServiceProviderConfig":
            return _json(200, CONFIGURATION)
        if request.path == "/Users":
            return self._list(request)
        author_id = request.path.removeprefix("/Users/")
        if author_id in self.people:
            return _json(200, self._row(author_id))
        return _error(404, f"Resource {author_id} not found")

    def _list(self, request: Request) -> Response:
        """Search (RFC 7644, 3.4.2); nothing but ids can be searched for."""
        text = request.args.get("filter", "")
        if not FILTER.fullmatch(text):
            return _error(400, "That filter is beyond this server.", scimType="invalidFilter")
        wanted = [json.loads(f'"{found}"') for found in ONE.findall(text)]
        rows = [self._row(author_id) for author_id in wanted if author_id in self.people]
        page = rows[: self.most]
        found = {"schemas": [f"{API}ListResponse"], "totalResults": len(rows), "startIndex": 1}
        return _json(200, {**found, "itemsPerPage": len(page), **({"Resources": page} if page else {})})

    def _row(self, author_id: str) -> dict[str, Any]:
        name = self.people[author_id]
        told = {"displayName": name} if name else {}
        return {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": author_id, **told}


def _error(status: int, detail: str, **more: str) -> Response:
    return _json(status, {"schemas": [f"{API}Error"], "status": str(status), "detail": detail, **more})


def _json(status: int, body: Any) -> Response:
    return Response(json.dumps(body), status, content_type="application/scim+json")
