"""What people type: what may come in, and how it is made tidy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.content import typed
from blog.errors import Invalid


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("  A  title\twith\nspaces ", "A title with spaces"),
        ("Cafe\u0301", "Café"),
        ("a\u202egnp.exe\u202c", "agnp.exe"),
        ("\u2066isolated\u2069", "isolated"),
        ("\u200fשלום\u200f", "\u200fשלום\u200f"),
        ("{{7*7}} %s%n{0.__class__}", "{{7*7}} %s%n{0.__class__}"),
        ("</script><img onerror=x>", "</script><img onerror=x>"),
    ],
)
def test_a_line_is_made_tidy(words, kept):
    assert typed.line(words, "title", longest=200) == kept


@pytest.mark.parametrize(
    "words", ["", "  \n ", "\u200b\u200d", "\u202e", "\u3164", "\u0301", "\ufeff", "a" * 201, "é" * 201]
)
def test_a_line_without_a_visible_character_or_too_long_is_refused(words):
    with pytest.raises(Invalid) as refusal:
        typed.line(words, "title", longest=200)
    assert list(refusal.value.problems) == ["title"]


def test_a_line_may_be_as_long_as_it_says_after_composing():
    assert typed.line("e\u0301" * 200, "title", longest=200) == "é" * 200


@pytest.mark.parametrize("unfit", [*"\x00\x01\x08\x0b\x0c\x1b\x1f\x7f\x80\x9f\ud800\udfff\ufffe\uffff"])
@pytest.mark.parametrize("normalise", [typed.line, typed.passage])
def test_characters_that_break_pages_feeds_or_databases_are_refused(normalise, unfit):
    with pytest.raises(Invalid, match=rf"U\+{ord(unfit):04X}"):
        normalise(f"a{unfit}b", "title", longest=200)


@pytest.mark.parametrize("normalise", [typed.line, typed.passage])
def test_heaped_accents_are_refused(normalise):
    assert normalise("e" + "\u0316" * 30, "title", longest=200)
    with pytest.raises(Invalid, match="accents"):
        normalise("e" + "\u0316" * 31, "title", longest=200)


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree"),
        ("\n \n    indented code\n\n", "    indented code"),
        ("a\tb", "a\tb"),
        ("Cafe\u0301", "Café"),
    ],
)
def test_a_passage_is_made_tidy(words, kept):
    assert typed.passage(words, "body", longest=100) == kept


@pytest.mark.parametrize("words", ["", " \n\t\n", "é" * 51])
def test_a_passage_of_nothing_or_of_too_many_bytes_is_refused(words):
    with pytest.raises(Invalid) as refusal:
        typed.passage(words, "body", longest=100)
    assert list(refusal.value.problems) == ["body"]


@given(st.text(max_size=300))
def test_tidy_text_stays_as_it_is_and_every_database_takes_it(words):
    for normalise in (typed.line, typed.passage):
        try:
            kept = normalise(words, "title", longest=300)
        except Invalid:
            continue
        assert normalise(kept, "title", longest=300) == kept
        assert "\x00" not in kept.encode().decode()
