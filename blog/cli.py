"""The operator's door: commands of `flask --app blog`."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask_migrate import upgrade


def init_app(app: Flask) -> None:
    """Give this application its commands."""
    app.cli.add_command(init_db)
    app.cli.add_command(upgrade_db)


@click.command("upgrade")
def upgrade_db() -> None:
    """Create the database, or bring it to this version. Safe to repeat."""
    upgrade(directory=str(current_app.extensions["migrate"].directory))


@click.command("init-db")
@click.pass_context
def init_db(context: click.Context) -> None:
    """Create the database (the same as upgrade)."""
    context.invoke(upgrade_db)
