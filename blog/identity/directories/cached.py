"""The resolver of bylines: remembers names, asks in the background, and never makes a page wait for long."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from cachetools import TLRUCache

from blog.errors import Unreachable
from blog.identity.directories.breaker import Breaker, jitter
from blog.identity.directories.pool import Pool
from blog.identity.directories.question import Directory
from blog.identity.people import Key, Person

log = logging.getLogger(__name__)

SOFT_S = 15 * 60.0  # from here on the name is shown and refreshed in the background
FIRM_S = 60 * 60.0  # from here on a page waits for the refresh, within its budget, before it shows the old name
HARD_S = 24 * 60 * 60.0  # from here on the name is forgotten, even if the provider cannot be asked
GONE_S = 5 * 60.0  # so long is it remembered that somebody is gone, or that the provider would not say
SPREAD = 0.2  # of soft and gone age, so that processes do not ask in step
BUDGET_S = 0.8
SIZE = 5000
THREADS = 2
CHUNK = 20  # authors in one call: a page's worth


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is remembered under a key; the times are the clock's.

    :param person: None when the provider neither named nor denied them.
    :param fresh_until: nobody asks before.
    :param waits_from: pages wait for a new answer from here on.
    :param ends: forgotten from here on.
    """

    person: Person | None
    fresh_until: float
    waits_from: float
    ends: float


class _Flight:
    """One call on its way: for whom, and until when (`time.monotonic`) a page may wait for it."""

    def __init__(self, keys: Collection[Key], wait_until: float) -> None:
        self.keys = keys
        self.wait_until = wait_until
        self.landed = threading.Event()


class Cached:
    """A directory before which stands a memory. It is a directory itself, and one that never raises.

    Everything is kept in this process, and a process that is forked starts anew. Calls to the provider happen in
    two threads of our own, one call a key at a time; no lock is held during one.

    :param directory: whom to ask.
    :param budget_s: seconds a page may wait for names.
    :param clock: seconds that never run backwards; ages are measured with it.
    :param spread: gives a factor within a share of 1.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        budget_s: float = BUDGET_S,
        clock: Callable[[], float] = time.monotonic,
        spread: Callable[[float], float] = jitter,
    ) -> None:
        self._directory = directory
        self._budget_s = budget_s
        self._clock = clock
        self._spread = spread
        self._start()
        os.register_at_fork(after_in_child=partial(_start_anew, weakref.ref(self)))

    def _start(self) -> None:
        # After a fork too: threads are not forked, and the lock may be held by one that is no more.
        self._lock = threading.Lock()
        self._entries: TLRUCache[Key, _Entry] = TLRUCache(SIZE, ttu=_end_of, timer=self._clock)
        self._flights: dict[Key, _Flight] = {}
        self._breaker = Breaker(self._clock, self._spread)
        self._pool: Pool | None = None
        self._closed = False

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are, as far as it is known within the budget; never raises."""
        wanted = dict.fromkeys(keys)
        with self._lock:
            awaited = self._ask_for(wanted)
        for flight in awaited:
            flight.landed.wait(max(0.0, flight.wait_until - time.monotonic()))
        with self._lock:
            found = {key: self._entries.get(key) for key in wanted}
        return {key: entry.person for key, entry in found.items() if entry is not None and entry.person is not None}

    def learn(self, person: Person) -> None:
        """Remember the name that somebody signed in with, as if the provider's user API had told it."""
        if person.name is None:
            return
        with self._lock:
            self._flights.pop(person.key, None)  # what was asked before now knows less
            self._entries[person.key] = self._entry(Person(person.key, person.name), None, self._spread(SPREAD))

    def forget(self, key: Key) -> None:
        """Ask anew for this author at the next page, and believe no answer that was asked for before now."""
        with self._lock:
            self._flights.pop(key, None)
            self._entries.pop(key, None)

    def forget_all(self) -> None:
        """Ask anew for everybody."""
        with self._lock:
            self._flights.clear()
            self._entries.clear()

    def close(self, wait_s: float = 5.0) -> None:
        """End the threads; what is known stays known, but nobody is asked any more."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(wait_s)

    # with the lock held

    def _ask_for(self, keys: Collection[Key]) -> set[_Flight]:
        """Send for whoever is not fresh; give the calls that are worth waiting for."""
        now = self._clock()
        found = {key: self._entries.get(key) for key in keys}
        stale = {key: entry for key, entry in found.items() if entry is None or now >= entry.fresh_until}
        if not self._closed and not self._breaker.is_open():
            self._send([key for key in stale if key not in self._flights])
        must_wait = [key for key, entry in stale.items() if entry is None or now >= entry.waits_from]
        return {self._flights[key] for key in must_wait if key in self._flights}

    def _send(self, keys: list[Key]) -> None:
        for chunk in _chunks(keys):
            flight = _Flight(chunk, time.monotonic() + self._budget_s)
            self._flights |= dict.fromkeys(chunk, flight)
            self._pool = self._pool or Pool(THREADS)
            self._pool.submit(partial(self._fly, flight))

    def _land(self, flight: _Flight, answer: Mapping[Key, Person]) -> None:
        """Remember an answer: nothing that was not asked for, and nothing that was forgotten or learnt meanwhile."""
        asked = [key for key in flight.keys if self._flights.get(key) is flight]
        self._refuse_mass_vanishing(asked, answer)
        spread = self._spread(SPREAD)  # one for all of them: the people of a page stay together in one call
        for key in asked:
            self._entries[key] = self._entry(answer.get(key), self._entries.get(key), spread)

    def _refuse_mass_vanishing(self, keys: Collection[Key], answer: Mapping[Key, Person]) -> None:
        known = [key for key in keys if (entry := self._entries.get(key)) and entry.person and not entry.person.gone]
        vanished = [key for key in known if key in answer and answer[key].gone]
        if len(known) >= 4 and 2 * len(vanished) > len(known):
            raise Unreachable("the directory says that most of its people are gone, which is not believed")

    def _entry(self, person: Person | None, old: _Entry | None, spread: float) -> _Entry:
        now = self._clock()
        if person is not None and not person.gone:
            return _Entry(person, fresh_until=now + SOFT_S * spread, waits_from=now + FIRM_S, ends=now + HARD_S)
        soon = now + GONE_S * spread
        if person is None and old is not None:
            return replace(old, fresh_until=soon)
        return _Entry(person, fresh_until=soon, waits_from=soon, ends=soon)

    # in a thread of the pool

    def _fly(self, flight: _Flight) -> None:
        try:
            self._call(flight)
        except Unreachable as error:
            log.warning("bylines: %s", error.what)
            self._failed(error.retry_after)
        except Exception as error:  # noqa: BLE001  (a fault in an adapter may cost names, never a page or a thread)
            log.error("bylines: %s in %s", type(error).__name__, type(self._directory).__name__)  # no text: it may name
            self._failed()
        finally:
            self._end(flight)

    def _call(self, flight: _Flight) -> None:
        with self._lock:
            if self._breaker.is_open():  # it opened while this call was waiting for a thread
                return
        answer = self._directory.people(flight.keys)
        with self._lock:
            self._land(flight, answer)
            self._breaker.succeeded()

    def _failed(self, retry_after_s: float | None = None) -> None:
        with self._lock:
            self._breaker.failed(retry_after_s)

    def _end(self, flight: _Flight) -> None:
        with self._lock:
            for key in flight.keys:
                if self._flights.get(key) is flight:
                    del self._flights[key]
        flight.landed.set()


def _start_anew(cached: weakref.ref[Cached]) -> None:
    if (this := cached()) is not None:
        this._start()


def _end_of(_key: Key, entry: _Entry, _now: float) -> float:
    return entry.ends


def _chunks(keys: list[Key]) -> Iterator[list[Key]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
