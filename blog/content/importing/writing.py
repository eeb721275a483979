"""Making posts of files: some at once, each once however often it comes, and none for the fault of another."""

from __future__ import annotations

import gc
import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import chain, islice
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from blog.content import handles, old_paths, posts, states
from blog.content.authorship import Naming
from blog.content.importing import authors, entries, folder, pictures
from blog.content.importing.authors import Found, Whose
from blog.content.importing.entries import Entry, NoPost, Rules
from blog.content.importing.illustrations import Illustrator
from blog.content.importing.pictures import Means
from blog.content.posts import Written
from blog.db import Post, Slug, db, tell_caches, writing
from blog.errors import Invalid, Unreachable

AuthorKey = tuple[str, str]  # issuer and id

AT_ONCE = 50  # posts in one transaction, and in memory
HANDS = 2  # processes that render: more would wait for the one that reads and writes, and each takes some 30 MB
AHEAD = 2  # times AT_ONCE are rendered before they are written, so that no hand waits while that is done
MADE, THERE, NO_POST, REFUSED = "made", "there", "no post", "refused"
PICTURE, PICTURE_THERE = "picture made", "picture there"


class Result(NamedTuple):
    """What became of a file.

    :param became: MADE, or would have been; THERE before; NO_POST by its look; REFUSED; of a picture of an export
        PICTURE or PICTURE_THERE.
    :param why: it became none.
    :param state: of the post, a word of `states`.
    :param slug: of the post; in a dry run the one it asks for.
    :param old_paths: how many lead to it.
    :param notes: what was understood in a way of its own, or not at all: a kind, and what.
    :param pictures: how many came in that were not here.
    """

    path: str
    became: str
    why: str = ""
    state: str = ""
    slug: str = ""
    old_paths: int = 0
    notes: tuple[tuple[str, str], ...] = ()
    pictures: int = 0


class _Ready(NamedTuple):
    """A file that was understood, and what `posts.settle` made of it, once it was asked."""

    entry: Entry
    found: Found
    form_id: str
    written: Written | None = None
    pictures: int = 0


class _Begun(NamedTuple):
    """Some files: what became of some of them already, and those that are being settled."""

    results: list[Result]
    new: Sequence[_Ready]
    settled: Iterable[Written | Invalid]


_MapAll = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


def bring_in(
    root: Path,
    *,
    rules: Rules,
    whose: Whose,
    handle_of: Callable[[AuthorKey], str],
    means: Means | None = None,
    dry_run: bool = False,
) -> Iterator[Result]:
    """Make posts of the files in a folder, in the order of their paths, after the pictures; for the operator.

    Done again it makes none that is there. What is there is never changed.

    :param handle_of: makes a handle of a key, for who has no page yet.
    :param means: what it takes to bring pictures in; None to leave them out.
    :param dry_run: tell all, and write nothing.
    """
    paths = folder.paths(root)
    batches = iter(lambda: list(islice(paths, AT_ONCE)), [])
    first = next(batches, [])
    brought: set[str] = set()
    if means:
        yield from _pictures(root, rules.now, whose, means, brought, dry_run=dry_run)
    rules = rules._replace(pictures=means is not None)
    with _hands(len(first)) as map_all:
        run = _Run(root, rules, whose, handle_of, means, brought=brought, dry_run=dry_run, map_all=map_all)
        begun = deque[_Begun]()
        for some in chain([first], batches):
            begun.append(run.begin(some))
            if len(begun) > AHEAD:
                yield from run.finish(begun.popleft())
        for each in begun:
            yield from run.finish(each)


def _pictures(
    root: Path, now: datetime, whose: Whose, means: Means, brought: set[str], *, dry_run: bool
) -> Iterator[Result]:
    """Take in the pictures of an export, before the posts that use them.

    :param brought: gets their names: whoever brings a picture along has it, so a post of the same folder may use it.
    """
    for path in pictures.of_export(root):
        try:
            new = pictures.take_in(root, path, means, judge=whose.judge, now=now, dry_run=dry_run)
        except (Invalid, Unreachable) as error:
            yield Result(str(path), REFUSED, str(error))
        else:
            brought.add(path.stem)
            yield Result(str(path), PICTURE if new else PICTURE_THERE, pictures=int(new))


@contextmanager
def _hands(number: int) -> Iterator[_MapAll]:
    """Give what settles files: processes beside this one, as that is half of the work; a few need none."""
    if number < AT_ONCE or "fork" not in get_all_start_methods():
        yield map
        return
    with ProcessPoolExecutor(HANDS, get_context("fork")) as pool:
        gc.freeze()  # what is loaded stays: neither here nor there is it to be looked through for what can go
        try:
            pool.submit(len, "")  # so that they begin now, while no connection is open
            yield partial(pool.map, chunksize=5)
        finally:
            gc.unfreeze()


def _asked(ready: _Ready) -> tuple[Any, ...]:
    """Tell what `_settle` needs to know, and no more, as all of it travels."""
    entry, naming = ready.entry, Naming(ready.found.named, unasked=True)
    indexed = entry.times.published_at is not None
    return entry.title, entry.body_md, entry.audience, naming, entry.about, entry.takes_comments, indexed


def _settle(asked: tuple[Any, ...]) -> Written | Invalid:
    """Judge and render a file."""
    *text, takes_comments, indexed = asked
    try:
        return posts.settle(*text, takes_comments=takes_comments, indexed=indexed)
    except Invalid as invalid:
        return Invalid({name: str(problem) for name, problem in invalid.problems.items()})  # texts, which can travel


class _Run:
    """One import, which knows the posts it made itself: two files may well say the same."""

    def __init__(
        self,
        root: Path,
        rules: Rules,
        whose: Whose,
        handle_of: Callable[[AuthorKey], str],
        means: Means | None,
        *,
        brought: Collection[str],
        dry_run: bool,
        map_all: _MapAll,
    ) -> None:
        self._root, self._rules, self._whose, self._handle_of = root, rules, whose, handle_of
        self._brought, self._dry_run, self._map_all = brought, dry_run, map_all
        self._illustrator = Illustrator(root, means, rules.now, dry_run=dry_run) if means else None
        self._made: set[int] = set()
        self._have_pages: set[AuthorKey] = set()

    def begin(self, paths: Sequence[PurePosixPath]) -> _Begun:
        """Read some files, and have what is new settled."""
        results: list[Result] = []
        ready = list(self._with_authors(paths, results))
        there = _there(ready, self._made)
        results += [Result(each.entry.path, THERE) for each in ready if each.form_id in there]
        new = [self._illustrated(each) for each in ready if each.form_id not in there]
        return _Begun(results, new, self._map_all(_settle, map(_asked, new)))

    def finish(self, begun: _Begun) -> list[Result]:
        """Make posts of what was settled; tell what became of each file."""
        results, new = begun.results, []
        for each, written in zip(begun.new, begun.settled, strict=True):
            if isinstance(written, Invalid):
                results.append(Result(each.entry.path, REFUSED, str(written)))
            else:
                new.append(each._replace(written=written))
        if self._dry_run:
            return results + [self._told(each, each.entry.slug, each.entry.old_paths) for each in new]
        return results + self._written(new)

    def _with_authors(self, paths: Iterable[PurePosixPath], results: list[Result]) -> Iterator[_Ready]:
        for path in paths:
            try:
                entry = entries.understand(path, folder.text(self._root, path), self._rules)
                yield _Ready(entry, authors.find(entry, self._whose), _form_id(entry))
            except Invalid as invalid:
                became = NO_POST if isinstance(invalid, NoPost) else REFUSED
                results.append(Result(str(path), became, str(invalid)))

    def _illustrated(self, ready: _Ready) -> _Ready:
        if self._illustrator is None or ready.entry.holder:  # those of our own came in before
            return ready
        entry, pictures = self._illustrator.illustrate(ready.entry, ready.found.holder)
        return ready._replace(entry=entry, pictures=pictures)

    def _written(self, ready: Sequence[_Ready]) -> list[Result]:
        """Make posts in one transaction; should one of them not fit, half of them in one, and half in another."""
        if not ready:
            return []
        try:
            with writing() as session:
                made, lead = self._make(session, ready)
                if any(each.entry.times.published_at for each in ready):
                    tell_caches(session)
        except (Invalid, IntegrityError, DataError) as error:
            self._have_pages.clear()
            if len(ready) == 1:
                return [Result(ready[0].entry.path, REFUSED, _why(error))]
            half = len(ready) // 2
            return self._written(ready[:half]) + self._written(ready[half:])
        self._made |= {post.id for post in made}
        return [self._told(each, post.slug, lead[post.id]) for post, each in zip(made, ready, strict=True)]

    def _make(self, session: Session, ready: Sequence[_Ready]) -> tuple[list[Post], dict[int, set[str]]]:
        """Make posts; tell which, and which old paths lead to each."""
        made = posts.take_in(session, [_new(each, self._brought) for each in ready], self._rules.now)
        wishes: dict[str, int] = {}
        for post, each in zip(made, ready, strict=True):
            wishes = dict.fromkeys(each.entry.old_paths, post.id) | wishes  # the first one has it
        lead = defaultdict[int, set[str]](set)
        for path in old_paths.keep(session, wishes):
            lead[wishes[path]].add(path)
        self._give_pages(session, {key for each in ready for key in each.found.keys})
        return made, lead

    def _give_pages(self, session: Session, keys: set[AuthorKey]) -> None:
        made = {key: self._handle_of(key) for key in sorted(keys - self._have_pages)}
        handles.keep_all(session, made, self._rules.now)
        self._have_pages |= keys

    def _told(self, ready: _Ready, slug: str, kept: Iterable[str]) -> Result:
        entry, lead = ready.entry, set(kept)
        notes = [*entry.notes, *(("author not known, and left out", name) for name in ready.found.unknown)]
        if slug != entry.slug:
            notes.append(("address taken, so another one", f"/{entry.slug} → /{slug}"))
        notes += [("old address leads to another post", path) for path in entry.old_paths if path not in lead]
        state = _state(entry, self._rules.now)
        told = Result(entry.path, MADE, state=state, slug=slug, old_paths=len(lead), notes=tuple(notes))
        return told._replace(pictures=ready.pictures)


def _new(ready: _Ready, brought: Collection[str]) -> posts.New:
    entry = ready.entry
    assert ready.written  # noqa: S101  (settled)
    used = frozenset(entry.pictures).intersection(brought)
    return posts.New(ready.found.holder, ready.written, entry.times, entry.slug, ready.form_id, entry.earlier, used)


def _there(ready: Sequence[_Ready], made: Collection[int]) -> set[str]:
    """Tell which were made before: of the same file; or, of a file of our own, here, and then written out.

    :param made: by this import itself.
    """
    forms = select(Post.form_id).where(Post.form_id.in_([each.form_id for each in ready]))
    there = set(filter(None, db.session.scalars(forms)))
    if not (own := {_mark(each): each.form_id for each in ready if each.entry.holder}):
        return there
    marks = Slug.slug, Post.created_at, Post.author_issuer, Post.author_id, Post.id
    same = select(*marks).join(Post, Post.id == Slug.post_id).where(Slug.slug.in_([mark[0] for mark in own]))
    rows = [tuple(row) for row in db.session.execute(same)]
    return there | {own[row[:-1]] for row in rows if row[:-1] in own and row[-1] not in made}


def _mark(ready: _Ready) -> tuple[Any, ...]:
    """Tell a post from every other one that is likely to be here: two sites may well have a slug on the same day."""
    return ready.entry.slug, ready.entry.times.created_at, *ready.found.holder


def _form_id(entry: Entry) -> str:
    """Tell a file from every other one, of this folder or of another site's, by its path and the date in it."""
    marks = f"{entry.path}\0{entry.date}".encode()
    return f"import-{hashlib.sha256(marks).hexdigest()[:48]}"


def _state(entry: Entry, now: datetime) -> str:
    times = entry.times
    return states.state_of(
        Post(
            published_at=times.published_at,
            unpublished_at=times.unpublished_at,
            trashed_at=times.trashed_at,
        ),
        now,
    )


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, Invalid) else f"the database says {type(error).__name__}"
