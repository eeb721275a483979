"""Every example of the CommonMark specification: how we read it, and what of it is left on a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from blog.content import text
from tests.interop.stages import SERVER, missing

SPECIFICATION = SERVER / "node_modules" / "commonmark-spec" / "spec.txt"
TOLD = Path(__file__).parents[2] / "docs" / "specifications.md"
EXAMPLE = re.compile(r"^`{32} example\n(.*?)^\.\n(.*?)^`{32}$", re.MULTILINE | re.DOTALL)
LINKED = {608, 611, 612}  # bare addresses, which are links in GitHub Flavored Markdown


@pytest.fixture(scope="module")
def examples() -> dict[int, tuple[str, str]]:
    """Markdown and HTML of each, by number."""
    if not SPECIFICATION.exists():
        missing("no Node packages: npm ci --prefix tests/interop/oidc_provider")
    whole = SPECIFICATION.read_text("utf-8").partition("<!-- END TESTS -->")[0].replace("→", "\t")
    found = {number: (example[1], example[2]) for number, example in enumerate(EXAMPLE.finditer(whole), 1)}
    assert len(found) == 652
    return found


def test_every_example_is_read_as_the_specification_says_but_for_bare_addresses(examples):
    other = {number for number, (markdown, html) in examples.items() if text._to_html(markdown) != html}
    assert other == LINKED


def test_without_bare_addresses_there_is_no_exception(examples, monkeypatch):
    monkeypatch.setattr(text.autolinks, "find", lambda _: [])
    assert not [number for number, (markdown, html) in examples.items() if text._to_html(markdown) != html]


class Shape(HTMLParser):
    """What HTML says, however it is written: tags, attributes in any order, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[tuple[object, ...]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        added = {("rel", "ugc noopener"), ("loading", "lazy")}
        self.said.append(
            (tag, tuple(sorted((name, value or "") for name, value in attrs if (name, value) not in added)))
        )

    def handle_endtag(self, tag):
        self.said.append(("/", tag))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_data(self, data):
        if self.said and self.said[-1][0] == "text":
            data = self.said.pop()[1] + data
        self.said.append(("text", data))

    def handle_comment(self, data):
        self.said.append(("comment", data))

    def handle_decl(self, decl):
        self.said.append(("declaration", decl))

    def handle_pi(self, data):
        self.said.append(("instruction", data))

    unknown_decl = handle_decl


def test_what_sanitising_changes_is_told_in_the_documents(examples):
    told = TOLD.read_text("utf-8").partition("### CommonMark")[2].partition("\n## ")[0]
    listed = {
        int(number) for row in re.findall(r"^\|.+\| ([0-9, ]+) \|$", told, re.MULTILINE) for number in row.split(", ")
    }
    changed = {
        number
        for number, (markdown, html) in examples.items()
        if Shape(text._sanitise(loose := text._without_h1(text._to_html(markdown)))).said != Shape(loose).said
    }
    assert listed == changed


def test_no_example_is_refused(examples):
    for markdown, _ in examples.values():
        assert isinstance(text.render(markdown), str)
