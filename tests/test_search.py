"""The search over HTTP: what its page shows, and to whom."""

from __future__ import annotations

from bs4 import BeautifulSoup


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
