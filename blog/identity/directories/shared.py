"""The memory of names that many processes share, in Redis: asked before the provider is, and never relied on."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, wait
from functools import partial
from typing import Any

from redis import Redis

from blog.identity.directories.pool import Pool
from blog.identity.people import Key, Person, display_name
from blog.identity.sealing import Seal

log = logging.getLogger(__name__)

TIMEOUT_S = 0.2  # of connecting, and of each answer
PAUSE_S = 60.0  # so long is Redis left alone after a failure
REMOVAL_S = 1.0  # so long does who removes a name wait for it
PURPOSE = "shared name"
GENERATION = "byline:generation"  # random, part of every other key: with a new one, all that was put before is lost


class Shared:
    """People as other processes learnt them. A failure of Redis is a miss; nothing here raises.

    Writes happen in a thread of our own, one after another. Make a new one in a process that was forked.

    :param url: ``redis://`` or ``rediss://``, without query.
    :param seal: hashes identity keys and seals names: a Redis that writes to disk after all writes down nobody's.
    :param now: Unix time in seconds, by which processes agree on ages.
    """

    def __init__(self, url: str, seal: Seal, *, now: Callable[[], float] = time.time) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S, retry=None)
        self._seal = seal
        self._now = now
        self._lock = threading.Lock()
        self._away_until = 0.0
        self._writer: Pool | None = None

    def is_away(self) -> bool:
        """Whether Redis failed just now, so that there is no use in looking."""
        return self._now() < self._away_until

    def look_up(self, keys: Collection[Key]) -> dict[Key, tuple[Person, float]]:
        """Tell who of these was put here, and how many seconds ago they were learnt."""
        return (None if self.is_away() else self._try(partial(self._read, keys))) or {}

    def put(self, lifetimes: Mapping[Person, float]) -> None:
        """Have these people, learnt just now, remembered for so many seconds each; does not wait for it."""
        if lifetimes and not self.is_away():
            self._queue(partial(self._write, lifetimes, self._now()))

    def remove(self, keys: Collection[Key]) -> None:
        """Remove these people, also what `put` has not written yet; waits for a second at most."""
        wait([self._queue(partial(self._delete, keys))], REMOVAL_S)

    def remove_all(self) -> None:
        """Remove everybody, likewise."""
        wait([self._queue(partial(self._redis.delete, GENERATION))], REMOVAL_S)

    def everything(self) -> Iterator[bytes]:
        """Give all that is in this Redis, ours or not, as it stands there; for searching. Raises what Redis raises."""
        for place in self._redis.scan_iter():
            yield place + b" " + (self._redis.execute_command("DUMP", place, NEVER_DECODE=True) or b"")

    def close(self, wait_s: float) -> None:
        """End the thread and the connections; what was not written yet is left out."""
        if self._writer:
            self._writer.close(wait_s)
        self._redis.close()

    def _queue(self, call: Callable[[], Any]) -> Future[Any]:
        with self._lock:
            self._writer = self._writer or Pool(1)
            return self._writer.submit(partial(self._try, call))

    def _try(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:  # noqa: BLE001  (whatever it is, it costs a look-up and no more)
            with self._lock:
                if not self.is_away():
                    self._away_until = self._now() + PAUSE_S
                    # not the error's text, which may name
                    log.warning("bylines: Redis is left alone for a minute: %s", type(error).__name__)

    def _read(self, keys: Collection[Key]) -> dict[Key, tuple[Person, float]]:
        places = self._places(keys)
        values = self._redis.mget(places) if places else []
        now = self._now()
        return {
            key: told
            for key, place, value in zip(keys, places, values, strict=False)
            if isinstance(value, bytes) and (told := _judge(key, self._seal.open(PURPOSE, place, value), now))
        }

    def _write(self, lifetimes: Mapping[Person, float], learnt: float) -> None:
        self._redis.set(GENERATION, secrets.token_hex(8), nx=True)
        places = self._places([person.key for person in lifetimes])
        batch = self._redis.pipeline()
        for place, (person, lifetime_s) in zip(places, lifetimes.items(), strict=False):
            told = {"name": person.name, "gone": person.gone, "learnt": learnt}
            batch.set(place, self._seal.close(PURPOSE, place, told), px=round(1000 * lifetime_s))
        batch.execute()

    def _delete(self, keys: Collection[Key]) -> None:
        if places := self._places(keys):
            self._redis.delete(*places)

    def _places(self, keys: Collection[Key]) -> list[str]:
        """Where these stand in Redis; nowhere when nobody was put there since all were removed."""
        generation = self._redis.get(GENERATION)
        if not isinstance(generation, bytes):
            return []
        return [f"byline:{generation.decode('latin-1')}:{self._seal.ref(PURPOSE, *key)}" for key in keys]


def _judge(key: Key, told: Any, now: float) -> tuple[Person, float] | None:
    match told:
        case {"name": None, "gone": bool() as gone, "learnt": float() as learnt} if learnt <= now:
            return Person(key, None, gone=gone), now - learnt
        case {"name": str() as name, "gone": False, "learnt": float() as learnt} if learnt <= now:
            return (Person(key, shown), now - learnt) if (shown := display_name(display=name)) else None
    return None
