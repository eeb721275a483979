"""Which posts use which pictures: found in a post's HTML when it is saved, and then its pictures get their measures."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from blog.content.media.shelf import NAME_LENGTH, file_name, parse
from blog.content.readers import Reader, readable_by
from blog.db import Media, MediaHolder, Post, PostMedia, db

if TYPE_CHECKING:  # it asks for what `told` makes
    from blog.content.shown import Shown

FOLDER = "/media/"
SIZES = "(min-width: 44rem) 40rem, 100vw"  # a column of text of static/style.css
MOST_NAMES = 500  # pictures in one post
_USED = re.compile(rf' (?:src|href)="{FOLDER}([^"]*)"')
_IMAGE = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')  # as the sanitiser writes it: quotes in values are references
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')
_OURS = {"width", "height", "loading"}


def seen_by(reader: Reader, now: datetime) -> ColumnElement[bool]:
    """Make the clause that leaves only pictures this reader may see: used in a post they may read, or their own."""
    if reader.everything:
        return true()
    using = PostMedia.name == Media.name, PostMedia.post_id == Post.id
    read = exists(select(Post.id).where(*using, readable_by(reader, now)).correlate(Media))
    return or_(held_by(reader.key), read) if reader.key else read


def held_by(key: tuple[str, str]) -> ColumnElement[bool]:
    """Make the clause that leaves only pictures that this person uploaded."""
    theirs = and_(MediaHolder.author_issuer == key[0], MediaHolder.author_id == key[1])
    return exists().where(MediaHolder.name == Media.name, theirs)


def find(
    session: Session,
    body_html: str,
    *,
    writer: Reader,
    now: datetime,
    post_id: int | None = None,
    image: str | None = None,
    brought: Collection[str] = (),
) -> dict[str, Media]:
    """Find the pictures that a post uses: those that its writer may see, and those that it has used before.

    Of another one nobody may learn that it is there, so it is none; least of all could a post make it public.

    :param session: of the transaction that saves the post; the pictures stay until it ends.
    :param body_html: as `text.render` returns it.
    :param image: the address of its feature image, which may be one of ours.
    :param brought: names of those that came along with it from another blog, where it used them.
    """
    shown = _USED.findall(body_html)
    if image and image.startswith(FOLDER):
        shown.append(image.removeprefix(FOLDER))
    named = {file.name for text in shown if (file := parse(text))}
    if not named or len(named) > MOST_NAMES:
        return {}
    before = exists().where(PostMedia.name == Media.name, PostMedia.post_id == post_id)
    chosen = select(Media).where(Media.name.in_(named), or_(seen_by(writer, now), before, Media.name.in_(brought)))
    found = session.scalars(chosen.with_for_update(read=True, key_share=True, of=Media))
    return {media.name: media for media in found}


class Image(NamedTuple):
    """A post's feature image, for a page.

    :param width: in pixels; of pictures that are ours only, as is what follows.
    """

    src: str
    alt: str
    width: int | None = None
    height: int | None = None
    srcset: str = ""


def told() -> ColumnElement[str]:
    """Make the expression for `Post.image_told`: the measures of a feature image that is ours, along with its post.

    Only of pictures that the post uses: of another one nobody may learn that it is there.
    """
    its_name = func.substr(Post.image_url, len(FOLDER) + 1, NAME_LENGTH)
    space = literal_column("' '", String)
    measures = cast(Media.width, String) + space + cast(Media.height, String) + space + Media.kind
    return (
        select(measures + space + Media.widths)
        .join(PostMedia, PostMedia.name == Media.name)
        .where(PostMedia.post_id == Post.id, PostMedia.name == its_name)
        .correlate(Post)
        .scalar_subquery()
    )


def image_of(post: Post | Shown) -> Image | None:
    """Give the feature image of a post; None when it has none."""
    if not post.image_url:
        return None
    plain = Image(post.image_url, post.image_alt)
    file = parse(post.image_url.removeprefix(FOLDER))
    if not post.image_told or not file:
        return plain
    width, height, kind, *widths = post.image_told.split()
    media = Media(name=file.name, kind=kind, width=int(width), height=int(height), widths=" ".join(widths))
    return plain._replace(width=media.width, height=media.height, srcset=_srcset(media) if widths else "")


def known(session: Session, post_id: int) -> dict[str, Media]:
    """Give the pictures that a post uses, as `note` noted them."""
    theirs = select(Media).join(PostMedia, PostMedia.name == Media.name).where(PostMedia.post_id == post_id)
    return {media.name: media for media in session.scalars(theirs)}


def of_posts(post_ids: Iterable[int]) -> dict[int, list[str]]:
    """Tell which pictures each of these posts uses, as names of files in order; for the operator."""
    using = select(PostMedia.post_id, Media.name, Media.kind).join(Media, Media.name == PostMedia.name)
    files = defaultdict[int, list[str]](list)
    for post_id, name, kind in db.session.execute(using.where(PostMedia.post_id.in_(post_ids)).order_by(Media.name)):
        files[post_id].append(file_name(name, kind))
    return files


def note(session: Session, post_id: int, known: Mapping[str, Media]) -> None:
    """Note which pictures a post uses, all of them, in the transaction that saves it."""
    there = set(session.scalars(_NOTED, {"post": post_id}))
    if gone := there - known.keys():
        session.execute(delete(PostMedia).where(PostMedia.post_id == post_id, PostMedia.name.in_(gone)))
    if new := sorted(known.keys() - there):
        session.execute(insert(PostMedia), [{"post_id": post_id, "name": name} for name in new])


_table: Any = PostMedia.__table__  # every save asks this: made once, of the table, it costs an eighth
_NOTED = select(_table.c.name).where(_table.c.post_id == bindparam("post"))


def dress(body_html: str, known: Mapping[str, Media]) -> str:
    """Give our own pictures their measures and their variants, so that a page stands still while they load.

    :param body_html: as `text.render` returns it.
    :param known: what `find` found.
    """
    return _IMAGE.sub(lambda image: _dressed(image, known), body_html) if known else body_html


def _dressed(image: re.Match[str], known: Mapping[str, Media]) -> str:
    attributes = dict(_ATTRIBUTE.findall(image[1]))
    folder, _, name = attributes.get("src", "").rpartition("/")
    file = parse(name) if f"{folder}/" == FOLDER else None
    media = known.get(file.name) if file else None
    if media is None:
        return image[0]
    kept = {name: value for name, value in attributes.items() if name not in _OURS}
    measures = {key: attributes[key] for key in ("width", "height") if key in attributes}
    kept |= measures or {"width": str(media.width), "height": str(media.height)}
    kept["src"] = FOLDER + file_name(media.name, media.kind)
    if media.widths:
        kept |= {"srcset": _srcset(media), "sizes": SIZES}
    kept |= {"loading": "lazy", "decoding": "async"}
    return "<img" + "".join(f' {name}="{value}"' for name, value in kept.items()) + ">"


def _srcset(media: Media) -> str:
    smaller = [f"{FOLDER}{file_name(media.name, media.kind, int(width))} {width}w" for width in media.widths.split()]
    return ", ".join([*smaller, f"{FOLDER}{file_name(media.name, media.kind)} {media.width}w"])
