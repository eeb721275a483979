"""Private keys that an operator brings along, as PEM or as JWK."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey, import_key

SMALLEST_RSA_BITS = 2048
ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}


def read(text: str) -> Key:
    """Read a private key for RS256 or ES256, as PEM or as a JWK (RFC 7517), and give it a `kid` if it has none.

    :raises ValueError: when it is none; says what it has to be.
    """
    wrong = ValueError("must be a private RSA key of 2048 bits or more, or one for P-256, as PEM or JWK")
    try:
        key = _key_of(text)
    except (ValueError, TypeError, KeyError, JoseError):
        raise wrong from None
    fits = isinstance(key, RSAKey) and key.raw_value.key_size >= SMALLEST_RSA_BITS
    fits = fits or (isinstance(key, ECKey) and key.curve_name == "P-256")
    if not fits or not key.is_private:
        raise wrong
    told = key.as_dict(private=True)
    named = import_key({"alg": ALGORITHMS[key.key_type], **told, "use": "sig"})
    named.ensure_kid()
    return named


def _key_of(text: str) -> Key:
    if text.startswith("{"):
        return import_key(json.loads(text))
    kind = ECKey if isinstance(load_pem_private_key(text.encode(), None), EllipticCurvePrivateKey) else RSAKey
    return kind.import_key(text)
