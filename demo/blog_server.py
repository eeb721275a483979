"""The demo's blog on the production server; ends with the demo."""

from __future__ import annotations

import os

from granian import Granian
from granian.constants import Interfaces

from demo import leash


def main(factory: str = "blog:create_app") -> None:
    """Serve the application that this makes on loopback, at PORT, until terminated or until standard input ends."""
    leash.end_with_parent()
    Granian(
        factory,
        factory=True,
        interface=Interfaces.WSGI,
        address="127.0.0.1",
        port=int(os.environ["PORT"]),
        blocking_threads=8,  # docs/decisions/0005-production-server.md
        websockets=False,
        workers_kill_timeout=10,  # seconds that requests have to end, after SIGTERM
    ).serve()


if __name__ == "__main__":
    main()
