"""Scheduling, the trash, revisions, and several posts at once, in a browser; with the keyboard where that matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.people import Author, button, field, link
from tests.browser.test_authors import tab_to
from tests.browser.test_look import FAINT_TEXT


@pytest.mark.parametrize("javascript", [True, False])
def test_a_post_is_scheduled_by_the_clock_on_the_wall(open_browser, reader, javascript):
    author = Author.register(open_browser(java_script_enabled=javascript, timezone_id="Asia/Tokyo"))
    me, title = author.page, f"At nine {javascript}"
    author.write(title, "Words.", "Save draft")
    me.goto("/dashboard")
    me.get_by_role("list").get_by_role("listitem").filter(has_text=title).get_by_role("link", name="Edit").click()
    me.get_by_text("Publish later", exact=True).click()
    expect(field(me, "Time zone")).to_have_value("Asia/Tokyo" if javascript else "UTC")
    field(me, "Time zone").select_option("Asia/Tokyo")
    at = datetime.now(UTC) + timedelta(days=3)
    field(me, "Publish at").fill(f"{at:%Y-%m-%d}T09:30")
    button(me, "Schedule").click()
    expect(me.get_by_role("status")).to_contain_text(f"Scheduled for {at:%-d %B %Y}, 09:30 (Asia/Tokyo).")
    expect(field(me, "Publish at")).to_have_value(f"{at:%Y-%m-%d}T09:30")
    address = me.url.removesuffix("/edit")
    assert reader.goto(address).status == 404
    field(me, "Publish at").fill("2020-01-01T09:30")
    field(me, "Body").fill("Other words.")
    button(me, "Reschedule").click()
    expect(me.locator("#publish_at-problem")).to_contain_text("has passed")
    expect(field(me, "Body")).to_have_value("Other words.")
    field(me, "Publish at").fill(f"{at:%Y-%m-%d}T09:30")
    button(me, "Back to draft").click()
    expect(me.locator(".state")).to_have_text("Draft")
    me.get_by_text("Publish later", exact=True).click()
    expect(field(me, "Time zone")).to_have_value("Asia/Tokyo")


def test_a_deleted_post_comes_back_from_the_trash_and_is_gone_in_the_end(author, reader):
    me = author.page
    author.write("Regretted", "Words.")
    me.goto("/regretted/edit")
    button(me, "Delete").click()
    button(me, "Delete").click()
    assert reader.goto("/regretted").status == 404
    link(me, "Trash 1").click()
    button(me, "Restore").click()
    expect(me.get_by_role("status").first).to_contain_text("1 post restored")
    expect(me.get_by_text("The trash is empty.")).to_be_visible()
    link(me, "Unpublished 1").click()
    button(me, "Delete").click()
    button(me, "Delete").click()
    me.goto("/dashboard?state=trash")
    button(me, "Delete for good").click()
    expect(me.get_by_role("heading", name="Delete this post for good?")).to_be_visible()
    button(me, "Delete for good").click()
    expect(me.get_by_role("status").first).to_contain_text("1 post deleted for good.")
    expect(me.get_by_text("The trash is empty.")).to_be_visible()


def test_texts_are_compared_and_put_back(author, reader):
    me = author.page
    author.write("A text", "The first line.\n\nThe last line.")
    me.goto("/a-text/edit")
    for words in ("The second line.\n\nThe last line.", "Nothing of that."):
        field(me, "Body").fill(words)
        button(me, "Save changes").click()
        expect(me.get_by_role("status")).to_contain_text("Changes saved.")
    link(me, "Revisions").click()
    me.get_by_label("Older: revision 1").check()
    me.get_by_label("Newer: revision 2").check()
    button(me, "Compare").click()
    expect(me.locator(".changes del")).to_have_text("− The first line.")
    expect(me.locator(".changes ins")).to_have_text("+ The second line.")
    for width in (320, 1280):
        me.set_viewport_size({"width": width, "height": 800})
        assert me.evaluate("document.documentElement.scrollWidth") <= width
    assert me.evaluate(FAINT_TEXT) == []
    button(me, "Restore revision 1").click()
    expect(me.get_by_role("status")).to_contain_text("The text of revision 1 is back.")
    reader.goto("/a-text")
    expect(reader.locator(".prose")).to_contain_text("The first line.")


@pytest.mark.parametrize("javascript", [True, False])
def test_several_posts_are_changed_with_the_keyboard_alone(open_browser, javascript):
    author = Author.register(open_browser(java_script_enabled=javascript))
    me = author.page
    for title in ("Alpha", "Beta", "Gamma"):
        author.write(f"{title} {javascript}", "Words.", "Save draft")
    me.goto("/dashboard?state=draft")
    for title in ("Alpha", "Gamma"):
        box = me.get_by_role("checkbox", name=f"{title} {javascript}", exact=True)
        box.focus()
        me.keyboard.press("Space")
        expect(box).to_be_checked()
    me.locator("#q").focus()
    tab_to(me, button(me, "Publish chosen"))
    me.keyboard.press("Enter")
    expect(me.get_by_role("status").first).to_contain_text("2 posts published.")
    expect(me.locator(".posts .name")).to_have_text([f"Beta {javascript}"])
    link(me, "Live 2").click()
    expect(me.locator(".posts .name")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lists_and_revisions_fit_every_screen_and_can_be_read(author, scheme):
    me = author.page
    long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft " * 2
    for name in ("live", "thrown"):
        author.write(f"{long}{name}", "Words.")
        link(me, "View it").click()
        slug = me.url.rpartition("/")[2]
        if name == "thrown":
            me.goto(f"/{slug}/delete")
            button(me, "Delete").click()
        else:
            live = slug
    me.goto("/dashboard/write")
    field(me, "Title").fill(f"{long}later")
    field(me, "Body").fill("Words.")
    me.get_by_text("Publish later", exact=True).click()
    field(me, "Publish at").fill(f"{datetime.now(UTC) + timedelta(days=400):%Y-%m-%d}T09:30")
    button(me, "Schedule").click()
    me.emulate_media(color_scheme=scheme)
    for path in ("/dashboard", "/dashboard?state=scheduled", "/dashboard?state=trash", f"/{live}/revisions"):
        for width in (320, 375, 768, 1280):
            me.set_viewport_size({"width": width, "height": 800})
            me.goto(path)
            assert me.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
        assert me.evaluate(FAINT_TEXT) == [], f"{path} in {scheme}"
