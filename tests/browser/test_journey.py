"""What people do with the blog, in a real browser, from registering to leaving; and what goes wrong on the way."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect

from blog.identity.provider import MOMENT_S
from demo import stage, state
from tests.browser.people import Author, button, field, link


@pytest.mark.parametrize("javascript", [True, False])
def test_the_whole_journey(open_browser, reader, javascript):
    author = Author.register(open_browser(java_script_enabled=javascript))
    me = author.page
    author.write("A first word", "It begins *somewhere*.")
    reader.goto("/a-first-word")
    expect(reader.get_by_role("heading", name="A first word")).to_be_visible()
    expect(reader.locator(".byline")).to_have_text(author.name)

    me.goto("/a-first-word/edit")
    field(me, "Body").fill("It goes on *elsewhere*.")
    button(me, "Save changes").click()
    expect(me.get_by_role("status")).to_contain_text("Changes saved.")
    reader.reload()
    expect(reader.locator(".prose")).to_have_text("It goes on elsewhere.")

    field(me, "Title").fill("A second word")
    button(me, "Save changes").click()
    expect(me).to_have_url("/a-second-word/edit")
    reader.goto("/a-first-word")
    expect(reader).to_have_url("/a-second-word")

    button(me, "Delete").click()
    expect(me.get_by_role("heading", name="Delete this post?")).to_be_visible()
    button(me, "Delete").click()
    expect(me.get_by_role("status")).to_contain_text("“A second word” is deleted.")
    assert reader.goto("/a-second-word").status == 404
    link(me, "Trash 1").click()
    button(me, "Delete for good").click()
    expect(me.get_by_role("heading", name="Delete this post for good?")).to_be_visible()
    button(me, "Delete for good").click()
    expect(me.get_by_role("status")).to_contain_text("1 post deleted for good.")

    author.log_out()
    link(me, "Log in").click()
    expect(me.locator("input[name=login]")).to_be_visible()  # the provider's session has ended as well
    author.prove()
    expect(me).to_have_url("/dashboard")


def test_a_draft_is_published_and_taken_back(author, reader):
    author.write("Second thoughts", "Not so sure.", "Save draft")
    assert reader.goto("/second-thoughts").status == 404
    author.page.goto("/second-thoughts/edit")
    button(author.page, "Publish").click()
    expect(author.page.get_by_role("status")).to_contain_text("Published.")
    assert reader.reload().status == 200
    button(author.page, "Unpublish").click()
    expect(author.page.get_by_role("status")).to_contain_text("Unpublished.")
    assert reader.reload().status == 404


def test_a_name_changed_at_the_provider_arrives_on_every_page(author, reader, on_stage):
    me = author.page
    author.write("Under a name", "Mine for now.")
    me.goto(f"{on_stage.issuer}/profile/{author.login}")
    me.get_by_label("Display Name").fill("Marta Newname")
    button(me, "Edit").click()
    me.goto("/")
    author.log_out()
    link(me, "Log in").click()
    author.prove()
    expect(me.get_by_role("banner")).to_contain_text("Marta Newname")
    for path in ("/", "/under-a-name"):
        reader.goto(path)
        expect(reader.locator("main")).to_contain_text("Marta Newname")
        expect(reader.locator("main")).not_to_contain_text(author.name)


@pytest.mark.parametrize("first", [0, 1])
def test_two_tabs_log_in_together(author, on_stage, first):
    author.log_out()
    tabs, targets, ways = [author.page, author.page.context.new_page()], ["/dashboard", "/logout"], []
    for tab, target in zip(tabs, targets, strict=True):
        with tab.expect_request("**/oauth/authorize?*") as asked:
            tab.goto(f"/login?next={target}")
        ways.append(asked.value.url)
    author.prove(tabs[first])
    expect(tabs[first]).to_have_url(re.compile(f"^{on_stage.url}({'|'.join(targets)})$"))
    answered = targets.index(urlsplit(tabs[first].url).path)  # Canaille remembers one login at a time: not always this
    tabs[1 - first].goto(ways[1 - answered])
    expect(tabs[1 - first]).to_have_url(targets[1 - answered])
    for tab in tabs:
        tab.goto("/dashboard")
        expect(tab.get_by_role("heading", name="Dashboard")).to_be_visible()


def test_the_back_button_after_logging_in_and_after_logging_out(author):
    me = author.page
    author.log_out()
    link(me, "Log in").click()
    author.prove()
    expect(me).to_have_url("/dashboard")
    me.go_back()
    expect(me.locator("body")).not_to_contain_text("You are not logged in")
    me.goto("/dashboard")
    author.log_out()
    me.go_back()
    me.goto("/dashboard", wait_until="commit")
    expect(me.locator("input[name=login]")).to_be_visible()


def test_nothing_private_is_shown_by_going_back_after_logging_out(author):
    me = author.page
    author.write("Nobody else", "Private words.", "Save draft")
    author.log_out()
    for _ in range(3):
        me.go_back()
        expect(me.locator("body")).not_to_contain_text("Nobody else")


def test_a_session_that_ends_while_writing_loses_no_words(author, on_stage, reader):
    me = author.page
    author.write("Long text", "The first hour.")
    me.goto("/long-text/edit")
    field(me, "Body").fill("The first hour. The second hour.")
    end_all_sessions(on_stage)
    button(me, "Save changes").click()
    expect(me).to_have_url(re.compile(r"/long-text/edit\?parked=[\w-]+$"))
    expect(me.get_by_role("status")).to_contain_text("What you sent was kept while you logged in")
    expect(field(me, "Body")).to_have_value("The first hour. The second hour.")
    button(me, "Save changes").click()
    expect(me.get_by_role("status")).to_contain_text("Changes saved.")
    reader.goto("/long-text")
    expect(reader.locator(".prose")).to_contain_text("The second hour.")


def test_a_new_post_survives_a_session_that_ended_here_and_at_the_provider(author, on_stage):
    me = author.page
    me.goto("/dashboard/write")
    field(me, "Title").fill("Overnight")
    field(me, "Body").fill("Written late.")
    end_all_sessions(on_stage)
    me.context.clear_cookies()
    button(me, "Publish").click()
    author.prove()
    expect(field(me, "Title")).to_have_value("Overnight")
    expect(field(me, "Body")).to_have_value("Written late.")
    button(me, "Publish").click()
    expect(me.get_by_role("status")).to_contain_text("Published.")


def end_all_sessions(on_stage):
    with closing(sqlite3.connect(on_stage.place.folder / "blog.db", timeout=5)) as database, database:
        assert database.execute("DELETE FROM sessions").rowcount


def test_two_tabs_that_edit_lose_nothing(author, reader):
    author.write("Shared", "The beginning.")
    one, two = author.page, author.page.context.new_page()
    for tab, words in ((one, "From the first tab."), (two, "From the second tab.")):
        tab.goto("/shared/edit")
        field(tab, "Body").fill(words)
    button(one, "Save changes").click()
    button(two, "Save changes").click()
    expect(two.get_by_role("heading", name="Two versions of this post")).to_be_visible()
    expect(field(two, "Body")).to_have_value("From the second tab.")
    expect(field(two, "Saved text")).to_have_value("From the first tab.")
    button(two, "Save changes").click()
    expect(two.get_by_role("status")).to_contain_text("Changes saved.")
    reader.goto("/shared")
    expect(reader.locator(".prose")).to_have_text("From the second tab.")


def test_a_post_for_who_is_logged_in_is_found_by_logging_in(author, reader):
    author.page.goto("/dashboard/write")
    author.page.get_by_label("Everyone", exact=True).focus()
    author.page.keyboard.press("ArrowDown")
    field(author.page, "Title").fill("Among us")
    field(author.page, "Body").fill("Not for everybody.")
    button(author.page, "Publish").click()
    expect(author.page.get_by_role("status")).to_contain_text("Everybody who is logged in can read it now.")
    reader.goto("/")
    expect(reader.get_by_text("Among us")).to_have_count(0)
    assert reader.goto("/among-us").status == 404
    author.log_out()
    me = author.page
    me.goto("/among-us")
    link(me.get_by_role("main"), "Log in").click()
    author.prove()
    expect(me).to_have_url("/among-us")
    expect(me.locator(".post .limited")).to_have_text("Logged-in people")


def test_a_double_click_makes_one_post(author):
    me = author.page
    me.goto("/dashboard/write")
    field(me, "Title").fill("Clicked twice")
    field(me, "Body").fill("In a hurry.")
    button(me, "Publish").dblclick()
    expect(me.locator(".posts .name", has_text="Clicked twice")).to_have_count(1)


def test_a_mistake_is_told_beside_the_field_and_keeps_the_words(author):
    me = author.page
    me.goto("/dashboard/write")
    field(me, "Body").fill("Words without a headline.")
    button(me, "Publish").click()
    expect(me.get_by_role("alert")).to_be_visible()
    expect(me.locator("#title-problem")).to_have_text("The title is empty.")
    expect(field(me, "Body")).to_have_value("Words without a headline.")
    field(me, "Title").fill("A headline")
    button(me, "Publish").click()
    expect(me.get_by_role("status")).to_contain_text("Published.")


def test_reading_goes_on_while_the_provider_is_stopped(author, reader, on_stage):
    author.write("Still here", "Without asking anybody.")
    on_stage.children.stop("provider")
    try:
        for path in ("/", "/still-here"):
            assert reader.goto(path).status == 200
            expect(reader.locator("main")).to_contain_text(author.name)
        author.page.goto("/dashboard")
        expect(author.page.locator(".posts")).to_contain_text("Still here")
        reader.wait_for_timeout(MOMENT_S * 1000)
        link(reader, "Log in").click()
        expect(reader.get_by_role("heading", name="You are not logged in")).to_be_visible()
        expect(reader.locator("main")).to_contain_text("The sign-in service does not answer")
    finally:
        restart_provider(on_stage)
    link(reader, "Start again").click()
    author.prove(reader)
    expect(reader).to_have_url("/dashboard")


def test_after_a_restart_without_the_provider_logging_in_says_what_is_wrong(author, reader, on_stage):
    author.write("Neutral", "Written under a name.")
    environ = stage.blog_environ(state.load(on_stage.place.folder), on_stage.place)
    for name in ("provider", "blog"):
        on_stage.children.stop(name)
    stage.start_blog(on_stage.children, environ)
    on_stage.children.wait_for("blog", f"{on_stage.url}/")
    try:
        reader.goto("/neutral")
        expect(reader.locator(".byline")).to_contain_text("Author ")
        link(reader, "Log in").click()
        expect(reader.get_by_role("heading", name="You are not logged in")).to_be_visible()
        expect(reader.locator("main")).to_contain_text("The sign-in service does not answer")
    finally:
        restart_provider(on_stage)


def restart_provider(on_stage):
    environ = stage.blog_environ(state.load(on_stage.place.folder), on_stage.place)
    on_stage.children.start("provider", stage.provider_command(on_stage.place), environ)
    on_stage.children.wait_for("provider", f"{on_stage.issuer}/.well-known/openid-configuration")
    on_stage.children.wait_for("blog", f"{on_stage.url}/login")  # leads to the provider once the blog tries it again


def test_a_server_that_is_killed_while_somebody_writes_costs_no_words(author, on_stage):
    me = author.page
    me.goto("/dashboard/write")
    field(me, "Title").fill("Through the storm")
    field(me, "Body").fill("Words that were typed before.")
    environ = stage.blog_environ(state.load(on_stage.place.folder), on_stage.place)
    os.killpg(on_stage.children.pid("blog"), signal.SIGKILL)
    on_stage.children.stop("blog")
    stage.start_blog(on_stage.children, environ)
    on_stage.children.wait_for("blog", f"{on_stage.url}/")
    button(me, "Publish").click()
    expect(me.get_by_role("status")).to_contain_text("Published.")
    expect(me.locator(".posts")).to_contain_text("Through the storm")


def test_everything_can_be_done_with_the_keyboard(author):
    me = author.page
    me.goto("/dashboard/write")
    pages = me.locator(".site-pages a").all_inner_texts()  # of other tests, as far as they are published
    reached = []
    for _ in range(16 + len(pages)):
        me.keyboard.press("Tab")
        focused = me.evaluate(
            "((on) => on.innerText || on.name || on.getAttribute('aria-label'))(document.activeElement)"
        )
        reached.append(" ".join(focused.split()))
    assert reached == [
        "Skip to the content",
        "Byline",
        "Search",
        author.name,
        "Dashboard",
        "Log out",
        *pages,
        "title",
        "Bold",  # the whole toolbar is one stop
        "body",
        "your pictures (opens a new tab)",
        "visible_to",
        "Settings kind, tags, address, language, image",
        "comments",
        "Publish later",
        "Save draft",
        "Publish",
    ]
    field(me, "Body").fill("Enter in the title saves a draft, and never publishes.")
    field(me, "Title").fill("Pressed Enter")
    field(me, "Title").press("Enter")
    expect(me.get_by_role("status")).to_contain_text("Draft saved.")


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<a href=javascript:alert(1)>click</a>",
    "[click](javascript:alert(1))",
    "[click](data:text/html,<script>alert(1)</script>)",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<form action=javascript:alert(1)><button>Publish</button></form>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<style>*{display:none}</style>",
    "<div style='position:fixed;inset:0'>over all</div>",
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "</textarea><script>alert(1)</script>",
    '" onmouseover="alert(1)',
]


def test_hostile_text_runs_nothing(author, reader):
    """No dialog, no message, no request: the witness of these browsers fails the test otherwise."""
    author.write("</title><script>alert(1)</script>" + HOSTILE[-1], "\n\n".join(HOSTILE))
    view = author.page.get_by_role("link", name="View it").get_attribute("href")
    for page, path in ((reader, view), (reader, "/"), (author.page, "/dashboard"), (author.page, f"{view}/edit")):
        page.goto(path)
        expect(page.get_by_role("banner")).to_be_visible()
        assert page.url.startswith(page.context.pages[0].evaluate("location.origin"))
    reader.goto(view)
    alive = "script, style, iframe, form, svg:not(.avatars > .avatar), math, base, meta, [style]"  # one avatar is ours
    assert reader.locator("main").locator(alive).count() == 0
    for anchor in reader.locator(".prose a").all():
        assert not (anchor.get_attribute("href") or "").lower().startswith(("javascript:", "data:"))


def test_going_back_to_a_form_finds_the_version_that_is_saved(author):
    me = author.page
    author.write("Again", "Once.", "Save draft")
    me.goto("/again/edit")
    field(me, "Body").fill("Twice.")
    button(me, "Save changes").click()
    expect(me.get_by_role("status").first).to_be_visible()
    with me.expect_response(lambda answer: answer.url.endswith("/again/edit")) as sent:
        me.go_back()
    shown = me.locator("#editor input[type=hidden]").evaluate_all("all => all.map(({name, value}) => [name, value])")
    served = BeautifulSoup(sent.value.text(), "html.parser").select("#editor input[type=hidden]")
    assert shown == [[each["name"], each["value"]] for each in served]
    assert ["version", "2"] in shown
