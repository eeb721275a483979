"""Two versions of a text: what differs, and one text made of both."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.content.versions import CLOSE, SAVED, YOURS, differences, has_marks, merge, merge_line

texts = st.lists(st.sampled_from(["one", "two", "three", "", "four"]), max_size=8).map("\n".join)


def test_equal_texts_do_not_differ():
    assert differences("a\nb", "a\nb") == []
    assert differences("a\r\nb\r\n", "a\nb") == []


def test_differences_are_told_line_by_line_with_what_stands_around():
    stored = "\n".join(f"line {n}" for n in range(20))
    found = differences(stored, stored.replace("line 2\n", "line two\n"))
    assert found == [
        ("@", ""),
        (" ", "line 0"),
        (" ", "line 1"),
        ("-", "line 2"),
        ("+", "line two"),
        (" ", "line 3"),
        (" ", "line 4"),
    ]


@pytest.mark.parametrize(
    ("yours", "saved", "merged"),
    [
        ("A\nb\nc", "a\nb\nC", "A\nb\nC"),
        ("a\nb\nc\nd", "a\nb\nc", "a\nb\nc\nd"),
        ("b\nc", "a\nb\nc\nd", "b\nc\nd"),
        ("a\nX\nb\nc", "a\nb\nY\nc", "a\nX\nb\nY\nc"),
        ("same\nb\nc", "same\nb\nc", "same\nb\nc"),
        ("a\nb\nc", "", ""),
    ],
)
def test_what_only_one_of_them_changed_is_taken_over(yours, saved, merged):
    assert merge(yours, saved, "a\nb\nc") == (merged, 0)


def test_where_both_changed_the_same_place_both_stand_in_it():
    text, left = merge("a\nmine\nc", "a\ntheirs\nc", "a\nb\nc")
    assert (text.split("\n"), left) == (["a", YOURS, "mine", SAVED, "theirs", CLOSE, "c"], 1)
    assert has_marks(text)
    assert not has_marks("a\nmine\nc")


def test_without_a_base_every_difference_is_to_be_chosen():
    text, left = merge("a\nb\nc", "a\nc")
    assert (text.split("\n"), left) == (["a", YOURS, "b", SAVED, CLOSE, "c"], 1)


def test_of_two_titles_the_changed_one_is_taken():
    assert merge_line("Old", "New", "Old") == "New"
    assert merge_line("Mine", "Old", "Old") == "Mine"
    assert merge_line("Mine", "New", None) == "Mine"


@settings(deadline=None)
@given(texts, texts)
def test_merging_with_what_did_not_change_gives_the_other(base, changed):
    expected = changed.rstrip("\n")
    assert merge(changed, base, base) == (expected, 0)
    assert merge(base, changed, base) == (expected, 0)


@settings(deadline=None)
@given(texts, texts, st.none() | texts)
def test_no_line_that_somebody_wrote_is_lost(yours, saved, base):
    merged = merge(yours, saved, base).text.split("\n")
    before = (base or "").split("\n")
    for text in (yours, saved):
        assert not [line for line in text.split("\n") if line and line not in merged and line not in before]


def test_texts_made_to_be_slow_are_compared_in_no_time():
    lines = [f"{n:06}" for n in range(14_000)]
    swapped = [line for n in range(0, len(lines), 2) for line in (lines[n + 1], lines[n])]
    started = time.perf_counter()
    differences("\n".join(lines), "\n".join(swapped))
    merge("\n".join(lines), "\n".join(swapped), "\n".join(lines[::-1]))
    assert time.perf_counter() - started < 10  # 39 s for one comparison before
