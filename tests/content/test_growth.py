"""What a page asks costs the same however many posts there are, and wherever among them it begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from shutil import copyfile

import pytest
from sqlalchemy import insert

from blog.content import archive, navigation, posts
from blog.content.readers import ANYBODY
from blog.db import Handle, Post, PostTag, Slug, Tag, db, tell_caches, writing
from tests.conftest import rooms

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA = ("https://id.example", "ada")
EVERY = timedelta(hours=1)
POSTS = 3_000


@pytest.fixture
def many(tmp_path, empty_file):
    """A post an hour, each by Ada, and with a tag; in SQLite, whose steps can be counted."""
    copyfile(empty_file, tmp_path / "blog.db")
    with rooms(f"sqlite:///{tmp_path}/blog.db"):
        fill()
        yield


def fill():
    times = [NOW - EVERY * number for number in range(POSTS)]
    same = {"body_md": "x", "body_html": "<p>x</p>", "html_version": 1, "made_excerpt": "x", "title": "A post"}
    who = {"author_issuer": ADA[0], "author_id": ADA[1]}
    rows = [
        {"id": number + 1, "slug": f"post-{number}", "created_at": at, "updated_at": at, "published_at": at}
        for number, at in enumerate(times)
    ]
    tags = [{"post_id": row["id"], "tag_id": 1, "published_at": row["published_at"]} for row in rows]
    with writing() as session:
        session.execute(insert(Handle).values(handle="ada", current=True, created_at=NOW, **who))
        session.execute(insert(Post), [{**same, **who, **row} for row in rows])
        session.execute(insert(Slug), [{"slug": row["slug"], "post_id": row["id"], "public": True} for row in rows])
        session.execute(insert(Tag).values(id=1, name="All", slug="all"))
        session.execute(insert(PostTag), [{**row, "visible_to": "everyone"} for row in tags])


def steps(ask):
    """How many steps SQLite takes to answer, in hundreds."""
    counted = []
    raw = db.session.connection().connection.dbapi_connection
    raw.set_progress_handler(lambda: counted.append(1), 100)
    ask()
    raw.set_progress_handler(None, 100)
    return len(counted)


def cursor(number):
    return f"{int((NOW - EVERY * number).timestamp()) * 1_000_000}-{number + 1}"


PLACES = (30, POSTS // 2, POSTS - 30)  # new, in the middle, old
QUESTIONS = {
    "older": lambda number: posts.latest(now=NOW, limit=5, before=cursor(number)),
    "newer": lambda number: posts.latest(now=NOW, limit=5, after=cursor(number)),
    "of a tag": lambda number: posts.latest(now=NOW, limit=5, tag_id=1, before=cursor(number)),
    "of an author": lambda number: posts.latest(now=NOW, limit=5, author_key=ADA, before=cursor(number)),
    "of a day": lambda number: posts.latest(
        now=NOW, limit=5, within=(NOW - EVERY * (number + 24), NOW - EVERY * number)
    ),
    "of a feed": lambda number: posts.syndicated(now=NOW, limit=5, before=cursor(number)),
    "a post": lambda number: posts.shown_at(f"post-{number}", now=NOW),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_old_is_found_as_soon_as_what_is_new(many, question):
    counted = [steps(lambda place=place: QUESTIONS[question](place)) for place in PLACES]
    assert max(counted) <= 2 * min(counted) + 2, counted


def test_the_archive_looks_into_each_month_and_not_through_it(many):
    assert steps(lambda: archive.months(ANYBODY, now=NOW, zone="UTC")) <= 20


def test_the_navigation_looks_at_pages_and_not_at_posts(many):
    with writing() as session:
        tell_caches(session)
    assert steps(lambda: navigation.links(now=NOW)) <= 2
