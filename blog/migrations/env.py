"""How a migration runs: on the application's own database, in one transaction that leaves all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from blog.db import WRITES, UtcDateTime, db

ONE_AT_A_TIME = 7_102_401  # any number that nobody else locks in this database; SQLite has its one write lock


def plain(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own types as what the database knows, so that old migrations need none of today's code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    """Run what is to be run over this connection."""
    connection.execution_options(**WRITES[connection.dialect.name])
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        transactional_ddl=True,
        render_item=plain,
        **current_app.extensions["migrate"].configure_args,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # Its limits are for requests: copying a table, or waiting for another process to migrate, takes longer.
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})")
        context.run_migrations()


@contextmanager
def keys_unwatched(connection: Connection) -> Iterator[None]:
    """Let SQLite drop a table without emptying the keys that point to it, as making one anew does.

    Its switch works outside of transactions only, so it is thrown past SQLAlchemy, which would begin one.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF").close()
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON").close()


if context.is_offline_mode():
    raise SystemExit("A migration needs the database; there is no SQL to write to a file.")
with db.engine.connect() as connection, keys_unwatched(connection):
    run(connection)
