"""What every template can say: dates and moments, for people and for machines; and what our scripts hash to."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from flask import Flask, request, url_for
from flask.sansio.app import App
from flask.templating import Environment as FlaskEnvironment
from jinja2 import Template
from jinja2.runtime import Macro
from markupsafe import escape

from blog.web import languages, zones

IN_PAGES = ("_theme.js", "_copy.js")
KEPT_MOST = 2_000_000  # characters; what they were made of takes about as much again
FOUND_BY = 100  # characters more, so that pieces of which nothing is shown are counted too
KEPT_S = 600.0  # so that names which are shown no more are not kept for long


def machine(at: datetime) -> str:
    """Write a moment for the ``datetime`` attribute (RFC 3339)."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def host(url: str) -> str:
    """Tell which site an address leads to."""
    return urlsplit(url).hostname or ""


def path_to(endpoint: str, **values: str | int | None) -> str:
    """Give the path of a page of ours, as `url_for` does; it is the same each time, and built once."""
    return _path_to(request.root_path, endpoint, tuple(values.items()))


@lru_cache(maxsize=1024)
def _path_to(_root: str, endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
    return url_for(endpoint, **dict(values))


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


class Environment(FlaskEnvironment):
    """Flask's, where templates know what is global when they are loaded, as one dictionary; and are found at once.

    Else it is a chain of two, which every page and every import goes through step by step.
    """

    def __init__(self, app: App, **options: Any) -> None:
        super().__init__(app, **options)
        self._found: dict[str, Template] = {}

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002  (Jinja's own name)
    ) -> Template:
        """Give a template; one that was given before is looked for only where templates may change under way."""
        if self.auto_reload or globals or isinstance(name, Template):
            return super().get_template(name, parent, globals)
        return self._found.get(name) or self._found.setdefault(name, super().get_template(name, parent))

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Say what is global in a template."""
        return {**self.globals, **(d or {})}


class Once:
    """What macros made, kept for the next page that shows the very same.

    A piece is found by all that goes into it: the macro, the values it is given, and the language. So it shows nothing
    that is no longer so, and nobody has to say when something has changed.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], str] = {}
        self._size = 0
        self._made_anew_at = 0.0

    def __call__(self, macro: Macro, *values: Any, **named: Any) -> str:
        """Call a macro, for templates.

        :param macro: what it says depends on nothing but these values, settings and the language.
        :param values: with a hash, and equal only where nobody could tell the difference; so are those with a name.
        """
        piece = (macro, languages.language(), values, *named.items())
        made = self._made.get(piece)
        return self._keep(piece, macro(*values, **named)) if made is None else made

    def all(self, macro: Macro, posts: Iterable[Any], bylines: Mapping[Any, Any]) -> str:
        """Call a macro for each post of a list: with the post, the bylines of those who are named above it, each with
        its key, and whether it is the first. All of them are one piece, which is kept as each of them is.
        """
        piece = (macro, languages.language(), tuple(posts), frozenset(bylines.items()))
        return self._made.get(piece) or self._keep(piece, escape("\n").join(self._each(macro, posts, bylines)))

    def _each(self, macro: Macro, posts: Iterable[Any], bylines: Mapping[Any, Any]) -> Iterator[str]:
        for place, post in enumerate(posts):
            yield self(macro, post, named_by(post, bylines), place == 0)

    def _keep(self, piece: tuple[Any, ...], made: str) -> str:
        if self._size >= KEPT_MOST or time.monotonic() > self._made_anew_at:
            self._made.clear()
            self._size, self._made_anew_at = 0, time.monotonic() + KEPT_S
        self._made[piece] = made
        self._size += len(made) + FOUND_BY
        return made


def named_by(post: Any, bylines: Mapping[Any, Any]) -> tuple[tuple[Any, Any], ...]:
    """Give the bylines of those who are named above a post, each with its key, as a value."""
    return tuple((each.key, bylines[each.key]) for each in post.named if each.key)


def place_among(links: Sequence[tuple[str, str]], pages: Sequence[Any] = ()) -> str | None:
    """Give the path of this page if one of these leads to it.

    :param links: labels and places.
    :param pages: with slugs.
    """
    there = any(request.path == place for _, place in links) or any(request.path[1:] == page.slug for page in pages)
    return request.path if there else None


def init_app(app: Flask) -> None:
    """Give this application's templates these filters."""
    app.add_template_filter(zones.in_words, "in_zone")
    app.add_template_filter(lambda at: at.astimezone(ZoneInfo(app.config["TIME_ZONE"])), "here")
    app.add_template_filter(zones.typed_at)
    app.add_template_filter(lambda address: urljoin(app.config["PUBLIC_URL"], address), "absolute")
    for name in (machine, host):
        app.add_template_filter(name)
    once = Once()
    app.add_template_filter(once, "once")
    app.add_template_filter(once.all, "once_all")
    app.jinja_env.globals.update(place_among=place_among, url_for=path_to)
    scripts = Path(app.static_folder or "").glob("*.js")
    app.jinja_env.globals["integrity"] = {script.name: integrity(script.read_bytes()) for script in scripts}
