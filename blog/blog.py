"""The readers' door: the home page, a post, the pages of authors, of tags and of the archive, and the navigation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

from flask import Blueprint, current_app, g, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound as NoRoute

from blog.auth import bylines
from blog.content import archive as months
from blog.content import authorship, comments, handles, navigation, neighbours, old_paths, posts, tags
from blog.content.comments import SILENCE, Rules, Visitor
from blog.content.media import uses
from blog.content.outline import outline
from blog.content.readers import Reader
from blog.content.readership import Counter
from blog.errors import Moved, NotFound
from blog.identity.people import Byline, Key
from blog.porch.guards import asker
from blog.web import browsers, forms, headers, keeping, languages, linked_data
from blog.web.clock import moment
from blog.web.languages import gettext as _
from blog.web.templating import named_by, path_to

UPDATED_AFTER = timedelta(hours=1)  # what is changed sooner is a slip of the pen, of which readers need not know

bp = Blueprint("blog", __name__)
bp.app_template_filter("image")(uses.image_of)
bp.app_template_filter("outline")(outline)


@bp.get("/")
def index() -> ResponseReturnValue:
    """List the live posts that are for who asks, newest first."""
    page = posts.latest(**_stretch())
    return _list("blog/index.html", page)


@bp.get("/author/<handle>")
def author(handle: str) -> ResponseReturnValue:
    """List the live posts of one author that are for who asks; an author with none of these is not here for them."""
    author_key, current = handles.at(handle)
    page = posts.latest(**_stretch(), author_key=author_key)
    if not page.posts and author_key != _reader().key:
        raise NotFound
    if handle != current:
        raise Moved(current)
    shown = bylines({author_key, *authorship.keys(page.posts)})
    byline = shown[Key(*author_key)]
    data = linked_data.graph(linked_data.profile(_absolute(), _person(byline, handle)), _site())
    return _list("blog/author.html", page, shown, data=data, handle=handle, byline=byline)


@bp.get("/tag/<slug>")
def tag(slug: str) -> ResponseReturnValue:
    """List the live posts with one tag that are for who asks; a tag with none of these is not here for them."""
    found = tags.at(slug)
    page = posts.latest(**_stretch(), tag_id=found.id)
    if not page.posts:
        raise NotFound
    if slug != found.slug:
        raise Moved(found.slug)
    return _list("blog/tag.html", page, way=((found.name, _absolute()),), tag=found)


@bp.get("/archive")
def archive() -> ResponseReturnValue:
    """List the years and months in which there is something for who asks."""
    found = tuple(months.months(_reader(), now=moment(), zone=current_app.config["TIME_ZONE"]))
    way = ((_("Archive"), _absolute()),)
    return _public(render_template("blog/archive.html", months=found, address=request.path, way=way))


@bp.get("/archive/<year>")
@bp.get("/archive/<year>/<month>")
def period(year: str, month: str | None = None) -> ResponseReturnValue:
    """List the live posts of a year or a month that are for who asks; one without any is not here for them."""
    span = months.span(year, month)
    page = posts.latest(**_stretch(), within=span.ends(current_app.config["TIME_ZONE"]))
    if not page.posts:
        raise NotFound
    way = [(_("Archive"), _absolute(path_to("blog.archive"))), (year, _absolute(path_to("blog.period", year=year)))]
    way += [(languages.month(span.first_day), _absolute())] if month else []
    return _list("blog/period.html", page, way=tuple(way), span=span, span_path=request.view_args)


@bp.get("/<slug>")
def post(slug: str) -> ResponseReturnValue:
    """Show one post, and what is said to it: when it is live to those it is for, else to its authors, who is asked to
    be one, and editors.
    """
    reader, now, rules, user = _reader(), moment(), comments.rules(current_app.config), g.user
    is_author = bool(user and "author" in user.roles)
    try:
        found = posts.shown_at(slug, now=now, reader=reader)
    except NotFound:
        return _to_where_it_is(reader)
    live, works_on, talk = found.is_live(now), authorship.works_on(found, reader.key), _talk(found, reader, rules)
    if takes := comments.takes(found, rules, now):
        keeping.until(comments.closing(found, rules))
    shown = bylines(authorship.keys([found]).union(talk.keys()))
    page = _public(
        render_template(
            "blog/post.html",
            post=found.alone,
            names=named_by(found, shown),
            bylines=shown,
            live=live,
            asked=authorship.asked_of(found, reader.key),
            editable=is_author and (reader.everything or works_on),
            talk=talk,
            silent=talk is SILENCE,
            visitor=Visitor(reader, is_author=is_author),
            rules=rules,
            takes=takes,
            now=now,
            form_id=forms.new_form_id() if user else "",
            **_around(found, live=live),
        )
    )
    if live and not works_on and not reader.everything:
        _count(found)
    return page


def _around(post: Any, *, live: bool) -> dict[str, Any]:
    """What stands around the text of a post, for people and for machines."""
    updated = live and post.updated_at - post.published_at >= UPDATED_AFTER and post.kind != "page"
    return {
        "address": request.path,
        "neighbours": neighbours.of(post.neighbours_told) if post.kind == "post" else neighbours.Neighbours(),
        "updated": updated,
    }


@bp.app_template_global("data_of_post")
def _data_of_post(post: Any, shown: Mapping[Key, Byline], address: str) -> linked_data.Node:
    url = _absolute(address)
    return linked_data.graph(_posting(post, shown, url), _site(), _steps((post.title, url)))


def _posting(post: Any, shown: Mapping[Key, Byline], url: str) -> linked_data.Node:
    image = uses.image_of(post)
    return linked_data.posting(
        url=url,
        title=post.title,
        authors=[
            linked_data.guest(each.guest) if each.guest is not None else _person(shown[each.key], each.handle)
            for each in post.named
        ],
        part_of=current_app.config["PUBLIC_URL"],
        published_at=post.published_at,
        updated_at=post.updated_at,
        more={
            "description": post.excerpt,
            "image": _absolute(image.src) if image else None,
            "inLanguage": post.lang,
            "mainEntityOfPage": post.canonical_url or url,
            "keywords": [tag.name for tag in post.tags],
            **({"@type": "WebPage"} if post.kind == "page" else {}),
        },
    )


def _person(byline: Byline, handle: str | None) -> linked_data.Node:
    has_page = handle and not byline.gone
    return linked_data.person(byline.name, url=_absolute(path_to("blog.author", handle=handle)) if has_page else None)


def _site() -> linked_data.Node:
    said = current_app.config
    return linked_data.site(
        said["SITE_TITLE"], said["PUBLIC_URL"], description=said["SITE_DESCRIPTION"], profiles=said["PROFILES"]
    )


@bp.app_template_global("data_of_way")
def _data_of_way(way: Sequence[tuple[str, str]]) -> linked_data.Node:
    return linked_data.graph(_site(), _steps(*way) if way else None)


def _steps(*steps: tuple[str, str]) -> linked_data.Node:
    return linked_data.breadcrumbs([(current_app.config["SITE_TITLE"], _absolute("/")), *steps])


def _absolute(address: str | None = None) -> str:
    return urljoin(current_app.config["PUBLIC_URL"], address or request.path)


def _address() -> str:
    """The address of a stretch of a list: without what means nothing in it."""
    place = {name: at for name, at in _args().items() if name in {"before", "after"}}
    return path_to(request.endpoint or "", **(request.view_args or {}), **place)


def _args() -> Mapping[str, str]:
    """What stands behind the path of this request, where there is nearly always nothing."""
    return request.args if request.query_string else {}


def _reader() -> Reader:
    return Reader(*asker())


def _stretch() -> dict[str, Any]:
    """Which stretch of a list is asked for, and by whom."""
    args = _args()
    return {
        "now": moment(),
        "limit": current_app.config["POSTS_PER_PAGE"],
        "reader": _reader(),
        "before": args.get("before"),
        "after": args.get("after"),
    }


def _list(
    template: str, page: posts.Page, shown: Mapping[Key, Byline] | None = None, **more: Any
) -> ResponseReturnValue:
    """Show a list of posts.

    :param shown: the bylines, where they were asked for already.
    """
    named = bylines(authorship.keys(page.posts)) if shown is None else shown
    return _public(render_template(template, page=page, bylines=named, address=_address(), **more))


@bp.before_app_request
def _ask_old_paths() -> ResponseReturnValue | None:
    """Look whether a post stood on another site at an address that nothing answers here."""
    if not isinstance(request.routing_exception, NoRoute) or request.method not in {"GET", "HEAD"}:
        return None
    try:
        return _to_where_it_is(_reader())
    except NotFound:  # which is answered as usual
        return None


def _to_where_it_is(reader: Reader) -> ResponseReturnValue:
    slug = old_paths.leads_to(request.path, now=moment(), reader=reader)
    return redirect(path_to("blog.post", slug=slug), 301)


def _count(post: Any) -> None:
    """Note that a reader got this post, unless the page cache does, which knows of each of them."""
    if not keeping.shows(post.id):
        count_reader(current_app.extensions.get("readership"), post.id, request.environ)


def count_reader(counter: Counter | None, post_id: int, environ: Mapping[str, Any]) -> None:
    """Note that a reader got a post, if that is counted, and if they asked for it to read it.

    :param environ: of WSGI, behind the proxies.
    """
    if counter and browsers.asks_to_read(environ):
        address, agent = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_USER_AGENT", "")
        counter.seen(post_id, address=address, agent=agent)


@bp.app_context_processor
def _navigation() -> dict[str, Any]:
    return {"site_pages": lambda: navigation.links(now=moment())}


def _talk(post: Any, reader: Reader, rules: Rules) -> comments.Talk:
    if rules.mode == "off" or not post.is_live(moment()):
        return SILENCE
    return comments.of_post(post, reader=reader, at=_args().get("comments"))


def _public(page: str) -> ResponseReturnValue:
    response = make_response(page)
    return response if g.user else headers.keep_public(response)
