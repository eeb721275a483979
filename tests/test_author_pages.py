"""The pages of authors: who finds them, at which address, and what they show of whom."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from blog.identity.directories.cached import Cached
from blog.identity.people import Person

FOR_PEOPLE = {"visible_to": "people"}
FOR_DESK = {"visible_to": "groups", "group": "Night Desk"}


def page_of(reader, title="A title"):
    """The address of the page that a post's byline leads to, on the home page."""
    entry = next(entry for entry in reader.page("/").select("article") if entry.h2.text == title)
    return entry.select_one(".byline a")["href"]


def titles(page):
    return [entry.h2.text for entry in page.select("article")]


def pick(actor, handle):
    return actor.submit("/dashboard", "Change address", handle=handle)


# -- the page ----------------------------------------------------------------------------------------------------------


def test_a_byline_leads_to_the_authors_page_with_their_posts(ada, bob, visitor):
    for title in ("One", "Two"):
        slug = ada.publish(title)
    bob.publish("Other")
    address = page_of(visitor, "One")
    assert re.fullmatch("/author/[a-z2-7]{10}", address)
    assert visitor.page(f"/{slug}").select_one(".byline a")["href"] == address
    page = visitor.page(address)
    assert page.h1.text == "Ada Lovelace"
    assert page.title.text == "Ada Lovelace – Byline"
    assert titles(page) == ["Two", "One"]
    assert page.select_one('link[rel="canonical"]')["href"] == f"http://localhost{address}"
    assert page_of(visitor, "Other") != address


def test_the_page_says_nothing_that_leads_to_the_subject(ada, visitor):
    ada.publish()
    address = page_of(visitor)
    for path in ("/", "/a-title", address):
        text = visitor.get(path).text.replace("Ada Lovelace", "")
        assert not re.search(r"\bada\b", text)
        assert "idp.example" not in text


def test_drafts_stand_on_nobodys_page(ada, visitor):
    ada.publish("Live")
    ada.draft("Draft")
    for reader in (ada, visitor):
        assert titles(reader.page(page_of(reader, "Live"))) == ["Live"]


def test_older_and_newer_lead_through_the_posts_of_one_author(settings, request):
    settings["POSTS_PER_PAGE"] = "2"
    ada, bob, visitor = (request.getfixturevalue(name) for name in ("ada", "bob", "visitor"))
    for number in range(5):
        ada.publish(f"Ada {number}")
        bob.publish(f"Bob {number}")
    address = page_of(visitor, "Ada 4")
    seen, path = [], address
    while path:
        page = visitor.page(path)
        seen += titles(page)
        older = page.select_one('.pages a[rel="next"]')
        path = older["href"] if older else None
        assert path is None or path.startswith(f"{address}?before=")
    assert seen == [f"Ada {number}" for number in (4, 3, 2, 1, 0)]
    assert titles(visitor.page(page.select_one('.pages a[rel="prev"]')["href"])) == ["Ada 2", "Ada 1"]


@pytest.mark.parametrize("cursor", ["x", "99999999999999999999", "0-0", "\x00", "1-99999999999999999999"])
def test_a_senseless_page_is_not_there(ada, visitor, cursor):
    ada.publish()
    assert visitor.get(page_of(visitor), query_string={"before": cursor}).status_code == 404


def test_the_page_is_the_same_for_every_stranger_and_may_be_kept(ada, visitor):
    ada.publish()
    public, private = visitor.get(page_of(visitor)), ada.get(page_of(visitor))
    assert public.headers["Cache-Control"] == "public, no-cache"
    assert "Set-Cookie" not in public.headers
    assert "csrf_token" not in public.text
    assert private.headers["Cache-Control"] == "private, no-store"


def test_a_name_that_changes_at_the_provider_changes_on_the_page_and_its_address_does_not(ada, visitor, idp):
    ada.publish()
    address = page_of(visitor)
    idp.people["ada"]["name"] = "Augusta King"
    ada.submit("/logout", "Log out")
    ada.log_in()
    page = visitor.page(address)
    assert (page.h1.text, page.select_one(".author .avatar text").text) == ("Augusta King", "AK")
    assert page_of(visitor) == address


# -- who finds it ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "handle", ["nobody", "Nobody", "a" * 41, "a" * 5000, "%00", "%ff", "é", "a--b", "'%20OR%201=1", "dashboard"]
)
def test_what_is_nobodys_handle_is_not_there(ada, visitor, handle):
    ada.publish()
    for reader in (ada, visitor):
        assert reader.get(f"/author/{handle}").status_code == 404


def test_a_page_holds_what_is_for_who_asks(desk, ada, anybody):
    ada.publish("Open")
    ada.publish("Inside", **FOR_PEOPLE)
    ada.publish("Nightly", **FOR_DESK)
    seen = {None: ["Open"], "rita": ["Inside", "Open"], "nina": ["Nightly", "Inside", "Open"]}
    seen |= {"ada": seen["nina"], "eddy": seen["nina"]}
    for sub, expected in seen.items():
        reader = anybody().log_in(sub) if sub else anybody()
        page = reader.page(page_of(reader, "Open"))
        assert titles(page) == expected, sub
        assert len(page.select(".limited")) == len(expected) - 1


def answer(reader, handle):
    """What somebody is told at a handle, without what differs by the handle alone, or by time."""
    response = reader.get(f"/author/{handle}")
    text = re.sub('(name="csrf_token" value=)"[^"]+"', "", response.text.replace(handle, "?"))
    headers = [pair for pair in response.headers if pair[0] != "Content-Length"]
    return response.status_code, text, headers


def test_nobody_learns_who_writes_only_for_others(desk, ada, anybody):
    ada.publish("Nightly", **FOR_DESK)
    pick(ada, "old-pen")
    pick(ada, "pen")
    bob = anybody().log_in("bob")
    bob.draft("Not yet")
    pick(bob, "brush")
    for reader in (anybody(), anybody().log_in("rita")):
        never = answer(reader, "never-there")
        assert never[0] == 404
        for handle in ("old-pen", "pen", "brush"):
            assert answer(reader, handle) == never, handle
    nina = anybody().log_in("nina")
    assert (nina.get("/author/pen").status_code, nina.get("/author/old-pen").location) == (200, "/author/pen")
    assert nina.get("/author/brush").status_code == 404


def test_where_a_stranger_finds_nobody_logging_in_may_help(desk, ada, anybody):
    ada.publish("Nightly", **FOR_DESK)
    pick(ada, "pen")
    nina = anybody()
    nina.sub = "nina"
    login = BeautifulSoup(nina.get("/author/pen").text, "html.parser").select_one("a.button.main")["href"]
    assert nina.return_with(nina.begin(login)).location == "/author/pen"
    assert nina.get("/author/pen").status_code == 200


def test_an_author_finds_their_own_page_before_anybody_else_does(ada, visitor):
    pick(ada, "pen")
    assert "You have not published anything here" in ada.page("/author/pen").select_one(".empty").text
    assert ada.page("/author/pen").h1.text == "Ada Lovelace"
    assert visitor.get("/author/pen").status_code == 404
    slug = ada.publish()
    assert visitor.get("/author/pen").status_code == 200
    ada.submit(f"/{slug}/edit", "Unpublish")
    assert visitor.get("/author/pen").status_code == 404


# -- its address -------------------------------------------------------------------------------------------------------


def test_an_author_picks_an_address_and_the_old_one_leads_there(ada, visitor):
    ada.publish()
    made = page_of(visitor)
    assert pick(ada, "Ada Lovelace").location == "/dashboard"
    dashboard = ada.page("/dashboard")
    assert "Your page is at /author/ada-lovelace now." in dashboard.select_one(".notice").text
    assert dashboard.select_one("#handle")["value"] == "ada-lovelace"
    assert dashboard.select_one('a[href="/author/ada-lovelace"]').text == "http://localhost/author/ada-lovelace"
    for old in (made, "/author/Ada-Lovelace"):
        response = visitor.get(f"{old}?after=0-0")
        assert (response.status_code, response.location) == (301, "/author/ada-lovelace?after=0-0")
    assert page_of(visitor) == "/author/ada-lovelace"
    assert visitor.page("/author/ada-lovelace").h1.text == "Ada Lovelace"


def test_a_handle_that_is_taken_is_told_beside_its_field(ada, bob):
    pick(ada, "pen")
    for path in ("/dashboard", "/dashboard/page"):
        response = bob.submit(path, "Change address", handle="Pen")
        assert response.status_code == 400
        page = BeautifulSoup(response.text, "html.parser")
        field = page.select_one("#handle")
        assert (field["value"], field["aria-invalid"]) == ("Pen", "true")
        assert "is taken" in page.select_one("#handle-problem").text
        assert field["aria-describedby"].split() == ["handle-problem", "handle-help"]


def test_an_author_without_a_post_is_told_of_a_page_to_come(ada):
    assert "from the first one on" in ada.get("/dashboard").text
    assert ada.page("/dashboard").select_one("#handle")["value"] == ""


def test_a_form_that_did_not_arrive_whole_changes_no_address(ada):
    path, fields = ada.filled("/dashboard", "Change address", handle="pen")
    del fields["end"]
    response = ada.post(path, fields)
    assert response.status_code == 400
    assert "did not arrive whole" in response.text
    assert ada.page("/dashboard/page").select_one("#handle")["value"] == ""


def test_nobody_else_can_send_the_form(ada, bob, visitor):
    path, fields = ada.filled("/dashboard", "Change address", handle="pen")
    assert bob.post(path, fields).status_code in {400, 403}
    assert visitor.post(path, fields).status_code in {303, 401}
    assert visitor.post(path, fields, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert "pen" not in (ada.page(path).select_one("#handle")["value"], bob.page(path).select_one("#handle")["value"])


def test_a_handle_sent_while_signed_out_is_asked_for_again(ada):
    form = ada.filled("/dashboard/page", "Change address", handle="pen")
    ada.submit("/logout", "Log out")
    response = ada.send(form)
    assert response.status_code == 401
    assert "Nothing was done" in response.text
    link = BeautifulSoup(response.text, "html.parser").select_one("a.button.main")["href"]
    assert ada.return_with(ada.begin(link)).location == "/dashboard/page"


# -- avatars, and who is not known -------------------------------------------------------------------------------------


def test_the_avatar_is_drawn_in_the_page_and_said_by_nobody(ada, visitor):
    ada.publish()
    address = page_of(visitor)
    for path in ("/a-title", address):
        svg = visitor.page(path).select_one("main svg")
        assert svg["aria-hidden"] == "true"
        assert svg.text == "AL"
        assert re.fullmatch(r"avatar avatar-(1?[1-9]|1[0-2]|10)", " ".join(svg["class"]))
        assert not visitor.page(path).select("main [style], main img, main image, main script")
        assert "style=" not in str(svg)


@pytest.mark.parametrize("name", ["<b>Bold</b>", '"><script>alert(1)</script>', "&amp; Sons", "'\"' \"'\""])
def test_a_hostile_name_draws_nothing_but_letters(ada, visitor, idp, name):
    ada.publish()
    idp.people["ada"]["name"] = name
    ada.submit("/logout", "Log out")
    ada.log_in()
    page = visitor.page(page_of(visitor))
    assert not page.select("main script, main b")
    assert [child.name for child in page.select_one("main svg").find_all()] == ["circle", "text"]


def test_a_page_has_a_neutral_byline_and_avatar_while_nobody_can_say_the_name(ada, visitor):
    ada.publish()
    address = page_of(visitor)
    ada.app.extensions["porch"].directory.forget_all()
    page = visitor.page(address)
    assert page.h1.text.startswith("Author ")
    avatar = page.select_one(".author .avatar")
    assert (avatar.text, avatar["class"]) == ("", ["avatar"])
    assert page_of(visitor) == address


class Departed:
    """A directory that knows of everybody that they are gone."""

    def people(self, keys):
        return {key: Person(key, None, gone=True) for key in keys}


def test_who_is_gone_keeps_a_page_that_no_byline_leads_to(ada, visitor, app):
    ada.publish()
    pick(ada, "ada-lovelace")
    ready = app.extensions["porch"]
    ready.directory.close()
    app.extensions["porch"] = replace(ready, directory=Cached(Departed()))
    for path in ("/", "/a-title"):
        byline = visitor.page(path).select_one(".byline")
        assert (byline.text, byline.a) == ("Former author", None)
        assert "lovelace" not in visitor.get(path).text.lower()
    page = visitor.page("/author/ada-lovelace")
    assert page.h1.text == "Former author"
    assert titles(page) == ["A title"]
    assert page.select_one(".author .avatar").text == ""
