"""What pages say to machines in JSON-LD, in the words of schema.org: posts, people, lists, and where one stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

Node = dict[str, Any]

GUEST = "Guest author; not verified by the organisation’s sign-in service"


def graph(*nodes: Node | None) -> Node:
    """Put nodes together into one document; None is left out."""
    return {"@context": "https://schema.org", "@graph": [node for node in nodes if node]}


def person(name: str, *, url: str | None = None) -> Node:
    """Describe an author by the name that readers see.

    :param url: of their page, where there is one.
    """
    return _without_nothing({"@type": "Person", "name": name, "url": url})


def guest(name: str) -> Node:
    """Describe somebody by a name that nobody has verified, which is said beside it."""
    return {"@type": "Person", "name": name, "disambiguatingDescription": GUEST}


def site(title: str, url: str, *, description: str = "", profiles: Sequence[str] = ()) -> Node:
    """Describe the blog itself.

    :param profiles: where else it is.
    """
    told = {"@type": "Blog", "@id": f"{url}/", "name": title, "url": f"{url}/", "description": description}
    return _without_nothing({**told, "sameAs": list(profiles)})


def posting(
    *,
    url: str,
    title: str,
    authors: Iterable[Node],
    part_of: str,
    published_at: datetime | None = None,
    updated_at: datetime | None = None,
    more: Mapping[str, Any] | None = None,
) -> Node:
    """Describe a post.

    :param part_of: the address of the blog.
    :param more: further words of schema.org about it; what is empty is left out.
    """
    told = {
        "@type": "BlogPosting",
        "@id": url,
        "url": url,
        "headline": title,
        "author": list(authors),
        "datePublished": published_at and published_at.isoformat(timespec="seconds"),
        "dateModified": updated_at and updated_at.isoformat(timespec="seconds"),
        "isPartOf": {"@id": f"{part_of}/"},
    }
    return _without_nothing({**told, **(more or {})})


def breadcrumbs(steps: Sequence[tuple[str, str]]) -> Node:
    """Say where a page stands.

    :param steps: name and address of each page on the way, the page itself last.
    """
    items = [
        {"@type": "ListItem", "position": at, "name": name, "item": url}
        for at, (name, url) in enumerate(steps, start=1)
    ]
    return {"@type": "BreadcrumbList", "itemListElement": items}


def profile(url: str, somebody: Node) -> Node:
    """Describe the page of an author."""
    return {"@type": "ProfilePage", "@id": url, "url": url, "mainEntity": somebody}


def _without_nothing(told: Mapping[str, Any]) -> Node:
    return {name: value for name, value in told.items() if value not in (None, "", [], ())}
