"""Saved means committed: the server is killed again and again during a stream of saves, and none that it said was done
is missing.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Event, Thread
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, text

from blog.db import Copy, Post, db
from demo.children import ROOT
from demo.stage import environ_without_blog
from tests.conftest import empty


class Killable:
    """The blog on a port of its own; `start` gives it a life, `kill` takes it."""

    def __init__(self, settings, cookie, *paths):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.killable", str(self.socket.fileno()), cookie, *paths],
            env=environ_without_blog() | {f"BLOG_{name}": value for name, value in settings.items()},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[self.socket.fileno()],
            text=True,
        )

    def start(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.life = int(self.process.stdout.readline())

    def kill(self):
        os.kill(self.life, signal.SIGKILL)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
        self.socket.close()


class Writer(Thread):
    """Sends one save after another, and notes the number of the last one that the server said was done."""

    def __init__(self, port, cookie, send: Callable[[Writer, int], bool]):
        super().__init__(daemon=True)
        self.port, self.cookie, self.send_one = port, cookie, send
        self.done = self.tried = 0
        self.ended = Event()

    def run(self):
        while not self.ended.is_set():
            try:
                self.tried += 1
                if self.send_one(self, self.tried):
                    self.done = self.tried
            except (OSError, HTTPException):  # it was killed: this one may be there or not
                time.sleep(0.002)

    def ask(self, method, path, fields=None, **headers) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("localhost", self.port, timeout=20)
        try:
            form = {"Content-Type": "application/x-www-form-urlencoded"} if fields else {}
            connection.request(
                method, path, urlencode(fields or {}, doseq=True), {"Cookie": self.cookie, **form, **headers}
            )
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()


@pytest.mark.parametrize(("kind", "kills"), [("sqlite", 50), ("postgresql", 15)])
def test_every_save_that_was_acknowledged_is_there_after_a_kill(settings, request, kind, kills):
    if kind == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    app, ada = request.getfixturevalue("app"), None
    with app.app_context():
        empty()
    ada = request.getfixturevalue("ada")
    assert ada.publish("Edited", "0") == "edited"
    _, form = ada.filled("/edited/edit", "Save changes", title="Edited")
    cookie = "; ".join(f"{found.key}={found.value}" for found in ada.client._cookies.values())

    def edit(writer, number):
        _, page = writer.ask("GET", "/edited/edit")
        version = re.search(r'name="version" value="(\d+)"', page)
        return writer.ask("POST", "/edited/edit", form | {"version": version[1], "body": number})[0].status == 303

    def create(writer, number):
        fields = {name: form[name] for name in ("csrf_token", "end")} | {"form_id": f"new-{number}", "action": "draft"}
        return (
            writer.ask("POST", "/dashboard/write", fields | {"title": f"New {number}", "body": number})[0].status == 303
        )

    def type_on(writer, number):
        fields = {name: form[name] for name in ("csrf_token", "end")} | {"form_id": "typed", "body": number}
        answer, told = writer.ask("POST", "/dashboard/autosave", fields, Accept="application/json")
        return answer.status == 200 and "kept_at" in json.loads(told)

    killable = Killable(settings, cookie, "/edited/edit", "/dashboard")
    editing, creating, typing = writers = [Writer(killable.port, cookie, send) for send in (edit, create, type_on)]
    try:
        killable.start()
        for writer in writers:
            writer.start()
        for _ in range(kills):
            one = random.choice(writers)
            wait_until(lambda one=one, before=one.done: one.done > before)
            time.sleep(random.random() * 0.05)
            killable.kill()
            acknowledged = [writer.done for writer in writers]
            with app.app_context():
                there = stored()
            assert [have >= said for have, said in zip(there, acknowledged, strict=True)] == [True] * 3
            killable.start()
    finally:
        for writer in writers:
            writer.ended.set()
        killable.kill()
        killable.close()
    assert min(editing.done, creating.done, typing.done) > kills // 5, "the server was not given the time to save"
    if kind == "sqlite":
        with app.app_context():
            assert db.session.execute(text("PRAGMA integrity_check")).scalar() == "ok"


def wait_until(happened):
    give_up_at = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < give_up_at, "the server does not come back"
        time.sleep(0.005)


def stored():
    """The highest number that each writer's saves have left in the database."""
    edited = db.session.scalar(select(Post.body_md).where(Post.slug == "edited"))
    made = db.session.scalars(select(Post.body_md).where(Post.form_id.startswith("new-")))
    typed = db.session.scalar(select(Copy.fields).where(Copy.form_id == "typed"))
    numbers = [int(edited), max(map(int, made), default=0), int(dict(json.loads(typed))["body"]) if typed else 0]
    db.session.remove()
    return numbers
