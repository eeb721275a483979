"""Posts as readers get them: values of the columns that a page shows, asked for without a session and its objects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, String, and_, bindparam, case, func, literal_column, null, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from blog.content import navigation, tags
from blog.content.details import NOTE
from blog.content.markup import apart
from blog.content.media import uses
from blog.content.readers import ANYBODY, GROUPS, Reader
from blog.db import Handle, Named, Post, PostAuthor, PostGroup, TagLink, ask, tags_in
from blog.questions import Question

Asked = Select[Any] | Question


class Shown(NamedTuple):
    """A post, as far as pages of readers show it; see the columns of `Post`.

    :param listed: all who are to be named above it, in order; those too who were asked and have not answered.
    :param named: those of them whom readers see there; its holder, where nobody else may be.
    :param groups: that may read it, where it is for groups.
    :param note_html: of a note, in lists, which show it whole.
    :param body_html: as what follows, only where the whole post was asked for.
    """

    listed: tuple[Named, ...]
    named: tuple[Named, ...]
    groups: tuple[str, ...]
    id: int
    author_issuer: str
    author_id: str
    handle: str | None
    kind: str
    title: str
    slug: str
    excerpt: str
    published_at: datetime | None
    visible_to: str
    lang: str | None
    image_url: str | None
    image_alt: str
    image_told: str | None
    note_html: str | None
    body_html: str | None = None
    updated_at: datetime | None = None
    canonical_url: str | None = None
    comments_live: int = 0
    comments_closed: bool = False
    tags_told: str | None = None
    neighbours_told: str | None = None

    @property
    def author_key(self) -> tuple[str, str]:
        """The identity key, (issuer, id), of its holder."""
        return self.author_issuer, self.author_id

    @property
    def alone(self) -> Shown:
        """Itself without its neighbours, which change while it does not."""
        return self._replace(neighbours_told=None)

    @property
    def tags(self) -> list[TagLink]:
        """Its tags by name, where they were asked for."""
        return tags_in(self.tags_told)

    def is_live(self, now: datetime) -> bool:
        """Whether those it is visible to may see it at this moment."""
        return self.published_at is not None and self.published_at <= now


def in_lists() -> tuple[Any, ...]:
    """Name the columns of posts in lists, which have no text but that of a note."""
    return (*_always(), case((Post.kind == NOTE, Post.body_html)))


def whole(neighbours_told: ColumnElement[Any] | None = None) -> tuple[Any, ...]:
    """Name the columns of whole posts.

    :param neighbours_told: as `neighbours.told` makes it, where they are shown.
    """
    of_all = (Post.body_html, Post.updated_at, Post.canonical_url, Post.comments_live, Post.comments_closed)
    return (*_always(), null(), *of_all, tags.told(), null() if neighbours_told is None else neighbours_told)


def _always() -> tuple[Any, ...]:
    """Name the site's version, who is named above a post, and columns of `Shown`."""
    who = (PostAuthor.author_issuer, PostAuthor.author_id, Handle.handle, PostAuthor.guest)
    named = select(_Rows(PostAuthor.position, *who, PostAuthor.agreed_at.is_not(None))).select_from(PostAuthor)
    named = named.outerjoin(PostAuthor.handle_row).where(PostAuthor.post_id == Post.id).correlate(Post)
    holds = and_(Handle.author_issuer == Post.author_issuer, Handle.author_id == Post.author_id, Handle.current)
    return (
        navigation.version(),
        named.scalar_subquery(),
        *(Post.id, Post.author_issuer, Post.author_id),
        select(Handle.handle).where(holds).correlate(Post).scalar_subquery(),
        *(Post.kind, Post.title, Post.slug),
        func.coalesce(func.nullif(Post.excerpt_own, literal_column("''")), Post.made_excerpt),
        *(Post.published_at, Post.visible_to, Post.lang, Post.image_url, Post.image_alt),
        case((Post.image_url.is_not(None), uses.told())),
    )


class _Rows(FunctionElement[str]):
    """Rows in one text, as JSON, so that they cost no query of their own; none are an empty list, or nothing at all."""

    type = String()
    inherit_cache = True


@compiles(_Rows, "sqlite")
def _rows_sqlite(rows: _Rows, compiler: Any, **how: Any) -> str:
    return f"json_group_array(json_array({compiler.process(rows.clauses, **how)}))"


@compiles(_Rows, "postgresql")
def _rows_postgresql(rows: _Rows, compiler: Any, **how: Any) -> str:
    return f"CAST(json_agg(json_build_array({compiler.process(rows.clauses, **how)})) AS VARCHAR)"


def asked_by(reader: Reader, stretch: Select[Any]) -> Asked:
    """Make of a statement what is asked for this reader: strangers ask the same ones all the time."""
    return Question(stretch) if reader == ANYBODY else stretch


def load(stretch: Asked, given: Mapping[str, Any], reader: Reader) -> list[Shown]:
    """Load posts in one query, and hear by the way whether the navigation has changed; a second one tells for which
    groups they are, where some are.

    :param stretch: of the columns that one of these functions named; it leaves what the reader may read.
    :param given: its parameters.
    """
    posts = [made(row) for row in asked(stretch, given)]
    if limited := [post.id for post in posts if reader.key and post.visible_to == GROUPS]:
        groups = _groups(limited)
        posts = [post._replace(groups=groups.get(post.id, ())) for post in posts]
    return posts


def asked(stretch: Asked, given: Mapping[str, Any]) -> Sequence[Any]:
    """Ask for rows that begin with the site's version, and hear by the way whether the navigation has changed."""
    rows = ask(stretch, given)
    navigation.hear(rows[0][0] if rows else ask(_VERSION)[0][0])
    return rows


def made(row: Sequence[Any]) -> Shown:
    """Make a post of a row of the columns that `in_lists` or `whole` named."""
    _, told, *values = row
    number, issuer, author_id, handle, *_ = values
    holder = Named((issuer, author_id), handle)
    listed = (holder,) if not told or told == "[]" else _listed(json.loads(told), (issuer, author_id))
    named = tuple(each for each in listed if each.agreed) or (holder,)
    post = Shown(listed, named, (), *values)
    return post._replace(note_html=apart(post.note_html, f"n{number}")) if post.note_html else post


def _listed(rows: Sequence[Sequence[Any]], holder: tuple[str, str]) -> tuple[Named, ...]:
    """Read who is to be named above a post; its holder needs nobody's leave, whoever that is by now."""
    listed = []
    for _, issuer, author_id, handle, guest, agreed in sorted(rows, key=lambda row: row[0]):
        key = None if issuer is None or author_id is None else (issuer, author_id)
        listed.append(Named(key, handle, guest, bool(agreed) or key == holder))
    return tuple(listed)


def _groups(post_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    groups: dict[int, list[str]] = {}
    for number, name in ask(_GROUPS, {"ids": post_ids}):
        groups.setdefault(number, []).append(name)
    return {number: tuple(sorted(names, key=str.casefold)) for number, names in groups.items()}


_VERSION = Question(select(navigation.version()))
_GROUPS = select(PostGroup.post_id, PostGroup.name).where(PostGroup.post_id.in_(bindparam("ids", expanding=True)))
