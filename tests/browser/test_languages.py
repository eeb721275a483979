"""Pages in other languages, as a browser shows them: nothing in English is left, and nothing sticks out."""

from __future__ import annotations

import pytest

from tests.browser.people import Author, link

LEFT = """() => {  // Latin words that people see, but for names, code, formats, and what is typed
    const known = new Set("Byline Markdown PNG JPEG GIF WebP UTC URL Esc HTML Ctrl Shift media".split(" "));
    const apart = "code, pre, kbd, bdi, script, style, option, .site-title, .who, .prose, .name, [lang=en], time";
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    while (texts.nextNode()) {
        const { parentElement: holder, textContent: text } = texts.currentNode;
        if (holder.closest(apart) || !holder.checkVisibility()) continue;
        found.push(...(text.match(/[A-Za-z]{3,}/g) || []).filter((word) => !known.has(word)));
    }
    return found;
}"""
TOO_WIDE = "document.documentElement.scrollWidth - window.innerWidth"
WIDTHS = (360, 1100)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", ["/", "/archive", "/search", "/nothing-here"])
def test_readers_pages_in_arabic_run_from_right_to_left(open_browser, path, width):
    page = open_browser(locale="ar", viewport={"width": width, "height": 800})
    page.goto(path)
    assert page.evaluate("getComputedStyle(document.body).direction") == "rtl"
    assert page.evaluate(LEFT) == []
    assert page.evaluate(TOO_WIDE) <= 0


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/write", "/dashboard/media", "/sessions"])
def test_authors_pages_in_arabic_have_nothing_in_english(author: Author, path, width):
    author.write("A title", "Words.")
    author.page.set_extra_http_headers({"Accept-Language": "ar"})
    author.page.set_viewport_size({"width": width, "height": 800})
    author.page.goto(path)
    assert author.page.evaluate(LEFT) == []
    assert author.page.evaluate(TOO_WIDE) <= 0


@pytest.mark.parametrize("width", WIDTHS)
def test_the_editor_in_german_fits_and_its_tools_speak_german(author: Author, width):
    author.page.set_extra_http_headers({"Accept-Language": "de"})
    author.page.set_viewport_size({"width": width, "height": 800})
    author.page.goto("/dashboard/write")
    names = (
        author.page.get_by_role("toolbar")
        .get_by_role("button")
        .evaluate_all("(all) => all.map((one) => one.ariaLabel || one.textContent)")
    )
    assert names[:4] == ["Fett", "Kursiv", "Überschrift", "Link"]
    assert author.page.evaluate(TOO_WIDE) <= 0


def test_a_date_in_arabic_stays_in_its_order_beside_a_post_in_english(author: Author, open_browser):
    author.write("A title", "Words.")
    page = open_browser(locale="ar")
    page.goto(link(author.page, "View it").get_attribute("href"))
    styles = page.locator("article time").first.evaluate("(time) => getComputedStyle(time).unicodeBidi")
    assert styles == "plaintext"
