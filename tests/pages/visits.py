"""Every kind of page, each opened once by those who see it, and judged on the spot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from playwright.sync_api import Page, Response

from tests.pages import judges
from tests.pages.site import EVERYTHING, Site, conflict

TODAY = datetime.now(UTC)
READING = {
    "home": "/",
    "older posts": "/ nav.pages a[rel=next]",
    "a post with contents": "/long-with-contents",
    "code": "/code",
    "every element": "/every-element",
    "a picture": "/with-a-picture",
    "two authors": "/two-wrote-this",
    "another language": "/auf-deutsch",
    "right to left": "/ h2[lang=ar] a",
    "a note": "/ .note a.u-url",
    "a page": "/about-us",
    "a tag": "/tag/open",
    "an author": "/code .p-author a",
    "the archive": "/archive",
    "a year": f"/archive/{TODAY:%Y}",
    "a month": f"/archive/{TODAY:%Y/%m}",
    "search": "/search",
    "what is found": "/search?q=words",
    "nothing found": "/search?q=xylophone",
    "no such page": "/never-was",
    "gone": "/gone",
    "a login that failed": "/oidc/callback",
}
WRITING = {
    "dashboard": "/dashboard",
    "trash": "/dashboard?state=trash",
    "readership": "/dashboard/readership",
    "own page": "/dashboard/page",
    "sessions": "/dashboard/sessions",
    "a new post": "/dashboard/write",
    "editor": "/every-element/edit",
    "editor of what is scheduled": "/due-later/edit",
    "a draft": "/a-draft",
    "delete": "/code/delete",
    "pictures": "/dashboard/media",
    "one picture": "/dashboard/media .pictures a",
    "comments": "/dashboard/comments",
    "comments that are live": "/dashboard/comments?state=live",
    "a post with comments": "/code",
    "revisions": "/code/revisions",
    "two revisions": "/code/revisions/compare?old=1&new=2",
    "log out": "/logout",
}
EDITING = {"tags": "/dashboard/tags"}
BROUGHT_IN = "a post that was brought in: "
LOOKED_AT = 40 if EVERYTHING else 4  # of them, from first to last
RIGHT_TO_LEFT = ("home", "code", "two authors", "the archive", "what is found", "no such page")
RIGHT_TO_LEFT_TOO = ("dashboard", "editor", "pictures", "comments", "two revisions")
COMMENTING = {"not allowed": "/dashboard", "a comment of one's own": "/code .comment a[href$='/edit']"}


class Visit(NamedTuple):
    """A page that somebody saw.

    :param findings: what axe has against it.
    """

    name: str
    url: str
    status: int
    html: str
    findings: list[judges.Finding]


def visit_all(site: Site) -> list[Visit]:
    """Open every kind of page."""
    seen, every = [], -(-len(site.imported) // LOOKED_AT)
    brought_in = {BROUGHT_IN + slug: f"/{slug}" for slug in site.imported[::every]}
    in_arabic = {f"{name}, in Arabic": READING[name] for name in RIGHT_TO_LEFT}
    ours_in_arabic = {f"{name}, in Arabic": WRITING[name] for name in RIGHT_TO_LEFT_TOO}
    for sub, paths, language in (
        (None, READING | brought_in, "en"),
        ("ada", WRITING, "en"),
        ("eddy", EDITING, "en"),
        ("rita", COMMENTING, "en"),
        (None, in_arabic, "ar"),
        ("ada", ours_in_arabic, "ar"),
    ):
        page = site.page(sub, language)
        seen += [judged(page, name, go(page, path)) for name, path in paths.items()]
        if paths is WRITING:
            seen.append(judged(page, "conflict", conflict(page)))
        page.context.close()
    return seen


def go(page: Page, path: str) -> Response:
    """Go to a path, or to where the first link on it leads that a selector after a space finds."""
    path, _, selector = path.partition(" ")
    answer = page.goto(path)
    if selector:
        answer = page.goto(page.locator(selector).first.get_attribute("href") or "")
    assert answer is not None
    return answer


def judged(page: Page, name: str, answer: Response) -> Visit:
    """Judge the page that is shown."""
    return Visit(name, page.url, answer.status, answer.text(), judges.check_access(page))
