"""Pieces: a title or a text taken apart into what was looked for and the rest, and the part of a text worth showing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from blog.content.words import Term, align, pattern

LONGEST = 240  # characters of a piece
_FIRST = 500  # characters that are looked through first, as most texts show soon what they have; then twice as many
_MOST_SPANS = 100
_LEAD = 60  # characters before what was found
_WORD_LONGEST = 30  # characters, of a word that a piece is not cut into

_Span = tuple[int, int, int]  # where what was looked for begins and ends, and which term it was


class Part(NamedTuple):
    """A piece of a text.

    :param found: it is what was looked for.
    """

    text: str
    found: bool = False


def mark(line: str, terms: Sequence[Term]) -> list[Part]:
    """Take a text apart into what was looked for and what stands between."""
    parts, at = [], 0
    for begin, end, _ in _spans(line, terms):
        if begin > at:
            parts.append(Part(line[at:begin]))
        if begin >= at:
            parts.append(Part(line[begin:end], True))
            at = end
    return [*parts, Part(line[at:])] if at < len(line) else parts


def snippet(plain: str, terms: Sequence[Term]) -> list[Part]:
    """Cut the piece out of a text that shows best what was looked for: where most of it stands together."""
    best = _best(plain, terms)
    begin = _cut_before(plain, best)
    end = _cut_after(plain, begin + LONGEST)
    parts = mark(plain[begin:end], terms)
    before, after = [Part("… ")] * (begin > 0), [Part(" …")] * (end < len(plain))
    return [*before, *parts, *after] if parts else []


def _best(plain: str, terms: Sequence[Term]) -> int:
    """Find where a piece begins that holds as many different terms as any, the first of these."""
    spans: list[_Span] = []  # so far; those from the `first` on stand together
    best, most, first, held = 0, 0, 0, 0
    times = [0] * len(terms)  # that each term is among these; `held`: how many are
    for begin, end, term in islice(_spans_in_stretches(plain, terms), _MOST_SPANS):
        spans.append((begin, end, term))
        held += not times[term]
        times[term] += 1
        while end - spans[first][0] > LONGEST - _LEAD and first < len(spans) - 1:
            left, first = spans[first][2], first + 1
            times[left] -= 1
            held -= not times[left]
        if held > most:
            best, most = spans[first][0], held
            if most == len(terms):
                break
    return best


def _spans_in_stretches(plain: str, terms: Sequence[Term]) -> Iterator[_Span]:
    """Tell where terms stand, going no further into the text than whoever listens."""
    at, size = 0, _FIRST
    while at < len(plain):
        before = max(0, at - _LEAD)  # words are seen whole where two stretches meet
        spans = _spans(plain[before : at + size + _LEAD], terms)
        yield from [
            (before + begin, before + end, term) for begin, end, term in spans if 0 <= before + begin - at < size
        ]
        at, size = at + size, size * 2


def _spans(plain: str, terms: Sequence[Term]) -> list[_Span]:
    """Tell where terms stand, each time, in order, and which; the longer first where two begin."""
    aligned, finders = align(plain), _finders(tuple(terms))
    spans = [(*found.span(), number) for number, finder in enumerate(finders) for found in finder.finditer(aligned)]
    if len(finders) > 1:
        spans.sort(key=lambda span: (span[0], -span[1]))
    return spans


@lru_cache(maxsize=64)
def _finders(terms: tuple[Term, ...]) -> list[re.Pattern[str]]:
    """Make a finder for each term: one for all of them would look at every sign of a text as each of them."""
    return [re.compile(pattern(term.words, begins=term.begins)) for term in terms]


def _cut_before(plain: str, at: int) -> int:
    if at <= _LEAD:
        return 0
    space = plain.find(" ", at - _LEAD, at - _LEAD + _WORD_LONGEST)
    return space + 1 if space >= 0 else at - _LEAD


def _cut_after(plain: str, at: int) -> int:
    if at >= len(plain):
        return len(plain)
    space = plain.rfind(" ", at - _WORD_LONGEST, at)
    return space if space >= 0 else at
