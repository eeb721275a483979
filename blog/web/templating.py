"""What every template can say: dates and moments, for people and for machines; and what our scripts hash to."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from flask import Flask

from blog.web import zones

IN_PAGES = ("_theme.js", "_copy.js")


def machine(at: datetime) -> str:
    """Write a moment for the ``datetime`` attribute (RFC 3339)."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def host(url: str) -> str:
    """Tell which site an address leads to."""
    return urlsplit(url).hostname or ""


def integrity(script: bytes) -> str:
    """Say what a script hashes to (Subresource Integrity, 3.5): a browser runs it only as it was here at the start."""
    return f"sha384-{base64.b64encode(hashlib.sha384(script).digest()).decode()}"


def scripts(app: Flask) -> dict[str, str]:
    """Say what the scripts in our pages hash to (CSP Level 3, 2.3.1): each is a template, and hashed as it goes out."""
    env = app.jinja_env
    return {
        name: f"'sha256-{base64.b64encode(hashlib.sha256(env.get_template(name).render().encode()).digest()).decode()}'"
        for name in IN_PAGES
    }


def init_app(app: Flask) -> None:
    """Give this application's templates these filters."""
    app.add_template_filter(zones.in_words, "in_zone")
    app.add_template_filter(lambda at: at.astimezone(ZoneInfo(app.config["TIME_ZONE"])), "here")
    app.add_template_filter(zones.typed_at)
    app.add_template_filter(lambda address: urljoin(app.config["PUBLIC_URL"], address), "absolute")
    for name in (machine, host):
        app.add_template_filter(name)
    scripts = Path(app.static_folder or "").glob("*.js")
    app.jinja_env.globals["integrity"] = {script.name: integrity(script.read_bytes()) for script in scripts}
