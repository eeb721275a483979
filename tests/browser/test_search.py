"""Searching in a browser: with the keyboard alone, with and without JavaScript, and on screens of any width."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import Author, field, link
from tests.browser.test_look import FAINT_TEXT

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


@pytest.mark.parametrize("javascript", [True, False])
def test_a_post_is_found_with_the_keyboard(author: Author, open_browser, javascript):
    title = f"Otters of the Danube {javascript}"
    author.write(title, "They **swim** <b>&amp;</b> dive.")
    page = open_browser(java_script_enabled=javascript)
    page.goto("/")
    link(page, "Search").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox", name="Words to look for")).to_be_focused()
    page.keyboard.type(f'"swim & dive" {javascript}')
    page.keyboard.press("Enter")
    expect(page.locator("article mark").filter(has_text="swim & dive")).to_be_visible()
    expect(field(page, "Words to look for")).to_have_value(f'"swim & dive" {javascript}')
    link(page, title).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_search_fits_every_screen_and_can_be_read(author: Author, open_browser, scheme):
    author.write(f"{LONG} {scheme}", f"Words about {LONG}. " * 20)
    page = open_browser(color_scheme=scheme)
    for typed in (LONG, "nothing-of-this", f"-{LONG}", ""):
        for width in (320, 360, 1100):
            page.set_viewport_size({"width": width, "height": 700})
            page.goto("/search?q=" + typed)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{typed} at {width}"
        assert page.evaluate(FAINT_TEXT) == [], typed
