"""Bringing the stored HTML of posts up to the renderer of today, a few posts at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import select, update

from blog.content import index
from blog.content.media import uses
from blog.content.text import RENDERER_VERSION, excerpt, render
from blog.db import Post, db, tell_caches, writing
from blog.errors import Invalid


class Renewed(NamedTuple):
    """What came of it.

    :param left: posts that keep the HTML they have, because the renderer of today refuses their text.
    """

    posts: int
    left: int


def renew(*, at_once: int = 100) -> Renewed:
    """Make the HTML and the excerpt of every post anew that an older renderer made; safe to repeat and to break off.

    A post that is saved meanwhile is left as its writer saved it. Nothing else of a post changes: neither its version,
    which an open form may hold, nor its time.

    :param at_once: how many posts are read, and written in one transaction.
    """
    done, left, after = 0, 0, 0
    while batch := _outdated(after, at_once):
        made = [(row, body_html) for row in batch if (body_html := _made(row.body_md)) is not None]
        _keep(made)
        done, left, after = done + len(made), left + len(batch) - len(made), batch[-1].id
    return Renewed(done, left)


def _outdated(after: int, limit: int) -> Sequence[Any]:
    chosen = select(Post.id, Post.version, Post.body_md).where(Post.id > after, Post.html_version != RENDERER_VERSION)
    return db.session.execute(chosen.order_by(Post.id).limit(limit)).all()


def _made(body_md: str) -> str | None:
    try:
        return render(body_md)
    except Invalid:
        return None


def _keep(made: list[tuple[Any, str]]) -> None:
    with writing() as session:
        for row, body_html in made:
            dressed = uses.dress(body_html, uses.known(session, row.id))
            now = {"body_html": dressed, "made_excerpt": excerpt(body_html), "html_version": RENDERER_VERSION}
            as_read = (Post.id == row.id, Post.version == row.version)
            session.execute(
                update(Post).where(*as_read).values(**now), execution_options={"synchronize_session": False}
            )
        index.follow(session, [row.id for row, _ in made])
        tell_caches(session)
