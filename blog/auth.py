"""The porch: logging in and out at the provider."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, Flask, Response, g, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as Transaction

from blog.db import writing
from blog.errors import LoginRefused, NotFound, Taken, Unreachable
from blog.identity import directories, oidc, people, sessions, spending
from blog.identity.doctor import arrival
from blog.identity.people import Byline, Key, Person
from blog.identity.sessions import Holder
from blog.porch import Porch, attempts, guards, log, porch, renewal
from blog.web import csrf, headers, keeping, redirects
from blog.web.clock import moment

ANYWHERE = ""  # where a login goes that was begun for no page in particular: see _start_url
JWKS_KEPT_S = 300
NOT_KEPT = {"Cache-Control": "no-store"}

bp = Blueprint("auth", __name__)


def init_app(app: Flask, ready: Porch) -> None:
    """Put the porch in front of every door of this application."""
    app.extensions["porch"] = ready
    log.start()
    guards.init_app(app)
    renewal.init_app(app)
    app.before_request(_come_home)
    app.register_blueprint(bp)


def _come_home() -> ResponseReturnValue | None:
    """After logging out the provider adds our state to the home page's address, which is for sharing: drop it."""
    if request.query_string and request.endpoint == "blog.index" and "state" in request.args:
        return redirect(url_for("blog.index"))
    return None


def bylines(keys: Collection[tuple[str, str]]) -> Mapping[Key, Byline]:
    """Tell under which names these authors are shown; every key has an answer."""
    here = porch()
    here.forgetting.look(at_once=keeping.is_asked())
    found, lasting = directories.bylines(here.directory, keys, here.seal.key("byline"))
    keeping.names_last(lasting.fresh_s, lasting.known_s)
    return found


# -- ways in ----------------------------------------------------------------------------------------------------------


@bp.get("/login")
def login() -> ResponseReturnValue:
    """Send somebody to the provider's login page; they come back to ``next``."""
    return _begin(_next())


@bp.get("/register")
def register() -> ResponseReturnValue:
    """Send somebody to the provider's registration page, or as near to it as the provider allows."""
    return _begin(_next(), create=True)


@bp.route("/oidc/initiate", methods=["GET", "POST"])
@csrf.exempt
def initiate() -> ResponseReturnValue:
    """Log somebody in whom a third party, such as the provider's list of applications, sent (Core 1.0, 4)."""
    params = request.form if request.method == "POST" else request.args
    if params.get("iss") != porch().client.issuer:
        return _refuse(LoginRefused("initiated_elsewhere"), ANYWHERE)
    return _begin(_target_of_link(params.get("target_link_uri", "")), login_hint=params.get("login_hint"))


@bp.get("/login/confirm")
def confirm() -> ResponseReturnValue:
    """Ask somebody who is logged in to prove once more who they are; see ``guards.step_up``."""
    if not g.user:
        return redirect(url_for("auth.login", next=_next() or url_for("blog.index")))
    wanted, holder = porch().step_up, session.holder  # type: ignore[attr-defined]
    return _send_off(
        _next(), max_age=int(wanted.max_age.total_seconds()), acr_values=wanted.acr_values, subject=holder.subject
    )


def _next() -> str:
    return redirects.local(request.args.get("next"), ANYWHERE)


def _target_of_link(link: str) -> str:
    """Where on this site a link leads, which may be absolute; nowhere in particular if it leads elsewhere."""
    path = link.removeprefix(porch().public_url) or url_for("blog.index") if link else None
    return redirects.local(path, ANYWHERE)


def _begin(target: str, *, create: bool = False, **more: Any) -> ResponseReturnValue:
    """Send somebody to the provider unless they are logged in already."""
    if g.user:
        return redirect(target or _start_url(g.user))
    return _send_off(target, create=create, **more)


def _send_off(target: str, *, create: bool = False, **more: Any) -> ResponseReturnValue:
    """Begin a login, and send the browser to the provider with it.

    :param more: as ``oidc.begin`` takes it.
    """
    ready = porch()
    try:
        with _room_to_wait():
            creates = create and "create" in ready.provider.metadata().prompt_values_supported
            if create and not creates and ready.registration_url:
                return redirect(ready.registration_url)
            attempt = oidc.begin(ready.client, ready.provider, next=target, create=creates, now=moment(), **more)
    except (LoginRefused, Unreachable) as error:
        return _refuse(error, target)
    return attempts.keep(make_response(redirect(attempt.url)), attempt)


@bp.route("/oidc/callback", methods=["GET", "POST"])
@csrf.exempt
def callback() -> ResponseReturnValue:
    """Judge what the provider says about somebody, and let them in or say why not."""
    params = request.form if request.method == "POST" else request.args
    state = params.get("state", "")
    begun = attempts.find(state)
    if begun is None:
        return _hand_to_doctor() if state.startswith(oidc.DOCTOR) else _answer_again(state)
    ready = porch()
    try:
        with _room_to_wait():
            if not spending.spend(ready.seal.ref("state", state), until=moment() + attempts.LIFETIME):
                return _answer_again(state)
            proven = oidc.finish(ready.client, ready.provider, begun.attempt, params.to_dict(), now=moment())
        person = people.person_from_claims(
            proven.claims,
            issuer=ready.client.issuer,
            author_claim=ready.author_claim,
            roles=people.roles_from_claims(proven.claims, ready.role_rules),
            groups=people.groups_from_claims(proven.claims, ready.role_rules),
        )
    except (LoginRefused, Unreachable) as error:
        return attempts.forget(make_response(_refuse(error, begun.attempt.next)), state)
    target = redirects.local(begun.attempt.next, _start_url(person))
    _let_in(person, proven, begun.session_ref)
    session.remember_target(state, target)  # type: ignore[attr-defined]
    return attempts.forget(make_response(redirect(target, 303)), state)


def _let_in(person: Person, proven: oidc.Login, instead_of: str | None) -> None:
    """Begin a session of this person, under a new id, in the place of the one that this browser had."""
    ready = porch()
    before = sessions.last_holder(ready.seal, person.key)
    session.log_in(  # type: ignore[attr-defined]
        Holder(
            person=person,
            subject=proven.claims["sub"],
            sid=proven.sid,
            id_token=proven.id_token,
            nonce=proven.nonce,
            auth_time=proven.auth_time,
            acr=proven.acr,
            refresh_token=proven.refresh_token if ready.revalidate else None,
            browser=request.user_agent.string,
        ),
        instead_of=instead_of,
    )
    ready.forgetting.look(at_once=True)
    ready.directory.learn(person)
    log.note("login", person=person, role=log.role(person))
    if before:
        log.note_role_change(before.person, person)
    if reason := people.why_no_groups(proven.claims, ready.role_rules):
        log.note("login_without_groups", person=person, reason=reason, alarm=True)


def _start_url(person: Person) -> str:
    """Where a login leads that was begun for no page in particular."""
    return url_for("dashboard.index" if "author" in person.roles else "blog.index")


@contextmanager
def _room_to_wait() -> Iterator[None]:
    """Let only so many logins wait for the provider at a time: while it is slow, threads are left for readers."""
    waiting = porch().waiting
    if not waiting.acquire(blocking=False):
        raise Unreachable("too many logins are waiting for the provider", retry_after=5)
    try:
        yield
    finally:
        waiting.release()


def _answer_again(state: str) -> ResponseReturnValue:
    """An answer we wait for no more: a reload, the back button, a second click, or one that was never asked for."""
    if g.user and (target := session.target_of(state)):  # type: ignore[attr-defined]
        return redirect(redirects.local(target, _start_url(g.user)), 303)
    return _refuse(LoginRefused("state_unknown"), ANYWHERE)


def _refuse(error: LoginRefused | Unreachable, target: str) -> ResponseReturnValue:
    """Say that nobody was logged in, why, and how to go on."""
    if isinstance(error, LoginRefused):
        reason, status, retry_after, what = error.reason, 400, None, error.detail or None
    else:
        reason, status, retry_after, what = "provider_unreachable", 503, error.retry_after or 30, error.what
    log.note("login_refused", reason=reason, what=what, alarm=True)
    page = render_template("auth/refused.html", reason=reason, sentence=oidc.REASONS[reason], next=target)
    response = headers.keep_private(make_response(page, status))
    if retry_after:
        response.headers["Retry-After"] = str(round(retry_after))
    return response


# -- ways out ---------------------------------------------------------------------------------------------------------


@bp.get("/logout")
def leave() -> ResponseReturnValue:
    """Ask whether to log out; a link or an image elsewhere must not be able to do it."""
    if not g.user:
        return redirect(url_for("blog.index"))
    return render_template("auth/logout.html")


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """End our session, then the provider's (RP-Initiated Logout 1.0), and come back to the home page.

    With ``where=here`` the provider is left alone; with ``where=everywhere`` one's other sessions here end as well.
    """
    home_url = porch().public_url + url_for("blog.index")
    if not g.user:
        return redirect(home_url, 303)
    where, holder = request.form.get("where", ""), session.holder  # type: ignore[attr-defined]
    log.note("logout", person=g.user, where=where if where in ("here", "everywhere") else "provider")
    if where == "everywhere":
        with writing() as transaction:
            _end(transaction, subject=holder.subject)
    session.log_out()  # type: ignore[attr-defined]
    left = make_response(_home(home_url) if where == "here" else _leave_provider(holder.id_token, home_url))
    left.headers["Clear-Site-Data"] = '"storage"'  # what the editor keeps in the browser itself
    return left


def _leave_provider(id_token: str, home_url: str) -> ResponseReturnValue:
    ready = porch()
    onward_url = oidc.logout_url(
        ready.client,
        ready.provider,
        id_token_hint=id_token,
        state=secrets.token_urlsafe(16),
        post_logout_redirect_uri=home_url,
    )
    if onward_url is None or csrf.origin_of(onward_url) == csrf.origin_of(ready.client.issuer):
        return _home(onward_url or home_url)
    return guards.go_on(onward_url, because="logged_out")


def _home(url: str) -> ResponseReturnValue:
    return headers.keep_private(make_response(redirect(url, 303)))


# -- ways out that the provider takes ----------------------------------------------------------------------------------


@bp.post("/oidc/backchannel-logout")
@csrf.exempt
def backchannel_logout() -> ResponseReturnValue:
    """End the sessions that the provider says have ended (Back-Channel Logout 1.0, 2.5 to 2.8)."""
    try:
        ended = _end_as_told(request.form.get("logout_token", ""))
    except LoginRefused as error:
        log.note("backchannel_logout_refused", reason=error.reason, alarm=True)
        return {"error": "invalid_request"}, 400, NOT_KEPT
    except Unreachable as error:
        log.note("backchannel_logout_refused", reason="provider_unreachable", what=error.what, alarm=True)
        retry_after = str(round(error.retry_after or 30))
        return {"error": "temporarily_unavailable"}, 503, {**NOT_KEPT, "Retry-After": retry_after}
    log.note("backchannel_logout", ended=ended)
    return "", 200, NOT_KEPT


def _end_as_told(logout_token: str) -> int:
    """Judge a logout token, and use it up in the one transaction that ends the sessions; tell how many."""
    ready = porch()
    with _room_to_wait():
        told = oidc.told_of_logout(ready.client, ready.provider, logout_token, now=moment())
    once = ready.seal.ref("logout token", ready.client.issuer, told.token_id)
    try:
        with spending.spending(once, until=told.valid_until) as transaction:
            return _end(transaction, subject=told.subject, sid=told.sid)
    except Taken:
        raise LoginRefused("used_before") from None


@bp.get("/oidc/frontchannel-logout")
def frontchannel_logout() -> ResponseReturnValue:
    """End the session that the provider names in a frame on its own logout page (Front-Channel Logout 1.0, 2 and 3).

    A browser sends no Lax cookie into that frame. So the session is found by the provider's id of its own, which
    nobody else can know.
    """
    issuer, sid = porch().client.issuer, request.args.get("sid")
    if request.args.get("iss") == issuer and sid:
        with writing() as transaction:
            ended = _end(transaction, sid=sid)
        log.note("frontchannel_logout", ended=ended)
    return headers.let_frame(make_response("", NOT_KEPT), csrf.origin_of(issuer))


def _end(transaction: Transaction, *, subject: str | None = None, sid: str | None = None) -> int:
    ready = porch()
    done = transaction.execute(sessions.ending(ready.seal, ready.client.issuer, subject=subject, sid=sid))
    return done.rowcount  # type: ignore[attr-defined]


# -- our own keys -----------------------------------------------------------------------------------------------------


@bp.get("/oidc/jwks")
def jwks() -> ResponseReturnValue:
    """Publish the keys by which the provider knows us (RFC 7517, 5); 404 where a client secret does that."""
    keys = porch().client_keys
    if keys is None:
        raise NotFound
    try:
        key_set = {"keys": [each.jwk for each in keys.all()]}
    except LoginRefused as error:
        raise Unreachable(error.detail) from None
    response = Response(json.dumps(key_set), content_type="application/jwk-set+json")
    return headers.keep_for_everybody(response, seconds=JWKS_KEPT_S)


# -- the operator's doctor --------------------------------------------------------------------------------------------


@bp.get(arrival.PROBE)
def probe() -> ResponseReturnValue:
    """Tell the doctor how its request arrived; for everybody else there is nothing here."""
    if not arrival.is_token(porch().seal, request.args.get("token", ""), moment()):
        raise NotFound
    arrived = arrival.describe(
        scheme=request.scheme, host=request.host, address=request.remote_addr, headers=request.headers
    )
    return arrived, NOT_KEPT


def _hand_to_doctor() -> ResponseReturnValue:
    """Say what to do with the answer to a login that ``flask oidc doctor`` began; nobody is logged in here."""
    log.note("doctor_login")
    response = headers.keep_private(make_response(render_template("auth/doctor.html")))
    response.headers["Referrer-Policy"] = "no-referrer"  # the address holds the code
    return response
