"""How the pages stand on screens of any width, in light and in dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import Author, button, field

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft " * 2
EVERYTHING = f"""A paragraph with `code`, **strong** words and a [link](https://example.org/{"x" * 200}).

## A heading

{"wide " * 60}

| {" | ".join(f"column {n}" for n in range(12))} |
|{"---|" * 12}
| {" | ".join("cell" for _ in range(12))} |

```
{"a very long line of code " * 10}
```

```python
@door
class Door(Frame):
    width: int = 90  # the usual one

    def open(self) -> str:
        return f"{{self}} is open\\n" if self.width > 60 else None
```

```diff
-width = 60
+width = 90
```

### A heading with [a link](/in-it)

## כותרת

- [x] done
- [ ] not yet

> A quotation.[^1]

[^1]: A note.

{"Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy eirmod tempor invidunt. " * 12}
"""

CHARACTERS_A_LINE = """() => {
    const text = [...document.querySelectorAll('.prose > p')].pop().firstChild;
    const range = document.createRange(), lines = {};
    for (let at = 0; at < text.length; at++) {
        range.setStart(text, at); range.setEnd(text, at + 1);
        const top = Math.round(range.getBoundingClientRect().top);
        lines[top] = (lines[top] || 0) + 1;
    }
    const counts = Object.values(lines).slice(0, -1);
    return counts.reduce((sum, count) => sum + count, 0) / counts.length;
}"""

FAINT_TEXT = """() => {
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour.length < 4 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || element.closest('[aria-hidden]') || !element.checkVisibility()) continue;
        const both = [light(parse(getComputedStyle(element).color)), light(behind(element))];
        const contrast = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
        if (contrast < 4.5) faint.push(`${element.tagName} ${element.className} ${contrast.toFixed(2)}`);
    }
    return faint;
}"""


@pytest.fixture
def pages(author: Author):
    """The addresses of one page of every kind, on a blog with awkward content."""
    author.write(LONG, EVERYTHING)
    live = author.page.get_by_role("link", name="View it").get_attribute("href")
    author.write("A draft " + LONG, EVERYTHING, "Save draft")
    others = "/a-blog-that-asks/edit"  # a page that says no
    refused = "/oidc/callback?state=unknown"
    author.page.goto(live)
    own = author.page.locator(".byline a").get_attribute("href")
    return [
        "/",
        live,
        own,
        "/nothing",
        others,
        refused,
        "/dashboard",
        "/dashboard/write",
        "/dashboard/page",
        "/dashboard/media",
        f"{live}/edit",
        f"{live}/delete",
        "/logout",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_every_screen_and_can_be_read(author, pages, scheme):
    page = author.page
    page.emulate_media(color_scheme=scheme)
    for path in pages:
        for width in (320, 375, 768, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
        assert page.evaluate(FAINT_TEXT) == [], f"{path} in {scheme}"


def test_lines_have_a_length_that_reads_well(author, pages, reader):
    reader.set_viewport_size({"width": 1280, "height": 800})
    reader.goto(pages[1])
    assert 60 <= reader.evaluate(CHARACTERS_A_LINE) <= 75


def test_the_conflict_page_fits_a_phone_too(author, pages):
    page = author.page
    other = page.context.new_page()
    for tab in (page, other):
        tab.set_viewport_size({"width": 320, "height": 700})
        tab.goto(f"{pages[1]}/edit")
        field(tab, "Body").fill(EVERYTHING + tab.url * 5 + str(tab is page))
    button(page, "Save changes").click()
    button(other, "Save changes").click()
    expect(other.get_by_role("heading", name="Two versions")).to_be_visible()
    assert other.evaluate("document.documentElement.scrollWidth") <= 320
    assert other.evaluate(FAINT_TEXT) == []


def test_controls_are_large_enough_to_touch(author, pages):
    page = author.page
    page.set_viewport_size({"width": 375, "height": 800})
    for path in pages:
        page.goto(path)
        for control in page.locator("button:not([aria-hidden]), .button, nav a").all():
            box = control.bounding_box()
            assert box is not None
            assert box["height"] >= 24, f"{path}: {control.inner_text()}"  # WCAG 2.2, 2.5.8
