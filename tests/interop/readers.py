"""Strangers who read every public address of a blog, over and over, as caches do; and what they saw, when."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import unescape
from itertools import chain, cycle
from threading import Event, Thread
from typing import NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

import requests
from bs4 import BeautifulSoup

from blog import create_app

TIMEOUT = 20
TEXTUAL = re.compile(r"text/|json|xml|javascript")
QUOTED = re.compile(r"""["'](/(?!/)[^\s"'<>]*)["']""")  # a path in JSON, or in an attribute of any name


class Seen(NamedTuple):
    """One answer.

    :param asked_at: and `told_at` by ``time.monotonic``.
    :param text: of a 304, what was kept of the answer before.
    """

    path: str
    asked_at: float
    told_at: float
    status: int
    text: str


class Copy(NamedTuple):
    """An answer that is kept, and may be asked about again."""

    text: str
    asks_with: dict[str, str]


def addresses_without_gaps(environ: dict[str, str]) -> list[str]:
    """List the addresses of the URL map that can be asked for as they stand."""
    app = create_app({name.removeprefix("BLOG_"): text for name, text in environ.items() if name.startswith("BLOG_")})
    app.extensions["porch"].directory.close()
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    return sorted(str(rule) for rule in rules)


def public_addresses(url: str, environ: dict[str, str], *, word: str) -> list[str]:
    """Find everything that a stranger is shown: what the URL map has, what pages, feeds and answers lead to.

    :param url: by which the blog knows itself.
    :param environ: with the settings of the blog.
    :param word: what to search for, wherever there is a form to search with.
    """
    found, waiting = [], ["/", *addresses_without_gaps(environ)]
    known = set(waiting)
    while waiting:
        path = waiting.pop(0)
        answer = _ask(url + path, {})
        assert answer.status_code < 500, f"{path}: {answer.status_code}"
        if answer.status_code != 200:  # it is for others, or leads elsewhere
            continue
        found.append(path)
        for further in _leads_to(answer, url, word):
            if further not in known:
                known.add(further)
                waiting.append(further)
    return list(dict.fromkeys(found))


def _leads_to(answer: requests.Response, url: str, word: str) -> Iterator[str]:
    if not TEXTUAL.search(answer.headers.get("Content-Type", "")):
        return
    text = unescape(answer.text)
    absolute = re.findall(rf"{re.escape(url)}(/[^\s\"'<>]*)", text)
    is_page = "html" in answer.headers["Content-Type"]
    for path in chain(absolute, QUOTED.findall(text), _searches(text, answer.url, word) if is_page else ()):
        plain = urlsplit(path)
        yield plain.path + (f"?{plain.query}" if plain.query else "")


def _searches(text: str, url: str, word: str) -> Iterator[str]:
    """Fill in every form that only asks."""
    page = BeautifulSoup(text, "html.parser")
    for form in page.select("form:not([method]), form[method=get i]"):
        fields = {str(field["name"]): word for field in form.select("input[name]:not([type=hidden i])")}
        fields |= {str(field["name"]): str(field.get("value", "")) for field in form.select("input[name][type=hidden]")}
        yield urlsplit(urljoin(url, str(form.get("action", "")))).path + f"?{urlencode(fields)}"


def _ask(url: str, headers: dict[str, str]) -> requests.Response:
    with requests.Session() as browser:
        browser.trust_env = False
        return browser.get(url, headers=headers, timeout=TIMEOUT, allow_redirects=False)


class Reader:
    """Somebody with a cache, who asks one process for these addresses, round and round."""

    def __init__(self, url: str, paths: Iterable[str]) -> None:
        self._url, self._paths = url, list(paths)
        self._copies: dict[str, Copy] = {}
        self._ends = Event()
        self._thread = Thread(target=self._read)
        self.seen: list[Seen] = []
        self.failed: Exception | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and raise what went wrong."""
        self._ends.set()
        self._thread.join()
        if self.failed:
            raise self.failed

    def has_been_everywhere(self, since: int = 0) -> bool:
        """Whether every address was read once at least, since so many were."""
        assert self.failed is None, self.failed
        return len(self.seen) > since + len(self._paths)

    def _read(self) -> None:
        try:
            for path in cycle(self._paths):
                if self._ends.is_set():
                    return
                self.seen.append(self._look(path))
        except Exception as error:  # noqa: BLE001  (raised where somebody sees it)
            self.failed = error

    def _look(self, path: str) -> Seen:
        asked_at = time.monotonic()
        copy = self._copies.get(path, Copy("", {}))
        answer = _ask(self._url + path, copy.asks_with)
        told_at = time.monotonic()
        if answer.status_code == 304:
            return Seen(path, asked_at, told_at, 200, copy.text)
        asks = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
        asks_with = {asks[name]: answer.headers[name] for name in asks if name in answer.headers}
        is_text = TEXTUAL.search(answer.headers.get("Content-Type", ""))
        text = unescape(answer.text) if is_text else ""
        self._copies[path] = Copy(text, asks_with)
        return Seen(path, asked_at, told_at, answer.status_code, text)


def go_everywhere(readers: list[Reader]) -> None:
    """Return once each of them has been everywhere from now on."""
    since = [len(reader.seen) for reader in readers]
    while not all(map(Reader.has_been_everywhere, readers, since)):
        time.sleep(0.05)


@contextmanager
def reading(urls: Iterable[str], paths: list[str], *, each: int = 2) -> Iterator[list[Reader]]:
    """Have so many read at each of these processes, and begin once all of them have been everywhere.

    They start at different places, so that no address is asked for by all of them at once.
    """
    readers = [
        Reader(url, paths[place:] + paths[:place])
        for url in urls
        for place in (len(paths) * number // each for number in range(each))
    ]
    for reader in readers:
        reader.start()
    try:
        go_everywhere(readers)
        yield readers
    finally:
        for reader in readers:
            reader.stop()


def seen_by(readers: Iterable[Reader]) -> list[Seen]:
    """Put together what all of them saw, in the order of asking."""
    return sorted(chain.from_iterable(reader.seen for reader in readers), key=lambda seen: seen.asked_at)
