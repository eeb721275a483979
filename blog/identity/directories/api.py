"""One user API over HTTP: its address, the token that opens it, and the limits that every call keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from blog.identity.directories.bearer import DEADLINE_S, TIMEOUT, Opener
from blog.identity.http import Answer, fetch

Query = Iterable[tuple[str, str]]


def limited(answer: Answer, wait_s: int) -> Answer:
    """Put an answer by which an API says in its own way that a limit was reached as HTTP says it (RFC 6585, 4).

    :param wait_s: for so long nobody is asked, where the answer does not say.
    """
    return replace(answer, status=429, headers={"Retry-After": answer.headers.get("Retry-After", str(wait_s))})


class Api:
    """Calls with a token; one that is refused is replaced once, where there is another.

    :param what: names the API in errors, as in "the SCIM API".
    :param url: what stands before every path.
    :param opener: gives the token.
    :param more: further headers.
    :param header: the header the token stands in, and the word before it: ``Authorization: Bearer``.
    """

    def __init__(
        self,
        what: str,
        url: str,
        opener: Opener,
        *,
        header: str = "Authorization: Bearer",
        more: Mapping[str, str] | None = None,
    ) -> None:
        self._what = what
        self._url = url.rstrip("/")
        self._opener = opener
        self._header, _, scheme = (part.strip() for part in header.partition(":"))
        self._scheme = f"{scheme} " if scheme else ""
        self._more = more or {}

    def open(self) -> None:
        """Get the token, before several threads that need it would each fetch one; may raise Unreachable."""
        self._opener()

    def get(self, path: str, query: Query = ()) -> Answer:
        """Read.

        :param path: quoted, and beginning with a slash.
        :param query: names and values as they are.
        :return: the answer, whatever its status.
        :raises Unreachable: there was none.
        """
        pairs = list(query)
        return self._call("GET", path + (f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""))

    def post(self, path: str, body: Any) -> Answer:
        """Ask with a body of JSON; otherwise as `get`."""
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: Any = None) -> Answer:
        token = self._opener()
        answer = self._fetch(method, path, body, token)
        if answer.status != 401 or (other := self._opener(refused=token)) == token:
            return answer
        return self._fetch(method, path, body, other)

    def _fetch(self, method: str, path: str, body: Any, token: str) -> Answer:
        headers = {**self._more} | ({self._header: self._scheme + token} if token else {})
        return fetch(
            method,
            self._url + path,
            what=self._what,
            headers=headers,
            json=body,
            timeout=TIMEOUT,
            deadline_s=DEADLINE_S,
        )
