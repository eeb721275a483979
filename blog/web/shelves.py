"""Answers that are kept: in the encodings that somebody asked for, with an ETag each, on shelves that hold so much."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Any, NamedTuple

from werkzeug.http import parse_date

from blog.web import encodings
from blog.web.keeping import Page

LARGEST_SHARE = 4  # of a shelf, so that a long sitemap pushes no pages out
LEAST_COMPRESSED = 500  # bytes

Headers = list[tuple[str, str]]


def matches(known: str, etag: str) -> bool:
    """Whether If-None-Match names this ETag, by the weak comparison (RFC 9110, 8.8.3.2 and 13.1.2).

    :param known: the header: a list of ETags, or ``*``.
    """
    return known.strip() == "*" or etag in (each.strip().removeprefix("W/") for each in known.split(","))


class Form(NamedTuple):
    """A page in one encoding, ready to be sent."""

    etag: str
    headers: Headers
    not_modified: Headers
    body: bytes


class Kept:
    """An answer that is kept: what Flask said, and its forms in encodings that somebody asked for."""

    def __init__(self, headers: Headers, body: bytes, page: Page) -> None:
        self._headers = [pair for pair in headers if pair[0].lower() not in _MADE_ANEW]
        self.modified = next((parse_date(value) for name, value in headers if name.lower() == "last-modified"), None)
        self._vary = ", ".join([*(value for name, value in headers if name.lower() == "vary"), "Accept-Encoding"])
        self._body = body
        self._hash = hashlib.sha256(repr(self._headers).encode() + body).hexdigest()[:32]
        self.page = page
        self.forms: dict[str, Form] = {}
        self.size = 0  # as its shelf counts it
        self.renew_at = 0.0

    def bytes(self) -> int:
        """Tell how much is kept of it."""
        return len(self._body) + sum(
            len(form.body) for form in list(self.forms.values()) if form.body is not self._body
        )

    def add(self, encoding: str) -> Form:
        """Make the form in this encoding; who asks together with others gets the same one."""
        body = self._body
        if encoding != encodings.IDENTITY and len(body) >= LEAST_COMPRESSED:
            body = encodings.COMPRESS[encoding](body)
        else:
            encoding = encodings.IDENTITY
        etag = f'"{self._hash}"' if encoding == encodings.IDENTITY else f'"{self._hash}-{encoding}"'
        told = [("Vary", self._vary), ("ETag", etag)]
        coded = [] if encoding == encodings.IDENTITY else [("Content-Encoding", encoding)]
        headers = [*self._headers, *told, *coded, ("Content-Length", str(len(body)))]
        for_caches = [pair for pair in self._headers if pair[0].lower() in _FOR_CACHES]
        return self.forms.setdefault(encoding, Form(etag, headers, [*for_caches, *told], body))


_MADE_ANEW = {"vary", "etag", "content-length", "content-encoding"}
_FOR_CACHES = {"cache-control", "x-accel-expires"}  # what 304 says beside ETag and Vary (RFC 9110, 15.4.5)


class Shelf:
    """Answers by address, up to so many bytes; what was not asked for longest goes first."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: OrderedDict[Any, Kept] = OrderedDict()
        self._lock = threading.Lock()
        self.used = 0

    def get(self, key: Any) -> Kept | None:
        """Find an answer, and count it as asked for."""
        kept = self._kept.get(key)
        if kept is not None:
            try:  # noqa: SIM105  (at each request, and `suppress` takes four times as long)
                self._kept.move_to_end(key)
            except KeyError:  # it had to go just now
                pass
        return kept

    def put(self, key: Any, kept: Kept) -> None:
        """Keep an answer in the place of the one before; one that would take a quarter of the room is not kept."""
        with self._lock:
            self._take(key)
            if kept.bytes() <= self._room // LARGEST_SHARE:
                self._kept[key] = kept
                self._count(kept)

    def count(self, key: Any, kept: Kept) -> None:
        """Count an answer anew of which another form was made."""
        with self._lock:
            if self._kept.get(key) is kept:
                self._count(kept)

    def _count(self, kept: Kept) -> None:
        before, kept.size = kept.size, kept.bytes()
        self.used += kept.size - before
        while self.used > self._room:
            self._take(next(iter(self._kept)))

    def _take(self, key: Any) -> None:
        if old := self._kept.pop(key, None):
            self.used -= old.size
