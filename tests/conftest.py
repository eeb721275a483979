"""What the tests share: an application, a provider that can misbehave, and people who go through the doors."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any
from weakref import WeakSet

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine, event, insert, select, text
from sqlalchemy.orm import Session

from blog import create_app
from blog import db as tables
from blog.db import Site, db
from tests import once, postgres
from tests.actor import Actor
from tests.chromium import browser  # noqa: F401  (a fixture)
from tests.fake_idp import FakeIdp
from tests.redis import redis_server  # noqa: F401  (a fixture)

once.use()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL database that the tests may do with as they like."""
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with empty tables, made once: copying it takes no time, making the tables does."""
    path = tmp_path_factory.mktemp("tables") / "blog.db"
    with rooms(f"sqlite:///{path}"):
        empty()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, empty_file: Path) -> Iterator[Flask]:
    """An application with empty tables and nothing else; its context is open. Once for each kind of database."""
    on_file = request.param == "sqlite"
    with rooms(f"sqlite:///{tmp_path}/blog.db" if on_file else request.getfixturevalue("postgres_url")) as app:
        if on_file:
            copyfile(empty_file, tmp_path / "blog.db")
        else:
            empty()
        yield app


@contextmanager
def rooms(url: str) -> Iterator[Flask]:
    """An application that is nothing but the database at this address; its context is open."""
    app = Flask("rooms")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    tables.init_app(app)
    with app.app_context():
        lose_no_time(db.engine)
        yield app
        db.session.remove()
        db.engine.dispose()


def lose_no_time(engine: Engine) -> None:
    """Have SQL compiled once, and SQLite leave the disk to the system, as PostgreSQL does here: what a power cut does,
    no test could show."""
    engine.update_execution_options(compiled_cache=once.STATEMENTS)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF").close())


GROWN = "SELECT sum(pg_relation_size(oid)) > 1000000 FROM pg_class WHERE relnamespace = 'public'::regnamespace"
FROM_ONE = "SELECT setval(oid, 1, false) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'"


def empty() -> None:
    """Make the tables where there are none, and empty them."""
    with tables.writing() as session:
        db.metadata.create_all(session.connection())
        version = 1 + (session.scalar(select(Site.version)) or 0 if db.engine in _emptied else 0)
        if db.engine.dialect.name == "postgresql":
            _empty_postgres(session)
        else:
            for table in reversed(db.metadata.sorted_tables):
                session.execute(table.delete())
        session.execute(insert(Site).values(id=1, version=version))
    _emptied.add(db.engine)


_emptied: WeakSet[Engine] = WeakSet()  # what was found at a version is recalled, so none comes twice


def _empty_postgres(session: Session) -> None:
    """Delete what is there; PostgreSQL truncates by making new files, which takes longer than most tests."""
    if session.scalar(text(GROWN)):  # plans would be made for what a test with many rows has left
        session.execute(text(f"TRUNCATE {', '.join(db.metadata.tables)} RESTART IDENTITY"))
        return
    each = "; ".join(str(table.delete()) for table in reversed(db.metadata.sorted_tables))
    session.execute(text(f"DO $$ BEGIN {each}; END $$"))
    session.execute(text(FROM_ONE))


class MovableClock:
    """Tells the time it is set to; starts at the real one, so that tokens are signed in the present."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **duration: float) -> None:
        self.ahead += timedelta(**duration)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def idp(clock: MovableClock) -> Iterator[FakeIdp]:
    with FakeIdp() as provider:
        provider.clock = lambda: clock().timestamp()
        yield provider


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """The operator's settings; a test changes them before it asks for `app`."""
    return settings_in(tmp_path)


def settings_in(folder: Path) -> dict[str, str]:
    """Settings of a blog that keeps everything in this folder."""
    return {
        "PUBLIC_URL": "http://localhost",
        "SECRET_KEY": "a key that only the tests use, long enough",
        "DATABASE_URL": f"sqlite:///{folder / 'blog.db'}",
        "MEDIA_FOLDER": str(folder / "media"),
        "OIDC_ISSUER": "https://idp.example",
        "OIDC_CLIENT_ID": "byline",
        "OIDC_CLIENT_SECRET": "s3cr:t +%/&é" * 3,
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def on_both(request: pytest.FixtureRequest, settings: dict[str, str]) -> float:
    """Both kinds of database, empty, below `app`; gives for how many seconds a change may be on its way to a process.

    It comes before whatever else is made of the settings.
    """
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    with request.getfixturevalue("app").app_context():
        empty()
    return 0 if request.param == "sqlite" else 0.2  # some ms, on a machine that is not as busy as those of tests


@pytest.fixture
def desk(settings: dict[str, str], idp: FakeIdp) -> dict[str, dict[str, Any]]:
    """Roles and groups come from the provider; gives who is there. Ask for it before anybody who is logged in."""
    settings |= {"ROLES_CLAIM": "groups", "ROLE_AUTHOR": "writers", "ROLE_EDITOR": "editors"}
    idp.people |= {
        "ada": {"name": "Ada Lovelace", "groups": ["writers", "Night Desk", "<b>&amp;\u202e"]},
        "bob": {"name": "Bob Ross", "groups": ["writers"]},
        "nina": {"name": "Nina Night", "groups": ["Night Desk"]},
        "rita": {"name": "Rita Reader", "groups": []},
        "eddy": {"name": "Eddy Editor", "groups": ["editors"]},
    }
    return idp.people


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates that were compiled once, for all applications of a run: compiling them takes longer than most tests."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(
    settings: dict[str, str],
    clock: MovableClock,
    compiled_templates: FileSystemBytecodeCache,
    tmp_path: Path,
    empty_file: Path,
) -> Iterator[Flask]:
    own = tmp_path / "blog.db"
    if settings["DATABASE_URL"] == f"sqlite:///{own}" and not own.exists():
        copyfile(empty_file, own)
    with opened(settings, clock, compiled_templates) as application:
        yield application


@contextmanager
def opened(
    settings: dict[str, str], clock: MovableClock, compiled_templates: FileSystemBytecodeCache
) -> Iterator[Flask]:
    """An application with its tables, until the context ends."""
    application = create_app(settings, now=clock)
    application.testing = True
    application.jinja_env.bytecode_cache = compiled_templates
    with application.app_context():
        lose_no_time(db.engine)
        db.create_all()
    yield application
    application.extensions["porch"].directory.close()
    if counter := application.extensions.get("readership"):
        counter.close()
    if cache := application.extensions.get("pagecache"):
        cache.close()
    with application.app_context():
        db.engine.dispose()


class SecurityLog(logging.Handler):
    """Keeps what the security log says, and checks that each line is one object of plain values."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = json.loads(record.getMessage())
        assert datetime.fromisoformat(line.pop("at")).tzinfo
        assert all(isinstance(value, str | int) for value in line.values())
        self.lines.append({**line, "alarm": record.levelno == logging.WARNING})

    def of(self, event: str) -> list[dict[str, Any]]:
        """What was said of one kind of event, without what each line has."""
        own = {"event", "request", "alarm"}
        return [
            {name: value for name, value in line.items() if name not in own}
            for line in self.lines
            if line["event"] == event
        ]

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]

    def reasons(self, event: str) -> list[str]:
        """The reasons of one kind of event."""
        return [line["reason"] for line in self.of(event)]


@pytest.fixture
def security_log() -> Iterator[SecurityLog]:
    """What the security log says from now on."""
    kept, logger = SecurityLog(), logging.getLogger("blog.security")
    logger.addHandler(kept)
    yield kept
    logger.removeHandler(kept)


@pytest.fixture
def visitor(app: Flask, idp: FakeIdp) -> Actor:
    """Somebody who is not logged in."""
    return Actor(app, idp)


@pytest.fixture
def ada(app: Flask, idp: FakeIdp) -> Actor:
    """An author, logged in."""
    return Actor(app, idp).log_in("ada")


@pytest.fixture
def bob(app: Flask, idp: FakeIdp) -> Actor:
    """Another author, logged in."""
    idp.people["bob"] = {"name": "Bob Ross"}
    return Actor(app, idp).log_in("bob")


@pytest.fixture
def anybody(app: Flask, idp: FakeIdp) -> Any:
    """Makes further browsers."""
    return lambda: Actor(app, idp)
