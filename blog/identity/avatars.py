"""Avatars: what is drawn where others show a picture of somebody, made of their name alone and loaded from nowhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

COLOURS = 12  # in static/style.css
LONGEST = 12  # code points of one sign; a family of four with skin tones has eleven
_ZWJ, _ZWNJ = "\u200d", "\u200c"


def initials(name: str) -> str:
    """Take the initials out of a name: of its first and its last word, or one sign where the script is wide.

    A sign is what people see as one (UAX #29, in what names need of it): a letter with its marks, a conjunct, an emoji.

    :param name: a display name, as `people.display_name` makes it.
    :return: one or two signs, in the case of titles; empty when the name has nothing to take.
    """
    words = [sign for word in name.split() if (sign := _first_sign(word, "L"))]
    words = words or [sign for word in name.split() if (sign := _first_sign(word, "S"))]
    if len(words) < 2 or any(map(_is_wide, words)):
        return "".join(words[:1])
    # between two Arabic letters, so that they stand as they would alone
    return _ZWNJ.join((words[0], words[-1])) if _is_arabic(words[0]) else words[0] + words[-1]


def _first_sign(word: str, category: str) -> str:
    """Find the first sign of a word that is a letter (L) or a picture (S)."""
    sign = next((sign for sign in _signs(word) if unicodedata.category(sign[0])[0] == category), "")
    raised = sign[:1].title()  # not upper: it would make two letters of ß, and Georgian ones that few fonts have
    return raised + sign[1:] if len(raised) == 1 else sign


def _signs(word: str) -> Iterator[str]:
    sign = ""
    for char in word:
        if sign and (len(sign) >= LONGEST or not _goes_on(sign, char)):
            yield sign
            sign = ""
        sign += char
    yield sign


def _goes_on(sign: str, char: str) -> bool:
    """Whether a character belongs to the sign before it."""
    last = sign[-1]
    if char in {_ZWJ, _ZWNJ} or unicodedata.category(char)[0] == "M" or "\U0001f3fb" <= char <= "\U0001f3ff":
        return True
    after_joiner = last == _ZWJ and unicodedata.category(char) in {"So", "Lo"}
    in_conjunct = unicodedata.combining(last) == 9 and unicodedata.category(char) == "Lo"  # after a virama
    second_half_of_flag = _is_half_flag(char) and _is_half_flag(last) and len(sign) == 1
    jamo = "\u1100" <= last <= "\u11ff" and "\u1160" <= char <= "\u11ff"
    return after_joiner or in_conjunct or second_half_of_flag or jamo


def _is_half_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_wide(sign: str) -> bool:
    return unicodedata.east_asian_width(sign[0]) in {"W", "F"}


def _is_arabic(sign: str) -> bool:
    return unicodedata.bidirectional(sign[0]) == "AL"
