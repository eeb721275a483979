"""Who is asking (`g.user`), and who may go on: `login_required`, `role_required`, `step_up`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Response, g, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Unauthorized

from blog.errors import Forbidden, Words
from blog.identity.people import Key
from blog.porch import log, parked, person_ref, porch
from blog.web import answers, csrf, forms, headers
from blog.web.clock import moment

View = Callable[..., ResponseReturnValue]
ROLES = {"author": Words("author"), "editor": Words("editor"), "admin": Words("admin")}


def init_app(app: Flask) -> None:
    """Know who asks before anything else is done with a request of this application."""
    app.before_request(_see_who_asks)
    app.after_request(_keep_in_its_place)
    app.context_processor(lambda: {"user": g.get("user")})
    app.add_template_global(form_token)


def _see_who_asks() -> None:
    """Know the person of this session, and refuse what they did not mean to send."""
    person = session.person  # type: ignore[attr-defined]
    g.user = user = person if person and person.key.issuer == porch().client.issuer else None
    csrf.gate()
    if user is None:
        return
    forms.make_room()
    if request.method not in csrf.SAFE and not csrf.is_exempt():
        csrf.check(request.form.get(csrf.FIELD), person_ref(user.key))


def _keep_in_its_place(response: Response) -> Response:
    """Nothing that one person sees is kept by a cache; a parked form is forgotten once it was saved."""
    if "Cache-Control" not in response.headers and (g.get("user") or response.headers.getlist("Set-Cookie")):
        headers.keep_private(response)
    if g.get("user") and request.method == "POST" and response.status_code == 303:
        parked.discard_saved(person_ref(g.user.key))
    return response


def asker() -> tuple[Key | None, frozenset[str], bool]:
    """Say who asks to read: their key, None for a stranger; their groups; and whether they may read everything."""
    user = g.user
    return (user.key, user.groups, "editor" in user.roles) if user else (None, frozenset(), False)


def form_token() -> str:
    """Make the token of a signed-in form; for templates."""
    return csrf.token(person_ref(g.user.key))


def login_required(view: View) -> View:
    """Let only people who are logged in come to this view; the others go to the login page and come back.

    A form that arrives signed out, from somebody who was logged in when it was shown, is kept for them. Every
    view behind this answers GET at the same path with the same form.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        return view(*args, **kwargs) if g.user else _turn_away()

    return guarded


def role_required(role: str) -> Callable[[View], View]:
    """Let only people with this role come to a view; for who is not logged in it is as behind ``login_required``.

    :param role: one of ``people.ROLES``.
    """

    def guard(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            if role not in g.user.roles:
                log.note("access_refused", person=g.user, needs=role, has=log.role(g.user), alarm=True)
                kept = parked.parked_form()  # somebody may have lost the role since they sent it
                needs = Words(
                    "You may read here; this needs the role of %(role)s, "
                    "which your organisation’s sign-in service gives.",
                    role=ROLES[role],
                )
                raise Forbidden(needs, typed=forms.words_of(kept) if kept else ())
            return view(*args, **kwargs)

        return guarded

    return guard


def _turn_away() -> ResponseReturnValue:
    if request.method in csrf.SAFE:
        here = request.full_path if request.query_string else request.path
        return redirect(url_for("auth.login", next=here))
    if answers.wants_json() or "GET" not in getattr(request.url_rule, "methods", ()):
        raise Unauthorized  # there is no page to come back to
    if (request.content_length or 0) > (request.max_content_length or 0):  # files, which cannot be kept
        return go_on(url_for("auth.login", next=request.path), because="ended", status=401)
    writer = csrf.holder(request.form.get(csrf.FIELD))
    if writer is None or forms.END_MARK not in request.form:
        return redirect(url_for("auth.login", next=request.path), 303)
    because, back = ("parked", parked.park_this(writer)) if forms.typed() else ("ended", request.path)
    return go_on(url_for("auth.login", next=back), because=because, status=401)


def step_up(action: str) -> ResponseReturnValue | None:
    """Ask for a fresh login before this is done, if the operator wants that and the last one was too long ago.

    What was typed is kept meanwhile, and shown again afterwards.

    :param action: of ``config.STEP_UPS``.
    :return: what to answer instead of doing it; None to go on.
    """
    wanted = porch().step_up
    if action not in wanted.actions or wanted.is_met(session.holder, moment()):  # type: ignore[attr-defined]
        return None
    log.note("step_up", person=g.user, action=action)
    if request.method in csrf.SAFE:
        return redirect(url_for("auth.confirm", next=request.path))
    back = parked.park_this(person_ref(g.user.key)) if forms.typed() else request.path
    return go_on(url_for("auth.confirm", next=back), because="step_up", status=401)


def go_on(onward_url: str, *, because: str, status: int = 200) -> Response:
    """Show a page that leads on by itself, to an address that a redirect may not lead to.

    What follows a form may only lead where the policy's form-action allows, and a provider may pass people through
    hosts that nobody can list.

    :param because: which words ``auth/onward.html`` shows.
    """
    page = render_template("auth/onward.html", onward_url=onward_url, because=because)
    return headers.keep_private(make_response(page, status))
