"""A certified provider that knows the blog by its keys only, demands pushed requests, and sees the keys rotate."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from demo import stage, state
from demo.children import ROOT
from tests.interop.stages import CertifiedProvider
from tests.interop.visitor import Visitor


class KeyedProvider(CertifiedProvider):
    """The certified provider; it reads our keys at /oidc/jwks, and there is no client secret on either side."""

    def environ(self, kept: state.State) -> dict[str, str]:
        """Let the blog sign for itself."""
        own = {"BLOG_OIDC_TOKEN_AUTH_METHOD": "private_key_jwt", "BLOG_OIDC_ASSERTION_ALG": "PS256"}
        return super().environ(kept) | own

    def client_secrets(self, kept: state.State) -> str:
        """Leave the secret out."""
        web = json.loads(super().client_secrets(kept))["web"]
        del web["client_secret"]
        return json.dumps({"web": web})

    def options(self, kept: state.State) -> dict[str, Any]:
        """Know the client by its keys, and take pushed requests only."""
        client = {
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "PS256",
            "jwks_uri": f"{self.url}/oidc/jwks",
        }
        pushed = {"enabled": True, "requirePushedAuthorizationRequests": True}
        return {"clientId": kept.client_id, "client": client, "features": {"pushedAuthorizationRequests": pushed}}

    def command(self, *words: str) -> str:
        """Run `flask oidc …` as an operator does, beside the running blog; give what it printed."""
        environ = self.environ(state.load(self.place.folder))
        assert not [name for name in environ if "CLIENT_SECRET" in name and name != "BLOG_CLIENT_SECRETS"]
        command = [*stage.python("flask"), "--app", "blog", "oidc", *words]
        return subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    def key_ids(self) -> list[str]:
        """Which keys the blog publishes, the one that signs first."""
        return [key["kid"] for key in json.loads(self.command("show-keys"))["keys"]]

    def let_time_pass(self) -> None:
        """The provider's copy of our keys is old."""
        requests.post(f"{self.issuer}/control/forget-keys", timeout=5).raise_for_status()


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyedProvider]:
    with KeyedProvider(tmp_path_factory.mktemp("stage")) as running:
        yield running


def logs_in(keyed: KeyedProvider, login: str) -> None:
    visitor = Visitor().open(keyed.url).follow("Register")
    keyed.register(visitor, login, login.title())
    assert visitor.url == f"{keyed.url}/dashboard", visitor.text


def test_logins_go_on_while_keys_rotate(keyed: KeyedProvider) -> None:
    logs_in(keyed, "ada")
    first, second = keyed.key_ids()

    keyed.command("rotate-keys", "--now")
    logs_in(keyed, "bob")  # at once: the provider's copy of our keys holds the next one already
    assert keyed.key_ids()[0] == second
    assert keyed.key_ids()[-1] == first

    assert "Nothing was done" in keyed.command("rotate-keys")
    logs_in(keyed, "cleo")
    assert keyed.key_ids()[0] == second

    keyed.let_time_pass()
    logs_in(keyed, "dora")
    third = keyed.key_ids()[1]
    keyed.command("rotate-keys", "--now")
    logs_in(keyed, "eve")
    assert keyed.key_ids()[0] == third


def test_the_browser_carries_no_request(keyed: KeyedProvider) -> None:
    answer = requests.get(f"{keyed.url}/login", allow_redirects=False, timeout=5)
    assert answer.headers["Location"].startswith(f"{keyed.issuer}/auth?client_id=byline-demo&request_uri=urn%3A")
    assert "code_challenge" not in answer.headers["Location"]


def test_a_request_that_was_not_pushed_is_refused_by_the_provider(keyed: KeyedProvider) -> None:  # so it does demand it
    asked = {"client_id": "byline-demo", "response_type": "code", "scope": "openid"}
    asked["redirect_uri"] = f"{keyed.url}/oidc/callback"
    answer = requests.get(f"{keyed.issuer}/auth", params=asked, allow_redirects=False, timeout=5)
    assert "error=invalid_request" in answer.headers["Location"]


def test_keys_that_were_read_by_somebody_are_no_use_once_the_provider_knows_the_new_ones(keyed: KeyedProvider) -> None:
    before = keyed.key_ids()
    keyed.command("rotate-keys", "--compromised")
    assert not set(before) & set(keyed.key_ids())
    keyed.let_time_pass()
    logs_in(keyed, "finn")


def test_nothing_private_reaches_the_disk_or_the_log(keyed: KeyedProvider) -> None:
    kept = keyed.kept()
    assert keyed.key_ids()[0].encode() in kept  # so this is where keys are kept
    for private in (b'"d"', b'"dp"', b"PRIVATE KEY"):
        assert private not in kept
