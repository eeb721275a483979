"""Headings that can be linked to: an id for each, made of its words, and a link to itself."""

from __future__ import annotations

import hashlib
import html
import re
from collections import Counter
from typing import NamedTuple

from blog.content.slugs import latin

PREFIX = "section-"
"""Of every id, so that none is an id of the page's own, or the name of something that scripts look for."""

MARK = "~"
"""Before a name that somebody gave, while it stands in an attribute: no id of a page begins with it."""

NAMED = re.compile(rf' (?:id|name)="{MARK}([^"]*)"')

_LONGEST = 60
MOST = 500  # of one text; a book has fewer, and each id costs as much as a line of text
_HEADING = re.compile(  # or what may hold one, and cannot hold a link
    r"<(?P<closed>a|summary)[ >].*?</(?P=closed)>"
    rf'|<h(?P<level>[2-6])(?: id="{MARK}[^"]*")?>(?P<inner>(?:(?!</?h[2-6][ >]).)*+)</h(?P=level)>',
    re.DOTALL,
)
_MARKUP = re.compile(r"<sup class=\"footnote-ref\">.*?</sup>|<[^<>]*>", re.DOTALL)


_PLACE = re.compile(rf"<a(?:{NAMED.pattern})+>(?P<words>.*?)</a>", re.DOTALL)
_CUSTOM = re.compile(r"\{:? ?#([A-Za-z][\w:.-]{0,99}) ?\}\s*\Z")  # as Pandoc, Kramdown and Hugo have it


class Anchored(NamedTuple):
    """A text whose headings can be linked to.

    :param names: what the text itself calls its headings, and their ids.
    :param taken: how often an id, but for a number at its end, was given.
    """

    html: str
    names: dict[str, str]
    taken: Counter[str]


def anchor(clean: str) -> Anchored:
    """Give every heading an id and a link to itself.

    The id depends on the words of the heading, and among headings of the same words on their order: what is written
    elsewhere in the text does not change it. ``{#name}`` at its end is left out, as a name that links may know it by.

    :param clean: HTML as the sanitiser writes it, whose headings have no attribute but a marked name.
    """
    names, taken = dict[str, str](), Counter[str]()
    return Anchored(_HEADING.sub(lambda heading: _anchored(heading, names, taken), clean), names, taken)


def _anchored(heading: re.Match[str], names: dict[str, str], taken: Counter[str]) -> str:
    level, inner = heading["level"], heading["inner"]
    if not level or len(taken) >= MOST:
        return heading[0]
    own = NAMED.findall(heading[0])
    inner = _PLACE.sub(r"\g<words>", inner)
    if (custom := _CUSTOM.search(inner)) and custom.start():
        own.append(custom[1])
        inner = inner[: custom.start()].rstrip()
    if not (words := html.unescape(_MARKUP.sub("", inner)).strip()):
        return heading[0]
    made = free(id_for(words), taken)
    for name in own:
        names.setdefault(html.unescape(name), made)
    if "<a " in inner or "<a>" in inner:  # a link in a link cannot be
        inner = f'{inner} <a class="anchor" href="#{made}" aria-label="This section">#</a>'
    else:
        inner = f'<a class="anchor" href="#{made}">{inner}</a>'
    return f'<h{level} id="{made}">{inner}</h{level}>'


def id_for(words: str) -> str:
    """Make the id of a place of its words, or of its name."""
    latin_words = latin(words[: 4 * _LONGEST], longest=_LONGEST)
    return PREFIX + (latin_words or hashlib.sha256(words.encode()).hexdigest()[:8])


def free(made: str, taken: Counter[str]) -> str:
    """Give an id, or it with the first number from 2 on under which it is free; it is taken from now on."""
    while (number := taken[made]) > 0:
        taken[made] += 1
        made = f"{made}-{number + 1}"
    taken[made] = 1
    return made
