"""Posts: what can be done with them, and the lists they stand in."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    case,
    false,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    tuple_,
    union_all,
    update,
)
from sqlalchemy import delete as delete_from
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, load_only, selectinload, with_expression
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.base import ExecutableOption as ORMOption

from blog.content import (
    authorship,
    copies,
    details,
    handles,
    index,
    navigation,
    neighbours,
    old_paths,
    recalled,
    revisions,
    shown,
    slugs,
    tags,
)
from blog.content.authorship import Naming
from blog.content.details import NOTE, PAGE, PLAIN, Details
from blog.content.media import uses
from blog.content.readers import (
    ANYBODY,
    EVERYONE,
    FOR_EVERYONE,
    GROUPS,
    Audience,
    Reader,
    must_be_offered,
    named_there,
    readable_by,
    settled,
)
from blog.content.shown import Asked, Shown
from blog.content.states import LIVE, SCHEDULED, TRASH, Sought, state_of, states
from blog.content.typed import line, passage
from blog.db import (
    Handle,
    Media,
    Post,
    PostAuthor,
    PostGroup,
    PostTag,
    Slug,
    UtcDateTime,
    db,
    insert_or,
    tell_caches,
    writing,
)
from blog.errors import Conflict, Forbidden, Invalid, Moved, NotFound, Words

AuthorKey = tuple[str, str]  # issuer and id

TITLE_LONGEST = 200  # characters
BODY_LONGEST = 100_000  # bytes of UTF-8
NOTE_LONGEST = 5_000  # a list shows notes whole, and twenty of them are no more than one longest post
WORDS_LONGEST = 60  # characters, of a note's first words, where others have a title
_Key = tuple[Any, Any]  # of an author, or parameters that will be
_NOW = bindparam("now", type_=UtcDateTime())
_BUILT_ONCE = lru_cache(maxsize=64)  # statements: putting one together takes far longer than asking it
WHEN = "publish_at"  # under which a problem with the time of publishing is told


# -- changing --------------------------------------------------------------------------------------------------------


def create(
    author_key: AuthorKey,
    *,
    title: str,
    body_md: str,
    now: datetime,
    publish: bool,
    at: datetime | None = None,
    form_id: str | None = None,
    audience: Audience = FOR_EVERYONE,
    own_groups: Collection[str] = (),
    handle: str | None = None,
    form: copies.Form | None = None,
    takes_comments: bool | None = None,
    about: Details = PLAIN,
) -> Post:
    """Make a post, as a draft, published at once or due later, at an address of its own.

    :param at: when it is to be published, which has to come still; None for at once.
    :param form_id: of the form it was written in, up to 64 letters, digits, ``-`` and ``_``. The same form sent again
        makes no second post: the first one is returned.
    :param audience: whom it is visible to once it is live.
    :param own_groups: the writer's, which they may choose among.
    :param handle: of the writer's page, should they have none yet; `handles.give` gives one to who gets none here.
    :param form: whose copy ends with this.
    :param takes_comments: whether people may comment on it; None for yes.
    :param about: its kind, tags, address and so on.
    :raises Invalid: under ``title``, ``body``, ``visible_to``, ``publish_at``, a field of `Details`, or the empty name
        when the form id has no such form.
    :raises Conflict: when this form has made a post already that reads differently now; carries that post.
    :raises Forbidden: when somebody else sent this form.
    """
    written = _written(title, body_md, audience, about=about)._replace(takes_comments=takes_comments)
    must_be_offered(written.audience, frozenset(own_groups))
    if form_id is not None and not _FORM_ID.fullmatch(form_id):
        raise Invalid(Words("This form is damaged. Keep your text, open a new form and put it there."))
    published_at = _when(None, publish, at, now)
    writer = Reader(author_key, frozenset(own_groups))
    try:
        return _create(writer, written, now, published_at, form_id, handle=handle, form=form)
    except IntegrityError:  # the same form, sent twice at the same moment: the other one was first, and is found now
        return _create(writer, written, now, published_at, form_id, handle=handle, form=form)


def save(
    post_id: int,
    *,
    version: int,
    title: str,
    body_md: str,
    now: datetime,
    publish: bool | None = None,
    at: datetime | None = None,
    audience: Audience | None = None,
    own_groups: Collection[str] = (),
    form: copies.Form | None = None,
    naming: Naming | None = None,
    writer: Reader | None = None,
    takes_comments: bool | None = None,
    by: AuthorKey | None = None,
    revisions_kept: int = revisions.KEPT,
    about: Details | None = None,
) -> Post:
    """Put a new text into a post, and publish it (True), take it back (False) or leave its state alone (None).

    A new title moves the post to a new address. The old one keeps leading to it if the post has been public there.
    A post that is published again after it was taken back counts as published now.

    :param version: of the post that the writer started from.
    :param at: when it is to be published, which has to come still; None for at once.
    :param audience: whom it is visible to from now on; None leaves that as it is.
    :param own_groups: the writer's, which they may choose among, beside those that the post has.
    :param naming: who is named above it from now on; None leaves that as it is. Only for who `authorship.may_choose`.
    :param form: whose copy ends with this.
    :param takes_comments: whether people may comment on it from now on; None leaves that as it is.
    :param by: who saves it.
    :param revisions_kept: how many texts of it remain, the newest.
    :param about: its kind, tags, address and so on from now on; None leaves them as they are.
    :raises Invalid: under ``title``, ``body``, ``visible_to``, ``authors``, ``publish_at``, or a field of `Details`.
    :raises NotFound: when the post was deleted in the meantime, or put into the trash.
    :raises Conflict: when it was saved in the meantime, unless with the very same text, authors, audience and state;
        carries what is stored.
    """
    written = _written(title, body_md, audience, naming, about)._replace(takes_comments=takes_comments)
    with writing() as session, session.no_autoflush:  # the post is written once, when all of it is settled
        post = locked(session, post_id)
        if post is None or post.trashed_at is not None:
            raise NotFound
        copies.end(session, form)
        written = _as_its_kind(written, post.kind)
        if _holds(post, written) and post.published_at == _when(post, publish, at, now):
            return post
        if post.version != version:
            raise Conflict(post)
        must_be_offered(written.audience, frozenset(own_groups).union(post.groups))
        was_public, before = post.published_at is not None, (post.title, post.body_md)
        never_seen(session, post, now)
        _change(session, post, written, writer or Reader(post.author_key, frozenset(own_groups)), now)
        revisions.note(session, post.id, written.text, before, by=by, now=now, kept=revisions_kept)
        _turn(session, post, _when(post, publish, at, now), now)
        session.flush()
        if was_public or post.published_at is not None:
            index.follow_one(session, post)
            tell_caches(session)
        return post


def turn(post_id: int, *, version: int, publish: bool, now: datetime) -> bool:
    """Publish a post or take it back, and leave all else of it alone; tell whether that changed anything.

    :param version: of the post that who asks has seen.
    :raises NotFound: when it was deleted in the meantime, or put into the trash.
    :raises Conflict: when it was saved in the meantime.
    """
    with writing() as session:
        post = locked(session, post_id)
        if post is None or post.trashed_at is not None:
            raise NotFound
        published_at = _when(post, publish, None, now)
        if post.published_at == published_at:
            return False
        if post.version != version:
            raise Conflict(post)
        never_seen(session, post, now)
        _turn(session, post, published_at, now)
        session.flush()
        index.follow_one(session, post)
        tell_caches(session)
        return True


def settle(
    title: str,
    body_md: str,
    audience: Audience,
    naming: Naming,
    about: Details,
    *,
    takes_comments: bool,
    indexed: bool = False,
) -> Written:
    """Judge and render what `take_in` is to make a post of, as with any other that is saved.

    :param indexed: make now what it is found by, as it will be published.
    :raises Invalid: as in `create`, and under ``authors``.
    """
    written = _as_its_kind(_written(title, body_md, audience, naming, about), PLAIN.kind)
    return written._replace(takes_comments=takes_comments, indexed=index.read(written.body_html) if indexed else None)


class New(NamedTuple):
    """What a post is to be made of.

    :param written: as `settle` gives it; who is named there need not be asked, unless they had not agreed.
    :param slug: the address it shall have, or one with a number where that is taken; empty for that of its title.
    :param form_id: tells what it was made of, so that the same is made once.
    :param earlier: addresses that it had before, which lead to it where they are free.
    :param pictures: names of those that came along with it, which it used where it was.
    """

    holder: AuthorKey
    written: Written
    times: Times
    slug: str
    form_id: str | None = None
    earlier: Sequence[str] = ()
    pictures: frozenset[str] = frozenset()


def take_in(session: Session, new: Sequence[New], now: datetime) -> list[Post]:
    """Make posts of what was written elsewhere, in a transaction that tells caches at its end.

    :param session: of ``db.writing``.
    :raises IntegrityError: when one of them was made meanwhile.
    """
    rows = [{"slug": each.slug, "post_id": None, "public": False} for each in new if each.slug]
    free = set(session.scalars(_taking_new(session), rows)) if rows else set()
    theirs = set(free)
    made = _add(session, [each._replace(slug=_address(session, each, free, theirs)) for each in new], now)
    for post, each in zip(made, new, strict=True):
        for old in each.earlier:
            if _take(session, old, post.id):
                session.execute(update(Slug).where(Slug.slug == old).values(public=each.times.public))
    return made


def _address(session: Session, new: New, free: set[str], theirs: set[str]) -> str:
    """Give the address that was asked for where it is taken for one of these, else find another; each goes once.

    :param theirs: all that are taken for these, which look free until they are made.
    """
    if new.slug in free:
        free.remove(new.slug)
        return new.slug
    if not new.slug:
        return _first_address(session, new.written)
    slug = _take_address(session, (each for each in slugs.numbered(new.slug) if each not in theirs))
    theirs.add(slug)
    return slug


class Preview(NamedTuple):
    """A post as it would be published."""

    title: str
    body_html: str


def preview(*, title: str, body_md: str, writer: Reader, now: datetime, post_id: int | None = None) -> Preview:
    """Make of what was typed what saving it would make; a title may be missing yet.

    :param writer: who would save it: other pictures than theirs are none.
    :param post_id: of the post they change; None for a new one.
    :raises Invalid: under ``title`` or ``body``.
    """
    shown = line(title, "title", longest=TITLE_LONGEST) if title.strip() else ""
    body_html = _body(body_md)[1]
    pictures = uses.find(db.session(), body_html, writer=writer, now=now, post_id=post_id)
    return Preview(shown, uses.dress(body_html, pictures))


def delete(post_id: int) -> None:
    """Remove a post for good, from the trash or from anywhere else; nothing happens when it is gone already.

    Addresses at which it was public are kept, leading nowhere, until another post takes them.
    """
    with writing() as session:
        post = locked(session, post_id)
        if post is not None:
            never_seen(session, post, post.updated_at)
            remove(session, post)


def remove(session: Session, post: Post) -> None:
    """Remove a post for good, in a transaction that has it `locked`."""
    old_paths.let_go(session, Post.id == post.id)
    session.delete(post)
    session.flush()
    if post.published_at is not None:
        tell_caches(session)


_FORM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Times(NamedTuple):
    """When what happened to a post; see the columns of `Post`."""

    created_at: datetime
    updated_at: datetime
    published_at: datetime | None = None
    unpublished_at: datetime | None = None
    trashed_at: datetime | None = None

    @property
    def public(self) -> bool:
        """Whether its address is to be kept: readers know it, or will."""
        return self.published_at is not None or self.unpublished_at is not None


class Written(NamedTuple):
    """What somebody wrote, what is made of it, for whom it is, and what is said about it; None leaves that as it is."""

    title: str
    body_md: str
    body_html: str
    made_excerpt: str
    audience: Audience | None
    naming: Naming | None = None
    about: Details | None = None
    takes_comments: bool | None = None
    indexed: index.Text | None = None

    @property
    def text(self) -> tuple[str, str]:
        """What is kept as a revision."""
        return self.title, self.body_md


def _written(
    title: str,
    body_md: str,
    audience: Audience | None,
    naming: Naming | None = None,
    about: Details | None = None,
) -> Written:
    problems: dict[str, str] = {}
    kind = about.kind if about else None
    longest = NOTE_LONGEST if kind == NOTE else BODY_LONGEST
    title = _tried(problems, lambda: _title(title, kind), "")
    body_md, body_html, made_excerpt = _tried(problems, lambda: _body(body_md, longest), ("", "", ""))
    audience = _tried(problems, lambda: settled(audience) if audience else None, None)
    naming = _tried(problems, lambda: authorship.settled(naming) if naming else None, None)
    about = _tried(problems, lambda: details.settled(about) if about else None, None)
    if problems:
        raise Invalid(problems)
    return Written(title, body_md, body_html, made_excerpt, audience, naming, about)


_Value = TypeVar("_Value")


def _tried(problems: dict[str, str], settle: Callable[[], _Value], otherwise: _Value) -> _Value:
    """Note what is wrong with one field and go on, so that every mistake is told at once."""
    try:
        return settle()
    except Invalid as invalid:
        problems |= invalid.problems
        return otherwise


def _title(typed: str, kind: str | None) -> str:
    """Normalise a title; a note has none, and where nobody says what it is, `_as_its_kind` looks."""
    if kind == NOTE and typed.strip():
        raise Invalid({"title": Words("A note has no title. Put these words in its body, or make it a post.")})
    may_be_empty = kind in (None, NOTE) and not typed.strip()
    return "" if may_be_empty else line(typed, "title", longest=TITLE_LONGEST)


def _as_its_kind(written: Written, kind: str) -> Written:
    """Let a note go by its first words, whatever it is called, and everything else by its title."""
    kind = written.about.kind if written.about else kind
    if kind != NOTE:
        return written._replace(title=line(written.title, "title", longest=TITLE_LONGEST))
    from blog.content.text import excerpt  # noqa: PLC0415  (as below)

    passage(written.body_md, "body", longest=NOTE_LONGEST)
    return written._replace(title=excerpt(written.body_html, WORDS_LONGEST) or "Note")


def _body(body_md: str, longest: int = BODY_LONGEST) -> tuple[str, str, str]:
    """Make of a body what is stored of it: its Markdown, its HTML, and its first words."""
    from blog.content.text import excerpt, render  # noqa: PLC0415  (what makes HTML takes 4 MB, and who reads needs none)

    body_md = passage(body_md, "body", longest=longest)
    body_html = render(body_md)
    return body_md, body_html, excerpt(body_html)


def _create(
    writer: Reader,
    written: Written,
    now: datetime,
    published_at: datetime | None,
    form_id: str | None,
    *,
    handle: str | None,
    form: copies.Form | None,
) -> Post:
    author_key = cast(AuthorKey, writer.key)
    written = _as_its_kind(written, PLAIN.kind)
    with writing() as session:
        copies.end(session, form)
        if form_id and (earlier := session.scalar(_made_by(), {"form_id": form_id})):
            return _sent_before(session, locked(session, earlier), author_key, written, published_at)
        new = New(author_key, written, Times(now, now, published_at), _first_address(session, written), form_id)
        (post,) = _add(session, [new], now)
        if handle:
            handles.keep(session, author_key, handle, now)
        if published_at is not None:
            tell_caches(session)
        return post


@cache
def _made_by() -> Select[int]:
    """Make the statement that finds what a form has made."""
    return select(Post.id).where(Post.form_id == bindparam("form_id"))


def _add(session: Session, new: Sequence[New], now: datetime) -> list[Post]:
    """Make posts at addresses that were taken for them, with all that hangs on them."""
    made = [_post(each, now) for each in new]
    known = []
    for post, (holder, written, *_, brought) in zip(made, new, strict=True):
        image = written.about.image_url if written.about else None
        writer = Reader(holder, written.audience.groups if written.audience else frozenset())
        known.append(uses.find(session, written.body_html, image=image, writer=writer, now=now, brought=brought))
        _put(post, written, known[-1])
    for post, number in zip(made, session.scalars(_MAKE, [_columns(post) for post in made]), strict=True):
        post.id = number
    _hang(session, made)
    for post, pictures in zip(made, known, strict=True):
        if pictures:
            uses.note(session, post.id, pictures)
    rows = [
        {"taken": post.slug, "post": post.id, "was": each.times.public} for post, each in zip(made, new, strict=True)
    ]
    session.connection().execute(_ADDRESSED, rows)
    revisions.begin(session, [(post.id, (post.title, post.body_md), post.author_key, post.updated_at) for post in made])
    tagged = [
        (post, each.written.about.tags if each.written.about else ()) for post, each in zip(made, new, strict=True)
    ]
    read = {post.id: each.written.indexed for post, each in zip(made, new, strict=True) if each.written.indexed}
    index.begin(session, made, tags.put_first(session, tagged), read)
    return made


def _post(new: New, now: datetime) -> Post:
    issuer, author_id = new.holder
    post = Post(**_DEFAULTS, author_issuer=issuer, author_id=author_id, slug=new.slug, form_id=new.form_id)
    post.created_at, post.updated_at, post.published_at, post.unpublished_at, post.trashed_at = new.times
    named = enumerate(new.written.naming.named if new.written.naming else ())
    post.author_rows = [authorship.row(place, each, now if each.agreed else None) for place, each in named]
    return post


_posts: Any = Post.__table__
_MAKE = insert(_posts).returning(_posts.c.id, sort_by_parameter_order=True)
_DEFAULTS = {column.key: column.default.arg for column in _posts.c if column.default is not None}
_ATTRIBUTES = {column.name: column.key for column in _posts.c if column.name != "id"} | {"excerpt": "made_excerpt"}


def _columns(post: Post) -> dict[str, Any]:
    return {name: getattr(post, attribute) for name, attribute in _ATTRIBUTES.items()}


def _hang(session: Session, made: Sequence[Post]) -> None:
    """Store for which groups posts are that have just been made, and who is named above them."""
    for table, rows in (
        (PostGroup.__table__, [(post, row) for post in made for row in post.group_rows]),
        (PostAuthor.__table__, [(post, row) for post in made for row in post.author_rows]),
    ):
        names = [column.name for column in table.columns]
        values = [{name: getattr(row, name) for name in names} | {"post_id": post.id} for post, row in rows]
        if values:
            session.execute(insert(table), values)


def _sent_before(
    session: Session, earlier: Post | None, author_key: AuthorKey, written: Written, published_at: datetime | None
) -> Post:
    """Do what is left to do of a form that was sent before: to publish the draft it made."""
    if earlier and earlier.author_key != author_key:
        raise Forbidden
    if earlier is None or earlier.trashed_at is not None:
        raise NotFound
    if not _holds(earlier, written):
        raise Conflict(earlier)
    if published_at and earlier.published_at is None:
        earlier.published_at = published_at
        _keep_address(session, earlier)
        earlier.version += 1
        session.flush()
        index.follow_one(session, earlier)
        tell_caches(session)
    return earlier


MOST_AHEAD = timedelta(days=3653)  # ten years; who types the year 9999 means another one


def _when(post: Post | None, publish: bool | None, at: datetime | None, now: datetime) -> datetime | None:
    """Tell when a post will be published, or was, if this is done to it.

    :raises Invalid: under ``publish_at``, when that time makes no sense.
    """
    if publish is None:
        return post.published_at if post else None
    if not publish:
        return None
    state = state_of(post, now) if post else None
    if at is None:
        return post.published_at if post and state == LIVE else now
    if post and state == SCHEDULED and post.published_at == at:
        return at
    if state == LIVE:
        raise Invalid({WHEN: Words("This post is live already. Unpublish it first, to publish it later.")})
    if at <= now:
        raise Invalid({WHEN: Words("This time has passed. Choose a later one, or leave it empty and publish now.")})
    if at - now > MOST_AHEAD:
        raise Invalid({WHEN: Words("This is more than ten years away. Choose an earlier time.")})
    return at


def _turn(session: Session, post: Post, published_at: datetime | None, now: datetime) -> None:
    """Let a post be published at a time, or not at all, as one more save of it."""
    if published_at is None and state_of(post, now) == LIVE:
        post.unpublished_at = now
    post.published_at = published_at
    post.updated_at = now
    post.version += 1
    if published_at is not None:
        _keep_address(session, post)


def _keep_address(session: Session, post: Post) -> None:
    """Keep an address for good; of what is due later, too, as nobody writes at the moment when it is."""
    session.execute(_KEEP_ADDRESS, {"kept": post.slug})


def never_seen(session: Session, post: Post, now: datetime) -> None:
    """Note before a change that no reader has seen a post yet, if that is so: nobody keeps its addresses."""
    if state_of(post, now) == SCHEDULED and post.unpublished_at is None:
        session.execute(update(Slug).where(Slug.post_id == post.id).values(public=False))


def _holds(post: Post, written: Written) -> bool:
    """Whether a post has just this text, audience and authors."""
    same_text = (post.title, post.body_md) == written.text
    same_audience = written.audience in (None, Audience(post.visible_to, frozenset(post.groups)))
    same_authors = written.naming is None or written.naming.same_as(post)
    same_details = written.about is None or written.about.same_as(post)
    same_comments = written.takes_comments in (None, not post.comments_closed)
    return same_text and same_audience and same_authors and same_details and same_comments


def _change(session: Session, post: Post, written: Written, writer: Reader, now: datetime) -> None:
    """Put what was written into a post that is there already, with all that hangs on it."""
    image = written.about.image_url if written.about else post.image_url
    pictures = uses.find(session, written.body_html, image=image, writer=writer, now=now, post_id=post.id)
    _readdress(session, post, written)
    _put(post, written, pictures)
    uses.note(session, post.id, pictures)
    if written.about:
        tags.put(session, post, written.about.tags)
    if written.naming:
        authorship.put(session, post, written.naming, now)


def _put(post: Post, written: Written, pictures: Mapping[str, Media]) -> None:
    from blog.content.text import RENDERER_VERSION  # noqa: PLC0415  (as above)

    post.title, post.body_md, post.body_html = written.title, written.body_md, uses.dress(written.body_html, pictures)
    post.made_excerpt, post.html_version = written.made_excerpt, RENDERER_VERSION
    if written.about:
        details.put(post, written.about)
    if written.takes_comments is not None:
        post.comments_closed = not written.takes_comments
    if written.audience:
        post.visible_to, groups = written.audience
        kept = [row for row in post.group_rows if row.name in groups]
        new = groups.difference(row.name for row in kept)
        post.group_rows = kept + [PostGroup(name=name) for name in sorted(new)]


def locked(session: Session, post_id: int) -> Post | None:
    """Load a post as it is now; nobody else changes it until this transaction ends.

    :param session: of ``db.writing``.
    :return: None when it is gone.
    """
    post = session.scalar(_locking(), {"id": post_id})
    if post is not None:
        rows = session.scalars(_ALL_NAMED, {"id": post_id}).all()
        set_committed_value(post, "author_rows", rows)
        rows = session.scalars(_ALL_GROUPS, {"id": post_id}).all() if post.visible_to == GROUPS else []
        set_committed_value(post, "group_rows", rows)
    return post


@cache
def _locking() -> Select[Post]:
    """Make the statement that finds a post as it is now; what hangs on it is asked for afterwards, when it waited."""
    chosen = select(Post).where(Post.id == bindparam("id")).options(_WITH_HANDLE, tags.TOLD).with_for_update(of=Post)
    return chosen.execution_options(populate_existing=True)


_ALL_GROUPS = select(PostGroup).where(PostGroup.post_id == bindparam("id"))
_ALL_NAMED = (
    select(PostAuthor)
    .where(PostAuthor.post_id == bindparam("id"))
    .order_by(PostAuthor.position)
    .options(joinedload(PostAuthor.handle_row).load_only(Handle.handle))
)


# -- addresses -------------------------------------------------------------------------------------------------------

_slugs = cast(Table, Slug.__table__)  # statements of tables, made once, cost an eighth of those of classes
_KEEP_ADDRESS = update(_slugs).where(_slugs.c.slug == bindparam("kept")).values(public=True)
_LET_GO = delete_from(_slugs).where(_slugs.c.slug == bindparam("left"), _slugs.c.public.is_(False))
_ADDRESSED = (
    update(_slugs).where(_slugs.c.slug == bindparam("taken")).values(post_id=bindparam("post"), public=bindparam("was"))
)


def _take_address(session: Session, wanted: Iterable[str], post_id: int | None = None) -> str:
    """Find a free address among these and keep it from everybody else; without a post it is for one to come."""
    return next(slug for slug in wanted if _take(session, slug, post_id))


def _first_address(session: Session, written: Written) -> str:
    about = written.about or PLAIN
    if about.slug:
        return _take_own(session, about.slug, None)
    return _take_address(session, slugs.for_notes() if about.kind == NOTE else slugs.candidates(written.title))


def _take_own(session: Session, slug: str, post_id: int | None) -> str:
    if not _take(session, slug, post_id):
        raise Invalid({"slug": Words("“%(slug)s” is taken. Choose another address.", slug=slug)})
    return slug


def _take(session: Session, slug: str, post_id: int | None) -> bool:
    """Try to take an address: one that this post had before, one whose post was deleted, or a new one.

    Trying is the only way: between looking for a free one and taking it, somebody else would.
    """
    wanted = {"slug": slug, "post_id": post_id, "public": False}
    return session.scalar(_taking(session), wanted) is not None


def _taking(session: Session) -> Any:
    """Make the statement that takes an address, once for each kind of database."""
    if (kind := session.get_bind().dialect.name) not in _made:
        taken = insert_or(session, _slugs)
        free = or_(_slugs.c.post_id.is_(None), _slugs.c.post_id == taken.excluded.post_id)
        known = {"post_id": taken.excluded.post_id, "public": and_(_slugs.c.public, _slugs.c.post_id.is_not(None))}
        taking = taken.on_conflict_do_update(index_elements=[_slugs.c.slug], set_=known, where=free)
        _made[kind] = taking.returning(_slugs.c.slug)
    return _made[kind]


_made: dict[str, Any] = {}


def _taking_new(session: Session) -> Any:
    """Make the statement that takes addresses, as many of them as nobody has, and tells which."""
    return insert_or(session, _slugs).on_conflict_do_nothing().returning(_slugs.c.slug)


def _readdress(session: Session, post: Post, written: Written) -> None:
    """Give a post the address that is typed, or that of its new title; a note keeps the one it has.

    The old one is let go unless it has been public.
    """
    about, left = written.about or details.of(post), post.slug
    if about.slug:
        post.slug = left if about.slug == left else _take_own(session, about.slug, post.id)
    elif about.kind == NOTE:
        post.slug = left if post.kind == NOTE and not post.own_slug else _take_address(session, slugs.for_notes())
    elif post.own_slug or post.kind == NOTE or slugs.slug_for(written.title) != slugs.slug_for(post.title):
        post.slug = _take_address(session, slugs.candidates(written.title), post.id)
    if post.slug != left:
        session.execute(_LET_GO, {"left": left})


# -- reading ---------------------------------------------------------------------------------------------------------


def shown_at(slug: str, *, now: datetime, reader: Reader = ANYBODY) -> Shown:
    """Find the post that a reader may see at this address, whole, and with its neighbours (`neighbours.of`).

    :raises NotFound: as in `at_slug`.
    :raises Moved: likewise.
    """
    post = None
    if slugs.is_slug(slug):
        post = _to_strangers(slug, now) if reader == ANYBODY else _to_reader(slug, now, reader)
    if post is None:
        raise NotFound
    if post.slug != slug:
        raise Moved(post.slug)
    return post


def _to_reader(slug: str, now: datetime, reader: Reader) -> Shown | None:
    return next(iter(shown.load(_there(reader), {"slug": slug, "now": now}, reader)), None)


def _to_strangers(slug: str, now: datetime) -> Shown | None:
    known = neighbours.known_of(slug, now=now)
    given = {"slug": slug, "now": now, "version": known.version, "since": known.since}
    for row in shown.asked(_there(ANYBODY), given):
        version, post = row[0], shown.made(row)
        if post.neighbours_told is None:
            return post._replace(neighbours_told=known.told)
        neighbours.learn(slug, neighbours.Told(version, now, post.neighbours_told))
        return post
    return None


@_BUILT_ONCE
def _there(reader: Reader) -> Asked:
    told = neighbours.told(reader, _NOW) if reader != ANYBODY else neighbours.told_anew(_NOW)
    whole = select(*shown.whole(told)).join_from(Post, Slug, Slug.post_id == Post.id)
    return shown.asked_by(reader, whole.where(Slug.slug == bindparam("slug"), readable_by(reader, _NOW)))


def at_slug(slug: str, *, now: datetime, reader: Reader = ANYBODY) -> Post:
    """Find the post that a reader may see at this address.

    :param slug: as it came in the address, so possibly anything.
    :raises NotFound: when there is none that they may know of, at an old address as at the one it has.
    :raises Moved: when the post has another address now.
    """
    post = _at(slug, reader, readable_by(reader, now))
    if post.slug != slug:
        raise Moved(post.slug)
    return post


def editable(slug: str, *, now: datetime, reader: Reader) -> Post:
    """Find a post that somebody wants to work on: one that they wrote, or anybody's if they may read everything.

    :param slug: as it came in the address, so possibly anything.
    :raises NotFound: when there is none that they may know of; somebody else's draft for everyone is no secret.
    :raises Forbidden: when it is somebody else's, and they may not.
    :raises Moved: when it has another address now.
    """
    known = and_(Post.visible_to == EVERYONE, Post.trashed_at.is_(None))
    post = _at(slug, reader, or_(known, readable_by(reader, now)))
    if not reader.everything and not authorship.works_on(post, reader.key):
        raise Forbidden
    if post.slug != slug:
        raise Moved(post.slug)
    return post


def asking(slug: str, *, now: datetime, reader: Reader) -> Post:
    """Find a post of somebody else above which this person is named, or is asked to be.

    :param slug: as it came in the address, so possibly anything.
    :raises NotFound: when there is none of this kind, whatever else there is.
    :raises Moved: when it has another address now.
    """
    post = _at(slug, reader, readable_by(reader, now))
    if not authorship.asked_of(post, reader.key):
        raise NotFound
    if post.slug != slug:
        raise Moved(post.slug)
    return post


def _at(slug: str, reader: Reader, knowable: ColumnElement[bool]) -> Post:
    if not slugs.is_slug(slug):
        raise NotFound
    there = select(Post, navigation.version()).join(Slug, Slug.post_id == Post.id).where(Slug.slug == slug, knowable)
    found = db.session.execute(there.options(tags.TOLD, _PICTURED, *_shown(reader))).one_or_none()
    if found is None:
        raise NotFound
    navigation.hear(found[1])
    post: Post = found[0]
    return post


_WITH_GROUPS = selectinload(Post.group_rows)
_WITH_HANDLE = joinedload(Post.handle_row).load_only(Handle.handle)
_NAMED = selectinload(Post.author_rows)
_WITH_AUTHORS = (_WITH_HANDLE, _NAMED.joinedload(PostAuthor.handle_row).load_only(Handle.handle))
_PICTURED = with_expression(Post.image_told, uses.told())


def _shown(reader: Reader) -> tuple[ORMOption, ...]:
    """Let what is shown of posts be loaded with them: names by one more query, groups by another, but none of those for
    a stranger, who sees no post that has any.
    """
    return _WITH_AUTHORS if reader == ANYBODY else (*_WITH_AUTHORS, _WITH_GROUPS)


# -- lists -----------------------------------------------------------------------------------------------------------


class Page(NamedTuple):
    """A stretch of a list, newest first.

    :param posts: without their texts, but what `Shown` has of them.
    :param older: what to pass as `before` for the stretch after this one; None when there is none.
    :param newer: what to pass as `after` for the stretch before this one; None when there is none.
    """

    posts: Sequence[Any]
    older: str | None
    newer: str | None

    @property
    def ends(self) -> Page:
        """Itself without its posts, as what leads to the stretches beside it is the same without."""
        return self._replace(posts=())


def latest(
    *,
    now: datetime,
    limit: int,
    reader: Reader = ANYBODY,
    author_key: AuthorKey | None = None,
    tag_id: int | None = None,
    within: tuple[datetime, datetime] | None = None,
    before: str | None = None,
    after: str | None = None,
) -> Page:
    """List the live posts and notes that a reader may see, the last published first; pages stand in no list.

    :param author_key: only those of this author.
    :param tag_id: only those with this tag; not together with an author.
    :param within: only those that were published from the first moment on, and before the second one.
    :param before: go on with those older than here, as an earlier page's `older` says.
    :param after: go back to those newer than here, as an earlier page's `newer` says.
    :return: posts as `Shown`.
    :raises NotFound: when one of these makes no sense, or both are given.
    """
    place = _from(before, after)
    kind = _Live(reader, author_key is not None, tag_id is not None, within is not None)
    begins, ends = within or (None, None)
    return _live(kind, place, limit, {**_of(author_key, tag_id), "now": now, "begins": begins, "ends": ends})


def syndicated(
    *,
    now: datetime,
    limit: int,
    author_key: AuthorKey | None = None,
    tag_id: int | None = None,
    before: str | None = None,
) -> Page:
    """List what `latest` shows a stranger, with texts and tags; feeds are the same for everybody."""
    kind = _Live(ANYBODY, author_key is not None, tag_id is not None, whole=True)
    return _live(kind, _from(before, None), limit, {**_of(author_key, tag_id), "now": now})


def _of(author_key: AuthorKey | None, tag_id: int | None) -> dict[str, Any]:
    issuer, author_id = author_key or (None, None)
    return {"issuer": issuer, "author_id": author_id, "tag_id": tag_id}


class _Live(NamedTuple):
    """What kind of a list: the same statement serves all of a kind."""

    reader: Reader
    of_author: bool
    of_tag: bool
    within: bool = False
    whole: bool = False


class _Place(NamedTuple):
    """Where a stretch of a list begins, and in which direction it goes; without a moment, at the newest."""

    at: datetime | None = None
    number: int = 0
    back: bool = False


def _live(kind: _Live, place: _Place, limit: int, given: Mapping[str, Any]) -> Page:
    stretch = _stretch_of(kind, onward=place.at is not None, back=place.back)
    # one bound and not several: SQLite may take another one, and go through all that is newer than the stretch
    ends = (given["now"], given.get("ends"), None if place.back else place.at)
    until = min(each for each in ends if each is not None)
    given = {**given, **place._asdict(), "now": until, "most": limit + 1}
    loaded = _recalled(stretch, given) if _is_recalled(kind) else shown.load(stretch, given, kind.reader)
    return _page(loaded, place, limit, Post.published_at)


def _is_recalled(kind: _Live) -> bool:
    """Whether only the ids of posts are asked for: strangers find the same ones in many lists."""
    return kind.reader == ANYBODY and not kind.whole


def _recalled(stretch: Asked, given: Mapping[str, Any]) -> list[Shown]:
    rows = shown.asked(stretch, given)
    ids = [post_id for _, post_id in rows]
    there = found(ids, now=given["now"], reader=ANYBODY, version=rows[0][0]) if rows else {}
    return [there[post_id] for post_id in ids if post_id in there]


@_BUILT_ONCE
def _stretch_of(kind: _Live, *, onward: bool, back: bool) -> Asked:
    live, readable = and_(Post.published_at <= _NOW, Post.kind != PAGE), readable_by(kind.reader, _NOW)
    if kind.within:
        live = and_(live, Post.published_at >= bindparam("begins"), Post.published_at < bindparam("ends"))
    # Not bare, but for all posts: SQLite would go through everybody's by their audience, to find these few.
    theirs = and_(live, case((readable, true()), else_=false()))
    moment, number, chosen = Post.published_at, Post.id, [select(Post).where(live, readable)]
    if kind.of_tag:
        moment, number, chosen = PostTag.published_at, PostTag.post_id, [_tagged(kind.reader).where(theirs)]
    elif kind.of_author:
        author_key: _Key = (bindparam("issuer"), bindparam("author_id"))
        held = select(Post).where(_held_by(author_key), theirs, authorship.holder_stands())
        chosen = [held, _beside(author_key).where(theirs)]
    stretch = _stretch(chosen, moment, number=number, onward=onward, back=back)
    columns: tuple[Any, ...] = shown.whole() if kind.whole else shown.in_lists()
    if _is_recalled(kind):
        columns = (navigation.version(), Post.id)
    return shown.asked_by(kind.reader, stretch.with_only_columns(*columns))


def of_author(
    author_key: AuthorKey,
    *,
    limit: int,
    sought: Sought | None = None,
    before: str | None = None,
    after: str | None = None,
) -> Page:
    """List all that somebody wrote, alone or with others, for them alone, the last saved first; paging and errors as in
    `latest`.

    :param sought: only these; None for all but the trash. Of the trash, only what they hold.
    """
    there = sought.clause() if sought else Post.trashed_at.is_(None)
    chosen = [select(Post).where(_held_by(author_key), there)]
    if not sought or sought.state != TRASH:
        chosen.append(_beside(author_key).where(there))
    return _last_saved(chosen, _from(before, after), limit)


def of_everybody(*, limit: int, sought: Sought, before: str | None = None, after: str | None = None) -> Page:
    """List everybody's posts, the last saved first; for editors only. Paging and errors as in `latest`."""
    return _last_saved([select(Post).where(sought.clause())], _from(before, after), limit)


def count_states(author_key: AuthorKey, *, sought: Sought) -> dict[str, int]:
    """Count what `of_author` lists, by state; `sought.state` is left out of account."""
    state, kept = states(sought.now).label("state"), sought._replace(state=None).clause()
    trash = sought._replace(state=TRASH).clause()
    held = select(Post).where(_held_by(author_key), or_(kept, trash)).with_only_columns(state)
    beside = _beside(author_key).where(kept).with_only_columns(state)
    each = union_all(held, beside).subquery()
    counted = select(each.c.state, func.count()).group_by(each.c.state)
    return {row[0]: row[1] for row in db.session.execute(counted)}


def chosen(ids: Collection[int], *, sought: Sought, reader: Reader) -> Sequence[Post]:
    """Find those of these posts that somebody may work on, in the trash too, as `of_author` would list them."""
    trash = sought._replace(state=TRASH, words="").clause()
    there = and_(Post.id.in_(ids), or_(Post.trashed_at.is_(None), trash))
    found = db.session.scalars(select(Post).where(there).options(_LISTED, *_WITH_AUTHORS)).all()
    held = (authorship.may_choose(post, reader) for post in found)
    return [
        post
        for post, own in zip(found, held, strict=True)
        if own or (post.trashed_at is None and authorship.works_on(post, reader.key))
    ]


def found(ids: Sequence[int], *, now: datetime, reader: Reader, version: int) -> dict[int, Shown]:
    """Give those of these posts, by their ids, that are live and that a reader may read; without their texts.

    Strangers may read the same ones as long as the site has this version; nothing is recalled for others.

    :param version: that the site was seen to have.
    """
    if reader != ANYBODY:
        return _found(ids, now, reader) if ids else {}
    known = recalled.at(version).posts
    there = {post_id: post for post_id in ids if (post := known.get(post_id))}
    missing = [post_id for post_id in ids if post_id not in there]
    more = _found(missing, now, reader) if missing else {}
    recalled.keep(known, more, recalled.MOST_POSTS)
    return there | more


def _found(ids: Sequence[int], now: datetime, reader: Reader) -> dict[int, Shown]:
    room = 1 << (len(ids) - 1).bit_length()  # for some one of them is named again, and so there are few statements
    given = {"now": now, **{f"id{place}": ids[min(place, len(ids) - 1)] for place in range(room)}}
    return {post.id: post for post in shown.load(_these(room, reader), given, reader)}


@_BUILT_ONCE
def _these(number: int, reader: Reader) -> Asked:
    # Not bare: SQLite would go through all posts that the reader may read, to find these few.
    theirs = case((and_(Post.published_at <= _NOW, readable_by(reader, _NOW)), true()), else_=false())
    ids: list[Any] = [bindparam(f"id{each}") for each in range(number)]
    return shown.asked_by(reader, select(*shown.in_lists()).where(Post.id.in_(ids), theirs))


def next_due(now: datetime, connection: Connection | None = None) -> datetime | None:
    """Tell when the next post falls due after this moment, so that whoever keeps pages knows; None when none does.

    :param connection: to ask by; the session's without one.
    """
    return (connection or db.session).scalar(select(func.min(Post.published_at)).where(Post.published_at > now))


def that_ask(author_key: AuthorKey, *, limit: int) -> Sequence[Post]:
    """List posts of others that ask somebody to be named as their author, the last saved first; for them alone."""
    asked = and_(
        named_there(author_key),
        PostAuthor.agreed_at.is_(None),
        not_(_held_by(author_key)),
        Post.trashed_at.is_(None),
    )
    chosen = select(Post).join(Post.author_rows).where(asked).order_by(Post.updated_at.desc(), Post.id.desc())
    return db.session.scalars(chosen.options(_LISTED, *_WITH_AUTHORS).limit(limit)).all()


def _held_by(author_key: _Key) -> ColumnElement[bool]:
    return and_(Post.author_issuer == author_key[0], Post.author_id == author_key[1])


def _beside(author_key: _Key) -> Select[Post]:
    return select(Post).join(Post.author_rows).where(authorship.stands_beside(author_key))


def _tagged(reader: Reader) -> Select[Post]:
    """Come by the index of the tag, in the order of the list: a join and a sort would go through all of its posts."""
    tagged = select(Post).join(PostTag, PostTag.post_id == Post.id)
    tagged = tagged.where(PostTag.tag_id == bindparam("tag_id"), PostTag.published_at <= _NOW)
    return tagged.where(PostTag.visible_to == EVERYONE) if reader == ANYBODY else tagged


def count_by_issuer() -> dict[str, int]:
    """Count posts by the issuer of their authors; for the doctor."""
    rows = db.session.execute(select(Post.author_issuer, func.count()).group_by(Post.author_issuer))
    return {row[0]: row[1] for row in rows}


def some_authors(issuer: str, *, limit: int) -> list[AuthorKey]:
    """List some of the authors of this issuer, those who wrote last; for the doctor."""
    theirs = select(Post.author_issuer, Post.author_id).where(Post.author_issuer == issuer)
    chosen = theirs.group_by(Post.author_issuer, Post.author_id)
    newest = chosen.order_by(func.max(Post.updated_at).desc()).limit(limit)
    return [(row[0], row[1]) for row in db.session.execute(newest)]


def count_authors(issuer: str) -> int:
    """Count the people of this issuer who have posts; for the doctor."""
    authors = select(Post.author_id).where(Post.author_issuer == issuer).distinct()
    return db.session.scalar(select(func.count()).select_from(authors.subquery())) or 0


_LISTED = load_only(
    Post.author_issuer,
    Post.author_id,
    Post.title,
    Post.slug,
    Post.made_excerpt,
    Post.created_at,
    Post.updated_at,
    Post.published_at,
    Post.unpublished_at,
    Post.trashed_at,
    Post.visible_to,
    Post.version,
    Post.kind,
    Post.own_slug,
    Post.excerpt_own,
    Post.lang,
    Post.canonical_url,
    Post.image_url,
    Post.image_alt,
    raiseload=True,
)


def _from(before: str | None, after: str | None) -> _Place:
    if before is not None and after is not None:
        raise NotFound
    if before is None and after is None:
        return _Place()
    if not (parts := _CURSOR.fullmatch(before if after is None else after)):  # type: ignore[arg-type]
        raise NotFound
    return _Place(_EPOCH + timedelta(microseconds=int(parts[1])), int(parts[2]), back=after is not None)


def _stretch(
    chosen: Sequence[Select[Post]],
    moment: InstrumentedAttribute[Any],
    *,
    onward: bool,
    back: bool,
    number: InstrumentedAttribute[int] = Post.id,
) -> Select[Post]:
    """Cut a stretch out of a list by the place of a post in it, (moment, id), which no newer post can shift.

    :param chosen: the list; if more than one, put together, of which none has a post that another has.
    :return: with the parameters that `_Place` has, and ``most``.
    """
    place, here = (
        tuple_(moment, number),
        tuple_(bindparam("at", type_=UtcDateTime()), bindparam("number", type_=Integer)),
    )
    order = (moment.asc(), number.asc()) if back else (moment.desc(), number.desc())
    if onward:
        chosen = [each.where(place > here if back else place < here) for each in chosen]
    most = bindparam("most", type_=Integer)
    cut = [each.order_by(*order).limit(most) for each in chosen]
    return cut[0] if len(cut) == 1 else _together(cut).order_by(*order).limit(most)


def _page(found: Sequence[Any], place: _Place, limit: int, moment: InstrumentedAttribute[Any]) -> Page:
    """Make a page of a stretch.

    :param found: one more than the page has room for, where there are more.
    """
    more, posts = len(found) > limit, found[:limit]
    if place.back:
        posts = posts[::-1]
    begins_later = place.at is not None and not place.back
    return Page(
        posts,
        older=_cursor(posts[-1], moment) if posts and (more or place.back) else None,
        newer=_cursor(posts[0], moment) if posts and (begins_later or (more and place.back)) else None,
    )


def _last_saved(chosen: Sequence[Select[Post]], place: _Place, limit: int) -> Page:
    """Load posts that somebody works on, and hear by the way whether the navigation has changed."""
    stretch = _stretch(chosen, Post.updated_at, onward=place.at is not None, back=place.back)
    loaded = stretch.options(_LISTED, *_WITH_AUTHORS, _WITH_GROUPS).add_columns(navigation.version())
    rows = db.session.execute(loaded, {**place._asdict(), "most": limit + 1}).all()
    navigation.hear(rows[0][1] if rows else db.session.scalar(select(navigation.version())) or 0)
    return _page([post for post, _ in rows], place, limit, Post.updated_at)


def _together(stretches: Sequence[Select[Post]]) -> Select[Post]:
    """Put stretches of lists together, each of which comes by an index of its own; an OR would go through all posts."""
    ids = (each.with_only_columns(Post.id).subquery() for each in stretches)
    return select(Post).where(Post.id.in_(union_all(*(select(each.c.id) for each in ids))))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"([0-9]{1,17})-([0-9]{1,9})")  # more digits may be no moment, or no id of the database


def _cursor(post: Post, moment: InstrumentedAttribute[Any]) -> str:
    at: datetime = getattr(post, moment.key)
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}-{post.id}"
