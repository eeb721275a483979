"""Sample posts by the demo's authors, put there the first time."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from blog import create_app
from blog.content import posts
from blog.identity.people import Key
from blog.porch import handle
from demo import state

FOLDER = Path(__file__).parent / "posts"


class Sample(NamedTuple):
    """One post to be: its file's name, the author's user name, and its age. The file's first line is the title."""

    name: str
    author: str
    age: timedelta


SAMPLES = (
    Sample("a-blog-that-asks", "amina", timedelta(days=16, hours=3)),
    Sample("write-the-last-paragraph-first", "ruben", timedelta(days=12, hours=7)),
    Sample("addresses-are-promises", "amina", timedelta(days=9, hours=1)),
    Sample("what-an-editor-looks-for", "ruben", timedelta(days=5, hours=5)),
    Sample("two-doors-one-name", "amina", timedelta(days=3, hours=2)),
    Sample("your-first-post", "ruben", timedelta(hours=4)),
)


def main() -> None:
    """Write the samples into the database that the settings name; done twice, nothing is there twice."""
    app = create_app()
    kept = state.load(Path(os.environ["DEMO_FOLDER"]))
    subjects = {author.user_name: author.subject for author in kept.authors}
    with app.app_context():
        for sample in SAMPLES:
            write(sample, (app.config["OIDC_ISSUER"], subjects[sample.author]), datetime.now(UTC) - sample.age)


def write(sample: Sample, author_key: tuple[str, str], at: datetime) -> None:
    """Publish one sample at this moment, unless it was already."""
    title, _, body_md = (FOLDER / f"{sample.name}.md").read_text("utf-8").partition("\n")
    posts.create(
        author_key,
        title=title.removeprefix("# "),
        body_md=body_md,
        now=at,
        publish=True,
        form_id=f"demo-{sample.name}",
        handle=handle(Key(*author_key)),
    )


if __name__ == "__main__":
    main()
