"""The door to a post's past: the texts it had, two of them compared, and one of them put back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blog.auth import bylines
from blog.content import posts, revisions, versions
from blog.content.readers import Reader
from blog.errors import Conflict, Moved, NotFound
from blog.identity.people import Key
from blog.porch.guards import asker, role_required, step_up
from blog.web import forms
from blog.web.clock import moment
from blog.web.languages import gettext as _

bp = Blueprint("revisions", __name__)


@bp.route("/<slug>/revisions", methods=["GET", "POST"])
@role_required("author")
def index(slug: str) -> ResponseReturnValue:
    """List the texts that a post had; put one of them back."""
    if request.method == "POST":
        return _restore(_editable_wherever(slug))
    post, limit = _editable(slug), current_app.config["POSTS_PER_PAGE"]
    before = request.args.get("before")
    found = revisions.of_post(post.id, limit=limit + 1, before=_number(before) if before else None)
    return render_template(
        "revisions/index.html",
        post=post,
        revisions=found[:limit],
        older=found[limit - 1].number if len(found) > limit else None,
        newer=before is not None,
        bylines=_names(*found),
    )


@bp.get("/<slug>/revisions/compare")
@role_required("author")
def compare(slug: str) -> ResponseReturnValue:
    """Show two texts of a post beside each other, and what differs."""
    post = _editable(slug)
    numbers = sorted(_number(request.args.get(name)) for name in ("old", "new"))
    old, new = (revisions.get(post.id, number) for number in numbers)
    return render_template(
        "revisions/compare.html",
        post=post,
        old=old,
        new=new,
        changes=versions.differences(old.body_md, new.body_md),
        bylines=_names(old, new),
    )


def _editable(slug: str) -> Any:
    return posts.editable(slug, now=moment(), reader=Reader(*asker()))


def _editable_wherever(slug: str) -> Any:
    try:
        return _editable(slug)
    except Moved as moved:  # another tab has renamed it
        return _editable(moved.slug)


def _number(text: str | None) -> int:
    """Read the number of a text in an address.

    :raises NotFound: when it is none.
    """
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise NotFound
    return int(text)


def _names(*shown: Any) -> Any:
    """Who saved these, in one question."""
    keys = {Key(*each.by) for each in shown if each.by}
    return bylines(keys) if keys else {}


def _restore(post: Any) -> ResponseReturnValue:
    """Save a text that a post had once more, as its newest; the time, audience and authors stay."""
    forms.must_be_whole()
    number = forms.whole_number(request.form.get("number"))
    kept = revisions.get(post.id, number)
    if post.published_at is not None and (first := step_up("publish")):
        return first
    try:
        saved = posts.save(
            post.id,
            version=forms.whole_number(request.form.get("version")),
            title=kept.title,
            body_md=kept.body_md,
            now=moment(),
            writer=Reader(*asker()),
            by=g.user.key,
            revisions_kept=current_app.config["REVISIONS_KEPT"],
        )
    except Conflict:
        flash(_("The post was saved in the meantime, so nothing was put back. The newest text stands first."), "")
        return redirect(url_for("revisions.index", slug=post.slug), 303)
    back = _("The text of revision %(number)s is back. The one before it is kept, too.", number=number)
    flash(back, saved.slug)
    return redirect(url_for("dashboard.edit", slug=saved.slug), 303)
