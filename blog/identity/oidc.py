"""The relying party as functions: begin a login, finish it, ask again later, log out, and be told of a logout."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from blog.errors import LoginRefused, Unreachable, Words
from blog.identity import pushing
from blog.identity.client import Client, send
from blog.identity.http import Answer, fetch
from blog.identity.provider import Metadata, Provider
from blog.identity.tokens import (
    LOGOUT_AGE_S,
    Claims,
    Expected,
    auth_time,
    demand,
    judge_id_token,
    judge_logout_token,
    judge_recipient,
    same,
)

if TYPE_CHECKING:
    from joserfc.jwk import Key

# Every way a login can be refused, and what the person reads about it. Nothing that came in is ever shown instead.
REASONS = {
    # our address at the provider, its setting, our secret: for the operator to put right
    "issuer_mismatch": Words("The sign-in service is not the one this site expects. Please tell the site's operator."),
    "client_refused": Words(
        "The sign-in service does not accept this site's credentials. Please tell the site's operator."
    ),
    "request_refused": Words(
        "The sign-in service does not accept how this site asked. Please tell the site's operator."
    ),
    "weak_client_secret": Words("This site's secret is too short to sign with. Please tell the site's operator."),
    "unreadable_keys": Words("This site cannot read its own keys. Please tell the site's operator."),
    "push_impossible": Words(
        "This site and the sign-in service disagree on how to begin. Please tell the site's operator."
    ),
    "push_refused": Words(
        "The sign-in service does not accept what this site asked for. Please tell the site's operator."
    ),
    # what the provider sent the browser back with
    "state_mismatch": Words("This answer does not belong to a login that was begun here. Please start again."),
    "answer_from_elsewhere": Words("This answer came from another sign-in service than was asked. Please start again."),
    "access_denied": Words("The sign-in service did not let you through, or you chose not to go on."),
    "login_required": Words("The sign-in service wants you to log in there first."),
    "interaction_required": Words("The sign-in service wants to ask you something first. Please start again."),
    "temporarily_unavailable": Words("The sign-in service is busy at the moment. Please try again in a few minutes."),
    "provider_error": Words("The sign-in service reported an error. Please try again."),
    "code_missing": Words("The sign-in service sent you back with nothing to go on. Please start again."),
    "code_refused": Words("This login took too long or was used already. Please start again."),
    # what the porch finds out by itself
    "state_unknown": Words(
        "This login is over: it took longer than ten minutes, or was used already. Please start again."
    ),
    "provider_unreachable": Words(
        "The sign-in service does not answer at the moment. Reading goes on; try again soon."
    ),
    "initiated_elsewhere": Words(
        "You were sent here to log in by another sign-in service than the one this site uses."
    ),
    "author_claim_missing": Words(
        "The sign-in service left out the id this site needs. Please tell the site's operator."
    ),
    # what stood in the answer to our token request
    "malformed_answer": Words("The sign-in service answered in a way this site does not understand."),
    "missing_id_token": Words("The sign-in service did not say who you are."),
    "malformed_token": Words("The sign-in service sent a token that cannot be read."),
    "wrong_algorithm": Words("The sign-in service signed its token in a way this site does not accept."),
    "unknown_key": Words(
        "The sign-in service signed its token with a key that cannot be found among its published ones."
    ),
    "bad_signature": Words("The signature of the sign-in service's token is not genuine."),
    "wrong_issuer": Words("The token comes from another sign-in service than the one that was asked."),
    "wrong_audience": Words("The token was made for another site."),
    "wrong_authorized_party": Words("The token was given out to another site."),
    "missing_expiry": Words("The token does not say how long it is valid."),
    "expired": Words("The token has expired; perhaps a clock is wrong. Please try again."),
    "missing_issue_time": Words("The token does not say when it was made."),
    "issued_in_future": Words("The token was made in the future; perhaps a clock is wrong. Please try again."),
    "not_yet_valid": Words("The token is not valid yet; perhaps a clock is wrong. Please try again."),
    "missing_subject": Words("The token names nobody."),
    "other_subject": Words("The token names somebody else than before."),
    "wrong_nonce": Words("The token does not belong to this login. Please start again."),
    "login_too_old": Words("You need to log in at the sign-in service anew."),
    "login_too_weak": Words("The sign-in service did not check who you are as thoroughly as this site asks."),
    "renewal_refused": Words("The sign-in service no longer vouches for this login. Please log in again."),
    "wrong_access_token": Words("The two tokens of the sign-in service do not belong together."),
    # what the userinfo endpoint said
    "userinfo_refused": Words("The sign-in service did not tell about you, though it had just let you in."),
    "userinfo_of_another": Words("The sign-in service told about somebody else."),
    # what was wrong with a logout token, which no person sends; for the log
    "wrong_type": Words("The token is of another kind than was expected."),
    "logout_too_old": Words("The logout happened too long ago; perhaps a clock is wrong."),
    "not_a_logout": Words("The token does not say that somebody logged out."),
    "nonce_in_logout": Words("The token belongs to a login."),
    "missing_token_id": Words("The token has no id by which to know it again."),
    "used_before": Words("The token was used before."),
}

# RFC 6749 4.1.2.1 and Core 1.0 3.1.2.6; what is not listed is told as provider_error.
ERRORS = {
    "access_denied": "access_denied",
    "login_required": "login_required",
    "interaction_required": "interaction_required",
    "account_selection_required": "interaction_required",
    "consent_required": "interaction_required",
    "temporarily_unavailable": "temporarily_unavailable",
    "invalid_request": "request_refused",
    "unauthorized_client": "request_refused",
    "unsupported_response_type": "request_refused",
    "invalid_scope": "request_refused",
    "request_not_supported": "request_refused",
    "request_uri_not_supported": "request_refused",
    "registration_not_supported": "request_refused",
}

# What only a judged ID token may say; whatever userinfo says of these is not listened to.
PROTOCOL_CLAIMS = frozenset(
    {"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "auth_time", "acr", "amr", "at_hash", "sid"}
)

DOCTOR = "doctor."  # begins the state of a login that the doctor began, and keeps the attempt of
VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")  # RFC 6750 2.1 and, but for the space, RFC 6749 A.11
NEW_KEYS_MAY_HELP = frozenset({"unknown_key", "bad_signature"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that was begun; whoever asked for it keeps it where the browser cannot read it.

    :param started_at: whole seconds since the epoch.
    :param next: the local path to go to afterwards, as the caller gave it.
    :param subject: who has to log in, if that is known already; None for anybody.
    :param url: where to send the browser, at once; it is not kept.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    issuer: str
    redirect_uri: str
    started_at: int
    next: str
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    subject: str | None = None
    url: str = field(default="", repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Give what is to be kept, as values that survive JSON."""
        return {name: value for name, value in asdict(self).items() if name != "url"}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Attempt:
        """Read what ``to_dict`` gave."""
        return cls(**{**values, "acr_values": tuple(values["acr_values"])})


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """A login that passed every test.

    :param claims: of the ID token, and what userinfo adds to them.
    :param id_token: as it came; the provider wants it back at logout.
    :param refresh_token: None when there is none.
    :param sid: the provider's name for its session; None when it has none.
    :param nonce: of the attempt that this answers.
    :param auth_time: when they last proved who they are (seconds since the epoch); None when the token does not tell.
    :param acr: how they proved it, likewise.
    """

    claims: Claims
    id_token: str
    refresh_token: str | None
    sid: str | None
    nonce: str
    auth_time: int | None
    acr: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Renewal:
    """What the provider says of somebody who logged in before, and whom it still vouches for.

    :param claims: of the new ID token, if one came, and what userinfo adds; empty when neither tells anything.
    :param id_token: None when none came, which is allowed.
    :param refresh_token: the one to use from now on; None when the old one stays.
    """

    claims: Claims
    id_token: str | None
    refresh_token: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Logout:
    """What the provider tells of a session that ended there.

    :param subject: whose; None when only `sid` tells.
    :param sid: which one; None when all of the subject ended.
    :param token_id: by which the token is known again if it should be sent twice.
    :param valid_until: after this moment (aware UTC) the token is refused anyway.
    """

    subject: str | None
    sid: str | None
    token_id: str
    valid_until: datetime


def begin(
    client: Client,
    provider: Provider,
    *,
    next: str = "/",  # noqa: A002  (as it is called in our addresses)
    create: bool = False,
    login_hint: str | None = None,
    max_age: int | None = None,
    acr_values: Sequence[str] = (),
    subject: str | None = None,
    mark: str = "",
    now: datetime,
) -> Attempt:
    """Begin a login with PKCE, a fresh state and a fresh nonce (Core 1.0, 3.1.2.1; RFC 7636; RFC 9700, 2.1).

    :param next: the local path to go to afterwards; the caller has made sure that it is one.
    :param create: ask for the registration page, where the provider has said that it knows how
        (Initiating User Registration 1.0).
    :param max_age: seconds that may have passed since the person last proved who they are.
    :param acr_values: at least one of these ways of proving it is demanded.
    :param subject: nobody but them will do.
    :param mark: begins the state, by which the callback knows an attempt that somebody else keeps.
    :param now: aware.
    :raises Unreachable: the provider does not answer, so there is no use in sending anybody there.
    :raises LoginRefused: ``issuer_mismatch``, or what pushing the request is refused for (RFC 9126).
    """
    metadata = provider.metadata()
    if pushing.endpoint(client, metadata) is None:  # else pushing shows whether anybody is there
        metadata = provider.metadata(fresh=True)
    state, nonce, code_verifier = (secrets.token_urlsafe(32) for _ in range(3))
    state = mark + state
    asked = {
        **_always_asked(client),
        "state": state,
        "nonce": nonce,
        "code_challenge": create_s256_code_challenge(code_verifier),
        "prompt": _prompt(client, creates=create and "create" in metadata.prompt_values_supported),
        "login_hint": login_hint,
        "max_age": None if max_age is None else str(max_age),
        "acr_values": " ".join(acr_values) or None,
    }
    url = _authorization_url(client, metadata, {name: text for name, text in asked.items() if text is not None}, now)
    return Attempt(
        state=state,
        nonce=nonce,
        code_verifier=code_verifier,
        issuer=metadata.issuer,
        redirect_uri=client.redirect_uri,
        url=url,
        started_at=int(now.timestamp()),
        next=next,
        max_age=max_age,
        acr_values=tuple(acr_values),
        subject=subject,
    )


def _always_asked(client: Client) -> dict[str, str | None]:
    return {
        "client_id": client.client_id,
        "response_type": "code",
        "redirect_uri": client.redirect_uri,
        "scope": " ".join(dict.fromkeys(("openid", *client.scopes))),
        "code_challenge_method": "S256",
        "response_mode": "form_post" if client.response_mode == "form_post" else None,
    }


def _prompt(client: Client, *, creates: bool) -> str | None:
    # Core 1.0, 11: offline access is given only to who has just consented to it.
    asked = ["create"] * creates + ["consent"] * ("offline_access" in client.scopes)
    return " ".join(asked) or None


def _authorization_url(client: Client, metadata: Metadata, asked: dict[str, str], now: datetime) -> str:
    """Give the address that asks for this, or that names what was pushed (RFC 9126, 4)."""
    push_url = pushing.endpoint(client, metadata)
    request_uri = pushing.push(client, metadata, push_url, asked, now=now) if push_url else None
    if request_uri is None:
        return str(prepare_grant_uri(metadata.authorization_endpoint, **asked))
    short = [("client_id", client.client_id), ("request_uri", request_uri)]
    return str(add_params_to_uri(metadata.authorization_endpoint, short))


def finish(client: Client, provider: Provider, attempt: Attempt, params: Mapping[str, str], *, now: datetime) -> Login:
    """Judge what the browser came back with, redeem the code, and learn who it is.

    :param params: of the query or the form, alike.
    :param now: aware.
    :raises LoginRefused: with a code of REASONS.
    :raises Unreachable: the provider failed to answer one of our questions.
    """
    demand(same(params.get("state", ""), attempt.state), "state_mismatch")
    metadata = provider.metadata()
    code = _judge_answer(client, metadata, attempt, params)
    tokens = _redeem(client, metadata, attempt, code, now)
    expected = Expected(
        issuer=client.issuer,
        client_id=client.client_id,
        alg=client.id_token_alg,
        skew=client.skew,
        nonce=attempt.nonce,
        subject=attempt.subject,
        max_age=attempt.max_age,
        acr_values=attempt.acr_values,
        access_token=tokens.access_token,
    )
    claims = _judge(client, provider, tokens.id_token, expected, now)
    told = _userinfo_of(client, provider, tokens.access_token, claims["sub"])
    return Login(
        claims=_merged(claims, told),
        id_token=tokens.id_token or "",
        refresh_token=tokens.refresh_token,
        sid=_text(claims.get("sid")),
        nonce=attempt.nonce,
        auth_time=auth_time(claims),
        acr=_text(claims.get("acr")),
    )


def renew(
    client: Client, provider: Provider, *, refresh_token: str, subject: str, nonce: str, now: datetime
) -> Renewal:
    """Ask the provider whether it still vouches for somebody, and what it says of them now (Core 1.0, 12).

    :param subject: who they were at login; the answer must speak of them.
    :param nonce: of that login; a new ID token need not have one, but no other (Core 1.0, 12.2).
    :param now: aware.
    :raises LoginRefused: it does not, with ``renewal_refused``; or what it sent was not genuine. With
        ``client_refused`` it spoke of us, not of them.
    :raises Unreachable: the provider failed to answer.
    """
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    tokens = _request_tokens(client, provider.metadata(), form, refused="renewal_refused", now=now)
    claims: Claims = {}
    if tokens.id_token is not None:
        expected = Expected(
            issuer=client.issuer,
            client_id=client.client_id,
            alg=client.id_token_alg,
            skew=client.skew,
            subject=subject,
            access_token=tokens.access_token,
        )
        claims = _judge(client, provider, tokens.id_token, expected, now)
        demand(claims.get("nonce", nonce) == nonce, "wrong_nonce")
    told = _userinfo_of(client, provider, tokens.access_token, subject)
    return Renewal(_merged(claims, told), tokens.id_token, tokens.refresh_token)


def logout_url(
    client: Client, provider: Provider, *, id_token_hint: str | None, state: str, post_logout_redirect_uri: str
) -> str | None:
    """Tell where to send the browser to log out at the provider, too (RP-Initiated Logout 1.0, 2).

    :param state: comes back with the browser.
    :return: None when the provider has no such place, or cannot tell at the moment.
    """
    try:
        endpoint = provider.metadata().end_session_endpoint
    except (Unreachable, LoginRefused):
        return None
    if endpoint is None:
        return None
    params = {
        "id_token_hint": id_token_hint,
        "client_id": client.client_id,
        "post_logout_redirect_uri": post_logout_redirect_uri,
        "state": state,
    }
    url: str = add_params_to_uri(endpoint, [(name, value) for name, value in params.items() if value is not None])
    return url


def told_of_logout(client: Client, provider: Provider, token: str, *, now: datetime) -> Logout:
    """Judge a logout token that the provider sent (Back-Channel Logout 1.0, 2.6).

    :param token: as it came.
    :param now: aware.
    :raises LoginRefused: with a code of REASONS.
    :raises Unreachable: the provider's keys are needed and cannot be had.
    """
    expected = Expected(client.issuer, client.client_id, client.id_token_alg, client.skew)
    claims = _with_keys(client, provider, expected.alg, lambda keys: judge_logout_token(token, keys, expected, now=now))
    last_s = min(claims["exp"], claims["iat"] + LOGOUT_AGE_S) + client.skew
    return Logout(
        subject=claims.get("sub"),
        sid=claims.get("sid"),
        token_id=claims["jti"],
        valid_until=datetime.fromtimestamp(last_s, UTC),
    )


def _judge_answer(client: Client, metadata: Metadata, attempt: Attempt, params: Mapping[str, str]) -> str:
    """Give the code; the issuer counts before anything else the answer says (RFC 9207, 2.4; RFC 9700, 4.4)."""
    demand(attempt.issuer == client.issuer, "answer_from_elsewhere")
    named = "iss" in params or metadata.iss_parameter_required
    demand(not named or params.get("iss") == attempt.issuer, "answer_from_elsewhere")
    if "error" in params:
        raise LoginRefused(ERRORS.get(params["error"], "provider_error"))
    code = params.get("code", "")
    demand(VISIBLE_ASCII.fullmatch(code), "code_missing")
    return code


@dataclass(frozen=True, slots=True, repr=False)
class _Tokens:
    id_token: str | None
    access_token: str
    refresh_token: str | None


def _redeem(client: Client, metadata: Metadata, attempt: Attempt, code: str, now: datetime) -> _Tokens:
    """Exchange the code for tokens (RFC 6749, 4.1.3; RFC 7636, 4.5)."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": attempt.redirect_uri,
        "code_verifier": attempt.code_verifier,
    }
    tokens = _request_tokens(client, metadata, form, refused="code_refused", now=now)
    demand(tokens.id_token is not None, "missing_id_token")
    return tokens


def _request_tokens(
    client: Client, metadata: Metadata, form: Mapping[str, str], *, refused: str, now: datetime
) -> _Tokens:
    """Send a token request, proving who we are.

    :param refused: the reason when the provider does not accept what we hold.
    """
    answer = send(client, metadata, metadata.token_endpoint, form, what="the token endpoint", now=now)
    return _tokens(_token_answer(answer, refused))


def _token_answer(answer: Answer, refused: str) -> dict[str, Any]:
    _demand_service(answer)
    demand(answer.status != 401, "client_refused")
    values = answer.object()
    if answer.status == 200:
        return values
    # RFC 6749, 5.2
    ours = values.get("error") in ("invalid_client", "unauthorized_client")
    raise LoginRefused("client_refused" if ours else refused)


def _tokens(values: Mapping[str, Any]) -> _Tokens:
    id_token, access_token = values.get("id_token"), values.get("access_token")
    refresh_token, kind = values.get("refresh_token"), values.get("token_type")
    if id_token is not None and not isinstance(id_token, str):
        raise LoginRefused("missing_id_token")
    if not isinstance(access_token, str) or not VISIBLE_ASCII.fullmatch(access_token):
        raise LoginRefused("malformed_answer")
    demand(isinstance(kind, str) and kind.lower() == "bearer", "malformed_answer")
    return _Tokens(id_token, access_token, _text(refresh_token))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _judge(client: Client, provider: Provider, id_token: object, expected: Expected, now: datetime) -> Claims:
    return _with_keys(client, provider, expected.alg, lambda keys: judge_id_token(id_token, keys, expected, now=now))


def _with_keys(client: Client, provider: Provider, alg: str, judge: Callable[[Sequence[Key]], Claims]) -> Claims:
    """Judge with the keys we have, and once more with new ones if the provider may have changed them."""
    if alg.startswith("HS"):
        from blog.identity.signatures import secret_key  # noqa: PLC0415  (as in tokens.py)

        return judge([secret_key(client.client_secret, alg)])
    try:
        return judge(provider.keys())
    except LoginRefused as refused:
        if refused.reason not in NEW_KEYS_MAY_HELP:
            raise
    return judge(provider.keys(fresh=True))


def _userinfo_of(client: Client, provider: Provider, access_token: str, subject: str) -> Claims:
    """Ask who this is, and accept only what speaks of them (Core 1.0, 5.3); empty when there is nobody to ask."""
    endpoint = provider.metadata().userinfo_endpoint
    if endpoint is None:
        return {}
    told = _userinfo(client, provider, endpoint, access_token)
    demand(told.get("sub") == subject, "userinfo_of_another")
    return told


def _userinfo(client: Client, provider: Provider, endpoint: str, access_token: str) -> Claims:
    accept = "application/jwt" if client.userinfo_alg else "application/json"
    headers = {"Authorization": f"Bearer {access_token}", "Accept": accept}
    answer = fetch("GET", endpoint, what="the userinfo endpoint", headers=headers)
    _demand_service(answer)
    demand(answer.status == 200, "userinfo_refused")
    # Which of the two it has to be is our setting, so that nobody can leave the signature away.
    return _signed_userinfo(client, provider, answer) if client.userinfo_alg else answer.object()


def _signed_userinfo(client: Client, provider: Provider, answer: Answer) -> Claims:
    from blog.identity.signatures import verify  # noqa: PLC0415  (as in tokens.py)

    alg, token = client.userinfo_alg, answer.body.decode("ascii", "replace").strip()
    claims = _with_keys(client, provider, alg, lambda keys: verify(token, keys, alg))
    judge_recipient(claims, Expected(client.issuer, client.client_id, alg, client.skew))
    return claims


def _merged(claims: Claims, told: Claims) -> Claims:
    # What is signed wins.
    return {**{name: value for name, value in told.items() if name not in PROTOCOL_CLAIMS}, **claims}


def _demand_service(answer: Answer) -> None:
    if answer.status == 429 or answer.status >= 500:
        raise answer.unusable("is out of service")
