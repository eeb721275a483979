"""The headers every answer carries: what a browser may load, show and keep."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask, Response, current_app, request

ONE_YEAR = 31_536_000


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


def init_app(app: Flask, *, policy: str, https: bool) -> None:
    """Put the headers on every answer of this application.

    :param policy: the Content-Security-Policy.
    :param https: whether the blog is on https, so that browsers may be told to stay there.
    """
    always = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
    }
    if https:
        always["Strict-Transport-Security"] = f"max-age={ONE_YEAR}; includeSubDomains"

    @app.after_request
    def add_headers(response: Response) -> Response:
        said = {name.lower() for name, _ in response.headers}
        for name, value in always.items():
            if name.lower() not in said:
                response.headers.add(name, value)
        if "frame-ancestors 'none'" not in response.headers["Content-Security-Policy"]:
            del response.headers["X-Frame-Options"]  # it can name no other site
        if request.endpoint != "static" and "max-age" not in response.headers.get("Cache-Control", ""):
            depend_on(response, "Cookie")
        return response


def depend_on(response: Response, name: str) -> None:
    """Tell caches that an answer is another one where a header of the request is another (RFC 9110, 12.5.5)."""
    said = response.headers.get("Vary")
    if said is None:
        response.headers.add("Vary", name)
    elif name.lower() not in said.lower():
        response.headers["Vary"] = f"{said}, {name}"


def let_frame(response: Response, origin: str) -> Response:
    """Let pages of this one other site show this answer in a frame; there is nothing in it to see or to click."""
    response.headers["Content-Security-Policy"] = f"default-src 'none'; frame-ancestors {origin}"
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
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
    )
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
