"""The page cache: what is kept for whom, until when, and that nobody can tell but by the time it takes."""

from __future__ import annotations

import gzip
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import brotli
import pytest
import zstandard
from flask import request_started
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from blog.content import posts
from blog.db import db, tell_caches, writing
from blog.identity.directories import Cached
from blog.identity.people import Key, Person
from blog.web import changes
from blog.web.keeping import Page
from blog.web.pagecache import meant
from blog.web.shelves import Form, Kept, Shelf, matches
from tests.conftest import empty, opened

ADA = Key("https://idp.example", "ada")
OPENED = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstandard.decompress,
}


@pytest.fixture
def made(app):
    """The addresses that Flask was asked for since this was emptied."""
    asked = []

    def note(_app, **_):
        from flask import request

        asked.append(request.full_path.rstrip("?"))

    with request_started.connected_to(note, app):
        yield asked


def get(app, path, **headers):
    """What somebody without cookies gets."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().get(path, headers=named, buffered=True)


# -- what is kept -----------------------------------------------------------------------------------------------------


def test_a_page_is_made_once_for_all_who_read_it(on_both, app, ada, made):
    slug = ada.publish(tags="Open")
    handle = ada.page("/").select_one(".byline a")["href"]
    paths = ["/", f"/{slug}", f"/{slug}.md", handle, f"{handle}/feed.json", "/tag/open", "/tag/open/atom.xml"]
    paths += ["/archive", "/feed.xml", "/sitemap.xml", "/llms.txt"]
    for path in paths:
        made.clear()
        assert {get(app, path).status_code for _ in range(3)} == {200}
        assert made == [path]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"Cookie": "byline=x"}),
        ("/", {"Authorization": "Bearer x"}),
        ("/?what=this", {}),
        ("/nothing", {}),
        ("/moved-from", {}),
        ("/search?q=words", {}),
        ("/login", {}),
        ("/dashboard", {}),
        ("/theme/style.css", {}),
    ],
)
def test_all_else_is_never_kept(app, ada, made, path, headers):
    ada.publish("Moved from")
    ada.submit("/moved-from/edit", "Save changes", title="Moved to")
    made.clear()
    first, second = (app.test_client(use_cookies=False).get(path, headers=headers) for _ in range(2))
    assert made == [path, path]
    assert first.status_code == second.status_code
    assert "Content-Encoding" not in first.headers


def test_who_is_logged_in_gets_pages_of_their_own_and_leaves_none_behind(app, ada, visitor):
    slug = ada.publish()
    for path in ("/", f"/{slug}"):
        assert "Ada Lovelace</a>" in ada.get(path).text
        assert "Log out" in ada.get(path).text
        strangers = visitor.get(path)
        assert "Log out" not in strangers.text
        assert "csrf_token" not in strangers.text
        assert "Log out" in ada.get(path).text
        assert ada.get(path).headers["Cache-Control"] == "private, no-store"


def test_what_only_some_may_read_is_kept_for_nobody(desk, app, ada, anybody, made):
    slug = ada.publish("Nightly", visible_to="groups", group="Night Desk")
    nina = anybody().log_in("nina")
    assert nina.get(f"/{slug}").status_code == 200
    assert get(app, f"/{slug}").status_code == 404
    assert "Nightly" not in get(app, "/").text
    assert "Nightly" in nina.get("/").text
    assert get(app, f"/{slug}").status_code == 404


def test_a_form_is_never_answered_from_memory(app, made):
    get(app, "/")
    assert app.test_client().post("/").status_code == 405


def test_others_following_people_around_makes_no_page_anew(app, ada, made):
    ada.publish()
    get(app, "/")
    made.clear()
    tracked = get(app, "/?utm_source=letter&fbclid=x")
    assert made == []
    assert tracked.data == get(app, "/").data


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("", ""),
        ("before=1-2", "before=1-2"),
        ("utm_source=x&before=1-2&fbclid=y", "before=1-2"),
        ("comments=2", "comments=2"),
        ("state=x", None),
        ("before=1-2&x", None),
        ("before=%C3%A4&before=%20", "before=%C3%A4&before=+"),
        ("before=%ff%00", "before=%EF%BF%BD%00"),
    ],
)
def test_only_what_pages_look_at_tells_addresses_apart(query, left):
    assert meant(query) == left


def test_no_page_is_kept_when_that_is_turned_off(settings, request):
    settings["PAGE_CACHE_MB"] = "0"
    app, made = request.getfixturevalue("app"), request.getfixturevalue("made")
    assert "ETag" not in get(app, "/").headers
    get(app, "/")
    assert made == ["/", "/"]


def test_no_other_host_is_answered_and_no_port_makes_another_page(app, made):
    get(app, "/")
    made.clear()
    for port in range(8000, 8010):
        assert get(app, "/", Host=f"localhost:{port}").status_code == 200
    assert made == []
    for host in ("evil.example", "localhost.evil.example", "[", "localhost@evil.example"):
        assert get(app, "/", Host=host).status_code == 400
    assert len(made) == 4


# -- how it is sent ---------------------------------------------------------------------------------------------------


def test_each_encoding_is_the_same_page_with_a_validator_of_its_own(app, ada):
    ada.publish()
    etags, plain = set(), get(app, "/").data
    for encoding, opened_ in OPENED.items():
        sent = get(app, "/", Accept_Encoding=encoding)
        assert opened_(sent.data) == plain
        assert sent.headers.get("Content-Encoding", "identity") == encoding
        assert sent.headers["Content-Length"] == str(len(sent.data))
        assert {"Cookie", "Accept-Language", "Accept-Encoding"} == set(sent.headers["Vary"].split(", "))
        assert sent.headers["ETag"].startswith('"')
        etags.add(sent.headers["ETag"])
        assert get(app, "/", Accept_Encoding=encoding).headers["ETag"] == sent.headers["ETag"]
    assert len(etags) == len(OPENED)


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [
        ("", "identity"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip;q=1, br;q=0.5", "gzip"),
        ("zstd;q=0, *", "br"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0", "identity"),
        ("snappy", "identity"),
        ("gzip;q=0", "identity"),
        ("x" * 5000 + ",;q=,;;", "identity"),
    ],
)
def test_a_browser_gets_the_encoding_it_likes_best(app, ada, accepted, sent):
    assert get(app, "/", Accept_Encoding=accepted).headers.get("Content-Encoding", "identity") == sent


def test_who_has_it_already_is_told_so_without_flask(app, ada, made):
    ada.publish()
    for path in ("/", "/feed.xml"):
        kept = get(app, path, Accept_Encoding="br")
        etag = kept.headers["ETag"]
        made.clear()
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = get(app, path, Accept_Encoding="br", If_None_Match=known)
            assert (again.status_code, again.data) == (304, b"")
            assert again.headers["ETag"] == etag
            assert again.headers["Vary"] == kept.headers["Vary"]
            assert again.headers["Cache-Control"] == "public, no-cache"
            assert "Content-Encoding" not in again.headers
        for known in ('"other"', "", "nonsense", etag.strip('"')):
            assert get(app, path, Accept_Encoding="br", If_None_Match=known).status_code == 200
        assert get(app, path, Accept_Encoding="gzip", If_None_Match=etag).status_code == 200
        assert made == []


def test_an_etag_is_compared_whole():
    assert matches('"a"', '"a"')
    assert matches(' W/"b" ,"a"', '"a"')
    assert not matches('"aa"', '"a"')


def test_a_change_makes_another_etag(app, ada):
    ada.publish("One")
    before = get(app, "/").headers["ETag"]
    ada.publish("Two")
    again = get(app, "/", If_None_Match=before)
    assert again.status_code == 200
    assert again.headers["ETag"] != before


def test_a_page_that_is_made_anew_and_looks_the_same_has_the_same_etag(app, ada, clock):
    ada.publish()
    for path in ("/", "/feed.xml"):
        before = get(app, path, Accept_Encoding="zstd")
        app.extensions["pagecache"].close()
        clock.advance(minutes=2)
        again = get(app, path, Accept_Encoding="zstd")
        assert again.headers["ETag"] == before.headers["ETag"]
        assert "Date" not in again.headers  # the server says it


def test_head_has_the_headers_and_no_body(app, ada, made):
    ada.publish()
    made.clear()
    for _ in range(2):
        told, whole = app.test_client().head("/a-title"), get(app, "/a-title")
        assert told.data == b""
        assert dict(told.headers) == dict(whole.headers)
    assert made == ["/a-title"]
    assert app.test_client().head("/nothing").data == b""
    assert app.test_client().head("/nothing").status_code == 404


def test_a_range_is_not_served(app, ada):
    ada.publish()
    for _ in range(2):
        assert get(app, "/", Range="bytes=0-9").status_code == 200
        assert len(get(app, "/", Range="bytes=0-9").data) > 1000


def test_pages_differ_by_language_and_by_nothing_else_that_a_browser_says(app, ada, made):
    ada.publish()
    german = get(app, "/", Accept_Language="de-CH, de;q=0.9").data
    assert german != get(app, "/", Accept_Language="fr").data
    made.clear()
    for headers in ({"User-Agent": "x"}, {"Accept": "application/json"}, {"Referer": "https://x.example"}):
        assert get(app, "/", **headers, Accept_Language="de").data == german
    assert made == []


# -- until when -------------------------------------------------------------------------------------------------------


def another(settings, clock, compiled_templates):
    return opened(settings, clock, compiled_templates)


def test_a_change_is_seen_at_the_next_request_whichever_process_made_it(
    on_both, settings, app, ada, clock, compiled_templates
):
    with another(settings, clock, compiled_templates) as other:
        for number in range(20):
            assert f"Number {number}" not in get(other, "/").text
            ada.publish(f"Number {number}")
            time.sleep(on_both)
            assert f"Number {number}" in get(other, "/").text
            assert f"Number {number}" in get(app, "/").text


def test_what_is_written_without_readers_seeing_it_ends_nothing(on_both, app, ada, made):
    ada.publish()
    get(app, "/")
    ada.draft("Draft")
    ada.get("/dashboard")
    made.clear()
    get(app, "/")
    assert made == []


def test_a_scheduled_post_appears_when_it_is_due(app, ada, clock, made):
    get(app, "/")
    with app.app_context():
        due = clock() + timedelta(minutes=5)
        posts.create(ADA, title="On time", body_md="Words.", now=clock(), publish=True, at=due)
        db.session.remove()
    assert "On time" not in get(app, "/").text
    assert get(app, "/on-time").status_code == 404
    clock.advance(minutes=5)
    assert "On time" in get(app, "/").text
    assert get(app, "/on-time").status_code == 200
    made.clear()
    get(app, "/")
    assert made == []


def test_a_page_that_says_comments_are_closed_says_so_in_time(settings, request):
    settings |= {"COMMENTS": "open", "COMMENTS_CLOSE_AFTER": "2"}
    app, ada, clock = (request.getfixturevalue(name) for name in ("app", "ada", "clock"))
    ada.publish()
    while_open = get(app, "/a-title").text
    clock.advance(hours=47)
    assert get(app, "/a-title").text == while_open
    clock.advance(hours=2)
    assert get(app, "/a-title").text != while_open


class Named:
    """A directory that knows everybody under one name."""

    def __init__(self, name):
        self.name = name

    def people(self, keys):
        return {key: Person(key, self.name) for key in keys}


@pytest.fixture
def named(app, ada, clock):
    """A directory in the place of the application's, with the clock of the test."""
    slow = Named("Ada Lovelace")
    ready = app.extensions["porch"]
    ready.directory.close()
    cached = Cached(slow, clock=lambda: clock().timestamp(), spread=lambda _: 1.0)
    app.extensions["porch"] = replace(ready, directory=cached)
    yield slow
    cached.close()


def eventually(text, app, path="/"):
    """Whether a page shows this before long."""
    for _ in range(100):
        if text in get(app, path).text:
            return True
        time.sleep(0.05)
    return False


def test_a_page_with_a_stale_name_is_shown_while_it_is_made_anew(app, ada, named, clock):
    ada.publish()
    assert eventually("Ada Lovelace", app)
    named.name = "Ada King"
    clock.advance(minutes=15, seconds=-5)
    assert "Ada Lovelace" in get(app, "/").text
    clock.advance(seconds=10)
    assert "Ada Lovelace" in get(app, "/").text
    assert eventually("Ada King", app)


def test_long_after_a_name_went_stale_no_old_page_is_shown(app, ada, named, clock, made):
    ada.publish()
    assert eventually("Ada Lovelace", app)
    named.name = "Ada King"
    clock.advance(hours=2)
    assert "Ada King" in get(app, "/").text


def test_a_name_that_is_learnt_or_forgotten_ends_the_pages_with_it(app, ada):
    ada.publish()
    directory = app.extensions["porch"].directory
    assert "Ada Lovelace" in get(app, "/").text
    directory.learn(Person(ADA, "Ada King"))
    assert "Ada King" in get(app, "/").text
    directory.forget(ADA)
    assert "Ada" not in get(app, "/").text.replace("ada", "")
    directory.learn(Person(ADA, "Ada Byron"))
    assert "Ada Byron" in get(app, "/").text


def test_another_process_that_is_told_to_forget_shows_no_old_page(app, ada, settings, clock, compiled_templates):
    from blog.identity.directories import forgetting

    slug = ada.publish()
    ready = app.extensions["porch"]
    with another(settings, clock, compiled_templates) as other:
        other.extensions["porch"].directory.learn(Person(ADA, "Ada Lovelace"))
        for path in ("/", f"/{slug}"):
            assert "Ada Lovelace" in get(other, path).text
        with app.app_context(), forgetting.telling(ready.directory, ready.seal, [ADA], now=clock()):
            pass
        for path in ("/", f"/{slug}"):  # at the very next request, though it just looked
            assert "Ada Lovelace" not in get(other, path).text


def test_a_login_of_somebody_who_is_on_no_page_ends_none(app, ada, anybody, idp, made):
    ada.publish()
    get(app, "/")
    idp.people["rita"] = {"name": "Rita Reader"}
    anybody().log_in("rita")
    made.clear()
    get(app, "/")
    assert made == []


def test_a_proxy_that_asks_hears_that_it_may_go_on(settings, request):
    settings["PROXY_CACHE"] = "60"
    app = request.getfixturevalue("app")
    kept = get(app, "/")
    again = get(app, "/", If_None_Match=kept.headers["ETag"])
    assert again.status_code == 304
    assert again.headers["X-Accel-Expires"] == kept.headers["X-Accel-Expires"]


# -- how a change is heard of -----------------------------------------------------------------------------------------


@pytest.fixture
def watched(on_both, app):
    """What watches the database, with a reading of it."""
    with app.app_context():
        watch = changes.watch(db.engine.url)
    yield watch
    watch.close()


def read(watch):
    return watch.read(lambda _: None)


def change(app):
    with app.app_context(), writing() as session:
        tell_caches(session)


def test_silence_holds_until_somebody_writes(app, watched):
    first = read(watched)
    assert watched.holds(first.mark)
    change(app)
    assert not watched.holds(first.mark)
    second = read(watched)
    assert second.version == first.version + 1
    assert watched.holds(second.mark)
    assert not watched.holds(first.mark)
    assert not watched.holds(None)


def test_silence_is_believed_for_a_second_only(app, watched, monkeypatch):
    monkeypatch.setattr(changes, "TRUSTED_S", 0.2)
    mark = read(watched).mark
    assert watched.holds(mark)
    time.sleep(0.3)
    assert not watched.holds(mark)


def test_a_change_that_was_rolled_back_is_none(app, watched):
    def fail():
        with app.app_context(), writing() as session:
            tell_caches(session)
            raise RuntimeError

    first = read(watched)
    with pytest.raises(RuntimeError):
        fail()
    assert read(watched).version == first.version


def test_a_change_that_another_process_made_by_hand_is_heard(on_both, app, watched):
    mark = read(watched).mark
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE site SET version = version + 1"))
        if on_both:
            connection.execute(text("NOTIFY site"))
    time.sleep(on_both)
    assert not watched.holds(mark)


def test_sqlite_writes_its_log_before_others_see_it_and_hears_of_it_then(settings, app, ada):
    log = Path(settings["DATABASE_URL"].removeprefix("sqlite:///") + "-wal")
    before = log.stat().st_mtime_ns
    change(app)
    told = log.stat().st_mtime_ns
    assert before < told <= time.time_ns()
    assert told % 1_000_000  # ours, to the nanosecond


def test_without_a_log_the_database_is_read_each_time(app, ada, watched, on_both):
    if not on_both:
        watched._log = "/nowhere"
        assert not watched.holds(read(watched).mark)


def test_a_connection_that_was_cut_is_noticed_and_made_anew(postgres_url, settings, request):
    settings["DATABASE_URL"] = postgres_url
    app, made = request.getfixturevalue("app"), request.getfixturevalue("made")
    with app.app_context():
        empty()
    get(app, "/")
    with app.app_context():
        listening = text("SELECT pid FROM pg_stat_activity WHERE query LIKE '%posts%' AND pid <> pg_backend_pid()")
        for pid in db.session.scalars(listening).all():
            db.session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        db.session.remove()
    time.sleep(0.2)
    for _ in range(2):  # one of them finds out, and the next one begins anew
        assert get(app, "/").status_code == 200
    time.sleep(1.1)
    change(app)
    made.clear()
    get(app, "/")
    get(app, "/")
    assert made == ["/"]


# -- many at once -----------------------------------------------------------------------------------------------------


def test_five_hundred_readers_of_a_page_that_changes_make_it_once(on_both, app, ada, made):
    ada.publish("One")
    for title in ("Two", "Three"):
        get(app, "/")
        ada.publish(title)
        made.clear()
        gate = threading.Barrier(500)

        def come(gate=gate):
            gate.wait()
            return get(app, "/")

        with ThreadPoolExecutor(500) as readers:
            answers = [future.result() for future in [readers.submit(come) for _ in range(500)]]
        assert made == ["/"]
        assert {answer.status_code for answer in answers} == {200}
        assert all(title in answer.text for answer in answers)


def test_who_waits_for_one_who_fails_makes_the_page_themself(app, ada, monkeypatch):
    ada.publish()
    real, failures, going = app.full_dispatch_request, [1], threading.Event()

    def fail_first():
        if failures:
            failures.pop()
            going.wait(5)
            raise RuntimeError("the first one fails")
        return real()

    monkeypatch.setattr(app, "full_dispatch_request", fail_first)
    with ThreadPoolExecutor(5) as readers:
        first = readers.submit(get, app, "/")
        time.sleep(0.2)
        others = [readers.submit(get, app, "/") for _ in range(4)]
        time.sleep(0.2)
        going.set()
        assert {other.result().status_code for other in others} == {200}
        with pytest.raises(RuntimeError):
            first.result()
    assert get(app, "/").status_code == 200


# -- how much ---------------------------------------------------------------------------------------------------------


def kept(size):
    return Kept([], b"x" * size, Page())


def test_what_was_not_asked_for_longest_goes_first():
    shelf = Shelf(100)
    for name in "abcd":
        shelf.put(name, kept(25))
    assert shelf.get("a")
    shelf.put("e", kept(25))
    assert shelf.get("b") is None
    assert all(map(shelf.get, "acde"))
    shelf.put("too large", kept(26))
    assert shelf.get("too large") is None
    assert shelf.used == 100
    first = shelf.get("a")
    first.forms["br"] = Form("", [], [], b"y" * 30)
    for _ in range(2):
        shelf.count("a", first)
    assert [name for name in "acde" if shelf.get(name)] == ["a", "e"]
    assert shelf.used == 80


def test_addresses_that_anybody_can_invent_push_nothing_out(app, ada, made):
    ada.publish()
    get(app, "/")
    cache = app.extensions["pagecache"]
    for number in range(200):
        assert get(app, f"/?before=9{number:05}0000000000-1").status_code == 200
        get(app, f"/nothing-{number}")
    edition = cache._edition
    assert edition.queries.used <= 8_000_000
    assert edition.plain.used < 100_000
    made.clear()
    get(app, "/")
    assert made == []


# -- when something is wrong ------------------------------------------------------------------------------------------


class Away:
    """Watches a database that is not there."""

    def holds(self, mark):
        return False

    def read(self, more):
        raise OperationalError("", {}, OSError("away"))

    def close(self):
        pass


def test_while_the_database_is_away_pages_go_on_for_a_minute(app, ada, made, monkeypatch):
    ada.publish()
    get(app, "/")
    made.clear()
    cache = app.extensions["pagecache"]
    watch = cache._site.watch
    monkeypatch.setattr(cache, "_site", cache._site._replace(watch=Away()))
    for _ in range(3):
        assert get(app, "/").status_code == 200
    assert made == []
    monkeypatch.setattr(cache, "_known_at", time.monotonic() - 61)
    assert get(app, "/").status_code == 200
    assert made == ["/"]
    monkeypatch.setattr(cache, "_site", cache._site._replace(watch=watch))
    monkeypatch.setattr(cache, "_ask_at", 0)
    ada.publish("Back")
    assert "Back" in get(app, "/").text


def test_a_fault_of_the_cache_costs_no_page(app, ada, made, monkeypatch, caplog):
    cache = app.extensions["pagecache"]
    monkeypatch.setattr(cache, "_asked", lambda environ: 1 / 0)
    assert get(app, "/").status_code == 200
    assert made == ["/"]
    assert "could not judge" in caplog.text


def test_a_process_that_is_forked_begins_anew(app, ada):
    ada.publish("One")
    get(app, "/")
    cache = app.extensions["pagecache"]
    cache._renewing.acquire()  # as if another thread were at it
    reads, writes = os.pipe()
    if (child := os.fork()) == 0:
        alone = cache._edition is None and cache._site.watch._connection is None
        os.write(writes, b"anew" if alone and cache._renewing.acquire(timeout=1) else b"old")
        os._exit(0)
    os.waitpid(child, 0)
    cache._renewing.release()
    with closing(os.fdopen(reads, "rb", buffering=0)) as said:
        assert said.read(4) == b"anew"
    os.close(writes)
    assert "One" in get(app, "/").text
