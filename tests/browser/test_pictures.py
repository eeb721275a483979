"""Pictures in a browser: uploaded by the plain form, put into a post, and seen by others in the size they need."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.people import Author, button, field, link
from tests.browser.test_look import FAINT_TEXT, LONG
from tests.pictures import picture, png, saved

WIDTHS = (320, 375, 768, 1100)


def fits(page):
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} at {width}"
        assert page.evaluate(FAINT_TEXT) == []


def upload(page, *files, alt=""):
    page.goto("/dashboard/media")
    field(page, "Pictures").set_input_files([{"name": n, "mimeType": t, "buffer": data} for n, t, data in files])
    field(page, "What it shows").fill(alt)
    button(page, "Upload").click()


def test_a_picture_goes_from_the_form_into_a_post(author: Author, reader):
    page = author.page
    page.goto("/dashboard")
    link(page, "Upload pictures and look after them").click()
    expect(page.get_by_text("There are no pictures yet")).to_be_visible()
    fits(page)
    upload(page, ("bridge.jpg", "image/jpeg", saved(picture(2_000, 1_200), "JPEG")), alt="A bridge")
    expect(page.get_by_role("status")).to_have_text("One picture is uploaded.")
    page.locator(".pictures a").click()
    markdown = field(page, "To put it into a post").input_value()
    fits(page)
    author.write("With a picture", markdown, "Save draft")
    address = page.get_by_role("link", name="View it").get_attribute("href")
    page.goto(address)
    image = page.locator(".prose img")
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 0
    source = image.get_attribute("src")
    assert reader.request.get(source).status == 404
    page.goto(f"{address}/edit")
    button(page, "Publish").click()
    reader.set_viewport_size({"width": 360, "height": 800})
    reader.goto(address)
    shown = reader.locator(".prose img")
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("image => image.currentSrc").endswith("-640.webp")
    assert shown.evaluate("image => image.getBoundingClientRect().width") <= 360
    reader.goto(source)  # by itself, under its own policy
    assert reader.locator("img").evaluate("image => image.naturalWidth") == 2_000


def test_what_was_not_taken_is_told_and_a_full_library_fits(author: Author):
    page = author.page
    for start in range(0, 9, 3):
        several = [
            (f"{width}.png", "image/png", saved(picture(400 + width, 100 + 100 * width % 700), "PNG"))
            for width in range(start, start + 3)
        ]
        upload(page, *several, alt=LONG if start else "")
    upload(page, ("drawing.svg", "image/svg+xml", b"<svg/>"), ("x" * 200 + ".jpg", "image/jpeg", png()), alt="Kept")
    expect(page.get_by_role("alert")).to_contain_text("SVG drawing, which can hold programs")
    expect(page.get_by_role("alert")).to_contain_text("It is named .jpg, but holds a PNG picture.")
    expect(field(page, "What it shows")).to_have_value("Kept")
    expect(page.locator(".pictures li")).to_have_count(9)
    fits(page)
    link(page, "Without a description (3)").click()
    expect(page.locator(".pictures li")).to_have_count(3)
    page.locator(".pictures a").first.click()
    button(page, "Delete").click()
    expect(page.get_by_role("status")).to_have_text("The picture is deleted.")
    expect(page.locator(".pictures li")).to_have_count(8)
