"""The database handle and every table, on one page."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    DDL,
    URL,
    BigInteger,
    Connection,
    Date,
    DateTime,
    Dialect,
    Engine,
    Executable,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
    event,
    false,
    func,
    inspect,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, foreign, mapped_column, query_expression, relationship
from sqlalchemy.types import NullType

from blog.forks import Places, begin_anew
from blog.questions import Question

NAMES = {  # every constraint has a name, so that a migration can find it in either database
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What every table shares."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False}, disable_autonaming=True)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC, in SQLite too, which itself keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        return _read_utc if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _read_utc(stored: str | None) -> datetime | None:
    """Read a moment as SQLite has it; pages show many, and three steps on the way would cost thrice as much."""
    return None if stored is None else datetime.fromisoformat(f"{stored}+00:00")


SLUG = String(80).with_variant(String(200), "postgresql")
"""Of posts. SQLite counts no letters, so that its tables keep the number they were made with."""


class Handle(db.Model):  # type: ignore[name-defined]
    """The last part of the address of an author's page: the one it has, and those it had; none is ever given twice."""

    __tablename__ = "handles"

    handle: Mapped[str] = mapped_column(String(40), primary_key=True)
    author_issuer: Mapped[str] = mapped_column(String(500))
    author_id: Mapped[str] = mapped_column(String(255))
    current: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_handles_author", "author_issuer", "author_id"),
        Index(  # requests that give an author a handle together give one
            "ix_handles_current",
            "author_issuer",
            "author_id",
            unique=True,
            sqlite_where=text("current = 1"),
            postgresql_where=text("current"),
        ),
    )

    @property
    def author_key(self) -> tuple[str, str]:
        """The author's identity key, (issuer, id)."""
        return self.author_issuer, self.author_id


class Named(NamedTuple):
    """One of those who are named above a post.

    :param key: their identity key; None for a guest, and for who could not be found.
    :param handle: of their page, where there is one.
    :param guest: a name that somebody typed, which nobody has verified; None for a person.
    :param agreed: whether readers see them; False for who was asked and has not answered.
    """

    key: tuple[str, str] | None
    handle: str | None = None
    guest: str | None = None
    agreed: bool = True


class TagLink(NamedTuple):
    """A tag of a post, and the last part of the address of its page."""

    name: str
    slug: str


def tags_in(told: str | None) -> list[TagLink]:
    """Read a post's tags, by name.

    :param told: see content/tags.py.
    """
    pairs = (line.partition("\t") for line in (told or "").split("\n") if line)
    return sorted((TagLink(name, slug) for slug, _, name in pairs), key=lambda tag: tag.name.casefold())


class Post(db.Model):  # type: ignore[name-defined]
    """What somebody wrote. The author, who holds it, is an identity key, (issuer, id): never a name."""

    __tablename__ = "posts"

    id: Mapped[int] = mapped_column(primary_key=True)
    author_issuer: Mapped[str] = mapped_column(String(500))
    author_id: Mapped[str] = mapped_column(String(255))
    title: Mapped[str] = mapped_column(String(200))
    slug: Mapped[str] = mapped_column(SLUG, unique=True)
    body_md: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    html_version: Mapped[int]  # of the renderer that made body_html
    made_excerpt: Mapped[str] = mapped_column("excerpt", Text)  # of the body; `excerpt` is what is shown
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None: a draft; to come: scheduled
    unpublished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when it was last taken back
    trashed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # published_at is None then
    visible_to: Mapped[str] = mapped_column(String(10), server_default="everyone")  # a word of content/readers.py
    version: Mapped[int] = mapped_column(default=1)  # counts saves; a save names the one it started from
    form_id: Mapped[str | None] = mapped_column(
        String(64), unique=True
    )  # of the form that made it: sent twice, made once
    comments_closed: Mapped[bool] = mapped_column(default=False, server_default=false())  # by its author
    comments_live: Mapped[int] = mapped_column(default=0, server_default="0")  # so that a post without asks for none

    kind: Mapped[str] = mapped_column(String(4), default="post", server_default="post")  # a word of content/details.py
    own_slug: Mapped[bool] = mapped_column(default=False, server_default=false())  # typed: no new title moves it
    excerpt_own: Mapped[str | None] = mapped_column(Text)
    lang: Mapped[str | None] = mapped_column(String(35))  # as long as RFC 5646, section 4.4.1, lets tags be
    canonical_url: Mapped[str | None] = mapped_column(Text)  # where it was published first
    image_url: Mapped[str | None] = mapped_column(Text)
    image_alt: Mapped[str] = mapped_column(Text, default="", server_default="")  # empty: decoration
    place: Mapped[int] = mapped_column(default=0, server_default="0")  # of a page in the navigation

    tags_told: Mapped[str | None] = query_expression()  # see content/tags.py
    image_told: Mapped[str | None] = query_expression()  # see content/media/uses.py

    group_rows: Mapped[list[PostGroup]] = relationship(cascade="all, delete-orphan", passive_deletes=True, lazy="raise")
    author_rows: Mapped[list[PostAuthor]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="raise", order_by=lambda: PostAuthor.position
    )
    handle_row: Mapped[Handle | None] = relationship(
        primaryjoin=lambda: and_(
            foreign(Post.author_issuer) == Handle.author_issuer,
            foreign(Post.author_id) == Handle.author_id,
            Handle.current,
        ),
        viewonly=True,
        lazy="raise",
    )

    __table_args__ = (
        Index("ix_posts_visible", "visible_to", "published_at", "id"),  # for strangers, who are nearly all readers
        Index("ix_posts_published", "published_at", "id"),  # for people, who see posts of several kinds in one order
        Index("ix_posts_author", "author_issuer", "author_id", "updated_at", "id"),  # for their dashboards
        Index(  # for who looks into the trash, and for what has been there long enough
            "ix_posts_trashed",
            "trashed_at",
            "id",
            sqlite_where=text("trashed_at IS NOT NULL"),
            postgresql_where=text("trashed_at IS NOT NULL"),
        ),
        Index(  # for the navigation, of which every page of readers needs to know after each change
            "ix_posts_pages",
            "place",
            "id",
            sqlite_where=text("kind = 'page'"),
            postgresql_where=text("kind = 'page'"),
        ),
        Index("ix_posts_updated", "updated_at", "id"),  # for editors' dashboards
        Index("ix_posts_author_published", "author_issuer", "author_id", "published_at", "id"),  # for their pages
        # else SQLite gives the id of a deleted post to the next one, and a save that was under way would hit that one
        {"sqlite_autoincrement": True},
    )

    @property
    def author_key(self) -> tuple[str, str]:
        """The author's identity key, (issuer, id)."""
        return self.author_issuer, self.author_id

    @property
    def handle(self) -> str | None:
        """The handle of its author's page, where there is one."""
        return self.handle_row.handle if self.handle_row else None

    @property
    def listed(self) -> list[Named]:
        """All who are to be named above it, in order; those too who were asked and have not answered."""
        holder = Named(self.author_key, self.handle)
        # its holder needs nobody's leave, whoever that is by now
        return [row.named(agreed=row.author_key == self.author_key) for row in self.author_rows] or [holder]

    @property
    def named(self) -> list[Named]:
        """Those whom readers see named above it, in order; its holder, where nobody else may be."""
        return [each for each in self.listed if each.agreed] or [Named(self.author_key, self.handle)]

    @property
    def excerpt(self) -> str:
        """What lists show of it: words of its author's, else its first ones."""
        return self.excerpt_own or self.made_excerpt

    @property
    def typed_title(self) -> str:
        """Its title as somebody typed it; the title of a note is made of its first words."""
        return "" if self.kind == "note" else self.title

    @property
    def tags(self) -> list[TagLink]:
        """Its tags by name, where they were asked for."""
        return tags_in(self.tags_told)

    @property
    def groups(self) -> list[str]:
        """The names of the groups that may read it, where it is for groups."""
        return sorted((row.name for row in self.group_rows), key=str.casefold) if self.visible_to == "groups" else []

    def is_live(self, now: datetime) -> bool:
        """Whether those it is visible to may see it at this moment."""
        return self.published_at is not None and self.published_at <= now


class PostAuthor(db.Model):  # type: ignore[name-defined]
    """One of those who are named above a post, in order, where that is not its holder alone: a person, or a guest."""

    __tablename__ = "post_authors"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    author_issuer: Mapped[str | None] = mapped_column(String(500))
    author_id: Mapped[str | None] = mapped_column(String(255))
    guest: Mapped[str | None] = mapped_column(String(80))  # plain text that somebody typed; None for a person
    agreed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None: asked, and not shown to readers

    handle_row: Mapped[Handle | None] = relationship(
        primaryjoin=lambda: and_(
            foreign(PostAuthor.author_issuer) == Handle.author_issuer,
            foreign(PostAuthor.author_id) == Handle.author_id,
            Handle.current,
        ),
        viewonly=True,
        lazy="raise",
    )

    # for their dashboards and pages; and so that nobody is named twice above a post
    __table_args__ = (Index("ix_post_authors_author", "author_issuer", "author_id", "post_id", unique=True),)

    @property
    def author_key(self) -> tuple[str, str] | None:
        """The identity key, (issuer, id); None for a guest."""
        return None if self.author_issuer is None or self.author_id is None else (self.author_issuer, self.author_id)

    def named(self, *, agreed: bool = False) -> Named:
        """Say who this is.

        :param agreed: they need not be asked.
        """
        handle = self.handle_row.handle if self.handle_row else None
        return Named(self.author_key, handle, self.guest, agreed or self.agreed_at is not None)


class Revision(db.Model):  # type: ignore[name-defined]
    """A text that a post had, or has: each one that was saved and differs from the one before."""

    __tablename__ = "revisions"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1, in the order of saving
    title: Mapped[str] = mapped_column(String(200))
    body_md: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    by_issuer: Mapped[str | None] = mapped_column(String(500))  # None: nobody knows, or they were erased
    by_id: Mapped[str | None] = mapped_column(String(255))
    added: Mapped[int]  # words that the one before had not
    removed: Mapped[int]  # words that the one before had

    __table_args__ = (Index("ix_revisions_by", "by_issuer", "by_id"),)  # for remap, merge and erase

    @property
    def by(self) -> tuple[str, str] | None:
        """The identity key, (issuer, id), of who saved it; None when that is not known."""
        return None if self.by_issuer is None or self.by_id is None else (self.by_issuer, self.by_id)


class PostGroup(db.Model):  # type: ignore[name-defined]
    """A group whose people may read a post, named as the provider does."""

    __tablename__ = "post_groups"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)


class Tag(db.Model):  # type: ignore[name-defined]
    """A word that posts stand together under, and the last part of the address of its page."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    slug: Mapped[str] = mapped_column(String(80))

    __table_args__ = ({"sqlite_autoincrement": True},)  # a form of an editor must not hit another tag than it showed


class TagName(db.Model):  # type: ignore[name-defined]
    """A name that a tag has, or had, and the address that came with it; both lead to the tag for good."""

    __tablename__ = "tag_names"

    folded: Mapped[str] = mapped_column(String(150), primary_key=True)  # the name without capital letters
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id", ondelete="CASCADE"), index=True)
    first_tag_id: Mapped[int]  # which had it first, by whose number posts are found when tags are merged


class PostTag(db.Model):  # type: ignore[name-defined]
    """A tag of a post, with copies of what the page of a tag sorts and sifts by; see `keep_tags_in_step`."""

    __tablename__ = "post_tags"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    visible_to: Mapped[str] = mapped_column(String(10))

    __table_args__ = (
        Index("ix_post_tags_visible", "tag_id", "visible_to", "published_at", "post_id"),  # for strangers
        Index("ix_post_tags_published", "tag_id", "published_at", "post_id"),  # for people
    )


@event.listens_for(Post, "after_update")
def keep_tags_in_step(_mapper: Any, connection: Any, post: Post) -> None:
    """Copy when a post is published, and for whom, to its tags, in the same transaction.

    What changes posts in bulk comes past this, and calls `tags.follow`.
    """
    copies = {"published_at": post.published_at, "visible_to": post.visible_to}
    if any(inspect(post).attrs[name].history.has_changes() for name in copies):
        connection.execute(update(PostTag.__table__).where(PostTag.post_id == post.id).values(copies))


class Copy(db.Model):  # type: ignore[name-defined]
    """What somebody is typing into an open form and has not saved. Readers never see it, and no one else does."""

    __tablename__ = "copies"

    form_id: Mapped[str] = mapped_column(String(64), primary_key=True)  # of the open form: two tabs have two copies
    author_issuer: Mapped[str] = mapped_column(String(500))  # whoever types, which may be an editor
    author_id: Mapped[str] = mapped_column(String(255))
    post_id: Mapped[int | None] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), index=True
    )  # None: a new one
    version: Mapped[int | None]  # of the post that the form started from
    base: Mapped[str | None] = mapped_column(Text)  # JSON: title and body of that version, where they are known
    fields: Mapped[str] = mapped_column(Text)  # JSON: names and values in order
    kept_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)

    __table_args__ = (Index("ix_copies_author", "author_issuer", "author_id", "kept_at"),)


class Media(db.Model):  # type: ignore[name-defined]
    """A picture that is kept in files; those of a hundred people who uploaded the same one are the same files."""

    __tablename__ = "media"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)  # hash of the file, and most of its name
    kind: Mapped[str] = mapped_column(String(4))  # and its ending: png, jpg, gif, webp
    width: Mapped[int]
    height: Mapped[int]
    bytes: Mapped[int]  # with its variants
    widths: Mapped[str] = mapped_column(String(40))  # of its smaller variants: "320 640"


class MediaHolder(db.Model):  # type: ignore[name-defined]
    """Somebody who uploaded a picture: it stands in their library, with what they said of it."""

    __tablename__ = "media_holders"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(ForeignKey("media.name", ondelete="CASCADE"))
    author_issuer: Mapped[str] = mapped_column(String(500))
    author_id: Mapped[str] = mapped_column(String(255))
    alt: Mapped[str | None] = mapped_column(Text)  # what it shows; empty: it is decoration; None: nobody said yet
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)

    media: Mapped[Media] = relationship(lazy="raise")

    __table_args__ = (
        UniqueConstraint("name", "author_issuer", "author_id"),
        Index("ix_media_holders_author", "author_issuer", "author_id", "id"),  # for their libraries
        {"sqlite_autoincrement": True},
    )


class PostMedia(db.Model):  # type: ignore[name-defined]
    """A post uses a picture, so that who may read the one may see the other."""

    __tablename__ = "post_media"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(ForeignKey("media.name", ondelete="CASCADE"), primary_key=True, index=True)


class Searchable(db.Model):  # type: ignore[name-defined]
    """What a post is found by: words made by content/words.py. Only what is published, or due to be, has a row."""

    __tablename__ = "searchable"

    place: Mapped[int] = mapped_column(  # in the order of publication, as it is the order in which SQLite finds
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), unique=True)
    words_version: Mapped[int]  # of what made the words
    title_words: Mapped[str] = mapped_column(Text)  # then marks for tags and for whom it is
    words: Mapped[str] = mapped_column(Text)  # of the text
    text: Mapped[str] = mapped_column(Text)  # as it is read, of which results show a piece


_FULL_TEXT = {  # what the databases keep for themselves, under names that begin with fts_; the same as migration 0016
    "sqlite": (
        "CREATE VIRTUAL TABLE IF NOT EXISTS fts_posts USING fts5(title_words, words, content='searchable',"
        " content_rowid='place', tokenize='ascii', prefix='2 3')",
        "CREATE TRIGGER fts_insert AFTER INSERT ON searchable BEGIN INSERT INTO fts_posts(rowid, title_words, words)"
        " VALUES (new.place, new.title_words, new.words); END",
        "CREATE TRIGGER fts_delete AFTER DELETE ON searchable BEGIN"
        " INSERT INTO fts_posts(fts_posts, rowid, title_words, words)"
        " VALUES ('delete', old.place, old.title_words, old.words); END",
        "CREATE TRIGGER fts_update BEFORE UPDATE ON searchable BEGIN"
        " SELECT RAISE(ABORT, 'a row of searchable is made anew, never changed'); END",
    ),
    "postgresql": (
        # rows without their texts, which stand elsewhere: many are looked at, and few are shown
        "ALTER TABLE searchable SET (toast_tuple_target = 128)",
        "ALTER TABLE searchable ADD COLUMN fts_title tsvector GENERATED ALWAYS AS"
        " (array_to_tsvector(array_remove(string_to_array(title_words, ' '), ''))) STORED",
        "ALTER TABLE searchable ADD COLUMN fts_words tsvector GENERATED ALWAYS AS"
        " (array_to_tsvector(array_remove(string_to_array(title_words || words, ' '), ''))) STORED",
        "CREATE INDEX fts_ix_title ON searchable USING gin (fts_title)",
        "CREATE INDEX fts_ix_words ON searchable USING gin (fts_words)",
        # a function, as the planner must be told not to go through all texts, which it thinks is cheap
        """CREATE OR REPLACE FUNCTION fts_find(tsquery, tsquery, text[], tsquery, integer, bigint, integer)
        RETURNS TABLE (place bigint, post_id integer) LANGUAGE sql STABLE SET enable_seqscan = off AS $$
        WITH titled AS MATERIALIZED (
          SELECT s.place, s.post_id FROM searchable s WHERE s.fts_title @@ $2 AND s.title_words LIKE ALL ($3)
          AND CASE WHEN $4 IS NULL THEN true ELSE NOT s.fts_words @@ $4 END
        ), hits AS MATERIALIZED (
          SELECT s.place, s.post_id FROM searchable s WHERE $5 = 1 AND s.fts_words @@ $1
        )
        SELECT t.place, t.post_id FROM titled t WHERE $5 = 0 AND t.place < $6
        UNION ALL
        SELECT h.place, h.post_id FROM hits h WHERE h.place < $6 AND h.place NOT IN (SELECT t.place FROM titled t)
        ORDER BY place DESC LIMIT $7 $$""",
    ),
}
for _dialect, _statements in _FULL_TEXT.items():
    for _statement in _statements:
        event.listen(Searchable.__table__, "after_create", DDL(_statement).execute_if(dialect=_dialect))
event.listen(Searchable.__table__, "before_drop", DDL("DROP TABLE IF EXISTS fts_posts").execute_if(dialect="sqlite"))


class Comment(db.Model):  # type: ignore[name-defined]
    """What somebody says to a post, or to a comment on it. A deleted one with replies stays, without text and key."""

    __tablename__ = "comments"

    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("comments.id", ondelete="CASCADE"))
    thread_id: Mapped[int] = mapped_column(
        default=0
    )  # its parent's id, else its own: a thread is one stretch of an index
    author_issuer: Mapped[str | None] = mapped_column(String(500))
    author_id: Mapped[str | None] = mapped_column(String(255))
    body_md: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    html_version: Mapped[int]  # of the renderer that made body_html
    state: Mapped[str] = mapped_column(String(10))  # a word of content/comments.py
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when somebody else said what becomes of it
    version: Mapped[int] = mapped_column(default=1)  # counts texts; who decides names the one they read
    form_id: Mapped[str | None] = mapped_column(String(64), unique=True)

    post: Mapped[Post] = relationship(lazy="raise", viewonly=True)

    __table_args__ = (
        Index("ix_comments_thread", "post_id", "thread_id", "id"),
        Index("ix_comments_parent", "parent_id", "state"),  # whether a comment has replies that readers see
        Index("ix_comments_post_state", "post_id", "state", "id"),  # what waits for an author
        Index("ix_comments_state", "state", "id"),  # what waits for editors
        Index("ix_comments_author", "author_issuer", "author_id", "id"),
        {"sqlite_autoincrement": True},  # a decision that is under way must not hit another comment
    )

    @property
    def author_key(self) -> tuple[str, str] | None:
        """Its writer's identity key, (issuer, id); None once it is deleted."""
        return (self.author_issuer, self.author_id) if self.author_issuer and self.author_id else None


class Slug(db.Model):  # type: ignore[name-defined]
    """Every address in use: of each post the one it has, and those readers may have kept from before.

    A row outlives its post when the address had been public; without a post it may be taken again.
    """

    __tablename__ = "slugs"

    slug: Mapped[str] = mapped_column(SLUG, primary_key=True)
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="SET NULL"), index=True)
    public: Mapped[bool] = mapped_column(default=False)  # the post was published here at some time


class OldPath(db.Model):  # type: ignore[name-defined]
    """Where a post stood on the site that it was imported from; asked where nothing else answers.

    A row outlives its post, as that of a slug does.
    """

    __tablename__ = "old_paths"

    path: Mapped[str] = mapped_column(String(500), primary_key=True)  # as `old_paths.settled` writes it
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="SET NULL"), index=True)


class Views(db.Model):  # type: ignore[name-defined]
    """How often a post was read on one day: numbers, and nothing of who read it."""

    __tablename__ = "views"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)  # in UTC
    views: Mapped[int]
    readers: Mapped[int]  # of that day, told apart as well as can be without knowing anybody

    __table_args__ = (Index("ix_views_day", "day", "post_id"),)  # for all posts together


class Site(db.Model):  # type: ignore[name-defined]
    """One row: its version moves in the same transaction as any public change, so that caches can key on it."""

    __tablename__ = "site"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)


event.listen(Site.__table__, "after_create", DDL("INSERT INTO site (id, version) VALUES (1, 1)"))


class LoginSession(db.Model):  # type: ignore[name-defined]
    """A browser that is logged in: hashes to find it by, and sealed data that nobody can read without SECRET_KEY.

    Its holder and its data are two columns because they are written at different times: a request that notes something
    never writes over what the provider has just said in the background.
    """

    __tablename__ = "sessions"

    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_ref: Mapped[str] = mapped_column(String(64), index=True)  # keyed hash of issuer and subject
    key_ref: Mapped[str] = mapped_column(String(64), index=True)  # keyed hash of the identity key
    sid_ref: Mapped[str | None] = mapped_column(String(64), index=True)  # keyed hash of issuer and the provider's sid
    holder: Mapped[bytes] = mapped_column(LargeBinary)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)  # when the provider last vouched for the holder
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Spent(db.Model):  # type: ignore[name-defined]
    """What may be used once only (the state of a login), remembered until it would have expired anyway."""

    __tablename__ = "spent"

    ref: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Parked(db.Model):  # type: ignore[name-defined]
    """A form that was sent while signed out, sealed, until its writer is back."""

    __tablename__ = "parked"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_ref: Mapped[str] = mapped_column(String(64), index=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class ClientKey(db.Model):  # type: ignore[name-defined]
    """A key by which the provider knows us, sealed; there are none where a client secret does that."""

    __tablename__ = "client_keys"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    alg: Mapped[str] = mapped_column(String(8))
    stage: Mapped[str | None] = mapped_column(String(8))  # "signing", "next"; None: retired, its private part destroyed
    data: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    leaves_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when a retired one is published no more

    __table_args__ = (UniqueConstraint("alg", "stage"),)  # processes that make the first keys together make them once


class Audit(db.Model):  # type: ignore[name-defined]
    """What an operator did with somebody's posts: keyed hashes and numbers, from which nobody can be read."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(20))
    by: Mapped[str] = mapped_column(String(20))  # "cli"
    key_ref: Mapped[str] = mapped_column(String(64), index=True)  # keyed hash of the identity key it was done to
    into_ref: Mapped[str | None] = mapped_column(String(64), index=True)  # of the one that has the posts now
    posts: Mapped[int]
    sessions: Mapped[int]  # that were ended
    parked: Mapped[int]  # forms that went along, or were dropped

    __table_args__ = ({"sqlite_autoincrement": True},)  # a number that is missing was taken out by hand


class Forgotten(db.Model):  # type: ignore[name-defined]
    """Whose name every process has to forget; a process looks for the rows that are new to it, by id."""

    __tablename__ = "forgotten"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str | None] = mapped_column(String(64))  # keyed hash of the identity key; None: everybody's
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)

    __table_args__ = ({"sqlite_autoincrement": True},)  # an id that was given twice would not be new


class Checked(db.Model):  # type: ignore[name-defined]
    """With which settings names could be had: one row at most, and nothing in it can be read."""

    __tablename__ = "checked"

    ref: Mapped[str] = mapped_column(String(64), primary_key=True)  # keyed hash of the settings
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def ask(statement: Executable | Question, given: Mapping[str, Any] | None = None) -> Sequence[Any]:
    """Ask for columns, without a session: it costs as much as the question.

    The same statement asked again costs half of one that is built anew, so what is asked often is built once, with
    parameters; a `Question` costs half of that.
    """
    if isinstance(statement, Question):
        return _ask_question(statement, given or {})
    with _reading() as connection:
        return connection.execute(statement, given).all()


def _ask_question(question: Question, given: Mapping[str, Any]) -> Sequence[Any]:
    engine = db.engine
    if (connection := _connection()) is not None:
        return question.ask(connection.connection, engine, given)
    pooled = engine.raw_connection()
    try:
        return question.ask(pooled, engine, given)
    except DBAPIError as error:
        reason: Any = error.orig
        if engine.dialect.is_disconnect(reason, pooled.driver_connection, None):
            pooled.invalidate(reason)
        raise
    finally:
        pooled.close()


def ask_briefly(statement: Executable, given: Mapping[str, Any], seconds: float) -> tuple[list[Any], bool]:
    """Ask SQLite as `ask` does, for what it finds within so much time of the processor.

    :return: the rows until then, and whether there may be more.
    """
    rows: list[Any] = []
    with _reading() as connection, _for(seconds, connection, STEPS) as was_ended:
        try:
            for row in connection.execute(statement, given):
                rows.append(row)
        except OperationalError as error:
            if not was_ended(error):
                raise
            return rows, True
    return rows, False


def ask_within(question: Question, given: Mapping[str, Any], seconds: float) -> Sequence[Any]:
    """Ask SQLite likewise, for all rows; for none, where that would take longer. The clock is looked at less often."""
    with _reading() as connection, _for(seconds, connection, 5 * STEPS) as was_ended:
        try:
            return question.ask(connection.connection, db.engine, given)
        except OperationalError as error:
            if not was_ended(error):
                raise
            return ()


@contextmanager
def _for(seconds: float, connection: Connection, steps: int) -> Iterator[Callable[[OperationalError], bool]]:
    """Let SQLite end a question after so much time of the processor, and tell by which error that is known."""
    driver: Any = connection.connection.driver_connection
    ends = time.thread_time() + seconds
    driver.set_progress_handler(lambda: time.thread_time() >= ends, steps)
    try:
        yield lambda error: getattr(error.orig, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT
    finally:
        driver.set_progress_handler(None, 0)


STEPS = 200  # of SQLite's, after which the clock is looked at: they take 0.1 to 3 ms


@contextmanager
def one_connection() -> Iterator[None]:
    """Let all that is asked meanwhile go over one connection: taking one costs as much as a small question."""
    with _reading() as connection:
        token = _taken.set(connection)
        try:
            yield
        finally:
            _taken.reset(token)


_taken: ContextVar[Connection | None] = ContextVar("_taken", default=None)


@contextmanager
def _reading() -> Iterator[Connection]:
    if (connection := _connection()) is not None:
        yield connection
    else:
        with db.engine.connect() as connection:
            yield connection


def _connection() -> Connection | None:
    """Give the connection that this request has already, if it has one."""
    taken = _taken.get()
    return db.session.connection() if taken is None and db.session.registry.has() else taken


def insert_or(session: Session, table: Any) -> Any:
    """Make an INSERT in this database's own words, which can say what happens where a row is there already."""
    own: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return own.insert(table)


def wait_for_turn(session: Session, *what: str) -> None:
    """Let transactions that name the same go one after the other from here on; on SQLite those that write do anyway.

    :param session: of `writing`.
    """
    if session.get_bind().dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(repr(what).encode()).digest()[:8], signed=True)
        session.execute(select(func.pg_advisory_xact_lock(number)))


CHANNEL = "site"
"""Where PostgreSQL tells processes that listen that the version has moved, as soon as it has."""


def tell_caches(session: Session) -> None:
    """Note that readers see something new. Comes last: every writer waits for this one row."""
    session.execute(_ONE_MORE)
    session.info[TOLD] = True
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_NOTIFY)


_NOTIFY = text(f"NOTIFY {CHANNEL}")
_site = Site.__table__
_ONE_MORE = update(_site).values(version=_site.c.version + 1)  # of the table: of the class it costs eight times as much
TOLD = "told"


def log_of(url: URL) -> Path:
    """Tell where SQLite writes what is committed, by whose time other processes see that something was."""
    return Path(f"{url.database}-wal")


class LastTold:
    """Which public change of this process was the last: `change` is another object after each."""

    change: object = object()


def _has_come_to_light(session: Session) -> None:
    """Let this process know of a public change that was just committed, and others where they look at SQLite's log.

    SQLite writes the log first and then waits for the disk; so it gets the time at which others can see the change, to
    the nanosecond, as the times that the system gives are too coarse to tell two changes apart.
    """
    if not session.info.pop(TOLD, False):
        return
    LastTold.change = object()
    engine: Any = session.get_bind()
    if engine.dialect.name == "sqlite":
        with suppress(OSError):  # there is none in other journal modes
            os.utime(log_of(engine.url), ns=(time.time_ns(),) * 2)


def site_version(connection: Connection) -> int:
    """Tell the version of the site, which moves with every public change."""
    return connection.scalar(select(Site.version)) or 0


@contextmanager
def writing() -> Iterator[Session]:
    """One transaction that may write: committed at the end, rolled back on any error.

    Reads run outside of it, statement by statement. On SQLite the write lock is taken at once (BEGIN IMMEDIATE):
    a transaction that reads first and writes later loses against any other writer with "database is locked".
    What was loaded, before or inside, stays readable whatever happens; it is never written inside another one.
    """
    session = db.session()
    _let_go(session)  # a write never builds on what was read before it had the lock
    dialect = session.get_bind().dialect.name
    with _in_turn() if dialect == "sqlite" else nullcontext():
        session.connection(execution_options=WRITES[dialect])
        try:
            yield session
            session.commit()
            _has_come_to_light(session)
        except BaseException:
            _let_go(session)
            raise


@contextmanager
def _in_turn() -> Iterator[None]:
    """Let the threads of this process that write to SQLite go one after the other.

    Whoever finds SQLite busy sleeps, looks again and sleeps longer: of eight that write all the time, one got through
    once while another did forty times. Who waits longer than SQLite would is left to SQLite, and so are processes.
    """
    its_turn = _writers.acquire(timeout=TURN_S)
    try:
        yield
    finally:
        if its_turn:
            _writers.release()


TURN_S = 5  # as long as `busy_timeout`
_writers = Places(1)


def _let_go(session: Session) -> None:
    """End what is going on; whoever holds something that was read keeps it, as a value that changes no more."""
    session.info.pop(TOLD, None)
    session.expunge_all()
    session.rollback()


WRITES: dict[str, dict[str, Any]] = {"sqlite": {"writes": True}, "postgresql": {"isolation_level": "READ COMMITTED"}}
"""Execution options that make a connection's next transaction one that may write, for each dialect."""


def _open_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _begin_sqlite does
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Any) -> None:
    if connection.get_execution_options().get("writes"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def engine_options(url: str) -> dict[str, Any]:
    """How to connect to the database at this address.

    :param url: a SQLAlchemy address, ``sqlite:///…`` or ``postgresql+psycopg://…``.
    """
    options = {
        "hide_parameters": True,  # an error's text goes to the log, what people write does not
        "pool_use_lifo": True,  # the connection that was used last still has pages and statements at hand
    }
    if url.startswith("sqlite"):
        return options
    return options | {
        "isolation_level": "AUTOCOMMIT",  # for reads: no transaction stays open while a page waits for the provider
        "pool_pre_ping": True,
        "pool_timeout": 3,
        "connect_args": {"connect_timeout": 3, "options": "-c statement_timeout=10000 -c lock_timeout=3000"},
    }


def is_in_memory(url: URL) -> bool:
    """Whether this is a SQLite database that only its own connection can see."""
    return url.get_backend_name() == "sqlite" and (url.database or ":memory:").startswith((":memory:", "file:"))


def init_app(app: Flask) -> None:
    """Bind the handle to this application, whose SQLALCHEMY_DATABASE_URI is set."""
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(app.config["SQLALCHEMY_DATABASE_URI"])
    db.init_app(app)
    with app.app_context():
        prepare(db.engine)
        if not is_in_memory(db.engine.url):
            begin_anew(db.engine, _leave_connections, before=_close_connections)


def _close_connections(engine: Engine) -> None:
    """Before a fork: best is that nothing is open, as SQLite knows by its process who has locked what."""
    pool: Any = engine.pool
    if not pool.checkedout():
        engine.dispose()


def _leave_connections(engine: Engine) -> None:
    """In a process that was forked: leave to its parent what was open there, neither used nor closed."""
    _of_parents.extend((engine.pool, db.session.registry.registry))
    engine.dispose(close=False)
    db.session.registry.registry = {}


_of_parents: list[Any] = []


def prepare(engine: Engine) -> None:
    """Teach a SQLite engine our way with transactions; PostgreSQL needs none of it."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _open_sqlite)
        event.listen(engine, "begin", _begin_sqlite)


def everything_stored() -> Iterator[tuple[str, Iterator[bytes]]]:
    """Give every value in every table there is, also of tables that nobody here knows any more; for searching.

    :return: table and column, and the values of that column in the bytes that they are stored in.
    """
    with db.engine.connect() as connection:
        tables = MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            for column in table.columns:
                rows = connection.execution_options(yield_per=500).execute(select(type_coerce(column, NullType())))
                yield f"{table.name}.{column.name}", (_in_bytes(row[0]) for row in rows)


def _in_bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
