"""What brings the database, and what is stored in it, to this version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade
from flask_migrate.cli import db as its_own

from blog.cli import migrations
from blog.content import handles, index, rendering, trash
from blog.identity.people import Key
from blog.porch import handle


@click.command()
@with_appcontext
def upgrade_database() -> None:
    """Create the database, or bring it to this version. Safe to repeat."""
    upgrade(directory=migrations(current_app._get_current_object()))  # type: ignore[attr-defined]
    handles.give(lambda author_key: handle(Key(*author_key)), now=datetime.now(UTC))
    trash.sweep(trash_from=trash.begins(datetime.now(UTC), current_app.config["TRASH_DAYS"]))
    renewed = rendering.renew()
    if renewed.posts:
        click.echo(f"The HTML of {renewed.posts:,} posts was made anew.")
    if renewed.left:
        click.echo(f"{renewed.left:,} posts keep the HTML they have: their text is too hard to read today.")
    if indexed := index.renew():
        click.echo(f"The search finds {indexed:,} posts that it did not find before.")


@click.group("db", commands=its_own.commands, params=its_own.params)
@with_appcontext
@click.pass_context
def write_migrations(context: click.Context, **said: Any) -> None:
    """Write migrations, and look at them."""
    migrations(current_app._get_current_object())  # type: ignore[attr-defined]
    context.invoke(its_own, **said)
