"""The trash: posts that were deleted and can come back for a while, after which they are gone."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from blog.content import index, posts
from blog.content.states import LIVE, state_of
from blog.db import Post, tell_caches, writing
from blog.errors import Conflict, NotFound

AT_ONCE = 100  # posts whose time is up, removed by one writer that passes by


def put(post_id: int, *, now: datetime, version: int | None = None) -> None:
    """Put a post into the trash, where nobody reads it; nothing happens when it is there, or gone, already.

    It is published no more, so that it comes back as a draft.

    :param version: of the post that who asks has seen; None when that does not matter.
    :raises Conflict: when it was saved in the meantime.
    """
    with writing() as session:
        post = posts.locked(session, post_id)
        if post is None or post.trashed_at is not None:
            return
        if version is not None and post.version != version:
            raise Conflict(post)
        posts.never_seen(session, post, now)
        was_public = post.published_at is not None
        if state_of(post, now) == LIVE:
            post.unpublished_at = now
        post.published_at, post.trashed_at, post.updated_at = None, now, now
        post.version += 1
        if was_public:
            index.follow_one(session, post)
            tell_caches(session)


def restore(post_id: int, *, now: datetime, trash_from: datetime) -> None:
    """Take a post out of the trash, as the draft it was, or as unpublished: readers see nothing that nobody published.

    :param trash_from: what was put into the trash before this is gone.
    :raises NotFound: when it is not there any more.
    """
    with writing() as session:
        post = posts.locked(session, post_id)
        if post is None or post.trashed_at is None or post.trashed_at <= trash_from:
            raise NotFound
        post.trashed_at, post.updated_at = None, now
        post.version += 1


def delete(post_id: int) -> None:
    """Remove a post that is in the trash, for good; nothing happens when it is gone already.

    :raises NotFound: when it is there, but not in the trash any more.
    """
    with writing() as session:
        post = posts.locked(session, post_id)
        if post is not None and post.trashed_at is None:
            raise NotFound
        if post is not None:
            posts.remove(session, post)


def sweep(*, trash_from: datetime) -> int:
    """Remove for good what was put into the trash before this; tell how many. Whoever touches the trash does so."""
    with writing() as session:
        over = select(Post.id).where(Post.trashed_at <= trash_from).order_by(Post.trashed_at).limit(AT_ONCE)
        found = [posts.locked(session, post_id) for post_id in session.scalars(over).all()]
        for post in filter(None, found):
            posts.remove(session, post)
        return len(found)


def begins(now: datetime, days: int) -> datetime:
    """Tell since when what was put into the trash is still there.

    :param days: how long it stays.
    """
    return now - timedelta(days=days)
