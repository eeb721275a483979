"""Two versions of a text that were written at the same time: what differs, and one text made of both."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import Match, SequenceMatcher
from itertools import takewhile
from typing import NamedTuple

_Lines = list[str]
_Chunk = tuple[_Lines | None, _Lines, _Lines]  # settled, or yours and theirs to choose from

YOURS = "[[ Two versions of this place. Yours: ]]"
SAVED = "[[ The saved one: ]]"
CLOSE = "[[ Keep what you want of both, and delete these three lines. ]]"
MARKS = (YOURS, SAVED, CLOSE)


MOST_PAIRS = 1_000_000  # of lines, one from each text: beyond, 15,000 lines in swapped pairs would take 39 s


def differences(stored: str, typed: str) -> list[tuple[str, str]]:
    """Compare two texts line by line.

    :return: lines with a sign: ``-`` only in what is stored, ``+`` only in what was typed, a space in both, ``@``
        where lines that are in both are left out. Nothing when the texts are the same.
    """
    old, new = _lines(stored), _lines(typed)
    found: list[tuple[str, str]] = []
    for group in _Comparison(old, new).get_grouped_opcodes(2):
        found.append(("@", ""))
        for kind, o1, o2, n1, n2 in group:
            if kind == "equal":
                found += [(" ", line) for line in old[o1:o2]]
            else:
                found += [("-", line) for line in old[o1:o2]] + [("+", line) for line in new[n1:n2]]
    return found


def _lines(text: str) -> _Lines:
    return text.replace("\r\n", "\n").rstrip("\n").split("\n")


class _Comparison(SequenceMatcher[str]):
    """Compares lines; of texts for which that would take too long, only their beginnings and ends."""

    def __init__(self, old: _Lines, new: _Lines) -> None:
        super().__init__(None, old, new)
        self._texts = old, new

    def get_matching_blocks(self) -> list[Match]:
        """List the stretches of lines that are in both."""
        old, new = self._texts
        head = _alike(old, new)
        tail = _alike(old[head:][::-1], new[head:][::-1])
        if (len(old) - head - tail) * (len(new) - head - tail) <= MOST_PAIRS:
            return super().get_matching_blocks()
        ends = Match(len(old) - tail, len(new) - tail, tail)
        return [Match(0, 0, head), ends, Match(len(old), len(new), 0)]


def _alike(one: _Lines, other: _Lines) -> int:
    """Count the lines that both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


class Merged(NamedTuple):
    """One text made of two.

    :param open: at how many places both versions stand in it, each between marks, for a person to choose.
    """

    text: str
    open: int


def merge(yours: str, saved: str, base: str | None = None) -> Merged:
    """Make one text of two.

    What only one of them changed is taken over. Where both changed the same lines in different ways, both stand in the
    result. Without a base nobody can tell who changed what, so that is every place where they differ.

    :param base: what both started from.
    """
    mine, theirs = _lines(yours), _lines(saved)
    chunks = _three_ways(_lines(base), mine, theirs) if base is not None else _two_ways(mine, theirs)
    lines: list[str] = []
    unsettled = 0
    for settled, own, other in chunks:
        if settled is None:
            unsettled += 1
            lines += [YOURS, *own, SAVED, *other, CLOSE]
        else:
            lines += settled
    return Merged("\n".join(lines), unsettled)


def merge_line(yours: str, saved: str, base: str | None = None) -> str:
    """Choose between two texts of one line, such as titles: the one that changed; yours where that tells nothing."""
    return saved if yours == base else yours


def has_marks(text: str) -> bool:
    """Whether somebody still has to choose between two versions at some place."""
    return any(line.strip() in MARKS for line in _lines(text))


def _two_ways(mine: _Lines, theirs: _Lines) -> Iterator[_Chunk]:
    for kind, m1, m2, t1, t2 in _Comparison(mine, theirs).get_opcodes():
        yield (mine[m1:m2], [], []) if kind == "equal" else (None, mine[m1:m2], theirs[t1:t2])


def _three_ways(base: _Lines, mine: _Lines, theirs: _Lines) -> Iterator[_Chunk]:
    b = m = t = 0
    for b1, b2, m1, t1 in [*_common(base, mine, theirs), (len(base), len(base), len(mine), len(theirs))]:
        yield _settle(base[b:b1], mine[m:m1], theirs[t:t1])
        yield base[b1:b2], [], []
        b, m, t = b2, m1 + b2 - b1, t1 + b2 - b1


def _settle(base: _Lines, mine: _Lines, theirs: _Lines) -> _Chunk:
    if mine == base:
        return theirs, [], []
    return (mine, [], []) if theirs in (base, mine) else (None, mine, theirs)


def _common(base: _Lines, mine: _Lines, theirs: _Lines) -> Iterator[tuple[int, int, int, int]]:
    """Find the stretches of the base that both still have: where one begins and ends, and where it begins in each."""
    in_mine, in_theirs = (_Comparison(base, text).get_matching_blocks() for text in (mine, theirs))
    at = 0
    for own in in_mine:
        while at < len(in_theirs) and in_theirs[at].a + in_theirs[at].size <= own.a:
            at += 1
        for other in in_theirs[at:]:
            begin, end = max(own.a, other.a), min(own.a + own.size, other.a + other.size)
            if other.a >= own.a + own.size:
                break
            if begin < end:
                yield begin, end, own.b + begin - own.a, other.b + begin - other.a
