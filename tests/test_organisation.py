"""Tags, notes, pages and what is said about a post, through the doors."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import yaml
from bs4 import BeautifulSoup
from sqlalchemy import delete

from blog.db import Tag, writing
from tests.actor import fill
from tests.test_blog import Queries
from tests.test_media import address
from tests.test_states import local, many

EVERYTHING = {
    "tags": "Rain, trams",
    "slug": "by-hand",
    "excerpt": "In short.",
    "lang": "de-AT",
    "canonical_url": "https://example.org/first",
    "image_url": "/media/0a1b.png",
    "image_alt": "A tram in the rain",
}
DATA = "application/ld+json"
HOSTILE = '"><script>alert(1)</script><b>&amp;'


def soup(response):
    return BeautifulSoup(response.text, "html.parser")


def said(page):
    form = page.select_one(".organisation")
    typed = {field["name"]: field["value"] for field in form.select("input[type=text]")}
    kind = [box["value"] for box in form.select("[name=kind][checked]")]
    return typed | {"excerpt": form.select_one("textarea").text.strip(), "kind": kind}


def navigation(actor, path="/"):
    return [link.text for link in actor.page(path).select(".site-pages a")]


# -- posts -------------------------------------------------------------------------------------------------------------


def test_what_is_said_about_a_post_is_shown_where_it_belongs(ada, visitor):
    assert ada.publish("Titel", "Worte.", **EVERYTHING) == "by-hand"
    page = visitor.page("/by-hand")
    assert page.select_one("link[rel=canonical]")["href"] == "https://example.org/first"
    assert page.select_one("article")["lang"] == "de-AT"
    assert {line["lang"] for line in page.select("article .meta")} == {"en"}
    assert [(tag.text, tag["href"]) for tag in page.select(".tags a")] == [
        ("Rain", "/tag/rain"),
        ("trams", "/tag/trams"),
    ]
    image = page.select_one("img.feature")
    assert (image["src"], image["alt"]) == ("/media/0a1b.png", "A tram in the rain")
    assert "First published at example.org" in " ".join(page.select_one("article header").text.split())
    assert page.select_one("meta[name=description]")["content"] == "In short."
    entry = visitor.page("/").select_one(".entry")
    assert (entry.select_one(".excerpt").text, entry.h2["lang"]) == ("In short.", "de-AT")
    assert said(ada.page("/by-hand/edit")) == EVERYTHING | {"kind": ["post"], "tags": "Rain, trams", "place": "0"}


def test_an_own_address_that_changes_leads_there_for_good(ada, visitor):
    slug = ada.publish("First")
    assert ada.submit(f"/{slug}/edit", "Save changes", slug="mine").location == "/mine/edit"
    assert ada.submit("/mine/edit", "Save changes", title="Second", slug="").location == "/second/edit"
    for old in ("first", "mine"):
        response = visitor.get(f"/{old}")
        assert (response.status_code, response.location) == (301, "/second")


def test_a_taken_address_is_told_at_its_field(ada, bob):
    ada.publish("Hers")
    for button, path in (("Publish", "/dashboard/write"), ("Save changes", f"/{bob.publish('His')}/edit")):
        response = bob.submit(path, button, title="Mine", body="My words", slug="hers")
        page = soup(response)
        assert response.status_code == 400
        assert "“hers” is taken" in page.select_one("#slug-problem").text
        assert page.select_one("[name=slug]")["value"] == "hers"
        assert "My words" in page.select_one("#body").text
        assert page.select_one("details.organisation").has_attr("open")


WRONG = {"lang": "english", "canonical_url": "http://x.example/", "image_url": "https://x.example/a", "slug": "A b"}


@pytest.mark.parametrize("where", ["new", "edit"])
def test_every_mistake_is_told_and_everything_typed_is_still_there(ada, where):
    path, button = ("/dashboard/write", "Publish") if where == "new" else (f"/{ada.draft('Old')}/edit", "Save changes")
    typed = EVERYTHING | WRONG | {"tags": "a, " + "x" * 51, "image_alt": "", "excerpt": "My own words"}
    response = ada.submit(path, button, title="T", body="B", kind="post", **typed)
    page = soup(response)
    assert response.status_code == 400
    wrong = {"tags", "image_alt", *WRONG}
    assert {problem["id"] for problem in page.select("p.problem[id]")} == {f"{name}-problem" for name in wrong}
    assert said(page).items() >= (typed | {"kind": ["post"]}).items()


def test_what_was_typed_survives_an_ended_session(ada, clock):
    path, fields = ada.filled(
        "/dashboard/write", "Publish", title="", body="Rain.", kind="note", decorative="1", **EVERYTHING
    )
    clock.advance(days=40)
    response = ada.post(path, fields)
    assert response.status_code == 401
    ada.log_in()
    again = soup(ada.get(re.search(r"/dashboard/write\?parked=[\w-]+", ada.page("/dashboard").decode())[0]))
    assert said(again) == EVERYTHING | {"kind": ["note"], "place": "0"}
    assert again.select_one("[name=decorative]").has_attr("checked")


def test_what_was_typed_survives_a_conflict_and_both_are_shown(ada, visitor):
    slug = ada.publish("Shared", tags="one")
    first = ada.filled(f"/{slug}/edit", "Save changes", tags="one, first", lang="fr")
    second = ada.filled(f"/{slug}/edit", "Save changes", tags="one, second", lang="de", slug="mine")
    ada.send(first)
    page = soup(ada.send(second))
    assert page.h1.text == "Two versions of this post"
    assert said(page).items() >= {"tags": "one, second", "lang": "de", "slug": "mine"}.items()
    saved = " ".join(line.text for line in page.select(".saved"))
    assert "Tags: first, one" in saved
    assert "Language: fr" in saved
    assert ada.send(fill(page, f"/{slug}/edit", "Save changes")).status_code == 303
    assert [tag.text for tag in visitor.page("/mine").select(".tags a")] == ["one", "second"]


def test_a_form_without_these_fields_leaves_them_as_they_are(ada, visitor):
    ada.publish("Titel", "Worte.", **EVERYTHING)
    path, fields = ada.filled("/by-hand/edit", "Save changes", title="Neu")
    lean = {name: text for name, text in fields.items() if name not in {*EVERYTHING, "kind", "place"}}
    assert ada.post(path, lean).location == "/by-hand/edit"
    assert said(ada.page("/by-hand/edit")).items() >= EVERYTHING.items()


def test_hostile_words_are_shown_not_run(ada, visitor):
    name = HOSTILE.replace(",", "")
    slug = ada.publish("T", tags=name, excerpt=HOSTILE, image_url="/media/0a.png", image_alt=HOSTILE)
    tag = visitor.page(f"/{slug}").select_one(".tags a")
    assert tag.text == name
    for actor, path in ((visitor, "/"), (visitor, f"/{slug}"), (visitor, tag["href"]), (ada, f"/{slug}/edit")):
        page = actor.page(path)
        assert not page.select("main script:not([src]), main b")
        assert [script.get("type") for script in page.select("head script:not([src])")] in ([None], [None, DATA])
    assert visitor.page(tag["href"]).h1.text == name


def test_a_feature_image_is_seen_by_who_may_read_its_post(ada, bob, visitor):
    image = address(ada)
    ada.publish("Shown", image_url=image, image_alt="A bridge", visible_to="people")
    assert (visitor.get(image).status_code, bob.get(image).status_code) == (404, 200)
    ada.submit("/shown/edit", "Save changes", visible_to="everyone")
    assert visitor.get(image).status_code == 200
    ada.submit("/shown/edit", "Save changes", body="Other words.")
    assert visitor.get(image).status_code == 200
    assert "Shown" in ada.page(f"/dashboard{image.partition('.')[0]}").text
    ada.submit("/shown/edit", "Save changes", image_url="", image_alt="")
    assert visitor.get(image).status_code == 404


def test_nobody_shows_a_picture_that_they_may_not_see_themselves(ada, bob, visitor):
    image = address(ada)
    bob.publish("Taken", image_url=image, image_alt="Not his")
    assert visitor.get(image).status_code == bob.get(image).status_code == 404


def test_a_copy_in_which_other_things_are_said_comes_back(ada):
    slug = ada.publish("A title", tags="one")
    typed = ada.filled(f"/{slug}/edit", "Save changes")[1]
    ada.post("/dashboard/autosave", typed)
    assert ada.page(f"/{slug}/edit").select_one("#editor")["data-state"] == "saved"
    ada.post("/dashboard/autosave", typed | {"tags": "one, two", "lang": "fr"})
    page = ada.page(f"/{slug}/edit")
    assert page.select_one("#editor")["data-state"] == "kept"
    assert said(page).items() >= {"tags": "one, two", "lang": "fr"}.items()


def test_a_text_that_is_put_back_leaves_what_is_said(ada, visitor):
    ada.publish("Titel", "Worte.", **EVERYTHING)
    ada.submit("/by-hand/edit", "Save changes", title="Neu", body="Andere.")
    form = ada.page("/by-hand/revisions").select(".revisions form")[-1]
    fields = {each["name"]: each["value"] for each in form.select("input[name]")}
    assert ada.post(form["action"], fields).location == "/by-hand/edit"
    assert visitor.page("/by-hand").h1.text == "Titel"
    assert said(ada.page("/by-hand/edit")).items() >= EVERYTHING.items()


def test_pages_with_everything_ask_the_database_as_little(ada, visitor, app):
    for number in range(3):
        ada.publish(f"Post {number}", tags="a, b, c", lang="de")
    ada.publish("", "A *note*.", kind="note", tags="a")
    ada.publish("About", kind="page")
    visitor.get("/")
    for path, number in (("/", 1), ("/post-1", 1), ("/about", 1), ("/tag/a", 2)):
        with Queries(app) as queries:
            assert "About" in navigation(visitor, path)
        assert len(queries.said) == number, (path, queries.said)


# -- tags --------------------------------------------------------------------------------------------------------------


def test_a_tag_page_lists_what_is_for_its_reader(desk, ada, visitor, anybody):
    ada.publish("Open", tags="shared")
    ada.publish("Inside", tags="shared, secret", visible_to="groups", group="Night Desk")
    nina = anybody().log_in("nina")
    bob = anybody().log_in("bob")
    for actor, found in ((visitor, ["Open"]), (bob, ["Open"]), (nina, ["Inside", "Open"])):
        assert [entry.h2.text for entry in actor.page("/tag/shared").select(".entry")] == found
    for actor in (visitor, bob):
        assert actor.get("/tag/secret").status_code == 404
        hidden, never = (actor.get(f"/tag/{slug}").text for slug in ("secret", "never"))
        own = r'/tag/\w+|%2Ftag%2F\w+|name="csrf_token" value="[^"]+"'
        assert re.sub(own, "", hidden) == re.sub(own, "", never)
    assert nina.get("/tag/secret").status_code == 200
    options = [option["value"] for option in bob.page("/dashboard/write").select("#tags-there option")]
    assert options == ["shared"]
    assert "no-store" in nina.get("/tag/shared").headers["Cache-Control"]
    assert "public" in visitor.get("/tag/shared").headers["Cache-Control"]


def test_a_long_tag_page_leads_to_older_ones(settings, request):
    settings["POSTS_PER_PAGE"] = "5"
    ada, visitor = request.getfixturevalue("ada"), request.getfixturevalue("visitor")
    for number in range(7):
        ada.publish(f"Number {number}", tags="long")
    older = visitor.page("/tag/long").select_one("[rel=next]")["href"]
    assert [entry.h2.text for entry in visitor.page(older).select(".entry")] == ["Number 1", "Number 0"]
    assert visitor.get("/tag/long?before=x").status_code == 404


def test_a_tag_page_follows_the_trash_the_schedule_and_what_is_done_with_several(ada, visitor, clock):
    for title in ("One", "Two"):
        ada.draft(title, tags="shared")
    assert visitor.get("/tag/shared").status_code == 404
    many(ada, "publish", "One", "Two")
    assert [entry.h2.text for entry in visitor.page("/tag/shared").select(".entry")] == ["Two", "One"]
    many(ada, "trash", "Two")
    assert [entry.h2.text for entry in visitor.page("/tag/shared").select(".entry")] == ["One"]
    many(ada, "unpublish", "One")
    assert visitor.get("/tag/shared").status_code == 404
    ada.submit("/one/edit", "Schedule", publish_at=local(clock, hours=2), zone="UTC")
    assert visitor.get("/tag/shared").status_code == 404
    clock.advance(hours=2, minutes=1)
    assert [entry.h2.text for entry in visitor.page("/tag/shared").select(".entry")] == ["One"]


@pytest.fixture
def eddy(desk, ada, anybody):
    """An editor, on a blog with tags."""
    ada.publish("One", tags="golang, js")
    ada.publish("Two", tags="Go, JavaScript")
    ada.draft("Three", tags="js")
    return anybody().log_in("eddy")


def change(actor, which, **typed):
    page = actor.page("/dashboard/tags")
    form = next(
        each for each in page.select("form") if (box := each.select_one("[name=name]")) and box["value"] == which
    )
    fields = {each["name"]: each.get("value", "") for each in form.select("input")} | typed
    return actor.post("/dashboard/tags", fields)


def test_editors_rename_merge_and_delete_tags(eddy, visitor):
    rows = [
        " ".join(row.select_one(".what").text.split()) for row in eddy.page("/dashboard/tags").select(".tags-list li")
    ]
    assert rows == ["Go 1 post", "golang 1 post", "JavaScript 1 post", "js 2 posts"]
    assert change(eddy, "js", action="rename", name="ECMAScript").status_code == 303
    assert "“ECMAScript” now" in eddy.get("/dashboard/tags").text
    assert (visitor.get("/tag/js").status_code, visitor.get("/tag/js").location) == (301, "/tag/ecmascript")
    assert change(eddy, "golang", action="merge", into="go").status_code == 303
    assert visitor.get("/tag/golang").location == "/tag/go"
    assert [entry.h2.text for entry in visitor.page("/tag/go").select(".entry")] == ["Two", "One"]
    assert change(eddy, "JavaScript", action="delete").status_code == 303
    assert visitor.get("/tag/javascript").status_code == 404
    assert visitor.get("/two").status_code == 200


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"action": "rename", "name": "go"}, "name"),
        ({"action": "rename", "name": ""}, "name"),
        ({"action": "merge", "into": "nothing"}, "into"),
        ({"action": "burn"}, None),
        ({"action": "rename", "name": "x", "tag": "99999999999"}, None),
        ({"action": "rename", "name": "x", "end": ""}, None),
    ],
)
def test_what_cannot_be_done_with_a_tag_is_told_and_nothing_is_changed(eddy, typed, field):
    response = change(eddy, "js", **typed)
    assert response.status_code == 400
    fault = soup(response).select_one(".problem")
    assert fault.get("id", "").startswith(field or "")
    assert len(eddy.page("/dashboard/tags").select(".tags-list li")) == 4


def test_a_tag_that_has_gone_meanwhile_is_not_there(eddy, app):
    with app.app_context(), writing() as session:
        tag_id = session.scalar(delete(Tag).where(Tag.slug == "js").returning(Tag.id))
    assert change(eddy, "Go", action="rename", name="x", tag=str(tag_id)).status_code == 404


@pytest.mark.parametrize("after", ["\x00", "é", "zzz", "a" * 500, "<"])
def test_a_senseless_place_in_the_tags_is_no_crash(eddy, after):
    assert eddy.get("/dashboard/tags", query_string={"after": after}).status_code == 200


def test_merging_tags_can_need_a_fresh_login(settings, desk, request, clock):
    settings["STEP_UP"] = "delete"
    eddy = request.getfixturevalue("eddy")
    clock.advance(minutes=30)
    assert change(eddy, "js", action="merge", into="go").status_code == 401
    assert change(eddy, "js", action="rename", name="JS").status_code == 303


# -- notes and pages ---------------------------------------------------------------------------------------------------


def test_a_note_is_whole_in_the_stream_and_has_a_name_where_it_needs_one(ada, visitor):
    slug = ada.publish("", "Rain **again**, and <u>no</u> umbrella.", kind="note")
    assert slug.startswith("note-")
    entry = visitor.page("/").select_one(".entry.note")
    assert entry.strong.text == "again"
    assert entry.h2 is None
    assert entry.select_one(".meta a:has(time)")["href"] == f"/{slug}"
    page = visitor.page(f"/{slug}")
    assert page.title.text.startswith("Rain again, and no umbrella. – ")
    assert page.h1["class"] == ["unseen"]
    assert "“Rain again, and no umbrella.”" in ada.page(f"/{slug}/delete").text
    edit = ada.page(f"/{slug}/edit")
    assert (edit.select_one("#title")["value"], said(edit)["kind"]) == ("", ["note"])
    assert "Rain again" in ada.page("/dashboard").select_one(".posts .name").text
    assert ada.submit(f"/{slug}/edit", "Save changes", body="Sun.").location == f"/{slug}/edit"
    form = ada.page(f"/{slug}/revisions").select(".revisions form")[-1]
    ada.post(form["action"], {each["name"]: each["value"] for each in form.select("input[name]")})
    assert visitor.page("/").select_one(".entry.note strong").text == "again"


def test_a_page_is_in_the_navigation_and_in_no_list(ada, visitor, idp):
    assert navigation(visitor) == []
    ada.publish("A post")
    slug = ada.publish("About", kind="page", place="2")
    ada.publish("Contact", kind="page", place="1")
    for path in ("/", "/a-post", f"/{slug}", "/nothing/at/all"):
        shown = soup(visitor.get(path)).select(".site-pages a")
        assert [link.text for link in shown] == ["Contact", "About"], path
    assert visitor.page(f"/{slug}").select_one(".site-pages [aria-current]").text == "About"
    assert not visitor.page(f"/{slug}").select("article .byline, article time")
    author = visitor.page("/a-post").select_one(".byline a")["href"]
    for path in ("/", author):
        assert [entry.h2.text for entry in visitor.page(path).select(".entry")] == ["A post"]
    ada.submit(f"/{slug}/edit", "Unpublish")
    assert navigation(visitor) == ["Contact"]


def test_pages_are_for_editors_where_there_are_any(desk, ada, anybody):
    assert "page" not in [box["value"] for box in ada.page("/dashboard/write").select("[name=kind]")]
    response = ada.submit("/dashboard/write", "Publish", title="About", body="x", kind="page")
    assert response.status_code == 400
    assert "editors make them" in soup(response).select_one("#kind-problem").text
    eddy = anybody().log_in("eddy")
    assert eddy.publish("About", kind="page") == "about"
    assert navigation(ada) == ["About"]


def test_the_navigation_is_that_of_all_processes(ada, visitor, settings, idp, clock):
    from blog import create_app
    from tests.actor import Actor

    ada.publish("A post")
    other = create_app(settings, now=clock)
    elsewhere = Actor(other, idp)
    assert navigation(elsewhere) == []
    ada.publish("About", kind="page")
    assert navigation(elsewhere) == ["About"]
    other.extensions["porch"].directory.close()


def test_a_page_that_is_due_later_comes_by_itself(ada, visitor, app, clock):
    from blog.content import posts
    from blog.content.details import PAGE, PLAIN

    ada.publish("A post")
    with app.app_context():
        about = PLAIN._replace(kind=PAGE, may_be_page=True)
        later = clock() + timedelta(hours=1)
        posts.create(("https://id.example", "x"), title="Due", body_md="x", now=later, publish=True, about=about)
    assert navigation(visitor) == []
    clock.advance(hours=2)
    assert navigation(visitor) == ["Due"]


# -- exporting ---------------------------------------------------------------------------------------------------------


def test_an_export_says_everything_that_is_said(app, ada, tmp_path):
    ada.publish("Titel", "Worte.", **EVERYTHING)
    note = ada.publish("", "Rain.", kind="note")
    ada.publish("About", kind="page", place="7")
    ada.publish("Plain")
    result = app.test_cli_runner().invoke(args=["export", "markdown", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    found = {file.stem: yaml.safe_load(file.read_text().split("---\n")[1]) for file in (tmp_path / "out").iterdir()}
    assert (
        found["by-hand"].items()
        >= {
            "tags": ["Rain", "trams"],
            "excerpt": "In short.",
            "lang": "de-AT",
            "canonical": "https://example.org/first",
            "image": {"src": "/media/0a1b.png", "alt": "A tram in the rain"},
        }.items()
    )
    assert (found[note]["kind"], "title" in found[note]) == ("note", False)
    assert (found["about"]["kind"], found["about"]["weight"]) == ("page", 7)
    assert not {"tags", "kind", "excerpt", "lang", "canonical", "image", "weight"} & found["plain"].keys()
