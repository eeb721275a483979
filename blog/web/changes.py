"""Changes: how a process hears, at next to no cost for those who read, that readers see something new."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.pool import NullPool

from blog.db import CHANNEL, engine_options, prepare, site_version

YOUNG_NS = 50_000_000  # file times move in steps of some ms: what was written so lately may have been written again
YOUNG_COARSE_NS = 2_500_000_000  # where they move in whole seconds
TRUSTED_S = 1.0  # so long is silence believed; a connection may be dead without anybody having been told

Mark = object
_Value = TypeVar("_Value")


class Reading(NamedTuple):
    """What was read, and a mark by which `Watch.holds` knows whether it is still so; None holds never."""

    version: int
    more: Any
    mark: Mark | None


class Watch(Protocol):
    """Knows whether the site changed. `read` and `close` are called by one thread at a time, `holds` by any."""

    def holds(self, mark: Mark | None) -> bool:
        """Whether nothing was written since the reading with this mark began."""
        ...

    def read(self, more: Callable[[Connection], Any]) -> Reading:
        """Read the version of the site, and what else is asked for; raises whatever the database raises."""
        ...

    def close(self) -> None:
        """End the connection; the next reading makes a new one."""
        ...


def watch(url: URL) -> Watch:
    """Make what watches the database at this address. It connects when it is first asked, and never before."""
    return _Postgres(url) if url.get_backend_name() == "postgresql" else _Sqlite(url)


class _Connected:
    """A connection of our own, so that no page waits for one of the pool, nor takes one away."""

    def __init__(self, url: URL) -> None:
        options = engine_options(url.render_as_string(hide_password=False))
        self._engine = create_engine(url, **_without_pool(options), poolclass=NullPool)
        prepare(self._engine)
        self._connection: Connection | None = None

    def _open(self) -> Connection:
        return self._engine.connect()

    def _read(self, more: Callable[[Connection], _Value]) -> tuple[int, _Value]:
        try:
            self._connection = self._connection or self._open()
            with self._connection.begin():
                return site_version(self._connection), more(self._connection)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()


class _Sqlite(_Connected):
    """Looks at the write-ahead log, which every commit of any process makes newer.

    Times of files are too coarse to tell two commits apart that follow each other quickly. So, as git does with its
    index, a log that was just written counts as changed until it has grown a little older. Where there is no log, the
    database is read each time.
    """

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        self._log = Path(f"{url.database}-wal")

    def holds(self, mark: Mark | None) -> bool:
        return mark is not None and self._look() == mark

    def _look(self) -> tuple[int, int, int] | None:
        try:
            seen = self._log.stat()
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_size, seen.st_ino

    def read(self, more: Callable[[Connection], Any]) -> Reading:
        seen, looked_at = self._look(), time.time_ns()  # before the reading: what is written meanwhile counts as new
        version, told = self._read(more)
        return Reading(version, told, seen if seen and self._is_old(seen[0], looked_at) else None)

    @staticmethod
    def _is_old(written_at: int, looked_at: int) -> bool:
        young = YOUNG_NS if written_at % 1_000_000_000 else YOUNG_COARSE_NS
        return looked_at - written_at > young


class _Postgres(_Connected):
    """Listens to the notifications of `tell_caches`, and looks whether one has come without asking the server."""

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        self._mark: Mark | None = None
        self._trusted_until = 0.0
        self._socket = -1
        self._local = threading.local()  # poll objects are for one thread each

    def holds(self, mark: Mark | None) -> bool:
        return mark is not None and mark is self._mark and time.monotonic() < self._trusted_until and not self._hears()

    def _hears(self) -> bool:
        local, socket = self._local, self._socket
        if getattr(local, "socket", None) != socket:
            local.poll, local.socket = select.poll(), socket
            local.poll.register(socket, select.POLLIN)
        return bool(local.poll.poll(0))

    def _open(self) -> Connection:
        connection = super()._open()
        with connection.begin():
            connection.execute(text(f"LISTEN {CHANNEL}"))
        driver: Any = connection.connection.driver_connection
        driver.add_notify_handler(lambda _: None)  # else they are collected
        self._socket = driver.fileno()
        return connection

    def read(self, more: Callable[[Connection], Any]) -> Reading:
        self._mark = None  # from here on what was heard is not heard again, so nobody may go on with the old mark
        version, told = self._read(more)
        self._trusted_until, self._mark = time.monotonic() + TRUSTED_S, object()
        return Reading(version, told, self._mark)


def _without_pool(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if not name.startswith("pool_")}
