"""A blog and a provider that misbehaves on request, each on a server of its own, and what came of a login."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask

from tests.conftest import SecurityLog
from tests.fake_idp import FakeIdp
from tests.http_idp import Door
from tests.interop.visitor import Visitor


class Outcome(NamedTuple):
    """What our side shows after a login.

    :param status: of the page that the browser ends at.
    :param reason: in the security log and on the page; None where nothing was refused.
    :param session: whether the dashboard is there.
    :param userinfo: how often the userinfo endpoint was asked.
    """

    status: int
    reason: str | None
    session: bool
    userinfo: int


LOGGED_IN = Outcome(200, None, True, 1)


def refused(reason: str, *, userinfo: int = 0) -> Outcome:
    """What it should be when the provider's answer was not accepted."""
    return Outcome(503 if reason == "provider_unreachable" else 400, reason, False, userinfo)


@dataclass(frozen=True, slots=True)
class Stage:
    """Blog at `url`, provider behind `door`."""

    app: Flask
    url: str
    door: Door
    idp: FakeIdp
    log: SecurityLog
    certificate: Path | None

    def visitor(self) -> Visitor:
        """Somebody with a new browser."""
        return Visitor(trusts=self.certificate)

    def log_in(self, visitor: Visitor | None = None, path: str = "/login") -> Visitor:
        """Follow the way to the provider and back, whatever comes of it."""
        visitor = (visitor or self.visitor()).open(self.url + path)
        return visitor.submit("Continue") if visitor.sees("Continue") else visitor

    def go_there(self, visitor: Visitor) -> dict[str, str]:
        """Begin a login and go through it at the provider, but do not come back yet: give what there is to bring."""
        back = visitor.location_of(visitor.location_of(f"{self.url}/login"))
        return dict(parse_qsl(urlsplit(back).query))

    def come_back(self, visitor: Visitor, params: dict[str, str]) -> Visitor:
        """Bring this back from the provider."""
        return visitor.open(f"{self.url}/oidc/callback?{urlencode(params)}")

    def is_logged_in(self, visitor: Visitor) -> bool:
        """Whether the dashboard is there."""
        return visitor.peek(f"{self.url}/dashboard") == 200

    def outcome(self, visitor: Visitor) -> Outcome:
        """Tell what came of the one login of this test."""
        reasons = self.log.reasons("login_refused")
        assert len(reasons) <= 1
        assert all(reason in visitor.text for reason in reasons)
        session = self.is_logged_in(visitor)
        assert self.log.events().count("login") == session
        return Outcome(visitor.status, reasons[0] if reasons else None, session, self.idp.calls["userinfo"])

    def asked(self) -> list[str]:
        """Which endpoints the blog asked since the last time, in order."""
        names = [name for name, _ in self.idp.requests]
        self.idp.requests.clear()
        return names
