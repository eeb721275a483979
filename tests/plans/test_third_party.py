"""The plan for logins that a third party begins, such as the provider's list of applications."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.plans.stage import LOGGED_IN, refused


def initiate(stage, **params):
    return stage.log_in(path=f"/oidc/initiate?{urlencode(params)}")


@pytest.mark.parametrize(
    ("target", "path"), [("", "/dashboard"), ("{url}/?page=2", "/"), ("https://evil.example/", "/dashboard")]
)
def test_the_issuer_of_ours_starts_a_login(stage, target, path):
    params = {"iss": stage.idp.issuer, "login_hint": "ada", "target_link_uri": target.format(url=stage.url)}
    visitor = initiate(stage, **params)
    assert stage.outcome(visitor) == LOGGED_IN
    assert visitor.url.partition("?")[0] == stage.url + path
    assert stage.idp.authorizations[0]["login_hint"] == "ada"


@pytest.mark.parametrize("iss", ["https://evil.example", "{issuer}/", ""])
def test_another_issuer_starts_none(stage, iss):
    visitor = initiate(stage, iss=iss.format(issuer=stage.idp.issuer))
    assert stage.outcome(visitor) == refused("initiated_elsewhere")
    assert not stage.idp.calls["authorize"]
    assert stage.asked() == []
