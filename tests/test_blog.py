"""The readers' door: the home page and posts, with the provider there or not."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import event

from blog.db import db
from tests.fake_idp import DOWN


class Queries:
    """Counts what is sent to the database for pages that are made anew."""

    def __init__(self, app):
        self.app, self.said = app, []

    def __enter__(self):
        self.app.extensions["pagecache"].close()
        with self.app.app_context():
            event.listen(db.engine, "before_cursor_execute", self.note)
        return self

    def __exit__(self, *_):
        with self.app.app_context():
            event.remove(db.engine, "before_cursor_execute", self.note)

    def note(self, _connection, _cursor, statement, *_):
        if "FROM forgotten" not in statement:  # asked once a second, by whichever page comes then
            self.said.append(statement)


def test_an_empty_blog_says_so(visitor):
    assert "Nothing has been published yet" in visitor.get("/").text


def test_the_home_page_lists_live_posts_newest_first(ada, visitor):
    for title in ("One", "Two", "Three"):
        ada.publish(title, f"About {title}.")
    entries = visitor.page("/").select("article")
    assert [entry.h2.text for entry in entries] == ["Three", "Two", "One"]
    first = entries[0]
    assert first.select_one(".byline").text == "Ada Lovelace"
    assert first.select_one("time")["datetime"].endswith("Z")
    assert first.select_one(".excerpt").text == "About Three."
    assert first.h2.a["href"] == "/three"


def test_twenty_a_page_with_links_to_older_and_newer(ada, visitor):
    for number in range(45):
        ada.publish(f"Number {number}")
    seen, path, newer = [], "/", []
    while path:
        page = visitor.page(path)
        titles = [entry.h2.text for entry in page.select("article")]
        assert len(titles) in {20, 5}
        seen += titles
        newer.append(page.select_one('.pages a[rel="prev"]'))
        older = page.select_one('.pages a[rel="next"]')
        path = older["href"] if older else None
    assert seen == [f"Number {number}" for number in reversed(range(45))]
    assert newer[0] is None
    back = visitor.page(newer[2]["href"])
    assert [entry.h2.text for entry in back.select("article")] == seen[20:40]


@pytest.mark.parametrize(
    "cursor", ["x", "99999999999999999999", "-1", "\x00", "é", "a" * 5000, "0-0", "1-99999999999999999999"]
)
@pytest.mark.parametrize("name", ["before", "after"])
def test_a_senseless_page_is_no_crash(visitor, name, cursor):
    assert visitor.get("/", query_string={name: cursor}).status_code in {200, 404}


def test_reading_never_asks_the_provider(ada, visitor, idp):
    slug = ada.publish()
    before = idp.calls.total()
    visitor.get("/")
    visitor.get(f"/{slug}")
    assert idp.calls.total() == before


def test_reading_goes_on_when_the_provider_is_down(ada, visitor, idp):
    slug = ada.publish()
    for endpoint in ("discovery", "jwks", "token", "userinfo"):
        idp.answers[endpoint] = DOWN
    for path in ("/", f"/{slug}"):
        assert "Ada Lovelace" in visitor.get(path).text
    ada.app.extensions["porch"].directory.forget_all()  # as after a restart
    for path in ("/", f"/{slug}"):
        response = visitor.get(path)
        assert response.status_code == 200
        assert "Ada Lovelace" not in response.text
        assert "Author " in response.text


def test_a_name_that_changes_at_the_provider_changes_on_the_pages(ada, visitor, idp):
    slug = ada.publish()
    idp.people["ada"]["name"] = "Augusta Ada King"
    ada.submit("/logout", "Log out")
    ada.log_in()
    for path in ("/", f"/{slug}"):
        page = visitor.get(path).text
        assert "Augusta Ada King" in page
        assert "Lovelace" not in page


def test_pages_are_the_same_for_everybody_without_a_session(ada, visitor, anybody):
    slug = ada.publish()
    for path in ("/", f"/{slug}"):
        pages = [
            browser.get(path, headers=headers) for browser, headers in ((visitor, {}), (anybody(), {"User-Agent": "x"}))
        ]
        assert pages[0].text == pages[1].text
        assert "csrf_token" not in pages[0].text
        assert "Set-Cookie" not in pages[0].headers
        assert pages[0].headers["Cache-Control"] == "public, no-cache"
        assert "Cookie" in pages[0].headers["Vary"]


def test_a_post_names_its_address_and_describes_itself(ada, visitor):
    slug = ada.publish("Title", 'Words with "quotes" & <b>marks</b>')
    page = visitor.page(f"/{slug}")
    assert page.select_one('link[rel="canonical"]')["href"] == f"http://localhost/{slug}"
    assert page.select_one('meta[name="description"]')["content"] == 'Words with "quotes" & marks'


def test_an_author_finds_the_way_to_editing(ada, bob):
    slug = ada.publish()
    assert ada.page(f"/{slug}").select_one(f'a[href="/{slug}/edit"]')
    assert not bob.page(f"/{slug}").select_one(f'a[href="/{slug}/edit"]')


# -- posts that only some people may read ------------------------------------------------------------------------------

FOR_PEOPLE = {"visible_to": "people"}
FOR_DESK = {"visible_to": "groups", "group": "Night Desk"}
HOSTILE = "<b>&amp;\u202e"


@pytest.fixture
def readers(desk, ada, anybody):
    """One browser of each kind of reader, by name; Ada has written a post for each kind, in this order."""
    ada.publish("Open")
    ada.publish("Inside", **FOR_PEOPLE)
    ada.publish("Nightly", **FOR_DESK)
    ada.publish("Odd", visible_to="groups", group=HOSTILE)
    somebody = {sub: anybody().log_in(sub) for sub in ("bob", "rita", "nina", "eddy")}
    return {"stranger": anybody(), "ada": ada} | somebody


SEES = {
    "stranger": ["Open"],
    "bob": ["Inside", "Open"],
    "rita": ["Inside", "Open"],
    "nina": ["Nightly", "Inside", "Open"],
    "ada": ["Odd", "Nightly", "Inside", "Open"],
    "eddy": ["Odd", "Nightly", "Inside", "Open"],
}


def titles(page):
    return [entry.h2.text for entry in page.select("article")]


def test_everybody_is_shown_what_is_for_them_and_nothing_of_the_rest(readers):
    for who, seen in SEES.items():
        response = readers[who].get("/")
        assert titles(readers[who].page("/")) == seen, who
        assert not [title for title in SEES["ada"] if title not in seen and title in response.text], who
        for title in SEES["ada"]:
            assert (readers[who].get(f"/{title.lower()}").status_code == 200) == (title in seen), (who, title)


def test_no_cache_keeps_a_page_that_holds_what_is_not_for_everyone(readers):
    end = "99999999999999999-1"
    lists = ["/", "/?before=" + end, "/?after=0-0"]
    for path in [*lists, "/open"]:
        public = readers["stranger"].get(path)
        assert public.headers["Cache-Control"] == "public, no-cache"
        assert "Cookie" in public.headers["Vary"]
        assert not [title for title in ("Inside", "Nightly", "Odd") if title in public.text]
    for path in [*lists, "/inside", "/nightly", "/open"]:
        private = readers["nina"].get(path)
        assert private.headers["Cache-Control"] == "private, no-store", path
        assert path in {"/inside", "/open"} or "Nightly" in private.text
    for path in ("/inside", "/nightly"):
        assert readers["stranger"].get(path).headers["Cache-Control"] == "private, no-store"


def test_a_hidden_post_answers_like_one_that_never_was_at_every_address(readers):
    for title in ("Inside", "Nightly"):
        readers["ada"].submit(f"/{title.lower()}/edit", "Save changes", title=f"{title} renamed")
    readers["ada"].draft("Not yet")
    hidden = {
        "stranger": ["inside", "inside-renamed", "nightly", "nightly-renamed", "odd", "not-yet"],
        "rita": ["nightly", "nightly-renamed", "odd", "not-yet"],
        "bob": ["nightly", "nightly-renamed", "odd", "not-yet"],
    }
    for who, slugs in hidden.items():
        for slug in slugs:
            for method in ("GET", "HEAD"):
                answers = [
                    readers[who].client.open(f"/{at}", method=method, buffered=True) for at in (slug, "never-there")
                ]
                pages = [
                    re.sub('(name="csrf_token" value=)"[^"]+"', "", answer.text.replace(at, "?"))
                    for answer, at in zip(answers, (slug, "never-there"), strict=True)
                ]
                assert pages[0] == pages[1], (who, slug)
                assert answers[0].status_code == answers[1].status_code == 404
                same = [[pair for pair in answer.headers if pair[0] != "Content-Length"] for answer in answers]
                assert same[0] == same[1], (who, slug)
    assert readers["rita"].get("/inside").location == "/inside-renamed"
    assert readers["nina"].get("/nightly").location == "/nightly-renamed"


@pytest.mark.parametrize("path", ["/nightly", "/never-there", "/%ff", "/" + "a" * 600])
def test_where_a_stranger_finds_nothing_logging_in_may_help(readers, anybody, path):
    stranger = readers["stranger"]
    login = stranger.client.get(path).text.partition('class="button main" href="')[2].partition('"')[0]
    assert login.startswith("/login")
    nina = anybody()
    nina.sub = "nina"
    arrived = nina.return_with(nina.begin(login.replace("&amp;", "&")))
    assert (arrived.location == path) == (path in {"/nightly", "/never-there"})
    assert nina.get("/nightly").status_code == 200
    assert "button main" not in nina.get("/never-there").text


def test_a_page_where_no_post_can_be_offers_no_login(visitor):
    assert "button main" not in visitor.get("/no/post/here").text
    assert "button main" not in visitor.get("/?before=x").text


def test_what_is_not_for_everyone_says_so_to_those_who_see_it(readers):
    said = {"Inside": "Logged-in people", "Nightly": "Only: Night Desk", "Odd": f"Only: {HOSTILE}"}
    for who in ("ada", "nina", "eddy"):
        for entry in readers[who].page("/").select("article"):
            badge = entry.select_one(".limited")
            assert (badge and badge.text) == said.get(entry.h2.text)
    for title, words in said.items():
        assert readers["ada"].page(f"/{title.lower()}").select_one(".post .limited").text == words
    rows = [row.text for row in readers["ada"].page("/dashboard").select(".posts .limited")]
    assert rows == [said["Odd"], said["Nightly"], said["Inside"]]
    assert not readers["ada"].page("/odd").select("b, .limited bdi > *")
    assert ".limited" not in readers["stranger"].get("/").text


def test_older_and_newer_lead_past_what_is_hidden(desk, settings, request):
    settings["POSTS_PER_PAGE"] = "2"
    ada, anybody = request.getfixturevalue("ada"), request.getfixturevalue("anybody")
    for number in range(4):
        ada.publish(f"Open {number}")
        for hidden in range(3):
            ada.publish(f"Hidden {number} {hidden}", **FOR_DESK)
    for reader in (anybody(), anybody().log_in("rita")):
        first = reader.page("/")
        assert titles(first) == ["Open 3", "Open 2"]
        second = reader.page(first.select_one('.pages a[rel="next"]')["href"])
        assert titles(second) == ["Open 1", "Open 0"]
        assert not second.select('.pages a[rel="next"]')
        assert titles(reader.page(second.select_one('.pages a[rel="prev"]')["href"])) == ["Open 3", "Open 2"]


def test_a_group_taken_away_hides_its_posts_from_the_next_login_on(readers, desk):
    nina = readers["nina"]
    desk["nina"]["groups"] = []
    assert nina.get("/nightly").status_code == 200
    nina.submit("/logout", "Log out")
    assert nina.log_in("nina").get("/nightly").status_code == 404
