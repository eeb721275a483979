"""Handles: made, picked, kept for good; on both databases, also when many ask at the same moment."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from blog.content import handles, posts
from blog.content.readers import Audience, Reader
from blog.db import Handle, Site, db, writing
from blog.errors import Invalid, NotFound

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
ISSUER = "https://id.example"
ADA, BOB = (ISSUER, "ada"), (ISSUER, "bob")
NAMESAKE = ("https://other.example", "ada")


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


def write(author_key=ADA, handle="k7q2m4abcd", *, publish=True, title="Hello", form_id=None):
    return posts.create(
        author_key, title=title, body_md="Words.", now=NOW, publish=publish, handle=handle, form_id=form_id
    )


def pick(typed, author_key=ADA):
    return handles.pick(author_key, typed, now=NOW)


def problem(typed, author_key=ADA):
    with pytest.raises(Invalid) as refusal:
        pick(typed, author_key)
    assert list(refusal.value.problems) == ["handle"]
    return refusal.value.problems["handle"]


def rows():
    return {(row.handle, row.author_id, row.current) for row in db.session.scalars(select(Handle))}


def site_version():
    return db.session.scalar(select(Site.version))


# -- made --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("publish", [True, False])
def test_an_author_has_a_handle_from_the_first_post_on(publish):
    assert handles.of(ADA) is None
    post = write(publish=publish)
    assert (handles.of(ADA), handles.at("k7q2m4abcd")) == ("k7q2m4abcd", (ADA, "k7q2m4abcd"))
    assert posts.at_slug(post.slug, now=NOW, reader=Reader(ADA)).handle == "k7q2m4abcd"


def test_later_posts_change_nothing_of_it():
    write()
    write(handle="another")
    pick("picked")
    write()
    assert rows() == {("k7q2m4abcd", "ada", False), ("picked", "ada", True)}


def test_a_post_that_is_refused_gives_no_handle():
    with pytest.raises(Invalid):
        write(title="")
    assert rows() == set()


def test_the_same_id_at_another_provider_is_somebody_else():
    write()
    assert handles.of(NAMESAKE) is None
    write(NAMESAKE, "other")
    assert handles.at("other") == (NAMESAKE, "other")


def test_a_made_handle_that_somebody_picked_gets_a_number():
    pick("k7q2m4abcd", BOB)
    write()
    assert (handles.of(ADA), handles.of(BOB)) == ("k7q2m4abcd-2", "k7q2m4abcd")


def test_a_list_knows_the_handles_of_its_authors_without_asking_more():
    write()
    write(BOB, "bob-the-second")
    write(NAMESAKE, None)
    said = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: said.append(call[2]))
    page = posts.latest(now=NOW, limit=5)
    assert [post.handle for post in page.posts] == [None, "bob-the-second", "k7q2m4abcd"]
    assert len(said) == 2  # which posts, and what is said of them


def test_upgrading_gives_a_handle_to_authors_who_have_none_and_may_be_repeated():
    for author_key in (ADA, BOB, NAMESAKE):
        write(author_key, None)
    pick("picked", BOB)
    before = site_version()
    assert handles.give(lambda key: "-".join((key[1], key[0][8:10])), now=NOW) == 2
    assert [handles.of(key) for key in (ADA, BOB, NAMESAKE)] == ["ada-id", "picked", "ada-ot"]
    assert site_version() == before + 1
    assert handles.give(lambda _: "never", now=NOW) == 0
    assert site_version() == before + 1


# -- picked ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "handle"),
    [
        ("ada", "ada"),
        ("Ada", "ada"),
        ("  Ada   Lovelace ", "ada-lovelace"),
        ("Ada_Lovelace!", "ada-lovelace"),
        ("--a-d-a--", "a-d-a"),
        ("O’Neil", "oneil"),
        ("Žofia Łaska", "zofia-laska"),
        ("007", "007"),
        ("x" * 40, "x" * 40),
    ],
)
def test_what_is_typed_becomes_small_latin_letters_digits_and_hyphens(typed, handle):
    assert pick(typed) == handle
    assert handles.at(handle) == (ADA, handle)


@pytest.mark.parametrize(
    "typed", ["", "  ", "ab", "a'b", "!!!", "x" * 41, "x" * 5000, "🦊", "\x00abc", "abc\ud800", "---"]
)
def test_what_cannot_be_a_handle_is_told_beside_its_field(typed):
    assert problem(typed)
    assert rows() == set()


@pytest.mark.parametrize("typed", ["admin", "Admin", "DASHBOARD", "former author", "Everybody", "author", "system"])
def test_nobody_is_called_like_the_site(typed):
    assert "kept for the site" in problem(typed)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.text(max_size=60))
def test_whatever_is_typed_is_a_handle_that_is_found_again_or_refused(typed):
    with writing() as session:
        session.execute(Handle.__table__.delete())
    try:
        handle = pick(typed)
    except Invalid:
        assert problem(typed)
        return
    assert re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])", handle)
    assert handles.SHORTEST <= len(handle) <= handles.LONGEST
    assert handles.at(handle.upper()) == (ADA, handle)


def test_a_handle_that_is_taken_is_refused_in_any_case_and_nothing_changes():
    write()
    pick("Pen", BOB)
    for typed in ("pen", "PEN", " p\u00e9n "):
        assert "“pen” is taken" in problem(typed)
    assert handles.of(ADA) == "k7q2m4abcd"


def test_handles_somebody_had_lead_to_their_page_and_are_nobody_elses():
    write()
    pick("first")
    pick("second")
    for old in ("k7q2m4abcd", "first", "First", "second"):
        assert handles.at(old) == (ADA, "second")
    for old in ("k7q2m4abcd", "first", "second"):
        assert "is taken" in problem(old, BOB)


def test_an_author_can_go_back_to_one_they_had():
    write()
    pick("first")
    assert pick("k7q2m4abcd") == "k7q2m4abcd"
    assert rows() == {("k7q2m4abcd", "ada", True), ("first", "ada", False)}


def test_nobody_can_keep_all_the_good_ones():
    for number in range(handles.MOST):
        pick(f"name-{number}")
    assert "You have had 10" in problem("one-more")
    assert handles.of(ADA) == "name-9"
    assert pick("name-3") == "name-3"
    assert pick("one-more", BOB) == "one-more"


def test_caches_are_told_of_a_change_and_of_nothing_else():
    before = site_version()
    pick("first")
    pick("first")
    assert site_version() == before + 1


@pytest.mark.parametrize(
    "handle",
    ["", "nobody-s", "a" * 41, "a" * 5000, "é", "a--b", "-a", "a/b", "\x00", "a\ud800", "İ", "K", "%", "' OR 1=1"],
)
def test_what_is_no_handle_is_nobodys(handle):
    write()
    with pytest.raises(NotFound):
        handles.at(handle)


# -- lists -------------------------------------------------------------------------------------------------------------


def test_the_list_of_an_author_has_theirs_alone_and_pages():
    for number in range(5):
        write(title=f"Ada {number}")
        write(BOB, "bob", title=f"Bob {number}")
    write(NAMESAKE, "other", title="Other")
    write(title="Draft", publish=False)
    first = posts.latest(now=NOW, limit=3, author_key=ADA)
    second = posts.latest(now=NOW, limit=3, author_key=ADA, before=first.older)
    assert [post.title for post in (*first.posts, *second.posts)] == [f"Ada {number}" for number in (4, 3, 2, 1, 0)]
    assert second.older is None
    assert posts.latest(now=NOW, limit=3, author_key=ADA, after=second.newer).posts == first.posts


@pytest.mark.parametrize("reader", [Reader(), Reader(BOB), Reader(ADA), Reader(BOB, everything=True)])
def test_the_list_of_an_author_comes_by_an_index_in_its_order(reader):
    said = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: said.append(call[2:4]))
    posts.latest(now=NOW, limit=3, reader=reader, author_key=ADA)
    with db.engine.connect() as connection:
        explain = "EXPLAIN QUERY PLAN"
        if connection.dialect.name == "postgresql":
            explain = "EXPLAIN"
            for other in ("seqscan", "bitmapscan", "sort"):  # which are good enough for an empty table
                connection.exec_driver_sql(f"SET enable_{other} = off")
        plan = str(connection.exec_driver_sql(f"{explain} {said[0][0]}", said[0][1]).all())
    assert "ix_posts_author_published" in plan
    # what is sorted: the posts of others that name them, and the one page that is put together; never what they hold
    assert plan.count("TEMP B-TREE") + plan.count("Sort Key") <= 2


def test_the_list_of_an_author_hides_what_is_not_for_who_asks():
    write(title="Open")
    hidden = write(title="Inside")
    posts.save(hidden.id, version=1, title="Inside", body_md="Words.", now=NOW, audience=Audience("people"))
    seen = {
        reader: posts.latest(now=NOW, limit=5, reader=reader, author_key=ADA).posts
        for reader in (Reader(), Reader(BOB))
    }
    assert [len(found) for found in seen.values()] == [1, 2]


# -- at the same moment ------------------------------------------------------------------------------------------------


def test_ten_first_posts_at_once_make_one_handle(at_once):
    at_once(10, lambda number: write(title=f"Post {number}"))
    assert rows() == {("k7q2m4abcd", "ada", True)}


def test_of_ten_who_pick_the_same_one_gets_it(at_once):
    made = at_once(10, lambda number: pick("pen", (ISSUER, f"author-{number}")))
    assert made.count("pen") == 1
    assert sum("is taken" in str(answer) for answer in made) == 9
    assert len(rows()) == 1


def test_an_author_who_picks_in_many_tabs_has_one_of_them_and_keeps_the_rest(at_once):
    made = at_once(6, lambda number: pick(f"name-{number}"))
    kept = rows()
    assert [current for *_, current in kept].count(True) == 1
    assert {handle for handle, *_ in kept} == {answer for answer in made if isinstance(answer, str)}
