"""The library: whose picture is whose, what it shows, where it is used, how much room it takes, and who may see it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from blog.content.media import workshop
from blog.content.media.bare import is_bare
from blog.content.media.shelf import FORGOTTEN_S, File, Shelf, file_name, hash_of, name_of
from blog.content.media.uses import FOLDER, seen_by
from blog.content.media.workshop import Made
from blog.content.readers import ANYBODY, Reader, readable_by
from blog.content.typed import line
from blog.db import Media, MediaHolder, Post, PostMedia, db, insert_or, wait_for_turn, writing
from blog.errors import Conflict, Invalid, NotFound, Words

AuthorKey = tuple[str, str]  # issuer and id

ALT_LONGEST = 500  # characters
SHOWN_USES = 20
THUMBNAIL = 320  # pixels; where a picture has no such variant it is small itself, or moves
_IN_BULK = {"synchronize_session": False}
_MARKUP = re.compile(r"([\\`*_\[\]<>&!])")
_PLACE = re.compile(r"[0-9]{1,9}")


class Item(NamedTuple):
    """A picture as it stands in somebody's library.

    :param bytes: of all its files.
    :param alt: what it shows; empty: it is decoration; None: nobody said yet.
    :param used: whether a post uses it.
    """

    id: int
    name: str
    kind: str
    width: int
    height: int
    widths: str
    bytes: int
    alt: str | None
    made_at: datetime
    used: bool

    @property
    def address(self) -> str:
        """Where it is found, from the root of the site."""
        return FOLDER + file_name(self.name, self.kind)

    @property
    def thumbnail(self) -> str:
        """Where something smaller is found."""
        small = str(THUMBNAIL) in self.widths.split()
        return FOLDER + file_name(self.name, self.kind, THUMBNAIL) if small else self.address

    @property
    def markdown(self) -> str:
        """What to write into a post."""
        text = _MARKUP.sub(r"\\\1", self.alt or "")
        return f"![{text}]({self.address})"


class Holding(NamedTuple):
    """What somebody has in their library, in numbers."""

    pictures: int
    bytes: int
    unused: int
    undescribed: int


class Page(NamedTuple):
    """A stretch of a library, the newest first; `older` and `newer` as with posts."""

    items: list[Item]
    older: str | None
    newer: str | None


class Use(NamedTuple):
    """A post that uses a picture."""

    title: str
    slug: str


class Uses(NamedTuple):
    """Where a picture is used.

    :param posts: some of those that who asks may read.
    :param more: how many others there are.
    """

    posts: list[Use]
    more: int


# -- adding -----------------------------------------------------------------------------------------------------------


def described(alt: str, *, decorative: bool = False) -> str | None:
    """Read what somebody says that a picture shows.

    :return: the text; empty for decoration; None when nothing was said.
    :raises Invalid: under ``alt``.
    """
    if not alt.strip():
        return "" if decorative else None
    return line(alt, "alt", longest=ALT_LONGEST)


def add(
    shelf: Shelf,
    key: AuthorKey,
    data: bytes,
    *,
    now: datetime,
    alt: str | None = None,
    name: str = "",
    declared: str = "",
    longest: int = 10_000_000,
    quota: int = 0,
    wall_s: float = workshop.WALL_S,
) -> Item:
    """Take a picture into somebody's library, written anew; the same one sent again is there once.

    :param alt: as `described` returns it.
    :param name: of the file and `declared`, its media type, as the sender gave them; neither is kept.
    :param longest: how many bytes it may have.
    :param quota: how many bytes all of theirs may have together; 0 for any number.
    :param wall_s: how long it may take.
    :raises Invalid: under ``file``.
    :raises Full: when the disk is.
    :raises Unreachable: when too many pictures are being made.
    """
    if len(data) > longest:
        raise Invalid(
            {
                "file": Words(
                    "It has %(size)s; at most %(longest)s fit.", size=megabytes(len(data)), longest=megabytes(longest)
                )
            }
        )
    kind = workshop.recognise(data, name=name, declared=declared)
    if quota and holding(key).bytes >= quota:
        raise _no_room(key, quota, 0)
    with shelf.room() as folder:
        made = workshop.make(data, kind, folder, wall_s=wall_s)
        name, size = name_of(made)
        try:
            _keep(shelf, made, name, size, key, alt, now, quota)
        except IntegrityError:  # the same one was let go at the same moment
            _keep(shelf, made, name, size, key, alt, now, quota)
    return of(key, name)


def _keep(  # noqa: PLR0917
    shelf: Shelf, made: Made, name: str, size: int, key: AuthorKey, alt: str | None, now: datetime, quota: int
) -> None:
    with writing() as session:
        wait_for_turn(session, "media", *key)  # nobody else counts what this person has meanwhile
        theirs = session.scalar(select(MediaHolder).where(_by(key), MediaHolder.name == name))
        if theirs is None and quota and (held := _counted(session, key).bytes) + size > quota:
            raise _no_room(key, quota, size, held)
        _make_row(session, made, name, size)
        if theirs is None:
            issuer, author_id = key
            row = {"name": name, "author_issuer": issuer, "author_id": author_id, "alt": alt, "made_at": now}
            session.execute(insert(MediaHolder).values(row))
        elif alt is not None:
            theirs.alt = alt
        shelf.put(made, name)  # last: what is under its name is there whole, and a row speaks of it in a moment


def _make_row(session: Session, made: Made, name: str, size: int) -> None:
    there = select(Media.name).where(Media.name == name).with_for_update(read=True)
    if session.scalar(there):
        return
    facts = {"kind": made.kind, "width": made.width, "height": made.height, "widths": " ".join(map(str, made.widths))}
    try:
        with session.begin_nested():
            session.execute(insert(Media).values(name=name, bytes=size, **facts))
    except IntegrityError:  # somebody uploads the same one at this very moment
        session.execute(there)


class Holder(NamedTuple):
    """Somebody in whose library a picture stands, what they say it shows, and since when."""

    key: AuthorKey
    alt: str | None
    made_at: datetime


def take_in(shelf: Shelf, file: File, data: bytes, holders: Sequence[Holder]) -> bool:
    """Take in a picture that another blog has written, as it is, so that posts find it under its name.

    It is looked at like any other, and has to be as `pictures` writes them. For the operator: no quota counts.

    :param file: what it was called there.
    :param holders: in whose libraries it shall stand, in order; what they say here already stays.
    :return: whether something of it was not here.
    :raises Invalid: under ``file``.
    :raises Full: when the disk is.
    :raises Unreachable: when it cannot be looked at.
    """
    kind = judge(file, data)
    if is_there(shelf, file):
        return hold(file.name, *holders)
    with shelf.room() as folder:
        made = workshop.make(data, kind, folder)
        (folder / "picture").write_bytes(data)
        name, size = name_of(made)
        with writing() as session:
            _make_row(session, made, name, size)
            _hold(session, name, holders)
            shelf.put(made, name)
    return True


def judge(file: File, data: bytes) -> str:
    """Tell what kind of picture `take_in` gets, by all that can be seen before it is decoded.

    :raises Invalid: under ``file``, when it is not what its name says, or holds anything but a picture.
    """
    kind = workshop.recognise(data, name=file_name(file.name, file.kind))
    if hash_of(data) != file.name or not is_bare(data, kind):
        raise Invalid({"file": "It is not as a blog has written it."})
    return kind


def is_there(shelf: Shelf, file: File) -> bool:
    """Whether a picture stands here already, row and file."""
    row = db.session.scalar(select(Media.name).where(Media.name == file.name, Media.kind == file.kind))
    return bool(row) and shelf.path(file_name(file.name, file.kind)).is_file()


def hold(name: str, *holders: Holder) -> bool:
    """Put a picture that is here into libraries; tell whether one of them did not have it."""
    with writing() as session:
        return _hold(session, name, holders)


def _hold(session: Session, name: str, holders: Sequence[Holder]) -> bool:
    there = select(MediaHolder.author_issuer, MediaHolder.author_id).where(MediaHolder.name == name)
    have = {tuple(row) for row in session.execute(there)}
    rows = [
        {"name": name, "author_issuer": each.key[0], "author_id": each.key[1], "alt": each.alt, "made_at": each.made_at}
        for each in holders
        if tuple(each.key) not in have
    ]
    if rows:
        session.execute(insert_or(session, MediaHolder).on_conflict_do_nothing(), rows)
    return bool(rows)


def _no_room(key: AuthorKey, quota: int, size: int, held: int | None = None) -> Invalid:
    held = holding(key).bytes if held is None else held
    sizes = {"held": megabytes(held), "quota": megabytes(quota)}
    if not size:
        return Invalid(
            {"file": Words("Your pictures take %(held)s of %(quota)s. Delete some that are not used.", **sizes)}
        )
    return Invalid(
        {
            "file": Words(
                "Your pictures take %(held)s of %(quota)s, and this one needs %(size)s. Delete some that are not used.",
                size=megabytes(size),
                **sizes,
            )
        }
    )


def megabytes(size: int) -> str:
    """Say a number of bytes as people do."""
    if size < 1_000_000:
        return f"{max(round(size / 1_000), 1)} kB" if size else "0 kB"
    return f"{size / 1_000_000:.1f}".removesuffix(".0") + " MB"


# -- looking ----------------------------------------------------------------------------------------------------------


def find(file: File, *, reader: Reader, now: datetime) -> tuple[str, bool]:
    """Find a file that a reader may see: of a picture in a post that they may read, or of their own; by one query.

    :return: its name on the shelf, and whether everybody may see it.
    :raises NotFound: when there is none that they may know of.
    """
    public = seen_by(ANYBODY, now)
    chosen = select(Media.kind, Media.widths, public).where(Media.name == file.name, or_(public, seen_by(reader, now)))
    if (row := db.session.execute(chosen).one_or_none()) is None:
        raise NotFound
    kind, widths, is_public = row
    there = str(file.width) in widths.split() and file.kind == "webp" if file.width else file.kind == kind
    if not there:
        raise NotFound
    return file_name(file.name, kind, file.width), bool(is_public)


def holding(key: AuthorKey) -> Holding:
    """Tell what somebody has in their library."""
    return _counted(db.session(), key)


def _counted(session: Session, key: AuthorKey) -> Holding:
    numbers = (
        func.count(),
        func.coalesce(func.sum(Media.bytes), 0),
        func.count(case((~_used(), 1))),
        func.count(case((MediaHolder.alt.is_(None), 1))),
    )
    row = session.execute(select(*numbers).select_from(MediaHolder).join(Media).where(_by(key))).one()
    return Holding(*(int(number) for number in row))


def page(key: AuthorKey, *, limit: int, only: str = "", before: str | None = None, after: str | None = None) -> Page:
    """List somebody's own pictures for them, the newest first.

    :param only: ``unused`` or ``undescribed`` ones; all of them for anything else.
    :param before: go on with those older than here, and `after`: back to those newer, as an earlier page said.
    :raises NotFound: when one of these makes no sense, or both are given.
    """
    for place in filter(None, (before, after)):
        if not _PLACE.fullmatch(place) or (before and after):
            raise NotFound
    chosen = _items(key)
    if only == "unused":
        chosen = chosen.where(~_used())
    elif only == "undescribed":
        chosen = chosen.where(MediaHolder.alt.is_(None))
    if before:
        chosen = chosen.where(MediaHolder.id < int(before))
    if after:
        chosen = chosen.where(MediaHolder.id > int(after))
    order = MediaHolder.id.asc() if after else MediaHolder.id.desc()
    found = [Item(*row) for row in db.session.execute(chosen.order_by(order).limit(limit + 1))]
    more, items = len(found) > limit, found[:limit]
    if after:
        items = items[::-1]
    return Page(
        items,
        older=str(items[-1].id) if items and (more or after) else None,
        newer=str(items[0].id) if items and (before or (more and after)) else None,
    )


def of(key: AuthorKey, name: str) -> Item:
    """Find a picture in somebody's library.

    :raises NotFound: when it is not theirs.
    """
    row = db.session.execute(_items(key).where(MediaHolder.name == name)).one_or_none()
    if row is None:
        raise NotFound
    return Item(*row)


def _items(key: AuthorKey) -> Select[*tuple[Any, ...]]:
    facts = Media.kind, Media.width, Media.height, Media.widths, Media.bytes
    own = MediaHolder.alt, MediaHolder.made_at, _used()
    return select(MediaHolder.id, Media.name, *facts, *own).join(Media, Media.name == MediaHolder.name).where(_by(key))


def uses_of(name: str, *, reader: Reader, now: datetime) -> Uses:
    """Tell which posts use a picture."""
    using = select(Post.title, Post.slug).join(PostMedia, PostMedia.post_id == Post.id).where(PostMedia.name == name)
    chosen = using.where(readable_by(reader, now)).order_by(Post.updated_at.desc()).limit(SHOWN_USES)
    posts = [Use(*row) for row in db.session.execute(chosen)]
    total = select(func.count()).select_from(PostMedia).where(PostMedia.name == name)
    return Uses(posts, (db.session.scalar(total) or 0) - len(posts))


# -- changing ---------------------------------------------------------------------------------------------------------


def describe(key: AuthorKey, name: str, alt: str | None) -> None:
    """Keep what somebody says that their picture shows; posts that use it say what they say.

    :param alt: as `described` returns it.
    :raises NotFound: when it is not theirs.
    """
    with writing() as session:
        theirs = update(MediaHolder).where(_by(key), MediaHolder.name == name).values(alt=alt)
        if not session.scalar(theirs.returning(MediaHolder.id), execution_options=_IN_BULK):
            raise NotFound


def remove(shelf: Shelf, key: AuthorKey, name: str) -> None:
    """Take a picture out of somebody's library, and its files away if that was the last one that had it.

    :raises NotFound: when it is not theirs.
    :raises Conflict: when a post of theirs uses it, or a post of anybody that would lose it.
    """
    with writing() as session:
        session.execute(select(Media.name).where(Media.name == name).with_for_update())
        own = session.scalar(select(MediaHolder).where(_by(key), MediaHolder.name == name))
        if own is None:
            raise NotFound
        others = session.scalar(select(exists().where(MediaHolder.name == name, MediaHolder.id != own.id)))
        used = exists().where(PostMedia.name == name)
        if others:
            used = used.where(PostMedia.post_id == Post.id, Post.author_issuer == key[0], Post.author_id == key[1])
        if session.scalar(select(used)):
            raise Conflict(name)
        session.delete(own)
    tidy(shelf, only={name})


class Tidied(NamedTuple):
    """What was removed, in numbers: pictures that nobody had, files that no row knew, and folders left by accidents."""

    pictures: int
    files: int
    folders: int = 0


def tidy(shelf: Shelf, *, only: Collection[str] | None = None, dry_run: bool = False) -> Tidied:
    """Remove pictures that are in nobody's library and in no post, and files that no row speaks of.

    :param only: look at these alone; without it at everything there is, but for files that are younger than an hour.
    :param dry_run: count them, and remove nothing.
    """
    with writing() as session:
        # First locked, then looked at again: who has just taken one up or puts it into a post keeps it.
        idle = select(Media.name).where(~_held(), ~_used())
        if only is not None:
            idle = idle.where(Media.name.in_(only))
        names = list(session.scalars(idle.with_for_update()))
        if dry_run:
            return Tidied(len(names), len(_unknown(session, shelf)), 0)
        going = delete(Media).where(Media.name.in_(names), ~_held(), ~_used()).returning(Media.name)
        gone = list(session.scalars(going, execution_options=_IN_BULK)) if names else []
        unknown = _unknown(session, shelf) if only is None else set()
        for name in gone:
            shelf.remove(name)
        files = sum(map(shelf.remove, unknown))
    return Tidied(len(gone), files, shelf.clear_up() if only is None else 0)


def _unknown(session: Session, shelf: Shelf) -> set[str]:
    """Tell of which pictures there are files and no row, and have been for a while: one that just comes has none."""
    return shelf.names(older_than_s=FORGOTTEN_S) - set(session.scalars(select(Media.name)))


def missing(shelf: Shelf) -> list[str]:
    """List pictures whose files are gone, as after a database was restored without them."""
    rows = db.session.execute(select(Media.name, Media.kind).order_by(Media.name))
    return [file for file in (file_name(*row) for row in rows) if not shelf.path(file).exists()]


def take_along(transaction: Session, old: AuthorKey, new: AuthorKey) -> int:
    """Give the pictures of a key that is no longer somebody's to their new one; tell how many."""
    same = select(MediaHolder.name).where(_by(new))
    transaction.execute(delete(MediaHolder).where(_by(old), MediaHolder.name.in_(same)), execution_options=_IN_BULK)
    moved = update(MediaHolder).where(_by(old)).values(author_issuer=new[0], author_id=new[1])
    done = transaction.execute(moved, execution_options=_IN_BULK)
    return int(done.rowcount)  # type: ignore[attr-defined]


def drop(transaction: Session, key: AuthorKey) -> int:
    """Empty somebody's library; tell how many there were. `tidy` removes those that no post uses."""
    done = transaction.execute(delete(MediaHolder).where(_by(key)), execution_options=_IN_BULK)
    return int(done.rowcount)  # type: ignore[attr-defined]


def _by(key: AuthorKey) -> ColumnElement[bool]:
    return and_(MediaHolder.author_issuer == key[0], MediaHolder.author_id == key[1])


def kept() -> ColumnElement[bool]:
    """Make the clause that leaves only pictures that stand in a library or in a post; `tidy` removes others."""
    return or_(_held(), _used())


def _held() -> ColumnElement[bool]:
    return exists().where(MediaHolder.name == Media.name).correlate(Media)


def _used() -> ColumnElement[bool]:
    return exists().where(PostMedia.name == Media.name).correlate(Media)
