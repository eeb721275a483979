"""Pushed authorization requests (RFC 9126): what a login asks for goes to the provider, not through the browser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from blog.errors import LoginRefused, Unreachable
from blog.identity.client import Client, send
from blog.identity.http import Answer
from blog.identity.provider import Metadata
from blog.identity.tokens import demand

REQUEST_URI = re.compile(r"[\x21-\x7e]{1,2048}")  # short enough for the address of a page
NOBODY_THERE = frozenset({404, 405})

# RFC 9126 2.3, RFC 6749 4.1.2.1 and 5.2: what the log may repeat of a refusal.
ERRORS = frozenset(
    {
        "access_denied",
        "invalid_client",
        "invalid_redirect_uri",
        "invalid_request",
        "invalid_request_object",
        "invalid_scope",
        "invalid_target",
        "request_not_supported",
        "request_uri_not_supported",
        "unauthorized_client",
        "unmet_authentication_requirements",
        "unsupported_response_mode",
        "unsupported_response_type",
    }
)


def endpoint(client: Client, metadata: Metadata) -> str | None:
    """Tell where to push a request; None when the browser is to bring it.

    :raises LoginRefused: ``push_impossible``: it has to be pushed, and there is nowhere, or our setting says never.
    """
    url = None if client.par == "never" else metadata.pushed_authorization_request_endpoint
    demand(url is not None or not _must(client, metadata), "push_impossible")
    return url


def push(client: Client, metadata: Metadata, url: str, asked: Mapping[str, str], *, now: datetime) -> str | None:
    """Push a request (RFC 9126, 2.1).

    :param url: what ``endpoint`` gave.
    :param asked: the parameters of the authorization request, ``client_id`` among them.
    :param now: aware.
    :return: the ``request_uri`` that stands for it; None when nobody is at that address, and the browser may bring the
        request instead: some gateways let only the well-known endpoints through.
    :raises LoginRefused: ``client_refused``, ``push_refused``, ``malformed_answer`` or ``unreadable_keys``.
    :raises Unreachable: the provider does not answer, or is out of service.
    """
    answer = send(client, metadata, url, asked, what="the pushed authorization request endpoint", now=now)
    if answer.status in NOBODY_THERE and not _must(client, metadata):
        return None
    if answer.status == 429 or answer.status >= 500:
        raise answer.unusable("is out of service")
    if answer.status >= 400:
        raise _refusal(answer)
    return _request_uri(answer)


def _must(client: Client, metadata: Metadata) -> bool:
    return client.par == "always" or metadata.push_required


def _refusal(answer: Answer) -> LoginRefused:
    try:
        error = answer.object().get("error")
    except Unreachable:  # a page, perhaps of something that stands before the provider
        error = None
    said = error if isinstance(error, str) and error in ERRORS else "other"
    ours = answer.status == 401 or said in ("invalid_client", "unauthorized_client")
    return LoginRefused(
        "client_refused" if ours else "push_refused", detail=f"error={said} (HTTP {answer.status}, pushed)"
    )


def _request_uri(answer: Answer) -> str:
    """Judge what stands for our request from now on (RFC 9126, 2.2)."""
    demand(answer.status == 201, "malformed_answer")
    values = answer.object()
    request_uri, lifetime = values.get("request_uri"), values.get("expires_in")
    if not isinstance(request_uri, str) or not REQUEST_URI.fullmatch(request_uri):
        raise LoginRefused("malformed_answer")
    demand(isinstance(lifetime, int) and not isinstance(lifetime, bool) and lifetime > 0, "malformed_answer")
    return request_uri
