"""Who a person is to us: an identity key, a display name that is never stored, and roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Key(NamedTuple):
    """An identity key: the only thing by which anything is ever decided about a person."""

    issuer: str
    id: str


@dataclass(frozen=True, slots=True)
class Person:
    """What the provider says of somebody right now.

    :param key: who.
    :param name: the display name, cleaned for showing; None when the provider tells none.
    :param roles: what they may do; only known for the person of a session.
    :param gone: the provider says there is no such person any more.
    """

    key: Key
    name: str | None
    roles: frozenset[str] = frozenset()
    gone: bool = False
