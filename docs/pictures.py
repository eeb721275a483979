"""Takes the pictures of the documents from the running demo, with Chromium; ``make pictures``."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from demo import stage, state
from demo.children import Children

PICTURES = Path(__file__).parent / "pictures"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 800}
DESK = {  # what an author works with, and where it is
    "dashboard": "/dashboard",
    "editor": "/addresses-are-promises/edit",
    "media": "/dashboard/media",
    "moderation": "/dashboard/comments",
}


def main() -> None:
    """Start a fresh demo, walk through it, and take the pictures on the way."""
    with tempfile.TemporaryDirectory() as folder, Children(Path(folder)) as children, sync_playwright() as playwright:
        place = stage.Place(Path(folder), *stage.free_ports(2))
        kept = state.load(place.folder)
        stage.start(children, place, kept)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        take(browser, place.blog_url, kept.authors)
        browser.close()


def take(browser: Browser, url: str, authors: Sequence[state.Author]) -> None:
    """Walk through the blog as a reader, then as its authors."""
    reader = browser.new_page(base_url=url, viewport=DESKTOP, color_scheme="light")
    picture(reader, "/", "home")
    picture(reader, "/what-an-editor-looks-for", "post")
    picture(reader, "/archive", "archive")
    pocket = browser.new_page(base_url=url, viewport=PHONE, color_scheme="dark", device_scale_factor=1.5)
    picture(pocket, "/two-doors-one-name", "phone")
    me, other = (log_in(browser, url, author) for author in authors[:2])
    fill_the_desk(me, other)
    for name, path in DESK.items():
        pictures(me, path, name)
    conflict(me)


def fill_the_desk(me: Page, other: Page) -> None:
    """Leave a draft, a post for later, two pictures and a comment that waits, so that there is something to see."""
    write(me, "What I would tell a new colleague", "Start with the sentence you would say at the door.", "Save draft")
    for path, shown in (("/", "The home page of this blog."), ("/two-doors-one-name", "")):
        other.goto(path)
        me.goto("/dashboard/media")
        file = {"name": "page.png", "mimeType": "image/png", "buffer": other.screenshot()}
        me.locator("input[type=file]").set_input_files(file)
        me.get_by_label("What it shows").fill(shown)
        me.get_by_role("button", name="Upload").click()
        me.wait_for_load_state()
    other.goto("/addresses-are-promises")
    other.get_by_label("Your comment").fill("We moved house twice, and *every* old link still works. Worth the work.")
    other.get_by_role("button", name="Comment", exact=True).click()
    other.wait_for_load_state()


def write(page: Page, title: str, body: str, button: str) -> None:
    """Write a new post, and press this button."""
    page.goto("/dashboard/write")
    page.get_by_label("Title", exact=True).fill(title)
    page.get_by_label("Body", exact=True).fill(body)
    page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_load_state()


def log_in(browser: Browser, url: str, author: state.Author) -> Page:
    """Go through the demo provider's two pages, with a browser of one's own."""
    page = browser.new_context(base_url=url, viewport=DESKTOP, color_scheme="light").new_page()
    page.goto("/login")
    page.locator("input[name=login]").fill(author.user_name)
    page.get_by_role("button", name="Continue").click()
    page.locator("input[type=password]").fill(author.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/dashboard")
    return page


def conflict(page: Page) -> None:
    """Save the same post from two tabs."""
    other = page.context.new_page()
    for tab, words in ((page, "This line came from the other tab."), (other, "And this one from here.")):
        tab.goto("/addresses-are-promises/edit")
        body = tab.get_by_label("Body", exact=True)
        body.fill(f"{body.input_value()}\n\n{words}")
    for tab in (page, other):
        tab.get_by_role("button", name="Save changes").click()
        tab.wait_for_load_state()
    both_widths(other, "conflict")


def pictures(page: Page, path: str, name: str) -> None:
    """Take what is at this address, on a desk and on a phone."""
    page.goto(path)
    both_widths(page, name)


def both_widths(page: Page, name: str) -> None:
    """Take what is shown, on a desk and on a phone."""
    for viewport, suffix in ((DESKTOP, ""), (PHONE, "-phone")):
        page.set_viewport_size({**viewport, "height": 1100})
        page.screenshot(path=PICTURES / f"{name}{suffix}.png")
    page.set_viewport_size(DESKTOP)


def picture(page: Page, path: str, name: str) -> None:
    """Take what is on the screen at this address."""
    page.goto(path)
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
