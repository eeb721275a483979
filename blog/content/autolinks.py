"""Bare addresses in running text, as GitHub Flavored Markdown finds them: where each one begins and ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Our own, because the usual plugin for this needs 25 s for 100 KB of "<http:". All of this takes time in proportion.
_CANDIDATE = re.compile(
    r"(?<![^\s*_~(])(?:(?P<web>https?://[^\s<]++)|(?P<www>www\.[^\s<]++))"
    r"|(?<![^\s*~(])(?P<mail>(?:mailto:)?+[A-Za-z0-9._+-]++@[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)++)"
)
_DOMAIN = re.compile(r"(?:https?://)?([\w-]+(?:\.[\w-]+)*)")
_ENTITY = re.compile(r"&[A-Za-z0-9]+;\Z")
_NEVER_LAST = "?!.,:*_~'\"“”‘’«»‹›…"  # what the specification names, and the quotation marks that it forgets


class Address(NamedTuple):
    """One address in a text.

    :param href: where it leads: with the scheme that was left out.
    """

    begin: int
    end: int
    href: str


def find(text: str) -> Iterator[Address]:
    """Find the addresses in a stretch of plain text, from the left to the right (GFM 0.29, section 6.9).

    Those of the web begin with ``http://``, ``https://`` or ``www.``, those of mail may begin with ``mailto:``.

    :param text: begins at the beginning of a line, or after white space or a mark of emphasis.
    """
    for found in _CANDIDATE.finditer(text):
        if found["mail"]:
            if not found[0].endswith(("-", "_")):
                yield Address(found.start(), found.end(), "mailto:" + found[0].removeprefix("mailto:"))
        elif _is_domain(found[0], short=found["www"] is None):
            address = _without_punctuation(found[0])
            yield Address(found.start(), found.start() + len(address), "http://" * bool(found["www"]) + address)


def _is_domain(address: str, *, short: bool) -> bool:
    """Whether this begins with a valid domain; a short one has no period."""
    domain = _DOMAIN.match(address)
    if domain is None:
        return False
    segments = domain[1].split(".")
    return (short or len(segments) > 1) and "_" not in "".join(segments[-2:])


def _without_punctuation(address: str) -> str:
    """Leave out what belongs to the sentence: its full stop, its bracket, an entity."""
    end = len(address)
    surplus = address.count(")") - address.count("(")
    while end:
        if address[end - 1] == ")" and surplus > 0:
            end, surplus = end - 1, surplus - 1
        elif address[end - 1] in _NEVER_LAST:
            end -= 1
        elif entity := _ENTITY.search(address, max(0, end - 40), end):
            end = entity.start()
        else:
            break
    return address[:end]
