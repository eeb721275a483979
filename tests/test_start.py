"""The start of a process: what a server loads to answer readers, and what it leaves until somebody needs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LATER = (
    *("PIL", "yaml", "ua_parser", "alembic", "flask_migrate", "redis", "psycopg", "botocore"),
    *("joserfc", "cryptography", "requests", "urllib3", "nh3", "markdown_it", "mdit_py_plugins", "pygments"),
    *("blog.cli.connection", "blog.cli.importing", "blog.cli.upgrading", "blog.identity.doctor.stages"),
    *("blog.content.text", "blog.content.importing", "blog.identity.signatures"),
    *("blog.content.media.pictures", "blog.identity.directories.shared"),
)
READ = """
import json, sys
import blog
app = blog.create_app()
paths = ("/", "/a-title", "/archive", "/search?q=words", "/atom.xml")
said = [app.test_client().get(path).status_code for path in paths]
print(json.dumps({"said": said, "loaded": sorted(sys.modules)}))
"""


@pytest.fixture
def loaded(ada, settings):
    """The modules of a process that made the application and answered readers."""
    ada.publish("A title", "Words.\n\n```python\nprint(1)\n```")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("BLOG_")}
    environ |= {f"BLOG_{name}": value for name, value in settings.items()} | {"BLOG_READERSHIP": "no"}
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env=environ,
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["said"] == [200] * 5
    return set(told["loaded"])


def test_a_server_loads_nothing_that_readers_do_not_need(loaded):
    assert "blog.content.shown" in loaded
    assert [each for each in LATER if each in loaded] == []
