"""Naming several authors in the editor, with the keyboard alone, and with and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import Author, button, field, link
from tests.browser.test_look import FAINT_TEXT


def tab_to(page, wanted):
    """Press Tab until the focus is on this control."""
    for _ in range(60):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab does not lead there")


@pytest.mark.parametrize("javascript", [True, False])
def test_authors_are_named_put_in_order_and_taken_off_with_the_keyboard(open_browser, reader, javascript):
    author = Author.register(open_browser(java_script_enabled=javascript))
    me = author.page
    author.write(f"Together {javascript}", "Words.")
    link(me, "View it").click()
    address = me.url
    me.goto(f"{address}/edit")
    field(me, "Body").fill("Other words.")
    tab_to(me, field(me, "Or the name of a guest"))
    me.keyboard.type("Grace Guest")
    me.keyboard.press("Tab")
    expect(button(me, "Add guest")).to_be_focused()
    me.keyboard.press("Enter")
    lines = me.locator("#authors li .what")
    expect(lines).to_have_count(2)
    expect(field(me, "Body")).to_have_value("Other words.")
    tab_to(me, button(me, "Move up"))
    me.keyboard.press("Space")
    expect(lines.first).to_contain_text("Grace Guest")
    expect(me.locator("#authors").get_by_role("status")).to_contain_text("not saved yet")
    if javascript:
        expect(me.locator("#authors li").first.get_by_role("button", name="Remove")).to_be_focused()
    field(me, "Title").press("Enter")
    expect(me.get_by_role("status")).to_contain_text("Changes saved.")
    reader.goto(address)
    expect(reader.locator(".post .meta")).to_contain_text("Grace Guest guest")
    expect(reader.locator(".byline")).to_have_count(2)
    expect(reader.locator(".byline").nth(1)).to_have_text(author.name)
    me.locator("#authors li").first.get_by_role("button", name="Remove").press("Enter")
    expect(lines).to_have_count(1)
    button(me, "Save changes").click()
    reader.reload()
    expect(reader.locator(".byline")).to_have_text(author.name)


def test_a_colleague_is_asked_and_agrees(open_browser, reader):
    ann, bo = Author.register(open_browser()), Author.register(open_browser())
    bo.write("A post of their own", "Words.")
    ann.write("By two", "Words.")
    ann.page.goto("/by-two/edit")
    field(ann.page, "An author here").select_option(label=bo.name)
    button(ann.page, "Add author").click()
    expect(ann.page.locator("#authors li")).to_have_count(2)
    button(ann.page, "Save changes").click()
    reader.goto("/by-two")
    expect(reader.locator(".byline")).to_have_text(ann.name)
    bo.page.goto("/dashboard")
    expect(bo.page.locator(".asks")).to_contain_text(f"{ann.name} asks you")
    button(bo.page.locator(".asks"), "Agree").click()
    reader.reload()
    expect(reader.locator(".byline")).to_have_text([ann.name, bo.name])
    bo.page.goto("/by-two/edit")
    expect(field(bo.page, "Body")).to_be_visible()
    expect(bo.page.locator("#authors")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_several_authors_fit_every_screen_and_can_be_read(author, scheme):
    page, post = author.page, f"/many-hands-{scheme}"
    author.write(f"Many hands {scheme}", "Words.")
    page.goto(f"{post}/edit")
    for number in range(3):
        field(page, "Or the name of a guest").fill(f"{'Very' * 14} Long {number}")
        button(page, "Add guest").click()
    button(page, "Save changes").click()
    page.emulate_media(color_scheme=scheme)
    for path in ("/", post, f"{post}/edit", "/dashboard"):
        for width in (320, 360, 768, 1100):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
        assert page.evaluate(FAINT_TEXT) == [], f"{path} in {scheme}"
    page.goto(f"{post}/delete")
    button(page, "Delete").click()
