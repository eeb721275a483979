"""A real login, begun by the doctor and gone through by the operator: what came of it."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from blog.errors import LoginRefused, Unreachable
from blog.identity import oidc, people
from blog.identity.client import Client
from blog.identity.doctor.client import refusal
from blog.identity.doctor.discovery import NOBODY
from blog.identity.doctor.finding import Finding, fault, good, noted, warning
from blog.identity.doctor.names import WRONG_ID, Asks
from blog.identity.doctor.silence import explain
from blog.identity.oidc import Attempt, Login
from blog.identity.people import Person, RoleRules
from blog.identity.provider import Provider

MOST_CLAIMS = 60  # shown of one token; nobody reads more
LONGEST_NAME = 80
MUCH_DRIFT = 0.5  # of the skew that is allowed


def params_of(pasted: str) -> dict[str, str]:
    """Read what the provider sent back with out of the address that the operator copied."""
    query = pasted.strip().partition("?")[2].partition("#")[0]
    return {name: values[-1] for name, values in parse_qs(query).items()}


def of_answer(
    client: Client, provider: Provider, attempt: Attempt, pasted: str, clock: Callable[[], datetime]
) -> tuple[Login | None, list[Finding]]:
    """Judge the answer of the provider as the blog's callback would.

    :param pasted: the address of the page that the operator ended up on.
    """
    began, now = time.monotonic(), clock()
    try:
        login = oidc.finish(client, provider, attempt, params_of(pasted), now=now)
    except LoginRefused as refused:
        return None, [refusal("login", refused.reason)]
    except Unreachable as error:
        words, change = explain(error)
        return None, [fault("login", words, NOBODY, change)]
    took_ms = (time.monotonic() - began) * 1000
    return login, [good("login", f"The login passed every test; the provider's answers took {took_ms:.0f} ms.")]


def of_login(login: Login, values: Mapping[str, Any], rules: RoleRules, now: datetime) -> list[Finding]:
    """Say what the blog learns from this login. Claims are shown by name and kind, never by value."""
    return [
        *_claims(login),
        *_author(login, values),
        *_roles(login, rules),
        *_times(login, values["OIDC_CLOCK_SKEW"], now),
        *_extras(login),
        *_needed(login, values),
    ]


def _claims(login: Login) -> Iterator[Finding]:
    signed = _payload(login.id_token)
    added = {name: value for name, value in login.claims.items() if name not in signed}
    yield good("id_token_claims", f"In the ID token: {_described(signed)}.")
    if added:
        yield good("userinfo_claims", f"Userinfo adds: {_described(added)}.")
    else:
        yield noted("userinfo_claims", "Userinfo adds nothing to the ID token, or there is none.")


def _payload(id_token: str) -> dict[str, Any]:
    """Read a token that was judged already."""
    text = id_token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return claims


def _described(claims: Mapping[str, Any]) -> str:
    shown = [f"{name[:LONGEST_NAME]}: {kind_of(value)}" for name, value in sorted(claims.items())[:MOST_CLAIMS]]
    more = len(claims) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def kind_of(value: Any) -> str:
    """Describe a claim's value without giving it away."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes or no"
        case int() | float():
            return "number"
        case str():
            return "text" if value else "empty text"
        case list():
            kinds = {kind_of(item) for item in value}
            return f"list of {len(value)}" + (f" ({kinds.pop()})" if len(kinds) == 1 else "")
        case _:
            return f"object of {len(value)}"


def _author(login: Login, values: Mapping[str, Any]) -> Iterator[Finding]:
    claim = values["OIDC_AUTHOR_CLAIM"]
    person = person_of(login, values)
    if person is None:
        yield refusal("author_claim_seen", "author_claim_missing")
        return
    yield good("author_claim_seen", f"The author id is there ({claim}).")
    if person.name:
        yield good("name", "There is a name to show.")
        return
    yield warning(
        "name",
        "No claim holds a name that can be shown: name, given_name and family_name, or nickname.",
        "The author is shown as “Author 7K3F”, unless the user API tells the name.",
        "Let the provider send name with the scope profile, and keep that in BLOG_OIDC_SCOPES. A name that is an"
        " e-mail address or a login is never shown.",
    )


def person_of(login: Login, values: Mapping[str, Any]) -> Person | None:
    """Say who logged in, as the blog's callback would; None when the author id is missing."""
    try:
        return people.person_from_claims(
            login.claims, issuer=values["OIDC_ISSUER"], author_claim=values["OIDC_AUTHOR_CLAIM"]
        )
    except LoginRefused:
        return None


WHY_NO_GROUPS = {
    "roles_claim_absent": (
        "Compare BLOG_ROLES_CLAIM with the claims above; the provider may need a mapper, or a scope in "
        "BLOG_OIDC_SCOPES."
    ),
    "groups_overage": (
        "Let Entra ID send only the groups assigned to the application, or use app roles and BLOG_ROLES_CLAIM=roles."
    ),
}


def _roles(login: Login, rules: RoleRules) -> Iterator[Finding]:
    roles = people.roles_from_claims(login.claims, rules)
    highest = next(role for role in reversed(people.ROLES) if role in roles)
    if reason := people.why_no_groups(login.claims, rules):
        words = f"The claim {rules.claim} is not there ({reason}), so the role is {highest}."
        yield warning("role", words, "Who should write can only read.", WHY_NO_GROUPS[reason])
        return
    if not rules.claim:
        yield good("role", f"The role is {highest}, as everybody's.")
        return
    held = people.groups_at(login.claims, rules.claim) or frozenset()
    matched = sorted(held & {group for groups in rules.groups.values() for group in groups})
    if matched:
        yield good("role", f"The role is {highest}, by the group {' and '.join(f'“{group}”' for group in matched)}.")
        return
    yield noted(
        "role",
        f"The role is {highest}: of {len(held)} groups in {rules.claim} none gives a role.",
        "This person can only read.",
        "If they should write: the names in BLOG_ROLE_AUTHOR must be those the provider sends, to the letter; some"
        " send paths (/staff) or ids.",
    )


def _times(login: Login, skew: int, now: datetime) -> Iterator[Finding]:
    off_s = login.claims["iat"] - now.timestamp()
    words = (
        f"The ID token was made {abs(off_s):.0f} s {'after' if off_s > 0 else 'before'} it was judged, by our clock."
    )
    if off_s > MUCH_DRIFT * skew or off_s < -60:
        breaks = "Logins fail once the clocks drift further."
        yield warning("issue_time", words, breaks, "Let both machines take their time from NTP.")
    else:
        yield good("issue_time", words)


def _extras(login: Login) -> Iterator[Finding]:
    there = [name for name in ("sid", "auth_time", "acr", "amr", "at_hash", "azp") if name in login.claims]
    refresh = "a refresh token" if login.refresh_token else "no refresh token"
    yield good("extras", f"Also there: {', '.join(there) or 'nothing else'}; {refresh}.")
    if not login.sid:
        yield noted(
            "sid",
            "The ID token has no sid.",
            "A logout at the provider ends all of a person's sessions here, or none, rather than one.",
            "Switch “session required” on at the address for back-channel logout, if the provider has that.",
        )


def _needed(login: Login, values: Mapping[str, Any]) -> Iterator[Finding]:
    """Look for what some settings need the provider to send."""
    if values["SESSION_REVALIDATE"] and not login.refresh_token:
        yield warning(
            "refresh_token",
            "There is no refresh token, which BLOG_SESSION_REVALIDATE needs.",
            "Nobody is asked about again: who is locked out at the provider stays logged in here until their session"
            " ends by age.",
            "Let the provider's console give this client refresh tokens; some do so only with offline_access in"
            " BLOG_OIDC_SCOPES.",
        )
    if values["STEP_UP"] and login.auth_time is None:
        yield noted(
            "auth_time",
            "The ID token does not tell when the person logged in (auth_time), which BLOG_STEP_UP looks at.",
            "Who publishes or deletes just after logging in is asked to log in once more.",
            "Let the provider's console put auth_time into each ID token of this client, if it can.",
        )


def of_directory(login: Login, directory: Asks, values: Mapping[str, Any]) -> list[Finding]:
    """Ask the user API for who has just logged in: it has to know them by the same id."""
    person = person_of(login, values)
    if values["DIRECTORY"] == "claims" or person is None:
        return []
    try:
        told = directory.ask([person.key]).get(person.key)
    except Unreachable as error:
        words, change = explain(error)
        return [fault("user_api_login", words, "Names of authors are missing or old.", change)]
    if told is not None and told.name:
        return [good("user_api_login", "The user API knows who logged in, and tells a name.")]
    if told is not None and not told.gone:
        words = "The user API knows who logged in, but tells no name."
        change = "Let the client that asks read displayName or name."
        return [warning("user_api_login", words, "The author is shown as “Author 7K3F”.", change)]
    return [
        fault(
            "user_api_login",
            "The user API does not know the author id that the login told.",
            "Authors are shown as “Former author” or “Author 7K3F” though they are there.",
            WRONG_ID,
        )
    ]
