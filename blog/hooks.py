"""The provider's door: notices that somebody changed there, after which their name is forgotten here."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Flask, current_app, request
from flask.typing import ResponseReturnValue

from blog.errors import Invalid, NotFound
from blog.identity import notices
from blog.identity.directories import forgetting
from blog.identity.people import Key
from blog.porch import log, porch
from blog.web import csrf
from blog.web.clock import moment

LONGEST = 256 * 1024  # bytes of one notice
MOST, PER_S = 120, 60  # notices in one process: only genuine ones count, so nobody else can use them up
NOT_KEPT = {"Cache-Control": "no-store"}

bp = Blueprint("hooks", __name__)


def init_app(app: Flask) -> None:
    """Open this door of an application."""
    app.extensions["hooks"] = notices.Rate(MOST, PER_S, time.monotonic)
    app.register_blueprint(bp)


@bp.get("/hooks/authors")
def verify() -> ResponseReturnValue:
    """Answer Okta, which asks once whether this address wants its notices."""
    secret, challenge = _secret(), request.headers.get("X-Okta-Verification-Challenge")
    if not challenge or len(challenge) > notices.CHALLENGE_LONGEST:
        raise NotFound
    if reason := _why_not_genuine(secret, b""):
        return _refuse(reason, 401)
    return {"verification": challenge}, NOT_KEPT


@bp.post("/hooks/authors")
@csrf.exempt
def forget() -> ResponseReturnValue:
    """Forget the names of whom a genuine notice speaks of, in every process; that is all it can do."""
    secret = _secret()
    if (request.content_length or 0) > LONGEST:
        return _refuse("too_long", 413)
    body = request.get_data(cache=False)
    if reason := _why_not_genuine(secret, body):
        return _refuse(reason, 401)
    if not current_app.extensions["hooks"].take():
        return _refuse("too_many", 429)
    try:
        keys = notices.people_in(body, porch().client.issuer)
    except Invalid:
        return _refuse("malformed", 400)
    if keys is None or keys:
        _forget(keys)
    log.note("names_forgotten", by="hook", names=None if keys is None else len(keys))
    return "", 204, NOT_KEPT


def _forget(keys: set[Key] | None) -> None:
    with forgetting.telling(porch().directory, porch().seal, keys, now=moment()):
        pass  # there is nothing else to write


def _secret() -> str:
    """Give the secret that notices are known by.

    :raises NotFound: there is none, so there is no such address.
    """
    secret: str = current_app.config["HOOK_SECRET"]
    if not secret:
        raise NotFound
    return secret


def _why_not_genuine(secret: str, body: bytes) -> str | None:
    timestamp, signature = (request.headers.get(name) for name in notices.OWN_HEADERS)
    authorization = request.headers.get("Authorization")
    return notices.why_not_genuine(
        secret, body, now=moment().timestamp(), timestamp=timestamp, signature=signature, authorization=authorization
    )


def _refuse(reason: str, status: int) -> ResponseReturnValue:
    log.note("hook_refused", reason=reason, alarm=True)
    more: dict[str, Any] = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": str(PER_S)}}.get(status, {})
    return {"error": reason}, status, NOT_KEPT | more
