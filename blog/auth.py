"""The porch: logging in and out at the provider, and who is asking (`g.user`, `login_required`, `role_required`)."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from threading import BoundedSemaphore
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as Transaction
from werkzeug.datastructures import MultiDict

from blog.db import writing
from blog.errors import Forbidden, LoginRefused, NotFound, Taken, Unreachable
from blog.identity import directories, oidc, parking, people, sessions, spending
from blog.identity.doctor import arrival
from blog.identity.people import Byline, Key, Person, RoleRules
from blog.identity.provider import Provider
from blog.identity.sealing import Seal
from blog.identity.sessions import hash_of
from blog.web import csrf, forms, headers, redirects
from blog.web.clock import moment

ATTEMPT_LIFETIME = timedelta(minutes=10)
ATTEMPTS_AT_MOST = 5
ANYWHERE = ""  # where a login goes that was begun for no page in particular: see _start_url
LOGINS_AT_A_TIME = 6  # in one process, of the eight threads that the production server gives it
ATTEMPT = "login attempt"  # what attempts are sealed for
NOT_KEPT = {"Cache-Control": "no-store"}
NEEDS_ROLE = "You may read here; writing needs the role of {}, which your organisation’s sign-in service gives."

bp = Blueprint("auth", __name__)


@dataclass(frozen=True)
class Porch:
    """What stands ready on the porch of one application."""

    client: oidc.Client
    provider: Provider
    directory: directories.Cached
    seal: Seal
    author_claim: str
    role_rules: RoleRules
    registration_url: str
    public_url: str
    waiting: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(LOGINS_AT_A_TIME))

    @property
    def attempt_cookie(self) -> str:
        """The first part of the name of the cookie that keeps a login attempt; one cookie an attempt."""
        return "__Host-login-" if self.public_url.startswith("https:") else "byline-login-"


def init_app(app: Flask, porch: Porch) -> None:
    """Put the porch in front of every door of this application."""
    app.extensions["porch"] = porch
    app.before_request(_see_who_asks)
    app.before_request(_come_home)
    app.after_request(_keep_in_its_place)
    app.register_blueprint(bp)
    app.context_processor(lambda: {"user": g.get("user")})
    app.add_template_global(form_token)


def _porch() -> Porch:
    return current_app.extensions["porch"]


# -- who asks ---------------------------------------------------------------------------------------------------------


def _see_who_asks() -> None:
    """Know the person of this session, and refuse what they did not mean to send."""
    person = session.person  # type: ignore[attr-defined]
    g.user = person if person and person.key.issuer == _porch().client.issuer else None
    csrf.gate()
    if g.user and request.method not in csrf.SAFE and not csrf.is_exempt():
        csrf.check(request.form.get(csrf.FIELD), person_ref(g.user.key))


def _come_home() -> ResponseReturnValue | None:
    """After logging out the provider adds our state to the home page's address, which is for sharing: drop it."""
    if request.endpoint == "blog.index" and "state" in request.args:
        return redirect(url_for("blog.index"))
    return None


def _keep_in_its_place(response: Response) -> Response:
    """Nothing that one person sees is kept by a cache; a parked form is forgotten once it was saved."""
    if "Cache-Control" not in response.headers and (g.get("user") or response.headers.getlist("Set-Cookie")):
        headers.keep_private(response)
    if g.get("user") and request.method == "POST" and response.status_code == 303 and "parked" in request.form:
        parking.discard(request.form["parked"], person_ref=person_ref(g.user.key))
    return response


def person_ref(key: Key) -> str:
    """Refer to a person where the key itself must not be read: in form tokens and parked forms."""
    return _porch().seal.ref("form", *key)


def form_token() -> str:
    """Make the token of a signed-in form; for templates."""
    return csrf.token(person_ref(g.user.key))


def login_required(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Let only people who are logged in come to this view; the others go to the login page and come back.

    A form that arrives signed out, from somebody who was logged in when it was shown, is kept for them. Every
    view behind this answers GET at the same path with the same form.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        return view(*args, **kwargs) if g.user else _turn_away()

    return guarded


def role_required(role: str) -> Callable[[Callable[..., ResponseReturnValue]], Callable[..., ResponseReturnValue]]:
    """Let only people with this role come to a view; for who is not logged in it is as behind ``login_required``.

    :param role: one of ``people.ROLES``.
    """

    def guard(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
        @login_required
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            if role not in g.user.roles:
                raise Forbidden(NEEDS_ROLE.format(role))
            return view(*args, **kwargs)

        return guarded

    return guard


def _turn_away() -> ResponseReturnValue:
    if request.method in csrf.SAFE:
        here = request.full_path if request.query_string else request.path
        return redirect(url_for("auth.login", next=here))
    writer = csrf.holder(request.form.get(csrf.FIELD))
    if writer is None or forms.END_MARK not in request.form:
        return redirect(url_for("auth.login", next=request.path), 303)
    because, back = ("parked", f"{request.path}?parked={_park(writer)}") if forms.typed() else ("ended", request.path)
    # Not a redirect: what follows a form may only lead where the policy's form-action allows, and a provider may
    # pass people through hosts that nobody can list.
    page = render_template("auth/onward.html", onward_url=url_for("auth.login", next=back), because=because)
    return headers.keep_private(make_response(page, 401))


def _park(writer: str) -> str:
    fields = [(name, text) for name, text in request.form.items(multi=True) if name != csrf.FIELD]
    return parking.park(_porch().seal, person_ref=writer, path=request.path, fields=fields, now=moment())


def parked_form() -> MultiDict[str, str] | None:
    """Give back the form this request asks for with ``?parked=``, if it was sent by the person who asks.

    It need not have been sent here: the post may have another address by now, or be gone, so that its words can only
    become a new one.
    """
    if not (parked_id := request.args.get("parked")):
        return None
    found = parking.find(_porch().seal, parked_id, person_ref=person_ref(g.user.key), now=moment())
    return MultiDict([*found.fields, ("parked", parked_id)]) if found else None


def parked_forms() -> list[parking.ParkedForm]:
    """List what the person of this session sent while signed out and has not saved yet."""
    return parking.of_person(_porch().seal, person_ref=person_ref(g.user.key), now=moment())


def bylines(keys: Collection[tuple[str, str]]) -> dict[Key, Byline]:
    """Tell under which names these authors are shown; every key has an answer."""
    porch = _porch()
    return directories.bylines(porch.directory, {Key(*key) for key in keys}, porch.seal.key("byline"))


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
    if params.get("iss") != _porch().client.issuer:
        return _refuse(LoginRefused("initiated_elsewhere"), ANYWHERE)
    return _begin(_target_of_link(params.get("target_link_uri", "")), login_hint=params.get("login_hint"))


def _next() -> str:
    return redirects.local(request.args.get("next"), ANYWHERE)


def _target_of_link(link: str) -> str:
    """Where on this site a link leads, which may be absolute; nowhere in particular if it leads elsewhere."""
    path = link.removeprefix(_porch().public_url) or url_for("blog.index") if link else None
    return redirects.local(path, ANYWHERE)


def _begin(target: str, *, create: bool = False, login_hint: str | None = None) -> ResponseReturnValue:
    if g.user:
        return redirect(target or _start_url(g.user))
    porch = _porch()
    try:
        with _room_to_wait():
            creates = create and "create" in porch.provider.metadata().prompt_values_supported
            if create and not creates and porch.registration_url:
                return redirect(porch.registration_url)
            attempt = oidc.begin(
                porch.client, porch.provider, next=target, create=creates, login_hint=login_hint, now=moment()
            )
    except (LoginRefused, Unreachable) as error:
        return _refuse(error, target)
    response = redirect(attempt.url)
    _keep_attempt(response, attempt)
    return headers.keep_private(response)  # type: ignore[arg-type]


@bp.route("/oidc/callback", methods=["GET", "POST"])
@csrf.exempt
def callback() -> ResponseReturnValue:
    """Judge what the provider says about somebody, and let them in or say why not."""
    params = request.form if request.method == "POST" else request.args
    state = params.get("state", "")
    attempt = _attempt(state)
    if attempt is None:
        return _hand_to_doctor() if state.startswith(oidc.DOCTOR) else _answer_again(state)
    porch = _porch()
    try:
        with _room_to_wait():
            if not spending.spend(porch.seal.ref("state", state), until=moment() + ATTEMPT_LIFETIME):
                return _answer_again(state)
            proven = oidc.finish(porch.client, porch.provider, attempt, params.to_dict(), now=moment())
        person = people.person_from_claims(
            proven.claims,
            issuer=porch.client.issuer,
            author_claim=porch.author_claim,
            roles=people.roles_from_claims(proven.claims, porch.role_rules),
        )
    except (LoginRefused, Unreachable) as error:
        return _forget_attempt(make_response(_refuse(error, attempt.next)), state)
    session.log_in(  # type: ignore[attr-defined]
        person, subject=proven.claims["sub"], sid=proven.sid, id_token=proven.id_token
    )
    target = redirects.local(attempt.next, _start_url(person))
    session.remember_target(state, target)  # type: ignore[attr-defined]
    porch.directory.learn(person)
    current_app.logger.info("login person=%s", person_ref(person.key)[:12])
    if reason := people.why_no_groups(proven.claims, porch.role_rules):
        current_app.logger.warning("login_without_groups reason=%s person=%s", reason, person_ref(person.key)[:12])
    return _forget_attempt(make_response(redirect(target, 303)), state)


def _start_url(person: Person) -> str:
    """Where a login leads that was begun for no page in particular."""
    return url_for("dashboard.index" if "author" in person.roles else "blog.index")


@contextmanager
def _room_to_wait() -> Iterator[None]:
    """Let only so many logins wait for the provider at a time: while it is slow, threads are left for readers."""
    waiting = _porch().waiting
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
        reason, status, retry_after = error.reason, 400, None
        detail = ""
    else:
        reason, status, retry_after = "provider_unreachable", 503, error.retry_after or 30
        detail = error.what
    current_app.logger.warning("login_refused reason=%s request=%s %s", reason, g.request_id, detail)
    page = render_template("auth/refused.html", reason=reason, sentence=oidc.REASONS[reason], next=target)
    response = headers.keep_private(make_response(page, status))
    if retry_after:
        response.headers["Retry-After"] = str(round(retry_after))
    return response


# -- attempts: each in a sealed cookie of its own, so that several tabs can log in at once ----------------------------


def _cookie_of(state: str) -> str:
    return _porch().attempt_cookie + hash_of(state)[:16]


def _keep_attempt(response: Any, attempt: oidc.Attempt) -> None:
    name = _cookie_of(attempt.state)
    sealed = urlsafe_b64encode(_porch().seal.close(ATTEMPT, name, attempt.to_dict())).decode()
    from_elsewhere = _porch().client.response_mode == "form_post"  # a POST from the provider brings no Lax cookie
    response.set_cookie(
        name,
        sealed,
        max_age=ATTEMPT_LIFETIME,
        path="/",
        secure=_porch().public_url.startswith("https:"),
        httponly=True,
        samesite="None" if from_elsewhere else "Lax",
    )
    for older in _older_attempts(keep=ATTEMPTS_AT_MOST - 1):
        _drop_cookie(response, older)


def _older_attempts(*, keep: int) -> list[str]:
    """Name the cookies of attempts beyond the newest `keep`, broken ones first."""
    names = [name for name in request.cookies if name.startswith(_porch().attempt_cookie)]
    names.sort(key=lambda name: attempt.started_at if (attempt := _opened(name)) else 0, reverse=True)
    return names[keep:]


def _opened(cookie: str) -> oidc.Attempt | None:
    try:
        sealed = urlsafe_b64decode(request.cookies.get(cookie, ""))
    except ValueError:
        return None
    known = _porch().seal.open(ATTEMPT, cookie, sealed)
    try:
        return oidc.Attempt.from_dict(known) if known else None
    except (KeyError, TypeError):  # begun before an upgrade, when attempts had other fields
        return None


def _attempt(state: str) -> oidc.Attempt | None:
    """The attempt of this browser with this state, if it is not too old."""
    attempt = _opened(_cookie_of(state))
    if attempt is None:
        return None
    age = moment() - datetime.fromtimestamp(attempt.started_at, UTC)
    return attempt if age <= ATTEMPT_LIFETIME else None


def _forget_attempt(response: Response, state: str) -> Response:
    _drop_cookie(response, _cookie_of(state))
    return headers.keep_private(response)


def _drop_cookie(response: Any, name: str) -> None:
    response.delete_cookie(name, path="/", secure=_porch().public_url.startswith("https:"), httponly=True)


# -- ways out ---------------------------------------------------------------------------------------------------------


@bp.get("/logout")
def leave() -> ResponseReturnValue:
    """Ask whether to log out; a link or an image elsewhere must not be able to do it."""
    if not g.user:
        return redirect(url_for("blog.index"))
    return render_template("auth/logout.html")


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """End our session, then the provider's (RP-Initiated Logout 1.0), and come back to the home page."""
    home_url = _porch().public_url + url_for("blog.index")
    if not g.user:
        return redirect(home_url, 303)
    porch, id_token = _porch(), session.get("id_token")
    current_app.logger.info("logout person=%s", person_ref(g.user.key)[:12])
    session.log_out()  # type: ignore[attr-defined]
    onward_url = oidc.logout_url(
        porch.client,
        porch.provider,
        id_token_hint=id_token,
        state=secrets.token_urlsafe(16),
        post_logout_redirect_uri=home_url,
    )
    if onward_url is None or csrf.origin_of(onward_url) == csrf.origin_of(porch.client.issuer):
        return headers.keep_private(make_response(redirect(onward_url or home_url, 303)))
    page = render_template("auth/onward.html", onward_url=onward_url, because="logged_out")
    return headers.keep_private(make_response(page))  # not a redirect: see _turn_away


# -- ways out that the provider takes ----------------------------------------------------------------------------------


@bp.post("/oidc/backchannel-logout")
@csrf.exempt
def backchannel_logout() -> ResponseReturnValue:
    """End the sessions that the provider says have ended (Back-Channel Logout 1.0, 2.5 to 2.8)."""
    try:
        ended = _end_as_told(request.form.get("logout_token", ""))
    except LoginRefused as error:
        _log_refused_logout(error.reason)
        return {"error": "invalid_request"}, 400, NOT_KEPT
    except Unreachable as error:
        _log_refused_logout("provider_unreachable", error.what)
        retry_after = str(round(error.retry_after or 30))
        return {"error": "temporarily_unavailable"}, 503, {**NOT_KEPT, "Retry-After": retry_after}
    current_app.logger.info("backchannel_logout ended=%d request=%s", ended, g.request_id)
    return "", 200, NOT_KEPT


def _log_refused_logout(reason: str, detail: str = "") -> None:
    current_app.logger.warning("backchannel_logout_refused reason=%s request=%s %s", reason, g.request_id, detail)


def _end_as_told(logout_token: str) -> int:
    """Judge a logout token, and use it up in the one transaction that ends the sessions; tell how many."""
    porch = _porch()
    with _room_to_wait():
        told = oidc.told_of_logout(porch.client, porch.provider, logout_token, now=moment())
    once = porch.seal.ref("logout token", porch.client.issuer, told.token_id)
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
    porch, iss, sid = _porch(), request.args.get("iss"), request.args.get("sid")
    if iss == porch.client.issuer and sid:
        with writing() as transaction:
            ended = _end(transaction, sid=sid)
        current_app.logger.info("frontchannel_logout ended=%d request=%s", ended, g.request_id)
    return headers.let_frame(make_response("", NOT_KEPT), csrf.origin_of(porch.client.issuer))


def _end(transaction: Transaction, *, subject: str | None = None, sid: str | None = None) -> int:
    porch = _porch()
    done = transaction.execute(sessions.ending(porch.seal, porch.client.issuer, subject=subject, sid=sid))
    return done.rowcount  # type: ignore[attr-defined]


# -- the operator's doctor --------------------------------------------------------------------------------------------


@bp.get(arrival.PROBE)
def probe() -> ResponseReturnValue:
    """Tell the doctor how its request arrived; for everybody else there is nothing here."""
    if not arrival.is_token(_porch().seal, request.args.get("token", ""), moment()):
        raise NotFound
    arrived = arrival.describe(
        scheme=request.scheme, host=request.host, address=request.remote_addr, headers=request.headers
    )
    return arrived, NOT_KEPT


def _hand_to_doctor() -> ResponseReturnValue:
    """Say what to do with the answer to a login that ``flask oidc doctor`` began; nobody is logged in here."""
    current_app.logger.info("doctor_login request=%s", g.request_id)
    response = headers.keep_private(make_response(render_template("auth/doctor.html")))
    response.headers["Referrer-Policy"] = "no-referrer"  # the address holds the code
    return response
