"""A blog of many posts in a database of its own, to be read and written under load.

BENCH_FOLDER names a folder for the database; ``fill`` fills it, ``bench.site:app`` is the application.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from flask import Flask, Response

from blog import create_app
from blog.cli import migrations
from blog.content import handles, posts, tags
from blog.content.authorship import Naming
from blog.content.details import Details
from blog.content.posts import New, Times, Written
from blog.content.readers import FOR_EVERYONE
from blog.db import db, tell_caches, writing
from blog.errors import Invalid
from blog.identity.people import Key, Person
from blog.identity.sessions import Holder, Session

ISSUER = "http://localhost:9"  # nobody listens there, and nobody is asked: names are known
AUTHORS, TEXTS, AT_ONCE = 50, 300, 500
TAGS = 8  # every post has one of them, in turn
TAG = "bench-0"
WORD = "service"  # an ordinary one
CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
SAMPLE = Path(__file__).parents[1] / "tests" / "corpus"
LONGEST = 8_000  # bytes of a text: most posts are shorter


def make(**settings: str) -> Flask:
    """Build the blog of BENCH_FOLDER; BENCH_SETTINGS holds more settings, as ``NAME=text`` apart by spaces."""
    more = dict(each.split("=", 1) for each in os.environ.get("BENCH_SETTINGS", "").split())
    app = create_app(
        {
            "PUBLIC_URL": "http://127.0.0.1",
            "SECRET_KEY": "0123456789abcdef" * 4,  # of nothing but this
            "DATABASE_URL": f"sqlite:///{os.environ['BENCH_FOLDER']}/blog.db",
            "OIDC_ISSUER": ISSUER,
            "OIDC_CLIENT_ID": "bench",
            "OIDC_CLIENT_SECRET": "bench",
            **more,
            **settings,
        }
    )
    for number in range(AUTHORS):  # as on a blog that has run for a while
        app.extensions["porch"].directory.learn(Person(Key(ISSUER, f"author-{number}"), f"Ada Number {number}"))
    return app


def fill(app: Flask, number: int) -> None:
    """Make tables, and this many published posts of real texts, an hour apart."""
    from flask_migrate import upgrade  # noqa: PLC0415  (no server that is measured loads it)

    with app.app_context():
        upgrade(directory=migrations(app))
        texts, now = list(islice(_texts(), TEXTS)), datetime.now(UTC)
        with writing() as session:
            for author in range(AUTHORS):
                handles.keep(session, (ISSUER, f"author-{author}"), f"author-{author}", now)
        for begin in range(0, number, AT_ONCE):
            numbers = range(begin, min(number, begin + AT_ONCE))
            with writing() as session:
                posts.take_in(session, [_new(each, number, texts, now) for each in numbers], now)
                tell_caches(session)
        with db.engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
        assert tags.at(TAG)  # noqa: S101  (what is measured is there)


def log_in(app: Flask) -> str:
    """Begin a session, and give its cookie."""
    with app.test_request_context():
        session, response = Session(), Response()
        somebody = Person(Key(ISSUER, "author-1"), "Somebody")
        session.log_in(Holder(somebody, "author-1", None, "", ""))
        app.session_interface.save_session(app, session, response)
        return response.headers["Set-Cookie"].partition(";")[0]


def _new(number: int, of: int, texts: list[Written], now: datetime) -> New:
    at = now - timedelta(hours=of - number)
    about = Details(tags=(f"bench {number % TAGS}",))
    written = texts[number % len(texts)]._replace(about=about)
    return New((ISSUER, f"author-{number % AUTHORS}"), written, Times(at, at, at), f"bench-{number}")


def _texts() -> Iterator[Written]:
    """Read posts that people wrote, and render each once."""
    import yaml  # noqa: PLC0415  (as above)

    for path in sorted((CORPUS if CORPUS.is_dir() else SAMPLE).rglob("*.md")):
        _, _, rest = path.read_text(errors="replace").partition("---\n")
        front, _, body = rest.partition("\n---\n")
        if not 500 < len(body.encode()) < LONGEST:
            continue
        try:
            title = str(yaml.safe_load(front)["title"])
            yield posts.settle(title, body, FOR_EVERYONE, Naming(()), Details(), takes_comments=True)
        except (yaml.YAMLError, KeyError, TypeError, Invalid):
            continue


if "BENCH_FOLDER" in os.environ:
    app = make()
