"""The one question that is put to every provider's user API."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from blog.identity.people import Key, Person

FEW = 4


class Directory(Protocol):
    """Somebody who can say who is behind a key."""

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are.

        :return: only keys that were asked for. One that is absent is not confirmed: the answer neither named nor denied
            it, and nothing may be concluded. That there is no such person any more is said by ``Person.gone``.
        :raises Unreachable: the provider cannot be asked now, or answers in a way that cannot be used.
        """
        ...


def too_many_gone(gone: int, of: int) -> bool:
    """Whether so many cannot have left: most of some. A wrong address, or a token that sees nobody, looks like that.

    :param of: how many were known, or answered for.
    """
    return of >= FEW and 2 * gone > of
