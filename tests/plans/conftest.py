"""What the tests of the plans share: blog and provider over real HTTP, a browser, nothing simulated in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.certificate import write_certificate
from tests.conftest import MovableClock, SecurityLog
from tests.fake_idp import FakeIdp
from tests.http_idp import Door, Later, Listener, serve
from tests.plans.stage import Stage


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy stands between this machine and itself."""
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")


@pytest.fixture
def response_mode() -> str:
    """How the provider sends people back; ``form_post`` puts the blog on https."""
    return "query"


@pytest.fixture
def door(no_proxy: None) -> Iterator[Door]:
    with serve(door := Door()) as issuer:
        door.open(FakeIdp(issuer))
        yield door


@pytest.fixture
def idp(door: Door, clock: MovableClock) -> FakeIdp:
    door.idp.clock = lambda: clock().timestamp()
    return door.idp


@pytest.fixture
def entrance(response_mode: str, request: pytest.FixtureRequest) -> Iterator[tuple[str, Later]]:
    """Where the blog will be."""
    tls = request.getfixturevalue("certificate") if response_mode == "form_post" else None
    with serve(later := Later(), certificate=tls) as url:
        yield url, later


@pytest.fixture
def settings(settings: dict[str, str], entrance: tuple[str, Later], idp: FakeIdp, response_mode: str) -> dict[str, str]:
    settings |= {"PUBLIC_URL": entrance[0], "OIDC_ISSUER": idp.issuer, "OIDC_RESPONSE_MODE": response_mode}
    return settings


@pytest.fixture
def stage(
    app: Flask,
    entrance: tuple[str, Later],
    door: Door,
    security_log: SecurityLog,
    response_mode: str,
    request: pytest.FixtureRequest,
) -> Stage:
    url, later = entrance
    later.application = app
    tls = request.getfixturevalue("certificate") if response_mode == "form_post" else None
    return Stage(app, url, door, door.idp, security_log, tls)


@pytest.fixture
def attacker() -> Iterator[tuple[str, Listener]]:
    """The address of somebody who must not be asked, and what they were asked."""
    with serve(listener := Listener()) as url:
        yield url, listener
