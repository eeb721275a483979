"""The readers' door: the home page and a post."""

from __future__ import annotations

from flask import Blueprint, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from blog.auth import bylines
from blog.content import posts
from blog.content.readers import Reader
from blog.porch.guards import asker
from blog.web import headers
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


@bp.get("/<slug>")
def post(slug: str) -> ResponseReturnValue:
    """Show one post: when it is live to those it is for, else to its author and to editors."""
    reader = Reader(*asker())
    found = posts.at_slug(slug, now=moment(), reader=reader)
    own = found.author_key == reader.key and "author" in g.user.roles
    return _public(
        render_template(
            "blog/post.html",
            post=found,
            bylines=bylines([found.author_key]),
            live=found.is_live(moment()),
            editable=own or reader.everything,
        )
    )


def _public(page: str) -> ResponseReturnValue:
    response = make_response(page)
    return response if g.user else headers.keep_public(response)
