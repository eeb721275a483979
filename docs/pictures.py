"""Takes the pictures of the documents from the running demo, with Chromium; ``make pictures``."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from demo import stage, state
from demo.children import Children

PICTURES = Path(__file__).parent / "pictures"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 800}


def main() -> None:
    """Start a fresh demo, walk through it, and take the pictures on the way."""
    with tempfile.TemporaryDirectory() as folder, Children(Path(folder)) as children, sync_playwright() as playwright:
        place = stage.Place(Path(folder), *stage.free_ports(2))
        kept = state.load(place.folder)
        stage.start(children, place, kept)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        take(browser, place.blog_url, kept.authors[0].user_name, kept.authors[0].password)
        browser.close()


def take(browser: Browser, url: str, user_name: str, password: str) -> None:
    """Walk through the blog as a reader, then as this author."""
    reader = browser.new_page(base_url=url, viewport=DESKTOP, color_scheme="light")
    picture(reader, "/", "home")
    picture(reader, "/what-an-editor-looks-for", "post")
    picture(reader, "/archive", "archive")
    pocket = browser.new_page(base_url=url, viewport=PHONE, color_scheme="dark", device_scale_factor=1.5)
    picture(pocket, "/two-doors-one-name", "phone")
    author = browser.new_context(base_url=url, viewport=DESKTOP, color_scheme="light").new_page()
    log_in(author, user_name, password)
    author.goto("/dashboard/write")
    author.get_by_label("Title", exact=True).fill("What I would tell a new colleague")
    author.get_by_label("Body", exact=True).fill("Start with the sentence you would say at the door.")
    author.get_by_role("button", name="Save draft").click()
    author.wait_for_load_state()
    picture(author, "/dashboard", "dashboard", full_page=True)
    picture(author, "/addresses-are-promises/edit", "editor")
    conflict(author)


def log_in(page: Page, user_name: str, password: str) -> None:
    """Go through the demo provider's two pages."""
    page.goto("/login")
    page.locator("input[name=login]").fill(user_name)
    page.get_by_role("button", name="Continue").click()
    page.locator("input[type=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/dashboard")


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
    other.screenshot(path=PICTURES / "conflict.png")


def picture(page: Page, path: str, name: str, *, full_page: bool = False) -> None:
    """Take what is on the screen at this address."""
    page.goto(path)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=full_page)


if __name__ == "__main__":
    main()
