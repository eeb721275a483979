"""What the provider publishes about itself: its endpoints and its keys, each kept for an hour."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

from blog.config import is_loopback
from blog.errors import LoginRefused, Unreachable
from blog.forks import begin_anew
from blog.identity.http import fetch

if TYPE_CHECKING:
    from joserfc.jwk import Key

TTL_S = 60 * 60
STALE_S = 24 * 60 * 60  # how long an old copy helps out while the provider is down
MOMENT_S = 2  # who is about to be sent to the provider is sent on news no older than this
PAUSE_S = 2  # after a failure nobody waits for another one
COOL_DOWN_S = 60  # between two fetches that a token asked for
MIN_RSA_BITS = 2048
WELL_KNOWN = "/.well-known/openid-configuration"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of the discovery document that we use (Discovery 1.0, 3); nothing else in it reaches us.

    :param iss_parameter_required: whether every answer to a login must name its issuer (RFC 9207, 2.4).
    :param push_required: whether no login may begin otherwise than by a pushed request (RFC 9126, 5).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    prompt_values_supported: tuple[str, ...] = ()
    iss_parameter_required: bool = False
    pushed_authorization_request_endpoint: str | None = None
    push_required: bool = False


class Provider:
    """One OpenID provider; safe to share between threads.

    :param issuer: exactly as the provider spells it.
    :param overrides: endpoint name → address that counts instead of the published one; empty addresses count not.
    :param insecure_http: accept endpoints over plain http that are not on this machine.
    :param clock: gives seconds since the epoch.
    """

    def __init__(
        self,
        issuer: str,
        *,
        overrides: Mapping[str, str] = MappingProxyType({}),
        insecure_http: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer = issuer
        self._overrides = {name: url for name, url in overrides.items() if url}
        self._insecure_http = insecure_http
        self._metadata = _Kept(self._fetch_metadata, clock)
        self._keys = _Kept(self._fetch_keys, clock)

    def metadata(self, *, fresh: bool = False) -> Metadata:
        """Tell the provider's endpoints and abilities, at most an hour old, a day while it is down.

        :param fresh: somebody is about to be sent there: make sure, every two seconds at most, that it answers.
        :raises Unreachable: nobody answers there, or there is neither a usable document nor a copy of one.
        :raises LoginRefused: ``issuer_mismatch``: the document belongs to another issuer (Discovery 1.0, 4.3).
        """
        return self._metadata.check() if fresh else self._metadata.get()

    def keys(self, *, fresh: bool = False) -> tuple[Key, ...]:
        """Tell the public keys the provider signs with, at most an hour old, a day while it is down.

        :param fresh: the keys that are kept did not do: fetch them again, but once a minute at most.
        :raises Unreachable: there is no usable key set, and either no copy or the copy did not do.
        :raises LoginRefused: as for the metadata.
        """
        return self._keys.renew() if fresh else self._keys.get()

    def _fetch_metadata(self) -> Metadata:
        document = _fetch_object(self.issuer.rstrip("/") + WELL_KNOWN, "the discovery document")
        if document.get("issuer") != self.issuer:
            raise LoginRefused("issuer_mismatch")
        published = {**document, **self._overrides}
        prompts = document.get("prompt_values_supported")
        return Metadata(
            issuer=self.issuer,
            authorization_endpoint=self._endpoint(published, "authorization_endpoint"),
            token_endpoint=self._endpoint(published, "token_endpoint"),
            jwks_uri=self._endpoint(published, "jwks_uri"),
            userinfo_endpoint=self._optional_endpoint(published, "userinfo_endpoint"),
            end_session_endpoint=self._optional_endpoint(published, "end_session_endpoint"),
            prompt_values_supported=tuple(map(str, prompts)) if isinstance(prompts, list) else (),
            iss_parameter_required=document.get("authorization_response_iss_parameter_supported") is True,
            pushed_authorization_request_endpoint=self._optional_endpoint(
                published, "pushed_authorization_request_endpoint"
            ),
            push_required=document.get("require_pushed_authorization_requests") is True,
        )

    def _optional_endpoint(self, published: Mapping[str, Any], name: str) -> str | None:
        return None if published.get(name) is None else self._endpoint(published, name)

    def _endpoint(self, published: Mapping[str, Any], name: str) -> str:
        url = published.get(name)
        if not isinstance(url, str) or not self._is_acceptable(url):
            raise Unreachable(f"the discovery document has no {name}, or none that is safe to use")
        return url

    def _is_acceptable(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            host, here = parts.hostname, is_loopback(url)
        except ValueError:
            return False
        if not url.isascii() or not host or parts.username is not None or parts.fragment:
            return False
        if parts.scheme == "http":
            return (here and self._may_be_here(url)) or self._insecure_http
        return parts.scheme == "https"

    def _may_be_here(self, url: str) -> bool:
        # A document from elsewhere must not make us ask what listens on our own machine.
        return is_loopback(self.issuer) or url in self._overrides.values()

    def _fetch_keys(self) -> tuple[Key, ...]:
        published = _fetch_object(self.metadata().jwks_uri, "the key set").get("keys")
        if not isinstance(published, list):
            raise Unreachable("the key set holds no list of keys")
        return tuple(key for key in map(_key, published) if key is not None)


def _fetch_object(url: str, what: str) -> dict[str, Any]:
    answer = fetch("GET", url, what=what)
    if answer.status != 200:
        raise answer.unusable("was not given out")
    return answer.object()


def _key(jwk: Any) -> Key | None:
    """Read one published key; None when it is nothing to verify signatures with (RFC 7517, 5)."""
    from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key  # noqa: PLC0415  (as in tokens.py)

    if not isinstance(jwk, dict):
        return None
    try:
        key = import_key(jwk)
    except Exception:  # noqa: BLE001  (whatever a strange key makes the libraries raise, it costs us that key only)
        return None
    # A symmetric key that everybody can read keeps nothing secret.
    if not isinstance(key, RSAKey | ECKey | OKPKey):
        return None
    return None if isinstance(key, RSAKey) and key.raw_value.key_size < MIN_RSA_BITS else key


class _Kept(Generic[T]):
    """A copy of something remote: one thread fetches it for all, and an old copy helps out while that fails.

    The lock guards the fields and nothing else: whoever waits for an answer holds none.
    """

    def __init__(self, load: Callable[[], T], clock: Callable[[], float]) -> None:
        self._load = load
        self._clock = clock
        self._copy: tuple[float, T] | None = None
        self._failure: tuple[float, Unreachable] | None = None
        self._renewed_at = float("-inf")
        self._start()
        begin_anew(self, _Kept._start)

    def _start(self) -> None:
        # After a fork too: nobody fetches there what others wait for.
        self._lock = threading.Lock()
        self._fetch_under_way: Future[T] | None = None
        self._renewal_under_way: Future[T] | None = None

    def get(self) -> T:
        """Give a copy that is fresh if possible, else old; raises what the load raises."""
        copy = self._copy
        if copy and self._within(copy[0], TTL_S):
            return copy[1]
        if copy and self._within(copy[0], STALE_S):
            return self._fetched_or(copy[1])
        return self._fetched(TTL_S)

    def _fetched_or(self, old: T) -> T:
        # Who has an old copy need not wait for another thread that is fetching.
        if self._fetch_under_way:
            return old
        try:
            return self._fetched(TTL_S)
        except Unreachable:
            return old

    def check(self) -> T:
        """Give a copy, sure of this moment that somebody answers; an old one only if the answer was of no use."""
        try:
            return self._fetched(MOMENT_S)
        except Unreachable as failure:
            copy = self._copy
            if failure.silent or not copy or not self._within(copy[0], STALE_S):
                raise
            return copy[1]

    def renew(self) -> T:
        """Give a copy that was renewed just now, or within the cool-down; raises what the load raises."""
        with self._lock:
            if self._copy and self._within(self._renewed_at, COOL_DOWN_S):
                return self._copy[1]
            # What is being fetched already may be as old as what did not do; another renewal is not.
            if not (others := self._renewal_under_way):
                renewal: Future[T] = Future()
                self._renewal_under_way = renewal
        if others:
            return others.result()
        try:
            value = self._bring(renewal)
            self._renewed_at = self._clock()
            return value
        finally:
            self._renewal_under_way = None

    def _fetched(self, seconds: float) -> T:
        """Give a copy no older than this, fetched by whoever needed it first."""
        with self._lock:
            if self._copy and self._within(self._copy[0], seconds):
                return self._copy[1]
            if not (others := self._fetch_under_way):
                fetch_: Future[T] = Future()
                self._fetch_under_way = fetch_
        if others:
            return others.result()
        try:
            return self._bring(fetch_)
        finally:
            self._fetch_under_way = None

    def _bring(self, waiting: Future[T]) -> T:
        """Fetch, and tell everybody who waits for the same."""
        try:
            value = self._loaded()
        except BaseException as error:
            waiting.set_exception(error)
            raise
        waiting.set_result(value)
        return value

    def _loaded(self) -> T:
        failure = self._failure
        if failure and self._within(failure[0], PAUSE_S):
            raise Unreachable(failure[1].what, failure[1].retry_after, silent=failure[1].silent)
        try:
            value = self._load()
        except Unreachable as error:
            self._failure = (self._clock(), error)
            raise
        with self._lock:
            self._failure = None
            self._copy = (self._clock(), value)
        return value

    def _within(self, at: float, seconds: float) -> bool:
        # A clock that was set back makes a copy old, never fresh for ever.
        return 0 <= self._clock() - at < seconds
