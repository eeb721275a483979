"""Who may do what: every route, for each kind of person, on a live post, on a draft, and on posts that only some read.

The table is the one of docs/access.md; a route that is not in it fails.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import insert, select, update
from werkzeug.test import Client

from blog.content.media import workshop
from blog.content.media.pictures import make
from blog.db import Post, PostAuthor, db, writing
from tests import pictures
from tests.actor import Actor
from tests.conftest import MovableClock, opened, settings_in
from tests.fake_idp import FakeIdp
from tests.web.test_pagecache import OPENED

LOGIN = "login"  # led to the login page
KINDS = ("stranger", "its author", "another author", "reader", "reader in the group", "editor")
TABLE = {
    # (method, address): what each of KINDS gets
    ("GET", "/"): (200, 200, 200, 200, 200, 200),
    ("GET", "/live"): (200, 200, 200, 200, 200, 200),
    ("GET", "/draft"): (404, 200, 404, 404, 404, 200),
    ("GET", "/members"): (404, 200, 200, 200, 200, 200),
    ("GET", "/grouped"): (404, 200, 404, 404, 200, 200),
    ("GET", "/author/pen"): (200, 200, 200, 200, 200, 200),
    ("GET", "/author/shy"): (404, 200, 404, 404, 200, 200),
    ("GET", "/tag/open"): (200, 200, 200, 200, 200, 200),
    ("GET", "/tag/night"): (404, 200, 404, 404, 200, 200),
    ("GET", "/search?q=words"): (200, 200, 200, 200, 200, 200),
    ("GET", "/feed.xml"): (200, 200, 200, 200, 200, 200),
    ("GET", "/atom.xml"): (200, 200, 200, 200, 200, 200),
    ("GET", "/feed.json"): (200, 200, 200, 200, 200, 200),
    ("GET", "/tag/open/feed.xml"): (200, 200, 200, 200, 200, 200),
    ("GET", "/tag/open/atom.xml"): (200, 200, 200, 200, 200, 200),
    ("GET", "/tag/open/feed.json"): (200, 200, 200, 200, 200, 200),
    ("GET", "/author/pen/feed.xml"): (200, 200, 200, 200, 200, 200),
    ("GET", "/author/pen/atom.xml"): (200, 200, 200, 200, 200, 200),
    ("GET", "/author/pen/feed.json"): (200, 200, 200, 200, 200, 200),
    ("GET", "/tag/night/feed.xml"): (404, 404, 404, 404, 404, 404),
    ("GET", "/author/shy/feed.xml"): (404, 404, 404, 404, 404, 404),
    ("GET", "/sitemap.xml"): (200, 200, 200, 200, 200, 200),
    ("GET", "/sitemap-1.xml"): (200, 200, 200, 200, 200, 200),
    ("GET", "/robots.txt"): (200, 200, 200, 200, 200, 200),
    ("GET", "/llms.txt"): (200, 200, 200, 200, 200, 200),
    ("GET", "/live.md"): (200, 200, 200, 200, 200, 200),
    ("GET", "/draft.md"): (404, 200, 404, 404, 404, 200),
    ("GET", "/members.md"): (404, 200, 200, 200, 200, 200),
    ("GET", "/grouped.md"): (404, 200, 404, 404, 200, 200),
    ("GET", "/archive"): (200, 200, 200, 200, 200, 200),
    ("GET", "/archive/1999"): (404, 200, 404, 404, 200, 200),
    ("GET", "/archive/1999/05"): (404, 200, 404, 404, 200, 200),
    ("GET", "/theme/style.css"): (200, 200, 200, 200, 200, 200),
    ("GET", "/dashboard"): (LOGIN, 200, 200, 403, 403, 200),
    ("POST", "/dashboard"): (LOGIN, 303, 303, 403, 403, 303),
    ("GET", "/dashboard/write"): (LOGIN, 200, 200, 403, 403, 200),
    ("POST", "/dashboard/write"): (LOGIN, 303, 303, 403, 403, 303),
    ("POST", "/dashboard/autosave"): (401, 200, 200, 403, 403, 200),
    ("POST", "/dashboard/preview"): (401, 200, 200, 403, 403, 200),
    ("GET", "/dashboard/page"): (LOGIN, 200, 200, 403, 403, 200),
    ("GET", "/dashboard/readership"): (LOGIN, 200, 200, 403, 403, 200),
    ("POST", "/dashboard/page"): (LOGIN, 303, 303, 403, 403, 303),
    ("GET", "/dashboard/tags"): (LOGIN, 403, 403, 403, 403, 200),
    ("POST", "/dashboard/tags"): (LOGIN, 403, 403, 403, 403, 303),
    ("GET", "/dashboard/sessions"): (LOGIN, 200, 200, 200, 200, 200),
    ("POST", "/dashboard/sessions"): (LOGIN, 303, 303, 303, 303, 303),
    ("GET", "/dashboard/media"): (LOGIN, 200, 200, 403, 403, 200),
    ("POST", "/dashboard/media"): (LOGIN, 400, 400, 403, 403, 400),
    ("GET", "/dashboard/media/unused"): (LOGIN, 200, 404, 403, 403, 404),
    ("POST", "/dashboard/media/unused"): (LOGIN, 303, 404, 403, 403, 404),
    ("GET", "/media/unused.png"): (404, 200, 404, 404, 404, 200),
    ("GET", "/media/live.png"): (200, 200, 200, 200, 200, 200),
    ("GET", "/media/members.png"): (404, 200, 200, 200, 200, 200),
    ("GET", "/media/grouped.png"): (404, 200, 404, 404, 200, 200),
    ("GET", "/live/edit"): (LOGIN, 200, 403, 403, 403, 200),
    ("GET", "/draft/edit"): (LOGIN, 200, 403, 403, 403, 200),
    ("GET", "/members/edit"): (LOGIN, 200, 403, 403, 403, 200),
    ("GET", "/grouped/edit"): (LOGIN, 200, 404, 403, 403, 200),
    ("POST", "/live/edit"): (LOGIN, 303, 403, 403, 403, 303),
    ("POST", "/draft/edit"): (LOGIN, 303, 403, 403, 403, 303),
    ("POST", "/members/edit"): (LOGIN, 303, 403, 403, 403, 303),
    ("POST", "/grouped/edit"): (LOGIN, 303, 404, 403, 403, 303),
    ("GET", "/live/delete"): (LOGIN, 200, 403, 403, 403, 200),
    ("GET", "/draft/delete"): (LOGIN, 200, 403, 403, 403, 200),
    ("GET", "/members/delete"): (LOGIN, 200, 403, 403, 403, 200),
    ("GET", "/grouped/delete"): (LOGIN, 200, 404, 403, 403, 200),
    ("POST", "/live/delete"): (LOGIN, 303, 403, 403, 403, 303),
    ("POST", "/draft/delete"): (LOGIN, 303, 403, 403, 403, 303),
    ("POST", "/members/delete"): (LOGIN, 303, 403, 403, 403, 303),
    ("POST", "/grouped/delete"): (LOGIN, 303, 404, 403, 403, 303),
    ("GET", "/joint"): (404, 200, 200, 404, 404, 200),
    ("GET", "/asked"): (404, 200, 200, 404, 404, 200),
    ("GET", "/joint/edit"): (LOGIN, 200, 200, 403, 403, 200),
    ("POST", "/joint/edit"): (LOGIN, 303, 303, 403, 403, 303),
    ("GET", "/asked/edit"): (LOGIN, 200, 403, 403, 403, 200),
    ("POST", "/asked/edit"): (LOGIN, 303, 403, 403, 403, 303),
    ("GET", "/joint/delete"): (LOGIN, 200, 403, 403, 403, 200),
    ("POST", "/joint/delete"): (LOGIN, 303, 403, 403, 403, 303),
    ("GET", "/asked/delete"): (LOGIN, 200, 403, 403, 403, 200),
    ("POST", "/asked/delete"): (LOGIN, 303, 403, 403, 403, 303),
    ("GET", "/live/revisions"): (LOGIN, 200, 403, 403, 403, 200),
    ("POST", "/live/revisions"): (LOGIN, 303, 403, 403, 403, 303),
    ("GET", "/live/revisions/compare?old=1&new=1"): (LOGIN, 200, 403, 403, 403, 200),
    ("GET", "/draft/revisions"): (LOGIN, 200, 403, 403, 403, 200),
    ("GET", "/grouped/revisions"): (LOGIN, 200, 404, 403, 403, 200),
    ("POST", "/grouped/revisions"): (LOGIN, 303, 404, 403, 403, 303),
    ("GET", "/grouped/revisions/compare?old=1&new=1"): (LOGIN, 200, 404, 403, 403, 200),
    ("GET", "/joint/revisions"): (LOGIN, 200, 200, 403, 403, 200),
    ("POST", "/joint/revisions"): (LOGIN, 303, 303, 403, 403, 303),
    ("GET", "/asked/revisions"): (LOGIN, 200, 403, 403, 403, 200),
    ("GET", "/trashed"): (404, 404, 404, 404, 404, 404),
    ("GET", "/trashed/edit"): (LOGIN, 404, 404, 403, 403, 404),
    ("POST", "/trashed/edit"): (LOGIN, 404, 404, 403, 403, 404),
    ("GET", "/trashed/revisions"): (LOGIN, 404, 404, 403, 403, 404),
    ("GET", "/live/byline"): (LOGIN, 404, 404, 404, 404, 404),
    ("POST", "/live/byline"): (LOGIN, 404, 404, 404, 404, 404),
    ("GET", "/joint/byline"): (LOGIN, 404, 200, 404, 404, 404),
    ("POST", "/joint/byline"): (LOGIN, 404, 303, 404, 404, 404),
    ("GET", "/asked/byline"): (LOGIN, 404, 200, 404, 404, 404),
    ("POST", "/asked/byline"): (LOGIN, 404, 303, 404, 404, 404),
    ("GET", "/live/comment"): (LOGIN, 200, 200, 200, 200, 200),
    ("GET", "/draft/comment"): (LOGIN, 404, 404, 404, 404, 404),
    ("GET", "/members/comment"): (LOGIN, 200, 200, 200, 200, 200),
    ("GET", "/grouped/comment"): (LOGIN, 200, 404, 404, 200, 200),
    ("POST", "/live/comment"): (LOGIN, 303, 303, 303, 303, 303),
    ("POST", "/draft/comment"): (LOGIN, 404, 404, 404, 404, 404),
    ("POST", "/members/comment"): (LOGIN, 303, 303, 303, 303, 303),
    ("POST", "/grouped/comment"): (LOGIN, 303, 404, 404, 303, 303),
    ("GET", "/live/comment/1/edit"): (LOGIN, 403, 403, 200, 403, 403),
    ("POST", "/live/comment/1/edit"): (LOGIN, 403, 403, 303, 403, 403),
    ("GET", "/live/comment/1/delete"): (LOGIN, 200, 403, 200, 403, 200),
    ("POST", "/live/comment/1/delete"): (LOGIN, 303, 403, 303, 403, 303),
    ("GET", "/grouped/comment/2/delete"): (LOGIN, 200, 404, 404, 200, 200),
    ("POST", "/grouped/comment/2/delete"): (LOGIN, 303, 404, 404, 303, 303),
    ("GET", "/grouped/comment/2/edit"): (LOGIN, 403, 404, 404, 200, 403),
    ("POST", "/grouped/comment/2/edit"): (LOGIN, 403, 404, 404, 303, 403),
    ("GET", "/dashboard/comments"): (LOGIN, 200, 200, 403, 403, 200),
    ("POST", "/dashboard/comments"): (LOGIN, 303, 303, 403, 403, 303),
    ("GET", "/login"): (302, 302, 302, 302, 302, 302),
    ("GET", "/login/confirm"): (LOGIN, 302, 302, 302, 302, 302),
    ("GET", "/register"): (302, 302, 302, 302, 302, 302),
    ("GET", "/oidc/callback"): (400, 400, 400, 400, 400, 400),
    ("POST", "/oidc/callback"): (400, 400, 400, 400, 400, 400),
    ("GET", "/oidc/initiate"): (400, 400, 400, 400, 400, 400),
    ("POST", "/oidc/initiate"): (400, 400, 400, 400, 400, 400),
    ("POST", "/oidc/backchannel-logout"): (400, 400, 400, 400, 400, 400),
    ("GET", "/oidc/frontchannel-logout"): (200, 200, 200, 200, 200, 200),
    ("GET", "/oidc/jwks"): (404, 404, 404, 404, 404, 404),
    ("GET", "/oidc/probe"): (404, 404, 404, 404, 404, 404),
    ("GET", "/hooks/authors"): (404, 404, 404, 404, 404, 404),
    ("POST", "/hooks/authors"): (404, 404, 404, 404, 404, 404),
    ("GET", "/logout"): (302, 200, 200, 200, 200, 200),
    ("POST", "/logout"): (303, 303, 303, 303, 303, 303),
    ("GET", "/static/style.css"): (200, 200, 200, 200, 200, 200),
}


ROLES = {"ROLES_CLAIM": "groups", "ROLE_AUTHOR": "writers", "ROLE_EDITOR": "desk", "COMMENTS": "open"}


@pytest.fixture(autouse=True)
def roles(settings, idp):
    settings |= ROLES
    idp.people = people()


def people():
    """Who is at the provider."""
    return {
        "ada": {"name": "Ada Lovelace", "groups": ["writers", "Night Desk"]},
        "bob": {"name": "Bob Ross", "groups": ["writers"]},
        "rita": {"name": "Rita Reader", "groups": []},
        "sid": {"name": "Sid Shy", "groups": ["writers", "Night Desk"]},
        "nina": {"name": "Nina Night", "groups": ["Night Desk"]},
        "eddy": {"name": "Eddy Editor", "groups": ["desk"]},
    }


def picture(actor, width):
    """Upload a picture; give its name."""
    path, fields = actor.filled("/dashboard/media", "Upload")
    data = fields | {"file": (BytesIO(pictures.png(width)), "a.png")}
    sent = actor.post(path, data, content_type="multipart/form-data", headers={"Accept": "application/json"})
    return Path(sent.json["address"]).stem


@pytest.fixture(scope="module")
def world(tmp_path_factory, compiled_templates):
    """A folder with everything that `write_everything` left in a blog, and the names of its pictures."""
    folder = tmp_path_factory.mktemp("world")
    with FakeIdp() as idp, pytest.MonkeyPatch.context() as patches:
        patches.setattr(workshop, "_run", lambda data, kind, folder, wall_s: make(data, kind, folder))
        idp.people = people()
        with opened(settings_in(folder) | ROLES, MovableClock(), compiled_templates) as app:
            named = write_everything(app, lambda sub: Actor(app, idp).log_in(sub))
    return folder, named


def write_everything(app, log_in):
    """A live post, drafts, and two that only some may read, all of Ada; and somebody who writes for those alone.

    Bob is a co-author of one draft, and asked to be one of another. Readers comment. Each but the drafts shows a
    picture; gives their names, and that of one which no post uses.
    """
    ada = log_in("ada")
    assert ada.submit("/dashboard", "Change address", handle="Pen").status_code == 303
    named = {word: picture(ada, 42 + number) for number, word in enumerate(("live", "members", "grouped", "unused"))}
    shown = {word: f"![](/media/{name}.png)" for word, name in named.items()}
    assert ada.publish("Live", shown["live"], tags="Open") == "live"
    assert ada.draft("Draft") == "draft"
    assert ada.publish("Members", shown["members"], visible_to="people") == "members"
    assert (
        ada.publish("Grouped", shown["grouped"], visible_to="groups", group="Night Desk", tags="Open, Night")
        == "grouped"
    )
    assert ada.draft("Joint") == "joint"
    assert ada.draft("Asked") == "asked"
    assert ada.publish("Trashed") == "trashed"
    assert ada.submit("/trashed/delete", "Delete").status_code == 303
    with app.app_context(), writing() as session:
        for slug, agreed_at in (("joint", datetime.now(UTC)), ("asked", None)):
            post_id = session.scalar(select(Post.id).where(Post.slug == slug))
            row = {"author_issuer": "https://idp.example", "author_id": "bob", "agreed_at": agreed_at}
            session.execute(insert(PostAuthor).values(post_id=post_id, position=0, **row))
    sid = log_in("sid")
    assert sid.publish("Shy", visible_to="groups", group="Night Desk") == "shy"
    assert sid.submit("/dashboard", "Change address", handle="shy").status_code == 303
    with ada.app.app_context(), writing() as session:
        session.execute(update(Post).where(Post.slug == "shy").values(published_at=datetime(1999, 5, 4, tzinfo=UTC)))
    rita, nina = log_in("rita"), log_in("nina")
    assert rita.submit("/live/comment", "Comment", comment="Said").location == "/live#comment-1"
    assert nina.submit("/grouped/comment", "Comment", comment="Said").location == "/grouped#comment-2"
    return named


@pytest.fixture
def posts(world, tmp_path):
    """This test's blog begins with a copy of all that; gives the names of the pictures. Comes before `app`."""
    assert not (tmp_path / "blog.db").exists()
    folder, named = world
    copytree(folder, tmp_path, dirs_exist_ok=True)
    return named


@pytest.fixture
def changed(posts, app):
    """A blog of this test's own."""
    return app


@pytest.fixture(scope="module")
def looked_at(world, tmp_path_factory, compiled_templates):
    """A blog for all who only look, as by that nothing changes."""
    folder = copytree(world[0], tmp_path_factory.mktemp("looked-at"), dirs_exist_ok=True)
    with opened(settings_in(folder) | ROLES, MovableClock(), compiled_templates) as app:
        yield app


@pytest.mark.parametrize(("column", "sub"), list(enumerate([None, "ada", "bob", "rita", "nina", "eddy"])), ids=KINDS)
@pytest.mark.parametrize(("method", "path"), TABLE, ids=[" ".join(row) for row in TABLE])
def test_everybody_may_do_what_the_table_says_and_no_more(world, idp, request, method, path, column, sub):
    row = method, path
    if "/media/" in path:  # whose names are made of their bytes
        path = re.sub(r"(?<=/media/)\w+", lambda word: world[1][word[0]], path)
    actor, fields = Actor(request.getfixturevalue("looked_at" if method == "GET" else "changed"), idp), {}
    if sub:
        actor.log_in(sub)
    if sub and method == "POST":
        _, fields = actor.filled(
            "/logout",
            "Log out",
            title="Written anew",
            body="Text",
            version="1",
            form_id="anew",
            number="1",
            handle="anew",
            comment="Anew",
            tag="1",
            name="Open",
            end="1",
        )
        pressed = {"/dashboard": "trash", "/dashboard/comments": "approve", "/dashboard/tags": "rename"}
        fields |= {"action": pressed[path]} if path in pressed else {}
    response = actor.client.open(path, method=method, data=fields or None, buffered=True)
    led_to_login = response.location is not None and response.location.startswith("/login?next=")
    assert (LOGIN if led_to_login else response.status_code) == TABLE[row][column]


ODD = {"Host": "localhost:8123", "User-Agent": "x", "Referer": "https://x.example/", "X-Forwarded-Host": "x.example"}
ODD |= {"Accept": "application/json", "Cookie": "a=b"}
MADE_OF = ("Content-Type", "Cache-Control", "Content-Security-Policy", "Link", "Location")


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_what_a_stranger_gets_from_memory_is_what_the_blog_says_whoever_asks(posts, app, language):
    blog, kept = Client(app.extensions["pagecache"]._app), Client(app)
    for (method, address), answers in TABLE.items():
        if method != "GET" or answers[0] != 200:
            continue
        path = re.sub(r"(?<=/media/)\w+", lambda word: posts[word[0]], address)
        said = blog.get(path, headers=ODD | {"Accept-Language": language}, buffered=True)
        for encoding in OPENED:
            headers = {"Accept-Language": f"{language}, *;q=0.1", "Accept-Encoding": encoding}
            for _ in range(2):
                got = kept.get(path, headers=headers, buffered=True)
                assert got.status_code == said.status_code == 200, path
                coded = got.headers.get("Content-Encoding", "identity")
                assert OPENED[coded](got.data) == said.data, (path, encoding)
                assert [got.headers.get(name) for name in MADE_OF] == [said.headers.get(name) for name in MADE_OF]


SMUGGLED = {
    "author_issuer": "https://evil.example",
    "author_id": "ada",
    "author_key": "ada",
    "id": "1",
    "body_html": "<script>alert(1)</script>",
    "html_version": "99",
    "published_at": "2020-01-01T00:00:00+00:00",
    "group_rows": "desk",
    "groups": "desk",
    "group": "desk",
    "author_rows": "page pen",
    "author": "page pen",
    "kind": "post",
    "own_slug": "1",
    "excerpt_own": "x",
    "made_excerpt": "x",
    "tags_told": "x",
    "image_hosts": "https://evil.example",
    "may_be_page": "1",
}


@pytest.mark.parametrize("page", ["/dashboard/write", "/mine/edit"])
def test_no_form_sets_what_it_does_not_show(posts, anybody, page):
    bob = anybody().log_in("bob")
    bob.draft("Mine", "Text")
    path, fields = bob.filled(
        page, "Save draft" if page == "/dashboard/write" else "Save changes", title="Own", body="Words"
    )
    assert bob.post(path, fields | SMUGGLED).status_code == 303
    with bob.app.app_context():
        own = db.session.scalars(select(Post).where(Post.title == "Own")).one()
    assert (own.author_key, own.slug, own.published_at) == (("https://idp.example", "bob"), "own", None)
    assert own.visible_to == "everyone"
    assert (own.body_html.strip(), own.html_version < 99) == ("<p>Words</p>", True)


def test_every_route_stands_in_the_table(app):
    written = {
        (method, re.sub("^/(live|draft|members|grouped|joint|asked|trashed)", "/<slug>", path.partition("?")[0]))
        for method, path in TABLE
    }
    written = {(method, re.sub("comment/[0-9]+/", "comment/<int:comment_id>/", path)) for method, path in written}
    written = {(method, re.sub("^/author/[^/]+", "/author/<handle>", path)) for method, path in written}
    written = {(method, re.sub("^/media/.*", "/media/<file>", path)) for method, path in written}
    written = {(method, re.sub("^/dashboard/media/.*", "/dashboard/media/<name>", path)) for method, path in written}
    written = {(method, re.sub("^/tag/[^/]+", "/tag/<slug>", path)) for method, path in written}
    written = {(method, path.replace("/sitemap-1.xml", "/sitemap-<int:number>.xml")) for method, path in written}
    written = {(method, re.sub("^/archive/1999", "/archive/<year>", path)) for method, path in written}
    written = {(method, path.replace("<year>/05", "<year>/<month>")) for method, path in written}
    there = {
        (method, re.sub("<path:.*>", "style.css", str(rule)))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert there == written


def test_the_table_is_the_documented_one():
    rows = re.findall(
        r"^\| (\w+) \| `(\S+)` \| (\S+) \| (\S+) \| (\S+) \| (\S+) \| (\S+) \| (\S+) \|$", document(), re.MULTILINE
    )
    documented = {(method, path): tuple(map(as_answer, answers)) for method, path, *answers in rows}
    assert documented == TABLE


def document():
    return (Path(__file__).parent.parent / "docs" / "access.md").read_text()


def as_answer(cell):
    return LOGIN if cell == "login" else int(cell)
