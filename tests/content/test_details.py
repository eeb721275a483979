"""Kinds, own addresses, excerpts, languages, first places and images of posts, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select

from blog.content import details, navigation, posts
from blog.content.details import NOTE, PAGE, PLAIN
from blog.content.markup import apart
from blog.content.readers import Audience, Reader
from blog.content.text import render
from blog.db import Slug, db
from blog.errors import Conflict, Invalid, Moved, NotFound

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ADA = ("https://id.example", "ada")
HOSTS = ("https://img.example.org",)


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


def write(title="Hello", body_md="Words.", *, now=NOW, publish=True, audience=None, **said):
    about = PLAIN._replace(image_hosts=HOSTS, may_be_page=True)._replace(**said)
    more = {"audience": audience} if audience else {}
    return posts.create(ADA, title=title, body_md=body_md, now=now, publish=publish, about=about, **more)


def save(post, *, title=None, body_md=None, publish=None, **said):
    about = details.of(post)._replace(image_hosts=HOSTS, may_be_page=True)._replace(**said)
    title = post.typed_title if title is None else title
    body_md = body_md or post.body_md
    return posts.save(
        post.id, version=post.version, title=title, body_md=body_md, now=LATER, publish=publish, about=about
    )


def problems(**said):
    with pytest.raises(Invalid) as caught:
        write(**said)
    return caught.value.problems


def leads_to(slug):
    try:
        return posts.at_slug(slug, now=LATER).slug
    except Moved as moved:
        return moved.slug
    except NotFound:
        return None


def stream(**more):
    return posts.latest(now=LATER, limit=20, **more).posts


def test_everything_that_is_said_is_kept_and_read_back():
    said = {
        "tags": ("b", "A"),
        "slug": "by-hand",
        "excerpt": "In short.",
        "lang": "de-AT",
        "canonical_url": "https://example.org/first?a=b#c",
        "image_url": "https://img.example.org/a.png",
        "image_alt": "A cat",
    }
    write(**said)
    db.session.expunge_all()
    kept = posts.at_slug("by-hand", now=LATER)
    assert details.of(kept) == PLAIN._replace(**said | {"tags": ("A", "b")})
    assert details.of(kept).same_as(kept)
    assert (kept.excerpt, stream()[0].excerpt) == ("In short.", "In short.")
    assert save(kept).version == 1


def test_every_mistake_is_named_at_its_field_at_once():
    wrong = {
        "kind": "poster",
        "tags": ("x" * 51,),
        "slug": "Not So",
        "excerpt": "x" * 501,
        "lang": "english",
        "canonical_url": "http://example.org/",
        "image_url": "https://evil.example/a.png",
        "place": "first",
    }
    assert problems(title="", **wrong).keys() == {"title", "image_alt", *wrong}
    assert stream() == []


# -- addresses ---------------------------------------------------------------------------------------------------------


def test_an_own_address_stays_with_a_new_title_and_old_ones_lead_to_it_for_good():
    post = write("First")
    post = save(post, slug="mine")
    assert (post.slug, leads_to("first")) == ("mine", "mine")
    post = save(post, title="Second")
    assert (post.slug, leads_to("second")) == ("mine", None)
    post = save(post, slug="other")
    post = save(post, slug="")
    assert post.slug == "second"
    assert {leads_to(slug) for slug in ("first", "mine", "other", "second")} == {"second"}
    assert save(post, slug="first").slug == "first"  # it has been this post's


def test_an_own_address_that_no_reader_knew_is_let_go():
    post = save(save(write("First", publish=False), slug="mine"), slug="other")
    assert set(db.session.scalars(select(Slug.slug))) == {"other"}
    assert post.slug == "other"


def test_an_address_that_is_taken_is_said_so_and_nothing_changes():
    one, two = write("One"), write("Two")
    save(one, slug="kept-from-before")
    assert "taken" in problems(title="Three", slug="two")["slug"]
    for slug in ("one", "kept-from-before"):
        with pytest.raises(Invalid, match="taken"):
            save(two, slug=slug)
    assert leads_to("two") == "two"
    assert len(stream()) == 2


@pytest.mark.parametrize("slug", ["dashboard", "tag", "Größe", "a b", "a--b", "a" * 201, "../x", "\x00", "-", "é"])
def test_an_address_that_cannot_be_one_is_refused(slug):
    assert "slug" in problems(slug=slug)


def test_a_likely_address_is_named():
    assert "such as “grosse-worte”" in problems(slug="Große Worte")["slug"]


# -- notes -------------------------------------------------------------------------------------------------------------


def test_a_note_has_a_stable_address_and_goes_by_its_first_words():
    note = write("", "Rain *again* in the city, and the trams stand still while people walk to work.", kind=NOTE)
    assert note.slug.startswith("note-")
    assert note.title == "Rain again in the city, and the trams stand still while…"
    assert note.typed_title == ""
    other = save(note, body_md="Sun.")
    assert (other.slug, other.title) == (note.slug, "Sun.")
    later = posts.save(other.id, version=other.version, title="whatever", body_md="Snow.", now=LATER)
    assert (later.slug, later.title, later.kind) == (note.slug, "Snow.", NOTE)


def test_a_note_without_words_has_a_name_too():
    assert write("", "![](https://img.example.org/a.png)", kind=NOTE).title == "Note"


def test_a_note_has_no_title_and_a_limit_and_everything_else_needs_a_title():
    assert "no title" in problems(title="Mine", kind=NOTE)["title"]
    assert "5,000" in problems(title="", body_md="x" * 5001, kind=NOTE)["body"]
    assert "empty" in problems(title="")["title"]
    with pytest.raises(Invalid, match="title is empty"):
        posts.create(ADA, title=" ", body_md="x", now=NOW, publish=False)
    post = write("One", "x" * 5001)
    with pytest.raises(Invalid, match="title is empty"):
        posts.save(post.id, version=1, title="", body_md="x", now=LATER)
    note = write("", "Short", kind=NOTE)
    with pytest.raises(Invalid, match="5,000"):
        posts.save(note.id, version=1, title="", body_md="x" * 5001, now=LATER)


def test_a_note_that_becomes_a_post_keeps_its_old_address_and_the_other_way_round():
    note = write("", "Short", kind=NOTE)
    post = save(note, title="Long", kind=details.POST)
    assert (post.slug, leads_to(note.slug)) == ("long", "long")
    again = save(post, title="", kind=NOTE)
    assert (leads_to("long"), leads_to(note.slug)) == (again.slug, again.slug)


def test_lists_hold_notes_whole_and_of_posts_no_text():
    write("A post", "Text.")
    write("", "Whole *words*[^1].\n\n[^1]: More.", kind=NOTE)
    note, post = stream()
    assert "<em>words</em>" in note.note_html
    assert f'id="n{note.id}-fn' in note.note_html
    assert f'href="#n{note.id}-fn' in note.note_html
    assert post.note_html is None
    first = note.note_html
    assert stream()[0].note_html == first


def test_footnotes_of_two_notes_on_a_page_differ_and_words_stay():
    html = render('Words[^1] `id="fn1"` and <a href="#x" title=\' id="y"\'>z</a>\n\n[^1]: a')
    moved = apart(html, "n7")
    assert apart(moved, "n7") == moved
    assert moved.count("n7-") == html.count(' id="f') + html.count(' href="#')
    assert moved.replace("n7-", "") == html


# -- pages -------------------------------------------------------------------------------------------------------------


def test_a_page_stands_in_no_list_and_at_its_address():
    page = write("About", kind=PAGE)
    assert stream() == stream(author_key=ADA) == []
    assert leads_to("about") == page.slug
    assert [post.title for post in posts.of_author(ADA, limit=9).posts] == ["About"]


def test_live_pages_for_everyone_are_in_the_navigation_in_their_order():
    write("Last", kind=PAGE, place="20")
    write("Second", kind=PAGE, place="3")
    first = write("First", kind=PAGE, place="3", lang="fr")
    write("Draft", kind=PAGE, publish=False)
    write("Due", kind=PAGE, now=LATER + timedelta(seconds=1))
    write("Inside", kind=PAGE, audience=Audience("people"))
    write("A post")
    shown = navigation.links(now=LATER)
    assert [(link.title, link.lang) for link in shown] == [("First", "fr"), ("Second", None), ("Last", None)]
    assert len(navigation.links(now=LATER + timedelta(seconds=1))) == 4
    save(first, publish=False)
    stream()
    assert [link.title for link in navigation.links(now=LATER)] == ["Second", "Last"]


def test_the_navigation_asks_only_when_something_public_changed(database):
    write("About", kind=PAGE)
    stream()
    navigation.links(now=LATER)
    statements = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    for _ in range(3):
        posts.at_slug("about", now=LATER)
        navigation.links(now=LATER)
    assert len(statements) == 6  # two for each post
    statements.clear()
    write("Contact", kind=PAGE)
    posts.at_slug("about", now=LATER)
    assert len(navigation.links(now=LATER)) == 2


def test_only_who_may_makes_pages_but_others_can_work_on_one():
    assert "kind" in problems(kind=PAGE, may_be_page=False)
    page = write("About", kind=PAGE)
    assert save(page, title="About us", may_be_page=False).title == "About us"
    with pytest.raises(Invalid, match="navigation"):
        save(write("Post"), kind=PAGE, may_be_page=False)


# -- languages, first places, images -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        (" EN ", "en"),
        ("de-at", "de-AT"),
        ("ZH-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("sl-rozaj-biske", "sl-rozaj-biske"),
        ("zh-yue-hk", "zh-yue-HK"),
        ("de-1996", "de-1996"),
    ],
)
def test_a_language_is_a_well_formed_tag_written_as_recommended(typed, kept):
    assert (write(lang=typed).lang or "") == kept


@pytest.mark.parametrize("lang", ["english", "e", "en_GB", "en-", "x-private", '"><b>', "en us", "é", "de\n", "12"])
def test_what_is_no_language_is_refused(lang):
    assert lang.strip() == "de" or "lang" in problems(lang=lang)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "javascript:alert(1)",
        "https://",
        "https://localhost/",
        "https://user@example.org/",
        "https://example.org/a b",
        'https://example.org/"><script>',
        "https://example.org:port/",
        "//example.org/",
        "https:example.org",
        "https://exämple.org/",
        "https://example.org\\@evil.example/",
        "https://[::1]/",
        "https://example.org/\x00",
        "https://example.org/" + "a" * 2000,
    ],
)
def test_what_is_no_public_https_address_is_refused(url):
    assert "canonical_url" in problems(canonical_url=url)
    assert "image_url" in problems(image_url=url, image_alt="A cat")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/a.png",
        "https://img.example.org.evil.example/a.png",
        "https://img.example.org:444/a.png",
        "/media/../x.png",
        "/other/a.png",
        "/media/a",
        "media/a.png",
    ],
)
def test_an_image_comes_from_here_or_from_where_images_may_come_from(url):
    said = problems(image_url=url, image_alt="A cat")["image_url"]
    assert ("or from https://img.example.org" in said) == url.startswith("https:")


def test_an_image_says_what_can_be_seen_or_that_it_says_nothing():
    assert "image_alt" in problems(image_url="/media/0a.png")
    assert write(image_url="/media/0a.png", image_alt=" A cat ").image_alt == "A cat"
    plain = write(image_url="https://IMG.example.org/a.png", image_alt="A cat", decorative=True)
    assert (plain.image_url, plain.image_alt) == ("https://img.example.org/a.png", "")
    assert write(image_alt="left over").image_alt == ""


def test_the_same_form_with_other_details_is_a_conflict():
    one = {"title": "One", "body_md": "x", "now": NOW, "publish": False, "form_id": "f"}
    posts.create(ADA, **one)
    assert posts.create(ADA, **one).version == 1
    with pytest.raises(Conflict):
        posts.create(ADA, **one, about=PLAIN._replace(lang="de"))


def test_who_only_reads_sees_details_and_no_others_drafts():
    write("Hidden", publish=False, slug="hidden")
    assert leads_to("hidden") is None
    assert posts.at_slug("hidden", now=LATER, reader=Reader(ADA)).own_slug
