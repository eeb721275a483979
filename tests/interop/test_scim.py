"""A certified provider for logins and a SCIM server for names, both over HTTP: what a page of twenty authors asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from blog import create_app
from blog.content import posts
from blog.identity.people import Key
from blog.porch import handle
from demo import stage, state
from tests.http_idp import serve
from tests.interop.stages import CertifiedProvider
from tests.interop.visitor import Visitor
from tests.scim_server import ScimServer

AUTHORS = {f"author-{number:02}": f"Somebody {chr(65 + number)}." for number in range(20)}
ANSWERS_WITHIN_S = 20  # the pause of the circuit breaker, after an outage


class WithScim(CertifiedProvider):
    """The certified provider, whose tokens open a SCIM server that stands beside it."""

    def __init__(self, folder: Path, scim: ScimServer, scim_url: str) -> None:
        super().__init__(folder)
        self.scim, self.scim_url = scim, scim_url

    def settings(self, kept: state.State) -> dict[str, str]:
        """Ask the SCIM server for names."""
        return super().settings(kept) | {"BLOG_DIRECTORY": "scim", "BLOG_DIRECTORY_URL": self.scim_url}

    def options(self, kept: state.State) -> dict[str, Any]:
        """Give tokens to programs, and tell what a token is worth."""
        grants = ["authorization_code", "refresh_token", "client_credentials"]
        features = {"clientCredentials": {"enabled": True}, "introspection": {"enabled": True}}
        return super().options(kept) | {"client": {"grant_types": grants}, "features": features}

    def start(self) -> None:
        """Start both, and let the SCIM server ask the provider about tokens."""
        self.scim.introspect = self._is_good
        super().start()
        self.write_posts()

    def _is_good(self, token: str) -> bool:
        kept = state.load(self.place.folder)
        told = requests.post(
            f"{self.issuer}/token/introspection",
            data={"token": token},
            auth=(kept.client_id, kept.client_secret),
            timeout=5,
        )
        return bool(told.json()["active"])

    def write_posts(self) -> None:
        """Let each of twenty people have a post."""
        environ = self.environ
        settings = {name.removeprefix("BLOG_"): text for name, text in environ.items() if name.startswith("BLOG_")}
        app = create_app(settings)
        now = datetime.now(UTC) - timedelta(hours=1)
        with app.app_context():
            for author_id in AUTHORS:
                key = Key(self.issuer, author_id)
                posts.create(
                    tuple(key), title=f"By {author_id}", body_md="Words.", now=now, publish=True, handle=handle(key)
                )
        app.extensions["porch"].directory.close()

    def forget_names(self) -> None:
        """Be the operator who has every name asked for anew."""
        stage.call(
            "forget names", [*stage.python("flask"), "--app", "blog", "authors", "forget", "--all"], self.environ
        )
        time.sleep(1.1)  # so long may a process take to hear of it

    def bylines(self) -> list[str]:
        """Read who wrote what, on the home page, as a stranger."""
        page = Visitor().open(f"{self.url}/")
        assert page.status == 200
        return sorted(tag.get_text(strip=True) for tag in page.page.select("bdi"))


@pytest.fixture(scope="module")
def on_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WithScim]:
    with serve(scim := ScimServer()) as url, WithScim(tmp_path_factory.mktemp("stage"), scim, url) as running:
        yield running


@pytest.fixture(autouse=True)
def well(on_stage: WithScim) -> Iterator[None]:
    """Everybody has their name and the server is well, before and after."""
    scim = on_stage.scim
    scim.people, scim.most, scim.broken = dict(AUTHORS), 200, None
    yield
    scim.people, scim.most, scim.broken = dict(AUTHORS), 200, None


def eventually(condition: Callable[[], bool]) -> None:
    gives_up_at = time.monotonic() + ANSWERS_WITHIN_S
    while not condition():
        assert time.monotonic() < gives_up_at
        time.sleep(0.2)


def test_a_cold_page_of_twenty_authors_is_one_request_and_a_warm_one_none(on_stage: WithScim) -> None:
    on_stage.forget_names()
    on_stage.scim.asked.clear()
    assert on_stage.bylines() == sorted(AUTHORS.values())
    assert [request.count(" or ") for request in on_stage.scim.asked] == [19]
    assert on_stage.bylines() == sorted(AUTHORS.values())
    assert len(on_stage.scim.asked) == 1


def test_whom_a_page_of_the_answer_leaves_out_is_asked_for_alone(on_stage: WithScim) -> None:
    on_stage.scim.most = 15
    on_stage.forget_names()
    on_stage.scim.asked.clear()
    eventually(lambda: on_stage.bylines() == sorted(AUTHORS.values()))
    assert ["filter" in request for request in on_stage.scim.asked] == [True] + [False] * 5


def test_somebody_is_renamed_and_somebody_leaves(on_stage: WithScim) -> None:
    assert on_stage.bylines() == sorted(AUTHORS.values())
    on_stage.scim.people["author-00"] = "Renamed at the Provider"
    del on_stage.scim.people["author-01"]
    on_stage.forget_names()
    changed = {**AUTHORS, "author-00": "Renamed at the Provider", "author-01": "Former author"}
    eventually(lambda: on_stage.bylines() == sorted(changed.values()))


@pytest.mark.parametrize("status", [503, 429, 404])
def test_pages_go_on_while_the_server_is_away_and_names_come_back(on_stage: WithScim, status: int) -> None:
    on_stage.forget_names()
    eventually(lambda: on_stage.bylines() == sorted(AUTHORS.values()))
    on_stage.scim.broken = status
    assert on_stage.bylines() == sorted(AUTHORS.values())  # they are known
    on_stage.forget_names()
    assert not set(on_stage.bylines()) & {*AUTHORS.values(), "Former author"}  # nobody is gone for that
    on_stage.scim.broken = None
    eventually(lambda: on_stage.bylines() == sorted(AUTHORS.values()))


def test_who_logs_in_at_the_provider_is_named_by_the_server_afterwards(on_stage: WithScim) -> None:
    zoe = Visitor().open(on_stage.url).follow("Register")
    on_stage.register(zoe, "zoe", "Zoë at Login")
    zoe.follow("Write a post").submit("Publish", Title="By Zoë", Body="Words.")
    assert "Zoë at Login" in Visitor().open(f"{on_stage.url}/by-zoe").text
    on_stage.scim.people[subject(on_stage, "zoe")] = "Zoë in the Directory"
    on_stage.forget_names()
    eventually(lambda: "Zoë in the Directory" in Visitor().open(f"{on_stage.url}/by-zoe").text)
    zoe.open(f"{on_stage.url}/by-zoe/delete").submit("Delete")


def test_the_server_lets_nobody_in_without_a_token_of_the_provider(on_stage: WithScim) -> None:  # so the blog has one
    for headers in ({}, {"Authorization": "Bearer made-up"}):
        assert requests.get(f"{on_stage.scim_url}/Users/author-00", headers=headers, timeout=5).status_code == 401


def subject(on_stage: WithScim, login: str) -> str:
    """Tell the `sub` of somebody at the provider."""
    people = requests.post(f"{on_stage.issuer}/control/people", json={}, timeout=5).json()
    return str(people[login]["sub"])
