"""The readers' door: the home page and posts, with the provider there or not."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from blog.db import db
from tests.fake_idp import DOWN


class Queries:
    """Counts what is sent to the database."""

    def __init__(self, app):
        self.app, self.said = app, []

    def __enter__(self):
        with self.app.app_context():
            event.listen(db.engine, "before_cursor_execute", self.note)
        return self

    def __exit__(self, *_):
        with self.app.app_context():
            event.remove(db.engine, "before_cursor_execute", self.note)

    def note(self, _connection, _cursor, statement, *_):
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


def test_pages_ask_the_database_little(ada, visitor, app):
    slug = ada.publish()
    for path, most in (("/", 2), (f"/{slug}", 2)):
        with Queries(app) as queries:
            assert visitor.get(path).status_code == 200
        assert len(queries.said) <= most, (path, queries.said)


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
