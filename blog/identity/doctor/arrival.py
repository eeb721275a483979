"""How a request arrives at the blog through its proxies: a question only the operator can put, and its judgement."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from blog.errors import Unreachable
from blog.identity.doctor.finding import Finding, fault, good, noted, warning
from blog.identity.doctor.silence import explain
from blog.identity.http import Answer, fetch
from blog.identity.sealing import Seal

PROBE = "/oidc/probe"
PURPOSE = "doctor's probe"
TOKEN_AGE_S = 60
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")
READERS = "The blog cannot be read at the address that it gives out, and logins do not come back to it."


def make_token(seal: Seal, now: datetime) -> str:
    """Make what opens the probe for a minute; only who has SECRET_KEY can."""
    sealed = seal.close(PURPOSE, PROBE, {"at": now.timestamp(), "once": secrets.token_hex(8)})
    return urlsafe_b64encode(sealed).decode()


def is_token(seal: Seal, text: str, now: datetime) -> bool:
    """Whether this was made with our SECRET_KEY, less than a minute ago."""
    try:
        opened = seal.open(PURPOSE, PROBE, urlsafe_b64decode(text))
    except ValueError:
        return False
    return isinstance(opened, dict) and abs(now.timestamp() - opened["at"]) < TOKEN_AGE_S


class Headers(Protocol):
    """Headers of a request, found by name in any case."""

    def get(self, name: str, default: str, /) -> str:
        """Give a header, or the default."""
        ...


def describe(*, scheme: str, host: str, address: str | None, headers: Headers) -> dict[str, Any]:
    """Say how a request arrived, without anybody's address.

    :param address: of whom the blog takes for the reader.
    :return: scheme, host, what kind of address (`loopback`, `private`, `public` or `none`), and how many proxies have
        written into each of FORWARDED.
    """
    hops = {name: len([part for part in headers.get(name, "").split(",") if part.strip()]) for name in FORWARDED}
    return {"scheme": scheme, "host": host, "reader": _kind(address), "forwarded": hops}


def _kind(address: str | None) -> str:
    try:
        known = ip_address(address or "")
    except ValueError:
        return "none"
    return "loopback" if known.is_loopback else "private" if known.is_private else "public"


def of_blog(values: Mapping[str, Any], seal: Seal, now: datetime) -> list[Finding]:
    """Look at the running blog from outside, at PUBLIC_URL."""
    url = values["PUBLIC_URL"]
    try:
        home = fetch("GET", f"{url}/", what="the blog", headers={"Accept": "text/html"}, may_redirect=True)
        query = urlencode({"token": make_token(seal, now)})
        answer = fetch("GET", f"{url}{PROBE}?{query}", what="the blog", may_redirect=True)
    except Unreachable as error:
        words, change = explain(error, url)
        hint = f"{change} It may be reachable from elsewhere: look with a browser."
        return [warning("public_url", f"From here, nobody answers at BLOG_PUBLIC_URL. {words}", READERS, hint)]
    if wrong := _wrong(home, answer, url):
        return [wrong]
    return [good("public_url", f"The blog answers at {url}, with this SECRET_KEY."), *_judged(answer, values)]


def _wrong(home: Answer, answer: Answer, url: str) -> Finding | None:
    host = urlsplit(url).netloc
    if 400 in (home.status, answer.status):
        return fault(
            "forwarded_host",
            f"The blog, or something before it, refuses requests for {host} (HTTP 400): usually the proxy does not pass"
            " the Host header on.",
            READERS,
            "Let the proxy pass Host on (nginx: proxy_set_header Host $host), or send X-Forwarded-Host and set"
            " BLOG_PROXY_HOPS.",
        )
    if 300 <= home.status < 400 or 300 <= answer.status < 400:
        where = (home if 300 <= home.status < 400 else answer).headers.get("Location", "").partition("?")[0]
        change = f"Set BLOG_PUBLIC_URL to where readers end up, if that is not {url}; else put the proxy right."
        return fault("public_url", f"{url} leads on to {where or 'somewhere else'}.", READERS, change)
    if home.status >= 500:
        change = (
            "Start the blog, and look at the addresses that the proxy passes requests on to, and at the blog's log."
        )
        return fault("public_url", f"{url} answers with HTTP {home.status}.", READERS, change)
    if _arrived(answer) is None:
        return fault(
            "instance",
            f"What answers at {url} does not know this SECRET_KEY (HTTP {answer.status}): another blog, an older"
            " version of this one, a process that was not started again, or a clock that is off.",
            "What the doctor says here need not hold for the blog that people use.",
            "Run the doctor with the settings of the running blog, or start that anew.",
        )
    return None


def _arrived(answer: Answer) -> dict[str, Any] | None:
    try:
        told = answer.object() if answer.status == 200 else {}
    except Unreachable:
        return None
    return told if {"scheme", "host", "reader", "forwarded"} <= told.keys() else None


def _judged(answer: Answer, values: Mapping[str, Any]) -> Iterator[Finding]:
    told = _arrived(answer) or {}
    written = told["forwarded"]
    https = values["PUBLIC_URL"].startswith("https:")
    hops, count = values["PROXY_HOPS"], written["X-Forwarded-For"]
    yield from _scheme(told["scheme"], https, hops, written["X-Forwarded-Proto"])
    yield from _hops(hops, count, told["reader"])
    wanted = urlsplit(values["PUBLIC_URL"]).netloc
    if told["host"] != wanted:
        yield noted(
            "forwarded_host",
            f"The blog saw the host {told['host']}, not {wanted}.",
            "Addresses that are built from requests would be wrong.",
            "Let the proxy pass Host on with its port (nginx: proxy_set_header Host $http_host).",
        )


def _scheme(scheme: str, https: bool, hops: int, proto: int) -> Iterator[Finding]:
    if scheme == ("https" if https else "http"):
        yield good("forwarded_proto", f"Requests arrive as {scheme}.")
        return
    change = (
        "Let the proxy send it (nginx: proxy_set_header X-Forwarded-Proto $scheme)."
        if not proto
        else f"Set BLOG_PROXY_HOPS to the number of your proxies; it is {hops}."
    )
    how = "without X-Forwarded-Proto" if not proto else "with an X-Forwarded-Proto that does not count"
    breaks = "The blog takes https for http. Cookies and the redirect address go by BLOG_PUBLIC_URL, and still work."
    yield warning("forwarded_proto", f"Requests arrive as {scheme}, {how}.", breaks, change)


def _hops(hops: int, count: int, reader: str) -> Iterator[Finding]:
    if count == hops:
        proxies = f"{hops} {'proxy' if hops == 1 else 'proxies'}" if hops else "No proxy"
        yield good("proxy_hops", f"{proxies} in front, as BLOG_PROXY_HOPS says. The reader's address is {reader}.")
    elif count > hops:
        yield warning(
            "proxy_hops",
            f"{count} proxies wrote into X-Forwarded-For, but BLOG_PROXY_HOPS is {hops}.",
            "The blog takes every reader for one of your proxies.",
            f"Set BLOG_PROXY_HOPS={count}, if all of them are yours.",
        )
    else:
        yield warning(
            "proxy_hops",
            f"BLOG_PROXY_HOPS is {hops}, but {count or 'no'} {'proxy' if count == 1 else 'proxies'} wrote into"
            " X-Forwarded-For.",
            "Readers can pass for any address, by sending that header themselves.",
            f"Set BLOG_PROXY_HOPS={count}; or let each proxy write X-Forwarded-For, if there are {hops}.",
        )
