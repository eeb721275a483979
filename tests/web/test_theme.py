"""The look of one blog: its colour, its own stylesheet, templates and files, and what of them is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog import create_app
from blog.config import SETTINGS, BadSetting
from blog.web import colours, theme

PAPERS = ":root { --paper: light-dark(#fcfaf5, #1a1816); --raised: light-dark(#ffffff, #23201d); }"
READ = {row.name: row.read for row in SETTINGS}


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#abcdef", "#abcdef", 1)]
)
def test_contrast_is_that_of_the_guidelines(one, other, ratio):
    assert round(colours.contrast(one, other), 2) == round(colours.contrast(other, one), 2) == ratio


@given(st.integers(0, 0xFFFFFF).map("#{:06x}".format))
def test_every_colour_can_be_read_in_light_and_in_dark(colour):
    on_light, on_dark, letters_light, letters_dark = re.findall("#[0-9a-f]{6}", theme.accented(PAPERS, colour))
    for made, papers in (
        (on_light, ("#fcfaf5", "#ffffff", letters_light)),
        (on_dark, ("#1a1816", "#23201d", letters_dark)),
    ):
        assert min(colours.contrast(made, paper) for paper in papers) >= 4.5


def test_a_colour_that_can_be_read_stays_as_it_is():
    assert "light-dark(#0b6e4f, " in theme.accented(PAPERS, "#0b6e4f")
    assert colours.readable("#ffff00", ("#ffffff",), towards="#000000") != "#ffff00"


@pytest.mark.parametrize("text", ["red", "#12", "#12345", "#1234567", "0b6e4f", "#xyzxyz", "#fff; } a { x: y"])
def test_what_is_no_colour_is_refused(text):
    with pytest.raises(ValueError, match="such as #93391f"):
        READ["ACCENT_COLOUR"](text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ()),
        ("About=/about", (("About", "/about"),)),
        (
            " Archive = /archive , Source=https://git.example/a?b=c",
            (("Archive", "/archive"), ("Source", "https://git.example/a?b=c")),
        ),
    ],
)
def test_links_are_read(text, read):
    assert READ["NAVIGATION"](text) == read


@pytest.mark.parametrize(
    "text",
    [
        "About",
        "=/about",
        "About=",
        "About=//evil.example",
        "About=javascript:alert(1)",
        "About=/\\evil.example",
        "A=ftp://a",
        "A=data:x",
    ],
)
def test_links_that_lead_nowhere_or_astray_are_refused(text):
    with pytest.raises(ValueError, match="must be"):
        READ["NAVIGATION"](text)


@pytest.mark.parametrize("text", ["desk", "@desk", "@desk@host", "@de sk@social.example", '@desk@"><b>.example'])
def test_what_is_no_account_is_refused(text):
    with pytest.raises(ValueError, match=r"@desk@social\.example"):
        READ["FEDIVERSE_CREATOR"](text)


def test_settings_stand_on_the_pages(settings, request):
    settings |= {
        "SITE_DESCRIPTION": "About <desks>",
        "LOGO": "/theme/logo.svg",
        "ACCENT_COLOUR": "#FF0",
        "NAVIGATION": "Away=https://a.example/x",
        "FOOTER": "The <end>.",
        "FOOTER_LINKS": "Imprint=/imprint",
        "PROFILES": "https://social.example/@desk",
    }
    visitor = request.getfixturevalue("visitor")
    page = visitor.page("/")
    assert page.select_one(".about").text == page.select_one('meta[name="description"]')["content"] == "About <desks>"
    assert page.select_one(".site-title img")["src"] == "/theme/logo.svg"
    assert page.select_one(".site-pages a")["href"] == "https://a.example/x"
    assert page.select_one("footer.site p").text == "The <end>."
    assert page.select_one('footer.site a[href="/imprint"]').text == "Imprint"
    assert page.select_one('link[rel="me"]')["href"] == "https://social.example/@desk"
    sheet = visitor.get(page.select_one('link[rel="stylesheet"]')["href"])
    assert sheet.headers["Cache-Control"] == "public, max-age=31536000"
    assert "Cookie" not in sheet.headers.get("Vary", "")
    accent = re.findall(r"--accent: light-dark\((#\w+), (#\w+)\)", sheet.text)[-1]
    assert colours.contrast(accent[0], "#f4efe6") >= 4.5
    assert accent[1] == "#ffff00"


def test_the_operator_is_told_what_became_of_a_colour(settings, caplog):
    for colour, said in (("#ffff00", "on light pages"), ("#777777", "pages have"), ("#0b6e4f", None)):
        caplog.clear()
        create_app(settings | {"ACCENT_COLOUR": colour})
        told = [record.getMessage() for record in caplog.records if "ACCENT_COLOUR" in record.getMessage()]
        assert bool(told) == bool(said)
        assert not said or said in told[0]


def test_a_logo_that_no_browser_would_show_is_refused(settings):
    settings["LOGO"] = "https://img.example/logo.svg"
    with pytest.raises(BadSetting, match="IMAGE_HOSTS"):
        create_app(settings)


@pytest.fixture
def folder(settings, tmp_path):
    """A folder of the operator's."""
    own = tmp_path / "theme"
    (own / "templates" / "blog").mkdir(parents=True)
    (own / "files").mkdir()
    (own / "style.css").write_text(":root { --round: 0; } /* ours */")
    (own / "files" / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (own / "secret.txt").write_text("secret")
    settings["THEME_FOLDER"] = str(own)
    return own


def test_a_folder_brings_style_templates_and_files(folder, request):
    (folder / "templates" / "blog" / "archive.html").write_text(
        '{% extends "base.html" %}{% block content %}<h1>By month</h1>{% endblock %}'
    )
    visitor = request.getfixturevalue("visitor")
    assert visitor.page("/archive").h1.text == "By month"
    sheet = visitor.get(visitor.page("/").select_one('link[rel="stylesheet"]')["href"]).text
    assert sheet.startswith("/* Byline")
    assert sheet.rstrip().endswith("/* ours */")
    logo = visitor.get("/theme/logo.svg")
    assert (logo.status_code, logo.mimetype) == (200, "image/svg+xml")
    for path in ("/theme/secret.txt", "/theme/../secret.txt", "/theme/%2e%2e/secret.txt", "/theme/nothing", "/theme/"):
        assert visitor.get(path).status_code == 404


def test_a_template_of_the_operators_extends_ours_of_the_same_name(folder, request):
    (folder / "templates" / "base.html").write_text(
        '{% extends "byline/base.html" %}{% block footer %}{{ super() }}<p class="own">Ours too</p>{% endblock %}'
    )
    visitor = request.getfixturevalue("visitor")
    for path in ("/", "/archive"):
        footer = visitor.page(path).select_one("footer.site")
        assert footer.select_one(".own").text == "Ours too"
        assert footer.select_one("#theme")


def test_a_stylesheet_that_changed_has_another_address(folder, settings, visitor):
    before = visitor.page("/").select_one('link[rel="stylesheet"]')["href"]
    (folder / "style.css").write_text(":root { --round: 1rem; }")
    after = create_app(settings)
    assert after.jinja_env.globals["stylesheet"] not in before


def test_a_template_of_the_operators_that_is_broken_ends_the_start(folder, settings):
    (folder / "templates" / "base.html").write_text("{% block %}")
    with pytest.raises(BadSetting, match=r"base\.html"):
        create_app(settings)


def test_a_folder_that_is_not_there_ends_the_start(settings, tmp_path):
    settings["THEME_FOLDER"] = str(tmp_path / "nothing")
    with pytest.raises(BadSetting, match="there is no folder"):
        create_app(settings)


def test_without_a_folder_there_are_no_files_but_the_stylesheet(visitor):
    assert visitor.get("/theme/logo.svg").status_code == 404
    assert visitor.get("/theme/style.css").headers["Cache-Control"] == "public, max-age=3600"
