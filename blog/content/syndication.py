"""Syndication: posts as a feed, and a feed as RSS 2.0, Atom (RFC 4287) or JSON Feed 1.1."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

from blog.content.details import NOTE
from blog.content.markup import absolute
from blog.content.shown import Shown
from blog.content.typed import fit
from blog.db import Named

GENERATOR = "Byline"
SINCE = "2026"  # the date in our tag URIs, which never changes
NOT_YET = datetime(1970, 1, 1, tzinfo=UTC)  # when a feed was changed in which nothing has ever been
_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


class Site(NamedTuple):
    """Where posts are read.

    :param url: its public address, without a slash at the end.
    :param authority: what its tag URIs begin with; see `authority_of`.
    """

    url: str
    authority: str


class Author(NamedTuple):
    """Somebody who is named as an author.

    :param url: of their page, where there is one that may be shown.
    """

    name: str
    url: str | None = None


class Image(NamedTuple):
    """The feature image of a post; no type where only its site knows."""

    url: str
    alt: str
    type: str | None


class Entry(NamedTuple):
    """A post as feeds tell it.

    :param id: the same for good, whatever becomes of title, address and authors.
    :param title: plain text; of a note, its first words.
    :param has_title: somebody typed it.
    :param content_html: with whole addresses.
    :param updated: never before it was published.
    :param canonical_url: where it was published first.
    """

    id: str
    url: str
    title: str
    has_title: bool
    content_html: str
    excerpt: str
    authors: tuple[Author, ...]
    published: datetime
    updated: datetime
    tags: tuple[str, ...]
    lang: str | None
    image: Image | None
    canonical_url: str | None


class Feed(NamedTuple):
    """A list of posts, newest first.

    :param id: the same for good.
    :param home_url: of the page with the same list.
    :param self_url: of this very document.
    :param older_url: of the document that goes on (RFC 5005, section 3).
    :param authors: those whose list it is.
    :param description: what it is about, in a sentence; empty where nobody said so.
    """

    id: str
    title: str
    home_url: str
    self_url: str
    entries: Sequence[Entry]
    older_url: str | None = None
    authors: tuple[Author, ...] = ()
    description: str = ""

    @property
    def updated(self) -> datetime:
        """When something in it was changed last."""
        return max((entry.updated for entry in self.entries), default=NOT_YET)


def authority_of(public_url: str) -> str:
    """Say what tag URIs begin with (RFC 4151, section 2.1) where no setting does: the host, and a date."""
    host = urlsplit(public_url).hostname or ""
    return f"{host if ':' not in host else 'localhost'},{SINCE}"  # an IPv6 address cannot stand there


def tag_uri(site: Site, *path: str | int) -> str:
    """Make an id of what never changes (RFC 4151, section 2)."""
    return f"tag:{site.authority}:{'/'.join(map(str, path))}"


def entry(post: Shown, *, site: Site, author: Callable[[Named], Author]) -> Entry:
    """Tell a live post.

    :param post: as `posts.syndicated` lists it.
    :param author: says how somebody who is named above it is shown.
    """
    published = post.published_at or NOT_YET
    url = f"{site.url}/{post.slug}"
    return Entry(
        id=tag_uri(site, "post", post.id),
        url=url,
        title=post.title,
        has_title=post.kind != NOTE,
        content_html=absolute(post.body_html or "", url),
        excerpt=post.excerpt,
        authors=tuple(author(each) for each in post.named),
        published=published,
        updated=max(published, post.updated_at or published),
        tags=tuple(tag.name for tag in post.tags),
        lang=post.lang,
        image=_image(post, url),
        canonical_url=post.canonical_url,
    )


def _image(post: Shown, page_url: str) -> Image | None:
    if not post.image_url:
        return None
    return Image(urljoin(page_url, post.image_url), post.image_alt, _TYPES.get(post.image_url.rpartition(".")[2]))


# -- XML -------------------------------------------------------------------------------------------------------------

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"
MEDIA = "http://search.yahoo.com/mrss/"


def _add(parent: Element, name: str, text: str | None = None, **attributes: str | None) -> Element:
    """Put an element into another one; attributes without a value are left out."""
    told = {key.replace("xml_", "xml:"): fit(value) for key, value in attributes.items() if value is not None}
    element = SubElement(parent, name, told)
    element.text = None if text is None else fit(text)
    return element


def _document(root: Element) -> bytes:
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def rfc3339(at: datetime) -> str:
    """Write a moment as Atom and JSON Feed want it (RFC 3339)."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def rfc822(at: datetime) -> str:
    """Write a moment as RSS wants it (RFC 822, with four digits for the year)."""
    return format_datetime(at.astimezone(UTC), usegmt=True)


def rss(feed: Feed) -> bytes:
    """Write a feed as RSS 2.0, with whole texts (content:encoded) and authors by name (dc:creator).

    Its own ``author`` would be an e-mail address, and its ``enclosure`` would have to say how long a file is.
    """
    root = Element("rss", {"version": "2.0", "xmlns:atom": ATOM, "xmlns:content": CONTENT, "xmlns:dc": DC})
    root.set("xmlns:media", MEDIA)
    channel = SubElement(root, "channel")
    _add(channel, "title", feed.title)
    _add(channel, "link", feed.home_url)
    _add(channel, "description", feed.description or feed.title)  # there must be one
    _add(channel, "atom:link", rel="self", type="application/rss+xml", href=feed.self_url)
    if feed.older_url:
        _add(channel, "atom:link", rel="next", type="application/rss+xml", href=feed.older_url)
    _add(channel, "generator", GENERATOR)
    _add(channel, "lastBuildDate", rfc822(feed.updated))
    for each in feed.entries:
        _rss_item(SubElement(channel, "item"), each)
    return _document(root)


def _rss_item(item: Element, each: Entry) -> None:
    if each.has_title:
        _add(item, "title", each.title)
    _add(item, "link", each.url)
    _add(item, "guid", each.id, isPermaLink="false")
    _add(item, "pubDate", rfc822(each.published))
    for author in each.authors:
        _add(item, "dc:creator", author.name)
    for tag in each.tags:
        _add(item, "category", tag)
    if each.lang:
        _add(item, "dc:language", each.lang)
    _add(item, "description", html.escape(each.excerpt or each.title, quote=False))  # it is read as HTML
    _add(item, "content:encoded", each.content_html)
    if each.image:
        shown = _add(item, "media:content", url=each.image.url, medium="image", type=each.image.type)
        if each.image.alt:
            _add(shown, "media:description", each.image.alt, type="plain")


def atom(feed: Feed) -> bytes:
    """Write a feed as Atom (RFC 4287)."""
    root = Element("feed", {"xmlns": ATOM})
    _add(root, "id", feed.id)
    _add(root, "title", feed.title)
    if feed.description:
        _add(root, "subtitle", feed.description)
    _add(root, "updated", rfc3339(feed.updated))
    _add(root, "link", rel="self", type="application/atom+xml", href=feed.self_url)
    _add(root, "link", rel="alternate", type="text/html", href=feed.home_url)
    if feed.older_url:
        _add(root, "link", rel="next", type="application/atom+xml", href=feed.older_url)
    _atom_authors(root, feed.authors)
    _add(root, "generator", GENERATOR)
    for each in feed.entries:
        _atom_entry(_add(root, "entry", xml_lang=each.lang), each)
    return _document(root)


def _atom_entry(element: Element, each: Entry) -> None:
    _add(element, "id", each.id)
    _add(element, "title", each.title)  # a note has its first words there: section 4.1.1.1 wants none empty
    _add(element, "published", rfc3339(each.published))
    _add(element, "updated", rfc3339(each.updated))
    _add(element, "link", rel="alternate", type="text/html", href=each.url)
    if each.canonical_url:
        _add(element, "link", rel="canonical", href=each.canonical_url)
    if each.image:
        _add(element, "link", rel="enclosure", href=each.image.url, type=each.image.type, title=each.image.alt or None)
    _atom_authors(element, each.authors)
    for tag in each.tags:
        _add(element, "category", term=tag)
    if each.excerpt:
        _add(element, "summary", each.excerpt)
    _add(element, "content", each.content_html, type="html")


def _atom_authors(element: Element, authors: Iterable[Author]) -> None:
    for author in authors:
        person = SubElement(element, "author")
        _add(person, "name", author.name)
        if author.url:
            _add(person, "uri", author.url)


# -- JSON ------------------------------------------------------------------------------------------------------------


def json_feed(feed: Feed) -> bytes:
    """Write a feed as JSON Feed 1.1."""
    told: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "description": feed.description,
        "home_page_url": feed.home_url,
        "feed_url": feed.self_url,
        "next_url": feed.older_url,
        "authors": _json_authors(feed.authors),
    }
    items = {"items": [_json_item(each) for each in feed.entries]}
    return json.dumps(_fitted(_said(told) | items), ensure_ascii=False).encode()


def _json_item(each: Entry) -> dict[str, Any]:
    return _said(
        {
            "id": each.id,
            "url": each.url,
            "title": each.title if each.has_title else None,
            "content_html": each.content_html,
            "summary": each.excerpt,
            "image": each.image and each.image.url,
            "date_published": rfc3339(each.published),
            "date_modified": rfc3339(each.updated),
            "authors": _json_authors(each.authors),
            "tags": list(each.tags),
            "language": each.lang,
        }
    )


def _json_authors(authors: Iterable[Author]) -> list[dict[str, str]]:
    return [{"name": author.name} | ({"url": author.url} if author.url else {}) for author in authors]


def _said(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def _fitted(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: _fitted(value) for name, value in told.items()}
    if isinstance(told, list):
        return [_fitted(value) for value in told]
    return fit(told)
