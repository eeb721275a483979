"""`make run`: starts the blog and an identity provider beside it on this machine; for development and demo only."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo import state
from demo.children import Children, Trouble, call


@dataclass(frozen=True, slots=True)
class Place:
    """Where this demo lives."""

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


def main() -> int:
    """Run the demo until Ctrl-C, SIGTERM or SIGHUP.

    :returns: an exit status: 0 after having been asked to stop, 1 after trouble.
    """
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    try:
        run(place_from(os.environ))
    except KeyboardInterrupt:
        say("\nStopped.")
        return 0
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


def place_from(environ: Mapping[str, str]) -> Place:
    """Read PORT, IDP_PORT and DEMO_FOLDER.

    :raises Trouble: for a port that is none.
    """
    ports = {}
    for name, usual in (("PORT", "5000"), ("IDP_PORT", "5001")):
        text = environ.get(name) or usual
        if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
            raise Trouble(f"{name}={text} is no port; take a number from 1 to 65535.")
        ports[name] = int(text)
    return Place(Path(environ.get("DEMO_FOLDER") or "instance/demo").resolve(), ports["PORT"], ports["IDP_PORT"])


def run(place: Place) -> None:
    """Start everything, say so, and watch over it.

    :raises Trouble: when a port is taken or something does not start or ends by itself.
    :raises KeyboardInterrupt: when asked to stop; nothing runs any more by then.
    """
    check_port("PORT", place.port)
    check_port("IDP_PORT", place.idp_port)
    kept = state.load(place.folder)
    state.write_private(place.folder / "client_secrets.json", client_secrets(kept, place))
    environ = blog_environ(kept, place)
    with Children(place.folder) as children:
        children.start("provider", "demo.provider", *provider_arguments(place), environ=environ)
        prepare_database(place, environ)
        children.start("blog", "demo.blog_server", environ=environ)
        children.wait_for("provider", f"{place.issuer}/.well-known/openid-configuration")
        children.wait_for("blog", f"{place.blog_url}/")
        say(banner(kept, place))
        children.watch()


def check_port(name: str, port: int) -> None:
    """Make sure that nobody listens here yet.

    :param name: the variable that changes it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a demo that has just ended is in nobody's way
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Trouble(f"Port {port} cannot be used ({error.strerror}): choose another one with {name}=…") from None


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
    return os.environ | {
        "PORT": str(place.port),
        "DEMO_FOLDER": str(place.folder),
        "BLOG_CLIENT_SECRETS": str(place.folder / "client_secrets.json"),
        "BLOG_PUBLIC_URL": place.blog_url,
        "BLOG_SECRET_KEY": kept.blog_secret_key,
        "BLOG_DATABASE_URL": f"sqlite:///{place.folder / 'blog.db'}",
        "BLOG_OIDC_ISSUER": place.issuer,
        "BLOG_OIDC_CLIENT_ID": kept.client_id,
        "BLOG_OIDC_CLIENT_SECRET": kept.client_secret,
        "BLOG_OIDC_ID_TOKEN_ALG": "ES256",
        "BLOG_DIRECTORY": "scim",
        "BLOG_DIRECTORY_URL": f"{place.issuer}/scim/v2",
        "NO_PROXY": "localhost,127.0.0.1",
    }


def provider_arguments(place: Place) -> tuple[str, ...]:
    """Say to the provider where it is, and where the blog is."""
    return ("--folder", str(place.folder), "--port", str(place.idp_port), "--blog-url", place.blog_url)


def prepare_database(place: Place, environ: Mapping[str, str]) -> None:
    """Create or upgrade the blog's database, and put the sample posts there once."""
    call("upgrade the database", "flask", "--app", "blog", "upgrade", environ=environ)
    seeded = place.folder / "seeded"
    if not seeded.exists():
        call("write the sample posts", "demo.seed", environ=environ)
        seeded.touch()


def banner(kept: state.State, place: Place) -> str:
    """Say where everything is and how to log in."""
    people = "\n".join(
        f"    {author.user_name:<8} password  {author.password}   ({author.display_name})" for author in kept.authors
    )
    return f"""
Byline, for development and demo: plain http, on this machine only.

  Blog       {place.blog_url}
  Provider   {place.issuer}

  Log in as
{people}
  or make an account of your own: {place.blog_url}/register
  A changed name comes from the provider: {place.issuer}/

Everything is kept in {os.path.relpath(place.folder)}. Ctrl-C stops both.
"""


def say(text: str) -> None:
    """Tell the person at the terminal, at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
