"""Pieces of pages that are made once: never shown where anything that goes into them is another."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from flask import render_template_string
from sqlalchemy import update

from blog.db import Post, tell_caches, writing
from blog.web import templating
from blog.web.templating import Once


@pytest.fixture
def once(app):
    """Call the macro `said` by it; gives what came out, and how often the macro was asked."""
    asked = []
    app.jinja_env.filters["once"] = Once()
    app.jinja_env.globals |= {"note": lambda value: asked.append(value) or ""}

    def call(value, language="en"):
        with app.test_request_context(headers={"Accept-Language": language}):
            app.jinja_env.globals["said"] = said
            return render_template_string("{{ said | once(value) }}", value=value)

    said = app.jinja_env.from_string(
        "{% macro said(value) %}{{ note(value) }}<b>{{ value }}</b> {{ _('Archive') }}{% endmacro %}"
    ).module.said
    return call, asked


def test_a_piece_is_made_once(once):
    call, asked = once
    assert call("<x>") == call("<x>") == "<b>&lt;x&gt;</b> Archive"
    assert asked == ["<x>"]


def test_another_value_or_language_is_another_piece(once):
    call, asked = once
    assert {call("x"), call("y"), call("x", "de")} == {"<b>x</b> Archive", "<b>y</b> Archive", "<b>x</b> Archiv"}
    assert asked == ["x", "y", "x"]


def test_no_more_is_kept_than_there_is_room_for(once, monkeypatch):
    monkeypatch.setattr(templating, "KEPT_MOST", 3 * len("<b>a</b> Archive"))
    call, asked = once
    for value in ("a", "b", "c", "d", "d", "a"):
        call(value)
    assert asked == ["a", "b", "c", "d", "a"]


def test_a_list_is_one_piece_made_of_pieces(app):
    asked = []
    macros = "{% macro said(post, names, first) %}{{ note(post.title) }}<i>{{ post.title }}</i>{% endmacro %}"
    app.jinja_env.filters["once_all"] = Once().all
    app.jinja_env.globals |= {"note": lambda value: asked.append(value) or ""}
    app.jinja_env.globals["said"] = app.jinja_env.from_string(macros).module.said
    one, two, three = (Titled(title) for title in ("1", "<2>", "3"))

    def call(*posts):
        with app.test_request_context():
            return render_template_string("{{ said | once_all(posts, {}) }}", posts=posts)

    assert call(one, two) == call(one, two) == "<i>1</i>\n<i>&lt;2&gt;</i>"
    assert call(one, three, two) == "<i>1</i>\n<i>3</i>\n<i>&lt;2&gt;</i>"
    assert asked == ["1", "<2>", "3"]


class Titled(NamedTuple):
    title: str
    named: tuple[()] = ()


def test_a_list_shows_at_once_what_has_changed(app, ada, visitor):
    ada.publish("Before")
    assert visitor.page("/").h2.text == "Before"
    with app.app_context(), writing() as session:
        session.execute(update(Post).values(title="After"))
        tell_caches(session)
    assert visitor.page("/").h2.text == "After"
