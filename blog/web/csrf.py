"""Keeping other sites from writing in somebody's name: a gate on every write, and tokens on signed-in forms.

The gate needs nothing in the page, so pages of readers stay the same for everybody. The token names the person, not
the session, and has no time limit: a form that was open overnight is still good after logging in again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from blog.errors import Forbidden, Words

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf_token"


def init_app(app: Flask, *, key: bytes, origin: str) -> None:
    """Prepare the gate.

    :param key: signs the tokens.
    :param origin: scheme and host of the blog itself.
    """
    app.extensions["csrf"] = (
        URLSafeSerializer(key, salt="csrf", signer_kwargs={"digest_method": hashlib.sha256}),
        origin,
    )


def exempt(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let other sites send to this view: it judges what it gets by other means."""
    view.from_elsewhere = True  # type: ignore[attr-defined]
    return view


def is_exempt() -> bool:
    """Whether the view of this request takes what other sites send."""
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "from_elsewhere", False)


def gate() -> None:
    """Refuse a write that another site caused (Fetch Metadata, with Origin where a browser lacks it).

    :raises Forbidden: if so.
    """
    if request.method in SAFE or is_exempt():
        return
    site = request.headers.get("Sec-Fetch-Site")
    sent_from = request.headers.get("Origin")
    if site is not None:
        ours = site in {"same-origin", "none"}
    else:
        ours = sent_from is None or sent_from == current_app.extensions["csrf"][1]
    if not ours:
        raise Forbidden(Words("This was sent from another site, so it was not accepted."))


def origin_of(url: str) -> str:
    """Give the scheme, host and port of an absolute address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def token(person_ref: str) -> str:
    """Make a token for a form that this person is shown; no two look alike."""
    signer: URLSafeSerializer = current_app.extensions["csrf"][0]
    made = signer.dumps([person_ref, secrets.token_hex(4)])
    return made if isinstance(made, str) else made.decode()


def holder(text: str | None) -> str | None:
    """Tell whose form a token was made for, or None if it is not one of ours."""
    signer: URLSafeSerializer = current_app.extensions["csrf"][0]
    try:
        person_ref, _ = signer.loads(text or "")
    except (BadSignature, ValueError, TypeError):
        return None
    return person_ref if isinstance(person_ref, str) else None


def check(text: str | None, person_ref: str) -> None:
    """Accept the token of a signed-in form.

    :raises Forbidden: if it is missing, not ours, or was made for somebody else.
    """
    if not hmac.compare_digest(holder(text) or "", person_ref):
        raise Forbidden(Words("This form belongs to another login. Reload the page and send it again."))
