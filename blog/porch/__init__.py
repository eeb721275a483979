"""What stands ready on the porch of one application: the relying party, its provider, the names, the seal."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Thread

from flask import current_app

from blog.forks import Places
from blog.identity import directories, parking, people
from blog.identity.client import Client
from blog.identity.directories.forgetting import Forgetting
from blog.identity.directories.proof import Proof
from blog.identity.keys import ClientKeys
from blog.identity.people import Key, RoleRules
from blog.identity.provider import Provider
from blog.identity.sealing import Seal
from blog.identity.sessions import Holder

LOGINS_AT_A_TIME = 6  # in one process, of the eight threads that the production server gives it


@dataclass(frozen=True, slots=True)
class StepUp:
    """What somebody has to have proved who they are for, and how recently.

    :param actions: of ``config.STEP_UPS``.
    :param max_age: how long ago it may have been.
    :param acr_values: one of these ways of proving it is demanded, if there are any.
    """

    actions: Collection[str] = ()
    max_age: timedelta = timedelta(minutes=15)
    acr_values: tuple[str, ...] = ()

    def is_met(self, holder: Holder, now: datetime) -> bool:
        """Whether this session's holder has proved it as recently, and as well, as is asked for."""
        recent = holder.auth_time is not None and now.timestamp() - holder.auth_time <= self.max_age.total_seconds()
        return recent and (not self.acr_values or holder.acr in self.acr_values)


def start_thread(work: Callable[[], None]) -> None:
    """Do this beside everything else; a hanging provider never keeps the process from ending."""
    Thread(target=work, name="porch", daemon=True).start()


@dataclass(frozen=True, slots=True)
class Porch:
    """What stands ready on the porch of one application.

    :param revalidate: after this time the provider is asked again about who is logged in; None for never.
    :param background: does a piece of work that nobody waits for.
    """

    client: Client
    provider: Provider
    directory: directories.Cached
    forgetting: Forgetting
    proof: Proof
    seal: Seal
    author_claim: str
    role_rules: RoleRules
    registration_url: str
    public_url: str
    step_up: StepUp = field(default_factory=StepUp)
    revalidate: timedelta | None = None
    background: Callable[[Callable[[], None]], None] = start_thread
    client_keys: ClientKeys | None = None
    waiting: Places = field(default_factory=lambda: Places(LOGINS_AT_A_TIME))

    @property
    def is_https(self) -> bool:
        """Whether the blog is on https, so that its cookies are, too."""
        return self.public_url.startswith("https:")


def porch() -> Porch:
    """Give the porch of the application at hand."""
    return current_app.extensions["porch"]


def person_ref(key: Key) -> str:
    """Refer to a person where the key itself must not be read: in form tokens, parked forms and logs."""
    return parking.person_ref(porch().seal, key)


def handle(key: Key) -> str:
    """Tell the handle that an author has who picked none."""
    return people.handle(key, secret=porch().seal.key("handle"))
