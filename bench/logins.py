"""Measures what a login costs the blog: the way out to a provider and back."""

from __future__ import annotations

import os

import requests

from bench.servers import HOST, commands, free_port, running
from tests.fake_idp import FakeIdp
from tests.http_idp import Door, serve

LOGINS = 40


def cpu_us() -> float:
    """Log somebody in from new browsers, up to their dashboard; give the CPU of the blog for each time."""
    port = free_port()
    with serve(door := Door()) as issuer:
        door.open(FakeIdp(issuer, client_id="bench", client_secret="bench"))  # noqa: S106  (of nothing else)
        os.environ["BENCH_SETTINGS"] = f"PUBLIC_URL=http://{HOST}:{port} OIDC_ISSUER={issuer}"
        with running(commands("bench.site:app", port)["granian"], port) as server:
            _log_in(port)  # its keys and metadata are known from here on
            before = server.cpu_s()
            for _ in range(LOGINS):
                _log_in(port)
            return 1e6 * (server.cpu_s() - before) / LOGINS


def _log_in(port: int) -> None:
    with requests.Session() as browser:
        page = browser.get(f"http://{HOST}:{port}/login", timeout=10)
        if "/logout" not in page.text:
            raise SystemExit(f"Nobody was logged in: {page.status_code}")
