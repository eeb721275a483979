"""Notices that somebody changed at the provider: whether one is genuine, and whom it speaks of."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from blog.errors import Invalid
from blog.forks import begin_anew
from blog.identity.people import Key, key_of

FRESH_S = 300  # how far the time in a signed notice may be from ours, either way
PEOPLE_AT_MOST = 100  # in one notice; with more, everybody is forgotten
CHALLENGE_LONGEST = 500
OWN_HEADERS = "Byline-Timestamp", "Byline-Signature"


def why_not_genuine(
    secret: str, body: bytes, *, now: float, timestamp: str | None, signature: str | None, authorization: str | None
) -> str | None:
    """Judge who sent a notice; all comparisons take the same time whatever is wrong.

    A signature, where there is one, is the hexadecimal HMAC-SHA256 (RFC 2104) over timestamp, full stop and body.
    Without one the secret itself has to stand in the Authorization header, alone (Okta) or as a bearer token (RFC 6750,
    2.1; Auth0).

    :param now: Unix time in seconds.
    :return: None for a genuine one, else ``no_secret``, ``bad_secret``, ``bad_signature`` or ``stale``.
    """
    if signature is not None:
        return _why_not_signed(secret, body, now, timestamp or "", signature)
    if authorization is None:
        return "no_secret"
    scheme, _, token = authorization.partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else authorization
    return None if _equal(given, secret) else "bad_secret"


def _why_not_signed(secret: str, body: bytes, now: float, timestamp: str, signature: str) -> str | None:
    text = timestamp.encode("utf-8", "replace") + b"." + body
    if not _equal(signature.strip().lower(), hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()):
        return "bad_signature"
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return "stale"
    return None if abs(now - int(timestamp)) <= FRESH_S else "stale"


def _equal(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())


def people_in(body: bytes, issuer: str) -> set[Key] | None:
    """Find whom a notice speaks of; nothing else in it is looked at, names least of all.

    Three kinds are understood: ``{"authors": [id, …]}`` or ``{"all": true}``, which anything can send; Okta's event
    hooks (the targets of kind User); Auth0's event streams (the user of a CloudEvent).

    :param issuer: whose ids these are.
    :return: None for everybody. Nobody, where such an event is about something else.
    :raises Invalid: when it is none of these.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):  # not UTF-8, not JSON, or nested a hundred thousand deep
        raise Invalid("this notice is no JSON") from None
    ids = _ids(told)
    if ids is None or len(ids) > PEOPLE_AT_MOST:
        return None
    return {key_of(issuer, each) for each in ids}


def _ids(told: Any) -> list[str] | None:
    match told:
        case {"all": True}:
            return None
        case {"authors": [*ids]}:
            found = ids
        case {"data": {"events": [*events]}}:
            found = [user for event in events for user in _okta_users(event)]
        case {"data": {"object": {"user_id": user}}}:
            found = [user]
        case {"specversion": _, "data": _}:
            found = []
        case _:
            raise Invalid("this notice is of no kind that is known here")
    if not all(isinstance(each, str) for each in found):
        raise Invalid("an id in this notice is no text")
    return found


def _okta_users(event: Any) -> list[Any]:
    match event:
        case {"target": [*targets]}:
            return [target["id"] for target in targets if _is_okta_user(target)]
    return []


def _is_okta_user(target: Any) -> bool:
    return isinstance(target, dict) and target.get("type") == "User" and "id" in target


class Rate:
    """How many notices a process takes in a time; a provider that goes mad is told to wait.

    :param clock: seconds that never run backwards.
    """

    def __init__(self, most: int, per_s: float, clock: Callable[[], float]) -> None:
        self._most, self._per_s, self._clock = most, per_s, clock
        self._taken: deque[float] = deque()
        self._start()
        begin_anew(self, Rate._start)

    def _start(self) -> None:
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Count one more, if there is room for it."""
        with self._lock:
            now = self._clock()
            while self._taken and self._taken[0] <= now - self._per_s:
                self._taken.popleft()
            if len(self._taken) >= self._most:
                return False
            self._taken.append(now)
            return True
