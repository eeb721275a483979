"""Front-channel logout in a real browser: the provider's page, on another site, shows the blog's address in a frame."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from urllib.parse import urlencode

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from werkzeug.wrappers import Request, Response

from tests.conftest import MovableClock, SecurityLog
from tests.fake_idp import FakeIdp
from tests.http_idp import Door, Later, Wsgi, serve

SID = "the provider's own session"


class Frames:
    """A site that shows an address in a frame on every page; everything else is for the provider behind it."""

    def __init__(self, door: Wsgi | None = None) -> None:
        self.door, self.url = door, ""

    def __call__(self, environ, start_response):
        if self.door and Request(environ).path != "/logged-out":
            return self.door(environ, start_response)
        page = f'<!doctype html><title>Logged out</title><h1>Logged out</h1><iframe src="{escape(self.url)}"></iframe>'
        return Response(page, content_type="text/html; charset=utf-8")(environ, start_response)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Frames]:
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")  # no proxy stands between this machine and itself
    door = Door()
    with serve(frames := Frames(door)) as url:
        idp = door.open(FakeIdp(url.replace("localhost", "127.0.0.1")))  # another site than the blog's, for a browser
        idp.id_token["sid"] = SID
        yield frames


@pytest.fixture
def idp(provider: Frames, clock: MovableClock) -> FakeIdp:
    provider.door.idp.clock = lambda: clock().timestamp()
    return provider.door.idp


@pytest.fixture
def entrance() -> Iterator[tuple[str, Later]]:
    with serve(later := Later()) as url:
        yield url, later


@pytest.fixture
def settings(settings, entrance, idp):
    return settings | {"PUBLIC_URL": entrance[0], "OIDC_ISSUER": idp.issuer}


@pytest.fixture
def page(browser: Browser, entrance: tuple[str, Later], app: Flask) -> Iterator[Page]:
    """Somebody who has logged in."""
    url, later = entrance
    later.application = app
    context = browser.new_context(base_url=url)
    page = context.new_page()
    page.goto("/login")
    expect(page.get_by_role("link", name="Ada Lovelace")).to_be_visible()
    yield page
    context.close()


def logout_url(entrance: tuple[str, Later], idp: FakeIdp) -> str:
    return f"{entrance[0]}/oidc/frontchannel-logout?{urlencode({'iss': idp.issuer, 'sid': SID})}"


def test_a_frame_on_the_providers_page_ends_the_session(
    page: Page, provider: Frames, idp: FakeIdp, entrance: tuple[str, Later], security_log: SecurityLog
) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    provider.url = logout_url(entrance, idp)
    with page.expect_response(provider.url) as asked:
        page.goto(f"{idp.issuer}/logged-out")
    assert "cookie" not in asked.value.request.all_headers(), "another site's frame brings no cookie of ours"
    assert not [each for each in said if "frame" in each]
    page.goto("/")
    expect(page.get_by_role("banner").get_by_role("link", name="Log in")).to_be_visible()
    assert security_log.of("frontchannel_logout") == [{"ended": 1}]


def test_nobody_else_may_show_that_frame(page: Page, idp: FakeIdp, entrance: tuple[str, Later], app: Flask) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    with serve(elsewhere := Frames()) as url:
        elsewhere.url = f"{entrance[0]}/oidc/frontchannel-logout?{urlencode({'iss': idp.issuer, 'sid': 'a guess'})}"
        page.goto(url.replace("localhost", "127.0.0.1"))
        expect(page.get_by_role("heading", name="Logged out")).to_be_visible()
        page.wait_for_timeout(300)
    assert "frame-ancestors" in "".join(said)
    page.goto("/")
    expect(page.get_by_role("link", name="Ada Lovelace")).to_be_visible()
