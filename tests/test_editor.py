"""The editor: what is typed is kept while it is typed, previewed as it will be published, and merged in a conflict."""

from __future__ import annotations

import base64
import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select

import blog
from blog.content import copies
from blog.content.versions import YOURS
from blog.db import Copy, db
from tests.actor import fill
from tests.pictures import png

JSON = {"Accept": "application/json"}
NEW = "/dashboard/write"


def soup(response):
    return BeautifulSoup(response.text, "html.parser")


def open_form(actor, path, **typed):
    """The fields of the editor at this address, with something typed into them."""
    _, fields = fill(actor.page(path), path, "Save draft" if path.startswith(NEW) else "Save changes", **typed)
    return fields


def type_on(actor, fields, **typed):
    """What the script does every few seconds."""
    return actor.post("/dashboard/autosave", fields | typed, headers=JSON)


# -- keeping ----------------------------------------------------------------------------------------------------------


def test_what_is_typed_comes_back_and_readers_see_nothing_of_it(ada, visitor):
    slug = ada.publish("A title", "Old words")
    fields = open_form(ada, f"/{slug}/edit", title="Another title", body="New words", visible_to="people")
    answer = type_on(ada, fields)
    assert (answer.status_code, list(answer.json)) == (200, ["kept_at"])
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Old words" in visitor.get(f"/{slug}").text
    page = ada.page(f"/{slug}/edit")
    assert page.find(id="body").text.strip() == "New words"
    assert page.find(id="title")["value"] == "Another title"
    assert page.select_one("[name=visible_to][checked]")["value"] == "people"
    assert "Not saved yet: this is what you typed until" in page.select_one("form.notice").text
    assert page.find(id="editor")["data-state"] == "kept"


def test_saving_what_came_back_leaves_no_copy(ada, app, visitor):
    slug = ada.publish("A title", "Old words")
    type_on(ada, open_form(ada, f"/{slug}/edit", body="New words"))
    assert ada.submit(f"/{slug}/edit", "Save changes").status_code == 303
    assert "New words" in visitor.get(f"/{slug}").text
    with app.app_context():
        assert not db.session.scalars(select(Copy)).all()
    assert "Not saved yet: " not in ada.get(f"/{slug}/edit").text


def test_it_can_be_discarded_and_what_is_saved_is_shown(ada):
    slug = ada.publish("A title", "Old words")
    type_on(ada, open_form(ada, f"/{slug}/edit", body="New words"))
    response = ada.submit(f"/{slug}/edit", "Discard it and show what is saved")
    assert response.location == f"/{slug}/edit"
    page = ada.page(response.location)
    assert page.find(id="body").text.strip() == "Old words"
    assert "is discarded" in page.text


def test_a_new_post_that_was_not_saved_stands_on_the_dashboard(ada, bob):
    fields = open_form(ada, NEW, title="Half a thought", body="Not yet")
    type_on(ada, fields)
    type_on(ada, open_form(ada, NEW, title="", body="Without a title"))
    dashboard = ada.page("/dashboard")
    names = [link.text for link in dashboard.select("#unsaved ~ .posts .name")]
    assert names == ["No title yet", "Half a thought"]
    link = next(link["href"] for link in dashboard.select(".name") if link.text == "Half a thought")
    assert ada.page(link).find(id="body").text.strip() == "Not yet"
    assert bob.page(link).find(id="body").text.strip() == ""
    assert ada.submit(link, "Publish").status_code == 303
    assert [kept.text for kept in ada.page("/dashboard").select("#unsaved ~ .posts .name")][:1] == ["No title yet"]
    ada.send(fill(ada.page("/dashboard"), NEW, "Discard"))
    assert "Not saved yet" not in ada.get("/dashboard").text


def test_a_copy_with_other_authors_or_without_comments_only_comes_back_too(ada):
    slug = ada.publish("A title", "Words")
    fields = open_form(ada, f"/{slug}/edit")
    type_on(ada, fields)
    assert ada.page(f"/{slug}/edit").find(id="editor")["data-state"] == "saved"
    type_on(ada, {**fields, "author": ["guest Grace", "holder"]})
    page = ada.page(f"/{slug}/edit")
    assert page.find(id="editor")["data-state"] == "kept"
    assert [line["value"] for line in page.select("[name=author]")] == ["guest Grace", "holder"]
    type_on(ada, {name: value for name, value in fields.items() if name != "comments"})
    page = ada.page(f"/{slug}/edit")
    assert page.find(id="editor")["data-state"] == "kept"
    assert not page.select_one("[name=comments]").has_attr("checked")
    assert [line["value"] for line in page.select("[name=author]")] == ["holder"]
    type_on(ada, fields | {"add_guest": "Grace"})
    assert ada.page(f"/{slug}/edit").find(id="add_guest")["value"] == "Grace"


def test_two_tabs_have_a_copy_each_and_both_are_found_again(ada):
    slug = ada.publish("A title", "Old words")
    for words in ("first tab", "second tab"):
        type_on(ada, open_form(ada, f"/{slug}/edit"), body=words, continues="")
    page = ada.page(f"/{slug}/edit")
    assert page.find(id="body").text.strip() == "second tab"
    other = next(link["href"] for link in page.select(".notice a"))
    assert ada.page(other).find(id="body").text.strip() == "first tab"


def test_an_editor_and_the_author_have_copies_of_their_own(desk, ada, anybody):
    eddy = anybody().log_in("eddy")
    slug = ada.publish("A title", "Old words")
    for actor, words in ((ada, "of the author"), (eddy, "of the editor")):
        type_on(actor, open_form(actor, f"/{slug}/edit", body=words))
    for actor, words in ((ada, "of the author"), (eddy, "of the editor")):
        assert actor.page(f"/{slug}/edit").find(id="body").text.strip() == words


def test_when_somebody_saved_meanwhile_the_text_is_kept_and_that_is_said(ada):
    slug = ada.publish("A title", "Old words")
    fields = open_form(ada, f"/{slug}/edit")
    ada.submit(f"/{slug}/edit", "Save changes", body="From the other tab")
    answer = type_on(ada, fields, body="Typed on")
    assert answer.status_code == 409
    assert answer.json["kept_at"]
    assert "save it to see both" in answer.json["detail"]
    page = ada.page(f"/{slug}/edit")
    assert page.find(id="body").text.strip() == "Typed on"
    assert "A newer version was saved meanwhile" in page.select_one("form.notice").text
    assert ada.submit(f"/{slug}/edit", "Save changes").status_code == 409


def test_an_autosave_that_comes_after_the_save_changes_nothing(ada):
    slug = ada.publish("A title", "Old words")
    fields = open_form(ada, f"/{slug}/edit", body="New words")
    type_on(ada, fields)
    ada.post(f"/{slug}/edit", fields)
    answer = type_on(ada, fields, body="New wor", again="1")
    assert (answer.status_code, "kept_at" in answer.json) == (409, False)
    assert ada.page(f"/{slug}/edit").find(id="body").text.strip() == "New words"


def test_signed_out_it_says_so_and_parks_nothing(ada, app):
    from blog.db import Parked

    fields = open_form(ada, NEW, title="Words", body="More words")
    ada.post("/logout", ada.filled("/logout", "Log out")[1])
    for path in ("/dashboard/autosave", "/dashboard/preview"):
        for headers in (JSON, {}):
            assert ada.post(path, fields, headers=headers).status_code == 401
    assert ada.post("/dashboard/autosave", fields, headers=JSON).mimetype == "application/problem+json"
    with app.app_context():
        assert not db.session.scalars(select(Parked)).all()


def test_somebody_elses_form_or_post_is_refused(ada, bob):
    slug = ada.draft("A title", "Words")
    fields = open_form(ada, f"/{slug}/edit")
    answer = type_on(bob, fields, body="Not mine")
    assert (answer.status_code, answer.json["status"]) == (403, 403)  # the token is hers
    own = open_form(bob, NEW, title="x", body="y")
    assert type_on(bob, own, post=slug, version="1").status_code == 403
    assert type_on(bob, own, post="nothing", version="1").status_code == 404
    type_on(ada, open_form(ada, NEW, body="Hers"), form_id="hers")
    assert type_on(bob, own, form_id="hers").status_code == 403


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ({"form_id": ""}, 400),
        ({"form_id": "a\x00b"}, 400),
        ({"end": ""}, 400),
        ({"version": "x", "post": "a-title"}, 400),
        ({"continues": "a\x00b.1"}, 200),
        ({"continues": "x.99999999999999999"}, 200),
        ({"body": "a\x00b\u202e"}, 200),
        ({"title": "x" * 10_000}, 200),
        ({"body": "x" * (copies.LONGEST + 1)}, 413),
        ({"body": "é" * (copies.LONGEST - 100)}, 400),
        ({"body": "x" * 5_000_000}, 413),
    ],
)
def test_bad_input_is_an_answer_and_no_crash(ada, typed, status):
    ada.publish()
    fields = open_form(ada, NEW, title="Words", body="More words") | typed
    answer = type_on(ada, fields)
    assert answer.status_code == status
    assert status == 200 or answer.json["detail"]


def test_a_text_that_is_too_long_to_save_is_kept_while_it_is_cut(ada):
    fields = open_form(ada, NEW, title="Long", body="word " * 60_000)
    assert type_on(ada, fields).status_code == 200
    assert ada.post(NEW, fields).status_code == 400
    (link,) = {link["href"] for link in ada.page("/dashboard").select(".name")}
    assert len(ada.page(link).find(id="body").text) > 290_000


def test_copies_go_along_when_somebody_moves_and_are_gone_when_they_are_erased(ada, app):
    slug = ada.publish("A title")
    type_on(ada, open_form(ada, f"/{slug}/edit", body="Half"))
    type_on(ada, open_form(ada, NEW, body="New"))
    issuer = app.config["OIDC_ISSUER"]
    run = app.test_cli_runner().invoke
    assert run(args=["authors", "remap", "ada", "ada2", "--yes"]).exit_code == 0
    with app.app_context():
        assert (copies.count((issuer, "ada")), copies.count((issuer, "ada2"))) == (0, 2)
    assert run(args=["authors", "erase", "ada2", "--yes"]).exit_code == 0
    with app.app_context():
        assert not db.session.scalars(select(Copy)).all()


def test_a_parked_form_goes_before_a_copy_and_ends_it(ada):
    slug = ada.publish("A title", "Old words")
    fields = open_form(ada, f"/{slug}/edit", body="Half")
    type_on(ada, fields)
    ada.post("/logout", ada.filled("/logout", "Log out")[1])
    ada.post(f"/{slug}/edit", fields | {"body": "Half and the rest"})
    ada.log_in("ada")
    link = ada.page("/dashboard").select_one('a[href*="parked="]')["href"]
    page = ada.page(link)
    assert page.find(id="body").text.strip() == "Half and the rest"
    ada.send(fill(page, link, "Save changes"))
    assert "Not saved yet: " not in ada.get(f"/{slug}/edit").text


# -- the preview ------------------------------------------------------------------------------------------------------

MARKDOWN = "# One\n\nSome *words*[^1] <script>alert(1)</script>\n\n- [x] done\n\n```\ncode\n```\n\n[^1]: A note.\n"


def test_the_preview_is_what_will_be_published(ada, visitor):
    fields = open_form(ada, NEW, title="A <b>title</b>", body=MARKDOWN)
    previewed = soup(ada.post("/dashboard/preview", fields))
    slug = ada.publish("A <b>title</b>", MARKDOWN)
    published = visitor.page(f"/{slug}")
    assert previewed.select_one(".prose").decode_contents() == published.select_one(".prose").decode_contents()
    assert previewed.select_one(".headline").text == published.h1.text
    assert not previewed.select("script")


def test_the_preview_shows_ones_own_pictures_as_they_will_be_and_nobody_elses(ada, bob, visitor):
    where = ada.post("/dashboard/media", {**uploaded(ada), "file": (BytesIO(png()), "a.png")}, headers=JSON).location
    words = f"![A bridge]({where})"
    mine = soup(ada.post("/dashboard/preview", open_form(ada, NEW, body=words))).img
    assert (mine["width"], mine["height"]) == ("40", "20")
    assert soup(bob.post("/dashboard/preview", open_form(bob, NEW, body=words))).img.get("width") is None
    slug = ada.publish("Shows it", words)
    assert visitor.page(f"/{slug}").select_one(".prose img") == mine
    again = soup(ada.post("/dashboard/preview", open_form(ada, f"/{slug}/edit"))).img
    assert again == mine


def uploaded(actor):
    """What the script sends with a picture."""
    fields = open_form(actor, NEW)
    return {"csrf_token": fields["csrf_token"], "end": "1"}


def test_a_picture_that_arrives_signed_out_is_told_to_the_script(ada):
    sent = uploaded(ada)
    ada.post("/logout", ada.filled("/logout", "Log out")[1])
    answer = ada.post("/dashboard/media", {**sent, "file": (BytesIO(png()), "a.png")}, headers=JSON)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


def test_without_a_script_the_preview_stands_beside_the_form_and_nothing_typed_is_lost(ada, visitor):
    response = ada.submit(NEW, "Preview", title="A title", body="Some *words*", visible_to="people")
    page = soup(response)
    assert page.select_one("#preview .prose em").text == "words"
    assert page.find(id="body").text.strip() == "Some *words*"
    ada.send(fill(page, NEW, "Publish"))
    assert visitor.get("/a-title").status_code == 404
    assert ada.page("/a-title").select_one(".prose em").text == "words"
    edited = soup(ada.submit("/a-title/edit", "Preview", body="**Other** words"))
    assert edited.select_one("#preview strong").text == "Other"
    assert ada.page("/a-title").select_one(".prose em")


def test_what_cannot_be_saved_is_told_in_the_preview(ada):
    fields = open_form(ada, NEW, title="x" * 300, body="a\x00b")
    response = ada.post("/dashboard/preview", fields)
    assert response.status_code == 400
    assert [problem.text for problem in soup(response).select(".problem")] == [
        "The title has 300 characters; at most 200 fit."
    ]
    assert "U+0000" in soup(ada.submit(NEW, "Preview", title="T", body="a\x00b")).find(id="body-problem").text


# -- a conflict -------------------------------------------------------------------------------------------------------

BASE = "one\n\ntwo\n\nthree"


def conflict(ada, mine, theirs, *, kept=True):
    """Save over a newer version; what is typed was kept before that, or not."""
    slug = ada.publish("A title", BASE)
    fields = open_form(ada, f"/{slug}/edit", body=mine)
    if kept:
        type_on(ada, fields)
    second = open_form(ada, f"/{slug}/edit", body=theirs, continues="")
    ada.post(f"/{slug}/edit", second)
    response = ada.post(f"/{slug}/edit", fields)
    assert response.status_code == 409
    return soup(response)


def test_what_only_one_side_changed_is_merged(ada, visitor):
    page = conflict(ada, BASE.replace("one", "ONE"), BASE.replace("three", "THREE"))
    assert page.find(id="merged").text.strip() == "ONE\n\ntwo\n\nTHREE"
    assert "nothing is left to choose" in page.text
    assert ada.send(fill(page, "/a-title/edit", "Save both together")).status_code == 303
    text = visitor.page("/a-title").select_one(".prose").text
    assert "ONE" in text
    assert "THREE" in text
    assert "Not saved yet: " not in ada.get("/a-title/edit").text


def test_where_both_changed_the_same_a_person_has_to_choose(ada, visitor):
    page = conflict(ada, BASE.replace("two", "mine"), BASE.replace("two", "theirs"))
    assert "differ at 1 place" in page.text
    merged = page.find(id="merged").text
    assert YOURS in merged
    response = ada.send(fill(page, "/a-title/edit", "Save both together"))
    assert response.status_code == 409
    again = soup(response)
    assert "choose, then save" in again.find(id="merged-problem").text
    assert again.find(id="merged").text.strip() == merged.strip()
    chosen = merged[: merged.index(YOURS)] + "mine and theirs\n\nthree"
    assert ada.send(fill(again, "/a-title/edit", "Save both together", merged=chosen)).status_code == 303
    assert "mine and theirs" in visitor.get("/a-title").text


def test_without_a_known_beginning_every_difference_is_shown(ada):
    page = conflict(ada, BASE.replace("one", "ONE"), BASE.replace("three", "THREE"), kept=False)
    assert "differ at 2 places" in page.text


def test_one_can_keep_what_is_saved_and_drop_ones_own(ada):
    page = conflict(ada, "mine", "theirs")
    response = ada.send(fill(page, "/a-title/edit", "Keep this one and drop mine"))
    assert response.location == "/a-title/edit"
    assert ada.page("/a-title/edit").find(id="body").text.strip() == "theirs"


def test_a_merged_text_that_arrives_signed_out_is_kept_as_merged(ada):
    page = conflict(ada, BASE.replace("one", "ONE"), BASE.replace("three", "THREE"))
    path, fields = fill(page, "/a-title/edit", "Save both together", merged="Merged with care")
    ada.post("/logout", ada.filled("/logout", "Log out")[1])
    ada.post(path, fields)
    ada.log_in("ada")
    link = ada.page("/dashboard").select_one('a[href*="parked="]')["href"]
    assert ada.page(link).find(id="body").text.strip() == "Merged with care"


# -- the script -------------------------------------------------------------------------------------------------------


def test_the_script_is_small_ours_and_on_authors_pages_only(ada, visitor):
    slug = ada.publish()
    script = (Path(blog.__file__).parent / "static" / "editor.js").read_bytes()
    assert len(script) < 25_000
    digest = base64.b64encode(hashlib.sha384(script).digest()).decode()
    for path in (NEW, f"/{slug}/edit"):
        (tag,) = ada.page(path).select("script[src*=editor]")
        assert tag["integrity"] == f"sha384-{digest}"
        assert visitor.get(tag["src"]).data == script
    for path in ("/", f"/{slug}", "/nothing"):
        assert not soup(visitor.get(path)).select("script[src]")
        assert not soup(ada.get(path)).select("script[src]")


def test_logging_out_clears_what_the_browser_keeps(ada):
    response = ada.post("/logout", ada.filled("/logout", "Log out")[1])
    assert response.headers["Clear-Site-Data"] == '"storage"'


def test_what_was_saved_is_told_to_the_next_page_once(ada):
    slug = ada.publish("A title", "Old words")
    ada.get("/dashboard")
    fields = open_form(ada, f"/{slug}/edit", body="New words")
    ada.post(f"/{slug}/edit", fields)
    assert ada.page(f"/{slug}/edit").find(id="editor")["data-saved"] == fields["form_id"]
    assert ada.page(f"/{slug}/edit").find(id="editor")["data-saved"] == ""
