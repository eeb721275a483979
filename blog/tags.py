"""The door to the tags of all posts: editors list, rename, merge and delete them."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blog.content import tags
from blog.errors import Invalid, Words
from blog.porch.guards import role_required, step_up
from blog.web import forms
from blog.web.languages import gettext as _

bp = Blueprint("tags", __name__)

A_PAGE = 100


@bp.route("/dashboard/tags", methods=["GET", "POST"])
@role_required("editor")
def index() -> ResponseReturnValue:
    """List all tags; rename one, merge it into another, or delete it."""
    if request.method == "GET":
        return _list()
    does = request.form.get("action", "")
    return (step_up("delete") if does in ("merge", "delete") else None) or _do(does)


def _do(action: str) -> ResponseReturnValue:
    typed = request.form
    try:
        forms.must_be_whole()
        tag_id = forms.whole_number(typed.get("tag"))
        if action == "rename":
            said = _("The tag is called “%(name)s” now.", name=tags.rename(tag_id, typed.get("name", "")))
        elif action == "merge":
            said = _("Its posts stand under “%(name)s” now.", name=tags.merge(tag_id, typed.get("into", "")))
        elif action == "delete":
            tags.delete(tag_id)
            said = _("The tag is deleted. Its posts are still there.")
        else:
            raise Invalid(Words("Choose what to do with the tag."))
    except Invalid as error:
        return _list(error.problems), 400
    flash(said, "")
    return redirect(url_for("tags.index", after=request.args.get("after")), 303)


def _list(problems: Mapping[str, str] | None = None) -> str:
    after = request.args.get("after", "")
    found = tags.listed(limit=A_PAGE + 1, after=after)
    return render_template(
        "tags/index.html",
        tags=found[:A_PAGE],
        more=found[A_PAGE - 1].slug if len(found) > A_PAGE else None,
        after=after,
        typed=request.form,
        problems=problems or {},
    )
