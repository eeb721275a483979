"""What changes is seen in every process: at the next request, and what was scheduled within a second of its time."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import requests

from blog.content import posts
from blog.db import db
from tests.ports import free_ports

PATIENCE_S = 60
ADA = ("https://idp.example", "ada")


@pytest.fixture
def two_processes(settings, tmp_path):
    """Two blogs over one database, each in a process of its own; gives their addresses."""
    environ = os.environ | {f"BLOG_{name}": value for name, value in settings.items()}
    with ExitStack() as ends:
        urls = []
        for port in free_ports(2):
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


def wait_for(urls):
    started = time.monotonic()
    while not all(map(answers, urls)):
        assert time.monotonic() - started < PATIENCE_S, "a process does not start"
        time.sleep(0.1)


def test_a_change_is_seen_in_every_process_at_the_next_request(on_both, app, two_processes):
    wait_for(two_processes)
    for url in two_processes:
        assert "Number" not in requests.get(url, timeout=PATIENCE_S).text
    for number in range(10):
        with app.app_context():
            posts.create(ADA, title=f"Number {number}", body_md="Words.", now=datetime.now(UTC), publish=True)
            db.session.remove()
        time.sleep(on_both)
        for url in two_processes:
            for path in ("/", f"/number-{number}", "/feed.json"):
                assert f"Number {number}" in requests.get(url + path, timeout=PATIENCE_S).text


def test_a_scheduled_post_appears_in_every_process_within_a_second(app, two_processes):
    wait_for(two_processes)
    now = datetime.now(UTC)
    with app.app_context():
        due = now + timedelta(seconds=4)
        posts.create(ADA, title="On time", body_md="Words.", now=now, publish=True, at=due)
        db.session.remove()
    assert statuses(two_processes) == [404, 404]
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds() - 0.5))
    early = statuses(two_processes)
    assert early == [404, 404] or datetime.now(UTC) >= due
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
    assert statuses(two_processes) == [200, 200]  # asked at its time, to the moment
    assert all("On time" in requests.get(url, timeout=PATIENCE_S).text for url in two_processes)
