"""Questions are answered as SQLAlchemy answers the same statement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Integer, and_, bindparam, case, event, null, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from blog.content import posts
from blog.content.readers import ANYBODY, Reader
from blog.db import Post, Tag, UtcDateTime, ask, db
from blog.questions import Question

ADA = ("https://id.example", "ada")
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
AT = bindparam("at", type_=UtcDateTime())
COLUMNS = (Post.id, Post.title, Post.published_at, Post.comments_closed, Post.lang, null(), Post.body_html)


@pytest.fixture
def some(database):
    for number in range(3):
        posts.create(
            ADA, title=f"100 % {number}", body_md="It’s *it*.", now=NOW + timedelta(hours=number), publish=True
        )
    posts.create(ADA, title="Draft", body_md="Words", now=NOW, publish=False)
    return database


STATEMENTS = [
    select(*COLUMNS).order_by(Post.id),
    select(*COLUMNS).where(Post.published_at <= AT, Post.published_at <= AT).order_by(Post.id.desc()),
    select(*COLUMNS).where(and_(Post.title.like("100 %"), Post.slug == bindparam("slug"))),
    select(Post.id, case((Post.published_at > AT, Post.published_at))).limit(bindparam("most", type_=Integer)),
    select(Post.id).where(Post.id < 0),
    select(Post.published_at).where(Post.id == 1).union_all(select(AT)),
]
GIVEN = {"at": NOW + timedelta(hours=1), "slug": "100-1", "most": 2, "of no use": object()}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_rows_are_those_of_the_statement(some, statement):
    own = {name: value for name, value in GIVEN.items() if name != "of no use"}
    expected = [tuple(row) for row in ask(statement, own)]
    question = Question(statement)
    for _ in range(2):  # prepared, and known
        assert [tuple(row) for row in ask(question, GIVEN)] == expected
    db.session.scalar(select(Tag.id))  # a session has begun, whose connection is taken
    assert [tuple(row) for row in ask(question, GIVEN)] == expected


def test_a_moment_is_read_and_written_in_utc(some):
    question = Question(select(Post.published_at).where(Post.published_at == AT))
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    [(found,)] = ask(question, {"at": elsewhere})
    assert found == NOW
    assert found.utcoffset() == timedelta(0)
    with pytest.raises(ValueError, match="time zone"):
        ask(question, {"at": NOW.replace(tzinfo=None)})


def test_what_is_not_given_is_missed(some):
    with pytest.raises(KeyError, match="at"):
        ask(Question(select(Post.id).where(Post.published_at == AT)), {})


def test_errors_are_those_of_sqlalchemy(some):
    db.session.remove()
    question = Question(select(Post.id))
    with db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE posts RENAME TO elsewhere")
    try:
        with pytest.raises((OperationalError, ProgrammingError)):
            ask(question)
        db.session.scalar(select(Tag.id))  # a session has begun, whose connection is taken
        with pytest.raises((OperationalError, ProgrammingError)):
            ask(question)
        db.session.remove()
    finally:
        with db.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO posts")
    assert len(ask(question)) == 4


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_connection_that_broke_is_not_used_again(some):
    db.session.remove()
    question = Question(select(Post.id))

    def cut(_connection, cursor, *_):
        with db.engine.connect() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({cursor.connection.info.backend_pid})")

    event.listen(db.engine, "before_cursor_execute", cut, once=True)
    with pytest.raises(OperationalError):
        ask(question)
    assert not db.engine.pool.checkedout()
    assert len(ask(question)) == 4


def test_whoever_listens_to_statements_hears_of_questions(some):
    said = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: said.append(call[2:4]))
    ask(Question(select(Post.id).where(Post.slug == bindparam("slug"))), {"slug": "100-1"})
    [(sql, values)] = said
    assert sql.startswith("SELECT posts.id")
    assert "100-1" in (values.values() if isinstance(values, dict) else values)


def test_strangers_ask_questions_and_get_what_somebody_gets_who_may_read_the_same(some):
    somebody = Reader(("https://id.example", "bo"))
    later = NOW + timedelta(days=1)
    stranger, person = (posts.latest(now=later, limit=2, reader=who) for who in (ANYBODY, somebody))
    assert stranger == person
    slug = stranger.posts[0].slug
    assert posts.shown_at(slug, now=later) == posts.shown_at(slug, now=later, reader=somebody)
