"""Every answer carries the headers, whatever it is; and errors are pages in the site's look."""

from __future__ import annotations

import pytest

ANSWERS = [
    "/",
    "/a-title",
    "/nothing",
    "/dashboard",
    "/login",
    "/oidc/callback",
    "/logout",
    "/static/style.css",
    "/static/",
    "/dashboard/x",
]


@pytest.mark.parametrize("path", ANSWERS)
def test_every_answer_carries_the_headers(ada, visitor, path):
    ada.publish()
    for actor in (ada, visitor):
        headers = actor.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self' https://idp.example;" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"


@pytest.mark.parametrize("path", ["/", "/nothing", "/login", "/dashboard"])
def test_on_https_every_answer_keeps_browsers_there(settings, request, path):
    settings["PUBLIC_URL"] = "https://localhost"
    response = request.getfixturevalue("visitor").get(path, base_url="https://localhost")
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_no_other_site_may_read_our_answers(ada, origin, method):
    for path in ANSWERS:
        response = ada.client.open(path, method=method, headers={"Origin": origin}, buffered=True)
        assert "access-control-" not in str(response.headers).lower()


def test_a_foreign_host_is_refused(visitor):
    response = visitor.get("/", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "This blog is at http://localhost." in response.text
    assert "evil.example" not in response.text


@pytest.mark.parametrize("host", ["[::1", "local host", "", "a" * 5000])
def test_a_senseless_host_is_no_crash(visitor, host):
    assert visitor.get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "FOO"])
def test_another_method_is_answered_with_what_is_allowed(visitor, method):
    response = visitor.client.open("/", method=method)
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    assert "Not this way" in response.text


def test_a_body_must_say_its_length(ada):
    response = ada.client.post("/dashboard/write", input_stream=None, headers={"Transfer-Encoding": "chunked"})
    assert response.status_code == 411


def test_a_body_that_is_far_too_large_is_refused_with_a_page(ada):
    response = ada.post("/dashboard", {"title": "x", "body": "x" * 5_000_000})
    assert response.status_code == 413
    assert "your browser still has what you typed" in response.text


def test_a_fault_of_ours_is_a_page_that_tells_nothing_and_shows_what_was_typed(ada, app, monkeypatch, caplog):
    from blog.content import posts

    def broken(*_args, **_kwargs):
        raise RuntimeError("a secret detail")

    app.testing = False
    form = ada.filled("/dashboard/write", "Publish", title="T", body="Words to keep")
    monkeypatch.setattr(posts, "create", broken)
    response = ada.send(form)
    assert response.status_code == 500
    assert "secret detail" not in response.text
    assert "Words to keep" in response.text
    assert "request" in response.text
    assert caplog.records[-1].getMessage().startswith("broken request=")


def test_no_cookie_is_sent_to_readers(visitor):
    for path in ("/", "/nothing", "/static/style.css"):
        assert "Set-Cookie" not in visitor.get(path).headers
