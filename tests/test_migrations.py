"""The migrations give the database that the tables on the page of db.py describe."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, text

from blog import create_app
from blog.db import db


@pytest.fixture(params=["sqlite", "postgresql"])
def new_app(request, settings, idp):
    """An application on an empty database."""
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    application = create_app(settings)
    with application.app_context():
        remove_all_tables()
    yield application
    application.extensions["porch"].directory.close()
    with application.app_context():
        remove_all_tables()
        db.engine.dispose()


def remove_all_tables():
    with db.engine.begin() as connection:
        everything = MetaData()
        everything.reflect(connection)
        everything.drop_all(connection)


def test_upgrading_gives_the_tables_as_they_are_declared(new_app):
    for command in ("upgrade", "init-db", "upgrade"):  # it can be repeated
        assert new_app.test_cli_runner().invoke(args=[command]).exit_code == 0
    with new_app.app_context(), db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []
        assert connection.execute(text("SELECT id, version FROM site")).all() == [(1, 1)]


def test_two_processes_can_upgrade_at_once(new_app, settings):
    environ = os.environ | {f"BLOG_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "flask", "--app", "blog", "upgrade"]
    both = [subprocess.Popen(command, env=environ, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()


def test_what_was_upgraded_can_be_taken_back(new_app):
    from flask_migrate import downgrade

    runner = new_app.test_cli_runner()
    runner.invoke(args=["upgrade"])
    with new_app.app_context():
        downgrade(directory=str(new_app.extensions["migrate"].directory), revision="base")
    assert runner.invoke(args=["upgrade"]).exit_code == 0
