"""The only way we talk to providers: bounded in time and size, never redirected."""

from __future__ import annotations

import json as jsonlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from blog.errors import Unreachable
from blog.forks import Places

if TYPE_CHECKING:
    import requests

CONNECT_S, READ_S, DEADLINE_S = 3.0, 5.0, 10.0
MAX_BYTES = 1024 * 1024
CHUNK_BYTES = 64 * 1024
NOT_MODIFIED = 304
RESETS = ("X-Rate-Limit-Reset", "X-RateLimit-Reset", "RateLimit-Reset")  # Okta; Auth0, OneLogin; GitLab
EPOCH_S = 1e9  # from here on a number is a moment in Unix time, not a span

# A provider that drips bytes holds a thread for longer than its caller waits; it must not collect them all.
_threads = Places(32)

_overheard: ContextVar[list[Answer] | None] = ContextVar("overheard", default=None)

Auth = tuple[str, str] | Callable[["requests.PreparedRequest"], "requests.PreparedRequest"]


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What a provider sent back, whole.

    :param what: which service was asked, for the log.
    :param status: a redirect only for who asked for that.
    :param headers: found by name in any case.
    :param body: decompressed, at most as long as was asked for.
    """

    what: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """Seconds after which to try again, where the service said so as a number (RFC 9110, 10.2.3).

        With 429 also where it said instead when its limit begins anew, as most user APIs do.
        """
        told = _number(self.headers.get("Retry-After", ""), digits=9)
        return told if told is not None or self.status != 429 else self._until_reset()

    def _until_reset(self) -> float | None:
        read = (_number(self.headers.get(name, ""), digits=10) for name in RESETS)
        told = next((number for number in read if number is not None), None)
        if told is None or told < EPOCH_S:  # seconds that are left
            return told
        return max(1.0, told - self._sent_at())

    def _sent_at(self) -> float:
        """When this answer was sent, by the clock of the service, which set the end of the limit, too."""
        try:
            return parsedate_to_datetime(self.headers["Date"]).timestamp()
        except (KeyError, ValueError):
            return time.time()

    def json(self) -> Any:
        """The body as JSON of any kind.

        :raises Unreachable: when it is not JSON, or nested too deep to be read.
        """
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError):
            raise self.unusable("sent something other than JSON") from None

    def object(self) -> dict[str, Any]:
        """The body as a JSON object; everything else raises Unreachable."""
        value = self.json()
        if not isinstance(value, dict):
            raise self.unusable("sent JSON of another form than expected")
        return value

    def unusable(self, why: str) -> Unreachable:
        """Make the error that says why this answer is of no use; the caller raises it."""
        return Unreachable(f"{self.what} {why} (HTTP {self.status})", self.retry_after)


@contextmanager
def overhearing() -> Iterator[list[Answer]]:
    """Collect every answer that comes meanwhile, whatever becomes of it; for the doctor.

    Threads are overheard, too, if they were given a copy of this context.
    """
    answers: list[Answer] = []
    before = _overheard.set(answers)
    try:
        yield answers
    finally:
        _overheard.reset(before)


def fetch(
    method: str,
    url: str,
    *,
    what: str = "the provider",
    headers: Mapping[str, str] | None = None,
    data: Any = None,
    json: Any = None,
    auth: Auth | None = None,
    timeout: tuple[float, float] = (CONNECT_S, READ_S),
    deadline_s: float = DEADLINE_S,
    max_bytes: int = MAX_BYTES,
    may_redirect: bool = False,
) -> Answer:
    """Send one request and wait for the whole answer, but never for longer than the deadline.

    TLS is always verified, redirects are not followed, cookies and .netrc play no part; proxies from the
    environment are used.

    :param what: names the service in errors, as in "the token endpoint"; the host is added, path and query never are,
        for they may hold secrets or names.
    :param timeout: seconds to connect, and seconds between two bytes.
    :param deadline_s: seconds for everything together, from looking up the name to the last byte.
    :param max_bytes: longest body accepted, after decompression.
    :param may_redirect: give an answer that redirects, too, for who only wants to see where to.
    :return: the answer, whatever its status, unless that is a redirect.
    :raises Unreachable: for everything that is not a whole answer in time.
    """
    where = f"{what} at {_host(url)}"
    exchange = partial(
        _exchange,
        where,
        {
            "method": method,
            "url": url,
            "headers": {"User-Agent": "Byline", "Accept": "application/json", **(headers or {})},
            "data": data,
            "json": json,
            # Without any, requests would look into .netrc and put what it finds in place of our own header.
            "auth": auth or _as_it_is,
            "timeout": timeout,
        },
        time.monotonic() + deadline_s,
        max_bytes,
        may_redirect,
    )
    try:
        answer = _in_thread(exchange).result(deadline_s)
    except _failures() as error:
        raise Unreachable(f"{where} did not answer: {type(error).__name__}", silent=True) from None
    if (overheard := _overheard.get()) is not None:
        overheard.append(answer)
    return answer


def _failures() -> tuple[type[Exception], ...]:
    """List what the transport raises: requests' own errors and time-outs are OSErrors, bad addresses ValueErrors."""
    from urllib3.exceptions import HTTPError  # noqa: PLC0415  (as below)

    return OSError, ValueError, HTTPError, HTTPException


def _in_thread(work: Callable[[], Answer]) -> Future[Answer]:
    # Time-outs of sockets count from byte to byte, and looking up a name has none: only somebody who waits beside the
    # work can keep a deadline. Daemons, so that a hanging call does not keep the process from ending.
    if not _threads.acquire(blocking=False):
        raise Unreachable("too many calls to providers are hanging")
    future: Future[Answer] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  (the waiting thread raises it)
            future.set_exception(error)
        finally:
            _threads.release()

    threading.Thread(target=run, name="fetch", daemon=True).start()
    return future


def _exchange(where: str, request: dict[str, Any], ends_at: float, max_bytes: int, may_redirect: bool) -> Answer:
    import requests  # noqa: PLC0415  (6 MB, and a process whose readers know all names asks nobody)

    # A session for each call: a connection that was kept may be closed by now, and a code can be sent only once.
    with (
        requests.Session() as session,
        session.request(**request, stream=True, allow_redirects=False) as response,
    ):
        answer = Answer(where, response.status_code, response.headers, _body(response, where, ends_at, max_bytes))
    # RFC 9700, 4.12: a redirected token request would carry code, verifier and secret elsewhere.
    if 300 <= answer.status < 400 and answer.status != NOT_MODIFIED and not may_redirect:
        raise answer.unusable("redirects, which we do not follow")
    return answer


def _body(response: requests.Response, where: str, ends_at: float, max_bytes: int) -> bytes:
    body = bytearray()
    # read1 returns with what has arrived; read would wait for the whole chunk, however slowly it comes.
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > max_bytes:
            raise Unreachable(f"{where} sent more than {max_bytes} bytes")
        if time.monotonic() > ends_at:
            raise TimeoutError
    return bytes(body)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _number(text: str, *, digits: int) -> float | None:
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"
