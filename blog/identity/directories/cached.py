"""The resolver of bylines: remembers names, asks in the background, and never makes a page wait for long."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cachetools import TLRUCache

from blog.errors import Unreachable
from blog.forks import begin_anew
from blog.identity.directories.breaker import Breaker, jitter
from blog.identity.directories.pool import Pool
from blog.identity.directories.question import Directory, too_many_gone
from blog.identity.people import Key, Person

if TYPE_CHECKING:  # it imports the redis package, which is not everywhere
    from blog.identity.directories.shared import Shared

log = logging.getLogger(__name__)

Made = TypeVar("Made")

SOFT_S = 15 * 60.0  # from here on the name is shown and refreshed in the background
FIRM_S = 60 * 60.0  # from here on a page waits for the refresh, within its budget, before it shows the old name
HARD_S = 24 * 60 * 60.0  # from here on the name is forgotten, even if the provider cannot be asked
GONE_S = 5 * 60.0  # so long is it remembered that somebody is gone, or that the provider would not say
SPREAD = 0.2  # of soft and gone age, so that processes do not ask in step
PAUSED_S = 5.0  # so long is a page with old names good while the provider is left alone
BUDGET_S = 0.8
SIZE = 5000
THREADS = 2
CHUNK = 20  # authors in one call: a page's worth
TOLD_MOST = 1000  # pages' worth of people


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is remembered under a key; the times are the clock's.

    :param person: None when the provider neither named nor denied them.
    :param learnt: when the provider told, us or another process.
    :param fresh_until: nobody asks before.
    :param waits_from: pages wait for a new answer from here on.
    :param ends: forgotten from here on.
    """

    person: Person | None
    learnt: float
    fresh_until: float
    waits_from: float
    ends: float

    @property
    def shown(self) -> tuple[str | None, bool] | None:
        """What pages show of it."""
        return (self.person.name, self.person.gone) if self.person else None


class Lasting(NamedTuple):
    """For how many seconds names can be shown.

    :param fresh_s: until somebody should be asked anew; 0 or less when they are being asked.
    :param known_s: until one of them is forgotten, come what may.
    """

    fresh_s: float
    known_s: float


class _Told(NamedTuple):
    """What was made of some people, and until when it can be shown by the clock."""

    made: Any
    fresh_until: float
    known_until: float


class _Flight:
    """One call on its way: for whom, and until when (`time.monotonic`) a page may wait for it."""

    def __init__(self, keys: Collection[Key], wait_until: float) -> None:
        self.keys = keys
        self.wait_until = wait_until
        self.landed = threading.Event()


class Unshared:
    """Stands in for `Shared` where processes share no memory."""

    def is_away(self) -> bool:
        """Whether there is no use in looking."""
        return True

    def look_up(self, keys: Collection[Key]) -> dict[Key, tuple[Person, float]]:
        """Find nobody."""
        return {}

    def put(self, lifetimes: Mapping[Person, float]) -> None:
        """Keep nothing."""

    def remove(self, keys: Collection[Key]) -> None:
        """Nothing is there."""

    def remove_all(self) -> None:
        """Nothing is there."""

    def close(self, wait_s: float) -> None:
        """Nothing is open."""


class Cached:
    """A directory before which stands a memory. It is a directory itself, and one that never raises.

    Everything is kept in this process, and a process that is forked starts anew. Calls to the provider happen in
    two threads of our own, one call a key at a time; no lock is held during one. Where processes share a memory, the
    same threads look there first. What is found keeps its age, so that no name lives longer by going round.

    :param directory: whom to ask.
    :param share: makes this process's way to the shared memory.
    :param budget_s: seconds a page may wait for names.
    :param clock: seconds that never run backwards; ages are measured with it.
    :param spread: gives a factor within a share of 1.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        share: Callable[[], Shared | Unshared] = Unshared,
        budget_s: float = BUDGET_S,
        clock: Callable[[], float] = time.monotonic,
        spread: Callable[[float], float] = jitter,
    ) -> None:
        self._directory = directory
        self._share = share
        self._budget_s = budget_s
        self._clock = clock
        self._spread = spread
        self._start()
        begin_anew(self, Cached._start)

    def _start(self) -> None:
        # After a fork too: threads are not forked, and the lock may be held by one that is no more.
        self._lock = threading.Lock()
        self.generation: object = object()  # another one as soon as a page that was made before would be made otherwise
        self._went_without = False  # whether a page was made since then for which somebody was not known
        self._told: dict[frozenset[tuple[str, str]], _Told] = {}
        self._entries: TLRUCache[Key, _Entry] = TLRUCache(SIZE, ttu=_end_of, timer=self._clock)
        self._flights: dict[Key, _Flight] = {}
        self._breaker = Breaker(self._clock, self._spread)
        self._shared = self._share()
        self._pool: Pool | None = None
        self._closed = False

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are, as far as it is known within the budget; never raises."""
        with self._lock:
            found, now = {key: self._known(key) for key in keys}, self._clock()
            stale = [key for key, entry in found.items() if entry is None or now >= entry.fresh_until]
            awaited = self._ask_for(stale) if stale else ()
        for flight in awaited:
            flight.landed.wait(max(0.0, flight.wait_until - time.monotonic()))
        if stale:
            with self._lock:
                found |= {key: self._known(key) for key in stale}
                self._went_without = self._went_without or None in found.values()
        return {key: entry.person for key, entry in found.items() if entry is not None and entry.person is not None}

    def told(
        self, keys: frozenset[tuple[str, str]], make: Callable[[Mapping[Key, Person]], Made]
    ) -> tuple[Made, Lasting]:
        """Make something of what `people` says; it is made once for as long as nothing about these people changes.

        :param make: the same at each call, as what it made is found by the keys alone.
        :return: what it made, and for how long that can be shown, as long as `generation` stays the same.
        """
        told, now = self._told.get(keys), self._clock()
        if told is None or now >= told.fresh_until:
            told, now = self._tell(frozenset(map(Key._make, keys)), make), self._clock()
        return told.made, Lasting(told.fresh_until - now, told.known_until - now)

    def _tell(self, keys: frozenset[Key], make: Callable[[Mapping[Key, Person]], Any]) -> _Told:
        generation = self.generation
        made = make(self.people(keys))
        with self._lock:
            now, lasting = self._clock(), self._lasting(keys)
            told = _Told(made, now + min(lasting), now + lasting.known_s)
            if told.fresh_until > now and generation is self.generation:  # else somebody was forgotten meanwhile
                if len(self._told) >= TOLD_MOST:
                    self._told.clear()
                self._told[keys] = told
        return told

    def ask(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Put the question to the provider itself, now, and remember nothing; for the doctor.

        :raises Unreachable: as of any `Directory`.
        """
        return self._directory.people(keys)

    def learn(self, person: Person) -> None:
        """Remember the name that somebody signed in with, as if the provider's user API had told it."""
        if person.name is None:
            return
        told = Person(person.key, person.name)
        with self._lock:
            self._flights.pop(person.key, None)  # what was asked before now knows less
            self._keep(person.key, _entry(told, self._clock(), self._spread(SPREAD)))
            self._shared.put({told: HARD_S})

    def known(self) -> set[Key]:
        """List whom anything is remembered of, or is being asked for."""
        with self._lock:
            return {*self._entries, *self._flights}

    def forget(self, *keys: Key) -> None:
        """Ask anew for these authors at the next page, and believe no answer that was asked for before now.

        Their names go from this process and from the shared memory. Other processes ask anew when a name is stale to
        them, or at once where `forgetting.note` told them.
        """
        if not keys:
            return
        self.drop(keys)
        self._shared.remove(keys)
        self.drop(keys)  # a page may have found one there in between

    def forget_all(self) -> None:
        """Ask anew for everybody, likewise."""
        self.drop()
        self._shared.remove_all()
        self.drop()

    def close(self, wait_s: float = 5.0) -> None:
        """End the threads; what is known stays known, but nobody is asked any more."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
            shared, self._shared = self._shared, Unshared()
        if pool is not None:
            pool.close(wait_s)
        shared.close(wait_s)

    def drop(self, keys: Collection[Key] | None = None) -> None:
        """Forget these here only, or everybody; what lies in the shared memory may be newer."""
        with self._lock:
            self._begin_generation()
            for known in (self._flights, self._entries):
                if keys is None:
                    known.clear()
                    continue
                for key in keys:
                    known.pop(key, None)

    # with the lock held

    def _lasting(self, keys: Collection[Key]) -> Lasting:
        now, rest_s = self._clock(), PAUSED_S if self._breaker.is_open() else 0.0
        known = [self._known(key) for key in keys]
        fresh = [entry.fresh_until - now if entry and now < entry.fresh_until else rest_s for entry in known]
        return Lasting(min(fresh, default=inf), min((entry.ends - now for entry in known if entry), default=inf))

    def _known(self, key: Key) -> _Entry | None:
        try:  # `get` would look twice
            return self._entries[key]
        except KeyError:
            return None

    def _ask_for(self, stale: Collection[Key]) -> set[_Flight]:
        """Send for these, who are not fresh; give the calls that are worth waiting for."""
        if not self._closed and not (self._breaker.is_open() and self._shared.is_away()):
            self._send([key for key in stale if key not in self._flights])
        return {self._flights[key] for key in stale if key in self._flights and self._is_awaited(key)}

    def _is_fresh(self, key: Key) -> bool:
        entry = self._entries.get(key)
        return entry is not None and self._clock() < entry.fresh_until

    def _is_awaited(self, key: Key) -> bool:
        entry = self._entries.get(key)
        return entry is None or self._clock() >= entry.waits_from

    def _send(self, keys: list[Key]) -> None:
        for chunk in _chunks(keys):
            flight = _Flight(chunk, time.monotonic() + self._budget_s)
            self._flights |= dict.fromkeys(chunk, flight)
            self._pool = self._pool or Pool(THREADS)
            self._pool.submit(partial(self._fly, flight))

    def _in(self, flight: _Flight) -> list[Key]:
        """Who was not forgotten, learnt or found meanwhile."""
        return [key for key in flight.keys if self._flights.get(key) is flight]

    def _take_over(self, flight: _Flight, found: Mapping[Key, tuple[Person, float]]) -> None:
        """Remember what other processes learnt, with its age in seconds; who is fresh by it leaves the flight."""
        asked = [key for key in self._in(flight) if key in found]
        if not asked or self._is_mass_vanishing(asked, {key: found[key][0] for key in asked}):
            return
        now, spread = self._clock(), self._spread(SPREAD)
        for key in asked:
            person, age_s = found[key]
            self._improve(key, _entry(person, now - age_s, spread))
            if self._is_fresh(key):
                del self._flights[key]

    def _improve(self, key: Key, entry: _Entry) -> None:
        old = self._entries.get(key)
        if self._clock() < entry.ends and (old is None or old.learnt < entry.learnt):
            self._keep(key, entry)

    def _keep(self, key: Key, entry: _Entry) -> None:
        old = self._entries.get(key)
        if self._went_without if old is None else old.shown != entry.shown:
            self._begin_generation()
        self._entries[key] = entry

    def _begin_generation(self) -> None:
        self.generation, self._went_without = object(), False
        self._told.clear()  # there are names in it

    def _land(self, flight: _Flight, answer: Mapping[Key, Person]) -> None:
        """Remember an answer: nothing that was not asked for, and nothing that was forgotten or learnt meanwhile."""
        asked = self._in(flight)
        if self._is_mass_vanishing(asked, answer):
            raise Unreachable("the directory says that most of its people are gone, which is not believed")
        now, spread = self._clock(), self._spread(SPREAD)  # one for all: the people of a page stay together in one call
        for key in asked:
            self._keep(key, _entry(answer.get(key), now, spread, old=self._entries.get(key)))
        told = [answer[key] for key in asked if key in answer]
        self._shared.put({person: GONE_S if person.gone else HARD_S for person in told})

    def _is_mass_vanishing(self, keys: Collection[Key], answer: Mapping[Key, Person]) -> bool:
        known = [key for key in keys if (entry := self._entries.get(key)) and entry.person and not entry.person.gone]
        vanished = [key for key in known if key in answer and answer[key].gone]
        return too_many_gone(len(vanished), len(known))

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
        found = self._shared.look_up(flight.keys)
        with self._lock:
            self._take_over(flight, found)
            asked = self._in(flight)
            if not any(map(self._is_awaited, asked)):
                flight.landed.set()  # a page that waits can go on with old names
            if not asked or self._breaker.is_open():  # it may have opened while this call was waiting for a thread
                return
        answer = self._directory.people(asked)
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


def _entry(person: Person | None, learnt: float, spread: float, old: _Entry | None = None) -> _Entry:
    if person is not None and not person.gone:
        fresh_until, waits_from, ends = learnt + SOFT_S * spread, learnt + FIRM_S, learnt + HARD_S
        return _Entry(person, learnt, fresh_until, waits_from, ends)
    soon = learnt + GONE_S * spread
    if person is None and old is not None:
        return replace(old, fresh_until=soon)
    return _Entry(person, learnt, fresh_until=soon, waits_from=soon, ends=soon)


def _end_of(_key: Key, entry: _Entry, _now: float) -> float:
    return entry.ends


def _chunks(keys: list[Key]) -> Iterator[list[Key]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
