"""Which browser sent a request, in words that its owner knows it by."""

from __future__ import annotations

UNKNOWN = "An unknown browser"


def name_of(user_agent: str) -> str:
    """Name a browser and its system, as in "Firefox on Linux".

    :param user_agent: the header (RFC 9110, 10.1.5), so possibly anything; nothing of it is given back as it is but
        names that the library knows or cuts out.
    """
    from ua_parser import parse  # noqa: PLC0415  (its tables take 6 MB, and one page needs them)

    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else None
    system = found.os.family if found.os else None
    return f"{browser} on {system}" if browser and system else browser or system or UNKNOWN
