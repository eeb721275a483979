"""The extensions of GitHub Flavored Markdown 0.29 that we know, by the sections of its specification."""

import pytest
from bs4 import BeautifulSoup

from blog.content import autolinks, text


def cells(body_md):
    """Each row of the only table, as a list of what its cells hold; None when there is no table."""
    page = BeautifulSoup(text.render(body_md), "html.parser")
    if page.table is None:
        return None
    return [[cell.decode_contents() for cell in row.find_all(["th", "td"])] for row in page.find_all("tr")]


@pytest.mark.parametrize(
    ("body_md", "rows"),
    [
        ("| a | b |\n| - | - |\n| c | d |", [["a", "b"], ["c", "d"]]),
        ("a | b\n--- | ---\nc | d", [["a", "b"], ["c", "d"]]),
        ("| a |\n| - |\n| c \\| d |", [["a"], ["c | d"]]),
        ("| a |\n| - |\n| `c \\| d` |", [["a"], ["<code>c | d</code>"]]),
        ("| *a* |\n| - |\n| **b** |", [["<em>a</em>"], ["<strong>b</strong>"]]),
        ("| a |\n| - |\n| b |\n> c", [["a"], ["b"]]),
        ("| a |\n| - |\n| b |\nc\n\nd", [["a"], ["b"], ["c"]]),
        ("| a | b |\n| - |\n| c |", None),
        ("| a | b |\n| - | - |\n| c |\n| d | e | f |", [["a", "b"], ["c", ""], ["d", "e"]]),
        ("| a | b |\n| - | - |", [["a", "b"]]),
    ],
    ids=[
        "pipes around",
        "no pipes around",
        "an escaped pipe",
        "an escaped pipe in code",
        "inlines in cells",
        "ended by another block",
        "ended by an empty line",
        "as many delimiters as cells",
        "cells too few and too many",
        "without a body",
    ],
)
def test_tables(body_md, rows):
    """4.10"""
    assert cells(body_md) == rows


def test_a_table_without_a_body_has_none():
    """4.10"""
    assert "<tbody>" not in text.render("| a |\n| - |")


@pytest.mark.parametrize(
    ("body_md", "ticked"),
    [
        ("- [ ] a\n- [x] b\n- [X] c", [False, True, True]),
        ("- [x] a\n  - [ ] b\n  - [x] c\n- [ ] d", [True, False, True, False]),
        ("1. [x] a\n2. b", [True]),
        ("* [ ] a\n+ [x] b", [False, True]),
        ("- [x]a\n- []b\n- [y] c\n- a [x] b", []),
    ],
    ids=["open and ticked", "in each other", "in numbered lists", "other bullets", "what is none"],
)
def test_task_list_items(body_md, ticked):
    """5.3"""
    boxes = BeautifulSoup(text.render(body_md), "html.parser").find_all("input")
    assert [box.has_attr("checked") for box in boxes] == ticked
    assert all(box["type"] == "checkbox" and box.has_attr("disabled") and box["aria-label"] for box in boxes)


@pytest.mark.parametrize(
    ("body_md", "body_html"),
    [
        ("~~Hi~~ there", "<p><s>Hi</s> there</p>"),
        ("~~a *b* c~~", "<p><s>a <em>b</em> c</s></p>"),
        ("~~a\n\nb~~", "<p>~~a</p>\n<p>b~~</p>"),
        ("a ~~~b~~~ c", "<p>a ~<s>b</s>~ c</p>"),
        ("~5 to ~6", "<p>~5 to ~6</p>"),
        ("\\~~a~~", "<p>~~a~~</p>"),
    ],
    ids=["two tildes", "with other marks", "not over paragraphs", "three tildes", "one tilde", "escaped"],
)
def test_strikethrough(body_md, body_html):
    """6.5"""
    assert text.render(body_md).strip() == body_html


@pytest.mark.parametrize(
    ("body_md", "links"),
    [
        ("www.example.org", {"http://www.example.org": "www.example.org"}),
        ("see www.example.org/a_b?c=d.", {"http://www.example.org/a_b?c=d": "www.example.org/a_b?c=d"}),
        ("www.example", {"http://www.example": "www.example"}),
        ("www. and wwww.example.org and xwww.example.org", {}),
        ("https://a_b.example.org", {"https://a_b.example.org": "https://a_b.example.org"}),
        ("https://a.b_c.org https://a.b.o_g", {}),
        (
            "http://a.example. http://b.example, http://c.example!",
            {f"http://{x}.example": f"http://{x}.example" for x in "abc"},
        ),
        ("(see http://a.example/b_(c))", {"http://a.example/b_(c)": "http://a.example/b_(c)"}),
        ("http://a.example/b_(c)_d))", {"http://a.example/b_(c)_d": "http://a.example/b_(c)_d"}),
        ("http://a.example/(b", {"http://a.example/(b": "http://a.example/(b"}),
        ("http://a.example/?b&amp;hl&copy;", {"http://a.example/?b&hl%C2%A9": "http://a.example/?b&hl©"}),
        ("http://a.example/?b&notanentity;", {"http://a.example/?b": "http://a.example/?b"}),
        ("http://a.example/b&lt;c", {"http://a.example/b": "http://a.example/b"}),
        (
            "**http://a.example** ~~www.b.example~~",
            {"http://a.example": "http://a.example", "http://www.b.example": "www.b.example"},
        ),
        ("“http://a.example” says", {}),
        ("x`y`http://a.example", {}),
        ("mail a.b-c_d+e@f-g.example.", {"mailto:a.b-c_d+e@f-g.example": "a.b-c_d+e@f-g.example"}),
        ("a@b a@b-.example- a@b.example_ @b.example", {}),
        ("hello@mail+xyz.example", {}),
        ("mailto:a@b.example", {"mailto:a@b.example": "mailto:a@b.example"}),
        ("xmpp:a@b.example ftp://a.example", {}),
        (
            "[www.a.example](/b) `www.a.example` <a href='/c'>www.a.example</a>",
            {"/b": "www.a.example", "/c": "www.a.example"},
        ),
        ("    www.a.example", {}),
    ],
)
def test_autolinks(body_md, links):
    """6.9"""
    page = BeautifulSoup(text.render(body_md), "html.parser")
    assert {link["href"]: link.get_text() for link in page.find_all("a")} == links


@pytest.mark.parametrize(
    "unit", ["www.", "www.a.", "http://", "a@", "a@a.", "a.", "@", ")", "(http://a", "http://a.a)", "&a;", "_."]
)
def test_looking_for_addresses_takes_time_in_proportion(unit):
    """Ten times the text, not a hundred times the time."""
    from time import thread_time

    def cost(size):
        began = thread_time()
        list(autolinks.find("http://a.a/" + unit * (size // len(unit))))
        list(autolinks.find(unit * (size // len(unit))))
        return thread_time() - began

    cost(100)
    assert cost(100_000) < 0.05 + 30 * cost(10_000)
