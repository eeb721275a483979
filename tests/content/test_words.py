"""Words that are found quickly: folded and taken apart as the definitions have it, whatever stands beside what."""

import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from blog.content import words

NEAR = [chr(code) for code in range(0x80, 0x2100) if not words._FAR.search(chr(code))]
LETTERS = st.sampled_from([*NEAR, *"aAzZ09_ -.İßΣσςЖ中文ทק\u0301\u0323\u200d\u00ad\ud7a3\u1100\u1161"])


def defined(text):
    """Fold as Unicode has it."""
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", words._ACCENTS.sub("", apart))


def test_signs_that_are_folded_one_by_one_do_not_change_by_what_stands_beside_them():
    beside = [*NEAR[::7], "a", "Z", "\u0133", " "]
    assert all(words.fold(one + two) == defined(one + two) for one in NEAR for two in beside)
    assert all(words.fold(two + one) == defined(two + one) for one in NEAR for two in beside)


@settings(max_examples=500)
@given(st.text(LETTERS, max_size=30) | st.text(max_size=30))
def test_any_text_is_folded_as_unicode_has_it(text):
    assert words.fold(text) == (text.lower() if text.isascii() else defined(text))


@settings(max_examples=500)
@given(st.text(LETTERS, max_size=30))
def test_words_are_what_is_made_of_letters_and_digits(text):
    folded = words.fold(text)
    if not words._UNSPACED.search(folded) and words._JOINING.isdisjoint(folded):
        assert words.tokens(text) == re.findall(r"[^\W_]+", folded)
