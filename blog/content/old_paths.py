"""Old paths: where posts stood on the sites they came from, and what leads from there to where they are now."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import ColumnElement, delete, literal, null, or_, select, union_all
from sqlalchemy.orm import Session

from blog.content.readers import EVERYONE, Reader, readable_by
from blog.db import OldPath, Post, Slug, db, insert_or
from blog.errors import Gone, NotFound

LONGEST = 500  # characters
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\\\\]")
_INDEX = re.compile(r"/index\.(?:html?|php)\Z")
_IN_BULK = {"synchronize_session": False}
_table: Any = OldPath.__table__


def settled(address: str) -> str | None:
    """Write a path as it is kept: decoded, with one slash at its beginning, and none at its end or beside another.

    :param address: a path or a whole address, as the front matter of a post has it; host and query are left out.
    :return: None when it is none that can be told from the home page, or is no path at all.
    """
    try:
        path = unquote(urlsplit(address.strip()).path, errors="strict")
    except ValueError:
        return None
    return of_request(path)


def of_request(path: str) -> str | None:
    """Write a path as it is kept, of a request, whose is decoded already; None when none is kept like this."""
    if len(path) > 2 * LONGEST or _UNFIT.search(path):
        return None
    path = unicodedata.normalize("NFC", posixpath.normpath(f"/{path.lstrip('/')}"))
    path = _INDEX.sub("", path)
    return path if 1 < len(path) <= LONGEST else None


def keep(session: Session, wishes: Mapping[str, int]) -> set[str]:
    """Let paths lead to posts; tell which do. Those that lead to another post go on doing so.

    :param session: of ``db.writing``.
    :param wishes: paths, as `settled` writes them, and the ids of posts.
    """
    if not wishes:
        return set()
    new = insert_or(session, _table)
    free = or_(_table.c.post_id.is_(None), _table.c.post_id == new.excluded.post_id)
    taken = new.on_conflict_do_update(index_elements=["path"], set_={"post_id": new.excluded.post_id}, where=free)
    rows = [{"path": path, "post_id": post_id} for path, post_id in wishes.items()]
    return set(session.scalars(taken.returning(_table.c.path), rows))


def of_posts(post_ids: Iterable[int]) -> dict[int | None, list[str]]:
    """Tell the old paths of each of these posts, in order."""
    found: dict[int | None, list[str]] = defaultdict(list)
    theirs = select(OldPath).where(OldPath.post_id.in_(post_ids)).order_by(OldPath.path)
    for row in db.session.scalars(theirs):
        found[row.post_id].append(row.path)
    return found


def leads_to(path: str, *, now: datetime, reader: Reader) -> str:
    """Tell the slug of the post that stood at this path; with one query.

    :param path: of a request that nothing else answers, so possibly anything.
    :raises Gone: when it was deleted for good, and everybody could read it.
    :raises NotFound: when there is none that this reader may know of.
    """
    if (kept := of_request(path)) is None:
        raise NotFound
    there = select(Post.slug).join(OldPath, OldPath.post_id == Post.id)
    left = select(null()).where(OldPath.path == kept, OldPath.post_id.is_(None))
    left_slug = select(null()).where(Slug.slug == literal(kept[1:]), Slug.post_id.is_(None), Slug.public)
    found = db.session.scalars(
        union_all(there.where(OldPath.path == kept, readable_by(reader, now)), left, left_slug)
    ).all()
    if not found:
        raise NotFound
    if slug := next(filter(None, found), None):
        return str(slug)
    raise Gone


def let_go(session: Session, doomed: ColumnElement[bool]) -> None:
    """Forget the addresses of posts that are about to be deleted and that not everybody could read there.

    Of the others they are kept, leading nowhere: slugs and paths, and nothing else of them.

    :param doomed: the clause for these posts.
    """
    ids = select(Post.id).where(doomed)
    unknown = Slug.post_id.in_(ids.where(Post.visible_to != EVERYONE))
    session.execute(
        delete(Slug).where(Slug.post_id.in_(ids), or_(Slug.public.is_(False), unknown)), execution_options=_IN_BULK
    )
    known = select(Slug.post_id).where(Slug.post_id == OldPath.post_id).correlate(OldPath)
    session.execute(delete(OldPath).where(OldPath.post_id.in_(ids), ~known.exists()), execution_options=_IN_BULK)
