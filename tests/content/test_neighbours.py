"""Neighbours of a post, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from blog.content import neighbours, posts
from blog.content.details import PLAIN
from blog.content.readers import ANYBODY, FOR_EVERYONE, GROUPS, PEOPLE, Audience, Reader
from blog.db import db

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
ADA = ("https://id.example", "ada")
DESK = frozenset({"Night Desk"})
READERS = [ANYBODY, Reader(("https://id.example", "rita")), Reader(everything=True, key=ADA)]


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


def write(title, *names, after=0, audience=FOR_EVERYONE, publish=True, **more):
    about = PLAIN._replace(tags=names, may_be_page=True, **more)
    at = NOW + timedelta(hours=after)
    kept = {"audience": audience, "own_groups": DESK, "about": about, "publish": publish}
    return posts.create(ADA, title=title, body_md="Words.", now=at, **kept).slug


def around(slug, reader=ANYBODY, now=LATER):
    found = neighbours.of(posts.shown_at(slug, now=now, reader=reader).neighbours_told)
    return (
        found.older and found.older.slug,
        found.newer and found.newer.slug,
        [link.slug for link in found.related],
    )


@pytest.mark.parametrize("reader", READERS)
def test_the_ones_before_and_after_are_those_in_time(reader):
    for number, title in enumerate(("One", "Two", "Three")):
        write(title, after=number)
    assert [around(slug, reader)[:2] for slug in ("one", "two", "three")] == [
        (None, "two"),
        ("one", "three"),
        ("two", None),
    ]


@pytest.mark.parametrize("reader", READERS)
def test_of_the_same_moment_the_number_decides(reader):
    for title in ("One", "Two", "Three"):
        write(title)
    assert around("two", reader)[:2] == ("one", "three")


def test_nobody_is_led_to_what_they_may_not_read():
    write("Open", "x")
    write("Inside", "x", after=1, audience=Audience(PEOPLE))
    write("Desk", "x", after=2, audience=Audience(GROUPS, DESK))
    write("Here", "x", after=3)
    write("Draft", "x", publish=False)
    write("To come", "x", after=24 * 60)
    rita = Reader(("https://id.example", "rita"))
    assert around("here") == ("open", None, [])
    assert around("here", rita) == ("inside", None, ["open"])
    assert around("here", rita._replace(groups=DESK)) == ("desk", None, ["inside", "open"])
    assert around("here", Reader(everything=True, key=ADA))[0] == "desk"
    assert around("here", now=NOW + timedelta(days=90)) == ("open", "to-come", [])


def test_whose_time_has_come_is_a_neighbour_from_then_on():
    write("One", "x")
    write("Two", "x", after=2)
    for hours, newer in ((1, None), (1, None), (3, "two"), (3, "two"), (1, None)):  # clocks are put back now and then
        assert around("one", now=NOW + timedelta(hours=hours)) == (None, newer, [])


def test_what_is_known_of_neighbours_is_told_once(monkeypatch):
    for number in range(2):
        write(f"Number {number}", after=number)
    learnt, learn = [], neighbours.learn
    monkeypatch.setattr(neighbours, "MOST_KEPT", 1)
    monkeypatch.setattr(neighbours, "learn", lambda slug, told: learnt.append(slug) or learn(slug, told))

    expected = {"number-0": (None, "number-1", []), "number-1": ("number-0", None, [])}
    for slug in ("number-0", "number-0", "number-1", "number-1", "number-0"):
        assert around(slug) == expected[slug]
    assert learnt == ["number-0", "number-1", "number-0"]  # there is room for one
    post = posts.at_slug("number-1", now=LATER)
    posts.turn(post.id, version=post.version, publish=False, now=LATER)
    assert around("number-0") == (None, None, [])


def test_pages_and_notes_are_nobodys_neighbours():
    write("One", "x")
    write("About", "x", kind="page", after=1)
    write("", "x", kind="note", after=2)
    write("Two", "x", after=3)
    assert around("two") == ("one", None, [])


def test_most_tags_come_first_and_then_the_newest():
    for number, (title, names) in enumerate({"A": "x", "B": "xy", "C": "xyz", "D": "x", "E": "w"}.items()):
        write(title, *names, after=number)
    write("Between", after=10)
    write("Here", *"xyz", after=11)
    assert around("here")[2] == ["c", "b", "d"]
    assert around("between")[2] == []


def test_of_a_tag_on_many_posts_only_the_newest_are_looked_at():
    write("Long ago", "x", "y")
    for number in range(neighbours.POSTS_LOOKED_AT + 5):
        write(f"Number {number}", "x", after=1 + number)
    write("Here", "x", after=100)
    assert around("here")[2] == ["number-28", "number-27", "number-26"]


def test_what_is_typed_stays_in_its_place():
    write('"Quoted"', "x", lang="de")
    write("Two", "x", after=1)
    found = neighbours.of(posts.shown_at("two", now=LATER).neighbours_told)
    assert found.older == neighbours.Link('"Quoted"', "quoted", "de")


@pytest.mark.parametrize("reader", READERS)
def test_all_of_it_comes_with_the_post(reader):
    for number in range(4):
        write(f"Number {number}", "x", after=number)
    statements = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    found = posts.shown_at("number-2", now=LATER, reader=reader)
    assert neighbours.of(found.neighbours_told).related
    assert len(statements) == 1
