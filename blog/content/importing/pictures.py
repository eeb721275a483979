"""Pictures of an export, which come in as they are; and what it takes to bring any in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from blog.content.exchange import PICTURES
from blog.content.importing import folder
from blog.content.media import library, moving
from blog.content.media.library import Holder
from blog.content.media.shelf import Shelf, parse
from blog.errors import Invalid

AuthorKey = tuple[str, str]  # issuer and id

GROWN = 10  # times as many bytes as an upload may a picture have that a blog wrote: writing it anew can make it larger
FACTS_LONGEST = 1_000_000  # bytes of what is known of a picture


class Means(NamedTuple):
    """What it takes to bring pictures in.

    :param shelf: where they go.
    :param longest: how many bytes one may have, as with uploads.
    :param folders: where a site has them, beside the folder of its posts.
    """

    shelf: Shelf
    longest: int
    folders: tuple[Path, ...] = ()


# -- of an export ----------------------------------------------------------------------------------------------------


def of_export(root: Path) -> list[PurePosixPath]:
    """List the pictures of an export, from its folder on, in the order in which they were once added."""
    return sorted(_of_export(root), key=lambda path: (_first_added(root, path), path))


def count(root: Path) -> int:
    """Count what `of_export` lists."""
    return sum(1 for _ in _of_export(root))


def _of_export(root: Path) -> Iterator[PurePosixPath]:
    for each in (root / PICTURES).glob("*.*"):
        if (file := parse(each.name)) and file.width is None:
            yield PurePosixPath(PICTURES, each.name)


def _first_added(root: Path, path: PurePosixPath) -> datetime:
    never = datetime.max.replace(tzinfo=UTC)
    with suppress(Invalid):
        return min((each.made_at for each in _holders(root, path, lambda *key: key, never)), default=never)
    return never


def _holders(
    root: Path, path: PurePosixPath, judge: Callable[[str, str], AuthorKey], now: datetime
) -> tuple[Holder, ...]:
    beside = path.with_suffix(".json")
    if not (root / beside).exists():
        raise Invalid(f"there is no {beside.name}, which would say whose it is")
    facts = folder.data(root, beside, longest=FACTS_LONGEST)
    return moving.read(facts.decode("utf-8", "replace"), judge, now)


def take_in(
    root: Path,
    path: PurePosixPath,
    means: Means,
    *,
    judge: Callable[[str, str], AuthorKey],
    now: datetime,
    dry_run: bool = False,
) -> bool:
    """Take in one picture of an export.

    :param judge: makes a key of issuer and id, as they stand beside it.
    :param dry_run: take nothing, and decode nothing.
    :return: whether something of it was not here.
    :raises Invalid: when it cannot be; says why.
    :raises Full: when the disk is.
    """
    file = parse(path.name)
    assert file  # noqa: S101  (of_export)
    holders = _holders(root, path, judge, now)
    data = folder.data(root, path, longest=GROWN * means.longest)
    if dry_run:
        library.judge(file, data)
        return not library.is_there(means.shelf, file)
    return library.take_in(means.shelf, file, data, holders)
