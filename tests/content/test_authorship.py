"""Who is named above a post: in order, with everybody's leave, and guests as text; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select

from blog.content import authorship, handles, ownership, posts
from blog.content.authorship import Naming
from blog.content.ownership import Move
from blog.content.readers import ANYBODY, Audience, Reader
from blog.db import Named, PostAuthor, Site, db, writing
from blog.errors import Conflict, Forbidden, Invalid, NotFound

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ISSUER = "https://id.example"
ADA, BOB, CLEO, DORA = ((ISSUER, name) for name in ("ada", "bob", "cleo", "dora"))
GUEST = Named(None, guest="Grace Guest")


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables, and four authors with pages."""
    with writing() as session:
        for key in (ADA, BOB, CLEO, DORA):
            handles.keep(session, key, f"{key[1]}-page", NOW)


def write(title="Hello", *, author_key=ADA, publish=True, now=NOW, **more):
    return posts.create(author_key, title=title, body_md="Words.", now=now, publish=publish, **more)


def name(post, *who, unasked=False, version=None, now=LATER):
    """Save a post with these authors: keys, or guests' names."""
    named = tuple(Named(None, guest=each) if isinstance(each, str) else Named(each) for each in who)
    return posts.save(
        post.id,
        version=version or post.version,
        title=post.title,
        body_md=post.body_md,
        now=now,
        naming=Naming(named, unasked=unasked),
    )


def seen(post, reader=ANYBODY):
    """Who stands above a post for readers, by their ids and guests' names."""
    db.session.expunge_all()
    found = posts.at_slug(post.slug, now=LATER, reader=reader)
    return [each.guest or each.key[1] for each in found.named]


def rows():
    return db.session.execute(
        select(PostAuthor.author_id, PostAuthor.guest, PostAuthor.agreed_at.is_not(None)).order_by(
            PostAuthor.post_id, PostAuthor.position
        )
    ).all()


def site_version():
    return db.session.scalar(select(Site.version))


def titles(page):
    return [post.title for post in page.posts]


# -- who is shown, and in which order ----------------------------------------------------------------------------------


def test_an_ordinary_post_is_its_holders_and_costs_no_row():
    post = write()
    assert seen(post) == ["ada"]
    name(post, ADA)
    assert rows() == []
    assert db.session.scalar(select(PostAuthor)) is None


def test_the_order_is_free_and_kept():
    post = name(write(), "Grace Guest", BOB, ADA, CLEO, unasked=True)
    assert seen(post) == ["Grace Guest", "bob", "ada", "cleo"]
    post = name(post, CLEO, ADA, "Grace Guest", BOB)
    assert seen(post) == ["cleo", "ada", "Grace Guest", "bob"]
    post = name(post, ADA)
    assert seen(post) == ["ada"]
    assert rows() == []


def test_nobody_is_shown_who_did_not_agree():
    post = name(write(), BOB, ADA)
    assert seen(post) == ["ada"]
    assert [(each.key, each.agreed) for each in posts.at_slug("hello", now=LATER).listed] == [(BOB, False), (ADA, True)]
    authorship.agree(post.id, BOB, now=LATER)
    assert seen(post) == ["bob", "ada"]


def test_whom_an_editor_names_needs_not_be_asked_and_whom_the_holder_had_named_still_is():
    post = name(write(), ADA, BOB)
    post = name(post, ADA, BOB, CLEO, unasked=True)
    assert seen(post) == ["ada", "cleo"]


def test_an_answer_outlives_other_changes_of_the_list_but_not_being_taken_off():
    post = name(write(), ADA, BOB)
    authorship.agree(post.id, BOB, now=LATER)
    post = name(post, BOB, "Grace Guest", ADA)
    assert seen(post) == ["bob", "Grace Guest", "ada"]
    post = name(name(post, ADA), ADA, BOB)
    assert seen(post) == ["ada"]


def test_a_holder_may_leave_themself_out_and_stands_there_while_nobody_else_does():
    post = name(write(), BOB)
    assert seen(post) == ["ada"]
    authorship.agree(post.id, BOB, now=LATER)
    assert seen(post) == ["bob"]
    authorship.leave(post.id, BOB)
    assert seen(post) == ["ada"]
    assert seen(name(posts.at_slug("hello", now=LATER), "Grace Guest")) == ["Grace Guest"]


def test_an_empty_list_means_the_holder():
    assert seen(name(name(write(), "Grace Guest"))) == ["ada"]
    assert rows() == []


def test_agreeing_twice_is_once_and_agreeing_unasked_is_refused():
    post = name(write(), ADA, BOB)
    before = site_version()
    authorship.agree(post.id, BOB, now=LATER)
    authorship.agree(post.id, BOB, now=LATER)
    assert site_version() == before + 1
    for key in (CLEO, ADA):
        authorship.leave(post.id, CLEO)
        if key == CLEO:
            with pytest.raises(NotFound):
                authorship.agree(post.id, key, now=LATER)
    assert site_version() == before + 1


def test_whoever_declined_is_not_put_back_by_a_form_from_before():
    post = name(write(), ADA, BOB)
    authorship.leave(post.id, BOB)
    with pytest.raises(Conflict):
        name(post, ADA, BOB, CLEO)
    assert rows() == [("ada", None, True)]


def test_caches_are_told_of_what_readers_see_only():
    draft, live = write("Draft", publish=False), write("Live")
    before = site_version()
    draft = name(draft, ADA, BOB)
    authorship.agree(draft.id, BOB, now=LATER)
    authorship.leave(draft.id, BOB)
    assert site_version() == before
    live = name(live, ADA, BOB)
    authorship.agree(live.id, BOB, now=LATER)
    authorship.leave(live.id, BOB)
    assert site_version() == before + 3
    authorship.leave(live.id, BOB)
    assert site_version() == before + 3


def test_changing_the_authors_is_a_save_and_the_same_again_is_none():
    post = name(write(), ADA, "Grace Guest")
    assert post.version == 2
    assert name(post, ADA, "Grace Guest").version == 2
    assert name(post, ADA, "Grace Guest", version=1).version == 2, "a form that was sent twice"
    with pytest.raises(Conflict):
        name(post, "Grace Guest", ADA, version=1)
    assert name(post, "Grace Guest", ADA).version == 3


def test_who_does_not_speak_of_authors_changes_none():
    post = name(write(), BOB, ADA, unasked=True)
    posts.save(post.id, version=post.version, title="Other", body_md="Words", now=LATER)
    assert [each.key for each in posts.at_slug("other", now=LATER).named] == [BOB, ADA]


def test_a_post_that_goes_takes_its_authors_along():
    posts.delete(name(write(), BOB, "Grace Guest").id)
    assert rows() == []


# -- what cannot be named ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who",
    [
        (BOB, BOB),
        (ADA, "Grace Guest", "Grace Guest"),
        ("",),
        (" \u200b\u2800",),
        ("x" * 81,),
        ("x" * 10_000,),
        ("e" + "\u0301" * 10_000,),
        ("a\x00b",),
        ("a\ud800b",),
        ("a\x1bb",),
        tuple(f"Guest {number}" for number in range(21)),
    ],
)
def test_what_cannot_stand_above_a_post_is_refused_at_its_field(who):
    post = write()
    with pytest.raises(Invalid) as refused:
        name(post, *who)
    assert list(refused.value.problems) == ["authors"]
    assert rows() == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u202eecarG\u202c  Guest", "ecarG Guest"),
        ("Grace\r\n  Guest", "Grace Guest"),
        ("Rene\u0301", "René"),
        ("page bob-page", "page bob-page"),
        ("holder", "holder"),
    ],
)
def test_a_guest_is_one_line_of_plain_text(typed, kept):
    post = name(write(), typed)
    assert seen(post) == [kept]
    again = posts.at_slug(post.slug, now=LATER)
    assert authorship.read(again, authorship.as_written(again, again.listed)) == again.listed


def test_twenty_can_stand_above_a_post():
    assert len(seen(name(write(), *(f"Guest {number}" for number in range(20))))) == 20


# -- how a form says it ------------------------------------------------------------------------------------------------


def test_a_form_names_people_by_their_pages_and_never_by_their_keys():
    post = posts.at_slug(name(write(), BOB, "Grace Guest", ADA).slug, now=LATER)
    words = authorship.as_written(post, post.listed)
    assert words == ["page bob-page", "guest Grace Guest", "holder"]
    assert authorship.read(post, words) == post.listed


def test_an_address_somebody_had_before_means_them_still():
    handles.pick(BOB, "Bobby", now=LATER)
    (named,) = authorship.read(posts.at_slug(write().slug, now=LATER), ["page BOB-page"])
    assert (named.key, named.handle, named.agreed) == (BOB, "bobby", False)


@pytest.mark.parametrize(
    "words",
    [["page nobody-here"], ["page"], ["page ' OR 1=1"], [""], ["former"], ["\x00"], [f"{ISSUER} bob"], ["x" * 99_999]],
)
def test_what_nobody_could_have_meant_is_shown_and_refused(words):
    post = posts.at_slug(write().slug, now=LATER)
    named = authorship.read(post, words)
    assert [each.key for each in named] == [None]
    with pytest.raises(Invalid):
        authorship.settled(Naming(tuple(named)))


def test_a_list_without_end_is_cut_and_refused():
    named = authorship.read(posts.at_slug(write().slug, now=LATER), ["holder"] * 5000)
    with pytest.raises(Invalid):
        authorship.settled(Naming(tuple(named)))


@pytest.mark.parametrize(
    ("number", "moved"), [(0, "abc"), (1, "bac"), (2, "acb"), (3, "abc"), (-1, "abc"), (999, "abc")]
)
def test_one_of_a_list_moves_up(number, moved):
    assert authorship.moved_up(list("abc"), number) == list(moved)


@pytest.mark.parametrize(("number", "left"), [(0, "bc"), (2, "ab"), (3, "abc"), (-1, "abc")])
def test_one_of_a_list_is_taken_off(number, left):
    assert authorship.without(list("abc"), number) == list(left)


@pytest.mark.parametrize(
    "typed", ["bob-page", "BOB-PAGE ", "https://blog.example/author/bob-page/", "/author/bob-page"]
)
def test_somebody_is_added_by_any_form_of_their_address(typed):
    assert authorship.joined(["holder"], pages=[typed], guest=" Grace  Guest ") == [
        "holder",
        "page bob-page",
        "guest Grace Guest",
    ]


def test_whoever_is_not_here_cannot_be_added():
    with pytest.raises(Invalid):
        authorship.joined([], pages=["nobody-here"], guest="")
    with pytest.raises(Invalid):
        authorship.joined(["holder"] * 20, pages=["bob-page"], guest="")


# -- rights ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def draft():
    """A draft of Ada's that Bob agreed to be an author of, and Cleo is asked to."""
    post = name(write("Draft", publish=False), ADA, BOB, CLEO)
    authorship.agree(post.id, BOB, now=LATER)
    return posts.at_slug("draft", now=LATER, reader=Reader(ADA))


def test_a_co_author_works_on_a_post_and_whoever_is_asked_only_reads_it(draft):
    assert posts.editable("draft", now=LATER, reader=Reader(BOB)).id == draft.id
    assert posts.at_slug("draft", now=LATER, reader=Reader(CLEO)).id == draft.id
    for stranger_to_it in (CLEO, DORA):
        with pytest.raises(Forbidden):
            posts.editable("draft", now=LATER, reader=Reader(stranger_to_it))
    with pytest.raises(NotFound):
        posts.at_slug("draft", now=LATER, reader=Reader(DORA))
    may_choose = {key[1] for key in (ADA, BOB, CLEO, DORA) if authorship.may_choose(draft, Reader(key))}
    assert may_choose == {"ada"}
    assert authorship.may_choose(draft, Reader(DORA, everything=True))


def test_whoever_took_their_name_off_reads_a_draft_no_more(draft):
    authorship.leave(draft.id, BOB)
    with pytest.raises(NotFound):
        posts.at_slug("draft", now=LATER, reader=Reader(BOB))
    assert titles(posts.of_author(BOB, limit=9)) == []


def test_everybody_finds_what_asks_them_and_what_they_write_with_others(draft):
    write("Own", author_key=BOB, now=NOW - timedelta(days=1))
    assert titles(posts.of_author(ADA, limit=9)) == ["Draft"]
    assert titles(posts.of_author(BOB, limit=9)) == ["Draft", "Own"]
    assert titles(posts.of_author(CLEO, limit=9)) == []
    asking = {key[1]: [post.title for post in posts.that_ask(key, limit=9)] for key in (ADA, BOB, CLEO)}
    assert asking == {"ada": [], "bob": [], "cleo": ["Draft"]}
    for key in (BOB, CLEO):
        assert posts.asking("draft", now=LATER, reader=Reader(key)).id == draft.id
    for key in (ADA, DORA, None):
        with pytest.raises(NotFound):
            posts.asking("draft", now=LATER, reader=Reader(key))


def test_a_hidden_post_stays_hidden_for_a_namesake_elsewhere(draft):
    with pytest.raises(NotFound):
        posts.at_slug("draft", now=LATER, reader=Reader(("https://other.example", "bob")))


# -- authors' pages ----------------------------------------------------------------------------------------------------


def page_of(key, reader=ANYBODY, **more):
    return titles(posts.latest(now=LATER, limit=9, reader=reader, author_key=key, **more))


def test_a_page_has_what_readers_see_its_author_named_above():
    name(write("With Bob", now=NOW), ADA, BOB, unasked=True)
    name(write("By Bob", now=NOW + timedelta(minutes=1)), BOB, unasked=True)
    name(write("Asked", now=NOW + timedelta(minutes=2)), BOB)
    name(write("By a guest", now=NOW + timedelta(minutes=3)), "Grace Guest")
    name(write("Draft", publish=False), ADA, BOB, unasked=True)
    assert page_of(ADA) == ["Asked", "With Bob"]
    assert page_of(BOB) == ["By Bob", "With Bob"]
    assert page_of(BOB, Reader(BOB)) == ["By Bob", "With Bob"]
    assert titles(posts.of_author(ADA, limit=9)) != []


def test_a_page_shows_nothing_that_its_reader_may_not_read():
    post = write("Grouped", audience=Audience("groups", frozenset({"Desk"})), own_groups={"Desk"})
    name(post, ADA, BOB, unasked=True)
    assert page_of(BOB) == page_of(BOB, Reader(DORA)) == []
    assert page_of(BOB, Reader(DORA, frozenset({"Desk"}))) == page_of(BOB, Reader(BOB)) == ["Grouped"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_paging_goes_through_ones_own_and_others_posts_in_one_order(limit):
    for number in range(12):
        moment = NOW + timedelta(minutes=number // 2)
        post = write(f"Number {number:02}", author_key=(ADA, BOB)[number % 2], now=moment)
        name(post, ADA, BOB, unasked=True, now=moment)
    expected = [f"Number {number:02}" for number in reversed(range(12))]
    for listed in (
        lambda **at: posts.latest(now=LATER, limit=limit, author_key=ADA, **at),
        lambda **at: posts.of_author(ADA, limit=limit, **at),
    ):
        page = listed()
        forth = titles(page)
        while page.older:
            page = listed(before=page.older)
            forth += titles(page)
        back = titles(page)
        while page.newer:
            page = listed(after=page.newer)
            back = titles(page) + back
        assert forth == back == expected


def test_names_of_a_whole_page_cost_no_query_of_their_own(database):
    for number in range(5):
        name(write(f"Number {number}"), ADA, BOB, CLEO, f"Guest {number}", unasked=True)
    said = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: said.append(call[2]))
    for listed in (posts.latest(now=LATER, limit=9), posts.latest(now=LATER, limit=9, author_key=BOB)):
        assert all(len(post.named) == 4 for post in listed.posts)
        assert [each.handle for each in listed.posts[0].named] == ["ada-page", "bob-page", "cleo-page", None]
    assert len(said) == 3  # of the second list they are known


def test_only_authors_whose_pages_somebody_finds_are_offered():
    write("Live")
    write("Draft", author_key=BOB, publish=False)
    write("Due", author_key=BOB, now=LATER + timedelta(days=1))
    write("Limited", author_key=CLEO, audience=Audience("groups", frozenset({"Desk"})), own_groups={"Desk"})
    name(write("Ghost", author_key=DORA), "Grace Guest")

    def offered(reader, **more):
        return {key[1] for key, _ in authorship.offered(reader, now=LATER, limit=9, **more)}

    assert offered(Reader(ADA)) == {"ada"}
    assert offered(Reader(ADA, frozenset({"Desk"}))) == {"ada", "cleo"}
    assert offered(Reader(ADA), among=[BOB, CLEO]) == set()
    name(posts.at_slug("live", now=LATER), ADA, DORA)
    assert offered(Reader(ADA)) == {"ada"}
    post = posts.at_slug("live", now=LATER)
    authorship.agree(post.id, DORA, now=LATER)
    assert offered(Reader(ADA)) == {"ada", "dora"}
    assert len(authorship.offered(Reader(ADA), now=LATER, limit=1)) == 1


# -- when identities move ----------------------------------------------------------------------------------------------


def move(*pairs):
    with writing() as transaction:
        return ownership.move(transaction, [Move(old, new) for old, new in pairs])


def test_names_above_others_posts_are_counted_and_make_somebody_be_there():
    name(write(), ADA, BOB, CLEO)
    write("Two", author_key=BOB)
    held = {each.key[1]: each for each in ownership.holdings(now=LATER)}
    assert {key: each.coauthored for key, each in held.items()} == {"ada": 0, "bob": 1, "cleo": 1}
    assert (held["cleo"].posts, held["cleo"].first_at) == (0, None)
    assert ownership.holding(CLEO, now=LATER) == held["cleo"]
    ownership.check([Move(CLEO, DORA)])
    with pytest.raises(Invalid, match="has posts already"):
        ownership.check([Move(ADA, CLEO)])


def test_names_move_with_everything_and_an_answer_stays_an_answer():
    post = name(write(), BOB, ADA, CLEO)
    authorship.agree(post.id, BOB, now=LATER)
    before = site_version()
    assert move((BOB, DORA)) == [(0, 1)]
    assert site_version() == before + 1
    assert rows() == [("dora", None, True), ("ada", None, True), ("cleo", None, False)]
    assert move((ADA, BOB)) == [(1, 0)]
    assert seen(post) == ["dora", "bob"]


@pytest.mark.parametrize("agreed", [BOB, CLEO])
def test_of_two_that_become_one_one_name_is_left_who_agreed_if_either_did(agreed):
    post = name(write(), BOB, ADA, CLEO)
    authorship.agree(post.id, agreed, now=LATER)
    assert move((BOB, CLEO)) == [(0, 1)]
    assert seen(post) == ["ada", "cleo"]


def test_a_co_author_who_takes_a_post_over_is_its_holder():
    post = name(write(), ADA, CLEO, "Grace Guest")
    assert move((ADA, CLEO)) == [(1, 0)]
    assert seen(post) == ["cleo", "Grace Guest"]
    assert ownership.holding(CLEO, now=LATER).coauthored == 0


def test_erasing_takes_a_name_off_others_posts():
    post, only = name(write(), BOB, ADA, unasked=True), name(write("Two"), BOB, unasked=True)
    before = site_version()
    with writing() as transaction:
        assert ownership.delete(transaction, BOB) == (0, 0, 2)
    assert site_version() == before + 1
    assert (seen(post), seen(only)) == (["ada"], ["ada"])


def test_erasing_can_leave_what_readers_saw_as_nobodys():
    nobody = ("urn:byline:nobody", "nobody")
    live = name(write("Live"), BOB, ADA, unasked=True)
    name(write("Draft", publish=False), BOB, ADA, unasked=True)
    name(write("Asked"), BOB, ADA)
    with writing() as transaction:
        assert ownership.delete(transaction, BOB, drafts_only=True) == (0, 0, 2)
        assert ownership.move(transaction, [Move(BOB, nobody)]) == [(0, 1)]
    assert seen(live) == ["nobody", "ada"]
    found = posts.at_slug("live", now=LATER)
    words = authorship.as_written(found, found.listed)
    assert words == ["former", "holder"]
    assert authorship.read(found, words) == found.listed
    again = name(live, nobody, ADA, CLEO, unasked=True)
    with writing() as transaction:
        assert ownership.move(transaction, [Move(CLEO, nobody)]) == [(0, 1)]
    assert seen(again) == ["nobody", "ada"]
