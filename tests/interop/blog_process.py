"""One process of a blog as the proofs need it: names age in seconds, every log is at its finest, its folder is its own.

``python -m tests.interop.blog_process`` is started as the demo's blog is, with these besides:

    SOFT_S      for how many seconds a name counts as fresh, if not for as long as usual
    WORKS_IN    the working folder
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from flask import Flask, g

from blog import create_app
from blog.identity.directories import cached
from demo import blog_server


def create() -> Flask:
    """Build the application, with an address `/breaks` at which it fails while it knows who asks."""
    if soft_s := os.environ.get("SOFT_S"):
        cached.SOFT_S = float(soft_s)
    app = create_app()
    logging.basicConfig(level=logging.DEBUG)
    app.logger.setLevel(logging.DEBUG)
    app.add_url_rule("/breaks", view_func=_break)
    return app


def _break() -> str:
    name = g.user.name
    raise RuntimeError(f"broken on purpose, with a name of {len(name)} letters at hand")


if __name__ == "__main__":
    # modules are found from anywhere: sys.path holds the absolute path of the folder that this started in
    if folder := os.environ.get("WORKS_IN"):
        Path(folder).mkdir(exist_ok=True)
        os.chdir(folder)
    blog_server.main("tests.interop.blog_process:create")
