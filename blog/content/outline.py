"""Outline: what the HTML of a post tells of it: its sections, how long reading it takes, and what may be too wide."""

from __future__ import annotations

import html
import re
from typing import NamedTuple

from blog.content.headings import PREFIX

WORDS_A_MINUTE = 230
SIGNS_A_WORD = 2  # of Chinese and Japanese, which write no spaces
LONG = 400  # words, from which on a table of contents helps
FEWEST_SECTIONS = 3

_SECTION = re.compile(rf'<h([23]) id="({PREFIX}[a-z0-9-]+)">(.*?)</h\1>', re.DOTALL)
_OWN_LINK = re.compile(r'<a class="anchor"[^<>]* aria-label="[^<>]*">#</a>|<sup class="footnote-ref">.*?</sup>')
_MARKUP = re.compile(r"<[^<>]*>")
_SIGN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


class Section(NamedTuple):
    """A section of a post.

    :param title: plain text.
    :param anchor: its id on the page.
    :param under: the sections in it.
    """

    title: str
    anchor: str
    under: tuple[Section, ...] = ()


class Outline(NamedTuple):
    """What a post's HTML tells of it.

    :param minutes: that reading it takes, at least one.
    :param contents: its sections, where it is long enough for a table of contents.
    :param may_be_wide: there is code or a table in it, which may need a way to be scrolled; and code is copied.
    """

    minutes: int
    contents: tuple[Section, ...]
    may_be_wide: bool


def outline(body_html: str) -> Outline:
    """Look through a post.

    :param body_html: as `text.render` returns it.
    """
    words = _words(body_html)
    found = _sections(body_html) if words >= LONG else ()
    many = sum(1 + len(section.under) for section in found) >= FEWEST_SECTIONS
    return Outline(
        max(1, round(words / WORDS_A_MINUTE)), found if many else (), "<pre" in body_html or "<table" in body_html
    )


def _words(body_html: str) -> int:
    plain = html.unescape(_MARKUP.sub(" ", body_html))
    spaced, signs = (plain, 0) if plain.isascii() else _SIGN.subn(" ", plain)
    return len(spaced.split()) + signs // SIGNS_A_WORD


def _sections(body_html: str) -> tuple[Section, ...]:
    found: list[Section] = []
    above = ""
    for level, anchor, inner in _SECTION.findall(body_html):
        title = " ".join(html.unescape(_MARKUP.sub("", _OWN_LINK.sub("", inner))).split())
        if level > above and found:
            found[-1] = found[-1]._replace(under=(*found[-1].under, Section(title, anchor)))
        else:
            above = level
            found.append(Section(title, anchor))
    return tuple(found)
