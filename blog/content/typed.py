"""How what people typed becomes text that can be stored, and shown everywhere."""

from __future__ import annotations

import re
import unicodedata

from blog.errors import Invalid, Words

# Lone surrogates cannot be encoded, PostgreSQL keeps no NUL, and feeds (XML 1.0, section 2.2) and HTML pages break on
# the other controls and on U+FFFE and U+FFFF. Tab and newline are the only controls that text needs.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")  # left open, one would turn round whatever stands after a title
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and symbols by category, but nothing is seen of them
_BLANK_LINES_BEFORE = re.compile(r"\A(?:[ \t]*\n)+")
_CALLED = {
    "title": Words("title"),
    "body": Words("body"),
    "comment": Words("comment"),
    "tag": Words("tag"),
    "excerpt": Words("excerpt"),
    "handle": Words("handle"),
    "address": Words("address"),
    "alt": Words("alt"),
    "alternative text": Words("alternative text"),
    "guest’s name": Words("guest’s name"),
}
_MOST_MARKS = 30  # on one letter, as in UAX #15's stream-safe text; NFC is quadratic in them: 50,000 took 3.5 s


def line(text: str, field: str, *, longest: int) -> str:
    """Normalise text of one line, such as a title: NFC, single spaces, no bidirectional overrides.

    :param field: its name in the form, for the problem's key and sentence.
    :param longest: how many characters may be left.
    :raises Invalid: when nothing visible is left, it is too long, or it holds what cannot be shown.
    """
    one = " ".join(_BIDI.sub("", _sound(text, field)).split())
    if not any(unicodedata.category(character)[0] in "LNPS" and character not in _BLANK for character in one):
        raise Invalid({field: Words("The %(field)s is empty.", field=_called(field))})
    if len(one) > longest:
        raise Invalid(
            {
                field: Words(
                    "The %(field)s has %(size)s characters; at most %(longest)s fit.",
                    field=_called(field),
                    size=len(one),
                    longest=longest,
                )
            }
        )
    return one


def passage(text: str, field: str, *, longest: int) -> str:
    """Normalise text of many lines, such as a body: NFC, newlines as ``\\n``, no blank lines around it.

    :param field: its name in the form, for the problem's key and sentence.
    :param longest: how many bytes of UTF-8 may be left.
    :raises Invalid: when nothing is left, it is too long, or it holds what cannot be shown.
    """
    whole = _BLANK_LINES_BEFORE.sub("", _sound(text, field)).rstrip()
    if not whole:
        raise Invalid({field: Words("The %(field)s is empty.", field=_called(field))})
    if (size := len(whole.encode())) > longest:
        raise Invalid(
            {
                field: Words(
                    "The %(field)s has %(size)s bytes; at most %(longest)s fit.",
                    field=_called(field),
                    size=size,
                    longest=longest,
                )
            }
        )
    return whole


def _called(field: str) -> str:
    return _CALLED.get(field, field)


def _sound(text: str, field: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if unfit := _UNFIT.search(text):
        raise Invalid(
            {
                field: Words(
                    "The %(field)s holds a character that cannot be shown: %(character)s.",
                    field=_called(field),
                    character=f"U+{ord(unfit[0]):04X}",
                )
            }
        )
    if not text.isascii() and _is_heaped(text):
        raise Invalid({field: Words("The %(field)s heaps too many accents on one letter.", field=_called(field))})
    return unicodedata.normalize("NFC", text)


def _is_heaped(text: str) -> bool:
    marks = "".join(filter(unicodedata.combining, foreign(text)))
    return bool(marks) and re.search(f"[{re.escape(marks)}]{{{_MOST_MARKS + 1}}}", text) is not None


ASCII = bytes(range(128))


def foreign(text: str) -> str:
    """Give the signs of a text that are none of ASCII, each once: few, where a text has thousands."""
    return "".join({*text.encode(errors="ignore").translate(None, ASCII).decode()})


def fit(text: str) -> str:
    """Put U+FFFD in the place of what XML (1.0, section 2.2) or UTF-8 has no room for; wherever that came from."""
    return _UNFIT.sub("\ufffd", text)
