"""Sealing what rests outside of memory, and keyed hashes to find it by; both from SECRET_KEY."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from functools import cache
from typing import Any

KEY_BYTES = 32
NONCE_BYTES = 12  # the size NIST SP 800-38D recommends for GCM


class Seal:
    """Seals and hashes, each purpose with a key of its own (HKDF, RFC 5869).

    :param secret: the SECRET_KEY setting.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._key = cache(self._derive)

    def _derive(self, purpose: str) -> bytes:
        # RFC 5869, 2.2 and 2.3, without a salt, for as many octets as one SHA-256 gives.
        extracted = hmac.digest(bytes(KEY_BYTES), self._secret, "sha256")
        return hmac.digest(extracted, f"byline {purpose}".encode() + b"\x01", "sha256")

    def close(self, purpose: str, place: str, value: Any) -> bytes:
        """Seal a JSON value, so that only :meth:`open` with the same purpose, place and secret reads it (AES-256-GCM).

        :param place: the row or cookie it is kept in; it cannot be moved to another one.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  (7 MB; who reads seals nothing)

        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._key(purpose)).encrypt(nonce, json.dumps(value).encode(), place.encode())

    def open(self, purpose: str, place: str, sealed: bytes) -> Any:
        """Give back what was sealed, or None if we did not seal this, for this purpose and place, with this secret."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  (as above)
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return json.loads(AESGCM(self._key(purpose)).decrypt(nonce, text, place.encode()))
        except (InvalidTag, ValueError):
            return None

    def ref(self, purpose: str, *parts: str) -> str:
        """Hash these parts with a key (HMAC-SHA256): equal parts give an equal reference that tells nothing else.

        :return: 64 hexadecimal digits.
        """
        return hmac.new(self._key(f"ref {purpose}"), json.dumps(parts).encode(), hashlib.sha256).hexdigest()

    def key(self, purpose: str) -> bytes:
        """Derive 32 bytes for somebody else's use, such as signing form tokens."""
        return self._key(purpose)
