"""A thousand pages are read while the user API is dead, slow or lying: each of them comes, and in time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.names import AUTHORS, ISSUER, READS, TROUBLES, blog_with, read, user_api
from blog.db import db
from blog.identity.people import Key, Person

READERS = 4  # more would measure how they wait for each other
WITHIN_S = 0.9  # of which a page waits 0.8 s for names at most


def read_often(app, times):
    """Read so many pages; tell their statuses, and what all but one in a hundred took at most."""
    with ThreadPoolExecutor(READERS) as readers:
        done = list(readers.map(lambda _: read(app), range(times)))
    return {status for status, _ in done}, sorted(seconds for _, seconds in done)[times * 99 // 100]


@pytest.mark.parametrize("name", TROUBLES)
def test_a_user_api_in_trouble_costs_no_page(name, tmp_path):
    with user_api(TROUBLES[name]) as (url, calls):
        app = blog_with(tmp_path, url)
        directory = app.extensions["porch"].directory
        for number in range(AUTHORS):
            directory.learn(Person(Key(ISSUER, f"author-{number}"), f"Somebody {number}"))
        _, usual_s = read_often(app, READS // 5)  # names are known: what else this machine has to do
        assert calls["calls"] == 0
        directory.forget_all()
        statuses, took_s = read_often(app, READS)
        directory.close()
        with app.app_context():
            db.engine.dispose()
    assert statuses == {200}
    assert took_s < WITHIN_S + usual_s
    assert calls["calls"] <= 20  # who is in trouble is left alone
