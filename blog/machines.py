"""The door of machines that read: the sitemap, robots.txt, llms.txt, and posts in Markdown."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from blog.content import exchange, llms, navigation, old_paths, posts, sitemap
from blog.content.readers import Reader
from blog.errors import NotFound
from blog.porch.guards import asker
from blog.web import headers, validators
from blog.web.clock import moment

LISTED = 100  # posts in llms.txt
ONE_HOUR = 3600
XML, TEXT, MARKDOWN = "application/xml; charset=utf-8", "text/plain; charset=utf-8", "text/markdown; charset=utf-8"
CLOSED = ("/dashboard", "/login", "/register", "/logout", "/search", "/oidc", "/hooks")
"""Where no crawler has any business; a post whose address only begins like one of these is not meant."""

bp = Blueprint("machines", __name__)


@bp.get("/sitemap.xml")
def whole_sitemap() -> Response:
    """List the addresses that a stranger can read, or the parts that list them."""
    first = sitemap.part(1, now=moment())
    if first.parts == 1:
        return _urlset(first)
    written = sitemap.index(first.parts, site_url=current_app.config["PUBLIC_URL"])
    return validators.revalidated(written, XML)


@bp.get("/sitemap-<int:number>.xml")
def sitemap_part(number: int) -> Response:
    """List one part of them, from 1 on."""
    if not 0 < number < 1_000 or not (part := sitemap.part(number, now=moment())).addresses:
        raise NotFound
    return _urlset(part)


def _urlset(part: sitemap.Part) -> Response:
    written = sitemap.urlset(part.addresses, site_url=current_app.config["PUBLIC_URL"])
    return validators.revalidated(written, XML)


@bp.get("/robots.txt")
def robots() -> Response:
    """Tell crawlers where there is nothing for them (RFC 9309), and where the sitemap is."""
    closed = [f"Disallow: {path}{end}" for path in CLOSED for end in ("$", "/", "?")]
    told = ["User-agent: *", *closed, "", f"Sitemap: {_url('machines.whole_sitemap')}", ""]
    response = Response("\n".join(told), content_type=TEXT)
    return headers.keep_for_everybody(response, seconds=ONE_HOUR)


@bp.get("/llms.txt")
def llms_txt() -> Response:
    """List the newest posts, and the pages, for programs that read Markdown."""
    page = posts.latest(now=moment(), limit=LISTED)
    told = llms.listing(
        current_app.config["SITE_TITLE"],
        site_url=current_app.config["PUBLIC_URL"],
        pages=navigation.links(now=moment()),
        posts=page.posts,
    )
    return validators.revalidated(told.encode(), MARKDOWN)


@bp.get("/<slug>.md")
def markdown(slug: str) -> ResponseReturnValue:
    """Give the Markdown of a post to who may read it."""
    try:
        found = posts.at_slug(slug, now=moment(), reader=Reader(*asker()))
    except NotFound:
        return _to_where_it_is(slug)
    page_url = _url("blog.post", slug=found.slug)
    written = exchange.shown(found, url=page_url)
    told = Response(written, content_type=MARKDOWN)
    response = headers.keep_private(told) if g.user else validators.revalidated(written, MARKDOWN)
    response.headers["Link"] = f'<{page_url}>; rel="canonical"'
    return response


def _to_where_it_is(slug: str) -> ResponseReturnValue:
    """Lead on as a page does: a post came from another site, where this was its address, or is gone for good."""
    reader = Reader(*asker())
    with suppress(NotFound):
        there = old_paths.leads_to(request.path, now=moment(), reader=reader)
        return redirect(url_for("blog.post", slug=there), 301)
    there = old_paths.leads_to(f"/{slug}", now=moment(), reader=reader)
    return redirect(url_for("machines.markdown", slug=there), 301)


def _url(endpoint: str, **values: Any) -> str:
    """Give the whole address, as readers have it."""
    return f"{current_app.config['PUBLIC_URL']}{url_for(endpoint, **values)}"
