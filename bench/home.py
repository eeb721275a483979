"""The blog with twenty posts in a database of its own, to measure its home page on a server.

BENCH_FOLDER names a folder for the database; `python -m bench.home` fills it, `bench.home:app` is the application.
"""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime, timedelta

from flask_migrate import upgrade

from blog import create_app
from blog.cli import migrations
from blog.content import posts

ISSUER = "http://localhost:9"  # nobody listens there, and nobody is asked: names are neutral
POSTS = 20
BODY = "It begins *somewhere*, and goes on for a while.\n\n" * 20

app = create_app(
    {
        "PUBLIC_URL": "http://127.0.0.1",
        "SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": f"sqlite:///{os.environ['BENCH_FOLDER']}/blog.db",
        "OIDC_ISSUER": ISSUER,
        "OIDC_CLIENT_ID": "bench",
        "OIDC_CLIENT_SECRET": "bench",
    }
)


def main() -> None:
    """Make the database and its posts, by five authors in turn."""
    with app.app_context():
        upgrade(directory=migrations(app))
        for number in range(POSTS):
            posts.create(
                (ISSUER, f"author-{number % 5}"),
                title=f"Post number {number}",
                body_md=BODY,
                now=datetime.now(UTC) - timedelta(hours=POSTS - number),
                publish=True,
                handle=f"author-{number % 5}",
            )


if __name__ == "__main__":
    main()
