"""Numbers as bars."""

from blog.web.charts import Bar, bars, outline


def test_the_greatest_is_as_high_as_the_drawing():
    assert bars([1, 4, 2], width=3, height=20, gap=1) == [Bar(0, 15, 3, 5), Bar(4, 0, 3, 20), Bar(8, 10, 3, 10)]


def test_what_is_small_can_still_be_seen_and_nothing_is_nothing():
    assert [bar.height for bar in bars([0, 1, 100_000], width=3, height=20, gap=1)] == [0, 2, 20]


def test_no_numbers_are_no_bars():
    assert bars([], width=3, height=20, gap=1) == []
    assert [bar.height for bar in bars([0, 0], width=3, height=20, gap=1)] == [0, 0]


def test_bars_are_drawn_in_one_stroke():
    assert outline(bars([1, 0, 2], width=3, height=20, gap=1)) == "M0 10h3v10h-3zM8 0h3v20h-3z"
