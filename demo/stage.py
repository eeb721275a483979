"""Sets the stage: where a demo lives, what its blog is told, and in which order everything starts."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from demo import state
from demo.children import Children, call


@dataclass(frozen=True, slots=True)
class Place:
    """Where this demo lives: a folder, and two ports on this machine."""

    folder: Path
    port: int
    idp_port: int

    @property
    def blog_url(self) -> str:
        """The blog's address, without a slash at its end."""
        return f"http://localhost:{self.port}"

    @property
    def issuer(self) -> str:
        """The provider's address, which is its issuer."""
        return f"http://localhost:{self.idp_port}"


def start(children: Children, place: Place, kept: state.State) -> None:
    """Start provider and blog, and return once both answer; the first time, the sample posts are written too.

    That names can be had is checked meanwhile: a second later the dashboard would not warn of that any more.

    :raises Trouble: when one of them does not start.
    """
    state.write_private(place.folder / "client_secrets.json", client_secrets(kept, place))
    environ = blog_environ(kept, place)
    children.start("provider", provider_command(place), environ)
    prepare_database(environ)
    keep_authors(place)
    write_samples_once(place, environ)
    start_blog(children, environ)
    children.wait_for("provider", f"{place.issuer}/.well-known/openid-configuration")
    children.wait_for("blog", f"{place.blog_url}/")
    children.start("check", [*python("flask"), "--app", "blog", "authors", "check"], environ, may_end=True)


def start_blog(children: Children, environ: Mapping[str, str]) -> None:
    """Start the blog on the production server."""
    children.start("blog", python("demo.blog_server"), environ)


def client_secrets(kept: state.State, place: Place) -> str:
    """Write down the blog's registration in the shape of client_secrets.example.json."""
    web = {
        "client_id": kept.client_id,
        "client_secret": kept.client_secret,
        "issuer": place.issuer,
        "redirect_uris": [f"{place.blog_url}/oidc/callback"],
    }
    return json.dumps({"web": web}, indent=2)


def blog_environ(kept: state.State, place: Place) -> dict[str, str]:
    """Give the blog its settings; the demo's own win, so that it never touches another blog's database."""
    return environ_without_blog() | {
        "PORT": str(place.port),
        "DEMO_FOLDER": str(place.folder),
        "BLOG_CLIENT_SECRETS": str(place.folder / "client_secrets.json"),
        "BLOG_SECRET_KEY": kept.blog_secret_key,
        "BLOG_DATABASE_URL": f"sqlite:///{place.folder / 'blog.db'}",
        "BLOG_OIDC_ID_TOKEN_ALG": "ES256",
        "BLOG_DIRECTORY": "scim",
        "BLOG_DIRECTORY_URL": f"{place.issuer}/scim/v2",
    }


def environ_without_blog() -> dict[str, str]:
    """Take this process's environment without the settings of another blog, and with no proxy before this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BLOG_")}
    return kept | {"NO_PROXY": "localhost,127.0.0.1"}


def provider_command(place: Place) -> list[str]:
    """Say to the provider where it is, and where the blog is."""
    where = ["--folder", str(place.folder), "--port", str(place.idp_port), "--blog-url", place.blog_url]
    return [*python("demo.provider"), *where]


def prepare_database(environ: Mapping[str, str]) -> None:
    """Create or upgrade the blog's database."""
    call("upgrade the database", [*python("flask"), "--app", "blog", "upgrade"], environ)


def keep_authors(place: Place) -> None:
    """Bring the posts along when IDP_PORT has changed: to the blog that is another issuer, but here the same people."""
    with closing(sqlite3.connect(place.folder / "blog.db")) as connection, connection:
        connection.execute("UPDATE posts SET author_issuer = ?1 WHERE author_issuer != ?1", (place.issuer,))


def write_samples_once(place: Place, environ: Mapping[str, str]) -> None:
    """Put the sample posts there, unless they were put there before; deleted ones stay deleted."""
    written = place.folder / "samples-written"
    if not written.exists():
        call("write the sample posts", python("demo.samples"), environ)
        written.touch()


def python(module: str) -> list[str]:
    """Run this module with the Python that runs us."""
    return [sys.executable, "-m", module]


def free_ports(count: int) -> list[int]:
    """Find ports on loopback that nobody uses, for a stage beside others."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
