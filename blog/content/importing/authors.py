"""Whose the posts of another site become: names in files are matched with people whom the provider knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from blog.content.importing.entries import Entry, Word
from blog.db import Named
from blog.errors import Invalid

AuthorKey = tuple[str, str]  # issuer and id


class Whose(NamedTuple):
    """What the operator says about authors.

    :param known: names, as `folded` writes them, and whose they are.
    :param rule: makes a key of a name that is not known.
    :param holder: whose a post is above which nobody is named who is known.
    :param guests: whether who is not known is named as a guest.
    :param judge: makes a key of issuer and id, as files of our own have them.
    """

    judge: Callable[[str, str], AuthorKey]
    known: Mapping[str, AuthorKey] = {}
    rule: Callable[[str], AuthorKey] | None = None
    holder: AuthorKey | None = None
    guests: bool = False


class Found(NamedTuple):
    """Who they are.

    :param holder: whose the post is.
    :param named: who is named above it; nobody where that is the holder alone.
    :param unknown: names of whom nobody knows who they are, and which go nowhere.
    """

    holder: AuthorKey
    named: tuple[Named, ...]
    unknown: tuple[str, ...] = ()

    @property
    def keys(self) -> set[AuthorKey]:
        """Of all of them but guests."""
        return {self.holder, *(each.key for each in self.named if each.key)}


def folded(name: str) -> str:
    """Write a name in a way that is the same however it was typed."""
    return " ".join(name.casefold().split())


def find(entry: Entry, whose: Whose) -> Found:
    """Find out who holds a post, and who is named above it, in order.

    :raises Invalid: when nobody can hold it; says why.
    """
    named, unknown = [], []
    for word in entry.authors:
        one = _one(word, whose)
        if one is None:
            unknown.append(word.names[0])
        elif one not in named:
            named.append(one)
    first = next((each.key for each in named if each.key), None)
    holder = whose.judge(*entry.holder) if entry.holder else first or whose.holder
    if holder is None:
        those = f" of {', '.join(unknown)}" if unknown else ""
        raise Invalid(f"nobody here is known to be its author{those}")
    alone = [(each.key, each.guest) for each in named] in ([], [(holder, None)])
    return Found(holder, () if alone else tuple(named), tuple(unknown))


def _one(word: Word, whose: Whose) -> Named | None:
    if word.guest is not None:
        return Named(None, guest=word.guest)
    if word.key:
        return Named(whose.judge(*word.key), agreed=word.agreed)
    for name in word.names:
        if key := whose.known.get(folded(name)):
            return Named(key)
    if whose.rule:
        return Named(whose.rule(word.names[0]))
    return Named(None, guest=word.names[-1]) if whose.guests else None
