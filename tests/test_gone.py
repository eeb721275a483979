"""`flask authors gone`: what becomes of the posts of everybody who left; on both databases."""

from __future__ import annotations

import pytest
import requests
from sqlalchemy import select

from blog.content import posts
from blog.db import Audit, Post, Site, db
from tests.conftest import empty
from tests.identity.directories.fake_scim import ISSUER, TOKEN_URL, URL, FakeScim, user
from tests.test_authors import NOW, OTHER, call


@pytest.fixture(autouse=True, params=["sqlite", "postgresql"])
def on_each_database(request, settings):
    settings |= {
        "OIDC_ISSUER": ISSUER,
        "DIRECTORY": "scim",
        "DIRECTORY_URL": URL,
        "DIRECTORY_TOKEN_URL": TOKEN_URL,
    }
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    with request.getfixturevalue("app").app_context():
        empty()


@pytest.fixture
def server():
    """Where bob, cem and dana live; ada and eve are gone, and dana's account is shut."""
    with FakeScim(user("bob", "Bob"), user("cem", "Cem"), user("dana", "Dana", active=False)) as server:
        yield server


@pytest.fixture
def written(app):
    """Everybody wrote; gives who has which posts that are public."""
    write(app, "ada", "One", "Two")
    write(app, "ada", "Draft", publish=False)
    write(app, "bob", "Three")
    write(app, "cem", "Four")
    write(app, "dana", "Five")
    write(app, "eve", "Six")

    def public():
        with app.app_context():
            rows = db.session.execute(
                select(Post.author_id, Post.title).where(Post.published_at.is_not(None)).order_by(Post.title)
            ).all()
        found = {}
        for author_id, title in rows:
            found.setdefault(author_id, set()).add(title)
        return found

    return public


def write(app, author_id, *titles, issuer=ISSUER, publish=True):
    with app.app_context():
        for title in titles:
            posts.create((issuer, author_id), title=title, body_md="Words", now=NOW, publish=publish)


def kept(app):
    """All that this command may change."""
    with app.app_context():
        return [db.session.execute(model.__table__.select()).all() for model in (Post, Site, Audit)]


def audit(app):
    with app.app_context():
        rows = db.session.scalars(select(Audit).order_by(Audit.id)).all()
        return [(row.action, row.by, row.posts) for row in rows]


def gone(app, *args, **more):
    return call(app, "gone", *args, **more)


def refused(app, *args, said):
    before = kept(app)
    result = gone(app, *args, "--yes")
    assert result.exit_code == 1, result.output
    assert "Nothing was done." in result.output
    assert said in result.output
    assert kept(app) == before


def test_who_is_gone_is_listed_and_nothing_is_changed(app, server, written):
    before = kept(app)
    said = gone(app)
    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "Gone:",
        f"ada of {ISSUER}",
        "    3 posts: 2 live, 1 draft; 2026-03-01 to 2026-03-01",
        f"eve of {ISSUER}",
        "    1 post: 1 live, 0 drafts; 2026-03-01 to 2026-03-01",
        "Deactivated:",
        f"dana of {ISSUER}",
        "    1 post: 1 live, 0 drafts; 2026-03-01 to 2026-03-01",
        "2 of 5 authors gone, with 4 posts; 1 deactivated.",
    ]
    assert not said.stderr
    assert kept(app) == before


def test_no_name_is_shown_or_kept(app, server, written):
    assert "Dana" not in gone(app).output
    assert app.extensions["porch"].directory.known() == set()


def test_what_the_gone_published_is_unpublished(app, server, written):
    said = gone(app, "--unpublish", "--yes")
    assert said.exit_code == 0, said.output
    assert "Done: 3 posts unpublished." in said.stdout
    assert written() == {"bob": {"Three"}, "cem": {"Four"}, "dana": {"Five"}}
    assert audit(app) == [("unpublish", "cli", 2), ("unpublish", "cli", 1)]


def test_to_do_it_again_does_nothing_and_says_so(app, server, written):
    gone(app, "--unpublish", "--yes")
    before = kept(app)
    said = gone(app, "--unpublish", "--yes")
    assert said.exit_code == 0
    assert "Nothing was done: nothing of theirs is published." in said.stdout
    assert kept(app) == before


def test_what_the_gone_wrote_is_handed_over(app, server, written):
    said = gone(app, "--hand-over", "bob", "--yes")
    assert said.exit_code == 0, said.output
    assert f"ada of {ISSUER} becomes bob of {ISSUER}" in said.stdout
    assert "Done: 4 posts of 2 keys moved." in said.stdout
    assert written() == {"bob": {"One", "Two", "Three", "Six"}, "cem": {"Four"}, "dana": {"Five"}}
    assert audit(app) == [("hand-over", "cli", 3), ("hand-over", "cli", 1)]
    again = gone(app, "--hand-over", "bob", "--yes")
    assert again.exit_code == 0
    assert "Nothing was done: nobody is gone." in again.stdout


@pytest.mark.parametrize("wish", [["--unpublish"], ["--hand-over", "bob"]])
def test_a_plan_is_printed_and_asked_about_and_a_dry_run_changes_nothing(app, server, written, wish):
    before = kept(app)
    said = gone(app, *wish, "--dry-run")
    assert said.exit_code == 0
    assert "Nothing was done: this was a dry run." in said.stdout
    assert "Do this? [y/N]" in gone(app, *wish, input="n\n").output
    assert kept(app) == before
    assert gone(app, *wish, input="y\n").exit_code == 0
    assert kept(app) != before


def test_deactivated_people_are_included_only_on_request(app, server, written):
    server.users["fay"] = user("fay", "Fay")
    write(app, "fay", "Seven")
    said = gone(app, "--unpublish", "--deactivated", input="y\n")
    assert "Done: 4 posts unpublished." in said.stdout
    assert written() == {"bob": {"Three"}, "cem": {"Four"}, "fay": {"Seven"}}


def test_most_authors_deactivated_at_once_is_not_believed_either(app, server, written):
    server.users |= {name: user(name, active=False) for name in ("ada", "bob", "cem", "eve")}
    before = kept(app)
    said = gone(app, "--unpublish", "--deactivated", input="y\n")
    assert said.exit_code == 1
    assert "5 of 5 authors have left, which is not believed" in said.output
    assert kept(app) == before


def test_a_script_names_the_deactivated_whom_it_means(app, server, written):
    said = gone(app, "--unpublish", "--deactivated", "--yes")
    assert said.exit_code == 2
    assert "needs IDs" in said.output
    assert gone(app, "dana", "--unpublish", "--deactivated", "--yes").exit_code == 0
    assert written().keys() == {"ada", "bob", "cem", "eve"}


def test_some_of_the_gone_can_be_named(app, server, written):
    assert gone(app, "eve", "--hand-over", "cem", "--yes").exit_code == 0
    assert written()["cem"] == {"Four", "Six"}
    assert written()["ada"] == {"One", "Two"}


@pytest.mark.parametrize("named", ["bob", "dana", "nobody"])
def test_who_is_named_has_to_be_gone(app, server, written, named):
    refused(app, "ada", named, "--unpublish", said=f"{named}: the provider does not say so of this author")


def test_posts_go_to_nobody_who_is_gone(app, server, written):
    refused(app, "ada", "--hand-over", "eve", said="eve: the provider says that they are gone, too")
    refused(app, "--hand-over", "dana", said="dana: the provider says that they are gone, too, or deactivated")


def test_most_authors_gone_at_once_is_an_outage_unless_they_are_named(app, server, written):
    del server.users["bob"]
    listed = gone(app)
    assert listed.exit_code == 0
    assert "3 of 5 authors have left, which is not believed" in listed.stderr
    refused(app, "--unpublish", said="name the ids of those whom you mean")
    refused(app, "--hand-over", "cem", said="which is not believed")
    assert gone(app, "ada", "bob", "--unpublish", "--yes").exit_code == 0
    assert written().keys() == {"cem", "dana", "eve"}


def test_who_could_not_be_asked_about_is_not_gone(app, server, written):
    server.broken["/Users/bob"] = (404, {}, "<!doctype html>")
    server.broken["/Users/cem"] = requests.ConnectionError("refused")
    listed = gone(app)
    assert listed.exit_code == 0
    assert "0 of 0 authors gone" in listed.stdout
    assert "Of 5 authors the provider said nothing." in listed.stderr
    assert "The provider cannot be asked: the SCIM API" in listed.stderr
    refused(app, "--unpublish", said="could not be asked about everybody")


def test_many_are_asked_about_in_batches_and_progress_is_told(app, server):
    for number in range(41):
        server.users[f"p{number}"] = user(f"p{number}", "Somebody")
        write(app, f"p{number}", f"Post {number}")
    write(app, "ada", "One")
    said = gone(app)
    assert "Asking the provider" in said.stderr
    assert "Asking" not in said.stdout
    assert "1 of 42 authors gone, with 1 post." in said.stdout
    assert server.reads() == 42


def test_authors_of_other_issuers_are_not_asked_about(app, server, written):
    write(app, "ada", "Elsewhere", issuer=OTHER)
    said = gone(app, "--unpublish", "--yes")
    assert "Not asked about: 1 author of other issuers." in said.stderr
    with app.app_context():
        (post,) = db.session.scalars(select(Post).where(Post.title == "Elsewhere"))
        assert post.published_at


def test_without_a_user_api_nobody_is_said_to_be_gone(app, written, monkeypatch):
    monkeypatch.setitem(app.config, "DIRECTORY", "claims")
    said = gone(app)
    assert said.exit_code == 1
    assert "there is no user API to say who is gone" in said.output


@pytest.mark.parametrize("args", [["--unpublish", "--hand-over", "bob"], ["ada"], ["ada", "--yes"]])
def test_what_makes_no_sense_ends_with_2(app, args):
    assert gone(app, *args).exit_code == 2
