"""What goes out as files, for other programs or for whom the posts are about: exporting."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from blog.cli.asking import counted
from blog.cli.media import SHOWN, shelf
from blog.content import exchange
from blog.content.media import moving
from blog.content.posts import AuthorKey
from blog.errors import Invalid
from blog.identity.people import key_of
from blog.porch import porch

export = AppGroup("export", help="Posts and pictures as files, without a name in them.")


@export.command("markdown")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--author", "author_id", metavar="ID", help="Only the posts of this author: what a data request asks for."
)
@click.option("--issuer", help="Whose id this is. Default: BLOG_OIDC_ISSUER.")
@click.option("--replace", is_flag=True, help="Write over what an earlier export left in the folder.")
def export_markdown(folder: Path, author_id: str | None, issuer: str | None, replace: bool) -> None:
    """Write every post into FOLDER, each a file of Markdown with YAML front matter; and pictures into FOLDER/media.

    Drafts too, and posts that only some may read: nobody but you can read the files. Authors are told by issuer and
    id. Done beside a running blog, a post that is made or deleted meanwhile may be there or not. A picture that has
    lost its file is named at the end, and does not stop the others; the command ends with 1 then.
    """
    if issuer is not None and author_id is None:
        raise click.UsageError("--issuer goes with --author.")
    key = None if author_id is None else _key(author_id, issuer)
    try:
        posts = _export(folder, key, replace=replace)
        pictures, lost = _export_pictures(folder / exchange.PICTURES, key)
        others = [file for file in folder.glob("*.md") if file.name not in posts]
        others += [file for file in folder.glob(f"{exchange.PICTURES}/*.*") if file.name not in pictures]
    except OSError as error:
        raise click.ClickException(f"It was not finished: {error.strerror or type(error).__name__}.") from None
    except SQLAlchemyError as error:
        raise click.ClickException(f"It was not finished: the database says {type(error).__name__}.") from None
    _tell(folder, len(posts), len(pictures) // 2, len(others), lost)


def _tell(folder: Path, posts: int, pictures: int, others: int, lost: list[str]) -> None:
    and_pictures = f" and {counted(pictures, 'picture')}" if pictures else ""
    click.echo(f"{counted(posts, 'post')}{and_pictures} written to {folder}.")
    if others:
        click.echo(f"Other files that are there: {others}. They may be of what was renamed or deleted since.")
    for file in lost[:SHOWN]:
        click.echo(f"missing: {file}")
    if lost:
        raise click.ClickException(f"{counted(len(lost), 'picture')} lost the file, so that it is not there.")


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
    if author_key and not total and not moving.count(author_key):
        raise click.ClickException("Nothing was done: nobody with this id has posts or pictures here.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written: set[str] = set()
    for file in _shown(exchange.files(author_key), total):
        exchange.write(file, folder)
        written.add(file.name)
    return written


def _export_pictures(folder: Path, author_key: AuthorKey | None) -> tuple[set[str], list[str]]:
    """Write the pictures, and what is known of each; give the names of the files, and which have none any more."""
    written, lost = set[str](), list[str]()
    if not (total := moving.count(author_key)):
        return written, lost
    folder.mkdir(mode=0o700, exist_ok=True)
    for picture in _shown(moving.pictures(author_key), total):
        try:
            written |= moving.write(picture, shelf(), folder)
        except FileNotFoundError:
            lost.append(picture.file)
    return written, lost


_Thing = TypeVar("_Thing")


def _shown(things: Iterator[_Thing], total: int) -> Iterator[_Thing]:
    """Show how far it is, to somebody at a terminal."""
    if not sys.stderr.isatty():
        yield from things
        return
    with click.progressbar(things, length=total, file=sys.stderr) as bar:
        yield from bar
