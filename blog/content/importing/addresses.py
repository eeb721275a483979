"""Addresses of pictures in texts of other sites: where they stand, and which file of the site each means."""

from __future__ import annotations

import html
import posixpath
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote

from blog.content.importing import folder
from blog.content.text import render

_PLACES = ("", "static", "assets", "content", "public", "src", "source")  # which sites are made of, under their root
_ENDINGS = frozenset(".png .apng .jpg .jpeg .jpe .jfif .gif .webp .svg .avif .bmp .tif .tiff .ico .heic".split())


class Spot(NamedTuple):
    """A place in a text at which the address of a picture may stand, if it is none of code.

    :param address: what it comes to, as a path on the site.
    """

    begin: int
    end: int
    address: str


_LIQUID = r"\{\{[^{}\n]*\}\}|\{%[^{}%\n]*%\}"
_BARE = rf"(?:{_LIQUID}|\\.|\([^\s()]*\)|(?!\{{[{{%])[^\s()<>\\])++"
_IN_MARKDOWN = re.compile(rf"\](?:\(\s*+|:[ \t]*+(?!!?\[))(?:<(?P<pointed>[^<>\n]+)>|(?P<bare>{_BARE}))")
_IN_HTML = re.compile(
    rf"""<(?<!\{{\{{<)(?:img|a)\b(?:[^<>"']|"[^"<]*"|'[^'<]*')*?\s(?:src|href)\s*+=\s*+(?:
        "(?P<double>(?:{_LIQUID}|(?!\{{[{{%])[^"\n])++)" | '(?P<single>(?:{_LIQUID}|(?!\{{[{{%])[^'\n])++)'
        | (?P<unquoted>[^\s"'<>]++))""",
    re.VERBOSE | re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_BASE = re.compile(  # what Jekyll and Eleventy make of it is an address on their site
    r"""\{\{-?\s*(?:site\.(?:base)?url|(?P<quote>["'])(?P<path>[^"'{}]*)(?P=quote)
    (?:\s*\|\s*(?:relative_url|absolute_url|url|prepend:\s*site\.(?:base)?url))*)\s*-?\}\}
    | \{%-?\s*link\s+(?P<link>[^\s%{}]+)\s*-?%\}""",
    re.VERBOSE,
)
_TAG = re.compile(r'<(?:img|a)((?: [a-z-]+="[^"]*")+)>')  # as the sanitiser writes it; in text, < is a reference
_ATTRIBUTE = re.compile(r' ([a-z-]+)="([^"]*)"')
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


def spots(text: str) -> Iterator[Spot]:
    """Find where addresses of pictures of the same site may stand; `shown` tells where they do."""
    end = 0
    for found in sorted([*_IN_MARKDOWN.finditer(text), *_IN_HTML.finditer(text)], key=re.Match.start):
        name = str(found.lastgroup)
        written = _ESCAPED.sub(r"\1", found[name]) if found.re is _IN_MARKDOWN else found[name]
        if found.start(name) >= end and (address := local(html.unescape(written))):
            yield Spot(*found.span(name), address)
            end = found.end(name)


def local(written: str) -> str:
    """Tell which path of its site the address of a picture means; empty for one elsewhere, or of something else."""
    plain = _BASE.sub(lambda base: f"/{base['link']}" if base["link"] else base["path"] or "", written).strip()
    if _ELSEWHERE.match(plain) or "{{" in plain or "{%" in plain:
        return ""
    path = unquote(re.split(r"[?#]", plain, maxsplit=1)[0])
    fits = path.isprintable() and "\\" not in path and PurePosixPath(path).suffix.lower() in _ENDINGS
    return path if fits else ""


def find(roots: Iterable[Path], post: PurePosixPath, address: str) -> tuple[Path, PurePosixPath] | None:
    """Find the file that an address means: beside the post or in a folder of its own, if it is relative; or in a root.

    :param roots: folders of the site; of other places there is nothing, however an address or a link leads there.
    :param post: the file in which the address stands, from the first root on.
    :return: one of these roots, and the path from there on.
    """
    first, *_ = roots = list(roots)
    if not address.startswith("/"):
        for beside in (post.parent, post.with_suffix("")):
            if (path := _within(f"{beside}/{address}")) and folder.holds(first, path):
                return first, path
    for root in roots:
        for place in _PLACES:
            if (path := _within(f"{place}/{address}".lstrip("/"))) and folder.holds(root, path):
                return root, path
    return None


def _within(path: str) -> PurePosixPath | None:
    settled = posixpath.normpath(path)
    return None if settled.startswith(("/", "..")) else PurePosixPath(settled)


def shown(text: str, found: Iterable[Spot]) -> dict[Spot, str]:
    """Tell at which of these spots a picture stands, or a link to one: those that come out as such when it is rendered.

    So nothing here has to know Markdown: each address gets a mark in its place, and where the marks are in the HTML
    says what they are. In code, they are words.

    :return: with each spot what the picture shows; empty where that is not said.
    :raises Invalid: as `render` does.
    """
    word = f"/{secrets.token_hex(8)}-"
    marks = {f"{word}{number}": spot for number, spot in enumerate(found)}
    made = render(put(text, {spot: mark for mark, spot in marks.items()}))
    everywhere, there, alts = Counter(re.findall(rf"{word}[0-9]+", made)), Counter[str](), dict[str, str]()
    for tag in _TAG.finditer(made):
        attributes = dict(_ATTRIBUTE.findall(tag[1]))
        mark = attributes.get("src") or attributes.get("href", "")
        there[mark] += 1
        alts[mark] = alts.get(mark) or html.unescape(attributes.get("alt", ""))
    return {spot: alts[mark] for mark, spot in marks.items() if there[mark] and there[mark] == everywhere[mark]}


def put(text: str, new: Mapping[Spot, str]) -> str:
    """Put other addresses into a text."""
    for spot in sorted(new, reverse=True):
        text = f"{text[: spot.begin]}{new[spot]}{text[spot.end :]}"
    return text
