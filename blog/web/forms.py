"""Forms: whether one arrived whole, and what was typed into it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from flask import current_app, request
from werkzeug.datastructures import MultiDict

from blog.errors import Invalid, Words
from blog.web import csrf

END_MARK = "end"  # the last field of every form of ours
# chosen, not typed: no words are lost with them
CHOICES = frozenset(
    {"visible_to", "group", "handle", "authors", "add_author", "decorative", "asks_comments", "comments", "state"}
    | {"chosen", "only", "publish_at", "zone", "kind", "place", "tag"}
)
LONG_TEXT = 32 * 1024 * 1024  # bytes: a text of ten megabytes, should every byte of it be written as %xx
FEW_FIELDS = 64 * 1024  # bytes of the fields that come with files
MOST_CHOSEN = 100  # of a list, with which something is done at once; a page of it has no more
OWN_FIELDS = frozenset(
    {
        END_MARK,
        "csrf_token",
        "form_id",
        "version",
        "action",
        "parked",
        "parent",
        "continues",
        "post",
        "again",
        "merging",
        "sure",
        "number",
    }
)


def new_form_id() -> str:
    """Make the id of a form that may create something once, however often it is sent."""
    return secrets.token_urlsafe(16)


def takes_files(files: int, setting: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let the form of this view bring files, from who is logged in.

    :param files: how many parts of the body may be files.
    :param setting: which tells how large the body may be: five times that many bytes, and a form's worth.
    """

    def mark(view: Callable[..., Any]) -> Callable[..., Any]:
        view.takes_files = (files, setting)  # type: ignore[attr-defined]
        return view

    return mark


def takes_long_texts(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let the form of this view bring far more text than can be saved, from who is logged in: to be shown it again,
    with what is wrong, beats a page that says it was too much.
    """
    view.takes_long_texts = True  # type: ignore[attr-defined]
    return view


def make_room() -> None:
    """Let the body of this request be as large as its view says; before anything of the body was read."""
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "takes_long_texts", False):
        request.max_content_length = request.max_form_memory_size = LONG_TEXT
    if taken := getattr(view, "takes_files", None):
        files, setting = taken
        request.max_content_length = 5 * current_app.config[setting] + FEW_FIELDS
        request.max_form_memory_size, request.max_form_parts = FEW_FIELDS, files + 10


def must_be_whole() -> None:
    """Refuse a form whose end got lost on the way.

    :raises Invalid: if so; half a text must never overwrite a whole one.
    """
    if request.form.get(END_MARK) != "1":
        raise Invalid(Words("The form did not arrive whole. Nothing was saved; please send it again."))


def typed() -> list[tuple[str, str]]:
    """List what a person typed into the form of this request, without the fields that are ours.

    What another site sent (the provider: a code) nobody has typed, and it belongs on no page.
    """
    return [] if request.method != "POST" or csrf.is_exempt() else words_of(request.form)


def words_of(form: MultiDict[str, str]) -> list[tuple[str, str]]:
    """List what was typed into this form, without the fields that are ours."""
    ours = OWN_FIELDS | CHOICES
    return [(name, text) for name, text in form.items(multi=True) if name not in ours and text.strip()]


def fields_of(form: MultiDict[str, str]) -> list[tuple[str, str]]:
    """List all that somebody typed and chose, in order, without the fields that are ours."""
    return [(name, text) for name, text in form.items(multi=True) if name not in OWN_FIELDS]


def whole_number(text: str | None) -> int:
    """Read the number in a hidden field.

    :raises Invalid: if it is none, or too large to be one of ours.
    """
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Invalid(Words("A hidden part of the form was changed. Nothing was saved; please reload the page."))
    return int(text)
