"""The workshop: what somebody sent is known by its first bytes, and a process with limits makes a picture of it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from blog.errors import Full, Invalid, Unreachable, Words
from blog.forks import Places

ACCEPTED = "PNG, JPEG, GIF and WebP"
WALL_S = 30  # a picture has 20 s of one processor; the rest is for a machine that is busy
WAIT_S = 15  # for those that came before
LINE = 4  # how many may be waiting or at work in one process; a worker has threads for readers, too
RETRY_AFTER_S = 20

_at_work = Places(1)  # one at a time: its memory is the most that uploads can take of a worker
_in_line = Places(LINE)

TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_NAMED = {"png": {"png", "apng"}, "jpg": {"jpg", "jpeg", "jpe", "jfif", "pjpeg"}, "gif": {"gif"}, "webp": {"webp"}}
_TITLES = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "webp": "WebP"}
_DECLARED = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
_DECLARED["image/apng"] = "image/png"
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # would turn round what follows
NAME_LONGEST = 60  # characters of a file's name that are shown
_UNSAID = {"", "application/octet-stream", "binary/octet-stream"}
_FOREIGN = (  # what people try, and is told better by its name
    (b"%PDF-", Words("It is a PDF.")),
    (b"PK\x03\x04", Words("It is a ZIP archive or an office document.")),
    (b"BM", Words("It is a BMP picture.")),
    (b"II*\x00", Words("It is a TIFF picture.")),
    (b"MM\x00*", Words("It is a TIFF picture.")),
    (b"\x00\x00\x01\x00", Words("It is an icon.")),
)
_SAID = {
    "damaged": Words("It is damaged or incomplete, so that it cannot be read as a picture."),
    "too_many_pixels": Words(
        "It is too large: at most 50 million pixels (WebP: 25 million), and 16,000 on a side, are read."
    ),
    "too_many_frames": Words(
        "It moves for too long: at most 1,000 frames, and 50 million pixels together, can be read."
    ),
    "too_slow": Words("It takes too long to read. Save it with fewer pixels or frames, and send that."),
}


class Made(NamedTuple):
    """A picture that was written anew.

    :param folder: holds ``picture``, and a ``picture-<width>`` for each of `widths`.
    """

    folder: Path
    kind: str
    width: int
    height: int
    widths: tuple[int, ...]


def recognise(data: bytes, *, name: str = "", declared: str = "") -> str:
    """Tell what kind of picture this is, by its first bytes; a name or a type that says otherwise is a lie.

    :param name: of the file, as its sender gave it.
    :param declared: the media type that came with it.
    :return: ``png``, ``jpg``, ``gif`` or ``webp``.
    :raises Invalid: under ``file``, when it is none of them, or not what it claims to be.
    """
    kind = _kind(data)
    if kind is None:
        raise _refusal(Words("%(what)s Only %(kinds)s are taken.", what=_what(data), kinds=ACCEPTED))
    _, dot, ending = name.lower().rpartition(".")
    if dot and ending.isalnum() and ending not in _NAMED[kind]:
        raise _refusal(
            Words(
                "It is named .%(ending)s, but holds a %(kind)s picture. Rename it, if you trust it.",
                ending=ending[:12],
                kind=_TITLES[kind],
            )
        )
    declared = declared.partition(";")[0].strip().lower()
    if declared not in _UNSAID and _DECLARED.get(declared, declared) != TYPES[kind]:
        raise _refusal(
            Words("It was sent as %(type)s, but holds a %(kind)s picture.", type=declared[:40], kind=_TITLES[kind])
        )
    return kind


def told(name: str) -> str:
    """Make a sender's name of a file fit to be shown to them; nothing else is ever done with it."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(sign for sign in last if sign.isprintable() and sign not in _TURNING)
    return shown if len(shown) <= NAME_LONGEST else f"{shown[: NAME_LONGEST - 13]}…{shown[-12:]}"


def _kind(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _what(data: bytes) -> str:
    if not data:
        return Words("It is empty.")
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return Words("It is an SVG drawing, which can hold programs.")
    if head.startswith((b"<!doctype", b"<html", b"<script", b"<?xml")):
        return Words("It is a web page or XML.")
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return Words("It is an AVIF picture.") if brand == b"avif" else Words("It is a HEIC picture or a film.")
    return next((what for start, what in _FOREIGN if data.startswith(start)), Words("It is no picture."))


def _refusal(sentence: str) -> Invalid:
    return Invalid({"file": sentence})


def make(data: bytes, kind: str, folder: Path, *, wall_s: float = WALL_S) -> Made:
    """Have a picture written anew, when its turn has come.

    :param kind: as `recognise` told it.
    :param folder: an empty one, to work in.
    :param wall_s: how long it may take.
    :raises Invalid: under ``file``, when it cannot be read, or not within the limits.
    :raises Full: when the disk is.
    :raises Unreachable: when too many are waiting.
    """
    with _turn():
        told = _run(data, kind, folder, wall_s)
    return Made(folder, kind, told["width"], told["height"], tuple(told["widths"]))


@contextmanager
def _turn() -> Iterator[None]:
    """Wait until nobody else's picture is being made in this process."""
    if not _in_line.acquire(blocking=False):
        raise Unreachable("the workshop: too many pictures at once", RETRY_AFTER_S)
    try:
        if not _at_work.acquire(timeout=WAIT_S):
            raise Unreachable("the workshop: those before take too long", RETRY_AFTER_S)
        try:
            yield
        finally:
            _at_work.release()
    finally:
        _in_line.release()


def _run(data: bytes, kind: str, folder: Path, wall_s: float) -> dict[str, Any]:
    """Let `pictures` do it in a process of its own, which gets nothing but the picture: no secret, no database."""
    program = Path(__file__).with_name("pictures.py")
    known = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    known["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if Path(path).is_absolute())  # wherever Pillow is
    command = [sys.executable, "-P", "-B", str(program), kind]
    try:
        done = subprocess.run(  # noqa: S603  (our own program)
            command, input=data, capture_output=True, cwd=folder, env=known, timeout=wall_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise _refusal(_SAID["too_slow"]) from None
    if done.returncode < 0:  # the system ended it: no time left (SIGXCPU), or no memory
        raise _refusal(_SAID["too_slow"])
    told: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    if word := told.get("refused"):
        raise _refusal(_SAID[word])
    if told.get("failed") in {errno.ENOSPC, errno.EDQUOT}:
        raise Full
    if "width" not in told:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise Unreachable(f"the workshop: ended with {done.returncode} {told.get('failed', '')} {last[:80]}")
    return told
