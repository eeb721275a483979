"""Signatures: whether one of these keys signed a token, with the one algorithm that is allowed."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key, OctKey, OKPKey
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact

from blog.errors import LoginRefused
from blog.identity.tokens import Claims, demand, hash_of

# What joserfc lets through when a token is no token at all.
UNREADABLE = (JoseError, ValueError, TypeError, AttributeError, RecursionError)


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


def secret_key(secret: str, alg: str) -> Key:
    """Make the key of an HMAC signature from a client secret (Core 1.0, 10.1).

    :raises LoginRefused: ``weak_client_secret``: shorter than the hash, so it could be guessed (RFC 7518, 3.2).
    """
    octets = secret.encode()
    demand(len(octets) >= hash_of(alg)().digest_size, "weak_client_secret")
    return OctKey(octets, octets)


def usable(keys: Sequence[Key], alg: str) -> list[Key]:
    """Pick the keys that could have made signatures with this algorithm."""
    return [key for key in keys if _fits(key, _Pinned(alg).get_alg(alg))]


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
