"""The editor in a real browser: what its script adds to the form, and that nothing typed is lost, whatever happens."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from base64 import b64encode
from contextlib import closing, contextmanager

import pytest
from playwright.sync_api import expect

from demo import stage, state
from tests.browser.people import Author, button, field, link
from tests.pictures import png

KEPT = re.compile("Not saved yet, but kept")
HERE = re.compile("What you type is kept in this browser")


@pytest.fixture
def desk(author):
    """The page of somebody who writes a new post."""
    author.page.goto("/dashboard/write")
    return author.page


def body(page):
    return field(page, "Body")


def tool(page, name):
    return button(page.get_by_role("toolbar"), name)


def text_of(page):
    return body(page).input_value()


def type_into(page, words, *, title="A title"):
    field(page, "Title").fill(title)
    body(page).fill(words)


def choose(page, words):
    """Select these words in the body."""
    page.evaluate(
        """(words) => {
            const body = document.getElementById('body'), at = body.value.indexOf(words);
            body.focus(); body.setSelectionRange(at, at + words.length);
        }""",
        words,
    )


def standing(page):
    return page.locator(".standing")


# -- writing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "before", "chosen", "after"),
    [
        ("Bold", "some words", "words", "some **words**"),
        ("Italic", "some words", "words", "some *words*"),
        ("Heading", "some words", "some", "## some words"),
        ("Link", "some words", "words", "some [words](https://)"),
        ("Quote", "one\ntwo", "one\ntwo", "> one\n> two"),
        ("List", "one\ntwo", "one\ntwo", "- one\n- two"),
        ("Numbered list", "- one\n- two", "- one\n- two", "1. one\n2. two"),
        ("Task list", "one\ntwo", "one\ntwo", "- [ ] one\n- [ ] two"),
        ("Code", "some words", "words", "some `words`"),
        ("Code", "one\ntwo", "one\ntwo", "```\none\ntwo\n```"),
        ("Footnote", "words", "words", "words[^1]\n\n[^1]: "),
    ],
)
def test_the_toolbar_writes_markdown_and_every_step_can_be_undone(desk, name, before, chosen, after):
    body(desk).press_sequentially(before.split("\n")[0])
    body(desk).fill(before)
    choose(desk, chosen)
    tool(desk, name).click()
    assert text_of(desk) == after
    expect(body(desk)).to_be_focused()
    for _ in range(2 if name == "Footnote" else 1):
        desk.keyboard.press("Control+z")
    assert text_of(desk) == before


def test_a_button_pressed_twice_takes_back_what_it_did(desk):
    for name in ("Bold", "Italic", "Quote", "List", "Task list", "Heading"):
        body(desk).fill("some words")
        choose(desk, "some words")
        tool(desk, name).click()
        assert text_of(desk) != "some words"
        tool(desk, name).click()
        assert text_of(desk) == "some words"


def test_shortcuts_do_the_same_and_tab_leads_on(desk):
    type_into(desk, "some words", title="By keys")
    for keys, expected in (("Control+b", "**words**"), ("Control+i", "*words*"), ("Control+k", "[words](https://)")):
        body(desk).fill("some words")
        choose(desk, "words")
        desk.keyboard.press(keys)
        assert text_of(desk) == f"some {expected}"
    body(desk).press("Tab")
    expect(body(desk)).not_to_be_focused()
    body(desk).press("Control+s")
    expect(desk.get_by_role("status").first).to_contain_text("Draft saved.")
    expect(desk).to_have_url("/by-keys/edit")


def test_a_list_goes_on_with_its_next_item_and_ends_at_an_empty_one(desk):
    body(desk).press_sequentially("1. one\ntwo\n\nafter\n- [x] done\nnext\n\n> - deep\nmore")
    assert text_of(desk) == "1. one\n2. two\nafter\n- [x] done\n- [ ] next\n> - deep\n> - more"


def test_the_toolbar_is_one_stop_and_arrows_lead_through_it(desk):
    field(desk, "Title").press("Tab")
    expect(tool(desk, "Bold")).to_be_focused()
    desk.keyboard.press("ArrowLeft")
    expect(tool(desk, "Focus")).to_be_focused()
    desk.keyboard.press("Home")
    desk.keyboard.press("ArrowRight")
    expect(tool(desk, "Italic")).to_be_focused()
    desk.keyboard.press("Tab")
    expect(body(desk)).to_be_focused()
    desk.keyboard.press("Shift+Tab")
    expect(tool(desk, "Italic")).to_be_focused()


def test_the_preview_beside_the_text_is_what_is_published(desk, reader):
    words = "# One\n\nSome *words*[^1] <b onclick=alert(1)>x</b>\n\n- [x] done\n\n```\ncode\n```\n\n[^1]: A note."
    type_into(desk, "Not yet", title="As published")
    body(desk).press("Control+Shift+p")
    expect(desk.locator("#preview .prose")).to_have_text("Not yet")
    body(desk).fill(words)
    expect(desk.locator("#preview em")).to_have_text("words")
    previewed = desk.locator("#preview .prose").inner_html()
    expect(desk.locator("#preview .headline")).to_have_text("As published")
    button(desk, "Publish").click()
    expect(desk).to_have_url("/dashboard")
    reader.goto("/as-published")
    reader.evaluate(WITHOUT_BUTTONS)
    assert reader.locator(".prose").inner_html() == previewed


def test_the_preview_keeps_its_place_while_one_types(desk):
    type_into(desk, "\n\n".join(f"Paragraph {n}" for n in range(200)))
    tool(desk, "Preview").click()
    expect(desk.locator("#preview")).to_contain_text("Paragraph 199")
    desk.evaluate("document.getElementById('preview').scrollTop = 900")
    body(desk).press("End")
    body(desk).press_sequentially(" and more")
    expect(desk.locator("#preview")).to_contain_text("and more")
    assert desk.evaluate("document.getElementById('preview').scrollTop") == 900


def test_nothing_but_the_text_and_escape_leads_back(desk):
    tool(desk, "Focus").click()
    expect(desk.get_by_role("banner")).to_be_hidden()
    expect(button(desk, "Publish")).to_be_hidden()
    expect(body(desk)).to_be_focused()
    desk.keyboard.press("Escape")
    expect(desk.get_by_role("banner")).to_be_visible()
    expect(button(desk, "Publish")).to_be_visible()


def test_words_are_counted_in_any_script(desk):
    body(desk).fill("Four words, that’s all. " * 115)
    expect(standing(desk)).to_contain_text("460 words, 2 min to read")
    body(desk).fill("吾輩は猫である")
    expect(standing(desk)).to_contain_text(re.compile(r"\b[3-6] words"))


WITHOUT_BUTTONS = "document.querySelectorAll('.copyable').forEach(each => each.replaceWith(each.querySelector('pre')))"
PASTE = """(base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const data = new DataTransfer(), body = document.getElementById('body');
    data.items.add(new File([bytes], 'a [fox].png', {type: 'image/png'}));
    body.focus();
    body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
}"""


def test_a_pasted_picture_is_uploaded_and_previewed_and_a_refusal_is_told(desk, on_stage):
    body(desk).fill("Look: ")
    desk.evaluate(PASTE, b64encode(png()).decode())
    expect(body(desk)).to_have_value(re.compile(r"^Look: !\[\]\(/media/[a-z0-9]+\.png\)$"))
    written = text_of(desk)
    tool(desk, "Preview").click()
    shown = desk.locator("#preview img")
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("image => image.naturalWidth") > 0
    assert int(shown.get_attribute("width")) == shown.evaluate("image => image.naturalWidth")
    desk.evaluate(PASTE, b64encode(b"no picture").decode())
    expect(standing(desk)).to_contain_text("a fox .png: ")
    assert text_of(desk) == written
    with signed_out(on_stage):
        desk.evaluate(PASTE, b64encode(png(41)).decode())
        expect(standing(desk)).to_contain_text("Log in, and try again.")
    assert text_of(desk) == written


# -- nothing lost ------------------------------------------------------------------------------------------------------


def test_what_is_typed_is_kept_by_the_server_and_found_on_the_dashboard(desk, open_browser, author):
    type_into(desk, "Half a thought", title="Unsaved")
    expect(standing(desk)).to_contain_text(KEPT)
    other = open_browser()
    other.goto("/login")
    author.prove(other)
    expect(other).to_have_url("/dashboard")
    link(other, "Unsaved").click()
    expect(body(other)).to_have_value("Half a thought")
    button(other, "Publish").click()
    expect(other.get_by_text("Not saved yet")).to_have_count(0)


@pytest.mark.parametrize("after_ms", [0, 2450, 2600])  # before an autosave, while one is under way, after one
def test_what_is_saved_leaves_no_copy_however_soon(desk, after_ms):
    type_into(desk, "Saved at once")
    desk.wait_for_timeout(after_ms)
    button(desk, "Publish").click()
    expect(desk).to_have_url("/dashboard")
    desk.wait_for_timeout(500)
    desk.reload()
    expect(desk.locator(".posts .name")).to_have_text(["A title"])
    assert in_browser(desk) == 0


@contextmanager
def signed_out(on_stage):
    with closing(sqlite3.connect(on_stage.place.folder / "blog.db", timeout=5)) as database, database:
        assert database.execute("DELETE FROM sessions").rowcount
    yield


def in_browser(page):
    return page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('byline/')).length")


def test_an_expired_session_is_told_while_typing_and_the_text_survives(desk, on_stage):
    type_into(desk, "Before the session ended.")
    expect(standing(desk)).to_contain_text(KEPT)
    with signed_out(on_stage):
        body(desk).fill("And after it had ended.")
    expect(standing(desk)).to_contain_text("You are logged out.")
    expect(standing(desk)).to_contain_text(HERE)
    assert in_browser(desk) == 1
    with desk.context.expect_page() as opened:  # the provider still knows who it is
        link(desk, "Log in again in a new tab").click()
    expect(opened.value).to_have_url("/dashboard")
    opened.value.close()
    body(desk).press_sequentially(" So on.")
    expect(standing(desk)).to_contain_text(KEPT)
    assert in_browser(desk) == 0


@pytest.mark.parametrize("status", [500, 503])  # a fault of ours; a full disk, which is a 503
def test_a_server_that_cannot_save_costs_no_words(desk, status):
    desk.route("**/dashboard/autosave", lambda route: route.fulfill(status=status, json={"detail": "x"}))
    type_into(desk, "Words to keep")
    expect(standing(desk)).to_contain_text("The server cannot keep it now.")
    expect(standing(desk)).to_contain_text(HERE)
    desk.route(
        "**/dashboard/write", lambda route: route.fulfill(status=status, body="broken", content_type="text/html")
    )
    button(desk, "Publish").click()
    expect(desk.locator("body")).to_have_text("broken")
    desk.unroute_all()
    desk.goto("/dashboard/write")
    expect(desk.locator(".notice")).to_contain_text("This browser kept what you typed until")
    button(desk, "Show it").click()
    expect(body(desk)).to_have_value("Words to keep")
    expect(field(desk, "Title")).to_have_value("A title")
    button(desk, "Publish").click()
    expect(desk).to_have_url("/dashboard")
    desk.wait_for_function("!Object.keys(localStorage).some((key) => key.startsWith('byline/'))")


def test_a_restart_in_the_middle_of_a_save_costs_no_words(author, desk, on_stage):
    author.write("In the middle", "Old words", "Save draft")
    desk.goto("/in-the-middle/edit")
    body(desk).fill("New words, sent to nobody")
    environ = stage.blog_environ(state.load(on_stage.place.folder), on_stage.place)
    os.killpg(on_stage.children.pid("blog"), signal.SIGKILL)
    on_stage.children.stop("blog")
    with desk.expect_event("requestfailed", lambda request: request.method == "POST" and "/edit" in request.url):
        button(desk, "Save changes").click()
    stage.start_blog(on_stage.children, environ)
    on_stage.children.wait_for("blog", f"{on_stage.url}/")
    desk.goto("/in-the-middle/edit")
    expect(body(desk)).to_have_value("Old words")
    button(desk, "Show it").click()
    expect(body(desk)).to_have_value("New words, sent to nobody")
    button(desk, "Save changes").click()
    expect(desk.get_by_role("status").first).to_contain_text("Changes saved.")


def test_two_tabs_that_type_lose_nothing_and_are_merged(author, reader):
    author.write("Typed in two tabs", "one\n\ntwo\n\nthree")
    one, two = author.page, author.page.context.new_page()
    for tab, words in ((one, "ONE\n\ntwo\n\nthree"), (two, "one\n\ntwo\n\nTHREE")):
        tab.goto("/typed-in-two-tabs/edit")
        body(tab).fill(words)
    for tab in (one, two):
        expect(standing(tab)).to_contain_text(KEPT)
    button(one, "Save changes").click()
    expect(one.get_by_role("status").first).to_contain_text("Changes saved.")
    body(two).press("End")
    body(two).press_sequentially("!")
    expect(standing(two)).to_contain_text("A newer version of this post was saved meanwhile.")
    button(two, "Save changes").click()
    expect(two.get_by_role("heading", name="Two versions of this post")).to_be_visible()
    expect(field(two, "Merged text")).to_have_value(re.compile("^ONE\n\ntwo\n\nTHREE!?$|^ONE.*"))
    button(two, "Save both together").click()
    expect(two.get_by_role("status").first).to_contain_text("Changes saved.")
    reader.goto("/typed-in-two-tabs")
    expect(reader.locator(".prose")).to_contain_text("ONE")
    expect(reader.locator(".prose")).to_contain_text("THREE")


def test_two_people_at_once_lose_nothing(author, open_browser, on_stage):
    """An editor and an author share a post only with roles, which this provider's demo has not: so two browsers."""
    author.write("Both of us", "one\n\ntwo")
    elsewhere = open_browser()
    elsewhere.goto("/login")
    author.prove(elsewhere)
    expect(elsewhere).to_have_url("/dashboard")
    for page, words in ((author.page, "mine\n\ntwo"), (elsewhere, "theirs\n\ntwo")):
        page.goto("/both-of-us/edit")
        body(page).fill(words)
        expect(standing(page)).to_contain_text(KEPT)
    button(author.page, "Save changes").click()
    expect(author.page.get_by_role("status").first).to_contain_text("Changes saved.")
    button(elsewhere, "Save changes").click()
    expect(field(elsewhere, "Body")).to_have_value("theirs\n\ntwo")
    expect(field(elsewhere, "Saved text")).to_have_value("mine\n\ntwo")
    expect(field(elsewhere, "Merged text")).to_have_value(re.compile(r"mine[\s\S]*theirs|theirs[\s\S]*mine"))


def test_leaving_warns_only_when_nothing_has_kept_the_text(author, browser, on_stage):
    context = browser.new_context(base_url=on_stage.url, storage_state=author.page.context.storage_state())
    page, warned = context.new_page(), []
    page.on("dialog", lambda dialog: (warned.append(dialog.type), dialog.accept()))
    page.goto("/dashboard/write")
    body(page).press_sequentially("Words")
    page.goto("/dashboard")
    assert warned == ["beforeunload"]  # it was too early for either
    page.goto("/dashboard/write")
    button(page, "Show it").click()  # but was put aside while leaving
    expect(body(page)).to_have_value("Words")
    expect(standing(page)).to_contain_text(KEPT)
    page.goto("/dashboard")
    assert len(warned) == 1
    context.close()


def test_logging_out_clears_what_the_browser_kept(desk, author):
    desk.route("**/dashboard/autosave", lambda route: route.fulfill(status=503, json={}))
    type_into(desk, "Only here")
    expect(standing(desk)).to_contain_text(HERE)
    assert in_browser(desk) == 1
    author.log_out()
    assert in_browser(desk) == 0


def test_far_too_long_a_text_is_told_and_stays_where_it_is(desk):
    desk.evaluate("document.getElementById('body').value = `${'x'.repeat(79)}\n`.repeat(15_000)")
    field(desk, "Title").fill("A million")
    button(desk, "Publish").click()
    expect(standing(desk)).to_contain_text("The body has 1,200,000 bytes, which is far more than fits.")
    assert desk.evaluate("document.getElementById('body').value.length") == 1_200_000
    desk.evaluate("document.getElementById('body').value = 'Shorter'")
    button(desk, "Publish").click()
    expect(desk).to_have_url("/dashboard")


# -- without the script, and on small screens --------------------------------------------------------------------------


def test_everything_works_without_the_script(open_browser, reader):
    author = Author.register(open_browser(java_script_enabled=False))
    page = author.page
    link(page, "Write a post").click()
    type_into(page, "Some *words*", title="Plain")
    button(page, "Preview").click()
    expect(page.locator("#preview em")).to_have_text("words")
    expect(page.get_by_role("toolbar")).to_have_count(0)
    button(page, "Publish").click()
    expect(page.get_by_role("status").first).to_contain_text("Published.")
    reader.goto("/plain")
    expect(reader.locator(".prose em")).to_have_text("words")


@pytest.mark.parametrize("beside", [False, True])
def test_the_editor_fits_a_phone(desk, beside):
    desk.set_viewport_size({"width": 320, "height": 700})
    type_into(desk, "word " * 300 + "x" * 300)
    if beside:
        tool(desk, "Preview").click()
        expect(desk.locator("#preview .prose")).to_contain_text("word")
    assert desk.evaluate("document.documentElement.scrollWidth") <= 320
    tool(desk, "Focus").click()
    assert desk.evaluate("document.documentElement.scrollWidth") <= 320
