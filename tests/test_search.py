"""The search over HTTP: what its page shows, and to whom."""

from __future__ import annotations

from bs4 import BeautifulSoup
from sqlalchemy import delete, event

from blog import db as tables
from blog.content import index
from blog.content import search as content
from blog.db import Searchable, db, writing


def results(actor, typed, **more):
    """The page of a search, and the titles on it."""
    response = actor.get("/search", query_string={"q": typed, **more})
    assert response.status_code == 200, response.text
    page = BeautifulSoup(response.text, "html.parser")
    return page, [title.text.strip() for title in page.select("article h2")]


def test_a_post_is_found_with_a_piece_of_it(ada, visitor):
    slug = ada.publish("Rivers of Europe", "The **Danube** flows to the Black Sea.")
    page, titles = results(visitor, "DANUBE")
    assert titles == ["Rivers of Europe"]
    assert page.select_one("article a")["href"] == f"/{slug}"
    assert page.select_one(".excerpt").text == "The Danube flows to the Black Sea."
    assert [each.text for each in page.select("mark")] == ["Danube"]
    assert page.select_one("#q")["value"] == "DANUBE"
    assert page.select_one("meta[name=robots]")["content"] == "noindex"


def test_nothing_that_a_post_says_is_markup_on_the_page(ada, visitor):
    ada.publish("<img src=x onerror=alert(1)> otter", "otter `<script>alert(1)</script>` &lt;b&gt;otter&lt;/b&gt;")
    response = visitor.get("/search", query_string={"q": 'otter "><script>alert(2)</script>'})
    assert "<script>alert" not in response.text
    response = visitor.get("/search", query_string={"q": "otter"})
    page = BeautifulSoup(response.text, "html.parser")
    assert page.select("main img, main script, main b") == []
    assert page.select_one("h2").text == "<img src=x onerror=alert(1)> otter"
    assert page.select_one(".excerpt").text == "otter <script>alert(1)</script> <b>otter</b>"
    assert len(page.select(".excerpt mark")) == 2


def test_nobody_is_shown_a_word_of_what_they_may_not_read(desk, ada, anybody):
    ada.publish("Everyone’s otter", "otter everyword")
    ada.publish("People’s otter", "otter peopleword", visible_to="people")
    ada.publish("Night otter", "otter nightword", visible_to="groups", group="Night Desk")
    ada.draft("Draft otter", "otter draftword")
    sees = {
        None: {"everyword"},
        "bob": {"everyword", "peopleword"},
        "rita": {"everyword", "peopleword"},
        "nina": {"everyword", "peopleword", "nightword"},
        "eddy": {"everyword", "peopleword", "nightword"},
        "ada": {"everyword", "peopleword", "nightword"},
    }
    for sub, may_see in sees.items():
        reader = anybody().log_in(sub) if sub else anybody()
        page, titles = results(reader, "otter")
        assert len(titles) == len(may_see), sub
        for word in ("everyword", "peopleword", "nightword", "draftword"):
            assert (word in page.text) == (word in may_see), (sub, word)
            page_of_word, titles = results(reader, word)
            assert len(titles) == (word in may_see)
            assert (word in page_of_word.select_one("main").text) == (word in may_see)


def test_what_is_not_for_a_reader_answers_like_what_never_was(ada, visitor):
    ada.publish("Limited", "hiddenword", visible_to="people")
    ada.draft("Draft", "draftword", tags="drafttag")
    plain = visitor.get("/search", query_string={"q": "neverwasword"})
    for word in ("hiddenword", "draftword", "drafttag", "hidden*", "tag:drafttag"):
        answer = visitor.get("/search", query_string={"q": word})
        same = (
            plain.text.replace("neverwasword", "Q"),
            answer.text.replace(word, "Q").replace(word.replace("*", "%2A"), "Q"),
        )
        assert same[0].count("<p") == same[1].count("<p")
        assert "No post that you can read has this." in answer.text


def test_pages_follow_each_other_and_keep_what_was_asked(ada, visitor, settings):
    for number in range(12):
        ada.publish(f"Otter {number}", "x")
    visitor.app.config["POSTS_PER_PAGE"] = 5
    page, seen = results(visitor, '"otter" -beaver')
    while link := page.select_one("a[rel=next]"):
        page = visitor.page(link["href"])
        assert page.select_one("#q")["value"] == '"otter" -beaver'
        seen += [title.text for title in page.select("article h2")]
    assert seen == [f"Otter {number}" for number in reversed(range(12))]
    assert page.select_one(".pages a").text == "← First page"


def test_the_page_says_what_it_needs(ada, visitor):
    ada.publish("Bridges", "over rivers")
    assert visitor.page("/search").select_one("main [role=status]") is None
    assert "How to search" in visitor.page("/search").text
    for typed, said in {
        "-bridges": "Say also what to look for",
        "?!": "There is no word in this",
        "otter": "No post that you can read has this.",
        "otter beaver": "No post that you can read has all of this.",
        "bridge": "Find words that begin like this",
        "bridges " * 11: "Only the first words counted",
        "b*": "needs two signs",
    }.items():
        page, _ = results(visitor, typed)
        assert said in " ".join(page.select_one("main").text.split()), typed
    assert (
        visitor.page("/search?q=bridge").find("a", string="Find words that begin like this")["href"]
        == "/search?q=bridge*"
    )


def test_the_page_says_that_there_was_too_much_to_look_through(ada, visitor, monkeypatch):
    ada.publish("Bridges", "over rivers")
    monkeypatch.setattr(content, "QUICKLY_S", 0)
    monkeypatch.setattr(content, "LONGEST_S", 0)
    monkeypatch.setattr(tables, "STEPS", 1)
    said = visitor.page("/search?q=rivers").select_one("main").text
    assert "This is more to look through than a search takes" in said
    assert "No post that you can read" not in said


def test_a_stranger_is_offered_to_log_in_and_comes_back_to_the_search(ada, visitor):
    for who, offered in ((visitor, True), (ada, False)):
        link = who.page("/search?q=otter").find("a", string="Log in", href=lambda href: "search" in href)
        assert bool(link) == offered
        assert link is None or link["href"] == "/login?next=/search?q%3Dotter"


def test_a_place_that_makes_no_sense_is_not_found(visitor):
    assert visitor.get("/search?q=x&after=x").status_code == 404


def test_what_a_stranger_finds_may_be_kept_and_what_somebody_finds_may_not(ada, visitor):
    assert visitor.get("/search?q=x").headers["Cache-Control"] == "public, no-cache"
    assert "no-store" in ada.get("/search?q=x").headers["Cache-Control"]


def test_every_page_leads_to_the_search(ada, visitor):
    for who in (visitor, ada):
        assert who.page("/").find("a", string="Search")["href"] == "/search"


def test_a_search_asks_the_database_a_few_times_however_much_it_finds(ada, visitor):
    for number in range(8):
        ada.publish(f"Otter {number}", "otter", tags="Seals")
    visitor.get("/search?q=otter")
    asked = []
    with visitor.app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    visitor.get("/search?q=otter+seals+tag:seals")
    assert 0 < len([each for each in asked if each.startswith(("SELECT", "WITH"))]) <= 6, asked


def test_posts_from_before_are_found_after_an_upgrade(app, ada, visitor):
    ada.publish("Bridges", "over rivers")
    with app.app_context(), writing() as session:
        session.execute(delete(Searchable))
    assert results(visitor, "rivers")[1] == []
    with app.app_context(), writing() as session:
        db.metadata.drop_all(session.connection(), [Searchable.__table__])
        db.metadata.create_all(session.connection(), [Searchable.__table__])
    with app.app_context():
        assert index.renew() == 1
    assert results(visitor, "rivers")[1] == ["Bridges"]
