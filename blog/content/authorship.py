"""Who is named above a post, in order: its holder, co-authors who agreed, and guests by names that somebody typed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, false, not_, or_, select, true, tuple_, update
from sqlalchemy import delete as delete_from
from sqlalchemy.orm import Session

from blog.content import details, handles
from blog.content.readers import Reader, named_there, readable_by
from blog.content.shown import Shown
from blog.content.typed import line
from blog.db import Handle, Named, Post, PostAuthor, db, tell_caches, writing
from blog.errors import Invalid, NotFound, Words

AuthorKey = tuple[str, str]  # issuer and id

MOST = 20  # above one post
GUEST_LONGEST = 80  # characters
FIELD = "authors"  # under which problems are told
HOLDER, FORMER, PAGE, GUEST = "holder", "former", "page", "guest"  # the first words of how a form says whom it means


class Naming(NamedTuple):
    """Who shall be named above a post.

    :param named: in order; nobody at all means its holder.
    :param unasked: who is new there need not agree: it was an editor who named them.
    """

    named: tuple[Named, ...]
    unasked: bool = False

    def same_as(self, post: Post) -> bool:
        """Whether a post has just these."""
        return _identities(self.named or _holder_alone(post)) == _identities(post.listed)


# -- what somebody may -------------------------------------------------------------------------------------------------


def works_on(post: Post | Shown, key: AuthorKey | None) -> bool:
    """Whether this person may change a post, publish it and take it back: they hold it, or agreed to be its author."""
    return key is not None and (post.author_key == key or any(each.key == key and each.agreed for each in post.listed))


def keys(posts: Iterable[Post | Shown]) -> set[AuthorKey]:
    """Collect the keys of all who are named above these posts, to ask for all of them at once."""
    return {each.key for post in posts for each in post.named if each.key}


def may_choose(post: Post, reader: Reader) -> bool:
    """Whether somebody may say who is named above a post, and delete it: they hold it, or may edit everything."""
    return reader.everything or post.author_key == reader.key


def asked_of(post: Post | Shown, key: AuthorKey | None) -> Named | None:
    """Find how somebody else than its holder is named above a post; None when they are not."""
    return next((each for each in post.listed if each.key and each.key == key != post.author_key), None)


# -- how a form says it ------------------------------------------------------------------------------------------------


def as_written(post: Post, named: Iterable[Named]) -> list[str]:
    """Say in words that a form can carry who is named above a post: by handles and guests' names, never by keys."""
    return [_word(post, each) for each in named]


def _word(post: Post, each: Named) -> str:
    if each.guest is not None:
        return f"{GUEST} {each.guest}"
    if each.key == post.author_key:
        return HOLDER
    return f"{PAGE} {each.handle}" if each.handle else FORMER


def read(post: Post, words: Sequence[str]) -> list[Named]:
    """Understand what `as_written` said, as it came back; whom there is not has no key, so that a form can show them.

    :param words: from a form, so possibly anything.
    """
    words = words[: MOST + 1]
    pages = handles.found({rest for kind, _, rest in (word.partition(" ") for word in words) if kind == PAGE})
    return [_meant(post, word, pages) for word in words]


def _meant(post: Post, word: str, pages: dict[str, tuple[AuthorKey, str]]) -> Named:
    kind, _, rest = word.partition(" ")
    if kind == GUEST:
        return Named(None, guest=rest)
    if kind == HOLDER:
        return Named(post.author_key, post.handle)
    if kind == FORMER:  # somebody who was erased: there is one such at most
        return next((each for each in post.listed if each.key and not each.handle), Named(None))
    if rest.lower() not in pages:
        return Named(None, handle=rest)
    key, handle = pages[rest.lower()]
    there = {each.key: each.agreed for each in post.listed}
    return Named(key, handle, agreed=there.get(key, key == post.author_key))


def moved_up(words: Sequence[str], number: int) -> list[str]:
    """Move one of a list before the one it stands after; what is not there stays where it is."""
    if not 0 < number < len(words):
        return list(words)
    return [*words[: number - 1], words[number], words[number - 1], *words[number + 1 :]]


def without(words: Sequence[str], number: int) -> list[str]:
    """Take one off a list; who is not there is taken off already."""
    return [word for place, word in enumerate(words) if place != number]


def joined(words: Sequence[str], *, pages: Iterable[str], guest: str) -> list[str]:
    """Put more people at the end of a list.

    :param pages: handles, or whole addresses of authors' pages.
    :param guest: a name as somebody typed it.
    :raises Invalid: under ``authors``, when one cannot be there, or is already.
    """
    longer = list(words)
    for typed in pages:
        handle = typed.strip().rstrip("/").rpartition("/")[2].lower()
        if handle not in (there := handles.found({handle})):
            raise Invalid({FIELD: Words("Nobody here has a page at “%(handle)s”.", handle=handle[:60])})
        longer.append(f"{PAGE} {there[handle][1]}")
    if guest.strip():
        longer.append(f"{GUEST} {_guest(guest)}")
    _must_fit(longer)
    return longer


def _must_fit(words: Sequence[object]) -> None:
    if len(words) > MOST:
        raise Invalid({FIELD: Words("At most %(most)s authors can be named.", most=MOST)})


def settled(naming: Naming) -> Naming:
    """Make sure that these can be named above a post.

    :raises Invalid: under ``authors``.
    """
    _must_fit(naming.named)
    fit = tuple(each if each.guest is None else Named(None, guest=_guest(each.guest)) for each in naming.named)
    if lost := next((each for each in fit if each.key is None and each.guest is None), None):
        raise Invalid(
            {
                FIELD: Words(
                    "Nobody here has a page at “%(handle)s” any more. Remove them.", handle=(lost.handle or FORMER)[:60]
                )
            }
        )
    if len(set(_identities(fit))) < len(fit):
        raise Invalid({FIELD: Words("Somebody stands there twice. Remove one of the two.")})
    return naming._replace(named=fit)


def _guest(typed: str) -> str:
    try:
        return line(typed, "guest’s name", longest=GUEST_LONGEST)
    except Invalid as invalid:
        raise Invalid({FIELD: next(iter(invalid.problems.values()))}) from None


def _identities(named: Iterable[Named]) -> list[object]:
    return [each.guest if each.guest is not None else each.key for each in named]


def _holder_alone(post: Post) -> tuple[Named, ...]:
    return (Named(post.author_key),)


# -- changing ----------------------------------------------------------------------------------------------------------


def put(session: Session, post: Post, naming: Naming, now: datetime) -> None:
    """Name these above a post. Who was named before keeps their answer; who is new is asked, unless they need not be.

    :param naming: as `settled` gives it.
    """
    if naming.same_as(post):
        return
    before = {row.author_key or row.guest: row.agreed_at for row in post.author_rows}
    needs_no_leave = {post.author_key, *(each.guest for each in naming.named)}
    post.author_rows = []
    session.flush()  # else their places, and they themselves, would be there twice for a moment
    if _identities(naming.named) in ([], [post.author_key]):
        return
    for position, each in enumerate(naming.named):
        identity = each.key or each.guest
        new = now if naming.unasked or identity in needs_no_leave else None
        post.author_rows.append(row(position, each, before.get(identity, new)))


def row(position: int, each: Named, agreed_at: datetime | None) -> PostAuthor:
    """Name somebody at a place above a post, whose row this is to be."""
    issuer, author_id = each.key or (None, None)
    return PostAuthor(
        position=position, author_issuer=issuer, author_id=author_id, guest=each.guest, agreed_at=agreed_at
    )


def agree(post_id: int, key: AuthorKey, *, now: datetime) -> None:
    """Let readers see somebody named above a post, as they were asked; done again, nothing changes.

    :raises NotFound: when nobody asks them any more.
    """
    with writing() as session:
        published_at = _locked(session, post_id)
        theirs = update(PostAuthor).where(PostAuthor.post_id == post_id, named_there(key))
        asked = theirs.where(PostAuthor.agreed_at.is_(None)).values(agreed_at=now).returning(PostAuthor.position)
        if session.scalar(asked) is None:
            if session.scalar(theirs.values(position=PostAuthor.position).returning(PostAuthor.position)) is None:
                raise NotFound
        elif published_at:
            tell_caches(session)


def leave(post_id: int, key: AuthorKey) -> None:
    """Take somebody's name off a post of somebody else: they decline, or want to be its author no more.

    Who has the post open in a form finds a newer version when they save it, so that they cannot put the name back
    without knowing. Nothing happens when it is not there.
    """
    with writing() as session:
        published_at = _locked(session, post_id)
        gone = delete_from(PostAuthor).where(PostAuthor.post_id == post_id, named_there(key))
        left = session.execute(gone.returning(PostAuthor.position, PostAuthor.agreed_at)).one_or_none()
        if left is None:
            return
        session.execute(update(Post).where(Post.id == post_id).values(version=Post.version + 1))
        if published_at and left.agreed_at:
            tell_caches(session)


def _locked(session: Session, post_id: int) -> datetime | None:
    """Keep a post from being saved until this transaction ends; tell when it is, or was, published."""
    return session.scalar(select(Post.published_at).where(Post.id == post_id).with_for_update())


# -- for lists ---------------------------------------------------------------------------------------------------------


def holder_stands() -> ColumnElement[bool]:
    """Make the clause that leaves posts whose readers see their holder named."""
    own = and_(PostAuthor.author_issuer == Post.author_issuer, PostAuthor.author_id == Post.author_id)
    return or_(not_(Post.author_rows.any(PostAuthor.agreed_at.is_not(None))), Post.author_rows.any(own))


def stands_beside(key: AuthorKey) -> ColumnElement[bool]:
    """Make the clause that leaves rows of posts and `PostAuthor` where this person is a co-author who agreed."""
    held = and_(Post.author_issuer == key[0], Post.author_id == key[1])
    return and_(named_there(key), PostAuthor.agreed_at.is_not(None), not_(held))


def offered(
    reader: Reader, *, now: datetime, limit: int, among: Collection[AuthorKey] | None = None
) -> list[tuple[AuthorKey, str]]:
    """List the authors whose pages somebody finds, and their handles; of the others they need not know.

    :param among: only these.
    """
    readable = and_(
        Post.published_at <= now, Post.kind != details.PAGE, case((readable_by(reader, now), true()), else_=false())
    )
    holds = and_(Post.author_issuer == Handle.author_issuer, Post.author_id == Handle.author_id)
    stands = and_(PostAuthor.author_issuer == Handle.author_issuer, PostAuthor.author_id == Handle.author_id)
    alone = select(Post.id).where(holds, readable, holder_stands())
    beside = select(Post.id).join(Post.author_rows).where(stands, PostAuthor.agreed_at.is_not(None), readable)
    chosen = select(Handle.author_issuer, Handle.author_id, Handle.handle).where(
        Handle.current, or_(alone.exists(), beside.exists())
    )
    if among is not None:
        chosen = chosen.where(tuple_(Handle.author_issuer, Handle.author_id).in_(among))
    return [((row[0], row[1]), row[2]) for row in db.session.execute(chosen.limit(limit))]
