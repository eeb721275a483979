"""Where a browser may be sent: only to paths of our own."""

from __future__ import annotations

import re

# Measured against a list of hostile targets: the only form of which none leaves the site.
LOCAL_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\\x7f]*")
LONGEST = 1000


def is_local(target: str | None) -> bool:
    """Whether this is a path on this site and nothing else, however a browser reads it."""
    return target is not None and len(target) <= LONGEST and LOCAL_PATH.fullmatch(target) is not None


def local(target: str | None, otherwise: str) -> str:
    """Give back `target` if it stays on this site, else `otherwise`."""
    return target if target is not None and is_local(target) else otherwise
