"""What one page of HTML says of itself: where it leads, what can be led to, and which part of it an author typed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urljoin

EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
Place = tuple[int, int]


class Link(NamedTuple):
    """An address on a page, absolute.

    :param typed: whether it stands in what an author wrote.
    """

    address: str
    typed: bool


class Markup(HTMLParser):
    """Reads a page; `links`, `ids`, and `typed` are what is found.

    :param url: where the page is.
    """

    def __init__(self, url: str, html: str) -> None:
        super().__init__()
        self.url, self.links, self.ids = url, list[Link](), set[str]()
        self.typed: list[tuple[Place, Place]] = []
        self._depth, self._began = 0, (0, 0)
        self.feed(html)
        self.close()

    def is_typed(self, line: int, column: int) -> bool:
        """Whether the text of an author is at this place; lines and columns count from one."""
        return any(begin <= (line, column - 1) <= end for begin, end in self.typed)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note addresses and ids, and where an author's text begins."""
        given = {name: value or "" for name, value in attrs}
        if self._depth and tag not in EMPTY:
            self._depth += 1
        elif "e-content" in given.get("class", "").split():
            self._depth, self._began = 1, self.getpos()
        if "id" in given:
            self.ids.add(given["id"])
        addresses = [given[name] for name in ("href", "src") if name in given]
        addresses += [each.split()[0] for each in given.get("srcset", "").split(",") if each.strip()]
        self.links += [Link(urljoin(self.url, address.strip()), self._depth > 0) for address in addresses]

    def handle_endtag(self, tag: str) -> None:
        """Note where an author's text ends; what is sanitised closes whatever it opens."""
        if self._depth and tag not in EMPTY:
            self._depth -= 1
            if not self._depth:
                self.typed.append((self._began, self.getpos()))
