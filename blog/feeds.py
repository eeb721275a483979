"""The door of feed readers: RSS 2.0, Atom and JSON Feed of the site, of every tag and of every author."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from flask import Blueprint, Response, current_app, request, url_for

from blog.auth import bylines
from blog.content import authorship, handles, posts, syndication, tags
from blog.content.syndication import Author, Feed, Site
from blog.errors import Moved, NotFound
from blog.identity.people import Byline, Key
from blog.porch import handle as made_handle
from blog.web import validators
from blog.web.clock import moment

ENTRIES = 20  # in one document; older ones are in the next

bp = Blueprint("feeds", __name__)


class Format(NamedTuple):
    """A kind of feed, the last part of its address, and how it is written."""

    name: str
    file: str
    content_type: str
    write: Callable[[Feed], bytes]


FORMATS = (
    Format("rss", "feed.xml", "application/rss+xml; charset=utf-8", syndication.rss),
    Format("atom", "atom.xml", "application/atom+xml; charset=utf-8", syndication.atom),
    Format("json", "feed.json", "application/feed+json", syndication.json_feed),
)


def _site_feed(form: Format) -> Response:
    """List what a stranger finds on the home page."""
    page = _page()
    title, about = current_app.config["SITE_TITLE"], current_app.config["SITE_DESCRIPTION"]
    shown = bylines(authorship.keys(page.posts))
    return _answer(form, page, shown, title, url_for("blog.index"), "posts", description=about)


def _tag_feed(form: Format, slug: str) -> Response:
    """List what a stranger finds on the page of a tag."""
    found = tags.at(slug)
    page = _page(tag_id=found.id)
    if not page.posts:
        raise NotFound
    if slug != found.slug:
        raise Moved(found.slug)
    home = url_for("blog.tag", slug=slug)
    return _answer(form, page, bylines(authorship.keys(page.posts)), found.name, home, "tag", found.id)


def _author_feed(form: Format, handle: str) -> Response:
    """List what a stranger finds on the page of an author."""
    author_key, current = handles.at(handle)
    page = _page(author_key=author_key)
    if not page.posts:
        raise NotFound
    if handle != current:
        raise Moved(current)
    key = Key(*author_key)
    shown = bylines({key, *authorship.keys(page.posts)})
    whose = _author(shown[key], handle)
    home = url_for("blog.author", handle=handle)
    return _answer(form, page, shown, whose.name, home, "author", made_handle(key), authors=(whose,))


for each in FORMATS:
    bp.add_url_rule(f"/{each.file}", each.name, partial(_site_feed, each))
    bp.add_url_rule(f"/tag/<slug>/{each.file}", f"tag_{each.name}", partial(_tag_feed, each))
    bp.add_url_rule(f"/author/<handle>/{each.file}", f"author_{each.name}", partial(_author_feed, each))


def site() -> Site:
    """Say where posts are read, and what their ids begin with."""
    url = current_app.config["PUBLIC_URL"]
    return Site(url, current_app.config["FEED_AUTHORITY"] or syndication.authority_of(url))


def _page(**of: Any) -> posts.Page:
    return posts.syndicated(now=moment(), limit=ENTRIES, before=request.args.get("before"), **of)


def _answer(
    form: Format,
    page: posts.Page,
    shown: Mapping[Key, Byline],
    title: str,
    home: str,
    *id_path: str | int,
    authors: tuple[Author, ...] = (),
    description: str = "",
) -> Response:
    here, names = site(), current_app.config["SITE_TITLE"]
    own = here.url + request.path
    feed = Feed(
        id=syndication.tag_uri(here, *id_path),
        title=title if title == names else f"{title} – {names}",
        home_url=here.url + home,
        self_url=f"{own}?before={request.args['before']}" if "before" in request.args else own,
        older_url=f"{own}?before={page.older}" if page.older else None,
        entries=[syndication.entry(post, site=here, author=lambda named: _named(named, shown)) for post in page.posts],
        authors=authors,
        description=description,
    )
    return validators.revalidated(form.write(feed), form.content_type, changed_at=feed.updated)


def _named(named: Any, shown: Mapping[Key, Byline]) -> Author:
    """Say how somebody is shown; a guest must not look like somebody whose name was verified."""
    return Author(f"{named.guest} (guest)") if named.guest is not None else _author(shown[named.key], named.handle)


def _author(byline: Byline, handle: str | None) -> Author:
    """Give the name of an author and their page; of who is gone its address is not told, as it may hold their name."""
    url = site().url + url_for("blog.author", handle=handle) if handle and not byline.gone else None
    return Author(byline.name, url)
