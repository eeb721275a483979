"""Sealing: the keys of each purpose, what opens a seal, and what does not."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from blog.identity.sealing import Seal


@given(st.text(st.characters(codec="utf-8"), max_size=200), st.text(st.characters(codec="utf-8"), max_size=200))
def test_keys_are_those_of_hkdf(secret, purpose):
    hkdf = HKDF(hashes.SHA256(), 32, salt=None, info=f"byline {purpose}".encode())
    assert Seal(secret).key(purpose) == hkdf.derive(secret.encode())


def test_what_was_sealed_opens_for_its_purpose_in_its_place_with_its_secret_only():
    sealed = Seal("secret").close("form", "row 1", {"typed": "words"})
    assert Seal("secret").open("form", "row 1", sealed) == {"typed": "words"}
    assert Seal("another").open("form", "row 1", sealed) is None
    assert Seal("secret").open("session", "row 1", sealed) is None
    assert Seal("secret").open("form", "row 2", sealed) is None
    assert Seal("secret").open("form", "row 1", sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
    assert Seal("secret").open("form", "row 1", b"") is None


def test_equal_parts_have_equal_references_and_others_have_others():
    ref = Seal("secret").ref
    assert ref("form", "a", "b") == ref("form", "a", "b")
    assert (
        len({ref("form", "a", "b"), ref("form", "ab"), ref("session", "a", "b"), Seal("x").ref("form", "a", "b")}) == 4
    )
