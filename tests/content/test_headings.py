"""Headings: what their ids are made of, that they are unique and nobody else's, and their links."""

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from blog.content import headings, text


def ids(body_md):
    page = BeautifulSoup(text.render(body_md), "html.parser")
    return [heading.get("id") for heading in page.find_all(["h2", "h3", "h4", "h5", "h6"])]


@pytest.mark.parametrize(
    ("body_md", "expected"),
    [
        ("## A heading", ["section-a-heading"]),
        ("## A *heading* with `code` & [a link](/x)", ["section-a-heading-with-code-a-link"]),
        ("## Same\n\n## Same\n\n## Same", ["section-same", "section-same-2", "section-same-3"]),
        ("## a\n\n## a 2\n\n## a", ["section-a", "section-a-2", "section-a-2-2"]),
        ("## a 2\n\n## a\n\n## a", ["section-a-2", "section-a", "section-a-2-2"]),
        ("## Größe\n\n## 東京", ["section-grosse", "section-dong-jing"]),
        ("## 🎉", [headings.id_for("🎉")]),
        ("##\n\n## ![alt](/x.png)\n\n## <!-- -->", [None, None, None]),
        ("## a[^1]\n\n[^1]: note", ["section-a"]),
        ("<h2 id=content class=x>Raw</h2>", ["section-raw"]),
        ("Raw\n---\n\n> ## Quoted", ["section-raw", "section-quoted"]),
        (f"## {'word ' * 40}", ["section-" + "-".join(["word"] * 12)]),
        ("<div><a href='/x'><h2>a</h2></a></div>\n\n<details><summary><h3>b</h3></summary></details>", [None, None]),
    ],
)
def test_an_id_is_made_of_the_words(body_md, expected):
    assert ids(body_md) == expected


def test_what_stands_elsewhere_does_not_change_an_id():
    assert ids("## One\n\n## Two")[1] == ids("## Another\n\n### More\n\n## Two")[2] == "section-two"


def test_a_heading_is_a_link_to_itself_of_its_own_name():
    page = BeautifulSoup(text.render("## A *heading*"), "html.parser")
    assert page.h2.a["href"] == "#" + page.h2["id"]
    assert page.h2.get_text() == page.h2.a.get_text() == "A heading"


def test_a_heading_with_a_link_in_it_has_another_beside_it_that_says_what_it_is():
    page = BeautifulSoup(text.render("## See [this](/x)"), "html.parser")
    first, second = page.h2.find_all("a")
    assert (first["href"], first.get_text()) == ("/x", "this")
    assert (second["href"], second["aria-label"]) == ("#section-see-this", "This section")
    assert not page.select("a a")


@given(st.lists(st.sampled_from(["a", "a 2", "a-2", "A", "2", "", "é", "*a*", "content", "ä b"]), max_size=12))
def test_no_two_are_alike_and_none_is_the_pages_own(words):
    found = [name for name in ids("\n\n".join(f"## {word}" for word in words)) if name]
    assert len(found) == len(set(found))
    assert all(name.startswith("section-") for name in found)


def test_nobody_gives_an_id_or_a_class_of_ours_to_anything_else():
    body_md = (
        '<p id="section-a" class="anchor">x</p><a class="anchor" aria-label="y" href="/z">z</a><span class="k">k</span>'
    )
    assert text.render(body_md) == '<p>x</p><a href="/z" rel="ugc noopener">z</a>k'
    with_heading = text.render(body_md + "\n\n## b")
    assert with_heading.startswith('<p>x</p><a href="/z" rel="ugc noopener">z</a>k')


def test_the_ids_of_our_pages_are_others(app):
    import re
    from pathlib import Path

    pages = [path.read_text() for path in (Path(__file__).parents[2] / "blog" / "templates").rglob("*.html")]
    own = {name for page in pages for name in re.findall(r'\bid="([^"]+)"', page)}
    assert own
    assert not [name for name in own if name.startswith((headings.PREFIX, "fn"))]


def test_of_very_many_headings_the_last_are_no_links():
    found = ids("## a\n\n" * 5_000)
    assert len(found) == 5_000
    assert len([name for name in found if name]) == 500
