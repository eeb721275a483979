"""The one host this blog answers to, whatever a Host header says."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, request

from blog.errors import Invalid, Words


def init_app(app: Flask, *, public_url: str) -> None:
    """Refuse requests for any other host: what is built from a forged one could end up in a cache."""
    ours = urlsplit(public_url).hostname

    @app.before_request
    def must_be_ours() -> None:
        if urlsplit(f"//{request.host}").hostname != ours:
            raise Invalid(Words("This blog is at %(url)s.", url=public_url))
