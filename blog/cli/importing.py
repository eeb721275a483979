"""What comes in as files, from other sites or from another Byline: importing."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from blog.cli.asking import counted, key_here, now, plain
from blog.cli.media import shelf
from blog.content.importing import authors, folder, pictures, writing
from blog.content.importing.authors import Whose
from blog.content.importing.entries import Rules
from blog.content.importing.illustrations import LOST, NOT_TAKEN
from blog.content.importing.pictures import Means
from blog.content.importing.writing import MADE, NO_POST, PICTURE_THERE, REFUSED, THERE, Result
from blog.errors import Full, Invalid
from blog.identity.people import Key, key_of
from blog.porch import handle

SHOWN = 20  # of each kind, unless there is to be a report of all
LIST_LONGEST = 5_000_000  # characters of a list of authors
NAME, ID, ISSUER = "name", "id", "issuer"

importing = AppGroup("import", help="Posts from files: of Hugo, Jekyll or Eleventy, or of an export.")


@importing.command("markdown")
@click.argument("root", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--author", "author_id", metavar="ID", help="Whose the posts become that name nobody who is known.")
@click.option(
    "--authors", "file", metavar="CSV", type=click.File(encoding="utf-8-sig"), help="Names and ids of authors."
)
@click.option("--author-rule", "rule", metavar="PATTERN", help="Make an id of a name: blog-{} makes blog-ada of ada.")
@click.option("--issuer", help="Whose ids these are. Default: BLOG_OIDC_ISSUER.")
@click.option("--guests", is_flag=True, help="Name as guests those who are not known; their names are stored then.")
@click.option(
    "--permalink",
    default="",
    metavar="PATTERN",
    help="How the site made addresses, which are kept: /:year/:month/:day/:slug/",
)
@click.option("--timezone", default="UTC", metavar="ZONE", help="Of dates that name none, such as Europe/Vienna.")
@click.option("--expired-too", is_flag=True, help="Publish also what the site shows no more, by its expiry date.")
@click.option(
    "--without-tag", "without", metavar="NAME", multiple=True, help="What is no tag here, such as Eleventy’s posts."
)
@click.option(
    "--pictures",
    "folders",
    metavar="FOLDER",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the site has pictures, if that is not in FOLDER, such as Hugo’s static.",
)
@click.option("--without-pictures", is_flag=True, help="Leave pictures where they are.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@click.option(
    "--report", type=click.File("w", encoding="utf-8"), help="Write a line for every file, and all notes, here."
)
@click.pass_context
def import_markdown(context: click.Context, root: Path, file: Any, dry_run: bool, report: Any, **said: Any) -> None:
    """Make posts of the files of Markdown in FOLDER, with front matter in YAML, TOML or JSON.

    What is there already is left alone, so that it can be repeated. A file that cannot be read is named at the end, and
    does not stop the others; the command ends with 1 then.
    """
    try:
        whose, rules = _whose(file, **said), _rules(**said)
        means = _means(**said)
        results = writing.bring_in(
            root, rules=rules, whose=whose, handle_of=lambda key: handle(Key(*key)), means=means, dry_run=dry_run
        )
        tally = _Tally(report)
        for result in _shown(results, _count(root, means)):
            tally.add(result)
    except Invalid as invalid:
        raise click.UsageError(plain(_told(invalid))) from None
    except (SQLAlchemyError, OSError, Full) as error:
        raise click.ClickException(
            f"It was not finished: {type(error).__name__}. What was made stays; do it again for the rest."
        ) from None
    tally.tell(dry_run)
    context.exit(1 if tally.became[REFUSED] else 0)


def _means(*, folders: tuple[Path, ...], without_pictures: bool, **_: Any) -> Means | None:
    return None if without_pictures else Means(shelf(), current_app.config["MEDIA_LONGEST"], folders)


def _count(root: Path, means: Means | None) -> int:
    return sum(1 for _ in folder.paths(root)) + (pictures.count(root) if means else 0)


def _told(invalid: Invalid) -> str:
    return "; ".join(f"{where}: {what}" if where else what for where, what in invalid.problems.items())


def _rules(*, permalink: str, timezone: str, expired_too: bool, without: tuple[str, ...], **_: Any) -> Rules:
    if timezone != "UTC" and timezone not in available_timezones():
        raise Invalid(f"there is no time zone {timezone}; one is called Europe/Vienna")
    return Rules(
        now=now(),
        zone=ZoneInfo(timezone),
        permalink=permalink,
        expired_too=expired_too,
        without_tags=frozenset(name.casefold() for name in without),
        image_hosts=tuple(current_app.config["IMAGE_HOSTS"]),
    )


def _whose(file: Any, *, author_id: str | None, rule: str | None, issuer: str | None, guests: bool, **_: Any) -> Whose:
    if rule is not None and "{}" not in rule:
        raise Invalid("--author-rule needs {} where the name goes")
    made: Callable[[str], Key] | None = None
    if rule is not None:
        before, after = rule.split("{}", 1)
        made = lambda name: key_here(f"{before}{name}{after}", issuer)  # noqa: E731
    return Whose(
        judge=key_of,
        known=_listed(file, issuer) if file else {},
        rule=made,
        holder=key_here(author_id, issuer) if author_id is not None else None,
        guests=guests,
    )


def _listed(file: Any, issuer: str | None) -> dict[str, tuple[str, str]]:
    """Read a list of authors: CSV (RFC 4180) with the columns name and id, and issuer where that differs."""
    try:
        rows = csv.DictReader(io.StringIO(file.read(LIST_LONGEST), newline=""), strict=True)
        if not {NAME, ID} <= set(rows.fieldnames or ()) <= {NAME, ID, ISSUER}:
            raise Invalid("the first line of the list of authors has to name the columns: name,id or name,id,issuer")
        known: dict[str, tuple[str, str]] = {}
        for row in rows:
            name, author_id = (row[NAME] or "").strip(), (row[ID] or "").strip()
            try:
                known[authors.folded(name)] = key_here(author_id, (row.get(ISSUER) or "").strip() or issuer)
            except Invalid as invalid:
                raise Invalid({f"line {rows.line_num} of the list of authors": _told(invalid)}) from None
    except (csv.Error, ValueError):
        raise Invalid("the list of authors is no CSV in UTF-8") from None
    return known


def _shown(results: Iterator[Result], total: int) -> Iterator[Result]:
    """Show how far it is, to somebody at a terminal."""
    if not sys.stderr.isatty():
        yield from results
        return
    with click.progressbar(results, length=total, file=sys.stderr) as bar:
        yield from bar


class _Tally:
    """Counts what became of files, and keeps what is to be told of them."""

    def __init__(self, report: Any) -> None:
        self.became: Counter[str] = Counter()
        self._states: Counter[str] = Counter()
        self._paths = 0
        self._pictures = 0
        self._lost: dict[str, list[str]] = defaultdict(list)
        self._notes: dict[str, Counter[str]] = defaultdict(Counter)
        self._report = report

    def add(self, result: Result) -> None:
        """Count one more file."""
        self.became[result.became] += 1
        self._paths += result.old_paths
        self._pictures += result.pictures
        if result.became == MADE:
            self._states[result.state] += 1
        elif result.why:
            self._lost[result.became].append(f"{result.path}: {result.why}")
        for kind, what in result.notes:
            self._notes[kind][what] += 1
        if self._report:
            self._report.write("".join(f"{line}\n" for line in _lines(result)))

    def tell(self, dry_run: bool) -> None:
        """Print what was counted."""
        states = ", ".join(f"{number} {state}" for state, number in self._states.items())
        done = "to be made" if dry_run else "made"
        click.echo(f"{counted(self.became[MADE], 'post')} {done}{f' ({states})' if states else ''}.")
        click.echo(f"{self.became[THERE]} there already; {counted(self._paths, 'redirect')} from old addresses.")
        if self._pictures or self.became[PICTURE_THERE]:
            click.echo(f"{counted(self._pictures, 'picture')} {done}; {self.became[PICTURE_THERE]} there already.")
        for became, title in ((NO_POST, "files that are no posts"), (REFUSED, "files that were refused")):
            if lost := self._lost[became]:
                click.echo(f"{title}: {len(lost)}")
                _list(lost)
        for kind, found in self._notes.items():
            click.echo(f"{_KINDS.get(kind, kind)}: {found.total()}")
            _list([f"{what} ({number})" for what, number in found.most_common() if what])
        if dry_run:
            click.echo("Nothing was done: this was a dry run.")


_KINDS = {
    "markup": "left in the text as the generator had it, to be read and put right",
    "field": "fields of which nothing was made",
    LOST: "pictures that were not found",
    NOT_TAKEN: "pictures that were not taken",
}


def _list(lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        click.echo(f"    {plain(line)}")
    if len(lines) > SHOWN:
        click.echo(f"    … and {len(lines) - SHOWN} more; --report FILE has all")


def _lines(result: Result) -> Iterator[str]:
    yield plain(f"{result.path}: {result.why or ' '.join(filter(None, (result.became, result.state, result.slug)))}")
    for kind, what in result.notes:
        yield plain(f"    {_KINDS.get(kind, kind)}{f': {what}' if what else ''}")
