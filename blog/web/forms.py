"""Forms: whether one arrived whole, and what was typed into it."""

from __future__ import annotations

import secrets

from flask import request
from werkzeug.datastructures import MultiDict

from blog.errors import Invalid
from blog.web import csrf

END_MARK = "end"  # the last field of every form of ours
CHOICES = frozenset(
    {"visible_to", "group", "handle", "add_author", "publish_at", "zone", "chosen"}
)  # chosen, not typed: no words are lost with them
MOST_CHOSEN = 100  # of a list, with which something is done at once; a page of it has no more
OWN_FIELDS = frozenset(
    {END_MARK, "csrf_token", "form_id", "version", "action", "parked", "authors", "many", "sure", "number"}
)


def new_form_id() -> str:
    """Make the id of a form that may create something once, however often it is sent."""
    return secrets.token_urlsafe(16)


def must_be_whole() -> None:
    """Refuse a form whose end got lost on the way.

    :raises Invalid: if so; half a text must never overwrite a whole one.
    """
    if request.form.get(END_MARK) != "1":
        raise Invalid("The form did not arrive whole. Nothing was saved; please send it again.")


def typed() -> list[tuple[str, str]]:
    """List what a person typed into the form of this request, without the fields that are ours.

    What another site sent (the provider: a code) nobody has typed, and it belongs on no page.
    """
    return [] if request.method != "POST" or csrf.is_exempt() else words_of(request.form)


def words_of(form: MultiDict[str, str]) -> list[tuple[str, str]]:
    """List what was typed into this form, without the fields that are ours."""
    ours = OWN_FIELDS | CHOICES
    return [(name, text) for name, text in form.items(multi=True) if name not in ours and text.strip()]


def whole_number(text: str | None) -> int:
    """Read the number in a hidden field.

    :raises Invalid: if it is none, or too large to be one of ours.
    """
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Invalid("A hidden part of the form was changed. Nothing was saved; please reload the page.")
    return int(text)
