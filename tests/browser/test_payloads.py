"""Thousands of texts that try to run a script, on the pages that show them, in a real browser: none does."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

import pytest
from flask import Flask, render_template
from playwright.sync_api import Browser, BrowserContext, Page, Route

from blog.content import text
from blog.db import Post
from blog.errors import Invalid
from blog.identity import people
from tests.browser import payloads

TOGETHER = 20  # texts in one document
AT_ONCE = 60  # documents in one page, each in a frame of its own
SITE = "https://blog.example"
NOW = datetime(2026, 5, 4, tzinfo=UTC)

WATCH = """
    const ran = (how) => window.top.postMessage({ran: window.frameElement?.id ?? 'top', how}, '*');
    for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => ran(name);
    if (window === window.top) {
        window.ran = {};
        window.addEventListener('message', ({data}) => { if (data?.how) window.ran[data.ran] = data.how; });
    }
"""
PROVOKE = """async () => {
    const events = 'click dblclick mousedown mouseover mouseenter pointerover focus focusin blur input change keydown '
        + 'submit reset toggle scroll wheel contextmenu animationstart transitionend load error begin end';
    const within = (frame) => { try { return frame.contentDocument; } catch { return null; } };
    for (const frame of document.querySelectorAll('iframe')) {
        const inside = within(frame);
        for (const element of inside?.querySelectorAll('*') ?? []) {
            for (const name of events.split(' ')) element.dispatchEvent(new Event(name, {cancelable: true}));
            const leads = element.href?.baseVal ?? element.href ?? element.getAttribute('xlink:href') ?? '';
            if (/^\\s*(javascript|vbscript|data):/i.test(leads)) element.dispatchEvent(new MouseEvent('click'));
        }
    }
    await new Promise((done) => setTimeout(done, 300));
    return window.ran;
}"""


# -- the places that show what people wrote: each makes one document of some texts, by our own templates --------------


def in_a_post(texts: Sequence[str]) -> str:
    """As bodies, each in a section; as its title, in its head too; as the name of its author."""
    shown = [_post(written, number) for number, written in enumerate(texts)]
    post = _post("", 0)
    post.title = " ".join(one.title for one in shown)
    post.excerpt = " ".join(one.excerpt for one in shown)
    post.body_html = "".join(f"<section>{one.body_html}</section>" for one in shown)
    named = {_key(0): people.Byline(" ".join(_name(written) for written in texts), known=True)}
    return render_template("blog/post.html", post=post, bylines=named, live=True, editable=True)


def in_a_list(texts: Sequence[str]) -> str:
    """As titles, as excerpts, and as the names of authors, on the home page."""
    page = {"posts": [_post(written, number) for number, written in enumerate(texts)], "older": None, "newer": None}
    named = {_key(number): people.Byline(_name(written), known=True) for number, written in enumerate(texts)}
    return render_template("blog/index.html", page=page, bylines=named)


def in_a_form(texts: Sequence[str]) -> str:
    """As what was typed into the editor, which shows it again."""
    return render_template("forms.html", texts=texts)


PLACES: list[Callable[[Sequence[str]], str]] = [in_a_post, in_a_list, in_a_form]


def _post(written: str, number: int) -> Post:
    try:
        title = text.line(written, "title", longest=200)
    except Invalid:
        title = "Refused"
    try:
        body_html = text.render(text.passage(written, "body", longest=100_000))
    except Invalid:
        body_html = "<p>Refused</p>"
    return Post(
        author_issuer=_key(number).issuer,
        author_id=_key(number).id,
        slug="a",
        title=title,
        body_html=body_html,
        excerpt=text.excerpt(body_html),
        published_at=NOW,
        visible_to="everyone",
        version=1,
        group_rows=[],
    )


def _key(number: int) -> people.Key:
    return people.Key("https://idp.example", str(number))


def _name(written: str) -> str:
    return people.name_from_claims({"name": written}) or "Nobody"


# -- the harness ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def everything() -> list[str]:
    found = [*payloads.public(), *payloads.made()]
    assert len(found) > 3_500
    return found


@pytest.fixture
def templates(app: Flask) -> Iterator[None]:
    """Templates render as in a request of somebody who is not logged in."""
    app.jinja_env.loader = chain_loader(app)
    with app.test_request_context("/a", base_url="http://localhost"):
        app.preprocess_request()
        yield


def chain_loader(app: Flask):
    """Our templates, and a form made of the editor's own macros."""
    from jinja2 import ChoiceLoader, DictLoader

    form = (
        '{% extends "base.html" %}{% from "_macros.html" import text_fields %}'
        "{% block content %}{% for t in texts %}<form>{{ text_fields(t, t, {}) }}</form>{% endfor %}{% endblock %}"
    )
    return ChoiceLoader([app.jinja_env.loader, DictLoader({"forms.html": form})])


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context()
    opened.set_default_timeout(120_000)
    opened.add_init_script(WATCH)
    yield opened
    opened.close()


def run(context: BrowserContext, documents: Iterable[str], policy: str | None) -> tuple[dict[str, str], set[str]]:
    """Show each document in a frame of its own, do to every element what a person could, and tell which ran a script.

    :return: what ran, by the number of the document; and the addresses elsewhere that were asked for scripts.
    """
    ran: dict[str, str] = {}
    asked: set[str] = set()
    numbered = enumerate(documents)
    while part := list(islice(numbered, AT_ONCE)):
        page = context.new_page()
        _answer(page, part, policy, asked)
        page.goto(f"{SITE}/frames", wait_until="load")
        ran |= page.evaluate(PROVOKE)
        page.close()
    return ran, asked


def _answer(page: Page, part: Iterable[tuple[int, str]], policy: str | None, asked: set[str]) -> None:
    """Answer from here: the page of frames, and nothing else, neither of ours nor of others."""
    frames = "".join(f'<iframe id="n{n}" srcdoc="{html.escape(document)}"></iframe>' for n, document in part)
    headers = {"Content-Type": "text/html; charset=utf-8"} | ({"Content-Security-Policy": policy} if policy else {})

    def answer(route: Route) -> None:
        if route.request.url == f"{SITE}/frames" and route.request.frame == page.main_frame:
            route.fulfill(body=f"<!doctype html><title>Frames</title>{frames}", headers=headers)
            return
        if route.request.resource_type == "script":
            asked.add(route.request.url)
        route.abort()

    page.route("**/*", answer)


# -- what is shown ----------------------------------------------------------------------------------------------------


def parts(texts: list[str]) -> list[list[str]]:
    return [texts[at : at + TOGETHER] for at in range(0, len(texts), TOGETHER)]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@pytest.mark.usefixtures("templates")
def test_no_text_runs_a_script(context, everything, place):
    """Without the policy that stands behind it: what is shown is harmless by itself."""
    together = parts(everything)
    ran, asked = run(context, map(place, together), None)
    assert {how: together[int(number[1:])] for number, how in ran.items() if number != "top"} == {}
    assert (ran, asked) == ({}, set())


@pytest.mark.usefixtures("templates")
def test_with_the_policy_none_does_either(context, app, everything):
    ran, asked = run(context, map(in_a_post, parts(everything)), policy_of(app))
    assert (ran, asked) == ({}, set())


@pytest.mark.usefixtures("templates")
def test_no_text_gets_out_of_its_place_or_hides_another(context, everything):
    """Else the tests above would not have seen every one of them."""
    page = context.new_page()
    for together in parts(everything):
        page.set_content(in_a_post(together))
        assert page.locator(".prose > section").count() == len(together), together
    page.close()


def policy_of(app: Flask) -> str:
    return app.test_client().get("/").headers["Content-Security-Policy"]


def unsanitised(payload: str) -> str:
    return f"<!doctype html><title>x</title>{text._to_html(payload)}"


SOME = payloads.made()[::6]


def test_the_same_texts_run_scripts_where_nobody_sanitises(context):
    """The control: were what is shown not harmless, this harness would see it."""
    ran, _ = run(context, map(unsanitised, SOME), None)
    assert len(ran) > len(SOME) / 4


def test_and_the_policy_alone_would_stop_them(context, app):
    ran, asked = run(context, map(unsanitised, SOME), policy_of(app))
    assert (ran, asked) == ({}, set())
