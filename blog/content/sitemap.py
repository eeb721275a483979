"""The sitemap: addresses that a stranger can read, as sitemaps.org 0.9 has it, in parts when they are many."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from sqlalchemy import ColumnElement, and_, func, select

from blog.content.details import PAGE
from blog.content.readers import ANYBODY, EVERYONE, readable_by
from blog.content.syndication import rfc3339
from blog.db import Post, PostTag, Tag, db

MOST = 50_000  # addresses in one file
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


class Address(NamedTuple):
    """Something to read.

    :param changed_at: when it was changed last, where that is known.
    """

    path: str
    changed_at: datetime | None = None


class Part(NamedTuple):
    """A stretch of the sitemap.

    :param parts: how many there are.
    """

    addresses: list[Address]
    parts: int


def part(number: int, *, now: datetime) -> Part:
    """List one part of all addresses: the home page, the pages of tags, posts in the order they were made.

    Pages of authors are left out: whom they lead to stands on them all the same, and the address that somebody picked
    who is gone may hold their name.

    :param number: from 1; none is listed in parts that are not there.
    """
    first = (number - 1) * MOST
    few = [Address("/"), *_tags(now)]
    count = db.session.scalar(select(func.count()).select_from(Post).where(readable_by(ANYBODY, now))) or 0
    found = few[first : first + MOST]
    if len(found) < MOST:
        found += _posts(now, offset=max(0, first - len(few)), limit=MOST - len(found))
    return Part(found, parts=-(-(len(few) + count) // MOST))


def _posts(now: datetime, *, offset: int, limit: int) -> list[Address]:
    chosen = select(Post.slug, Post.published_at, Post.updated_at).where(readable_by(ANYBODY, now))
    rows = db.session.execute(chosen.order_by(Post.id).offset(offset).limit(limit))
    return [Address(f"/{row[0]}", max(filter(None, row[1:]))) for row in rows]


def _tags(now: datetime) -> list[Address]:
    chosen = select(Tag.slug, func.max(PostTag.published_at)).join(PostTag, PostTag.tag_id == Tag.id)
    chosen = chosen.join(Post, Post.id == PostTag.post_id).where(_listed(now)).group_by(Tag.slug).order_by(Tag.slug)
    return [Address(f"/tag/{slug}", newest) for slug, newest in db.session.execute(chosen)]


def _listed(now: datetime) -> ColumnElement[bool]:
    """Make the clause for what stands on the pages of tags; the copies come first, as they have an index."""
    copies = and_(PostTag.visible_to == EVERYONE, PostTag.published_at <= now)
    return and_(copies, readable_by(ANYBODY, now), Post.kind != PAGE)


def urlset(addresses: Iterable[Address], *, site_url: str) -> bytes:
    """Write addresses as a sitemap."""
    root = Element("urlset", {"xmlns": NAMESPACE})
    for address in addresses:
        url = SubElement(root, "url")
        SubElement(url, "loc").text = site_url + address.path
        if address.changed_at:
            SubElement(url, "lastmod").text = rfc3339(address.changed_at)
    return _document(root)


def index(parts: int, *, site_url: str) -> bytes:
    """Write an index of so many parts."""
    root = Element("sitemapindex", {"xmlns": NAMESPACE})
    for number in range(1, parts + 1):
        SubElement(SubElement(root, "sitemap"), "loc").text = f"{site_url}/sitemap-{number}.xml"
    return _document(root)


def _document(root: Element) -> bytes:
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written
