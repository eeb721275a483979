"""The door to comments: leaving one, replying, changing, deleting, deciding; and what goes wrong on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import insert, update

from blog import create_app
from blog.db import Comment, Post, db, writing
from blog.identity.directories.cached import Cached
from tests.actor import Actor, fill
from tests.test_author_pages import Departed
from tests.test_blog import Queries

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://evil.example/pixel.gif)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&colon;alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "<javascript:alert(1)>",
    '[x](https://e.example/"onmouseover="alert(1))',
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "</textarea><script>alert(1)</script>",
    "`</code><script>`",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "<style>*{display:none}</style>",
    "<form action=https://evil.example><input name=csrf_token></form>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "# Heading\n\n| a | b |\n|---|---|\n| c | d |",
    "{{ config.SECRET_KEY }}{% raw %}",
    "<!-- x --><base href=//evil.example>",
    "[x]: javascript:alert(1)\n\n[x]",
    "<details open ontoggle=alert(1)>x</details>",
]


@pytest.fixture
def slug(desk, ada):
    return ada.publish("Words")


@pytest.fixture
def rita(slug, anybody):
    return anybody().log_in("rita")


@pytest.fixture
def nina(slug, anybody):
    return anybody().log_in("nina")


@pytest.fixture
def eddy(slug, anybody):
    return anybody().log_in("eddy")


def say(actor, comment="Well said.", slug="words", to=None, status=303):
    path = f"/{slug}/comment" + (f"?to={to}" if to else "")
    response = actor.submit(path, "Reply" if to else "Comment", comment=comment)
    assert response.status_code == status, response.text
    return response


def decide(actor, button, *chosen, state="held"):
    """Tick comments in the queue, and press the button for all of them."""
    path = f"/dashboard/comments?state={state}"
    page = actor.page(path)
    boxes = [str(box["value"]) for box in page.select(".queue input[type=checkbox]")]
    ticked = [value for value in boxes if not chosen or int(value.partition("-")[0]) in chosen]
    pressed = next(found for found in page.select(".bulk button") if found.text == button)
    _, fields = fill(page, path, button)
    fields.pop("only")
    response = actor.post("/dashboard/comments", fields | {"action": pressed["value"], "chosen": ticked})
    assert response.status_code == 303, response.text
    return actor.page(response.location).select_one(".notice").text.strip()


def talk(actor, slug="words"):
    return actor.page(f"/{slug}").select_one("#comments")


def said(actor, slug="words"):
    return [text.text.strip() for text in talk(actor, slug).select(".comment .prose")]


def test_a_comment_waits_is_approved_and_is_read(rita, ada, visitor):
    response = say(rita)
    assert response.location == "/words#comment-1"
    own = talk(rita).select_one("#comment-1")
    assert "Waits for approval" in own.text
    assert "Rita Reader" in own.text
    assert said(visitor) == said(ada) == []
    assert "1 held" in ada.page("/dashboard").text
    assert decide(ada, "Approve") == "1 comment is approved."
    assert "held" not in ada.page("/dashboard").select_one("main > .meta").text
    shown = talk(visitor)
    assert said(visitor) == ["Well said."]
    assert shown.h2.text == "1 comment"
    assert shown.select_one(".byline").text == "Rita Reader"
    assert "Waits" not in shown.text


def test_strangers_are_led_to_the_login_and_back_to_the_form(slug, visitor):
    there = talk(visitor)
    assert not there.select("form")
    way = there.find("a", string="Log in to comment")["href"]
    visitor.sub = "nina"
    back = visitor.return_with(visitor.begin(way))
    assert back.location == "/words#write-comment"
    assert talk(visitor).select_one("form#write-comment textarea[name=comment]")


def test_pages_for_strangers_stay_the_same_for_all_of_them_and_cacheable(rita, ada, visitor, anybody):
    say(rita)
    decide(ada, "Approve")
    pages = [browser.get("/words") for browser in (visitor, anybody())]
    assert pages[0].text == pages[1].text
    assert "csrf_token" not in pages[0].text
    assert pages[0].headers["Cache-Control"] == "public, no-cache"
    assert rita.get("/words").headers["Cache-Control"] == "private, no-store"


def test_replies_stand_below_what_they_answer(rita, nina, ada, visitor):
    say(rita, "First")
    decide(ada, "Approve")
    quoted = nina.page("/words/comment?to=1").select_one(".quoted")
    assert "First" in quoted.text
    say(nina, "Second", to=1)
    say(ada, "Third", to=1)
    decide(ada, "Approve")
    say(rita, "Fourth", to=2)
    decide(ada, "Approve")
    thread = talk(visitor).select(".threads > li")
    assert len(thread) == 1
    assert [reply.text.strip() for reply in thread[0].select(".replies .prose")] == ["Second", "Third", "Fourth"]
    assert "Author of this post" in thread[0].select(".replies .comment")[1].text


def test_a_reply_to_what_is_gone_keeps_the_words(rita, ada):
    say(rita, "First")
    decide(ada, "Approve")
    form = rita.filled("/words/comment?to=1", "Reply", comment="My answer")
    ada.submit("/words/comment/1/delete", "Delete")
    response = rita.send(form)
    assert response.status_code == 400
    assert "not there any more" in response.text
    assert "My answer" in response.text


class TestModes:
    @pytest.fixture
    def settings(self, settings, request):
        return settings | {"COMMENTS": request.param}

    @pytest.mark.parametrize("settings", ["off"], indirect=True)
    def test_off_leaves_nothing_of_comments(self, slug, ada, rita, visitor):
        for actor in (ada, rita, visitor):
            assert actor.page("/words").select_one("#comments") is None
        assert rita.get("/words/comment").status_code == 404
        assert ada.get("/dashboard/comments").status_code == 404
        assert "Take comments" not in ada.get("/words/edit").text
        assert "/dashboard/comments" not in ada.get("/dashboard").text

    @pytest.mark.parametrize("settings", ["first"], indirect=True)
    def test_first_holds_the_first_one_only(self, rita, ada, visitor):
        say(rita, "One")
        assert "first comment" in talk(rita).text
        decide(ada, "Approve")
        say(rita, "Two")
        assert said(visitor) == ["One", "Two"]

    @pytest.mark.parametrize("settings", ["open"], indirect=True)
    def test_open_shows_all_at_once(self, rita, visitor):
        say(rita)
        assert said(visitor) == ["Well said."]

    @pytest.mark.parametrize("settings", ["open"], indirect=True)
    @pytest.mark.parametrize("payload", HOSTILE)
    def test_nothing_harmful_comes_out(self, rita, visitor, payload):
        say(rita, payload + "\n\nend")
        (comment,) = talk(visitor).select(".comment .prose")
        assert "end" in comment.text
        harmless = {"p", "br", "a", "code", "pre", "em", "strong", "blockquote", "ul", "ol", "li", "s"}
        for tag in comment.find_all(True):
            assert tag.name in harmless
            assert set(tag.attrs) <= {"href", "rel"}
            if tag.name == "a":
                assert tag.get("href", "http:").startswith(("http:", "https:", "/"))
                assert tag["rel"] == ["nofollow", "ugc", "noopener"]
        edited = rita.page("/words/comment/1/edit").select_one("textarea[name=comment]").text
        assert edited.strip() == payload + "\n\nend"


def test_what_cannot_be_saved_is_shown_again(rita):
    for words in ("", "x" * 10_001, "bad \x00 words"):
        response = say(rita, words, status=400)
        area = BeautifulSoup(response.text, "html.parser").select_one("textarea[name=comment]")
        assert area["aria-invalid"] == "true"
        assert area.text.strip("\n") == words


def test_half_a_form_saves_nothing(rita):
    path, fields = rita.filled("/words/comment", "Comment", comment="Half of")
    del fields["end"]
    response = rita.post(path, fields)
    assert response.status_code == 400
    assert "Half of" in response.text
    assert said(rita) == []


def test_a_form_sent_twice_leaves_one_comment(rita):
    form = rita.filled("/words", "Comment", comment="Once")
    assert rita.send(form).location == rita.send(form).location == "/words#comment-1"
    assert said(rita) == ["Once"]


def test_a_comment_sent_while_signed_out_comes_back(rita):
    form = rita.filled("/words", "Comment", comment="Typed for an hour")
    rita.client._cookies.clear()
    response = rita.send(form)
    assert response.status_code == 401
    way = BeautifulSoup(response.text, "html.parser").select_one("main a")["href"]
    back = rita.return_with(rita.begin(way))
    assert back.location.startswith("/words/comment?parked=")
    page = rita.page(back.location)
    assert page.select_one("textarea[name=comment]").text.strip() == "Typed for an hour"
    assert "it is not saved yet" in page.select_one(".notice").text
    path, fields = fill(page, "/words/comment", "Comment")
    assert rita.post(path, fields).location == "/words#comment-1"
    assert rita.get(back.location).text.count("Typed for an hour") == 0


def test_a_parked_comment_on_a_post_that_went_is_shown_once_more(rita, ada):
    form = rita.filled("/words", "Comment", comment="Typed for an hour")
    rita.client._cookies.clear()
    way = BeautifulSoup(rita.send(form).text, "html.parser").select_one("main a")["href"]
    ada.submit("/words/edit", "Unpublish")
    back = rita.return_with(rita.begin(way))
    response = rita.get(back.location)
    assert response.status_code == 403
    assert "Typed for an hour" in response.text


def test_a_closed_post_says_so_and_keeps_the_words(rita, ada, visitor):
    form = rita.filled("/words", "Comment", comment="Late words")
    path, fields = ada.filled("/words/edit", "Save changes")
    assert fields.pop("comments") == ["yes"]
    assert ada.post(path, fields).status_code == 303
    assert "Comments are closed" in talk(visitor).text
    assert not talk(rita).select("form")
    response = rita.send(form)
    assert response.status_code == 400
    assert "Late words" in response.text
    assert "takes no comments any more" in rita.get("/words/comment").text
    assert ada.page("/words/edit").select_one("input[name=comments]").get("checked") is None
    ada.submit("/words/edit", "Save changes", comments="yes")
    assert rita.send(form).status_code == 303


def test_a_conflict_keeps_what_was_chosen_about_comments(ada, slug):
    form = ada.filled("/words/edit", "Save changes", body="Mine")
    form[1].pop("comments")
    ada.submit("/words/edit", "Save changes", body="Theirs")
    page = BeautifulSoup(ada.send(form).text, "html.parser")
    assert page.select_one("input[name=comments]").get("checked") is None


class TestAge:
    @pytest.fixture
    def settings(self, settings):
        return settings | {"COMMENTS_CLOSE_AFTER": "7"}

    def test_a_post_closes_by_its_age(self, slug, visitor, clock):
        assert talk(visitor).find("a", string="Log in to comment")
        clock.advance(days=7)
        assert "Comments are closed" in talk(visitor).text


def test_a_comment_is_changed_for_a_while(rita, ada, visitor, clock):
    say(rita, "Frist")
    decide(ada, "Approve")
    assert "waits for approval again" in rita.get("/words/comment/1/edit").text
    assert rita.submit("/words/comment/1/edit", "Save changes", comment="First").location == "/words#comment-1"
    assert said(visitor) == []
    assert said(rita) == ["First"]
    assert "changed" in talk(rita).text
    form = rita.filled("/words/comment/1/edit", "Save changes", comment="Too late")
    clock.advance(minutes=16)
    for response in (rita.get("/words/comment/1/edit"), rita.send(form)):
        assert response.status_code == 403
        assert "15 minutes" in response.text
    assert "Too late" in rita.send(form).text
    assert talk(rita).find("a", string="Change") is None
    assert talk(rita).find("a", string="Delete")


def test_two_tabs_change_a_comment_and_nothing_is_lost(rita):
    say(rita, "First")
    one, two = (rita.filled("/words/comment/1/edit", "Save changes", comment=text) for text in ("One", "Two"))
    assert rita.send(one).status_code == 303
    response = rita.send(two)
    assert response.status_code == 409
    page = BeautifulSoup(response.text, "html.parser")
    assert page.select_one("textarea[name=comment]").text.strip() == "Two"
    path, fields = fill(page, "/words/comment/1/edit", "Save changes")
    assert rita.post(path, fields).status_code == 303
    assert said(rita) == ["Two"]


def test_a_deleted_comment_leaves_its_replies(rita, nina, ada, visitor):
    say(rita, "Regretted words")
    decide(ada, "Approve")
    say(nina, "An answer", to=1)
    decide(ada, "Approve")
    assert "Regretted words" in rita.page("/words/comment/1/delete").text
    assert rita.submit("/words/comment/1/delete", "Delete").location == "/words#comments"
    assert said(visitor) == ["An answer"]
    assert "This comment was deleted." in talk(visitor).text
    assert "Rita" not in talk(visitor).text
    assert talk(visitor).h2.text == "1 comment"
    nina.submit("/words/comment/2/delete", "Delete")
    assert not talk(visitor).select(".comment")


def test_what_others_hold_is_not_there(rita, nina, ada, visitor):
    say(rita, "Private so far")
    for path in ("/words/comment/1/edit", "/words/comment/1/delete"):
        assert nina.get(path).status_code == nina.get(path.replace("1", "77")).status_code == 404
    for number in (99999999999999999999, 2**31):
        assert nina.get(f"/words/comment/{number}/edit").status_code == 404
        assert nina.get(f"/words?comments={number}").status_code == 404
    assert "Private" not in nina.get("/words/comment?to=1").text
    assert "Private" not in visitor.get("/words").text


def test_a_comment_belongs_to_its_post(rita, ada):
    ada.publish("Other")
    say(rita)
    assert rita.get("/other/comment/1/edit").status_code == 404
    assert rita.get("/other/comment/1/delete").status_code == 404


def test_old_addresses_of_a_post_lead_to_its_comments(rita, ada):
    say(rita)
    form = rita.filled("/words", "Comment", comment="Sent to the old address")
    ada.submit("/words/edit", "Save changes", title="Sentences")
    assert rita.get("/words/comment/1/edit").location == "/sentences/comment/1/edit"
    assert rita.get("/words/comment?to=1").location == "/sentences/comment?to=1"
    assert rita.send(form).location == "/sentences#comment-2"


# -- deciding ----------------------------------------------------------------------------------------------------------


def test_several_are_decided_about_at_once_and_each_alone(rita, nina, eddy, security_log):
    for actor, words in ((rita, "One"), (rita, "Two"), (nina, "Three")):
        say(actor, words)
    assert decide(eddy, "Approve", 1, 2) == "2 comments are approved."
    assert security_log.of("comments_decided")[0]["comments"] == 2
    page = eddy.page("/dashboard/comments")
    alone = next(button for button in page.select(".queue button") if button.text == "Spam")
    path, fields = fill(page, "/dashboard/comments", "Spam")
    eddy.post(path, fields | {"only": alone["value"]})
    assert [text.text.strip() for text in eddy.page("/dashboard/comments?state=spam").select(".queue .prose")] == [
        "Three"
    ]
    assert decide(eddy, "Hold", state="spam") == "1 comment is held again."
    assert decide(eddy, "Reject") == "1 comment is rejected."
    assert "Nothing waits for you." in eddy.page("/dashboard/comments").text


def test_who_presses_enter_decides_nothing_and_hears_of_it(rita, ada):
    say(rita, "One")
    path, fields = fill(ada.page("/dashboard/comments"), "/dashboard/comments", "Approve")
    response = ada.post(path, {**fields, "only": "", "action": "nothing"})
    assert "Nothing was decided." in ada.page(response.location).select_one(".notice").text


def test_what_changed_meanwhile_is_told_and_not_approved(rita, ada, visitor):
    say(rita, "Kind words")
    page = ada.page("/dashboard/comments")
    box = page.select_one(".queue input[type=checkbox]")["value"]
    path, fields = fill(page, "/dashboard/comments", "Approve")
    rita.submit("/words/comment/1/edit", "Save changes", comment="Other words")
    fields.pop("only")
    response = ada.post(path, fields | {"action": "approve", "chosen": box})
    assert "1 changed or went meanwhile" in ada.page(response.location).text
    assert said(visitor) == []


def test_an_author_finds_only_what_stands_on_their_posts(rita, ada, eddy, anybody):
    bob = anybody().log_in("bob")
    bob.publish("Elsewhere")
    say(rita, "At Ada's")
    say(rita, "At Bob's", slug="elsewhere")

    def found(actor):
        return [text.text.strip() for text in actor.page("/dashboard/comments").select(".queue .prose")]

    assert (found(ada), found(bob)) == (["At Ada's"], ["At Bob's"])
    assert found(eddy) == ["At Bob's", "At Ada's"]
    _, fields = ada.filled("/dashboard/comments", "Reject")
    ada.post("/dashboard/comments", fields | {"only": "approve 2-1"})
    assert found(bob) == ["At Bob's"]


@pytest.mark.parametrize(
    "more",
    [
        {"action": "delete"},
        {"action": "approve", "chosen": "x"},
        {"action": "approve", "chosen": "1"},
        {"only": "approve"},
        {"only": "approve 1-1-1"},
        {"action": ""},
    ],
)
def test_a_form_that_somebody_changed_decides_nothing(rita, ada, more, visitor):
    say(rita)
    path, fields = ada.filled("/dashboard/comments", "Approve")
    for name in ("only", "action", "chosen"):
        fields.pop(name, None)
    assert ada.post(path, fields | more).status_code == 400
    assert said(visitor) == []


def test_the_queue_has_pages(settings, rita, ada, app):
    app.config["POSTS_PER_PAGE"] = 2
    for number in range(5):
        say(rita, f"Number {number}")
    seen, path = [], "/dashboard/comments"
    while path:
        page = ada.page(path)
        seen += [text.text.strip() for text in page.select(".queue .prose")]
        older = page.select_one('.pages a[rel="next"]')
        path = older["href"] if older else None
    assert seen == [f"Number {number}" for number in (4, 3, 2, 1, 0)]
    for senseless in ("?state=x", "?state=deleted", "?before=x", "?before=99999999999999999999"):
        assert ada.get(f"/dashboard/comments{senseless}").status_code == 404


# -- how many, and how much is asked -----------------------------------------------------------------------------------


def test_too_many_comments_are_refused_in_all_processes_and_nothing_typed_is_lost(
    rita, settings, clock, idp, security_log
):
    other = create_app(settings, now=clock)
    other.testing = True
    elsewhere = Actor(other, idp)
    elsewhere.client = other.test_client()
    elsewhere.log_in("rita")
    for number in range(5):
        say((rita, elsewhere)[number % 2], f"Number {number}")
    for actor in (rita, elsewhere):
        response = say(actor, "One more, which took me long", status=429)
        assert 0 < int(response.headers["Retry-After"]) <= 600
        assert "One more, which took me long" in response.text
    assert len(security_log.of("comments_limited")) == 2
    clock.advance(minutes=11)
    say(elsewhere, "One more, which took me long")
    other.extensions["porch"].directory.close()
    with other.app_context():
        db.engine.dispose()


def test_a_post_without_comments_asks_nothing_more_and_one_with_them_one_query(rita, ada, visitor, app):
    def asked(actor):
        visitor.get("/")  # what has changed may be in the navigation: that is looked up once
        with Queries(app) as queries:
            assert actor.get("/words").status_code == 200
        return len([statement for statement in queries.said if " posts" in statement or " comments" in statement])

    assert asked(visitor) == 1
    say(rita)
    assert asked(visitor) == 1
    decide(ada, "Approve")
    assert asked(visitor) == 2
    assert asked(rita) == 2


def test_names_of_a_page_are_asked_for_once(rita, nina, ada, visitor, app, monkeypatch):
    for actor in (rita, nina):
        say(actor)
    decide(ada, "Approve")
    asked = []
    directory = app.extensions["porch"].directory
    known = type(directory).people
    monkeypatch.setattr(
        type(directory), "people", lambda self, keys, *more: asked.append(keys) or known(self, keys, *more)
    )
    visitor.get("/words")
    assert [len(keys) for keys in asked] == [3]


def test_ten_thousand_comments_are_paged(slug, visitor, app, clock):
    row = {
        "created_at": clock(),
        "post_id": 1,
        "author_issuer": "https://idp.example",
        "author_id": "rita",
        "html_version": 1,
        "version": 1,
    }
    with app.app_context(), writing() as session:
        made = [
            row | {"id": n, "thread_id": n, "body_md": "x", "body_html": f"<p>{n}</p>", "state": "live"}
            for n in range(1, 10_001)
        ]
        session.execute(insert(Comment), made)
        session.execute(update(Post).values(comments_live=10_000))
    assert len(said(visitor)) == 50
    assert talk(visitor).h2.text == "10,000 comments"
    later = talk(visitor).select_one('a[rel="next"]')["href"]
    page = visitor.page(later.partition("#")[0])
    assert page.select_one(".comment .prose").text.strip() == "51"
    assert "First comments" in page.text


def test_a_changed_name_shows_and_who_left_is_a_former_member(rita, ada, visitor, idp, app):
    say(rita)
    decide(ada, "Approve")
    idp.people["rita"]["name"] = "Rita Writer"
    rita.submit("/logout", "Log out")
    rita.log_in("rita")
    assert talk(visitor).select_one(".byline").text == "Rita Writer"
    ready = app.extensions["porch"]
    ready.directory.close()
    app.extensions["porch"] = replace(ready, directory=Cached(Departed()))
    assert talk(visitor).select_one(".byline").text == "Former member"


def test_comments_on_a_post_for_some_are_for_them_only(desk, ada, anybody, visitor):
    ada.publish("Nightly", visible_to="groups", group="Night Desk")
    nina, rita = anybody().log_in("nina"), anybody().log_in("rita")
    say(nina, "Among us", slug="nightly")
    decide(ada, "Approve")
    assert said(nina, "nightly") == ["Among us"]
    for path in ("/nightly/comment", "/nightly/comment/1/edit", "/nightly/comment/1/delete"):
        assert rita.get(path).status_code == 404
    _, fields = rita.filled("/logout", "Log out", comment="Let me in")
    assert rita.post("/nightly/comment", fields).status_code == 404
    assert visitor.get("/nightly").status_code == 404
