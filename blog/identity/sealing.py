"""Sealing what rests outside of memory, and keyed hashes to find it by; both from SECRET_KEY."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12  # the size NIST SP 800-38D recommends for GCM


class Seal:
    """Seals and hashes, each purpose with a key of its own (HKDF, RFC 5869).

    :param secret: the SECRET_KEY setting.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._key = cache(self._derive)

    def _derive(self, purpose: str) -> bytes:
        return HKDF(hashes.SHA256(), 32, salt=None, info=f"byline {purpose}".encode()).derive(self._secret)

    def close(self, purpose: str, place: str, value: Any) -> bytes:
        """Seal a JSON value, so that only :meth:`open` with the same purpose, place and secret reads it (AES-256-GCM).

        :param place: the row or cookie it is kept in; it cannot be moved to another one.
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._key(purpose)).encrypt(nonce, json.dumps(value).encode(), place.encode())

    def open(self, purpose: str, place: str, sealed: bytes) -> Any:
        """Give back what was sealed, or None if we did not seal this, for this purpose and place, with this secret."""
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
