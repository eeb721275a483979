"""What stands ready on the porch of one application: the relying party, its provider, the names, the seal."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import BoundedSemaphore

from flask import current_app

from blog.identity import directories
from blog.identity.client import Client
from blog.identity.keys import ClientKeys
from blog.identity.people import Key, RoleRules
from blog.identity.provider import Provider
from blog.identity.sealing import Seal

LOGINS_AT_A_TIME = 6  # in one process, of the eight threads that the production server gives it


@dataclass(frozen=True, slots=True)
class Porch:
    """What stands ready on the porch of one application."""

    client: Client
    provider: Provider
    directory: directories.Cached
    seal: Seal
    author_claim: str
    role_rules: RoleRules
    registration_url: str
    public_url: str
    client_keys: ClientKeys | None = None
    waiting: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(LOGINS_AT_A_TIME))

    @property
    def is_https(self) -> bool:
        """Whether the blog is on https, so that its cookies are, too."""
        return self.public_url.startswith("https:")


def porch() -> Porch:
    """Give the porch of the application at hand."""
    return current_app.extensions["porch"]


def person_ref(key: Key) -> str:
    """Refer to a person where the key itself must not be read: in form tokens, parked forms and logs."""
    return porch().seal.ref("form", *key)
