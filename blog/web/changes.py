"""Changes: how a process hears, at next to no cost for those who read, that readers see something new."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.pool import NullPool

from blog.db import CHANNEL, LastTold, engine_options, log_of, prepare, site_version

TRUSTED_S = 1.0  # so long is silence believed: a connection may be dead, or a writer was killed before it could tell
AT_ONCE_S = 0.0002  # so long nobody listens again: who writes needs longer to say that it is written

Mark = object


class Reading(NamedTuple):
    """What was read, and a mark by which `Watch.holds` knows whether it is still so; None never is."""

    version: int
    more: Any
    mark: Mark | None


class Watch:
    """Knows whether the site changed. `read` and `close` are called by one thread at a time, `holds` by any.

    It has a connection of its own, made when it is first needed: no page waits for one of the pool, nor takes one away.
    """

    def __init__(self, url: URL) -> None:
        options = engine_options(url.render_as_string(hide_password=False))
        self._engine = create_engine(url, **_without_pool(options), poolclass=NullPool)
        prepare(self._engine)
        self._start()

    def _start(self) -> None:
        self._connection: Connection | None = None
        self._mark: Mark | None = None
        self._trusted_until = self._silent_until = 0.0
        self._told: object = None

    def start_anew(self) -> None:
        """After a fork: leave the connection to the parent, and open, as closing it would end the parent's, too."""
        self._parents = self._connection
        self._start()

    def holds(self, mark: Mark | None) -> bool:
        """Whether nothing was heard of since the reading with this mark began."""
        # The mark comes last: `read` takes it away before it listens anew, so who just missed something meets no mark.
        silent = self._told is LastTold.change and self._is_silent(time.monotonic())
        return silent and mark is not None and mark is self._mark

    def _is_silent(self, now: float) -> bool:
        if now >= self._silent_until:  # else threads would give the interpreter away at each request, to listen
            if now >= self._trusted_until or self._hears():
                return False
            self._silent_until = now + AT_ONCE_S
        return True

    def read(self, more: Callable[[Connection], Any]) -> Reading:
        """Read the version of the site, and what else is asked for; raises whatever the database raises."""
        self._mark = None  # what was heard until now is not heard again, so nobody may go on with the old mark
        self._silent_until = 0.0
        self._told = LastTold.change
        self._listen_anew()
        try:
            self._connection = self._connection or self._open()
            with self._connection.begin():
                version, told = site_version(self._connection), more(self._connection)
        except BaseException:
            self.close()
            raise
        self._trusted_until, self._mark = time.monotonic() + TRUSTED_S, object() if self._is_sure() else None
        return Reading(version, told, self._mark)

    def close(self) -> None:
        """End the connection; the next reading makes a new one."""
        connection, self._connection, self._mark = self._connection, None, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _open(self) -> Connection:
        return self._engine.connect()

    def _hears(self) -> bool:
        raise NotImplementedError

    def _listen_anew(self) -> None:
        """Whatever is written from here on is heard, by `_hears` or by `_is_sure`."""

    def _is_sure(self) -> bool:
        return True


class _Sqlite(Watch):
    """Looks at the write-ahead log, which every write of any process makes newer, and `blog.db.writing` once more.

    Where there is no log, the database is read each time.
    """

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        self._log = str(log_of(url))
        self._seen: tuple[int, int] | None = None

    def _listen_anew(self) -> None:
        self._seen = self._look()

    def _hears(self) -> bool:
        return self._seen is None or self._look() != self._seen

    def _look(self) -> tuple[int, int] | None:
        try:
            seen = os.stat(self._log)  # noqa: PTH116  (at each request, and `Path.stat` takes half as long again)
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_size


class _Postgres(Watch):
    """Listens to what `tell_caches` notifies, and looks whether anything has come, without asking the server."""

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        self._socket = -1
        self._noticed = False
        self._local = threading.local()  # a poll object is for one thread

    def _open(self) -> Connection:
        connection = super()._open()
        with connection.begin():
            connection.execute(text(f"LISTEN {CHANNEL}"))
        driver: Any = connection.connection.driver_connection
        driver.add_notify_handler(self._notice)
        self._socket = driver.fileno()
        return connection

    def _notice(self, _notification: Any) -> None:
        self._noticed = True

    def _listen_anew(self) -> None:
        self._noticed = False

    def _is_sure(self) -> bool:
        return not self._noticed  # while something was read; it may tell of what came after that

    def _hears(self) -> bool:
        local, socket = self._local, self._socket
        if getattr(local, "socket", None) != socket:
            local.poll, local.socket = select.poll(), socket
            local.poll.register(socket, select.POLLIN)
        return bool(local.poll.poll(0))  # also when the connection has broken


def _without_pool(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if not name.startswith("pool_")}


def watch(url: URL) -> Watch:
    """Make what watches the database at this address."""
    return _Postgres(url) if url.get_backend_name() == "postgresql" else _Sqlite(url)
