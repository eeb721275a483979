"""Feeds: what they hold, for whom, under which names, and whether feed readers understand them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import atoma
import feedparser
import pytest
from sqlalchemy import insert, select

from blog.content import posts as content
from blog.content.typed import fit
from blog.db import Post, PostAuthor, writing
from blog.feeds import FORMATS
from blog.identity.directories.cached import Cached
from tests.fake_idp import DOWN
from tests.feed_rules import ATOM, CONTENT, DC, MEDIA, RULES, TAG_URI, tree
from tests.test_author_pages import Departed
from tests.test_blog import Queries

FILES = [form.file for form in FORMATS]
TITLE = 'Ampers&nd, "quotes" and ’apostrophes’'
BODY = """A [link](/other), [another](#section-here), [one](elsewhere?a=1&b=2), <a href="//cdn.example/x">two</a>.

![A picture](/media/none.png) <img src="pictures/none.gif" alt="">

## Here

Words[^1], <a href="http://[">none</a>, and `<code>`: "href=/quoted".

[^1]: A footnote.
"""


def items(visitor, path):
    """What a feed says, as JSON Feed has it, whatever its format."""
    answer = visitor.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return _AS_JSON[path.partition("?")[0].rpartition("/")[2]](answer.data)


def _of_rss(document):
    return [
        {
            "id": item.findtext("guid"),
            "url": item.findtext("link"),
            "title": item.findtext("title"),
            "content_html": item.findtext(f"{CONTENT}encoded"),
            "authors": [{"name": each.text} for each in item.findall(f"{DC}creator")],
            "tags": [each.text for each in item.findall("category")],
        }
        for item in tree(document).iter("item")
    ]


def _of_atom(document):
    return [
        {
            "id": entry.findtext(f"{ATOM}id"),
            "url": entry.find(f"{ATOM}link").get("href"),
            "title": entry.findtext(f"{ATOM}title"),
            "content_html": entry.findtext(f"{ATOM}content"),
            "authors": [{"name": each.text} for each in entry.findall(f"{ATOM}author/{ATOM}name")],
            "tags": [each.get("term") for each in entry.findall(f"{ATOM}category")],
        }
        for entry in tree(document).iter(f"{ATOM}entry")
    ]


_AS_JSON = {"feed.xml": _of_rss, "atom.xml": _of_atom, "feed.json": lambda document: json.loads(document)["items"]}


def titles(visitor, path):
    return [item.get("title") for item in items(visitor, path)]


def names(item):
    return [author["name"] for author in item["authors"]]


def page_of(visitor):
    return visitor.page("/").select_one(".byline a")["href"]


def note_row(app, slug, **row):
    """Name somebody, or a guest, above a post; they agreed unless the row says otherwise."""
    row = {"agreed_at": datetime.now(UTC), **row}
    with app.app_context(), writing() as session:
        post_id = session.scalar(select(Post.id).where(Post.slug == slug))
        session.execute(insert(PostAuthor).values(post_id=post_id, **row))


# -- what they are -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_a_feed_keeps_every_rule_of_its_format(ada, bob, visitor, file):
    ada.publish(TITLE, BODY, tags="Open, Night & Day", lang="de", excerpt="Own words")
    bob.publish("", "Only *words*, < and &.", kind="note")
    ada.publish("Elsewhere", canonical_url="https://first.example/here")
    note_row(ada.app, "elsewhere", position=0, guest="Grace Guest")
    assert len(items(visitor, f"/{file}")) == 3
    for path in (f"/{file}", f"/tag/open/{file}", f"{page_of(visitor)}/{file}"):
        assert RULES[file](visitor.get(path).data) == [], path


def test_the_feeds_of_the_site_say_what_it_is_about(settings, request):
    settings["SITE_DESCRIPTION"] = "About <desks> & chairs"
    ada, visitor = request.getfixturevalue("ada"), request.getfixturevalue("visitor")
    ada.publish(tags="Open")
    assert abouts(visitor, "") == ["About <desks> & chairs"] * 3
    assert abouts(visitor, "/tag/open") == ["Open – Byline", None, None]
    for file in FILES:
        assert RULES[file](visitor.get(f"/{file}").data) == []


def test_where_nobody_said_what_it_is_about_the_title_stands_for_it_only_where_it_must(ada, visitor):
    ada.publish()
    assert abouts(visitor, "") == ["Byline", None, None]


def abouts(visitor, place):
    rss, atom = (tree(visitor.get(f"{place}/{file}").data) for file in ("feed.xml", "atom.xml"))
    told = json.loads(visitor.get(f"{place}/feed.json").data)
    return [rss.findtext("channel/description"), atom.findtext(f"{ATOM}subtitle"), told.get("description")]


@pytest.mark.parametrize("file", FILES)
def test_a_blog_without_posts_has_a_feed_without_posts(visitor, file):
    assert items(visitor, f"/{file}") == []
    assert RULES[file](visitor.get(f"/{file}").data) == []


BREAKS = {
    "feed.xml": [
        (b"<pubDate>[^<]*", b"<pubDate>2026-11-21"),
        (b'isPermaLink="false"', b""),
        (b"<title>A title</title>", b"<author>Ada</author>"),
        (b"<dc:creator>.*?</dc:creator>", b""),
        (b'rel="self"', b'rel="via"'),
        (b"<item>(.*?)</item>", rb"<item>\1</item><item>\1</item>"),
        (b"http://localhost/other", b"/other"),
        (b"<link>http://localhost/a-title</link>", b"<link>/a-title</link>"),
    ],
    "atom.xml": [
        (b"<updated>[^<]*", b"<updated>2026-11-21 10:00:00Z"),
        (b"<id>[^<]*</id>", b"<id>1</id>"),
        (b"<title>A title</title>", b""),
        (b"<author>.*?</author>", b""),
        (b"<name>.*?</name>", b""),
        (b'rel="self"', b'rel="myself"'),
        (b"<entry>(.*?)</entry>", rb"<entry>\1</entry><entry>\1</entry>"),
        (b"http://localhost/other", b"/other"),
        (b"&lt;p&gt;A ", b"<p/>"),
    ],
    "feed.json": [
        (b"/version/1.1", b"/version/1"),
        (rb'"date_published": "[^"]*"', b'"date_published": "today"'),
        (b'"id"', b'"guid"'),
        (b'"content_html"', b'"content"'),
        (rb'"authors": \[.*?\]', b'"authors": [{}]'),
        (b"http://localhost/other", b"/other"),
    ],
}


@pytest.mark.parametrize(
    ("file", "what", "instead"), [(file, *each) for file, breaks in BREAKS.items() for each in breaks]
)
def test_the_rules_would_notice(ada, visitor, file, what, instead):
    ada.publish("A title", "A [link](/other).")
    document = visitor.get(f"/{file}").data
    broken = re.sub(what, instead, document, flags=re.DOTALL)
    assert broken != document
    assert RULES[file](broken)


# -- as feed readers see them ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_a_feed_reader_finds_the_titles_authors_and_dates_of_the_pages(ada, bob, visitor, file):
    ada.publish(TITLE, BODY, tags="Open, Night")
    bob.publish("Second")
    note_row(ada.app, "second", position=0, author_issuer="https://idp.example", author_id="bob")
    note_row(ada.app, "second", position=1, author_issuer="https://idp.example", author_id="ada")
    shown = [
        (
            entry.h2.text,
            [each.text for each in entry.select(".byline")],
            entry.time["datetime"],
            f"http://localhost{entry.h2.a['href']}",
        )
        for entry in visitor.page("/").select("article")
    ]
    assert [each[1] for each in shown] == [["Bob Ross", "Ada Lovelace"], ["Ada Lovelace"]]
    document = visitor.get(f"/{file}").data
    if file != "feed.json":  # which feedparser 6 does not read
        assert _as_feedparser_sees(document) == shown
    assert _as_atoma_sees(document, file) == shown


def _as_feedparser_sees(document):
    seen = feedparser.parse(document)
    assert not seen.bozo, seen.get("bozo_exception")
    return [
        (
            entry.title,
            [author["name"] for author in entry.authors],
            "{}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*entry.published_parsed[:6]),
            entry.link,
        )
        for entry in seen.entries
    ]


def _as_atoma_sees(document, file):
    def when(at):
        return at.isoformat(timespec="seconds").replace("+00:00", "Z")

    if file == "feed.xml":
        found = atoma.parse_rss_bytes(document).items
        creators = [names(item) for item in _of_rss(document)]  # of which it knows none
        return [(each.title, who, when(each.pub_date), each.link) for each, who in zip(found, creators, strict=True)]
    if file == "atom.xml":
        entries = atoma.parse_atom_bytes(document).entries
        return [
            (
                each.title.value,
                [author.name for author in each.authors],
                when(each.published),
                next(link.href for link in each.links if link.rel == "alternate"),
            )
            for each in entries
        ]
    of_json = atoma.parse_json_feed_bytes(document).items  # of version 1, with one author
    who = [names(item) for item in json.loads(document)["items"]]
    return [(each.title, them, when(each.date_published), each.url) for each, them in zip(of_json, who, strict=True)]


# -- whose names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_a_new_name_is_in_the_feed_as_soon_as_it_is_on_the_pages(ada, visitor, idp, file):
    ada.publish()
    paths = (f"/{file}", f"{page_of(visitor)}/{file}")
    before = {path: visitor.get(path) for path in paths}
    assert all("Ada Lovelace" in answer.text for answer in before.values())
    idp.people["ada"]["name"] = "Augusta King"
    ada.submit("/logout", "Log out")
    ada.log_in()
    for path, answer in before.items():
        again = visitor.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 200
        assert "Augusta King" in again.text
        assert "Lovelace" not in again.text
        assert items(visitor, path)[0]["id"] == _AS_JSON[file](answer.data)[0]["id"]


@pytest.mark.parametrize("file", FILES)
def test_by_date_alone_no_old_name_is_kept_for_more_than_a_minute(ada, visitor, idp, clock, file):
    ada.publish()
    clock.advance(hours=1)
    kept = visitor.get(f"/{file}")
    asks = {"If-Modified-Since": kept.headers["Last-Modified"]}
    idp.people["ada"]["name"] = "Augusta King"
    ada.app.extensions["porch"].directory.forget_all()
    clock.advance(seconds=61)
    again = visitor.get(f"/{file}", headers=asks)
    assert again.status_code == 200
    assert "Lovelace" not in again.text


@pytest.mark.parametrize("file", FILES)
def test_feeds_go_on_when_the_provider_is_down(ada, visitor, idp, file):
    ada.publish()
    for endpoint in ("discovery", "jwks", "token", "userinfo"):
        idp.answers[endpoint] = DOWN
    ada.app.extensions["porch"].directory.forget_all()
    (name,) = names(items(visitor, f"/{file}")[0])
    assert re.fullmatch("Author [A-Z2-7]{4}", name)
    assert RULES[file](visitor.get(f"/{file}").data) == []


@pytest.mark.parametrize("file", FILES)
def test_a_guest_is_no_verified_name_and_has_no_page(ada, visitor, file):
    ada.publish()
    note_row(ada.app, "a-title", position=0, guest="Ada Lovelace")
    assert items(visitor, f"/{file}")[0]["authors"] == [{"name": "Ada Lovelace (guest)"}]


def test_only_who_agreed_is_named(ada, bob, visitor):
    ada.publish()
    note_row(ada.app, "a-title", position=0, author_issuer="https://idp.example", author_id="ada")
    note_row(ada.app, "a-title", position=1, author_issuer="https://idp.example", author_id="bob", agreed_at=None)
    for file in FILES:
        assert names(items(visitor, f"/{file}")[0]) == ["Ada Lovelace"]


def test_the_page_of_somebody_who_is_gone_is_not_told(ada, visitor, app):
    ada.publish()
    ada.submit("/dashboard", "Change address", handle="ada-lovelace")
    ready = app.extensions["porch"]
    ready.directory.close()
    app.extensions["porch"] = replace(ready, directory=Cached(Departed()))
    for file in FILES:
        assert items(visitor, f"/{file}")[0]["authors"] == [{"name": "Former author"}]
        assert "lovelace" not in visitor.get(f"/{file}").text
        assert RULES[file](visitor.get(f"/author/ada-lovelace/{file}").data) == []
        assert items(visitor, f"/author/ada-lovelace/{file}")[0]["authors"] == [{"name": "Former author"}]
    app.extensions["porch"].directory.close()


def test_a_feed_says_nothing_that_leads_to_the_subject(ada, visitor):
    ada.publish()
    for path in (f"{place}/{file}" for place in ("", page_of(visitor)) for file in FILES):
        text = visitor.get(path).text.replace("Ada Lovelace", "")
        assert not re.search(r"\bada\b", text)
        assert "idp.example" not in text


# -- ids ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_the_id_of_a_post_stays_when_its_title_and_address_change(ada, visitor, file):
    ada.publish("Before")
    (first,) = items(visitor, f"/{file}")
    ada.submit("/before/edit", "Save changes", title="After")
    (now,) = items(visitor, f"/{file}")
    assert (first["url"], now["url"]) == ("http://localhost/before", "http://localhost/after")
    assert now["title"] == "After"
    assert now["id"] == first["id"]
    assert TAG_URI.fullmatch(now["id"])


def test_an_id_is_the_same_in_every_feed_and_nowhere_twice(ada, bob, visitor):
    ada.publish("One", tags="Open")
    ada.publish("Two", tags="Open")
    page = page_of(visitor)
    for place in ("", "/tag/open", page):
        assert len({tuple(item["id"] for item in items(visitor, f"{place}/{file}")) for file in FILES}) == 1
    ids = [tree(visitor.get(f"{place}/atom.xml").data).findtext(f"{ATOM}id") for place in ("", "/tag/open", page)]
    ids += [item["id"] for item in items(visitor, "/atom.xml")]
    assert len(set(ids)) == 5
    assert all(TAG_URI.fullmatch(each) for each in ids)


def test_ids_stay_when_the_blog_moves_and_its_setting_says_so(settings, request):
    settings |= {"PUBLIC_URL": "https://new.example", "FEED_AUTHORITY": "blog.example.org,2026-03"}
    visitor = request.getfixturevalue("app").test_client()
    text = visitor.get("/atom.xml", base_url="https://new.example").text
    assert "<id>tag:blog.example.org,2026-03:posts</id>" in text
    assert 'href="https://new.example/atom.xml"' in text


def test_a_renamed_tag_and_a_new_handle_keep_the_id_of_their_feeds(desk, ada, anybody):
    ada.publish(tags="Open")
    eddy, visitor = anybody().log_in("eddy"), anybody()
    page = page_of(visitor)

    def feed_ids(*paths):
        return [tree(visitor.get(f"{path}/atom.xml").data).findtext(f"{ATOM}id") for path in paths]

    before = feed_ids("/tag/open", page)
    eddy.submit("/dashboard/tags", "Rename", tag="1", name="Ajar")
    ada.submit("/dashboard", "Change address", handle="pen")
    assert feed_ids("/tag/ajar", "/author/pen") == before
    for old, new in (("/tag/open", "/tag/ajar"), (page, "/author/pen")):
        for file in FILES:
            moved = visitor.get(f"{old}/{file}")
            assert (moved.status_code, moved.location) == (301, f"{new}/{file}")


# -- for whom ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_a_feed_holds_what_a_stranger_may_read_whoever_asks(desk, ada, anybody, file):
    ada.publish("Open", tags="Any")
    ada.publish("Inside", visible_to="people", tags="Any")
    ada.publish("Nightly", visible_to="groups", group="Night Desk", tags="Any, Night")
    ada.draft("Draft", tags="Any")
    page = page_of(anybody())
    for reader in (anybody(), anybody().log_in("rita"), anybody().log_in("eddy"), ada):
        answers = []
        for place in ("", "/tag/any", page):
            assert titles(reader, f"{place}/{file}") == ["Open"]
            answers.append(reader.get(f"{place}/{file}").headers["Cache-Control"])
        assert set(answers) == {"public, no-cache"}
        assert reader.get(f"/tag/night/{file}").status_code == 404


@pytest.mark.parametrize("file", FILES)
def test_nothing_tells_who_writes_only_for_others(desk, ada, anybody, file):
    ada.publish("Nightly", visible_to="groups", group="Night Desk", tags="Night")
    ada.submit("/dashboard", "Change address", handle="old-pen")
    ada.submit("/dashboard", "Change address", handle="pen")
    for reader in (anybody(), ada):
        for there, nowhere in (
            ("/author/pen", "/author/nib"),
            ("/author/old-pen", "/author/nib"),
            ("/tag/night", "/tag/day"),
        ):
            answers = [reader.get(f"{place}/{file}") for place in (there, nowhere)]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert "next=" not in answers[0].text  # logging in would not help


@pytest.mark.parametrize("file", FILES)
def test_a_scheduled_post_is_in_the_feed_from_its_moment_on(ada, visitor, clock, file):
    with ada.app.app_context():
        now = ada.app.extensions["clock"]()
        key = ("https://idp.example", "ada")
        content.create(key, title="Later", body_md="Words", now=now, publish=True, at=now + timedelta(hours=1))
    empty = visitor.get(f"/{file}")
    assert items(visitor, f"/{file}") == []
    clock.advance(hours=1, seconds=1)
    assert titles(visitor, f"/{file}") == ["Later"]
    for name, value in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified")):
        assert visitor.get(f"/{file}", headers={name: empty.headers[value]}).status_code == 200
    assert RULES[file](visitor.get(f"/{file}").data) == []


@pytest.mark.parametrize("file", FILES)
def test_by_date_too_a_new_post_is_seen_within_the_minute(settings, idp, clock, request, file):
    ada, visitor = request.getfixturevalue("ada"), request.getfixturevalue("visitor")
    clock.advance(seconds=70 - clock().second)  # so that a minute has just begun
    before = visitor.get(f"/{file}")
    clock.advance(seconds=20)
    ada.publish()
    again = visitor.get(f"/{file}", headers={"If-Modified-Since": before.headers["Last-Modified"]})
    assert again.status_code == 200
    assert titles(visitor, f"/{file}") == ["A title"]


@pytest.mark.parametrize("file", FILES)
def test_what_is_taken_back_or_deleted_leaves_the_feed(ada, visitor, file):
    ada.publish("Back")
    ada.publish("Gone")
    kept = visitor.get(f"/{file}")
    ada.submit("/back/edit", "Unpublish")
    ada.submit("/gone/delete", "Delete")
    assert items(visitor, f"/{file}") == []
    assert visitor.get(f"/{file}", headers={"If-None-Match": kept.headers["ETag"]}).status_code == 200


def test_pages_stand_in_no_feed(desk, ada, anybody):
    eddy = anybody().log_in("eddy")
    eddy.publish("About", kind="page", tags="Any")
    ada.publish("Post", tags="Any")
    for file in FILES:
        for place in ("", "/tag/any"):
            assert titles(anybody(), f"{place}/{file}") == ["Post"]


def test_a_note_has_no_title_where_the_format_lets_it_have_none(ada, visitor):
    ada.publish("", "Short *words*.", kind="note")
    assert [titles(visitor, f"/{file}") for file in FILES] == [[None], ["Short words."], [None]]


# -- what is in them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_a_feed_has_the_whole_text_with_whole_addresses(ada, visitor, file):
    ada.publish("A title", BODY)
    (item,) = items(visitor, f"/{file}")
    for told in (
        'href="http://localhost/other"',
        'href="http://localhost/a-title#section-here"',
        'href="http://localhost/elsewhere?a=1&amp;b=2"',
        'href="http://cdn.example/x"',
        'src="http://localhost/media/none.png"',
        'src="http://localhost/pictures/none.gif"',
        'href="http://localhost/a-title#fn1"',
        '<code>&lt;code&gt;</code>: "href=/quoted"',
        "A footnote.",
    ):
        assert told in item["content_html"]


def test_what_is_said_about_a_post_is_told_in_each_format(settings, request):
    settings["IMAGE_HOSTS"] = "https://pictures.example"
    ada, visitor = request.getfixturevalue("ada"), request.getfixturevalue("visitor")
    image = "https://pictures.example/a.png"
    ada.publish(
        "A title",
        tags="Open, Night",
        lang="de",
        excerpt="Own <words>",
        canonical_url="https://first.example/",
        image_url=image,
        image_alt="A lamp",
    )
    (told,) = items(visitor, "/feed.json")
    assert (told["image"], told["language"], told["summary"]) == (image, "de", "Own <words>")
    for file in FILES:
        assert items(visitor, f"/{file}")[0]["tags"] == ["Night", "Open"]
    item = next(tree(visitor.get("/feed.xml").data).iter("item"))
    assert item.findtext("description") == "Own &lt;words&gt;"
    assert item.findtext(f"{DC}language") == "de"
    media = item.find(f"{MEDIA}content")
    assert media.attrib == {"url": image, "medium": "image", "type": "image/png"}
    assert media.findtext(f"{MEDIA}description") == "A lamp"
    entry = next(tree(visitor.get("/atom.xml").data).iter(f"{ATOM}entry"))
    assert entry.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert entry.findtext(f"{ATOM}summary") == "Own <words>"
    links = {link.get("rel"): link.get("href") for link in entry.findall(f"{ATOM}link")}
    assert (links["enclosure"], links["canonical"]) == (image, "https://first.example/")


HOSTILE = [
    "<script>alert(1)</script>",
    "]]>",
    "&amp;&lt;",
    "\u0001\u0008\u000b",
    "\ufffe\uffff",
    "\x7f\x85",
    "é\u202e",
    "\U0001f600",
]


@pytest.mark.parametrize("file", FILES)
def test_nothing_that_is_stored_can_break_a_feed(ada, visitor, file):
    """What came past the forms: an older release, an operator's hand."""
    for number in range(len(HOSTILE)):
        ada.publish(f"Number {number}", tags="Open")
    with ada.app.app_context(), writing() as session:
        for post, words in zip(session.scalars(select(Post).order_by(Post.id)).all(), HOSTILE, strict=True):
            post.title, post.excerpt_own = f"Title {words}", words
            post.body_html = f'<p title="{words}">{words} <a href="/{words}">x</a></p>'
    found = items(visitor, f"/{file}")
    assert [item["title"] for item in found] == [f"Title {fit(words)}" for words in reversed(HOSTILE)]
    assert not [item for item in found if fit(item["content_html"]) != item["content_html"]]
    if file != "feed.json":
        assert not feedparser.parse(visitor.get(f"/{file}").data).bozo


@pytest.mark.parametrize("file", FILES)
def test_a_feed_leads_to_older_posts(ada, visitor, monkeypatch, file):
    monkeypatch.setattr("blog.feeds.ENTRIES", 2)
    for number in range(5):
        ada.publish(f"Number {number}")
    path, seen, own = f"/{file}", [], []
    while path:
        answer = visitor.get(path)
        assert RULES[file](answer.data) == []
        assert f"http://localhost{path}" in answer.text
        seen += titles(visitor, path)
        own.append(path)
        older = re.search(r'(?:rel="next"[^>]*href="|"next_url": ")http://localhost([^"]*)', answer.text)
        path = older and older[1]
    assert seen == [f"Number {number}" for number in (4, 3, 2, 1, 0)]
    assert len(own) == 3


@pytest.mark.parametrize("cursor", ["x", "99999999999999999999", "0-0", "\x00", "1-99999999999999999999"])
def test_a_senseless_place_is_no_crash(ada, visitor, cursor):
    ada.publish()
    for file in FILES:
        assert visitor.get(f"/{file}", query_string={"before": cursor}).status_code in {200, 404}


# -- how they are asked for --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_who_has_a_feed_is_told_that_nothing_changed(ada, visitor, clock, file):
    clock.advance(seconds=-clock().second)  # what it is told changes with the minute
    ada.publish(tags="Open")
    for path in (f"/{file}", f"/tag/open/{file}", f"{page_of(visitor)}/{file}"):
        first = visitor.get(path)
        assert re.fullmatch('"[0-9a-f]{32}"', first.headers["ETag"])
        for name, value in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified")):
            again = visitor.get(path, headers={name: first.headers[value]})
            assert (again.status_code, again.data) == (304, b"")
            for kept in ("ETag", "Cache-Control", "Vary"):  # what RFC 9110, section 15.4.5, asks for
                assert again.headers[kept] == first.headers[kept]
        both = {"If-None-Match": '"other"', "If-Modified-Since": first.headers["Last-Modified"]}
        assert visitor.get(path, headers=both).status_code == 200
        weak = {"If-None-Match": f"W/{first.headers['ETag']}"}  # as it comes through a proxy that compresses
        assert visitor.get(path, headers=weak).status_code == 304
        assert visitor.client.head(path).headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize("form", FORMATS, ids=FILES)
def test_a_feed_says_what_it_is(ada, visitor, form):
    answer = visitor.get(f"/{form.file}")
    assert answer.headers["Content-Type"] == form.content_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("file", FILES)
def test_a_feed_costs_two_queries_at_most(ada, bob, visitor, app, file):
    for number in range(3):
        ada.publish(f"Ada {number}", tags="Open, Night")
        bob.publish(f"Bob {number}", tags="Open")
    ada.publish("", "A note", kind="note")
    note_row(app, "bob-0", position=0, guest="Grace Guest")
    for path, most in ((f"/{file}", 1), (f"/tag/open/{file}", 2), (f"{page_of(visitor)}/{file}", 2)):
        with Queries(app) as queries:
            assert visitor.get(path).status_code == 200
        assert len(queries.said) <= most, (path, queries.said)


def test_feeds_are_found_from_the_pages(ada, visitor):
    slug = ada.publish(tags="Open")
    page = page_of(visitor)
    types = {form.file: form.content_type.partition(";")[0] for form in FORMATS}
    for path, places in (("/", [""]), (f"/{slug}", [""]), ("/tag/open", ["", "/tag/open"]), (page, ["", page])):
        links = visitor.page(path).select('link[rel="alternate"]')
        found = {link["href"]: link["type"] for link in links if "feed" in link["href"] or "atom" in link["href"]}
        assert found == {f"{place}/{file}": types[file] for place in places for file in FILES}
        for address in found:
            assert visitor.get(address).status_code == 200
