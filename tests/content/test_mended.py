"""Mended: faults of HTML from elsewhere are put right, and no word of it is lost."""

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from blog.content import mended, text

REL = 'rel="ugc noopener"'


@pytest.mark.parametrize(
    ("body_md", "body_html"),
    [
        ('<a title="t">a</a> <a>b</a>', '<p><a title="t">a</a> <a>b</a></p>'),
        ('<a href="javascript:x">a</a>', "<p><a>a</a></p>"),
        ('<a title=" href=&quot;/x">a</a>', f'<p><a title=" href=&quot;/x" {REL}>a</a></p>'),
        ("a<a name=x></a>b", "<p>ab</p>"),
        ("[a](/b)", f'<p><a href="/b" {REL}>a</a></p>'),
        ("<abbr title=a>b</abbr>", '<p><abbr title="a">b</abbr></p>'),
    ],
)
def test_what_leads_nowhere_says_nothing_of_where_it_leads(body_md, body_html):
    assert text.render(body_md).strip() == body_html


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("{{ site.baseurl }}/a|b", "%7B%7B%20site.baseurl%20%7D%7D/a%7Cb"),
        (" /a b?c={d}\\e ", "/a%20b?c=%7Bd%7D%5Ce"),
        ("pictures\\a.png", "pictures\\a.png"),
        ("/%7B?a=%20&b#c", "/%7B?a=%20&b#c"),
        ("https://[::1]/ä?ö", "https://[::1]/ä?ö"),
    ],
)
def test_an_address_holds_what_an_address_may_hold(written, kept):
    assert mended.address(written) == mended.address(kept) == kept


@pytest.mark.parametrize(
    ("written", "kept"), [("640", "640"), (" 640px", "640"), ("1.5", "1"), ("-3", "-3"), ("100%", None), ("", None)]
)
def test_a_number_is_one(written, kept):
    assert mended.number(written) == kept


def test_sizes_are_numbers_and_nothing_else():
    assert text.render('<img src="/a" width="100%" height="20px">').strip() == (
        '<img src="/a" height="20" loading="lazy">'
    )


@pytest.mark.parametrize(
    ("clean", "kept"),
    [
        ("<ul><li>a</li>\n<li>b</li></ul>", None),
        ("<ul>\n</ul><ol></ol>", None),
        ("<ul><li>a<ul><li>b</li></ul></li></ul>", None),
        ("<div><li>a</li>\n<li>b</li>\nc</div>", "<div><ul><li>a</li>\n<li>b</li></ul>\nc</div>"),
        ("<li>a</li> ", "<ul><li>a</li></ul> "),
        ("<li>a</li><p>b</p><li>c<br>d</li>", "<ul><li>a</li></ul><p>b</p><ul><li>c<br>d</li></ul>"),
        ("<div><li>a</li><ul><li>b</li></ul></div>", "<div><ul><li>a</li></ul><ul><li>b</li></ul></div>"),
        ("<ul><li>a</li><ul><li>b</li></ul><li>c</li></ul>", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
        ("<ol><ul><li>a</li></ul></ol>", "<ol><li><ul><li>a</li></ul></li></ol>"),
        ("<ul><li>a</li><p>b</p> c</ul>", "<ul><li>a<p>b</p> c</li></ul>"),
        ("<ul>a<li>b</li></ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<ul><li>a</li><p></p><li>b</li></ul>", "<ul><li>a</li><li>b</li></ul>"),
    ],
)
def test_items_stand_in_lists_and_nothing_else_does(clean, kept):
    assert mended.nesting(clean) == (clean if kept is None else kept)


PARTS = st.sampled_from(
    ["<ul>", "</ul>", "<ol start=2>", "</ol>", "<li>", "</li>", "<p>", "</p>", "<br>", "<em>", "</em>"]
)


@given(
    st.lists(PARTS | st.sampled_from(["a", "b", " ", "<div>", "</div>", "<table><tr><td>"]), max_size=14).map("".join)
)
def test_no_word_is_lost_or_moved_and_all_items_stand_in_lists(loose):
    clean = text._sanitiser.clean(loose)
    kept = mended.nesting(clean)
    page, before = BeautifulSoup(kept, "html.parser"), BeautifulSoup(clean, "html.parser")
    assert "".join(page.get_text().split()) == "".join(before.get_text().split())
    assert {item.parent.name for item in page.find_all("li")} <= {"ul", "ol"}
    assert {child.name for each in page.find_all(["ul", "ol"]) for child in each.find_all(recursive=False)} <= {"li"}
    assert mended.nesting(kept) == kept
