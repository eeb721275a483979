"""Tags: words that posts stand together under. Editors rename and merge them; every address a tag had leads to it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, case, func, insert, select, true, update
from sqlalchemy import delete as delete_from
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, with_expression
from sqlalchemy.orm.attributes import set_committed_value

from blog.content import slugs
from blog.content.readers import Reader, named_there, readable_by
from blog.content.typed import line
from blog.db import Post, PostAuthor, PostTag, Tag, TagName, ask, db, tell_caches, writing
from blog.errors import Invalid, NotFound, Words
from blog.questions import NEW_LINE, Question

MOST = 30  # of one post; real ones have up to 23
LONGEST = 50  # characters


class Found(NamedTuple):
    """A tag that was looked up."""

    id: int
    name: str
    slug: str


class Counted(NamedTuple):
    """A tag as editors see it.

    :param posts: how many have it, drafts and limited ones too.
    """

    id: int
    name: str
    slug: str
    posts: int


# -- what somebody types -----------------------------------------------------------------------------------------------


def folded(name: str) -> str:
    """Give what is the same for names that differ in capital letters only."""
    return unicodedata.normalize("NFC", name.casefold())


def split(typed: str) -> tuple[str, ...]:
    """Take apart what was typed into one field: names with commas between them."""
    return tuple(
        filter(str.strip, typed.replace("\uff0c", ",").replace("\u060c", ",").replace("\u3001", ",").split(","))
    )


def settled(names: Iterable[str]) -> tuple[str, ...]:
    """Normalise names, each once.

    :raises Invalid: under ``tags``, when one cannot be one, or they are too many.
    """
    fit: dict[str, str] = {}
    for name in names:
        one = _name(name)
        fit.setdefault(folded(one), one)
    if len(fit) > MOST:
        raise Invalid(
            {"tags": Words("These are %(number)s tags; a post can have %(most)s.", number=len(fit), most=MOST)}
        )
    return tuple(fit.values())


def _name(typed: str, field: str = "tags") -> str:
    try:
        name = line(typed, "tag", longest=LONGEST)
    except Invalid as invalid:
        raise Invalid({field: next(iter(invalid.problems.values()))}) from None
    if "," in name:
        raise Invalid({field: Words("A tag has no comma in it.")})
    return name


# -- of a post ---------------------------------------------------------------------------------------------------------


def told() -> ColumnElement[str]:
    """Make the expression for `Post.tags_told`: a post's tags in one text, so that they cost no query of their own."""
    words = func.aggregate_strings(Tag.slug + "\t" + Tag.name, NEW_LINE)  # neither can stand in a name
    return (
        select(words)
        .select_from(PostTag)
        .join(Tag, Tag.id == PostTag.tag_id)
        .where(PostTag.post_id == Post.id)
        .correlate(Post)
        .scalar_subquery()
    )


TOLD = with_expression(Post.tags_told, told())
"""The option with which posts are loaded along with their tags."""


def put(session: Session, post: Post, names: Sequence[str]) -> None:
    """Let a post, which is there already, have these tags and no others; those that are new are made.

    :param names: as `settled` gives them.
    """
    found = _found_or_made(session, names)
    wanted = {tag.id for tag in found.values()}
    there = set(session.scalars(_THEIRS, {"post": post.id}))
    if gone := there - wanted:
        session.execute(delete_from(PostTag).where(PostTag.post_id == post.id, PostTag.tag_id.in_(gone)))
    _add(session, [_row(post, tag_id) for tag_id in wanted - there])
    _tell(post, found.values())


_table: Any = PostTag.__table__  # every save asks this: made once, of the table, it costs an eighth
_ADD = insert(_table)
_THEIRS = select(_table.c.tag_id).where(_table.c.post_id == bindparam("post"))


def put_first(session: Session, posts: Sequence[tuple[Post, Sequence[str]]]) -> dict[int, list[int]]:
    """Give posts that have just been made their tags, likewise; tell the numbers of each one's, by its id."""
    found = _found_or_made(session, [name for _, names in posts for name in names])
    given = {}
    for post, names in posts:
        tags = {tag.id: tag for tag in (found[folded(name)] for name in names)}
        given[post.id] = list(tags)
        _tell(post, tags.values())
    _add(session, [_row(post, tag_id) for post, _ in posts for tag_id in given[post.id]])
    return given


def _row(post: Post, tag_id: int) -> dict[str, Any]:
    return {"post_id": post.id, "tag_id": tag_id, "published_at": post.published_at, "visible_to": post.visible_to}


def _add(session: Session, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(_ADD, rows)


def _tell(post: Post, found: Iterable[Found]) -> None:
    told = {tag.id: f"{tag.slug}\t{tag.name}" for tag in found}
    set_committed_value(post, "tags_told", "\n".join(told.values()) or None)


def _found_or_made(session: Session, names: Iterable[str]) -> dict[str, Found]:
    """Find tags by any names they ever had, in capitals or not; make those that are not there. By the folded names."""
    wanted = {folded(name): name for name in reversed(list(names))}
    if not wanted:
        return {}
    named = select(TagName.folded, Tag.id, Tag.name, Tag.slug).join(Tag, Tag.id == TagName.tag_id)
    there = {row[0]: Found(*row[1:]) for row in session.execute(named.where(TagName.folded.in_(wanted)))}
    missing = [name for key, name in reversed(wanted.items()) if key not in there]
    together = _made_together(session, missing) if len(missing) > 1 else {}
    return there | {folded(name): together.get(name) or _made(session, name) for name in missing}


def _made_together(session: Session, names: Iterable[str]) -> dict[str, Found]:
    """Make many tags at once: those whose first address nobody has; none, where somebody else has just made one."""
    wanted: dict[str, str] = {}
    for name in names:
        wanted.setdefault(next(slugs.for_tags(name)), name)
    taken = set(session.scalars(select(TagName.slug).where(TagName.slug.in_(wanted))))
    rows = [{"name": name, "slug": slug} for slug, name in wanted.items() if slug not in taken]
    if not rows:
        return {}
    try:
        with session.begin_nested():
            ids = session.scalars(insert(Tag).returning(Tag.id, sort_by_parameter_order=True), rows)
            made = {row["name"]: Found(tag_id, **row) for tag_id, row in zip(ids, rows, strict=True)}
            named = [
                {"folded": folded(each.name), "slug": each.slug, "tag_id": each.id, "first_tag_id": each.id}
                for each in made.values()
            ]
            session.execute(insert(TagName), named)
    except IntegrityError:
        return {}
    return made


def _made(session: Session, name: str) -> Found:
    try:
        with session.begin_nested():
            tag_id = session.scalar(insert(Tag).values(name=name, slug="").returning(Tag.id)) or 0
            slug = _take_name(session, tag_id, name)
    except IntegrityError:  # somebody else has just made it
        named = select(Tag.id, Tag.name, Tag.slug).join(TagName).where(TagName.folded == folded(name))
        return Found(*session.execute(named).one())
    return Found(tag_id, name, slug)


def _take_name(session: Session, tag_id: int, name: str) -> str:
    """Give a tag a name and the address that goes with it, which is its current one from now on.

    :raises IntegrityError: when the name is another tag's.
    """
    own = select(TagName.slug).where(TagName.folded == folded(name), TagName.tag_id == tag_id)
    slug = session.scalar(own)
    if slug is None:
        taken = select(TagName.slug)
        slug = next(each for each in slugs.for_tags(name) if not session.scalar(taken.where(TagName.slug == each)))
        session.execute(insert(TagName).values(folded=folded(name), slug=slug, tag_id=tag_id, first_tag_id=tag_id))
    session.execute(update(Tag).where(Tag.id == tag_id).values(name=name, slug=slug))
    return slug


def follow(session: Session, changed: ColumnElement[bool]) -> None:
    """Bring the copies by which tag pages are sorted in step with posts that were changed in bulk.

    :param changed: the clause for these posts.
    """
    own = Post.id == PostTag.post_id
    copies: dict[str, Any] = {
        "published_at": select(Post.published_at).where(own).scalar_subquery(),
        "visible_to": select(Post.visible_to).where(own).scalar_subquery(),
    }
    theirs = PostTag.post_id.in_(select(Post.id).where(changed))
    session.execute(update(PostTag).where(theirs).values(copies), execution_options={"synchronize_session": False})


# -- for readers and writers -------------------------------------------------------------------------------------------


def at(slug: str) -> Found:
    """Find the tag that this address leads to, also an old one.

    :param slug: as it came in the address, so possibly anything.
    :raises NotFound: when there is none.
    """
    if not slugs.is_slug(slug):
        raise NotFound
    if not (rows := ask(_AT, {"slug": slug})):
        raise NotFound
    return Found(*rows[0])


_AT = Question(select(Tag.id, Tag.name, Tag.slug).join(TagName).where(TagName.slug == bindparam("slug")))


def offered(reader: Reader, *, now: object, limit: int) -> list[str]:
    """List the names of tags on posts that somebody may read, by name; of the others they need not know."""
    readable = case((readable_by(reader, now), true()))  # type: ignore[arg-type]
    on_some = select(PostTag.tag_id).join(Post, Post.id == PostTag.post_id).where(PostTag.tag_id == Tag.id, readable)
    chosen = select(Tag.name).where(on_some.exists()).order_by(Tag.name).limit(limit)
    return list(db.session.scalars(chosen))


def of_posts_of(author_key: tuple[str, str] | None, *, limit: int) -> list[Found]:
    """List the tags on the posts that somebody works on, alone or with others, by name.

    :param author_key: issuer and id; None for the tags on everybody's posts; for editors.
    """
    chosen = select(Tag.id, Tag.name, Tag.slug).order_by(func.lower(Tag.name), Tag.id).limit(limit)
    if author_key is None:
        return [Found(*row) for row in db.session.execute(chosen.where(Tag.id.in_(select(PostTag.tag_id))))]
    held = and_(Post.author_issuer == author_key[0], Post.author_id == author_key[1])
    on_held = select(PostTag.tag_id).join(Post, Post.id == PostTag.post_id).where(held)
    named = select(PostTag.tag_id).join(PostAuthor, PostAuthor.post_id == PostTag.post_id)
    on_named = named.where(named_there(author_key), PostAuthor.agreed_at.is_not(None))
    return [Found(*row) for row in db.session.execute(chosen.where(Tag.id.in_(on_held.union(on_named))))]


# -- for editors -------------------------------------------------------------------------------------------------------


def listed(*, limit: int, after: str = "") -> list[Counted]:
    """List all tags by their addresses, with how many posts have each; for editors, who read everything.

    :param after: go on after the tag with this address, as it came; possibly anything.
    """
    current = and_(TagName.tag_id == Tag.id, TagName.slug == Tag.slug)
    count = select(func.count()).where(PostTag.tag_id == Tag.id).correlate(Tag).scalar_subquery()
    chosen = select(Tag.id, Tag.name, Tag.slug, count).join(TagName, current).order_by(TagName.slug)
    if after:
        chosen = chosen.where(TagName.slug > (after if slugs.is_slug(after) else ""))
    return [Counted(*row) for row in db.session.execute(chosen.limit(limit))]


def rename(tag_id: int, typed: str) -> str:
    """Give a tag another name and address; the old ones keep leading to it. Tell the name.

    :raises Invalid: under ``name``, when it cannot be one, or is another tag's.
    :raises NotFound: when it was deleted in the meantime.
    """
    name = _name(typed, "name")
    with writing() as session:
        _locked(session, tag_id)
        try:
            with session.begin_nested():
                _take_name(session, tag_id, name)
        except IntegrityError:
            raise Invalid({"name": Words("“%(name)s” is there already. Merge the two instead.", name=name)}) from None
        tell_caches(session)
    return name


def merge(tag_id: int, into: str) -> str:
    """Put a tag's posts under another one, to which its names and addresses lead from now on. Tell the other's name.

    :param into: a name of the other tag.
    :raises Invalid: under ``into``, when there is no such tag, or it is this one.
    :raises NotFound: when it was deleted in the meantime.
    """
    with writing() as session:
        _locked(session, tag_id)
        named = select(Tag.id, Tag.name, Tag.slug).join(TagName).where(TagName.folded == folded(_name(into, "into")))
        row = session.execute(named).one_or_none()
        if row is None or row[0] == tag_id:
            unknown = Words("There is no tag “%(name)s”.", name=into.strip()[:LONGEST])
            raise Invalid({"into": Words("This is the same tag.") if row else unknown})
        other = Found(*row)
        _locked(session, other.id)
        has_both = select(PostTag.post_id).where(PostTag.tag_id == other.id)
        once = {"synchronize_session": False}
        move = update(PostTag).where(PostTag.tag_id == tag_id, PostTag.post_id.not_in(has_both)).values(tag_id=other.id)
        session.execute(move, execution_options=once)
        session.execute(update(TagName).where(TagName.tag_id == tag_id).values(tag_id=other.id), execution_options=once)
        session.execute(delete_from(Tag).where(Tag.id == tag_id), execution_options=once)
        tell_caches(session)
    return other.name


def delete(tag_id: int) -> None:
    """Take a tag off all posts, and its addresses from the blog; nothing happens when it is gone already."""
    with writing() as session:
        gone = delete_from(Tag).where(Tag.id == tag_id).returning(Tag.id)
        if session.scalar(gone):
            tell_caches(session)


def _locked(session: Session, tag_id: int) -> None:
    if session.scalar(select(Tag.id).where(Tag.id == tag_id).with_for_update()) is None:
        raise NotFound
