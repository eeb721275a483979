"""The operator's commands: what they print, for people and for scripts, and how they end."""

from __future__ import annotations

import configparser
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import update

from blog import create_app
from blog.db import Post, db
from tests.fake_idp import DOWN

ROOT = Path(__file__).parent.parent
AUTHORIZE = re.compile("https://idp.example/authorize.*")


@pytest.fixture(autouse=True)
def healthy(app, idp):
    """A provider that knows the blog, and a blog that answers at its own address."""
    idp.metadata |= {"code_challenge_methods_supported": ["S256"], "backchannel_logout_supported": True}
    idp.responses.add_callback("GET", AUTHORIZE, comes_back)
    arrive(app, idp)


def comes_back(request):
    asked = parse_qs(urlsplit(request.url).query)
    return 302, {"Location": f"{asked['redirect_uri'][0]}?error=login_required&state={asked['state'][0]}"}, b""


def arrive(app, idp, **headers):
    """Let requests for the blog come to it, with these headers of a proxy."""

    def pass_on(request):
        sent = {"Accept": request.headers["Accept"]} | {name.replace("_", "-"): text for name, text in headers.items()}
        told = app.test_client().get(request.path_url, base_url="http://localhost", headers=sent)
        return told.status_code, dict(told.headers), told.data

    idp.responses.add_callback("GET", re.compile("https?://localhost/.*"), pass_on)


class Operator(io.RawIOBase):
    """Somebody at the terminal, who reads the address there, logs in with it, and types in where they ended up."""

    def __init__(self, app, idp, sub="ada"):
        self.app, self.idp, self.sub, self.typed = app, idp, sub, b""
        self.done = False

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self.done:
            self.done = True
            sys.stderr.flush()
            url = re.search(r"https://\S+/authorize\S+", sys.stderr.buffer.getvalue().decode())[0]
            self.params = self.idp.authorize(url, sub=self.sub)
            self.typed = f"http://localhost/oidc/callback?{urlencode(self.params)}\n".encode()
        size = min(len(buffer), len(self.typed))
        buffer[:size], self.typed = self.typed[:size], self.typed[size:]
        return size


def doctor(app, *options, **more):
    """Call the command."""
    return app.test_cli_runner().invoke(args=["oidc", "doctor", *options], **more)


def checks(result, level):
    return {row["check"] for row in json.loads(result.stdout)["findings"] if row["level"] == level}


def test_a_healthy_blog_is_told_so_and_the_command_ends_with_0(app):
    result = doctor(app)
    assert result.exit_code == 0, result.output
    assert "  good     issuer: " in result.stdout
    assert re.search(r"\n0 faults, 0 warnings, \d+ notes, \d+ good\.\n$", result.stdout)
    assert "redirect_uri               http://localhost/oidc/callback\n" in result.stdout
    assert "backchannel_logout_uri     http://localhost/oidc/backchannel-logout\n" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_fault_is_told_with_what_it_breaks_and_what_to_change_and_ends_with_1(app, idp):
    idp.client_secret = "another"
    result = doctor(app)
    assert result.exit_code == 1
    assert "  fault    client_credentials: Refused (client_refused): " in result.stdout
    assert "           Breaks: Nobody can log in." in result.stdout
    assert "           Change: Compare BLOG_OIDC_CLIENT_ID" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 110


def test_scripts_get_one_json_object(app, idp):
    result = doctor(app, "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert set(told) == {"counts", "findings", "addresses"}
    assert set(told["counts"]) == {"good", "note", "warning", "fault"}
    assert sum(told["counts"].values()) == len(told["findings"])
    assert all(set(row) == {"stage", "check", "level", "seen", "breaks", "change"} for row in told["findings"])
    assert {row["stage"] for row in told["findings"]} == {"settings", "provider", "blog"}
    assert result.stderr == ""
    idp.answers["discovery"] = DOWN
    assert checks(doctor(app, "--json"), "fault") == {"discovery"}


def test_offline_nobody_is_asked(app, idp):
    result = doctor(app, "--offline", "--json")
    assert result.exit_code == 0
    assert {row["stage"] for row in json.loads(result.stdout)["findings"]} == {"settings"}
    assert sum(idp.calls.values()) == 0


def test_what_makes_no_sense_ends_with_2(app):
    assert doctor(app, "--login", "--offline").exit_code == 2
    assert doctor(app, "--nonsense").exit_code == 2


def test_no_secret_token_or_name_is_ever_printed(app, idp, settings):
    idp.tokens["refresh_token"] = "refresh-token-of-ada"
    idp.people["ada"] = {"name": "Ada Lovelace", "email": "ada@example.org"}
    operator = Operator(app, idp)
    result = doctor(app, "--login", input=io.BufferedReader(operator))
    assert result.exit_code == 0, result.output
    secrets = [settings["OIDC_CLIENT_SECRET"], settings["SECRET_KEY"], "refresh-token", "Lovelace", "ada@"]
    assert not [secret for secret in [*secrets, operator.params["code"]] if secret in result.stdout + result.stderr]


def test_a_login_is_gone_through_in_the_operators_browser(app, idp):
    result = doctor(app, "--login", "--json", input=io.BufferedReader(Operator(app, idp)))
    assert result.exit_code == 0, result.output
    assert {"login", "id_token_claims", "role", "name"} <= checks(result, "good")
    assert "Copy its whole address" in result.stderr
    idp.id_token["aud"] = "somebody-else"
    result = doctor(app, "--login", "--json", input=io.BufferedReader(Operator(app, idp)))
    assert result.exit_code == 1
    assert "wrong_audience" in result.stdout


def test_who_pastes_nothing_ends_the_command(app):
    result = doctor(app, "--login", input="\n")
    assert result.exit_code == 1
    assert "Aborted" in result.stderr


def test_no_login_can_be_begun_with_a_provider_that_is_down(app, idp):
    idp.answers["discovery"] = DOWN
    result = doctor(app, "--login", "--json", input="\n")
    assert result.exit_code == 1
    assert checks(result, "fault") == {"discovery", "begin"}


def test_posts_of_people_of_another_issuer_are_counted(app, ada):
    ada.publish()
    assert doctor(app).exit_code == 0
    with app.app_context():
        db.session.execute(update(Post).values(author_issuer="https://old.example"))
        db.session.commit()
    assert checks(doctor(app, "--offline", "--json"), "warning") == {"posts_of_another_issuer"}


def test_a_database_without_tables_is_told(app):
    with app.app_context():
        db.drop_all()
    assert checks(doctor(app, "--offline", "--json"), "warning") == {"database"}
    assert "OperationalError" in doctor(app).stdout


def test_what_a_provider_calls_itself_cannot_move_the_cursor(app, idp):
    idp.metadata["issuer"] = "https://evil.example/\x1b[2J\x07"
    result = doctor(app)
    assert "https://evil.example/" in result.stdout
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


# -- the probe, seen by the real blog ---------------------------------------------------------------------------------


def test_the_blog_tells_the_doctor_how_its_request_arrived(app, idp):
    idp.responses.remove("GET", re.compile("https?://localhost/.*"))
    arrive(app, idp, X_Forwarded_For="203.0.113.7", X_Forwarded_Proto="https")
    result = doctor(app, "--json")
    assert checks(result, "warning") == {"proxy_hops"}
    assert "203.0.113.7" not in result.output


@pytest.mark.parametrize(
    ("hops", "headers", "expected"),
    [
        ("1", {"X_Forwarded_For": "203.0.113.7", "X_Forwarded_Proto": "https"}, set()),
        ("2", {"X_Forwarded_For": "203.0.113.7, 10.0.0.1", "X_Forwarded_Proto": "https, https"}, set()),
        ("1", {"X_Forwarded_For": "203.0.113.7"}, {"forwarded_proto"}),
        ("1", {"X_Forwarded_Proto": "https"}, {"proxy_hops"}),
        ("0", {"X_Forwarded_For": "203.0.113.7", "X_Forwarded_Proto": "https"}, {"forwarded_proto", "proxy_hops"}),
        ("2", {"X_Forwarded_For": "203.0.113.7", "X_Forwarded_Proto": "https"}, {"forwarded_proto", "proxy_hops"}),
    ],
)
def test_what_proxies_say_is_compared_with_the_setting(settings, idp, clock, hops, headers, expected):
    settings |= {"PUBLIC_URL": "https://localhost", "PROXY_HOPS": hops}
    app = create_app(settings, now=clock)
    idp.responses.remove("GET", re.compile("https?://localhost/.*"))
    arrive(app, idp, **headers)
    assert checks(doctor(app, "--json"), "warning") == expected


def test_a_proxy_that_passes_no_host_on_is_told(app, idp):
    idp.responses.remove("GET", re.compile("https?://localhost/.*"))
    arrive(app, idp, Host="backend:8000")
    assert checks(doctor(app, "--json"), "fault") == {"forwarded_host"}


def test_without_a_good_token_there_is_no_probe(visitor):
    for query in ("", "?token=", "?token=AAAA", "?token=%00"):
        assert visitor.get(f"/oidc/probe{query}").status_code == 404


# -- the callback, when a login of the doctor comes back --------------------------------------------------------------


def test_the_answer_to_a_login_of_the_doctor_is_handed_to_the_terminal(visitor, idp, caplog):
    response = visitor.get("/oidc/callback?state=doctor.x&code=<b>the-code</b>&iss=https://idp.example")
    assert response.status_code == 200
    assert "Back to the terminal" in response.text
    assert "the-code" not in response.text
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "Set-Cookie" not in response.headers
    assert not visitor.is_logged_in()
    assert idp.calls["token"] == 0
    assert "the-code" not in caplog.text


def test_a_login_of_a_browser_is_never_handed_to_the_terminal(visitor):
    visitor.begin()
    assert visitor.get("/oidc/callback?state=x.doctor.&code=c").status_code == 400


def test_the_secret_key_is_looked_at_as_the_operator_gave_it(settings):
    weak = create_app(settings | {"SECRET_KEY": "ab" * 20})
    assert "secret_key" in checks(doctor(weak, "--offline", "--json"), "warning")


# -- with settings so wrong that there is no application --------------------------------------------------------------


@pytest.fixture
def flask(tmp_path):
    """Calls flask as it is installed, by the entry points of setup.cfg, in an environment of these settings alone."""
    cfg = configparser.ConfigParser()
    cfg.read(ROOT / "setup.cfg")
    told = tmp_path / "site" / "byline_as_installed-0.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: byline-as-installed\nVersion: 0\n")
    groups = [f"[{name}]\n{text.strip()}\n" for name, text in cfg["options.entry_points"].items()]
    (told / "entry_points.txt").write_text("\n".join(groups))

    def flask(*arguments, **settings):
        environ = {name: text for name, text in os.environ.items() if not name.startswith("BLOG_")}
        environ |= {f"BLOG_{name}": text for name, text in settings.items()}
        environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{told.parent}"
        command = [sys.executable, "-m", "flask", "--app", "blog", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    return flask


def test_settings_that_keep_the_blog_from_starting_are_all_told(flask):
    result = flask("oidc", "doctor", PUBLIC_URL="http://blog.example", SECRET_KEY="short")
    assert result.returncode == 1
    for name in ("PUBLIC_URL", "SECRET_KEY", "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"):
        assert f"setting: BLOG_{name}: " in result.stdout
    assert "Traceback" not in result.stderr


def test_settings_that_the_user_api_cannot_work_with_are_told(flask, settings):
    result = flask("oidc", "doctor", "--json", **settings, DIRECTORY="scim")
    assert result.returncode == 1
    told = [row for row in json.loads(result.stdout)["findings"] if row["level"] == "fault"]
    assert [row["check"] for row in told] == ["setting"]
    assert "BLOG_DIRECTORY_URL" in told[0]["seen"]


def test_a_command_loads_no_alembic_that_migrates_nothing(flask, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    result = flask("import", "markdown", str(tmp_path), "--author", "ada", **settings)
    assert result.returncode == 0
    assert "blog.content.importing.writing" in result.stderr
    assert "alembic" not in result.stderr


def test_migrations_are_looked_at_with_a_command_of_its_own(flask, settings):
    assert flask("db", "heads", **settings).stdout.endswith("(head)\n")
