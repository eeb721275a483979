"""A scheduled post appears in every process within a second of its time, with a real clock and nobody's help."""

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import requests

from blog.content import posts
from blog.db import db

PATIENCE_S = 60


@pytest.fixture
def two_processes(settings, tmp_path):
    """Two blogs over one database, each in a process of its own; gives their addresses."""
    environ = os.environ | {f"BLOG_{name}": value for name, value in settings.items()}
    with ExitStack() as ends:
        urls = []
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            command = [sys.executable, "-m", "flask", "--app", "blog", "run", "--port", str(port)]
            process = ends.enter_context(subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL))
            ends.callback(process.terminate)
            urls.append(f"http://localhost:{port}")
        yield urls


def statuses(urls):
    return [requests.get(f"{url}/on-time", timeout=PATIENCE_S).status_code for url in urls]


def answers(url):
    try:
        return requests.get(url, timeout=PATIENCE_S).status_code == 200
    except requests.ConnectionError:
        return False


def test_a_scheduled_post_appears_in_every_process_within_a_second(app, two_processes):
    started = time.monotonic()
    while not all(map(answers, two_processes)):
        assert time.monotonic() - started < PATIENCE_S, "a process does not start"
        time.sleep(0.1)
    now = datetime.now(UTC)
    with app.app_context():
        key = ("https://idp.example", "ada")
        due = now + timedelta(seconds=4)
        posts.create(key, title="On time", body_md="Words.", now=now, publish=True, at=due)
        db.session.remove()
    assert statuses(two_processes) == [404, 404]
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds() - 0.5))
    early = statuses(two_processes)
    assert early == [404, 404] or datetime.now(UTC) >= due
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
    assert statuses(two_processes) == [200, 200]  # asked at its time, to the moment
    assert all("On time" in requests.get(url, timeout=PATIENCE_S).text for url in two_processes)
