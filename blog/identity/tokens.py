"""Judging signed tokens: is this one genuine, from whom we asked, for us, and for this login?"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from blog.errors import LoginRefused

if TYPE_CHECKING:
    from joserfc.jwk import Key

MAX_SUBJECT = 255
LATEST_TIME = 2**40  # seconds; keeps NaN, infinity and endless integers out of sums
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TYPES = frozenset({"logout+jwt", "jwt"})
LOGOUT_AGE_S = 10 * 60  # providers send these at once; and one that was used is remembered no longer than this

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say. What is None was not asked for and is not looked at.

    :param client_id: we, who must be in the audience.
    :param alg: the only signature algorithm accepted.
    :param skew: seconds by which the provider's clock may differ from ours, either way.
    :param nonce: of the login that this token answers.
    :param subject: whom we know already: of a refreshed token, say.
    :param max_age: seconds since the person was last asked to prove who they are.
    :param acr_values: the token must name one of them, if there are any.
    :param access_token: that came along; must fit the token's ``at_hash`` if it has one.
    """

    issuer: str
    client_id: str
    alg: str
    skew: int
    nonce: str | None = field(default=None, repr=False)
    subject: str | None = field(default=None, repr=False)
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    access_token: str | None = field(default=None, repr=False)


def judge_id_token(token: object, keys: Sequence[Key], expected: Expected, *, now: datetime) -> Claims:
    """Accept or refuse an ID token (Core 1.0, 3.1.3.7 and 12.2).

    :param token: whatever stood where the token should be.
    :param keys: those that may have signed it.
    :param now: aware.
    :return: the token's claims.
    :raises LoginRefused: with the first reason found.
    """
    from blog.identity.signatures import verify  # noqa: PLC0415  (joserfc takes 9 MB, and who reads brings no token)

    claims = verify(token, keys, expected.alg)
    judge_recipient(claims, expected)
    judge_times(claims, expected, now=now)
    _judge_subject(claims, expected)
    _judge_login(claims, expected, now.timestamp())
    _judge_access_token(claims, expected)
    return claims


def judge_logout_token(token: object, keys: Sequence[Key], expected: Expected, *, now: datetime) -> Claims:
    """Accept or refuse a logout token (Back-Channel Logout 1.0, 2.4 and 2.6); that it is used once is for the caller.

    :param token: whatever stood where the token should be.
    :param keys: those that may have signed it.
    :param now: aware.
    :return: the token's claims: ``jti``, and ``sub`` or ``sid`` or both, are texts that are not empty.
    :raises LoginRefused: with the first reason found.
    """
    from blog.identity.signatures import verify  # noqa: PLC0415  (as above)

    claims = verify(token, keys, expected.alg, types=LOGOUT_TYPES)
    judge_recipient(claims, expected)
    judge_times(claims, expected, now=now)
    demand(now.timestamp() - expected.skew < claims["iat"] + LOGOUT_AGE_S, "logout_too_old")
    events = claims.get("events")
    demand(isinstance(events, dict) and isinstance(events.get(LOGOUT), dict), "not_a_logout")
    demand("nonce" not in claims, "nonce_in_logout")
    demand(_is_text(claims.get("jti")), "missing_token_id")
    named = {"sub", "sid"} & claims.keys()
    demand(named and all(_is_text(claims[name]) for name in named), "missing_subject")
    return claims


def judge_recipient(claims: Claims, expected: Expected) -> None:
    """Check that a token comes from our provider and is meant for us (Core 1.0, 3.1.3.7, steps 2 to 5).

    :raises LoginRefused: ``wrong_issuer``, ``wrong_audience`` or ``wrong_authorized_party``.
    """
    demand(claims.get("iss") == expected.issuer, "wrong_issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    demand(expected.client_id in audiences, "wrong_audience")
    if len(audiences) > 1 or "azp" in claims:
        demand(claims.get("azp") == expected.client_id, "wrong_authorized_party")


def judge_times(claims: Claims, expected: Expected, *, now: datetime) -> None:
    """Check that a token is valid now, give or take the skew (RFC 7519, 4.1.4 to 4.1.6).

    :raises LoginRefused: ``missing_expiry``, ``expired``, ``missing_issue_time``, ``issued_in_future`` or
        ``not_yet_valid``.
    """
    early, late = now.timestamp() - expected.skew, now.timestamp() + expected.skew
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    if expires is None:
        raise LoginRefused("missing_expiry")
    if issued is None:
        raise LoginRefused("missing_issue_time")
    demand(early < expires, "expired")
    demand(issued <= late, "issued_in_future")
    if "nbf" in claims:
        valid_from = _time(claims, "nbf")
        demand(valid_from is not None and valid_from <= late, "not_yet_valid")


def auth_time(claims: Claims) -> int | None:
    """Tell when the person last proved who they are (Core 1.0, 2), in whole seconds since the epoch."""
    told = _time(claims, "auth_time")
    return None if told is None else int(told)


def demand(fulfilled: object, reason: str) -> None:
    """Refuse the login for this reason unless the demand is fulfilled."""
    if not fulfilled:
        raise LoginRefused(reason)


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _judge_subject(claims: Claims, expected: Expected) -> None:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        raise LoginRefused("missing_subject")
    demand(subject.isascii() and subject.isprintable(), "missing_subject")
    demand(expected.subject in {None, subject}, "other_subject")


def _judge_login(claims: Claims, expected: Expected, now: float) -> None:
    if expected.nonce is not None:
        nonce = claims.get("nonce")
        demand(isinstance(nonce, str) and same(nonce, expected.nonce), "wrong_nonce")
    if expected.max_age is not None:
        logged_in = _time(claims, "auth_time")
        if logged_in is None:
            raise LoginRefused("login_too_old")
        demand(now - expected.skew <= logged_in + expected.max_age, "login_too_old")
    if expected.acr_values:
        demand(claims.get("acr") in expected.acr_values, "login_too_weak")


def _judge_access_token(claims: Claims, expected: Expected) -> None:
    if expected.access_token is None or "at_hash" not in claims:
        return
    digest = hash_of(expected.alg)(expected.access_token.encode()).digest()
    half = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    demand(claims["at_hash"] == half, "wrong_access_token")


def hash_of(alg: str) -> Any:
    """Tell the hash that a signature algorithm uses."""
    # Ed25519 hashes with SHA-512 inside, and the others say their size themselves (Core 1.0, 3.1.3.6).
    return hashlib.sha512 if alg == "EdDSA" else getattr(hashlib, f"sha{alg[-3:]}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _time(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LATEST_TIME:
        return None
    return value
