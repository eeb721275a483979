"""Calls to a user API: the token in its header, a refused token, and a server that drips."""

import socket
import threading
import time
from contextlib import closing

import pytest
import responses

from blog.errors import Unreachable
from blog.identity.directories import api
from blog.identity.directories.api import Api
from blog.identity.directories.bearer import Given


class Renewed:
    """Gives ``t1``, and another token each time one is refused."""

    def __init__(self):
        self.count = 1

    def __call__(self, *, refused=None):
        self.count += refused == f"t{self.count}"
        return f"t{self.count}"


@pytest.mark.parametrize(
    ("header", "name", "value"),
    [
        ("Authorization: Bearer", "Authorization", "Bearer t"),
        ("Authorization: SSWS", "Authorization", "SSWS t"),
        ("Authorization:", "Authorization", "t"),
        ("PRIVATE-TOKEN:", "PRIVATE-TOKEN", "t"),
        (" X-Api-Key :  key ", "X-Api-Key", "key t"),
    ],
)
@responses.activate
def test_the_token_stands_where_the_api_looks_for_it(header, name, value):
    responses.get("https://id.example/api/users")
    Api("the API", "https://id.example/api/", Given("t"), header=header).get("/users")
    assert responses.calls[0].request.headers[name] == value


@responses.activate
def test_an_open_api_gets_no_header():
    responses.get("https://id.example/users")
    Api("the API", "https://id.example", Given("")).get("/users")
    assert "Authorization" not in responses.calls[0].request.headers


@pytest.mark.parametrize(("status", "calls"), [(401, 2), (403, 1), (200, 1)])
@responses.activate
def test_a_refused_token_is_replaced_once(status, calls):
    responses.get("https://id.example/users", status=status)
    assert Api("the API", "https://id.example", Renewed()).get("/users").status == status
    assert [call.request.headers["Authorization"] for call in responses.calls] == ["Bearer t1", "Bearer t2"][:calls]


@responses.activate
def test_what_is_asked_is_encoded():
    responses.get("https://id.example/users")
    Api("the API", "https://id.example", Given("t")).get("/users", [("q", 'a&b="c d"')])
    assert responses.calls[0].request.url == "https://id.example/users?q=a%26b%3D%22c%20d%22"


def test_a_server_that_drips_holds_nobody_up_for_long(monkeypatch):
    monkeypatch.setattr(api, "DEADLINE_S", 0.3)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def drip():
            visitor, _ = listener.accept()
            with closing(visitor):
                visitor.recv(65536)
                visitor.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                try:
                    for _ in range(40):
                        time.sleep(0.05)
                        visitor.sendall(b" ")
                except OSError:
                    pass  # the caller had enough

        threading.Thread(target=drip, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(Unreachable):
            Api("the API", f"http://127.0.0.1:{listener.getsockname()[1]}", Given("t")).get("/users")
        assert time.monotonic() - began < 1.5
