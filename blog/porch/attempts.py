"""Logins that were begun: each in a sealed cookie of its own, so that several tabs can log in at once."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

from flask import Response, request

from blog.identity import oidc
from blog.identity.sessions import hash_of
from blog.porch import porch
from blog.web import headers
from blog.web.clock import moment

LIFETIME = timedelta(minutes=10)
AT_MOST = 5
PURPOSE = "login attempt"


def keep(response: Response, attempt: oidc.Attempt) -> Response:
    """Let the browser keep this attempt; the oldest gives way to a sixth."""
    name = _cookie_of(attempt.state)
    sealed = urlsafe_b64encode(porch().seal.close(PURPOSE, name, attempt.to_dict())).decode()
    from_elsewhere = porch().client.response_mode == "form_post"  # a POST from the provider brings no Lax cookie
    response.set_cookie(
        name,
        sealed,
        max_age=LIFETIME,
        path="/",
        secure=porch().is_https,
        httponly=True,
        samesite="None" if from_elsewhere else "Lax",
    )
    for older in _beyond_newest(AT_MOST - 1):
        _drop(response, older)
    return headers.keep_private(response)


def find(state: str) -> oidc.Attempt | None:
    """Give the attempt of this browser with this state, if it is not too old."""
    attempt = _opened(_cookie_of(state))
    if attempt is None:
        return None
    age = moment() - datetime.fromtimestamp(attempt.started_at, UTC)
    return attempt if age <= LIFETIME else None


def forget(response: Response, state: str) -> Response:
    """Drop the attempt with this state from the browser."""
    _drop(response, _cookie_of(state))
    return headers.keep_private(response)


def _prefix() -> str:
    return "__Host-login-" if porch().is_https else "byline-login-"


def _cookie_of(state: str) -> str:
    return _prefix() + hash_of(state)[:16]


def _beyond_newest(keep: int) -> list[str]:
    """Name the cookies of attempts beyond the newest `keep`, broken ones first."""
    names = [name for name in request.cookies if name.startswith(_prefix())]
    names.sort(key=lambda name: attempt.started_at if (attempt := _opened(name)) else 0, reverse=True)
    return names[keep:]


def _opened(cookie: str) -> oidc.Attempt | None:
    try:
        sealed = urlsafe_b64decode(request.cookies.get(cookie, ""))
    except ValueError:
        return None
    known = porch().seal.open(PURPOSE, cookie, sealed)
    try:
        return oidc.Attempt.from_dict(known) if known else None
    except (KeyError, TypeError):  # begun before an upgrade, when attempts had other fields
        return None


def _drop(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=porch().is_https, httponly=True)
