"""Slugs: every title gets an address, and none of them is one of ours."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.content import slugs


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Hello, world!", "hello-world"),
        ("Don’t panic, it's fine", "dont-panic-its-fine"),
        ("Crème brûlée", "creme-brulee"),
        ("Привет, мир", "privet-mir"),
        ("東京の夜", "dong-jing-noye"),
        ("  -- __ ", "post-f4b21c4b"),
        ("AT&amp;T &#8217;", "at-amp-t-8217"),
        ("2026", "2026"),
        ("C++ vs. C#", "c-vs-c"),
        ("Dashboard", "dashboard-post"),
        ("log in", "log-in"),
        ("About Byline", "about-byline-post"),
        ("../../etc/passwd", "etc-passwd"),
        ("robots.txt", "robots-txt"),
    ],
)
def test_a_title_asks_for_a_slug(title, slug):
    assert slugs.slug_for(title) == slug


def test_a_title_of_symbols_only_gets_a_slug_of_its_own():
    assert slugs.slug_for("🎉🎉") == slugs.slug_for("🎉🎉") != slugs.slug_for("🎈")


def test_a_long_title_is_cut_at_a_word():
    assert slugs.slug_for("antidisestablishmentarianism " * 7) == "-".join(["antidisestablishmentarianism"] * 2)


@given(st.text(min_size=1, max_size=200).filter(lambda title: title.isprintable()))
def test_any_title_gets_an_address_that_is_not_ours(title):
    for slug in islice(slugs.candidates(title), 25):
        assert slugs.is_slug(slug)
        assert slug not in slugs.RESERVED


@pytest.mark.parametrize("word", sorted(slugs.RESERVED))
def test_a_title_that_is_one_of_our_words_gets_another_address(word):
    assert slugs.slug_for(word) == f"{word}-post"


def test_candidates_never_end_nor_repeat():
    offered = list(islice(slugs.candidates("Hello"), 200))
    assert offered[:3] == ["hello", "hello-2", "hello-3"]
    assert len(set(offered)) == 200


@pytest.mark.parametrize(
    "text", ["", "-", "a-", "-a", "a--b", "A", "é", "a_b", "a.b", "a/b", "a b", "a\n", "\x00", "\ud800", "٣", "a" * 201]
)
def test_what_no_post_can_have_as_an_address(text):
    assert not slugs.is_slug(text)
