"""The operator's door: commands of `flask --app blog`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from blog.db import db

__all__ = ["Later", "init_app", "migrations", "oidc"]


class Later(AppGroup):
    """A group of commands that loads one when somebody asks for it: servers never do, and what they need is large.

    :param places: name of a command → the module here, and its name there, as ``module:name``.
    """

    def __init__(self, *said: Any, places: Mapping[str, str], **more: Any) -> None:
        super().__init__(*said, **more)
        self._places = places

    def list_commands(self, context: click.Context) -> list[str]:
        """List the names of all commands, in order."""
        return sorted({*super().list_commands(context), *self._places})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Give a command; None when there is none of this name."""
        if name in self._places and name not in self.commands:
            module, _, there = self._places[name].partition(":")
            self.add_command(getattr(import_module(f"{__name__}.{module}"), there), name)
        return super().get_command(context, name)


COMMANDS = {
    "upgrade": "upgrading:upgrade_database",
    "init-db": "upgrading:upgrade_database",
    "db": "upgrading:write_migrations",
    "authors": "gone:authors",  # with what that adds to them
    "privacy": "privacy:privacy",
    "export": "exchange:export",
    "import": "importing:importing",
    "media": "media:media",
}

oidc = Later(
    "oidc",
    help="The connection to the OpenID provider.",
    places={
        "doctor": "connection:examine",
        "show-keys": "connection:show_keys",
        "rotate-keys": "connection:rotate_keys",
    },
)


def init_app(app: Flask) -> None:
    """Give this application its commands."""
    app.cli = Later(app.name, places=COMMANDS)
    app.cli.add_command(oidc)


def migrations(app: Flask) -> str:
    """Let an application know its migrations; tell where they are."""
    from flask_migrate import Migrate  # noqa: PLC0415  (Alembic takes megabytes, and no server needs it)

    where = str(Path(app.root_path, "migrations"))
    Migrate(app, db, directory=where, render_as_batch=True)
    return where
