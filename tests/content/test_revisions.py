"""Revisions: which texts are kept of a post, by whom, and for how long, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from blog.content import posts, revisions
from blog.db import Post, Revision, db, writing
from blog.errors import Conflict, NotFound

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
ADA, BOB = ("https://id.example", "ada"), ("https://id.example", "bob")


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


def write(**more):
    return posts.create(ADA, title="Hello", body_md="one two", now=NOW, publish=False, **more)


def save(post, *, by=ADA, now=NOW + timedelta(hours=1), **changed):
    text = {"title": post.title, "body_md": post.body_md, "version": post.version}
    return posts.save(post.id, now=now, by=by, **text | changed)


def kept(post):
    return [(each.number, each.title, each.by, each.added, each.removed) for each in listed(post)]


def listed(post, **more):
    return revisions.of_post(post.id, limit=99, **more)


def test_every_text_that_differs_is_kept_with_who_and_when():
    post = write()
    post = save(post, body_md="one three four", by=BOB)
    post = save(post, title="Bye")
    assert kept(post) == [(3, "Bye", ADA, 1, 1), (2, "Hello", BOB, 2, 1), (1, "Hello", ADA, 3, 0)]
    assert [revisions.get(post.id, number).body_md for number in (1, 2, 3)] == ["one two", *["one three four"] * 2]
    assert listed(post)[0].saved_at == NOW + timedelta(hours=1)
    assert [each.number for each in listed(post, before=3)] == [2, 1]


def test_what_changes_no_text_makes_no_revision():
    post = save(write(form_id="f"), publish=True)
    posts.turn(post.id, version=post.version, publish=False, now=NOW)
    write(form_id="f")
    assert [each[0] for each in kept(post)] == [1]


def test_a_save_that_is_a_conflict_leaves_no_revision():
    post = write()
    save(post, body_md="other words")
    with pytest.raises(Conflict):
        save(post, body_md="stale words")
    assert [each[0] for each in kept(post)] == [2, 1]


def test_the_oldest_go_when_there_are_too_many():
    post = write()
    for number in range(5):
        post = save(post, body_md=f"words {number}", revisions_kept=3)
    assert [each[0] for each in kept(post)] == [6, 5, 4]
    with pytest.raises(NotFound):
        revisions.get(post.id, 1)


def test_an_earlier_text_comes_back_as_one_more():
    post = save(write(), body_md="worse")
    first = revisions.get(post.id, 1)
    post = save(post, title=first.title, body_md=first.body_md)
    assert post.body_md == "one two"
    assert [each[0] for each in kept(post)] == [3, 2, 1]


def test_revisions_go_with_their_post():
    post = save(write(), body_md="more")
    posts.delete(post.id)
    assert db.session.scalars(select(Revision)).all() == []
    assert db.session.scalars(select(Post)).all() == []


def test_who_saved_moves_with_a_key_and_can_be_forgotten():
    post = save(write(), body_md="more", by=BOB)
    carl = ("https://id.example", "carl")
    with writing() as session:
        revisions.take_along(session, BOB, carl)
        revisions.drop(session, ADA)
    assert [each.by for each in listed(post)] == [carl, None]
