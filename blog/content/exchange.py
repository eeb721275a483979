"""Exchange: posts as files that other programs read, Markdown with YAML front matter; no name stands in one."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import load_only, selectinload

from blog.content import authorship, old_paths, slugs, tags
from blog.content.details import NOTE, PAGE, POST
from blog.content.media import uses
from blog.content.posts import AuthorKey
from blog.content.readers import EVERYONE
from blog.db import Post, PostAuthor, Slug, db

AT_ONCE = 100  # posts in memory
PICTURES = "media"  # the folder of pictures beside the posts


class File(NamedTuple):
    """A post as a file.

    :param name: of the file, without folder; no two posts have the same.
    :param content: front matter and source, in UTF-8.
    """

    name: str
    content: bytes


# -- making ----------------------------------------------------------------------------------------------------------


def count(author_key: AuthorKey | None = None) -> int:
    """Count the posts that `files` gives; for the operator."""
    return db.session.scalar(select(func.count()).select_from(Post).where(of(author_key))) or 0


def files(author_key: AuthorKey | None = None) -> Iterator[File]:
    """Give every post as a file, drafts and limited ones too, the oldest first; for the operator.

    :param author_key: only those that this author holds, or agreed to be named above.
    """
    last_id, names = 0, set[str]()
    while found := db.session.scalars(_after(last_id, author_key)).all():
        earlier, paths = _earlier(found), old_paths.of_posts(post.id for post in found)
        pictures = uses.of_posts(post.id for post in found)
        for post in found:
            name = _name(post, names)
            names.add(name)
            matter = _matter(post, earlier[post.id], paths[post.id], pictures[post.id])
            yield File(name, _file(matter, post.body_md))
        last_id = found[-1].id
        db.session.expunge_all()


def _after(last_id: int, author_key: AuthorKey | None) -> Select[Post]:
    chosen = select(Post).where(Post.id > last_id, of(author_key)).order_by(Post.id).limit(AT_ONCE)
    return chosen.options(_WRITTEN, tags.TOLD, selectinload(Post.group_rows), selectinload(Post.author_rows))


def of(author_key: AuthorKey | None) -> ColumnElement[bool]:
    """Make the clause that leaves only the posts that go out."""
    if author_key is None:
        return true()
    held = and_(Post.author_issuer == author_key[0], Post.author_id == author_key[1])
    return or_(held, Post.author_rows.any(authorship.stands_beside(author_key)))


_WRITTEN = load_only(
    Post.author_issuer,
    Post.author_id,
    Post.title,
    Post.slug,
    Post.body_md,
    Post.created_at,
    Post.updated_at,
    Post.published_at,
    Post.unpublished_at,
    Post.trashed_at,
    Post.comments_closed,
    Post.visible_to,
    Post.kind,
    Post.own_slug,
    Post.excerpt_own,
    Post.lang,
    Post.canonical_url,
    Post.image_url,
    Post.image_alt,
    Post.place,
    raiseload=True,
)


def _earlier(found: Sequence[Post]) -> dict[int | None, list[str]]:
    """Find the slugs with which each of these posts was public before."""
    current = {post.slug for post in found}
    theirs = select(Slug).where(Slug.post_id.in_([post.id for post in found]), Slug.public).order_by(Slug.slug)
    earlier: dict[int | None, list[str]] = defaultdict(list)
    for row in db.session.scalars(theirs):
        if row.slug not in current:
            earlier[row.post_id].append(row.slug)
    return earlier


def _name(post: Post, taken: set[str]) -> str:
    """Name a file by its post's slug, if that is one, as a path would be none."""
    stem = post.slug if slugs.is_slug(post.slug) else "post"
    plain = f"{stem}.md"
    # an address can go from one post to another while we are at it
    return plain if stem == post.slug and plain not in taken else f"{stem}.{post.id}.md"


def _file(found: dict[str, Any], body_md: str) -> bytes:
    from blog.content import matter  # noqa: PLC0415  (it imports YAML, which no page needs)

    return matter.write(found, body_md)


_FOR_OPERATORS = {"created", "author", "authors", "visible_to", "groups", "own_slug"}


def shown(post: Post, *, url: str) -> bytes:
    """Give a post to who reads it, as a file: as it is exported, but for whose it is, which only its page tells.

    :param post: as `posts.at_slug` finds it.
    :param url: of that page.
    """
    told = {name: value for name, value in _matter(post).items() if name not in _FOR_OPERATORS}
    return _file({**told, "url": url}, post.body_md)


def _matter(
    post: Post, earlier: Sequence[str] = (), paths: Sequence[str] = (), pictures: Sequence[str] = ()
) -> dict[str, Any]:
    told: dict[str, Any] = {} if post.kind == NOTE else {"title": post.title}
    told |= {"slug": post.slug} | ({"own_slug": True} if post.own_slug else {})
    if post.kind != POST:
        told |= {"kind": post.kind}
    if post.published_at is None:
        told |= {"draft": True} | ({"trashed": post.trashed_at} if post.trashed_at else {})
    else:
        told |= {"date": post.published_at}
    if post.unpublished_at:
        told |= {"unpublished": post.unpublished_at}
    told |= {"created": post.created_at, "updated": post.updated_at, **_by(post)}
    if post.visible_to != EVERYONE:
        told |= {"visible_to": post.visible_to}
    if post.groups:
        told |= {"groups": post.groups}
    told |= _details(post)
    if earlier or paths:
        told |= {"aliases": [*(f"/{slug}" for slug in earlier), *paths]}
    if earlier:
        told |= {"earlier_slugs": earlier}
    if pictures:
        told |= {"pictures": [f"{PICTURES}/{file}" for file in pictures]}
    return told


def _details(post: Post) -> dict[str, Any]:
    """Tell what is said about it beside its title and text; what is not said is left out."""
    said: dict[str, Any] = {
        "tags": [tag.name for tag in post.tags],
        "excerpt": post.excerpt_own,
        "lang": post.lang,
        "canonical": post.canonical_url,
        "image": {"src": post.image_url, "alt": post.image_alt} if post.image_url else None,
        "weight": post.place if post.kind == PAGE else None,
        "comments": False if post.comments_closed else None,
    }
    return {name: value for name, value in said.items() if value not in (None, [])}


def _by(post: Post) -> dict[str, Any]:
    """Tell whose it is, by identity key, of which the provider knows the name; and who else is named, in order."""
    told: dict[str, Any] = {"author": _key(post.author_key)}
    if post.author_rows:
        told |= {"authors": [_named(row) for row in post.author_rows]}
    return told


def _named(row: PostAuthor) -> dict[str, Any]:
    if row.author_key is None:
        return {"guest": row.guest}
    return _key(row.author_key) | ({} if row.agreed_at else {"agreed": False})


def _key(author_key: AuthorKey) -> dict[str, str]:
    issuer, author_id = author_key
    return {"issuer": issuer, "id": author_id}


# -- writing ---------------------------------------------------------------------------------------------------------


def is_empty(folder: Path) -> bool:
    """Whether nothing stands in this folder, or there is none.

    :raises OSError: it is no folder, or cannot be read.
    """
    return not folder.exists() or not any(folder.iterdir())


def write(file: File, folder: Path) -> None:
    """Write a file into a folder, as `opened` does.

    :raises OSError: it cannot be written.
    """
    with opened(folder / file.name) as new:
        new.write(file.content)


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to be written, whole or not at all, for nobody else to read; what has its name goes.

    :raises OSError: it cannot be written.
    """
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")  # with mode 0600
    try:
        with os.fdopen(handle, "wb") as new:
            yield new
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
