"""Time zones: the clock on somebody's wall, read from a form and shown again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from blog.errors import Invalid, Words
from blog.web import languages

FIELD = "publish_at"  # under which problems are told
_CONTINENTS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?")
_NO_TIME = {FIELD: Words("This is no date and time that can be meant. Write it as in 2027-05-04 09:30.")}
_SHOWN = "%Y-%m-%dT%H:%M"  # HTML, 2.3.5.5: a local date and time string


@cache
def names() -> tuple[str, ...]:
    """List the zones to choose among, by their names in the IANA database: those of places, and UTC."""
    places = (name for name in available_timezones() if name.partition("/")[0] in _CONTINENTS)
    return ("UTC", *sorted(places))


@cache
def _all() -> frozenset[str]:
    return frozenset(available_timezones())


def known(name: object) -> str | None:
    """Give back the name of a zone if it is one, whoever says so; None for anything else."""
    return name if isinstance(name, str) and name in _all() else None


def typed_at(at: datetime | None, zone: str) -> str:
    """Write a moment as a form's field holds it; empty without one."""
    return f"{at.astimezone(ZoneInfo(zone)):{_SHOWN}}" if at else ""


def in_words(at: datetime, zone: str) -> str:
    """Write a moment out as the clocks of a zone show it, as in 21 November 2026, 14:05 (Europe/Berlin)."""
    return f"{languages.by_the_clock(at.astimezone(ZoneInfo(zone)))} ({zone})"


def moment_of(typed: str, zone: str, *, stored: datetime | None = None) -> datetime | None:
    """Understand the time in a form's field, by the clocks of a zone.

    Where clocks go back, an hour is there twice, and the first one is meant.

    :param typed: as `typed_at` writes it, with seconds or a space in it perhaps; empty for none.
    :param stored: the moment that the field was filled with: what was left as it was is this one, to the second.
    :return: aware UTC.
    :raises Invalid: under ``publish_at``, when it is no time, or one that the clocks skip.
    """
    if not typed.strip():
        return None
    if stored and typed.strip() == typed_at(stored, zone):
        return stored
    place = ZoneInfo(zone)
    if not _LOCAL.fullmatch(typed.strip()):
        raise Invalid(_NO_TIME)
    try:
        local = datetime.fromisoformat(typed.strip())
        at = local.replace(tzinfo=place).astimezone(UTC)
        shown = at.astimezone(place).replace(tzinfo=None)
    except (ValueError, OverflowError):  # there is no such day, or it is at one of the ends of time
        raise Invalid(_NO_TIME) from None
    if shown != local:
        skipped = Words(
            "Clocks go forward then in %(zone)s: there is no %(time)s on that day.", zone=zone, time=f"{local:%H:%M}"
        )
        raise Invalid({FIELD: skipped})
    return at


def comes_twice(at: datetime, zone: str) -> bool:
    """Whether the clocks of a zone show this time once more, an hour later or earlier, as they go back."""
    local = at.astimezone(ZoneInfo(zone))
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
