"""Old HTML is made anew, and nothing else of a post changes; on both databases."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from blog.content import posts, rendering
from blog.content.text import RENDERER_VERSION
from blog.db import Post, Site, db

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
ADA = ("https://id.example", "ada")


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


def write(body_md, *, outdated=True, publish=True):
    post = posts.create(ADA, title="Hello", body_md=body_md, now=NOW, publish=publish)
    if outdated:
        change(post.id, body_html="<p>Old.</p>", made_excerpt="Old.", html_version=RENDERER_VERSION - 1)
    return post.id


def change(post_id, **columns):
    db.session.execute(update(Post).where(Post.id == post_id).values(columns))
    db.session.commit()


def kept():
    db.session.rollback()
    rows = db.session.execute(select(Post.body_html, Post.made_excerpt, Post.html_version).order_by(Post.id))
    return [tuple(row) for row in rows]


def test_what_an_older_renderer_made_is_made_anew_batch_by_batch():
    for number in range(7):
        write(f"Words {number}.", outdated=number != 3, publish=number != 5)
    assert rendering.renew(at_once=2) == (6, 0)
    assert kept() == [(f"<p>Words {n}.</p>\n", f"Words {n}.", RENDERER_VERSION) for n in range(7)]
    assert rendering.renew() == (0, 0)


def test_neither_the_version_nor_the_time_of_a_post_changes():
    post_id = write("Words.")
    before = db.session.execute(select(Post.version, Post.updated_at).where(Post.id == post_id)).one()
    rendering.renew()
    assert db.session.execute(select(Post.version, Post.updated_at).where(Post.id == post_id)).one() == before


def test_a_post_that_is_saved_meanwhile_stays_as_it_was_saved(monkeypatch):
    post_id = write("Words.")
    render = rendering.render

    def slowly(body_md):
        posts.save(post_id, version=1, title="Hello", body_md="Newer.", now=NOW)
        return render(body_md)

    monkeypatch.setattr(rendering, "render", slowly)
    rendering.renew()
    assert kept() == [("<p>Newer.</p>\n", "Newer.", RENDERER_VERSION)]


def test_a_text_that_is_refused_today_keeps_the_html_it_has():
    refused = write("Words.")
    change(refused, body_md="<!-- " * 2_000)
    write("Others.")
    assert rendering.renew(at_once=1) == (1, 1)
    assert [row[0] for row in kept()] == ["<p>Old.</p>", "<p>Others.</p>\n"]


def test_caches_are_told_when_there_was_something_to_do():
    write("Words.")
    versions = [db.session.scalar(select(Site.version))]
    for _ in range(2):
        rendering.renew()
        versions.append(db.session.scalar(select(Site.version)))
    assert versions == [versions[0], versions[0] + 1, versions[0] + 1]
