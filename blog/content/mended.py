"""Mended: small faults that HTML from elsewhere often has, put right without losing a word."""

from __future__ import annotations

import re

_UNFIT_IN_PATH = re.compile(r'[ "<>^`{|}]')
_UNFIT = re.compile(r'[\s"<>^`{|}\\]')
_UNFIT_IN_QUERY = re.compile(r'[ "<>^`{|}\\]')  # elsewhere browsers take a backslash for a slash
_NUMBER = re.compile(r"\s*(-?[0-9]{1,9})(?:\.[0-9]*)?(?:px)?\s*")
_EMPTY = re.compile(r"<(?:p>[ \n]*</p|a></a)>")
_STRAY = re.compile(  # an item follows the beginning of a list or another item, and these nothing but an item or an end
    r"<(?:(?:[uo]l(?: [^<>]*)?|/li)>\s*(?:<li[ >]|(?=</[uo]l>)|(?P<between>.))|(?P<item>li)[ >])", re.DOTALL
)
_TAG = re.compile(r"<(?P<close>/?)(?P<name>[a-z][a-z0-9]*)[^<>]*>")
_LISTS = frozenset(("ul", "ol"))
_VOID = frozenset(("br", "hr", "img", "input"))


def address(written: str) -> str:
    """Write an address as Markdown's own links have it: what cannot stand in one (RFC 3986, section 2) as %XX.

    :param written: the value of an attribute.
    """
    if not _UNFIT.search(written):
        return written
    path, mark, query = written.strip(" \t\r\n\f").partition("?")
    return _UNFIT_IN_PATH.sub(_percent, path) + mark + _UNFIT_IN_QUERY.sub(_percent, query)


def _percent(sign: re.Match[str]) -> str:
    return f"%{ord(sign[0]):02X}"


def number(written: str) -> str | None:
    """Give the number that an attribute says, as in ``640px``; None when it says none, as in ``100%``."""
    found = _NUMBER.fullmatch(written)
    return found[1] if found else None


def nesting(clean: str) -> str:
    """Leave out paragraphs and anchors with nothing in them; let items stand in lists, and nothing else (HTML, 4.4).

    Such paragraphs come of a ``</p>`` too many. Items that stand in no list get one; what stands between two items,
    such as a list that belongs to the first, goes on with that.

    :param clean: HTML as the sanitiser writes it, every element closed.
    """
    clean = _EMPTY.sub("", clean)
    return _Lists(clean).mended() if any(map(any, _STRAY.findall(clean))) else clean


class _Lists:
    """Walks through HTML, and knows what is open: elements by their names, and these three.

    An end of an item is written only when the next tag shows that nothing follows that belongs to it.
    """

    OURS = "a list that was not there"
    ENDED = "an item whose end is not written yet"
    GOING_ON = "an item that goes on after its end, or that was not there"

    def __init__(self, clean: str) -> None:
        self._clean = clean
        self._around: list[str] = [""]
        self._pieces: list[str] = []

    def mended(self) -> str:
        """Give the HTML with every item in a list, and nothing else in one."""
        at = 0
        for tag in _TAG.finditer(self._clean):
            self._before(tag, self._clean[at : tag.start()])
            self._read(tag)
            at = tag.end()
        if self._around[-1] == self.ENDED:
            self._end("</li>")
        if self._around[-1] == self.OURS:
            self._end("</ul>")
        return "".join([*self._pieces, self._clean[at:]])

    def _end(self, written: str) -> None:
        self._around.pop()
        self._pieces.append(written)

    def _begin(self, what: str, written: str) -> None:
        self._around.append(what)
        self._pieces.append(written)

    def _before(self, tag: re.Match[str], words: str) -> None:
        """Decide what is to be closed or opened before a tag, and the words before that."""
        is_item, is_blank = tag["name"] == "li" and not tag["close"], not words.strip()
        if self._around[-1] == self.ENDED:
            if self._around[-2] == self.OURS or (is_blank and (is_item or tag["close"])):
                self._end("</li>")
            else:
                self._around[-1] = self.GOING_ON
        if self._around[-1] == self.OURS and not (is_item and is_blank):
            self._end("</ul>")
        if self._around[-1] in _LISTS and not (is_blank and (is_item or tag["close"])):
            self._begin(self.GOING_ON, "<li>")
        self._pieces.append(words)
        if self._around[-1] == self.GOING_ON and (is_item or tag["close"]):
            self._end("</li>")
        if is_item and self._around[-1] not in _LISTS | {self.OURS}:
            self._begin(self.OURS, "<ul>")

    def _read(self, tag: re.Match[str]) -> None:
        if not tag["close"]:
            self._pieces.append(tag[0])
            self._around += [] if tag["name"] in _VOID else [tag["name"]]
        elif tag["name"] == "li":
            self._around[-1] = self.ENDED
        else:
            self._end(tag[0])
