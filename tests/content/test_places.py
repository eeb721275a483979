"""Places: the links of a text lead to its headings, and to what it names itself, whoever made it."""

import time

import pytest
from bs4 import BeautifulSoup

from blog.content import text


def led(body_md):
    """Of each link that somebody wrote: its words, and the words that it leads to; None where that is nowhere."""
    page = BeautifulSoup(text.render(body_md), "html.parser")
    links = [link for link in page.find_all("a", href=True) if "anchor" not in link.get("class", ())]
    targets = [page.find(id=link["href"].removeprefix("#")) for link in links]
    return {
        link.get_text(): target and target.get_text(strip=True) for link, target in zip(links, targets, strict=True)
    }


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("design", "## Design"),
        ("Our-Design", "## Our *design*"),
        ("our-design", "<h3>Our design</h3>"),
        ("section-design", "## Design"),
        ("whats-next", "## What's next?"),
        ("what-s-next", "## What’s next?"),
        ("größe", "## Größe"),
        ("gr%C3%B6%C3%9Fe", "## Größe"),
        ("東京", "## 東京"),
        ("a-heading-of-very-many-words-that-no-address-would-hold-whole-as-it-is-too-long",) * 2,
        ("same-2", "## Same\n\nx\n\n## Same"),
        ("mine", "## Design {#mine}"),
        ("mine", "## Design {: #mine }"),
        ("mine", "## Design [x](/x) {#mine}"),
        ("mine", '<h2 id="mine">Design</h2>'),
        ("mine", '<h2><a name="mine"></a>Design</h2>'),
        ("mine", '<h2><a id="mine">Design</a></h2>'),
        ("a b", '<h2 id="a b">Design</h2>'),
        ('"%3E%3Cb%3E', "<h2 id='\"><b>'>Design</h2>"),
    ],
)
def test_a_link_leads_to_a_heading_of_the_text(name, heading):
    heading = heading if heading[:1] in "#<" else f"## {heading}"
    for body_md in (f"[to](<#{name}>)\n\n{heading}", f"{heading}\n\n[to](<#{name}>)"):
        page = BeautifulSoup(text.render(body_md), "html.parser")
        assert page.find("a", string="to")["href"] == "#" + page.find_all(["h2", "h3"])[-1]["id"]
        assert "mine" not in page.get_text()


def test_in_html_links_lead_there_too():
    assert led('<p><a href="#design">to</a></p>\n<h2>Design</h2>') == {"to": "Design"}


@pytest.mark.parametrize(
    "place",
    [
        '<a name="ref1">There</a>',
        '<a id="ref1">There</a>',
        '<p id="ref1">There</p>',
        '<ul><li id="ref1">There</li></ul>',
        '<section id="ref1">There</section>',
    ],
)
def test_a_link_leads_to_what_the_text_names(place):
    assert led(f"[to](#ref1)\n\n{place}\n\n## Ref1 itself") == {"to": "There"}
    assert 'id="section-ref1"' in text.render(f"[to](#ref1)\n\n{place}")


def test_what_the_text_names_comes_before_what_a_heading_is_made_of():
    body_md = '[to](#design)\n\n## Design\n\n<p id="design">Elsewhere</p>\n\n<p id="design">Again</p>'
    assert led(body_md) == {"to": "Elsewhere"}
    page = BeautifulSoup(text.render(body_md), "html.parser")
    assert [each["id"] for each in page.find_all(id=True)] == ["section-design", "section-design-2"]


def test_names_that_no_link_leads_to_are_left_out():
    assert text.render('<p id="a">b</p><a name="c"></a>').strip() == "<p>b</p>"
    assert text.render('<p id="a">b</p>\n\n[c](#d)').startswith("<p>b</p>")


def test_a_link_that_leads_nowhere_stays_as_it_is():
    page = BeautifulSoup(text.render("[a](#top) [b](#) [c](/x#design)\n\n## Design"), "html.parser")
    assert [link["href"] for link in page.find_all("a")][:3] == ["#top", "#", "/x#design"]


def test_footnotes_lead_where_they_led():
    body_md = 'a[^1] [to](#fn2)\n\n<p id="fn1">x</p><p id="fn2">y</p>\n\n[^1]: note'
    page = BeautifulSoup(text.render(body_md), "html.parser")
    assert page.select_one("sup a")["href"] == "#fn1"
    assert page.find(id="fn1").name == "li"
    assert led(body_md)["to"] == "y"


def test_code_that_shows_names_and_links_stays_as_it_is():
    body_md = '[to](#q)\n\n    <a id="~q" href="#q">\n\n`{#q}`\n\n## A {#q} in the middle\n\n## `{#q}`\n\n## {#q}'
    page = BeautifulSoup(text.render(body_md), "html.parser")
    assert page.pre.get_text() == '<a id="~q" href="#q">\n'
    assert [each.get_text() for each in page.find_all("h2")] == ["A {#q} in the middle", "{#q}", "{#q}"]


def test_very_many_names_and_links_cost_little():
    links = "".join(f"[a](#b{number}) " for number in range(6_000))
    names = "".join(f"<p id=b{number}>c\n" for number in reversed(range(6_000)))
    began = time.process_time()
    rendered = text.render(links[:50_000] + "\n\n" + names[:50_000])
    assert time.process_time() - began < 5
    assert rendered.count(' id="section-') <= 500
