"""Slugs: from a title to the address of a post, which never stands in the way of one of our own."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator
from itertools import count

from slugify import slugify

LONGEST = 200  # of what somebody types, or brings along from elsewhere
_LONGEST_WITHOUT_SUFFIX = 72  # of what is made of a title
_FORM = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_APOSTROPHES = str.maketrans("", "", "'’ʼ")  # "don't" is one word

RESERVED = frozenset(
    "about-byline admin ads api archive atom author authors dashboard delete edit favicon feed feeds healthz hooks"
    " humans livez llms login logout manifest media metrics micropub new notes oidc opensearch pages readyz register"
    " robots rss search security sitemap static sw tag tags theme unpublish well-known".split()
)
"""First path segments that our routes have or may come to have; a slug is never one of them."""


def is_slug(text: str) -> bool:
    """Whether a post could have this address: small Latin letters and digits, in words joined by single hyphens."""
    return len(text) <= LONGEST and _FORM.fullmatch(text) is not None


def slug_for(title: str) -> str:
    """Make the slug that a title asks for; the same each time.

    :param title: in any script, as `typed.line` returns it.
    :return: at most 72 characters; made of a hash of the title when none of it can be written in Latin letters.
    """
    slug = latin(title, longest=_LONGEST_WITHOUT_SUFFIX)
    if not slug:
        return f"post-{hashlib.sha256(title.encode()).hexdigest()[:8]}"
    return f"{slug}-post" if slug in RESERVED else slug


def latin(text: str, *, longest: int = 0) -> str:
    """Write a text in small Latin letters and digits, in words joined by single hyphens; empty when that cannot be.

    :param longest: how many characters there may be, in whole words if possible; 0 for any number.
    """
    slug: str = slugify(
        text.translate(_APOSTROPHES),
        max_length=longest,
        word_boundary=True,
        save_order=True,
        entities=False,
        decimal=False,
        hexadecimal=False,
    )
    return slug


def candidates(title: str) -> Iterator[str]:
    """Offer addresses for a title without end: its slug, then with -2 to -20, then with a random suffix."""
    yield from numbered(slug_for(title))


def for_notes() -> Iterator[str]:
    """Offer addresses for a note without end: short and random, as it has no title that could change."""
    yield from (f"note-{secrets.token_hex(4)}" for _ in count())


def for_tags(name: str) -> Iterator[str]:
    """Offer addresses for a tag without end; they stand below `/tag/`, so that none is reserved."""
    slug = latin(name, longest=_LONGEST_WITHOUT_SUFFIX)
    yield from numbered(slug or f"tag-{hashlib.sha256(name.encode()).hexdigest()[:8]}")


def numbered(slug: str) -> Iterator[str]:
    """Offer an address, and others like it without end."""
    yield slug
    yield from (f"{slug}-{number}" for number in range(2, 21))
    yield from (f"{slug}-{secrets.token_hex(3)}" for _ in count())
