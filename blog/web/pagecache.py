"""The page cache: whole answers to people without a session, kept before Flask is asked, until something changes."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import Connection
from werkzeug.http import parse_date

from blog.forks import begin_anew
from blog.web import encodings
from blog.web.changes import Mark, Watch
from blog.web.keeping import IN_ENVIRON, Page
from blog.web.shelves import Form, Headers, Kept, Shelf, matches

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=60)  # so long is a page shown whose names went stale, while it is made anew
RENEW_AGAIN_S = 1.0  # so long after a page was made anew in vain it is tried again
WAIT_S = 10.0  # so long does a reader wait for the one who makes the page, before they make it themselves
AWAY_S = 60.0  # so long are pages shown while nobody can say whether they changed
ASK_AGAIN_S = 1.0  # a database that is away
KEPT = "public, no-cache"  # what `headers.keep_public` says
MEANT = frozenset({"before", "after", "comments"})  # names in a query that pages look at
MEANINGLESS = ("utm_", "fbclid", "gclid", "msclkid", "mc_cid", "mc_eid", "mtm_", "pk_", "ref_src")
"""Beginnings of names that others put behind addresses to follow people around; no page of ours looks at them."""
QUERIES_SHARE = 4  # a quarter is for addresses with a query, of which anybody can invent any number
REMEMBERED = 1_000  # headers of each kind; browsers send some dozens

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(slots=True)
class Edition:
    """Everything that is kept for as long as nothing changes; what belongs to an old one is found by nobody.

    :param mark: of the reading that it was begun with, or found unchanged by.
    :param names: the generation of names that it shows.
    :param due: when the next post falls due.
    """

    version: int
    mark: Mark | None
    names: object
    due: datetime | None
    plain: Shelf
    queries: Shelf
    flights: dict[Any, threading.Event] = field(default_factory=dict)


class Asked(NamedTuple):
    """What somebody asked for, as far as an answer may depend on it."""

    path: str
    query: str
    language: str


class Site(NamedTuple):
    """What the cache has to know of the site.

    :param watch: tells of changes.
    :param next_due: tells when the next post falls due.
    :param names: gives what is another object as soon as a name changes.
    :param seen: notes that somebody got a post.
    :param now: tells the moment (aware UTC).
    """

    watch: Watch
    next_due: Callable[[datetime, Connection], datetime | None]
    names: Callable[[], object]
    seen: Callable[[int, Environ], None]
    now: Callable[[], datetime]


class Rules(NamedTuple):
    """Which requests the cache answers.

    :param cookie: whoever brings this one is not answered.
    :param is_ours: judges a Host header.
    :param language: chooses one by an Accept-Language header.
    :param closed: first parts of paths under which nothing is for everybody.
    """

    cookie: str
    is_ours: Callable[[str], bool]
    language: Callable[[str], str]
    closed: frozenset[str]


class PageCache:
    """A WSGI application before another one: it answers from memory what it may, and asks the other for all else.

    :param room: bytes that kept answers may take.
    """

    def __init__(self, app: Application, site: Site, rules: Rules, *, room: int) -> None:
        self._app, self._site, self._rules, self._room = app, site, rules, room
        self._is_ours = _remembering(rules.is_ours)
        self._language = _remembering(rules.language)
        self._encoding = _remembering(encodings.best)
        self._start()
        begin_anew(self, PageCache._start_anew, before=PageCache._let_go)

    def _start(self) -> None:
        # After a fork too: locks may be held by a thread that is no more, and a connection is for one process alone.
        self._edition: Edition | None = None
        self._renewing = threading.Lock()
        self._boarding = threading.Lock()
        self._known_at = 0.0  # when it was last known that nothing had changed
        self._ask_at = 0.0

    def _start_anew(self) -> None:
        self._site.watch.start_anew()
        self._start()

    def _let_go(self) -> None:
        """Before a fork: end the connection, unless it is in use; SQLite's files are safe where none goes along."""
        if self._renewing.acquire(blocking=False):
            self._site.watch.close()
            self._renewing.release()

    def close(self) -> None:
        """Let go of everything that is kept, and of the connection; the next request begins anew."""
        with self._renewing:
            self._edition = None
            self._site.watch.close()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            asked = self._asked(environ)
            edition = self._edition_now() if asked else None
        except Exception:  # whatever it is, the blog goes on without us
            log.exception("the page cache could not judge a request")
            asked = edition = None
        if asked is None or edition is None:
            return self._app(environ, start_response)
        shelf = edition.queries if asked.query else edition.plain
        kept = shelf.get(asked)
        if kept is not None and self._may_show(kept, shelf, asked, environ):
            return self._send(kept, shelf, asked, environ, start_response)
        made = self._one_makes(edition, shelf, asked, environ, start_response)
        return self._send(made, shelf, asked, environ, start_response) if isinstance(made, Kept) else made

    # -- what is asked for

    def _asked(self, environ: Environ) -> Asked | None:
        get = environ.get
        if environ["REQUEST_METHOD"] not in _READ or self._rules.cookie in get("HTTP_COOKIE", ""):
            return None
        if "HTTP_AUTHORIZATION" in environ or not self._is_ours(get("HTTP_HOST", "")):
            return None
        path = environ["PATH_INFO"]
        if path[1:].partition("/")[0] in self._rules.closed:
            return None
        query = environ["QUERY_STRING"]
        if query and (query := meant(query)) is None:
            return None
        return Asked(path, query, self._language(get("HTTP_ACCEPT_LANGUAGE", "")))

    # -- what is kept

    def _edition_now(self) -> Edition | None:
        """Give the edition that shows the site as it is; None when nobody can tell."""
        edition = self._edition
        if edition is not None and self._is_current(edition):
            self._known_at = time.monotonic()
            return edition
        if time.monotonic() < self._ask_at:
            return self._last_edition()
        if not self._renewing.acquire(timeout=WAIT_S):
            return None
        try:
            if self._edition is None or not self._is_current(self._edition):
                self._renew(self._edition)
            return self._edition
        except Exception as error:  # noqa: BLE001  (drivers raise many things)
            log.warning("nobody can tell the page cache what changed: %s", type(error).__name__)
            self._ask_at = time.monotonic() + ASK_AGAIN_S
            return self._last_edition()
        finally:
            self._renewing.release()

    def _is_current(self, edition: Edition) -> bool:
        return (
            self._site.watch.holds(edition.mark)
            and edition.names is self._site.names()
            and (edition.due is None or self._site.now() < edition.due)
        )

    def _renew(self, edition: Edition | None) -> None:
        now = self._site.now()
        version, due, mark = self._site.watch.read(lambda connection: self._site.next_due(now, connection))
        self._known_at = time.monotonic()
        names = self._site.names()
        if edition and (edition.version, edition.due) == (version, due) and edition.names is names:
            edition.mark = mark
        else:
            plain, queries = Shelf(self._room - self._room // QUERIES_SHARE), Shelf(self._room // QUERIES_SHARE)
            self._edition = Edition(version, mark, names, due, plain, queries)

    def _last_edition(self) -> Edition | None:
        """While the database is away, pages go on for a while; a post that was taken back may be shown so long."""
        return self._edition if time.monotonic() < self._known_at + AWAY_S else None

    def _may_show(self, kept: Kept, shelf: Shelf, asked: Asked, environ: Environ) -> bool:
        """Say whether a page is good now; one whose names went stale just now is, while it is made anew."""
        page, now = kept.page, self._site.now()
        if page.is_over(now) or page.is_stale(now - GRACE):
            return False
        if page.is_stale(now):
            self._renew_beside(kept, shelf, asked, environ)
        return True

    # -- making pages

    def _one_makes(
        self, edition: Edition, shelf: Shelf, asked: Asked, environ: Environ, start_response: StartResponse
    ) -> Kept | Iterable[bytes]:
        """Make a page, or wait for whoever is making it; who waited in vain makes it for themself."""
        with self._boarding:
            landed = edition.flights.get(asked)
            if leads := landed is None:
                landed = edition.flights[asked] = threading.Event()
        try:
            if not leads:
                landed.wait(WAIT_S)
            kept = shelf.get(asked)  # who leads may come just after the one before
            if kept is not None and self._may_show(kept, shelf, asked, environ):
                return kept
            return self._make(shelf, asked, environ, start_response)
        finally:
            if leads:
                with self._boarding:
                    edition.flights.pop(asked, None)
                landed.set()

    def _make(
        self, shelf: Shelf, asked: Asked, environ: Environ, start_response: StartResponse
    ) -> Kept | Iterable[bytes]:
        """Ask for a page; keep it if it says that it is for everybody, else pass it on as it comes."""
        page, said = Page(), _Said()
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        body = self._app({**_unconditional(environ), "REQUEST_METHOD": "GET", IN_ENVIRON: page}, said)
        if not said.is_for_everybody():
            start_response(said.status, said.headers, *said.more)
            if page.post_id is not None:
                self._site.seen(page.post_id, environ)
            return _closed(body) if is_head else body
        kept = Kept(said.headers, _whole(body), page)
        if not page.is_stale(now := self._site.now()) and not page.is_over(now):
            shelf.put(asked, kept)
        return kept

    def _renew_beside(self, kept: Kept, shelf: Shelf, asked: Asked, environ: Environ) -> None:
        with self._boarding:
            if time.monotonic() < kept.renew_at:
                return
            kept.renew_at = time.monotonic() + WAIT_S
        alone = {**environ, "REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO()}
        threading.Thread(target=self._renew_page, args=(kept, shelf, asked, alone), daemon=True).start()

    def _renew_page(self, kept: Kept, shelf: Shelf, asked: Asked, environ: Environ) -> None:
        try:
            made = self._make(shelf, asked, environ, _Said())
            if not isinstance(made, Kept):
                _closed(made)
        except Exception:
            log.exception("a page could not be made anew")
        finally:
            kept.renew_at = time.monotonic() + RENEW_AGAIN_S

    # -- sending pages

    def _send(
        self, kept: Kept, shelf: Shelf, asked: Asked, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        encoding = self._encoding(environ.get("HTTP_ACCEPT_ENCODING", ""))
        form = kept.forms.get(encoding)
        if form is None:
            form = kept.add(encoding)
            shelf.count(asked, kept)
        if kept.page.post_id is not None:
            self._site.seen(kept.page.post_id, environ)
        if self._has_already(kept, form, environ):
            start_response("304 NOT MODIFIED", form.not_modified.copy())
            return []
        start_response("200 OK", form.headers.copy())
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [form.body]

    def _has_already(self, kept: Kept, form: Form, environ: Environ) -> bool:
        known, since = environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_IF_MODIFIED_SINCE")
        if known is not None:
            return known == form.etag or matches(known, form.etag)
        if since is None or kept.modified is None or (asked := parse_date(since)) is None:
            return False
        # for no more than a minute: see web/validators.py
        return asked >= max(kept.modified, self._site.now().replace(second=0, microsecond=0))


_READ = frozenset({"GET", "HEAD"})


def meant(query: str) -> str | None:
    """Leave of a query what means something to our pages.

    :return: None when there is something in it of which that is not known.
    """
    kept = []
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in MEANT:
            kept.append((name, value))
        elif not name.startswith(MEANINGLESS):
            return None
    return urlencode(kept)


class _Said:
    """What an application says before the body: it is called as `start_response`."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: Headers = []
        self.more: tuple[Any, ...] = ()

    def __call__(self, status: str, headers: Headers, *more: Any) -> None:
        self.status, self.headers, self.more = status, headers, more

    def is_for_everybody(self) -> bool:
        """Whether it says that it is the same for everybody who is not logged in."""
        told = {name.lower(): value for name, value in self.headers}
        whole = self.status.startswith("200 ") and told.get("cache-control") == KEPT
        return whole and told.keys().isdisjoint({"set-cookie", "content-encoding"})


def _unconditional(environ: Environ) -> Environ:
    """Leave out what a browser has already, of which only we know: there is one ETag for a page, and it is ours."""
    return {name: value for name, value in environ.items() if name not in _CONDITIONS}


_CONDITIONS = {"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"}


def _whole(body: Iterable[bytes]) -> bytes:
    try:
        return b"".join(body)
    finally:
        _closed(body)


def _closed(body: Iterable[bytes]) -> Iterable[bytes]:
    if close := getattr(body, "close", None):
        close()
    return []


def _remembering(judge: Callable[[str], Any]) -> Callable[[str], Any]:
    """Remember what was judged; `lru_cache` would do, and moves a list at each look."""
    known: dict[str, Any] = {}

    def judged(text: str) -> Any:
        try:
            return known[text]
        except KeyError:
            pass
        if len(known) >= REMEMBERED:
            known.clear()
        known[text] = judge(text)
        return known[text]

    return judged


def first_parts(rules: Iterable[Any], *, open_to: Iterable[str]) -> frozenset[str]:
    """List the first parts of paths under which none of these doors answers.

    :param rules: of the application's URL map.
    :param open_to: names of the blueprints whose pages may be for everybody.
    """
    doors = tuple(f"{name}." for name in open_to)
    firsts: Mapping[bool, set[str]] = {True: set(), False: set()}
    for rule in rules:
        firsts[rule.endpoint.startswith(doors)].add(str(rule).split("/")[1])
    return frozenset(part for part in firsts[False] - firsts[True] if "<" not in part)
