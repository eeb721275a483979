"""The headers every answer carries: what a browser may load, show and keep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Flask, Response, current_app

ONE_YEAR = 31_536_000

Environ = dict[str, Any]
Said = list[tuple[str, str]]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

CSP, FRAMES = "Content-Security-Policy", "X-Frame-Options"
BY_COOKIE: Said = [("Vary", "Cookie")]
BY_LANGUAGE: Said = [("Vary", "Cookie, Accept-Language")]


def content_security_policy(
    *, image_hosts: tuple[str, ...], form_targets: tuple[str, ...], scripts: Iterable[str] = ()
) -> str:
    """Say what a page of ours may do: no inline style, no inline script but those named here, nothing from elsewhere.

    :param image_hosts: origins whose images posts may show.
    :param form_targets: origins a form may lead to after us: the provider's, on the way out.
    :param scripts: hashes of the scripts that pages hold themselves.
    """
    rules = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *scripts],
        "style-src": ["'self'"],
        "img-src": ["'self'", *image_hosts],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'", *form_targets],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in rules.items())


def init_app(app: Flask, *, policy: str, https: bool, negotiates: bool) -> None:
    """Put the headers on every answer of this application.

    :param policy: the Content-Security-Policy.
    :param https: whether the blog is on https, so that browsers may be told to stay there.
    :param negotiates: whether the language of pages depends on who asks.
    """
    always = {
        CSP: policy,
        "X-Content-Type-Options": "nosniff",
        FRAMES: "DENY",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
    }
    if https:
        always["Strict-Transport-Security"] = f"max-age={ONE_YEAR}; includeSubDomains"
    app.wsgi_app = _Always(app.wsgi_app, always, negotiates=negotiates)  # type: ignore[method-assign]


class _Always:
    """A WSGI application before another one: it adds what every answer says, where the answer does not say it itself.

    Here and not in Flask, whose headers go through each of these twice, to see that there is no line break in it.

    :param always: name → value.
    :param negotiates: as of `init_app`.
    """

    def __init__(self, app: Application, always: Mapping[str, str], *, negotiates: bool) -> None:
        self._app = app
        self._always = list(always.items())
        self._names = {name.lower() for name in always}
        self._negotiates = negotiates

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, said: Said, *more: Any) -> Any:
            return start_response(status, self._completed(said), *more)

        return self._app(environ, start)

    def _completed(self, said: Said) -> Said:
        told = {name.lower(): value for name, value in said}
        return [*said, *self._varies(told), *self._always_beside(told)]

    def _varies(self, told: Mapping[str, str]) -> Said:
        """Tell caches that an answer is another one where this header of a request is another (RFC 9110, 12.5.5)."""
        caching = told.get("cache-control", "")
        if "max-age" in caching:
            return []
        is_page = "public" in caching and told.get("content-type", "").startswith("text/html")
        return BY_LANGUAGE if is_page and self._negotiates else BY_COOKIE

    def _always_beside(self, told: Mapping[str, str]) -> Said:
        if self._names.isdisjoint(told):
            return self._always
        rest = [(name, value) for name, value in self._always if name.lower() not in told]
        if "frame-ancestors 'none'" in told.get(CSP.lower(), "frame-ancestors 'none'"):
            return rest
        return [(name, value) for name, value in rest if name != FRAMES]  # it can name no other site


def let_frame(response: Response, origin: str) -> Response:
    """Let pages of this one other site show this answer in a frame; there is nothing in it to see or to click."""
    response.headers[CSP] = f"default-src 'none'; frame-ancestors {origin}"
    return response


def keep_private(response: Response) -> Response:
    """Mark an answer that is for one person only: no cache keeps it, the back button asks again."""
    response.headers["Cache-Control"] = "private, no-store"
    return response


def keep_public(response: Response) -> Response:
    """Mark an answer that is the same for everybody who is not logged in: caches may keep it and must ask."""
    if seconds := current_app.config["PROXY_CACHE"]:
        # for the proxy in front alone, which passes it on to nobody; nginx before 1.23.3 wants it before Cache-Control
        response.headers["X-Accel-Expires"] = str(seconds)
    response.headers.setdefault("Cache-Control", "public, no-cache")
    return response


def keep_for_everybody(response: Response, *, seconds: int) -> Response:
    """Mark an answer that is the same whoever asks, cookie or none: caches may keep it for so long without asking."""
    response.headers["Cache-Control"] = f"public, max-age={seconds}"
    return response


def keep_as_media(response: Response, *, public: bool) -> Response:
    """Mark the answer with a file that people uploaded: nothing in it may do anything, should it be more than it says.

    :param public: everybody may see it now, so caches may keep it for good, as its address is made of its bytes; and
        pages of other sites, such as feed readers, may show it.
    """
    # browsers themselves put a style into the page on which they show a picture that is opened by itself
    response.headers[CSP] = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
    if not public:
        return keep_private(response)
    response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def sent_by_proxy(path: str, content_type: str) -> Response:
    """Make the answer that has the proxy in front send a file, of which it passes on type and caching, and no more.

    :param path: at which the proxy, and nobody else, finds it.
    """
    response = Response(content_type=content_type)
    response.headers["X-Accel-Redirect"] = path
    return response
