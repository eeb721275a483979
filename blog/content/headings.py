"""Headings that can be linked to: an id for each, made of its words, and a link to itself."""

from __future__ import annotations

import hashlib
import html
import re
from collections import Counter

from blog.content.slugs import latin

PREFIX = "section-"
"""Of every id, so that none is an id of the page's own, or the name of something that scripts look for."""

_LONGEST = 60
_MOST = 500  # of one text; a book has fewer, and each id costs as much as a line of text
_HEADING = re.compile(  # or what may hold one, and cannot hold a link
    r"<(?P<closed>a|summary)[ >].*?</(?P=closed)>|<h(?P<level>[2-6])>(?P<inner>(?:(?!</?h[2-6]>).)*+)</h(?P=level)>",
    re.DOTALL,
)
_MARKUP = re.compile(r"<sup class=\"footnote-ref\">.*?</sup>|<[^<>]*>", re.DOTALL)


def anchor(clean: str) -> str:
    """Give every heading an id and a link to itself.

    The id depends on the words of the heading, and among headings of the same words on their order: what is written
    elsewhere in the text does not change it.

    :param clean: HTML as the sanitiser writes it, whose headings have no attributes.
    """
    taken: Counter[str] = Counter()
    return _HEADING.sub(lambda heading: _anchored(heading, taken), clean)


def _anchored(heading: re.Match[str], taken: Counter[str]) -> str:
    level, inner = heading["level"], heading["inner"]
    if not level or len(taken) >= _MOST or not (words := html.unescape(_MARKUP.sub("", inner)).strip()):
        return heading[0]
    name = _free(_name(words), taken)
    if "<a " in inner or "<a>" in inner:  # a link in a link cannot be
        inner = f'{inner} <a class="anchor" href="#{name}" aria-label="This section">#</a>'
    else:
        inner = f'<a class="anchor" href="#{name}">{inner}</a>'
    return f'<h{level} id="{name}">{inner}</h{level}>'


def _name(words: str) -> str:
    latin_words = latin(words[: 4 * _LONGEST], longest=_LONGEST)
    return PREFIX + (latin_words or hashlib.sha256(words.encode()).hexdigest()[:8])


def _free(name: str, taken: Counter[str]) -> str:
    """The name, or with the first number from 2 on under which it is free."""
    while (number := taken[name]) > 0:
        taken[name] += 1
        name = f"{name}-{number + 1}"
    taken[name] = 1
    return name
