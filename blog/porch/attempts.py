"""Logins that were begun: each in a sealed cookie of its own, so that several tabs can log in at once."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flask import Response, request, session

from blog.identity import oidc
from blog.identity.sessions import hash_of
from blog.porch import porch
from blog.web import headers
from blog.web.clock import moment

LIFETIME = timedelta(minutes=10)
AT_MOST = 5
PURPOSE = "login attempt"


class Begun(NamedTuple):
    """A login that was begun in this browser.

    :param session_ref: the session the browser had then, if any. A form that the provider sends brings no Lax cookie,
        so that the callback does not see it by itself.
    """

    attempt: oidc.Attempt
    session_ref: str | None


def keep(response: Response, attempt: oidc.Attempt) -> Response:
    """Let the browser keep this attempt; the oldest gives way to a sixth."""
    name = _cookie_of(attempt.state)
    begun = {"attempt": attempt.to_dict(), "session_ref": session.ref}  # type: ignore[attr-defined]
    sealed = urlsafe_b64encode(porch().seal.close(PURPOSE, name, begun)).decode()
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


def find(state: str) -> Begun | None:
    """Give the attempt of this browser with this state, if it is not too old."""
    begun = _opened(_cookie_of(state))
    if begun is None:
        return None
    age = moment() - datetime.fromtimestamp(begun.attempt.started_at, UTC)
    return begun if age <= LIFETIME else None


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
    names.sort(key=lambda name: begun.attempt.started_at if (begun := _opened(name)) else 0, reverse=True)
    return names[keep:]


def _opened(cookie: str) -> Begun | None:
    try:
        sealed = urlsafe_b64decode(request.cookies.get(cookie, ""))
    except ValueError:
        return None
    known = porch().seal.open(PURPOSE, cookie, sealed)
    try:
        return Begun(oidc.Attempt.from_dict(known["attempt"]), known["session_ref"]) if known else None
    except (KeyError, TypeError):  # begun before an upgrade, when attempts had other fields
        return None


def _drop(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=porch().is_https, httponly=True)
