"""The doctor over real HTTP, with real providers: healthy, ill in three ways, and through a login in a browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import requests

from demo.children import ROOT
from tests.interop.stages import Stage
from tests.interop.visitor import Visitor

BLOG = [sys.executable, "-m", "flask", "--app", "blog"]
DOCTOR = [*BLOG, "oidc", "doctor", "--json"]
CHECK = [*BLOG, "authors", "check", "--json"]


def examine(on_stage: Stage, command: Sequence[str] = DOCTOR, **changes: str) -> tuple[int, dict[str, str], Any]:
    """Run a command with the settings of the running blog and some changes; give status, check → level, and all."""
    environ = on_stage.environ | {f"BLOG_{name}": text for name, text in changes.items()}
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    return done.returncode, levels(told), told


def levels(told: Any) -> dict[str, str]:
    """Give the worst level of each check."""
    rank = ["good", "note", "warning", "fault"]
    rows = sorted(told["findings"], key=lambda row: rank.index(row["level"]))
    return {row["check"]: row["level"] for row in rows}


def ill(found: dict[str, str]) -> set[str]:
    return {check for check, level in found.items() if level in {"warning", "fault"}}


def test_a_healthy_installation_is_told_so(on_stage: Stage) -> None:
    status, found, told = examine(on_stage)
    assert (status, ill(found)) == (0, set()), told
    for check in ("discovery", "issuer", "keys", "clock", "redirect_address", "client_credentials", "public_url"):
        assert found[check] == "good", check
    assert told["addresses"]["redirect_uri"] == f"{on_stage.url}/oidc/callback"


def test_names_are_proven_where_there_is_a_user_api(on_stage: Stage) -> None:
    status, found, told = examine(on_stage, CHECK)
    assert (status, ill(found)) == (0, set()), told
    if on_stage.environ["BLOG_DIRECTORY"] == "claims":
        assert found == {"user_api": "note"}
        return
    proven = {"user_api_token", "user_api", "user_api_authors", "user_api_name", "user_api_gone", "user_api_proof"}
    assert {check for check, level in found.items() if level == "good"} >= proven
    assert found["user_api_batch"] == "note"  # Canaille says that it cannot filter
    assert "Diallo" not in json.dumps(told)
    assert found == examine(on_stage, CHECK)[1]
    assert examine(on_stage)[1]["user_api_proof"] == "good"


def test_what_is_wrong_with_names_is_told(on_stage: Stage) -> None:
    if on_stage.environ["BLOG_DIRECTORY"] == "claims":
        changes = {"DIRECTORY": "scim", "DIRECTORY_URL": f"{on_stage.issuer}/scim/v2"}
        status, found, _ = examine(on_stage, [*CHECK, "somebody"], **changes)  # there is no such thing
        assert (status, found["user_api"]) == (1, "fault")
        return
    status, found, _ = examine(on_stage, [*CHECK, "amina"])  # the user name, which is not the id
    assert (status, found["user_api_authors"]) == (1, "fault")
    status, found, told = examine(on_stage, CHECK, OIDC_CLIENT_SECRET="not-the-secret-of-this-client")
    assert (status, found["user_api"]) == (1, "fault")
    assert "BLOG_DIRECTORY_CLIENT_SECRET" in json.dumps(told)
    status, found, _ = examine(on_stage, CHECK, DIRECTORY_URL=f"{on_stage.issuer}/scim/v3")
    assert (status, found["user_api"]) == (1, "fault")


def test_a_wrong_secret_is_told(on_stage: Stage) -> None:
    status, found, _ = examine(on_stage, OIDC_CLIENT_SECRET="not-the-secret-of-this-client")
    assert status == 1
    assert found["client_credentials"] == "fault"
    assert found.get("redirect_address", "good") == "good"  # not looked at where the request cannot be pushed


def test_a_client_id_that_nobody_registered_is_told(on_stage: Stage) -> None:
    status, found, _ = examine(on_stage, OIDC_CLIENT_ID="nobody")
    assert status == 1
    assert found["client_credentials"] == "fault"
    assert found.get("redirect_address", "warning") == "warning"  # not looked at where the request cannot be pushed


def test_an_issuer_that_is_spelled_otherwise_is_told(on_stage: Stage) -> None:
    status, found, told = examine(on_stage, OIDC_ISSUER=f"{on_stage.issuer}/")
    assert status == 1
    assert found["issuer"] == "fault"
    assert "slash at the end" in json.dumps(told)


def test_another_secret_key_than_that_of_the_running_blog_is_told(on_stage: Stage) -> None:
    status, found, _ = examine(on_stage, SECRET_KEY="the key of another blog, not of this one")
    assert status == 1
    assert ill(found) - {"user_api_proof"} == {"instance"}  # what was proven is known to the other key only


def test_a_login_in_a_browser_is_told_about(on_stage: Stage) -> None:
    browser = Visitor()
    browser.open(on_stage.url).follow("Register")
    on_stage.register(browser, "dora", "Dora Okafor")
    command = subprocess.Popen(
        [*DOCTOR, "--login"],
        env=on_stage.environ,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stderr is not None
    url = next(line.strip() for line in command.stderr if re.match(r"http\S+\n", line))
    browser.open(url)
    assert "Back to the terminal" in browser.text, browser.url
    printed, _ = command.communicate(f"{browser.url}\n", timeout=60)
    found = levels(json.loads(printed))
    assert (command.returncode, ill(found)) == (0, set()), printed
    assert found["login"] == found["name"] == found["role"] == "good"
    assert "Okafor" not in printed
    assert "dora" not in printed


def test_a_provider_that_stopped_is_told(on_stage: Stage) -> None:
    on_stage.children.stop("provider")  # the last test of this stage
    status, found, told = examine(on_stage)
    assert status == 1
    assert found["discovery"] == "fault"
    assert "Nothing listens" in json.dumps(told)
    assert found["public_url"] == "good"
    assert requests.get(on_stage.url, timeout=10).status_code == 200
