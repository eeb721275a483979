"""Pictures that move from one blog to another: what is written of them, and that they come in as they were."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from blog.content import exchange, posts
from blog.content.details import Details
from blog.content.importing import writing
from blog.content.importing.authors import Whose
from blog.content.importing.entries import Rules
from blog.content.importing.pictures import Means
from blog.content.media import library, moving, pictures, workshop
from blog.content.media.bare import is_bare
from blog.content.media.shelf import Shelf, parse
from blog.content.readers import ANYBODY, Reader
from blog.db import Media, MediaHolder, PostMedia, db
from blog.errors import NotFound
from tests.conftest import empty
from tests.pictures import SECRET, chunk, picture, png, png_of_zeros, saved
from tests.pictures import moving as moves

NOW = datetime(2026, 5, 4, 12, 30, 15, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ISSUER = "https://id.example"
ADA, BOB = ((ISSUER, name) for name in ("ada", "bob"))
LARGE = saved(picture(700, 400), "JPEG")
WHOSE = Whose(judge=lambda issuer, author_id: (issuer, author_id))


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pictures are made here and not in a process of their own, which test_pictures.py has."""
    monkeypatch.setattr(workshop, "_run", lambda data, kind, folder, wall_s: pictures.make(data, kind, folder))


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "shelf")


def write(title, body, key=ADA, **more):
    return posts.create(key, title=title, body_md=body, now=NOW, publish=True, **more)


def export(shelf, folder, key=None):
    """Write everything out; give all files by their paths."""
    (folder / "media").mkdir(parents=True, exist_ok=True)
    for file in exchange.files(key):
        exchange.write(file, folder)
    for each in moving.pictures(key):
        moving.write(each, shelf, folder / "media")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def bring_in(folder, shelf, *, dry_run=False):
    means, rules = Means(shelf, 10_000_000), Rules(LATER)
    return list(writing.bring_in(folder, rules=rules, whose=WHOSE, handle_of=str, means=means, dry_run=dry_run))


def became(results):
    return [(each.path.partition(".")[2], each.became) for each in results]


def a_site(shelf):
    """Two authors with three pictures, in posts that show them and one that shows what is another's."""
    bridge = library.add(shelf, ADA, LARGE, now=NOW, alt="A bridge: “Golden”")
    both = library.add(shelf, BOB, png(), now=NOW + timedelta(seconds=1))
    library.add(shelf, ADA, png(), now=NOW + timedelta(seconds=2), alt="")
    film = library.add(shelf, BOB, moves(), now=NOW + timedelta(seconds=3), alt="It moves")
    image = Details(image_url=both.address, decorative=True)
    write("Films", f"![It moves]({film.address})", BOB)
    write("Bridges", f"![A bridge]({bridge.address})\n\n[film]({film.address})", about=image)
    return bridge, both, film


def test_a_site_comes_in_with_its_pictures_as_it_was(shelf, tmp_path):
    a_site(shelf)
    before = export(shelf, tmp_path / "out")
    assert len(before) == 2 + 2 * 3
    pages = {slug: posts.at_slug(slug, now=LATER).body_html for slug in ("bridges", "films")}
    empty()
    new = Shelf(tmp_path / "new")
    dry = bring_in(tmp_path / "out", new, dry_run=True)
    assert not new.folder.exists()
    results = bring_in(tmp_path / "out", new)
    assert became(dry) == became(results)
    assert sum(each.pictures for each in results) == 3
    assert {each.became for each in results} == {"picture made", "made"}
    assert export(new, tmp_path / "again") == before
    assert {slug: posts.at_slug(slug, now=LATER).body_html for slug in pages} == pages
    assert sorted(path.name for path in new.folder.rglob("*.*")) == sorted(
        path.name for path in shelf.folder.rglob("*.*")
    )
    again = bring_in(tmp_path / "out", new)
    assert {each.became for each in again} == {"picture there", "there"}
    assert export(new, tmp_path / "again") == before


def test_who_may_see_a_picture_may_see_it_there_too(shelf, tmp_path):
    bridge, both, film = a_site(shelf)
    hidden = library.add(shelf, BOB, png(30, 30), now=NOW)
    write("No draft", f"words {hidden.address}")
    export(shelf, tmp_path / "out")
    empty()
    bring_in(tmp_path / "out", Shelf(tmp_path / "new"))
    for item in (bridge, both, film):
        assert library.find(parse(item.address[7:]), reader=ANYBODY, now=LATER)[1]
    with pytest.raises(NotFound):
        library.find(parse(hidden.address[7:]), reader=ANYBODY, now=LATER)
    assert library.find(parse(hidden.address[7:]), reader=Reader(BOB), now=LATER)


def test_a_library_comes_in_in_its_order(shelf, tmp_path):
    for number in range(8):
        library.add(shelf, ADA, png(10 + number, 5), now=NOW + timedelta(minutes=number), alt=f"No. {number}")
    export(shelf, tmp_path / "out")
    empty()
    bring_in(tmp_path / "out", Shelf(tmp_path / "new"))
    items = library.page(ADA, limit=9).items
    assert [each.alt for each in items] == [f"No. {number}" for number in range(7, -1, -1)]
    assert items[-1].made_at == NOW


def test_what_is_told_of_a_picture_names_nobody(shelf, tmp_path):
    bridge, both, _ = a_site(shelf)
    files = export(shelf, tmp_path / "out")
    assert json.loads(files[f"media/{bridge.name}.json"]) == {
        "holders": [
            {"issuer": ISSUER, "id": "ada", "alt": "A bridge: “Golden”", "added": "2026-05-04T12:30:15.123456Z"}
        ]
    }
    told = json.loads(files[f"media/{both.name}.json"])["holders"]
    assert [(each["id"], each["alt"]) for each in told] == [("bob", None), ("ada", "")]
    assert f"- media/{bridge.name}.jpg\n" in files["bridges.md"].decode()


def test_one_person_gets_their_pictures_and_those_in_their_posts_but_hears_of_nobody_else(shelf, tmp_path):
    bridge, both, film = a_site(shelf)
    alone = library.add(shelf, BOB, png(9, 9), now=NOW)
    files = export(shelf, tmp_path / "ada", ADA)
    assert moving.count(ADA) == 3
    assert sorted(name for name in files if name.endswith(".json")) == sorted(
        f"media/{each.name}.json" for each in (bridge, both, film)
    )
    assert b"bob" not in b"".join(files[name] for name in files if name.endswith(".json"))
    assert json.loads(files[f"media/{film.name}.json"]) == {"holders": []}
    assert f"media/{alone.name}.json" in export(shelf, tmp_path / "bob", BOB)


def test_pictures_of_nobody_stay(shelf, tmp_path):
    item = library.add(shelf, ADA, png(), now=NOW)
    with writing.writing() as session:
        library.drop(session, ADA)
    assert moving.count() == 0
    assert f"media/{item.name}.json" not in export(shelf, tmp_path / "out")


def test_many_pictures_are_read_some_at_a_time(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(moving, "AT_ONCE", 2)
    for number in range(5):
        library.add(shelf, ADA, png(10 + number, 5), now=NOW)
    assert len({each.name for each in moving.pictures()}) == 5


def test_a_post_of_this_folder_gets_no_picture_that_did_not_come_along(shelf, tmp_path):
    secret = library.add(shelf, BOB, png(), now=NOW)
    write("Mine", "words")
    export(shelf, tmp_path / "out")
    file = tmp_path / "out" / "mine.md"
    text = file.read_text().replace("slug: mine", f"slug: other\npictures: [{secret.address[1:]}]")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "other.md").write_text(f"{text}\n\n![]({secret.address})")
    assert became(bring_in(tmp_path / "other", shelf)) == [("md", "made")]
    assert db.session.scalars(select(PostMedia.name)).all() == []
    with pytest.raises(NotFound):
        library.find(parse(secret.address[7:]), reader=ANYBODY, now=LATER)


def hostile(folder, name, data, facts=b'{"holders": []}'):
    (folder / "media").mkdir(parents=True, exist_ok=True)
    (folder / "media" / name).write_bytes(data)
    (folder / "media" / name).with_suffix(".json").write_bytes(facts)


@pytest.fixture
def out(shelf, tmp_path):
    """An export of one good picture and its post; the tables are empty again."""
    item = library.add(shelf, ADA, png(), now=NOW)
    write("Good", f"![]({item.address})")
    export(shelf, tmp_path / "out")
    empty()
    return tmp_path / "out"


def named(data, kind):
    return f"{hashlib.sha256(data).hexdigest()[:40]}.{kind}"


def with_words(kind):
    """A picture with words in a place where a picture can have them, one of each kind."""
    if kind == "png":
        data = png()
        return data[:-12] + chunk(b"tEXt", b"Comment\0" + SECRET.encode()) + data[-12:]
    if kind == "jpg":
        return saved(picture(), "JPEG", comment=SECRET)
    if kind == "gif":
        return saved(picture(), "GIF", comment=SECRET.encode())
    return saved(picture(), "WEBP", xmp=SECRET.encode())


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "webp"])
def test_a_picture_with_anything_beside_pixels_is_refused(out, tmp_path, kind):
    data = with_words(kind)
    assert workshop.recognise(data) == kind
    hostile(out, named(data, kind), data)
    results = bring_in(out, Shelf(tmp_path / "new"))
    (refused,) = [each for each in results if each.became == "refused"]
    assert "not as a blog has written it" in refused.why
    assert {each.became for each in results} == {"refused", "picture made", "made"}
    assert db.session.scalar(select(Media.kind)) == "png"


MODES = {"jpg": ("L", "RGB", "CMYK")}  # and what follows, of the others


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(kind, mode) for kind in pictures.FORMATS for mode in MODES.get(kind, ("1", "L", "P", "RGB", "RGBA", "moving"))],
)
def test_whatever_a_blog_writes_is_bare_until_something_is_added(tmp_path, kind, mode):
    form = pictures.FORMATS[kind]
    pictures.make(moves(form) if mode == "moving" else saved(picture(700, 400, mode), form), kind, tmp_path)
    data = (tmp_path / "picture").read_bytes()
    assert is_bare(data, kind)
    for other in (data + b"<script>", data[:-1], data[:40], b"", data[:14] + b"\xff" * 40 + data[14:]):
        assert not is_bare(other, kind)


def test_what_is_not_what_its_name_says_is_refused_and_stops_nothing(out, tmp_path, monkeypatch):
    monkeypatch.undo()  # in the process that every upload has
    hostile(out, "0" * 40 + ".png", png(50, 50))
    hostile(out, named(png(51, 51), "jpg"), png(51, 51))
    broken = bytearray(png(52, 52))
    broken[-20] ^= 1
    bomb = png_of_zeros(20_000, 20_000)
    for data in (bytes(broken), bomb, b"", b"<svg onload='alert(1)'/>", b"\x89PNG\r\n\x1a\n"):
        hostile(out, named(data, "png"), data)
    dry = bring_in(out, Shelf(tmp_path / "new"), dry_run=True)
    assert [each.became for each in dry].count("refused") == 5  # but for two that only decoding shows
    results = bring_in(out, Shelf(tmp_path / "new"))
    assert [each.became for each in results].count("refused") == 7
    assert [each.became for each in results if each.became != "refused"] == ["picture made", "made"]
    assert len(db.session.scalars(select(Media.name)).all()) == 1


def test_what_stands_beside_a_picture_is_not_trusted(out, tmp_path):
    for number, facts in enumerate(
        [
            b"",
            b"[]",
            b"{}",
            b'{"holders": [{"issuer": 1}]}',
            b'{"holders": [{"issuer": "https://id.example", "id": "x", "added": "soon"}]}',
            b'{"holders": [{"issuer": "https://id.example", "id": "x", "added": "2020-01-01", "alt": "\\u0000"}]}',
            b"{" * 100_000,
            b"\xff\xfe",
        ]
    ):
        data = png(60 + number, 9)
        hostile(out, named(data, "png"), data, facts)
    alone = png(80, 9)
    (out / "media" / named(alone, "png")).write_bytes(alone)
    results = bring_in(out, Shelf(tmp_path / "new"))
    assert [each.became for each in results].count("refused") == 9
    assert len(db.session.scalars(select(MediaHolder.id)).all()) == 1


def test_nothing_outside_of_the_folder_comes_in(out, tmp_path):
    data = png(70, 70)
    (tmp_path / "precious.png").write_bytes(data)
    (out / "media" / named(data, "png")).symlink_to(tmp_path / "precious.png")
    (out / "media" / named(data, "json")).write_bytes(b'{"holders": []}')
    pipe = named(b"pipe", "png")
    os.mkfifo(out / "media" / pipe)
    (out / "media" / pipe).with_suffix(".json").write_bytes(b'{"holders": []}')
    results = bring_in(out, Shelf(tmp_path / "new"))
    assert [each.why for each in results if each.why] == ["it leads elsewhere, or nowhere"] * 2


def test_a_folder_of_pictures_that_is_a_link_gives_nothing(out, tmp_path):
    (out / "media").rename(tmp_path / "elsewhere")
    (out / "media").symlink_to(tmp_path / "elsewhere")
    results = bring_in(out, Shelf(tmp_path / "new"))
    assert sorted(each.became for each in results) == ["made", "refused"]
    assert db.session.scalars(select(Media.name)).all() == []


def test_an_import_that_is_broken_off_among_pictures_goes_on_where_it_was(shelf, tmp_path):
    a_site(shelf)
    before = export(shelf, tmp_path / "out")
    empty()
    new = Shelf(tmp_path / "new")
    run = writing.bring_in(
        tmp_path / "out", rules=Rules(LATER), whose=WHOSE, handle_of=str, means=Means(new, 10_000_000)
    )
    next(run)
    run.close()
    results = bring_in(tmp_path / "out", new)
    assert [each.became for each in results] == ["picture there", "picture made", "picture made", "made", "made"]
    assert export(new, tmp_path / "again") == before


def test_a_file_that_was_lost_here_comes_back(shelf, tmp_path):
    bridge, *_ = a_site(shelf)
    before = export(shelf, tmp_path / "out")
    shelf.remove(bridge.name)
    assert library.missing(shelf) == [bridge.address[7:]]
    bring_in(tmp_path / "out", shelf)
    assert library.missing(shelf) == []
    assert export(shelf, tmp_path / "again") == before
    library.describe(ADA, bridge.name, "Other words")
    bring_in(tmp_path / "out", shelf)
    assert library.of(ADA, bridge.name).alt == "Other words"


def test_a_picture_that_others_had_named_in_a_post_comes_in_for_it_whoever_wrote_it(shelf, tmp_path):
    item = library.add(shelf, BOB, png(), now=NOW)
    post = write("Of both", "words", ADA)
    posts.save(post.id, version=1, title="Of both", body_md=f"![]({item.address})", now=NOW, writer=Reader(BOB))
    before = export(shelf, tmp_path / "out")
    dressed = posts.at_slug("of-both", now=LATER).body_html
    assert 'width="40"' in dressed
    empty()
    bring_in(tmp_path / "out", Shelf(tmp_path / "new"))
    assert posts.at_slug("of-both", now=LATER).body_html == dressed
    assert export(Shelf(tmp_path / "new"), tmp_path / "again") == before


def test_a_file_that_is_gone_stops_no_other(shelf, tmp_path):
    bridge, both, _ = a_site(shelf)
    shelf.remove(bridge.name)
    (tmp_path / "out").mkdir()
    lost = []
    for each in moving.pictures():
        try:
            moving.write(each, shelf, tmp_path / "out")
        except FileNotFoundError:
            lost.append(each.name)
    assert lost == [bridge.name]
    assert not list((tmp_path / "out").glob(f"*{bridge.name}*"))
    assert (tmp_path / "out" / both.address[7:]).exists()
