"""The stages of an examination: settings, provider, the blog from outside, and a login."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from blog.identity.client import Client
from blog.identity.doctor import client as clients
from blog.identity.doctor import discovery
from blog.identity.doctor import login as logins
from blog.identity.doctor.arrival import of_blog
from blog.identity.doctor.finding import LEVELS, Finding
from blog.identity.doctor.names import NO_USER_API, Asks, Authors, is_proven, of_directory, of_proof
from blog.identity.doctor.settings import no_database, of_faults, of_posts, of_settings, of_sources
from blog.identity.oidc import Attempt
from blog.identity.people import RoleRules
from blog.identity.provider import Provider

__all__ = [
    "LEVELS",
    "NO_USER_API",
    "Authors",
    "Finding",
    "begin",
    "is_proven",
    "no_database",
    "of_answer",
    "of_blog",
    "of_directory",
    "of_faults",
    "of_posts",
    "of_proof",
    "of_provider",
    "of_settings",
    "of_sources",
]

Clock = Callable[[], datetime]
begin = clients.begin
NO_AUTHORS = Authors()


def of_provider(
    client: Client,
    provider: Provider,
    directory: Asks,
    *,
    authors: Authors = NO_AUTHORS,
    values: Mapping[str, Any],
    clock: Clock,
) -> list[Finding]:
    """Ask the provider whatever can be asked without a person; one question is a token request that has to fail.

    :param authors: some people who have posts; the user API is asked for them.
    :param clock: tells the time (aware).
    """
    looked = discovery.look(client, clock)
    if looked.document is None:
        return looked.findings
    found = looked.findings + discovery.of_provider(client, provider, looked.document)
    if not any(finding.level == "fault" and finding.check in {"issuer", "endpoints"} for finding in found):
        found += discovery.advice(client, looked.document, values)
        found += clients.of_client(client, provider, clock)
    return found + of_directory(directory, authors, values, clock())


def of_answer(
    client: Client,
    provider: Provider,
    directory: Asks,
    *,
    attempt: Attempt,
    pasted: str,
    values: Mapping[str, Any],
    rules: RoleRules,
    clock: Clock,
) -> list[Finding]:
    """Judge what the operator brought back from a login, and say what the blog learns from it.

    :param pasted: the address of the page that they ended up on.
    """
    login, found = logins.of_answer(client, provider, attempt, pasted, clock)
    if login is None:
        return found
    return found + logins.of_login(login, values, rules, clock()) + logins.of_directory(login, directory, values)
