"""What goes out as files, for other programs or for whom the posts are about: exporting."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from blog.content import exchange
from blog.content.posts import AuthorKey
from blog.errors import Invalid
from blog.identity.people import key_of
from blog.porch import porch

export = AppGroup("export", help="Posts as files, without a name in them.")


@export.command("markdown")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--author", "author_id", metavar="ID", help="Only the posts of this author: what a data request asks for."
)
@click.option("--issuer", help="Whose id this is. Default: BLOG_OIDC_ISSUER.")
@click.option("--replace", is_flag=True, help="Write over what an earlier export left in the folder.")
def export_markdown(folder: Path, author_id: str | None, issuer: str | None, replace: bool) -> None:
    """Write every post into FOLDER, each a file of Markdown with YAML front matter.

    Drafts too, and posts that only some may read: nobody but you can read the files. Authors are told by issuer and
    id. Done beside a running blog, a post that is made or deleted meanwhile may be there or not.
    """
    if issuer is not None and author_id is None:
        raise click.UsageError("--issuer goes with --author.")
    try:
        written = _export(folder, None if author_id is None else _key(author_id, issuer), replace=replace)
        others = sum(file.name not in written for file in folder.glob("*.md"))
    except OSError as error:
        raise click.ClickException(f"It was not finished: {error.strerror or type(error).__name__}.") from None
    except SQLAlchemyError as error:
        raise click.ClickException(f"It was not finished: the database says {type(error).__name__}.") from None
    click.echo(f"{len(written)} post{'' if len(written) == 1 else 's'} written to {folder}.")
    if others:
        click.echo(
            f"Other .md files that are there: {others}. They may be of posts that were renamed or deleted since."
        )


def _key(author_id: str, issuer: str | None) -> AuthorKey:
    try:
        return key_of(issuer or porch().client.issuer, author_id)
    except Invalid as invalid:
        raise click.UsageError(str(invalid)) from None


def _export(folder: Path, author_key: AuthorKey | None, *, replace: bool) -> set[str]:
    """Write the files; give their names."""
    if not replace and not exchange.is_empty(folder):
        raise click.ClickException(f"Nothing was done: {folder} is not empty. --replace writes over what is there.")
    total = exchange.count(author_key)
    if author_key and not total:
        raise click.ClickException("Nothing was done: nobody with this id has posts here.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written: set[str] = set()
    for file in _shown(exchange.files(author_key), total):
        exchange.write(file, folder)
        written.add(file.name)
    return written


def _shown(files: Iterator[exchange.File], total: int) -> Iterator[exchange.File]:
    """Show how far it is, to somebody at a terminal."""
    if not sys.stderr.isatty():
        yield from files
        return
    with click.progressbar(files, length=total, file=sys.stderr) as bar:
        yield from bar
