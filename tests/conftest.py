"""What tests of several parts stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, text

from blog import db as tables
from blog.db import Site, db
from tests import postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL database that the tests may do with as they like."""
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An application with empty tables and nothing else; its context is open. Once for each kind of database."""
    on_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/blog.db" if on_file else request.getfixturevalue("postgres_url")
    app = Flask("rooms")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    tables.init_app(app)
    with app.app_context():
        empty()
        yield app
        db.session.remove()
        db.engine.dispose()


def empty() -> None:
    """Make the tables where there are none, and empty them."""
    with tables.writing() as session:
        db.metadata.create_all(session.connection())
        names = ", ".join(db.metadata.tables)
        if db.engine.dialect.name == "postgresql":
            session.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
        else:
            for table in reversed(db.metadata.sorted_tables):
                session.execute(table.delete())
        session.execute(insert(Site).values(id=1, version=1))
