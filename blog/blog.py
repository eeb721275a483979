"""The readers' door: the home page, a post, and the page of an author."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from blog.auth import bylines
from blog.content import comments, handles, posts
from blog.content.comments import SILENCE, Rules, Visitor
from blog.content.readers import Reader
from blog.errors import Moved, NotFound
from blog.identity.people import Key
from blog.porch.guards import asker
from blog.web import forms, headers
from blog.web.clock import moment

bp = Blueprint("blog", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """List the live posts that are for who asks, newest first."""
    page = posts.latest(
        now=moment(),
        limit=current_app.config["POSTS_PER_PAGE"],
        reader=Reader(*asker()),
        before=request.args.get("before"),
        after=request.args.get("after"),
    )
    return _public(
        render_template("blog/index.html", page=page, bylines=bylines([post.author_key for post in page.posts]))
    )


@bp.get("/author/<handle>")
def author(handle: str) -> ResponseReturnValue:
    """List the live posts of one author that are for who asks; an author with none of these is not here for them."""
    author_key, current = handles.at(handle)
    reader = Reader(*asker())
    page = posts.latest(
        now=moment(),
        limit=current_app.config["POSTS_PER_PAGE"],
        reader=reader,
        author_key=author_key,
        before=request.args.get("before"),
        after=request.args.get("after"),
    )
    if not page.posts and author_key != reader.key:
        raise NotFound
    if handle != current:
        raise Moved(current)
    byline = bylines([author_key])[Key(*author_key)]
    return _public(render_template("blog/author.html", page=page, handle=handle, byline=byline))


@bp.get("/<slug>")
def post(slug: str) -> ResponseReturnValue:
    """Show one post: when it is live to those it is for, else to its author and to editors; and what is said to it."""
    reader, rules = Reader(*asker()), comments.rules(current_app.config)
    visitor = Visitor(reader, is_author=bool(g.user and "author" in g.user.roles))
    found = posts.at_slug(slug, now=moment(), reader=reader)
    talk = _talk(found, reader, rules)
    return _public(
        render_template(
            "blog/post.html",
            post=found,
            bylines=bylines([found.author_key, *talk.keys()]),
            live=found.is_live(moment()),
            editable=visitor.moderates(found),
            talk=talk,
            visitor=visitor,
            rules=rules,
            takes=comments.takes(found, rules, moment()),
            now=moment(),
            form_id=forms.new_form_id() if g.user else "",
        )
    )


def _talk(post: Any, reader: Reader, rules: Rules) -> comments.Talk:
    if rules.mode == "off" or not post.is_live(moment()):
        return SILENCE
    return comments.of_post(post, reader=reader, at=request.args.get("comments"))


def _public(page: str) -> ResponseReturnValue:
    response = make_response(page)
    return response if g.user else headers.keep_public(response)
