"""A canary person goes through everything at a real provider, in two processes with a shared memory; then we search."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import redis
from tests.interop.stages import PASSWORD, TwoProcesses
from tests.interop.visitor import Visitor
from tests.redis import RedisServer

NAME = "Quillon Featherstonehaugh"
LOGIN = "qfeatherstone"
EMAIL = "quillon@example.com"
CANARIES = [NAME, *NAME.split(), LOGIN, EMAIL, PASSWORD]
STORES = [  # of the audit's list; each has to be there, so that none is passed over in silence
    "table posts.author_id",
    "table posts.body_md",
    "table sessions.data",
    "table sessions.holder",
    "table parked.data",
    "table audit.key_ref",
    "table handles.handle",
    "blog.db",
    "blog.log",
    "blog-2.log",
    "exported/a-word.md",
    "the shared memory of names",
]


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The memory that both processes share."""
    with redis.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def on_stage(memory: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoProcesses]:
    """The provider, and two processes that log everything there is to log."""
    with TwoProcesses(
        tmp_path_factory.mktemp("stage"), soft_s=1.0, DIRECTORY_CACHE_URL=memory.url, SESSION_REVALIDATE="10"
    ) as running:
        yield running


def test_a_canary_goes_through_everything_and_is_found_nowhere(on_stage: TwoProcesses, memory: RedisServer) -> None:
    canary = Visitor().open(on_stage.url).follow("Register")
    on_stage.register(canary, LOGIN, NAME)
    assert canary.url == f"{on_stage.url}/dashboard", canary.text
    author_id = give_address(on_stage)
    write_and_be_read(on_stage, canary)
    cause_errors(on_stage, canary)
    log_out_and_in(on_stage, canary)
    operate(on_stage, author_id)
    assert len(memory.client.keys("byline:*")) > 1, "the name was shared"
    assert count(on_stage, "sessions") > 0
    found = search(on_stage)
    assert [store for store, hits in found.items() if hits] == []
    assert [store for store in STORES if not any(store in place for place in found)] == []
    logs = [(on_stage.place.folder / f"{process}.log").read_text() for process in ("blog", "blog-2")]
    assert all("DEBUG:" in log for log in logs)
    for event in ("broken on purpose", "database_away", '"login_refused"', '"login"'):
        assert event in logs[0]


def give_address(on_stage: TwoProcesses) -> str:
    """Let the provider know an e-mail address, which the registration form does not ask for; give the author id."""
    author_id = value(on_stage.place.folder / "provider.db", f"SELECT id FROM user WHERE user_name = '{LOGIN}'")  # noqa: S608
    on_stage.change_by_scim(author_id, emails=[{"value": EMAIL}])
    return author_id


def write_and_be_read(on_stage: TwoProcesses, canary: Visitor) -> None:
    """Publish in one process and be read in both, until the name is in their memories and in the shared one."""
    canary.follow("Write a post").submit("Publish", Title="A word", Body="It does not say who wrote it.")
    for url in (on_stage.url, on_stage.second_url):
        assert NAME in Visitor().open(f"{url}/a-word").text
        assert NAME in Visitor().open(f"{url}/").text
        assert NAME in Visitor().open(f"{url}/feed.json").text
    time.sleep(1.5)  # a refresh, by the user API
    for url in (on_stage.url, on_stage.second_url):
        assert NAME in Visitor().open(f"{url}/a-word").text


def cause_errors(on_stage: TwoProcesses, canary: Visitor) -> None:
    """A conflict; a refused login; a form that is parked; a fault of ours with the name at hand; no database."""
    edit = f"{on_stage.url}/a-word/edit"
    other = canary.copy().open(edit)
    canary.open(edit).submit("Save changes", Body="It still does not.")
    assert other.submit("Save changes", Body="Nor does this.").status == 409
    assert NAME in other.open(f"{on_stage.url}/").text
    assert Visitor().open(f"{on_stage.url}/oidc/callback?state=made-up&code=x&error_description={NAME}").status == 400
    assert canary.open(f"{on_stage.url}/breaks").status == 500
    parked = canary.copy().open(f"{on_stage.url}/dashboard/write")
    with sqlite3.connect(on_stage.place.folder / "blog.db") as database:
        database.execute("ALTER TABLE sessions RENAME TO elsewhere")
    assert canary.open(f"{on_stage.url}/dashboard").status == 503
    with sqlite3.connect(on_stage.place.folder / "blog.db") as database:
        database.execute("ALTER TABLE elsewhere RENAME TO sessions")
    canary.open(f"{on_stage.url}/dashboard").submit("Log out")
    assert parked.submit("Save draft", Title="Parked", Body="Words.").status == 401
    assert count(on_stage, "parked") == 1


def log_out_and_in(on_stage: TwoProcesses, canary: Visitor) -> None:
    """Come back at the same provider, look at one's sessions, and stay logged in."""
    canary.open(f"{on_stage.url}/dashboard")
    if on_stage.asks_who(canary):
        on_stage.log_in(canary, LOGIN)
    assert canary.open(f"{on_stage.url}/dashboard/sessions").status == 200


def operate(on_stage: TwoProcesses, author_id: str) -> None:
    """Take everything out, and do what operators do; none of it tells a name."""
    for words in (
        ["export", "markdown", str(on_stage.works_in / "exported")],
        ["authors", "list", "--json"],
        ["authors", "unpublish", author_id, "--yes"],
        ["authors", "show", author_id],
        ["authors", "forget", "--all"],
    ):
        done = on_stage.command(*words)
        assert done.returncode == 0, done.stderr
        assert not [canary for canary in CANARIES if canary.lower() in (done.stdout + done.stderr).lower()]


def search(on_stage: TwoProcesses, *canaries: str) -> dict[str, int]:
    """Have the operator's own search look through everything that the blog wrote; hits by store."""
    wrote = [on_stage.works_in, *on_stage.place.folder.glob("blog*.log")]
    also = [word for path in wrote for word in ("--also", str(path))]
    done = on_stage.command("privacy", "audit", *(canaries or CANARIES), *also)
    found = {store: int(hits) for hits, store in re.findall(r"^ *(\d+)  (.+) \(", done.stdout, re.MULTILINE)}
    assert done.returncode == (1 if any(found.values()) else 0), done.stdout + done.stderr
    return found


def test_a_name_that_was_planted_is_found_wherever_that_was(on_stage: TwoProcesses, memory: RedisServer) -> None:
    planted = "Planted Pettigrew"
    assert not any(search(on_stage, planted).values())
    with closing(sqlite3.connect(on_stage.place.folder / "blog.db")) as database, database:
        database.execute("UPDATE posts SET excerpt = ?", (f"By {planted}",))
    with (on_stage.place.folder / "blog-2.log").open("a") as log:
        log.write(f"{planted} was here\n")
    (on_stage.works_in / "core").write_bytes(b"\0" + planted.encode() + b"\0")
    memory.client.set("some:cache", f'{{"name": "{planted}"}}')
    hits = [store for store, number in search(on_stage, planted).items() if number]
    for store in ("posts.excerpt", "blog-2.log", "/core", "shared memory"):
        assert [place for place in hits if store in place], store


def count(on_stage: TwoProcesses, table: str) -> int:
    """Count the rows of a table of the blog's."""
    return int(value(on_stage.place.folder / "blog.db", f"SELECT count(*) FROM {table}"))  # noqa: S608


def value(database: Path, query: str) -> str:
    """Ask a database for one value."""
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute(query).fetchone()[0])
