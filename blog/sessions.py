"""The door to one's sessions: where one is logged in, and ending that; admins end anybody's."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from blog.db import writing
from blog.errors import Forbidden, Invalid, Words
from blog.identity import sessions
from blog.identity.people import Key
from blog.porch import log, porch
from blog.porch.guards import login_required, step_up
from blog.porch.parked import parked_form
from blog.web import browsers, forms
from blog.web.clock import moment
from blog.web.languages import gettext as _
from blog.web.languages import ngettext

bp = Blueprint("sessions", __name__)


@bp.route("/dashboard/sessions", methods=["GET", "POST"])
@login_required
def index() -> ResponseReturnValue:
    """Show where one is logged in; end a session, or as an admin all of somebody's."""
    if request.method == "GET":
        return _page(parked_form() or {})
    forms.must_be_whole()
    if "author_id" in request.form:
        return _end_all(request.form["author_id"].strip())
    return _end_one(request.form.get("ref", ""))


def _page(typed: Mapping[str, str], problems: Mapping[str, str] | None = None) -> str:
    now, idle = moment(), current_app.config["SESSION_IDLE"]
    return render_template(
        "sessions/index.html",
        seen=sessions.of_person(porch().seal, g.user.key, now=now, idle=idle),
        here=session.ref,  # type: ignore[attr-defined]
        browser_name=browsers.name_of,
        typed=typed,
        problems=problems or {},
    )


def _end_one(ref: str) -> ResponseReturnValue:
    """End one of one's own sessions; the one at hand is left by logging out, which the provider hears of."""
    if ref == session.ref:  # type: ignore[attr-defined]
        return redirect(url_for("auth.leave"), 303)
    ended = sessions.end(ref, key=g.user.key, seal=porch().seal)
    log.note("sessions_ended", person=g.user, by=log.ref(g.user), ended=int(ended))
    flash(_("That session has ended.") if ended else _("That session had ended already."), "")
    return redirect(url_for("sessions.index"), 303)


def _end_all(author_id: str) -> ResponseReturnValue:
    """End every session of an author, whom an admin names by the id that their posts are kept under."""
    if "admin" not in g.user.roles:
        raise Forbidden(Words("Only admins end other people’s sessions."))
    if answer := step_up("admin"):
        return answer
    try:
        ended = _end_sessions_of(author_id)
    except Invalid as error:
        return _page(request.form, error.problems), 400
    flash(ngettext("One session has ended.", "%(num)s sessions have ended.", ended), "")
    return redirect(url_for("sessions.index"), 303)


def _end_sessions_of(author_id: str) -> int:
    ready = porch()
    if not author_id:
        raise Invalid({"author_id": Words("Say whose sessions are to end.")})
    with writing() as transaction:
        all_of_theirs = sessions.ending(ready.seal, ready.client.issuer, author_id=author_id)
        ended: int = transaction.execute(all_of_theirs).rowcount  # type: ignore[attr-defined]
    log.note("sessions_ended", person=Key(ready.client.issuer, author_id), by=log.ref(g.user), ended=ended)
    if not ended:
        raise Invalid({"author_id": Words("Nobody with this id is logged in.")})
    return ended
