"""Who may do what: every route, for a stranger, the author and another author, on a live post and on a draft.

The table is the one of docs/access.md; a route that is not in it fails.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import select

from blog.db import Post, db

LOGIN = "login"  # led to the login page
TABLE = {
    # (method, address): what a stranger, its author, another author get
    ("GET", "/"): (200, 200, 200),
    ("GET", "/live"): (200, 200, 200),
    ("GET", "/draft"): (404, 200, 404),
    ("GET", "/dashboard"): (LOGIN, 200, 200),
    ("POST", "/dashboard"): (LOGIN, 303, 303),
    ("GET", "/live/edit"): (LOGIN, 200, 403),
    ("GET", "/draft/edit"): (LOGIN, 200, 403),
    ("POST", "/live/edit"): (LOGIN, 303, 403),
    ("POST", "/draft/edit"): (LOGIN, 303, 403),
    ("GET", "/live/delete"): (LOGIN, 200, 403),
    ("GET", "/draft/delete"): (LOGIN, 200, 403),
    ("POST", "/live/delete"): (LOGIN, 303, 403),
    ("POST", "/draft/delete"): (LOGIN, 303, 403),
    ("GET", "/login"): (302, 302, 302),
    ("GET", "/register"): (302, 302, 302),
    ("GET", "/oidc/callback"): (400, 400, 400),
    ("POST", "/oidc/callback"): (400, 400, 400),
    ("GET", "/oidc/initiate"): (400, 400, 400),
    ("POST", "/oidc/initiate"): (400, 400, 400),
    ("POST", "/oidc/backchannel-logout"): (400, 400, 400),
    ("GET", "/oidc/frontchannel-logout"): (200, 200, 200),
    ("GET", "/logout"): (302, 200, 200),
    ("POST", "/logout"): (303, 303, 303),
    ("GET", "/static/style.css"): (200, 200, 200),
}


@pytest.fixture
def everybody(ada, bob, visitor):
    assert ada.publish("Live") == "live"
    assert ada.draft("Draft") == "draft"
    return visitor, ada, bob


@pytest.mark.parametrize(("method", "path"), TABLE, ids=" ".join)
def test_everybody_may_do_what_the_table_says_and_no_more(everybody, method, path):
    answers = []
    for actor in everybody[::2] + everybody[1:2]:  # the author last: what is deleted then is gone
        fields = {}
        if actor is not everybody[0]:
            _, fields = actor.filled("/dashboard", "Save draft", title="Written anew", body="Text")
            fields["version"] = "1"
        response = actor.client.open(path, method=method, data=fields if method == "POST" else None, buffered=True)
        led_to_login = response.location is not None and response.location.startswith("/login?next=")
        answers.append(LOGIN if led_to_login else response.status_code)
    stranger, another, author = answers
    assert (stranger, author, another) == TABLE[method, path]


SMUGGLED = {
    "author_issuer": "https://evil.example",
    "author_id": "ada",
    "author_key": "ada",
    "id": "1",
    "slug": "live",
    "body_html": "<script>alert(1)</script>",
    "html_version": "99",
    "published_at": "2020-01-01T00:00:00+00:00",
}


@pytest.mark.parametrize("page", ["/dashboard", "/mine/edit"])
def test_no_form_sets_what_it_does_not_show(everybody, page):
    _, _, bob = everybody
    bob.draft("Mine", "Text")
    path, fields = bob.filled(page, "Save draft" if page == "/dashboard" else "Save changes", title="Own", body="Words")
    assert bob.post(path, fields | SMUGGLED).status_code == 303
    with bob.app.app_context():
        own = db.session.scalars(select(Post).where(Post.title == "Own")).one()
    assert (own.author_key, own.slug, own.published_at) == (("https://idp.example", "bob"), "own", None)
    assert (own.body_html.strip(), own.html_version < 99) == ("<p>Words</p>", True)


def test_every_route_stands_in_the_table(app):
    written = {(method, re.sub("^/(live|draft)", "/<slug>", path)) for method, path in TABLE}
    there = {
        (method, re.sub("<path:.*>", "style.css", str(rule)))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert there == written


def test_the_table_is_the_documented_one():
    rows = re.findall(r"^\| (\w+) \| `(\S+)` \| (\S+) \| (\S+) \| (\S+) \|$", document(), re.MULTILINE)
    documented = {(method, path): tuple(map(as_answer, answers)) for method, path, *answers in rows}
    assert documented == TABLE


def document():
    return (Path(__file__).parent.parent / "docs" / "access.md").read_text()


def as_answer(cell):
    return LOGIN if cell == "login" else int(cell)
