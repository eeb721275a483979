"""Settings: where they come from, and how a bad one ends the start."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from blog import config
from blog.config import BadSetting
from blog.identity import directories

ENOUGH = {
    "BLOG_PUBLIC_URL": "https://blog.example.org",
    "BLOG_SECRET_KEY": "k" * 32,
    "BLOG_DATABASE_URL": "sqlite:///blog.db",
    "BLOG_OIDC_ISSUER": "https://id.example.org",
    "BLOG_OIDC_CLIENT_ID": "byline",
    "BLOG_OIDC_CLIENT_SECRET": "secret",
}
LISTED = {  # the names that the documentation of installations out there counts on
    *("PUBLIC_URL", "SECRET_KEY", "DATABASE_URL", "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_SCOPES"),
    *("OIDC_TOKEN_AUTH_METHOD", "OIDC_ID_TOKEN_ALG", "OIDC_USERINFO_ALG", "OIDC_RESPONSE_MODE", "OIDC_AUTHOR_CLAIM"),
    *("OIDC_REGISTRATION_URL", "DIRECTORY", "SITE_TITLE", "POSTS_PER_PAGE", "SESSION_LIFETIME", "SESSION_IDLE"),
}


def load(tmp_path=Path("/nonexistent"), **changes):
    environ = ENOUGH | {f"BLOG_{name}": value for name, value in changes.items()}
    return config.load(
        {name: value for name, value in environ.items() if value is not None}, directories.SETTINGS, tmp_path
    )


def test_the_environment_is_enough():
    values = load(SITE_TITLE="Notes", SESSION_IDLE="30")
    assert values["SITE_TITLE"] == "Notes"
    assert values["SESSION_IDLE"] == timedelta(minutes=30)
    assert values["OIDC_AUTHOR_CLAIM"] == "sub"
    assert set(values) >= LISTED


@pytest.mark.parametrize(
    ("text", "value"), [("20000", 20_000), ("20 kB", 20_000), ("10 MB", 10_000_000), ("10mb", 10_000_000)]
)
def test_sizes_may_be_given_as_people_do(text, value):
    assert config.load(ENOUGH | {"BLOG_MEDIA_LONGEST": text})["MEDIA_LONGEST"] == value
    assert config.load(ENOUGH | {"BLOG_MEDIA_QUOTA": "2 GB"})["MEDIA_QUOTA"] == 2_000_000_000
    for wrong in ("much", "1.5 MB", "-1", "10 MiB", "1", "٣ MB"):
        with pytest.raises(BadSetting, match="BLOG_MEDIA_LONGEST"):
            config.load(ENOUGH | {"BLOG_MEDIA_LONGEST": wrong})


def test_a_secret_comes_from_a_file(tmp_path):
    (tmp_path / "key").write_text("f" * 40 + "\n")
    assert load(SECRET_KEY=None, SECRET_KEY_FILE=str(tmp_path / "key"))["SECRET_KEY"] == "f" * 40


def test_client_secrets_are_read_where_the_program_was_started(tmp_path):
    web = {
        "client_id": "from-file",
        "client_secret": "s",
        "issuer": "https://id.example.com",
        "redirect_uris": ["https://notes.example.com/oidc/callback"],
        "token_uri": "https://id.example.com/other/token",
    }
    (tmp_path / "client_secrets.json").write_text(json.dumps({"web": web}))
    values = load(tmp_path, PUBLIC_URL=None, OIDC_ISSUER=None, OIDC_CLIENT_ID=None, OIDC_CLIENT_SECRET=None)
    assert values["OIDC_CLIENT_ID"] == "from-file"
    assert values["PUBLIC_URL"] == "https://notes.example.com"
    assert values["OIDC_TOKEN_URI"] == "https://id.example.com/other/token"
    assert values["OIDC_AUTH_URI"] == ""


def test_the_environment_wins_over_client_secrets(tmp_path):
    (tmp_path / "client_secrets.json").write_text(json.dumps({"web": {"client_id": "from-file"}}))
    assert load(tmp_path)["OIDC_CLIENT_ID"] == "byline"


def test_the_example_of_client_secrets_is_one(tmp_path):
    example = Path(__file__).parent.parent / "client_secrets.example.json"
    values = load(CLIENT_SECRETS=str(example), PUBLIC_URL=None, OIDC_ISSUER=None)
    assert values["PUBLIC_URL"] == "https://blog.example.org"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"web": 1}', '{"web": {"client_id": 7}}', "[" * 100_000, '{"web": {"redirect_uris": 3}}']
)
def test_client_secrets_of_another_form_end_the_start(tmp_path, content):
    (tmp_path / "client_secrets.json").write_text(content)
    with pytest.raises(BadSetting, match="BLOG_CLIENT_SECRETS: "):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        *(
            (name, None, "is missing")
            for name in (
                "PUBLIC_URL",
                "SECRET_KEY",
                "OIDC_ISSUER",
                "OIDC_CLIENT_ID",
                "OIDC_CLIENT_SECRET",
            )
        ),
        ("SECRET_KEY", " ", "is missing"),
        ("SECRET_KEY", "dev", "at least 32"),
        ("HOOK_SECRET", "dev", "at least 32"),
        ("HOOK_SECRET", "with spaces " * 4, "without spaces"),
        ("HOOK_SECRET", "é" * 40, "ASCII"),
        ("PUBLIC_URL", "blog.example.org", "absolute address"),
        ("PUBLIC_URL", "http://blog.example.org", "must be https"),
        ("PUBLIC_URL", "https://blog.example.org/path", "scheme and host only"),
        ("FEED_AUTHORITY", "blog.example.org", "a domain, a comma and a date"),
        ("FEED_AUTHORITY", "https://blog.example.org,2026", "a domain, a comma and a date"),
        ("FEED_AUTHORITY", "blog.example.org,26", "a domain, a comma and a date"),
        ("FEED_AUTHORITY", "bücher.example,2026", "a domain, a comma and a date"),
        ("FEED_AUTHORITY", "blog..example,2026", "a domain, a comma and a date"),
        ("FEED_AUTHORITY", "ada@blog.example,2026", "a domain, a comma and a date"),
        ("DATABASE_URL", "mysql://x", "must begin with"),
        ("OIDC_ISSUER", "http://id.example.org", "must be https"),
        ("OIDC_ISSUER", "https://id.example.org?x", "absolute address"),
        ("OIDC_ID_TOKEN_ALG", "none", "must be one of"),
        ("OIDC_RESPONSE_MODE", "fragment", "must be one of"),
        ("OIDC_TOKEN_AUTH_METHOD", "none", "must be one of"),
        ("OIDC_CLIENT_SECRET", " ", "is missing"),
        ("OIDC_ASSERTION_ALG", "HS256", "must be one of"),
        ("OIDC_ASSERTION_AUDIENCE", "https://id.example.org", "must be one of"),
        ("OIDC_PAR", "yes", "must be one of"),
        ("POSTS_PER_PAGE", "0", "from 1 to 100"),
        ("POSTS_PER_PAGE", "many", "whole number"),
        ("SESSION_IDLE", "999999", "from 1 to"),
        ("SESSION_LIFETIME", "10", "SESSION_LIFETIME"),
        ("DIRECTORY", "ldap", "must be one of"),
        ("INSECURE_ISSUER_HTTP", "maybe", "yes or no"),
        ("SECRET_KEY_FILE", "/does/not/exist", "cannot read"),
        ("ROLES_CLAIM", "groups", "makes everybody a reader"),
        *((f"ROLE_{role}", "staff", "without ROLES_CLAIM") for role in ("READER", "AUTHOR", "EDITOR", "ADMIN")),
    ],
)
def test_a_bad_setting_ends_the_start_with_one_line_that_names_it(name, value, wrong):
    changes = {"SECRET_KEY": None} if name == "SECRET_KEY_FILE" else {}
    with pytest.raises(BadSetting) as ended:
        load(**changes, **{name: value})
    line = str(ended.value)
    assert wrong in line
    assert "\n" not in line
    assert "docs/settings.md#" in line
    assert isinstance(ended.value, SystemExit)


def test_keys_of_our_own_need_no_client_secret(tmp_path):
    assert load(OIDC_TOKEN_AUTH_METHOD="private_key_jwt", OIDC_CLIENT_SECRET=None)["OIDC_CLIENT_SECRET"] == ""
    web = {"client_id": "byline", "redirect_uris": ["https://blog.example.org/oidc/callback"]}
    (tmp_path / "client_secrets.json").write_text(json.dumps({"web": web}))
    values = load(tmp_path, OIDC_TOKEN_AUTH_METHOD="private_key_jwt", OIDC_CLIENT_SECRET=None, OIDC_CLIENT_ID=None)
    assert (values["OIDC_CLIENT_ID"], values["OIDC_CLIENT_SECRET"]) == ("byline", "")


@pytest.mark.parametrize("name", ["OIDC_ID_TOKEN_ALG", "OIDC_USERINFO_ALG"])
def test_but_a_token_signed_with_a_client_secret_does(name):
    own_keys = {"OIDC_TOKEN_AUTH_METHOD": "private_key_jwt", name: "HS256"}
    with pytest.raises(BadSetting, match=f"BLOG_OIDC_CLIENT_SECRET: is missing; {name}=HS256"):
        load(**own_keys, OIDC_CLIENT_SECRET=None)
    assert load(**own_keys, OIDC_CLIENT_SECRET="s" * 32)[name] == "HS256"


@pytest.mark.parametrize("role", ["ROLE_READER", "ROLE_AUTHOR", "ROLE_EDITOR", "ROLE_ADMIN"])
def test_a_claim_and_one_role_are_enough(role):
    assert load(ROLES_CLAIM=" groups ", **{role: "staff, news"})[role] == ("staff", "news")


def test_groups_may_hold_spaces():
    values = load(ROLES_CLAIM="groups", ROLE_AUTHOR="Blog Authors, staff,", ROLE_EDITOR="/blog/editors")
    assert (values["ROLE_AUTHOR"], values["ROLE_EDITOR"]) == (("Blog Authors", "staff"), ("/blog/editors",))


def test_form_post_needs_https():
    with pytest.raises(BadSetting, match="OIDC_RESPONSE_MODE"):
        load(PUBLIC_URL="http://localhost:5000", OIDC_RESPONSE_MODE="form_post")


def test_the_redirect_addresses_must_hold_ours(tmp_path):
    web = {"redirect_uris": ["https://blog.example.org/somewhere"]}
    (tmp_path / "client_secrets.json").write_text(json.dumps({"web": web}))
    with pytest.raises(BadSetting, match=re.escape("does not hold https://blog.example.org/oidc/callback")):
        load(tmp_path)


def test_no_bad_value_of_a_secret_is_printed():
    with pytest.raises(BadSetting) as ended:
        load(SECRET_KEY="short-but-mine")
    assert "short-but-mine" not in str(ended.value)


def test_postgresql_means_the_driver_we_ship_with():
    assert load(DATABASE_URL="postgresql://u@h/d")["DATABASE_URL"] == "postgresql+psycopg://u@h/d"


def test_a_foreign_host_may_be_plain_http_only_when_the_operator_shouts():
    assert load(OIDC_ISSUER="http://id.test", INSECURE_ISSUER_HTTP="yes")["INSECURE_ISSUER_HTTP"] is True
