"""Documents that are wrong fail here: names of tests, links, what is generated from the code, reasons for refusing."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from blog import config
from blog.identity import directories, oidc
from docs import generate
from tests.identity.directories.fake_providers import ACCOUNT

ROOT = Path(__file__).parent.parent
SPECIFICATIONS = ROOT / "docs" / "specifications.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TEST = re.compile(r"`(tests/[\w/]+\.py(?:::\w+)+)`")
ROW = re.compile(r"^\| (\d+) \|.*", re.MULTILINE)
GUIDE = ROOT / "docs" / "providers" / "README.md"
PROVIDERS = sorted(set(GUIDE.parent.glob("*.md")) - {GUIDE})
HEADINGS = [
    "Register the blog",
    "Settings",
    "Author id",
    "Names (user API)",
    "Groups and roles",
    "Logging out",
    "What it cannot do",
    "Tried",
]
BLOCK = re.compile(r"^```ini\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section(title: str, page: Path = SPECIFICATIONS) -> str:
    """The text of one section of a page."""
    _, _, rest = page.read_text("utf-8").partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def environ_of(text: str, secrets: Path) -> dict[str, str]:
    """The settings that a page shows; a file with a secret becomes one that is there."""
    secrets.write_text("0123456789abcdef" * 4)
    account = secrets.with_name("account.json")
    account.write_text(json.dumps(ACCOUNT))
    files = {"BLOG_DIRECTORY_SERVICE_ACCOUNT_FILE": str(account)}
    lines = [line.partition("=") for block in BLOCK.findall(text) for line in block.splitlines()]
    return {name: files.get(name, str(secrets)) if name.endswith("_FILE") else value for name, _, value in lines}


def open_with(environ: dict[str, str], folder: Path) -> None:
    """Do with settings what the start does."""
    values = config.load(environ, directories.SETTINGS, folder)
    directories.open_directory(values, find_token_url=str, signing_key=str)


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


@pytest.mark.parametrize("page", PROVIDERS, ids=relative)
def test_every_provider_has_the_same_headings(page):
    assert re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("page", [GUIDE, *PROVIDERS], ids=relative)
def test_the_settings_of_a_provider_are_accepted_as_they_stand(page, tmp_path):
    known = {f"BLOG_{row.name}" for row in (*config.SETTINGS, *directories.SETTINGS)}
    basic = environ_of(section("Settings", page), tmp_path / "secret")
    everything = environ_of(page.read_text("utf-8"), tmp_path / "secret")
    assert not {name.removesuffix("_FILE") for name in everything} - known
    open_with(basic, tmp_path)
    open_with(everything, tmp_path)


def test_the_guide_leads_to_every_provider_and_back():
    assert len(PROVIDERS) >= 17
    assert {page.name for page in PROVIDERS} <= set(LINK.findall(GUIDE.read_text("utf-8")))
    assert all("(README.md)" in page.read_text("utf-8") for page in PROVIDERS)


def test_the_guide_compares_all_providers_and_says_of_each_what_its_page_says():
    rows = re.findall(
        r"^\| \[.+?\]\((.+?)\) \|.* (.+?) \|$", section("All of them beside each other", GUIDE), re.MULTILINE
    )
    said = {page.name: section("Tried", page).split() for page in PROVIDERS}
    tried = {name: words[:2] != ["Not", "tried;"] for name, words in said.items()}
    assert all(words[0] == "Tried" for name, words in said.items() if tried[name])
    assert {name: last != "no" for name, last in rows} == tried


def test_the_reasons_that_the_guide_explains_are_there():
    named = set(re.findall(r"^\| `(\w+)` \|", section("When it does not work", GUIDE), re.MULTILINE))
    named |= set(re.findall(r"reason=(\w+)", section("When it does not work", GUIDE)))
    assert len(named) > 10
    assert not named - set(oidc.REASONS)
