"""What is said about a post: the settings in the form with the keyboard alone, on a phone, and how it all looks."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import Author, button, field, link
from tests.browser.test_authors import tab_to
from tests.browser.test_look import FAINT_TEXT


@pytest.mark.parametrize("javascript", [True, False])
def test_settings_are_opened_and_filled_in_with_the_keyboard(open_browser, reader, javascript):
    author = Author.register(open_browser(java_script_enabled=javascript))
    me, name = author.page, f"By hand {javascript}"
    me.goto("/dashboard/write")
    field(me, "Title").fill(name)
    field(me, "Body").fill("Words.")
    tab_to(me, me.locator("summary", has_text="Settings"))
    me.keyboard.press("Enter")
    tab_to(me, field(me, "Tags"))
    me.keyboard.type(f"Rain, {javascript} things")
    tab_to(me, field(me, "Own address"))
    me.keyboard.type(f"mine-{javascript}")
    tab_to(me, field(me, "Language"))
    me.keyboard.type("en-GB")
    tab_to(me, button(me, "Publish"))
    me.keyboard.press("Enter")
    expect(me.locator("#slug-problem")).to_contain_text(f"such as “mine-{str(javascript).lower()}”")
    expect(field(me, "Tags")).to_have_value(f"Rain, {javascript} things")
    field(me, "Own address").fill(f"mine-{javascript}".lower())
    tab_to(me, button(me, "Publish"))
    me.keyboard.press("Enter")
    expect(me.get_by_role("status")).to_contain_text("Published.")
    reader.goto(f"/mine-{javascript}".lower())
    expect(reader.locator("article")).to_have_attribute("lang", "en-GB")
    link(reader, f"{javascript} things").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text(f"{javascript} things")
    expect(link(reader, name)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_notes_pages_and_tags_fit_every_screen_and_can_be_read(author, scheme):
    page, long = author.page, "Donaudampfschifffahrtsgesellschaft" + "x" * 10
    page.emulate_media(color_scheme=scheme)
    for kind, title in (("A note", ""), ("A page", f"About {long} {scheme}"), ("A post", f"Everything {scheme}")):
        page.goto("/dashboard/write")
        page.locator("summary", has_text="Settings").click()
        page.get_by_role("radio", name=kind).check()
        field(page, "Title").fill(title)
        field(page, "Body").fill(f"Words, {long} and *more* of them.\n\n> A quotation")
        field(page, "Tags").fill(f"{long}, Rain {scheme}")
        field(page, "First published at").fill("https://example.org/a-first-place")
        button(page, "Publish").click()
        expect(page.get_by_role("status")).to_contain_text("Published.")
    link(page, "View it").click()
    post = page.url
    for path in ("/", post, f"/tag/rain-{scheme}", f"{post}/edit", "/dashboard"):
        for width in (320, 360, 1100):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(path)
            for closed in page.locator("details:not([open]) > summary").all():
                closed.click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
        assert page.evaluate(FAINT_TEXT) == [], f"{path} in {scheme}"
