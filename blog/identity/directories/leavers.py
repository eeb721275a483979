"""Who of many is gone: everybody is asked about, a page's worth at a time, and nothing is concluded from silence."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from blog.errors import LoginRefused, Unreachable
from blog.identity.directories.cached import CHUNK
from blog.identity.directories.question import too_many_gone
from blog.identity.people import Key, Person

WAITS = 3  # for one call, where a limit was reached
LONGEST_WAIT_S = 60.0


class Asks(Protocol):
    """Whoever puts the question to the provider itself; `Cached` does."""

    def ask(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are, now; may raise Unreachable."""
        ...


@dataclass(slots=True)
class Said:
    """What the provider said of many.

    :param people: key → person, of those whom it named or denied.
    :param unsaid: of whom it said nothing.
    :param failure: why it could not be asked about all of those.
    """

    people: dict[Key, Person] = field(default_factory=dict)
    unsaid: list[Key] = field(default_factory=list)
    failure: Unreachable | None = None

    @property
    def gone(self) -> list[Key]:
        """Who the provider says is no more."""
        return [key for key, person in self.people.items() if person.gone]

    @property
    def deactivated(self) -> list[Key]:
        """Who is there, and shut out."""
        return [key for key, person in self.people.items() if person.deactivated]

    def is_believed(self, keys: Collection[Key]) -> bool:
        """Whether all of these can have left, or that rather is an outage."""
        return not too_many_gone(len(keys), len(self.people))


def ask(
    directory: Asks,
    keys: list[Key],
    *,
    tell: Callable[[int], None] = lambda _count: None,
    wait: Callable[[float], None] = time.sleep,
) -> Said:
    """Ask about all of these, and wait where the provider asks for that; does not raise Unreachable.

    :param tell: hears after each call how many more were asked about.
    :param wait: waits for so many seconds.
    """
    said = Said()
    for chunk in _chunks(keys):
        _ask(directory, chunk, said, wait)
        tell(len(chunk))
    if said.people and not said.failure:  # who hides people tells who is gone only after showing somebody
        for chunk in _chunks([key for key in keys if key not in said.people]):
            _ask(directory, chunk, said, wait)
    said.unsaid = [key for key in keys if key not in said.people]
    return said


def _ask(directory: Asks, keys: list[Key], said: Said, wait: Callable[[float], None]) -> None:
    """Ask about some, unless asking has failed before."""
    for waits_left in reversed(range(WAITS + 1)):
        if said.failure:
            return
        try:
            said.people |= directory.ask(keys)
        except LoginRefused as refused:  # by what looks up the token endpoint
            said.failure = Unreachable(f"what the provider publishes is refused: {refused.reason}")
        except Unreachable as error:
            if not waits_left or error.retry_after is None or error.retry_after > LONGEST_WAIT_S:
                said.failure = error
            else:
                wait(error.retry_after)
        else:
            return


def _chunks(keys: list[Key]) -> Iterator[list[Key]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
