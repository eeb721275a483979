"""What opens a user API: a token that is fetched with client credentials, or one that was given."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from blog.errors import LoginRefused, Unreachable
from blog.identity.client import Proof, prove
from blog.identity.http import Answer, fetch

if TYPE_CHECKING:
    from joserfc.jwk import Key

TOKEN_ENDPOINT = "the token endpoint"  # noqa: S105  (what errors and answers call it)
TIMEOUT = (1.0, 3.0)
DEADLINE_S = 5.0
TOKEN_S = 300.0  # for so long a token is kept where the provider does not say
LONGEST_TOKEN_S = 24 * 60 * 60.0


class Opener(Protocol):
    """Gives a token for a user API."""

    def __call__(self, *, refused: str | None = None) -> str:
        """Give the token; another one than `refused`, which the API did not take, if there is another.

        :return: empty when the API is open.
        :raises Unreachable: there is none to be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """How whoever asks for names is registered at the provider.

    :param token_auth_method: ``client_secret_basic``, ``client_secret_post`` or ``private_key_jwt``.
    :param signing_key: gives the key for the last of them.
    """

    client_id: str
    client_secret: str = field(default="", repr=False)
    token_auth_method: str = "client_secret_basic"  # noqa: S105  (the name of a method)
    signing_key: Callable[[], Key] | None = field(default=None, repr=False, compare=False)


def is_token(text: str) -> bool:
    """Whether this can stand in a header; anything else would break it."""
    return text.isascii() and text.isprintable() and bool(text) and " " not in text


class Given:
    """A token that the operator was given, until the provider takes it back.

    :param token: empty for an API that is open to whoever reaches it.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, *, refused: str | None = None) -> str:
        """Give it; there is no other."""
        return self._token


class Bearer:
    """A token of our own for the user API (RFC 6749 §4.4), fetched when needed and kept in memory until it ends.

    Two threads that start at once may both fetch one; that costs a call and needs no lock, which a fork could leave
    held.

    :param find_url: looks up the token endpoint; may raise Unreachable.
    :param credentials: who asks.
    :param form: more fields that the provider wants, such as an audience.
    :param addressee: to whom a signed proof is addressed; the token endpoint if empty.
    :param clock: seconds that never run backwards.
    :param now: the aware moment.
    """

    def __init__(
        self,
        find_url: Callable[[], str],
        credentials: Credentials,
        *,
        scopes: Collection[str] = (),
        form: Mapping[str, str] | None = None,
        addressee: str = "",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._find_url = find_url
        self._credentials = credentials
        scope = {"scope": " ".join(scopes)} if scopes else {}
        self._form = {"grant_type": "client_credentials", **scope, **(form or {})}
        self._addressee = addressee
        self._clock, self._now = clock, now
        self._token, self._ends = "", clock()

    def __call__(self, *, refused: str | None = None) -> str:
        """Give the token; see `Opener`."""
        if self._token == refused or self._clock() >= self._ends:
            self._token, self._ends = self._request()
        return self._token

    def _request(self) -> tuple[str, float]:
        answer = self._send(self._find_url())
        told = answer.object() if answer.status == 200 else {}
        token, kind, lifetime_s = told.get("access_token"), told.get("token_type"), told.get("expires_in")
        if not isinstance(token, str) or not is_token(token) or str(kind).lower() != "bearer":
            raise answer.unusable("gives no token for the user API")
        if not isinstance(lifetime_s, int | float):
            lifetime_s = TOKEN_S
        return token, self._clock() + 0.9 * min(LONGEST_TOKEN_S, lifetime_s)

    def _proof(self, url: str) -> Proof:
        """Make what shows the token endpoint who asks; may raise Unreachable."""
        try:
            return prove(self._credentials, self._addressee or url, self._now())
        except LoginRefused as refused:
            raise Unreachable(f"the blog cannot prove itself to the user API: {refused.reason}") from None

    def _send(self, url: str) -> Answer:
        headers, fields = self._proof(url)
        return fetch(
            "POST",
            url,
            what=TOKEN_ENDPOINT,
            headers=headers,
            data={**self._form, **fields},
            timeout=TIMEOUT,
            deadline_s=DEADLINE_S,
        )
