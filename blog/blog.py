"""The readers' door: the home page, a post, the pages of authors and of tags, and the navigation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from blog.auth import bylines
from blog.content import authorship, handles, navigation, posts, tags
from blog.content.readers import Reader
from blog.errors import Moved, NotFound
from blog.identity.people import Key
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
    return _public(render_template("blog/index.html", page=page, bylines=bylines(_named(page.posts))))


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
    shown = bylines({author_key, *_named(page.posts)})
    return _public(
        render_template("blog/author.html", page=page, handle=handle, byline=shown[Key(*author_key)], bylines=shown)
    )


@bp.get("/tag/<slug>")
def tag(slug: str) -> ResponseReturnValue:
    """List the live posts with one tag that are for who asks; a tag with none of these is not here for them."""
    found = tags.at(slug)
    page = posts.latest(
        now=moment(),
        limit=current_app.config["POSTS_PER_PAGE"],
        reader=Reader(*asker()),
        tag_id=found.id,
        before=request.args.get("before"),
        after=request.args.get("after"),
    )
    if not page.posts:
        raise NotFound
    if slug != found.slug:
        raise Moved(found.slug)
    return _public(render_template("blog/tag.html", tag=found, page=page, bylines=bylines(_named(page.posts))))


@bp.get("/<slug>")
def post(slug: str) -> ResponseReturnValue:
    """Show one post: when it is live to those it is for, else to its authors, who is asked to be one, and editors."""
    reader = Reader(*asker())
    found = posts.at_slug(slug, now=moment(), reader=reader)
    own = authorship.works_on(found, reader.key) and "author" in g.user.roles
    return _public(
        render_template(
            "blog/post.html",
            post=found,
            bylines=bylines(_named([found])),
            live=found.is_live(moment()),
            asked=authorship.asked_of(found, reader.key),
            editable=own or reader.everything,
        )
    )


@bp.app_context_processor
def _navigation() -> dict[str, Any]:
    return {"site_pages": lambda: navigation.links(now=moment())}


def _named(shown: Iterable[Any]) -> set[tuple[str, str]]:
    """The keys of all who are named above these posts, to ask for all of them at once."""
    return {each.key for post in shown for each in post.named if each.key}


def _public(page: str) -> ResponseReturnValue:
    response = make_response(page)
    return response if g.user else headers.keep_public(response)
