"""Logging out at a certified provider ends the session here, and in a second process, within one second."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from demo import stage, state
from tests.interop.stages import CertifiedProvider
from tests.interop.visitor import Visitor
from tests.ports import free_ports


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CertifiedProvider]:
    with CertifiedProvider(tmp_path_factory.mktemp("stage")) as running:
        yield running


def registered(certified: CertifiedProvider, login: str) -> Visitor:
    """Somebody new, who is on the dashboard."""
    visitor = Visitor().open(certified.url).follow("Register")
    certified.register(visitor, login, login.title())
    assert visitor.url == f"{certified.url}/dashboard", visitor.text
    return visitor


def log_out_there(certified: CertifiedProvider, visitor: Visitor) -> None:
    """Log out on the provider's own page, which the blog is not asked about."""
    visitor.open(f"{certified.issuer}/session/end")
    certified.confirm_logout(visitor)


def second_process(certified: CertifiedProvider) -> str:
    """Start another blog on the same database; give its address, for which browsers send the same cookies."""
    (port,) = free_ports(1)
    kept = state.load(certified.place.folder)
    environ = stage.blog_environ(kept, certified.place) | {"PORT": str(port)}
    certified.children.start("blog-2", stage.python("demo.blog_server"), environ)
    certified.children.wait_for("blog-2", f"http://localhost:{port}/")
    return f"http://localhost:{port}"


def is_logged_in(visitor: Visitor, url: str) -> bool:
    return visitor.open(f"{url}/").sees("Dashboard")


def test_logging_out_at_the_provider_ends_the_session_in_every_process(certified: CertifiedProvider) -> None:
    second_url = second_process(certified)
    leaver, stayer = registered(certified, "leaver"), registered(certified, "stayer")
    assert is_logged_in(leaver, second_url)
    log_out_there(certified, leaver)
    ended_at = time.monotonic()
    while is_logged_in(leaver, second_url):
        assert time.monotonic() - ended_at < 1
    assert not is_logged_in(leaver, certified.url)
    assert is_logged_in(stayer, second_url)
