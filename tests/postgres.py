"""A PostgreSQL server for the tests: the one that TEST_POSTGRES_URL names, or a throwaway of this machine's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest


@contextmanager
def server() -> Iterator[str]:
    """Give the address of an empty database as SQLAlchemy writes it; the throwaway server is gone afterwards."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url.replace("postgresql://", "postgresql+psycopg://", 1)
        return
    binaries = _binaries()
    if binaries is None:
        missing = "no PostgreSQL on this machine"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    with tempfile.TemporaryDirectory(prefix="byline-postgres-") as folder:
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "postgres")
        data = f"{folder}/data"
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        _run(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        _run(binaries / "pg_ctl", "-D", data, "-w", "-o", settings, "-l", f"{folder}/log", "start")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={quote(folder, safe='')}"
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def _binaries() -> Path | None:
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = newest[-1] if newest else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _run(program: Path, *arguments: str) -> None:
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*become, program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")
