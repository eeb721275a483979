"""What is compiled once for all applications of a run: SQL, and how addresses are built. Each would compile its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

MOST = 3_000


class Statements(dict[Any, Any]):
    """Statements as SQL. SQLAlchemy keeps them by engine, of which each test has its own."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_without_engine(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        if len(self) >= MOST:
            self.clear()
        super().__setitem__(_without_engine(key), compiled)


def _without_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *statement = key
    return dialect.name, *statement


STATEMENTS = Statements()


class Route(Rule):
    """A route, for which Werkzeug writes a function that builds its addresses, and compiles that."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (self.rule, append_unknown, *self._trace, *(self.defaults or {}).items())
        if key not in _builders:
            _builders[key] = super()._compile_builder(append_unknown)
        return _builders[key]


_builders: dict[Any, Callable[..., tuple[str, str]]] = {}


def use() -> None:
    """Have all applications of this process from now on use routes like these; SQL is up to each engine."""
    Flask.url_rule_class = Route
