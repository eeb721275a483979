"""Lists of pairs: what is read, and what is refused with the number of its line."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.errors import Invalid
from blog.identity import pairs

OLD, NEW = "https://old.example", "https://new.example"


def read(text):
    return pairs.read(text, old_issuer=OLD, new_issuer=NEW)


@pytest.mark.parametrize(
    "text",
    [
        "old_id,new_id\na1,b1\n",
        "\ufeffold_id,new_id\r\na1,b1\r\n",
        "new_id , old_id\n b1 ,  a1 ",
        'old_id,new_id,old_issuer,new_issuer\n"a1",b1,,\n\n , , ,\n',
        f"old_issuer,old_id,new_id\n{OLD},a1,b1",
    ],
)
def test_a_list_is_read(text):
    assert [(old, new) for _, old, new in read(text)] == [((OLD, "a1"), (NEW, "b1"))]


def test_a_row_may_name_its_own_issuers_and_knows_its_line():
    text = "old_id,new_id,old_issuer,new_issuer\na1,b1,https://x.example,\na2,b2,,https://y.example\n"
    assert read(text) == [(2, ("https://x.example", "a1"), (NEW, "b1")), (3, (OLD, "a2"), ("https://y.example", "b2"))]


@pytest.mark.parametrize("text", ["", "old_id,new_id\n", "old_id,new_id\n\n,\n"])
def test_an_empty_list_holds_nobody(text):
    assert read(text) == []


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a1,b1\n", 1, "must name the columns"),
        ("old_id;new_id\na;b", 1, "must name the columns"),
        ("old_id,new_id,email\na,b,c", 1, "must name the columns"),
        ("old_id,new_id,new_id\na,b,c", 1, "must name the columns"),
        ("old_id,new_id\na1\n", 2, "has 1 values and not 2"),
        ("old_id,new_id\na1,b1\na2,b2,c2\n", 3, "has 3 values and not 2"),
        ("old_id,new_id\na1,\n", 2, "1 to 255 characters"),
        ("old_id,new_id\na1,b\x001\n", 2, "can be printed"),
        ("old_id,new_id\na1,b\ud8001\n", 2, "can be printed"),
        ("old_id,new_id\na1,b\u202e1\n", 2, "can be printed"),
        ('old_id,new_id\na1,"b\n1"\n', 3, "can be printed"),
        (f"old_id,new_id\na1,{'b' * 256}\n", 2, "1 to 255 characters"),
        (f"old_id,new_id\na1,{'b' * 200_000}\n", 2, "this is no CSV"),
        ('old_id,new_id\na1,"b1\n', 2, "this is no CSV"),
        ("old_id,new_id,new_issuer\na1,b1,example.org\n", 2, "an issuer is an address"),
        ("old_id,new_id,new_issuer\na1,b1,urn:byline:nobody\n", 2, "an issuer is an address"),
    ],
)
def test_a_line_that_is_wrong_is_told_by_its_number(text, line, problem):
    with pytest.raises(Invalid) as refused:
        read(text)
    assert problem in refused.value.problems[f"line {line}"]


def test_every_wrong_line_is_told_up_to_twenty():
    with pytest.raises(Invalid) as refused:
        read("old_id,new_id\n" + "a,\n" * 5)
    assert list(refused.value.problems) == [f"line {number}" for number in range(2, 7)]
    with pytest.raises(Invalid) as refused:
        read("old_id,new_id\n" + "a,\n" * 500)
    assert len(refused.value.problems) == 20


def test_a_file_that_is_no_list_of_authors_is_not_read(monkeypatch):
    monkeypatch.setattr(pairs, "LONGEST", 20)
    with pytest.raises(Invalid, match="too long"):
        read("old_id,new_id\n" + "a,b\n" * 10)


@given(st.text(alphabet=st.sampled_from('aé",;\n\r\x00\u2028 '), max_size=60))
def test_no_list_makes_anything_but_pairs_or_a_refusal(rows):
    found = []
    with suppress(Invalid):
        found = read(f"old_id,new_id\n{rows}")
    assert all(old.id.isprintable() and new.id and old.issuer == OLD for _, old, new in found)
