"""Providers without a user API: nobody is known but by the names they signed in with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from blog.config import Setting
from blog.identity.directories import reading
from blog.identity.directories.facts import Facts, Rights
from blog.identity.directories.settings import Lent
from blog.identity.directories.shape import Shape, is_empty
from blog.identity.people import Key, Person

SETTINGS: tuple[Setting, ...] = ()
IDS = reading.ANY


class Claims:
    """Confirms nobody, so names come from `Cached.learn` alone.

    Such a name lasts for the hard age (24 hours) or until the process ends (with a shared memory, until that ends), and
    each login renews it. After that the author has a neutral byline until the next login: there is nobody to ask, and
    names are not stored.
    """

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Confirm nobody."""
        return {}


def ids_of(_settings: Mapping[str, Any]) -> reading.Ids:
    """Say what ids look like there; the same whatever is set."""
    return IDS


def facts_of(_settings: Mapping[str, Any]) -> Facts:
    """There is no user API of which anything could be known."""
    return Facts(Shape({}, is_empty), 1, Rights())


def from_settings(_settings: Mapping[str, Any], _lent: Lent) -> Claims:
    """There is nothing to set."""
    return Claims()
