"""Writes the parts of the documents that the code already says: the manual of settings, and the tree of the tour.

Run it with ``make docs``; the tests fail when a document is behind the code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from blog import config
from blog.config import Setting
from blog.identity import directories

ROOT = Path(__file__).parent.parent
FLOORS = {
    "__init__.py": "roof",
    "auth.py": "porch",
    "porch": "porch",
    "web": "hall",
    "content": "room",
    "identity": "room",
    "config.py": "cellar",
    "errors.py": "cellar",
    "db.py": "cellar",
    "forks.py": "cellar",
    "questions.py": "cellar",
    "migrations": "",
}
BEGIN, END = "<!-- generated: make docs -->", "<!-- /generated -->"

INTRODUCTION = """\
# Settings

*This page is generated from the table in `blog/config.py` and the adapters' own rows (`make docs`).*

Every setting is looked up in this order; the first that is there counts:

1. the environment variable `BLOG_<NAME>`,
2. the file that `BLOG_<NAME>_FILE` names, which suits secrets (container secrets, systemd credentials),
3. `client_secrets.json` in the folder the program is started in, or the file that `BLOG_CLIENT_SECRETS` names. It has
   the form of [`client_secrets.example.json`](../client_secrets.example.json): a `web` object with `client_id`,
   `client_secret`, `issuer`, `redirect_uris` and, where discovery is not to be trusted for them, `auth_uri`,
   `token_uri` and `userinfo_uri`.

A setting that is missing or makes no sense ends the start with one line that names it.
Durations are in minutes. Yes and no may be written `yes`, `on`, `true`, `1` and `no`, `off`, `false`, `0`.
Settings whose name begins with `INSECURE_` switch a protection off.
"""


def settings_page() -> str:
    """Write the manual of settings."""
    groups = {"The blog": config.SETTINGS, "Names from the provider": directories.SETTINGS}
    return INTRODUCTION + "".join(f"\n## {title}\n{_rows(rows)}" for title, rows in groups.items())


def _rows(rows: Iterable[Setting]) -> str:
    return "".join(
        f"\n### {row.name}\n\n`BLOG_{row.name}`{_secret(row)} · {_default(row)}\n\n{row.help}\n" for row in rows
    )


def _secret(row: Setting) -> str:
    return " · secret" if row.secret else ""


def _default(row: Setting) -> str:
    example = f", for example `{row.example}`" if row.example else ""
    if row.default is config.REQUIRED:
        return f"required{example}"
    return f"default: {_written(row.default)}{example}"


def _written(value: Any) -> str:
    if value in ("", (), None):
        return "empty"
    if isinstance(value, timedelta):
        return f"`{round(value.total_seconds() / 60)}`"
    if isinstance(value, bool):
        return "`yes`" if value else "`no`"
    return f"`{' '.join(value) if isinstance(value, tuple) else value}`"


def tree() -> str:
    """Draw the tree of ``blog/`` with every module's floor and first line."""
    lines = ["```text", "blog/"]
    for path in sorted((ROOT / "blog").iterdir(), key=_floor_order):
        if path.suffix == ".py":
            lines.append(_line(path, 1))
        elif (path / "__init__.py").exists():
            lines += _package(path, 1)
    return "\n".join([*lines, "```"])


def _package(path: Path, depth: int) -> list[str]:
    lines = [_line(path, depth)]
    for child in sorted(path.iterdir()):
        if child.suffix == ".py" and child.name != "__init__.py":
            lines.append(_line(child, depth + 1))
        elif (child / "__init__.py").exists():
            lines += _package(child, depth + 1)
    return lines


def _line(path: Path, depth: int) -> str:
    module = path / "__init__.py" if path.is_dir() else path
    name = path.name + ("/" if path.is_dir() else "")
    says = (ast.get_docstring(ast.parse(module.read_text())) or "").split("\n")[0]
    floor = FLOORS.get(path.name, "door") if depth == 1 else ""
    return f"{'  ' * depth}{name:<{24 - 2 * depth}} {floor:<7} {says}"


def _floor_order(path: Path) -> tuple[int, str]:
    order = ["roof", "door", "porch", "hall", "room", "cellar", ""]
    return order.index(FLOORS.get(path.name, "door")), path.name


def tour_page(text: str) -> str:
    """Put the tree as it is now into the text of the tour."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tree()}\n{END}{after}"


def write() -> None:
    """Bring both documents up to date."""
    (ROOT / "docs" / "settings.md").write_text(settings_page(), "utf-8")
    tour = ROOT / "docs" / "tour.md"
    tour.write_text(tour_page(tour.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    write()
