"""How everybody on a page is asked for: many in one call where that can be, and alone whoever was left out."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from blog.identity.directories.pool import Pool
from blog.identity.people import Key, Person

THREADS = 4

One = Callable[[Key], Person]
Many = Callable[[list[Key]], dict[Key, Person] | None]


def ask(keys: list[Key], one: One, many: Many | None = None, *, size: int = 20) -> dict[Key, Person]:
    """Find these people in as few calls as can be.

    A list may leave out people who are there, so whom it did not name is asked for alone.

    :param one: reads one person, and may say that they are gone.
    :param many: finds several; gives None when the API will not search, and is not asked again.
    :param size: how many fit into one such call.
    :raises Unreachable: what `one` or `many` raises.
    """
    found: dict[Key, Person] = {}
    if many is not None and len(keys) > 1:
        for chunk in _chunks(keys, size):
            if (told := many(chunk)) is None:
                break
            found |= told
    return found | _one_by_one([key for key in keys if key not in found], one)


def _one_by_one(keys: list[Key], one: One) -> dict[Key, Person]:
    if len(keys) < 2:
        return {key: one(key) for key in keys}
    with Pool(min(THREADS, len(keys))) as pool:  # leaving it on a failure cancels the rest
        reads = [(key, pool.submit(partial(copy_context().run, one, key))) for key in keys]
        return {key: read.result() for key, read in reads}


def _chunks(keys: list[Key], size: int) -> Iterator[list[Key]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))


@dataclass(frozen=True, slots=True)
class Ids:
    """What ids look like at a provider; nobody is asked for by another one, which could fail a call for many.

    :param form: what the whole of one matches.
    :param invent: makes one that nobody has, for the doctor.
    """

    form: re.Pattern[str]
    invent: Callable[[], str]

    def of(self, issuer: str, keys: Iterable[Key]) -> list[Key]:
        """Pick the keys of this issuer that can be asked for."""
        return [key for key in dict.fromkeys(keys) if key.issuer == issuer and self.form.fullmatch(key.id)]


# "." and ".." would be walked, not read
ANY = Ids(re.compile(r"(?!\.{1,2}$).+"), lambda: f"doctor-{secrets.token_hex(8)}")
UUIDS = Ids(re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), lambda: str(uuid4()))
NUMBERS = Ids(re.compile(r"[0-9]{1,20}"), lambda: str(2_000_000_000 + secrets.randbelow(147_000_000)))
