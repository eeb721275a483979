"""Languages: which one the pages speak to whom, and how it writes dates, numbers and lists."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from babel import Locale, dates, lists, numbers
from babel.support import NullTranslations
from flask import Flask, current_app, has_app_context, has_request_context, request
from flask_babel import Babel, get_translations
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from blog.errors import Words

__all__ = ("LANGUAGES", "day", "day_and_time", "direction", "gettext", "language", "month", "ngettext", "translated")


class Language(NamedTuple):
    """How a language is written.

    :param locale: whose names of months and whose numbers it has (CLDR).
    :param day: a date, as a pattern of CLDR (Unicode Technical Standard 35, part 4).
    :param day_and_time: a moment.
    """

    locale: str
    direction: str
    day: str
    day_and_time: str


LANGUAGES: Mapping[str, Language] = {  # the first one is for whoever asks for none of these
    "en": Language("en_GB", "ltr", "d MMMM y", "d MMMM y, HH:mm"),
    "de": Language("de", "ltr", "d. MMMM y", "d. MMMM y, HH:mm"),
    "ar": Language("ar", "rtl", "d MMMM y", "d MMMM y، HH:mm"),
}
DEFAULT = next(iter(LANGUAGES))
SAID_BY_SETTINGS = (  # which know nothing of languages
    Words("Written by people their own organisation knows. This blog keeps no accounts."),
)


def init_app(app: Flask) -> None:
    """Let this application speak the language of who asks, or the one of LANGUAGE."""
    Babel(app, default_locale=DEFAULT, locale_selector=language)
    # newstyle puts the values in itself, as markup where they are
    app.jinja_env.install_gettext_callables(_sentence, _counted, newstyle=True)  # type: ignore[attr-defined]
    for name in (day, day_and_time, month, month_name, number, translated):
        app.add_template_filter(name)
    app.jinja_env.globals.update(
        language=language, direction=direction, separators=separators, own_language=app.config["LANGUAGE"] or DEFAULT
    )
    app.teardown_request(_forget)


def language() -> str:
    """Tell the language in which this request is answered: LANGUAGE, or what a browser asks for (RFC 9110, 12.5.4).

    :return: one of LANGUAGES; outside of a request that of the blog.
    """
    if spoken := _spoken.get():
        return spoken
    if not has_request_context():
        return (current_app.config["LANGUAGE"] if has_app_context() else "") or DEFAULT
    spoken = current_app.config["LANGUAGE"] or best(request.headers.get("Accept-Language", ""))
    _spoken.set(spoken)
    return spoken


_spoken: ContextVar[str | None] = ContextVar("_spoken", default=None)  # in this request: a page asks dozens of times


def _forget(_error: BaseException | None) -> None:
    _spoken.set(None)


@lru_cache(maxsize=256)  # browsers say few different ones
def best(asked: str) -> str:
    """Choose among LANGUAGES by what a browser asks for.

    :param asked: its Accept-Language header; may be empty, or anything.
    """
    return parse_accept_header(asked, LanguageAccept).best_match(LANGUAGES) or DEFAULT


def direction() -> str:
    """Tell which way the language of this request is written, as HTML's ``dir`` says it."""
    return LANGUAGES[language()].direction


def gettext(text: str, **values: object) -> str:
    """Say a sentence of the catalogues in the language of this request, with values in it."""
    return _sentence(text) % values if values else _sentence(text)


def ngettext(one: str, many: str, count: int, **values: object) -> str:
    """Say a sentence in the form that goes with a number; ``num`` is among the values."""
    return _counted(one, many, count) % {"num": count, **values}


def _sentence(text: str) -> str:
    return _catalogue().ugettext(text)


def _counted(one: str, many: str, count: int) -> str:
    return _catalogue().ungettext(one, many, count)


def _catalogue() -> NullTranslations:
    """Give the catalogue of this language, which Flask-Babel would look for anew at each sentence; a page has fifty."""
    if (spoken := language()) not in _catalogues:
        _catalogues[spoken] = get_translations()
    return _catalogues[spoken]


_catalogues: dict[str, NullTranslations] = {}


def translated(text: str) -> str:
    """Say in the language of this request what a room says in English.

    :param text: a sentence that the catalogues hold, perhaps with values in it; any other stays as it is.
    """
    if isinstance(text, Words):
        return gettext(text.form) % {name: _value(value) for name, value in text.values.items()}
    return gettext(text) if text else text


def day(at: date) -> str:
    """Write a date out, as in 21 November 2026."""
    return _written(at, LANGUAGES[language()].day)


def day_and_time(at: datetime) -> str:
    """Write a moment out, as in 21 November 2026, 14:05 UTC."""
    return f"{by_the_clock(at)} UTC"


def by_the_clock(at: datetime) -> str:
    """Write a moment out as its own clock shows it, as in 21 November 2026, 14:05."""
    return _written(at, LANGUAGES[language()].day_and_time)


def month(at: date) -> str:
    """Write a month out, as in November 2026."""
    return _written(at, "LLLL y")


def month_name(at: date) -> str:
    """Write the name of a month, as in November."""
    return _written(at, "LLLL")


def number(number: int) -> str:
    """Write a number with what parts its thousands, as in 12,345."""
    return numbers.format_decimal(number, locale=_locale(language()))


def separators(count: int, style: str = "standard") -> tuple[str, ...]:
    """Tell what stands between the names of a list, as the commas and the word in "A, B and C".

    :param style: one of CLDR's: ``standard`` ends with "and", ``unit`` only parts them.
    """
    return _separators(count, style, language())


@cache
def _separators(count: int, style: str, spoken: str) -> tuple[str, ...]:
    whole = lists.format_list(["\0"] * count, style=style, locale=_locale(spoken))  # type: ignore[arg-type]
    return tuple(whole.split("\0")[1:-1])


@cache
def _locale(spoken: str) -> Locale:
    return Locale.parse(LANGUAGES[spoken].locale)


def _written(at: date, pattern: str) -> str:
    # by its own clock alone: moments that are the same are equal, whatever their clocks show
    return _write(at.replace(tzinfo=None) if isinstance(at, datetime) else at, pattern, language())


@lru_cache(maxsize=4096)  # lists show the same days and moments again and again
def _write(at: date, pattern: str, spoken: str) -> str:
    write = dates.format_datetime if isinstance(at, datetime) else dates.format_date
    return write(at, pattern, locale=_locale(spoken))


def _value(value: Any) -> str:
    if isinstance(value, int):
        return number(value)
    return translated(value) if isinstance(value, Words) else str(value)
