"""Feeds as values: what is told of a post, whole addresses, and texts of every kind in each format."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from blog.content import posts, sitemap, syndication, tags
from blog.content.details import PLAIN
from blog.content.markup import absolute
from blog.content.readers import Audience
from blog.content.syndication import Author, Entry, Feed, Image, Site
from blog.content.text import render
from blog.content.typed import fit
from blog.db import Handle, Post, PostAuthor, db, writing
from tests.feed_rules import ATOM, CONTENT, DC, RULES, TAG_URI, tree

ADA, BOB = ("https://idp.example", "ada"), ("https://idp.example", "bob")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SITE = Site("https://blog.example", "blog.example,2026")
WRITE = {"feed.xml": syndication.rss, "atom.xml": syndication.atom, "feed.json": syndication.json_feed}


def feed(*entries: Entry, **more: Any) -> Feed:
    own = {"id": "tag:x,2026:posts", "title": "Blog", "home_url": "https://blog.example/"}
    return Feed(**(own | {"self_url": "https://blog.example/feed", "entries": entries} | more))


def entry(**more: Any) -> Entry:
    told: dict[str, Any] = {
        "id": "tag:x,2026:post/1",
        "url": "https://blog.example/a",
        "title": "A",
        "has_title": True,
        "content_html": "<p>Words</p>",
        "excerpt": "Words",
        "authors": (Author("Ada", "https://blog.example/author/pen"),),
        "published": NOW,
        "updated": NOW,
        "tags": (),
        "lang": None,
        "image": None,
        "canonical_url": None,
    }
    return Entry(**(told | more))


# -- whole addresses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("/a", "https://blog.example/a"),
        ("/a?b=1&c=2#d", "https://blog.example/a?b=1&c=2#d"),
        ("a", "https://blog.example/a"),
        ("./a/../b", "https://blog.example/b"),
        ('a"><b>&amp;x', 'https://blog.example/a"><b>&amp;x'),
        ("?b=1&c=2", "https://blog.example/post?b=1&c=2"),
        ("#d", "https://blog.example/post#d"),
        ("", "https://blog.example/post"),
        ("//cdn.example/a", "https://cdn.example/a"),
        ("https://else.example/a", "https://else.example/a"),
        ("HTTP://else.example/a", "HTTP://else.example/a"),
        ("mailto:ada@example.org", "mailto:ada@example.org"),
        ("//[", "//["),
        ("/[", "https://blog.example/["),
    ],
)
def test_an_address_becomes_whole(typed: str, whole: str) -> None:
    link = '<a href="{}" rel="ugc noopener">x</a>'
    told = absolute(link.format(escape(typed)), "https://blog.example/post")
    assert told == link.format(escape(whole))


def test_variants_of_pictures_get_whole_addresses_too() -> None:
    image = '<img src="/media/a.png" srcset="/media/a-320.png 320w, /media/a.png 640w" alt="href=&quot;/x&quot;">'
    assert absolute(image, "https://blog.example/post") == image.replace("/media/", "https://blog.example/media/")


def test_what_only_looks_like_an_address_stays() -> None:
    text = '<p>Write <code>&lt;a href="/x"&gt;</code>, href="/y".</p>'
    assert absolute(text, "https://blog.example/post") == text


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_but_addresses_changes_whatever_is_written(address: str, words: str) -> None:
    before = render(fit(f'<a href="{address}" title="{words}">{words}</a> {words}'))
    after = absolute(before, "https://blog.example/post")
    for soup in (was := BeautifulSoup(before, "html.parser")), (now := BeautifulSoup(after, "html.parser")):
        for element in soup.find_all(href=True) + soup.find_all(src=True):
            assert element.get("href", "") is not None
    assert was.text == now.text
    assert [element.get("title") for element in was.find_all(True)] == [
        element.get("title") for element in now.find_all(True)
    ]
    assert absolute(after, "https://blog.example/post") == after


def test_a_text_of_nothing_but_links_takes_no_time() -> None:
    body = '<a href="/x">x</a>' * 5_500  # the longest post
    began = time.process_time()
    absolute(body, "https://blog.example/post")
    assert time.process_time() - began < 1


# -- texts of every kind -----------------------------------------------------------------------------------------------

ANY = st.text(st.characters(), min_size=1, max_size=40)  # lone surrogates and controls, too


@given(title=ANY, html=ANY, name=ANY, tag=ANY)
@pytest.mark.parametrize("file", WRITE)
def test_no_text_can_break_a_feed(file: str, title: str, html: str, name: str, tag: str) -> None:
    written = WRITE[file](
        feed(
            entry(
                title=title,
                content_html=html,
                excerpt=title,
                authors=(Author(name),),
                tags=(tag,),
                lang="de",
                image=Image("https://blog.example/media/a.png", title, None),
            ),
            title=title,
            authors=(Author(name),),
        )
    )
    told = {"title": title, "html": html, "name": name, "tag": tag}
    assert _read(file, written) == {key: fit(value) for key, value in told.items()}


def _read(file: str, written: bytes) -> dict[str, Any]:
    if file == "feed.json":
        (item,) = json.loads(written.decode())["items"]
        return {
            "title": item["title"],
            "html": item["content_html"],
            "name": item["authors"][0]["name"],
            "tag": item["tags"][0],
        }
    root = tree(written)
    if file == "feed.xml":
        item = next(root.iter("item"))
        names = ("title", f"{CONTENT}encoded", f"{DC}creator", "category")
        return dict(zip(("title", "html", "name", "tag"), map(item.findtext, names), strict=True))
    found = next(root.iter(f"{ATOM}entry"))
    category = found.find(f"{ATOM}category")
    assert category is not None
    return {
        "title": found.findtext(f"{ATOM}title"),
        "html": found.findtext(f"{ATOM}content"),
        "name": found.findtext(f"{ATOM}author/{ATOM}name"),
        "tag": category.get("term"),
    }


@pytest.mark.parametrize("file", WRITE)
def test_an_entry_of_which_little_is_said_keeps_the_rules(file: str) -> None:
    bare = entry(excerpt="", has_title=False, authors=(Author("Former author"),))
    assert RULES[file](WRITE[file](feed(bare))) == []
    assert RULES[file](WRITE[file](feed())) == []
    assert RULES[file](WRITE[file](feed(entry(), older_url="https://blog.example/feed?before=1-1"))) == []


def test_dates_are_told_in_utc_with_their_zone() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC).astimezone()
    assert syndication.rfc3339(at) == "2026-01-02T03:04:05Z"
    assert syndication.rfc822(at) == "Fri, 02 Jan 2026 03:04:05 GMT"


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://blog.example.org", "blog.example.org,2026"),
        ("https://Blog.Example.org:8443", "blog.example.org,2026"),
        ("http://localhost:5000", "localhost,2026"),
        ("http://127.0.0.1:5000", "127.0.0.1,2026"),
        ("http://[::1]:5000", "localhost,2026"),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example,2026"),
    ],
)
def test_ids_begin_with_the_domain_of_the_blog(url: str, authority: str) -> None:
    assert syndication.authority_of(url) == authority
    assert TAG_URI.fullmatch(syndication.tag_uri(Site(url, authority), "post", 1))


# -- of posts, in both databases ---------------------------------------------------------------------------------------


def write(title: str, *, key: tuple[str, str] = ADA, minutes: int = 0, **more: Any) -> Post:
    at = NOW + timedelta(minutes=minutes)
    more = {"publish": True, "handle": f"page-of-{key[1]}"} | more
    return posts.create(key, title=title, body_md=f"Words of *{title}*", now=at, **more)


def named_above(post: Post, *keys: tuple[str, str]) -> None:
    with writing() as session:
        rows = [
            {"post_id": post.id, "position": place, "author_issuer": key[0], "author_id": key[1], "agreed_at": NOW}
            for place, key in enumerate(keys)
        ]
        session.execute(insert(PostAuthor), rows)


def test_what_is_listed_for_feeds_is_what_a_stranger_finds_on_the_pages(database: Flask) -> None:
    about = PLAIN._replace(tags=("Open", "Night"))
    write("One", about=about)
    joint = write("Two", key=BOB, minutes=1, about=about)
    write("Three", minutes=2, about=about)
    write("Inside", minutes=3, audience=Audience("people"), about=about)
    write("Draft", minutes=4, publish=False, about=about)
    write("Later", minutes=5, at=NOW + timedelta(days=9), about=about)
    write("Page", minutes=6, about=about._replace(kind="page", may_be_page=True))
    named_above(joint, BOB, ADA)
    with writing() as session:
        bob = {"author_issuer": BOB[0], "author_id": BOB[1], "created_at": NOW}
        session.execute(insert(Handle), [bob | {"handle": "old", "current": False}])
    db.session.remove()
    now, tag_id = NOW + timedelta(days=1), tags.at("open").id
    for of in ({}, {"tag_id": tag_id}, {"author_key": ADA}, {"author_key": BOB}):
        listed = posts.syndicated(now=now, limit=9, **of)
        shown = posts.latest(now=now, limit=9, **of)
        assert [post.title for post in listed.posts] == [post.title for post in shown.posts], of
        assert [post.named for post in listed.posts] == [post.named for post in shown.posts], of
    assert [post.title for post in posts.syndicated(now=now, limit=9).posts] == ["Three", "Two", "One"]
    two = posts.syndicated(now=now, limit=9).posts[1]
    assert [(each.key, each.handle) for each in two.named] == [(BOB, "page-of-bob"), (ADA, "page-of-ada")]
    assert two.body_html.strip() == "<p>Words of <em>Two</em></p>"
    assert [tag.name for tag in two.tags] == ["Night", "Open"]


def test_several_authors_do_not_shorten_a_stretch(database: Flask) -> None:
    for number in range(5):
        named_above(write(f"Number {number}", minutes=number), ADA, BOB)
    db.session.remove()
    seen, before = [], None
    while True:
        page = posts.syndicated(now=NOW + timedelta(days=1), limit=2, before=before)
        seen.append([post.title for post in page.posts])
        if not (before := page.older):
            break
    assert seen == [["Number 4", "Number 3"], ["Number 2", "Number 1"], ["Number 0"]]


def test_an_entry_is_never_updated_before_it_is_published(database: Flask) -> None:
    write("Later", at=NOW + timedelta(hours=5))
    (post,) = posts.syndicated(now=NOW + timedelta(days=1), limit=1).posts
    told = syndication.entry(post, site=SITE, author=lambda _: Author("Ada"))
    assert told.published == told.updated == NOW + timedelta(hours=5)
    assert told.id == f"tag:blog.example,2026:post/{post.id}"
    assert told.url == "https://blog.example/later"


def test_the_sitemap_lists_the_same_in_both_databases(database: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    write("One", about=PLAIN._replace(tags=("Open",)))
    write("Two", minutes=1)
    write("Inside", minutes=2, audience=Audience("people"), about=PLAIN._replace(tags=("Shut",)))
    now = NOW + timedelta(days=1)
    listed = sitemap.part(1, now=now)
    assert listed.parts == 1
    assert [each.path for each in listed.addresses] == ["/", "/tag/open", "/one", "/two"]
    assert [each.changed_at for each in listed.addresses[1:]] == [NOW, NOW, NOW + timedelta(minutes=1)]
    monkeypatch.setattr(sitemap, "MOST", 3)
    assert [[each.path for each in sitemap.part(number, now=now).addresses] for number in (1, 2, 3)] == [
        ["/", "/tag/open", "/one"],
        ["/two"],
        [],
    ]
