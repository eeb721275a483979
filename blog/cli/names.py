"""Whom the user API is asked for when it is examined, and the proof that names can be had."""

from __future__ import annotations

from contextlib import suppress

from flask import current_app
from sqlalchemy.exc import IntegrityError

from blog.cli.report import Report
from blog.content import posts
from blog.db import writing
from blog.identity.doctor import stages
from blog.identity.people import Key
from blog.porch import porch

AUTHORS = 20  # in one question


def some_authors(issuer: str, one: Key | None = None) -> stages.Authors:
    """Find the authors who wrote last.

    :param one: somebody whom the user API has to know.
    """
    some = [Key(*key) for key in posts.some_authors(issuer, limit=AUTHORS)]
    return stages.Authors(some, posts.count_authors(issuer), one)


def prove(one: Key | None) -> Report:
    """Examine the user API, and remember it if names can be had with these settings.

    :param one: somebody whom it has to know; without, the authors who wrote last.
    """
    ready, now, values = porch(), current_app.extensions["clock"](), current_app.extensions["settings"]
    authors = some_authors(values["OIDC_ISSUER"], one)
    found = stages.of_directory(ready.directory, authors, values, now, proving=True)
    if stages.is_proven(found):
        with suppress(IntegrityError), writing() as transaction:  # somebody else has just remembered the same
            ready.proof.keep(transaction, now)
    return Report({"names": found or [stages.NO_USER_API]})
