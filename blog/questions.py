"""Questions: statements that are asked at nearly every page, compiled once, for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from sqlalchemy import Dialect, Engine, PoolProxiedConnection, Select, literal_column
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

Process = Callable[[Any], Any]
NEW_LINE: Any = literal_column("'\n'")  # between lines told in one text; a plain one is put in when somebody asks


class _Ready(NamedTuple):
    """A statement in the words of one database.

    :param order: the names of its parameters as they stand in it, where they are known by their places.
    :param always: what those are that nobody gives.
    :param asked: how to write those that are given, by name; None where they go as they are.
    :param told: how to read which columns, by number.
    """

    sql: str
    order: Sequence[str] | None
    always: Mapping[str, Any]
    asked: Mapping[str, Process | None]
    told: Sequence[tuple[int, Process]]


class Question:
    """A statement with parameters for what differs, and none of them a list.

    SQLAlchemy finds a statement that it knows by all that it consists of, and goes through every constant in it each
    time: for the page of a post that takes twice as long as the database needs to answer. And what it does around the
    asking takes as long as the answer; so the driver is asked itself, on a connection of SQLAlchemy's pool.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._ready: dict[str, _Ready] = {}

    def ask(self, connection: PoolProxiedConnection, engine: Engine, given: Mapping[str, Any]) -> Sequence[Any]:
        """Ask for its rows.

        :param connection: of the engine's pool.
        :param given: parameters by name; others than its own do not matter.
        :raises sqlalchemy.exc.DBAPIError: as any other statement does.
        """
        ready = self._ready.get(engine.dialect.name) or self._prepare(engine.dialect)
        values = {**ready.always}
        for name, write in ready.asked.items():
            values[name] = given[name] if write is None else write(given[name])
        placed: Any = values if ready.order is None else tuple([values[name] for name in ready.order])
        rows = _rows(connection, engine, ready.sql, placed)
        return [_read(row, ready.told) for row in rows] if ready.told else rows

    def _prepare(self, dialect: Dialect) -> _Ready:
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101  (for mypy: a statement is nothing else)
        kinds = {name: bound.type.dialect_impl(dialect) for name, bound in compiled.binds.items()}
        writes = {name: kind.bind_processor(dialect) for name, kind in kinds.items()}
        wanted = [name for name, bound in compiled.binds.items() if bound.required]
        always = {
            name: value if (write := writes[name]) is None else write(value)
            for name, value in compiled.params.items()
            if name not in wanted
        }
        columns = self._statement.selected_columns.values()
        reads = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        ready = self._ready[dialect.name] = _Ready(
            compiled.string,
            compiled.positiontup,
            always,
            {name: writes[name] for name in wanted},
            [(place, read) for place, read in enumerate(reads) if read is not None],
        )
        return ready


def _rows(connection: PoolProxiedConnection, engine: Engine, sql: str, placed: Any) -> Sequence[Any]:
    """Ask the driver; whoever listens to the engine's statements hears of this one too, and of errors as of others."""
    driver_error = engine.dialect.loaded_dbapi.Error
    with closing(connection.cursor()) as cursor:
        engine.dispatch.before_cursor_execute(None, cursor, sql, placed, None, False)
        try:
            cursor.execute(sql, placed)
            rows: Sequence[Any] = cursor.fetchall()
        except driver_error as error:
            raise DBAPIError.instance(
                sql, None, error, driver_error, hide_parameters=True, dialect=engine.dialect
            ) from error
    return rows


def _read(row: Sequence[Any], told: Sequence[tuple[int, Process]]) -> tuple[Any, ...]:
    values = list(row)
    for place, read in told:
        values[place] = read(values[place])
    return tuple(values)
