"""Bare: whether a file holds a picture and nothing beside it, neither words nor places, nor anything behind its end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_PNG = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"))
_WEBP = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"))
_JPEG = frozenset((0xC0, 0xC1, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD))  # frames, tables, scans
_JFIF = re.compile(rb"\xff\xe0\x00\x10JFIF\x00.{7}\x00\x00", re.DOTALL)  # without a small picture of its own
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_GIF_SHOWN = re.compile(rb"\x21\xf9\x04.{4}\x00|\x21\xff\x0bNETSCAPE2\.0\x03\x01..\x00", re.DOTALL)


class _Other(Exception):
    """There is something else in it."""


def is_bare(data: bytes, kind: str) -> bool:
    """Tell whether a picture is one as `pictures` writes them: with no part that is not needed to show it.

    PNG (3rd edition, section 5), JPEG (T.81, annex B), GIF89a (sections 17 to 27), WebP (RFC 9649, section 2).

    :param kind: as `workshop.recognise` told it; that it can be decoded is asked elsewhere.
    """
    try:
        return _WALKS[kind](data) == len(data)
    except (_Other, IndexError):
        return False


def _png(data: bytes) -> int:
    at, name = 8, b""
    while name != b"IEND":
        name = data[at + 4 : at + 8]
        if name not in _PNG:
            raise _Other
        at += 12 + int.from_bytes(data[at : at + 4])
    return at


def _jpeg(data: bytes) -> int:
    first = _JFIF.match(data, 2)
    at = first.end() if first else 2
    while data[at : at + 2] != b"\xff\xd9":
        marker = data[at + 1]
        if data[at] != 0xFF or marker not in _JPEG:
            raise _Other
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xDA:
            end = _AFTER_SCAN.search(data, at)
            at = end.start() if end else len(data)
    return at + 2


def _gif(data: bytes) -> int:
    at = 13 + _colours(data[10])
    while data[at] != 0x3B:
        if shown := _GIF_SHOWN.match(data, at):
            at = shown.end()
        elif data[at] == 0x2C:
            at += 11 + _colours(data[at + 9])
            while data[at]:
                at += data[at] + 1
            at += 1
        else:
            raise _Other
    return at + 1


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp(data: bytes) -> int:
    for name, begin, end in _chunks(data, 12, len(data)):
        within = _chunks(data, begin + 16, end) if name == b"ANMF" else iter(())
        if name not in _WEBP or any(inner not in _WEBP for inner, *_ in within):
            raise _Other
    return 8 + int.from_bytes(data[4:8], "little")


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Give name, beginning and end of each part."""
    while at < end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > end:
            raise _Other
        yield data[at : at + 4], at + 8, at + 8 + size
        at += 8 + size + size % 2


_WALKS: dict[str, Callable[[bytes], int]] = {"png": _png, "jpg": _jpeg, "gif": _gif, "webp": _webp}
