"""What RSS 2.0, Atom (RFC 4287) and JSON Feed 1.1 ask of a document: each rule that one breaks, in words."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from bs4 import BeautifulSoup

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
DC = "{http://purl.org/dc/elements/1.1/}"
MEDIA = "{http://search.yahoo.com/mrss/}"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
RFC822 = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}"
    r" \d\d:\d\d:\d\d (GMT|[+-]\d{4})"
)
TAG_URI = re.compile(  # RFC 4151, section 2.1, with a domain as the authority
    r"tag:(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?,\d{4}(?:-\d\d){0,2}"
    r":(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
)
RSS_CHANNEL = set(  # what the specification knows; everything else has a namespace
    "title link description language copyright managingEditor webMaster pubDate lastBuildDate category generator docs"
    " cloud ttl image rating textInput skipHours skipDays item".split()
)
RSS_ITEM = set("title link description author category comments enclosure guid pubDate source".split())
RELATIONS = {"alternate", "related", "self", "enclosure", "via", "next", "canonical"}


def tree(document: bytes) -> ET.Element:
    return ET.fromstring(document)  # noqa: S314  (we wrote it)


def is_absolute(url: str | None) -> bool:
    parts = urlsplit(url or "")
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def is_rfc3339(text: str | None) -> bool:
    return bool(RFC3339.fullmatch(text or "")) and datetime.fromisoformat(text or "").tzinfo is not None


def is_rfc822(text: str | None) -> bool:
    return bool(RFC822.fullmatch(text or "")) and parsedate_to_datetime(text or "").tzinfo is not None


def relative_in(content: str) -> Iterator[str]:
    """Every address in this HTML that leads nowhere from elsewhere."""
    for element in BeautifulSoup(content, "html.parser").find_all(True):
        told = [element.get("href"), element.get("src")]
        told += [each.split()[0] for each in str(element.get("srcset", "")).split(", ") if each]
        yield from (str(url) for url in told if url is not None and not urlsplit(str(url)).scheme)


def _repeated(values: Iterable[str | None]) -> list[str | None]:
    return [value for value, times in Counter(values).items() if times > 1]


def _times(parent: ET.Element, name: str) -> int:
    return len(parent.findall(name))


# -- RSS ---------------------------------------------------------------------------------------------------------------


def broken_in_rss(document: bytes) -> list[str]:
    """The rules of https://www.rssboard.org/rss-specification and of its Best Practices Profile."""
    return list(_rss(tree(document)))


def _rss(root: ET.Element) -> Iterator[str]:
    if root.tag != "rss" or root.get("version") != "2.0":
        yield "no rss of version 2.0"
    if _times(root, "channel") != 1:
        yield "not one channel"
        return
    channel = root.find("channel")
    assert channel is not None
    yield from (f"channel without {name}" for name in ("title", "link", "description") if _times(channel, name) != 1)
    if not is_absolute(channel.findtext("link")):
        yield "channel: the link is not absolute"
    yield from (
        f"channel: unknown {each.tag}" for each in channel if "{" not in each.tag and each.tag not in RSS_CHANNEL
    )
    yield from _rss_dates(channel, "lastBuildDate", "pubDate")
    own = [link for link in channel.findall(f"{ATOM}link") if link.get("rel") == "self"]
    if len(own) != 1 or not is_absolute(own[0].get("href")) or own[0].get("type") != "application/rss+xml":
        yield "channel: not one atom:link to itself"
    items = channel.findall("item")
    yield from (f"guid twice: {guid}" for guid in _repeated(item.findtext("guid") for item in items))
    for item in items:
        yield from _rss_item(item)


def _rss_dates(element: ET.Element, *names: str) -> Iterator[str]:
    yield from (
        f"{name} is not RFC 822" for name in names for each in element.findall(name) if not is_rfc822(each.text)
    )


def _rss_item(item: ET.Element) -> Iterator[str]:
    once = ("title", "link", "description", "guid", "pubDate", "author", f"{CONTENT}encoded")
    yield from (f"item: {name} more than once" for name in once if _times(item, name) > 1)
    yield from (f"item: unknown {each.tag}" for each in item if "{" not in each.tag and each.tag not in RSS_ITEM)
    if not (item.findtext("title") or item.findtext("description")):
        yield "item: neither title nor description"
    if not is_absolute(item.findtext("link")):
        yield "item: the link is not absolute"
    guid = item.find("guid")
    if guid is None or not guid.text:
        yield "item: no guid"
    elif guid.get("isPermaLink", "true") == "true" and not is_absolute(guid.text):
        yield "item: the guid says that it is an address"
    yield from _rss_dates(item, "pubDate")
    if "@" not in (item.findtext("author") or "@"):
        yield "item: an author is an e-mail address"
    for each in item.findall("enclosure"):
        yield from (f"item: enclosure without {name}" for name in ("url", "length", "type") if not each.get(name))
    if not [each for each in item.findall(f"{DC}creator") if each.text]:
        yield "item: no dc:creator"
    yield from (
        f"item: media without {name}"
        for each in item.findall(f"{MEDIA}content")
        for name in ("url",)
        if not each.get(name)
    )
    yield from (f"item: relative {url}" for url in relative_in(item.findtext(f"{CONTENT}encoded") or ""))


# -- Atom --------------------------------------------------------------------------------------------------------------


def broken_in_atom(document: bytes) -> list[str]:
    """The rules of RFC 4287, by its sections."""
    return list(_atom(tree(document)))


def _atom(feed: ET.Element) -> Iterator[str]:
    if feed.tag != f"{ATOM}feed":
        yield "no feed"
    yield from _atom_common(feed, "4.1.1")
    entries = feed.findall(f"{ATOM}entry")
    yield from (
        f"4.1.1: {name} more than once"
        for name in ("generator", "icon", "logo", "rights", "subtitle")
        if _times(feed, ATOM + name) > 1
    )
    if [link.get("rel") for link in feed.findall(f"{ATOM}link")].count("self") != 1:
        yield "4.1.1: not one link to itself"
    if not feed.findall(f"{ATOM}author") and not all(entry.findall(f"{ATOM}author") for entry in entries):
        yield "4.1.1: an entry has no author"
    yield from (
        f"4.1.1: the same entry twice: {each}" for each in _repeated(entry.findtext(f"{ATOM}id") for entry in entries)
    )
    for entry in entries:
        yield from _atom_common(entry, "4.1.2")
        yield from _atom_entry(entry)


def _atom_common(element: ET.Element, section: str) -> Iterator[str]:
    yield from (
        f"{section}: not one {name}" for name in ("id", "title", "updated") if _times(element, ATOM + name) != 1
    )
    if not re.match(r"[a-z][a-z0-9+.-]*:.", element.findtext(f"{ATOM}id") or ""):
        yield "4.2.6: the id is no IRI"
    dates = [*element.findall(f"{ATOM}updated"), *element.findall(f"{ATOM}published")]
    yield from (f"3.3: {date.text} is no date" for date in dates if not is_rfc3339(date.text))
    for name in ("title", "summary", "subtitle", "rights"):
        yield from (
            f"3.1.1: markup in {name}"
            for text in element.findall(ATOM + name)
            if text.get("type", "text") == "text" and len(text)
        )
    links = element.findall(f"{ATOM}link")
    yield from ("4.2.7.1: a link leads nowhere" for link in links if not is_absolute(link.get("href")))
    yield from (
        f"4.2.7.2: unknown relation {link.get('rel')}"
        for link in links
        if link.get("rel", "alternate") not in RELATIONS
    )
    alike = [(link.get("type"), link.get("hreflang")) for link in links if link.get("rel", "alternate") == "alternate"]
    yield from (f"{section}: two alternates" for _ in _repeated(map(str, alike)))
    for person in element.findall(f"{ATOM}author"):
        yield from (
            f"3.2: not one {name}"
            for name, least in (("name", 1), ("uri", 0), ("email", 0))
            if not least <= _times(person, ATOM + name) <= 1
        )
        if not person.findtext(f"{ATOM}name") or not is_absolute(
            person.findtext(f"{ATOM}uri", "http://nobody.example")
        ):
            yield "3.2: a person without a name, or with a page that is nowhere"
    yield from (
        "4.2.2: a category without a term" for each in element.findall(f"{ATOM}category") if not each.get("term")
    )


def _atom_entry(entry: ET.Element) -> Iterator[str]:
    yield from (
        f"4.1.2: {name} more than once"
        for name in ("content", "published", "rights", "source", "summary")
        if _times(entry, ATOM + name) > 1
    )
    content = entry.find(f"{ATOM}content")
    if content is None and not [
        link for link in entry.findall(f"{ATOM}link") if link.get("rel", "alternate") == "alternate"
    ]:
        yield "4.1.2: neither content nor an alternate"
    if not entry.findtext(f"{ATOM}title"):
        yield "4.1.1.1: an empty title"
    if content is not None:
        if content.get("type") == "html" and len(content):
            yield "4.1.3.3: markup in HTML that is not escaped"
        yield from (f"relative {url}" for url in relative_in(content.text or ""))


# -- JSON Feed ---------------------------------------------------------------------------------------------------------


def broken_in_json(document: bytes) -> list[str]:
    """The rules of https://www.jsonfeed.org/version/1.1/."""
    return list(_json(json.loads(document)))


def _json(feed: dict[str, object]) -> Iterator[str]:
    if feed.get("version") != "https://jsonfeed.org/version/1.1":
        yield "no version 1.1"
    if not feed.get("title") or not isinstance(feed["title"], str):
        yield "no title"
    addresses = ("home_page_url", "feed_url", "next_url", "icon", "favicon")
    yield from (f"{name} is no address" for name in addresses if name in feed and not is_absolute(str(feed[name])))
    items = feed.get("items")
    if not isinstance(items, list):
        yield "no list of items"
        return
    yield from _json_authors(feed)
    yield from (f"the same id twice: {each}" for each in _repeated(str(item.get("id")) for item in items))
    for item in items:
        yield from _json_item(item)
        yield from _json_authors(item)


def _json_item(item: dict[str, object]) -> Iterator[str]:
    if not item.get("id") or not isinstance(item["id"], str):
        yield "item: no id"
    if "content_html" not in item and "content_text" not in item:
        yield "item: no content"
    addresses = ("url", "external_url", "image", "banner_image")
    yield from (
        f"item: {name} is no address" for name in addresses if name in item and not is_absolute(str(item[name]))
    )
    dates = ("date_published", "date_modified")
    yield from (f"item: {name} is not RFC 3339" for name in dates if name in item and not is_rfc3339(str(item[name])))
    strings = ("title", "content_html", "content_text", "summary", "language")
    yield from (f"item: {name} is no text" for name in strings if name in item and not isinstance(item[name], str))
    tags = item.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        yield "item: tags are no list of texts"
    yield from (f"item: relative {url}" for url in relative_in(str(item.get("content_html", ""))))


def _json_authors(told: dict[str, object]) -> Iterator[str]:
    if "author" in told:
        yield "author is of version 1.0"
    authors = told.get("authors", [])
    assert isinstance(authors, list)
    yield from ("an author of whom nothing is said" for each in authors if not {"name", "url", "avatar"} & each.keys())
    yield from ("an author's page is nowhere" for each in authors if "url" in each and not is_absolute(each["url"]))


RULES: dict[str, Callable[[bytes], list[str]]] = {
    "feed.xml": broken_in_rss,
    "atom.xml": broken_in_atom,
    "feed.json": broken_in_json,
}
