"""Avatars: initials as people of many scripts write them, in colours that everybody can tell from the letters."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import blog
from blog.identity import avatars
from blog.identity.people import Byline, Key, Person, byline, display_name

STYLE = (Path(blog.__file__).parent / "static" / "style.css").read_text()
ADA, SECRET = Key("https://id.example", "ada"), b"secret"


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ada Lovelace", "AL"),
        ("ada lovelace", "AL"),
        ("Plato", "P"),
        ("Ludwig van Beethoven", "LB"),
        ("Jean-Luc Picard", "JP"),
        ("Nguyễn Thị Minh Khai", "NK"),
        ("O’Neil", "O"),
        ("“Bob” (Ross)", "BR"),
        ("Ada 3", "A"),
        ("Ω Ζήνων", "ΩΖ"),
        ("Élodie Ångström", "ÉÅ"),
        ("ßimon", "ß"),
        ("ǆenan", "ǅ"),
        ("Юрий Гагарин", "ЮГ"),
        ("გიორგი მაისურაძე", "გმ"),
        ("山田太郎", "山"),
        ("山田 太郎", "山"),
        ("김민수", "김"),
        ("\u1112\u1161\u11ab", "\u1112\u1161\u11ab"),
        ("אברהם כהן", "אכ"),
        ("سارة أحمد", "س\u200cأ"),
        ("श्रीनिवास", "श्री"),
        ("नरेन्द्र मोदी", "नमो"),
        ("n\u0303ame", "N\u0303"),
        ("🦊", "🦊"),
        ("🦊 Fox", "F"),
        ("👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"),
        ("👋🏽 👋🏿", "👋🏽"),
        ("🇨🇭🇱🇮", "🇨🇭"),
        ("Ada 🦊", "A"),
        ("123 ... !", ""),
        ("", ""),
    ],
)
def test_initials_are_taken_as_people_write_them(name, initials):
    assert avatars.initials(name) == initials


@given(st.text())
def test_whatever_the_provider_says_makes_one_or_two_signs_or_none(text):
    name = display_name(display=text)
    initials = avatars.initials(name or "")
    assert len(initials) <= 2 * avatars.LONGEST + 1
    assert not initials or unicodedata.category(initials[0])[0] in "LS"
    assert not any(character.isspace() for character in initials)
    assert bool(initials) == bool(name)  # whoever has a name has an initial


def test_a_heap_of_marks_does_not_grow_without_end():
    assert len(avatars.initials("Z" + "\u0316" * 70)) == avatars.LONGEST


def test_somebody_has_the_same_colour_under_every_name_and_others_have_others():
    def colour_of(key, name="Ada", secret=SECRET):
        return byline(key, Person(key, name), secret=secret).colour

    assert colour_of(ADA) == colour_of(ADA, "Augusta")
    many = [Key(ADA.issuer, f"author-{number}") for number in range(300)]
    assert {colour_of(key) for key in many} == set(range(1, avatars.COLOURS + 1))
    assert [colour_of(key) for key in many] != [colour_of(key, secret=b"other") for key in many]


@pytest.mark.parametrize("person", [None, Person(ADA, None), Person(ADA, "Ada", gone=True)])
def test_who_is_unknown_or_gone_has_neither_initials_nor_a_colour(person):
    neutral = byline(ADA, person, secret=SECRET)
    assert (neutral.initials, neutral.colour) == ("", 0)


def test_a_known_author_has_their_initials():
    assert Byline("Ada Lovelace", known=True).initials == "AL"


# -- colours -----------------------------------------------------------------------------------------------------------


def contrast(one, other):
    """The contrast ratio of two colours (WCAG 2.2)."""
    lights = sorted(map(luminance, (one, other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


TONES = re.findall(r"^\.avatar(?:-(\d+))? \{ --tone: (#[0-9a-f]{6});", STYLE, re.MULTILINE)
PAPERS = re.findall(r"#[0-9a-f]{6}", "".join(re.findall(r"--(?:paper|raised): (light-dark\(.*?\));", STYLE)))
LETTERS = re.findall(r"^\.avatar (?:text|\.figure) \{ fill: (#[0-9a-f]{6});", STYLE, re.MULTILINE)


def test_there_is_a_colour_for_every_number_and_a_neutral_one():
    assert [number for number, _ in TONES] == ["", *(str(number) for number in range(1, avatars.COLOURS + 1))]
    assert len({tone for _, tone in TONES}) == avatars.COLOURS + 1
    assert (len(PAPERS), len(LETTERS)) == (4, 2)


@pytest.mark.parametrize("tone", [tone for _, tone in TONES])
def test_letters_can_be_read_on_every_colour_and_every_colour_seen_on_light_and_dark_paper(tone):
    assert all(contrast(letter, tone) >= 4.5 for letter in LETTERS)  # WCAG 2.2, 1.4.3
    assert all(contrast(tone, paper) >= 3 for paper in PAPERS)  # 1.4.11
