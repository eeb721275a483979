"""The operator's door: commands of `flask --app blog`."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from blog.cli.authors import authors
from blog.cli.connection import oidc
from blog.cli.exchange import export
from blog.cli.gone import gone
from blog.cli.importing import importing
from blog.cli.media import media
from blog.cli.privacy import privacy
from blog.content import handles, index, rendering, trash
from blog.identity.people import Key
from blog.porch import handle

__all__ = ["authors", "export", "gone", "importing", "init_app", "media", "oidc", "privacy"]


def init_app(app: Flask) -> None:
    """Give this application its commands."""
    app.cli.add_command(upgrade_database, "upgrade")
    app.cli.add_command(upgrade_database, "init-db")
    for group in (oidc, authors, privacy, export, importing, media):
        app.cli.add_command(group)


@click.command()
@with_appcontext
def upgrade_database() -> None:
    """Create the database, or bring it to this version. Safe to repeat."""
    upgrade(directory=str(current_app.extensions["migrate"].directory))
    handles.give(lambda author_key: handle(Key(*author_key)), now=datetime.now(UTC))
    trash.sweep(trash_from=trash.begins(datetime.now(UTC), current_app.config["TRASH_DAYS"]))
    renewed = rendering.renew()
    if renewed.posts:
        click.echo(f"The HTML of {renewed.posts:,} posts was made anew.")
    if renewed.left:
        click.echo(f"{renewed.left:,} posts keep the HTML they have: their text is too hard to read today.")
    if indexed := index.renew():
        click.echo(f"The search finds {indexed:,} posts that it did not find before.")
