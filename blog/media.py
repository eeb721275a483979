"""The door of pictures: authors upload them and look after them, and whoever may see one gets it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from blog.content.media import library, workshop
from blog.content.media.shelf import Shelf, parse
from blog.content.readers import Reader
from blog.errors import Conflict, Invalid, NotFound, Words
from blog.porch.guards import asker, role_required
from blog.porch.parked import parked_form
from blog.web import answers, forms, headers
from blog.web.clock import moment
from blog.web.languages import gettext as _
from blog.web.languages import ngettext

AT_ONCE = 10  # files in one form
PER_PAGE = 24
PATIENCE_S = 45  # for all files of one form; a proxy waits a minute
ONLY = ("unused", "undescribed")

bp = Blueprint("media", __name__)


def shelf() -> Shelf:
    """Give the folder in which pictures stand."""
    return Shelf(Path(current_app.config["MEDIA_FOLDER"]))


@bp.get("/media/<file>")
def file(file: str) -> ResponseReturnValue:
    """Give a picture, or a variant of one, to who may see it."""
    if (asked := parse(file)) is None:
        raise NotFound
    name, public = library.find(asked, reader=Reader(*asker()), now=moment())
    path = shelf().path(name)
    if not path.is_file():
        current_app.logger.error("media_missing file=%s", name)
        raise NotFound
    kind = path.suffix.removeprefix(".")
    if inside := current_app.config["MEDIA_ACCEL"]:
        response = headers.sent_by_proxy(inside + path.relative_to(shelf().folder).as_posix(), workshop.TYPES[kind])
    else:
        response = send_file(path, workshop.TYPES[kind], download_name=name, etag=name, last_modified=None, max_age=0)
    return headers.keep_as_media(response, public=public)


@bp.route("/dashboard/media", methods=["GET", "POST"])
@forms.takes_files(AT_ONCE, "MEDIA_LONGEST")
@role_required("author")
def index() -> ResponseReturnValue:
    """Show one's own pictures, and the form to upload more; take it."""
    if request.method == "GET":
        return _library(parked_form() or {})
    return _upload_one() if answers.wants_json() else _upload()


def _library(typed: Mapping[str, str], problems: Mapping[str, str] | None = None, failed: Any = ()) -> str:
    only = request.args.get("show", "")
    page = library.page(
        g.user.key,
        limit=PER_PAGE,
        only=only,
        before=request.args.get("before"),
        after=request.args.get("after"),
    )
    return render_template(
        "media/index.html",
        page=page,
        holding=library.holding(g.user.key),
        only=only if only in ONLY else "",
        accepted=",".join(workshop.TYPES.values()),
        megabytes=library.megabytes,
        typed=typed,
        problems=problems or {},
        failed=failed,
    )


class Failed(NamedTuple):
    """A file that was not taken, and why."""

    name: str
    why: str


def _upload() -> ResponseReturnValue:
    """Take the files of the form, each by itself: one that is no good does not cost the others."""
    typed = request.form
    try:
        forms.must_be_whole()
        alt, files = _described(), _files()
    except Invalid as error:
        return _library(typed, error.problems), 400
    taken, failed = 0, list[Failed]()
    until = time.monotonic() + PATIENCE_S
    for each in files:
        try:
            _add(each, alt, until=until)
            taken += 1
        except Invalid as error:
            failed.append(Failed(workshop.told(each.filename or ""), error.problems["file"]))
    if taken:
        flash(ngettext("One picture is uploaded.", "%(num)s pictures are uploaded.", taken), "")
    if failed:
        return _library(typed, {"file": ""}, failed), 400
    return redirect(url_for("media.index"), 303)


def _upload_one() -> ResponseReturnValue:
    """Take one file from the editor, and tell it what to write into the post."""
    try:
        alt, files = _described(), _files()
        if len(files) > 1:
            raise Invalid({"file": Words("Send one file at a time.")})
        item = _add(files[0], alt, until=time.monotonic() + PATIENCE_S)
    except Invalid as error:
        return answers.problem(400, "This picture was not taken", str(error), problems=error.problems)
    facts = {name: getattr(item, name) for name in ("address", "width", "height", "alt", "markdown")}
    return facts, 201, {"Location": item.address}


def _described() -> str | None:
    return library.described(request.form.get("alt", ""), decorative="decorative" in request.form)


def _files() -> list[FileStorage]:
    files = [each for each in request.files.getlist("file") if each.filename]
    if not files:
        raise Invalid({"file": Words("Choose a picture first.")})
    if len(files) > AT_ONCE:
        raise Invalid(
            {
                "file": Words(
                    "Those were %(number)s files; send at most %(most)s at a time.", number=len(files), most=AT_ONCE
                )
            }
        )
    return files


def _add(sent: FileStorage, alt: str | None, *, until: float) -> library.Item:
    longest: int = current_app.config["MEDIA_LONGEST"]
    if (left := until - time.monotonic()) < 1:
        raise Invalid({"file": Words("There was no time left for it. Send it again.")})
    return library.add(
        shelf(),
        g.user.key,
        sent.stream.read(),
        now=moment(),
        alt=alt,
        name=sent.filename or "",
        declared=sent.mimetype or "",
        longest=longest,
        quota=current_app.config["MEDIA_QUOTA"],
        wall_s=min(workshop.WALL_S, left),
    )


@bp.route("/dashboard/media/<name>", methods=["GET", "POST"])
@role_required("author")
def edit(name: str) -> ResponseReturnValue:
    """Show one picture of one's own: what it shows, and where; change the one, or delete it if no post uses it."""
    item = library.of(g.user.key, name)
    if request.method == "GET":
        return _picture(item, parked_form() or {})
    forms.must_be_whole()
    return _delete(item) if request.form.get("action") == "delete" else _describe(item)


def _picture(item: library.Item, typed: Mapping[str, str], problems: Mapping[str, str] | None = None) -> str:
    return render_template(
        "media/edit.html",
        item=item,
        uses=library.uses_of(item.name, reader=Reader(*asker()), now=moment()),
        megabytes=library.megabytes,
        typed=typed,
        problems=problems or {},
    )


def _describe(item: library.Item) -> ResponseReturnValue:
    try:
        library.describe(g.user.key, item.name, _described())
    except Invalid as error:
        return _picture(item, request.form, error.problems), 400
    flash(_("Description saved. Posts that use the picture keep the words they have."), "")
    return redirect(url_for("media.edit", name=item.name), 303)


def _delete(item: library.Item) -> ResponseReturnValue:
    try:
        library.remove(shelf(), g.user.key, item.name)
    except Conflict:
        return _picture(
            item, {}, {"": Words("It was not deleted: a post uses it. Take it out of the post first.")}
        ), 409
    flash(_("The picture is deleted."), "")
    return redirect(url_for("media.index"), 303)
