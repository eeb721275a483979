"""Which browser sent a request, in words that its owner knows it by; and whether it was one, for somebody who reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from blog.errors import Words

UNKNOWN = Words("An unknown browser")

AHEAD_OF_TIME = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")  # newest name first
_BROWSER = re.compile(r"(Mozilla/5\.0|Opera/9\.\d+) \(")
_CONFESSES = re.compile(
    r"https?:|\+www|@|compatible; (?!MSIE)|(?<!cu)bots?\b|crawl|spider|slurp|scrap|headless|lighthouse|phantomjs"
    r"|selenium|playwright|monitor|uptime|pingdom|statuscake|preview|fetch|archive|validator|python|curl|wget|node\.js",
    re.IGNORECASE,
)


def name_of(user_agent: str) -> str:
    """Name a browser and its system, as in "Firefox on Linux".

    :param user_agent: the header (RFC 9110, 10.1.5), so possibly anything; nothing of it is given back as it is but
        names that the library knows or cuts out.
    """
    from ua_parser import parse  # noqa: PLC0415  (its tables take 6 MB, and not every process needs them)

    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else None
    system = found.os.family if found.os else None
    return (
        Words("%(browser)s on %(system)s", browser=browser, system=system)
        if browser and system
        else browser or system or UNKNOWN
    )


@lru_cache(maxsize=1024)
def is_robot(user_agent: str) -> bool:
    """Whether a program names itself, by what it calls itself, and not a browser that somebody sits at.

    A program that calls itself a browser is not found out. The first look at a name may take some ten milliseconds.

    :param user_agent: the header (RFC 9110, 10.1.5), so possibly anything; empty is a robot.
    """
    from ua_parser import parse_device  # noqa: PLC0415  (as above)

    if not _BROWSER.match(user_agent) or _CONFESSES.search(user_agent):
        return True
    device = parse_device(user_agent)
    return device is not None and device.family == "Spider"


def asks_to_read(environ: Mapping[str, Any]) -> bool:
    """Whether a request wants a page to show it: a GET that is not ahead of time, which perhaps nobody looks at.

    :param environ: of WSGI (PEP 3333). ``Sec-Purpose`` is of the Fetch standard, the others are what came before it.
    """
    ahead = ("prefetch", "preview", "prerender")
    purposes = [environ[name].lower() for name in AHEAD_OF_TIME if name in environ]
    return environ.get("REQUEST_METHOD") == "GET" and not any(word in said for said in purposes for word in ahead)
