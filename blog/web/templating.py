"""What every template can say: dates and moments, for people and for machines."""

from __future__ import annotations

from datetime import datetime

from flask import Flask

from blog.web import zones


def day(at: datetime) -> str:
    """Write a date out, as in 21 November 2026."""
    return f"{at:%-d %B %Y}"


def day_and_time(at: datetime) -> str:
    """Write a moment out, as in 21 November 2026, 14:05 UTC."""
    return f"{at:%-d %B %Y, %H:%M} UTC"


def machine(at: datetime) -> str:
    """Write a moment for the ``datetime`` attribute (RFC 3339)."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def init_app(app: Flask) -> None:
    """Give this application's templates these filters."""
    app.add_template_filter(zones.in_words, "in_zone")
    app.add_template_filter(zones.typed_at)
    for name in (day, day_and_time, machine):
        app.add_template_filter(name)
