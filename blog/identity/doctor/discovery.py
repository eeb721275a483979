"""What the provider publishes about itself, and what of it will not do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from blog.errors import LoginRefused, Unreachable
from blog.identity.client import Client
from blog.identity.doctor.finding import Finding, fault, good, noted, warning
from blog.identity.doctor.silence import explain
from blog.identity.http import Answer, fetch
from blog.identity.provider import WELL_KNOWN, Provider
from blog.identity.signatures import usable

SLOW_S = 2.0
NOBODY = "Nobody can log in. Reading goes on."
CLIENT_CONSOLE = "at the client in the provider's console"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the discovery document gave.

    :param document: None when there is none that could be read.
    """

    document: dict[str, Any] | None
    findings: list[Finding] = field(default_factory=list)


def look(client: Client, clock: Callable[[], datetime]) -> Looked:
    """Fetch the discovery document, and say how that went (Discovery 1.0, 4)."""
    url = client.issuer.rstrip("/") + WELL_KNOWN
    began, asked_at = time.monotonic(), clock()
    try:
        answer = fetch("GET", url, what="the discovery document", may_redirect=True)
    except Unreachable as error:
        words, change = explain(error, url)
        return Looked(None, [fault("discovery", words, NOBODY, change)])
    took_s = time.monotonic() - began
    document, wrong = _read(answer, url)
    found = [wrong] if wrong else [_timed(took_s)]
    return Looked(document, [*found, *_clock(answer, asked_at, clock(), client.skew)])


def _read(answer: Answer, url: str) -> tuple[dict[str, Any] | None, Finding | None]:
    change = "Compare BLOG_OIDC_ISSUER with the issuer in the provider's console: path, host and port count."
    if answer.status != 200:
        words = f"HTTP {answer.status} instead of a discovery document at {url}{_onward(answer)}."
        return None, fault("discovery", words, NOBODY, change)
    try:
        return answer.object(), None
    except Unreachable:
        what = "A web page" if answer.body.lstrip().startswith(b"<") else "Something other than a JSON object"
        words = f"{what} stands at {url} instead of a discovery document."
        return None, fault("discovery", words, NOBODY, f"{change} A proxy or a login wall may be in between.")


def _onward(answer: Answer) -> str:
    where = answer.headers.get("Location", "").partition("?")[0]
    return f", which leads on to {where}" if 300 <= answer.status < 400 and where else ""


def _timed(took_s: float) -> Finding:
    if took_s < SLOW_S:
        return good("discovery", f"The discovery document came in {took_s * 1000:.0f} ms.")
    return warning(
        "discovery",
        f"The discovery document took {took_s:.1f} s.",
        "Logins are slow, and fail when it takes much longer.",
        "Look into the provider's load and the way to it.",
    )


def _clock(answer: Answer, asked_at: datetime, answered_at: datetime, skew: int) -> Iterator[Finding]:
    """Compare clocks by the Date header, which has whole seconds and was written while we waited (RFC 9110, 6.6.1)."""
    try:
        told = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        yield noted("clock", "The provider's answer has no Date, so the clocks cannot be compared.")
        return
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    behind_s = (asked_at - told).total_seconds() - 1  # at least so far is the provider's clock behind ours
    ahead_s = (told - answered_at).total_seconds()  # at least so far is it ahead
    off_s = max(behind_s, ahead_s, 0)
    way = "behind" if behind_s > ahead_s else "ahead of"
    if off_s <= skew / 2:
        yield good("clock", f"The clocks agree, within {off_s + 1:.0f} s and the time of an answer.")
        return
    words = f"The provider's clock is at least {off_s:.0f} s {way} ours; BLOG_OIDC_CLOCK_SKEW allows {skew} s."
    change = "Let both machines take their time from NTP."
    if off_s > skew:
        yield fault("clock", words, "Tokens are refused as expired or made in the future: nobody can log in.", change)
    else:
        yield warning("clock", words, "Logins fail once the clocks drift further.", change)


def of_provider(client: Client, provider: Provider, document: Mapping[str, Any]) -> list[Finding]:
    """Ask what the product itself makes of the document and of the keys.

    :return: with a fault among it when no login can be begun.
    """
    try:
        provider.metadata(fresh=True)
    except LoginRefused:
        return [_other_issuer(client.issuer, document.get("issuer"))]
    except Unreachable as error:
        change = "Let the provider publish it, over https; or set BLOG_OIDC_AUTH_URI, BLOG_OIDC_TOKEN_URI and so on."
        words = f"{error.what[:1].upper()}{error.what[1:]}."
        return [good("issuer", _issuer_fits(client)), fault("endpoints", words, NOBODY, change)]
    safe = good("endpoints", "All endpoints that the blog needs are there and safe to use.")
    return [good("issuer", _issuer_fits(client)), safe, *_keys(client, provider)]


def _issuer_fits(client: Client) -> str:
    return f"The provider calls itself {client.issuer}, as the setting does."


def _other_issuer(ours: str, theirs: object) -> Finding:
    shown = theirs[:200] if isinstance(theirs, str) else "nothing"
    hint = " They differ in the slash at the end." if shown.rstrip("/") == ours.rstrip("/") else ""
    return fault(
        "issuer",
        f"The provider calls itself {shown}, but BLOG_OIDC_ISSUER is {ours}.{hint}",
        NOBODY,
        f"Set BLOG_OIDC_ISSUER={shown} if that is the provider you mean; else put right the provider's own address.",
    )


def _keys(client: Client, provider: Provider) -> Iterator[Finding]:
    alg = client.id_token_alg
    if alg.startswith("HS"):
        yield good("keys", f"{alg} needs none of the provider's keys.")
        return
    url = provider.metadata().jwks_uri
    try:
        published = fetch("GET", url, what="the key set").object().get("keys")
        keys = provider.keys()
    except (Unreachable, LoginRefused) as error:
        words = explain(error, url) if isinstance(error, Unreachable) else (str(error), "")
        yield fault("keys", words[0], NOBODY, words[1])
        return
    fitting = usable(keys, alg)
    count = len(published) if isinstance(published, list) else 0
    yield _count(alg, count, len(fitting))
    yield from _left_out(len(keys), count)
    if len(fitting) > 1 and not all(key.kid for key in fitting):
        yield warning(
            "key_ids",
            f"Several keys fit {alg}, and some have no kid.",
            "A token that names no key is refused (unknown_key).",
            "Let the provider give each key a kid.",
        )


def _count(alg: str, count: int, fitting: int) -> Finding:
    words = f"Of {count} published keys {fitting} can sign with {alg}."
    if fitting:
        return good("keys", words)
    change = f"Set BLOG_OIDC_ID_TOKEN_ALG to what the provider signs with, or choose {alg} {CLIENT_CONSOLE}."
    return fault("keys", words, f"Every login is refused (unknown_key). {NOBODY}", change)


def _left_out(readable: int, count: int) -> Iterator[Finding]:
    if readable < count:
        yield noted(
            "keys_left_out",
            f"{count - readable} published keys are left out: of an unknown kind or curve, symmetric, or RSA below"
            " 2048 bits.",
            "A token signed with one of them is refused (unknown_key).",
            "Nothing, unless logins fail: then let the provider sign with another key.",
        )


def advice(client: Client, document: Mapping[str, Any], values: Mapping[str, Any]) -> list[Finding]:
    """Compare what the provider says that it can do with what the blog asks of it (Discovery 1.0, 3; RFC 8414, 2)."""
    looks = (
        _alg,
        _flow,
        _pkce,
        _auth_method,
        _scopes,
        _claims,
        _register,
        _pushed,
        _issuer_in_answers,
        _subjects,
        _logouts,
    )
    return [finding for look in looks for finding in look(client, document, values)]


Looks = Iterator[Finding]
Document = Mapping[str, Any]


def _listed(document: Document, name: str) -> list[str] | None:
    value = document.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None


def _alg(client: Client, document: Document, _values: Document) -> Looks:
    offered = _listed(document, "id_token_signing_alg_values_supported")
    if offered is None:
        yield noted("id_token_alg", "The provider does not say what it signs ID tokens with.")
    elif client.id_token_alg in offered:
        yield good("id_token_alg", f"The provider can sign ID tokens with {client.id_token_alg}.")
    else:
        yield fault(
            "id_token_alg",
            f"The provider signs ID tokens with {', '.join(offered)}; BLOG_OIDC_ID_TOKEN_ALG is {client.id_token_alg}.",
            "Every login is refused (wrong_algorithm).",
            f"Set BLOG_OIDC_ID_TOKEN_ALG to what is registered {CLIENT_CONSOLE}.",
        )


def _flow(client: Client, document: Document, _values: Document) -> Looks:
    kinds = _listed(document, "response_types_supported")
    if kinds is not None and "code" not in kinds:
        yield fault(
            "response_type",
            "The provider does not list the response type code.",
            NOBODY,
            f"Switch the authorization code flow on, {CLIENT_CONSOLE}.",
        )
    modes = _listed(document, "response_modes_supported") or ["query"]
    if client.response_mode not in modes:
        yield warning(
            "response_mode",
            f"The provider lists {', '.join(modes)} as response modes; BLOG_OIDC_RESPONSE_MODE is"
            f" {client.response_mode}.",
            "Logins may be refused (request_refused), or come back where the blog does not look.",
            "Choose another BLOG_OIDC_RESPONSE_MODE.",
        )
    else:
        yield good("response_mode", f"Answers can come as {client.response_mode}.")


def _pkce(_client: Client, document: Document, _values: Document) -> Looks:
    methods = _listed(document, "code_challenge_methods_supported")
    if methods is None:
        yield noted("pkce", "The provider does not say that it knows PKCE; the blog uses it all the same.")
    elif "S256" in methods:
        yield good("pkce", "The provider knows PKCE (S256).")
    else:
        yield warning(
            "pkce",
            "The provider knows PKCE, but not S256.",
            "Logins may be refused (request_refused).",
            "Switch S256 on at the provider.",
        )


def _auth_method(client: Client, document: Document, _values: Document) -> Looks:
    methods = _listed(document, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if client.token_auth_method in methods:
        yield good("token_auth_method", f"The token endpoint takes {client.token_auth_method}.")
    else:
        yield warning(
            "token_auth_method",
            f"The token endpoint takes {', '.join(methods)}; BLOG_OIDC_TOKEN_AUTH_METHOD is"
            f" {client.token_auth_method}.",
            "Logins may be refused (client_refused).",
            f"Choose another BLOG_OIDC_TOKEN_AUTH_METHOD, or change it {CLIENT_CONSOLE}.",
        )


def _scopes(client: Client, document: Document, _values: Document) -> Looks:
    offered = _listed(document, "scopes_supported")
    missing = [scope for scope in client.scopes if offered is not None and scope not in offered]
    if missing:
        yield noted(
            "scopes_supported",
            f"The provider does not list the scope {' or '.join(missing)}.",
            "What belongs to it may be left out, or the login refused (request_refused).",
            f"Look whether the scope exists {CLIENT_CONSOLE}; not every provider lists all. Else change"
            " BLOG_OIDC_SCOPES.",
        )
    elif offered is not None:
        yield good("scopes_supported", f"The provider knows all scopes asked for: {' '.join(client.scopes)}.")


def _claims(_client: Client, document: Document, values: Document) -> Looks:
    offered = _listed(document, "claims_supported")
    if offered is None:
        return
    wanted = {"BLOG_OIDC_AUTHOR_CLAIM": values["OIDC_AUTHOR_CLAIM"]}
    if values["ROLES_CLAIM"]:
        wanted["BLOG_ROLES_CLAIM"] = values["ROLES_CLAIM"]
    for setting, claim in wanted.items():
        if claim not in offered and claim.partition(".")[0] not in offered:
            yield noted(
                "claims_supported",
                f"The provider does not list the claim {claim} ({setting}).",
                "It may be missing at login.",
                "Log in once with --login to see. Many providers send more than they list.",
            )


def _register(_client: Client, document: Document, values: Document) -> Looks:
    if "create" in (_listed(document, "prompt_values_supported") or []):
        yield good("register", "“Register” leads to the provider's registration page (prompt=create).")
    elif values["OIDC_REGISTRATION_URL"]:
        yield good("register", "“Register” leads to BLOG_OIDC_REGISTRATION_URL.")
    else:
        yield noted(
            "register",
            "The provider does not list prompt=create: “Register” leads to its login page.",
            "Who has no account has to find the registration there.",
            "If it has a registration page, set BLOG_OIDC_REGISTRATION_URL.",
        )


def _pushed(_client: Client, document: Document, _values: Document) -> Looks:
    if isinstance(document.get("pushed_authorization_request_endpoint"), str):
        yield good("par", "The provider takes pushed requests (PAR).")


def _issuer_in_answers(_client: Client, document: Document, _values: Document) -> Looks:
    if document.get("authorization_response_iss_parameter_supported") is True:
        yield good("issuer_in_answers", "Answers name their issuer (RFC 9207), and the blog demands it.")
    else:
        yield noted("issuer_in_answers", "Answers do not name their issuer (RFC 9207); with one provider that is fine.")


def _subjects(_client: Client, document: Document, values: Document) -> Looks:
    kinds = _listed(document, "subject_types_supported") or []
    if "pairwise" not in kinds:
        yield good("subjects", "A person has the same subject for every client.")
        return
    by_subject = values["OIDC_AUTHOR_CLAIM"] == "sub"
    always = kinds == ["pairwise"]
    words = "Subjects are pairwise" if always else "Subjects may be pairwise"
    breaks = "Registering the blog anew, as another client, makes everybody a stranger to their own posts"
    if values["DIRECTORY"] != "claims":
        breaks += "; and the user API, which knows people by another id, finds nobody"
    change = f"Choose public subjects {CLIENT_CONSOLE}, or a claim that stays in BLOG_OIDC_AUTHOR_CLAIM."
    if always and by_subject and values["DIRECTORY"] != "claims":
        yield warning("subjects", f"{words}: made for this client alone.", f"{breaks}.", change)
    else:
        seen = f"{words}: made for this client alone."
        yield noted("subjects", seen, f"{breaks}." if by_subject else "", change if by_subject else "")


def _logouts(_client: Client, document: Document, _values: Document) -> Looks:
    if isinstance(document.get("end_session_endpoint"), str):
        yield good("logout", "Logging out here logs out at the provider, too.")
    else:
        yield noted(
            "logout",
            "The provider has no end_session_endpoint.",
            "Logging out ends the session here only; the next login may need no password.",
            "Switch RP-initiated logout on at the provider, if it has it.",
        )
    back = document.get("backchannel_logout_supported") is True
    front = document.get("frontchannel_logout_supported") is True
    if back:
        yield good("provider_logout", "The provider can end sessions here (back-channel logout).")
    elif front:
        yield good("provider_logout", "The provider can end sessions here in its own page (front-channel logout).")
    else:
        yield noted(
            "provider_logout",
            "The provider does not say that it tells of logouts.",
            "Who logs out there, or is disabled there, stays logged in here until the session ends by age.",
            "If it can send logout tokens after all, register the address below; else lower BLOG_SESSION_LIFETIME.",
        )
