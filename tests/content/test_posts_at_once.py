"""Posts, when many people write at the same moment."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from blog.content import posts
from blog.db import Post, Site, Slug, db, writing
from blog.errors import Conflict

NOW = datetime(2026, 5, 4, tzinfo=UTC)
ADA = ("https://id.example", "ada")


def write(title="Hello", form_id=None, body_md="x"):
    return posts.create(ADA, title=title, body_md=body_md, now=NOW, publish=True, form_id=form_id)


def test_twenty_creates_of_one_title_get_twenty_addresses(at_once):
    made = at_once(20, lambda _: write())
    assert sorted(post.slug for post in made) == sorted(["hello", *(f"hello-{number}" for number in range(2, 21))])
    assert dict(db.session.execute(select(Slug.slug, Slug.post_id)).all()) == {post.slug: post.id for post in made}
    assert db.session.scalar(select(Site.version)) == 1 + 20


def test_twenty_takers_of_a_deleted_posts_address_have_one_winner(at_once):
    posts.delete(write().id)
    made = at_once(20, lambda _: write())
    assert [post.slug for post in made].count("hello") == 1
    assert len({post.slug for post in made}) == 20


def test_twenty_saves_from_one_version_have_one_winner(at_once):
    post_id = write().id

    def save(number):
        return posts.save(post_id, version=1, title=f"Title {number}", body_md=f"{number}", now=NOW)

    results = at_once(20, save)
    (winner,) = [result for result in results if isinstance(result, Post)]
    lost = [result for result in results if isinstance(result, Conflict)]
    assert len(lost) == 19
    assert {conflict.current.body_md for conflict in lost} == {winner.body_md}
    assert db.session.scalars(select(Slug.slug).order_by(Slug.slug)).all() == ["hello", winner.slug]


def test_twenty_posts_renamed_to_one_title_get_twenty_addresses(at_once):
    written = [write(title=f"Title {number}").id for number in range(20)]
    renamed = at_once(
        20, lambda number: posts.save(written[number], version=1, title="Same", body_md="x", now=NOW).slug
    )
    assert len(set(renamed)) == 20


def test_one_form_sent_twenty_times_at_once_makes_one_post(at_once):
    made = at_once(20, lambda _: write(form_id="f"))
    assert len({post.id for post in made}) == 1
    assert db.session.scalar(select(func.count(Post.id))) == 1
    assert db.session.scalars(select(Slug.slug)).all() == ["hello"]


def test_a_post_is_either_saved_or_deleted(at_once):
    post_id = write().id

    def save_or_delete(number):
        if number % 2:
            return posts.delete(post_id)
        return posts.save(post_id, version=1, title="World", body_md="y", now=NOW)

    at_once(8, save_or_delete)
    assert db.session.get(Post, post_id) is None
    assert set(db.session.scalars(select(Slug.post_id))) == {None}


def test_eight_writers_that_read_first_never_find_the_database_locked(at_once):
    def count_up(_):
        for _ in range(25):
            with writing() as session:
                site = session.get(Site, 1, with_for_update=True, populate_existing=True)
                site.version += 1

    assert at_once(8, count_up) == [None] * 8
    assert db.session.scalar(select(Site.version)) == 1 + 8 * 25
