"""The door to comments: leaving, changing and deleting one; and deciding about those of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, current_app, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from blog.auth import bylines
from blog.content import comments, posts
from blog.content.comments import HELD, LIVE, REJECTED, SPAM, Rules, Visitor
from blog.content.readers import Reader
from blog.errors import Conflict, Forbidden, Invalid, Moved, NotFound, TooMany, Words
from blog.porch import log
from blog.porch.guards import asker, login_required, role_required
from blog.porch.parked import parked_form
from blog.web import forms
from blog.web.clock import moment
from blog.web.languages import gettext as _
from blog.web.languages import ngettext

bp = Blueprint("comments", __name__)

VERDICTS = {"approve": LIVE, "reject": REJECTED, "spam": SPAM, "hold": HELD}  # the buttons, and what they make of one
STATES = {HELD: Words("Held"), LIVE: Words("Approved"), REJECTED: Words("Rejected"), SPAM: Words("Spam")}


@bp.route("/<slug>/comment", methods=["GET", "POST"])
@login_required
def write(slug: str) -> ResponseReturnValue:
    """Show the form for a comment on a post, or for a reply to one; take it."""
    if request.method == "POST":
        return _write(_post_wherever(slug))
    typed = parked_form() or MultiDict({"parent": request.args.get("to", "")})
    try:
        return _form(_post(slug), typed)
    except NotFound:
        if "comment" not in typed:
            raise
        raise Forbidden(
            Words("What you commented on is not there for you any more."), typed=forms.words_of(typed)
        ) from None


def _write(post: Any) -> ResponseReturnValue:
    typed = request.form
    try:
        forms.must_be_whole()
        left = comments.write(
            post.id,
            _visitor(),
            body_md=typed.get("comment", ""),
            now=moment(),
            rules=_rules(),
            parent_id=_parent_id(typed),
            form_id=typed.get("form_id") or None,
        )
    except Invalid as error:
        return _form(post, typed, error.problems), 400
    except TooMany as error:
        log.note("comments_limited", person=g.user, alarm=True)
        wait = Words(
            "%(sentence)s Nothing is lost: send this one again in %(minutes)s min.",
            sentence=error.args[0],
            minutes=-(-error.retry_after // 60),
        )
        return make_response(_form(post, typed, {"": wait}), 429, {"Retry-After": str(error.retry_after)})
    return redirect(_address(post, left), 303)


def _form(post: Any, typed: Mapping[str, str], problems: Mapping[str, str] | None = None) -> str:
    parent = _parent(post, typed)
    return render_template(
        "comments/write.html",
        post=post,
        parent=parent,
        bylines=bylines(comments.keys([parent] if parent else [])),
        typed=typed,
        problems=problems or {},
        form_id=typed.get("form_id") or forms.new_form_id(),
        visitor=_visitor(),
        rules=_rules(),
        takes=comments.takes(post, _rules(), moment()),
    )


def _parent(post: Any, typed: Mapping[str, str]) -> Any:
    """The comment that a reply is for; None when it is for none, or that one is not there any more."""
    try:
        found = comments.find(_parent_id(typed) or 0, post, _visitor())
    except (Invalid, NotFound):
        return None
    return found if found.state == LIVE else None


def _parent_id(typed: Mapping[str, str]) -> int | None:
    return forms.whole_number(typed["parent"]) if typed.get("parent") else None


@bp.route("/<slug>/comment/<int:comment_id>/edit", methods=["GET", "POST"])
@login_required
def edit(slug: str, comment_id: int) -> ResponseReturnValue:
    """Show one's own comment for changing; take its new text."""
    post = _post(slug) if request.method == "GET" else _post_wherever(slug)
    comment = comments.find(comment_id, post, _visitor())
    if request.method == "POST":
        return _save(post, comment)
    typed = parked_form() or MultiDict()
    if not _visitor().may_edit(comment, _rules(), moment()):
        why = comments.why_not_editable(comment, _visitor(), _rules())
        raise Forbidden(why, typed=forms.words_of(typed))
    return _editor(post, comment, typed)


def _save(post: Any, comment: Any) -> ResponseReturnValue:
    typed = request.form
    try:
        forms.must_be_whole()
        saved = comments.edit(
            comment.id,
            _visitor(),
            version=forms.whole_number(typed.get("version")),
            body_md=typed.get("comment", ""),
            now=moment(),
            rules=_rules(),
        )
    except Invalid as error:
        return _editor(post, comment, typed, error.problems), 400
    except Conflict as error:
        meanwhile = {
            "": Words("You changed this comment elsewhere meanwhile. Saving this text puts it in the other’s place.")
        }
        return _editor(post, error.current, MultiDict({"comment": typed.get("comment", "")}), meanwhile), 409
    return redirect(_address(post, saved), 303)


def _editor(post: Any, comment: Any, typed: Mapping[str, str], problems: Mapping[str, str] | None = None) -> str:
    return render_template(
        "comments/edit.html",
        post=post,
        comment=comment,
        typed=typed,
        problems=problems or {},
        held_again=comment.state == LIVE and _rules().mode == "held" and not _visitor().moderates(post),
    )


@bp.route("/<slug>/comment/<int:comment_id>/delete", methods=["GET", "POST"])
@login_required
def delete(slug: str, comment_id: int) -> ResponseReturnValue:
    """Ask first, then delete a comment: one's own, or one on a post whose comments one decides about."""
    post = _post(slug) if request.method == "GET" else _post_wherever(slug)
    comment, visitor = comments.find(comment_id, post, _visitor()), _visitor()
    own = visitor.wrote(comment)
    if not own and not visitor.moderates(post):
        raise Forbidden(Words("Only its writer, the post’s author and editors can delete a comment."))
    if request.method == "GET":
        told = bylines(comments.keys([comment]))
        return render_template("comments/delete.html", post=post, comment=comment, own=own, bylines=told)
    comments.delete(comment_id, visitor, now=moment())
    if not own:
        log.note("comments_decided", person=g.user, verdict="delete", comments=1)
    flash(_("The comment is deleted."), "")
    return redirect(url_for("blog.post", slug=post.slug, _anchor="comments"), 303)


# -- deciding ---------------------------------------------------------------------------------------------------------


@bp.route("/dashboard/comments", methods=["GET", "POST"])
@role_required("author")
def queue() -> ResponseReturnValue:
    """List the comments on one's own posts, or for an editor all, state by state; decide about some of them."""
    _must_be_on()
    if request.method == "POST":
        return _decide()
    state = request.args.get("state", HELD)
    found = comments.queue(
        _visitor(),
        state=state,
        now=moment(),
        limit=current_app.config["POSTS_PER_PAGE"],
        before=request.args.get("before"),
    )
    return render_template(
        "comments/queue.html",
        queue=found,
        state=state,
        states=STATES,
        bylines=bylines(comments.keys(found.comments)),
    )


def _decide() -> ResponseReturnValue:
    """Do what a button says: the one below a comment speaks of that one, the others of all that are ticked."""
    forms.must_be_whole()
    action, chosen = request.form.get("action", ""), request.form.getlist("chosen")
    if only := request.form.get("only"):
        action, chosen = only.partition(" ")[0], [only.partition(" ")[2]]
    if action == "nothing":
        return _back(_("Nothing was decided. Press one of the buttons."))
    if (verdict := VERDICTS.get(action)) is None:
        raise Invalid(Words("A hidden part of the form was changed. Nothing was saved; please reload the page."))
    wanted = dict(_id_and_version(each) for each in chosen[: comments.MOST])
    done = comments.decide(wanted, verdict, _visitor(), now=moment())
    if done:
        log.note("comments_decided", person=g.user, verdict=action, comments=done)
    return _back(_said(len(wanted), done, verdict))


def _back(message: str) -> ResponseReturnValue:
    flash(message, "")
    state = request.form.get("state")
    return redirect(url_for("comments.queue", state=state if state in STATES else HELD), 303)


def _id_and_version(text: str) -> tuple[int, int]:
    comment_id, _, version = text.partition("-")
    return forms.whole_number(comment_id), forms.whole_number(version)


def _said(wanted: int, done: int, verdict: str) -> str:
    if not wanted:
        return _("Nothing was chosen. Tick the comments first.")
    said = [_done(verdict, done)] if done else []
    if left := wanted - done:
        said.append(
            ngettext(
                "%(num)s changed or went meanwhile, so look again.",
                "%(num)s changed or went meanwhile, so look again.",
                left,
            )
        )
    return " ".join(said)


def _done(verdict: str, number: int) -> str:
    if verdict == LIVE:
        return ngettext("%(num)s comment is approved.", "%(num)s comments are approved.", number)
    if verdict == REJECTED:
        return ngettext("%(num)s comment is rejected.", "%(num)s comments are rejected.", number)
    if verdict == SPAM:
        return ngettext("%(num)s comment is marked as spam.", "%(num)s comments are marked as spam.", number)
    return ngettext("%(num)s comment is held again.", "%(num)s comments are held again.", number)


# -- what all of them ask ---------------------------------------------------------------------------------------------


def _post(slug: str) -> Any:
    """The post at this address, if it is live and people can comment at all."""
    _must_be_on()
    post = posts.at_slug(slug, now=moment(), reader=Reader(*asker()))
    if not post.is_live(moment()):
        raise NotFound
    return post


def _post_wherever(slug: str) -> Any:
    """The post of this form, also when it has another address by now: a form must not be lost to a redirect."""
    try:
        return _post(slug)
    except Moved as moved:
        return _post(moved.slug)


def _must_be_on() -> None:
    if _rules().mode == "off":
        raise NotFound


def _rules() -> Rules:
    return comments.rules(current_app.config)


def _visitor() -> Visitor:
    return Visitor(Reader(*asker()), is_author="author" in g.user.roles)


def _address(post: Any, comment: Any) -> str:
    at = comments.place(post, comment)
    return url_for("blog.post", slug=post.slug, comments=at, _anchor=f"comment-{comment.id}")
