"""`make run` as somebody at a terminal meets it: starting, stopping, starting again, and what goes wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.children import ROOT, answers
from tests.interop.visitor import Visitor
from tests.ports import free_ports

READY_AGAIN_WITHIN_S = 30  # 2 s where nothing else runs
Start = Callable[..., "Demo"]


class Demo:
    """A demo in its own process, with what it has printed so far."""

    def __init__(self, folder: Path, port: int, idp_port: int) -> None:
        self.url, self.issuer = f"http://localhost:{port}", f"http://localhost:{idp_port}"
        environ = os.environ | {"PORT": str(port), "IDP_PORT": str(idp_port), "DEMO_FOLDER": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demo"], env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.screen = ""

    def read_until(self, words: str) -> str:
        """Wait for these words, or for the end; return everything on the screen."""
        assert self.process.stdout is not None
        while words not in self.screen and (line := self.process.stdout.readline()):
            self.screen += line.decode()
        return self.screen

    def ready(self) -> Demo:
        """Wait until it says that it is ready."""
        assert "Ctrl-C" in self.read_until("Ctrl-C"), self.screen
        return self

    def stop(self, by: int = signal.SIGINT) -> int:
        """Send a signal and wait; return the exit status."""
        self.process.send_signal(by)
        self.read_until("nothing that it ever says")
        return self.process.wait(30)

    def end(self) -> None:
        """Leave nothing behind."""
        self.process.terminate()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a demo in this test's folder; further starts find what the first one left."""
    demos: list[Demo] = []

    def start_demo(port: int | None = None, idp_port: int | None = None) -> Demo:
        free = free_ports(2)
        demos.append(Demo(tmp_path / "demo", port or free[0], idp_port or free[1]))
        return demos[-1]

    yield start_demo
    for demo in demos:
        demo.end()


def test_it_says_where_everything_is_and_ctrl_c_ends_it_without_a_trace(start: Start) -> None:
    demo = start()
    screen = demo.ready().screen
    assert {demo.url, demo.issuer, f"{demo.url}/register"} <= set(re.findall(r"http://\S+[^\s/]", screen))
    assert re.search(r"amina +password +(\w{4}-){3}\w{4}", screen)
    assert "for development and demo" in screen
    home = Visitor().open(demo.url)
    assert all(name in home.text for name in ("Amina Diallo", "Ruben Okafor", "Your first post"))
    assert demo.stop() == 0
    assert demo.screen.endswith("\nStopped.\n")
    assert "Traceback" not in demo.screen
    assert not answers(demo.url)
    assert not answers(demo.issuer)


def test_a_second_start_keeps_everything_is_quick_and_may_be_elsewhere(start: Start) -> None:
    first = start()
    first.ready()
    secrets = password_of("amina", first.screen)
    author = log_in(Visitor(), first, "amina", secrets)
    author.follow("Write a post").submit("Publish", Title="Kept", Body="Until the second start.")
    author.open(f"{first.issuer}/profile/amina").submit("Edit", **{"Display Name": "Amina Sow"})
    assert first.stop(signal.SIGTERM) == 0

    began = time.monotonic()
    second = start()
    second.ready()
    assert time.monotonic() - began < READY_AGAIN_WITHIN_S
    assert password_of("amina", second.screen) == secrets
    assert second.url != first.url
    home = Visitor().open(second.url)
    assert "Kept" in home.text
    assert "Amina Sow" in home.text  # by SCIM: nobody has logged in since
    assert "Amina Diallo" not in home.text
    assert home.text.count("Your first post") == 1
    author = log_in(Visitor(), second, "amina", secrets)
    assert author.url == f"{second.url}/dashboard"
    assert author.open(f"{second.url}/kept/edit").status == 200
    give_up_at = time.monotonic() + READY_AGAIN_WITHIN_S
    while "Nobody has checked" in author.open(f"{second.url}/dashboard").text:  # at this address, that is
        assert time.monotonic() < give_up_at
        time.sleep(0.2)


@pytest.mark.parametrize("name", ["PORT", "IDP_PORT"])
def test_a_taken_port_gives_one_clear_line(start: Start, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        demo = start(**{{"PORT": "port", "IDP_PORT": "idp_port"}[name]: port})
        assert demo.process.wait(20) == 1
    assert demo.read_until("\n").count("\n") == 1
    assert f"Port {port} " in demo.screen
    assert f"{name}=" in demo.screen


def test_when_the_blog_dies_the_demo_says_so_and_stops_the_provider(start: Start, tmp_path: Path) -> None:
    demo = start()
    demo.ready()
    for pid in children_of(demo.process.pid, "demo.blog_server"):
        os.kill(pid, signal.SIGKILL)
    assert demo.process.wait(20) == 1
    assert "The blog stopped by itself" in demo.read_until("nothing that it ever says")
    assert not answers(demo.issuer)
    assert not answers(demo.url)  # the server's workers are gone as well


def test_nothing_outlives_a_demo_that_is_killed(start: Start) -> None:
    demo = start()
    demo.ready()
    demo.process.kill()
    give_up_at = time.monotonic() + 10
    while answers(demo.url) or answers(demo.issuer):
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


def test_secrets_are_for_their_owner_only(start: Start, tmp_path: Path) -> None:
    start().ready()
    folder = tmp_path / "demo"
    assert folder.stat().st_mode & 0o077 == 0
    for name in ("state.json", "client_secrets.json", "provider.db"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name
    assert json.loads((folder / "client_secrets.json").read_text()).keys() == {"web"}


def log_in(visitor: Visitor, demo: Demo, login: str, password: str) -> Visitor:
    """Log in on the provider's two pages."""
    return visitor.open(demo.url).follow("Log in").submit("Continue", login=login).submit("Sign in", Password=password)


def password_of(login: str, screen: str) -> str:
    """Read a password from the screen."""
    return re.findall(rf"{login} +password +(\S+)", screen)[0]


def children_of(pid: int, module: str) -> list[int]:
    """Find a process's children that run this module."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if module in Path(f"/proc/{child}/cmdline").read_text()]
