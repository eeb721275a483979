"""Keeping: what is said of a page while it is made, so that the page cache knows until when it is good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isinf
from typing import Any

from flask import has_request_context, request

from blog.web.clock import moment

IN_ENVIRON = "byline.page"  # where the page cache puts a `Page` before it asks for one; it never leaves the process


@dataclass(slots=True)
class Page:
    """What is known of a page that is being made.

    :param fresh_until: from here on it should be made anew, and may be shown meanwhile; None for any time.
    :param ends: from here on it must not be shown.
    :param post_id: of the post whose readers are counted with it.
    """

    fresh_until: datetime | None = None
    ends: datetime | None = None
    post_id: int | None = None

    def is_stale(self, now: datetime) -> bool:
        """Whether it should be made anew at this moment."""
        return self.fresh_until is not None and now >= self.fresh_until

    def is_over(self, now: datetime) -> bool:
        """Whether it must not be shown at this moment."""
        return self.ends is not None and now >= self.ends


def is_asked() -> bool:
    """Whether the page at hand may be kept, and shown until something changes."""
    return _page() is not None


def names_last(fresh_s: float, known_s: float) -> None:
    """Say for how many seconds the names on the page at hand are fresh, and for how many they are known."""
    if page := _page():
        page.fresh_until = _earlier(page.fresh_until, _in(fresh_s))
        page.ends = _earlier(page.ends, _in(known_s))


def until(at: datetime | None) -> None:
    """Say that the page at hand will look otherwise from this moment on; None says nothing."""
    if page := _page():
        page.ends = _earlier(page.ends, at)


def shows(post_id: int) -> bool:
    """Say that whoever gets the page at hand is a reader of this post; tell whether the page cache counts them."""
    if page := _page():
        page.post_id = post_id
    return page is not None


def _page() -> Page | None:
    made: Any = request.environ.get(IN_ENVIRON) if has_request_context() else None
    return made


def _in(seconds: float) -> datetime | None:
    return None if isinf(seconds) else moment() + timedelta(seconds=seconds)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other
