"""The operator's door: commands of `flask --app blog`."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from blog.cli.authors import authors
from blog.cli.connection import oidc

__all__ = ["authors", "init_app", "oidc"]


def init_app(app: Flask) -> None:
    """Give this application its commands."""
    app.cli.add_command(upgrade_database, "upgrade")
    app.cli.add_command(upgrade_database, "init-db")
    app.cli.add_command(oidc)
    app.cli.add_command(authors)


@click.command()
@with_appcontext
def upgrade_database() -> None:
    """Create the database, or bring it to this version. Safe to repeat."""
    upgrade(directory=str(current_app.extensions["migrate"].directory))
