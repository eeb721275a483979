"""What becomes of a picture: recognised, written anew, nothing but pixels; and what is refused, and how fast."""

import errno
import random
import resource
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms, PngImagePlugin

import blog
from blog.content.media import pictures, workshop
from blog.errors import Full, Invalid, Unreachable
from tests.pictures import SECRET, chunk, gif_of_frames, moving, opened, picture, png, png_of_zeros, saved

HONEST = {
    "png": saved(picture()),
    "jpg": saved(picture(), "JPEG"),
    "gif": saved(picture(), "GIF"),
    "webp": saved(picture(), "WEBP"),
}
RED, BLUE = (192, 48, 32), (32, 48, 192)


@pytest.fixture
def make(tmp_path):
    """Have a picture made; gives what is told of it, and the bytes of the picture itself."""

    def make(data, kind=None):
        made = workshop.make(data, kind or workshop.recognise(data), tmp_path)
        return made, (tmp_path / "picture").read_bytes()

    return make


def refused(data, **claimed):
    with pytest.raises(Invalid) as refusal:
        workshop.recognise(data, **claimed)
    return refusal.value.problems["file"]


def near(colour, other):
    return all(abs(one - another) < 24 for one, another in zip(colour, other, strict=False))


# -- honest pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", HONEST)
def test_each_kind_stays_what_it_is(make, kind):
    assert workshop.recognise(HONEST[kind]) == kind
    made, data = make(HONEST[kind])
    assert (made.kind, made.width, made.height, made.widths) == (kind, 40, 20, ())
    shown = opened(data)
    assert (shown.format, shown.size) == (pictures.FORMATS[kind], (40, 20))
    pixels = shown.convert("RGB")
    assert near(pixels.getpixel((20, 3)), RED)
    assert near(pixels.getpixel((20, 16)), BLUE)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        *((mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *((mode, "JPEG") for mode in ("L", "RGB", "CMYK")),
        *((mode, "GIF") for mode in ("1", "L", "P")),
        *((mode, "WEBP") for mode in ("RGB", "RGBA")),
    ],
)
def test_every_way_to_keep_colours_can_be_read(make, tmp_path, mode, kind):
    grey = mode.startswith("I")
    whole = picture(700, 400).quantize(4) if mode == "P" else Image.new("1", (700, 400), 1)
    source = Image.new(mode, (700, 400), 40_000) if grey else whole if mode in "1P" else picture(700, 400, mode)
    made, data = make(saved(source, kind))
    assert made.widths == (320, 640)
    seen, meant = opened(data).convert("RGB"), (156,) * 3 if grey else source.convert("RGB").getpixel((9, 9))
    assert near(seen.getpixel((9, 9)), meant)
    assert near(opened((tmp_path / "picture-320").read_bytes()).convert("RGB").getpixel((9, 9)), meant)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_what_can_be_seen_through_stays_so(make, tmp_path, kind):
    source = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    source.paste((200, 10, 10, 255), (0, 0, 400, 200))
    _, data = make(saved(source, kind))
    for shown in (data, (tmp_path / "picture-320").read_bytes()):
        alpha = opened(shown).convert("RGBA").getchannel("A")
        assert (alpha.getpixel((10, 10)), alpha.getpixel((10, 300))) == (255, 0)


def test_a_colour_that_is_none_stays_so(make):
    source = picture(400, 400, "P")
    _, data = make(saved(source, "PNG", transparency=source.getpixel((0, 0))))
    shown = opened(data).convert("RGBA")
    assert (shown.getpixel((0, 0))[3], shown.getpixel((0, 399))[3]) == (0, 255)


def test_variants_are_smaller_and_never_larger(make, tmp_path):
    made, _ = make(saved(picture(1281, 853), "JPEG"))
    assert made.widths == (320, 640, 960, 1280)
    for width in made.widths:
        variant = opened((tmp_path / f"picture-{width}").read_bytes())
        assert (variant.format, variant.size) == ("WEBP", (width, round(853 * width / 1281)))
    assert make(png(320, 10))[0].widths == ()
    assert make(png(16_000, 1))[0].widths == (320, 640, 960, 1280, 1920)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_what_moves_goes_on_moving(make, kind):
    made, data = make(moving(kind, frames=4))
    shown = opened(data)
    assert (shown.n_frames, made.widths) == (4, ())
    assert shown.info.get("loop") == 0
    for frame in range(4):
        shown.seek(frame)
        shown.load()
        assert shown.info["duration"] == 50
        assert near(shown.convert("RGB").getpixel((5, 5)), (60 * frame, 255 - 60 * frame, frame))


def test_what_moves_and_can_be_seen_through_leaves_nothing_behind(make):
    frames = [Image.new("RGBA", (30, 30), (0, 0, 0, 0)) for _ in range(3)]
    for at, frame in enumerate(frames):
        frame.paste((200, 0, 0, 200), (10 * at, 0, 10 * at + 10, 30))
    for kind, how in (("GIF", {"disposal": 2}), ("WEBP", {}), ("PNG", {"disposal": 1})):
        _, data = make(saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=40, **how))
        shown = opened(data)
        for at in range(3):
            shown.seek(at)
            alpha = shown.convert("RGBA").getchannel("A")
            assert [alpha.getpixel((x, 5)) > 128 for x in (5, 15, 25)] == [x == at for x in range(3)], (kind, at)


def test_what_was_lossless_stays_so(make):
    source = Image.effect_noise((50, 50), 90).convert("RGB")
    _, data = make(saved(source, "WEBP", lossless=True))
    assert opened(data).convert("RGB").tobytes() == source.tobytes()


def test_the_same_picture_makes_the_same_bytes(make):
    assert make(HONEST["jpg"])[1] == make(HONEST["jpg"])[1]


# -- nothing but pixels -----------------------------------------------------------------------------------------------


def exif(orientation=1):
    words = Image.Exif()
    words[0x0112] = orientation
    words[0x010E] = SECRET
    words.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 29.9), 3: "E", 4: (2.0, 17.0, 40.2), 29: SECRET})
    return words


def with_words(kind):
    """A picture with words wherever this kind has a place for them, and behind its end."""
    xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{SECRET}</x:xmpmeta>".encode()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + SECRET.encode()
    how = {"icc_profile": profile, "exif": exif()}
    if kind == "PNG":
        words = PngImagePlugin.PngInfo()
        words.add_text("Author", SECRET)
        words.add_text("Long", SECRET, zip=True)
        words.add_itxt("XML:com.adobe.xmp", xmp.decode())
        how |= {"pnginfo": words, "dpi": (300, 300)}
    elif kind == "JPEG":
        how |= {"comment": SECRET, "xmp": xmp, "dpi": (300, 300)}
    elif kind == "WEBP":
        how |= {"xmp": xmp}
    else:
        how = {"comment": SECRET}
    return saved(picture(400, 200), kind, **how) + f"PK\x03\x04 {SECRET}".encode()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_nothing_but_pixels_gets_through(make, tmp_path, kind):
    source = with_words(kind)
    assert SECRET.encode() in source
    make(source)
    for file in tmp_path.iterdir():
        data = file.read_bytes()
        assert SECRET.encode() not in data
        assert b"PK\x03\x04" not in data
        shown = opened(data)
        assert not dict(shown.getexif())
        assert not {"exif", "icc_profile", "comment", "xmp", "XML:com.adobe.xmp", "dpi"} & shown.info.keys(), file.name


def test_the_chunks_of_a_png_are_those_that_make_pixels(make):
    _, data = make(with_words("PNG"))
    at, names = 8, []
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        names.append(data[at + 4 : at + 8])
        at += length + 12
    assert set(names) == {b"IHDR", b"IDAT", b"IEND"}


def test_what_moves_loses_its_words_too(make):
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    for kind, how in (("GIF", {"comment": SECRET}), ("WEBP", {"exif": exif()}), ("PNG", {"exif": exif()})):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=40, **how)
        assert SECRET.encode() in data
        assert SECRET.encode() not in make(data)[1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_stands_upright(make, tmp_path, kind):
    made, data = make(saved(picture(400, 800).rotate(90, expand=True), kind, exif=exif(orientation=6)))
    assert (made.width, made.height) == (400, 800)
    for shown in (opened(data), opened((tmp_path / "picture-320").read_bytes())):
        assert near(shown.convert("RGB").getpixel((shown.width // 2, 20)), RED)
        assert near(shown.convert("RGB").getpixel((shown.width // 2, shown.height - 20)), BLUE)


def test_colours_of_another_space_become_those_of_every_browser(make):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = bytearray(lab)  # a profile in which red and blue change places
    red, blue = (lab.index(name, 128) for name in (b"rXYZ", b"bXYZ"))
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    _, data = make(saved(Image.new("RGB", (10, 10), (200, 30, 30)), "PNG", icc_profile=bytes(swapped)))
    assert near(opened(data).getpixel((5, 5)), (30, 30, 200))
    _, data = make(saved(Image.new("RGB", (10, 10), (200, 30, 30)), "PNG", icc_profile=b"no profile"))
    assert opened(data).getpixel((5, 5)) == (200, 30, 30)


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "It is empty."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "SVG"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg></svg>', "SVG"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "web page"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04whatever", "ZIP"),
        (b"\x00\x00\x00\x18ftypheic", "HEIC"),
        (b"\x00\x00\x00\x18ftypavif", "AVIF"),
        (saved(picture(), "BMP"), "BMP"),
        (saved(picture(), "TIFF"), "TIFF"),
        (b"GIF88a", "no picture"),
        (b"RIFF\x00\x00\x00\x00WAVE", "no picture"),
        (b"just words", "no picture"),
        (b"\x7fELF", "no picture"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused_and_told_what_would_be(data, told):
    sentence = refused(data)
    assert told in sentence
    assert sentence.endswith("Only PNG, JPEG, GIF and WebP are taken.")


@pytest.mark.parametrize(
    "name", ["x.jpg", "x.svg", "x.html", "x.png.exe", "x.php", "a/../../x.js", "x.PNG.HTML", f"{'x' * 300}.gif"]
)
def test_a_name_that_lies_is_refused(name):
    assert "but holds a PNG picture" in refused(HONEST["png"], name=name)


@pytest.mark.parametrize(
    "name", ["", "x", "x.png", "X.PNG", "photo 1.2.png", "no ending.", "../../etc/passwd", "\u202egnp.x.png", "x.y z"]
)
def test_a_name_that_does_not_lie_is_taken(name):
    assert workshop.recognise(HONEST["png"], name=name) == "png"


def test_a_declared_type_that_lies_is_refused():
    for declared in ("image/jpeg", "text/html", "image/svg+xml", "application/pdf", "x" * 300):
        assert "was sent as" in refused(HONEST["png"], declared=declared)
    for declared in ("", "image/png", "IMAGE/PNG; x=y", "application/octet-stream", "image/x-png"):
        assert workshop.recognise(HONEST["png"], declared=declared) == "png"
    assert workshop.recognise(HONEST["jpg"], name="a.jpeg", declared="image/jpg") == "jpg"


def png_header(width, height, more=b""):
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + more
    return start + chunk(b"IDAT", zlib.compress(bytes(310))) + chunk(b"IEND", b"")


BOMBS = {
    "a PNG of 2.5 billion zeros": (png_of_zeros(50_000, 50_000)[:2_000_000], "too large"),
    "a header alone": (png_header(60_000, 60_000), "too large"),
    "the largest header": (png_header(2**31 - 1, 1), "too large"),
    "a GIF of a large screen": (gif_of_frames(1, (65_535, 65_535)), "too large"),
    "a GIF of half a million frames": (gif_of_frames(500_000), "too long"),
    "a GIF of many large frames": (gif_of_frames(900, (2_000, 2_000)), "too long"),
    "an animated PNG that promises a billion frames": (
        png_header(10, 10, chunk(b"acTL", struct.pack(">II", 2**30, 0))),
        "too long",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_anything_of_it_is_decoded(tmp_path, name):
    data, told = BOMBS[name]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(Invalid, match=told):
        workshop.make(data, workshop.recognise(data), tmp_path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", HONEST)
def test_what_is_damaged_is_refused_and_nothing_else_happens(make, kind):
    whole = saved(picture(200, 100), pictures.FORMATS[kind])
    chance = random.Random(kind)
    broken = [whole[:length] for length in (12, 20, len(whole) // 2, len(whole) - 9)]
    for _ in range(6):
        bytes_ = bytearray(whole)
        for _ in range(8):
            bytes_[chance.randrange(12, len(bytes_))] = chance.randrange(256)
        broken.append(bytes(bytes_))
    outcomes = []
    for data in broken:
        try:
            made, new = make(data, kind)
            outcomes.append("made")
            assert opened(new).size == (made.width, made.height)
        except Invalid as refusal:
            outcomes.append(refusal.problems["file"])
    assert "damaged" in outcomes[0]
    assert "damaged" in outcomes[2]


def test_a_picture_that_is_also_a_program_comes_out_as_a_picture_only(make):
    script = b"/*" + HONEST["gif"][6:] + b"*/=1;alert(document.domain)//"
    gif = b"GIF89a" + HONEST["gif"][6:-1] + b"\x21\xfe\x15<script>alert</script\x00;" + script
    jpeg = HONEST["jpg"] + b"PK\x03\x04" + b"<?php system($_GET[0]); ?>"
    png_ = HONEST["png"] + b"<html><script>alert(1)</script>"
    for data in (gif, jpeg, png_):
        _, made = make(data)
        for word in (b"<script", b"alert", b"<?php", b"PK\x03\x04", b"<html"):
            assert word not in made


def test_no_picture_takes_longer_than_it_may(tmp_path, monkeypatch):
    data = png(6_000, 6_000)
    started = time.monotonic()
    with pytest.raises(Invalid, match="too long to read"):
        workshop.make(data, "png", tmp_path, wall_s=0.05)
    assert time.monotonic() - started < 5


LIMITED = """
import runpy, sys
sys.argv = ["pictures.py", "png"]
program = runpy.run_path(%r)
program["_limit"].__globals__.update(%s)
program["main"]("png")
"""


def run_with(limits, data, folder, *, before=""):
    path = Path(pictures.__file__)
    command = [sys.executable, "-c", before + LIMITED % (str(path), limits)]
    return subprocess.run(command, input=data, capture_output=True, cwd=folder, check=False)


def test_the_limits_hold(tmp_path):
    done = run_with("CPU_S=0, MEMORY=10**10", saved(Image.effect_noise((7_000, 7_000), 100)), tmp_path)
    assert done.returncode < 0
    done = run_with("MEMORY=300_000_000", saved(picture(7_000, 7_000)), tmp_path)
    assert b"refused" in done.stdout or done.returncode < 0


def test_a_full_disk_is_told(tmp_path):
    small = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    small += "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
    done = run_with("CPU_S=20", saved(Image.effect_noise((500, 500), 100)), tmp_path, before=small)
    assert f'"failed": {errno.EFBIG}'.encode() in done.stdout


def test_a_disk_that_is_full_ends_as_such(tmp_path, monkeypatch):
    told = subprocess.CompletedProcess([], 0, b'{"failed": %d}' % errno.ENOSPC, b"")
    monkeypatch.setattr(workshop.subprocess, "run", lambda *given, **more: told)
    with pytest.raises(Full):
        workshop.make(HONEST["png"], "png", tmp_path)
    told = subprocess.CompletedProcess([], 1, b"", b"Traceback\nImportError: no PIL")
    with pytest.raises(Unreachable, match="ended with 1"):
        workshop.make(HONEST["png"], "png", tmp_path)


def test_the_process_sees_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("BLOG_SECRET_KEY", "secret")
    seen = {}

    def run(command, **how):
        seen.update(how["env"])
        return subprocess.CompletedProcess([], 0, b'{"width": 1, "height": 1, "widths": []}', b"")

    monkeypatch.setattr(workshop.subprocess, "run", run)
    workshop.make(HONEST["png"], "png", tmp_path)
    assert set(seen) <= {"PATH", "LD_LIBRARY_PATH", "PYTHONPATH"}


def test_one_is_made_at_a_time_few_wait_and_the_others_are_sent_away(tmp_path, monkeypatch):
    going, go_on, most = [], threading.Event(), []

    def run(*given, **more):
        going.append(1)
        most.append(len(going))
        go_on.wait(10)
        going.pop()
        return subprocess.CompletedProcess([], 0, b'{"width": 1, "height": 1, "widths": []}', b"")

    monkeypatch.setattr(workshop.subprocess, "run", run)
    waiting = [
        threading.Thread(target=workshop.make, args=(HONEST["png"], "png", tmp_path)) for _ in range(workshop.LINE)
    ]
    for thread in waiting:
        thread.start()
    time.sleep(0.3)
    with pytest.raises(Unreachable) as away:
        workshop.make(HONEST["png"], "png", tmp_path)
    assert away.value.retry_after == workshop.RETRY_AFTER_S
    go_on.set()
    for thread in waiting:
        thread.join(10)
    assert most == [1] * workshop.LINE
    workshop.make(HONEST["png"], "png", tmp_path)


def test_who_waits_too_long_is_sent_away(tmp_path, monkeypatch):
    monkeypatch.setattr(workshop, "WAIT_S", 0.05)
    with workshop._turn(), pytest.raises(Unreachable, match="too long"):
        workshop.make(HONEST["png"], "png", tmp_path)
    workshop.make(HONEST["png"], "png", tmp_path)


def test_a_worker_never_loads_the_decoders(tmp_path):
    code = (
        "import sys; from io import BytesIO; from pathlib import Path; import blog\n"
        "from blog.content.media import library, shelf, uses, workshop\n"
        "workshop.make(sys.stdin.buffer.read(), 'png', Path(sys.argv[1]))\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] == 'PIL'))"
    )
    root = Path(blog.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], input=HONEST["png"], capture_output=True, cwd=root, check=True
    )
    assert done.stdout.strip() == b"[]"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.png", "a.png"),
        ("C:\\temp\\a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        ("\u202egnp.a\x00\n", "gnp.a"),
        ("א.png", "א.png"),
        ("x" * 300 + ".png", "x" * 47 + "…" + "xxxxxxxx.png"),
    ],
)
def test_a_senders_name_is_shown_so_that_it_does_no_harm(name, shown):
    assert workshop.told(name) == shown
