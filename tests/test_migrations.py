"""Migrations: they lead to the tables of db.py, on either database, with all their rows."""

import logging
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import Migrate, downgrade, upgrade
from sqlalchemy import inspect, text

import blog
from blog.cli import migrations
from blog.content import handles, index, posts, revisions, search, trash
from blog.content.authorship import Naming
from blog.content.details import Details
from blog.content.readers import Audience
from blog.db import Named, db, writing
from blog.identity.people import Key
from blog.porch import handle

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
        return compare_metadata(MigrationContext.configure(connection, opts={"include_name": is_ours}), db.metadata)


def is_ours(name, *_):
    """Not what a database keeps for its full-text search, which it is told in its own words."""
    return name is None or not name.startswith("fts_")


def test_all_migrations_lead_to_the_tables_of_today(unmigrated):
    assert differences()
    upgrade()
    assert differences() == []
    assert db.session.execute(text("SELECT id, version FROM site")).all() == [(1, 1)]


def test_migrations_can_be_taken_back(unmigrated):
    upgrade()
    downgrade(revision="base")
    assert inspect(db.engine).get_table_names() == ["alembic_version"]


def test_what_was_not_for_everyone_is_a_draft_where_nothing_can_be_limited(unmigrated):
    upgrade()
    for visible_to in ("everyone", "people"):
        posts.create(
            ("https://id.example", "ada"),
            title=visible_to,
            body_md="x",
            now=NOW,
            publish=True,
            audience=Audience(visible_to),
        )
    downgrade(revision="0003")
    live = db.session.execute(text("SELECT title FROM posts WHERE published_at IS NOT NULL")).scalars().all()
    assert live == ["everyone"]
    db.session.rollback()
    upgrade()
    assert differences() == []


def test_what_stood_under_other_names_than_its_holders_is_a_draft_where_only_holders_can_stand(unmigrated):
    upgrade()
    guest, ada = Named(None, guest="Grace Guest"), Named(("https://id.example", "ada"))
    for title, named in (("alone", ()), ("with a guest", (ada, guest)), ("by a guest", (guest,))):
        post = posts.create(ada.key, title=title, body_md="x", now=NOW, publish=True)
        posts.save(post.id, version=1, title=title, body_md="x", now=NOW, naming=Naming(named))
    downgrade(revision="0006")
    live = (
        db.session.execute(text("SELECT title FROM posts WHERE published_at IS NOT NULL ORDER BY id")).scalars().all()
    )
    assert live == ["alone", "with a guest"]
    db.session.rollback()
    upgrade()
    assert differences() == []


def test_posts_from_before_have_a_first_revision_and_what_was_taken_back_is_known(unmigrated):
    upgrade()
    ada = ("https://id.example", "ada")
    for title, publish in (("taken back", True), ("never public", False)):
        post = posts.create(ada, title=title, body_md="x", now=NOW, publish=publish)
    posts.turn(post.id - 1, version=1, publish=False, now=NOW)
    downgrade(revision="0012")
    db.session.rollback()
    upgrade()
    rows = db.session.execute(text("SELECT title, unpublished_at IS NOT NULL FROM posts ORDER BY id")).all()
    assert [(title, bool(known)) for title, known in rows] == [("taken back", True), ("never public", False)]
    assert [(each.title, each.by) for each in revisions.of_post(post.id, limit=9)] == [("never public", None)]


def test_what_is_in_the_trash_goes_where_there_is_none(unmigrated):
    upgrade()
    for title in ("kept", "thrown"):
        post = posts.create(("https://id.example", "ada"), title=title, body_md="x", now=NOW, publish=True)
    trash.put(post.id, now=NOW)
    downgrade(revision="0012")
    assert db.session.execute(text("SELECT title FROM posts")).scalars().all() == ["kept"]
    assert db.session.execute(text("SELECT post_id FROM slugs WHERE slug = 'thrown'")).scalars().all() == [None]
    db.session.rollback()
    upgrade()
    assert differences() == []


def test_posts_and_tags_from_before_can_be_searched_for(unmigrated):
    upgrade()
    for title, tag in (("Otters", "Rivers"), ("Seals", "Coasts")):
        about = Details(tags=(tag,))
        posts.create(("https://id.example", "ada"), title=title, body_md="x", now=NOW, publish=True, about=about)
    downgrade(revision="0014")
    db.session.rollback()
    upgrade()
    index.renew()

    def found(typed):
        page = search.find(search.read(typed), now=NOW, limit=9)
        return [each.post.title for each in page.results]

    assert found("otters") == found("tag:rivers") == ["Otters"]
    assert found("x") == ["Seals", "Otters"]
    assert differences() == []


def test_an_address_of_a_post_that_was_deleted_before_says_nothing_of_it(unmigrated):
    upgrade()
    downgrade(revision="0014")
    for slug in ("secret", "kept"):
        tombstone = text("INSERT INTO slugs (slug, post_id, public) VALUES (:slug, NULL, true)")
        db.session.execute(tombstone, {"slug": slug})
    db.session.commit()
    upgrade()
    assert db.session.execute(text("SELECT slug FROM slugs")).all() == []


def test_a_slug_that_is_too_long_for_an_earlier_version_is_cut_there(unmigrated):
    upgrade()
    about = Details(slug="a" * 200)
    post = posts.create(("https://id.example", "ada"), title="T", body_md="x", now=NOW, publish=True, about=about)
    downgrade(revision="0014")
    slug = db.session.execute(text("SELECT slug FROM posts")).scalar_one()
    if db.engine.dialect.name == "postgresql":
        assert slug == f"{'a' * 68}-{post.id}"
        assert db.session.execute(text("SELECT slug, post_id FROM slugs")).all() == [(slug, post.id)]
    db.session.rollback()
    upgrade()
    assert differences() == []


def test_an_upgrade_empties_the_trash_of_what_is_over(app):
    with app.app_context():
        with writing() as session:
            db.metadata.drop_all(session.connection())
        upgrade(directory=migrations(app))
        for days in (29, 31):
            post = posts.create(
                ("https://idp.example", "ada"), title=f"{days} days", body_md="x", now=NOW, publish=False
            )
            trash.put(post.id, now=datetime.now(UTC) - timedelta(days=days))
    assert app.test_cli_runner().invoke(args=["upgrade"]).exit_code == 0
    with app.app_context():
        assert db.session.execute(text("SELECT title FROM posts")).scalars().all() == ["29 days"]


def test_upgrading_again_changes_nothing_and_leaves_logging_alone(unmigrated):
    log = logging.getLogger("byline.made.before")
    upgrade()
    upgrade()
    assert differences() == []
    assert not log.disabled


def test_two_processes_can_upgrade_at_once(unmigrated, settings):
    settings["DATABASE_URL"] = unmigrated.config["SQLALCHEMY_DATABASE_URI"]
    environ = os.environ | {f"BLOG_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "flask", "--app", "blog", "upgrade"]
    both = [subprocess.Popen(command, env=environ, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    assert differences() == []


@pytest.mark.parametrize("command", ["upgrade", "init-db"])
def test_the_operator_has_a_command_for_it(app, command):
    with app.app_context(), writing() as session:
        db.metadata.drop_all(session.connection())
    assert app.test_cli_runner().invoke(args=[command]).exit_code == 0
    with app.app_context():
        assert differences() == []


def test_authors_from_before_have_pages_after_an_upgrade(app):
    ada = ("https://idp.example", "ada")
    with app.app_context():
        with writing() as session:
            db.metadata.drop_all(session.connection())
        upgrade(directory=migrations(app))
        posts.create(ada, title="Old", body_md="x", now=NOW, publish=True)
        assert handles.of(ada) is None
    for _ in range(2):
        assert app.test_cli_runner().invoke(args=["upgrade"]).exit_code == 0
    with app.app_context():
        assert handles.of(ada) == handle(Key(*ada))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_ids_are_never_given_twice(unmigrated):
    upgrade()
    assert "AUTOINCREMENT" in db.session.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'posts'"))


@pytest.fixture
def add_migration(unmigrated, tmp_path):
    """Write one more migration, with this for its upgrade, behind those there are; give back the directory."""

    def add(*steps):
        directory = shutil.copytree(DIRECTORY, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
        head = ScriptDirectory(str(DIRECTORY)).get_current_head()
        (directory / "versions" / "later.py").write_text(
            f"import sqlalchemy as sa\nfrom alembic import op\nrevision, down_revision = 'later', {head!r}\n"
            + "def upgrade():\n    "
            + "\n    ".join(steps)
        )
        return str(directory)

    return add


ADD_COLUMN = 'posts.add_column(sa.Column("colour", sa.String(9)))'


def columns():
    return {column["name"] for column in inspect(db.engine).get_columns("posts")}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_making_a_table_anew_keeps_what_points_to_it(add_migration):
    upgrade()
    post = posts.create(("https://id.example", "ada"), title="Old", body_md="x", now=NOW, publish=True)
    upgrade(directory=add_migration(f'with op.batch_alter_table("posts", recreate="always") as posts: {ADD_COLUMN}'))
    assert "colour" in columns()
    assert db.session.execute(text("SELECT slug, post_id FROM slugs")).all() == [("old", post.id)]
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_migration_that_fails_leaves_everything_as_it_was(add_migration):
    upgrade()
    directory = add_migration(f'with op.batch_alter_table("posts") as posts: {ADD_COLUMN}', "1 / 0")
    with pytest.raises(ZeroDivisionError):
        upgrade(directory=directory)
    assert "colour" not in columns()
    assert differences() == []
