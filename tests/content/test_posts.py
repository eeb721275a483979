"""Posts: their addresses, their states, and the lists they stand in, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from blog.content import posts, slugs
from blog.content.readers import Reader
from blog.content.text import RENDERER_VERSION
from blog.db import Post, Site, Slug, db
from blog.errors import Conflict, Forbidden, Invalid, Moved, NotFound
from tests.conftest import empty

NOW = datetime(2026, 5, 4, 12, 30, 15, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ADA = ("https://id.example", "ada")
BOB = ("https://id.example", "bob")


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


def write(*, title="Hello", body_md="Some *words*.", author_key=ADA, now=NOW, publish=True, form_id=None):
    return posts.create(author_key, title=title, body_md=body_md, now=now, publish=publish, form_id=form_id)


def save(post, *, title=None, body_md=None, version=None, now=LATER, publish=None):
    return posts.save(
        post.id,
        version=post.version if version is None else version,
        title=post.title if title is None else title,
        body_md=post.body_md if body_md is None else body_md,
        now=now,
        publish=publish,
    )


def leads_to(slug, reader_key=None):
    """Follow an address as a reader does; the slug where a post is shown in the end, or None."""
    try:
        return posts.at_slug(slug, now=LATER, reader=Reader(reader_key)).slug
    except Moved as moved:
        return leads_to(moved.slug, reader_key)
    except NotFound:
        return None


def editable(slug, key, everything=False):
    return posts.editable(slug, now=LATER, reader=Reader(key, everything=everything))


def times_asked(deed):
    said = []

    def note(_connection, _cursor, statement, *_):
        if not statement.startswith(("BEGIN", "NOTIFY")):
            said.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    deed()
    event.remove(db.engine, "before_cursor_execute", note)
    return len(said)


def test_a_save_asks_the_database_no_more_often_than_it_did():
    made = write()
    assert times_asked(lambda: write(title="A draft", publish=False)) == 4
    assert times_asked(lambda: write(title="A post", form_id="form")) == 7
    assert times_asked(lambda: save(made, body_md="Other *words*.")) == 11
    assert times_asked(lambda: save(made, version=2, title="Another title", body_md="More words.")) == 13
    assert times_asked(lambda: posts.turn(made.id, version=3, publish=False, now=LATER)) == 6


def kept_slugs():
    return dict(db.session.execute(select(Slug.slug, Slug.post_id)).all())


def site_version():
    return db.session.scalar(select(Site.version))


# -- creating --------------------------------------------------------------------------------------------------------


def test_a_post_is_kept_as_it_was_written():
    post = write(title="  Cafe\u0301 ", body_md="Some *words*.\r\n")
    db.session.expunge_all()
    kept = posts.at_slug("cafe", now=NOW)
    assert kept is not post
    assert (kept.title, kept.body_md, kept.author_key) == ("Café", "Some *words*.", ADA)
    assert (kept.body_html, kept.html_version) == ("<p>Some <em>words</em>.</p>\n", RENDERER_VERSION)
    assert kept.excerpt == "Some words."
    assert (kept.created_at, kept.updated_at, kept.published_at, kept.version) == (NOW, NOW, NOW, 1)


def test_every_mistake_is_named_at_once_and_nothing_is_kept():
    with pytest.raises(Invalid) as refusal:
        write(title=" ", body_md="\x00")
    assert list(refusal.value.problems) == ["title", "body"]
    assert kept_slugs() == {}


@pytest.mark.parametrize(
    ("mistake", "field"),
    [
        ({"title": "a" * (posts.TITLE_LONGEST + 1)}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"body_md": "a" * (posts.BODY_LONGEST + 1)}, "body"),
        ({"body_md": "<div>" * 5_000}, "body"),
        ({"form_id": "a" * 65}, ""),
        ({"form_id": "\x00"}, ""),
        ({"form_id": ""}, ""),
    ],
)
def test_what_cannot_be_kept_is_refused(mistake, field):
    with pytest.raises(Invalid) as refusal:
        write(**mistake)
    assert list(refusal.value.problems) == [field]


def test_the_longest_title_and_body_fit():
    assert write(title="é" * posts.TITLE_LONGEST, body_md="é" * (posts.BODY_LONGEST // 2)).version == 1


def test_the_same_title_twice_makes_two_addresses():
    assert [write().slug, write(author_key=BOB).slug, write().slug] == ["hello", "hello-2", "hello-3"]


def test_a_post_never_takes_an_address_of_ours():
    assert write(title="Dashboard").slug == "dashboard-post"


def test_a_draft_whose_form_is_sent_again_to_publish_it_is_published():
    first = write(form_id="f", publish=False)
    again = write(form_id="f", publish=True, now=LATER)
    assert (again.id, again.published_at, again.version) == (first.id, LATER, first.version + 1)
    assert posts.at_slug(again.slug, now=LATER).id == first.id
    assert write(form_id="f", publish=False).published_at == LATER  # saving a draft takes nothing back


def test_the_same_form_sent_twice_makes_one_post():
    assert write(form_id="f").id == write(form_id="f").id
    assert list(kept_slugs()) == ["hello"]


@pytest.mark.parametrize("change", [{"title": "Other"}, {"body_md": "Other."}])
def test_the_same_form_with_something_else_shows_both(change):
    first = write(form_id="f")
    with pytest.raises(Conflict) as conflict:
        write(form_id="f", **change)
    assert conflict.value.current.id == first.id
    assert conflict.value.current.body_html == "<p>Some <em>words</em>.</p>\n"


def test_somebody_elses_form_gives_nothing_away():
    write(form_id="f", publish=False)
    with pytest.raises(Forbidden):
        write(form_id="f", publish=False, author_key=BOB)


# -- saving ----------------------------------------------------------------------------------------------------------


def test_a_save_replaces_the_text_and_counts():
    post = save(write(), body_md="New.")
    db.session.expunge_all()
    kept = posts.at_slug("hello", now=LATER)
    assert (kept.body_html, kept.excerpt, kept.version) == ("<p>New.</p>\n", "New.", 2)
    assert (kept.created_at, kept.published_at, kept.updated_at) == (NOW, NOW, LATER)
    assert post.version == 2


def test_a_save_over_a_newer_version_carries_what_is_stored():
    post = write()
    save(post, body_md="Newer.")
    db.session.expunge_all()
    with pytest.raises(Conflict) as conflict:
        save(post, body_md="Stale.", version=1)
    assert (conflict.value.current.body_md, conflict.value.current.version) == ("Newer.", 2)
    assert posts.at_slug("hello", now=LATER).body_md == "Newer."


@pytest.mark.parametrize("version", [1, 2, 7])
def test_saving_what_is_stored_already_is_no_conflict_and_no_change(version):
    post = save(write(), body_md="Newer.")
    before = site_version()
    again = save(post, body_md="Newer.", version=version, now=LATER + timedelta(hours=1))
    assert (again.version, again.updated_at, site_version()) == (2, LATER, before)


def test_a_save_after_a_delete_finds_nothing_even_if_the_next_post_could_have_its_id():
    post = write()
    posts.delete(post.id)
    other = write(title="Other", author_key=BOB)
    assert other.id != post.id
    with pytest.raises(NotFound):
        save(post, body_md="New.")


def test_a_refused_save_changes_nothing():
    post = write()
    with pytest.raises(Invalid):
        save(post, title="", body_md="New.")
    assert posts.at_slug("hello", now=NOW).body_md == "Some *words*."


@pytest.mark.parametrize(
    ("steps", "published_at"),
    [
        ([None], None),
        ([True], LATER),
        ([True, True], LATER),
        ([True, None], LATER),
        ([True, False], None),
        ([True, False, True], LATER + timedelta(hours=2)),
    ],
)
def test_publishing_counts_from_the_last_time_it_was_begun(steps, published_at):
    post = write(publish=False)
    for number, publish in enumerate(steps):
        post = save(post, body_md=f"Step {number}.", publish=publish, now=LATER + timedelta(hours=number))
    assert post.published_at == published_at


# -- addresses -------------------------------------------------------------------------------------------------------


def test_an_old_slug_leads_to_the_post():
    save(write(), title="World")
    assert leads_to("hello") == leads_to("world") == "world"


def test_a_post_may_have_its_first_address_back():
    save(save(write(), title="World"), title="Hello")
    assert leads_to("hello") == leads_to("world") == "hello"


def test_a_change_of_title_that_asks_for_the_same_slug_moves_nothing():
    write()
    second = write()
    assert save(second, title="Hello!").slug == "hello-2"


def test_a_title_may_ask_for_the_very_slug_the_post_has():
    write()
    assert save(write(publish=False), title="Hello 2").slug == "hello-2"
    assert leads_to("hello-2", ADA) == "hello-2"


def test_an_old_address_is_never_given_to_another_post():
    save(write(), title="World")
    assert write(author_key=BOB).slug == "hello-2"
    assert leads_to("hello") == "world"


def test_a_draft_lets_go_of_the_addresses_nobody_saw():
    save(save(write(publish=False), title="Wor"), title="World")
    assert list(kept_slugs()) == ["world"]


def test_a_post_that_was_taken_back_keeps_the_addresses_it_was_seen_at():
    post = save(save(write(), publish=False), title="Wor")
    post = save(post, title="World")
    assert leads_to("hello") is None
    save(post, publish=True)
    assert leads_to("hello") == "world"
    assert sorted(kept_slugs()) == ["hello", "world"]


def test_a_deleted_posts_addresses_may_be_taken_by_another_post():
    posts.delete(save(write(), title="World").id)
    assert kept_slugs() == {"hello": None, "world": None}
    assert leads_to("hello") is None
    other = write(author_key=BOB)
    assert (other.slug, leads_to("hello")) == ("hello", "hello")


def test_a_draft_that_took_a_deleted_posts_address_may_let_it_go():
    posts.delete(write().id)
    save(write(publish=False), title="World")
    assert list(kept_slugs()) == ["world"]


def test_a_deleted_draft_leaves_no_address():
    posts.delete(write(publish=False).id)
    assert kept_slugs() == {}


def test_deleting_twice_is_deleting_once():
    post = write()
    posts.delete(post.id)
    posts.delete(post.id)
    assert post.title == "Hello"


@pytest.mark.parametrize(
    ("published", "reader_key", "seen"),
    [
        (NOW, None, True),
        (NOW, BOB, True),
        (LATER, None, True),
        (LATER + timedelta(microseconds=1), None, False),
        (LATER + timedelta(microseconds=1), ADA, True),
        (None, None, False),
        (None, BOB, False),
        (None, ("https://other.example", "ada"), False),
        (None, ADA, True),
    ],
)
def test_readers_see_live_posts_and_their_own(published, reader_key, seen):
    post = write(publish=published is not None, now=published or NOW)
    assert (leads_to(post.slug, reader_key) is not None) == seen


@pytest.mark.parametrize("reader_key", [None, BOB])
def test_an_old_slug_gives_no_draft_away(reader_key):
    save(save(write(), title="World"), publish=False)
    assert leads_to("hello", reader_key) is None
    assert leads_to("hello", ADA) == "world"


@pytest.mark.parametrize("slug", ["", "\x00", "\ud800", "a" * 81, "Hello", "hello-", "..", "%", "' OR 1=1 --"])
def test_an_address_no_post_can_have_is_not_even_looked_up(slug):
    write()
    for find in (lambda: posts.at_slug(slug, now=NOW), lambda: editable(slug, ADA)):
        with pytest.raises(NotFound):
            find()


def test_authors_find_their_own_posts_in_any_state():
    post = write(publish=False)
    assert editable("hello", ADA).id == post.id
    with pytest.raises(Forbidden):
        editable("hello", BOB)
    with pytest.raises(NotFound):
        editable("world", ADA)
    post = save(post, title="World", publish=True)
    save(post, title="Earth")
    with pytest.raises(Moved, match="earth"):
        editable("world", ADA)
    with pytest.raises(Forbidden):
        editable("world", BOB)


def test_who_may_work_on_everybodys_posts_finds_them_and_stays_out_of_the_byline():
    post = write(publish=False)
    assert posts.at_slug("hello", now=NOW, reader=Reader(BOB, everything=True)).id == post.id
    assert editable("hello", BOB, everything=True).id == post.id
    assert save(post, title="World", publish=True).author_key == ADA
    with pytest.raises(NotFound):
        editable("nowhere", BOB, everything=True)


RENAMES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["A", "B", "C", "A 2", "Dashboard", "!"]), st.booleans()), max_size=12
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RENAMES)
def test_any_number_of_renames_loses_no_address(renames):
    empty()
    db.session.expunge_all()
    written = [write(title=title, author_key=(ADA[0], title)) for title in "ABC"]
    seen = {post.slug: index for index, post in enumerate(written)}
    for index, title, publish in renames:
        written[index] = save(written[index], title=title, publish=publish)
        if publish:
            seen[written[index].slug] = index
    written = [save(post, publish=True) for post in written]
    for slug, index in seen.items():
        assert slugs.is_slug(slug)
        assert leads_to(slug) == written[index].slug


# -- what caches go by -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        (lambda: write(publish=True), True),
        (lambda: write(publish=False), False),
        (lambda: save(write(publish=False), body_md="New."), False),
        (lambda: posts.delete(write(publish=False).id), False),
    ],
)
def test_the_site_changes_with_what_readers_see(change, moves):
    before = site_version()
    change()
    assert (site_version() > before) == moves


@pytest.mark.parametrize(
    "change",
    [
        lambda post: save(post, body_md="New."),
        lambda post: save(post, title="World"),
        lambda post: save(post, publish=False),
        lambda post: posts.delete(post.id),
    ],
)
def test_the_site_changes_once_with_each_change_of_a_live_post(change):
    post = write()
    before = site_version()
    change(post)
    assert site_version() == before + 1


def test_the_site_changes_when_a_draft_comes_out():
    post = write(publish=False)
    before = site_version()
    save(post, publish=True)
    assert site_version() == before + 1


# -- lists -----------------------------------------------------------------------------------------------------------


def pages(list_posts, limit):
    """Walk a list to its end; each page as a list of ids."""
    page = list_posts(limit=limit)
    walked = [page]
    while page.older:
        page = list_posts(limit=limit, before=page.older)
        walked.append(page)
    return walked


def ids(walked):
    return [post.id for page in walked for post in page.posts]


MOMENTS = st.lists(st.integers(0, 4), max_size=14)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOMENTS, st.integers(1, 5))
def test_paging_neither_skips_nor_repeats_while_posts_share_moments(moments, limit):
    empty()
    db.session.expunge_all()
    written = [write(now=NOW + timedelta(microseconds=moment)) for moment in moments]
    newest_first = [post.id for post in sorted(written, key=lambda post: (post.published_at, post.id), reverse=True)]
    for list_posts in (
        lambda **paging: posts.latest(now=LATER, **paging),
        lambda **paging: posts.of_author(ADA, **paging),
    ):
        forth = pages(list_posts, limit)
        assert ids(forth) == newest_first
        assert forth[0].newer is None
        back = [forth[-1]]
        while back[0].newer:
            back.insert(0, list_posts(limit=limit, after=back[0].newer))
        assert ids(back) == newest_first


def test_a_post_published_while_somebody_pages_repeats_nothing():
    written = [write(now=NOW + timedelta(minutes=minute)) for minute in range(4)]
    first = posts.latest(now=LATER, limit=2)
    write(now=NOW + timedelta(minutes=9))
    second = posts.latest(now=LATER, limit=2, before=first.older)
    assert ids([first, second]) == [post.id for post in reversed(written)]
    assert first.newer is None
    assert posts.latest(now=LATER, limit=9, after=second.newer).posts[-1].id == second.posts[0].id + 1


def test_lists_show_live_posts_or_ones_own():
    live, draft = write(), write(publish=False)
    due, other = write(now=LATER + timedelta(seconds=1)), write(author_key=BOB, publish=False)
    assert ids([posts.latest(now=LATER, limit=9)]) == [live.id]
    assert ids([posts.of_author(ADA, limit=9)]) == [due.id, draft.id, live.id]
    assert ids([posts.of_author(BOB, limit=9)]) == [other.id]


def test_a_list_loads_no_texts_and_needs_no_session_afterwards():
    write()
    db.session.expunge_all()
    (post,) = posts.latest(now=NOW, limit=9).posts
    assert post.body_html is None
    db.session.remove()
    assert (post.title, post.slug, post.excerpt, post.author_key) == ("Hello", "hello", "Some words.", ADA)
    assert post.is_live(NOW)


def test_a_post_seen_in_a_list_can_be_read_whole_afterwards():
    write()
    db.session.expunge_all()
    page = posts.latest(now=NOW, limit=9)
    assert posts.at_slug(page.posts[0].slug, now=NOW).body_html == "<p>Some <em>words</em>.</p>\n"


@pytest.mark.parametrize("paging", [{"before": "1-1"}, {"after": "99999999999999999-1"}])
def test_past_either_end_there_is_an_empty_page(paging):
    write()
    assert posts.latest(now=NOW, limit=2, **paging) == ([], None, None)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "1",
        "-1-1",
        "1-",
        "x-1",
        "1-x",
        "1-1 ",
        "1-1\n",
        "٣-1",
        "\x00",
        "\ud800",
        "1e9-1",
        "9" * 99 + "-1",
        "1-9999999999",
    ],
)
def test_a_senseless_cursor_leads_nowhere(cursor):
    for paging in ({"before": cursor}, {"after": cursor}):
        with pytest.raises(NotFound):
            posts.latest(now=NOW, limit=2, **paging)


@pytest.mark.parametrize("cursor", ["99999999999999999-999999999", "0-0"])
def test_a_cursor_far_away_is_no_trouble_for_the_database(cursor):
    assert posts.of_author(ADA, limit=2, before=cursor).posts == []


def test_both_directions_at_once_lead_nowhere():
    with pytest.raises(NotFound):
        posts.latest(now=NOW, limit=2, before="1-1", after="1-1")


def test_a_list_asks_which_posts_and_of_those_that_are_not_known_all_but_their_texts(database):
    write()
    statements = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    for _ in range(2):
        assert len(posts.latest(now=NOW, limit=2).posts) == 1
    which, what, again = statements
    assert which == again
    assert "body" not in which
    assert what.count("body") == what.count("THEN posts.body_html END") == 1  # a note's alone


def test_a_post_keeps_its_microseconds():
    assert db.session.get(Post, write().id, populate_existing=True).published_at == NOW


def test_posts_and_authors_are_counted_by_issuer():
    elsewhere = ("https://old.example", "ada")
    for author_key, publish in ((ADA, True), (ADA, False), (BOB, True), (elsewhere, True)):
        write(author_key=author_key, publish=publish)
    assert posts.count_by_issuer() == {"https://id.example": 3, "https://old.example": 1}
    assert set(posts.some_authors("https://id.example", limit=20)) == {ADA, BOB}
    assert len(posts.some_authors("https://id.example", limit=1)) == 1
    assert posts.some_authors("https://nobody.example", limit=20) == []
