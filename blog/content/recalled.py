"""Recalled: what lists and searches have learnt since strangers last saw something new, and need not ask for again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, String, bindparam, cast, func, literal_column, or_, select
from sqlalchemy.orm import aliased

from blog.content import index, navigation, pieces
from blog.content.pieces import Part
from blog.content.shown import Shown
from blog.content.words import Term, tokens
from blog.db import Searchable, TagName, ask, db
from blog.questions import NEW_LINE, Question

FARTHEST = 20_000  # characters of a text: what stands behind them is found, but not shown
MOST_TAGS = 500  # that one search looks at
MOST_NAMES, MOST_POSTS, MOST_SNIPPETS = 100, 1000, 2000  # that are kept

Terms = tuple[Term, ...]
Names = tuple[tuple[str, ...], Terms]
TagMarks = Mapping[Term | str, Sequence[str]]
Snippet = tuple[Part, ...]


class Recalled(NamedTuple):
    """What was learnt while the site had this version, which moves whenever something changes that can be found.

    :param tags: which were meant by what somebody typed.
    :param posts: that anybody may read, by their ids, without texts but those of notes.
    :param snippets: of posts, by their ids and what was looked for.
    """

    version: int
    tags: dict[Names, TagMarks]
    posts: dict[int, Shown]
    snippets: dict[tuple[int, Terms], Snippet]


_recalled: WeakKeyDictionary[Engine, Recalled] = WeakKeyDictionary()


def at(version: int) -> Recalled:
    """Give what is recalled of the site with this version, which is nothing at first."""
    recalled = _recalled.get(db.engine)
    if recalled is None or recalled.version != version:
        recalled = _recalled[db.engine] = Recalled(version, {}, {}, {})
    return recalled


def tag_marks(names: Names, *, anew: bool = False) -> tuple[Recalled, TagMarks]:
    """Tell what posts are found by that have tags which are meant by name, or hold a word that is looked for.

    :param names: folded names of tags, and words.
    :param anew: the site has another version by now than what is recalled.
    :return: that, and what else is recalled of the same version.
    """
    recalled = _recalled.get(db.engine)
    if recalled and not anew and (marks := recalled.tags.get(names)) is not None:
        return recalled, marks
    version, marks = _ask_for_tags(*names)
    recalled = at(version)
    keep(recalled.tags, {names: marks}, MOST_NAMES)
    return recalled, marks


def snippets(recalled: Recalled, terms: Terms, post_ids: Mapping[int, int]) -> dict[int, Snippet]:
    """Give the piece of each post's text that shows best what was looked for.

    :param post_ids: by the places of the posts; so are the pieces.
    """
    kept = {place: recalled.snippets.get((post_id, terms)) for place, post_id in post_ids.items()}
    found = {place: snippet for place, snippet in kept.items() if snippet is not None}
    if missing := [place for place, snippet in kept.items() if snippet is None]:
        rows = ask(_texts(len(missing)), {f"place{number}": place for number, place in enumerate(missing)})
        cut = {place: tuple(pieces.snippet(plain, terms)) for place, plain in rows}
        keep(recalled.snippets, {(post_ids[place], terms): snippet for place, snippet in cut.items()}, MOST_SNIPPETS)
        found |= cut
    return found


@lru_cache
def _texts(number: int) -> Question:
    these = Searchable.place.in_([bindparam(f"place{each}") for each in range(number)])
    return Question(select(Searchable.place, func.substr(Searchable.text, 1, FARTHEST)).where(these))


def keep(kept: dict[Any, Any], more: Mapping[Any, Any], most: int) -> None:
    """Add what was learnt; what was kept goes where there is as much as there may be."""
    if len(kept) >= most:
        kept.clear()
    kept.update(more)


def _ask_for_tags(named: tuple[str, ...], terms: Terms) -> tuple[int, TagMarks]:
    given = {f"word{number}": _escaped(term.words[0]) for number, term in enumerate(terms)}
    given |= {f"name{number}": name for number, name in enumerate(named)}
    version, told = ask(_tags_like(len(terms), len(named)), given)[0]
    marks: dict[Term | str, set[str]] = {}
    for line in filter(None, (told or "").split("\n")):
        number, _, name = line.partition("\t")
        meant = [each for each in terms if each.found_in(tokens(name))] + ([name] if name in named else [])
        for each in meant:
            marks.setdefault(each, set()).add(index.tag_mark(int(number)))
    return version, {each: sorted(some) for each, some in marks.items()}


@lru_cache
def _tags_like(terms: int, names: int) -> Question:
    """Find the numbers of tags by names, and by what their names hold; as many as a search has room for, and more.

    They come in one text, with the version of the site.
    """
    held, every = aliased(TagName), aliased(TagName)
    like = [held.folded == bindparam(f"name{number}") for number in range(names)]
    for number in range(terms):
        word = bindparam(f"word{number}", type_=String)  # the % around it are put there, so that SQLite plans once
        like += [each.contains(word, escape=_ESCAPE) for each in (held.folded, held.slug)]
    tab: Any = literal_column("'\t'", String)
    line = (cast(every.first_tag_id, String) + tab + held.folded).label("line")
    meant = select(line).join_from(held, every, every.tag_id == held.tag_id).where(or_(*like)).limit(MOST_TAGS)
    told = func.aggregate_strings(meant.subquery().c.line, NEW_LINE)
    return Question(select(navigation.version(), told))


_ESCAPE = "/"


def _escaped(word: str) -> str:
    """Let nothing in a word be a sign of LIKE."""
    return re.sub(f"([%_{_ESCAPE}])", rf"{_ESCAPE}\1", word)
