"""Whose posts are whose: counting, moving, unpublishing, deleting; on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from blog.content import ownership, posts
from blog.content.ownership import Move
from blog.content.readers import Audience
from blog.db import Post, Site, Slug, db, writing
from blog.errors import Invalid, Moved, NotFound

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ISSUER = "https://id.example"
ADA, BOB, CLEO = ((ISSUER, name) for name in ("ada", "bob", "cleo"))


def write(key, title, *, publish=True, now=NOW, **more):
    return posts.create(key, title=title, body_md="Words", now=now, publish=publish, **more)


def version():
    return db.session.scalar(select(Site.version))


def titles(key):
    return {post.title for post in posts.of_author(key, limit=50).posts}


def test_everybody_is_counted(database):
    write(ADA, "One", now=NOW - timedelta(days=9))
    write(ADA, "Two", publish=False)
    write(ADA, "Three", audience=Audience("people"))
    write(ADA, "Later", now=NOW + timedelta(days=1))
    write(BOB, "Other")
    ada, bob = ownership.holdings(now=NOW)
    assert ada == (ADA, 4, 2, 1, 1, NOW - timedelta(days=9), NOW + timedelta(days=1), 0)
    assert bob == (BOB, 1, 1, 0, 0, NOW, NOW, 0)
    assert ownership.holding(BOB, now=NOW) == bob
    assert ownership.holding(CLEO, now=NOW) is None
    assert ownership.holdings(now=NOW, issuer="https://other.example") == []


def test_posts_move_with_everything_but_their_author(database):
    live, draft = write(ADA, "Live"), write(ADA, "Draft", publish=False)
    write(BOB, "Other")
    before = version()
    with writing() as transaction:
        assert ownership.move(transaction, [Move(ADA, CLEO)]) == [(2, 0)]
    assert titles(CLEO) == {"Live", "Draft"}
    assert titles(ADA) == set()
    assert titles(BOB) == {"Other"}
    assert version() == before + 1
    moved = posts.at_slug("live", now=NOW)
    assert (moved.id, moved.version, moved.updated_at) == (live.id, live.version, live.updated_at)
    assert db.session.get(Post, draft.id).published_at is None


def test_caches_are_told_of_what_readers_see_only(database):
    write(ADA, "Draft", publish=False)
    before = version()
    with writing() as transaction:
        ownership.move(transaction, [Move(ADA, BOB)])
        ownership.unpublish(transaction, BOB, now=NOW)
        ownership.delete(transaction, BOB)
    assert version() == before


def test_what_is_taken_back_becomes_a_draft_that_a_form_of_before_does_not_save_over(database):
    post = write(ADA, "Live")
    write(ADA, "Draft", publish=False)
    write(ADA, "Due", now=NOW + timedelta(days=1))
    before = version()
    with writing() as transaction:
        assert ownership.unpublish(transaction, ADA, now=NOW) == 2
    assert version() == before + 1
    with pytest.raises(NotFound):
        posts.at_slug("live", now=NOW)
    again = db.session.get(Post, post.id)
    assert (again.published_at, again.version) == (None, post.version + 1)
    with writing() as transaction:
        assert ownership.unpublish(transaction, ADA, now=NOW) == 0


def test_deleting_leaves_tombstones_where_a_post_was_public_and_nothing_else(database):
    post = write(ADA, "Live")
    posts.save(post.id, version=post.version, title="Renamed", body_md="Words", now=NOW)
    write(ADA, "Draft", publish=False)
    write(ADA, "Grouped", audience=Audience("groups", frozenset({"Desk"})), own_groups={"Desk"})
    write(BOB, "Other")
    with pytest.raises(Moved):
        posts.at_slug("live", now=NOW)
    before = version()
    with writing() as transaction:
        assert ownership.delete(transaction, ADA) == (3, 2, 0)  # of what was for some, nothing may be known
    assert version() == before + 1
    assert [row.title for row in db.session.scalars(select(Post))] == ["Other"]
    slugs = {row.slug: row.post_id for row in db.session.scalars(select(Slug))}
    assert slugs.pop("other")
    assert slugs == {"live": None, "renamed": None}


def test_drafts_can_be_deleted_alone(database):
    write(ADA, "Live")
    write(ADA, "Draft", publish=False)
    with writing() as transaction:
        assert ownership.delete(transaction, ADA, drafts_only=True) == (1, 0, 0)
    assert titles(ADA) == {"Live"}


@pytest.mark.parametrize(
    ("wishes", "problem"),
    [
        ([], "nothing to move"),
        ([(CLEO, ADA)], "nobody with the key cleo of https://id.example"),
        ([(ADA, ADA)], "both the old and the new key"),
        ([(ADA, BOB)], "bob of https://id.example has posts already"),
        ([(ADA, CLEO), (ADA, (ISSUER, "dora"))], "more than once"),
        ([(ADA, CLEO), (BOB, CLEO)], "more than one key would become cleo"),
        ([(ADA, BOB), (BOB, ADA)], "a chain or a circle"),
        ([(ADA, BOB), (BOB, CLEO)], "a chain or a circle"),
    ],
)
def test_what_cannot_be_moved_is_refused(database, wishes, problem):
    write(ADA, "One")
    write(BOB, "Two")
    moves = [Move(old, new, f"line {number}") for number, (old, new) in enumerate(wishes, 2)]
    with pytest.raises(Invalid, match=problem) as refused:
        ownership.check(moves)
    assert set(refused.value.problems) <= {move.where for move in moves} | {""}


def test_merging_puts_together_what_remapping_would_not(database):
    for number, key in enumerate((ADA, BOB, CLEO)):
        write(key, f"Number {number}")
    ownership.check([Move(ADA, CLEO), Move(BOB, CLEO)], merging=True)
    for circle in ([Move(ADA, BOB), Move(BOB, ADA)], [Move(ADA, ADA)], [Move((ISSUER, "dora"), ADA)]):
        with pytest.raises(Invalid):
            ownership.check(circle, merging=True)
