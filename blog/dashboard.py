"""The authors' door: their posts, and writing, publishing, changing and deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flask import Blueprint, current_app, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from blog.auth import bylines
from blog.content import comments, handles, posts
from blog.content.comments import Visitor
from blog.content.readers import EVERYONE, FOR_EVERYONE, GROUPS, PEOPLE, Audience, Reader
from blog.content.text import differences
from blog.errors import Conflict, Invalid, Moved
from blog.identity.people import Byline, Key
from blog.porch import handle
from blog.porch.guards import asker, role_required, step_up
from blog.porch.parked import parked_form, parked_forms
from blog.web import forms
from blog.web.clock import moment

bp = Blueprint("dashboard", __name__)

SAID = {  # what a button did; the category of each message is the slug of the post it speaks of
    "publish": "Published.",
    "unpublish": "Unpublished. It is a draft again, and readers no longer see it.",
    "save": "Changes saved.",
    "draft": "Draft saved. Readers do not see it.",
}
CAN_READ = {
    EVERYONE: "Everybody can read it now.",
    PEOPLE: "Everybody who is logged in can read it now.",
    GROUPS: "The people in its groups can read it now.",
}
PUBLISH = {"publish": True, "unpublish": False}


@bp.route("/dashboard", methods=["GET", "POST"])
@role_required("author")
def index() -> ResponseReturnValue:
    """Show the form for a new post and the list of one's own; take the form."""
    if request.method == "GET":
        return _dashboard(parked_form() or MultiDict())
    return (step_up("publish") if _action() == "publish" else None) or _create()


def _create() -> ResponseReturnValue:
    typed = request.form
    try:
        forms.must_be_whole()
        made = posts.create(
            g.user.key,
            title=typed.get("title", ""),
            body_md=typed.get("body", ""),
            now=moment(),
            publish=_action() == "publish",
            form_id=typed.get("form_id") or None,
            audience=_audience() or FOR_EVERYONE,
            own_groups=g.user.groups,
            handle=handle(g.user.key),
            takes_comments=_takes_comments(),
        )
    except Invalid as error:
        return _dashboard(typed, error.problems), 400
    except Conflict as error:
        return _conflict(error.current, typed)
    flash(_said("publish" if made.is_live(moment()) else "draft", made), made.slug)
    return redirect(url_for("dashboard.index"), 303)


def _dashboard(typed: MultiDict[str, str], problems: Mapping[str, str] | None = None) -> str:
    page = posts.of_author(
        g.user.key,
        limit=current_app.config["POSTS_PER_PAGE"],
        before=request.args.get("before"),
        after=request.args.get("after"),
    )
    return render_template(
        "dashboard/index.html",
        page=page,
        typed=typed,
        choice=_choice(typed),
        problems=problems or {},
        form_id=typed.get("form_id") or forms.new_form_id(),
        parked=[] if typed else parked_forms(),
        handle=handles.of(g.user.key),
        now=moment(),
        held=_held(),
    )


def _held() -> int | None:
    """How many comments wait for this person's decision; None where people cannot comment."""
    if current_app.config["COMMENTS"] == "off":
        return None
    return comments.count_held(Visitor(Reader(*asker()), is_author=True), now=moment())


@bp.route("/dashboard/page", methods=["GET", "POST"])
@role_required("author")
def page() -> ResponseReturnValue:
    """Show the address of one's own page; take another one."""
    if request.method == "GET":
        return _page(handles.of(g.user.key) or "")
    typed = request.form.get("handle", "")
    try:
        forms.must_be_whole()
        picked = handles.pick(g.user.key, typed, now=moment())
    except Invalid as error:
        return _page(typed, error.problems), 400
    flash(f"Your page is at {url_for('blog.author', handle=picked)} now.", "")
    return redirect(url_for("dashboard.index"), 303)


def _page(typed: str, problems: Mapping[str, str] | None = None) -> str:
    return render_template("dashboard/page.html", handle=handles.of(g.user.key), typed=typed, problems=problems or {})


@bp.route("/<slug>/edit", methods=["GET", "POST"])
@role_required("author")
def edit(slug: str) -> ResponseReturnValue:
    """Show a post for editing; save it, publish it or take it back."""
    if request.method == "GET":
        return _editor(_editable(slug), parked_form() or MultiDict())
    post = _editable_wherever(slug)
    changes_what_is_read = post.is_live(moment()) or _action() == "publish"
    return (step_up("publish") if changes_what_is_read else None) or _save(post)


def _editable(slug: str) -> Any:
    """A post of one's own; for an editor, anybody's."""
    return posts.editable(slug, now=moment(), reader=Reader(*asker()))


def _editable_wherever(slug: str) -> Any:
    """The post of this form, also when another tab has renamed it: a form must not be lost to a redirect."""
    try:
        return _editable(slug)
    except Moved as moved:
        return _editable(moved.slug)


def _save(post: Any) -> ResponseReturnValue:
    typed, action = request.form, _action()
    try:
        forms.must_be_whole()
        saved = posts.save(
            post.id,
            version=forms.whole_number(typed.get("version")),
            title=typed.get("title", ""),
            body_md=typed.get("body", ""),
            now=moment(),
            publish=PUBLISH.get(action),
            audience=_audience(),
            own_groups=g.user.groups,
            takes_comments=_takes_comments(),
        )
    except Invalid as error:
        return _editor(post, typed, error.problems), 400
    except Conflict as error:
        return _conflict(error.current, typed)
    flash(_said(action, saved), saved.slug)
    return redirect(url_for("dashboard.edit", slug=saved.slug), 303)


def _editor(post: Any, typed: MultiDict[str, str], problems: Mapping[str, str] | None = None) -> str:
    return render_template(
        "dashboard/edit.html",
        post=post,
        typed=typed,
        choice=_choice(typed, post),
        problems=problems or {},
        live=post.is_live(moment()),
        byline=_byline_of_somebody_else(post),
    )


def _byline_of_somebody_else(post: Any) -> Byline | None:
    """Say whose post an editor is about to change, unless it is their own."""
    return None if post.author_key == g.user.key else bylines([post.author_key])[Key(*post.author_key)]


def _conflict(current: Any, typed: MultiDict[str, str]) -> ResponseReturnValue:
    """Show both versions and what differs; the typed one can be saved over the other, knowing it now."""
    page = render_template(
        "dashboard/conflict.html",
        post=current,
        typed=typed,
        choice=_choice(typed, current),
        changes=differences(current.body_md, typed.get("body", "")),
        live=current.is_live(moment()),
    )
    return make_response(page, 409)


@bp.route("/<slug>/delete", methods=["GET", "POST"])
@role_required("author")
def delete(slug: str) -> ResponseReturnValue:
    """Ask first, then delete a post."""
    if request.method == "GET":
        post = _editable(slug)
        live, byline = post.is_live(moment()), _byline_of_somebody_else(post)
        return render_template("dashboard/delete.html", post=post, live=live, byline=byline)
    post = _editable_wherever(slug)
    return step_up("delete") or _delete(post)


def _delete(post: Any) -> ResponseReturnValue:
    posts.delete(post.id)
    flash(f"“{post.title}” is deleted.", "")
    return redirect(url_for("dashboard.index"), 303)


class Choice(NamedTuple):
    """What a form shows under “Who can read this”.

    :param offered: the names of the groups to choose among, the chosen ones first: the writer's own, and the post's.
    :param in_any: whether the provider tells any groups of this writer.
    """

    visible_to: str
    groups: frozenset[str]
    offered: list[str]
    in_any: bool


def _choice(typed: MultiDict[str, str], post: Any = None) -> Choice:
    """What was chosen in the form, else what the post has; never wider than that."""
    stored = Audience(post.visible_to, frozenset(post.groups)) if post else FOR_EVERYONE
    visible_to, groups = _audience(typed) or stored
    offered = sorted(g.user.groups | stored.groups, key=lambda name: (name not in groups, name.casefold()))
    return Choice(visible_to, groups, offered, bool(g.user.groups))


def _audience(typed: MultiDict[str, str] | None = None) -> Audience | None:
    """Read whom the post of a form is for; None when the form does not say."""
    typed = request.form if typed is None else typed
    return Audience(typed["visible_to"], frozenset(typed.getlist("group"))) if "visible_to" in typed else None


def _takes_comments() -> bool | None:
    """Read whether people may comment on the post of a form; None when the form does not ask."""
    return request.form.get("comments") == "yes" if "asks_comments" in request.form else None


def _said(action: str, post: Any) -> str:
    return f"{SAID[action]} {CAN_READ[post.visible_to]}" if action == "publish" else SAID[action]


def _action() -> str:
    action = request.form.get("action", "draft")
    return action if action in SAID else "save"
