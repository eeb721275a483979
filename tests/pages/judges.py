"""Those who judge pages: the Nu HTML checker, axe, Lighthouse, and two parsers of microformats."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mf2py
from playwright.sync_api import Page

from tests import chromium
from tests.interop.stages import missing, node
from tests.pages.markup import Markup

HERE = Path(__file__).parent
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]  # up to WCAG 2.2, level AA
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (360, 1100)]
ASK_AXE = """tags => axe.run(document, {runOnly: tags, resultTypes: ["violations"]}).then(({violations}) =>
    violations.flatMap(({id, nodes}) => nodes.map(({target, html}) => ({
        rule: id, html: html.slice(0, 200),
        typed: typeof target[0] == "string" && !!document.querySelector(target[0])?.closest(".e-content"),
    }))))"""


class Finding(NamedTuple):
    """What a judge has against a page.

    :param typed: whether it is about what an author wrote, and not about the page around it.
    """

    page: str
    rule: str
    where: str
    typed: bool


def package(name: str) -> Path:
    """Find a Node package; that it is not there is a skip, or a failure in CI."""
    found = HERE / "node_modules" / name
    if not found.is_dir():
        missing("no Node packages: npm ci --prefix tests/pages")
    return found


def check_html(pages: Sequence[tuple[str, str]], folder: Path) -> list[Finding]:
    """Ask the Nu HTML checker about (address, HTML) of all pages, with one process."""
    if not shutil.which("java"):
        missing("no Java on this machine")
    for number, (_, html) in enumerate(pages):
        (folder / f"{number}.html").write_text(html, "utf-8", newline="")
    command = ["java", "-Xss2m", "-jar", str(package("vnu-jar") / "build/dist/vnu.jar"), "--format", "json"]
    command += ["--errors-only", "--exit-zero-always", "--stdout", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=1_500)
    said = [each for each in json.loads(done.stdout)["messages"] if each["type"] != "info"]
    return [_told(pages, each) for each in said]


def _told(pages: Sequence[tuple[str, str]], said: dict[str, Any]) -> Finding:
    url, html = pages[int(Path(said["url"]).stem)]
    line, column = said.get("firstLine", said.get("lastLine", 0)), said.get("firstColumn", said.get("lastColumn", 0))
    typed = Markup(url, html).is_typed(line, column)
    return Finding(url, said["message"], f"{line}:{column} {said.get('extract', '')}", typed)


def check_access(page: Page) -> list[Finding]:
    """Ask axe about the page that is shown, light and dark, on a phone and on a desk."""
    found = []
    page.evaluate((package("axe-core") / "axe.min.js").read_text("utf-8") + "\n;0")
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")  # observers first
        for said in page.evaluate(ASK_AXE, WCAG):
            where = f"{scheme}, {width} pixels: {said['html']}"
            found.append(Finding(page.url, said["rule"], where, said["typed"]))
    return found


def microformats(pages: Sequence[tuple[str, str]]) -> list[tuple[str, Any, Any]]:
    """Read (address, HTML) of pages with two parsers: the address, and what each of them found.

    Only what both have: one tells languages, and sizes of pictures; and each writes HTML and spaces in its own way.
    """
    package("microformats-parser")
    command, said = [node(), str(HERE / "microformats.mjs")], json.dumps(pages)
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=True, timeout=120)
    read = [mf2py.parse(doc=html, url=url)["items"] for url, html in pages]
    both = zip(pages, read, json.loads(done.stdout), strict=True)
    return [(url, _told_by_both(one), _told_by_both(other)) for (url, _), one, other in both]


def _told_by_both(found: Any) -> Any:
    if isinstance(found, str):
        return "".join(found.split())
    if isinstance(found, list | tuple):
        return [_told_by_both(each) for each in found]
    kept = {name: each for name, each in found.items() if each and name not in {"lang", "html", "srcset"}}
    return _told_by_both(kept["value"] if set(kept) == {"value"} else [*sorted(kept.items())])


def lighthouse(url: str, folder: Path) -> dict[str, float]:
    """Ask Lighthouse about an address: category → score, from 0 to 100; what cost points is printed."""
    said = folder / "lighthouse.json"
    command = [node(), str(package("lighthouse") / "cli" / "index.js"), url, "--quiet", "--output=json"]
    command += [f"--output-path={said}", "--chrome-flags=--headless=new --no-sandbox --disable-gpu"]
    environ = os.environ | {"CHROME_PATH": chromium.program(), "NO_PROXY": "localhost,127.0.0.1"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2_000:]
    report = json.loads(said.read_text("utf-8"))
    for audit in report["audits"].values():
        if audit["score"] is not None and audit["score"] < 1:
            print(url, audit["id"], audit["score"], audit.get("displayValue", ""))
    return {name: round(each["score"] * 100) for name, each in report["categories"].items()}
