"""Copies of what is being typed: kept beside the post, for whoever types, until it is saved."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from blog.content import copies, posts
from blog.content.copies import Form
from blog.db import Copy, db, writing
from blog.errors import Conflict, Forbidden, Invalid, Taken

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=3)
ADA, BOB = ("https://idp.example", "ada"), ("https://idp.example", "bob")
TYPED = [("title", "A title"), ("body", "Words, and more of them")]


@pytest.fixture
def post(database):
    return posts.create(ADA, title="A title", body_md="Words", now=NOW, publish=True)


def count():
    return db.session.scalar(select(func.count()).select_from(Copy))


def test_what_is_typed_is_kept_and_the_post_stays_as_it_is(post):
    assert copies.keep(Form(ADA, "one"), TYPED, now=LATER, post=post, version=1) == LATER
    (kept,) = copies.of_post(ADA, post.id, now=LATER)
    assert (kept.fields, kept.version, kept.base, kept.kept_at) == (TYPED, 1, ("A title", "Words"), LATER)
    stored = posts.at_slug("a-title", now=LATER)
    assert (stored.body_md, stored.version, stored.updated_at) == ("Words", 1, NOW)


def test_a_form_has_one_copy_and_two_forms_have_two(post):
    for words in ("first", "second"):
        copies.keep(Form(ADA, "one"), [("body", words)], now=NOW, post=post, version=1)
    copies.keep(Form(ADA, "two"), [("body", "other tab")], now=LATER, post=post, version=1)
    found = copies.of_post(ADA, post.id, now=LATER)
    assert [dict(kept.fields)["body"] for kept in found] == ["other tab", "second"]


def test_nobody_else_finds_or_changes_or_drops_it(post):
    copies.keep(Form(ADA, "one"), TYPED, now=NOW, post=post, version=1)
    copies.keep(Form(ADA, "new"), TYPED, now=NOW)
    assert not copies.of_post(BOB, post.id, now=NOW)
    assert not copies.of_new_posts(BOB, now=NOW)
    assert copies.of_form(BOB, "new", now=NOW) is None
    assert copies.base_of(Form(BOB, "one")) is None
    with pytest.raises(Forbidden):
        copies.keep(Form(BOB, "one"), [("body", "Not mine")], now=LATER, post=post, version=1)
    kept = copies.of_form(ADA, "new", now=NOW)
    for form in (Form(BOB, "new"), Form(BOB, "x", kept.ref)):
        copies.discard(form)
    copies.keep(Form(BOB, "third", kept.ref), TYPED, now=LATER)
    assert copies.of_form(ADA, "new", now=NOW).fields == TYPED


def test_saving_ends_the_copy_in_the_same_transaction(post):
    form = Form(ADA, "one")
    copies.keep(form, TYPED, now=NOW, post=post, version=1)
    with pytest.raises(Conflict):
        posts.save(post.id, version=7, title="T", body_md="B", now=LATER, form=form)
    assert count() == 1
    posts.save(post.id, version=1, title="T", body_md="B", now=LATER, form=form)
    assert count() == 0
    copies.keep(Form(ADA, "new"), TYPED, now=NOW)
    with pytest.raises(Invalid):
        posts.create(ADA, title="", body_md="B", now=NOW, publish=False, form_id="new", form=Form(ADA, "new"))
    assert count() == 1
    posts.create(ADA, title="N", body_md="B", now=NOW, publish=False, form_id="new", form=Form(ADA, "new"))
    assert count() == 0


def test_saving_one_tab_leaves_the_words_of_another(post):
    for form_id in ("one", "two"):
        copies.keep(Form(ADA, form_id), [("body", form_id)], now=NOW, post=post, version=1)
    posts.save(post.id, version=1, title="T", body_md="one", now=LATER, form=Form(ADA, "one"))
    (kept,) = copies.of_post(ADA, post.id, now=LATER)
    assert (kept.fields, kept.version) == ([("body", "two")], 1)


def test_a_form_that_goes_on_with_a_copy_takes_its_place_and_its_base(post):
    copies.keep(Form(ADA, "one"), TYPED, now=NOW, post=post, version=1)
    (shown,) = copies.of_post(ADA, post.id, now=NOW)
    posts.save(post.id, version=1, title="Other", body_md="By somebody else", now=LATER)
    current = posts.editable("other", now=LATER, reader=posts.Reader(ADA))
    copies.keep(Form(ADA, "two", shown.ref), TYPED, now=LATER, post=current, version=1)
    (kept,) = copies.of_post(ADA, post.id, now=LATER)
    assert (kept.form_id, kept.base) == ("two", ("A title", "Words"))
    assert copies.base_of(Form(ADA, "two")) == ("A title", "Words")


def test_a_copy_that_moved_on_elsewhere_is_left_alone(post):
    copies.keep(Form(ADA, "one"), TYPED, now=NOW, post=post, version=1)
    (shown,) = copies.of_post(ADA, post.id, now=NOW)
    copies.keep(Form(ADA, "one"), [("body", "Typed on in the first tab")], now=LATER, post=post, version=1)
    copies.keep(Form(ADA, "two", shown.ref), TYPED, now=LATER, post=post, version=1)
    posts.save(post.id, version=1, title="T", body_md="B", now=LATER, form=Form(ADA, "two", shown.ref))
    (kept,) = copies.of_post(ADA, post.id, now=LATER)
    assert kept.fields == [("body", "Typed on in the first tab")]


def test_what_comes_after_the_save_is_an_old_text(post):
    form = Form(ADA, "one")
    copies.keep(form, TYPED, now=NOW, post=post, version=1)
    saved = posts.save(post.id, version=1, title="T", body_md="B", now=LATER, form=form)
    with pytest.raises(Taken):
        copies.keep(form, TYPED, now=LATER, post=saved, version=1, again=True)
    with pytest.raises(Taken):
        copies.keep(Form(ADA, "new"), TYPED, now=LATER, again=True)
    assert count() == 0


def test_a_text_typed_over_a_newer_version_is_kept_without_a_base(post):
    copies.keep(Form(ADA, "one"), TYPED, now=NOW, post=post, version=0)
    assert copies.of_post(ADA, post.id, now=NOW)[0].base is None


def test_copies_are_dropped_after_a_month_and_the_oldest_when_there_are_too_many(post):
    copies.keep(Form(ADA, "old"), TYPED, now=NOW)
    a_month_on = NOW + copies.KEPT_FOR
    assert not copies.of_new_posts(ADA, now=a_month_on)
    for number in range(copies.PER_PERSON + 1):
        copies.keep(Form(ADA, f"form{number}"), TYPED, now=a_month_on + timedelta(seconds=number))
    found = copies.of_new_posts(ADA, now=a_month_on)
    assert len(found) == copies.PER_PERSON == count()
    assert "form0" not in {kept.form_id for kept in found}


@pytest.mark.parametrize("form_id", [None, "", "a" * 65, "é", "a\x00b", "../x"])
def test_a_damaged_form_is_refused_and_finds_nothing(database, form_id):
    with pytest.raises(Invalid):
        copies.keep(Form(ADA, form_id), TYPED, now=NOW)
    assert copies.of_form(ADA, form_id, now=NOW) is None
    copies.discard(Form(ADA, form_id, f"{form_id}.1"))
    copies.discard(Form(ADA, "one", "one.99999999999999999999999"))
    copies.discard(Form(ADA, "one", "one.99999999999999999"))


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\u202e", "", "🦊" * 1000, '"\\'])
def test_any_text_is_kept_on_either_database(database, text):
    copies.keep(Form(ADA, "one"), [("body", text)], now=NOW)
    expected = text.encode("utf-8", "replace").decode()
    assert copies.of_form(ADA, "one", now=NOW).fields == [("body", expected)]


def test_a_form_that_is_kept_many_times_at_once_has_one_copy(database):
    def keep(number):
        with database.app_context():
            copies.keep(Form(ADA, "one"), [("body", str(number))], now=NOW)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(keep, range(24))) == [None] * 24
    assert count() == 1


def test_what_is_too_long_to_keep_is_refused(database):
    copies.keep(Form(ADA, "one"), [("body", "x" * (copies.LONGEST - 100))], now=NOW)
    with pytest.raises(Invalid):
        copies.keep(Form(ADA, "one"), [("body", "x" * copies.LONGEST)], now=NOW)


def test_copies_go_with_their_post_and_along_with_their_writer(post):
    copies.keep(Form(ADA, "one"), TYPED, now=NOW, post=post, version=1)
    copies.keep(Form(ADA, "new"), TYPED, now=NOW)
    copies.keep(Form(BOB, "his"), TYPED, now=NOW)
    with writing() as session:
        copies.take_along(session, ADA, BOB)
    assert (copies.count(ADA), copies.count(BOB)) == (0, 3)
    posts.delete(post.id)
    assert copies.count(BOB) == 2
    with writing() as session:
        copies.drop(session, BOB)
    assert count() == 0
