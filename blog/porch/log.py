"""The security log: a line of JSON for everything that lets somebody in, keeps them out, or ends their session.

Lines hold codes, numbers and keyed hashes: no name, no address, no token, nothing that came in as text. Which events
there are is told in docs/operations.md.
"""

from __future__ import annotations

import json
import logging
from typing import Any, TextIO, cast

from flask import has_request_context
from flask.logging import wsgi_errors_stream

from blog.identity.people import ROLES, Key, Person
from blog.porch import person_ref
from blog.web import answers
from blog.web.clock import moment

LOGGER = logging.getLogger("blog.security")
REF_LENGTH = 12  # of the hash that stands for a person: enough to follow one, too short to collide by chance


def start() -> None:
    """Send the log to where the server's errors go, unless the operator has given it a place of its own."""
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False  # its lines are whole as they are
    if not LOGGER.handlers:
        LOGGER.addHandler(logging.StreamHandler(cast(TextIO, wsgi_errors_stream)))


def note(event: str, *, person: Person | Key | None = None, alarm: bool = False, **facts: str | int | None) -> None:
    """Write one line.

    :param person: whom it is about; a keyed hash of their key is written.
    :param alarm: somebody was kept out, or something that operators should look at.
    :param facts: what else there is to know; None is left out.
    """
    line: dict[str, Any] = {"at": moment().isoformat(timespec="milliseconds"), "event": event}
    if has_request_context():
        line["request"] = answers.request_id()
    if person is not None:
        line["person"] = ref(person)
    line |= {name: value for name, value in facts.items() if value is not None}
    LOGGER.log(logging.WARNING if alarm else logging.INFO, json.dumps(line))


def ref(person: Person | Key) -> str:
    """Give the keyed hash that stands for somebody in this log."""
    return person_ref(person.key if isinstance(person, Person) else person)[:REF_LENGTH]


def role(person: Person) -> str | None:
    """Give the highest role of somebody, which includes the others."""
    return next((name for name in reversed(ROLES) if name in person.roles), None)


def note_role_change(before: Person, now: Person) -> None:
    """Write a line if somebody may do more, or less, than when they were last heard of."""
    if before.roles != now.roles:
        note("role_changed", person=now, was=role(before), now=role(now), alarm=True)
