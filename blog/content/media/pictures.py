"""What is done to a picture that came from somebody: measured, decoded, and written anew; by a process of its own.

`workshop` runs this file as a program, with limits on time and memory, in an empty folder: the picture comes on
standard input, and what was made of it goes into files there. Nothing but pixels gets from one to the other. Nothing
else imports it, so that no worker of the blog ever loads Pillow, and a decoder that is fooled can neither stay nor see
a secret.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import GifImagePlugin, ImageCms, ImageFile, ImageOps
from PIL import Image as Images
from PIL.Image import Image

FORMATS = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "webp": "WEBP"}
WIDTHS = (1920, 1280, 960, 640, 320)  # of smaller variants, each made of the one before
MOST_PIXELS = {"png": 50_000_000, "jpg": 50_000_000, "gif": 50_000_000, "webp": 25_000_000}  # phones have 48 million
LONGEST_SIDE = 16_000  # WebP ends at 16,383
MOST_FRAMES = 1_000
MOST_MOVING_PIXELS = 50_000_000  # of all frames together; some 10 s of work
CPU_S = 20
MEMORY = 1_200_000_000  # bytes of address space; the largest that are let in need 0.8 billion
WRITTEN: dict[
    str, dict[str, Any]
] = {  # measured: 50 million pixels of noise take 3 s as JPEG, 12 s as PNG, 7 s as WebP
    "png": {"compress_level": 6},
    "jpg": {"quality": 88, "progressive": True, "optimize": True},
    "gif": {"optimize": False},
    "webp": {"quality": 85, "method": 4},
}
VARIANT: dict[str, Any] = {
    "quality": 80,
    "method": 4,
}  # WebP: of a screenshot a fifth of what PNG needs, of a photo as JPEG or less


class Refused(Exception):
    """This picture cannot be taken; the argument is a word that `workshop` has a sentence for."""


def make(data: bytes, kind: str, folder: Path) -> dict[str, Any]:
    """Write a picture anew, and smaller variants of it.

    :param kind: of FORMATS: what its first bytes say it is; no other decoder is tried.
    :param folder: where ``picture`` and ``picture-<width>`` are put.
    :return: its width and height, and the widths of its variants.
    :raises Refused: when it is too large, or too long; before anything of it was decoded.
    """
    Images.MAX_IMAGE_PIXELS = None  # measured here, with a limit of our own
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with Images.open(BytesIO(data), formats=[FORMATS[kind]]) as found:
        _must_fit(found.width, found.height, kind)
        frames = _count_frames(found, data, kind)
        if frames > 1:
            return _make_moving(found, frames, kind, folder)
        if kind == "png":
            Images.open(BytesIO(data), formats=["PNG"]).verify()  # what decoding skips: the checksums of all chunks
        return _make_still(found, kind, folder, lossless=data[12:16] == b"VP8L")


def _must_fit(width: int, height: int, kind: str) -> None:
    if width * height > MOST_PIXELS[kind] or max(width, height) > LONGEST_SIDE:
        raise Refused("too_many_pixels")


def _count_frames(found: Image, data: bytes, kind: str) -> int:
    """Count the frames of a picture that may move, without decoding one."""
    frames = _gif_frames(data) if kind == "gif" else int(getattr(found, "n_frames", 1))
    if frames > MOST_FRAMES or (frames > 1 and frames * found.width * found.height > MOST_MOVING_PIXELS):
        raise Refused("too_many_frames")
    return frames


def _gif_frames(data: bytes) -> int:
    """Count the image blocks of a GIF, at most one more than may be (GIF89a, section 20).

    Pillow would read all of half a million tiny ones.
    """
    at, frames = 13 + _colours(data[10]), 0
    while frames <= MOST_FRAMES and at < len(data):
        if data[at] == 0x2C:
            frames += 1
            at += 11 + _colours(data[at + 9])
        elif data[at] == 0x21:
            at += 2
        else:
            break
        while data[at]:
            at += data[at] + 1
        at += 1
    return frames


def _colours(flags: int) -> int:
    """Tell how many bytes the table of colours has that these flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


# -- one picture ------------------------------------------------------------------------------------------------------


def _make_still(found: Image, kind: str, folder: Path, *, lossless: bool) -> dict[str, Any]:
    ImageOps.exif_transpose(found, in_place=True)
    picture = _bare(_in_srgb(found), kind)
    picture.save(folder / "picture", FORMATS[kind], **WRITTEN[kind], **({"lossless": True} if lossless else {}))
    width, height, widths = picture.width, picture.height, []
    for smaller in (each for each in WIDTHS if each < width):
        if picture.mode not in {"RGB", "RGBA"}:
            picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        size = smaller, max(1, round(height * smaller / width))
        picture = picture.resize(size, Images.Resampling.LANCZOS, reducing_gap=3.0)
        picture.save(folder / f"picture-{smaller}", "WEBP", **VARIANT)
        widths.append(smaller)
    return {"width": width, "height": height, "widths": sorted(widths)}


def _in_srgb(picture: Image) -> Image:
    """Turn colours into those that every browser takes for granted; a profile can tell whose camera it was."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in {"RGB", "RGBA", "CMYK"}:
        return picture
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture  # a profile that is no good: the colours as they are
    return converted or picture


MODES = {"png": {"1", "L", "P", "RGB", "RGBA", "LA"}, "jpg": {"L", "RGB"}, "gif": {"L", "P"}, "webp": {"RGB", "RGBA"}}


def _bare(picture: Image, kind: str) -> Image:
    """Leave nothing but pixels: a mode that can be written, the colour that is none, and no other word."""
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits of grey: Pillow itself would cut them off
        picture = picture.convert("F").point(lambda value: value * (1 / 256) + 0).convert("L")
    if picture.mode not in MODES[kind]:
        opaque = kind == "jpg" or not picture.has_transparency_data
        picture = picture.convert("RGB" if opaque else "RGBA")
    seen_through = picture.info.get("transparency")
    bare = picture.copy()
    bare.info = (
        {} if seen_through is None or bare.mode not in {"P", "L", "RGB", "1"} else {"transparency": seen_through}
    )
    return bare


# -- pictures that move -----------------------------------------------------------------------------------------------


def _make_moving(found: Image, frames: int, kind: str, folder: Path) -> dict[str, Any]:
    """Write every frame anew; there are no smaller variants, which would cost as much once more each."""
    GifImagePlugin.LOADING_STRATEGY = GifImagePlugin.LoadingStrategy.RGB_AFTER_DIFFERENT_PALETTE_ONLY
    loop, seen_through = found.info.get("loop"), found.has_transparency_data
    durations: list[float] = []
    each = _frames(found, frames, durations)
    first = next(each)
    how = dict(WRITTEN[kind]) | ({"loop": loop} if loop is not None else {})
    if kind != "webp" and seen_through:
        how |= {"disposal": 1 if kind == "png" else 2}
    kept = list(each)
    first.save(folder / "picture", FORMATS[kind], save_all=True, append_images=kept, duration=durations, **how)
    return {"width": first.width, "height": first.height, "widths": []}


def _frames(found: Image, frames: int, durations: list[float]) -> Iterator[Image]:
    for number in range(frames):
        found.seek(number)
        found.load()
        durations.append(min(max(float(found.info.get("duration") or 0), 0), 60_000))
        yield _bare(found, "png")


# -- the program ------------------------------------------------------------------------------------------------------


def _limit() -> None:
    """Let this process have so much, and no more."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError):  # macOS knows no limit on memory
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main(kind: str) -> None:
    """Make what stands on standard input into files of this folder, and tell on standard output how it went."""
    _limit()
    warnings.simplefilter("ignore")
    data = sys.stdin.buffer.read()
    try:
        told = make(data, kind, Path())
    except Refused as refused:
        told = {"refused": str(refused)}
    except MemoryError:
        told = {"refused": "too_many_pixels"}
    except OSError as error:
        told = {"refused": "damaged"} if error.errno is None else {"failed": error.errno}
    except (ValueError, TypeError, SyntaxError, LookupError, EOFError, ArithmeticError, AttributeError, struct.error):
        told = {"refused": "damaged"}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
