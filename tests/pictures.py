"""Pictures for tests: honest ones, and those that somebody means harm with."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

SECRET = "Ada was here"  # in whatever place a picture has for words


def picture(width: int = 40, height: int = 20, mode: str = "RGB") -> Image.Image:
    """Halves of different colours above each other, so that it shows which way up it is."""
    made = Image.new("RGB", (width, height), "#c03020")
    made.paste("#2030c0", (0, height // 2, width, height))
    return made.convert(mode)


def saved(made: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    file = BytesIO()
    made.save(file, kind, **how)
    return file.getvalue()


def png(width: int = 40, height: int = 20) -> bytes:
    return saved(picture(width, height))


def moving(kind: str = "GIF", frames: int = 3, size: tuple[int, int] = (30, 20)) -> bytes:
    """Frames of different colours, 50 ms each, for ever."""
    each = [Image.new("RGB", size, (60 * n % 256, 255 - 60 * n % 256, n % 256)) for n in range(frames)]
    return saved(each[0], kind, save_all=True, append_images=each[1:], duration=50, loop=0)


def opened(data: bytes) -> Image.Image:
    made = Image.open(BytesIO(data))
    made.load()
    return made


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of_zeros(width: int, height: int) -> bytes:
    """A PNG whose zeros are packed a thousandfold."""
    packer, row = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def gif_of_frames(frames: int, size: tuple[int, int] = (1, 1)) -> bytes:
    """A GIF of as many frames of one pixel, on a screen of this size."""
    start = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0) + b"\x00\x00\x00\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return start + frame * frames + b"\x3b"
