"""Moments: dates as people and programs write them in front of their posts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from blog.errors import Invalid

_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
    r"(?:[ \t]*(?:(Z|z|UTC|GMT)|([+-])([0-9]{1,2}):?([0-9]{2})?))?"
)


def read(written: str, zone: tzinfo) -> datetime:
    """Read a date, or a moment, such as ``2014-03-12``, ``2014-03-12 9:00:00 -0500`` or ``2014-03-12T09:00:00Z``.

    :param zone: of what names none.
    :return: in the zone that is written, which the day of an old address is told in; a day is its beginning.
    :raises Invalid: when it is neither.
    """
    parts = _MOMENT.fullmatch(written.strip())
    if not parts:
        raise Invalid(
            f"“{written.strip()[:40]}” is no date that can be read, such as 2014-03-12 or 2014-03-12T09:00:00Z"
        )
    year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups()[:6])
    micros = int((parts[7] or "0").ljust(6, "0")[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, micros, tzinfo=_zone(parts, zone))
        moment.astimezone(UTC)  # in the year 1 there may be none
        return moment
    except (ValueError, OverflowError):
        raise Invalid(f"there is no {written.strip()[:40]}") from None


def _zone(parts: re.Match[str], zone: tzinfo) -> tzinfo:
    if parts[8]:
        return UTC
    if not parts[9]:
        return zone
    away = timedelta(hours=int(parts[10]), minutes=int(parts[11] or 0))
    return timezone(-away if parts[9] == "-" else away)
