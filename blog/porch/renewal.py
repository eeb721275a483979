"""Asking the provider now and then whether it still vouches for who is logged in (SESSION_REVALIDATE)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from flask import Flask, Response, current_app, g, request, session

from blog.errors import LoginRefused, Unreachable
from blog.forks import Places
from blog.identity import oidc, people, sessions
from blog.identity.people import Person
from blog.identity.sessions import Holder, Session
from blog.porch import log, porch
from blog.web.clock import moment

AT_A_TIME = 4  # in one process; whose turn does not come is asked about at their next page
AGAIN_AFTER = timedelta(minutes=1)  # when the provider could not say
ABOUT_US = frozenset({"client_refused", "issuer_mismatch", "malformed_answer", "unreadable_keys", "weak_client_secret"})

_asking = Places(AT_A_TIME)


def init_app(app: Flask) -> None:
    """Look after each page of this application whether it is time to ask."""
    app.after_request(_ask_if_due)


def _ask_if_due(response: Response) -> Response:
    """Ask in the background of a GET: nobody waits, and nothing is decided about a form that is under way."""
    if not g.get("user") or request.method != "GET":
        return response
    known, now = session._get_current_object(), moment()  # type: ignore[attr-defined]
    if _is_due(known, now) and _asking.acquire(blocking=False):
        ref = known.ref
        mine = False
        try:
            mine = sessions.claim_check(ref, checked_at=known.checked_at, now=now)
        finally:
            if not mine:
                _asking.release()
        if mine:
            app = current_app._get_current_object()  # type: ignore[attr-defined]
            porch().background(lambda: _ask(app, ref, known.holder))
    return response


def _is_due(known: Session, now: datetime) -> bool:
    every = porch().revalidate
    if every is None or known.holder is None or known.holder.refresh_token is None or known.checked_at is None:
        return False
    return now - known.checked_at >= every


def _ask(app: Flask, ref: str, holder: Holder) -> None:
    try:
        with app.app_context():
            _judge(ref, holder)
    finally:
        _asking.release()


def _judge(ref: str, holder: Holder) -> None:
    """Ask, and keep what the provider says: who it no longer vouches for is logged out."""
    ready, now = porch(), moment()
    try:
        proven = oidc.renew(
            ready.client,
            ready.provider,
            refresh_token=holder.refresh_token or "",
            subject=holder.subject,
            nonce=holder.nonce,
            now=now,
        )
        renewed = _renewed(holder, proven)
    except Unreachable as outage:
        _put_off(ref, holder, now, reason="provider_unreachable", what=outage.what)
    except LoginRefused as refused:
        if refused.reason in ABOUT_US:
            _put_off(ref, holder, now, reason=refused.reason)
            return
        sessions.end(ref, key=holder.person.key, seal=ready.seal)
        log.note("session_refused", person=holder.person, reason=refused.reason, alarm=True)
    else:
        sessions.note_check(ready.seal, ref, holder=renewed, checked_at=now)
        ready.forgetting.look(at_once=True)
        ready.directory.learn(renewed.person)
        log.note("session_renewed", person=renewed.person)
        log.note_role_change(holder.person, renewed.person)


def _put_off(ref: str, holder: Holder, now: datetime, *, reason: str, what: str | None = None) -> None:
    """The provider could not say, or spoke of us: the session stays, and it is asked again soon."""
    ready = porch()
    sessions.note_check(ready.seal, ref, checked_at=now - (ready.revalidate or timedelta()) + AGAIN_AFTER)
    log.note("session_check_failed", person=holder.person, reason=reason, what=what, alarm=True)


def _renewed(holder: Holder, proven: oidc.Renewal) -> Holder:
    return replace(
        holder,
        person=_person(holder.person, proven),
        id_token=proven.id_token or holder.id_token,
        refresh_token=proven.refresh_token or holder.refresh_token,
    )


def _person(before: Person, proven: oidc.Renewal) -> Person:
    """Describe somebody anew; what the provider did not speak of this time is as it was."""
    ready, claims = porch(), proven.claims
    if claims.get(ready.author_claim, before.key.id) != before.key.id:
        raise LoginRefused("other_subject")
    name = people.name_from_claims(claims) or before.name
    # A refresh need not bring an ID token, in which the groups may be; then nothing was said of them.
    if proven.id_token is None and people.why_no_groups(claims, ready.role_rules):
        return replace(before, name=name)
    return replace(
        before,
        name=name,
        roles=people.roles_from_claims(claims, ready.role_rules),
        groups=people.groups_from_claims(claims, ready.role_rules),
    )
