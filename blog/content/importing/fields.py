"""Fields: what stands in front of a post, asked for by any of the names that generators have for it."""

from __future__ import annotations

import re
from typing import Any

_NO = frozenset(("false", "no", "off", "0"))
_YES = frozenset(("true", "yes", "on", "1"))


class Fields:
    """The front matter of one file; remembers what was asked for.

    :param found: as `matter.read` gives it; capitals in names do not count.
    """

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = {name.lower(): value for name, value in found.items()}
        self._asked: set[str] = set()

    def value(self, name: str) -> Any:
        """Give what a name stands for; None for nothing."""
        self._asked.add(name)
        return self._found.get(name)

    def text(self, *names: str) -> str:
        """Give the first text that one of these names stands for; empty when none does."""
        found = [value.strip() for value in map(self.value, names) if isinstance(value, str)]
        return next(filter(None, found), "")

    def texts(self, *names: str, between: str = "") -> list[str]:
        """Give all texts that these names stand for, each once.

        :param between: a pattern of what stands between several in one text; empty where one is always one.
        """
        found: list[str] = []
        for value in map(self.value, names):
            if isinstance(value, list):
                found += [each for each in value if isinstance(each, str)]
            elif isinstance(value, str):
                found += re.split(between, value) if between else [value]
        return list(dict.fromkeys(filter(None, (each.strip() for each in found))))

    def says_yes(self, name: str) -> bool:
        """Whether this is said to be so."""
        return self.text(name).lower() in _YES

    def says_no(self, name: str) -> bool:
        """Whether this is said not to be so."""
        return self.text(name).lower() in _NO

    def left(self) -> list[str]:
        """Name what nobody asked for, and what says something."""
        return [name for name, value in self._found.items() if name not in self._asked and value]
