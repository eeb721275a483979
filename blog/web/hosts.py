"""The one host this blog answers to, whatever a Host header says."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from flask import Flask, request

from blog.errors import Invalid, Words


def init_app(app: Flask, *, public_url: str) -> None:
    """Refuse requests for any other host: what is built from a forged one could end up in a cache."""

    @app.before_request
    def must_be_ours() -> None:
        if not is_of(public_url, request.host):
            raise Invalid(Words("This blog is at %(url)s.", url=public_url))


@lru_cache  # a blog is asked under few names
def is_of(public_url: str, host: str) -> bool:
    """Whether a Host header names the host of this address, at whatever port.

    :raises ValueError: it names none.
    """
    return urlsplit(f"//{host}").hostname == urlsplit(public_url).hostname
