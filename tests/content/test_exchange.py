"""Exporting: whatever a post holds, its file says the same, on both databases."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, update

from blog.content import authorship, exchange, posts
from blog.content.authorship import Naming
from blog.content.readers import Audience
from blog.db import Named, Post, db, writing
from blog.errors import Invalid
from tests.conftest import empty

NOW = datetime(2026, 5, 4, 12, 30, 15, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ADA = ("https://id.example", "ada")
BOB = ("https://id.example", "bob")
TITLES = [
    "Plain",
    "A colon: and more",
    "Quotes \"of\" 'both' kinds",
    "---",
    "--- a fence",
    "# not a comment",
    "yes",
    "null",
    "2026-05-04",
    "12:30:15",
    "0x1F",
    "[a, b]",
    "{a: b}",
    "*star & anchor",
    "!!python/object:os.system",
    "Ends with a colon:",
    "👩‍🚀 in space",
    "Ünïcödé, 日本語, \N{RIGHT-TO-LEFT MARK}שלום",
    "back\\slash \\n",
    "% percent @ at ` tick | pipe > more",
    "x" * 200,
]
BODIES = [
    "Words.",
    "---\ntitle: another\n---\nWords",
    "---",
    "a\n\n---\n\nb",
    "  indented\n\n\ttab",
    "é\u2028日本",
]


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


def write(title="Hello", body_md="Words.", *, author_key=ADA, now=NOW, publish=True, **more):
    return posts.create(author_key, title=title, body_md=body_md, now=now, publish=publish, **more)


def exported(author_key=None):
    return {file.name: read(file.content) for file in exchange.files(author_key)}


def read(content):
    """Read a file as other programs do: front matter between the first two fences, and the rest."""
    before, matter, body = content.split(b"---\n", 2)
    assert before == b""
    return yaml.safe_load(matter) | {"body": body.decode()}


def only(found):
    (matter,) = found.values()
    return matter


@pytest.mark.parametrize("title", TITLES)
def test_a_title_reads_back_as_it_was_whatever_it_holds(title):
    post = write(title)
    found = exported()
    assert list(found) == [f"{post.slug}.md"]
    assert only(found)["title"] == post.title


@pytest.mark.parametrize("body_md", BODIES)
def test_a_body_reads_back_to_the_letter(body_md):
    post = write(body_md=body_md)
    assert only(exported())["body"] == post.body_md
    assert body_md.strip() in post.body_md


def test_line_ends_are_left_as_they_are_stored():
    post = write()
    with writing() as transaction:
        transaction.execute(update(Post).where(Post.id == post.id).values(body_md="---\r\none\r\n\rtwo\n"))
    assert only(exported())["body"] == "---\r\none\r\n\rtwo\n"


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=st.text(min_size=1, max_size=60), body_md=st.text(min_size=1, max_size=200))
@example(title="a: b #c", body_md="---\n...\n---")
def test_anything_that_can_be_published_reads_back(title, body_md):
    empty()
    try:
        post = write(title, body_md)
    except Invalid:
        return
    found = only(exported())
    assert (found["title"], found["body"]) == (post.title, post.body_md)


def test_what_stands_in_front():
    post = write("A word", "Words.")
    posts.save(post.id, version=1, title="Another word", body_md="Words.", now=LATER)
    (file,) = exchange.files()
    assert file.name == "another-word.md"
    assert file.content.decode() == (
        "---\n"
        "title: Another word\n"
        "slug: another-word\n"
        "date: 2026-05-04T12:30:15.123456Z\n"
        "created: 2026-05-04T12:30:15.123456Z\n"
        "updated: 2026-05-04T13:30:15.123456Z\n"
        "author:\n"
        "  issuer: https://id.example\n"
        "  id: ada\n"
        "aliases:\n"
        "- /a-word\n"
        "earlier_slugs:\n"
        "- a-word\n"
        "---\n"
        "Words."
    )


def test_dates_read_back_as_moments():
    write()
    found = only(exported())
    assert (found["date"], found["created"], found["updated"]) == (NOW, NOW, NOW)


def test_a_draft_says_so_and_has_no_date():
    draft = write(publish=False)
    found = only(exported())
    assert found["draft"] is True
    assert "date" not in found
    posts.save(draft.id, version=1, title="Moved", body_md="Words.", now=LATER)
    assert "aliases" not in only(exported())  # it was never public


def test_an_audience_is_told_where_it_is_not_everyone():
    write("For people", audience=Audience("people"))
    groups = frozenset({"Night: Desk", "night desk"})
    write("For groups", audience=Audience("groups", groups), own_groups=groups)
    write("For everyone")
    found = exported()
    assert found["for-people.md"]["visible_to"] == "people"
    assert found["for-groups.md"]["visible_to"] == "groups"
    assert set(found["for-groups.md"]["groups"]) == groups
    assert not {"visible_to", "groups"} & found["for-everyone.md"].keys()


@pytest.mark.parametrize("author_id", ["007", "null", "1e3", "auth0|5f7c", "a: b", "日本"])
def test_an_author_is_a_key_and_an_id_stays_text(author_id):
    write(author_key=("https://id.example", author_id))
    assert only(exported())["author"] == {"issuer": "https://id.example", "id": author_id}


def test_one_persons_posts_are_theirs_only():
    write("Hers")
    write("His", author_key=BOB)
    write("Elsewhere", author_key=("https://other.example", "ada"))
    assert list(exported(ADA)) == ["hers.md"]
    assert (exchange.count(ADA), exchange.count()) == (1, 3)


def test_many_posts_are_read_some_at_a_time(monkeypatch):
    monkeypatch.setattr(exchange, "AT_ONCE", 4)
    for number in range(11):
        write(f"Post {number}")
    statements = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    found = exchange.files()
    next(found)
    assert len(db.session.identity_map) <= 4
    assert len([statement for statement in statements if "FROM posts" in statement]) == 1
    assert len(list(found)) == 10


def test_an_address_that_goes_to_another_post_meanwhile_costs_no_post(monkeypatch):
    monkeypatch.setattr(exchange, "AT_ONCE", 1)
    first = write("Wanted", publish=False)
    second = write("Other")
    found = exchange.files()
    names = [next(found).name]
    posts.save(first.id, version=1, title="Elsewhere", body_md="Words.", now=LATER)
    posts.save(second.id, version=1, title="Wanted", body_md="Words.", now=LATER)
    assert names + [file.name for file in found] == ["wanted.md", f"wanted.{second.id}.md"]


@pytest.mark.parametrize("slug", ["../../etc/passwd", "/etc/passwd", ".hidden", "a/b", "a/..", "con "])
def test_a_file_stays_in_its_folder(slug):
    post = write()
    with writing() as transaction:
        transaction.execute(update(Post).where(Post.id == post.id).values(slug=slug))
    assert list(exported()) == [f"post.{post.id}.md"]


def test_a_file_is_its_owners_only_and_takes_the_place_of_another(tmp_path):
    (tmp_path / "a.md").write_text("old")
    exchange.write(exchange.File("a.md", b"new\r\n"), tmp_path)
    assert (tmp_path / "a.md").read_bytes() == b"new\r\n"
    assert stat.S_IMODE((tmp_path / "a.md").stat().st_mode) == 0o600


def test_what_cannot_be_written_leaves_nothing_half(tmp_path):
    folder = tmp_path / "folder"
    (folder / "a.md" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        exchange.write(exchange.File("a.md", b"new"), folder)
    assert [file.name for file in folder.iterdir()] == ["a.md"]


def test_who_is_named_above_a_post_stands_in_its_file_in_order():
    post = write()
    named = (Named(None, guest="Ruth: a guest"), Named(BOB), Named(ADA))
    naming = Naming(named)
    posts.save(post.id, version=post.version, title="Hello", body_md="Words.", now=LATER, naming=naming)
    matter = only(exported())
    issuer = ADA[0]
    assert matter["author"] == {"issuer": issuer, "id": "ada"}
    assert matter["authors"] == [
        {"guest": "Ruth: a guest"},
        {"issuer": issuer, "id": "bob", "agreed": False},
        {"issuer": issuer, "id": "ada"},
    ]
    assert not exported(BOB)  # who was only asked did not write it
    authorship.agree(post.id, BOB, now=LATER)
    assert only(exported(BOB))["authors"][1] == {"issuer": issuer, "id": "bob"}
    assert exchange.count(BOB) == 1
