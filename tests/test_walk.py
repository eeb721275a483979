"""docs/adding-a-provider.md is followed to the letter, in a copy of the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WALK = (ROOT / "docs" / "adding-a-provider.md").read_text("utf-8")
NEW = re.compile(r"^New file `(\S+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHANGED = re.compile(r"^In `(\S+)`:\n\n((?:```diff\n.*?^```\n+)+)", re.MULTILINE | re.DOTALL)
DIFF = re.compile(r"```diff\n (.*?)\n((?:\+.*\n)+)```")


@pytest.fixture
def copy(tmp_path):
    """The project as somebody has it who begins the walk."""
    for folder in ("blog", "tests"):
        leave_out = shutil.ignore_patterns("__pycache__", "node_modules", "interop", "browser")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=leave_out)
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    return tmp_path


def follow(folder):
    """Do what the page says; tell which files that touched."""
    for name, text in NEW.findall(WALK):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    for name, diffs in CHANGED.findall(WALK):
        for after, added in DIFF.findall(diffs):
            change(folder / name, after, added)
    return {name for name, _ in (*NEW.findall(WALK), *CHANGED.findall(WALK))}


def change(file, after, added):
    """Put lines behind a line that is there once."""
    text = file.read_text("utf-8")
    assert text.count(f"{after}\n") == 1, f"{file.name}: {after}"
    lines = "".join(line[1:] + "\n" for line in added.splitlines())
    file.write_text(text.replace(f"{after}\n", f"{after}\n{lines}"), "utf-8")


def run(folder, *command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout


def test_an_adapter_that_is_added_as_the_page_says_keeps_the_contract(copy):
    touched = follow(copy)
    assert {name for name in touched if name.startswith("blog/")} == {
        "blog/identity/directories/acme.py",
        "blog/identity/directories/__init__.py",
    }
    files = re.search(r"^python -m pytest (.+) -k acme$", WALK, re.MULTILINE)[1].split()
    said = run(copy, "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", "acme")
    assert int(re.search(r"(\d+) passed", said)[1]) > 70
    run(copy, "pytest", "-q", "-p", "no:cacheprovider", "tests/test_house.py", "-k", "acme or home")
    run(
        copy,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/identity/directories/test_directories.py",
        "-k",
        "adapter",
    )
