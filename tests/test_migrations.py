"""Migrations: they lead to the tables of db.py, on either database, with all their rows."""

import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import Migrate, downgrade, upgrade
from sqlalchemy import inspect, text

import blog
from blog.content import posts
from blog.db import db, writing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIRECTORY = Path(blog.__file__).parent / "migrations"


@pytest.fixture
def unmigrated(database):
    """An application whose database has no tables, and knows where the migrations are."""
    Migrate(database, db, directory=str(DIRECTORY), render_as_batch=True)
    with writing() as session:
        db.metadata.drop_all(session.connection())
    yield database
    with writing() as session:
        session.execute(text("DROP TABLE IF EXISTS alembic_version"))


def differences():
    with db.engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), db.metadata)


def test_all_migrations_lead_to_the_tables_of_today(unmigrated):
    assert differences()
    upgrade()
    assert differences() == []
    assert db.session.execute(text("SELECT id, version FROM site")).all() == [(1, 1)]


def test_migrations_can_be_taken_back(unmigrated):
    upgrade()
    downgrade(revision="base")
    assert inspect(db.engine).get_table_names() == ["alembic_version"]


def test_upgrading_again_changes_nothing_and_leaves_logging_alone(unmigrated):
    log = logging.getLogger("byline.made.before")
    upgrade()
    upgrade()
    assert differences() == []
    assert not log.disabled


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_ids_are_never_given_twice(unmigrated):
    upgrade()
    assert "AUTOINCREMENT" in db.session.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'posts'"))


LATER = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "later", "{head}"


def upgrade():
    with op.batch_alter_table("posts", recreate="always") as posts:
        posts.add_column(sa.Column("colour", sa.String(9)))
"""


def test_making_a_table_anew_keeps_what_points_to_it(unmigrated, tmp_path):
    upgrade()
    post = posts.create(("https://id.example", "ada"), title="Old", body_md="x", now=NOW, publish=True)
    later = shutil.copytree(DIRECTORY, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (later / "versions" / "later.py").write_text(LATER.format(head=ScriptDirectory(str(DIRECTORY)).get_current_head()))
    upgrade(directory=str(later))
    assert "colour" in {column["name"] for column in inspect(db.engine).get_columns("posts")}
    assert db.session.execute(text("SELECT slug, post_id FROM slugs")).all() == [("old", post.id)]
