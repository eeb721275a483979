"""Moving: pictures as files that another blog takes in, each with what is known of it beside; no name stands there."""

from __future__ import annotations

import errno
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select, true

from blog.content import exchange, matter
from blog.content.importing import moments
from blog.content.media import library
from blog.content.media.library import Holder
from blog.content.media.shelf import Shelf, file_name
from blog.content.media.uses import held_by
from blog.db import Media, MediaHolder, Post, PostMedia, db
from blog.errors import Invalid

AuthorKey = tuple[str, str]  # issuer and id

AT_ONCE = 100  # pictures of which something is in memory


class Picture(NamedTuple):
    """A picture that goes out.

    :param name: made of its bytes.
    :param file: its name with its ending.
    :param holders: in whose libraries it stands, in the order in which they took it in.
    """

    name: str
    file: str
    holders: tuple[Holder, ...]


# -- out -------------------------------------------------------------------------------------------------------------


def count(author_key: AuthorKey | None = None) -> int:
    """Count the pictures that `pictures` gives; for the operator."""
    return db.session.scalar(select(func.count()).select_from(Media).where(_of(author_key))) or 0


def pictures(author_key: AuthorKey | None = None) -> Iterator[Picture]:
    """Give every picture that somebody has or a post uses, in the order of their names; for the operator.

    :param author_key: only those that stand in this author's library, or in a post that `exchange.files` gives of them;
        of other holders nothing is told then.
    """
    last = ""
    some = select(Media.name, Media.kind).where(_of(author_key)).order_by(Media.name).limit(AT_ONCE)
    while found := db.session.execute(some.where(Media.name > last)).all():
        holders = _holders([name for name, _ in found], author_key)
        db.session.rollback()  # copying takes a while, and nothing is to be seen as it was for so long
        for name, kind in found:
            yield Picture(name, file_name(name, kind), tuple(holders[name]))
        last = found[-1].name


def _of(author_key: AuthorKey | None) -> ColumnElement[bool]:
    if author_key is None:
        return library.kept()
    theirs = select(PostMedia.name).join(Post, Post.id == PostMedia.post_id).where(exchange.of(author_key))
    return or_(held_by(author_key), Media.name.in_(theirs))


def _holders(names: Iterable[str], author_key: AuthorKey | None) -> dict[str, list[Holder]]:
    who = true() if author_key is None else _by(author_key)
    holders = defaultdict[str, list[Holder]](list)
    for row in db.session.scalars(select(MediaHolder).where(MediaHolder.name.in_(names), who).order_by(MediaHolder.id)):
        holders[row.name].append(Holder((row.author_issuer, row.author_id), row.alt, row.made_at))
    return holders


def _by(author_key: AuthorKey) -> ColumnElement[bool]:
    return and_(MediaHolder.author_issuer == author_key[0], MediaHolder.author_id == author_key[1])


def write(picture: Picture, shelf: Shelf, folder: Path) -> set[str]:
    """Write a picture, and what is known of it beside, as `exchange.write` writes posts.

    :return: the names of both files.
    :raises FileNotFoundError: its own file is gone.
    :raises OSError: it cannot be written.
    """
    if folder.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, f"{folder.name} is a link")
    with shelf.path(picture.file).open("rb") as stored, exchange.opened(folder / picture.file) as new:
        shutil.copyfileobj(stored, new)
    facts = exchange.File(f"{picture.name}.json", _told(picture.holders))
    exchange.write(facts, folder)
    return {picture.file, facts.name}


def _told(holders: Iterable[Holder]) -> bytes:
    """Say whose it is by identity key, of which the provider knows the name; as JSON (RFC 8259)."""
    told = [
        {"issuer": issuer, "id": author_id, "alt": alt, "added": f"{made_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"}
        for (issuer, author_id), alt, made_at in holders
    ]
    return json.dumps({"holders": told}, ensure_ascii=False, indent=2).encode() + b"\n"


# -- in --------------------------------------------------------------------------------------------------------------


def read(text: str, judge: Callable[[str, str], AuthorKey], now: datetime) -> tuple[Holder, ...]:
    """Read what `write` wrote beside a picture.

    :param judge: makes a key of issuer and id.
    :raises Invalid: when it is something else.
    """
    found, rest = matter.read(text)
    holders = found.get("holders")
    if rest.strip() or not isinstance(holders, list) or not all(map(_is_holder, holders)):
        raise Invalid("what stands beside it does not say whose picture it is")
    return tuple(_holder(each, judge, now) for each in holders)


def _is_holder(said: Any) -> bool:
    return isinstance(said, dict) and all(isinstance(said.get(name), str) for name in ("issuer", "id", "added"))


def _holder(said: dict[str, Any], judge: Callable[[str, str], AuthorKey], now: datetime) -> Holder:
    alt = said.get("alt")
    described = library.described(str(alt), decorative=True) if alt is not None else None
    return Holder(judge(said["issuer"], said["id"]), described, min(moments.read(said["added"], UTC), now))
