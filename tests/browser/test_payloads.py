"""Thousands of texts that try to run a script, on the pages that show them, in a real browser: none does."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

import pytest
from flask import Flask, g, render_template
from playwright.sync_api import Browser, BrowserContext, Page, Route

from blog.content import authorship, slugs, syndication, tags, text
from blog.content.comments import SILENCE, Rules, Talk, Thread, Visitor
from blog.content.media import library, workshop
from blog.content.neighbours import Neighbours
from blog.content.posts import Page as Stretch
from blog.content.readers import ANYBODY
from blog.content.shown import Shown
from blog.content.typed import line, passage
from blog.db import Comment, Named
from blog.errors import Invalid
from blog.identity import people
from blog.media import Failed
from blog.web.templating import named_by
from tests.browser import payloads
from tests.feed_rules import ATOM, tree

TOGETHER = 50  # texts in one document
AT_ONCE = 25  # documents in one page, each in a frame of its own
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
    const events = ('click dblclick mousedown mouseover mouseenter pointerover focus focusin blur input change keydown '
        + 'submit reset toggle scroll wheel contextmenu animationstart transitionend load error begin end').split(' ');
    const within = (frame) => { try { return frame.contentDocument; } catch { return null; } };
    for (const frame of document.querySelectorAll('iframe')) {
        const inside = within(frame);
        for (const element of inside?.querySelectorAll('*') ?? []) {
            // where no script has run, nothing else can listen
            const listens = element.getAttributeNames().some((name) => /^on/i.test(name));
            for (const name of listens ? events : []) element.dispatchEvent(new Event(name, {cancelable: true}));
            const leads = element.href?.baseVal ?? element.href ?? element.getAttribute('xlink:href') ?? '';
            if (/^\\s*(javascript|vbscript|data):/i.test(leads)) element.dispatchEvent(new MouseEvent('click'));
        }
    }
    await new Promise((done) => setTimeout(done, 300));
    return window.ran;
}"""


# -- the places that show what people wrote: each makes one document of some texts, by our own templates --------------


def in_a_post(texts: Sequence[str]) -> str:
    """As bodies, each in a section; as its title, in its head too; as names of authors and guests; as tags."""
    shown = [_post(written, number) for number, written in enumerate(texts)]
    guests = [Named(None, None, _line(written, authorship.GUEST_LONGEST)) for written in texts]
    post = _post("", 0)._replace(
        listed=(Named(_key(0), None), *guests),
        named=(Named(_key(0), None), *guests),
        title=" ".join(one.title for one in shown),
        excerpt=" ".join(one.excerpt for one in shown),
        body_html="".join(f"<section>{one.body_html}</section>" for one in shown),
        tags_told="\n".join(f"{tag.slug}\t{tag.name}" for tag in _tags(texts)),
    )
    named = {_key(0): people.Byline(" ".join(_name(written) for written in texts), known=True)}
    return _page_of(post, named, SILENCE)


def in_comments(texts: Sequence[str]) -> str:
    """As comments, and as the names of who left them."""
    post = _post("Words.", len(texts))
    named = {_key(number): people.Byline(_name(written), known=True) for number, written in enumerate(texts)}
    named[_key(len(texts))] = people.Byline("Amina Diallo", known=True)
    said = [Thread(_comment(written, number), []) for number, written in enumerate(texts)]
    return _page_of(post, named, Talk(said))


def _page_of(post: Shown, named: dict[people.Key, people.Byline], talk: Talk) -> str:
    return render_template(
        "blog/post.html",
        post=post.alone,
        names=named_by(post, named),
        bylines=named,
        live=True,
        asked=None,
        editable=True,
        talk=talk,
        silent=talk is SILENCE,
        visitor=Visitor(ANYBODY),
        rules=Rules(),
        takes=True,
        now=NOW,
        form_id="",
        address="/a",
        neighbours=Neighbours(),
        updated=False,
    )


def _comment(written: str, number: int) -> Comment:
    try:
        body_html = text.render_comment(passage(written, "comment", longest=10_000))
    except Invalid:
        body_html = "<p>Refused</p>"
    return Comment(
        id=number + 1,
        author_issuer=_key(number).issuer,
        author_id=_key(number).id,
        body_html=body_html,
        state="live",
        created_at=NOW,
    )


def in_a_list(texts: Sequence[str]) -> str:
    """As titles, as excerpts, and as the names of authors, on the home page."""
    page = Stretch([_post(written, number) for number, written in enumerate(texts)], None, None)
    named = {_key(number): people.Byline(_name(written), known=True) for number, written in enumerate(texts)}
    return render_template("blog/index.html", page=page, bylines=named, address="/")


def in_a_feed_reader(texts: Sequence[str]) -> str:
    """In the program of somebody who trusts a feed: what it calls HTML is shown as that, all else as text."""
    site = syndication.Site(SITE, "blog.example,2026")
    entries = []
    for number, written in enumerate(texts):
        author = syndication.Author(_name(written))
        entries.append(syndication.entry(_post(written, number), site=site, author=lambda _, who=author: who))
    whole = syndication.Feed(id="tag:x,2026:x", title="x", home_url=SITE, self_url=SITE, entries=entries)
    shown = tree(syndication.atom(whole)).iter(f"{ATOM}entry")
    return "<!doctype html><title>x</title>" + "".join(
        f'<h2><a href="{html.escape(entry.find(f"{ATOM}link").get("href"))}">'
        f"{html.escape(entry.findtext(f'{ATOM}title'))}</a></h2>"
        f"<p>{html.escape(entry.findtext(f'{ATOM}author/{ATOM}name'))}"
        f"<section>{entry.findtext(f'{ATOM}content')}</section>"
        for entry in shown
    )


def in_a_form(texts: Sequence[str]) -> str:
    """As what was typed into the editor, which shows it again."""
    return render_template("forms.html", texts=texts)


def in_a_tag(texts: Sequence[str]) -> str:
    """As the name of a tag, on its page and in its head."""
    name = " ".join(tag.name for tag in _tags(texts))
    page = Stretch([_post("Words.", 0)], None, None)
    named = {_key(0): people.Byline("Amina Diallo", known=True)}
    way = ((name, f"{SITE}/tag/a"),)
    found = tags.Found(1, name, "a")
    return render_template("blog/tag.html", tag=found, page=page, bylines=named, address="/tag/a", way=way)


def in_the_list_of_tags(texts: Sequence[str]) -> str:
    """As tags in the list of editors, some of which no post has; as what was typed there, and refused."""
    typed = {"tag": "0", "name": " ".join(texts), "into": " ".join(texts)}
    problems = {"name": f"“{typed['name']}” is there already.", "into": f"There is no tag “{typed['into']}”."}
    return _to_an_editor("tags/index.html", tags=_tags(texts), more=None, after="", typed=typed, problems=problems)


def in_the_library(texts: Sequence[str]) -> str:
    """As names of files that were not taken; as what pictures show, and as what was typed of one."""
    typed = {"alt": " ".join(texts)}
    return _to_an_editor(
        "media/index.html",
        page=library.Page([_picture(written, number) for number, written in enumerate(texts)], None, None),
        holding=library.Holding(len(texts), 1, 0, 0),
        only="",
        accepted="image/png",
        megabytes=library.megabytes,
        typed=typed,
        problems={"file": ""},
        failed=[Failed(workshop.told(written), _refusal(written)) for written in texts],
    )


PLACES: list[Callable[[Sequence[str]], str]] = [
    in_a_post,
    in_comments,
    in_a_list,
    in_a_feed_reader,
    in_a_form,
    in_a_tag,
    in_the_list_of_tags,
    in_the_library,
]


def _to_an_editor(template: str, **given: Any) -> str:
    """Render it for somebody who is logged in."""
    g.user = people.Person(_key(0), "Amina Diallo", roles=frozenset({"author", "editor"}))
    try:
        return render_template(template, **given)
    finally:
        g.user = None


def _line(written: str, longest: int) -> str:
    """As much of this as a line of the editor takes."""
    try:
        return line(written[:longest], "line", longest=longest)
    except Invalid:
        return "Refused"


def _tags(texts: Iterable[str]) -> list[tags.Counted]:
    """The tags that somebody gets who types these; of a text too long for one, who types its beginning, or its end."""
    names: dict[str, None] = {}
    for typed in (part for each in texts for part in (each[: tags.LONGEST], each[-tags.LONGEST :])):
        with suppress(Invalid):
            names |= dict.fromkeys(tags.settled(tags.split(typed)))
    return [tags.Counted(at, name, next(slugs.for_tags(name)), posts=at % 2) for at, name in enumerate(names)]


def _picture(written: str, number: int) -> library.Item:
    alt = _line(written, library.ALT_LONGEST)
    return library.Item(number, "0" * 40, "png", 1, 1, "", 1, alt, NOW, used=False)


def _refusal(name: str) -> str:
    """Why a file of this name is not taken."""
    try:
        return workshop.recognise(b"\x89PNG\r\n\x1a\n", name=name, declared=name)
    except Invalid as invalid:
        return invalid.problems["file"]


@cache
def _rendered(written: str) -> str:
    try:
        return text.render(passage(written, "body", longest=100_000))
    except Invalid:
        return "<p>Refused</p>"


def _post(written: str, number: int) -> Shown:
    body_html = _rendered(written)
    return Shown(
        listed=(Named(_key(number), None),),
        named=(Named(_key(number), None),),
        groups=(),
        id=number + 1,
        author_issuer=_key(number).issuer,
        author_id=_key(number).id,
        handle=None,
        kind="post",
        title=_line(written, 200),
        slug="a",
        excerpt=text.excerpt(body_html),
        published_at=NOW,
        visible_to="everyone",
        lang=None,
        image_url=None,
        image_alt="",
        image_told=None,
        note_html=None,
        body_html=body_html,
        updated_at=NOW,
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
        '{% extends "base.html" %}{% from "dashboard/_macros.html" import text_fields %}'
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
        shown = [page.locator(where).count() for where in (".prose > section", ".guest .mark", ".tags > li")]
        assert shown == [len(together), len(together), len(_tags(together))], together
    page.close()


def policy_of(app: Flask) -> str:
    return app.test_client().get("/").headers["Content-Security-Policy"]


def unsanitised(payload: str) -> str:
    return f"<!doctype html><title>x</title>{text._to_html(payload)}"


SOME = payloads.made()[::11]  # some of each family, in every combination: no family repeats itself after eleven


def test_the_same_texts_run_scripts_where_nobody_sanitises(context):
    """The control: were what is shown not harmless, this harness would see it."""
    ran, _ = run(context, map(unsanitised, SOME), None)
    assert len(ran) > len(SOME) / 4


def test_and_the_policy_alone_would_stop_them(context, app):
    ran, asked = run(context, map(unsanitised, SOME), policy_of(app))
    assert (ran, asked) == ({}, set())
