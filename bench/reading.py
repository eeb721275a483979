"""Measures what reading and writing cost beside a bare Flask on the same server, and a file that nginx sends.

``make bench`` runs it, needs ``wrk``, and takes nginx along where it is installed. Linux only. Every figure is the CPU
that all processes of a server spend on a request, and so does not depend on how busy the machine is; rounds of each
alternate with rounds of the bare Flask, and medians count. The table goes to `bench/README.md`, the ratios to
`bench/ratios.json`; a ratio that is a fifth smaller than the one kept there is told at the end, with status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from bench import logins, site, writing
from bench.servers import HELLO, HOST, Server, commands, figure, free_port, running

HERE = Path(__file__).parent
RATIOS = HERE / "ratios.json"
SIZES = (100, 1_000, 10_000, 100_000)
ROUNDS, SECONDS = 3, 2
FELL = 0.8  # of the ratio that is kept: what falls below it is told
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd", "Accept-Language": "en-GB,en;q=0.9"}
PAGES = {
    "home": "/",
    "post": "/bench-5",
    "tag": f"/tag/{site.TAG}",
    "search": f"/search?q={site.WORD}",
    "feed": "/feed.xml",
}
WRITES, SOON_MS = 50, 50
BESIDE = f"home, beside {WRITES} posts a second"
BARE, FILE, PROXIED = "bare Flask", "nginx, a file", "nginx, its cache of that file"
BEHIND = "home, behind nginx with its cache"
COMPARED = {BEHIND: PROXIED}  # all else is compared with the bare Flask
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null crit;
events {{ worker_connections 512; }}
http {{
  access_log off; types {{ text/html html; }} client_body_temp_path {folder}/body; proxy_temp_path {folder}/temp;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache keys_zone=pages:4m; proxy_cache pages; proxy_cache_valid 200 10m;
  proxy_ignore_headers Cache-Control Vary; proxy_set_header Host {host};
  server {{ listen {host}:{file}; root {folder}; }}
  server {{ listen {host}:{copy}; location / {{ proxy_pass http://{host}:{file}; }} }}
  server {{ listen {host}:{blog}; location / {{ proxy_pass http://{host}:{to_blog}; }} }}
}}
"""


class Target(NamedTuple):
    """What is asked for, of which server, how."""

    server: Server
    path: str = "/"
    headers: Mapping[str, str] = BROWSER
    status: int = 200

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self.server.port}{self.path}"


class Figure(NamedTuple):
    """What one round, or the median of some, tells of a target."""

    cpu_us: float  # a request
    per_s: float


def main() -> None:
    """Measure blogs of several sizes, write the table, and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--keep", action="store_true", help="keep these ratios, even those that fell")
    given = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("This needs wrk.")
    tables = {f"{size:,} posts": _measured(size) for size in given.sizes}
    tables["writing"] = writing.measured()
    ratios = {f"{name}, {table}": ratio for table, rows in tables.items() for name, (_, ratio) in rows.items()}
    fallen = _fallen(ratios)
    print("\n".join(fallen))
    if given.keep or not fallen:
        known = json.loads(RATIOS.read_text()) if RATIOS.is_file() else {}
        RATIOS.write_text(json.dumps({**known, **ratios}, indent=1, sort_keys=True) + "\n")
        _write_down(tables)
    sys.exit(bool(fallen))


def _measured(size: int) -> dict[str, tuple[str, float]]:
    """Measure a blog of this many posts; give for each target what it costs, and the ratio to the bare Flask."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        os.environ["BENCH_FOLDER"] = folder  # what servers start inherits it
        app = site.make()
        site.fill(app, size)
        targets = stack.enter_context(_targets(Path(folder), site.log_in(app)))
        rounds: dict[str, list[Figure]] = {name: [] for name in targets}
        for _ in range(ROUNDS):
            for name, target in targets.items():
                rounds[name].append(_round(target))
        with writing.steadily(app, WRITES):
            slowest_ms = _slowest(targets["home, kept"])
        login_us = logins.cpu_us()
    found = {name: Figure(*map(median, zip(*each, strict=True))) for name, each in rounds.items()}
    rows = {
        name: (f"{each.cpu_us:.0f} µs, {each.per_s:,.0f}/s", found[COMPARED.get(name, BARE)].cpu_us / each.cpu_us)
        for name, each in found.items()
    }
    rows["a login"] = (f"{login_us / 1000:.0f} ms", found[BARE].cpu_us / login_us)
    rows[BESIDE] = (f"99 % within {slowest_ms:.0f} ms", SOON_MS / slowest_ms)
    for name, (text, ratio) in rows.items():
        print(f"{size:>7} {name:34} {text:>24} {ratio:6.2f}", flush=True)
    return rows


@contextmanager
def _targets(folder: Path, cookie: str) -> Iterator[dict[str, Target]]:
    """Start what is to be compared; give what is asked for, by name."""
    with ExitStack() as stack:
        bare, warm, cold = (
            stack.enter_context(_serving(*each))
            for each in ((HELLO, ""), ("bench.site:app", ""), ("bench.site:app", "PAGE_CACHE_MB=0"))
        )
        targets = {BARE: Target(bare)}
        targets |= {f"{name}, kept": Target(warm, path) for name, path in PAGES.items() if name != "search"}
        etag = {"If-None-Match": _etag(targets["home, kept"])}
        targets["home, not modified"] = Target(warm, "/", {**BROWSER, **etag}, 304)
        targets |= {f"{name}, rendered": Target(cold, path) for name, path in PAGES.items()}
        targets |= {f"{name}, logged in": Target(warm, PAGES[name], {"Cookie": cookie}) for name in ("home", "post")}
        if nginx := shutil.which("nginx"):
            (folder / "index.html").write_bytes(_read(targets["home, kept"]))
            targets |= stack.enter_context(_behind_nginx(nginx, folder, warm))
        yield targets


@contextmanager
def _serving(app: str, settings: str) -> Iterator[Server]:
    port = free_port()
    os.environ["BENCH_SETTINGS"] = settings
    with running(commands(app, port)["granian"], port) as server:
        yield server


@contextmanager
def _behind_nginx(nginx: str, folder: Path, warm: Server) -> Iterator[dict[str, Target]]:
    file, copy, blog = free_port(), free_port(), free_port()
    folder.chmod(0o755)  # its worker is somebody else, if this is root
    ports = {"file": file, "copy": copy, "blog": blog, "to_blog": warm.port}
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, host=HOST, **ports))
    with running([nginx, "-c", str(folder / "nginx.conf")], file) as server:
        yield {
            FILE: Target(server),
            PROXIED: Target(Server(server.process, copy, 0)),
            BEHIND: Target(Server(server.process, blog, 0)),
        }


def _round(target: Target) -> Figure:
    """Ask as fast as the server can for a while."""
    before = target.server.cpu_s()
    text = _wrk(target)
    spent, number = target.server.cpu_s() - before, int(re.findall(r"(\d+) requests in", text)[0])
    return Figure(1e6 * spent / number, float(figure("Requests/sec:", text)))


def _slowest(target: Target) -> float:
    """Tell within how many milliseconds 99 of 100 requests are answered."""
    number, unit = re.findall(r"99%\s+([\d.]+)(us|ms|s)\b", _wrk(target))[0]
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def _wrk(target: Target) -> str:
    headers = [part for name, text in target.headers.items() for part in ("-H", f"{name}: {text}")]
    command = ["wrk", "-t1", "-c16", f"-d{SECONDS}s", "--latency", *headers, target.url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx or 3xx" in text:
        raise SystemExit(f"{target.url} does not answer with {target.status}")
    return text


def _read(target: Target) -> bytes:
    """Read what a browser gets: compressed, as large as it travels."""
    with _asked(target) as answer:
        return bytes(answer.read())


def _etag(target: Target) -> str:
    with _asked(target) as answer:
        return str(answer.headers["ETag"] or '"none"')


def _asked(target: Target) -> Any:
    asked = urllib.request.Request(target.url, headers=dict(target.headers))  # noqa: S310  (it is ours)
    return urllib.request.urlopen(asked)  # noqa: S310


def _fallen(ratios: Mapping[str, float]) -> list[str]:
    kept = json.loads(RATIOS.read_text()) if RATIOS.is_file() else {}
    return [
        f"fell: {name}, from {kept[name]:.2f} to {ratio:.2f}"
        for name, ratio in ratios.items()
        if ratio < FELL * kept.get(name, 0)
    ]


def _write_down(tables: Mapping[str, Mapping[str, tuple[str, float]]]) -> None:
    """Put the tables into the document, behind what it says itself."""
    document = HERE / "README.md"
    said = document.read_text().partition("<!-- measured -->")[0]
    parts = [said + "<!-- measured -->\n"]
    for table, rows in tables.items():
        parts += [f"\n## {table.capitalize()}\n", "| What | Median | Ratio |", "|---|---:|---:|"]
        parts += [f"| {name} | {text} | {ratio:.2f} |" for name, (text, ratio) in rows.items()]
    document.write_text("\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
