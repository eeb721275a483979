"""Every kind of page before those who judge pages, with samples of two real sites; ``make pages`` takes all of them."""

from __future__ import annotations

import gzip
from collections import Counter

import pytest

from tests.interop.visitor import Visitor
from tests.pages import judges
from tests.pages.site import EVERYTHING
from tests.pages.visits import BROUGHT_IN, READING

SMALL = {"home": 30_000, "code": 20_000, "a post with contents": 20_000}
"""How many bytes a page has at most with all it asks for but pictures, compressed."""


def told(findings, *, typed):
    """Each kind of finding once, with how often and an example."""
    chosen = [each for each in findings if each.typed == typed]
    counts = Counter(each.rule for each in chosen)
    examples = {each.rule: each for each in reversed(chosen)}
    return [
        f"{count} × {rule}: {examples[rule].page} {examples[rule].where[:120]}" for rule, count in counts.most_common()
    ]


def report(what, lines):
    print(f"\n{what}: {len(lines)}", *lines, sep="\n    ")


def test_every_kind_of_page_is_there(visits):
    kinds = [each for each in visits if BROUGHT_IN not in each.name]
    other = {
        "no such page": 404,
        "gone": 410,
        "a login that failed": 400,
        "not allowed": 403,
        "conflict": 409,
        "no such page, in Arabic": 404,
    }
    statuses = {each.name: each.status for each in kinds}
    assert len(kinds) > 40
    assert statuses == {name: other.get(name, 200) for name in statuses}


def test_the_checker_of_html_finds_no_error_of_ours(site, visits, crawled, tmp_path):
    pages = [*crawled.pages.items(), *((visit.url, visit.html) for visit in visits)]
    findings = judges.check_html(pages, tmp_path)
    in_texts = sum(each.typed for each in findings)
    print(f"{len(site.imported)} posts brought in, {len(pages)} pages judged, {in_texts} errors in texts")
    report("Kinds of errors in texts", told(findings, typed=True))
    assert told(findings, typed=False) == []


def test_axe_finds_nothing_in_light_and_dark_on_phone_and_desk(visits):
    ours = [each for visit in visits for each in visit.findings if not (each.typed and BROUGHT_IN in visit.name)]
    theirs = [each for visit in visits for each in visit.findings if each not in ours]
    report(f"{len(visits)} pages seen by axe; found in texts", told(theirs, typed=True))
    assert told(ours, typed=False) + told(ours, typed=True) == []


def test_no_link_of_ours_leads_nowhere(site, crawled):
    report("Links in texts that lead nowhere", crawled.broken(typed=True))
    assert len(crawled.pages) > len(site.imported)
    assert crawled.broken(typed=False) == []


def test_two_parsers_of_microformats_agree(visits):
    pages = [(each.url, each.html) for each in visits if each.name in READING and each.status == 200]
    for url, one, other in judges.microformats(pages):
        assert one == other, url


def test_old_addresses_lead_to_the_posts(site, crawled):
    visitor = Visitor()
    led = {path: visitor.location_of(site.url + path) for path in site.stood}
    assert led == {path: f"/{slug}" for path, slug in site.stood.items()}
    assert {f"{site.url}/{slug}" for slug in site.imported} <= crawled.pages.keys()


def test_pages_are_small_and_ask_for_one_file_beside_themselves(site):
    for name, most in SMALL.items():
        page, answers = site.page(), []
        page.on("response", lambda answer, answers=answers: answers.append(answer))
        page.goto(READING[name], wait_until="networkidle")
        counted = [each for each in answers if each.request.resource_type != "image" and "icon" not in each.url]
        sizes = {each.url: len(gzip.compress(each.body())) for each in counted}
        report(f"{name}, bytes", [f"{size} {url}" for url, size in sizes.items()])
        assert len(counted) <= 2, sizes
        assert sum(sizes.values()) < most, sizes
        page.context.close()


@pytest.mark.parametrize("name", ["home", "code"])
def test_lighthouse_gives_full_marks(site, name, tmp_path):
    scores = judges.lighthouse(site.url + READING[name], tmp_path)
    report(f"Lighthouse, {name}", [f"{category} {score}" for category, score in scores.items()])
    performance = scores.pop("performance")
    assert scores == {"accessibility": 100, "best-practices": 100, "seo": 100}
    if EVERYTHING:  # a time, which a busy machine makes longer
        assert performance >= 99
