"""Words: what a text is found by, the same for every database; folded, and pairs of signs where no spaces stand."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from blog.content.typed import foreign

VERSION = 1
"""Counts the changes to what `stream` makes; stored beside it, so that what is older is found and made anew."""

LONGEST = 60  # characters of one word; PostgreSQL keeps no lexeme of more than 2 KB
MARK = "§"
"""No word holds it: it begins what is in the index and is not of the text, such as the number of a tag."""

_MARKS = "".join(chr(code) for code in range(0x300, 0x12000) if unicodedata.category(chr(code))[0] == "M")
_JOINING = frozenset(_MARKS + "\u200c\u200d")
_WORD = re.compile(rf"\w+(?:[{re.escape(''.join(sorted(_JOINING)))}]+\w*)*")
_PLAIN_WORD = re.compile(r"\w+")  # the same where nothing joins, in a fifth of the time
# Accents, and the vowel points of Hebrew and Arabic. Marks of other scripts are letters to those who read them.
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u200c\u200d]")
# Scripts that put no spaces between words, and Korean, which adds endings to them.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u303b"
    "\u3040-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U00020000-\U000323af]+"
)


class Term(NamedTuple):
    """A word, or several that have to stand side by side.

    :param begins: the last one may go on.
    """

    words: tuple[str, ...]
    begins: bool = False

    def found_in(self, found: Sequence[str]) -> bool:
        """Whether these words hold it."""
        size = len(self.words)
        return any(self.matches(found[at : at + size]) for at in range(len(found) - size + 1))

    def matches(self, some: Sequence[str]) -> bool:
        """Whether these words, as many as its own, are it."""
        *first, last = some
        same = last.startswith(self.words[-1]) if self.begins else last == self.words[-1]
        return same and tuple(first) == self.words[:-1]


def fold(text: str) -> str:
    """Give what is the same for texts that differ in capital letters, accents, width and the like only.

    Compatibility forms (NFKC) and case folding of the Unicode Standard, section 3.13; without accents.
    """
    if text.isascii():
        return text.lower()
    signs = foreign(text)
    if not _FAR.search(signs):
        for sign in signs:
            text = text.replace(sign, _folded[sign])
        return text.lower()
    return _fold(text)


def _fold(text: str) -> str:
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart))


class _Folded(dict[str, str]):
    """What each sign is folded to, learnt when it is met."""

    def __missing__(self, sign: str) -> str:
        return self.setdefault(sign, _fold(sign))


_folded = _Folded()
# All but Latin letters and the punctuation between them, which are folded the same wherever they stand.
_FAR = re.compile("[^\u00a0-\u012f\u0131-\u02ff\u2000-\u200b\u2010-\u2027\u2030-\u205f\u20a0-\u20bf]")


def tokens(text: str) -> list[str]:
    """Give the words of a text in order, folded; of each stretch without spaces the pairs of neighbours."""
    return _tokens(fold(text))


def _tokens(folded: str) -> list[str]:
    folded, signs = folded.replace("_", " "), foreign(folded)
    runs = _runs(folded, signs) if _JOINING.isdisjoint(signs) else _WORD.findall(folded)
    if not _UNSPACED.search(signs):
        return [run[:LONGEST] for run in runs]
    return [token for run in runs for token, _, _ in _split(run)]


_SPACED = bytes(sign if chr(sign).isalnum() else ord(" ") for sign in range(256))


def _runs(folded: str, signs: str) -> list[str]:
    """Find the words of a text in which nothing joins; where Latin letters are all it has, without a pattern."""
    for sign in signs:
        if not _PLAIN_WORD.match(sign):
            folded = folded.replace(sign, " ")
    if not folded.isascii():
        return _PLAIN_WORD.findall(folded)
    return folded.encode().translate(_SPACED).decode().split()


class _Aligned(dict[str, str]):
    """What each sign is folded to, learnt when it is met; one that would become several is in small letters only."""

    def __missing__(self, sign: str) -> str:
        small = "i" if sign == "İ" else sign.lower()  # the only one whose small letter is two
        folded = fold(small)
        return self.setdefault(sign, folded if len(folded) == 1 else small)


_aligned = _Aligned()


def align(text: str) -> str:
    """Fold a text sign by sign, so that everything stays where it stands; nearly the same as `fold` gives."""
    if text.isascii():
        return text.lower()
    text = (
        text.encode(errors="surrogatepass").lower().decode(errors="surrogatepass")
    )  # ASCII only, in a third of the time
    for sign in foreign(text):  # most of which stay
        if _aligned[sign] != sign:
            text = text.replace(sign, _aligned[sign])
    return text


def pattern(found: Sequence[str], *, begins: bool = False) -> str:
    """Make the regular expression that finds words side by side in an aligned text.

    It begins with the letters themselves, which are found many times faster than what may stand before them.

    :param found: as `tokens` gives them.
    :param begins: the last word may go on.
    """
    made, last = "", ""
    for token in found:
        unspaced = _UNSPACED.fullmatch(token)
        if unspaced and made and last[-1] == token[0] and len(token) == 2:
            made += re.escape(token[1])  # the next pair of the same stretch
        else:
            made += (r"[\W_]*" if made else "") + (re.escape(token) if unspaced else _whole(token))
        last = token if unspaced else " "
    return made.removesuffix(_END) + r"[^\W_]*" if begins else made


_OTHER = _UNSPACED.pattern[:-1]
_END = rf"(?:(?![^\W_])|(?={_OTHER}))"


def _whole(token: str) -> str:
    word = re.escape(token)
    return rf"{word}(?:(?<![^\W_]{word})|(?<={_OTHER}{word})){_END}"


def stream(text: str, *marks: str) -> str:
    """Make what is stored of a text to find it by: its words between spaces, then what it is found by beside them.

    :param marks: which do not stand in the text, each with MARK before it.
    """
    folded = fold(text)
    signs = sorted(filter(_UNSPACED.match, foreign(folded)))  # to be found alone, too
    return " ".join(["", *_tokens(folded), MARK, *signs, *marks, ""])


def _pieces(run: str) -> Iterator[tuple[bool, int, int]]:
    """Tell stretches of scripts without spaces from others."""
    at = 0
    for unspaced in _UNSPACED.finditer(run):
        if unspaced.start() > at:
            yield False, at, unspaced.start()
        yield True, unspaced.start(), unspaced.end()
        at = unspaced.end()
    if at < len(run):
        yield False, at, len(run)


def _pairs(signs: str) -> Iterator[tuple[str, int, int]]:
    if len(signs) == 1:
        yield signs, 0, 1
    for at, (one, next_one) in enumerate(pairwise(signs)):
        yield one + next_one, at, at + 2


def _split(run: str) -> Iterator[tuple[str, int, int]]:
    if run.isascii():
        yield run[:LONGEST], 0, len(run)
        return
    for unspaced, begin, end in _pieces(run):
        if unspaced:
            yield from _pairs(run[begin:end])
        else:
            yield run[begin:end][:LONGEST], begin, end
