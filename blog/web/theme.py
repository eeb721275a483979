"""The look of one blog: its stylesheet with colours and rules of its own, its files, and its templates before ours."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from flask import Flask, Response, current_app, request, send_from_directory
from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader, TemplateSyntaxError

from blog.config import BadSetting
from blog.errors import NotFound
from blog.web import colours, headers

SHEET = "style.css"  # of ours, of the operator's, and of both together
OURS = "byline"  # before the name of a template of ours that the operator has one of the same name for
_PAPERS = re.compile(r"--(?:paper|raised|mark|code): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
_SECONDS = 3_600


def init_app(app: Flask, *, accent: str, folder: str) -> None:
    """Give this application its stylesheet, and the operator's templates and files.

    :param accent: as #rrggbb; empty for ours.
    :param folder: of the operator's, with ``style.css``, ``templates/`` and ``files/``, each if it is there; or empty.
    :raises BadSetting: when one of the templates cannot be read.
    """
    ours = Path(app.static_folder or "", SHEET).read_text("utf-8")
    theirs = Path(folder, SHEET) if folder else None
    sheet = "\n".join((ours, accented(ours, accent), theirs.read_text("utf-8") if theirs and theirs.is_file() else ""))
    app.extensions["stylesheet"] = sheet.encode()
    app.jinja_env.globals["stylesheet"] = hashlib.sha256(sheet.encode()).hexdigest()[:12]
    if accent:
        _say_what_became_of(app, ours, accent)
    app.add_url_rule("/theme/<path:name>", "theme", _file)
    if folder:
        own, ours_too = FileSystemLoader(Path(folder, "templates")), FileSystemLoader(Path(app.root_path, "templates"))
        app.jinja_loader = ChoiceLoader([own, PrefixLoader({OURS: ours_too}), ours_too])
        _try(app, own)


def accented(sheet: str, accent: str) -> str:
    """Make the rule that puts a colour in the place of ours, so that it can be read on all papers of a stylesheet.

    :param accent: as #rrggbb; empty for none.
    """
    if not accent:
        return ""
    light, dark = _papers(sheet)
    on_light, on_dark = _readable(sheet, accent)
    return f":root {{ --accent: light-dark({on_light}, {on_dark}); --on-accent: light-dark({light[0]}, {dark[0]}); }}"


def _readable(sheet: str, accent: str) -> tuple[str, str]:
    light, dark = _papers(sheet)
    on_light = colours.readable(accent, light, towards="#000000")
    return on_light, colours.readable(accent, dark, towards="#ffffff")


def _papers(sheet: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    light, dark = zip(*_PAPERS.findall(sheet), strict=True)
    return light, dark


def _say_what_became_of(app: Flask, sheet: str, accent: str) -> None:
    on_light, on_dark = _readable(sheet, accent)
    if accent not in (on_light, on_dark):
        app.logger.warning("ACCENT_COLOUR %s cannot be read: pages have %s and %s", accent, on_light, on_dark)
    elif accent != on_light:
        app.logger.info("ACCENT_COLOUR %s cannot be read on light pages, which have %s", accent, on_light)


def _try(app: Flask, own: FileSystemLoader) -> None:
    """Read the operator's templates now, and not when somebody asks for a page."""
    for name in own.list_templates():
        try:
            app.jinja_env.get_template(name)
        except (TemplateSyntaxError, UnicodeDecodeError) as error:
            raise BadSetting("THEME_FOLDER", f"cannot use templates/{name}: {error}") from None


def _file(name: str) -> Response:
    """Give the stylesheet, or a file of the operator's."""
    if name == SHEET:
        response = current_app.response_class(current_app.extensions["stylesheet"], mimetype="text/css")
        response.add_etag()
        named = request.args.get("v") == current_app.jinja_env.globals["stylesheet"]
        headers.keep_for_everybody(response, seconds=headers.ONE_YEAR if named else _SECONDS)
        response.make_conditional(request)
        return response
    if not (folder := current_app.config["THEME_FOLDER"]):
        raise NotFound
    return headers.keep_for_everybody(send_from_directory(Path(folder, "files"), name), seconds=_SECONDS)
