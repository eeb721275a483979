"""Pictures that posts of other sites name by a path: found in their folder, taken in, and called what they are here."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest
from sqlalchemy import select, text, update

from blog.content import index, posts
from blog.content.importing import addresses, illustrations, writing
from blog.content.importing.authors import Whose
from blog.content.importing.entries import Rules
from blog.content.importing.pictures import Means
from blog.content.media import library, pictures, workshop
from blog.content.media.library import Holder
from blog.content.media.shelf import Shelf, parse
from blog.content.readers import ANYBODY
from blog.db import Media, MediaHolder, Post, PostMedia, Searchable, Site, db
from blog.db import writing as writing_to
from tests.pictures import SECRET, picture, png, saved

NOW = datetime(2026, 5, 4, 12, 30, 15, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ISSUER = "https://id.example"
ADA, BOB, EVE = ((ISSUER, name) for name in ("ada", "bob", "eve"))
WHOSE = Whose(judge=lambda *key: key, known={"ann": ADA, "bea": BOB}, holder=EVE)
LARGE = saved(picture(700, 400), "JPEG", comment=SECRET)


@pytest.fixture
def tables(database, monkeypatch):
    """Empty tables; pictures are made here and not in a process of their own, which test_pictures.py has."""
    monkeypatch.setattr(workshop, "_run", lambda data, kind, folder, wall_s: pictures.make(data, kind, folder))
    return database


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


def put(root, files):
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())


def post(body, *lines):
    return "\n".join(["---", "date: 2020-01-01", *lines, "---", body])


def bring_in(root, shelf, *, folders=(), longest=10_000_000, dry_run=False, rules=Rules(NOW)):  # noqa: B008
    means = Means(shelf, longest, folders)
    return list(writing.bring_in(root, rules=rules, whose=WHOSE, handle_of=str, means=means, dry_run=dry_run))


def stored(slug):
    return posts.at_slug(slug, now=LATER)


def pictures_there():
    return db.session.scalars(select(Media.name).order_by(Media.name)).all()


# -- where they stand --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("a.png", "a.png"),
        ("./b/a.JPG", "./b/a.JPG"),
        ("/images/a%20b.png?v=1#x", "/images/a b.png"),
        ("{{ site.baseurl }}/x.png", "/x.png"),
        ("{{site.url}}{{site.baseurl}}/x.png", "/x.png"),
        ('{{ "/x.png" | relative_url }}', "/x.png"),
        ("{{- '/x.png' | absolute_url -}}", "/x.png"),
        ('{{ "/x.png" | prepend: site.baseurl }}', "/x.png"),
        ('{{ "/x.png" | url }}', "/x.png"),
        ("{{ site.baseurl }}{% link assets/x.png %}", "/assets/x.png"),
        ("https://elsewhere.example/x.png", ""),
        ("//elsewhere.example/x.png", ""),
        ("data:image/png;base64,AAAA", ""),
        ("{{ page.image }}/x.png", ""),
        ("{% include x.png %}", ""),
        ("/about", ""),
        ("/report.pdf", ""),
        ("a\\b.png", ""),
        ("a%00.png", ""),
        ("a%0a.png", ""),
        ("", ""),
    ],
)
def test_an_address_of_a_picture_is_a_path_of_its_site_or_none(written, path):
    assert addresses.local(written) == path


BODIES = [  # what is written, and what shows: addresses of pictures and of links to them
    ("![A](a.png)", ["a.png"]),
    ('![A](a.png "A title")', ["a.png"]),
    ("![A](<a.png>)", ["a.png"]),
    ("![A]( a.png )", ["a.png"]),
    ("[![A](a.png)](b.png)", ["a.png", "b.png"]),
    ("![A](a(1).png)", ["a(1).png"]),
    (r"![A](a\(1.png)", ["a(1.png"]),
    ("![A][one]\n\n[one]: a.png", ["a.png"]),
    ("![one]\n\n> [one]: <a.png> 'title'", ["a.png"]),
    ("![A][one] ![B][one]\n\n[one]:\n  a.png", []),  # an address on a line of its own stays as it is
    ("[one]: a.png\n\nNobody asks for it.", []),
    ('<img src="a.png" alt="A">', ["a.png"]),
    ("<p><IMG alt='x' SRC = 'a.png'></p>", ["a.png"]),
    ("Words <img src=a.png> words", ["a.png"]),
    ('<a href="b.png"><img src="a.png"></a>', ["b.png", "a.png"]),
    ('<img src="{{ "/a.png" | url }}" alt="x">', ["/a.png"]),
    ("![A]({{ site.baseurl }}/a.png)", ["/a.png"]),
    ("| a |\n|---|\n| ![A](a.png) |", ["a.png"]),
    ("> - ![A](a.png)\n>   ![B](b.png)", ["a.png", "b.png"]),
    ("Words[^1]\n\n[^1]: ![A](a.png)", ["a.png"]),
    ("`![A](a.png)` and ![B](b.png)", ["b.png"]),
    ("```\n![A](a.png)\n```\n\n![A](a.png)", ["a.png"]),
    ("    ![A](a.png)", []),
    ("<!-- ![A](a.png) -->", []),
    ("\\![A](a.png)", ["a.png"]),  # a link
    ("<pre>![A](a.png)</pre>", []),
    ('{{< figure src="a.png" >}}', []),
    ('{{<img src="a.png">}}', []),
    ("<img alt='a > b' src='a.png'>", ["a.png"]),
    ("A text that ends with ](a.png", []),
]


@pytest.mark.parametrize(("body", "found"), BODIES)
def test_what_the_renderer_makes_a_picture_of_is_one_and_nothing_else(body, found):
    spots = list(addresses.spots(body))
    shown = addresses.shown(body, spots)
    assert [spot.address for spot in sorted(shown)] == found
    changed = addresses.put(body, dict.fromkeys(shown, "/media/new.png"))
    assert changed.count("/media/new.png") == len(found)
    undone = changed
    for spot in sorted(shown):
        undone = undone.replace("/media/new.png", body[spot.begin : spot.end], 1)
    assert undone == body


def test_what_a_picture_shows_is_read_along():
    body = '![A & "B"](a.png) <img alt="C > D" src="b.png">'
    assert list(addresses.shown(body, list(addresses.spots(body))).values()) == ['A & "B"', "C > D"]


@pytest.mark.parametrize(
    "piece",
    [
        *("](", "](a.png", "![](", "{{", "](((", "[a]: ", "src=", "](\\", "> [", "]: \n", "[a]", "> "),
        *('<img src="{{a}}', '<img src="', '<img "', "<img '\"", "<a src", "<img " + "a" * 999, "<img\n\n", '<a "" '),
    ],
)
def test_no_text_takes_long(piece):
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    list(addresses.spots(text))
    list(addresses.spots(text + ".png)"))
    assert time.process_time() - began < 2


# -- which file is meant -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "where", "address"),
    [
        ("posts/a.png", "posts/hello.md", "a.png"),
        ("posts/hello/a.png", "posts/hello/index.md", "./a.png"),
        ("posts/hello/a.png", "posts/hello.md", "a.png"),
        ("images/a.png", "posts/hello.md", "../images/a.png"),
        ("images/a.png", "posts/hello.md", "/images/a.png"),
        ("static/images/a.png", "content/posts/hello.md", "/images/a.png"),
        ("assets/images/a.png", "_posts/hello.md", "/images/a.png"),
        ("public/a.png", "hello.md", "/a.png"),
        ("content/a.png", "hello.md", "/a.png"),
        ("src/img/a.png", "src/posts/hello.md", "/img/a.png"),
        ("assets/a b.png", "_posts/hello.md", "assets/a b.png"),
    ],
)
def test_a_picture_is_found_where_sites_have_them(root, file, where, address):
    put(root, {file: png()})
    assert addresses.find([root], PurePosixPath(where), address) == (root, PurePosixPath(file))


def test_nothing_outside_of_the_folder_is_found(root, tmp_path):
    put(tmp_path, {"secret.png": png(), "other/secret.png": png()})
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "folder").symlink_to(tmp_path / "other")
    (root / "inside.png").symlink_to(root / "hello.png")
    (root / "directory.png").mkdir()
    os.mkfifo(root / "pipe.png")
    put(root, {"hello.png": png()})
    for address in (
        "../secret.png",
        "/../secret.png",
        "a/../../secret.png",
        "/static/../../secret.png",
        str(tmp_path / "secret.png"),
        f"/{tmp_path}/secret.png",
        "link.png",
        "/link.png",
        "folder/secret.png",
        "inside.png",
        "directory.png",
        "pipe.png",
        "x" * 5_000 + ".png",
    ):
        assert addresses.find([root], PurePosixPath("hello.md"), address) is None, address
    assert addresses.find([root], PurePosixPath("hello.md"), "x/../hello.png")


# -- coming in ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("tables")
def test_pictures_come_in_with_their_posts(root, shelf):
    put(
        root,
        {
            "content/posts/bridges/index.md": post(
                "![A bridge](bridge.jpg)\n\n[large](/img/red.png) `![](bridge.jpg)`\n\n![](gone.png)",
                "title: Bridges",
                "author: Ann",
                "image: /img/red.png",
                "image_alt: Red",
            ),
            "content/posts/bridges/bridge.jpg": LARGE,
            "content/other.md": post('<img src="/img/red.png">', "title: Other", "author: Bea"),
            "static/img/red.png": png(),
            "static/img/nobody.png": png(50, 50),
        },
    )
    dry = bring_in(root, shelf, dry_run=True)
    assert not shelf.folder.exists()
    results = bring_in(root, shelf)
    assert [each.pictures for each in dry] == [each.pictures for each in results] == [1, 2]
    assert ("picture not found", "gone.png") in results[1].notes
    assert [each.notes for each in dry] == [each.notes for each in results]
    bridge, red = library.page(ADA, limit=9).items[::-1]
    assert (bridge.kind, bridge.width, bridge.alt, bridge.used) == ("jpg", 700, "A bridge", True)
    assert SECRET.encode() not in shelf.path(bridge.address[7:]).read_bytes()
    made = stored("bridges")
    assert made.body_md == (
        f"![A bridge]({bridge.address})\n\n[large]({red.address}) `![](bridge.jpg)`\n\n![](gone.png)"
    )
    assert f'src="{bridge.address}"' in made.body_html
    assert 'width="700"' in made.body_html
    assert (made.image_url, made.image_alt) == (red.address, "Red")
    assert stored("other").body_md == f'<img src="{red.address}">'
    assert [each.name for each in library.page(BOB, limit=9).items] == [red.name]
    for item in (bridge, red):
        assert library.find(parse(item.address[7:]), reader=ANYBODY, now=LATER)[1]
    again = bring_in(root, shelf)
    assert [(each.became, each.pictures) for each in again] == [("there", 0)] * 2
    assert len(pictures_there()) == 2
    assert library.tidy(shelf) == (0, 0, 0)


@pytest.mark.usefixtures("tables")
def test_a_picture_of_many_posts_is_made_once(root, shelf, monkeypatch):
    monkeypatch.undo()  # in the process that every upload has
    made = []
    make = workshop.make
    monkeypatch.setattr(workshop, "make", lambda *args, **more: made.append(1) or make(*args, **more))
    put(root, {f"{n}.md": post("![](/logo.png) ![](/broken.png)", "author: Ann") for n in range(6)})
    put(root, {"7.md": post("![](/logo.png)", "author: Bea"), "logo.png": png(), "broken.png": png()[:-30]})
    results = bring_in(root, shelf)
    assert [each.pictures for each in results] == [1, 0, 0, 0, 0, 0, 1]
    assert len(made) == 2
    assert len(db.session.scalars(select(PostMedia.post_id)).all()) == 7


@pytest.mark.usefixtures("tables")
def test_a_file_that_is_no_picture_is_told_and_its_post_comes_in(root, shelf):
    put(
        root,
        {
            "a.md": post("![](x.svg) ![](y.png) ![](z.png) ![](w.png)", "image: y.png"),
            "x.svg": "<svg onload='alert(1)'/>",
            "y.png": "words",
            "z.png": png(40, 40) + b"x" * 20_000,
            "w.png": saved(picture(), "JPEG"),
        },
    )
    (told,) = bring_in(root, shelf, longest=15_000)
    assert told.became == "made"
    why = dict(what.split(": ", 1) for kind, what in told.notes if kind == "picture not taken")
    assert "SVG drawing" in why["x.svg"]
    assert "no picture" in why["y.png"]
    assert "15,000 bytes" in why["z.png"]
    assert (told.pictures, stored("a").image_url) == (1, None)  # what a file holds decides, not its name
    (name,) = pictures_there()
    assert stored("a").body_md == f"![](x.svg) ![](y.png) ![](z.png) ![](/media/{name}.jpg)"


@pytest.mark.usefixtures("tables")
def test_an_image_whose_file_is_not_there_is_left_out_as_before(root, shelf):
    put(
        root, {"a.md": post("Words", "image: /gone.png", "image_alt: x"), "b.md": post("x", "image: http://a.example/")}
    )
    results = bring_in(root, shelf)
    assert [each.notes for each in results] == [
        (("without a title, so named by its file", ""), ("image left out", "/gone.png")),
        (("without a title, so named by its file", ""), ("image left out", "http://a.example/")),
    ]


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("lines", "alt"),
    [
        (["image: {path: /a.png, alt: Halves}"], "Halves"),
        (["cover: {image: a.png}", "image_alt: Halves"], "Halves"),
        (["featured_image: '{{ site.baseurl }}/a.png'"], ""),
        (["image: a.png", f"image_alt: {'x' * 2_000}"], ""),
    ],
)
def test_a_file_of_the_site_becomes_the_image_of_a_post(root, shelf, lines, alt):
    put(root, {"a.md": post("Words", *lines), "a.png": png()})
    (told,) = bring_in(root, shelf)
    (name,) = pictures_there()
    assert (stored("a").image_url, stored("a").image_alt) == (f"/media/{name}.png", alt)
    assert [kind for kind, _ in told.notes if "image" in kind] == (
        ["image description left out"] if "x" * 9 in lines[-1] else []
    )


@pytest.mark.usefixtures("tables")
def test_a_text_that_would_get_too_long_stays_as_it_was(root, shelf):
    body = "words " * 16_660 + "![](a.png)"
    put(root, {"a.md": post(body), "a.png": png()})
    (told,) = bring_in(root, shelf)
    assert (told.became, stored("a").body_md) == ("made", body)
    assert ("pictures left out, as the text would be too long", "") in told.notes


@pytest.mark.usefixtures("tables")
def test_pictures_may_stand_in_another_folder_that_is_named(root, shelf, tmp_path):
    put(root, {"a.md": post("![](/img/a.png) ![](../pictures/img/b.png)")})
    put(tmp_path / "pictures", {"img/a.png": png(), "img/b.png": png(9, 9)})
    (told,) = bring_in(root, shelf, dry_run=True)
    assert told.pictures == 0
    (told,) = bring_in(root, shelf, folders=(tmp_path / "pictures",))
    assert told.pictures == 1
    assert ("picture not found", "../pictures/img/b.png") in told.notes


@pytest.mark.usefixtures("tables")
def test_an_import_that_is_broken_off_between_picture_and_post_goes_on(root, shelf, monkeypatch):
    put(root, {"a.md": post("![One](a.png)"), "a.png": png()})
    with monkeypatch.context() as patched:
        patched.setattr(writing._Run, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bring_in(root, shelf)
    (name,) = pictures_there()
    library.describe(EVE, name, "Said since")
    (told,) = bring_in(root, shelf, rules=Rules(LATER))
    assert (told.became, told.pictures) == ("made", 0)
    assert pictures_there() == [name]
    assert library.of(EVE, name).alt == "Said since"
    assert library.of(EVE, name).used


def test_pictures_are_made_outside_of_transactions(tables, root, shelf, monkeypatch):
    make = workshop.make

    def looked_at(*args, **more):
        with ThreadPoolExecutor() as other:  # which had to wait, and in vain, if there were one
            other.submit(touch).result()
        return make(*args, **more)

    def touch():
        with tables.app_context(), writing.writing() as session:
            session.execute(update(Site).values(version=Site.version))
            asleep = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            if db.engine.dialect.name == "postgresql":
                assert session.execute(text(asleep)).scalar() == 0
        touched.append(1)

    touched = []
    monkeypatch.setattr(workshop, "make", looked_at)
    put(root, {"a.md": post("![One](a.png)"), "a.png": png()})
    assert bring_in(root, shelf)[0].pictures == 1
    assert touched == [1]


@pytest.mark.usefixtures("tables")
def test_a_picture_goes_into_one_more_library_once(shelf):
    item = library.add(shelf, ADA, png(), now=NOW)
    assert library.hold(item.name, Holder(BOB, "His", LATER))
    assert not library.hold(item.name, Holder(BOB, "Other", LATER))
    assert library.of(BOB, item.name).alt == "His"
    assert len(db.session.scalars(select(MediaHolder.id)).all()) == 2


def test_many_files_are_settled_by_processes_and_have_their_pictures(tables, root, shelf):
    put(root, {f"{n:03}.md": post(f"![](p/{n % 3}.png)") for n in range(writing.AT_ONCE + 5)})
    put(root, {f"p/{n}.png": png(10 + n, 5) for n in range(3)})
    results = bring_in(root, shelf)
    assert sum(each.pictures for each in results) == 3
    assert len(db.session.scalars(select(PostMedia.post_id)).all()) == writing.AT_ONCE + 5
    assert illustrations.LOST not in {kind for each in results for kind, _ in each.notes}


def test_what_comes_in_is_found_as_if_it_were_written_here(tables, root, shelf):
    put(root, {"p.png": LARGE, "a.md": post("# Über\n\n![A > b](p.png) *Ärger*[^1]\n\n- x\n\n[^1]: Note")})
    put(root, {"b.md": post("<table><tr><td>日本語<td>two</table>", "title: Ένα"), "c.md": post("_c_", "draft: true")})
    assert {each.became for each in bring_in(root, shelf)} == {"made"}
    columns = select(Searchable.__table__).order_by(Searchable.post_id)
    came = db.session.execute(columns).all()
    assert len(came) == 2
    assert "srcset" in db.session.scalar(select(Post.body_html).where(Post.slug == "a"))
    db.session.rollback()
    with writing_to() as session:
        index.follow(session, [row.post_id for row in came])
    assert db.session.execute(columns).all() == came
