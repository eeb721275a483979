"""Where a browser may be sent: only to paths of our own."""

from __future__ import annotations

import re
from urllib.parse import quote

# Measured against a list of hostile targets: the only form of which none leaves the site.
LOCAL_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\\x7f]*")
LONGEST = 500  # as a browser sends it: five of them fit into cookies, and those into what proxies take


def is_local(target: str | None) -> bool:
    """Whether this is a path on this site and nothing else, however a browser reads it."""
    if target is None or not LOCAL_PATH.fullmatch(target):
        return False
    return len(quote(target, errors="replace")) <= LONGEST


def local(target: str | None, otherwise: str) -> str:
    """Give back `target` if it stays on this site, else `otherwise`."""
    return target if target is not None and is_local(target) else otherwise
