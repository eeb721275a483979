"""`flask authors check`: what it proves, what it remembers, and the warning on the dashboard until then."""

from __future__ import annotations

import json
import re
import shlex
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import event, func, select
from werkzeug.wrappers import Request, Response

from blog import create_app
from blog.content import posts
from blog.db import Checked, db
from blog.identity.directories.scim import ERROR_SCHEMA
from blog.web.clock import utc_now
from tests.conftest import empty
from tests.http_idp import serve

URL = "https://idp.example/scim"
WARNING = "Nobody has checked that names can be found"


class Scim:
    """The provider's user API: who lives there, by id, and an answer in place of the right one."""

    def __init__(self, idp):
        self.people = {"ada": "Ada Lovelace", "bob": "Bob Ross"}
        self.broken = None
        self.calls = []
        idp.responses.add_callback("GET", re.compile(f"{URL}/.*"), self.answer)

    def answer(self, request):
        path = unquote(urlsplit(request.url).path).removeprefix("/scim")
        self.calls.append(path)
        if self.broken:
            return self.broken
        if path == "/ServiceProviderConfig":
            return 200, {}, json.dumps({"filter": {"supported": False}})
        author_id = path.removeprefix("/Users/")
        if author_id not in self.people:
            return 404, {}, json.dumps({"schemas": [ERROR_SCHEMA], "status": "404"})
        return 200, {}, json.dumps({"id": author_id, "displayName": self.people[author_id]})


@pytest.fixture(params=["sqlite", "postgresql"])
def on_each_database(request, settings):
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    with request.getfixturevalue("app").app_context():
        empty()


@pytest.fixture
def scim(settings, idp):
    """Names come from there; ask for it before anybody who is logged in."""
    settings |= {"DIRECTORY": "scim", "DIRECTORY_URL": URL, "DIRECTORY_TOKEN": "given-by-hand"}
    return Scim(idp)


def check(app, *args):
    return app.test_cli_runner().invoke(args=["authors", "check", *args])


def findings(result):
    told = json.loads(result.stdout)
    assert {row["stage"] for row in told["findings"]} == {"names"}
    return {row["check"]: row["level"] for row in told["findings"]}


def rows(app):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Checked))


def write(app, author_id, now):
    with app.app_context():
        posts.create(("https://idp.example", author_id), title=author_id, body_md="Words", now=now, publish=True)


# -- the command ------------------------------------------------------------------------------------------------------


def test_success_is_told_and_remembered_in_one_row(scim, on_each_database, app, clock):
    for _ in range(2):
        result = check(app, "ada")
        assert result.exit_code == 0, result.output
        assert "Authors' names" in result.stdout
        assert "a name of 2 words, 12 characters" in result.stdout
        assert result.stdout.rstrip().endswith("good.")
        assert rows(app) == 1
    with app.app_context():
        assert app.extensions["porch"].proof.at() is not None
        (row,) = db.session.scalars(select(Checked)).all()
    assert re.fullmatch("[0-9a-f]{64}", row.ref)


def test_it_prints_no_name_no_token_and_no_id_but_the_one_it_was_given(scim, app, clock):
    write(app, "bob-4711", clock())
    scim.people["bob-4711"] = "Bob Ross"
    for args in (["ada"], [], ["ada", "--json"]):
        said = check(app, *args).output
        assert not re.search("Lovelace|Ross|given-by-hand|bob-4711", said)


def test_without_an_id_the_authors_who_wrote_last_are_asked_for(scim, on_each_database, app, clock):
    for n in range(25):
        write(app, f"left-{n}", clock())
    clock.advance(minutes=1)
    write(app, "ada", clock())
    result = check(app, "--json")
    assert result.exit_code == 0, result.output
    assert findings(result)["user_api_authors"] == "good"
    assert "1 of 20" in result.stdout


def test_without_an_id_and_without_posts_it_says_what_to_do(scim, app):
    result = check(app)
    assert result.exit_code == 1
    assert "authors check ID" in " ".join(result.stdout.split())
    assert rows(app) == 0


@pytest.mark.parametrize(
    "broken",
    [(401, {}, "{}"), (403, {}, "{}"), (429, {}, "{}"), (500, {}, "<html>"), (200, {}, "{}"), (404, {}, "Not here")],
)
def test_a_failure_is_told_and_not_remembered(scim, app, broken):
    scim.broken = broken
    result = check(app, "ada", "--json")
    assert result.exit_code == 1
    assert findings(result)["user_api_proof"] == "fault"
    assert rows(app) == 0


def test_a_failure_takes_no_earlier_success_away(scim, app):
    check(app, "ada")
    scim.broken = (500, {}, "")
    assert check(app, "ada").exit_code == 1
    assert rows(app) == 1


def test_an_unknown_id_is_told(scim, app):
    result = check(app, "nobody-has-this", "--json")
    assert result.exit_code == 1
    assert findings(result)["user_api_authors"] == "fault"
    assert "BLOG_OIDC_AUTHOR_CLAIM" in result.stdout


def test_an_id_that_cannot_be_one_is_refused(scim, app):
    result = check(app, "a\x1b[2Jb")
    assert result.exit_code == 1
    assert "Nothing was done" in result.output
    assert scim.calls == []


def test_without_a_user_api_there_is_nothing_to_check(app):
    result = check(app)
    assert result.exit_code == 0
    assert "nothing" not in result.stderr
    assert "there is no user API" in result.stdout
    assert rows(app) == 0


@pytest.mark.parametrize(
    ("change", "proven"),
    [
        ({}, True),
        ({"DIRECTORY_TOKEN": "another"}, True),
        ({"DIRECTORY_URL": "https://idp.example/other"}, False),
        ({"OIDC_AUTHOR_CLAIM": "oid"}, False),
        ({"OIDC_ISSUER": "https://other.example"}, False),
        ({"DIRECTORY": "okta"}, False),
        ({"SECRET_KEY": "another key that only the tests use"}, False),
    ],
)
def test_other_settings_ask_for_another_check(scim, on_each_database, app, settings, change, proven):
    assert check(app, "ada").exit_code == 0
    other = create_app(settings | change)
    with other.app_context():
        assert (other.extensions["porch"].proof.at() is not None) == proven
        db.session.remove()
        db.engine.dispose()


def test_what_is_remembered_tells_nothing_of_the_settings(scim, app):
    check(app, "ada")
    with app.app_context():
        (row,) = db.session.scalars(select(Checked)).all()
    assert not re.search("idp|scim|ada|sub", row.ref)


def test_the_doctor_mentions_it(scim, app, idp):
    def doctor():
        told = json.loads(app.test_cli_runner().invoke(args=["oidc", "doctor", "--json"]).stdout)
        return [row["level"] for row in told["findings"] if row["check"] == "user_api_proof"]

    assert doctor() == ["warning"]
    check(app, "ada")
    assert doctor() == ["good"]


# -- over the wire ----------------------------------------------------------------------------------------------------


class Filtering:
    """A SCIM server for itself, which answers filters, and counts."""

    def __init__(self, *people):
        self.people, self.ignores_filters, self.paths = people, False, []

    @Request.application
    def __call__(self, request):
        self.paths.append(request.path)
        if request.headers.get("Authorization") != "Bearer given-by-hand":
            return Response("{}", 401)
        if request.path == "/v2/ServiceProviderConfig":
            return self.say({"filter": {"supported": True}})
        if request.path == "/v2/Users":
            wanted = re.findall(r'id eq "([^"]+)"', request.args["filter"])
            rows = [self.row(each) for each in self.people if self.ignores_filters or each in wanted]
            return self.say({"totalResults": len(rows), "Resources": rows})
        author_id = request.path.removeprefix("/v2/Users/")
        return self.say(self.row(author_id)) if author_id in self.people else self.say(NOT_FOUND, 404)

    def row(self, author_id):
        return {"id": author_id, "name": {"givenName": "Ada", "familyName": author_id.title()}}

    def say(self, body, status=200):
        limit = {"RateLimit-Limit": "100", "RateLimit-Remaining": "99"}
        return Response(json.dumps(body), status, limit, mimetype="application/scim+json")


NOT_FOUND = {"schemas": [ERROR_SCHEMA], "status": "404"}


@pytest.fixture
def wire(settings, tmp_path):
    """A SCIM server on a socket, and a blog that asks it."""
    server = Filtering(*(f"author{n}" for n in range(30)))
    with serve(server) as url:
        issuer = {"OIDC_ISSUER": url, "DATABASE_URL": f"sqlite:///{tmp_path / 'wire.db'}"}
        app = create_app(
            settings | issuer | {"DIRECTORY": "scim", "DIRECTORY_URL": f"{url}/v2", "DIRECTORY_TOKEN": "given-by-hand"}
        )
        with app.app_context():
            db.create_all()
            for n in range(30):
                posts.create((url, f"author{n}"), title="Words", body_md="Words", now=utc_now(), publish=False)
        yield app, server
        with app.app_context():
            db.engine.dispose()


def test_a_server_that_answers_filters_is_asked_little(wire):
    app, server = wire
    result = check(app, "--json")
    assert result.exit_code == 0, result.output
    found = findings(result)
    assert found["user_api_batch"] == found["user_api_limit"] == found["user_api_proof"] == "good"
    assert "30 authors, who are asked for every 15 minutes in each process, take 2" in result.stdout
    # nobody; the configuration, 20 and nobody in two lists, nobody alone; one alone
    assert (len(server.paths), server.paths.count("/v2/Users")) == (6, 2)


def test_a_server_that_lists_everybody_is_told(wire):
    app, server = wire
    server.ignores_filters = True
    result = check(app, "author7", "--json")
    assert result.exit_code == 0, result.output
    assert findings(result)["user_api_strangers"] == "warning"


def test_nobody_there_is_told(wire, settings):
    app, _ = wire
    there = app.extensions["settings"]
    other = create_app(
        settings
        | {name: there[name] for name in ("OIDC_ISSUER", "DATABASE_URL", "DIRECTORY_TOKEN")}
        | {"DIRECTORY": "scim", "DIRECTORY_URL": "http://localhost:9/scim"}
    )
    result = check(other, "author7")
    assert result.exit_code == 1
    assert "Nothing listens" in result.stdout
    with other.app_context():
        db.engine.dispose()


# -- the warning ------------------------------------------------------------------------------------------------------


def warned(actor):
    """Whether the dashboard warns; the command that it gives."""
    page = actor.page("/dashboard")
    notice = next((found for found in page.select(".notice") if WARNING in found.text), None)
    return notice and notice.select_one("pre").text


def test_an_editor_is_warned_until_the_command_has_succeeded(scim, desk, on_each_database, app, anybody):
    eddy, ada = anybody().log_in("eddy"), anybody().log_in("ada")
    scim.people["eddy"] = "Eddy Editor"
    command = warned(eddy)
    assert command == "flask --app blog authors check eddy"
    assert warned(ada) is None  # an author can do nothing about it
    assert "docs/providers/README.md" in eddy.page("/dashboard").text
    assert app.test_cli_runner().invoke(args=shlex.split(command)[3:]).exit_code == 0
    assert warned(eddy) is None


def test_a_failure_leaves_the_warning(scim, desk, app, anybody):
    eddy = anybody().log_in("eddy")
    assert check(app, "nobody-has-this").exit_code == 1
    assert warned(eddy)


def test_an_admin_is_warned(scim, settings, desk, request):
    settings["ROLE_ADMIN"] = "admins"
    desk["root"] = {"name": "Root", "groups": ["admins"]}
    assert warned(request.getfixturevalue("anybody")().log_in("root"))


def test_a_reader_sees_no_dashboard(scim, desk, anybody):
    refused = anybody().log_in("rita").get("/dashboard")
    assert refused.status_code == 403
    assert WARNING not in refused.text


def test_without_roles_every_author_is_warned(scim, ada):
    assert warned(ada)


def test_where_nobody_can_be_an_editor_authors_are_warned(scim, settings, desk, request):
    del settings["ROLE_EDITOR"]
    assert warned(request.getfixturevalue("anybody")().log_in("ada"))


def test_without_a_user_api_nobody_is_warned(ada):
    assert warned(ada) is None


def test_the_warning_stands_on_the_dashboard_only(scim, ada, visitor):
    slug = ada.publish()
    for path in ("/", f"/{slug}", f"/{slug}/edit", "/dashboard/write", "/dashboard/page", "/dashboard/sessions"):
        assert WARNING not in ada.get(path).text
    assert WARNING not in visitor.get("/").text


@pytest.mark.parametrize(
    ("author_id", "end"),
    [("it's <b>&", """check 'it'"'"'s <b>&'"""), ("-rf", "check -- -rf"), ("$(id)`id`", "check '$(id)`id`'")],
)
def test_an_odd_id_can_be_pasted_into_a_shell(scim, idp, app, anybody, author_id, end):
    idp.people[author_id] = {"name": "Odd"}
    scim.people[author_id] = "Odd Id"
    command = warned(anybody().log_in(author_id))
    assert command.endswith(end)
    assert app.test_cli_runner().invoke(args=shlex.split(command)[3:]).exit_code == 0


def test_it_costs_the_dashboard_one_query_and_readers_none(scim, app, ada, visitor):
    asked = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    ada.get("/dashboard")
    assert sum("FROM checked" in statement for statement in asked) == 1
    asked.clear()
    visitor.get("/")
    ada.get("/")
    assert not any("FROM checked" in statement for statement in asked)
