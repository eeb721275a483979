"""The operator's look for what must not be there: somebody's name, in everything that the blog keeps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

import click
from flask import current_app
from flask.cli import AppGroup

from blog.db import db, everything_stored
from blog.identity.directories import everything_shared

CHUNK = 1 << 20

privacy = AppGroup("privacy", help="Proof that no name rests here.")


@privacy.command("audit")
@click.argument("canaries", nargs=-1, required=True)
@click.option(
    "--also",
    "more",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A file or folder to search as well: logs, exports, backups. May be repeated.",
)
def search(canaries: tuple[str, ...], more: tuple[Path, ...]) -> None:
    """Search everything that the blog keeps for CANARIES: names, e-mail addresses or logins of somebody.

    Let a person with a name that nobody else has register at the provider, log in here, write a post that does not
    say who they are, and be read. Then no table, file or shared memory may hold that name. Ends with 1 if one does.

    What cannot be searched: the memory of running processes, where names are remembered for a day at most; and logs
    that go elsewhere, unless --also names them.
    """
    needles = frozenset().union(*map(_forms, canaries))
    hits = 0
    for store, contents in _stores(more):
        found, searched = _count(contents, needles)
        hits += found
        if searched:
            click.echo(f"{found:>6}  {store} ({searched:,} bytes)")
    click.echo(f"\n{hits} hits." if hits else "\nNothing of them rests here.")
    raise SystemExit(1 if hits else 0)


def _forms(text: str) -> frozenset[bytes]:
    """Spell a text in the ways in which it may have been stored; small letters only."""
    if not text.strip():
        raise click.UsageError("An empty text is everywhere.")
    spellings = {text, json.dumps(text)[1:-1], quote(text), quote(text, safe="@"), escape(text)}
    return frozenset({spelling.lower().encode() for spelling in spellings} | {text.lower().encode("utf-16-le")})


def _stores(more: Iterable[Path]) -> Iterator[tuple[str, Iterator[bytes]]]:
    for place, values in everything_stored():
        yield f"table {place}", values
    for file in _files(more):
        yield f"file {file}", _read(file, CHUNK)
    if (shared := everything_shared(current_app.extensions["settings"])) is not None:
        yield "the shared memory of names", shared


def _files(more: Iterable[Path]) -> list[Path]:
    """List the files of the instance folder, pictures, the database's (deleted rows leave traces there), and more."""
    database = db.engine.url.database if db.engine.dialect.name == "sqlite" else None
    beside = [Path(f"{database}{ending}") for ending in ("", "-wal", "-shm")] if database else []
    roots = [Path(current_app.instance_path), Path(current_app.config["MEDIA_FOLDER"]), *beside, *more]
    found = {file.resolve() for root in roots for file in ([root] if root.is_file() else root.rglob("*"))}
    return sorted(file for file in found if file.is_file())


def _read(file: Path, size: int) -> Iterator[bytes]:
    """Give a file in pieces that overlap, so that nothing hides where two of them meet."""
    with file.open("rb") as opened:
        kept = b""
        while piece := opened.read(size):
            yield kept + piece
            kept = piece[-1024:]


def _count(contents: Iterator[bytes], needles: frozenset[bytes]) -> tuple[int, int]:
    """Count the values, or pieces of a file, that hold one of these; and the bytes looked at."""
    hits = size = 0
    for content in contents:
        size += len(content)
        hits += any(needle in content.lower() for needle in needles)
    return hits, size
