"""`flask import markdown`: what it says, real sites against another reading of them, and where old addresses lead."""

from __future__ import annotations

import errno
import html
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from blog.content import old_paths, posts, slugs, trash
from blog.content.media import library, shelf
from blog.content.readers import ANYBODY, Audience, Reader
from blog.db import db
from tests.conftest import empty
from tests.pictures import picture, png, saved
from tests.test_media import address as uploaded

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "tests" / "corpus"
WHOLE = Path(os.environ.get("BYLINE_CORPUS", ROOT.parent / "shared" / "corpus"))
HUGO, ELEVENTY = "hugo", "eleventy"
SITES = [(HUGO, SAMPLE / "hugo/content/news"), (ELEVENTY, SAMPLE / "eleventy/content/posts")]
SITES += [(HUGO, WHOLE / "digitalgov/content/news"), (ELEVENTY, WHOLE / "18f/content/posts")] if WHOLE.exists() else []
EVERYTHING = Reader(everything=True)
ISSUER = "https://idp.example"
ADA = (ISSUER, "ada")
LARGE = saved(picture(700, 400), "JPEG")


def bring_in(app, *args):
    return app.test_cli_runner().invoke(args=["import", "markdown", *map(str, args)])


def put(folder, files):
    for name, lines in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("---\n" + "\n".join(lines) + "\n---\nWords.\n")
    return folder


# -- what it says ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def on_each_database(request, settings):
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    with request.getfixturevalue("app").app_context():
        empty()
        db.session.remove()


@pytest.mark.usefixtures("on_each_database")
def test_a_folder_comes_in_once_and_is_told(app, visitor, tmp_path):
    put(
        tmp_path,
        {
            "one.md": ["title: One", "date: 2020-01-01", "author: Ann", "weight: 3"],
            "two.md": ["title: Two", "date: 2020-01-02", "author: Somebody Else", "aliases: [/2/]"],
            "draft.md": ["title: Draft", "draft: true"],
            "bad.md": ["title: [oh"],
        },
    )
    (tmp_path / "README.md").write_text("# Read me\n")
    authors = tmp_path / "authors.csv"
    authors.write_text("name,id\nAnn,ann-1\n")
    command = (tmp_path, "--authors", authors, "--author", "editor")
    dry = bring_in(app, *command, "--dry-run")
    assert "3 posts to be made (1 draft, 2 live)." in dry.output, dry.output
    assert "Nothing was done" in dry.output
    assert visitor.get("/one").status_code == 404
    done = bring_in(app, *command, "--report", tmp_path / "report")
    assert done.exit_code == 1  # one is refused
    assert "3 posts made (1 draft, 2 live).\n0 there already; 1 redirect from old addresses.\n" in done.output
    assert "files that are no posts: 1\n    README.md: it has no front matter" in done.output
    assert "files that were refused: 1\n    bad.md: the front matter is no YAML" in done.output
    assert "author not known, and left out: 1\n    Somebody Else (1)" in done.output
    assert "fields of which nothing was made: 1\n    weight (1)" in done.output
    report = (tmp_path / "report").read_text()
    assert "one.md: made live one\n" in report
    assert "two.md: made live two\n    author not known, and left out: Somebody Else\n" in report
    again = bring_in(app, *command)
    assert "0 posts made.\n3 there already" in again.output
    page = visitor.get("/one")
    assert page.status_code == 200
    assert page.headers["Cache-Control"]
    with app.app_context():
        keys = {slug: posts.at_slug(slug, now=datetime.now(UTC)).author_key for slug in ("one", "two")}
    assert keys == {"one": (ISSUER, "ann-1"), "two": (ISSUER, "editor")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--author", ""], "an author id has"),
        (["--author-rule", "x"], "needs {}"),
        (["--timezone", "Mars/Olympus"], "no time zone"),
        (["--author", "a", "--issuer", "nowhere"], "an issuer is an address"),
    ],
)
def test_what_makes_no_sense_is_said(app, tmp_path, words, said):
    result = bring_in(app, put(tmp_path, {"a.md": ["title: T"]}), *words)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("csv", "said"),
    [("who,id\na,b\n", "name,id"), ('name,id\n"a,b\n', "no CSV"), ("name,id\na,\n", "line 2"), ("", "name,id")],
)
def test_a_list_of_authors_that_is_wrong_changes_nothing(app, tmp_path, csv, said):
    (tmp_path / "authors.csv").write_text(csv)
    result = bring_in(app, put(tmp_path, {"a.md": ["title: T"]}), "--authors", tmp_path / "authors.csv")
    assert result.exit_code == 2
    assert said in result.output


def test_what_the_folder_says_moves_no_cursor(app, tmp_path):
    put(tmp_path, {"a.md": ["title: T", "date: 2020-01-01", r'author: "\e[2Jx"']})
    result = bring_in(app, tmp_path)
    assert "\x1b" not in result.output


# -- real sites --------------------------------------------------------------------------------------------------------

DATES = ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
FRONT = re.compile(rb"\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


def front_of(file):
    return yaml.load(FRONT.match(file.read_bytes())[1], yaml.CBaseLoader)  # noqa: S506  (it makes nothing but text)


def otherwise_read(site, file):
    """Read a file in another way than the blog does: what is expected of its post."""
    front = front_of(file)
    stem_date, stem = (
        re.fullmatch(r"(\d+-\d+-\d+)-(.*)", file.stem).groups() if file.stem[:2] == "20" else ("", file.stem)
    )
    slug = unquote(front.get("slug") or front.get("permalink", "").strip("/").rpartition("/")[2] or stem)
    names = [*front.get("tags", ()), *front.get("topics", ()), *(front.get("tag") or ()), *front.get("categories", ())]
    return {
        "title": " ".join(html.unescape(front.get("title") or stem.capitalize()).split()),
        "date": moment(front.get("date") or stem_date),
        "slug": "-".join(re.findall("[a-z0-9]+", slug.lower())),
        "tags": {name.casefold() for name in names},
        "authors": list(dict.fromkeys(f"{site}-{name}" for name in front.get("authors") or ["nobody"])),
        "old": {*listed(front.get("aliases")), *listed(front.get("redirect_from")), *listed(front.get("permalink"))}
        | ({f"/{stem}"} if "permalink" in front else set()),
        "draft": front.get("draft") == "true",
    }


def listed(said):
    return [said] if isinstance(said, str) else said or []


def moment(written):
    written = re.sub(r"([+-]\d)$", lambda hour: f"{hour[1][0]}0{hour[1][1]}00", written)
    for form in DATES:
        try:
            found = datetime.strptime(written, form)  # noqa: DTZ007  (in UTC, below)
        except ValueError:
            continue
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    raise AssertionError(written)


@pytest.mark.parametrize(("site", "folder"), SITES, ids=lambda value: str(value)[-30:])
def test_real_posts_come_in_whole_and_once(app, visitor, tmp_path, site, folder):
    command = (folder, "--author-rule", f"{site}-{{}}", "--author", f"{site}-nobody", "--expired-too")
    command += ("--permalink", "/:year/:month/:day/:slug/")
    result = bring_in(app, *command, "--report", tmp_path / "report")
    assert result.exit_code == 0, result.output
    made = dict(re.findall(r"^(\S.*\.md): made \w+ (\S+)$", (tmp_path / "report").read_text(), re.MULTILINE))
    files = [file for file in sorted(folder.rglob("*.md")) if file.name != "_index.md"]
    assert sorted(made) == [name(file, folder) for file in files]
    stood = {f"/{day_of(file)}/{otherwise_read(site, file)['slug']}": made[name(file, folder)] for file in files}
    used, later = [], datetime.now(UTC)
    for file in files:
        expected, slug = otherwise_read(site, file), made[name(file, folder)]
        with app.app_context():
            post = posts.at_slug(slug, now=later, reader=EVERYTHING)
            assert post.title == expected["title"], file
            assert post.published_at == (None if expected["draft"] else expected["date"]), file
            assert post.created_at == expected["date"], file
            assert {tag.name.casefold() for tag in post.tags} == expected["tags"], file
            assert [each.key for each in post.named] == [(ISSUER, name) for name in expected["authors"]], file
            assert slug == expected["slug"] or re.fullmatch(rf"{expected['slug']}-\d+", slug), file
            paths = {old_paths.settled(path) for path in expected["old"]}
            for path in {path for path in paths if path != f"/{slug}"}:
                # where an old address of one is the address of another, that one stood there
                assert old_paths.leads_to(path, now=later, reader=EVERYTHING) == stood.get(path, slug), file
        used.append(slug)
    assert len(set(used)) == len(used)
    again = bring_in(app, *command)
    assert f"0 posts made.\n{len(files)} there already" in again.output
    for file in [file for file in files if not otherwise_read(site, file)["draft"]][:20]:
        path = f"/{day_of(file)}/{otherwise_read(site, file)['slug']}/"
        assert visitor.get(path).location == f"/{made[name(file, folder)]}"


def name(file, folder):
    return file.relative_to(folder).as_posix()


def day_of(file):
    """The day that the site had in the address of a post: in the zone its date is written in."""
    front = front_of(file)
    return (front.get("date") or file.stem)[:10].replace("-", "/")


@pytest.mark.parametrize(("site", "folder"), SITES[:2], ids=lambda value: str(value)[-30:])
def test_what_came_in_goes_out_and_comes_in_the_same(app, tmp_path, site, folder):
    assert bring_in(app, folder, "--author-rule", "{}", "--author", "x", "--permalink", "pretty").exit_code == 0
    runner = app.test_cli_runner()
    assert runner.invoke(args=["export", "markdown", str(tmp_path / "out")]).exit_code == 0
    with app.app_context():
        empty()
    result = bring_in(app, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "0 there already" in result.output
    assert runner.invoke(args=["export", "markdown", str(tmp_path / "again")]).exit_code == 0
    out, again = ({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("out", "again"))
    assert out == again
    assert out


# -- pictures ----------------------------------------------------------------------------------------------------------


def files_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("on_each_database")
def test_an_export_comes_in_with_its_pictures(app, ada, visitor, tmp_path):
    address = uploaded(ada, LARGE, alt="A bridge")
    ada.publish("Bridges", f"![A bridge]({address})")
    out = tmp_path / "out"
    runner = app.test_cli_runner()
    result = runner.invoke(args=["export", "markdown", str(out)])
    assert result.output == f"1 post and 1 picture written to {out}.\n"
    assert not [path for path in out.rglob("*") if path.stat().st_mode & 0o077]
    with app.app_context():
        stored = posts.at_slug("bridges", now=datetime.now(UTC)).body_html
        empty()
    app.config["MEDIA_FOLDER"] = str(tmp_path / "elsewhere")
    assert visitor.get(address).status_code == 404
    dry = bring_in(app, out, "--dry-run")
    assert "1 picture to be made; 0 there already.\n" in dry.output
    assert not (tmp_path / "elsewhere").exists()
    result = bring_in(app, out, "--report", tmp_path / "report")
    assert (result.exit_code, "1 picture made; 0 there already.\n" in result.output) == (0, True), result.output
    assert f"{address[1:]}: picture made\n" in (tmp_path / "report").read_text()
    with app.app_context():
        assert posts.at_slug("bridges", now=datetime.now(UTC)).body_html == stored
        db.session.remove()
    assert visitor.get(address).mimetype == "image/jpeg"
    assert visitor.get(address.replace(".jpg", "-320.webp")).mimetype == "image/webp"
    assert runner.invoke(args=["export", "markdown", str(tmp_path / "again")]).exit_code == 0
    assert files_in(out) == files_in(tmp_path / "again")
    again = bring_in(app, out)
    assert "0 posts made.\n1 there already" in again.output
    assert "0 pictures made; 1 there already.\n" in again.output


def test_pictures_can_be_left_where_they_are(app, ada, tmp_path):
    uploaded(ada, LARGE)
    app.test_cli_runner().invoke(args=["export", "markdown", str(tmp_path / "out")])
    with app.app_context():
        empty()
    assert "picture" not in bring_in(app, tmp_path / "out", "--without-pictures").output
    assert "1 picture made" in bring_in(app, tmp_path / "out").output


def test_a_picture_of_an_export_that_is_no_good_is_told_and_stops_no_other(app, ada, tmp_path):
    ada.publish("Words")
    good = uploaded(ada, LARGE)
    bad = uploaded(ada, png())
    out = tmp_path / "out"
    app.test_cli_runner().invoke(args=["export", "markdown", str(out)])
    (out / bad[1:]).write_bytes(LARGE)
    with app.app_context():
        empty()
    result = bring_in(app, out)
    assert result.exit_code == 1
    assert (
        f"1 picture made; 0 there already.\nfiles that were refused: 1\n    {bad[1:]}: It is named .png"
        in result.output
    )
    assert "1 post made" in result.output
    assert good != bad


@pytest.mark.usefixtures("on_each_database")
def test_the_pictures_of_a_site_come_along_and_are_told(app, visitor, tmp_path):
    site, static = tmp_path / "content", tmp_path / "static"
    put(
        site,
        {"a/index.md": ["title: A", "date: 2020-01-01"], "b.md": ["title: B", "date: 2020-01-01", "image: /x.png"]},
    )
    with (site / "a/index.md").open("a") as file:
        file.write("![Two halves](halves.png) ![](/broken.png) ![](/gone.png)\n")
    static.mkdir()
    (site / "a/halves.png").write_bytes(png(700, 400))
    (static / "broken.png").write_bytes(png()[:-30])
    (static / "x.png").write_bytes(LARGE)
    command = (site, "--author", "ada", "--pictures", static)
    assert "2 posts to be made (2 live).\n0 there already; 0 redirects from old addresses.\n3 pictures to be made" in (
        bring_in(app, *command, "--dry-run").output
    )
    result = bring_in(app, *command)
    assert result.exit_code == 0
    assert "2 pictures made; 0 there already.\n" in result.output
    assert "pictures that were not found: 1\n    /gone.png (1)\n" in result.output
    assert "pictures that were not taken: 1\n    broken.png: It is damaged or incomplete" in result.output
    page = visitor.get("/a").text
    (address,) = re.findall(r'<img src="(/media/[0-9a-f]{40}.png)" alt="Two halves"', page)
    assert visitor.get(address).mimetype == "image/png"
    assert visitor.get(address.replace(".png", "-640.webp")).mimetype == "image/webp"
    assert '<meta property="og:image" content="http://localhost/media/' in visitor.get("/b").text
    again = bring_in(app, *command)
    assert "0 posts made.\n2 there already" in again.output
    assert "picture" not in again.output


def no_room():
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_ends_it_and_the_rest_comes_with_the_next_one(app, tmp_path, monkeypatch):
    put(tmp_path, {f"{n}.md": ["title: T", f"date: 2020-01-0{n + 1}", f"image: {n}.png"] for n in range(3)})
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(png(20 + number, 9))
    with monkeypatch.context() as patched:
        sync, done = shelf._sync, []
        patched.setattr(shelf, "_sync", lambda path: done.append(sync(path)) if len(done) < 5 else no_room())
        result = bring_in(app, tmp_path, "--author", "ada")
    assert result.exit_code == 1
    assert "It was not finished: Full. What was made stays; do it again for the rest." in result.output
    result = bring_in(app, tmp_path, "--author", "ada")
    assert "3 posts made" in result.output
    assert bring_in(app, tmp_path, "--author", "ada").output.startswith("0 posts made.\n3 there already")
    with app.app_context():
        assert len(library.page((ISSUER, "ada"), limit=9).items) == 3


# -- old addresses -----------------------------------------------------------------------------------------------------


def keep(app, slug, *paths):
    with app.app_context():
        post = posts.at_slug(slug, now=datetime.now(UTC), reader=EVERYTHING)
        with posts.writing() as session:
            old_paths.keep(session, {old_paths.settled(path): post.id for path in paths})


def delete(app, slug):
    with app.app_context():
        post = posts.at_slug(slug, now=datetime.now(UTC), reader=EVERYTHING)
        trash.put(post.id, now=datetime.now(UTC))
        return post.id


@pytest.mark.usefixtures("on_each_database")
def test_an_old_address_leads_to_where_the_post_is_now(app, ada, visitor):
    slug = ada.publish("Now here")
    keep(app, slug, "/2014/03/04/title.html", "/blog/x/", "/Old_Name", "/café/über")
    for path in (
        "/2014/03/04/title.html",
        "/2014/03/04/title.html/",
        "/blog/x",
        "/blog/x/",
        "/blog/x/index.html",
        "/Old_Name",
        "/Old_Name/",
        "/caf%C3%A9/%C3%BCber",
        "/blog/x?utm=1",
    ):
        answer = visitor.get(path)
        assert (answer.status_code, answer.location) == (301, f"/{slug}"), path
    renamed = ada.submit(f"/{slug}/edit", "Save", title="Elsewhere now")
    assert renamed.status_code == 303
    assert visitor.get("/blog/x").location == "/elsewhere-now"
    assert visitor.get(f"/{slug}").location == "/elsewhere-now"
    assert visitor.post("/blog/x").status_code in {404, 405}
    for path in ("/blog", "/blog/x/y", "/2014/03/04", "/BLOG/X"):
        assert visitor.get(path).status_code == 404, path


def test_no_old_address_leads_to_another_site(app, ada, visitor):
    slug = ada.publish("Here")
    keep(app, slug, "//evil.example/a", "https://evil.example/b", "/c/../../d")
    for path in ("//evil.example/a", "/a", "/b", "/d"):
        location = visitor.get(path).location
        assert location in {f"/{slug}", None} or location.startswith("http://localhost/"), path
    assert visitor.get("/b").location == f"/{slug}"


def test_an_old_address_is_no_way_to_learn_of_a_post(app, ada, visitor):
    slug = ada.draft("Secret plans")
    keep(app, slug, "/2014/plans")
    assert visitor.get("/2014/plans").status_code == 404
    assert ada.get("/2014/plans").location == f"/{slug}"


def test_a_new_post_wins_over_an_old_address(app, ada, visitor):
    keep(app, ada.publish("Moved house"), "/welcome")
    assert visitor.get("/welcome").location == "/moved-house"
    assert ada.publish("Welcome") == "welcome"
    assert visitor.get("/welcome").status_code == 200


def test_a_deleted_post_is_gone_and_one_in_the_trash_is_not_there(app, ada, visitor, clock):
    slug = ada.publish("Said and done", "Words that nobody sees any more")
    keep(app, slug, "/2014/said")
    post_id = delete(app, slug)
    for path in (f"/{slug}", "/2014/said"):
        assert visitor.get(path).status_code == 404
    with app.app_context():
        trash.delete(post_id)
    for path in (f"/{slug}", f"/{slug}/", "/2014/said", "/2014/said/"):
        answer = visitor.get(path)
        assert answer.status_code == 410, path
        assert "deleted for good" in answer.text
        assert "Said and done" not in answer.text
    assert visitor.get(f"/{slug}", headers={"Accept": "application/json"}).json["status"] == 410
    assert ada.publish("Said and done") == slug
    assert visitor.get(f"/{slug}").status_code == 200


def test_what_was_never_live_for_everybody_leaves_nothing(app, ada, visitor, clock):
    now = datetime.now(UTC)
    with app.app_context():
        made = [
            posts.create(ADA, title="Never live", body_md="x", now=now, publish=False),
            posts.create(ADA, title="For people", body_md="x", now=now, publish=True, audience=Audience("people")),
            posts.create(ADA, title="Due later", body_md="x", now=now, publish=True, at=now + timedelta(days=3)),
        ]
        for post in made:
            trash.put(post.id, now=now)
            trash.delete(post.id)
    for path in ("/never-live", "/for-people", "/due-later"):
        assert visitor.get(path).status_code == 404, path


def test_an_address_that_nothing_answers_costs_one_query(app, visitor):
    from sqlalchemy import event

    statements = []
    visitor.get("/2014/03/04/neither")  # the first page of a process asks for the navigation, too
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    visitor.get("/2014/03/04/nothing")
    assert len([each for each in statements if "old_paths" in each]) == 1
    assert len([each for each in statements if each.lstrip().startswith(("SELECT", "UPDATE", "INSERT"))]) <= 2
    statements.clear()
    visitor.get("/x" * 2_000)
    visitor.get("/a%00b/c")
    assert not [each for each in statements if "old_paths" in each]


def test_a_reserved_word_is_no_slug_of_an_imported_post(app, visitor, tmp_path):
    assert (
        bring_in(app, put(tmp_path, {"login.md": ["title: Log in", "date: 2020-01-01"]}), "--author", "a").exit_code
        == 0
    )
    assert visitor.get("/login-post").status_code == 200
    assert "login" in slugs.RESERVED
    with app.app_context():
        assert posts.at_slug("login-post", now=datetime.now(UTC), reader=ANYBODY).title == "Log in"
