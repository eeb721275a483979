"""A real Chromium before a real blog and a real provider; nobody may see an error in the console on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebError,
    expect,
)

from tests.browser.people import Author
from tests.interop.stages import Canaille

PATIENCE_MS = 30_000  # a machine may be busy with something else
NOBODY_THERE = "Failed to load resource: net::ERR_CONNECTION_"  # refused, reset: while a test has stopped the server
LOAD_FAILED = "Failed to load resource: the server responded with a status of "  # said of every error page
CLEARED = "Clear-Site-Data header on "  # said of every logout
FASTER = "Autofocus processing was blocked because a document already has a focused element."  # so was the visitor
# The provider checks each field half a second after it was typed in, which sets back a login that goes on meanwhile.
NO_CHECKS = "addEventListener('htmx:beforeRequest', (asks) => { if (!asks.detail.boosted) asks.preventDefault() })"

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def on_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaille]:
    """The demo as it is, on ports of its own."""
    with Canaille(tmp_path_factory.mktemp("stage")) as running:
        yield running


class Witness:
    """Notes what must not happen on pages of ours: messages in the console, dialogs, requests to somebody else."""

    def __init__(self, stage: Canaille) -> None:
        self.ours, self.known = stage.url, (stage.url, stage.issuer)
        self.saw: list[str] = []

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._message)
        context.on("weberror", self._error)
        context.on("dialog", lambda dialog: (self.saw.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        context.on("request", self._request)

    def _error(self, error: WebError) -> None:
        where = getattr(error.error, "stack", None) or ""
        if self.ours in where or self.known[1] not in where:  # the provider's own scripts are its own affair
            self.saw.append(f"error: {error.error} {where}")

    def _message(self, message: ConsoleMessage) -> None:
        on_ours = message.page is not None and message.page.url.startswith(self.ours)
        if on_ours and not message.text.startswith((LOAD_FAILED, NOBODY_THERE, CLEARED, FASTER)):
            self.saw.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith(self.known):
            self.saw.append(f"request: {request.url}")


@pytest.fixture
def open_browser(browser: Browser, on_stage: Canaille) -> Iterator[Callable[..., Page]]:
    """Opens a browser of somebody, with nothing remembered; what its pages should not have done fails the test."""
    witness, contexts = Witness(on_stage), []

    def open_one(**options: Any) -> Page:
        context = browser.new_context(base_url=on_stage.url, **options)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(NO_CHECKS)
        witness.watch(context)
        contexts.append(context)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert witness.saw == []


@pytest.fixture
def reader(open_browser: Callable[..., Page]) -> Page:
    """Somebody who is not logged in."""
    return open_browser()


@pytest.fixture
def author(open_browser: Callable[..., Page], on_stage: Canaille) -> Author:
    """Somebody who has just registered at the provider, and stands on the dashboard."""
    return Author.arrive(open_browser(), on_stage)
