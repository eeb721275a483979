"""How a user API's answers are read: where names stand in them, whom they are about, and what says that one is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blog.errors import Unreachable
from blog.identity.http import Answer
from blog.identity.people import Key, Person, display_name

SOMEBODY_ELSE = "tells of somebody who was not asked for"


def at(value: Any, path: str) -> Any:
    """Follow a path of names and numbers with dots between them; None where it leads nowhere."""
    for name in path.split(".") if path else ():
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def says(path: str, text: str) -> Callable[[Answer], bool]:
    """Make a test of an answer: a text that holds this one stands at that path."""

    def test(answer: Answer) -> bool:
        try:
            told = at(answer.object(), path)
        except Unreachable:
            return False
        return isinstance(told, str | int) and text in str(told)

    return test


def is_empty(answer: Answer) -> bool:
    """Whether an answer has no body."""
    return not answer.body.strip()


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of answers. Who was deactivated or locked keeps the name: anybody may be able to lock somebody.

    :param names: parameter of `display_name` → paths, the best first, with spaces between them. Never a login.
    :param is_gone: whether a 404 says of this very person that there is none; any other is an outage.
    :param id: where the id stands in a person.
    :param row: where the person stands in an answer about one; a list there that is empty says "gone", too.
    :param rows: where the people stand in an answer about several.
    :param logins: paths to what is never shown, although a provider may have made a name of it.
    :param deactivated: path → the values there that say so; empty where the API does not tell.
    """

    names: Mapping[str, str]
    is_gone: Callable[[Answer], bool]
    id: str = "id"
    row: str = ""
    rows: str = ""
    logins: str = ""
    deactivated: Mapping[str, tuple[str | int | bool, ...]] = field(default_factory=dict)

    def one(self, answer: Answer, key: Key) -> Person:
        """Say who this is, of an answer about that person alone.

        :raises Unreachable: it neither names nor denies them.
        """
        if answer.status == 404 and self.is_gone(answer):
            return Person(key, None, gone=True)
        if answer.status != 200:
            raise answer.unusable("does not tell who somebody is")
        told = at(answer.object(), self.row)
        if told == []:
            return Person(key, None, gone=True)
        found = self._pick(told if isinstance(told, list) else [told], [key])
        if key not in found:
            raise answer.unusable(SOMEBODY_ELSE)
        return found[key]

    def several(self, answer: Answer, keys: list[Key]) -> dict[Key, Person] | None:
        """Pick those who were asked for from a list; who ignores filters lists everybody.

        :return: None when the API cannot search like this, but may tell of each alone.
        :raises Unreachable: it refuses to tell, or tells something else than a list.
        """
        if answer.status in {401, 403, 429}:
            raise answer.unusable("refuses to search")
        if answer.status != 200:
            return None
        rows = at(answer.object() if self.rows else answer.json(), self.rows)
        if rows is None and self.rows:  # left out when nobody matches
            return {}
        if not isinstance(rows, list):
            raise answer.unusable("lists people in a form we do not know")
        return self._pick(rows, keys)

    def ids(self, answer: Answer) -> set[str]:
        """List whom an answer about several tells of, also those whom nobody asked for; empty for any other answer."""
        try:
            rows = at(answer.json(), self.rows)
        except Unreachable:
            return set()
        return {told for row in rows if (told := self._id(row))} if isinstance(rows, list) else set()

    def _pick(self, rows: list[Any], keys: list[Key]) -> dict[Key, Person]:
        by_id = {key.id: key for key in keys}
        return {key: self._person(key, row) for row in rows if (key := by_id.get(self._id(row)))}

    def _id(self, row: Any) -> str:
        told = at(row, self.id)
        return str(told) if isinstance(told, str | int) and not isinstance(told, bool) else ""

    def _person(self, key: Key, row: Any) -> Person:
        never = {"", *filter(None, _texts(row, self.logins))}
        told = {
            part: next((text for text in _texts(row, paths) if text not in never), None)
            for part, paths in self.names.items()
        }
        deactivated = any(at(row, path) in values for path, values in self.deactivated.items())
        return Person(key, display_name(**told), deactivated=deactivated)


def _texts(row: Any, paths: str) -> list[str]:
    values = (at(row, path) for path in paths.split())
    return [value for value in values if isinstance(value, str)]
