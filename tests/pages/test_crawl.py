"""The reader who follows every link, on a small site with links that are wrong."""

from __future__ import annotations

from werkzeug.wrappers import Request, Response

from tests.http_idp import serve
from tests.pages.crawl import crawl
from tests.pages.markup import Link, Markup

PAGE = """<!doctype html>
<p><a href=/ours>x</a> <a href="/there#no-such-place">y</a> <a href="/there#place">z</a> <a href=/login?next=/>in</a>
<div class="prose e-content"><div><br><a href="theirs">t</a></div>
<p>typed</p></div>
<p id=after><a href="https://elsewhere.example/">e</a> <img srcset="/one.png 1x, /two.png 2x" src="/there">
<a href=/moved>m</a> <a href=/logins-of-today>l</a>
"""
SITE = {"/": PAGE, "/logins-of-today": "", "/there": "<!doctype html><p id=place>here"}


def answer(environ, start_response):
    path = Request(environ).path
    if path == "/moved":
        return Response(status=301, headers={"Location": "/nowhere"})(environ, start_response)
    found = Response(SITE.get(path, ""), 200 if path in SITE else 404, content_type="text/html")
    return found(environ, start_response)


def test_links_that_lead_nowhere_are_found_and_those_of_authors_told_apart():
    with serve(answer) as url:
        found = crawl(url, "/")
    assert {line.replace(url, "") for line in found.broken(typed=False)} == {
        *("/ → /ours", "/ → /there#no-such-place", "/ → /one.png", "/ → /two.png", "/moved → /nowhere")
    }
    assert found.broken(typed=True) == [f"{url}/ → {url}/theirs"]
    assert found.statuses[f"{url}/nowhere"] == 404
    assert found.pages.keys() == {f"{url}/", f"{url}/there", f"{url}/logins-of-today"}
    assert not [address for address in found.statuses if "/login?" in address or "elsewhere" in address]


def test_what_an_author_typed_is_told_from_the_page_around_it():
    page = Markup("https://blog.example/a/", PAGE)
    assert [page.is_typed(line, 6) for line in range(1, 7)] == [False, False, True, True, False, False]
    assert Link("https://blog.example/a/theirs", typed=True) in page.links
    assert "after" in page.ids
