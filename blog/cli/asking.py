"""How a command speaks with the operator: it asks before it changes something, and says plainly what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from blog.errors import Invalid
from blog.identity.people import Key, key_of
from blog.porch import porch

Command = Callable[..., Any]


def asks_first(command: Command) -> Command:
    """Give a command that changes something the two options that say how far to go."""
    for option in (
        click.option("--yes", is_flag=True, help="Do it without asking; for scripts."),
        click.option("--dry-run", is_flag=True, help="Print the plan and change nothing."),
    ):
        command = option(command)
    return command


@contextmanager
def said_plainly() -> Iterator[None]:
    """Let what can go wrong end a command with plain lines."""
    try:
        yield
    except Invalid as invalid:
        told = [f"{where}: {what}" if where else what for where, what in invalid.problems.items()]
        raise click.ClickException("Nothing was done.\n" + "\n".join(map(plain, told))) from None
    except SQLAlchemyError as error:
        raise click.ClickException(f"Nothing was done: the database says {type(error).__name__}.") from None


def now() -> datetime:
    """Tell the moment (aware UTC)."""
    moment: datetime = current_app.extensions["clock"]()
    return moment


def key_here(author_id: str, issuer: str | None) -> Key:
    """Make the key of an author whom the operator named; of the configured issuer, unless another is said.

    :raises Invalid: the id cannot be one.
    """
    return key_of(issuer or porch().client.issuer, author_id)


def may_go_on(yes: bool, dry_run: bool) -> bool:
    """Ask, unless that was answered beforehand."""
    if dry_run:
        click.echo("Nothing was done: this was a dry run.")
        return False
    return yes or click.confirm("Do this?", abort=True)


def counted(number: int, thing: str) -> str:
    """Say how many there are, as in "1 post" or "2 posts"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def plain(text: str) -> str:
    """Leave out what moves the cursor: text may come from a file, or from the provider."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)
