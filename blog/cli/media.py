"""The operator's look after pictures: removing what nobody has any more, and telling what is missing."""

from __future__ import annotations

from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from blog.content.media import library
from blog.content.media.shelf import Shelf

SHOWN = 20

media = AppGroup("media", help="The pictures that authors uploaded.")


def shelf() -> Shelf:
    """Give the folder in which pictures stand."""
    return Shelf(Path(current_app.config["MEDIA_FOLDER"]))


@media.command("tidy")
@click.option("--dry-run", is_flag=True, help="Count them, and remove nothing.")
def tidy(dry_run: bool) -> None:
    """Remove pictures that are in nobody's library and in no post, and files that the database does not know.

    Files that are younger than an hour are left alone: an upload may be under way.
    """
    done = library.tidy(shelf(), dry_run=dry_run)
    click.echo(f"{done.pictures} pictures of nobody, {done.files} unknown files, {done.folders} folders left over.")
    click.echo("Nothing was done: this was a dry run." if dry_run else "Done: they are removed.")


@media.command("check")
def check() -> None:
    """Tell which pictures have lost their file, as after a backup of the database alone; ends with 1 if there are."""
    lost = library.missing(shelf())
    for file in lost[:SHOWN]:
        click.echo(f"missing: {file}")
    click.echo(f"{len(lost)} missing." if lost else "Every picture is there.")
    raise SystemExit(1 if lost else 0)
