"""What was examined, told to people and to scripts."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections import Counter
from dataclasses import asdict, dataclass, field

import click

from blog.identity.doctor.finding import LEVELS, Finding

TITLES = {
    "settings": "The settings",
    "provider": "The provider",
    "blog": "The blog, as others reach it",
    "login": "The login",
    "names": "Authors' names",
}
COLOURS = {"good": "green", "note": "blue", "warning": "yellow", "fault": "red"}
LABEL = 9  # columns for the level
WIDEST = 110


@dataclass
class Report:
    """What was found, stage by stage, and what has to be registered at the provider."""

    found: dict[str, list[Finding]] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def count(self, level: str) -> int:
        """Tell how many findings are of this level."""
        return Counter(finding.level for findings in self.found.values() for finding in findings)[level]

    def to_dict(self) -> dict[str, object]:
        """Give everything as values for JSON; scripts count on these names."""
        return {
            "counts": {level: self.count(level) for level in LEVELS},
            "findings": [
                {"stage": stage, **asdict(finding)} for stage, findings in self.found.items() for finding in findings
            ],
            "addresses": self.addresses,
        }

    def tell(self, *, as_json: bool) -> None:
        """Print it: one JSON object and nothing else, or for people."""
        click.echo(json.dumps(self.to_dict(), indent=2)) if as_json else _show(self)


def _show(report: Report) -> None:
    """Print the report for people; colours only on a terminal, where click leaves them in."""
    for stage, findings in report.found.items():
        click.secho(f"\n{TITLES[stage]}", bold=True)
        for finding in findings:
            _show_finding(finding)
    if report.addresses:
        click.secho("\nTo be registered at the provider, to the letter", bold=True)
        for name, url in report.addresses.items():
            click.echo(f"  {name:<26} {url}")
    counts = ", ".join(_counted(report.count(level), level) for level in reversed(LEVELS))
    click.echo(f"\n{counts}.")


def _counted(number: int, level: str) -> str:
    return f"{number} {level}{'s' if number != 1 and level != 'good' else ''}"


def _show_finding(finding: Finding) -> None:
    label = click.style(f"{finding.level:<{LABEL}}", fg=COLOURS[finding.level])
    first, *rest = _wrapped(f"{finding.check}: {finding.seen}")
    click.echo(f"  {label}{first}")
    for line in rest:
        click.echo(f"  {' ' * LABEL}{line}")
    for title, text in (("Breaks", finding.breaks), ("Change", finding.change)):
        for line in _wrapped(f"{title}: {text}") if text else ():
            click.echo(f"  {' ' * LABEL}{line}")


def _wrapped(text: str) -> list[str]:
    # What a provider says of itself must not move the cursor or ring bells.
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    width = min(WIDEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else WIDEST
    return textwrap.wrap(plain, max(40, width - LABEL - 2), break_long_words=False, break_on_hyphens=False)
