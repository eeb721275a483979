"""A reader who follows every link of the blog, and notes which of them lead nowhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import requests

from tests.pages.markup import Link, Markup

READERS = 4
LEADS_AWAY = {"/login", "/register", "/logout"}  # to the provider


@dataclass(slots=True)
class Crawl:
    """What a crawl found.

    :param pages: address → HTML, of all pages that are there.
    :param statuses: address → status, of everything that was asked for.
    """

    pages: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    links: dict[Link, str] = field(default_factory=dict)
    ids: dict[str, set[str]] = field(default_factory=dict)

    def broken(self, *, typed: bool) -> list[str]:
        """List the links that lead nowhere, each with a page it is on: those that authors typed, or our own."""
        return [f"{on} → {link.address}" for link, on in self.links.items() if link.typed == typed and self._bad(link)]

    def _bad(self, link: Link) -> bool:
        address, fragment = urldefrag(link.address)
        if self.statuses.get(address, 200) >= 400:
            return True
        return bool(fragment) and address in self.ids and unquote(fragment) not in self.ids[address]


class _Reader(threading.local):
    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.trust_env = False


def crawl(url: str, *paths: str) -> Crawl:
    """Follow every link from these paths, as a stranger.

    :param url: the blog's address; what leads elsewhere is not followed.
    """
    found, reader = Crawl(), _Reader()
    following = [url + path for path in paths]
    with ThreadPoolExecutor(READERS) as readers:
        while following:
            found.statuses |= dict.fromkeys(following, 0)
            answers = readers.map(lambda address: _fetch(reader.session, address), following)
            led = [link for answer in answers for link in _read(found, *answer)]
            addresses = {urldefrag(link.address).url for link in led}
            following = sorted(each for each in addresses if _ours(url, each) and each not in found.statuses)
    return found


def _ours(url: str, address: str) -> bool:
    return (address + "/").startswith(url + "/") and urlsplit(address).path not in LEADS_AWAY


def _fetch(session: requests.Session, address: str) -> tuple[str, requests.Response]:
    return address, session.get(address, timeout=60, allow_redirects=False)


def _read(found: Crawl, address: str, answer: requests.Response) -> Iterator[Link]:
    """Note an answer; give where it leads."""
    found.statuses[address] = answer.status_code
    if answer.is_redirect:
        led = [Link(urljoin(address, answer.headers["Location"]), typed=False)]
    elif answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
        found.pages[address] = answer.text
        page = Markup(address, answer.text)
        found.ids[address] = page.ids | {"", "top"}
        led = page.links
    else:
        led = []
    for link in led:
        found.links.setdefault(link, address)
        yield link
