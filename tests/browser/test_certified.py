"""A real browser, a certified provider and a blog behind TLS, with everything on that the standards have for both.

Requests are pushed (RFC 9126), the client proves itself by its keys, answers come by form post, and refresh tokens
rotate.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, Request, expect

from demo import stage, state
from tests.browser.conftest import PATIENCE_MS
from tests.browser.people import button, field
from tests.certificate import write_certificate
from tests.interop.stages import SERVER, CertifiedProvider, node
from tests.ports import free_ports
from tests.tls import TlsProxy

_number = count()


class EverythingOn(CertifiedProvider):
    """The certified provider, and two processes of one blog behind a proxy each."""

    def start(self) -> None:
        """Start the proxies first, as the blog's address is theirs."""
        folder = self.place.folder
        (self.second_port,) = free_ports(1)
        certificate = write_certificate(folder)
        self.proxies = [TlsProxy(certificate, port).__enter__() for port in (self.place.port, self.second_port)]
        self.url, self.second_url = (proxy.url for proxy in self.proxies)
        kept = state.load(folder)
        environ = self.environ = self.settings(kept)
        options = {"port": self.place.idp_port, "blogUrl": self.url} | self.options(kept)
        stage.prepare_database(environ)
        trusting = environ | {"NODE_EXTRA_CA_CERTS": str(certificate)}
        self.children.start("provider", [node(), str(SERVER / "server.mjs"), json.dumps(options)], trusting)
        stage.start_blog(self.children, environ)
        second = environ | {"PORT": str(self.second_port)}
        self.children.start("blog-2", stage.python("demo.blog_server"), second)
        self.children.wait_for("provider", f"{self.issuer}/.well-known/openid-configuration")
        for port in (self.place.port, self.second_port):
            self.children.wait_for("blog", f"http://localhost:{port}/")

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        for proxy in self.proxies:
            proxy.__exit__()

    def settings(self, kept: state.State) -> dict[str, str]:
        """Turn everything on."""
        environ = super().settings(kept)
        del environ["BLOG_CLIENT_SECRETS"]
        return environ | {
            "BLOG_PUBLIC_URL": self.url,
            "BLOG_OIDC_ISSUER": self.issuer,
            "BLOG_OIDC_CLIENT_ID": kept.client_id,
            "BLOG_OIDC_TOKEN_AUTH_METHOD": "private_key_jwt",
            "BLOG_OIDC_RESPONSE_MODE": "form_post",
            "BLOG_OIDC_PAR": "always",
            "BLOG_SESSION_REVALIDATE": "30",
            "BLOG_ROLES_CLAIM": "groups",
            "BLOG_ROLE_AUTHOR": "writers",
        }

    def options(self, kept: state.State) -> dict[str, Any]:
        """Know the client by its keys, and give it refresh tokens."""
        client = {
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": f"{self.url}/oidc/jwks",
            "grant_types": ["authorization_code", "refresh_token"],
        }
        pushed = {"enabled": True, "requirePushedAuthorizationRequests": True}
        return {"clientId": kept.client_id, "client": client, "features": {"pushedAuthorizationRequests": pushed}}

    def put_into(self, login: str, *groups: str) -> None:
        """Change somebody's groups behind the scenes."""
        requests.post(f"{self.issuer}/control/groups", json={login: groups}, timeout=5).raise_for_status()

    def in_database(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement on the blog's database, from outside."""
        with closing(sqlite3.connect(self.place.folder / "blog.db", timeout=10)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def let_an_hour_pass(self) -> None:
        """The last word of the provider is an hour old for everybody."""
        self.in_database("UPDATE sessions SET checked_at = datetime(checked_at, '-1 hour') || '.000000'")

    def security_log(self) -> list[dict[str, Any]]:
        """What the security logs of both processes say."""
        lines = [line for log in ("blog", "blog-2") for line in self._log(log) if line.startswith('{"at"')]
        return [json.loads(line) for line in lines]

    def _log(self, name: str) -> list[str]:
        return (self.place.folder / f"{name}.log").read_text().splitlines()


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EverythingOn]:
    with EverythingOn(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, certified: EverythingOn) -> Iterator[Callable[[], Page]]:
    """Opens a browser with nothing remembered, which trusts the proxies' certificate."""
    contexts = []

    def open_one() -> Page:
        context = browser.new_context(base_url=certified.url, ignore_https_errors=True)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def writer(certified: EverythingOn, open_page: Callable[[], Page]) -> tuple[str, Page]:
    """Somebody of the group that writes, who has just registered at the provider and logged in: login and browser."""
    login, page = f"writer{next(_number)}", open_page()
    register(page, login)
    certified.put_into(login, "writers")
    log_out(page)
    log_in(page, login)
    expect(in_header(page, "Dashboard")).to_be_visible()
    return login, page


def in_header(page: Page, name: str) -> Locator:
    return page.get_by_role("banner").get_by_role("link", name=name, exact=True)


def register(page: Page, login: str) -> None:
    page.goto("/")
    in_header(page, "Register").click()
    field(page, "Username").fill(login)
    field(page, "Display Name").fill(login.title())
    field(page, "Password").fill("secret")
    button(page, "Create account").click()
    expect(in_header(page, login.title())).to_be_visible()


def log_in(page: Page, login: str) -> None:
    page.goto("/")
    in_header(page, "Log in").click()
    field(page, "Username").fill(login)
    field(page, "Password").fill("secret")
    button(page, "Sign in").click()
    expect(in_header(page, login.title())).to_be_visible()


def log_out(page: Page) -> None:
    """Log out here, and answer the provider's question."""
    button(page, "Log out").click()
    button(page, "Yes, sign me out").click()
    expect(in_header(page, "Log in")).to_be_visible()


def look(certified: EverythingOn, page: Page, until: Callable[[], bool]) -> None:
    """Look at pages until something has happened in the background."""
    ends_at = time.monotonic() + 10
    while not until():
        assert time.monotonic() < ends_at, certified.security_log()[-3:]
        page.goto("/")


def test_registering_goes_by_pushed_requests_keys_and_a_form_and_comes_back(
    certified: EverythingOn, open_page: Callable[[], Page]
) -> None:
    page, seen = open_page(), Seen()
    page.on("request", seen.note)
    register(page, "newcomer")
    (asked,) = [each for each in seen.requests if each.url.startswith(f"{certified.issuer}/auth?")]
    assert "request_uri=urn" in asked.url
    assert "code_challenge" not in asked.url
    assert "create" not in asked.url, "what is asked for is nothing of the browser's"
    (came_back,) = [each for each in seen.requests if each.url.startswith(f"{certified.url}/oidc/callback")]
    assert_form_post(came_back)
    assert not [each for each in seen.requests if "code=" in each.url]


class Seen:
    """What a browser asked for."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def note(self, request: Request) -> None:
        self.requests.append(request)


def assert_form_post(request: Request) -> None:
    assert request.method == "POST"
    assert request.url.endswith("/oidc/callback")
    assert "code=" in (request.post_data or "")


def test_nothing_is_written_with_a_client_secret(certified: EverythingOn) -> None:
    environ = certified.environ
    assert not [name for name in environ if "CLIENT_SECRET" in name]


def test_a_writer_publishes_and_logs_out_of_both(writer: tuple[str, Page], certified: EverythingOn) -> None:
    login, page = writer
    page.goto("/dashboard/write")
    field(page, "Title").fill(f"Words of {login}")
    field(page, "Body").fill("By keys, and by a form.")
    button(page, "Publish").click()
    expect(page.get_by_role("status")).to_contain_text("Published.")
    log_out(page)
    in_header(page, "Log in").click()
    expect(button(page, "Sign in")).to_be_visible()  # the provider has to ask again


def test_logging_out_only_here_leaves_the_provider_alone(writer: tuple[str, Page]) -> None:
    login, page = writer
    page.goto("/logout")
    button(page, "Only here").click()
    in_header(page, "Log in").click()
    expect(in_header(page, login.title())).to_be_visible()  # without a question


def test_logging_out_at_the_provider_ends_the_session_in_a_second_process_within_a_second(
    writer: tuple[str, Page], certified: EverythingOn
) -> None:
    login, page = writer
    second = page.context.new_page()
    second.goto(certified.second_url)
    expect(in_header(second, login.title())).to_be_visible()
    page.goto(f"{certified.issuer}/session/end")
    button(page, "Yes, sign me out").click()
    ended_at = time.monotonic()
    second.reload()
    expect(in_header(second, "Log in")).to_be_visible(timeout=1000 * max(0.1, ended_at + 1 - time.monotonic()))
    page.goto("/")
    expect(in_header(page, "Log in")).to_be_visible()


def test_everywhere_ends_the_session_in_another_browser(
    writer: tuple[str, Page], certified: EverythingOn, open_page: Callable[[], Page]
) -> None:
    login, page = writer
    other = open_page()
    log_in(other, login)
    page.goto("/logout")
    button(page, "Everywhere").click()
    button(page, "Yes, sign me out").click()
    other.goto("/")  # a page that needs a login would begin one, and the provider still knows this browser
    expect(in_header(other, "Log in")).to_be_visible()


def test_a_group_that_was_taken_away_is_gone_at_the_next_login(
    writer: tuple[str, Page], certified: EverythingOn
) -> None:
    login, page = writer
    certified.put_into(login)
    page.goto("/dashboard/write")
    expect(field(page, "Title")).to_be_visible()
    log_out(page)
    log_in(page, login)
    assert page.goto("/dashboard").status == 403  # type: ignore[union-attr]


def test_and_at_the_next_check_with_a_refresh_token_that_rotates(
    writer: tuple[str, Page], certified: EverythingOn
) -> None:
    login, page = writer
    for groups, status in ((("writers",), 200), ((), 403), (("writers",), 200)):
        certified.put_into(login, *groups)
        certified.let_an_hour_pass()
        before = len(renewals(certified))
        look(certified, page, until=lambda before=before: len(renewals(certified)) > before)
        assert page.goto("/dashboard").status == status  # type: ignore[union-attr]


def renewals(certified: EverythingOn) -> list[str]:
    return [line["event"] for line in certified.security_log() if line["event"] == "session_renewed"]


def test_a_refresh_token_that_is_used_twice_ends_the_session(writer: tuple[str, Page], certified: EverythingOn) -> None:
    _, page = writer
    ((mine, stolen),) = certified.in_database("SELECT id_hash, holder FROM sessions ORDER BY created_at DESC LIMIT 1")
    certified.let_an_hour_pass()
    before = len(renewals(certified))
    look(certified, page, until=lambda: len(renewals(certified)) > before)
    certified.in_database("UPDATE sessions SET holder = ? WHERE id_hash = ?", stolen, mine)
    certified.let_an_hour_pass()
    page.goto("/")
    look(certified, page, until=lambda: in_header(page, "Log in").is_visible())
    assert [line["reason"] for line in certified.security_log() if line["event"] == "session_refused"] == [
        "renewal_refused"
    ]


def test_nothing_secret_reaches_the_disk(writer: tuple[str, Page], certified: EverythingOn) -> None:
    login, _ = writer
    kept = b"".join(Path(file).read_bytes() for file in certified.place.folder.glob("blog*"))
    assert b"session_renewed" in kept
    for secret in (b"eyJ", login.title().encode(), b"PRIVATE KEY", b'"writers"'):
        assert secret not in kept
