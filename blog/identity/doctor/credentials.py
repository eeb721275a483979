"""What opens the user API: where its token comes from, what that may do, when it ends, and how often it may ask."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from blog.errors import Unreachable
from blog.identity.directories.bearer import TOKEN_ENDPOINT
from blog.identity.directories.facts import Facts
from blog.identity.directories.shape import at
from blog.identity.doctor.finding import Finding, good, noted, warning
from blog.identity.http import Answer

SOON = timedelta(days=30)
PLACES = ("scope", "scp", "permissions")  # RFC 8693 §4.2, RFC 9068 §2.2.3; Okta and Entra ID; Auth0
HARMLESS = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})
CHANGES = re.compile(r"write|manage|create|update|delete|remove|admin|impersonat|sudo|\*|^api$", re.IGNORECASE)
LIMITS = ("X-Rate-Limit", "X-RateLimit", "RateLimit")  # Okta; Auth0, OneLogin; GitLab
NUMBER = re.compile(r"\d{1,9}")
# draft-ietf-httpapi-ratelimit-headers: "default";q=100;w=60 and "default";r=50;t=30; earlier limit=100, remaining=50
QUOTA = re.compile(r"\b(?:q|limit)=(\d{1,9})")
LEFT = re.compile(r"\b(?:r|remaining)=(\d{1,9})")

# RFC 6749 §5.2
REFUSED = {
    "invalid_client": "Compare BLOG_DIRECTORY_CLIENT_ID and BLOG_DIRECTORY_CLIENT_SECRET (or the login's client, where"
    " they are empty) with the provider's console, and BLOG_DIRECTORY_AUTH_METHOD with how it wants to be told.",
    "unauthorized_client": "Switch client credentials (a service account) on for the client that asks.",
    "unsupported_grant_type": "The provider gives no tokens for client credentials: use BLOG_DIRECTORY_TOKEN.",
    "invalid_scope": "Grant the client that asks the scope, or set BLOG_DIRECTORY_SCOPES to one that it has.",
    "access_denied": "Authorize the client that asks for this API, and look at BLOG_DIRECTORY_AUDIENCE.",
    "": "Look at BLOG_DIRECTORY_TOKEN_URL, and at the client that asks in the provider's console.",
}


def of_token(answers: Sequence[Answer], values: Mapping[str, Any]) -> Iterator[Finding]:
    """Say where the token comes from, and how long it lives."""
    if values["DIRECTORY_TOKEN"]:
        yield good("user_api_token", "A token that was made by hand opens the user API (BLOG_DIRECTORY_TOKEN).")
    elif (told := _token_answer(answers)) is not None:
        lives_s = told.get("expires_in")
        known = isinstance(lives_s, int | float) and not isinstance(lives_s, bool)
        words = f"It lives for {lives_s} s" if known else "It does not say how long it lives"
        yield good("user_api_token", f"The token endpoint gives a token for the user API. {words}; then comes another.")


def refused_token(answer: Answer) -> str:
    """Say what to change when the token endpoint answered like this."""
    try:
        error = answer.object().get("error")
    except Unreachable:
        error = ""
    return f"({error}) {REFUSED[error]}" if isinstance(error, str) and error and error in REFUSED else REFUSED[""]


def of_rights(answers: Sequence[Answer], values: Mapping[str, Any], facts: Facts, now: datetime) -> Iterator[Finding]:
    """Say whether the token may do more than it has to, and when it ends, as far as that is told."""
    given = values["DIRECTORY_TOKEN"]
    told = _token_answer(answers) or {}
    payload = _payload(given or str(told.get("access_token", "")))
    about = _about(facts)
    yield _judged({*_held(told, facts), *_held(payload, facts), *_names(about.get("scopes"))}, facts)
    if given:
        yield _end(payload, about, facts, now)
    elif facts.rights.client_ends:
        yield noted("user_api_expiry", facts.rights.client_ends)


def _token_answer(answers: Sequence[Answer]) -> dict[str, Any] | None:
    told = next((each for each in answers if each.what.startswith(TOKEN_ENDPOINT) and each.status == 200), None)
    try:
        return told.object() if told else None
    except Unreachable:  # which is a fault that is told already
        return None


def _payload(token: str) -> dict[str, Any]:
    """Read what a token says of itself, where it is a JWT (RFC 7519). It is not judged: this is for advice only."""
    parts = token.split(".")
    try:
        told = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))) if len(parts) == 3 else {}
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _about(facts: Facts) -> dict[str, Any]:
    """Ask the API about the token, where it can be asked that."""
    if facts.ask_about_token is None:
        return {}
    try:
        answer = facts.ask_about_token()
        return answer.object() if answer.status == 200 else {}
    except Unreachable:
        return {}


def _held(told: Mapping[str, Any], facts: Facts) -> set[str]:
    return {name for path in facts.rights.places or PLACES for name in _names(at(told, path))}


def _names(value: Any) -> set[str]:
    if isinstance(value, str):
        return set(value.split())
    return {each for each in value if isinstance(each, str)} if isinstance(value, list) else set()


def _judged(held: set[str], facts: Facts) -> Finding:
    """Compare what the token may do with what is enough; by the sound of the words, where that is not known."""
    counted, enough = held - HARMLESS, facts.rights.enough
    much = sorted(counted - enough if enough else filter(CHANGES.search, counted))
    if much:
        return warning(
            "user_api_scopes",
            f"The token may do more than read names: {', '.join(much)}.",
            "Who gets hold of the blog's secrets gets that, too.",
            f"Take it away. {facts.rights.grant}",
        )
    if counted:
        return good(
            "user_api_scopes", f"The token says that it may do no more than it has to: {', '.join(sorted(counted))}."
        )
    words = "The token does not say what it may do."
    return noted("user_api_scopes", words, "It may be able to do more than read names.", facts.rights.grant)


def _end(payload: Mapping[str, Any], about: Mapping[str, Any], facts: Facts, now: datetime) -> Finding:
    """Say when a token ends that was made by hand."""
    ends = _moment(payload.get("exp")) or _day(about.get("expires_at"))
    if ends is None:
        words = "The token does not say when it ends."
        change = facts.rights.ends or "Note the day, and put another one into BLOG_DIRECTORY_TOKEN before."
        return noted("user_api_expiry", words, "Names go missing on that day.", change)
    words = f"The token ends on {ends:%Y-%m-%d}."
    if ends - now < SOON:
        change = "Make another one, and put it into BLOG_DIRECTORY_TOKEN."
        return warning("user_api_expiry", words, "Names go missing on that day.", change)
    return good("user_api_expiry", words)


def _moment(seconds: Any) -> datetime | None:
    try:
        return None if isinstance(seconds, bool) else datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _day(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None


def of_limit(answers: Sequence[Answer], authors: int, requests: int) -> Iterator[Finding]:
    """Say how often the API may be asked, and whether that does for everybody's name.

    :param requests: that a question about all of these authors takes.
    """
    read = (_limit(answer) for answer in reversed(answers) if not answer.what.startswith(TOKEN_ENDPOINT))
    told = next((each for each in read if each), None)
    if told is None:
        yield noted("user_api_limit", "The user API tells no rate limit.")
        return
    limit, left = told
    words = f"The rate limit is {limit} requests" + ("" if left is None else f", of which {left} are left")
    needed = f"; {authors} authors, who are asked for every 15 minutes in each process, take {requests}"
    words += needed if requests else ""
    if requests <= limit:
        yield good("user_api_limit", f"{words}.")
        return
    yield warning(
        "user_api_limit",
        f"{words}.",
        "Some names are old, or missing, until the limit begins anew.",
        "Let processes share names (BLOG_DIRECTORY_CACHE_URL), or let the provider raise the limit.",
    )


def _limit(answer: Answer) -> tuple[int, int | None] | None:
    """Read the limit and what is left of it, in any of the spellings there are."""
    policy, now = answer.headers.get("RateLimit-Policy", ""), answer.headers.get("RateLimit", "")
    if limit := QUOTA.search(policy) or QUOTA.search(now):
        left = LEFT.search(now)
        return int(limit[1]), int(left[1]) if left else None
    for name in LIMITS:
        if limit := NUMBER.match(answer.headers.get(f"{name}-Limit", "").strip()):
            left = NUMBER.match(answer.headers.get(f"{name}-Remaining", "").strip())
            return int(limit[0]), int(left[0]) if left else None
    return None
