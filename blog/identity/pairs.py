"""Pairs of an old and a new key, as an operator's list has them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

from blog.errors import Invalid
from blog.identity.people import Key, key_of

LONGEST = 20_000_000  # characters; a hundred thousand authors
NEEDED = ("old_id", "new_id")
ALLOWED = (*NEEDED, "old_issuer", "new_issuer")
PROBLEMS_SHOWN = 20


class Pair(NamedTuple):
    """One line of the list.

    :param line: its number, the header's being 1.
    """

    line: int
    old: Key
    new: Key


def read(text: str, *, old_issuer: str, new_issuer: str) -> list[Pair]:
    """Read a list of pairs: CSV (RFC 4180) whose first line names the columns.

    These are ``old_id`` and ``new_id``, and where need be ``old_issuer`` and ``new_issuer``, in any order. Empty lines
    do not count, nor do spaces around a value.

    :param old_issuer: of rows that name none, and `new_issuer` likewise.
    :raises Invalid: under "line 3" and so on, for every line that is wrong, up to twenty.
    """
    if len(text) > LONGEST:
        raise Invalid("the file is too long to be a list of authors")
    problems: dict[str, str] = {}
    pairs = []
    for line, row in _rows(text.removeprefix("\ufeff")):
        try:
            pairs.append(_pair(line, row, old_issuer, new_issuer))
        except Invalid as invalid:
            problems[f"line {line}"] = str(invalid)
            if len(problems) == PROBLEMS_SHOWN:
                break
    if problems:
        raise Invalid(problems)
    return pairs


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Give each row that is not empty, with the number of the line it ends at."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] | None = None
    try:
        for cells in reader:
            values = [cell.strip() for cell in cells]
            if columns is None:
                columns = _columns(values)
            elif any(values):
                yield reader.line_num, _row(columns, values, reader.line_num)
    except csv.Error as error:
        raise Invalid({f"line {reader.line_num}": f"this is no CSV: {error}"}) from None


def _columns(values: list[str]) -> list[str]:
    known = set(NEEDED) <= set(values) <= set(ALLOWED)
    if not known or len(set(values)) < len(values):
        raise Invalid({"line 1": f"must name the columns, with commas between them: some of {', '.join(ALLOWED)}"})
    return values


def _row(columns: list[str], values: list[str], line: int) -> dict[str, str]:
    if len(values) != len(columns):
        raise Invalid({f"line {line}": f"has {len(values)} values and not {len(columns)}"})
    return dict(zip(columns, values, strict=True))


def _pair(line: int, row: dict[str, str], old_issuer: str, new_issuer: str) -> Pair:
    old = key_of(row.get("old_issuer") or old_issuer, row["old_id"])
    return Pair(line, old, key_of(row.get("new_issuer") or new_issuer, row["new_id"]))
