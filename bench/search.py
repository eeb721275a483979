"""What a search costs: CPU of one search among many posts, of this process and of PostgreSQL's, for words of each kind.

``python -m bench.search FOLDER [--posts 100000] [--database ADDRESS]`` makes posts of the Markdown files in a folder.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from flask import Flask
from sqlalchemy import insert, text

from blog import db as tables
from blog.content import index, search
from blog.content.readers import Reader
from blog.db import Post, Site, db, writing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CJK = "東京都の図書館で検索の試験をしました。昨日は天気がよくて、川の近くの橋を歩きました。新しい記事を書いています。"
QUERIES = {
    "in every post": "the",
    "common": "government",
    "two common": "government services",
    "rare": "hippopotamus",
    "in one of 10,000": "zyxwv",
    "beginning": "gov*",
    "short beginning": "co*",
    "side by side": '"customer experience"',
    "side by side, of every post": '"of the"',
    "side by side, never": '"the of the of"',
    "common, without common": "the -and",
    "Japanese": "図書館",
    "one sign": "川",
    "tag": "tag:nothing",
    "nonsense": "qqqqqq",
    "ten words": "the and of to in for is on that with",
    "never together": "onlyold onlynew",
}
READERS = {"stranger": Reader(), "person": Reader(("https://id.example", "x"), frozenset({"a"}))}


def fill(folder: Path, posts: int) -> None:
    """Make posts, each of paragraphs of two of the files; a tenth for people only, and as many with Japanese."""
    texts = [each.read_text(errors="replace").split("---", 2)[-1] for each in sorted(folder.rglob("*.md"))]
    chance = random.Random(1)
    for begin in range(0, posts, 1000):
        rows = [_post(number, chance, texts) for number in range(begin, min(posts, begin + 1000))]
        with writing() as session:
            session.execute(insert(Post), rows)
            index.follow(session, [row["id"] for row in rows])


def _post(number: int, chance: random.Random, texts: list[str]) -> dict[str, object]:
    words = [word for _ in range(4) for word in chance.choice(texts).split()] + ["short"] * 6
    begin = chance.randrange(max(1, len(words) - 500))
    body = " ".join(words[begin : begin + 500]).replace("<", "&lt;") + " the and of to in for is on that with"
    body += CJK[chance.randrange(20) :] if number % 10 == 0 else ""
    body += " zyxwv" * (number % 10_000 == 77) + (" onlyold" if number < 50_000 else " onlynew")
    return {
        "id": number + 1,
        "author_issuer": "https://id.example",
        "author_id": str(number % 500),
        "title": " ".join(chance.sample(words, 6))[:200],
        "slug": f"post-{number}",
        "body_md": body,
        "body_html": f"<p>{body}</p>",
        "html_version": 1,
        "made_excerpt": body[:280],
        "created_at": NOW,
        "updated_at": NOW,
        "published_at": NOW - timedelta(hours=number),
        "visible_to": "people" if number % 10 == 1 else "everyone",
    }


def cpu(pid: int | None) -> float:
    """Seconds of CPU of this process, and of the one that serves it."""
    if pid is None:
        return time.process_time()
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def measure(typed: str, reader: Reader, pid: int | None) -> tuple[float, int]:
    """Milliseconds of CPU of a search, and what was found; many in a row, as a server's clock is a coarse one."""
    found, times = 0, 10
    spans = []
    for _ in range(3):
        begin = cpu(pid)
        for _ in range(times):
            found = len(search.find(search.read(typed), now=NOW, limit=20, reader=reader).results)
            db.session.rollback()
        spans.append((cpu(pid) - begin) / times * 1000)
    return median(spans), found


def main() -> None:
    """Fill the database unless it is filled, and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--database", default="sqlite:////tmp/bench-search.db")
    given = parser.parse_args()
    app = Flask("bench")
    app.config["SQLALCHEMY_DATABASE_URI"] = given.database
    tables.init_app(app)
    with app.app_context():
        db.create_all()
        if db.session.scalar(text("SELECT count(*) FROM searchable")) == 0:
            with writing() as session:
                session.execute(text("DELETE FROM site"))
                session.execute(insert(Site).values(id=1, version=1))
            begin = time.process_time()
            fill(given.folder, given.posts)
            print(f"filled in {time.process_time() - begin:.0f} s of CPU")
            if db.engine.dialect.name == "postgresql":
                db.session.execute(text("ANALYZE"))
        server = db.engine.dialect.name == "postgresql"
        pid = db.session.scalar(text("SELECT pg_backend_pid()")) if server else None
        for name, typed in QUERIES.items():
            each = (measure(typed, reader, pid) for reader in READERS.values())
            print(f"{name:30}", *(f"{cost:8.2f} ms {found:3}" for cost, found in each), flush=True)


if __name__ == "__main__":
    main()
