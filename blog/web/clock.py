"""The moment of a request: asked once, the same for everything that happens in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, current_app, g

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Tell the time, aware and in UTC."""
    return datetime.now(UTC)


def init_app(app: Flask, clock: Clock) -> None:
    """Make this the application's clock."""
    app.extensions["clock"] = clock


def moment() -> datetime:
    """Tell when this request happens (aware UTC)."""
    at: datetime | None = g.get("moment")  # a page asks several times
    if at is None:
        at = g.moment = current_app.extensions["clock"]()
    return at
