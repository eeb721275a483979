"""States, the trash and schedules of posts, on both databases."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import func, select

from blog.content import authorship, ownership, posts, trash
from blog.content.readers import ANYBODY, Reader
from blog.content.states import DRAFT, LIVE, SCHEDULED, STATES, TRASH, UNPUBLISHED, Sought, state_of
from blog.db import Post, PostAuthor, Site, Slug, db, writing
from blog.errors import Conflict, Invalid, NotFound

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
LATER, DUE = NOW + timedelta(hours=1), NOW + timedelta(days=1)
ADA, BOB, EVE = (("https://id.example", name) for name in ("ada", "bob", "eve"))
EDITOR = Reader(EVE, everything=True)
DAYS = 30


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


def write(state=DRAFT, *, title="Hello", key=ADA, now=NOW):
    """A post in this state at LATER."""
    publish = state in {LIVE, SCHEDULED, UNPUBLISHED}
    at = DUE if state == SCHEDULED else None
    post = posts.create(key, title=title, body_md="Some words.", now=now, publish=publish, at=at)
    if state == UNPUBLISHED:
        posts.turn(post.id, version=1, publish=False, now=now + timedelta(minutes=1))
    if state == TRASH:
        trash.put(post.id, now=now + timedelta(minutes=1))
    return fresh(post)


def fresh(post):
    return db.session.get(Post, post.id, populate_existing=True)


def save(post, *, now=LATER, **changed):
    text = {"title": post.title, "body_md": post.body_md, "version": post.version}
    return posts.save(post.id, now=now, **text | changed)


def sought(state=None, words="", now=LATER):
    return Sought(now, trash.begins(now, DAYS), state, words)


def titles(page):
    return {post.title for post in page.posts}


def read(slug, reader, now=LATER):
    try:
        return posts.at_slug(slug, now=now, reader=reader).slug
    except NotFound:
        return None


def site_version():
    return db.session.scalar(select(Site.version))


def test_every_post_has_one_state_and_stands_in_one_list():
    written = {state: write(state, title=state.title()) for state in STATES}
    for state, post in written.items():
        assert state_of(post, LATER) == state
        assert titles(posts.of_author(ADA, limit=9, sought=sought(state))) == {state.title()}
        assert titles(posts.of_everybody(limit=9, sought=sought(state))) == {state.title()}
    assert posts.count_states(ADA, sought=sought()) == dict.fromkeys(STATES, 1)
    assert titles(posts.of_author(ADA, limit=9)) == {state.title() for state in STATES if state != TRASH}
    assert posts.count_states(BOB, sought=sought()) == {}


READERS = {"stranger": ANYBODY, "author": Reader(ADA), "co-author": Reader(BOB), "other": Reader(EVE), "editor": EDITOR}


@pytest.mark.parametrize("state", STATES)
def test_who_reads_a_post_in_each_state(state):
    post = write(state)
    with writing() as session:
        row = {"position": 0, "author_issuer": BOB[0], "author_id": BOB[1], "agreed_at": NOW}
        session.add(PostAuthor(post_id=post.id, **row))
    reading = {name for name, reader in READERS.items() if read(post.slug, reader)}
    ours = {"author", "co-author", "editor"}
    assert reading == {LIVE: set(READERS), TRASH: set()}.get(state, ours)
    for name in ours:
        if state == TRASH:
            with pytest.raises(NotFound):
                posts.editable(post.slug, now=LATER, reader=READERS[name])
        else:
            assert posts.editable(post.slug, now=LATER, reader=READERS[name]).id == post.id


AFTER = {  # state before, what is done → state after; None: nothing happens, or that is refused
    (DRAFT, "publish"): LIVE,
    (DRAFT, "unpublish"): DRAFT,
    (DRAFT, "schedule"): SCHEDULED,
    (DRAFT, "trash"): TRASH,
    (SCHEDULED, "publish"): LIVE,
    (SCHEDULED, "unpublish"): DRAFT,
    (SCHEDULED, "schedule"): SCHEDULED,
    (SCHEDULED, "trash"): TRASH,
    (LIVE, "publish"): LIVE,
    (LIVE, "unpublish"): UNPUBLISHED,
    (LIVE, "schedule"): Invalid,
    (LIVE, "trash"): TRASH,
    (UNPUBLISHED, "publish"): LIVE,
    (UNPUBLISHED, "unpublish"): UNPUBLISHED,
    (UNPUBLISHED, "schedule"): SCHEDULED,
    (UNPUBLISHED, "trash"): TRASH,
    (TRASH, "publish"): NotFound,
    (TRASH, "unpublish"): NotFound,
    (TRASH, "schedule"): NotFound,
    (TRASH, "trash"): TRASH,
}
ACTIONS = {
    "publish": lambda post: posts.turn(post.id, version=post.version, publish=True, now=LATER),
    "unpublish": lambda post: posts.turn(post.id, version=post.version, publish=False, now=LATER),
    "schedule": lambda post: save(post, publish=True, at=DUE + timedelta(hours=3)),
    "trash": lambda post: trash.put(post.id, version=post.version, now=LATER),
}


@pytest.mark.parametrize(("state", "action"), list(product(STATES, ACTIONS)))
def test_what_each_action_makes_of_each_state(state, action):
    post, expected = write(state), AFTER[state, action]
    if isinstance(expected, str):
        ACTIONS[action](post)
        assert state_of(fresh(post), LATER) == expected
    else:
        with pytest.raises(expected):
            ACTIONS[action](post)
        assert state_of(fresh(post), LATER) == state


@pytest.mark.parametrize("state", STATES[:-1])
def test_what_comes_back_from_the_trash_is_never_live(state):
    post = write(state)
    trash.put(post.id, now=LATER)
    trash.restore(post.id, now=LATER, trash_from=trash.begins(LATER, DAYS))
    after = DUE + timedelta(days=1)
    assert state_of(fresh(post), after) == (UNPUBLISHED if state in {LIVE, UNPUBLISHED} else DRAFT)
    assert read(post.slug, Reader(ADA), after) == post.slug
    assert read(post.slug, ANYBODY, after) is None


def test_after_its_days_nobody_sees_a_post_in_the_trash_and_the_next_writer_removes_it():
    post, last = write(LIVE), NOW + timedelta(days=DAYS)
    trash.put(post.id, now=NOW)
    almost, over = (sought(TRASH, now=last + timedelta(seconds=more)) for more in (-1, 0))
    assert titles(posts.of_author(ADA, limit=9, sought=almost)) == {"Hello"}
    assert posts.count_states(ADA, sought=almost) == {TRASH: 1}
    assert [each.id for each in posts.chosen({post.id}, sought=almost, reader=Reader(ADA))] == [post.id]
    assert (
        titles(posts.of_author(ADA, limit=9, sought=over)) == titles(posts.of_everybody(limit=9, sought=over)) == set()
    )
    assert posts.count_states(ADA, sought=over) == {}
    assert posts.chosen({post.id}, sought=over, reader=EDITOR) == []
    with pytest.raises(NotFound):
        trash.restore(post.id, now=last, trash_from=over.trash_from)
    assert trash.sweep(trash_from=almost.trash_from) == 0
    assert trash.sweep(trash_from=over.trash_from) == 1
    assert fresh(post) is None
    assert dict(db.session.execute(select(Slug.slug, Slug.post_id)).all()) == {"hello": None}  # it had been public


def test_what_is_in_the_trash_is_removed_for_good_and_nothing_else_is():
    live, thrown = write(LIVE, title="Live"), write(TRASH, title="Thrown")
    with pytest.raises(NotFound):
        trash.delete(live.id)
    trash.delete(thrown.id)
    trash.delete(thrown.id)
    assert db.session.scalars(select(Post.title)).all() == ["Live"]


def test_a_save_of_what_is_in_the_trash_is_refused_and_a_stale_delete_is_a_conflict():
    post = write(LIVE)
    save(post, body_md="Other words.")
    with pytest.raises(Conflict):
        trash.put(post.id, version=post.version, now=LATER)
    trash.put(post.id, now=LATER)
    with pytest.raises(NotFound):
        save(fresh(post), body_md="More words.")


def test_who_may_do_something_with_posts_that_were_chosen():
    live, thrown = write(LIVE), write(TRASH, title="Thrown")
    with writing() as session:
        for post in (live, thrown):
            row = {"position": 0, "author_issuer": BOB[0], "author_id": BOB[1], "agreed_at": NOW}
            session.add(PostAuthor(post_id=post.id, **row))
    may = {
        name: {each.title for each in posts.chosen({live.id, thrown.id}, sought=sought(), reader=reader)}
        for name, reader in READERS.items()
    }
    both = {"Hello", "Thrown"}
    assert may == {"stranger": set(), "author": both, "co-author": {"Hello"}, "other": set(), "editor": both}
    assert titles(posts.of_author(BOB, limit=9, sought=sought(TRASH))) == set()
    assert posts.count_states(BOB, sought=sought()) == {LIVE: 1}


def test_a_scheduled_post_is_there_from_its_moment_on_without_anybody_doing_anything():
    post = write(SCHEDULED)
    before = site_version()
    assert read(post.slug, ANYBODY, DUE - timedelta(microseconds=1)) is None
    assert read(post.slug, ANYBODY, DUE) == post.slug
    assert titles(posts.latest(now=DUE, limit=9)) == {"Hello"}
    assert site_version() == before


def test_the_next_post_that_falls_due_is_told():
    assert posts.next_due(NOW) is None
    write(LIVE)
    write(SCHEDULED, title="Later")
    assert posts.next_due(NOW) == posts.next_due(LATER) == DUE
    assert posts.next_due(DUE) is None


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (LATER, "has passed"),
        (NOW, "has passed"),
        (datetime(1970, 1, 1, tzinfo=UTC), "has passed"),
        (datetime(9998, 1, 1, tzinfo=UTC), "more than ten years"),
    ],
)
def test_a_time_that_makes_no_sense_is_told_at_its_field(at, said):
    draft = write()
    for attempt in (
        lambda: posts.create(ADA, title="New", body_md="Words.", now=LATER, publish=True, at=at),
        lambda: save(draft, publish=True, at=at),
    ):
        with pytest.raises(Invalid) as invalid:
            attempt()
        assert said in invalid.value.problems["publish_at"]
    assert (state_of(fresh(draft), LATER), db.session.scalar(select(func.count()).select_from(Post))) == (DRAFT, 1)


def test_a_schedule_can_be_moved_and_kept_by_other_saves():
    post = write(SCHEDULED)
    post = save(post, body_md="Other words.")
    assert post.published_at == DUE
    post = save(post, publish=True, at=DUE + timedelta(days=2))
    assert post.published_at == DUE + timedelta(days=2)
    post = save(post, publish=True)
    assert (post.published_at, state_of(post, LATER)) == (LATER, LIVE)


def test_an_address_that_nobody_has_seen_is_kept_by_nobody():
    post = save(write(SCHEDULED), title="Renamed")
    assert db.session.scalars(select(Slug.slug)).all() == ["renamed"]
    save(post, publish=False)
    trash.put(post.id, now=LATER)
    trash.delete(post.id)
    assert db.session.scalars(select(Slug.slug)).all() == []


def test_an_address_that_fell_due_by_itself_is_kept():
    post = write(SCHEDULED)
    save(post, title="Renamed", now=DUE + timedelta(hours=1))
    assert set(db.session.scalars(select(Slug.slug))) == {"hello", "renamed"}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("hel", {"Hello"}),
        ("HELLO", {"Hello"}),
        ("100%", {"100% sure"}),
        ("%", {"100% sure"}),
        ("_", set()),
        ("\\", set()),
        ("some words", {"Hello", "100% sure"}),
        ("\x00hel", {"Hello"}),
        ("'; drop table posts", set()),
        ("  ", {"Hello", "100% sure"}),
    ],
)
def test_posts_are_found_by_words_to_the_letter(words, found):
    write()
    write(title="100% sure")
    write(TRASH, title="Hello in the trash")
    assert titles(posts.of_author(ADA, limit=9, sought=sought(words=words))) == found
    assert sum(posts.count_states(ADA, sought=sought(words=words)).get(state, 0) for state in STATES[:-1]) == len(found)


def test_pages_of_what_was_sought_lead_on():
    for number in range(5):
        write(LIVE if number % 2 else DRAFT, title=f"Post {number}", now=NOW + timedelta(minutes=number))
    only = sought(DRAFT)
    page = posts.of_author(ADA, limit=2, sought=only)
    rest = posts.of_author(ADA, limit=2, sought=only, before=page.older)
    assert [post.title for post in [*page.posts, *rest.posts]] == ["Post 4", "Post 2", "Post 0"]
    assert rest.older is None


def test_taking_all_back_makes_drafts_of_what_nobody_saw():
    live, due = write(LIVE), write(SCHEDULED, title="Due")
    with writing() as session:
        assert ownership.unpublish(session, ADA, now=LATER) == 2
    assert [state_of(fresh(post), LATER) for post in (live, due)] == [UNPUBLISHED, DRAFT]


def test_nobody_is_asked_to_be_the_author_of_what_is_in_the_trash():
    post = write()
    with writing() as session:
        session.add(PostAuthor(post_id=post.id, position=0, author_issuer=BOB[0], author_id=BOB[1]))
    assert len(posts.that_ask(BOB, limit=9)) == 1
    trash.put(post.id, now=LATER)
    assert posts.that_ask(BOB, limit=9) == []
    assert authorship.offered(ANYBODY, now=LATER, limit=9) == []
