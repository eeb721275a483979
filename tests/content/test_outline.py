"""The outline of a post: its sections and how long it takes."""

import pytest

from blog.content.outline import Section, outline
from blog.content.text import render

WORDS = "word " * 500


@pytest.mark.parametrize(("words", "minutes"), [(1, 1), (230, 1), (460, 2), (2300, 10)])
def test_reading_takes_as_long_as_there_are_words(words, minutes):
    assert outline(render("word " * words)).minutes == minutes


def test_scripts_without_spaces_take_time_too():
    assert outline(render("文章" * 1000)).minutes == round(1000 / 230)
    assert outline(render("слово " * 460)).minutes == 2


def test_sections_stand_in_their_sections():
    body = f"# A\n\n{WORDS}\n\n## B\n\n### C\n\n## D *e* `f` & g\n\n# H[^1]\n\n# [I](/i)\n\n[^1]: Note"
    assert outline(render(body)).contents == (
        Section("A", "section-a", (Section("B", "section-b"), Section("D e f & g", "section-d-e-f-g"))),
        Section("H", "section-h"),
        Section("I", "section-i"),
    )


def test_a_smaller_heading_before_all_others_is_a_section_of_its_own():
    body = f"### A\n\n{WORDS}\n\n### B\n\n## C"
    assert [section.title for section in outline(render(body)).contents] == ["A", "B", "C"]


def test_short_posts_and_posts_with_few_sections_need_no_contents():
    assert outline(render("## A\n\n## B\n\n## C\n\nwords")).contents == ()
    assert outline(render(f"## A\n\n## B\n\n{WORDS}")).contents == ()


@pytest.mark.parametrize(
    ("body", "wide"), [("words", False), ("`code`", False), ("    code", True), ("|a|\n|-|\n|b|", True)]
)
def test_what_may_be_too_wide_is_known(body, wide):
    assert outline(render(body)).may_be_wide is wide
