"""How readers read: by day and by night, on phones and on paper, with the keyboard, and with scripts or without."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import Author, button
from tests.browser.test_look import EVERYTHING, FAINT_TEXT

BODY = EVERYTHING + "\n\n## One more\n\n" + "words " * 400 + "\n\n### And\n\n```\nmake\n```\n"
PAPER = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(252, 250, 245)", "rgb(26, 24, 22)"


@pytest.fixture(scope="module")
def address(browser, on_stage):
    """The address of a post with everything in it, and posts around it; nobody here changes them."""
    with browser.new_context(base_url=on_stage.url) as context:
        yield written(Author.arrive(context.new_page(), on_stage))


def written(author: Author) -> str:
    author.write("Before", "Words.")
    author.write("A post with everything", BODY)
    address = author.page.get_by_role("link", name="View it").get_attribute("href")
    author.write("After", "Words.")
    return address


def choose(page: Page, colours: str) -> None:
    """Choose light, dark or auto at the foot of a page."""
    page.get_by_role("group", name="Colours of these pages").get_by_label(colours).check()


def test_colours_follow_the_system_until_somebody_chooses(reader):
    reader.goto("/")
    for scheme, paper in (("light", LIGHT), ("dark", DARK)):
        reader.emulate_media(color_scheme=scheme)
        assert reader.evaluate(PAPER) == paper
    choose(reader, "Light")
    assert reader.evaluate(PAPER) == LIGHT
    choose(reader, "Auto")
    assert reader.evaluate(PAPER) == DARK


def test_what_was_chosen_is_remembered_before_anything_is_drawn(reader, address):
    reader.emulate_media(color_scheme="light")
    reader.goto("/")
    choose(reader, "Dark")
    reader.add_init_script(
        "addEventListener('DOMContentLoaded', () => { window.early = document.documentElement.dataset.theme; }, true);"
        "new MutationObserver(() => { if (document.body && !window.first)"
        " window.first = getComputedStyle(document.documentElement).colorScheme; })"
        ".observe(document, { childList: true, subtree: true });"
    )
    reader.goto(address)
    assert reader.evaluate(PAPER) == DARK
    assert reader.evaluate("window.first") == "dark"
    expect(reader.get_by_label("Dark")).to_be_checked()
    assert reader.context.cookies() == []


def test_a_choice_reaches_pages_that_are_open_already(reader):
    reader.goto("/")
    other = reader.context.new_page()
    other.goto("/archive")
    choose(reader, "Dark")
    expect(other.locator("body")).to_have_css("background-color", DARK)


def test_without_scripts_pages_say_all_and_offer_nothing_that_does_nothing(open_browser, address):
    page = open_browser(java_script_enabled=False, color_scheme="dark")
    page.goto(address)
    expect(page.get_by_role("group", name="Colours of these pages")).to_be_hidden()
    expect(page.get_by_role("button", name="Copy this code")).to_have_count(0)
    page.get_by_text("Contents", exact=True).click()
    expect(page.get_by_role("link", name="One more").first).to_be_visible()


def test_code_is_copied_by_a_button(reader, address):
    reader.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.goto(address)
    copies = reader.get_by_role("button", name="Copy this code")
    copies.last.focus()
    reader.keyboard.press("Enter")
    expect(copies.last).to_have_text("Copied")
    expect(reader.locator("p[role=status].unseen")).to_have_text("Copied")
    assert reader.evaluate("navigator.clipboard.readText()") == "make\n"
    expect(copies.last).to_have_text("Copy")


def test_a_keyboard_reaches_everything_and_shows_where_it_is(reader, address):
    reader.set_viewport_size({"width": 375, "height": 700})
    reader.goto(address)
    reader.keyboard.press("Tab")
    skip = reader.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["y"] >= 0
    reader.keyboard.press("Enter")
    expect(reader.locator("main")).to_be_focused()
    seen = set()
    for _ in range(60):
        reader.keyboard.press("Tab")
        name, outlined = reader.evaluate(
            "[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle !== 'none'"
            " || document.activeElement.name === 'theme']"
        )
        seen.add(name)
        assert outlined or name == "BODY", name
    assert {"A", "SUMMARY", "PRE", "TABLE", "BUTTON", "INPUT"} <= seen


@pytest.mark.parametrize("width", [320, 360, 768, 1100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readers_pages_fit_every_screen_and_can_be_read(reader, address, width, scheme):
    reader.set_viewport_size({"width": width, "height": 800})
    reader.emulate_media(color_scheme=scheme)
    for path in ("/", address, "/archive", "/nothing"):
        reader.goto(path)
        assert reader.evaluate("document.documentElement.scrollWidth") <= width, path
        assert reader.evaluate(FAINT_TEXT) == [], path
    reader.goto("/archive")
    reader.locator(".year li a").first.click()
    expect(reader.locator("article").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("wide", "above_its_end"), [("table", 4), ("pre", 12)])
def test_what_is_wider_than_a_phone_is_shaded_where_it_goes_on(reader, address, scheme, wide, above_its_end):
    reader.set_viewport_size({"width": 360, "height": 800})
    reader.emulate_media(color_scheme=scheme)
    reader.goto(address)
    block = reader.locator(f".prose {wide}").first
    assert shades(block, above_its_end) == (False, True)
    block.evaluate("block => { block.scrollLeft = 60 }")
    assert shades(block, above_its_end) == (True, True)
    block.evaluate("block => { block.scrollLeft = block.scrollWidth }")
    assert shades(block, above_its_end) == (True, False)


def shades(block: Locator, above_its_end: int) -> tuple[bool, bool]:
    """Tell whether this is shaded at its left and at its right, so many pixels above its end, where no words are."""
    with Image.open(BytesIO(block.screenshot())) as picture:
        width, height = picture.size
        grey = picture.convert("L")
    left, middle, right = (grey.getpixel((x, height - above_its_end)) for x in (4, width // 2, width - 5))
    return left < middle, right < middle


def test_who_wrote_a_post_and_when_stand_in_two_lines_beside_their_picture(reader, address):
    reader.set_viewport_size({"width": 360, "height": 800})
    reader.goto(address)
    head = reader.locator(".post > header")
    picture, name, minutes = (head.locator(each).bounding_box() for each in (".avatar", ".names", ".minutes"))
    assert picture["x"] + picture["width"] < name["x"] < minutes["x"]
    assert name["y"] + name["height"] <= minutes["y"]


def test_on_paper_a_post_is_its_words(reader, address):
    reader.goto(address)
    reader.emulate_media(media="print", color_scheme="dark")
    assert reader.evaluate(PAPER) in {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}
    assert reader.evaluate("getComputedStyle(document.querySelector('.prose')).color") == "rgb(0, 0, 0)"
    for gone in ("header.site nav", "footer.site", ".beside", ".comments", ".contents", ".copyable button"):
        expect(reader.locator(gone).first).to_be_hidden()
    expect(reader.get_by_role("heading", name="A post with everything")).to_be_visible()
    link = "getComputedStyle(document.querySelector('.prose p a[href^=\"https\"]'), '::after').content"
    assert "https://example.org/" in reader.evaluate(link)


def test_from_a_post_one_goes_on_to_the_next(reader, address):
    reader.goto(address)
    reader.get_by_role("link", name="Next").click()
    expect(reader.get_by_role("heading", name="After")).to_be_visible()
    reader.get_by_role("link", name="Previous").click()
    expect(reader.get_by_role("heading", name="A post with everything")).to_be_visible()
    assert button(reader, "Log out").count() == 0
