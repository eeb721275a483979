"""Judging signed tokens: is this one genuine, from whom we asked, for us, and for this login?"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key, OctKey, OKPKey
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact

from blog.errors import LoginRefused

MAX_SUBJECT = 255
LATEST_TIME = 2**40  # seconds; keeps NaN, infinity and endless integers out of sums
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TYPES = frozenset({"logout+jwt", "jwt"})
LOGOUT_AGE_S = 10 * 60  # providers send these at once; and one that was used is remembered no longer than this

# What joserfc lets through when a token is no token at all.
UNREADABLE = (JoseError, ValueError, TypeError, AttributeError, RecursionError)

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


def verify(token: object, keys: Sequence[Key], alg: str, *, types: Collection[str] = ()) -> Claims:
    """Check a token's signature alone, and read it.

    Nothing the token says of itself chooses the algorithm or brings a key: ``jku``, ``jwk``, ``x5u`` and ``x5c`` are
    not looked at, and a token that insists on an extension (``crit``) is refused (RFC 8725, 3.1 and 3.10).

    :param types: what ``typ`` may be, in small letters; without one in the header it is ``jwt`` (RFC 8725, 3.11).
        If empty it is not looked at.
    :raises LoginRefused: ``malformed_token``, ``wrong_algorithm``, ``wrong_type``, ``unknown_key`` or
        ``bad_signature``.
    """
    pinned = _Pinned(alg)
    signed = _read(token, pinned)
    demand(signed.headers()["alg"] == alg, "wrong_algorithm")
    demand(not types or _type(signed) in types, "wrong_type")
    fitting = _fitting(keys, pinned.get_alg(alg), signed.headers().get("kid"))
    demand(fitting, "unknown_key")
    # Several only while a provider rotates its keys under one kid.
    demand(any(validate_compact(signed, key, registry=pinned) for key in fitting), "bad_signature")
    return _claims(signed)


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


def secret_key(secret: str, alg: str) -> Key:
    """Make the key of an HMAC signature from a client secret (Core 1.0, 10.1).

    :raises LoginRefused: ``weak_client_secret``: shorter than the hash, so it could be guessed (RFC 7518, 3.2).
    """
    octets = secret.encode()
    demand(len(octets) >= _hash(alg)().digest_size, "weak_client_secret")
    return OctKey(octets, octets)


def demand(fulfilled: object, reason: str) -> None:
    """Refuse the login for this reason unless the demand is fulfilled."""
    if not fulfilled:
        raise LoginRefused(reason)


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


class _Pinned(JWSRegistry):
    """joserfc's rules with one algorithm, and header parameters we do not know left alone (RFC 7515, 4)."""

    max_header_length = 16 * 1024  # some carry their certificates along

    def __init__(self, alg: str) -> None:
        super().__init__(algorithms=[alg], strict_check_header=False)
        self.alg = alg

    def get_alg(self, name: str) -> Any:
        # joserfc's own method warns of EdDSA at each token, as RFC 9864 gives it a new name.
        if name != self.alg or name == "none":
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


def _read(token: object, registry: JWSRegistry) -> CompactSignature:
    try:
        signed = extract_compact(token.encode(), registry=registry)  # type: ignore[attr-defined]
        registry.check_header(signed.headers())
    except UNREADABLE:
        raise LoginRefused("malformed_token") from None
    demand("crit" not in signed.headers(), "malformed_token")
    return signed


def _type(signed: CompactSignature) -> str:
    """Tell a token's media type, of which the part before the slash may be left out (RFC 7515, 4.1.9)."""
    return str(signed.headers().get("typ", "jwt")).lower().removeprefix("application/")


def _claims(signed: CompactSignature) -> Claims:
    try:
        claims = json.loads(signed.payload)
    except (ValueError, RecursionError):
        raise LoginRefused("malformed_token") from None
    if not isinstance(claims, dict):
        raise LoginRefused("malformed_token")
    return claims


def _fitting(keys: Sequence[Key], algorithm: Any, kid: str | None) -> list[Key]:
    """Choose by kty, use, alg, crv and kid; without a kid only a single key that fits will do (Core 1.0, 10.1)."""
    fitting = [key for key in keys if _fits(key, algorithm)]
    if kid is not None and algorithm.key_type != "oct":
        return [key for key in fitting if key.kid == kid]
    return fitting if len(fitting) == 1 else []


def _fits(key: Key, algorithm: Any) -> bool:
    try:
        algorithm.check_key(key)
        key.check_key_op("verify")
    except JoseError:
        return False
    return not isinstance(key, OKPKey) or key.curve_name == "Ed25519"


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
    digest = _hash(expected.alg)(expected.access_token.encode()).digest()
    half = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    demand(claims["at_hash"] == half, "wrong_access_token")


def _hash(alg: str) -> Any:
    # Ed25519 hashes with SHA-512 inside, and the others say their size themselves (Core 1.0, 3.1.3.6).
    return hashlib.sha512 if alg == "EdDSA" else getattr(hashlib, f"sha{alg[-3:]}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _time(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LATEST_TIME:
        return None
    return value
