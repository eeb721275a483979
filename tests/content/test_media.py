"""The library of pictures: whose they are, who may see them, how much room they take; on both databases."""

import hashlib
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import IntegrityError

from blog.content import ownership, posts, rendering
from blog.content.details import PLAIN
from blog.content.media import library, pictures, shelf, uses, workshop
from blog.content.media.library import Uses
from blog.content.media.shelf import Shelf, parse
from blog.content.readers import ANYBODY, EVERYONE, GROUPS, PEOPLE, Audience, Reader
from blog.content.text import RENDERER_VERSION
from blog.db import Media, MediaHolder, Post, PostMedia, Site, db, writing
from blog.errors import Conflict, Full, Invalid, NotFound
from tests.pictures import picture, png, saved

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ISSUER = "https://id.example"
ADA, BOB, CLEO = ((ISSUER, name) for name in ("ada", "bob", "cleo"))
DESK, STAFF = "Night Desk", "staff"
LARGE = saved(picture(700, 400), "JPEG")


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pictures are made here and not in a process of their own, which test_pictures.py has."""
    monkeypatch.setattr(workshop, "_run", lambda data, kind, folder, wall_s: pictures.make(data, kind, folder))


@pytest.fixture
def folder(tmp_path):
    return Shelf(tmp_path / "media")


@pytest.fixture
def add(folder):
    def add(data=None, key=ADA, **more):
        return library.add(folder, key, data or png(), now=NOW, **more)

    return add


def write(body, *, key=ADA, publish=True, **more):
    return posts.create(key, title="A title", body_md=body, now=NOW, publish=publish, **more)


def save(post, body, **more):
    return posts.save(post.id, version=post.version, title=post.title, body_md=body, now=LATER, **more)


def seen(item, reader=ANYBODY, now=LATER):
    """Whether a reader sees a picture, and whether everybody does; None where it is not there for them."""
    try:
        return library.find(parse(f"{item.name}.{item.kind}"), reader=reader, now=now)[1]
    except NotFound:
        return None


def files(folder):
    return sorted(path.name for path in folder.folder.rglob("*") if path.is_file())


# -- adding -----------------------------------------------------------------------------------------------------------


def test_a_picture_is_kept_under_the_name_that_its_bytes_make(add, folder):
    item = add(LARGE, alt="A bridge")
    names = [f"{item.name}-320.webp", f"{item.name}-640.webp", f"{item.name}.jpg"]
    assert files(folder) == names
    data = [folder.path(name).read_bytes() for name in names]
    assert item.name == hashlib.sha256(data[-1]).hexdigest()[:40]
    assert (item.kind, item.width, item.height, item.widths) == ("jpg", 700, 400, "320 640")
    assert item.bytes == sum(map(len, data))
    assert (item.alt, item.made_at, item.used) == ("A bridge", NOW, False)
    assert (item.address, item.thumbnail) == (f"/media/{names[-1]}", f"/media/{names[0]}")
    assert item.markdown == f"![A bridge](/media/{names[-1]})"


def test_what_is_uploaded_twice_is_there_once(add, folder):
    first, again = add(alt="One"), add()
    assert again == first
    assert add(alt="Two").alt == "Two"
    assert library.holding(ADA).pictures == 1
    assert len(files(folder)) == 1


def test_two_people_with_one_picture_share_its_file_and_nothing_else(add, folder):
    ada, bob = add(alt="Hers"), add(key=BOB, alt="His")
    assert ada.name == bob.name
    assert (library.of(ADA, ada.name).alt, library.of(BOB, ada.name).alt) == ("Hers", "His")
    library.remove(folder, ADA, ada.name)
    assert files(folder) == [f"{bob.name}.png"]
    with pytest.raises(NotFound):
        library.of(ADA, ada.name)
    library.remove(folder, BOB, bob.name)
    assert files(folder) == []
    assert db.session.scalar(select(func.count()).select_from(Media)) == 0


def test_a_picture_with_too_many_bytes_is_refused_before_it_is_looked_at(add, folder):
    with pytest.raises(Invalid, match="It has 20 kB; at most 10 kB fit"):
        add(b"x" * 20_000, longest=10_000)
    assert not folder.folder.exists()


@pytest.mark.parametrize(
    ("typed", "decorative", "alt"),
    [("", False, None), ("  ", True, ""), (" A \u202ebridge ", False, "A bridge"), ("A bridge", True, "A bridge")],
)
def test_what_a_picture_shows_is_asked_for(typed, decorative, alt):
    assert library.described(typed, decorative=decorative) == alt


@pytest.mark.parametrize("typed", ["x\x00", "\ud800", "x" * 501])
def test_a_description_that_cannot_be_kept_is_told_at_its_field(typed):
    with pytest.raises(Invalid) as refused:
        library.described(typed)
    assert list(refused.value.problems) == ["alt"]


@pytest.mark.parametrize("alt", ["*a* [b](c) `d` <b> & !", "\\", "]", "_x_ \\] ![", None, ""])
def test_the_words_of_a_picture_stand_in_a_post_as_they_were_typed(add, alt):
    item = add(alt=alt)
    text = (alt or "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    html = write(item.markdown).body_html
    assert f'alt="{text}"' in html or f'alt="{text.replace("&lt;", "<").replace("&gt;", ">")}"' in html


# -- room -------------------------------------------------------------------------------------------------------------


def test_nobody_has_more_than_their_quota_and_is_told_how_much_there_is(add):
    size = add(LARGE).bytes
    with pytest.raises(Invalid, match=r"Your pictures take \d+ kB of \d+ kB, and this one needs"):
        add(png(), quota=size + 10)
    with pytest.raises(Invalid, match="Delete some that are not used"):
        add(png(), quota=size)
    add(LARGE, quota=size + 10)  # it is there already
    add(png(), key=BOB, quota=size)
    add(png(), quota=0)
    assert library.holding(ADA).pictures == 2


@pytest.mark.parametrize("quota_for", [1, 2])
def test_two_uploads_at_once_do_not_outwit_the_quota(database, add, folder, quota_for, monkeypatch):
    sources = [saved(picture(300 + n, 200), "JPEG") for n in range(4)]
    size = max(library.add(folder, BOB, data, now=NOW).bytes for data in sources)
    monkeypatch.setattr(workshop, "WAIT_S", 60)
    outcomes = []

    def upload(data):
        with database.app_context():
            try:
                library.add(folder, ADA, data, now=NOW, quota=quota_for * size)
                outcomes.append("taken")
            except Invalid:
                outcomes.append("refused")

    threads = [threading.Thread(target=upload, args=(data,)) for data in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * (4 - quota_for) + ["taken"] * quota_for
    assert library.holding(ADA).bytes <= quota_for * size


def test_the_same_picture_of_two_people_at_once_is_kept_once(database, folder, monkeypatch):
    monkeypatch.setattr(workshop, "WAIT_S", 60)
    people, failed = [(ISSUER, f"person-{n}") for n in range(4)], []

    def upload(key):
        with database.app_context():
            try:
                library.add(folder, key, LARGE, now=NOW)
            except Exception as error:  # noqa: BLE001  (any)
                failed.append(error)

    threads = [threading.Thread(target=upload, args=(key,)) for key in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [library.holding(key).pictures for key in people] == [1] * 4
    assert len(files(folder)) == 3


# -- accidents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [(workshop, "make"), (shelf, "_sync"), (Shelf, "put"), (Path, "replace")])
def test_what_ends_in_the_middle_leaves_nothing_under_a_final_name(add, folder, monkeypatch, place):
    def end(*given, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(*place, end)
    with pytest.raises(KeyboardInterrupt):
        add(LARGE)
    assert files(folder) == []
    assert library.holding(ADA).pictures == 0


def test_a_process_that_is_killed_leaves_a_folder_that_is_cleared_up(add, folder):
    add()
    left = folder.folder / "work-left"
    left.mkdir()
    (left / "picture").write_bytes(b"half")
    assert library.tidy(folder).folders == 0  # somebody may be at work
    too_old = time.time() - shelf.FORGOTTEN_S - 1
    os.utime(left, (too_old, too_old))
    assert library.tidy(folder).folders == 1
    assert not left.exists()
    assert len(files(folder)) == 1


def test_a_full_disk_is_told_and_nothing_is_kept(add, folder, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shelf, "_sync", full)
    with pytest.raises(Full):
        add(LARGE)
    assert files(folder) == []
    assert library.holding(ADA).pictures == 0


def test_an_upload_goes_on_when_the_same_picture_is_let_go_at_that_moment(add, monkeypatch):
    keep, tried = library._keep, []

    def keep_late(*given):
        tried.append(1)
        if len(tried) == 1:
            raise IntegrityError("", {}, Exception())
        return keep(*given)

    monkeypatch.setattr(library, "_keep", keep_late)
    assert add().kind == "png"


def test_what_nobody_has_and_no_row_knows_is_tidied_away(add, folder):
    kept, used, dropped = add(), add(png(41)), add(png(42))
    write(used.markdown)
    with writing() as session:
        for item in (used, dropped):
            session.delete(session.scalar(select(MediaHolder).where(MediaHolder.name == item.name)))
    strange = folder.path("ab" * 20 + ".png")
    strange.parent.mkdir(exist_ok=True)
    strange.write_bytes(b"x")
    fresh = folder.path("cd" * 20 + ".png")
    fresh.parent.mkdir(exist_ok=True)
    fresh.write_bytes(b"x")
    too_old = time.time() - shelf.FORGOTTEN_S - 1
    os.utime(strange, (too_old, too_old))
    assert library.tidy(folder, dry_run=True) == (1, 1, 0)
    assert library.tidy(folder) == (1, 1, 0)
    assert files(folder) == sorted([f"{kept.name}.png", f"{used.name}.png", fresh.name])
    assert library.tidy(folder) == (0, 0, 0)


def test_pictures_without_a_file_are_found(add, folder):
    there, lost = add(), add(png(41))
    assert library.missing(folder) == []
    folder.path(f"{lost.name}.png").unlink()
    assert library.missing(folder) == [f"{lost.name}.png"]
    assert add(png(41)).name == lost.name  # sent once more, it is back
    assert library.missing(folder) == []
    assert there.name != lost.name


# -- posts that use pictures ------------------------------------------------------------------------------------------


def noted(post):
    return set(db.session.scalars(select(PostMedia.name).where(PostMedia.post_id == post.id)))


def test_a_picture_in_a_post_has_its_measures_and_its_variants(add):
    item = add(LARGE, alt='A "bridge" > x')
    html = write(f"Look:\n\n{item.markdown}").body_html
    assert f'src="{item.address}"' in html
    assert 'width="700" height="400"' in html
    small, middle = (f"/media/{item.name}-{width}.webp {width}w" for width in (320, 640))
    assert f'srcset="{small}, {middle}, {item.address} 700w" sizes="{uses.SIZES}"' in html
    assert 'loading="lazy" decoding="async"' in html
    assert html.count("loading=") == 1


def test_html_that_is_made_anew_keeps_the_measures_of_its_pictures(add):
    item = add(LARGE)
    post = write(item.markdown)
    with writing() as session:
        old = {"body_html": "<p>Old.</p>", "html_version": RENDERER_VERSION - 1}
        session.execute(update(Post).where(Post.id == post.id).values(old))
    assert rendering.renew() == (1, 0)
    assert db.session.scalar(select(Post.body_html)) == post.body_html
    assert "srcset" in post.body_html


def test_one_that_has_no_variants_has_its_measures_alone(add):
    html = write(add().markdown).body_html
    assert "srcset" not in html
    assert 'width="40" height="20"' in html


def test_measures_that_the_writer_gave_stay(add):
    item = add(LARGE)
    html = write(f'<img src="{item.address}" width="100" alt="x" title="y">').body_html
    assert 'width="100"' in html
    assert "height" not in html
    assert 'title="y"' in html


def test_all_that_a_post_uses_is_noted_and_nothing_else(add):
    shown, linked, small, other = add(), add(png(41)), add(LARGE), add(png(42))
    body = f"{shown.markdown} [large]({linked.address}) ![](/media/{small.name}-320.webp)\n\n`{other.markdown}`"
    post = write(body)
    assert noted(post) == {shown.name, linked.name, small.name}
    assert f'src="{small.address}"' in post.body_html  # one variant stands for the picture
    post = save(post, f"{other.markdown} {shown.markdown}")
    assert noted(post) == {other.name, shown.name}
    post = save(post, "Nothing")
    assert noted(post) == set()
    assert posts.delete(write(shown.markdown).id) is None
    assert library.of(ADA, shown.name).used is False


@pytest.mark.parametrize(
    "src",
    [
        "https://elsewhere.example/media/{name}.png",
        "//elsewhere.example/media/{name}.png",
        "/media/x/../{name}.png",
        "/media/{upper}.png",
        "/media/{name}.svg",
        "/media/{name}-320.png.png",
        "/other/{name}.png",
        "/media/" + "0" * 40 + ".png",
        "/media/",
    ],
)
def test_what_is_not_ours_stays_as_it_is(add, src):
    item = add()
    src = src.format(name=item.name, upper=item.name.upper())
    post = write(f'<img src="{src}" alt="x">')
    assert noted(post) == set()
    assert "width=" not in post.body_html


@pytest.mark.parametrize("word", ["<img", '" onerror="x', "$1 \\1 \\g<0>", "&quot;", "'", "<img src=x>"])
def test_words_in_a_picture_cannot_get_out_of_it(add, word):
    item = add(alt=word)
    html = write(item.markdown).body_html
    (image,) = BeautifulSoup(html, "html.parser").select("img")
    assert image["alt"] == word
    own = {"src", "alt", "width", "height", "loading", "decoding"}
    assert set(image.attrs) == own


def test_a_post_can_use_only_what_its_writer_may_see(add):
    """Else a post would tell whether there is a picture of these bytes, and make it public."""
    hers = add(LARGE)
    post = write(hers.markdown, key=BOB)
    assert noted(post) == set()
    assert "srcset" not in post.body_html
    assert seen(hers) is None
    write(hers.markdown)
    post = save(post, f"Again {hers.markdown}")
    assert noted(post) == {hers.name}


def test_who_edits_a_post_brings_their_own_pictures_and_leaves_the_others(add):
    hers, editors, bobs = add(), add(png(41), key=CLEO), add(png(42), key=BOB)
    post = write(hers.markdown, publish=False)
    post = save(post, f"{hers.markdown} {editors.markdown}", writer=Reader(CLEO, everything=True))
    assert noted(post) == {hers.name, editors.name}
    post = save(post, f"{hers.markdown} {editors.markdown} {bobs.markdown}")  # by its author, who does not see Bob's
    assert noted(post) == {hers.name, editors.name}


# -- who may see ------------------------------------------------------------------------------------------------------

READERS = {
    "stranger": ANYBODY,
    "in no group": Reader(BOB),
    "in another group": Reader(BOB, frozenset({"night desk"})),
    "in the group": Reader(BOB, frozenset({DESK, STAFF})),
    "author": Reader(ADA),
    "namesake elsewhere": Reader(("https://other.example", "ada")),
    "editor": Reader(BOB, everything=True),
    "stranger with groups": Reader(None, frozenset({DESK})),
}
AUDIENCES = [Audience(EVERYONE), Audience(PEOPLE), Audience(GROUPS, frozenset({DESK}))]


def may_see(reader, audience, state):
    if reader.everything or reader.key == ADA:
        return True
    if state != "live":
        return False
    if audience.visible_to == EVERYONE:
        return True
    return reader.key is not None and (audience.visible_to == PEOPLE or DESK in reader.groups)


@pytest.mark.parametrize("audience", AUDIENCES, ids=lambda audience: audience.visible_to)
@pytest.mark.parametrize("state", ["live", "due", "draft", "none"])
def test_a_picture_is_seen_by_those_who_may_read_a_post_that_uses_it(add, audience, state):
    item = add()
    if state != "none":
        at = LATER + timedelta(seconds=1) if state == "due" else NOW
        post = posts.create(
            ADA,
            title="A title",
            body_md=item.markdown,
            now=at,
            publish=state != "draft",
            audience=audience,
            own_groups={DESK},
        )
        assert noted(post) == {item.name}
    for name, reader in READERS.items():
        public = audience.visible_to == EVERYONE and state == "live"
        assert seen(item, reader) == (public if may_see(reader, audience, state) else None), name


def test_one_public_post_is_enough(add):
    item = add()
    write(item.markdown, publish=False)
    write(item.markdown, audience=Audience(PEOPLE))
    assert seen(item) is None
    write(item.markdown)
    assert seen(item) is True


def test_publishing_makes_a_picture_public_at_once_and_unpublishing_takes_it_back(add):
    item = add()
    post = write(item.markdown, publish=False)
    assert seen(item) is None
    post = save(post, item.markdown, publish=True)
    assert seen(item) is True
    post = save(post, item.markdown, publish=False)
    assert seen(item) is None
    post = save(post, item.markdown, publish=True, audience=Audience(PEOPLE))
    assert seen(item) is None
    assert seen(item, Reader(BOB)) is False
    posts.delete(post.id)
    assert seen(item, Reader(BOB)) is None
    assert seen(item, Reader(ADA)) is False


def test_only_files_that_are_there_are_found_and_by_one_query(add):
    item = add(LARGE)
    write(item.markdown)
    said = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: said.append(call[2]))
    found = library.find(parse(f"{item.name}-320.webp"), reader=READERS["in the group"], now=LATER)
    assert found == (f"{item.name}-320.webp", True)
    assert len(said) == 1
    for other in ("-960.webp", "-320.jpg", "-321.webp", ".png", ".webp"):
        with pytest.raises(NotFound):
            library.find(parse(f"{item.name}{other}"), reader=ANYBODY, now=LATER)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "..", "../blog.db", "a" * 40, f"{'A' * 40}.png", f"{'a' * 40}.svg", f"{'a' * 40}.png\n"),
        *(f"{'a' * 39}.png", f"{'a' * 40}-٣٢٠.webp", f"{'a' * 40}-12.webp", f"{'a' * 40}.png/..", "\x00"),
        f"work-x/{'a' * 40}.png",
    ],
)
def test_no_other_name_is_a_file_of_ours(text):
    assert parse(text) is None


# -- the library ------------------------------------------------------------------------------------------------------


def test_a_library_is_listed_newest_first_in_pages_both_ways(add):
    items = [add(png(41 + n)) for n in range(5)][::-1]
    add(key=BOB)
    first = library.page(ADA, limit=2)
    assert (first.items, first.newer) == (items[:2], None)
    second = library.page(ADA, limit=2, before=first.older)
    assert second.items == items[2:4]
    third = library.page(ADA, limit=2, before=second.older)
    assert (third.items, third.older) == (items[4:], None)
    assert library.page(ADA, limit=2, after=third.newer).items == items[2:4]
    back = library.page(ADA, limit=2, after=second.newer)
    assert (back.items, back.newer) == (items[:2], None)


@pytest.mark.parametrize("place", ["x", "-1", "9" * 20, "1.5", "٣"])
def test_a_place_that_makes_no_sense_is_no_page(place):
    with pytest.raises(NotFound):
        library.page(ADA, limit=2, before=place)
    with pytest.raises(NotFound):
        library.page(ADA, limit=2, before="1", after="1")


def test_what_is_not_used_or_not_described_is_listed_by_itself(add):
    used, unused, decoration = add(alt="x"), add(png(41)), add(png(42), alt="")
    write(used.markdown)
    assert library.holding(ADA) == (3, sum(item.bytes for item in (used, unused, decoration)), 2, 1)
    assert [item.name for item in library.page(ADA, limit=9, only="unused").items] == [decoration.name, unused.name]
    assert [item.name for item in library.page(ADA, limit=9, only="undescribed").items] == [unused.name]
    library.describe(ADA, unused.name, "Now")
    assert library.holding(ADA).undescribed == 0
    with pytest.raises(NotFound):
        library.describe(BOB, unused.name, "Mine")


def test_what_is_used_is_not_removed_and_where_is_told(add, folder):
    item = add()
    post = write(item.markdown)
    with pytest.raises(Conflict):
        library.remove(folder, ADA, item.name)
    assert library.uses_of(item.name, reader=Reader(ADA), now=LATER) == Uses([("A title", "a-title")], 0)
    posts.delete(post.id)
    library.remove(folder, ADA, item.name)
    assert files(folder) == []
    with pytest.raises(NotFound):
        library.remove(folder, ADA, item.name)


def test_what_somebody_elses_post_would_lose_stays_and_they_are_not_named(add, folder):
    item = add()
    post = write(item.markdown)
    draft = write(item.markdown, key=BOB, publish=False)
    posts.delete(post.id)
    assert library.uses_of(item.name, reader=Reader(ADA), now=LATER) == Uses([], 1)
    with pytest.raises(Conflict):
        library.remove(folder, ADA, item.name)
    add(key=BOB)  # now it is his, too
    library.remove(folder, ADA, item.name)
    assert noted(draft) == {item.name}
    assert len(files(folder)) == 1


# -- moving and erasing -----------------------------------------------------------------------------------------------


def test_pictures_go_along_with_their_person(add):
    both, own = add(alt="Ada's"), add(png(41), alt="own")
    add(key=BOB, alt="Bob's")
    with writing() as transaction:
        assert library.take_along(transaction, ADA, BOB) == 1
    assert library.holding(ADA).pictures == 0
    assert library.holding(BOB).pictures == 2
    assert library.of(BOB, both.name).alt == "Bob's"
    assert library.of(BOB, own.name).alt == "own"


def test_what_is_left_of_somebody_erased_is_what_posts_that_stay_use(add, folder):
    gone, kept, shared = add(), add(png(41)), add(png(42))
    add(png(42), key=BOB)
    write(gone.markdown, publish=False)
    live = write(kept.markdown)
    with writing() as transaction:
        assert library.drop(transaction, ADA) == 3
        ownership.delete(transaction, ADA, drafts_only=True)
    assert library.tidy(folder) == (1, 0, 0)
    assert files(folder) == sorted([f"{kept.name}.png", f"{shared.name}.png"])
    assert noted(live) == {kept.name}
    assert seen(kept) is True
    posts.delete(live.id)
    library.tidy(folder)
    assert files(folder) == [f"{shared.name}.png"]


def test_uploading_tells_no_cache_and_saving_does_as_ever(add):
    before = db.session.scalar(select(Site.version))
    item = add()
    assert db.session.scalar(select(Site.version)) == before
    write(item.markdown)
    assert db.session.scalar(select(Site.version)) == before + 1


# -- feature images ---------------------------------------------------------------------------------------------------


def test_a_feature_image_of_ours_comes_with_its_measures(add):
    item = add(LARGE)
    small = add(png(40))
    for shot, srcset in ((item, f"/media/{item.name}-320.webp 320w"), (small, "")):
        about = PLAIN._replace(image_url=shot.address, image_alt="A bridge")
        slug = write("Words.", about=about).slug
        for post in (posts.at_slug(slug, now=LATER), posts.latest(now=LATER, limit=1).posts[0]):
            shown = uses.image_of(post)
            assert (shown.src, shown.alt) == (shot.address, "A bridge")
            assert (shown.width, shown.height) == (shot.width, shot.height)
            assert shown.srcset.startswith(srcset)
            assert bool(shown.srcset) == bool(srcset)


def test_a_feature_image_of_somebody_else_that_nobody_may_see_tells_nothing(add):
    item = add(LARGE)
    about = PLAIN._replace(image_url=item.address, image_alt="Guessed")
    slug = write("Words.", key=BOB, about=about).slug
    assert uses.image_of(posts.at_slug(slug, now=LATER)) == uses.Image(item.address, "Guessed")


def test_a_post_without_a_feature_image_or_with_one_from_elsewhere_has_no_measures():
    assert uses.image_of(posts.at_slug(write("Words.").slug, now=LATER)) is None
    hosts = ("https://img.example",)
    about = PLAIN._replace(image_url="https://img.example/a.png", image_alt="A", image_hosts=hosts)
    slug = write("Words.", about=about).slug
    assert uses.image_of(posts.at_slug(slug, now=LATER)) == uses.Image("https://img.example/a.png", "A")
