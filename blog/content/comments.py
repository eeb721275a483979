"""Comments: leaving, changing and deleting one, and deciding which of them readers see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, exists, func, or_, select, true, update
from sqlalchemy import delete as delete_from
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from blog.content.posts import AuthorKey
from blog.content.readers import ANYBODY, Reader, readable_by
from blog.content.shown import Shown
from blog.content.typed import passage
from blog.db import Comment, Post, db, tell_caches, wait_for_turn, writing
from blog.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Words

HELD, LIVE, REJECTED, SPAM, DELETED = "held", "live", "rejected", "spam", "deleted"  # the words of Comment.state
VERDICTS = (LIVE, REJECTED, SPAM, HELD)
THREADS = 50  # on a page, each with its replies
MOST = 200  # comments on a page
WITHIN = timedelta(minutes=10)  # so many may somebody leave as Rules.most says
COUNTED = 100  # what waits is counted no further
_FORM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_AT = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_LARGEST_ID = 2**31 - 1
_IN_BULK = {"synchronize_session": False}


class Rules(NamedTuple):
    """How the operator wants it.

    :param mode: "off", "held", "first" (held until somebody has one that was approved) or "open".
    :param close_after: how long after its publication a post takes comments; nothing for always.
    :param edit_for: how long a comment can be changed.
    :param longest: how many bytes it may have.
    :param most: how many one person may leave WITHIN a while.
    """

    mode: str = "held"
    close_after: timedelta = timedelta()
    edit_for: timedelta = timedelta(minutes=15)
    longest: int = 10_000
    most: int = 5


def rules(settings: Mapping[str, Any]) -> Rules:
    """Read the rules out of the settings, as ``config.load`` gives them."""
    return Rules(
        settings["COMMENTS"],
        timedelta(days=settings["COMMENTS_CLOSE_AFTER"]),
        settings["COMMENT_EDIT_MINUTES"],
        settings["COMMENT_LONGEST"],
        settings["COMMENT_RATE"],
    )


class Visitor(NamedTuple):
    """Somebody before a post: they read its comments, and if they are logged in they comment, or decide.

    :param reader: who.
    :param is_author: they have the role of author, without which they decide nothing, at their own posts neither.
    """

    reader: Reader
    is_author: bool = False

    def moderates(self, post: Post) -> bool:
        """Whether they decide about the comments of this post: its author, and who may read everything."""
        return self.is_author and (self.reader.everything or post.author_key == self.reader.key)

    def wrote(self, comment: Comment) -> bool:
        """Whether a comment is their own."""
        return comment.author_key is not None and comment.author_key == self.reader.key

    def sees(self, comment: Comment) -> bool:
        """Whether they see text and name of a comment in its place, and not only that there was one."""
        return comment.state == LIVE or (comment.state == HELD and self.wrote(comment))

    def may_edit(self, comment: Comment, rules: Rules, now: datetime) -> bool:
        """Whether they may change a comment now."""
        in_time = now < comment.created_at + rules.edit_for
        return self.wrote(comment) and comment.state in (HELD, LIVE) and in_time


def takes(post: Post | Shown, rules: Rules, now: datetime) -> bool:
    """Whether a post takes comments at this moment."""
    if rules.mode == "off" or post.comments_closed or not post.is_live(now) or post.published_at is None:
        return False
    return (closes_at := closing(post, rules)) is None or now < closes_at


def closing(post: Post | Shown, rules: Rules) -> datetime | None:
    """Tell when a post takes no more comments by its age; None for never."""
    return post.published_at + rules.close_after if post.published_at and rules.close_after else None


# -- leaving, changing, deleting --------------------------------------------------------------------------------------


def write(
    post_id: int,
    visitor: Visitor,
    *,
    body_md: str,
    now: datetime,
    rules: Rules,
    parent_id: int | None = None,
    form_id: str | None = None,
) -> Comment:
    """Leave a comment on a post, or a reply to another comment; a reply to a reply goes to the same comment.

    :param form_id: of the form it was written in. The same form sent again leaves no second one.
    :raises Invalid: under ``comment``; under the empty name when the post takes none, what is replied to is not there
        any more, or the form is damaged.
    :raises NotFound: when there is no such post, or none that they may know of.
    :raises TooMany: when they left too many lately.
    :raises Forbidden: when somebody else sent this form.
    """
    text = _written(body_md, rules)
    if form_id is not None and not _FORM_ID.fullmatch(form_id):
        raise Invalid(Words("This form is damaged. Keep your text, open the post anew and put it there."))
    try:
        return _write(post_id, visitor, text, now=now, rules=rules, parent_id=parent_id, form_id=form_id)
    except IntegrityError:  # the same form, sent twice at the same moment: the other one was first, and is found now
        return _write(post_id, visitor, text, now=now, rules=rules, parent_id=parent_id, form_id=form_id)


def edit(comment_id: int, visitor: Visitor, *, version: int, body_md: str, now: datetime, rules: Rules) -> Comment:
    """Put a new text into one's own comment, while that can be done; one that is held stays held.

    What was approved is held again where every comment has to be approved.

    :param version: of the comment that the writer started from.
    :raises Invalid: under ``comment``.
    :raises NotFound: when it is not there any more, or for them.
    :raises Forbidden: when it is somebody else's, too old, or was turned down.
    :raises Conflict: when it was changed in the meantime; carries what is stored.
    """
    text = _written(body_md, rules)
    with writing() as session:
        comment = _locked(session, comment_id, visitor, now)
        if not visitor.may_edit(comment, rules, now):
            raise Forbidden(why_not_editable(comment, visitor, rules))
        if comment.body_md == text["body_md"]:
            return comment
        if comment.version != version:
            raise Conflict(comment)
        was = comment.state
        comment.state = _first_state(session, comment.post, visitor, rules) if was == LIVE else HELD
        for name, value in text.items():
            setattr(comment, name, value)
        comment.version += 1
        comment.edited_at = now
        if comment.state == HELD:
            comment.decided_at = None
        if was == LIVE:
            _show(session, [comment.post_id])
        return comment


def why_not_editable(comment: Comment, visitor: Visitor, rules: Rules) -> str:
    """Say why somebody cannot change a comment."""
    if not visitor.wrote(comment):
        return Words("Only its writer can change a comment.")
    if comment.state not in (HELD, LIVE):
        return Words("This comment was turned down, so it cannot be changed any more. You can delete it.")
    minutes = int(rules.edit_for.total_seconds() // 60)
    return Words(
        "A comment can be changed for %(minutes)s minutes. You can still delete it, and leave another one.",
        minutes=minutes,
    )


def delete(comment_id: int, visitor: Visitor, *, now: datetime) -> None:
    """Delete one's own comment, or one that they decide about. Its text and its key go; if it has replies they stay.

    :raises NotFound: when it is not there any more, or for them.
    :raises Forbidden: when it is not theirs to delete.
    """
    with writing() as session:
        comment = _locked(session, comment_id, visitor, now)
        if not visitor.wrote(comment) and not visitor.moderates(comment.post):
            raise Forbidden(Words("Only its visitor, the post’s author and editors can delete a comment."))
        was = comment.state
        _clear(session, Comment.id == comment_id, [comment.post_id])
        if was == LIVE:
            tell_caches(session)


def _written(body_md: str, rules: Rules) -> dict[str, Any]:
    from blog.content.text import COMMENT_VERSION, render_comment  # noqa: PLC0415  (as in posts.py)

    body_md = passage(body_md, "comment", longest=rules.longest)
    return {"body_md": body_md, "body_html": render_comment(body_md), "html_version": COMMENT_VERSION}


def _write(
    post_id: int,
    visitor: Visitor,
    text: dict[str, Any],
    *,
    now: datetime,
    rules: Rules,
    parent_id: int | None,
    form_id: str | None,
) -> Comment:
    issuer, author_id = _key_of(visitor)
    with writing() as session:
        post = _locked_post(session, post_id, visitor.reader, now)
        if form_id and (earlier := session.scalar(select(Comment).where(Comment.form_id == form_id))):
            if earlier.author_key != visitor.reader.key:
                raise Forbidden
            return earlier
        if not takes(post, rules, now):
            raise Invalid(Words("This post takes no comments any more. Yours was not saved."))
        if not visitor.moderates(post):  # who answers many in a row
            _must_not_be_too_many(session, (issuer, author_id), now, rules)
        parent = _parent(session, post_id, parent_id)
        comment = Comment(
            post_id=post_id,
            parent_id=parent,
            thread_id=parent or 0,
            author_issuer=issuer,
            author_id=author_id,
            state=_first_state(session, post, visitor, rules),
            created_at=now,
            form_id=form_id,
            version=1,
            **text,
        )
        session.add(comment)
        session.flush()
        comment.thread_id = parent or comment.id
        session.flush()
        if comment.state == LIVE:
            _show(session, [post_id])
        return comment


def _key_of(visitor: Visitor) -> AuthorKey:
    if visitor.reader.key is None:
        raise Forbidden
    return visitor.reader.key


def _first_state(session: Session, post: Post, visitor: Visitor, rules: Rules) -> str:
    """Say whether what they write is live at once."""
    if rules.mode == "open" or visitor.moderates(post):
        return LIVE
    approved = and_(Comment.state == LIVE, Comment.decided_at.is_not(None))
    known = rules.mode == "first" and session.scalar(select(exists().where(_by(_key_of(visitor)), approved)))
    return LIVE if known else HELD


def _must_not_be_too_many(session: Session, key: AuthorKey, now: datetime, rules: Rules) -> None:
    """Count what somebody left lately, in all processes together.

    :raises TooMany: if that is as many as they may.
    """
    wait_for_turn(session, "comments", *key)  # requests of one person, for several posts, would not see each other
    lately = select(Comment.created_at).where(_by(key), Comment.created_at > now - WITHIN)
    last = session.scalars(lately.order_by(Comment.id.desc()).limit(rules.most)).all()
    if len(last) >= rules.most:
        seconds = max(1, int((min(last) + WITHIN - now).total_seconds()) + 1)
        raise TooMany(Words("You have left many comments in a short time."), retry_after=seconds)


def _parent(session: Session, post_id: int, parent_id: int | None) -> int | None:
    """Find the comment that a reply stands below."""
    if parent_id is None:
        return None
    there = select(Comment.thread_id).where(Comment.id == parent_id, Comment.post_id == post_id, Comment.state == LIVE)
    if (thread_id := session.scalar(there)) is None:
        raise Invalid(Words("The comment you reply to is not there any more."))
    return thread_id


def _locked_post(session: Session, post_id: int, reader: Reader, now: datetime) -> Post:
    """Load a post that this reader may read; its comments are changed by nobody else until this transaction ends."""
    there = select(Post).where(Post.id == post_id, readable_by(reader, now)).with_for_update(of=Post)
    if (post := session.scalar(there)) is None:
        raise NotFound
    return post


def _locked(session: Session, comment_id: int, visitor: Visitor, now: datetime) -> Comment:
    """Load a comment, with its post, as it is now."""
    if comment_id > _LARGEST_ID:
        raise NotFound
    post_id = session.scalar(select(Comment.post_id).where(Comment.id == comment_id))
    if post_id is None:
        raise NotFound
    post = _locked_post(session, post_id, visitor.reader, now)
    with_post = select(Comment).where(Comment.id == comment_id).options(joinedload(Comment.post))
    comment = session.scalar(with_post.execution_options(populate_existing=True))
    if comment is None or not _is_known_to(comment, post, visitor):
        raise NotFound
    return comment


def _show(session: Session, post_ids: Sequence[int]) -> None:
    """Let readers see what became of the comments on these posts, which are locked."""
    _recount(session, post_ids)
    tell_caches(session)


def _recount(session: Session, post_ids: Sequence[int]) -> None:
    session.flush()
    live = select(func.count()).where(Comment.post_id == Post.id, Comment.state == LIVE).scalar_subquery()
    counted = update(Post).where(Post.id.in_(post_ids)).values(comments_live=live)
    session.execute(counted, execution_options=_IN_BULK)


def _clear(session: Session, doomed: ColumnElement[bool], post_ids: Sequence[int]) -> int:
    """Take text and key out of comments of these posts, which are locked; those without replies go altogether."""
    reply = aliased(Comment)
    answered = exists().where(reply.parent_id == Comment.id)
    chosen = and_(doomed, Comment.state != DELETED)
    nothing: dict[str, Any] = {"author_issuer": None, "author_id": None, "body_md": "", "body_html": ""}
    nothing |= {"form_id": None, "state": DELETED, "version": Comment.version + 1}
    cleared = update(Comment).where(chosen).values(nothing).returning(Comment.id)
    ids = session.execute(cleared, execution_options=_IN_BULK).scalars().all()
    # replies first: a tombstone whose last reply went goes as well
    for empty in (Comment.parent_id.is_not(None), Comment.parent_id.is_(None)):
        tombstones = and_(Comment.post_id.in_(post_ids), Comment.state == DELETED, empty, ~answered)
        session.execute(delete_from(Comment).where(tombstones), execution_options=_IN_BULK)
    _recount(session, post_ids)
    return len(ids)


# -- reading ----------------------------------------------------------------------------------------------------------


class Thread(NamedTuple):
    """A comment and the replies to it.

    :param comment: what is shown of it says ``Visitor.sees``.
    """

    comment: Comment
    replies: list[Comment]


def keys(comments: Iterable[Comment]) -> list[AuthorKey]:
    """Whose names are needed to show these."""
    return [comment.author_key for comment in comments if comment.author_key]


class Talk(NamedTuple):
    """A stretch of the comments on a post, oldest first.

    :param later: what to pass as `at` for the stretch after this one; None when there is none.
    :param begins: whether it is the first.
    """

    threads: list[Thread]
    later: str | None = None
    begins: bool = True

    def keys(self) -> list[AuthorKey]:
        """Whose names are needed to show it."""
        return keys([comment for thread in self.threads for comment in (thread.comment, *thread.replies)])


SILENCE = Talk([])


def of_post(post: Post | Shown, *, reader: Reader = ANYBODY, at: str | None = None) -> Talk:
    """List the comments on a post that somebody reads: those that are live, and their own that are held.

    Asks nothing of the database where there can be none.

    :param at: where to begin, as an earlier stretch's `later` or `place` says.
    :raises NotFound: when that makes no sense.
    """
    thread, after = _place(at)
    if not post.comments_live and reader.key is None:
        return SILENCE
    issuer, author_id = reader.key or (None, None)
    place = {"post_id": post.id, "thread": thread, "after": after, "issuer": issuer, "author_id": author_id}
    found = db.session.execute(_stretch(is_known=reader.key is not None), place).all()
    comments = [row[0] for row in found]
    later = str(found[0][1]) if found and found[0][1] else None
    if len(comments) > MOST:
        cut_off = comments.pop()
        later = str(cut_off.id) if cut_off.parent_id is None else f"{cut_off.parent_id}-{comments[-1].id}"
    return Talk(_threads(comments), later, begins=not thread)


@lru_cache(maxsize=2)  # putting it together takes far longer than asking it
def _stretch(*, is_known: bool) -> Select[Any]:
    """Build the question for a stretch of comments, and where the next one begins.

    :param is_known: whether who reads is logged in; others have no comments of their own.
    """
    thread: BindParameter[int] = bindparam("thread")
    shown, of_this = _shown(is_known=is_known), Comment.post_id == bindparam("post_id")
    tops = select(Comment.id).where(of_this, Comment.thread_id >= thread, Comment.parent_id.is_(None), shown)
    end = tops.order_by(Comment.thread_id, Comment.id).offset(THREADS).limit(1).correlate(None).scalar_subquery()
    within = and_(Comment.thread_id >= thread, Comment.thread_id < func.coalesce(end, _LARGEST_ID))
    ahead = or_(Comment.thread_id > thread, Comment.id > bindparam("after"), Comment.id == thread)
    chosen = select(Comment, end).where(of_this, within, ahead, shown)
    return chosen.order_by(Comment.thread_id, Comment.id).limit(MOST + 1)


def place(post: Post, comment: Comment) -> str | None:
    """Say where a stretch begins that shows this comment; None when it stands in the first one anyway."""
    if post.comments_live < THREADS // 2:
        return None
    return str(comment.id) if comment.parent_id is None else f"{comment.parent_id}-{comment.id - 1}"


def find(comment_id: int, post: Post, visitor: Visitor) -> Comment:
    """Find a comment on a post that somebody may read, to do something with it.

    :raises NotFound: when there is none that they may know of.
    """
    comment = db.session.get(Comment, comment_id) if comment_id <= _LARGEST_ID else None
    if comment is None or comment.post_id != post.id or not _is_known_to(comment, post, visitor):
        raise NotFound
    return comment


def _is_known_to(comment: Comment, post: Post, visitor: Visitor) -> bool:
    if comment.state == DELETED:
        return False
    return comment.state == LIVE or visitor.wrote(comment) or visitor.moderates(post)


def _shown(*, is_known: bool) -> ColumnElement[bool]:
    """Leave what a reader sees, and whatever has replies that everybody sees."""
    reply = aliased(Comment)
    live_replies = exists().where(reply.parent_id == Comment.id, reply.state == LIVE)
    shown = or_(Comment.state == LIVE, and_(Comment.parent_id.is_(None), live_replies))
    own = and_(Comment.author_issuer == bindparam("issuer"), Comment.author_id == bindparam("author_id"))
    return or_(shown, and_(Comment.state == HELD, own)) if is_known else shown


def _threads(comments: Iterable[Comment]) -> list[Thread]:
    threads: dict[int, Thread] = {}
    for comment in comments:
        if comment.parent_id is None:
            threads[comment.id] = Thread(comment, [])
        elif comment.parent_id in threads:  # else what it answers is not shown, and nor is what answers it
            threads[comment.parent_id].replies.append(comment)
    return list(threads.values())


def _place(at: str | None) -> tuple[int, int]:
    if at is None:
        return 0, 0
    if not (parts := _AT.fullmatch(at)):
        raise NotFound
    return int(parts[1]), int(parts[2] or 0)


# -- deciding ---------------------------------------------------------------------------------------------------------


class Queue(NamedTuple):
    """Comments that somebody decides about, newest first, each with its post.

    :param older: what to pass as `before` for those before them; None when there are none.
    """

    comments: Sequence[Comment]
    older: str | None


def queue(visitor: Visitor, *, state: str, now: datetime, limit: int, before: str | None = None) -> Queue:
    """List the comments in this state on one's own posts; for an editor, on everybody's.

    :raises NotFound: when `state` or `before` makes no sense.
    """
    if state not in VERDICTS or (before is not None and not re.fullmatch("[0-9]{1,9}", before)):
        raise NotFound
    theirs = _moderated_by(visitor, now)
    chosen = select(Comment).join(Comment.post).where(Comment.state == state, theirs)
    if before is not None:
        chosen = chosen.where(Comment.id < int(before))
    found = db.session.scalars(
        chosen.options(contains_eager(Comment.post)).order_by(Comment.id.desc()).limit(limit + 1)
    ).all()
    return Queue(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)


def count_held(visitor: Visitor, *, now: datetime) -> int:
    """Count what waits for somebody's decision, up to COUNTED."""
    theirs = _moderated_by(visitor, now)
    some = select(Comment.id).join(Comment.post).where(Comment.state == HELD, theirs).limit(COUNTED)
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


def decide(wanted: Mapping[int, int], verdict: str, visitor: Visitor, *, now: datetime) -> int:
    """Say of comments whether readers see them: all of these at once, as far as that can be done.

    :param wanted: the ids of comments, each with the version that was read; one that was changed since is left alone.
    :param verdict: LIVE approves them; REJECTED, SPAM, or HELD.
    :return: how many of them are in this state now.
    """
    known = [comment_id for comment_id in wanted if comment_id <= _LARGEST_ID]
    with writing() as session:
        posts = select(Comment.post_id).where(Comment.id.in_(known))
        theirs = select(Post).where(Post.id.in_(posts), _moderated_by(visitor, now)).order_by(Post.id)
        locked = [post.id for post in session.scalars(theirs.with_for_update(of=Post))]
        chosen = select(Comment).where(Comment.id.in_(known), Comment.post_id.in_(locked), Comment.state != DELETED)
        found = [each for each in session.scalars(chosen) if each.version == wanted[each.id]]
        turned = [each for each in found if each.state != verdict]
        changed = verdict == LIVE or any(each.state == LIVE for each in turned)
        for comment in turned:
            comment.state = verdict
            comment.decided_at = now if comment.author_key != visitor.reader.key else None
        session.flush()
        if turned and changed:
            _show(session, locked)
    return len(found)


def _moderated_by(visitor: Visitor, now: datetime) -> ColumnElement[bool]:
    """Make the clause that leaves the posts whose comments somebody decides about."""
    if visitor.reader.everything and visitor.is_author:
        return true()
    issuer, author_id = _key_of(visitor)
    own = and_(Post.author_issuer == issuer, Post.author_id == author_id, readable_by(visitor.reader, now))
    return own if visitor.is_author else ~true()


# -- when identities move ---------------------------------------------------------------------------------------------


def count(key: AuthorKey) -> int:
    """Tell how many comments somebody left; for the operator."""
    return db.session.scalar(select(func.count()).select_from(Comment).where(_by(key))) or 0


def counts(issuer: str | None = None) -> dict[AuthorKey, int]:
    """Count the comments of everybody who left any; for the operator.

    :param issuer: only those of this one.
    """
    chosen = select(Comment.author_issuer, Comment.author_id, func.count()).where(Comment.author_id.is_not(None))
    if issuer is not None:
        chosen = chosen.where(Comment.author_issuer == issuer)
    rows: Iterable[Any] = db.session.execute(chosen.group_by(Comment.author_issuer, Comment.author_id))
    return {(row[0], row[1]): row[2] for row in rows}


def take_along(transaction: Session, old: AuthorKey, new: AuthorKey) -> int:
    """Make the comments of a key that is no longer somebody's those of their new one; tell how many.

    :param transaction: of ``db.writing``; whoever begins it tells caches at its end.
    """
    theirs = update(Comment).where(_by(old)).values(author_issuer=new[0], author_id=new[1]).returning(Comment.id)
    return len(transaction.execute(theirs, execution_options=_IN_BULK).scalars().all())


def drop(transaction: Session, key: AuthorKey) -> int:
    """Delete somebody's comments, as they could themselves; tell how many.

    :param transaction: of ``db.writing``; whoever begins it tells caches at its end.
    """
    post_ids = select(Comment.post_id).where(_by(key))
    locked = transaction.scalars(select(Post.id).where(Post.id.in_(post_ids)).order_by(Post.id).with_for_update()).all()
    return _clear(transaction, _by(key), locked) if locked else 0


def _by(key: AuthorKey) -> ColumnElement[bool]:
    return and_(Comment.author_issuer == key[0], Comment.author_id == key[1])
