"""A canary person goes through everything, and then `flask privacy audit` searches whatever was written."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import text

from blog.db import db
from tests.actor import Actor
from tests.fake_idp import ERROR500

CANARY = "Quillon Featherstonehaugh"
PARTS = ["Quillon", "Featherstonehaugh"]
EMAIL = "quillon@canary.example"
LOGIN = "qfeatherstone"
CANARIES = [CANARY, *PARTS, EMAIL, LOGIN]
ADDRESS = "203.0.113.77"
AGENT = "Mozilla/5.0 (X11; Quillix 7.3) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def settings(settings, redis_server):
    return settings | {"SESSION_REVALIDATE": "10", "STEP_UP": "delete", "DIRECTORY_CACHE_URL": redis_server.url}


@pytest.fixture
def log_file(tmp_path):
    """Everything that is logged, at the finest level, as an operator may keep it."""
    handler = logging.FileHandler(tmp_path / "everything.log")
    loggers = [logging.getLogger(), logging.getLogger("blog"), logging.getLogger("blog.security")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield tmp_path / "everything.log"
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)
    handler.close()


@pytest.fixture
def canary(log_file, app, idp):
    """Somebody whose name nobody else has."""
    idp.refreshes = True
    idp.people["canary-1"] = {
        "name": CANARY,
        "given_name": PARTS[0],
        "family_name": PARTS[1],
        "email": EMAIL,
        "preferred_username": LOGIN,
        "nickname": LOGIN,
    }
    idp.id_token |= {"name": CANARY, "email": EMAIL, "sid": "s1"}
    return Actor(app, idp).log_in("canary-1")


def audit(app, log_file, *canaries):
    return app.test_cli_runner().invoke(args=["privacy", "audit", *canaries, "--also", str(log_file.parent)])


def export(app, folder):
    """Take everything out, as an operator does."""
    result = app.test_cli_runner().invoke(args=["export", "markdown", str(folder)])
    assert result.exit_code == 0, result.output
    return [file.name for file in folder.iterdir()]


def live_through_everything(canary, idp, clock):
    """Write, be read and cached, change, lose a session, log in afresh, be asked about, be refused, break things."""
    slug = canary.publish("A word", "It says nothing of who wrote it.")
    canary.publish("A second word", "Nor does this.")
    reader = Actor(canary.app, idp)
    assert CANARY in reader.get(f"/{slug}").text
    assert CANARY in reader.get("/").text
    canary.submit(f"/{slug}/edit", "Save changes", title="Another word")
    clock.advance(minutes=16)
    canary.get("/dashboard/sessions")
    canary.submit("/another-word/delete", "Delete")  # needs a fresh login
    form = canary.filled("/dashboard/write", "Publish", title="Parked", body="Words.")
    clock.advance(hours=13)
    assert canary.send(form).status_code == 401
    canary.log_in("canary-1")
    idp.id_token["aud"] = "somebody-else"
    other = Actor(canary.app, idp)
    other.sub = "canary-1"
    assert other.return_with(other.begin()).status_code == 400
    del idp.id_token["aud"]
    idp.answers["token"] = ERROR500
    assert other.return_with(other.begin()).status_code == 503
    idp.answers.clear()
    break_something(canary)
    canary.app.test_client().post("/oidc/backchannel-logout", data={"logout_token": idp.logout_token(sub="canary-1")})
    canary.log_in("canary-1")
    canary.submit("/logout", "Everywhere")
    canary.log_in("canary-1")


def be_counted(app):
    """Read a post from an address and with a browser that nobody else has, also while it cannot be written."""
    counter = app.extensions["readership"]
    for _ in range(2):
        assert app.test_client().get(
            "/another-word", headers={"User-Agent": AGENT}, environ_base={"REMOTE_ADDR": ADDRESS}
        )
    with app.app_context():
        db.session.execute(text("ALTER TABLE views RENAME TO elsewhere"))
        counter.flush()
        db.session.execute(text("ALTER TABLE elsewhere RENAME TO views"))
        counter.flush()
        assert db.session.execute(
            text("SELECT views, readers FROM views JOIN posts ON id = post_id WHERE slug = 'another-word'")
        ).all() == [(2, 1)]


def break_something(canary):
    """Cause an error of ours, on a page that shows the name."""
    canary.app.testing = False
    with canary.app.app_context():
        db.session.execute(text("ALTER TABLE parked RENAME TO elsewhere"))
    assert canary.get("/dashboard").status_code in (500, 503)
    with canary.app.app_context():
        db.session.execute(text("ALTER TABLE elsewhere RENAME TO parked"))
    canary.app.testing = True


def test_a_canary_goes_through_everything_and_leaves_no_trace(canary, app, idp, clock, log_file, redis_server):
    live_through_everything(canary, idp, clock)
    be_counted(app)
    app.extensions["porch"].directory.close(1)
    assert redis_server.client.dbsize() > 1, "the name was shared"
    assert sorted(export(app, log_file.parent / "exported")) == ["a-second-word.md", "another-word.md"]
    result = audit(app, log_file, *CANARIES, ADDRESS, "Quillix")
    assert result.exit_code == 0, result.output
    assert "Nothing of them rests here." in result.output
    for searched in (
        "table posts.body_md",
        "table sessions.holder",
        "table parked.data",
        "table views.views",
        "everything.log",
        "exported/a-second-word.md",
        "shared memory",
    ):
        assert searched in result.output
    assert log_file.stat().st_size > 2000


@pytest.mark.parametrize("spelling", [CANARY, CANARY.upper(), "mail to quillon%40canary.example"])
def test_a_name_that_rests_somewhere_is_found(canary, app, log_file, spelling):
    canary.publish("A word", f"Written by {spelling}")
    result = audit(app, log_file, CANARY, EMAIL)
    assert result.exit_code == 1
    found = [line.split()[1:3] for line in result.output.splitlines() if line.strip()[:1] not in ("0", "")]
    assert ["table", "posts.body_md"] in found


def test_a_name_in_a_log_is_found(canary, app, log_file):
    logging.getLogger("blog").warning("somebody called %s was here", CANARY)
    lines = audit(app, log_file, CANARY).output.splitlines()
    assert [line.split()[0] for line in lines if "everything.log" in line] == ["1"]


def test_a_name_in_an_export_is_found(canary, app, log_file):
    canary.publish("A word", f"Written by {CANARY}")
    export(app, log_file.parent / "exported")
    lines = audit(app, log_file, CANARY).output.splitlines()
    assert [line.split()[0] for line in lines if "exported/a-word.md" in line] == ["1"]


def test_a_name_that_was_deleted_is_found_in_the_pages_of_the_database(canary, app, log_file):
    slug = canary.publish("A word", f"Written by {CANARY}. " * 500)
    with app.app_context():
        db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    canary.submit(f"/{slug}/delete", "Delete")
    waiting = audit(app, log_file, CANARY).output
    assert all(column in waiting for column in ("posts.body_md", "revisions.body_md"))  # it can be restored still
    box = canary.page("/dashboard?state=trash").select_one("[name=chosen]")["value"]
    _, fields = canary.filled("/logout", "Log out")
    sure = {"sure": "1", "action": "delete", "chosen": box, "end": "1"}
    assert canary.post("/dashboard", fields | sure).status_code == 303
    lines = audit(app, log_file, CANARY).output.splitlines()
    assert not [
        line for line in lines if "posts.body_md" in line or "revisions.body_md" in line
    ]  # there is no post any more
    assert [line.split()[0] for line in lines if line.split()[-3:-2] and "blog.db (" in line] != ["0"]


def test_an_empty_canary_is_refused(app, log_file):
    assert audit(app, log_file, " ").exit_code == 2
