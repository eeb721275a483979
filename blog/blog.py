"""The readers' door: the home page, a post, the pages of authors and of tags, and the navigation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, current_app, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound as NoRoute

from blog.auth import bylines
from blog.content import authorship, comments, handles, navigation, old_paths, posts, tags
from blog.content.comments import SILENCE, Rules, Visitor
from blog.content.readers import Reader
from blog.errors import Moved, NotFound
from blog.identity.people import Key
from blog.porch.guards import asker
from blog.web import browsers, forms, headers
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
    """Show one post, and what is said to it: when it is live to those it is for, else to its authors, who is asked to
    be one, and editors.
    """
    reader, rules = Reader(*asker()), comments.rules(current_app.config)
    is_author = bool(g.user and "author" in g.user.roles)
    try:
        found = posts.at_slug(slug, now=moment(), reader=reader)
    except NotFound:
        return _to_where_it_is(reader)
    works_on, talk = authorship.works_on(found, reader.key), _talk(found, reader, rules)
    page = _public(
        render_template(
            "blog/post.html",
            post=found,
            bylines=bylines(_named([found]).union(talk.keys())),
            live=found.is_live(moment()),
            asked=authorship.asked_of(found, reader.key),
            editable=is_author and (reader.everything or works_on),
            talk=talk,
            visitor=Visitor(reader, is_author=is_author),
            rules=rules,
            takes=comments.takes(found, rules, moment()),
            now=moment(),
            form_id=forms.new_form_id() if g.user else "",
        )
    )
    if found.is_live(moment()) and not works_on and not reader.everything:
        _count(found)
    return page


@bp.before_app_request
def _ask_old_paths() -> ResponseReturnValue | None:
    """Look whether a post stood on another site at an address that nothing answers here."""
    if request.method not in {"GET", "HEAD"} or not isinstance(request.routing_exception, NoRoute):
        return None
    try:
        return _to_where_it_is(Reader(*asker()))
    except NotFound:  # which is answered as usual
        return None


def _to_where_it_is(reader: Reader) -> ResponseReturnValue:
    slug = old_paths.leads_to(request.path, now=moment(), reader=reader)
    return redirect(url_for("blog.post", slug=slug), 301)


def _count(post: Any) -> None:
    """Note that a reader got this post, if that is counted, and if they asked for it to read it."""
    counter = current_app.extensions.get("readership")
    if counter and browsers.asks_to_read(request.environ):
        counter.seen(post.id, address=request.remote_addr or "", agent=request.user_agent.string)


@bp.app_context_processor
def _navigation() -> dict[str, Any]:
    return {"site_pages": lambda: navigation.links(now=moment())}


def _named(shown: Iterable[Any]) -> set[tuple[str, str]]:
    """The keys of all who are named above these posts, to ask for all of them at once."""
    return {each.key for post in shown for each in post.named if each.key}


def _talk(post: Any, reader: Reader, rules: Rules) -> comments.Talk:
    if rules.mode == "off" or not post.is_live(moment()):
        return SILENCE
    return comments.of_post(post, reader=reader, at=request.args.get("comments"))


def _public(page: str) -> ResponseReturnValue:
    response = make_response(page)
    return response if g.user else headers.keep_public(response)
