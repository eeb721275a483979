"""What the demo keeps between two starts: keys, passwords and the authors' ids, in one file of mode 0600."""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, RSAKey

FILE = "state.json"


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody who has an account at the demo's provider from the start.

    :param subject: the ``sub`` of their ID tokens and their id in SCIM.
    """

    user_name: str
    display_name: str
    email: str
    subject: str
    password: str


@dataclass(frozen=True, slots=True)
class State:
    """Everything the demo must not forget.

    :param signing_keys: private JWKs of the provider; the first one signs what has no algorithm of its own.
    """

    blog_secret_key: str
    provider_secret_key: str
    client_id: str
    client_secret: str
    signing_keys: tuple[dict[str, Any], ...]
    authors: tuple[Author, ...]


def load(folder: Path) -> State:
    """Read the state kept in this folder; make folder and state the first time.

    :param folder: made with mode 0700 when it is not there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / FILE
    if not file.exists():
        write_private(file, json.dumps(asdict(_new_state()), indent=2))
    kept = json.loads(file.read_text("utf-8"))
    authors = tuple(Author(**author) for author in kept.pop("authors"))
    return State(**(kept | {"signing_keys": tuple(kept["signing_keys"]), "authors": authors}))


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    unfinished.write_text(text, "utf-8")
    unfinished.replace(file)


def _new_state() -> State:
    return State(
        blog_secret_key=secrets.token_hex(32),
        provider_secret_key=secrets.token_hex(32),
        client_id="byline-demo",
        client_secret=secrets.token_urlsafe(32),
        # Two RS* logins of one person in the same second are a 500 in Canaille 0.3.6; ES256 is not. RSA is mandatory.
        signing_keys=tuple(
            key.as_dict(private=True)
            for key in (ECKey.generate_key("P-256", auto_kid=True), RSAKey.generate_key(2048, auto_kid=True))
        ),
        authors=(_new_author("amina", "Amina Diallo"), _new_author("ruben", "Ruben Okafor")),
    )


def _new_author(user_name: str, display_name: str) -> Author:
    # example.com: Canaille's SCIM answers 400 for addresses under .test, .local and localhost
    return Author(user_name, display_name, f"{user_name}@example.com", str(uuid.uuid4()), _password())


def _password() -> str:
    """Make a password that is quickly typed from the screen; about 50 bits."""
    return "-".join("".join(map(secrets.choice, ("bdfgklmnprstvz", "aeiou") * 2)) for _ in range(4))
