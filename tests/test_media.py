"""The door of pictures: uploading with and without a script, the library's pages, and who is given a file."""

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

import blog
from blog.content.media import library, workshop
from blog.content.media.shelf import Shelf
from blog.db import Media, MediaHolder, db
from blog.errors import Full, Unreachable
from tests.actor import fill
from tests.pictures import SECRET, opened, picture, png, png_of_zeros, saved

LARGE = saved(picture(700, 400), "JPEG")
JSON = {"Accept": "application/json"}


def upload(actor, *files, headers=None, **typed):
    """Send the form of the library with these files: (bytes, name) or (bytes, name, type)."""
    path, fields = actor.filled("/dashboard/media", "Upload", **typed)
    return send(actor, path, fields, *files, headers=headers)


def _file(data, name, declared=None):
    return FileStorage(BytesIO(data), filename=name, content_type=declared)


def send(actor, path, fields, *files, headers=None):
    """Send fields and files."""
    every = MultiDict(fields)
    every.setlist("file", [_file(data, *named) for data, *named in files])
    boundary, body = encode_multipart(every)
    kind = f"multipart/form-data; boundary={boundary}"
    return actor.client.post(path, data=body, content_type=kind, headers=headers)


def address(actor, data=None, **typed):
    """Upload a picture; give its address."""
    response = upload(actor, (data or png(), "a"), headers=JSON, **typed)
    assert response.status_code == 201, response.text
    return response.json["address"]


def said(response):
    return BeautifulSoup(response.text, "html.parser")


def files(app):
    return sorted(path.name for path in Path(app.config["MEDIA_FOLDER"]).rglob("*") if path.is_file())


# -- uploading --------------------------------------------------------------------------------------------------------


def test_a_picture_is_uploaded_described_and_shown_in_the_library(ada, app):
    response = upload(ada, (LARGE, "bridge.jpg", "image/jpeg"), alt="A bridge")
    assert (response.status_code, response.location) == (303, "/dashboard/media")
    page = ada.page("/dashboard/media")
    assert page.select_one(".notice").text.strip() == "One picture is uploaded."
    (shown,) = page.select(".pictures li")
    assert shown.select_one(".alt").text.strip() == "A bridge"
    assert "700 × 400" in shown.text
    assert "not used" in shown.text
    assert ada.get(shown.select_one("img")["src"]).mimetype == "image/webp"
    assert page.select_one("meter")["max"] == "500000000"
    assert len(files(app)) == 3


def test_several_are_taken_at_once_and_one_that_is_no_good_does_not_cost_the_others(ada):
    name = f"<b>\u202egnp{'x' * 300}.png"
    response = upload(ada, (png(), "a.png"), (b"<svg onload=alert(1)>", name), (LARGE, "b.jpg"), alt="Both")
    assert response.status_code == 400
    page = said(response)
    (problem,) = page.select("#file-problem li")
    assert "SVG drawing, which can hold programs. Only PNG, JPEG, GIF and WebP are taken." in problem.text
    assert problem.bdi.text.startswith("<b>gnpxxx")
    assert len(problem.bdi.text) == 60
    assert page.select_one(".notice").text.strip() == "2 pictures are uploaded."
    assert len(page.select(".pictures li")) == 2
    assert page.select_one("#alt")["value"] == "Both"
    assert page.select_one("#file")["aria-invalid"] == "true"
    assert "file-problem" in page.select_one("#file")["aria-describedby"]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ((b"", "empty.png"), "It is empty."),
        ((b"MZ\x90", "virus.png"), "no picture"),
        ((png(), "photo.jpg"), "It is named .jpg, but holds a PNG picture."),
        ((png(), "page.html"), "It is named .html"),
        ((png(), "x.png", "text/html"), "It was sent as text/html"),
        ((png()[:60], "half.png"), "damaged"),
        ((png_of_zeros(20_000, 20_000), "bomb.png"), "too large"),
        ((b"GIF89a" + bytes(200_000), "long.gif"), "It has 200 kB; at most 100 kB fit."),
    ],
)
def test_a_file_that_is_not_taken_is_told_at_its_field(settings, request, sent, told):
    settings["MEDIA_LONGEST"] = "100 kB"
    ada, app = request.getfixturevalue("ada"), request.getfixturevalue("app")
    response = upload(ada, sent)
    assert response.status_code == 400
    assert told in said(response).select_one("#file-problem").text
    response = upload(ada, sent, headers=JSON)
    assert (response.status_code, response.mimetype) == (400, "application/problem+json")
    assert told in response.json["problems"]["file"]
    assert files(app) == []


def test_a_form_without_a_file_and_one_with_too_many_say_so(ada):
    response = upload(ada, alt="Words")
    assert "Choose a picture first." in said(response).select_one("#file-problem").text
    assert said(response).select_one("#alt")["value"] == "Words"
    response = upload(ada, *((png(), "a.png") for _ in range(11)))
    assert "at most 10 at a time" in said(response).select_one("#file-problem").text
    assert upload(ada, **{f"field-{number}": "x" for number in range(60)}).status_code == 413


def test_a_form_that_did_not_arrive_whole_is_not_taken(ada, app):
    path, fields = ada.filled("/dashboard/media", "Upload")
    del fields["end"]
    response = send(ada, path, fields, (png(), "a.png"))
    assert response.status_code == 400
    assert "did not arrive whole" in response.text
    assert files(app) == []


def test_a_description_is_asked_for_and_may_be_none_on_purpose(ada):
    for width, typed in ((41, {"alt": "Words"}), (42, {}), (43, {"decorative": "1"})):
        assert upload(ada, (png(width), "a.png"), **typed).status_code == 303
    page = ada.page("/dashboard/media")
    assert [each.text.strip() for each in page.select(".pictures .alt")] == ["Decoration", "Not described yet", "Words"]
    assert len(ada.page("/dashboard/media?show=undescribed").select(".pictures li")) == 1
    bad = upload(ada, (png(44), "a.png"), alt="x\x01")
    assert "cannot be shown" in said(bad).select_one("#alt-problem").text


def test_a_program_is_told_what_to_write_into_the_post(ada):
    response = upload(ada, (LARGE, "a.jpg"), headers=JSON, alt="A [bridge]")
    assert response.status_code == 201
    told = response.json
    assert response.location == told["address"]
    assert (told["width"], told["height"], told["alt"]) == (700, 400, "A [bridge]")
    assert told["markdown"] == f"![A \\[bridge\\]]({told['address']})"
    several = upload(ada, (png(), "a.png"), (png(41), "b.png"), headers=JSON)
    assert several.json["problems"] == {"file": "Send one file at a time."}


def test_a_body_may_be_as_large_as_several_pictures_for_authors_alone(settings, request):
    settings["MEDIA_LONGEST"] = "2 MB"
    ada, visitor = request.getfixturevalue("ada"), request.getfixturevalue("visitor")
    five_mb = saved(picture().resize((10, 10)), "PNG") + bytes(5_000_000)
    assert "at most 2 MB fit" in upload(ada, (five_mb, "a.png")).text
    assert upload(ada, (bytes(11_000_000), "a.png")).status_code == 413
    path, fields = ada.filled("/dashboard/media", "Upload")
    response = send(visitor, path, fields, (five_mb, "a.png"))
    assert response.status_code == 401
    assert "/login?next=/dashboard/media" in response.text
    fields = {"title": "x" * 5_000_000, "csrf_token": fields["csrf_token"]}
    assert ada.post("/dashboard", fields).status_code == 413  # other forms stay as they are


def test_words_that_came_with_a_file_while_signed_out_are_kept(ada, clock):
    path, fields = ada.filled("/dashboard/media", "Upload", alt="A bridge at night")
    clock.advance(days=8)
    response = send(ada, path, fields, (png(), "a.png"))
    assert response.status_code == 401
    onward = said(response).select_one("main a")["href"]
    back = ada.return_with(ada.begin(onward)).location
    assert ada.page(back).select_one("#alt")["value"] == "A bridge at night"


def test_the_quota_is_told_and_shown(settings, request):
    settings["MEDIA_QUOTA"] = "5 kB"
    ada = request.getfixturevalue("ada")
    assert upload(ada, (saved(picture(300, 300), "JPEG"), "a.jpg")).status_code == 303
    response = upload(ada, (LARGE, "b.jpg"))
    assert response.status_code == 400
    assert "of 5 kB" in said(response).select_one("#file-problem").text
    assert "of 5 kB" in said(response).select_one(".room").text


def test_a_full_disk_and_a_busy_workshop_are_told(ada, monkeypatch):
    for condition, status, words in (
        (Full(), 507, "disk of this blog is full"),
        (Unreachable("the workshop: too many", 20), 503, "try again shortly"),
    ):
        monkeypatch.setattr(
            workshop, "make", lambda *given, condition=condition, **more: (_ for _ in ()).throw(condition)
        )
        response = upload(ada, (png(), "a.png"), alt="Kept")
        assert response.status_code == status
        assert words in response.text
        assert said(response).select_one("textarea").text.strip() == "Kept"
        answer = upload(ada, (png(), "a.png"), headers=JSON)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert answer.json["status"] == status
        assert (answer.headers.get("Retry-After") == "20") == (status == 503)


def test_files_that_there_is_no_time_for_are_told(ada, monkeypatch):
    monkeypatch.setattr("blog.media.PATIENCE_S", 0)
    assert "no time left for it" in upload(ada, (png(), "a.png")).text


def test_a_process_that_is_killed_in_the_middle_leaves_no_half_file(app, settings, tmp_path):
    code = (
        "import os, sys, time; from pathlib import Path; from datetime import UTC, datetime; import blog\n"
        "from blog.content.media import library; from blog.content.media.shelf import Shelf\n"
        "rename = Path.replace\n"
        "def slow(self, target):\n"
        "    rename(self, target); print('one', flush=True); time.sleep(60)\n"
        "Path.replace = slow\n"
        "with blog.create_app().app_context():\n"
        "    library.add(Shelf(Path(sys.argv[1])), ('i', 'a'), sys.stdin.buffer.read(), now=datetime.now(UTC))\n"
    )
    environ = {f"BLOG_{name}": value for name, value in settings.items()}
    folder = Path(app.config["MEDIA_FOLDER"])
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
        cwd=Path(blog.__file__).parent.parent,
    )
    process.stdin.write(LARGE)
    process.stdin.close()
    assert process.stdout.readline().strip() == b"one"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    final = list(folder.glob("[0-9a-f][0-9a-f]/*"))
    assert len(final) == 1  # a variant, whole; the picture itself comes last
    assert opened(final[0].read_bytes()).width == 320
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Media)) == 0
        item = library.add(Shelf(folder), ("i", "a"), LARGE, now=datetime.now(UTC))
        assert library.missing(Shelf(folder)) == []
    assert item.widths == "320 640"


# -- the library's pages ----------------------------------------------------------------------------------------------


def test_an_empty_library_says_what_to_do(ada):
    page = ada.page("/dashboard/media")
    assert "no pictures yet" in page.select_one(".empty").text
    assert page.select_one("#file")["accept"] == "image/png,image/jpeg,image/gif,image/webp"
    assert ada.page("/dashboard").select_one('a[href="/dashboard/media"]')


def test_a_picture_has_a_page_where_it_is_described_and_deleted_once_no_post_uses_it(ada, app):
    where = address(ada, alt="Old")
    name = Path(where).stem
    page = ada.page(f"/dashboard/media/{name}")
    assert page.select_one("#markdown")["value"] == f"![Old]({where})"
    assert "In no post" in page.text
    assert ada.submit(f"/dashboard/media/{name}", "Save description", alt="New").status_code == 303
    page = ada.page(f"/dashboard/media/{name}")
    assert page.select_one("#alt")["value"] == "New"
    assert "Description saved" in page.select_one(".notice").text
    form = fill(page, f"/dashboard/media/{name}", "Delete")
    slug = ada.publish("Uses it", f"![New]({where})")
    page = ada.page(f"/dashboard/media/{name}")
    assert page.select_one("#used").parent.select_one("a")["href"] == f"/{slug}"
    assert not [button for button in page.select("button") if button.text == "Delete"]
    refused = ada.send(form)
    assert refused.status_code == 409
    assert "a post uses it" in said(refused).select_one(".summary").text
    assert ada.submit(f"/{slug}/delete", "Delete").status_code == 303
    assert "in the trash" in ada.page(f"/dashboard/media/{name}").text
    assert ada.send(form).status_code == 409  # the post can still be restored
    trash = ada.page("/dashboard?state=trash")
    chosen = {"chosen": trash.select_one("[name=chosen]")["value"], "sure": "1"}
    assert ada.send(fill(trash, "/dashboard", "Delete chosen for good", **chosen)).status_code == 303
    assert ada.submit(f"/dashboard/media/{name}", "Delete").status_code == 303
    assert files(app) == []
    assert ada.get(f"/dashboard/media/{name}").status_code == 404
    assert ada.get(where).status_code == 404


def test_a_mistaken_description_is_told_at_its_field(ada):
    name = Path(address(ada)).stem
    response = ada.submit(f"/dashboard/media/{name}", "Save description", alt="x" * 501)
    assert response.status_code == 400
    assert "at most 500 fit" in said(response).select_one("#alt-problem").text
    assert said(response).select_one("#alt")["value"] == "x" * 501


def test_somebody_elses_picture_is_in_nobodys_library(ada, bob):
    name = Path(address(ada)).stem
    assert bob.get(f"/dashboard/media/{name}").status_code == 404
    _, fields = bob.filled("/dashboard/write", "Save draft")
    for action in ("describe", "delete"):
        sent = bob.post(f"/dashboard/media/{name}", fields | {"action": action, "alt": "Mine"})
        assert sent.status_code == 404
    assert bob.page("/dashboard/media").select(".pictures li") == []


def test_a_long_library_has_pages(ada, monkeypatch):
    monkeypatch.setattr("blog.media.PER_PAGE", 2)
    for width in (41, 42, 43):
        address(ada, png(width))
    page = ada.page("/dashboard/media?show=unused")
    assert len(page.select(".pictures li")) == 2
    older = page.select_one("a[rel=next]")["href"]
    assert "show=unused" in older
    assert len(ada.page(older).select(".pictures li")) == 1
    assert ada.get("/dashboard/media?before=x").status_code == 404


# -- giving files -----------------------------------------------------------------------------------------------------


def test_a_public_picture_is_kept_by_caches_for_good_and_can_do_nothing(ada, visitor):
    where = address(ada, LARGE)
    ada.publish("Shows it", f"![]({where})")
    for actor in (visitor, ada):
        response = actor.get(where)
        assert (response.status_code, response.mimetype) == (200, "image/jpeg")
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Cookie" not in response.headers.get("Vary", "")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
    assert response.headers["Content-Security-Policy"] == policy
    assert response.headers["Content-Disposition"] == f"inline; filename={Path(where).name}"
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert opened(response.data).size == (700, 400)
    again = visitor.get(where, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    part = visitor.get(where, headers={"Range": "bytes=0-9"})
    assert (part.status_code, len(part.data)) == (206, 10)
    small = visitor.get(where.replace(".jpg", "-320.webp"))
    assert (small.status_code, small.mimetype) == (200, "image/webp")


def test_one_that_is_not_public_is_kept_by_nobody(ada, bob, visitor):
    where = address(ada)
    own = ada.get(where)
    assert own.status_code == 200
    assert own.headers["Cache-Control"] == "private, no-store"
    assert own.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "sandbox" in own.headers["Content-Security-Policy"]
    for actor in (bob, visitor):
        assert actor.get(where).status_code == 404
    ada.publish("Members", f"![]({where})", visible_to="people")
    assert bob.get(where).headers["Cache-Control"] == "private, no-store"
    assert visitor.get(where).status_code == 404


def test_a_hidden_picture_answers_like_one_that_never_was(ada, visitor):
    where = address(ada)
    never = "/media/" + "0" * 40 + ".png"
    hidden, nothing = visitor.get(where), visitor.get(never)
    assert (hidden.status_code, nothing.status_code) == (404, 404)
    assert list(hidden.headers.keys()) == list(nothing.headers.keys())
    assert len(hidden.text) == len(nothing.text)


@pytest.mark.parametrize(
    "path", ["x.png", "..%2f..%2fblog.db", "%2e%2e/blog.db", "....//blog.db", "a.svg", "%00.png", "", "work-x/picture"]
)
def test_nothing_but_pictures_is_found_there(ada, path):
    assert ada.get(f"/media/{path}").status_code == 404


def test_a_file_that_was_lost_is_not_found_and_the_operator_is_told(ada, app, caplog):
    where = address(ada)
    for path in Path(app.config["MEDIA_FOLDER"]).glob("*/*.png"):
        path.unlink()
    assert ada.get(where).status_code == 404
    assert f"media_missing file={Path(where).name}" in caplog.text


def test_a_post_shows_its_picture_in_sizes(ada, visitor):
    where = address(ada, LARGE, alt="A bridge")
    slug = ada.publish("Shows it", f"![A bridge]({where})")
    image = visitor.page(f"/{slug}").select_one(".prose img")
    assert (image["width"], image["height"], image["decoding"]) == ("700", "400", "async")
    for each in image["srcset"].split(", "):
        assert visitor.get(each.split()[0]).status_code == 200


def test_an_editor_sees_and_uses_pictures_of_others(desk, anybody):
    ada, eddy = anybody().log_in("ada"), anybody().log_in("eddy")
    where, his = address(ada), address(eddy, png(41))
    assert eddy.get(where).status_code == 200
    slug = ada.publish("A title", f"![]({where})")
    edited = eddy.submit(f"/{slug}/edit", "Save changes", body=f"![]({where}) ![]({his})")
    assert edited.status_code == 303
    assert anybody().get(his).status_code == 200


def test_nothing_of_where_a_picture_was_taken_is_kept_anywhere(ada, app, tmp_path):
    words = picture(400, 300).getexif()
    words[0x010E] = SECRET
    address(ada, saved(picture(400, 300), "JPEG", exif=words), alt="x")
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()
    assert SECRET not in ada.get("/dashboard/media").text


# -- the operator -----------------------------------------------------------------------------------------------------


def run(app, *args):
    return app.test_cli_runner().invoke(args=list(args))


def test_operators_tidy_up_and_find_what_is_missing(ada, app):
    address(ada)
    with app.app_context():
        row = db.session.scalar(select(MediaHolder))
        library.remove(Shelf(Path(app.config["MEDIA_FOLDER"])), (row.author_issuer, row.author_id), row.name)
    address(ada, LARGE)
    assert "0 pictures of nobody" in run(app, "media", "tidy", "--dry-run").output
    assert "Done" in run(app, "media", "tidy").output
    assert run(app, "media", "check").output == "Every picture is there.\n"
    next(Path(app.config["MEDIA_FOLDER"]).glob("*/*.jpg")).unlink()
    lost = run(app, "media", "check")
    assert lost.exit_code == 1
    assert "1 missing." in lost.output


def test_pictures_follow_their_author_to_another_key_and_go_when_they_are_erased(ada, app):
    where = address(ada, LARGE)
    ada.draft("A draft", f"![]({where})")
    assert "1 picture, " in run(app, "authors", "show", "ada").output
    assert run(app, "authors", "remap", "ada", "countess", "--yes").exit_code == 0
    assert "1 picture, " in run(app, "authors", "show", "countess").output
    assert len(files(app)) == 3
    erased = run(app, "authors", "erase", "countess", "--yes")
    assert "1 picture removed" in erased.output
    assert files(app) == []


def test_somebody_who_has_pictures_only_is_known_too(ada, app):
    address(ada)
    shown = run(app, "authors", "show", "ada")
    assert shown.exit_code == 0
    assert "1 picture, " in shown.output
    assert run(app, "authors", "erase", "ada", "--yes").exit_code == 0
    assert files(app) == []


def test_uploading_takes_little_of_the_time_of_readers(ada, visitor, app):
    """A picture is made by another process, so that a page is answered meanwhile as ever."""
    started = time.process_time()
    address(ada, saved(picture(3_000, 2_000), "JPEG"))
    assert time.process_time() - started < 1
