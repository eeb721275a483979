"""Reading answers by paths, as data says."""

import json

import pytest

from blog.identity.directories.shape import at, is_empty, says
from blog.identity.http import Answer


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", {"a": {"b": [1, {"c": 2}]}}),
        ("a.b.1.c", 2),
        ("a.b.0", 1),
        ("a.b.2", None),
        ("a.b.-1", None),
        ("a.b.²", None),
        ("a.x.c", None),
        ("a.b.c", None),
        ("a.b.0.c", None),
    ],
)
def test_a_path_leads_to_a_value_or_nowhere(path, found):
    assert at({"a": {"b": [1, {"c": 2}]}}, path) == found


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (json.dumps({"error": {"code": "not_found_here"}}), True),
        (json.dumps({"error": {"code": 404}}), False),
        (json.dumps({"error": {"code": ["not_found"]}}), False),
        (json.dumps({"error": "not_found"}), False),
        ("[]", False),
        ("<!doctype html>", False),
        ("", False),
    ],
)
def test_an_answer_says_something_or_does_not(body, said):
    answer = Answer("the API", 404, {}, body.encode())
    assert says("error.code", "not_found")(answer) is said
    assert is_empty(answer) is (body == "")
