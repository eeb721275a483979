"""How this blog is registered at its provider, and how it proves to the provider that it is this client."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote_plus, urlencode

from blog.identity.http import Answer, fetch
from blog.identity.provider import Metadata

if TYPE_CHECKING:
    from joserfc.jwk import Key

ASSERTION_LIFETIME_S = 120  # the minute that clocks may differ, and one to travel; some providers accept five at most


@dataclass(frozen=True, slots=True)
class Client:
    """How this blog is registered at its provider.

    :param client_secret: empty when keys of our own do without.
    :param scopes: what to ask for; ``openid`` always is.
    :param token_auth_method: ``client_secret_basic``, ``client_secret_post`` or ``private_key_jwt``.
    :param id_token_alg: the only algorithm accepted on ID tokens.
    :param userinfo_alg: likewise on userinfo; empty when that is plain JSON.
    :param response_mode: ``query`` or ``form_post``.
    :param skew: seconds by which the provider's clock may differ from ours.
    :param assertion_audience: to whom a proof by ``private_key_jwt`` is addressed: ``issuer`` or ``token_endpoint``.
    :param signing_key: gives the key such a proof is signed with, which names its algorithm; None when there is none.
    :param par: whether a login's request is pushed: ``auto``, ``always`` or ``never``.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...]
    token_auth_method: str
    id_token_alg: str
    userinfo_alg: str
    response_mode: str
    skew: int
    assertion_audience: str = "issuer"
    signing_key: Callable[[], Key] | None = field(default=None, repr=False, compare=False)
    par: str = "auto"


Proof = tuple[dict[str, str], dict[str, str]]  # headers, and fields of the form


def send(client: Client, metadata: Metadata, url: str, form: Mapping[str, str], *, what: str, now: datetime) -> Answer:
    """Send a form to an endpoint of the provider that talks to its clients only, with our proof (RFC 6749, 2.3).

    :param what: names the endpoint in errors.
    :param now: aware.
    :return: the answer, whatever its status.
    :raises Unreachable: there was none.
    :raises LoginRefused: ``unreadable_keys``.
    """
    audience = metadata.issuer if client.assertion_audience == "issuer" else metadata.token_endpoint
    headers, fields = prove(client, audience, now)
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return fetch("POST", url, what=what, headers=headers, data=urlencode({**form, **fields}))


class Registered(Protocol):
    """Whoever is registered at the provider and can prove it; `Client` is, and a client for the user API."""

    @property
    def client_id(self) -> str:
        """By which the provider knows it."""
        ...

    @property
    def client_secret(self) -> str:
        """Empty with keys."""
        ...

    @property
    def token_auth_method(self) -> str:
        """One of PROOFS."""
        ...

    @property
    def signing_key(self) -> Callable[[], Key] | None:
        """Gives a key that names its algorithm."""
        ...


def prove(who: Registered, audience: str, now: datetime) -> Proof:
    """Make what goes with one request to show who sends it (RFC 6749, 2.3.1; RFC 7523, 2.2).

    :param audience: to whom a signed proof is addressed.
    :param now: aware.
    :raises LoginRefused: ``unreadable_keys``.
    """
    return PROOFS[who.token_auth_method](who, audience, now)


def _basic(who: Registered, _audience: str, _now: datetime) -> Proof:
    # RFC 6749, 2.3.1: both parts are form-encoded before they are joined. Authlib leaves that out.
    pair = f"{quote_plus(who.client_id)}:{quote_plus(who.client_secret)}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}, {}


def _post(who: Registered, _audience: str, _now: datetime) -> Proof:
    return {}, {"client_id": who.client_id, "client_secret": who.client_secret}


def _private_key_jwt(who: Registered, audience: str, now: datetime) -> Proof:
    """Sign that we are this client, for this one request (RFC 7523, 2.2 and 3; Core 1.0, 9)."""
    from authlib.oauth2.rfc7523.assertion import private_key_jwt_sign  # noqa: PLC0415  (joserfc: as in tokens.py)
    from authlib.oauth2.rfc7523.client import ASSERTION_TYPE  # noqa: PLC0415

    assert who.signing_key is not None  # noqa: S101  (whoever chooses this method gives one)
    key = who.signing_key()
    assertion = private_key_jwt_sign(
        key,
        who.client_id,
        audience,
        alg=key.alg,
        header={"kid": key.kid},
        issued_at=int(now.timestamp()),
        expires_in=ASSERTION_LIFETIME_S,
    )
    fields = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return {}, {"client_id": who.client_id, **fields}  # some providers find the client by its id alone


PROOFS: dict[str, Callable[[Registered, str, datetime], Proof]] = {
    "client_secret_basic": _basic,
    "client_secret_post": _post,
    "private_key_jwt": _private_key_jwt,
}
