"""A circuit breaker: who failed three times, or asked us to wait, is left alone for a while."""

from __future__ import annotations

import random
from collections.abc import Callable

FAILURES = 3
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0
LONGEST_RETRY_AFTER_S = 300.0


def jitter(share: float) -> float:
    """Give a factor within `share` of 1, so that many processes do not act in step."""
    return random.uniform(1 - share, 1 + share)


class Breaker:
    """Counts outcomes of calls that it does not make itself, so calls run side by side. Its owner holds the lock.

    :param clock: seconds that never run backwards.
    :param spread: as `jitter`.
    """

    def __init__(self, clock: Callable[[], float], spread: Callable[[float], float] = jitter) -> None:
        self._clock = clock
        self._spread = spread
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._open_until = clock()

    def is_open(self) -> bool:
        """Whether calls are to be left out now."""
        return self._clock() < self._open_until

    def succeeded(self) -> None:
        """Close: one success is enough."""
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._open_until = self._clock()

    def failed(self, retry_after_s: float | None = None) -> None:
        """Count a failure; open after the third, each time for longer, or at once when told when to come back."""
        self._failures += 1
        if retry_after_s:
            self._open_for(min(retry_after_s, LONGEST_RETRY_AFTER_S))
        elif self._failures >= FAILURES and not self.is_open():  # a call that began before it opened says nothing new
            self._open_for(self._pause_s * self._spread(0.5))
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _open_for(self, seconds: float) -> None:
        self._open_until = max(self._open_until, self._clock() + seconds)
