"""What stands on readers' pages around the words: neighbours, contents, the archive, and what machines are told."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta

import mf2py
import pytest
from sqlalchemy import update

from blog.db import Post, writing
from tests.test_blog import Queries

LONG = "\n\n".join(
    f"## Part {number}\n\n{'word ' * 150}\n\n### Detail {number}\n\nShort."
    for number in ("one", "two & a half", "three")
)
HOSTILE = "</script><script>alert(1)</script> & <b>'\"\u2028"


def linked(page):
    """The nodes of the page's JSON-LD, by their kind."""
    (element,) = page.select('script[type="application/ld+json"]')
    return {node["@type"]: node for node in json.loads(element.string)["@graph"]}


def dated(app, slug, *at):
    with app.app_context(), writing() as session:
        moment = datetime(*at, tzinfo=UTC)
        session.execute(update(Post).where(Post.slug == slug).values(published_at=moment, updated_at=moment))


# -- around a post -----------------------------------------------------------------------------------------------------


def test_a_post_leads_to_the_one_before_and_the_one_after(ada, visitor):
    for title in ("One", "Two", "Three"):
        ada.publish(title)
    ada.draft("Not yet")
    ada.publish("Inside", visible_to="people")
    beside = visitor.page("/two").select_one(".beside")
    assert [(a["rel"], a["href"]) for a in beside.select("a")] == [(["prev"], "/one"), (["next"], "/three")]
    assert [a["href"] for a in visitor.page("/three").select(".beside a")] == ["/two"]
    assert [a["href"] for a in ada.page("/three").select(".beside a")] == ["/two", "/inside"]
    assert not visitor.page("/one").select('.beside [rel="prev"]')


def test_related_posts_share_most_tags_and_neighbours_are_not_told_twice(ada, visitor):
    for title, words in (("A", "x"), ("B", "x, y"), ("C", "x, y, z"), ("D", "w"), ("E", "x"), ("F", "q")):
        ada.publish(f"Post {title}", tags=words)
    ada.publish("Hidden", tags="x, y, z", visible_to="people")
    ada.publish("Here", tags="x, y, z")
    ada.publish("After")
    page = visitor.page("/here")
    assert [a["href"] for a in page.select(".related a")] == ["/post-c", "/post-b", "/post-e"]
    assert not visitor.page("/after").select(".related")


def test_what_stands_around_a_post_costs_no_query(ada, bob, visitor, app):
    for title in ("One", "Two", "Three"):
        ada.publish(title, LONG, tags="x, y")
    with Queries(app) as queries:
        page = visitor.page("/two")
    assert page.select(".beside a")
    assert page.select(".related") == []  # both are its neighbours
    assert len(queries.said) == 1


def test_a_page_and_a_note_have_no_neighbours(desk, ada, anybody):
    ada.publish("One", tags="x")
    ada.submit("/dashboard/write", "Publish", body="Only a note", kind="note", tags="x")
    ada.publish("Two", tags="x")
    note = anybody().page("/").select_one(".note .meta > .u-url")["href"]
    assert not anybody().page(note).select(".beside, .related")
    assert [a["href"] for a in anybody().page("/two").select(".beside a")] == ["/one"]


def test_a_long_post_has_contents_that_lead_to_its_sections(ada, visitor):
    ada.publish("Long", LONG)
    page = visitor.page("/long")
    links = page.select(".contents a")
    parts = ("one", "two & a half", "three")
    assert [a.text for a in links] == [f"{word} {part}" for part in parts for word in ("Part", "Detail")]
    assert all(page.select_one(a["href"]) for a in links)
    assert len(page.select(".contents > ol > li")) == 3
    assert "2 min read" in page.select_one(".post header").text
    ada.publish("Short", "## One\n\n## Two\n\n## Three\n\nwords")
    assert not visitor.page("/short").select(".contents")
    assert "1 min read" in visitor.page("/short").select_one(".post header").text


def test_a_change_is_told_by_its_date_unless_it_came_at_once(ada, visitor, clock):
    ada.publish("Kept")
    ada.submit("/kept/edit", "Save changes", body="A slip of the pen.")
    assert not visitor.page("/kept").select(".dt-updated")
    clock.advance(hours=3)
    ada.submit("/kept/edit", "Save changes", body="Another mind.")
    page = visitor.page("/kept")
    published, updated = (
        datetime.fromisoformat(page.select_one(f".dt-{what}")["datetime"]) for what in ("published", "updated")
    )
    assert updated - published >= timedelta(hours=3)
    assert (
        page.select_one('meta[property="article:modified_time"]')["content"]
        == page.select_one(".dt-updated")["datetime"]
    )


def test_the_button_for_code_comes_only_with_code(ada, visitor):
    ada.publish("Words")
    ada.publish("Code", "```\nmake\n```")
    copies = [len(visitor.page(path).select("script[data-copy]")) for path in ("/words", "/code", "/")]
    assert copies == [0, 1, 0]


# -- the archive -------------------------------------------------------------------------------------------------------


def test_the_archive_is_by_the_clocks_of_the_blog(settings, request):
    settings["TIME_ZONE"] = "Pacific/Auckland"
    ada, visitor, app = (request.getfixturevalue(name) for name in ("ada", "visitor", "app"))
    for title, *at in (("Old", 2024, 2, 29, 12), ("Eve", 2025, 12, 31, 10, 59), ("New year", 2025, 12, 31, 11)):
        dated(app, ada.publish(title), *at)
    ada.publish("Inside", visible_to="people")
    page = visitor.page("/archive")
    assert [h2.text for h2 in page.select(".year h2")] == ["2026", "2025", "2024"]
    assert [a["href"] for a in page.select(".year li a")] == [
        "/archive/2026/01",
        "/archive/2025/12",
        "/archive/2024/03",
    ]
    for path, titles in {
        "/archive/2026/01": ["New year"],
        "/archive/2025": ["Eve"],
        "/archive/2024/03": ["Old"],
    }.items():
        assert [h2.text for h2 in visitor.page(path).select("article h2")] == titles
    assert visitor.page("/archive/2026/01").select_one("time").text == "1 January 2026"
    assert visitor.get("/archive/2024/02").status_code == 404
    here = datetime.now(UTC)
    assert len(ada.page("/archive").select(".year li a")) == (4 if here.year > 2025 else 3)


@pytest.mark.parametrize(
    "at", ["1", "02026", "20 26", "0000", "9999", "٢٠٢٦", "2026/1", "2026/13", "2026/00", "2026/1x", "x", "2026/11/1"]
)
def test_a_senseless_year_or_month_is_not_here(ada, visitor, at):
    ada.publish()
    assert visitor.get(f"/archive/{at}").status_code == 404


def test_a_month_is_turned_over_page_by_page(settings, request):
    settings["POSTS_PER_PAGE"] = "2"
    ada, visitor, app = (request.getfixturevalue(name) for name in ("ada", "visitor", "app"))
    for number in range(5):
        dated(app, ada.publish(f"Number {number}"), 2024, 5, 1 + number)
    dated(app, ada.publish("Later"), 2024, 6, 1)
    path, seen = "/archive/2024/05", []
    while path:
        page = visitor.page(path)
        seen += [h2.text for h2 in page.select("article h2")]
        assert page.select_one('link[rel="canonical"]')["href"] == f"http://localhost{path}"
        older = page.select_one('.pages [rel="next"]')
        path = older and older["href"]
    assert seen == [f"Number {number}" for number in (4, 3, 2, 1, 0)]


def test_the_archive_asks_the_database_twice_however_old_the_blog_is(ada, visitor, app):
    dated(app, ada.publish("First"), 1999, 1, 1)
    ada.publish("Last")
    with Queries(app) as queries:
        assert visitor.get("/archive").status_code == 200
    assert len([said for said in queries.said if "site.version" not in said or "posts" in said]) <= 4


def test_pages_of_a_list_stay_right_while_somebody_publishes(settings, request):
    settings["POSTS_PER_PAGE"] = "2"
    ada, visitor = request.getfixturevalue("ada"), request.getfixturevalue("visitor")
    for number in range(6):
        ada.publish(f"Number {number}")
    path, seen = "/", []
    while path:
        page = visitor.page(path)
        seen += [h2.text for h2 in page.select("article h2")]
        ada.publish(f"In between {len(seen)}")
        older = page.select_one('.pages [rel="next"]')
        path = older and older["href"]
    assert seen == [f"Number {number}" for number in (5, 4, 3, 2, 1, 0)]


# -- machines ----------------------------------------------------------------------------------------------------------


def test_a_post_describes_itself_in_linked_data(ada, visitor):
    slug = ada.publish("A title", "Some words.", tags="One, Two", lang="de")
    nodes = linked(visitor.page(f"/{slug}"))
    posting = nodes["BlogPosting"]
    assert (posting["headline"], posting["url"], posting["inLanguage"]) == ("A title", f"http://localhost/{slug}", "de")
    assert posting["keywords"] == ["One", "Two"]
    (author,) = posting["author"]
    assert (author["@type"], author["name"]) == ("Person", "Ada Lovelace")
    assert visitor.get(author["url"].removeprefix("http://localhost")).status_code == 200
    assert datetime.fromisoformat(posting["datePublished"]).tzinfo
    assert [step["name"] for step in nodes["BreadcrumbList"]["itemListElement"]] == ["Byline", "A title"]
    assert nodes["Blog"]["url"] == "http://localhost/"


def test_what_was_published_elsewhere_first_says_so_to_machines(ada, visitor):
    ada.publish("Again", "Words.", canonical_url="https://first.example/again")
    page = visitor.page("/again")
    assert page.select_one('link[rel="canonical"]')["href"] == "https://first.example/again"
    assert page.select_one('meta[property="og:url"]')["content"] == "https://first.example/again"
    assert linked(page)["BlogPosting"]["mainEntityOfPage"] == "https://first.example/again"


def test_nothing_that_is_typed_ends_the_linked_data(ada, visitor, idp):
    idp.people["ada"]["name"] = HOSTILE
    ada.submit("/logout", "Log out")
    ada.log_in()
    slug = ada.publish(HOSTILE, HOSTILE, tags=HOSTILE.replace(",", ""))
    response = visitor.get(f"/{slug}")
    assert response.text.count("<script") == response.text.count("</script>") == 2
    assert "alert(1)</script>" not in response.text
    posting = linked(visitor.page(f"/{slug}"))["BlogPosting"]
    assert posting["headline"] == visitor.page(f"/{slug}").h1.text
    assert "</script>" in posting["headline"]


def test_a_guest_is_told_to_machines_as_not_verified(ada, visitor):
    ada.publish("Together")
    ada.submit("/together/edit", "Save changes", authors="1", author=["holder", "guest Grace Guest"])
    page = visitor.page("/together")
    authors = linked(page)["BlogPosting"]["author"]
    assert [author["name"] for author in authors] == ["Ada Lovelace", "Grace Guest"]
    assert "disambiguatingDescription" not in authors[0]
    assert "not verified" in authors[1]["disambiguatingDescription"]
    cards = page.select(".post .p-author")
    assert [bool(card.select(".u-url")) for card in cards] == [True, False]
    assert "not verified" in cards[1].select_one(".p-note").text


def test_a_post_that_only_some_may_read_describes_itself_to_nobody(ada):
    ada.publish("Inside", visible_to="people")
    ada.draft("Not yet")
    for path in ("/inside", "/not-yet"):
        page = ada.page(path)
        assert page.select_one('meta[name="robots"]')["content"] == "noindex"
        assert not page.select('script[type="application/ld+json"], meta[property], meta[name="description"]')
        assert page.select_one('link[rel="canonical"]')["href"] == f"http://localhost{path}"


def test_a_link_to_a_post_can_be_shown_with_title_words_and_picture(settings, request):
    settings |= {"IMAGE_HOSTS": "https://img.example", "FEDIVERSE_CREATOR": "@desk@social.example"}
    ada, visitor = request.getfixturevalue("ada"), request.getfixturevalue("visitor")
    ada.publish("Seen", "Words.", image_url="https://img.example/a.png", image_alt="A desk", tags="One")
    page = visitor.page("/seen")
    said = {meta["property"]: meta["content"] for meta in page.select("meta[property]")}
    assert said["og:title"] == "Seen"
    assert said["og:type"] == "article"
    assert said["og:url"] == page.select_one('link[rel="canonical"]')["href"] == "http://localhost/seen"
    assert (said["og:image"], said["og:image:alt"]) == ("https://img.example/a.png", "A desk")
    assert said["article:tag"] == "One"
    named = {meta["name"]: meta["content"] for meta in page.select("meta[name]")}
    assert named["twitter:card"] == "summary_large_image"
    assert named["fediverse:creator"] == "@desk@social.example"
    assert page.select_one(".u-featured")["alt"] == "A desk"
    thumb = visitor.page("/").select_one(".thumb")
    assert (thumb["aria-hidden"], thumb.img["alt"]) == ("true", "")


def test_a_parser_of_microformats_finds_posts_and_their_authors(desk, ada, anybody):
    ada.publish("One", "Words.", tags="x")
    ada.submit("/dashboard/write", "Publish", title="", body="A *note*", kind="note")
    read = lambda path: mf2py.parse(doc=anybody().get(path).text, url="http://localhost/")["items"]  # noqa: E731
    (feed,) = read("/")
    assert feed["type"] == ["h-feed"]
    note, one = (entry["properties"] for entry in feed["children"])
    assert one["name"] == ["One"]
    assert one["url"] == ["http://localhost/one"]
    assert one["summary"] == ["Words."]
    author = one["author"][0]["properties"]
    assert author["name"] == ["Ada Lovelace"]
    assert author["url"][0].startswith("http://localhost/author/")
    assert "name" not in note
    assert "<em>note</em>" in note["content"][0]["html"]
    (entry,) = read("/one")
    assert {"name", "author", "published", "content", "category", "url"} <= entry["properties"].keys()
    (page,) = read(author["url"][0].removeprefix("http://localhost"))
    assert page["properties"]["author"][0]["properties"]["name"] == ["Ada Lovelace"]


# -- scripts and the policy --------------------------------------------------------------------------------------------


def test_the_policy_names_each_script_of_a_page_by_its_hash(ada, visitor):
    ada.publish("Code", "```\nmake\n```")
    response = visitor.get("/code")
    allowed = set(re.findall(r"'(sha256-[^']+)'", response.headers["Content-Security-Policy"]))
    inline = re.findall(r"<script(?! type)[^>]*>(.*?)</script>", response.text, re.DOTALL)
    assert len(inline) == len(allowed) == 2
    assert {f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}" for text in inline} == allowed
    assert len(inline[0]) <= 1024


def test_a_page_asks_for_one_file_beside_itself(ada, visitor):
    ada.publish("Code", "```\nmake\n```")
    for path in ("/", "/code", "/archive"):
        page = visitor.page(path)
        assert len(page.select('link[rel="stylesheet"]')) == 1
        assert not page.select("script[src]")
        assert {a.get("rel")[0] for a in page.select("head link")} <= {
            *("alternate", "canonical", "icon", "me", "stylesheet")
        }


def test_pages_and_stylesheet_are_small(ada, visitor):
    for number in range(20):
        ada.publish(f"Number {number}", " ".join(f"word{number}{at}" for at in range(90)))
    style = len(gzip.compress(visitor.get("/theme/style.css").data))
    home, post = (len(gzip.compress(visitor.get(path).data)) for path in ("/", "/number-1"))
    assert home + style < 30_000
    assert post + style < 20_000
