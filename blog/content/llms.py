"""The list of posts and pages for programs that read texts: llms.txt, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from blog.content.navigation import Link
from blog.content.shown import Shown
from blog.content.typed import fit

_SIGNS = re.compile(r"([\\`*_\[\]<>#&!|~])")


def listing(title: str, *, site_url: str, pages: Iterable[Link], posts: Iterable[Shown]) -> str:
    """List pages and posts, each with the address of its Markdown and its first words.

    :param posts: as `posts.latest` lists them.
    """
    lines = [
        f"# {_plain(title)}",
        "",
        "> Each address below is that of a text in Markdown; without .md it is its page.",
    ]
    told = {
        "Pages": [_line(page.title, page.slug, "", site_url) for page in pages],
        "Posts": [_line(post.title, post.slug, post.excerpt, site_url) for post in posts],
    }
    for heading, listed in told.items():
        if listed:
            lines += ["", f"## {heading}", "", *listed]
    lines += ["", "## Optional", ""]
    lines += [f"- [Sitemap]({site_url}/sitemap.xml): all addresses", f"- [Feed]({site_url}/atom.xml): whole texts"]
    return fit("\n".join([*lines, ""]))


def _line(title: str, slug: str, excerpt: str, site_url: str) -> str:
    more = f": {_plain(excerpt)}" if excerpt else ""
    return f"- [{_plain(title)}]({site_url}/{slug}.md){more}"


def _plain(text: str) -> str:
    """Let nothing in a text be a sign of Markdown."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))
