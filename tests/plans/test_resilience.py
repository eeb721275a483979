"""Providers that are slow, late or talk nonsense, and clocks that differ: a login works, or we say why not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.children import Children
from demo.stage import environ_without_blog, prepare_database, python
from tests.fake_idp import EMPTY, HTML, HUGE, FakeIdp, answer
from tests.http_idp import Door, serve
from tests.interop.visitor import Visitor
from tests.plans.stage import LOGGED_IN, refused
from tests.ports import free_ports

ASKED = {"discovery": 0, "token": 0, "jwks": 0, "userinfo": 1}
USELESS = {"html": HTML, "five megabytes": HUGE, "nothing": EMPTY, "an error": answer({"error": "oh"}, 503)}


@pytest.mark.parametrize("endpoint", ASKED)
@pytest.mark.parametrize("reply", USELESS.values(), ids=USELESS)
def test_an_answer_that_is_of_no_use_is_told_and_named(stage, endpoint, reply):
    stage.idp.answers[endpoint] = reply
    visitor = stage.log_in()
    assert stage.outcome(visitor) == refused("provider_unreachable", userinfo=ASKED[endpoint])
    names = {"discovery": "the discovery document", "token": "the token endpoint", "jwks": "the key set"}
    assert stage.log.of("login_refused")[0]["what"].startswith(names.get(endpoint, "the userinfo endpoint"))
    assert visitor.sees("Start again")
    assert visitor.open(f"{stage.url}/").status == 200


def test_a_provider_that_takes_not_quite_five_seconds_logs_in_and_a_slower_one_is_named(stage):
    naps = iter([4.7, 5.6])
    stage.log_in()  # so that metadata and keys are there
    stage.idp.meanwhile["token"] = lambda: time.sleep(next(naps))
    with ThreadPoolExecutor() as pool:
        logins = [pool.submit(stage.log_in) for _ in range(2)]
        time.sleep(0.5)
        started = time.monotonic()
        assert stage.visitor().open(f"{stage.url}/").status == 200
        assert time.monotonic() - started < 3
        visitors = [login.result() for login in logins]
    assert sorted(visitor.status for visitor in visitors) == [200, 503]
    assert sorted(map(stage.is_logged_in, visitors)) == [False, True]
    assert stage.log.reasons("login_refused") == ["provider_unreachable"]
    assert stage.log.of("login_refused")[0]["what"].startswith("the token endpoint at localhost did not answer")


@pytest.fixture
def late_provider(clock):
    """The address of a provider that is not up yet, and its door."""
    (port,) = free_ports(1)
    door = Door()
    door.open(FakeIdp(f"http://localhost:{port}")).clock = lambda: clock().timestamp()
    return port, door


def test_a_provider_that_comes_up_after_us_hinders_nobody(late_provider, settings, request, clock):
    port, door = late_provider
    settings["OIDC_ISSUER"] = door.idp.issuer
    stage = request.getfixturevalue("stage")
    visitor = stage.log_in()
    assert (visitor.status, stage.log.reasons("login_refused")) == (503, ["provider_unreachable"])
    assert visitor.open(f"{stage.url}/").status == 200
    with serve(door, port=port):
        clock.advance(seconds=2)
        stage.log_in(visitor)
        assert visitor.status == 200
        assert stage.is_logged_in(visitor)
        assert door.idp.calls["userinfo"] == 1


@pytest.mark.parametrize("seconds", [45, -45])
def test_clocks_that_are_45_seconds_apart_are_near_enough(stage, clock, seconds):
    stage.idp.id_token["exp"] = int(clock().timestamp()) + seconds + 1
    stage.idp.clock = lambda: clock().timestamp() + seconds
    assert stage.outcome(stage.log_in()) == LOGGED_IN


@pytest.mark.parametrize(("seconds", "reason"), [(75, "issued_in_future"), (-75, "expired")])
def test_clocks_that_are_75_seconds_apart_are_not_and_the_log_says_which_way(stage, clock, seconds, reason):
    stage.idp.id_token["exp"] = int(clock().timestamp()) + seconds + 1
    stage.idp.clock = lambda: clock().timestamp() + seconds
    assert stage.outcome(stage.log_in()) == refused(reason)


def test_on_the_production_server_a_login_works_and_says_why_not(door, tmp_path):
    (port,) = free_ports(1)
    door.idp.people["ada"] = {"name": "Ada Lovelace"}
    environ = environ_without_blog() | {
        "PORT": str(port),
        "BLOG_PUBLIC_URL": f"http://localhost:{port}",
        "BLOG_SECRET_KEY": "a key that only the tests use, long enough",
        "BLOG_DATABASE_URL": f"sqlite:///{tmp_path / 'blog.db'}",
        "BLOG_OIDC_ISSUER": door.idp.issuer,
        "BLOG_OIDC_CLIENT_ID": door.idp.client_id,
        "BLOG_OIDC_CLIENT_SECRET": door.idp.client_secret,
    }
    prepare_database(environ)
    with Children(tmp_path) as children:
        children.start("blog", python("demo.blog_server"), environ)
        children.wait_for("blog", f"http://localhost:{port}/")
        door.idp.id_token["aud"] = "somebody-else"
        visitor = Visitor().open(f"http://localhost:{port}/login")
        assert (visitor.status, door.idp.calls["userinfo"]) == (400, 0)
        assert "wrong_audience" in visitor.text
        door.idp.id_token.clear()
        visitor.follow("Start again")
        assert (visitor.status, visitor.url) == (200, f"http://localhost:{port}/dashboard")
        assert "Ada Lovelace" in visitor.text
    assert '"reason": "wrong_audience"' in (tmp_path / "blog.log").read_text()
