"""How often each page asks the database, which its cost depends on most: as often as this, however much it shows."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import event

from blog.db import db
from tests.conftest import empty
from tests.test_blog import Queries
from tests.test_feeds import note_row

MOST = {
    "/": 1,
    "/?before=9999999999999999-1": 1,
    "/otter-0": 1,
    "/tag/rivers": 2,
    "/author/{handle}": 2,
    "/archive": 2,
    "/archive/{year}": 1,
    "/feed.xml": 1,
    "/atom.xml": 1,
    "/feed.json": 1,
    "/tag/rivers/atom.xml": 2,
    "/author/{handle}/atom.xml": 2,
}

SEARCH = {"sqlite": 1, "postgresql": 5}  # of words that were looked for before


@pytest.fixture(autouse=True, params=["sqlite", "postgresql"])
def both(request, settings):
    """Everything here is so on both databases."""
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
        app = request.getfixturevalue("app")
        with app.app_context():
            empty()


def test_a_page_asks_as_often_for_many_posts_as_for_one(ada, bob, visitor, app, clock):
    ada.publish("Otter 0", "An otter.", tags="Rivers, Night")
    handle = visitor.page("/").select_one(".byline a")["href"].rpartition("/")[2]
    asked = []
    for number in range(1, 4):
        paths = {path.format(handle=handle, year=clock().year): most for path, most in MOST.items()}
        paths["/search?q=otter"] = SEARCH[app.config["SQLALCHEMY_DATABASE_URI"].partition(":")[0].partition("+")[0]]
        said = {}
        for path in paths:
            assert visitor.get(path).status_code == 200, path
            with Queries(app) as queries:
                visitor.get(path)
            said[path] = len(queries.said)
        assert said == paths
        asked.append(said)
        bob.publish(f"Otter {number}", "An otter.", tags="Rivers, Night")
        ada.publish("", f"An otter, {number}.", kind="note")
        note_row(app, f"otter-{number}", position=0, guest="Grace Guest")
    assert asked[0] == asked[1] == asked[2]


def test_after_a_change_a_list_asks_once_more_for_its_posts(ada, visitor, app):
    ada.publish("Otter 0", "An otter.", tags="Rivers, Night")
    handle = visitor.page("/").select_one(".byline a")["href"].rpartition("/")[2]
    lists = ["/", "/tag/rivers", "/author/{handle}"]
    for number, path in enumerate(("/otter-0", "/archive", *lists), 1):
        visitor.get(path.format(handle=handle))
        ada.publish(f"Otter {number}", "An otter.", tags="Rivers")
        with Queries(app) as queries:
            page = visitor.get(path.format(handle=handle))
        assert page.status_code == 200
        assert len(queries.said) == MOST[path] + (path in lists), (path, queries.said)
        assert (f"Otter {number}" in page.text) == (path != "/archive")


def test_nothing_is_loaded_because_a_page_looks_at_it(app):
    with app.app_context():
        relations = [each for mapper in db.Model.registry.mappers for each in mapper.relationships]
    assert relations
    assert not [str(each) for each in relations if each.lazy != "raise"]


@pytest.mark.parametrize("both", ["sqlite"], indirect=True)
def test_sqlite_plans_once_how_to_find_what_pages_ask_for(ada, visitor, app, clock):
    """It plans anew each time where a value may be what a partial index is for, or how LIKE begins."""
    ada.publish("Otter 0", "An otter.", tags="Rivers, Night")
    handle = visitor.page("/").select_one(".byline a")["href"].rpartition("/")[2]
    planned = []

    def note(*_):
        planned.append(True)
        return sqlite3.SQLITE_OK

    with app.app_context():
        listen = (db.engine, "before_cursor_execute", lambda _, cursor, *__: cursor.connection.set_authorizer(note))
        event.listen(*listen, once=True)
    paths = [each.format(handle=handle, year=clock().year) for each in MOST]
    for path in [*paths, "/search?q=otter"]:
        app.extensions["pagecache"].close()
        visitor.get(path)
    assert planned
    for path in [*paths, "/search?q=rivers"]:
        app.extensions["pagecache"].close()
        planned.clear()
        assert visitor.get(path).status_code == 200, path
        assert not planned, path
