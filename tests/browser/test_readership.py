"""How often a post is read, from a reader's browser to the author's chart."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Author, link
from tests.browser.test_look import FAINT_TEXT

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SCREENS = [(320, "light"), (360, "dark"), (1100, "light"), (1100, "dark")]


def counted(page: Page, views: str) -> None:
    """Look at the page until the sums were written, which takes some seconds."""
    for _ in range(40):
        page.goto("/dashboard/readership?days=7")
        if page.get_by_text(views, exact=True).count():
            return
        page.wait_for_timeout(1000)
    raise AssertionError(page.locator("main").inner_text())


def test_an_author_sees_in_a_chart_that_somebody_read(author: Author, open_browser):
    title = "A post that is read, with a title that goes on and on Donaudampfschifffahrtselektrizitätenhauptbetrieb"
    author.write(title, "Words.")
    address = link(author.page, "View it").get_attribute("href")
    people = [open_browser(user_agent=FIREFOX, viewport={"width": width, "height": 700}) for width in (400, 900)]
    for reader in people:
        reader.goto(address)
    open_browser().goto(address)  # calls itself HeadlessChrome
    page = author.page
    counted(page, "2 views")
    expect(page.get_by_role("img", name="Views in the last 7 days")).to_be_visible()
    expect(page.get_by_role("row", name=title)).to_contain_text("2")
    page.get_by_text("The numbers", exact=True).click()
    expect(page.locator("details tbody tr").first.locator("td").first).to_have_text("2")
    page.goto("/dashboard")
    expect(page.get_by_text("2 views in 30 days")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_the_chart_fits_every_screen_and_can_be_read(author: Author, open_browser, width, scheme):
    author.write("A title " + "x" * 120, "Words.")
    open_browser(user_agent=FIREFOX).goto(link(author.page, "View it").get_attribute("href"))
    page = author.page
    page.set_viewport_size({"width": width, "height": 700})
    page.emulate_media(color_scheme=scheme)
    counted(page, "1 view")
    for path in ("/dashboard/readership?days=365", "/dashboard"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert page.evaluate(FAINT_TEXT) == []
        chart = page.locator("svg.chart").first
        expect(chart).to_be_visible()
        drawn = chart.evaluate("(svg) => getComputedStyle(svg).fill")
        assert drawn == {"light": "rgb(147, 57, 31)", "dark": "rgb(235, 155, 123)"}[scheme]
