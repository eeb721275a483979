"""The operator's door: commands of `flask --app blog`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from blog.cli.authors import authors
from blog.cli.connection import oidc
from blog.cli.exchange import export
from blog.cli.gone import gone
from blog.cli.importing import importing
from blog.cli.media import media
from blog.cli.privacy import privacy
from blog.content import handles, index, rendering, trash
from blog.db import db
from blog.identity.people import Key
from blog.porch import handle

__all__ = ["authors", "export", "gone", "importing", "init_app", "media", "oidc", "privacy"]


def init_app(app: Flask) -> None:
    """Give this application its commands."""
    app.cli.add_command(upgrade_database, "upgrade")
    app.cli.add_command(upgrade_database, "init-db")
    for group in (oidc, authors, privacy, export, importing, media):
        app.cli.add_command(group)
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":  # for `flask db`, with which migrations are written
        migrations(app)


def migrations(app: Flask) -> str:
    """Let an application know its migrations; tell where they are."""
    from flask_migrate import Migrate  # noqa: PLC0415  (Alembic takes megabytes, and no server needs it)

    where = str(Path(app.root_path, "migrations"))
    Migrate(app, db, directory=where, render_as_batch=True)
    return where


@click.command()
@with_appcontext
def upgrade_database() -> None:
    """Create the database, or bring it to this version. Safe to repeat."""
    from flask_migrate import upgrade  # noqa: PLC0415  (as above)

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
