"""Who may read what: one simple rule, and every reading function against it, on both databases."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, product

import pytest
from sqlalchemy import delete, event, insert, select

from blog.content import posts
from blog.content.readers import ANYBODY, EVERYONE, FOR_EVERYONE, GROUPS, PEOPLE, Audience, Reader
from blog.db import Post, PostAuthor, PostGroup, Site, db, writing
from blog.errors import Conflict, Forbidden, Invalid, Moved, NotFound

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ISSUER = "https://id.example"
ADA, BOB, CLEO, DORA = ((ISSUER, name) for name in ("ada", "bob", "cleo", "dora"))
DESK, STAFF, NOBODYS = "Night Desk", "staff", "nobody's"
OWN = {DESK, STAFF, NOBODYS}
FOR_DESK = Audience(GROUPS, frozenset({DESK}))

AUDIENCES = [
    FOR_EVERYONE,
    Audience(PEOPLE),
    *(Audience(GROUPS, frozenset(some)) for n in (1, 2, 3) for some in combinations(sorted(OWN), n)),
]
STATES = {"live": NOW, "due": LATER + timedelta(seconds=1), "draft": None}
READERS = {
    "stranger": ANYBODY,
    "in no group": Reader(BOB),
    "in another group": Reader(BOB, frozenset({"night desk", "Night", "staff "})),
    "in one group": Reader(BOB, frozenset({DESK})),
    "in both groups": Reader(BOB, frozenset({DESK, STAFF, "more"})),
    "author": Reader(ADA),
    "author in a group": Reader(ADA, frozenset({STAFF})),
    "co-author": Reader(CLEO),
    "asked to be one": Reader(DORA, frozenset({"night desk"})),
    "co-author's namesake elsewhere": Reader(("https://other.example", "cleo")),
    "namesake elsewhere": Reader(("https://other.example", "ada")),
    "editor": Reader(BOB, everything=True),
    "stranger with groups": Reader(None, frozenset({DESK})),
}


def may_read(reader, author_key, published_at, audience):
    """The whole rule."""
    if reader.everything or reader.key in {author_key, CLEO, DORA}:  # all posts have the same two co-authors
        return True
    if published_at is None or published_at > LATER:
        return False
    if audience.visible_to == EVERYONE:
        return True
    return reader.key is not None and (audience.visible_to == PEOPLE or bool(audience.groups & reader.groups))


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


def write(title="Hello", audience=FOR_EVERYONE, *, now=NOW, publish=True, author_key=ADA, form_id=None, own=OWN):
    return posts.create(
        author_key,
        title=title,
        body_md="Words.",
        now=now,
        publish=publish,
        form_id=form_id,
        audience=audience,
        own_groups=own,
    )


def save(post, audience=None, *, title=None, publish=None, version=None, own=OWN):
    return posts.save(
        post.id,
        version=version or post.version,
        title=title or post.title,
        body_md=post.body_md,
        now=LATER,
        publish=publish,
        audience=audience,
        own_groups=own,
    )


def everything_there_could_be():
    """Write a post of every kind, each renamed once, with a co-author and one who is asked; what each is, by slug."""
    kinds = {}
    for number, ((state, published_at), audience) in enumerate(product(STATES.items(), AUDIENCES)):
        post = write(f"Old {number}", audience, now=published_at or NOW, publish=state != "draft")
        post = save(post, title=f"New {number}")
        kinds[post.slug] = (post.author_key, published_at, audience)
        with writing() as session:
            for position, ((issuer, author_id), agreed_at) in enumerate([(CLEO, NOW), (DORA, None), (ADA, NOW)]):
                row = {"author_issuer": issuer, "author_id": author_id, "agreed_at": agreed_at}
                session.execute(insert(PostAuthor).values(post_id=post.id, position=position, **row))
    return kinds


def outcome(read):
    try:
        return read()
    except (NotFound, Moved, Forbidden) as condition:
        return type(condition)


def everywhere(reader, limit=3):
    """Walk the list of live posts to its end, forth and back."""
    page = posts.latest(now=LATER, limit=limit, reader=reader)
    forth = list(page.posts)
    while page.older:
        page = posts.latest(now=LATER, limit=limit, reader=reader, before=page.older)
        forth += page.posts
    back = list(page.posts)
    while page.newer:
        page = posts.latest(now=LATER, limit=limit, reader=reader, after=page.newer)
        back = [*page.posts, *back]
    assert [post.slug for post in back] == [post.slug for post in forth]
    return [post.slug for post in forth]


def test_every_way_to_a_post_agrees_with_the_one_rule():
    kinds = everything_there_could_be()
    for name, reader in READERS.items():
        listed = everywhere(reader)
        for slug, kind in kinds.items():
            readable, live = may_read(reader, *kind), kind[1] is not None and kind[1] <= LATER
            assert (slug in listed) == (readable and live), (name, kind)
            found = outcome(lambda slug=slug, reader=reader: posts.at_slug(slug, now=LATER, reader=reader).slug)
            assert found == (slug if readable else NotFound), (name, kind)
            old = slug.replace("new", "old")
            at_old = outcome(lambda old=old, reader=reader: posts.at_slug(old, now=LATER, reader=reader).slug)
            expected = Moved if readable and live else NotFound  # what nobody has seen yet has left nothing there
            assert at_old == expected, (name, kind)


def test_whom_a_post_is_hidden_from_may_not_even_know_that_it_could_be_edited():
    kinds = everything_there_could_be()
    for name, reader in READERS.items():
        for slug, kind in kinds.items():
            if reader.everything or reader.key in {ADA, CLEO}:
                expected = slug
            else:
                known = may_read(reader, *kind) or kind[2].visible_to == EVERYONE
                expected = Forbidden if known else NotFound
            found = outcome(lambda slug=slug, reader=reader: posts.editable(slug, now=LATER, reader=reader).slug)
            assert found == expected, (name, kind)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_page_is_the_same_as_if_what_is_hidden_were_not_there(reader, limit):
    kinds = everything_there_could_be()

    def pages():
        page = posts.latest(now=LATER, limit=limit, reader=reader)
        walked = [page]
        while page.older:
            page = posts.latest(now=LATER, limit=limit, reader=reader, before=page.older)
            walked.append(page)
        while page.newer:
            page = posts.latest(now=LATER, limit=limit, reader=reader, after=page.newer)
            walked.append(page)
        return [([post.id for post in page.posts], page.older, page.newer) for page in walked]

    before = pages()
    hidden = [slug for slug, kind in kinds.items() if not may_read(reader, *kind)]
    with writing() as session:
        session.execute(delete(Post).where(Post.slug.in_(hidden)))
    assert pages() == before


def test_a_word_that_nobody_knows_hides_a_post():
    post = write()
    with writing() as session:
        session.get(Post, post.id).visible_to = "friends"
    assert [name for name, reader in READERS.items() if everywhere(reader)] == ["author", "author in a group", "editor"]


def test_a_strangers_page_asks_for_posts_and_names_and_no_groups(database):
    everything_there_could_be()
    said = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: said.append(call[2]))
    posts.latest(now=LATER, limit=3)
    posts.at_slug("new-0", now=LATER)
    assert len(said) == 4
    assert "post_groups" not in "".join(said)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_lists_come_by_an_index_in_their_order(database, reader):
    said = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: said.append(call[2:4]))
    posts.latest(now=LATER, limit=3, reader=reader)
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            for other in ("seqscan", "bitmapscan", "sort"):  # which are good enough for an empty table
                connection.exec_driver_sql(f"SET enable_{other} = off")
            plan = connection.exec_driver_sql(f"EXPLAIN {said[0][0]}", said[0][1]).all()
        else:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said[0][0]}", said[0][1]).all()
    assert "USING INDEX ix_posts_" in str(plan) or "Index Scan Backward using ix_posts_" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
    assert "Sort" not in str(plan)


# -- choosing ----------------------------------------------------------------------------------------------------------


def stored(post):
    """What the database holds of whom a post is for."""
    names = db.session.scalars(select(PostGroup.name).where(PostGroup.post_id == post.id)).all()
    return Audience(db.session.scalar(select(Post.visible_to).where(Post.id == post.id)), frozenset(names))


def test_a_post_is_for_everyone_unless_somebody_says_otherwise():
    assert stored(write()) == FOR_EVERYONE


@pytest.mark.parametrize("audience", AUDIENCES)
@pytest.mark.parametrize("before", AUDIENCES)
def test_whom_a_post_is_for_can_be_changed_and_is_kept(before, audience):
    post = write(audience=before)
    assert stored(post) == before
    changed = save(post, audience)
    assert stored(changed) == audience
    assert (changed.visible_to, set(changed.groups)) == audience
    assert stored(save(changed, title="Other")) == audience


def test_groups_that_were_ticked_below_another_choice_do_not_count():
    assert stored(write(audience=Audience(PEOPLE, frozenset({DESK, "not mine"})))) == Audience(PEOPLE)


@pytest.mark.parametrize(
    "audience",
    [Audience(GROUPS), Audience("friends"), Audience(""), Audience(GROUPS, frozenset({DESK, "not mine"}))],
)
def test_a_choice_that_makes_no_sense_or_is_not_ones_own_is_refused_at_its_field(audience):
    with pytest.raises(Invalid) as refused:
        write(audience=audience)
    assert list(refused.value.problems) == ["visible_to"]
    post = write(audience=Audience(PEOPLE))
    with pytest.raises(Invalid) as refused:
        save(post, audience)
    assert list(refused.value.problems) == ["visible_to"]
    assert stored(post) == Audience(PEOPLE)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(Invalid) as refused:
        posts.create(ADA, title="", body_md="", now=NOW, publish=True, audience=Audience(GROUPS))
    assert list(refused.value.problems) == ["title", "body", "visible_to"]


def test_who_is_in_none_of_a_posts_groups_may_leave_them_but_add_none():
    post = write(audience=Audience(GROUPS, frozenset({DESK, STAFF})))
    post = save(post, Audience(GROUPS, frozenset({DESK, STAFF})), title="Edited", own=set())
    post = save(post, FOR_DESK, own={"others"})
    assert stored(post) == FOR_DESK
    with pytest.raises(Invalid):
        save(post, Audience(GROUPS, frozenset({DESK, STAFF})), own=set())


def test_a_post_that_goes_takes_its_groups_along():
    posts.delete(write(audience=FOR_DESK).id)
    assert db.session.scalars(select(PostGroup.name)).all() == []


def test_the_same_form_with_another_audience_shows_both():
    first = write(form_id="f", audience=FOR_DESK)
    assert write(form_id="f", audience=FOR_DESK).id == first.id
    with pytest.raises(Conflict) as conflict:
        write(form_id="f")
    assert (conflict.value.current.visible_to, conflict.value.current.groups) == (GROUPS, [DESK])


def test_another_audience_over_a_newer_version_is_a_conflict_and_the_same_is_not():
    post = write(audience=FOR_DESK)
    save(post, Audience(PEOPLE), version=1)
    with pytest.raises(Conflict):
        save(post, FOR_EVERYONE, version=1)
    assert save(post, Audience(PEOPLE), version=1).version == 2
    assert stored(post) == Audience(PEOPLE)


def test_caches_are_told_when_the_audience_of_a_live_post_changes():
    versions = [write().id and db.session.scalar(select(Site.version))]
    post = db.session.get(Post, 1)
    for audience in (Audience(PEOPLE), FOR_DESK, Audience(GROUPS, frozenset({DESK, STAFF})), FOR_EVERYONE):
        post = save(post, audience)
        versions.append(db.session.scalar(select(Site.version)))
    assert versions == sorted(set(versions))
    save(post, FOR_EVERYONE)
    assert db.session.scalar(select(Site.version)) == versions[-1]


def test_lists_know_the_groups_of_their_posts():
    write(audience=Audience(GROUPS, frozenset({STAFF, DESK, "alpha"})), own={STAFF, DESK, "alpha"})
    db.session.expunge_all()
    (listed,) = posts.latest(now=LATER, limit=9, reader=READERS["in one group"]).posts
    (own,) = posts.of_author(ADA, limit=9).posts
    db.session.remove()
    assert [*listed.groups] == own.groups == ["alpha", DESK, STAFF]
