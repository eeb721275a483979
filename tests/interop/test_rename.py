"""Somebody gets another name at a real provider while the blog is being read, in two processes, at every address."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests

from blog.identity.directories.cached import BUDGET_S, SPREAD
from blog.identity.directories.forgetting import EVERY_S
from tests import redis
from tests.interop import readers
from tests.interop.readers import Seen
from tests.interop.stages import TwoProcesses

SOFT_S = 2.0
REFRESH_S = 2.5  # a page that finds a name stale, a call, and the next page; 0.1 s where nothing else runs
AT_ONCE_S = EVERY_S + 0.5  # processes look for what to forget once in so long
NEW_S = BUDGET_S + 0.2  # how long a page may have neither the old name nor the new one
WORD = "paragraph"
NAMES = (f"Amina {family}" for family in ("Sow", "Keita", "Traore", "Camara", "Bah", "Conde"))


@pytest.fixture(scope="module", params=["each for itself", "a shared memory"])
def hurried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoProcesses]:
    """Names that are fresh for two seconds."""
    with ExitStack() as ends:
        more = {}
        if request.param == "a shared memory":
            more["DIRECTORY_CACHE_URL"] = ends.enter_context(redis.running(tmp_path_factory.mktemp("redis"))).url
        yield ends.enter_context(TwoProcesses(tmp_path_factory.mktemp("stage"), soft_s=SOFT_S, **more))


@pytest.fixture(scope="module")
def unhurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoProcesses]:
    """Names that are fresh for a quarter of an hour, as usual."""
    with TwoProcesses(tmp_path_factory.mktemp("stage")) as running:
        yield running


def rename_while_read(on_stage: TwoProcesses, change: Callable[[str, str], None], within_s: float) -> None:
    """Give Amina another name while everything is read; from then on the old one is nowhere, and nothing ever failed.

    :param change: does it, for this author id and name.
    :param within_s: how long after it the old name may still be seen.
    """
    old, new = "Amina " + current(on_stage), next(NAMES)
    urls = [on_stage.url, on_stage.second_url]
    paths = readers.public_addresses(on_stage.url, on_stage.environ, word=WORD)
    with readers.reading(urls, paths) as reading:
        change(on_stage.key_of("amina"), new)
        changed_at = time.monotonic()
        time.sleep(within_s + NEW_S)
        readers.go_everywhere(reading)
    seen = readers.seen_by(reading)
    assert {each.status for each in seen} == {200}
    named = {each.path for each in seen if old in each.text and each.asked_at < changed_at}
    assert {"/", "/two-doors-one-name", "/feed.xml", "/atom.xml", "/feed.json"} < named  # so there was something to see
    assert any(path.startswith("/author/") for path in named)
    late = [each for each in seen if each.asked_at > changed_at + within_s]
    assert [told(each, changed_at) for each in late if old.split()[1] in each.text] == []
    later = [each for each in late if each.asked_at > changed_at + within_s + NEW_S]
    assert {each.path for each in later} == set(paths)
    assert [told(each, changed_at) for each in later if each.path in named and new not in each.text] == []


def told(seen: Seen, since: float) -> str:
    return f"{seen.path} after {seen.asked_at - since:.2f} s"


def current(on_stage: TwoProcesses) -> str:
    """Read Amina's family name, as the blog shows it now."""
    text = requests.get(f"{on_stage.url}/two-doors-one-name", timeout=10).text
    return text.split(">Amina ", 1)[1].split("<", 1)[0].strip()


def test_a_new_name_is_everywhere_once_the_old_one_is_no_longer_fresh(hurried: TwoProcesses) -> None:
    def change(author_id: str, name: str) -> None:
        hurried.change_by_scim(author_id, displayName=name)

    rename_while_read(hurried, change, SOFT_S * (1 + SPREAD) + REFRESH_S)


def test_the_operator_has_a_name_forgotten_in_every_process_at_once(unhurried: TwoProcesses) -> None:
    def change(author_id: str, name: str) -> None:
        unhurried.change_by_scim(author_id, displayName=name)
        done = unhurried.command("authors", "forget", author_id)
        assert done.returncode == 0, done.stderr

    rename_while_read(unhurried, change, AT_ONCE_S)


def test_the_provider_has_a_name_forgotten_in_every_process_at_once(unhurried: TwoProcesses) -> None:
    def change(author_id: str, name: str) -> None:
        unhurried.change_by_scim(author_id, displayName=name)
        assert notify(unhurried, {"authors": [author_id]}) == 204

    rename_while_read(unhurried, change, AT_ONCE_S)


def test_a_name_that_nobody_said_had_changed_is_still_the_old_one(unhurried: TwoProcesses) -> None:  # so it was they
    old = current(unhurried)
    unhurried.change_by_scim(unhurried.key_of("amina"), displayName="Amina Elsewhere")
    for _ in range(10):
        assert current(unhurried) == old
        time.sleep(0.3)
    notify(unhurried, {"all": True})


def notify(on_stage: TwoProcesses, notice: object) -> int:
    """Send a signed notice to one of the two processes, as docs/operations.md says."""
    body, now = json.dumps(notice).encode(), str(int(time.time()))
    signature = hmac.new(on_stage.HOOK_SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Byline-Timestamp": now, "Byline-Signature": signature}
    return requests.post(f"{on_stage.second_url}/hooks/authors", data=body, headers=headers, timeout=10).status_code


def test_readers_find_addresses_wherever_they_stand() -> None:
    class Answer:
        url = "http://localhost:1/"
        headers = {"Content-Type": "text/html"}  # noqa: RUF012
        text = (
            '<link rel="alternate" href="/feed.xml"><a href="/a?b=1&amp;c=2#d">a</a><a href="https://else.example/x">x</a>'
            '<loc>http://localhost:1/sitemap-post</loc>{"next": "/api/v1/posts?after=3"}'
            '<form action="/search"><input name="q" type="search"><button>Search</button></form>'
            '<form method="post" action="/logout"><input name="q"></form>'
        )

    found = set(readers._leads_to(Answer(), "http://localhost:1", "word"))  # type: ignore[arg-type]
    wanted = {"/feed.xml", "/a?b=1&c=2", "/sitemap-post", "/api/v1/posts?after=3", "/search?q=word"}
    assert wanted <= found
    assert not [path for path in found if "else.example" in path or "logout?" in path]


def test_readers_find_addresses_in_feeds() -> None:
    class Answer:
        url = "http://localhost:1/atom.xml"
        headers = {"Content-Type": "application/atom+xml; charset=utf-8"}  # noqa: RUF012
        text = (
            "<?xml version='1.0' encoding='utf-8'?>"
            '<feed xmlns="http://www.w3.org/2005/Atom"><link href="http://localhost:1/atom.xml?before=1-2" /></feed>'
        )

    found = set(readers._leads_to(Answer(), "http://localhost:1", "word"))  # type: ignore[arg-type]
    assert found == {"/atom.xml?before=1-2"}
