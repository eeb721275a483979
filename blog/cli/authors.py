"""The authors, and what becomes of their posts when identities move: listing, moving, merging, erasing, forgetting."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from blog.cli.asking import asks_first, counted, key_here, may_go_on, now, plain, said_plainly
from blog.cli.media import shelf
from blog.cli.names import prove
from blog.content import comments, copies, handles, ownership, revisions
from blog.content.media import library
from blog.content.ownership import Deleted, Holding, Move, Moved
from blog.db import Audit, tell_caches, writing
from blog.errors import Invalid, LoginRefused, Unreachable
from blog.identity import audit, pairs, people, traces
from blog.identity.directories import forgetting
from blog.identity.people import NOBODY, Byline, Key, Person, key_of
from blog.identity.traces import Traces
from blog.porch import handle, log, porch

BY = "cli"
AUTHORS = 20  # in one question to the user API
SHOWN = 200  # lines of a plan; the numbers at its end are of all

authors = AppGroup("authors", help="The authors: list them, and move, hand over or erase what they wrote.")

_with_names = click.option(
    "--names", "with_names", is_flag=True, help="Ask the provider for names as they are now; nothing keeps them."
)
_of_issuer = click.option("--issuer", help="Whose id this is. Default: BLOG_OIDC_ISSUER.")


# -- looking ----------------------------------------------------------------------------------------------------------


@authors.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list and nothing else.")
@_with_names
def list_authors(as_json: bool, with_names: bool) -> None:
    """List everybody who has posts or is named above others', with how many of them."""
    with said_plainly():
        found = ownership.holdings(now=now())
    names = _names([Key(*each.key) for each in found]) if with_names else {}
    said = comments.counts()
    if as_json:
        told = [{**_as_json(each, names), "comments": said.get(each.key, 0)} for each in found]
        click.echo(json.dumps(told, indent=2))
        return
    for each in found:
        show_holding(each, names)
        _show_comments(said.get(each.key, 0))
    click.echo(f"{counted(len(found), 'author')}, {counted(sum(each.posts for each in found), 'post')}.")


@authors.command("show")
@click.argument("author_id", metavar="ID")
@_of_issuer
@_with_names
def show_author(author_id: str, issuer: str | None, with_names: bool) -> None:
    """Tell what is kept of one author, and what was done with their posts."""
    with said_plainly():
        key = key_here(author_id, issuer)
        found, left = ownership.holding(key, now=now()), traces.count(porch().seal, key)
        done, kept = audit.of_key(porch().seal, key), library.holding(key)
        said = comments.count(key)
    if found:
        show_holding(found, _names([key]) if with_names else {})
    elif not done and not kept.pictures and not said:
        raise click.ClickException(f"Nobody with the id {plain(author_id)} of {plain(key.issuer)} has posts here.")
    _show_comments(said)
    click.echo(f"{counted(left.sessions, 'session')}, {counted(left.parked, 'parked form')}.")
    if kept.pictures:
        click.echo(f"{counted(kept.pictures, 'picture')}, {library.megabytes(kept.bytes)}.")
    for entry in done:
        _show_entry(entry)


def _names(keys: Sequence[Key]) -> dict[Key, Byline]:
    """Ask for names, a page's worth at a time; who is not told of has a neutral one."""
    ready, found = porch(), dict[Key, Person]()
    try:
        for start in range(0, len(keys), AUTHORS):
            found |= ready.directory.ask(keys[start : start + AUTHORS])
    except LoginRefused as refused:  # by what looks up the token endpoint
        click.echo(f"The provider cannot be asked: {refused.reason}", err=True)
    except Unreachable as error:
        click.echo(f"The provider cannot be asked: {error.what}", err=True)
    secret = ready.seal.key("byline")
    return {key: people.byline(key, found.get(key), secret=secret) for key in keys}


def _as_json(each: Holding, names: dict[Key, Byline]) -> dict[str, object]:
    issuer, author_id = each.key
    told: dict[str, object] = {name: value for name, value in each._asdict().items() if name != "key"}
    told |= {name: at.isoformat() for name in ("first_at", "last_at") if (at := getattr(each, name))}
    if names:
        shown = names[Key(*each.key)]
        told |= {"name": shown.name, "gone": shown.gone}
    return {"issuer": issuer, "id": author_id, **told}


def show_holding(each: Holding, names: dict[Key, Byline]) -> None:
    """Print what somebody has written, in numbers; and their name, where that was asked for."""
    issuer, author_id = each.key
    shown = names.get(Key(*each.key))
    click.echo(plain(f"{author_id} of {issuer}" + (f": {shown.name}" if shown else "")))
    due = each.posts - each.live - each.drafts
    told = [f"{each.live} live", counted(each.drafts, "draft"), *([f"{due} due later"] if due else [])]
    if each.limited:
        told.append(f"{each.limited} limited")
    if each.posts:
        when = f"{each.first_at:%Y-%m-%d} to {each.last_at:%Y-%m-%d}"
        click.echo(f"    {counted(each.posts, 'post')}: {', '.join(told)}; {when}")
    if each.coauthored:
        click.echo(f"    named above {_of_others(each.coauthored)}")


def _show_comments(said: int) -> None:
    if said:
        click.echo(f"    {counted(said, 'comment')}")


def _show_entry(entry: Audit) -> None:
    counts = ", ".join(
        (counted(entry.posts, "post"), counted(entry.sessions, "session"), counted(entry.parked, "parked form"))
    )
    click.echo(f"{entry.at:%Y-%m-%d %H:%M} UTC  {entry.action} by {entry.by}: {counts}")


def _of_others(number: int) -> str:
    return f"{counted(number, 'post')} of others"


# -- moving -----------------------------------------------------------------------------------------------------------


@authors.command("remap")
@click.argument("old_id", metavar="[OLD", required=False)
@click.argument("new_id", metavar="NEW]", required=False)
@click.option("--issuer", "issuers", nargs=2, metavar="OLD NEW", help="The issuers of old and new ids.")
@click.option("--csv", "file", type=click.File(encoding="utf-8", errors="strict"), help="A list of pairs.")
@click.option("--skip-unknown", is_flag=True, help="Leave out old ids that have no posts; for lists of everybody.")
@asks_first
def remap(  # noqa: PLR0917
    old_id: str | None,
    new_id: str | None,
    issuers: tuple[str, str] | None,
    file: Any,
    skip_unknown: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Make the posts of an old id those of a new one: the same person, known by another id from now on.

    With OLD and NEW one author moves, with --csv all in a list (columns old_id and new_id, and old_issuer and
    new_issuer where they differ), and with --issuer alone everybody of an issuer, whose ids stay.
    """
    with said_plainly():
        moves = _wished(old_id, new_id, issuers, file)
        if skip_unknown:
            there = {each.key for each in ownership.holdings(now=now())} | comments.counts().keys()
            moves = [each for each in moves if each.old in there]
        move_posts("remap", moves, yes=yes, dry_run=dry_run)


def _wished(old_id: str | None, new_id: str | None, issuers: tuple[str, str] | None, file: Any) -> list[Move]:
    here = porch().client.issuer
    old_issuer, new_issuer = issuers or (here, here)
    if file and old_id is None:
        return _listed(file, old_issuer, new_issuer)
    if old_id is not None and new_id is not None and not file:
        return [Move(key_of(old_issuer, old_id), key_of(new_issuer, new_id))]
    if issuers and old_id is None and not file:
        theirs = {each.key for each in ownership.holdings(now=now(), issuer=old_issuer)}
        keys = sorted(theirs | comments.counts(old_issuer).keys())
        return [Move(key, key_of(new_issuer, key[1]), key[1]) for key in keys]
    raise click.UsageError("Say OLD and NEW, or --csv FILE, or --issuer OLD NEW.")


def _listed(file: Any, old_issuer: str, new_issuer: str) -> list[Move]:
    try:
        text = file.read(pairs.LONGEST + 1)
    except ValueError:
        raise Invalid("the file is not UTF-8") from None
    read = pairs.read(text, old_issuer=old_issuer, new_issuer=new_issuer)
    return [Move(pair.old, pair.new, f"line {pair.line}") for pair in read]


@authors.command("merge")
@click.argument("from_ids", metavar="FROM...", nargs=-1, required=True)
@click.argument("into_id", metavar="INTO")
@_of_issuer
@asks_first
def merge(from_ids: tuple[str, ...], into_id: str, issuer: str | None, yes: bool, dry_run: bool) -> None:
    """Put the posts of several ids together: one person who had several, as before accounts were linked (Auth0)."""
    with said_plainly():
        into = key_here(into_id, issuer)
        moves = [Move(key_here(each, issuer), into, each) for each in from_ids]
        move_posts("merge", moves, yes=yes, dry_run=dry_run, merging=True)


@authors.command("hand-over")
@click.argument("author_ids", metavar="ID...", nargs=-1, required=True)
@click.argument("to_id", metavar="TO")
@_of_issuer
@asks_first
def hand_over(author_ids: tuple[str, ...], to_id: str, issuer: str | None, yes: bool, dry_run: bool) -> None:
    """Give somebody's posts to another author, under whose name they are shown from then on.

    Sessions and parked forms are left alone: they are another person's. TO is an id of BLOG_OIDC_ISSUER.
    """
    with said_plainly():
        to = key_here(to_id, None)
        moves = [Move(key_here(each, issuer), to, each) for each in author_ids]
        move_posts("hand-over", moves, yes=yes, dry_run=dry_run, merging=True)


def move_posts(action: str, moves: list[Move], *, yes: bool, dry_run: bool, merging: bool = False) -> None:
    """Print the plan, ask, and do all of it or nothing."""
    ownership.check(moves, merging=merging)
    _show_moves(moves, same_person=action != "hand-over")
    if not may_go_on(yes, dry_run):
        return
    with _forgetting([Key(*key) for each in moves for key in (each.old, each.new)]) as transaction:
        ownership.check(moves, merging=merging)  # somebody may have written meanwhile
        done = _carry_out(transaction, action, moves)
    _tell_of_sessions((Key(*each.old), left) for each, (_, left) in zip(moves, done, strict=True))
    posts, coauthored = (sum(numbers) for numbers in zip(*(moved for moved, _ in done), strict=True))
    too = f", and the name above {_of_others(coauthored)}" if coauthored else ""
    click.echo(f"Done: {counted(posts, 'post')} of {counted(len(moves), 'key')} moved{too}.")


def _carry_out(transaction: Session, action: str, moves: list[Move]) -> list[tuple[Moved, Traces]]:
    seal, keys = porch().seal, [(Key(*each.old), Key(*each.new)) for each in moves]
    same_person = action != "hand-over"
    left = [traces.take_along(transaction, seal, old, new) if same_person else Traces() for old, new in keys]
    for old, new in keys:
        if same_person:
            handles.take_along(transaction, old, new)
            copies.take_along(transaction, old, new)
            library.take_along(transaction, old, new)
            revisions.take_along(transaction, old, new)
        handles.keep(transaction, new, handle(new), now())
    said = sum(comments.take_along(transaction, old, new) for old, new in keys) if same_person else 0
    done = list(zip(ownership.move(transaction, moves), left, strict=True))
    if said:
        tell_caches(transaction)
    for (old, new), (moved, dropped) in zip(keys, done, strict=True):
        audit.note(transaction, seal, action, old, into=new, posts=moved.posts, traces=dropped, at=now(), by=BY)
    return done


def _show_moves(moves: list[Move], *, same_person: bool) -> None:
    held, said = {each.key: each for each in ownership.holdings(now=now())}, comments.counts() if same_person else {}
    for each in moves[:SHOWN]:
        left = traces.count(porch().seal, Key(*each.old)) if same_person else Traces()
        click.echo(plain(f"{each.old[1]} of {each.old[0]} becomes {each.new[1]} of {each.new[0]}"))
        click.echo(f"    {_what_happens(held.get(each.old), left, said.get(each.old, 0))}")
    if len(moves) > SHOWN:
        click.echo(f"… and {len(moves) - SHOWN} more")
    posts = sum(held[each.old].posts for each in moves if each.old in held)
    click.echo(f"{counted(len(moves), 'key')}, {counted(posts, 'post')}.")


def _what_happens(held: Holding | None, left: Traces, said: int) -> str:
    told = f"{counted(held.posts, 'post')} ({held.live} live) move" if held else "no posts"
    if held and held.coauthored:
        told += f"; the name above {_of_others(held.coauthored)} moves"
    if said:
        told += f"; {counted(said, 'comment')} go along"
    if left.sessions:
        told += f"; {counted(left.sessions, 'session')} end"
    return told + (f"; {counted(left.parked, 'parked form')} go along" if left.parked else "")


# -- what a gone author left ------------------------------------------------------------------------------------------


@authors.command("unpublish")
@click.argument("author_ids", metavar="ID...", nargs=-1, required=True)
@_of_issuer
@asks_first
def unpublish(author_ids: tuple[str, ...], issuer: str | None, yes: bool, dry_run: bool) -> None:
    """Take back everything that somebody published; it stays, as drafts, and editors can publish it again."""
    with said_plainly():
        take_back([key_here(each, issuer) for each in dict.fromkeys(author_ids)], yes=yes, dry_run=dry_run)


def take_back(keys: Sequence[Key], *, yes: bool, dry_run: bool) -> None:
    """Print the plan, ask, and unpublish all of it or nothing."""
    for held in map(_must_hold, keys):
        public = counted(held.posts - held.drafts, "post")
        click.echo(plain(f"{held.key[1]} of {held.key[0]}: {public} become drafts"))
    if not may_go_on(yes, dry_run):
        return
    with writing() as transaction:
        posts = sum(_unpublish(transaction, key) for key in keys)
    click.echo(f"Done: {counted(posts, 'post')} unpublished.")


def _must_hold(key: Key) -> Holding:
    held = ownership.holding(key, now=now())
    if held is None:
        raise Invalid(f"nobody with the id {key.id} of {key.issuer} has posts here")
    return held


def _unpublish(transaction: Session, key: Key) -> int:
    posts = ownership.unpublish(transaction, key, now=now())
    audit.note(transaction, porch().seal, "unpublish", key, posts=posts, at=now(), by=BY)
    return posts


@authors.command("erase")
@click.argument("author_id", metavar="ID")
@_of_issuer
@click.option(
    "--keep-posts", is_flag=True, help="Keep what is published, as written by a former author nobody can name."
)
@asks_first
def erase(author_id: str, issuer: str | None, keep_posts: bool, yes: bool, dry_run: bool) -> None:
    """Do what a data-protection request asks: delete somebody's posts, comments, sessions, parked forms and name.

    Says at its end what remains where.
    """
    with said_plainly():
        key = key_here(author_id, issuer)
        held, left = ownership.holding(key, now=now()), traces.count(porch().seal, key)
        _show_erasing(key, held, left, keep_posts)
        if said := comments.count(key):
            click.echo(f"    {counted(said, 'comment')} deleted")
        if not may_go_on(yes, dry_run):
            return
        with _forgetting([key]) as transaction:
            said = comments.drop(transaction, key)
            done, left = _erase(transaction, key, keep_posts)
            if said:
                tell_caches(transaction)
        library.tidy(shelf())
    _tell_of_sessions([(key, left)])
    counts = [counted(done.posts, "post"), counted(left.sessions, "session"), counted(left.parked, "parked form")]
    if done.coauthored:
        counts.append(f"the name above {_of_others(done.coauthored)}")
    if said:
        counts.append(counted(said, "comment"))
    click.echo(f"Done: {', '.join(counts)}.\n{REMAINS.format(addresses=done.addresses)}")


REMAINS = """
What remains, and where:
  this database   addresses at which posts were public ({addresses}), as tombstones without text; an entry in the
                  audit, with a keyed hash that only SECRET_KEY can tie to the id; posts and comments of others
                  that speak of this person, which nobody can find but by reading; their name as a guest's above
                  posts, if others typed it there: `flask privacy audit` finds it
  backups         everything, until they are overwritten: let them run out, or erase again after restoring one
  logs            the security log has another keyed hash; the proxy's log has whatever it was told to keep
  readers         feed readers, search engines and archives have what was public; ask them to look again
  provider        the account itself: the blog keeps none, and whoever still has one can log in and write again"""


def _show_erasing(key: Key, held: Holding | None, left: Traces, keep_posts: bool) -> None:
    click.echo(plain(f"{key.id} of {key.issuer} is erased:"))
    if held and keep_posts:
        kept = held.posts - held.drafts
        click.echo(f"    {counted(held.drafts, 'draft')} deleted; {counted(kept, 'post')} kept as nobody's, for good")
    elif held:
        click.echo(f"    {counted(held.posts, 'post')} ({held.live} live) deleted, for good")
    else:
        click.echo("    no posts")
    if held and held.coauthored:
        kept_too = ", or left there as nobody's, where readers saw it" if keep_posts else ""
        click.echo(f"    the name above {_of_others(held.coauthored)} taken off{kept_too}")
    click.echo(f"    {counted(left.sessions, 'session')} ended, {counted(left.parked, 'parked form')} dropped")
    if pictures := library.holding(key).pictures:
        click.echo(f"    {counted(pictures, 'picture')} removed, but for those that a post which stays uses")


def _erase(transaction: Session, key: Key, keep_posts: bool) -> tuple[Deleted, Traces]:
    left = traces.drop(transaction, porch().seal, key)
    handles.drop(transaction, key)
    copies.drop(transaction, key)
    library.drop(transaction, key)
    revisions.drop(transaction, key)
    deleted = ownership.delete(transaction, key, drafts_only=keep_posts)
    (kept,) = ownership.move(transaction, [Move(key, NOBODY)])  # nothing is left to move unless posts are kept
    posts, coauthored = deleted.posts + kept.posts, deleted.coauthored + kept.coauthored
    audit.note(transaction, porch().seal, "erase", key, posts=posts, traces=left, at=now(), by=BY)
    return Deleted(posts, deleted.addresses, coauthored), left


# -- names ------------------------------------------------------------------------------------------------------------


@authors.command("check")
@click.argument("author_id", metavar="[ID]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def check_names(context: click.Context, author_id: str | None, as_json: bool) -> None:
    """Prove that names can be had: ask the provider for ID, or for the authors who wrote last; print no names.

    Until that has succeeded once for these settings, the dashboard warns editors. Ends with 0 when there is no fault,
    with 1 when there is one.
    """
    with said_plainly():
        report = prove(key_here(author_id, None) if author_id else None)
    report.tell(as_json=as_json)
    context.exit(1 if report.count("fault") else 0)


@authors.command("forget")
@click.argument("author_ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="Everybody's.")
@_of_issuer
def forget(author_ids: tuple[str, ...], everybody: bool, issuer: str | None) -> None:
    """Forget names, in every process within about a second, so that the provider is asked for them anew."""
    if bool(author_ids) == everybody:
        raise click.UsageError("Say one or more ids, or --all.")
    with said_plainly():
        keys = None if everybody else [key_here(each, issuer) for each in author_ids]
        with _forgetting(keys):
            pass  # there is nothing else to write
    log.note("names_forgotten", by=BY, names=None if keys is None else len(keys))
    click.echo("Done: every process asks the provider anew, about a second from now at the latest.")


def _forgetting(keys: Collection[Key] | None) -> AbstractContextManager[Session]:
    return forgetting.telling(porch().directory, porch().seal, keys, now=now())


def _tell_of_sessions(ended: Iterable[tuple[Key, Traces]]) -> None:
    for key, left in ended:
        if left.sessions:
            log.note("sessions_ended", person=key, by=BY, ended=left.sessions)
