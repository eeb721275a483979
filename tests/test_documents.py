"""Documents that are wrong fail here: names of tests, links, what is generated from the code, reasons for refusing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from blog.identity import oidc
from docs import generate

ROOT = Path(__file__).parent.parent
SPECIFICATIONS = ROOT / "docs" / "specifications.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TEST = re.compile(r"`(tests/[\w/]+\.py(?:::\w+)+)`")
ROW = re.compile(r"^\| (\d+) \|.*", re.MULTILINE)


def section(title: str) -> str:
    """The text of one section of the specifications."""
    _, _, rest = SPECIFICATIONS.read_text("utf-8").partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def ids_in(path: Path) -> Iterator[str]:
    """The tests of a file, as pytest names them."""
    file = path.relative_to(ROOT).as_posix()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            yield f"{file}::{node.name}"
        elif isinstance(node, ast.ClassDef):
            yield from (f"{file}::{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef))


def anchors(page: Path) -> set[str]:
    """The places in a page that a link can lead to, named as GitHub does."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def relative(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def test_every_test_that_the_specifications_name_exists():
    named = set(TEST.findall(SPECIFICATIONS.read_text("utf-8")))
    there = {test for path in (ROOT / "tests").rglob("test_*.py") for test in ids_in(path)}
    assert len(named) > 100
    assert not named - there


def test_every_row_that_libraries_leave_to_us_names_its_tests():
    rows = {int(row[1]): TEST.findall(row[0]) for row in ROW.finditer(section("Where the libraries stop"))}
    assert [number for number, tests in rows.items() if tests] == list(range(1, 22))


def test_every_reason_for_refusing_a_login_is_explained_to_operators():
    explained = re.findall(r"^\| `(\w+)` \| .{10,} \|$", section("Reasons for refusing a login"), re.MULTILINE)
    assert explained == list(oidc.REASONS)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_leads_somewhere(page):
    for link in LINK.findall(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_manual_of_settings_is_what_the_code_says():
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == generate.settings_page(), "run: make docs"


def test_the_tree_of_the_tour_is_what_the_code_says():
    tour = (ROOT / "docs" / "tour.md").read_text("utf-8")
    assert tour == generate.tour_page(tour), "run: make docs"


def test_every_event_of_the_security_log_is_explained():
    told = (ROOT / "docs" / "operations.md").read_text("utf-8").partition("## The security log")[2]
    noted = {
        event
        for path in (ROOT / "blog").rglob("*.py")
        for event in re.findall(r'\bnote\(\s*"(\w+)"', path.read_text("utf-8"))
    }
    assert noted == set(re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE))
    assert "login" in noted
