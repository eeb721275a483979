"""What becomes of the posts of everybody who left: the provider is asked about all authors, the operator decides."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click
from flask import current_app

from blog.cli.asking import asks_first, counted, key_here, now, plain, said_plainly
from blog.cli.authors import AUTHORS, authors, move_posts, show_holding, take_back
from blog.content import ownership
from blog.content.ownership import Holding, Move
from blog.errors import Invalid
from blog.identity.directories import leavers
from blog.identity.directories.leavers import Said
from blog.identity.people import NOBODY, Key
from blog.porch import porch

Held = dict[Key, Holding]

NOT_BELIEVED = (
    "The provider says that {count} of {known} authors have left, which is not believed: a wrong address, or a token"
    " that sees nobody, looks like that. If it is so, name the ids of those whom you mean."
)


@authors.command("gone")
@click.argument("author_ids", metavar="[ID]...", nargs=-1)
@click.option("--hand-over", "to_id", metavar="TO", help="Give what they wrote to this author.")
@click.option("--unpublish", "unpublishing", is_flag=True, help="Make drafts of what they published.")
@click.option("--deactivated", "with_deactivated", is_flag=True, help="Also of those whose account is shut.")
@asks_first
def gone(  # noqa: PLR0917
    author_ids: tuple[str, ...],
    to_id: str | None,
    unpublishing: bool,
    with_deactivated: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """List the authors who are gone at the provider, and hand over or unpublish what they wrote.

    The provider is asked about everybody who has posts, and only who it says is no more counts as gone. Without
    --hand-over and --unpublish nothing is changed: posts stay, by “Former author”. With IDs only these are meant. When
    most authors seem to be gone, that is not believed, and IDs have to be named.

    Deactivated people are listed apart. Whether that lasts the provider does not say, and a few call everybody
    deactivated who is locked for a while; so with --yes, --deactivated needs IDs.
    """
    _look_at_options(author_ids, to_id, unpublishing, yes and with_deactivated)
    with said_plainly():
        held = {Key(*each.key): each for each in ownership.holdings(now=now())}
        said = _ask([key for key in held if key.issuer == porch().client.issuer])
        _show_said(said, held)
        if to_id is None and not unpublishing:
            return
        chosen = _chosen(said, author_ids, with_deactivated)
        if to_id is not None:
            _hand_over(said, chosen, to_id, yes=yes, dry_run=dry_run)
        elif published := [key for key in chosen if held[key].posts > held[key].drafts]:
            take_back(published, yes=yes, dry_run=dry_run)
        else:
            click.echo("Nothing was done: nothing of theirs is published.")


def _look_at_options(author_ids: Sequence[str], to_id: str | None, unpublishing: bool, unasked: bool) -> None:
    if to_id is not None and unpublishing:
        raise click.UsageError("Say --hand-over or --unpublish, not both.")
    if author_ids and to_id is None and not unpublishing:
        raise click.UsageError("With IDs, say --hand-over TO or --unpublish.")
    if unasked and not author_ids:
        raise click.UsageError("--deactivated with --yes needs IDs: who is locked for a while can look the same.")
    if current_app.config["DIRECTORY"] == "claims":
        raise click.ClickException("BLOG_DIRECTORY is claims: there is no user API to say who is gone.")


def _ask(keys: list[Key]) -> Said:
    if len(keys) <= AUTHORS:
        return leavers.ask(porch().directory, keys, wait=_wait)
    with click.progressbar(length=len(keys), label="Asking the provider", file=sys.stderr) as progress:
        return leavers.ask(porch().directory, keys, tell=progress.update, wait=_wait)


def _wait(seconds: float) -> None:
    click.echo(f"The provider asks to wait for {seconds:.0f} s.", err=True)
    time.sleep(seconds)


# -- what is said -----------------------------------------------------------------------------------------------------


def _show_said(said: Said, held: Held) -> None:
    for title, keys in (("Gone:", said.gone), ("Deactivated:", said.deactivated)):
        if keys:
            click.echo(title)
        for key in keys:
            show_holding(held[key], {})
    posts = counted(sum(held[key].posts for key in said.gone), "post")
    shut = f"; {len(said.deactivated)} deactivated" if said.deactivated else ""
    click.echo(f"{len(said.gone)} of {counted(len(said.people), 'author')} gone, with {posts}{shut}.")
    _show_unsaid(said, held)


def _show_unsaid(said: Said, held: Held) -> None:
    elsewhere = sum(key.issuer not in {porch().client.issuer, NOBODY.issuer} for key in held)
    if elsewhere:
        click.echo(f"Not asked about: {counted(elsewhere, 'author')} of other issuers.", err=True)
    if said.unsaid:
        click.echo(f"Of {counted(len(said.unsaid), 'author')} the provider said nothing.", err=True)
    if said.failure:
        click.echo(f"The provider cannot be asked: {said.failure.what}", err=True)
    if not said.is_believed(said.gone):
        click.echo(_not_believed(said, said.gone), err=True)


def _not_believed(said: Said, keys: Sequence[Key]) -> str:
    return NOT_BELIEVED.format(count=len(keys), known=len(said.people))


# -- what is done -----------------------------------------------------------------------------------------------------


def _chosen(said: Said, author_ids: Sequence[str], with_deactivated: bool) -> list[Key]:
    """Say whose posts are meant.

    :raises Invalid: the provider does not say it of somebody who was named; or nobody was named, and what it says is
        not whole or cannot be.
    """
    meant = said.gone + (said.deactivated if with_deactivated else [])
    if author_ids:
        named = [key_here(each, None) for each in dict.fromkeys(author_ids)]
        wrong = {key.id: "the provider does not say so of this author" for key in named if key not in meant}
        if wrong:
            raise Invalid(wrong)
        return named
    if said.failure:
        raise Invalid("the provider could not be asked about everybody; try again, or name ids")
    if not said.is_believed(meant):
        raise Invalid(_not_believed(said, meant))
    return meant


def _hand_over(said: Said, chosen: Sequence[Key], to_id: str, *, yes: bool, dry_run: bool) -> None:
    to = key_here(to_id, None)
    if to in said.gone or to in said.deactivated:
        raise Invalid({plain(to_id): "the provider says that they are gone, too, or deactivated"})
    if not chosen:
        click.echo("Nothing was done: nobody is gone.")
        return
    move_posts("hand-over", [Move(key, to, key.id) for key in chosen], yes=yes, dry_run=dry_run, merging=True)
