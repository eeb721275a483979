"""Several authors at the doors: naming them in the editor, being asked on the dashboard, and what readers see."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select

from blog.db import Post, PostAuthor, db
from tests.actor import fill
from tests.test_blog import Queries

HOSTILE = "<script>alert(1)</script> & \"Jane\" 'Doe'"


@pytest.fixture
def people(ada, bob):
    """Two authors with pages: Ada holds a live post, Bob has one of his own."""
    for actor, handle in ((ada, "ada-page"), (bob, "bob-page")):
        actor.publish(f"By {handle}")
        assert actor.submit("/dashboard", "Change address", handle=handle).status_code == 303
    return ada, bob


def press(actor, page, button, path="/by-ada-page/edit", **typed):
    """Press a button of the editor as it stands on a page; the page that answers."""
    response = actor.send(fill(page, path, button, **typed))
    return response, BeautifulSoup(response.text, "html.parser")


def name(actor, *people, path="/by-ada-page/edit", **typed):
    """Save a post with these authors, as a form says it."""
    return actor.submit(path, "Save changes", author=list(people), **typed)


def listed(page):
    return [" ".join(line.text.split()) for line in page.select("#authors .what")]


def bylines(reader, path="/by-ada-page"):
    """Who is named on a page, each with the mark of a guest if there is one."""
    return [" ".join(each.text.split()) for each in reader.page(path).select("article .byline")]


GUEST_MARK = "guest, not verified by the organisation’s sign-in service"


# -- naming ------------------------------------------------------------------------------------------------------------


def test_a_colleague_is_chosen_asked_and_shown_once_they_agreed(people, visitor):
    ada, bob = people
    page = ada.page("/by-ada-page/edit")
    assert [option.text for option in page.select("#add_author option")] == ["Choose…", "Bob Ross"]
    response, page = press(ada, page, "Add author", add_author="bob-page", body="New words.")
    assert response.status_code == 200
    assert listed(page) == ["Ada Lovelace", "Bob Ross is asked, and shown once they agree"]
    assert page.select_one("#body").text.strip() == "New words."
    assert "New words" not in visitor.get("/by-ada-page").text, "nothing is saved by changing the list"
    response, _ = press(ada, page, "Save changes")
    assert response.status_code == 303
    assert bylines(visitor) == ["Ada Lovelace"]
    assert "New words" in visitor.get("/by-ada-page").text
    page = bob.page("/dashboard")
    (asks,) = page.select(".asks")
    assert " ".join(asks.p.text.split()) == "Ada Lovelace asks you to be named as an author of “By ada-page”."
    assert bob.submit("/dashboard", "Agree").status_code == 303
    assert bylines(visitor) == ["Ada Lovelace", "Bob Ross"]
    links = [link["href"] for link in visitor.page("/by-ada-page").select(".byline a")]
    assert links == ["/author/ada-page", "/author/bob-page"]
    assert not bob.page("/dashboard").select(".asks")


def test_names_stand_as_people_write_them(people, anybody, idp, visitor):
    ada, bob = people
    assert name(ada, "holder", "page bob-page", "guest Grace Guest").status_code == 303
    bob.submit("/by-ada-page/byline", "Agree")
    for path in ("/", "/by-ada-page", "/author/ada-page", "/author/bob-page"):
        entry = next(entry for entry in visitor.page(path).select("article") if "By ada-page" in entry.text)
        said = " ".join(entry.select_one(".meta").text.split())
        assert f"Ada Lovelace, Bob Ross and Grace Guest {GUEST_MARK}" in said, path
    avatars = visitor.page("/by-ada-page").select(".avatars .avatar")
    assert [avatar.text.strip() for avatar in avatars] == ["AL", "BR", ""]
    assert "avatar-guest" in avatars[2]["class"]


def test_declining_leaves_no_trace_and_the_holder_may_not_overlook_it(people, visitor):
    ada, bob = people
    name(ada, "holder", "page bob-page")
    form = ada.filled("/by-ada-page/edit", "Save changes", body="More words.")
    assert bob.submit("/dashboard", "Decline").status_code == 303
    assert bylines(visitor) == ["Ada Lovelace"]
    assert bob.get("/by-ada-page/byline").status_code == 404
    response = ada.send(form)
    assert response.status_code == 409
    page = BeautifulSoup(response.text, "html.parser")
    _, fields = fill(page, "/by-ada-page/edit", "Save changes")
    assert (fields["body"].strip(), fields["author"]) == ("More words.", ["holder", "page bob-page"])
    assert ada.post("/by-ada-page/edit", fields).status_code == 303
    assert len(bob.page("/dashboard").select(".asks")) == 1, "knowing it, they can ask again"


def test_a_co_author_edits_and_publishes_and_takes_their_name_off(people, visitor):
    ada, bob = people
    ada.draft("Together")
    assert bob.get("/together").status_code == 404
    name(ada, "holder", "page bob-page", path="/together/edit")
    assert bob.get("/together").status_code == 200
    assert bob.get("/together/edit").status_code == 403
    assert bob.submit("/together/byline", "Agree").status_code == 303
    assert "Together" in bob.get("/dashboard").text
    page = bob.page("/together/edit")
    assert not page.select("#authors")
    assert bob.submit("/together/edit", "Publish", body="Bob’s words.").status_code == 303
    assert "Bob’s words." in visitor.get("/together").text
    assert bylines(visitor, "/together") == ["Ada Lovelace", "Bob Ross"]
    assert bob.get("/together/delete").status_code == 403
    page, fields = bob.filled("/logout", "Log out", end="1")
    assert bob.post("/together/delete", fields).status_code == 403
    assert bob.submit("/together/edit", "Unpublish").status_code == 303
    assert bob.submit("/together/byline", "Take my name off").status_code == 303
    assert bob.get("/together").status_code == 404
    assert "Together" not in bob.get("/dashboard").text
    assert bylines(ada, "/together") == ["Ada Lovelace"]


def test_a_co_author_cannot_smuggle_authors_in(people, visitor):
    ada, bob = people
    name(ada, "holder", "page bob-page")
    bob.submit("/by-ada-page/byline", "Agree")
    path, fields = bob.filled("/by-ada-page/edit", "Save changes", body="Words by Bob.")
    fields |= {"authors": "1", "author": ["page bob-page", "guest Somebody"], "add_guest": "Another"}
    assert bob.post(path, fields).status_code == 303
    assert bylines(visitor) == ["Ada Lovelace", "Bob Ross"]


def test_whoever_is_asked_is_shown_to_nobody_else_and_changes_nothing(people, visitor, anybody, idp):
    ada, bob = people
    name(ada, "page bob-page", "guest Grace Guest")
    assert bylines(visitor) == [f"Grace Guest {GUEST_MARK}"]
    idp.people["carl"] = {"name": "Carl Curious"}
    carl = anybody().log_in("carl")
    for reader in (visitor, carl):
        for path in ("/", "/by-ada-page"):
            post = next(entry for entry in reader.page(path).select("article") if "By ada-page" in entry.text)
            assert "Bob Ross" not in post.text
    assert carl.get("/by-ada-page/byline").status_code == 404
    assert bob.get("/by-ada-page/edit").status_code == 403
    _, fields = bob.filled("/logout", "Log out", title="Taken", body="Over", version="2", end="1")
    assert bob.post("/by-ada-page/edit", fields).status_code == 403


def test_an_editor_names_people_without_asking_them(desk, ada, anybody, visitor):
    eddy, bob = anybody().log_in("eddy"), anybody().log_in("bob")
    bob.publish("Own")
    bob.submit("/dashboard", "Change address", handle="bob-page")
    ada.publish("By ada-page")
    page = eddy.page("/by-ada-page/edit")
    _, page = press(eddy, page, "Add author", add_author="bob-page")
    assert listed(page) == ["Ada Lovelace", "Bob Ross"]
    press(eddy, page, "Save changes")
    assert bylines(visitor) == ["Ada Lovelace", "Bob Ross"]
    assert bob.get("/by-ada-page/edit").status_code == 200


def test_a_holder_who_leaves_themself_out_has_the_post_on_the_dashboard_and_not_on_their_page(people, visitor):
    ada, _ = people
    ada.publish("Other")
    page = ada.page("/by-ada-page/edit")
    _, page = press(ada, page, "Add guest", add_guest="Grace Guest")
    _, page = press(ada, page, "Remove")
    assert listed(page) == [f"Grace Guest {GUEST_MARK}"]
    press(ada, page, "Save changes")
    assert bylines(visitor) == [f"Grace Guest {GUEST_MARK}"]
    assert [entry.h2.text for entry in visitor.page("/author/ada-page").select("article")] == ["Other"]
    assert "By ada-page" in ada.get("/dashboard").text
    _, page = press(ada, ada.page("/by-ada-page/edit"), "Remove")
    assert listed(page) == ["Ada Lovelace"]


# -- the form ----------------------------------------------------------------------------------------------------------


def test_the_list_is_put_in_order_before_anything_is_saved(people, visitor):
    ada, _ = people
    page = ada.page("/by-ada-page/edit")
    for guest in ("First Guest", "Second Guest"):
        _, page = press(ada, page, "Add guest", add_guest=guest, title="A new title")
    assert page.select_one("#title")["value"] == "A new title"
    path, fields = fill(page, "/by-ada-page/edit", "Save changes")
    assert fields["author"] == ["holder", "guest First Guest", "guest Second Guest"]
    response = ada.post(path, fields | {"action": "up 2"})
    page = BeautifulSoup(response.text, "html.parser")
    assert listed(page) == ["Ada Lovelace", f"Second Guest {GUEST_MARK}", f"First Guest {GUEST_MARK}"]
    assert page.select_one("[autofocus]")["value"] == "up 1"
    assert visitor.get("/a-new-title").status_code == 404
    response, _ = press(ada, page, "Save changes")
    assert response.location == "/a-new-title/edit"
    assert bylines(visitor, "/a-new-title")[0] == "Ada Lovelace"


def test_saving_takes_those_along_who_were_put_in_a_field_and_not_added(people, visitor):
    ada, bob = people
    address = "http://localhost/author/bob-page"
    assert ada.submit("/by-ada-page/edit", "Save changes", add_guest="Grace Guest", add_page=address).status_code == 303
    bob.submit("/dashboard", "Agree")
    assert bylines(visitor) == ["Ada Lovelace", "Bob Ross", f"Grace Guest {GUEST_MARK}"]


@pytest.mark.parametrize("button", ["Save changes", "Add guest", "Publish"])
@pytest.mark.parametrize(
    "typed",
    [{"add_guest": "x" * 10_000}, {"add_guest": "a\x00b"}, {"add_page": "nobody-here"}, {"add_guest": "\u2800"}],
)
def test_what_cannot_be_added_is_told_and_nothing_typed_is_lost(people, button, typed):
    ada, _ = people
    ada.draft("Words")
    path, fields = ada.filled(
        "/words/edit", button, body="Long words.", author=["guest Grace Guest", "holder"], **typed
    )
    response = ada.post(path, fields)
    page = BeautifulSoup(response.text, "html.parser")
    assert response.status_code == 400
    assert page.select_one("#authors-problem")
    assert page.select_one("#body").text.strip() == "Long words."
    assert listed(page) == [f"Grace Guest {GUEST_MARK}", "Ada Lovelace"]
    (field, text), *_ = typed.items()
    assert page.select_one(f"#{field}")["value"] == text


@pytest.mark.parametrize("guest", [HOSTILE, "\u202egnorw\u202c", "page bob-page", "holder", "Ada Lovelace"])
def test_a_guest_is_text_and_never_looks_like_an_author(people, visitor, guest):
    ada, _ = people
    assert ada.submit("/by-ada-page/edit", "Save changes", add_guest=guest).status_code == 303
    for path in ("/", "/by-ada-page", "/author/ada-page"):
        response = visitor.get(path)
        assert "<script>alert" not in response.text
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", response.text)
        (named,) = visitor.page(path).select(".byline.guest")
        assert named.bdi.text == re.sub("[\u202a-\u202e]", "", guest)
        assert not named.select("a")
        assert " ".join(named.select_one(".mark").text.split()) == GUEST_MARK
        assert "not verified" in named.select_one(".mark")["title"].lower()


@pytest.mark.parametrize(
    "action", ["up", "up -1", "up 99999999999999999999", "up x", "remove", "remove 77", "remove ²", "add", "add 1"]
)
def test_a_senseless_button_changes_nothing(people, action):
    ada, _ = people
    path, fields = ada.filled("/by-ada-page/edit", "Save changes", author=["holder", "guest Grace Guest"])
    response = ada.post(path, fields | {"action": action})
    assert response.status_code == 200
    page = BeautifulSoup(response.text, "html.parser")
    assert listed(page) == ["Ada Lovelace", f"Grace Guest {GUEST_MARK}"]


@pytest.mark.parametrize("word", ["page nobody-here", "former", "\x00", "", "x" * 5000, "https://idp.example bob"])
def test_a_list_that_was_tampered_with_is_shown_and_refused(people, word):
    ada, _ = people
    response = name(ada, "holder", word)
    assert response.status_code == 400
    page = BeautifulSoup(response.text, "html.parser")
    assert len(listed(page)) == 2
    assert page.select_one("#authors-problem")


def test_a_form_that_did_not_arrive_whole_changes_no_list(people):
    ada, _ = people
    path, fields = ada.filled("/by-ada-page/edit", "Add guest", add_guest="Grace Guest", body="Long words.")
    del fields["end"]
    response = ada.post(path, fields)
    assert response.status_code == 400
    assert "Long words." in response.text
    assert 'value="Grace Guest"' in response.text


def test_a_form_that_was_parked_has_its_authors_still(people, clock, visitor):
    ada, _ = people
    form = ada.filled(
        "/by-ada-page/edit", "Save changes", body="Late words.", author=["guest Grace Guest", "holder"], add_guest="Two"
    )
    clock.advance(hours=13)
    assert ada.send(form).status_code == 401
    ada.log_in()
    link = next(a["href"] for a in ada.page("/dashboard").select(".notice a") if a.text == "Take it up again")
    page = ada.page(link)
    assert listed(page) == [f"Grace Guest {GUEST_MARK}", "Ada Lovelace"]
    assert page.select_one("#add_guest")["value"] == "Two"
    press(ada, page, "Save changes")
    assert bylines(visitor) == [f"Grace Guest {GUEST_MARK}", "Ada Lovelace", f"Two {GUEST_MARK}"]


def test_a_form_without_the_list_changes_no_authors(people, visitor):
    ada, _ = people
    name(ada, "guest Grace Guest", "holder")
    path, fields = ada.filled("/by-ada-page/edit", "Save changes", body="Other words.")
    for field in ("authors", "author", "add_page", "add_guest"):
        del fields[field]
    assert ada.post(path, fields).status_code == 303
    assert bylines(visitor) == [f"Grace Guest {GUEST_MARK}", "Ada Lovelace"]


def test_enter_saves_and_does_not_press_a_button_of_the_list(people):
    ada, _ = people
    name(ada, "holder", "guest Grace Guest")
    first = ada.page("/by-ada-page/edit").select_one("#editor button")
    assert (first["name"], first["value"]) == ("action", "save")


# -- what nobody learns ------------------------------------------------------------------------------------------------


def test_forms_and_pages_hold_no_subjects(people, app):
    ada, bob = people
    name(ada, "holder", "page bob-page", "guest Grace Guest")
    for actor, path in ((ada, "/by-ada-page/edit"), (bob, "/dashboard"), (bob, "/by-ada-page/byline")):
        text = re.sub(r"(bob|ada)-page|Ada Lovelace|Bob Ross", "", actor.get(path).text)
        assert not re.search(r"\b(ada|bob)\b", text), path
        assert "idp.example" not in text
    with app.app_context():
        stored = [value for row in db.session.execute(select(PostAuthor.__table__)) for value in row]
    assert "Bob Ross" not in stored


def test_nobody_learns_a_name_by_naming_an_address(desk, ada, anybody):
    bob = anybody().log_in("bob")
    ada.publish("By ada-page")
    bob.draft("Hidden")
    bob.submit("/dashboard", "Change address", handle="shy")
    page = ada.page("/by-ada-page/edit")
    assert not page.select("#add_author option[value=shy]")
    _, page = press(ada, page, "Add by address", add_page="shy")
    assert listed(page) == ["Ada Lovelace", "the author at /author/shy is asked, and shown once they agree"]
    press(ada, page, "Save changes")
    assert "Bob Ross" not in ada.get("/by-ada-page/edit").text
    bob.submit("/dashboard", "Agree")
    assert "Bob Ross" in ada.get("/by-ada-page/edit").text


def test_a_reader_whose_name_stands_somewhere_can_take_it_off(desk, ada, anybody, visitor):
    bob = anybody().log_in("bob")
    ada.publish("By ada-page")
    bob.publish("Own")
    bob.submit("/dashboard", "Change address", handle="bob-page")
    name(ada, "holder", "page bob-page")
    bob.submit("/dashboard", "Agree")
    desk["bob"]["groups"] = []
    bob = anybody().log_in("bob")
    assert bob.get("/dashboard").status_code == 403
    assert not bob.page("/by-ada-page").select('a[href$="/edit"]')
    (link,) = bob.page("/by-ada-page").select('a[href="/by-ada-page/byline"]')
    assert bob.submit(link["href"], "Take my name off").status_code == 303
    assert bylines(visitor) == ["Ada Lovelace"]


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_many_names_cost_no_more_queries_than_one(people, visitor, app):
    ada, bob = people
    for slug in ("by-ada-page", *(ada.publish(f"Post {number}") for number in range(5))):
        name(ada, "holder", "page bob-page", "guest Grace Guest", path=f"/{slug}/edit")
        bob.submit(f"/{slug}/byline", "Agree")
    visitor.get("/")  # what has changed may be in the navigation: that is looked up once
    for path, number in (("/", 1), ("/by-ada-page", 1), ("/author/bob-page", 2)):
        with Queries(app) as queries:
            assert len(visitor.page(path).select(".byline a")) >= 2
        assert len(queries.said) == number, (path, queries.said)


def test_everything_is_saved_in_one_version(people, app):
    ada, _ = people
    name(ada, "holder", "guest Grace Guest", body="Both at once.")
    with app.app_context():
        post = db.session.scalars(select(Post).where(Post.slug == "by-ada-page")).one()
    assert (post.version, post.body_md) == (2, "Both at once.")


def test_agreeing_shows_a_name_so_it_asks_for_a_fresh_login(settings, request, clock):
    settings["STEP_UP"] = "publish"
    ada, bob = request.getfixturevalue("people")
    name(ada, "holder", "page bob-page")
    clock.advance(minutes=30)
    assert bob.submit("/by-ada-page/byline", "Agree").status_code == 401
    assert bob.submit("/by-ada-page/byline", "Decline").status_code == 303
