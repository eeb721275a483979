"""The door to the search: what somebody typed, and the posts with these words that they may read."""

from __future__ import annotations

from flask import Blueprint, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from blog.auth import bylines
from blog.content import authorship, search
from blog.content.readers import Reader
from blog.porch.guards import asker
from blog.web import headers
from blog.web.clock import moment

bp = Blueprint("search", __name__)


@bp.get("/search")
def index() -> ResponseReturnValue:
    """Find live posts by words, for who asks; with nothing to find, say how one asks."""
    typed, after = request.args.get("q", ""), request.args.get("after")
    sought, reader = search.read(typed), Reader(*asker())
    page = search.find(sought, now=moment(), limit=current_app.config["POSTS_PER_PAGE"], reader=reader, after=after)
    named = authorship.keys(result.post for result in page.results)
    shown = render_template(
        "search/index.html",
        typed=typed[: search.LONGEST],
        asked=bool(typed.strip()),
        sought=sought,
        page=page,
        after=after,
        bylines=bylines(named),
        longest=search.LONGEST,
        longer=None if page.results or page.cut else search.longer(sought, now=moment(), reader=reader),
    )
    return make_response(shown) if g.user else headers.keep_public(make_response(shown))
