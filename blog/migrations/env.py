"""How migrations reach the database: over the application's own engine, in one transaction, one process at a time."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app
from sqlalchemy import Connection, text

from blog.db import WRITES, UtcDateTime, db

ONE_AT_A_TIME = 7_102_401  # any number that nobody else locks on in this database


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our own column type as the plain one below it: a migration must not change when our code does."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run_migrations(connection: Connection) -> None:
    """Run what is missing. SQLite has taken the write lock by now; PostgreSQL needs to be asked."""
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_item=render_item,
        **current_app.extensions["migrate"].configure_args,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": ONE_AT_A_TIME})
        context.run_migrations()


with db.engine.connect() as plain:
    run_migrations(plain.execution_options(**WRITES[plain.dialect.name]))
