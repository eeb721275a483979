"""When identities move: `flask authors`, from the plan it prints to what is left; on both databases."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, event, insert, select

from blog import create_app
from blog.content import comments, posts
from blog.content.authorship import Naming
from blog.content.comments import Rules, Visitor
from blog.content.readers import Reader
from blog.db import (
    Audit,
    Comment,
    Forgotten,
    LoginSession,
    Named,
    Parked,
    Post,
    PostAuthor,
    Revision,
    Site,
    Slug,
    db,
    writing,
)
from blog.errors import LoginRefused
from blog.identity.people import NOBODY, Key
from tests.actor import Actor
from tests.conftest import empty

HERE, OTHER = "https://idp.example", "https://other.example"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True, params=["sqlite", "postgresql"])
def on_each_database(request, settings):
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    with request.getfixturevalue("app").app_context():
        empty()


def call(app, *args, **more):
    """Call a command, without asking."""
    return app.test_cli_runner().invoke(args=["authors", *args], **more)


def done(app, *args):
    result = call(app, *args, "--yes")
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(app, *args, said=""):
    before = everything(app)
    result = call(app, *args, "--yes")
    assert result.exit_code == 1, result.output
    assert said in result.output
    assert everything(app) == before
    return result.output


def write(app, author_id, *titles, issuer=HERE, publish=True):
    with app.app_context():
        for title in titles:
            posts.create((issuer, author_id), title=title, body_md="Words", now=NOW, publish=publish)


def written(app):
    """Who has which posts."""
    with app.app_context():
        rows = db.session.execute(select(Post.author_issuer, Post.author_id, Post.title).order_by(Post.title)).all()
    found = {}
    for issuer, author_id, title in rows:
        found.setdefault(author_id if issuer == HERE else (issuer, author_id), []).append(title)
    return found


def everything(app):
    """All that these commands may change."""
    with app.app_context():
        return {
            table.name: db.session.execute(table.select()).all()
            for model in (Post, PostAuthor, Slug, Site, LoginSession, Parked, Audit, Forgotten)
            for table in [model.__table__]
        }


def audit(app):
    with app.app_context():
        rows = db.session.scalars(select(Audit).order_by(Audit.id)).all()
        return [(row.action, row.by, row.posts, row.sessions, row.parked) for row in rows]


def test_everybody_who_has_posts_is_listed_without_names(app):
    write(app, "ada", "One", "Two")
    write(app, "ada", "Draft", publish=False)
    write(app, "bob", "Other", issuer=OTHER)
    said = call(app, "list").stdout
    assert said.splitlines() == [
        "ada of https://idp.example",
        "    3 posts: 2 live, 1 draft; 2026-03-01 to 2026-03-01",
        "bob of https://other.example",
        "    1 post: 1 live, 0 drafts; 2026-03-01 to 2026-03-01",
        "2 authors, 4 posts.",
    ]
    rows = json.loads(call(app, "list", "--json").stdout)
    assert rows[0] == {
        "issuer": HERE,
        "id": "ada",
        "posts": 3,
        "live": 2,
        "drafts": 1,
        "limited": 0,
        "coauthored": 0,
        "first_at": "2026-03-01T00:00:00+00:00",
        "last_at": "2026-03-01T00:00:00+00:00",
        "comments": 0,
    }


def test_names_are_asked_for_only_on_request_and_kept_nowhere(app):
    write(app, "ada", "One")
    asked = []
    app.extensions["porch"].directory._directory.people = lambda keys: asked.extend(keys) or {}
    call(app, "list")
    assert asked == []
    (row,) = json.loads(call(app, "list", "--json", "--names").stdout)
    assert row["name"].startswith("Author ")
    assert row["gone"] is False
    assert asked == [(HERE, "ada")]
    assert app.extensions["porch"].directory.known() == set()


def test_a_provider_that_gives_no_token_for_names_costs_the_list_its_names_only(app):
    write(app, "ada", "One")

    def refuse(keys):
        raise LoginRefused("no_discovery")

    app.extensions["porch"].directory._directory.people = refuse
    said = call(app, "list", "--names")
    assert said.exit_code == 0
    assert "1 author, 1 post." in said.stdout
    assert "The provider cannot be asked: no_discovery" in said.stderr


def test_one_author_is_shown_with_what_was_done(app, ada):
    ada.publish("One")
    done(app, "remap", "ada", "ada2")
    said = call(app, "show", "ada2").stdout
    assert "ada2 of https://idp.example\n    1 post: 1 live" in said
    assert "0 sessions, 0 parked forms." in said
    assert "UTC  remap by cli: 1 post, 1 session, 0 parked forms" in said
    assert "remap by cli" in call(app, "show", "ada").stdout
    missing = call(app, "show", "nobody")
    assert missing.exit_code == 1
    assert "Nobody with the id nobody of https://idp.example has posts here." in missing.output
    assert call(app, "show", "ada2", "--issuer", OTHER).exit_code == 1


def test_a_returning_person_gets_their_posts_forms_and_byline_back(app, idp, ada, anybody, security_log):
    ada.publish("One")
    path, fields = ada.filled("/dashboard/write", "Publish", title="Unsent", body="Half a text")
    ada.post("/logout", ada.filled("/logout", "Log out")[1])
    ada.post(path, fields)  # parked
    again = anybody().log_in("ada")
    said = done(app, "remap", "ada", "ada2")
    assert "ada of https://idp.example becomes ada2 of https://idp.example" in said
    assert "1 post (1 live) move; 1 session end; 1 parked form go along" in said
    assert said.endswith("Done: 1 post of 1 key moved.\n")
    assert written(app) == {"ada2": ["One"]}
    assert not again.is_logged_in()
    assert audit(app) == [("remap", "cli", 1, 1, 1)]
    (line,) = security_log.of("sessions_ended")
    assert (line["by"], line["ended"]) == ("cli", 1)
    idp.people["ada2"] = {"name": "Ada King"}
    new = anybody().log_in("ada2")
    assert "Ada King" in anybody().get("/one").text
    assert new.get("/one/edit").status_code == 200
    parked = new.page("/dashboard").select_one('a[href*="parked="]')["href"]
    assert "Half a text" in new.get(parked).text


def test_a_plan_is_printed_and_asked_about_and_a_dry_run_changes_nothing(app):
    write(app, "ada", "One")
    before = everything(app)
    for result in (
        call(app, "remap", "ada", "ada2", "--dry-run"),
        call(app, "remap", "ada", "ada2", "--dry-run", "--yes"),
        call(app, "remap", "ada", "ada2", input="n\n"),
        call(app, "remap", "ada", "ada2", input=""),
        call(app, "erase", "ada", "--dry-run"),
        call(app, "unpublish", "ada", input="n\n"),
    ):
        assert "ada of https://idp.example" in result.output
        assert everything(app) == before
    assert call(app, "remap", "ada", "ada2", input="y\n").exit_code == 0
    assert written(app) == {"ada2": ["One"]}


class Slow(io.RawIOBase):
    """An operator who says yes, but only after something has happened."""

    def __init__(self, meanwhile):
        self.meanwhile = meanwhile

    def readable(self):
        return True

    def readinto(self, buffer):
        self.meanwhile()
        buffer[:2], self.meanwhile = b"y\n", lambda: None
        return 2


def test_what_somebody_wrote_while_the_operator_thought_is_seen(app):
    write(app, "ada", "One")
    slow = Slow(lambda: write(app, "ada2", "Two"))
    result = call(app, "remap", "ada", "ada2", input=io.BufferedReader(slow))
    assert result.exit_code == 1
    assert "Do this? [y/N]" in result.output
    assert "Nothing was done.\nada2 of https://idp.example has posts already" in result.output
    assert written(app) == {"ada": ["One"], "ada2": ["Two"]}


def test_another_issuer_takes_everybody_along(app):
    write(app, "ada", "One", issuer=OTHER)
    write(app, "bob", "Two", issuer=OTHER)
    write(app, "eve", "Three", issuer="https://third.example")
    done(app, "remap", "--issuer", OTHER, HERE)
    assert written(app) == {"ada": ["One"], "bob": ["Two"], ("https://third.example", "eve"): ["Three"]}
    refused(app, "remap", "--issuer", OTHER, HERE, said="there is nothing to move")


def test_another_issuer_is_refused_where_somebody_has_posts_already(app):
    write(app, "ada", "One", issuer=OTHER)
    write(app, "ada", "Two")
    refused(app, "remap", "--issuer", OTHER, HERE, said="ada: ada of https://idp.example has posts already")


def test_one_author_can_move_to_another_issuer(app):
    write(app, "ada", "One", issuer=OTHER)
    done(app, "remap", "ada", "ada2", "--issuer", OTHER, HERE)
    assert written(app) == {"ada2": ["One"]}


def test_a_list_of_pairs_moves_everybody_in_it(app, tmp_path):
    for name in ("ada", "bob"):
        write(app, f"pairwise-{name}", name)
    file = tmp_path / "pairs.csv"
    file.write_text("old_id,new_id\r\npairwise-ada,ada\r\npairwise-bob,bob\r\nunknown,x\r\n", "utf-8-sig")
    refused(app, "remap", "--csv", str(file), said="line 4: nobody with the key unknown of")
    said = done(app, "remap", "--csv", str(file), "--skip-unknown")
    assert "2 keys, 2 posts." in said
    assert written(app) == {"ada": ["ada"], "bob": ["bob"]}
    assert audit(app) == [("remap", "cli", 1, 0, 0)] * 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (b"ada,bob\nbob,ada\n", "line 2: bob of https://idp.example is an old key here and a new one there"),
        (b"ada,x\nada,y\n", "line 2: ada of https://idp.example stands there more than once"),
        (b"ada,x\nbob,x\n", "line 3: more than one key would become x"),
        (b"ada,bob\n", "line 2: bob of https://idp.example has posts already"),
        (b"ada,ada\n", "line 2: ada of https://idp.example is both"),
        (b"ada,x\nbob\n", "line 3: has 1 values and not 2"),
        (b"ada,\xff\n", "the file is not UTF-8"),
        (b"ada,\x1b[31mred\n", "line 2: an author id has 1 to 255 characters"),
        (b"", "there is nothing to move"),
        (b'ada,"x', "line 2: this is no CSV"),
    ],
)
def test_a_list_that_is_wrong_changes_nothing(app, tmp_path, rows, said):
    write(app, "ada", "One")
    write(app, "bob", "Two")
    file = tmp_path / "pairs.csv"
    file.write_bytes(b"old_id,new_id\n" + rows)
    output = refused(app, "remap", "--csv", str(file), said=said)
    assert "\x1b" not in output


def test_linked_accounts_become_one(app):
    write(app, "google-oauth2|1", "One")
    write(app, "github|2", "Two")
    write(app, "auth0|3", "Three")
    refused(app, "remap", "github|2", "auth0|3", said="to put them together is a merge")
    done(app, "merge", "google-oauth2|1", "github|2", "auth0|3")
    assert written(app) == {"auth0|3": ["One", "Three", "Two"]}
    assert audit(app) == [("merge", "cli", 1, 0, 0)] * 2
    refused(app, "merge", "auth0|3", "auth0|3")


def test_a_gone_authors_posts_can_be_handed_over_and_sessions_stay(app, ada, bob):
    ada.publish("One")
    done(app, "hand-over", "ada", "bob")
    assert written(app) == {"bob": ["One"]}
    assert ada.is_logged_in()
    assert ada.get("/one/edit").status_code == 403
    assert bob.get("/one/edit").status_code == 200
    assert audit(app) == [("hand-over", "cli", 1, 0, 0)]


def test_gone_authors_posts_can_be_unpublished(app, visitor, ada):
    ada.publish("One")
    write(app, "bob", "Two")
    refused(app, "unpublish", "ada", "nobody", said="nobody with the id nobody")
    assert "Done: 2 posts unpublished." in done(app, "unpublish", "ada", "bob")
    assert visitor.get("/one").status_code == 404
    assert ada.get("/one/edit").status_code == 200
    assert audit(app) == [("unpublish", "cli", 1, 0, 0)] * 2


def test_erasing_deletes_everything_and_says_what_remains(app, ada, visitor, security_log):
    ada.publish("One")
    ada.draft("Draft")
    write(app, "bob", "Other")
    said = done(app, "erase", "ada")
    assert "2 posts (1 live) deleted, for good" in said
    assert "Done: 2 posts, 1 session, 0 parked forms." in said
    assert all(word in said for word in ("(1), as tombstones", "backups", "feed readers", "provider", "audit"))
    assert written(app) == {"bob": ["Other"]}
    assert not ada.is_logged_in()
    assert visitor.get("/one").status_code == 410
    left = everything(app)
    assert (left["sessions"], left["parked"]) == ([], [])
    assert audit(app) == [("erase", "cli", 2, 1, 0)]
    assert app.extensions["porch"].directory.known() == set()
    assert "0 posts, 0 sessions, 0 parked forms" in done(app, "erase", "ada")  # once more, after a backup came back


def test_who_saved_a_revision_goes_along_or_is_forgotten(app, ada):
    slug = ada.draft("Hers")
    ada.submit(f"/{slug}/edit", "Save changes", body="More words.")

    def savers():
        with app.app_context():
            return db.session.scalars(select(Revision.by_id).order_by(Revision.number)).all()

    assert savers() == ["ada", "ada"]
    done(app, "hand-over", "ada", "bob")
    assert savers() == ["ada", "ada"]
    write(app, "ada", "Another")
    done(app, "remap", "ada", "ada2")
    assert savers() == ["ada2"] * 3
    done(app, "erase", "ada2")
    assert savers() == [None, None]


def test_erasing_can_keep_what_is_published_as_nobodys(app, ada, visitor):
    ada.publish("One")
    ada.draft("Draft")
    assert "1 draft deleted; 1 post kept as nobody's" in done(app, "erase", "ada", "--keep-posts")
    assert written(app) == {tuple(NOBODY): ["One"]}
    for path in ("/", "/one"):
        assert "Former author" in visitor.get(path).text
    doctor = app.test_cli_runner().invoke(args=["oidc", "doctor", "--offline"])
    assert "urn:byline" not in doctor.output


def test_no_key_is_readable_in_the_audit_or_among_the_forgotten(app):
    write(app, "a-telling-id", "One")
    done(app, "remap", "a-telling-id", "another-telling-id")
    done(app, "erase", "another-telling-id")
    rows = everything(app)
    told = json.dumps([[list(map(str, row)) for row in rows[table]] for table in ("audit", "forgotten")])
    assert "telling" not in told
    assert "idp.example" not in told


def test_names_are_forgotten_here_and_in_the_log(app, ada, security_log):
    ada.get("/")
    assert call(app, "forget", "ada").exit_code == 0
    assert app.extensions["porch"].directory.known() == set()
    assert call(app, "forget", "--all").exit_code == 0
    assert security_log.of("names_forgotten") == [{"by": "cli", "names": 1}, {"by": "cli"}]
    for wrong in ((), ("ada", "--all")):
        assert call(app, "forget", *wrong).exit_code == 2


@pytest.mark.parametrize("args", [(), ("a",), ("a", "b", "--csv", "/dev/null"), ("--csv", "/dev/null", "a")])
def test_what_makes_no_sense_ends_with_2(app, args):
    assert call(app, "remap", *args, "--yes").exit_code == 2


def test_what_fails_on_its_way_changes_nothing(app, ada):
    ada.publish("One")
    write(app, "bob", "Two")

    def fail(_connection, _cursor, statement, *_):
        if statement.startswith("INSERT INTO forgotten"):  # the last thing but one
            raise OSError

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", fail)
    for args in (("merge", "ada", "bob"), ("erase", "ada"), ("hand-over", "ada", "bob"), ("remap", "ada", "x")):
        before = everything(app)
        assert isinstance(call(app, *args, "--yes").exception, OSError)
        assert everything(app) == before
    assert ada.is_logged_in()


def test_a_list_that_is_killed_on_its_way_moved_everybody_or_nobody(app, settings, tmp_path):
    many = 300
    with app.app_context():
        post = posts.create((HERE, "x"), title="x", body_md="Words", now=NOW, publish=True)
        same = {column.name: getattr(post, column.name) for column in Post.__table__.columns if column.name != "id"}
        with writing() as transaction:
            rows = [same | {"author_id": f"old-{n}", "slug": f"x-{n}"} for n in range(many)]
            transaction.execute(insert(Post.__table__), rows)
            transaction.execute(delete(Post).where(Post.author_id == "x"))
    file = tmp_path / "pairs.csv"
    environ = os.environ | {f"BLOG_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "flask", "--app", "blog", "authors", "remap", "--yes", "--csv", str(file)]
    old, new, seen = "old", "new", Counter()
    for wait_s in (0, 0.03, 0.1, 0.3):
        file.write_text("old_id,new_id\n" + "".join(f"{old}-{n},{new}-{n}\n" for n in range(many)))
        process = subprocess.Popen(
            command, env=environ | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        for line in process.stdout:
            if line.startswith(b"300 keys"):  # the plan ends here, and the transaction begins
                break
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        owners = {name.partition("-")[0] for name in written(app)}
        assert owners in ({old}, {new})
        seen[owners == {new}] += 1
        assert len(audit(app)) == many * seen[True]
        if owners == {new}:
            old, new = new, old
    assert seen[False]


def test_other_processes_forget_too(app, settings, clock, idp, ada):
    ada.publish("One")
    other = create_app(settings, now=clock)
    try:
        visitor = Actor(other, idp).log_in("ada")
        assert "Ada Lovelace" in visitor.get("/one").text
        assert call(app, "forget", "ada").exit_code == 0
        other.extensions["porch"].forgetting._due = 0
        visitor.get("/one")
        assert other.extensions["porch"].directory.people([Key(HERE, "ada")]) == {}
    finally:
        other.extensions["porch"].directory.close()
        with other.app_context():
            db.engine.dispose()


# -- comments ----------------------------------------------------------------------------------------------------------


def comment(app, author_id, *bodies, issuer=HERE):
    """Let somebody comment on the first post there is."""
    with app.app_context():
        post_id = db.session.scalar(select(Post.id).order_by(Post.id))
        for body in bodies:
            visitor = Visitor(Reader((issuer, author_id)))
            comments.write(post_id, visitor, body_md=body, now=NOW, rules=Rules("open"))


def commenters(app):
    with app.app_context():
        return Counter(db.session.scalars(select(Comment.author_id)))


def test_comments_are_counted_and_go_along_and_stay_with_their_writer(app):
    write(app, "ada", "One")
    write(app, "bob", "Two")
    comment(app, "bob", "Mine", "Too")
    assert "    2 comments\n" in call(app, "list").stdout
    assert "    2 comments\n" in call(app, "show", "bob").stdout
    done(app, "hand-over", "bob", "ada")
    assert commenters(app) == {"bob": 2}
    write(app, "bob", "Three")
    with app.app_context():
        before = db.session.scalar(select(Site.version))
    assert "1 post (1 live) move; 2 comments go along" in done(app, "merge", "bob", "rob")
    assert commenters(app) == {"rob": 2}
    with app.app_context():
        assert db.session.scalar(select(Site.version)) > before


def test_who_only_comments_can_be_moved_too(app):
    write(app, "ada", "One")
    comment(app, "rita", "Mine")
    assert "    1 comment\n" in call(app, "show", "rita").stdout
    assert "no posts; 1 comment go along" in done(app, "remap", "rita", "rita2")
    done(app, "remap", "--issuer", HERE, OTHER)
    with app.app_context():
        assert db.session.scalars(select(Comment.author_issuer)).all() == [OTHER]


def test_erasing_deletes_comments(app):
    write(app, "ada", "One")
    comment(app, "rita", "Mine", "Too")
    said = done(app, "erase", "rita")
    assert "    2 comments deleted" in said
    assert "Done: 0 posts, 0 sessions, 0 parked forms, 2 comments." in said
    assert commenters(app) == {}


# -- authors' pages ----------------------------------------------------------------------------------------------------


def page_of(reader, slug):
    """The address of the page that the byline of this post leads to; None when it leads nowhere."""
    link = reader.page(f"/{slug}").select_one(".byline a, a.byline")
    return str(link["href"]) if link else None


def test_the_page_of_somebody_who_moved_is_where_it_was(app, ada, visitor):
    ada.publish("One")
    before = page_of(visitor, "one")
    done(app, "remap", "ada", "ada2")
    assert page_of(visitor, "one") == before
    assert visitor.get(before).status_code == 200


def test_after_a_merge_both_pages_lead_to_one(app, ada, bob, visitor):
    ada.publish("One")
    bob.publish("Two")
    first, second = page_of(visitor, "one"), page_of(visitor, "two")
    done(app, "merge", "ada", "bob")
    assert page_of(visitor, "one") == page_of(visitor, "two") == second
    assert (visitor.get(first).status_code, visitor.get(first).location) == (301, second)


def test_whoever_takes_posts_over_has_a_page_and_the_other_keeps_the_address(app, ada, visitor):
    ada.publish("One")
    before = page_of(visitor, "one")
    done(app, "hand-over", "ada", "carla")
    assert page_of(visitor, "one") not in (None, before)
    ada.publish("Another")
    assert page_of(visitor, "another") == before


@pytest.mark.parametrize("options", [[], ["--keep-posts"]])
def test_a_handle_that_somebody_picked_is_erased_with_them(app, ada, visitor, options):
    ada.publish("One")
    assert ada.submit("/dashboard", "Change address", handle="ada-lovelace").status_code == 303
    assert visitor.get("/author/ada-lovelace").status_code == 200
    done(app, "erase", "ada", *options)
    assert visitor.get("/author/ada-lovelace").status_code == 404
    assert "lovelace" not in repr(everything(app)).lower()
    if options:
        assert page_of(visitor, "one") is None


# -- names above others' posts -----------------------------------------------------------------------------------------


def name(app, title, *keys):
    """Put these people above a post, as an editor does."""
    with app.app_context():
        post = db.session.scalars(select(Post).where(Post.title == title)).one()
        naming = Naming(tuple(Named((HERE, key)) for key in keys), unasked=True)
        same = {"version": post.version, "title": post.title, "body_md": post.body_md}
        posts.save(post.id, **same, now=NOW, naming=naming)


def named(app):
    with app.app_context():
        return db.session.scalars(select(PostAuthor.author_id).order_by(PostAuthor.position)).all()


def test_names_above_others_posts_are_told_and_move(app):
    write(app, "ada", "One")
    name(app, "One", "bob", "ada")
    listed = done_quietly(app, "list")
    assert f"bob of {HERE}\n    named above 1 post of others\n" in listed
    assert "2 authors, 1 post." in listed
    told = json.loads(done_quietly(app, "list", "--json"))
    assert [(each["id"], each["posts"], each["coauthored"], each["first_at"] is None) for each in told] == [
        ("ada", 1, 0, False),
        ("bob", 0, 1, True),
    ]
    refused(app, "remap", "ada", "bob", said="has posts already")
    said = done(app, "remap", "bob", "bob2")
    assert "0 posts (0 live) move; the name above 1 post of others moves" in said
    assert "Done: 0 posts of 1 key moved, and the name above 1 post of others." in said
    assert named(app) == ["bob2", "ada"]
    done(app, "merge", "ada", "bob2")
    assert named(app) == ["bob2"]


def done_quietly(app, *args):
    result = call(app, *args)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("options", [[], ["--keep-posts"]])
def test_erasing_reaches_names_above_others_posts(app, visitor, options):
    write(app, "ada", "One")
    write(app, "bob", "Own")
    name(app, "One", "ada", "bob")
    said = done(app, "erase", "bob", *options)
    assert "the name above 1 post of others taken off" in said
    assert "the name above 1 post of others." in said
    assert "as a guest's above" in said
    assert named(app) == (["ada", "nobody"] if options else ["ada"])
    bylines = [each.text.strip() for each in visitor.page("/one").select(".byline")]
    assert bylines[1:] == (["Former author"] if options else [])
    assert "bob" not in repr(everything(app)).lower()
