"""The shelf: the folder in which pictures stand as files, each under a name that its own bytes make."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from blog.content.media.workshop import Made
from blog.errors import Full

NAME_LENGTH = 40  # hexadecimal digits of SHA-256: nobody finds two pictures for 160 bits
WORK = "work-"
FORGOTTEN_S = 3_600  # a folder to work in that is older was left by a process that ended
_FILE = re.compile(r"([0-9a-f]{40})(?:-([0-9]{3,4}))?\.(png|jpg|gif|webp)")
_FULL = {errno.ENOSPC, errno.EDQUOT}


class File(NamedTuple):
    """Which file is asked for: a picture, or a variant of one.

    :param width: of the variant; None for the picture itself.
    """

    name: str
    width: int | None
    kind: str


def parse(text: str) -> File | None:
    """Read the name of a file; None when it is none of ours.

    :param text: as it came in an address, so possibly anything.
    """
    parts = _FILE.fullmatch(text)
    return File(parts[1], int(parts[2]) if parts[2] else None, parts[3]) if parts else None


def file_name(name: str, kind: str, width: int | None = None) -> str:
    """Name the file of a picture, or of a variant, which is WebP whatever the picture is."""
    return f"{name}-{width}.webp" if width else f"{name}.{kind}"


class Shelf:
    """The folder of pictures.

    :param folder: made when the first picture comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, file: str) -> Path:
        """Tell where a file of ours stands, or would."""
        return self.folder / file[:2] / file

    @contextmanager
    def room(self) -> Iterator[Path]:
        """Give a folder to work in, on the same disk, which is gone afterwards.

        :raises Full: when there is no room left, whenever that shows.
        """
        with _full_disk_told():
            self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=WORK, dir=self.folder, ignore_cleanup_errors=True) as made:
                yield Path(made)

    def put(self, made: Made, name: str) -> None:
        """Put a picture and its variants under their names, whole or not at all; what is there stays.

        :param name: as `name_of` told it, which has also brought the bytes to the disk.
        :raises Full: when there is no room left.
        """
        with _full_disk_told():
            place = self.path(name).parent
            place.mkdir(mode=0o750, exist_ok=True)
            for width in (*made.widths, None):  # the picture itself last: where it is, its variants are
                (made.folder / _made(width)).replace(self.path(file_name(name, made.kind, width)))
            for folder in (place, self.folder):
                _sync(folder)

    def remove(self, name: str) -> int:
        """Remove all files of a picture; tell how many."""
        files = [path for path in self.path(name).parent.glob(f"{name}*") if parse(path.name)]
        for path in files:
            path.unlink(missing_ok=True)
        return len(files)

    def names(self, *, older_than_s: float = 0) -> set[str]:
        """Tell of which pictures there are files.

        :param older_than_s: leave out those that were made later than so many seconds ago.
        """
        before = time.time() - older_than_s
        paths = (path for path in self.folder.glob("[0-9a-f][0-9a-f]/*") if path.stat().st_mtime <= before)
        return {file.name for file in (parse(path.name) for path in paths) if file}

    def clear_up(self) -> int:
        """Remove folders that a process which ended has left; tell how many."""
        before = time.time() - FORGOTTEN_S
        left = [path for path in self.folder.glob(f"{WORK}*") if path.stat().st_mtime < before]
        for path in left:
            shutil.rmtree(path, ignore_errors=True)
        return len(left)


def name_of(made: Made) -> tuple[str, int]:
    """Bring the files of a picture to the disk; tell the name that its bytes make, and how many bytes all have.

    :raises Full: when there is no room left.
    """
    size = 0
    with _full_disk_told():
        for width in made.widths:
            size += (made.folder / _made(width)).stat().st_size
            _sync(made.folder / _made(width))
        data = (made.folder / _made(None)).read_bytes()
        _sync(made.folder / _made(None))
    return hash_of(data), size + len(data)


def hash_of(data: bytes) -> str:
    """Make the name of a picture of its bytes."""
    return hashlib.sha256(data).hexdigest()[:NAME_LENGTH]


def _made(width: int | None) -> str:
    return f"picture-{width}" if width else "picture"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise Full from None
        raise
