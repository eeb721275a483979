"""The readers' door: the home page and a post."""

from __future__ import annotations

from flask import Blueprint, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from blog.auth import bylines
from blog.content import posts
from blog.web import headers
from blog.web.clock import moment

bp = Blueprint("blog", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """List live posts, newest first."""
    page = posts.latest(
        now=moment(),
        limit=current_app.config["POSTS_PER_PAGE"],
        before=request.args.get("before"),
        after=request.args.get("after"),
    )
    return _public(
        render_template("blog/index.html", page=page, bylines=bylines([post.author_key for post in page.posts]))
    )


@bp.get("/<slug>")
def post(slug: str) -> ResponseReturnValue:
    """Show one post: to everybody when it is live, else to its author and to editors."""
    asker, roles = (g.user.key, g.user.roles) if g.user else (None, frozenset())
    found = posts.at_slug(slug, now=moment(), reader_key=asker, everybody="editor" in roles)
    return _public(
        render_template(
            "blog/post.html",
            post=found,
            bylines=bylines([found.author_key]),
            live=found.is_live(moment()),
            editable="editor" in roles or ("author" in roles and found.author_key == asker),
        )
    )


def _public(page: str) -> ResponseReturnValue:
    response = make_response(page)
    return response if g.user else headers.keep_public(response)
