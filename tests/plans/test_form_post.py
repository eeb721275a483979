"""The plans with form post, where the answer comes as a POST from another site and over https."""

from __future__ import annotations

import pytest

from tests.fake_idp import ABSENT
from tests.plans.stage import LOGGED_IN, refused


@pytest.fixture
def response_mode():
    return "form_post"


def test_the_answer_comes_in_a_form_and_not_in_an_address(stage):
    page = stage.visitor().open(f"{stage.url}/login")
    assert page.sees("Continue")
    assert "code=" not in page.submit("Continue").url
    assert stage.outcome(page) == LOGGED_IN


def test_an_error_in_the_form_is_told(stage):
    stage.door.sub = None
    assert stage.outcome(stage.log_in()) == refused("access_denied")
    assert stage.asked() == ["discovery"]


@pytest.mark.parametrize(
    ("params", "reason"),
    [({"state": "another"}, "state_unknown"), ({"state": ABSENT}, "state_unknown"), ({"code": ABSENT}, "code_missing")],
)
def test_a_form_that_lacks_something_logs_nobody_in(stage, params, reason):
    stage.door.params |= params
    assert stage.outcome(stage.log_in()) == refused(reason)
    assert stage.asked() == ["discovery"]
