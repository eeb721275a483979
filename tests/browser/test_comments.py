"""A comment's way in a real browser: written, held, approved, answered, changed, deleted; by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import Author, button, field, link
from tests.browser.test_journey import end_all_sessions
from tests.browser.test_look import FAINT_TEXT

PAYLOADS = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) <svg/onload=alert(1)>",
    "![x](https://evil.example/x.png) </textarea><iframe src=//evil.example></iframe>",
    "`</code><script>alert(1)</script>` <style>*{display:none}</style>",
)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_comments_whole_way(open_browser, author, reader, javascript):
    author.write(f"Say something {javascript}", "Words.")
    path = f"/say-something-{javascript}".lower()
    friend = Author.register(open_browser(java_script_enabled=javascript))
    them, me = friend.page, author.page
    them.goto(path)
    field(them, "Your comment").fill("It is *held*.")
    button(them, "Comment").click()
    expect(them.locator(".comment.held")).to_contain_text("Waits for approval")
    reader.goto(path)
    expect(reader.locator(".comment")).to_have_count(0)

    me.goto("/dashboard")
    expect(me.get_by_text("1 held")).to_be_visible()
    link(me, "Comments").click()
    me.get_by_role("checkbox", name=friend.name).press("Enter")
    expect(me.get_by_role("status")).to_contain_text("Nothing was decided.")
    me.get_by_role("checkbox", name=friend.name).check()
    me.get_by_role("group", name="All that are ticked").get_by_role("button", name="Approve").click()
    expect(me.get_by_role("status")).to_have_text("1 comment is approved.")
    reader.reload()
    expect(reader.locator(".comment .byline")).to_have_text(friend.name)

    me.goto(path)
    link(me, "Reply").click()
    field(me, "Your reply").fill("It was.")
    button(me, "Reply").click()
    expect(me.locator(".replies .comment")).to_contain_text("It was.")

    them.goto(path)
    link(them, "Change").click()
    field(them, "Your comment").fill("It was held.")
    button(them, "Save changes").click()
    expect(them.locator(".comment.held")).to_contain_text("It was held.")
    link(them, "Delete").click()
    button(them, "Delete").click()
    expect(them.get_by_role("status")).to_have_text("The comment is deleted.")
    reader.reload()
    expect(reader.locator(".comments")).to_contain_text("This comment was deleted.")
    expect(reader.locator(".replies .comment")).to_contain_text("It was.")


def test_a_comment_is_left_by_keyboard_alone_and_survives_an_ended_session(author, on_stage):
    author.write("By keyboard", "Words.")
    me = author.page
    me.goto("/by-keyboard")
    for _ in range(15):
        me.keyboard.press("Tab")
        if me.evaluate("document.activeElement.id") == "comment":
            break
    me.keyboard.type("Typed <b>blind</b>")
    end_all_sessions(on_stage)
    me.keyboard.press("Tab")
    me.keyboard.press("Enter")
    expect(field(me, "Your comment")).to_have_value("Typed <b>blind</b>")
    field(me, "Your comment").press("Tab")
    me.keyboard.press("Tab")
    me.keyboard.press("Enter")
    expect(me.locator(".comment .prose")).to_have_text("Typed <b>blind</b>")


def test_a_stranger_logs_in_and_stands_at_the_form(author):
    author.write("For strangers", "Words.")
    me = author.page
    author.log_out()
    me.goto("/for-strangers")
    link(me, "Log in to comment").click()
    author.prove()
    expect(me).to_have_url("/for-strangers#write-comment")
    expect(button(me, "Comment")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_comments_fit_every_screen_can_be_read_and_run_nothing(author, reader, scheme):
    title = f"Hostile {scheme}"
    author.write(title, "Words.")
    path = "/" + title.lower().replace(" ", "-")
    for payload in (*PAYLOADS, "wide" * 200):
        author.page.goto(path)
        field(author.page, "Your comment").fill(payload)
        button(author.page, "Comment").click()
        expect(author.page.locator(".comment").last).to_be_visible()
    pages = ((reader, path), (author.page, path), (author.page, "/dashboard/comments?state=live"))
    for page, there in (*pages, (author.page, f"{path}/comment")):
        page.emulate_media(color_scheme=scheme)
        for width in (320, 360, 1100):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(there)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{there} at {width}"
        assert page.evaluate(FAINT_TEXT) == [], there
