"""Comments: who may leave, change and delete one, in which state it is then, and which of them readers see."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest
from sqlalchemy import event, func, insert, select, text, update

from blog.content import comments, posts
from blog.content.comments import DELETED, HELD, LIVE, REJECTED, SILENCE, SPAM, THREADS, Rules, Visitor
from blog.content.readers import Audience, Reader
from blog.content.text import render_comment
from blog.db import Comment, Post, Site, db, writing
from blog.errors import Conflict, Forbidden, Invalid, NotFound, TooMany

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
LATER = NOW + timedelta(hours=5)
ISSUER = "https://id.example"
ADA, RITA, NINA, EDDY = ((ISSUER, name) for name in ("ada", "rita", "nina", "eddy"))
author = Visitor(Reader(ADA), is_author=True)
rita, nina = Visitor(Reader(RITA)), Visitor(Reader(NINA, frozenset({"desk"})))
other_author = Visitor(Reader(NINA), is_author=True)
editor = Visitor(Reader(EDDY, everything=True), is_author=True)
stranger = Visitor(Reader())
MANY = Rules(most=1000)


@pytest.fixture
def post(database):
    return publish()


def publish(title="Hello", **more):
    return posts.create(ADA, title=title, body_md="x", now=NOW, publish=True, **more)


def leave(post, visitor=rita, body="Well *said*.", mode="held", now=SOON, **more):
    return comments.write(post.id, visitor, body_md=body, now=now, rules=Rules(mode, most=1000), **more)


def approved(post, visitor=rita, body="Well said.", **more):
    made = leave(post, visitor, body, **more)
    assert decide(made, LIVE) == 1
    return made


def decide(comment, verdict, visitor=editor, version=None):
    return comments.decide({comment.id: version or comment.version}, verdict, visitor, now=SOON)


def edit(comment, body="Better said.", visitor=rita, mode="held", version=None, now=SOON):
    rules = Rules(mode)
    return comments.edit(comment.id, visitor, version=version or 1, body_md=body, now=now, rules=rules)


def stored(comment):
    return db.session.scalar(select(Comment).where(Comment.id == comment.id).execution_options(populate_existing=True))


def state(comment):
    return stored(comment).state


def seen(post, visitor=stranger, at=None):
    """What stands below a post: texts, with those of replies in a list behind; None for one that is not shown."""
    there = db.session.scalar(select(Post).where(Post.id == post.id).execution_options(populate_existing=True))
    talk = comments.of_post(there, reader=visitor.reader, at=at)
    said = lambda comment: comment.body_md if visitor.sees(comment) else None  # noqa: E731
    return [(said(thread.comment), [said(reply) for reply in thread.replies]) for thread in talk.threads]


def site_version():
    return db.session.scalar(select(Site.version))


def live_counted(post):
    return db.session.scalar(select(Post.comments_live).where(Post.id == post.id))


# -- the state of a new one ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "visitor", "first_state"),
    [
        ("held", rita, HELD),
        ("held", other_author, HELD),
        ("held", author, LIVE),
        ("held", editor, LIVE),
        ("first", rita, HELD),
        ("first", author, LIVE),
        ("open", rita, LIVE),
        ("held", Visitor(Reader(ADA), is_author=False), HELD),
    ],
)
def test_a_new_comment_is_live_or_held(post, mode, visitor, first_state):
    before = site_version()
    made = leave(post, visitor, mode=mode)
    assert state(made) == first_state
    assert seen(post) == ([("Well *said*.", [])] if first_state == LIVE else [])
    assert live_counted(post) == (first_state == LIVE)
    assert site_version() - before == (first_state == LIVE)


def test_with_first_one_approved_comment_opens_the_door(post):
    first = leave(post, mode="first")
    assert state(leave(post, mode="first")) == HELD
    decide(first, LIVE)
    assert state(leave(post, mode="first")) == LIVE
    decide(first, SPAM)
    assert state(leave(post, mode="first")) == HELD


def test_with_first_what_nobody_approved_opens_nothing(post):
    leave(post, mode="open")
    assert state(leave(post, mode="first")) == HELD
    own = leave(publish("Mine"), author)
    decide(own, REJECTED, author)
    decide(own, LIVE, author)
    theirs = posts.create(NINA, title="Theirs", body_md="x", now=NOW, publish=True)
    assert state(leave(theirs, author, mode="first")) == HELD


def test_where_comments_are_off_there_is_none_to_leave(post):
    with pytest.raises(Invalid):
        leave(post, mode="off")


def test_a_writer_sees_their_own_held_comment_and_nobody_else_does(post):
    leave(post)
    assert seen(post, rita) == [("Well *said*.", [])]
    assert seen(post) == seen(post, nina) == seen(post, author) == []


@pytest.mark.parametrize("verdict", [REJECTED, SPAM])
def test_what_was_turned_down_nobody_sees(post, verdict):
    made = leave(post)
    decide(made, verdict)
    assert seen(post, rita) == seen(post) == []
    with pytest.raises(Forbidden, match="turned down"):
        edit(made)


# -- where and when ---------------------------------------------------------------------------------------------------


def test_a_post_can_be_closed_by_its_author(post):
    before = site_version()
    closed = posts.save(post.id, version=1, title="Hello", body_md="x", now=NOW, takes_comments=False)
    assert closed.comments_closed
    assert site_version() == before + 1
    with pytest.raises(Invalid, match="no comments"):
        leave(post)
    assert not posts.save(post.id, version=2, title="Hello", body_md="y", now=NOW, takes_comments=True).comments_closed
    leave(post)


def test_saving_without_saying_leaves_it_as_it_is(database):
    closed = publish("Closed", takes_comments=False)
    assert closed.comments_closed
    assert posts.save(closed.id, version=1, title="Closed", body_md="y", now=NOW).comments_closed
    assert not publish("Open").comments_closed


def test_a_post_closes_by_its_age(post):
    rules = Rules(close_after=timedelta(days=30))
    assert comments.takes(post, rules, NOW + timedelta(days=30, seconds=-1))
    assert not comments.takes(post, rules, NOW + timedelta(days=30))
    assert comments.takes(post, Rules(), NOW + timedelta(days=10_000))


def test_a_draft_takes_none(database):
    draft = posts.create(ADA, title="Draft", body_md="x", now=NOW, publish=False)
    with pytest.raises(Invalid):
        leave(draft, author)
    with pytest.raises(NotFound):
        leave(draft, rita)


def test_only_who_may_read_a_post_comments_on_it(database):
    grouped = publish(audience=Audience("groups", frozenset({"desk"})), own_groups={"desk"})
    made = leave(grouped, nina)
    with pytest.raises(NotFound):
        leave(grouped, rita)
    with pytest.raises(NotFound):
        comments.delete(made.id, rita, now=SOON)


def test_a_stranger_leaves_none(post):
    with pytest.raises(Forbidden):
        leave(post, stranger)


@pytest.mark.parametrize("body", ["", " \n ", "\x00", "a" * 10_001, "\ud800", "ä" * 5001])
def test_a_comment_is_text_of_some_length(post, body):
    with pytest.raises(Invalid) as refused:
        leave(post, body=body)
    assert list(refused.value.problems) == ["comment"]


@pytest.mark.parametrize("number", [0, 2**31, 10**30, 999])
def test_a_comment_that_is_not_there_is_not_found(post, number):
    for deed in (
        lambda: comments.find(number, post, rita),
        lambda: comments.delete(number, rita, now=NOW),
        lambda: comments.edit(number, rita, version=1, body_md="x", now=NOW, rules=Rules()),
    ):
        with pytest.raises(NotFound):
            deed()
    assert comments.decide({number: 1}, LIVE, editor, now=NOW) == 0


# -- replies ----------------------------------------------------------------------------------------------------------


def test_replies_stand_below_what_they_answer_one_level_deep(post):
    first, second = leave(post, body="1", mode="open"), leave(post, body="2", mode="open")
    reply = leave(post, nina, "1.1", "open", parent_id=first.id)
    leave(post, rita, "1.2", "open", parent_id=reply.id)
    leave(post, rita, "2.1", "open", parent_id=second.id)
    assert seen(post) == [("1", ["1.1", "1.2"]), ("2", ["2.1"])]


def test_only_what_is_live_on_the_same_post_can_be_answered(post):
    held, elsewhere = leave(post), leave(publish("Other"), mode="open")
    for parent in (held.id, elsewhere.id, 999):
        with pytest.raises(Invalid, match="not there any more"):
            leave(post, parent_id=parent)


def test_a_reply_to_what_is_not_shown_any_more_stays(post):
    parent = approved(post, body="Parent")
    reply = leave(post, nina, "Reply", "open", parent_id=parent.id)
    decide(parent, REJECTED)
    assert seen(post) == [(None, ["Reply"])]
    decide(reply, REJECTED)
    assert seen(post) == []


# -- changing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "was", "becomes"),
    [
        ("held", LIVE, HELD),
        ("first", LIVE, LIVE),
        ("open", LIVE, LIVE),
        ("held", HELD, HELD),
        ("first", HELD, HELD),
        ("open", HELD, HELD),
    ],
)
def test_a_changed_comment_is_live_or_held(post, mode, was, becomes):
    made = approved(post) if was == LIVE else leave(post)
    changed = edit(made, mode=mode)
    assert (changed.state, changed.body_md, changed.version) == (becomes, "Better said.", 2)
    assert changed.edited_at == SOON
    assert "Better" in stored(made).body_html
    assert live_counted(post) == (becomes == LIVE)


def test_a_posts_author_changes_their_own_and_it_stays_live(post):
    made = leave(post, author)
    assert edit(made, visitor=author).state == LIVE


def test_saving_what_is_there_already_changes_nothing(post):
    made = approved(post)
    before = site_version()
    again = edit(made, "Well said.")
    assert (again.state, again.version, site_version()) == (LIVE, 1, before)


def test_a_comment_can_be_changed_for_a_while_and_by_its_writer_only(post):
    made = leave(post, mode="open")
    edit(made, now=SOON + timedelta(minutes=15, seconds=-1), mode="open")
    with pytest.raises(Forbidden, match="15 minutes"):
        edit(made, "Again", now=SOON + timedelta(minutes=15), version=2)
    for visitor in (nina, author, editor):
        with pytest.raises(Forbidden, match="Only its writer"):
            edit(made, "Mine", visitor=visitor, version=2)


def test_two_tabs_change_a_comment_and_one_is_told(post):
    made = leave(post)
    edit(made, "One")
    with pytest.raises(Conflict) as lost:
        edit(made, "Two", version=1)
    assert lost.value.current.body_md == "One"


def test_what_is_approved_is_what_was_read(post):
    made = leave(post)
    edit(made, "Something else")
    assert decide(made, LIVE, version=1) == 0
    assert state(made) == HELD
    assert decide(made, LIVE, version=2) == 1


# -- deleting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("visitor", [rita, author, editor])
def test_a_comment_without_replies_goes_altogether(post, visitor):
    made = approved(post)
    before = site_version()
    comments.delete(made.id, visitor, now=LATER)
    assert stored(made) is None
    assert (live_counted(post), site_version()) == (0, before + 1)


def test_others_delete_nothing(post):
    made = approved(post)
    for visitor in (nina, other_author, Visitor(Reader(ADA))):
        with pytest.raises(Forbidden):
            comments.delete(made.id, visitor, now=SOON)


def test_a_comment_with_replies_leaves_a_tombstone_without_text_and_key(post):
    made = approved(post, body="Regretted words")
    reply = leave(post, nina, "Reply", "open", parent_id=made.id)
    comments.delete(made.id, rita, now=SOON)
    left = stored(made)
    assert (left.state, left.body_md, left.body_html, left.author_key, left.form_id) == (DELETED, "", "", None, None)
    assert seen(post) == [(None, ["Reply"])]
    assert comments.count(RITA) == 0
    with pytest.raises(NotFound):
        comments.find(made.id, post, editor)
    comments.delete(reply.id, nina, now=SOON)
    assert db.session.scalar(select(func.count(Comment.id))) == 0


def test_a_deleted_post_takes_its_comments_along(post):
    made = approved(post)
    leave(post, nina, "Reply", parent_id=made.id)
    posts.delete(post.id)
    assert db.session.scalar(select(func.count(Comment.id))) == 0


# -- deciding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("was", [HELD, LIVE, REJECTED, SPAM])
@pytest.mark.parametrize("verdict", [HELD, LIVE, REJECTED, SPAM])
def test_every_state_can_become_every_other(post, was, verdict):
    made = leave(post)
    decide(made, was)
    before = site_version()
    assert decide(made, verdict) == 1
    assert state(made) == verdict
    assert live_counted(post) == (verdict == LIVE) == len(seen(post))
    assert (site_version() != before) == (was != verdict and LIVE in (was, verdict))


def test_an_author_decides_on_their_own_posts_and_an_editor_on_all(post):
    theirs = posts.create(NINA, title="Theirs", body_md="x", now=NOW, publish=True)
    ours, elsewhere = leave(post), leave(theirs)
    wanted = {ours.id: 1, elsewhere.id: 1}
    assert comments.decide(wanted, LIVE, rita, now=SOON) == 0
    assert comments.decide(wanted, LIVE, Visitor(Reader(ADA)), now=SOON) == 0
    assert comments.decide(wanted, LIVE, author, now=SOON) == 1
    assert (state(ours), state(elsewhere)) == (LIVE, HELD)
    assert comments.decide(wanted, REJECTED, editor, now=SOON) == 2
    assert (state(ours), state(elsewhere)) == (REJECTED, REJECTED)


def test_the_queue_holds_what_one_decides_about_newest_first(post):
    theirs = posts.create(NINA, title="Theirs", body_md="x", now=NOW, publish=True)
    for number in range(5):
        leave(post, body=f"ours {number}")
    leave(theirs, body="elsewhere")

    def bodies(visitor, **more):
        found = comments.queue(visitor, state=HELD, now=NOW, **more)
        return [comment.body_md for comment in found.comments], found.older

    assert bodies(editor, limit=10) == (["elsewhere", *(f"ours {n}" for n in (4, 3, 2, 1, 0))], None)
    first, older = bodies(author, limit=2)
    assert first == ["ours 4", "ours 3"]
    assert bodies(author, limit=3, before=older) == (["ours 2", "ours 1", "ours 0"], None)
    assert bodies(rita, limit=9) == bodies(Visitor(Reader(ADA)), limit=9) == ([], None)
    counted = [comments.count_held(who, now=NOW) for who in (editor, author, other_author, rita)]
    assert counted == [6, 5, 1, 0]


@pytest.mark.parametrize(("state", "before"), [("deleted", None), ("x", None), (HELD, "x"), (HELD, "9" * 20)])
def test_a_senseless_queue_is_not_found(database, state, before):
    with pytest.raises(NotFound):
        comments.queue(editor, state=state, now=NOW, limit=5, before=before)


# -- how many ---------------------------------------------------------------------------------------------------------


def test_one_person_leaves_five_in_ten_minutes(post):
    def one(minute, visitor=rita):
        at = NOW + timedelta(minutes=minute)
        return comments.write(post.id, visitor, body_md="x", now=at, rules=Rules(most=5))

    for minute in (0, 1, 2, 3, 4):
        one(minute)
    with pytest.raises(TooMany) as refused:
        one(5)
    assert 300 <= refused.value.retry_after <= 302
    one(5, nina)
    one(10.1)
    with pytest.raises(TooMany):
        one(10.2)


def test_who_decides_answers_as_many_as_they_like(post):
    for _ in range(7):
        comments.write(post.id, author, body_md="x", now=NOW, rules=Rules(most=5))


def test_one_form_leaves_one_comment(post):
    made = leave(post, form_id="f1")
    assert leave(post, form_id="f1").id == made.id
    assert leave(post, form_id="f2").id != made.id
    with pytest.raises(Forbidden):
        leave(post, nina, form_id="f1")
    with pytest.raises(Invalid):
        leave(post, form_id="no form id!")


# -- long conversations -----------------------------------------------------------------------------------------------


def heap(post, number, replies=0):
    """Put many comments there, faster than by writing each."""
    row = {"post_id": post.id, "author_issuer": ISSUER, "author_id": "rita", "body_html": "", "html_version": 1}
    row |= {"state": LIVE, "created_at": NOW, "version": 1}
    with writing() as session:
        tops = [row | {"id": n, "thread_id": n, "body_md": f"{n}"} for n in range(1, number + 1)]
        session.execute(insert(Comment), tops)
        below = [
            row | {"id": number + n, "thread_id": 1, "parent_id": 1, "body_md": f"1.{n}"} for n in range(1, replies + 1)
        ]
        if below:
            session.execute(insert(Comment), below)
        session.execute(update(Post).values(comments_live=number + replies))
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text(f"SELECT setval('comments_id_seq', {number + replies})"))


def walk(post):
    at, pages = None, []
    there = db.session.scalar(select(Post).where(Post.id == post.id).execution_options(populate_existing=True))
    while not pages or at:
        talk = comments.of_post(there, at=at)
        pages.append(talk)
        at = talk.later
    return pages


def test_ten_thousand_comments_come_fifty_at_a_time_in_one_query_each(post):
    heap(post, 10_000)
    said = []
    note = lambda _connection, _cursor, statement, *_: said.append(statement)  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", note)
    pages = walk(post)
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(pages) == len(said) - 1 == 10_000 // THREADS
    shown = [int(thread.comment.body_md) for page in pages for thread in page.threads]
    assert shown == list(range(1, 10_001))
    assert [page.begins for page in pages[:3]] == [True, False, False]


def test_a_flood_of_replies_is_cut_into_pages_that_begin_with_what_they_answer(post):
    heap(post, 3, replies=500)
    pages = walk(post)
    assert [page.threads[0].comment.body_md for page in pages] == ["1", "1", "1"]
    replies = [reply.body_md for page in pages for reply in page.threads[0].replies]
    assert replies == [f"1.{n}" for n in range(1, 501)]
    assert [thread.comment.body_md for thread in pages[-1].threads] == ["1", "2", "3"]


def test_a_new_comment_is_found_in_a_long_conversation(post):
    heap(post, 120, replies=300)
    post = db.session.get(Post, post.id)
    made = leave(post, mode="open", body="Here")
    reply = leave(post, mode="open", body="There", parent_id=1)
    assert seen(post, at=comments.place(post, made))[0] == ("Here", [])
    assert seen(post, at=comments.place(post, reply))[0] == ("1", ["There"])


@pytest.mark.parametrize("at", ["", "x", "-1", "1-", "9" * 10, "1-2-3", "\x00", "١"])
def test_a_senseless_place_is_not_found(post, at):
    with pytest.raises(NotFound):
        comments.of_post(post, at=at)


def test_a_post_without_comments_asks_nothing(post):
    said = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    assert comments.of_post(post) == SILENCE
    assert said == []


# -- at the same moment -----------------------------------------------------------------------------------------------


@pytest.fixture
def at_once(database):
    """Run the same thing many times, all starting together; give back what each returned or raised."""

    def run(times, deed):
        start = threading.Barrier(times)

        def one(number):
            with database.app_context():
                start.wait()
                try:
                    return deed(number)
                except Exception as error:  # noqa: BLE001 - whatever it is, the test judges it
                    return error

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(one, range(times)))

    return run


def test_many_approvals_at_once_count_each_comment_once(post, at_once):
    made = [leave(post, body=str(number)) for number in range(10)]
    results = at_once(12, lambda number: decide(made[number % 10], LIVE))
    assert results == [1] * 12
    assert live_counted(post) == 10


def test_a_comment_that_is_changed_while_it_is_approved_is_never_live_unread(post, at_once):
    for _ in range(5):
        made = leave(post)
        at_once(2, lambda number, made=made: edit(made) if number else decide(made, LIVE))
        after = stored(made)
        assert (after.state, after.version) in {(HELD, 2)}


def test_one_form_sent_eight_times_at_once_leaves_one_comment(post, at_once):
    made = at_once(8, lambda _: leave(post, form_id="f").id)
    assert len(set(made)) == 1
    assert db.session.scalar(select(func.count(Comment.id))) == 1


def test_many_comments_at_once_are_no_more_than_one_may_leave(database, at_once):
    there = [publish(f"Post {number}") for number in range(8)]
    leave(there[0])

    def write(number):
        return comments.write(there[number].id, rita, body_md=str(number), now=SOON, rules=Rules(most=5))

    results = at_once(8, write)
    assert sum(isinstance(result, Comment) for result in results) == 4
    assert sum(isinstance(result, TooMany) for result in results) == 4


def test_replying_deleting_and_deciding_at_once_leaves_the_count_right(post, at_once):
    parents = [approved(post, body=str(number)) for number in range(3)]

    def deed(number):
        parent = parents[number % 3]
        if number < 3:
            return leave(post, nina, "Reply", "open", parent_id=parent.id)
        return comments.delete(parent.id, rita, now=SOON) if number < 6 else decide(parent, SPAM)

    results = at_once(9, deed)
    assert not [each for each in results if isinstance(each, Exception) and not isinstance(each, Invalid | NotFound)]
    live = db.session.scalar(select(func.count(Comment.id)).where(Comment.state == LIVE))
    assert live_counted(post) == live


# -- when identities move ---------------------------------------------------------------------------------------------


def test_comments_go_along_with_their_writer(post):
    made = approved(post)
    with writing() as transaction:
        assert comments.take_along(transaction, RITA, NINA) == 1
        assert comments.take_along(transaction, RITA, NINA) == 0
    assert stored(made).author_key == NINA
    assert comments.counts() == {NINA: 1}
    assert comments.counts("https://elsewhere") == {}


def test_erasing_leaves_neither_text_nor_key(post):
    answered, alone, held = approved(post, body="SECRET 1"), approved(post, body="SECRET 2"), leave(post, body="SECRET")
    leave(post, nina, "Reply", "open", parent_id=answered.id)
    leave(post, rita, "SECRET reply", "open", parent_id=answered.id)
    with writing() as transaction:
        assert comments.drop(transaction, RITA) == 4
        assert comments.drop(transaction, RITA) == 0
    assert stored(alone) is None
    assert stored(held) is None
    assert seen(post) == [(None, ["Reply"])]
    assert live_counted(post) == 1
    rows = db.session.execute(text("SELECT * FROM comments")).all()
    assert "SECRET" not in str(rows)
    assert "rita" not in str(rows)


# -- Markdown to HTML -------------------------------------------------------------------------------------------------

LINK = 'rel="nofollow ugc noopener"'


@pytest.mark.parametrize(
    ("typed", "html"),
    [
        (
            "One\ntwo\n\n*three* **four** ~~five~~",
            "<p>One<br>\ntwo</p>\n<p><em>three</em> <strong>four</strong> <s>five</s></p>",
        ),
        ("# Heading", "<p># Heading</p>"),
        ("Heading\n===", "<p>Heading<br>\n===</p>"),
        ("---", "<p>---</p>"),
        ("| a |\n|---|", "<p>| a |<br>\n|---|</p>"),
        ("<b>x</b> <!-- y -->", "<p>&lt;b&gt;x&lt;/b&gt; &lt;!-- y --&gt;</p>"),
        ("<div>\nx\n</div>", "<p>&lt;div&gt;<br>\nx<br>\n&lt;/div&gt;</p>"),
        ("[x](https://e.example 'title')", f'<p><a href="https://e.example" {LINK}>x</a></p>'),
        (
            "http://e.example/a_b?c=1&d",
            f'<p><a href="http://e.example/a_b?c=1&amp;d" {LINK}>http://e.example/a_b?c=1&amp;d</a></p>',
        ),
        ("![x](https://e.example/x.png)", f'<p>!<a href="https://e.example/x.png" {LINK}>x</a></p>'),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](mailto:a@b.example)", f"<p><a {LINK}>x</a></p>"),
        ("> q", "<blockquote>\n<p>q</p>\n</blockquote>"),
        ("3. x\n4. y", '<ol start="3">\n<li>x</li>\n<li>y</li>\n</ol>'),
        ("- x", "<ul>\n<li>x</li>\n</ul>"),
        ("```js\nx<y\n```", "<pre><code>x&lt;y\n</code></pre>"),
        (
            "[x]: https://e.example\n\n[x]",
            f'<p>[x]: <a href="https://e.example" {LINK}>https://e.example</a></p>\n<p>[x]</p>',
        ),
        ("&#1;&#x202e;", "<p>\ufffd\u202e</p>"),
    ],
)
def test_a_comment_has_a_part_of_markdown(typed, html):
    assert render_comment(typed).strip() == html


@pytest.mark.parametrize(
    "piece",
    [
        ">",
        "> ",
        "- ",
        "1. ",
        ">#\na\n",
        "*a **b ",
        "*a **a ",
        "**a*",
        "![a](",
        "[",
        "[](",
        "`a``",
        "<http:",
        "_",
        "~~a",
    ],
)
def test_no_comment_costs_much(piece):
    started = perf_counter()
    with suppress(Invalid):
        render_comment((piece * 10_000)[:10_000])
    assert perf_counter() - started < 5  # alone it takes 0.2 s at most
