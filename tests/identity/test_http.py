"""Calls to providers over real sockets: slow, huge, redirecting, broken."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from contextvars import copy_context

import pytest
import responses

from blog.errors import Unreachable
from blog.identity import http
from blog.identity.http import Answer, fetch, overhearing
from tests.certificate import write_certificate

Serve = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
def server() -> Iterator[Callable[..., str]]:
    """A server on a real socket that treats its first visitor as the test says; gives its address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def start(serve: Serve, tls: ssl.SSLContext | None = None) -> str:
            def run() -> None:
                try:
                    visitor, _ = listener.accept()
                    with tls.wrap_socket(visitor, server_side=True) if tls else visitor as visitor:
                        visitor.recv(65536)
                        serve(visitor)
                except OSError:
                    pass  # the caller had enough, which is what most of these tests are about

            threading.Thread(target=run, daemon=True).start()
            scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
            return f"{scheme}://{host}:{listener.getsockname()[1]}/path?code=hush"

        yield start


def saying(answer: bytes) -> Serve:
    return lambda visitor: visitor.sendall(answer)


def dripping(start: bytes, drop: bytes) -> Serve:
    def serve(visitor: socket.socket) -> None:
        visitor.sendall(start)
        for _ in range(60):  # three seconds
            time.sleep(0.05)
            visitor.sendall(drop)

    return serve


def body(content: bytes, head: bytes = HEAD) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(content) + content


def test_an_answer_comes_whole(server):
    answer = fetch("GET", server(saying(body(b'{"a": 1}'))))
    assert (answer.status, answer.object(), answer.headers["content-type"]) == (200, {"a": 1}, "application/json")


def test_a_compressed_answer_is_unpacked(server):
    packed = gzip.compress(b'{"a": 1}')
    assert fetch("GET", server(saying(body(packed, HEAD + b"Content-Encoding: gzip\r\n")))).object() == {"a": 1}


@responses.activate
def test_answers_are_overheard_while_somebody_listens_and_from_nobody_elses_threads():
    for path in "abcd":
        responses.add("GET", f"https://id.example/{path}", body=path)

    def ask(path: str) -> None:
        fetch("GET", f"https://id.example/{path}")

    ask("a")
    with overhearing() as answers:
        ask("b")
        ours = threading.Thread(target=copy_context().run, args=(ask, "c"))
        others = threading.Thread(target=ask, args=("d",))
        for thread in (ours, others):
            thread.start()
            thread.join()
    ask("a")
    assert [answer.body for answer in answers] == [b"b", b"c"]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_a_status_of_failure_is_the_callers_to_judge(server, status):
    assert fetch("GET", server(saying(b"HTTP/1.1 %d Oh\r\nContent-Length: 0\r\n\r\n" % status))).status == status


def test_not_modified_is_an_answer(server):
    assert fetch("GET", server(saying(b"HTTP/1.1 304 Not Modified\r\n\r\n"))).status == 304


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(dripping(HEAD + b"Content-Length: 10000\r\n\r\n", b" "), id="the body drips"),
        pytest.param(dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"), id="chunks drip"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x"), id="headers drip"),
        pytest.param(lambda visitor: time.sleep(5), id="nothing comes"),
    ],
)
def test_no_call_takes_longer_than_its_deadline(server, serve):  # row 18
    started = time.monotonic()
    with pytest.raises(Unreachable):
        fetch("GET", server(serve), deadline_s=0.4)
    assert time.monotonic() - started < 3


def test_silence_ends_at_the_read_timeout(server):  # row 18
    started = time.monotonic()
    with pytest.raises(Unreachable, match="ReadTimeout"):
        fetch("GET", server(lambda visitor: time.sleep(5)), timeout=(3, 0.2))
    assert time.monotonic() - started < 3


def test_a_call_that_outlives_its_deadline_gives_its_thread_back(server):
    before = set(threading.enumerate())
    with pytest.raises(Unreachable):
        fetch("GET", server(dripping(HEAD + b"Content-Length: 10000\r\n\r\n", b" ")), deadline_s=0.2)
    deadline = time.monotonic() + 3
    while any(thread.name == "fetch" for thread in set(threading.enumerate()) - before):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_hanging_calls_do_not_collect_threads_without_end(monkeypatch):
    monkeypatch.setattr(http, "_threads", threading.BoundedSemaphore(1))
    http._threads.acquire()
    with pytest.raises(Unreachable, match="too many"):
        fetch("GET", "http://127.0.0.1:1/")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(body(b" " * 2000), id="long"),
        pytest.param(HEAD + b"\r\n" + b" " * 2000, id="long, length not told"),
        pytest.param(body(gzip.compress(b" " * 2000), HEAD + b"Content-Encoding: gzip\r\n"), id="long when unpacked"),
    ],
)
def test_an_answer_longer_than_the_cap_is_refused(server, answer):  # row 18
    with pytest.raises(Unreachable, match="more than 1000 bytes"):
        fetch("GET", server(saying(answer)), max_bytes=1000)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(server, status):  # row 18
    elsewhere = b"HTTP/1.1 %d Go\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n" % status
    with pytest.raises(Unreachable, match="redirects"):
        fetch("POST", server(saying(elsewhere)), data={"code": "hush"})


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x16\x03\x01 garbage", id="not http"),
        pytest.param(HEAD + b"Content-Length: 50\r\n\r\n{}", id="cut off"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", id="broken chunks"),
        pytest.param(body(b"no gzip", HEAD + b"Content-Encoding: gzip\r\n"), id="broken compression"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", id="too many headers"),
    ],
)
def test_a_broken_answer_is_unreachable(server, answer):
    with pytest.raises(Unreachable) as caught:
        fetch("GET", server(saying(answer)), what="the token endpoint")
    assert caught.value.what.startswith("the token endpoint at 127.0.0.1 ")


@pytest.mark.parametrize(
    "url",
    ["http://[::1", "http://", "nonsense", "ftp://idp.example/", f"https://{'a' * 70}.example/", "http://\ud800/"],
)
def test_a_senseless_address_is_unreachable(url):
    with pytest.raises(Unreachable):
        fetch("GET", url)


def test_errors_tell_neither_path_nor_query(server):
    with pytest.raises(Unreachable) as caught:
        fetch("GET", server(saying(b"")))
    assert "hush" not in caught.value.what
    assert "path" not in caught.value.what
    assert caught.value.__suppress_context__


def test_a_certificate_nobody_vouches_for_is_not_trusted(server, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_certificate(tmp_path))
    url = server(lambda visitor: None, tls=context)
    with pytest.raises(Unreachable, match="SSLError"):
        fetch("GET", url)


def test_netrc_does_not_replace_our_own_credentials(server, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other")
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[str | None] = []
    with responses.RequestsMock() as mock:

        def remember(request):
            seen.append(request.headers.get("Authorization"))
            return 200, {}, "{}"

        mock.add_callback("GET", "http://127.0.0.1/", remember)
        fetch("GET", "http://127.0.0.1/", headers={"Authorization": "Bearer ours"})
    assert seen == ["Bearer ours"]


@pytest.mark.parametrize(
    "content",
    [b"<html>", b"", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"9" * 5000, b'{"a": 1}}'],
    ids=["html", "empty", "deep list", "deep object", "no text", "endless number", "one brace too many"],
)
def test_what_is_not_json_is_unreachable(content):
    with pytest.raises(Unreachable):
        Answer("the provider", 200, {}, content).json()


@pytest.mark.parametrize("content", [b"[]", b"1", b'"a"', b"null", b"true"])
def test_json_that_is_no_object_is_unreachable(content):
    with pytest.raises(Unreachable):
        Answer("the provider", 200, {}, content).object()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30.0), ("0", 0.0), ("soon", None), ("-1", None), ("٣", None), ("9" * 400, None), ("", None)],
)
def test_retry_after_is_read_as_seconds(text, seconds):
    answer = Answer("the provider", 503, {"Retry-After": text}, b"")
    assert answer.unusable("fails").retry_after == seconds


NOW = "Sat, 21 Nov 2026 12:00:00 GMT"  # 1795262400


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"X-Rate-Limit-Reset": "1795262430", "Date": NOW}, 30),
        (429, {"X-RateLimit-Reset": "1795262430", "Date": NOW}, 30),
        (429, {"X-RateLimit-Reset": "1340"}, 1340),
        (429, {"RateLimit-Reset": "1795262430", "Retry-After": "7", "Date": NOW}, 7),
        (429, {"X-Rate-Limit-Reset": "1795262400", "Date": NOW}, 1),
        (429, {"X-Rate-Limit-Reset": "1795262430", "Date": "yesterday"}, 1),
        (429, {"X-Rate-Limit-Reset": "soon", "Date": NOW}, None),
        (429, {"X-Rate-Limit-Reset": "17952624300000"}, None),
        (429, {}, None),
        (200, {"X-Rate-Limit-Reset": "1795262430", "Date": NOW}, None),
        (503, {"X-Rate-Limit-Reset": "1795262430", "Date": NOW}, None),
    ],
)
def test_a_limit_says_when_it_begins_anew(status, headers, seconds, monkeypatch):
    monkeypatch.setattr("blog.identity.http.time.time", lambda: 1795262500.0)
    assert Answer("the provider", status, headers, b"").unusable("refuses").retry_after == seconds
