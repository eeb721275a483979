"""Whether the provider knows this client: its redirect address and its credentials."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from authlib.common.urls import add_params_to_uri

from blog.errors import LoginRefused, Unreachable
from blog.identity import oidc
from blog.identity.client import Client
from blog.identity.doctor.advice import ADVICE
from blog.identity.doctor.discovery import CLIENT_CONSOLE, NOBODY
from blog.identity.doctor.finding import Finding, fault, good, noted, warning
from blog.identity.doctor.silence import explain
from blog.identity.http import Answer, fetch
from blog.identity.oidc import Attempt
from blog.identity.provider import Provider

PUSHED = "request_uri="  # stands in the address of a login whose request was pushed (RFC 9126, 4)
ASKS_FIRST = {"login_required", "interaction_required"}  # in the blog's own words, see oidc.ERRORS


def begin(client: Client, provider: Provider, now: datetime) -> Attempt | Finding:
    """Begin a login that the blog's callback hands to the doctor; it comes back in the address, so that it can be read.

    :return: a fault, if that cannot be.
    """
    try:
        return oidc.begin(replace(client, response_mode="query"), provider, next="", mark=oidc.DOCTOR, now=now)
    except LoginRefused as refused:  # pushing the request needs the client's credentials (RFC 9126, 2)
        return refusal("client_credentials" if refused.reason == "client_refused" else "begin", refused.reason)
    except Unreachable as error:
        words, change = explain(error, client.issuer)
        return fault("begin", words, NOBODY, change)


def of_client(client: Client, provider: Provider, clock: Callable[[], datetime]) -> list[Finding]:
    """Ask the provider for a login that nobody is there for, and try to redeem a code that it never gave out."""
    attempt = begin(client, provider, clock())
    if isinstance(attempt, Finding):
        return [attempt]
    return [*_redirect_address(client, attempt), _credentials(client, provider, attempt, clock())]


def refusal(check: str, reason: str) -> Finding:
    """Say why a login was refused, as the blog's own page and log would, and what to do about it."""
    sentence = oidc.REASONS[reason].partition(" Please ")[0]
    return fault(check, f"Refused ({reason}): {sentence}", NOBODY, ADVICE[reason])


def _redirect_address(client: Client, attempt: Attempt) -> Iterator[Finding]:
    # prompt=none asks for an answer without any page: it comes to our redirect address if the provider knows that.
    url = attempt.url if PUSHED in attempt.url else str(add_params_to_uri(attempt.url, [("prompt", "none")]))
    try:
        answer = fetch(
            "GET", url, what="the authorization endpoint", headers={"Accept": "text/html"}, may_redirect=True
        )
    except Unreachable as error:
        words, change = explain(error, url)
        yield warning("redirect_address", words, "Browsers may not reach it either; then nobody can log in.", change)
        return
    yield _judged(client, answer)


def _judged(client: Client, answer: Answer) -> Finding:
    where = answer.headers.get("Location", "")
    if 300 <= answer.status < 400 and where.startswith(client.redirect_uri):
        return _came_back(client, where)
    if answer.status >= 400 or (answer.status >= 300 and "error" in where):
        return warning(
            "redirect_address",
            f"The provider refused a login with HTTP {answer.status}: usually the redirect address or the client id"
            " is not registered.",
            NOBODY,
            f"Register {client.redirect_uri} to the letter {CLIENT_CONSOLE}, and compare the client id with"
            " BLOG_OIDC_CLIENT_ID.",
        )
    if answer.status >= 300:
        return good("redirect_address", "The provider goes on to its login page.")
    return noted(
        "redirect_address",
        "The provider answered with a page of its own, a login form or an error: only a browser can tell.",
        "",
        "Log in once with --login.",
    )


def _came_back(client: Client, where: str) -> Finding:
    error = parse_qs(urlsplit(where).query).get("error", [""])[0]
    reason = oidc.ERRORS.get(error, "provider_error")
    if reason in ASKS_FIRST or not error:
        return good("redirect_address", f"The provider knows the client and {client.redirect_uri}.")
    return fault(
        "redirect_address",
        f"The provider knows the client and its redirect address, but refused the login ({reason}).",
        NOBODY,
        ADVICE[reason],
    )


def _credentials(client: Client, provider: Provider, attempt: Attempt, now: datetime) -> Finding:
    """Redeem a code that cannot be one: who refuses the code has accepted the client (RFC 6749, 5.2)."""
    params = {"state": attempt.state, "iss": attempt.issuer, "code": f"doctor-{secrets.token_urlsafe(16)}"}
    try:
        oidc.finish(client, provider, attempt, params, now=now)
    except LoginRefused as refused:
        if refused.reason == "code_refused":
            words = "The token endpoint took the client's credentials, and refused the senseless code that came along."
            return good("client_credentials", words)
        return refusal("client_credentials", refused.reason)
    except Unreachable as error:
        words, change = explain(error, provider.metadata().token_endpoint)
        return fault("client_credentials", words, NOBODY, change)
    return fault(
        "client_credentials",
        "The provider gave tokens for a senseless code.",
        "Anybody can be anybody.",
        "Do not use this provider.",
    )
