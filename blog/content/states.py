"""States: what a post is at a moment, which follows from three times of its own, and the clauses for that."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, or_, select

from blog.db import Post, PostTag, TagName

DRAFT, SCHEDULED, LIVE, UNPUBLISHED, TRASH = STATES = ("draft", "scheduled", "live", "unpublished", "trash")
WORDS_LONGEST = 200  # characters of a search


def state_of(post: Post, now: datetime) -> str:
    """Tell the state of a post at this moment, out of STATES."""
    if post.trashed_at is not None:
        return TRASH
    if post.published_at is None:
        return UNPUBLISHED if post.unpublished_at else DRAFT
    return LIVE if post.published_at <= now else SCHEDULED


def in_state(state: str, now: datetime) -> ColumnElement[bool]:
    """Make the clause for posts that are in a state at this moment; of the trash, it asks for nobody's leave."""
    kept, private = Post.trashed_at.is_(None), Post.published_at.is_(None)
    return {
        DRAFT: and_(kept, private, Post.unpublished_at.is_(None)),
        SCHEDULED: and_(kept, Post.published_at > now),
        LIVE: and_(kept, Post.published_at <= now),
        UNPUBLISHED: and_(kept, private, Post.unpublished_at.is_not(None)),
        TRASH: Post.trashed_at.is_not(None),
    }[state]


def states(now: datetime) -> ColumnElement[str]:
    """Make the expression that tells the state of each row of posts."""
    return case(*((in_state(state, now), state) for state in STATES))


class Sought(NamedTuple):
    """Which posts somebody looks for on their dashboard.

    :param now: the moment that states are told at.
    :param trash_from: what was put into the trash before this is gone.
    :param state: only those in this one; None for all but the trash.
    :param words: only those with this in title or body.
    :param tag: only those with the tag of this address, as it came, so possibly anything; empty for any or none.
    """

    now: datetime
    trash_from: datetime
    state: str | None = None
    words: str = ""
    tag: str = ""

    def clause(self) -> ColumnElement[bool]:
        """Make the clause that leaves these."""
        there = in_state(self.state, self.now) if self.state else Post.trashed_at.is_(None)
        if self.state == TRASH:
            there = and_(there, Post.trashed_at > self.trash_from)
        if words := "".join(filter(str.isprintable, self.words)).strip()[:WORDS_LONGEST]:
            found = (column.icontains(words, autoescape=True) for column in (Post.title, Post.body_md))
            there = and_(there, or_(*found))
        if self.tag:
            tagged = select(PostTag.post_id).join(TagName, TagName.tag_id == PostTag.tag_id)
            there = and_(there, Post.id.in_(tagged.where(TagName.slug == self.tag)))
        return there
