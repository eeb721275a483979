"""`make run`: starts the blog and an identity provider beside it on this machine; for development and demo only."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from demo import stage, state
from demo.children import Children, Trouble
from demo.stage import Place

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run the demo until Ctrl-C, SIGTERM or SIGHUP.

    :returns: an exit status: 0 after having been asked to stop, 1 after trouble.
    """
    for name in STOPS:
        signal.signal(name, _stop_once)
    try:
        run(place_from(os.environ))
    except KeyboardInterrupt:
        say("\nStopped.")
        return 0
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


def _stop_once(*_: object) -> None:
    """Begin to stop, and let no second Ctrl-C interrupt that: it would leave somebody behind."""
    for name in STOPS:
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt


def place_from(environ: Mapping[str, str]) -> Place:
    """Read PORT, IDP_PORT and DEMO_FOLDER.

    :raises Trouble: for a port that is none, or one for two.
    """
    ports = {}
    for name, usual in (("PORT", "5000"), ("IDP_PORT", "5001")):
        text = environ.get(name) or usual
        if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
            raise Trouble(f"{name}={text} is no port; take a number from 1 to 65535.")
        ports[name] = int(text)
    if ports["PORT"] == ports["IDP_PORT"]:
        raise Trouble("PORT and IDP_PORT must be two ports.")
    return Place(Path(environ.get("DEMO_FOLDER") or "instance/demo").resolve(), ports["PORT"], ports["IDP_PORT"])


def run(place: Place) -> None:
    """Start everything, say so, and watch over it.

    :raises Trouble: when a port is taken or something does not start or ends by itself.
    :raises KeyboardInterrupt: when asked to stop; nothing runs any more by then.
    """
    check_port("PORT", place.port)
    check_port("IDP_PORT", place.idp_port)
    kept = state.load(place.folder)
    with Children(place.folder) as children:
        stage.start(children, place, kept)
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
