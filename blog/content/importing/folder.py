"""A folder of another site: which of its files hold posts, and what their paths say about them."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from blog.errors import Invalid

ENDINGS = frozenset((".md", ".markdown", ".mdown", ".mkd"))
LONGEST = 1_000_000  # bytes of a file
SECTION = "_index"  # the page of a section, in Hugo
_LEFT_OUT = frozenset(("node_modules", "_site", "vendor"))  # made, or of somebody else
_DATED = re.compile(r"(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})-(?P<rest>.+)", re.DOTALL)
_IN_LANGUAGE = re.compile(r"(?P<rest>.+)\.(?P<lang>[a-z]{2}(?:-[a-zA-Z]{2,4})?)", re.DOTALL)


class Named(NamedTuple):
    """What the path of a file says about its post.

    :param slug: the name without date, language and ending, as it is written there.
    :param date: of the name, as it is written there; empty where there is none.
    :param lang: of the name, where that ends with one.
    :param draft: it lies among drafts.
    :param jekyll: it lies where Jekyll has its posts.
    """

    slug: str
    date: str = ""
    lang: str = ""
    draft: bool = False
    jekyll: bool = False


def paths(folder: Path) -> Iterator[PurePosixPath]:
    """Give the paths of all files that may hold posts, in order, from the folder on.

    Hidden folders and those that programs make are left out; links are given, for `text` to refuse.
    """
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _LEFT_OUT)
        for name in sorted(names):
            if Path(name).suffix.lower() in ENDINGS and not name.startswith("."):
                yield PurePosixPath(Path(where, name).relative_to(folder).as_posix())


def text(folder: Path, path: PurePosixPath) -> str:
    """Read a file, whose lines end with ``\\n`` then.

    :raises Invalid: when it cannot be read as one of the folder's own texts; says why.
    """
    try:
        return _read(folder / path, LONGEST).decode().replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise Invalid(f"it is not UTF-8, from byte {error.start} on") from None


def data(folder: Path, path: PurePosixPath, *, longest: int) -> bytes:
    """Read a file that stands in a folder, and is not only named there.

    :param longest: how many bytes it may have.
    :raises Invalid: when it cannot be read as one of the folder's own; says why.
    """
    if not holds(folder, path):
        raise Invalid("it leads elsewhere, or nowhere")
    return _read(folder / path, longest)


def _read(file: Path, longest: int) -> bytes:
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
            found = opened.read(longest + 1) if stat.S_ISREG(os.fstat(opened.fileno()).st_mode) else None
    except OSError as error:
        if error.errno == errno.ELOOP:  # it could lead to anything on this machine, which would be published
            raise Invalid("it is a link, and those are not followed") from None
        raise Invalid(f"it cannot be read: {error.strerror or type(error).__name__}") from None
    if found is None:
        raise Invalid("it is no file")
    if len(found) > longest:
        raise Invalid(f"it has more than {longest:,} bytes")
    return found


def holds(folder: Path, path: PurePosixPath) -> bool:
    """Whether a file stands in a folder, and is not only named there."""
    try:
        return (folder / path).is_file() and (folder / path).resolve() == folder.resolve() / path
    except OSError:  # such as a name that is too long
        return False


def named(path: PurePosixPath) -> Named:
    """Tell what a path says about its post; the folder of an ``index.md`` stands for it."""
    among = path.parts[:-1]
    stem, lang = path.stem, ""
    if other := _IN_LANGUAGE.fullmatch(stem):
        stem, lang = other["rest"], other["lang"]
    if stem == "index" and among:
        stem, among = among[-1], among[:-1]
    dated = _DATED.fullmatch(stem)
    return Named(
        slug=dated["rest"] if dated else stem,
        date=dated["date"] if dated else "",
        lang=lang,
        draft="_drafts" in among,
        jekyll=not {"_posts", "_drafts"}.isdisjoint(among),
    )
