"""Front matter: what stands before the text of a file, in YAML, TOML or JSON, read and written."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from itertools import count
from typing import Any

import yaml

from blog.errors import Invalid

LONGEST = 100_000  # characters
MOST = 10_000  # values
DEEPEST = 10  # lists and mappings within each other
_YAML = re.compile(r"---[ \t]*(yaml|json)?[ \t]*\n(?:(.*?)\n)??(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TOML = re.compile(r"\+\+\+[ \t]*\n(?:(.*?)\n)??\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_BLANK_LINES = re.compile(r"(?:[ \t]*\n)*")

Value = str | None | list[Any] | dict[str, Any]
"""What a file says: text, nothing, or a list or mapping of these. Who reads it knows what a number or a date is."""


# -- reading ---------------------------------------------------------------------------------------------------------


def read(text: str) -> tuple[dict[str, Any], str]:
    """Take a file apart: what stands in front, and the rest.

    All values are texts as they were written, so that a slug "007" or a title "yes" stays what it is.

    :param text: of the file, whose lines end with ``\\n``.
    :return: nothing in front, where there is no front matter.
    :raises Invalid: when it cannot be read; says why.
    """
    start = _BLANK_LINES.match(text.removeprefix("\ufeff"))
    text = text.removeprefix("\ufeff")[start.end() if start else 0 :]
    try:
        found, body = _parts(text)
        return _mapping(found), body
    except yaml.YAMLError as error:
        raise Invalid(f"the front matter is no YAML{_where(error)}") from None
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"the front matter is no TOML: {error}") from None
    except json.JSONDecodeError as error:
        raise Invalid(f"the front matter is no JSON: {error.msg}, line {error.lineno}") from None
    except (RecursionError, ValueError):
        raise Invalid("the front matter is too entangled") from None


def _parts(text: str) -> tuple[Any, str]:
    if fenced := _YAML.match(text):
        inner = _fitting(fenced[2] or "")
        return (_json(inner)[0] if fenced[1] == "json" else _yaml(inner)), text[fenced.end() :]
    if fenced := _TOML.match(text):
        return tomllib.loads(_fitting(fenced[1] or "")), text[fenced.end() :]
    if text.startswith("{") and not text.startswith(("{{", "{%")):
        found, end = _json(text)
        return found, text[end:].removeprefix("\n")
    if text.startswith(("---\n", "+++\n")):
        raise Invalid("the front matter does not end")
    return {}, text


def _yaml(inner: str) -> Any:
    depth = 0
    for event in yaml.parse(inner, _Loader):  # libyaml brings the process down when it composes thousands of levels
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise Invalid("the front matter is too entangled")
    return yaml.load(inner, _Loader)  # noqa: S506


def _fitting(inner: str) -> str:
    if len(inner) > LONGEST:
        raise Invalid(f"the front matter has {len(inner):,} characters; at most {LONGEST:,} are read")
    return inner


def _json(text: str) -> tuple[Any, int]:
    return json.JSONDecoder(parse_float=str, parse_int=str).raw_decode(text.lstrip() if text[:1].isspace() else text)


def _where(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return ""
    return f": {error.problem}, line {error.problem_mark.line + 2}"


def _mapping(found: Any) -> dict[str, Any]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Invalid("the front matter is no mapping of names to values")
    values = count(1)
    return {str(name): _plain(value, values) for name, value in found.items()}


def _plain(value: Any, values: Iterator[int], depth: int = 0) -> Value:
    if depth > DEEPEST or next(values) > MOST:  # a few aliases in YAML can make billions
        raise Invalid("the front matter is too entangled")
    if isinstance(value, dict):
        return {str(name): _plain(each, values, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(each, values, depth + 1) for each in value]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value if value is None else str(value)


_NULL = {"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads every plain word as text, but for those that mean nothing (YAML 1.1 makes numbers, dates and truths)."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _NULL]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


# -- writing ---------------------------------------------------------------------------------------------------------

FENCE = "---\n"


def write(found: dict[str, Any], body: str) -> bytes:
    """Put front matter, as YAML, before a text; in UTF-8."""
    in_front = yaml.dump(found, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=float("inf"))
    return f"{FENCE}{in_front}{FENCE}{body}".encode()


class _Dumper(yaml.SafeDumper):
    """Writes moments as RFC 3339 has them, and spells everything out, every time."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write what is there twice twice: `&id001` is beyond some readers of front matter."""
        return True


_Dumper.add_representer(
    datetime,
    lambda dumper, moment: dumper.represent_scalar(
        "tag:yaml.org,2002:timestamp", moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    ),
)
