"""The search: what somebody typed becomes words to look for, and these find the posts that they may read."""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, or_, select, text
from sqlalchemy.orm import aliased

from blog.content import index, posts, tags, words
from blog.content.readers import ANYBODY, EVERYONE, GROUPS, PEOPLE, Reader
from blog.content.shown import Shown
from blog.content.words import align, pattern, tokens
from blog.db import Searchable, TagName, ask, db
from blog.errors import NotFound

LONGEST = 200  # characters of what is typed
MOST_WORDS = 10  # and tags, together; more do not count
SHORTEST_PREFIX = 2  # signs before a *
NEWEST = 500  # posts, in which PostgreSQL looks first
PHRASES_AMONG = 1_000  # posts, the newest with all words, in which PostgreSQL looks for an exact phrase
SNIPPET = 240  # characters


# -- what is looked for ------------------------------------------------------------------------------------------------


class Term(NamedTuple):
    """A word, or several that have to stand side by side.

    :param begins: the last one may go on.
    """

    words: tuple[str, ...]
    begins: bool = False

    def found_in(self, found: Sequence[str]) -> bool:
        """Whether these words hold it."""
        size = len(self.words)
        return any(self.matches(found[at : at + size]) for at in range(len(found) - size + 1))

    def matches(self, some: Sequence[str]) -> bool:
        """Whether these words, as many as its own, are it."""
        *first, last = some
        same = last.startswith(self.words[-1]) if self.begins else last == self.words[-1]
        return same and tuple(first) == self.words[:-1]


class Sought(NamedTuple):
    """What somebody looks for.

    :param terms: what posts have to hold; `without`: what they must not.
    :param tags: folded names of tags that they have to have; `without_tags`: that they must not have.
    :param cut: more was typed than counts.
    :param short: beginnings of words that were too short, and are taken for whole words.
    """

    terms: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()
    tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()
    cut: bool = False
    short: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to find posts by."""
        return bool(self.terms or self.tags)


_QUOTES = str.maketrans("“”„‟«»＂", '"' * 7)
_TYPED = re.compile(r'(-?)(tag:)?(?:"([^"]*)"?|([^\s"]+))', re.IGNORECASE)


def read(typed: str) -> Sought:
    """Make of what somebody typed what is looked for; whatever it is, it is no error.

    ``word``, ``"words side by side"``, ``begin*``, ``tag:name`` and ``tag:"a name"``, each with ``-`` before it for
    posts without it. A word that is several, such as *wi-fi*, is looked for as these side by side.
    """
    fit = "".join(sign if sign.isprintable() else " " for sign in typed[: LONGEST + 1])
    fit = unicodedata.normalize("NFC", fit).translate(_QUOTES)
    lists: dict[str, list[Term]] = {"": [], "-": []}
    tagged: dict[str, list[str]] = {"": [], "-": []}
    short: list[str] = []
    parts = list(islice(_parts(fit[:LONGEST]), MOST_WORDS + 1))
    for minus, tag, term, star in parts[:MOST_WORDS]:
        if tag:
            tagged[minus].append(tag)
        elif term and star and not _may_begin(term):
            short.append(term[-1])
            lists[minus].append(Term(term))
        elif term:
            lists[minus].append(Term(term, star))
    cut = len(fit) > LONGEST or len(parts) > MOST_WORDS
    terms, without = (tuple(dict.fromkeys(lists[sign])) for sign in ("", "-"))
    named, unnamed = (tuple(dict.fromkeys(tagged[sign])) for sign in ("", "-"))
    return Sought(terms, without, named, unnamed, cut=cut, short=tuple(short))


def _parts(fit: str) -> Iterator[tuple[str, str, tuple[str, ...], bool]]:
    for part in _TYPED.finditer(fit):
        minus, tag, phrase, bare = part.groups()
        said = phrase if phrase is not None else bare
        if tag:
            if name := tags.folded(" ".join(said.split())):
                yield minus, name, (), False
        elif found := tuple(tokens(said)):
            yield minus, "", found, bool(bare and bare.endswith("*"))


def _may_begin(term: tuple[str, ...]) -> bool:
    return len(term[-1]) >= SHORTEST_PREFIX


# -- what is found -----------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """A piece of a text.

    :param found: it is what was looked for.
    """

    text: str
    found: bool = False


class Result(NamedTuple):
    """A post that was found.

    :param post: as in a list, without its texts.
    :param title: and `snippet`, a piece of its text: in parts, which are plain text and no markup.
    """

    post: Shown
    title: tuple[Part, ...]
    snippet: tuple[Part, ...]


class Page(NamedTuple):
    """Some of what was found.

    :param more: what to pass as `after` for those that follow; None when there are none.
    """

    results: list[Result]
    more: str | None = None


class _Place(NamedTuple):
    """Where a post stands among all that was found: those with the words in their title first, the newest first."""

    tier: int  # 0: in the title
    place: int
    post_id: int = 0


_NOTHING = (f"{words.MARK}0",)  # what no post is found by
_CURSOR = re.compile(r"([01])-(-?[0-9]{1,19})")
_LARGEST = 2**63 - 1  # of a database's numbers


def find(sought: Sought, *, now: datetime, limit: int, reader: Reader = ANYBODY, after: str | None = None) -> Page:
    """Find live posts, notes and pages that a reader may read: with the words in their titles first, the newest first.

    :param sought: as `read` gives it.
    :param after: go on behind here, as an earlier page's `more` says.
    :raises NotFound: when that makes no sense.
    """
    begin = _Place(0, index.place(now) + index.PLACES)
    if after is not None:
        if not (parts := _CURSOR.fullmatch(after)) or abs(int(parts[2])) > _LARGEST:
            raise NotFound
        begin = _Place(int(parts[1]), int(parts[2]))
    asked = _Asked(sought, _tag_marks(sought), _audience(reader), begin, index.place(now) + index.PLACES)
    if not sought:
        return Page([])
    look = _look_sqlite if db.engine.dialect.name == "sqlite" else _look_postgresql
    places = look(asked, limit + 1)
    shown = places[:limit]
    more = f"{shown[-1].tier}-{shown[-1].place}" if len(places) > limit else None
    return Page(_results([each.post_id for each in shown], sought, now, reader), more)


def longer(sought: Sought, *, now: datetime, reader: Reader = ANYBODY) -> str | None:
    """Give what to type for words that begin as these do, if that finds anything; None where it makes no sense.

    :param sought: nothing but words, by which nothing was found.
    """
    wide = Sought(tuple(term._replace(begins=True) for term in sought.terms))
    if sought != Sought(sought.terms) or any(len(term.words) > 1 or not _may_begin(term.words) for term in wide.terms):
        return None
    found = find(wide, now=now, limit=1, reader=reader).results if wide.terms else []
    return " ".join(f"{term.words[0]}*" for term in wide.terms) if found else None


def _results(ids: Sequence[int], sought: Sought, now: datetime, reader: Reader) -> list[Result]:
    found = posts.found(ids, now=now, reader=reader)
    texts = {row[0]: row[1] for row in ask(_TEXTS, {"ids": list(found)})}
    return [
        Result(post, tuple(mark(post.title, sought.terms)), tuple(snippet(texts.get(post.id, ""), sought.terms)))
        for post in map(found.get, ids)
        if post is not None
    ]


_TEXTS: Any = select(Searchable.post_id, Searchable.text).where(
    Searchable.post_id.in_(bindparam("ids", expanding=True))
)


# -- where it stands ---------------------------------------------------------------------------------------------------


class _Asked(NamedTuple):
    sought: Sought
    tag_marks: dict[Term | str, list[str]]  # by which posts are found that have a tag of this name
    audience: list[str]  # marks, of which a post has to have one; none: everything
    begin: _Place
    end_of_live: int


def _audience(reader: Reader) -> list[str]:
    """List the marks of what a reader may read. What they wrote for groups that they are not in has none of these."""
    if reader.everything:
        return []
    if reader.key is None:
        return [index.audience_mark(EVERYONE)]
    groups = (index.audience_mark(GROUPS, group) for group in sorted(reader.groups))
    return [index.audience_mark(EVERYONE), index.audience_mark(PEOPLE), *groups]


def _tag_marks(sought: Sought) -> dict[Term | str, list[str]]:
    """Find the tags that are meant by name, and those that hold a word that is looked for."""
    named, terms = {*sought.tags, *sought.without_tags}, {*sought.terms, *sought.without}
    if not named and not terms:
        return {}
    given = {f"like{number}": f"%{_escaped(term.words[0])}%" for number, term in enumerate(terms)}
    rows = ask(_tags_like(len(terms)), {**given, "names": list(named)})
    marks: dict[Term | str, list[str]] = {}
    for name, number in rows:
        meant = [each for each in terms if each.found_in(tokens(name))] + ([name] if name in named else [])
        for each in meant:
            marks.setdefault(each, []).append(index.tag_mark(number))
    return {each: sorted(set(some)) for each, some in marks.items()}


@lru_cache
def _tags_like(terms: int) -> Select[str, int]:
    """Find the numbers of tags by names, and by what their names hold; as many as a search has room for, and more."""
    held, every = aliased(TagName), aliased(TagName)
    like = [held.folded.in_(bindparam("names", expanding=True))]
    for number in range(terms):
        like += [each.like(bindparam(f"like{number}"), escape=_ESCAPE) for each in (held.folded, held.slug)]
    both = select(held.folded, every.first_tag_id).join(every, every.tag_id == held.tag_id)
    return both.where(or_(*like)).limit(500)


_ESCAPE = "/"


def _escaped(word: str) -> str:
    """Let nothing in a word be a sign of LIKE."""
    return re.sub(f"([%_{_ESCAPE}])", rf"{_ESCAPE}\1", word)


def _marks_of(marks: dict[Term | str, list[str]], some: Sequence[Term | str]) -> list[str]:
    return [mark for each in some for mark in marks.get(each, ())]


# -- SQLite: FTS5 (https://sqlite.org/fts5.html) -----------------------------------------------------------------------
# Everything stands in quotation marks, which no word holds: nothing that somebody types is an operator.


def _look_sqlite(asked: _Asked, limit: int) -> list[_Place]:
    """Find in the order of the index, which is that of publication, and go no further than is needed."""
    titled = _fts5_title(asked)
    found: list[_Place] = []
    if titled and asked.begin.tier == 0:
        found = _match(f"({titled}) AND {_fts5(asked)}", 0, asked.begin.place, limit)
    if len(found) < limit:
        begin = asked.begin.place if asked.begin.tier == 1 else asked.end_of_live
        rest = f"({_fts5(asked)}) NOT ({titled})" if titled else _fts5(asked)
        found += _match(rest, 1, begin, limit - len(found))
    return found


def _match(expression: str, tier: int, begin: int, limit: int) -> list[_Place]:
    rows = ask(_MATCH, {"expression": expression, "begin": begin, "most": limit})
    return [_Place(tier, row[0], row[1]) for row in rows]


_MATCH = text(
    "SELECT fts_posts.rowid, searchable.post_id FROM fts_posts JOIN searchable ON searchable.place = fts_posts.rowid"
    " WHERE fts_posts MATCH :expression AND fts_posts.rowid < :begin ORDER BY fts_posts.rowid DESC LIMIT :most"
)


def _fts5(asked: _Asked) -> str:
    sought, marks = asked.sought, asked.tag_marks
    wanted = [_any_of([_fts5_term(term), *map(_quoted, marks.get(term, ()))]) for term in sought.terms]
    wanted += [_any_of(list(map(_quoted, marks.get(name, _NOTHING)))) for name in sought.tags]
    if asked.audience:
        wanted.append(_any_of(list(map(_quoted, asked.audience))))
    unwanted = [_fts5_term(term) for term in sought.without]
    unwanted += map(_quoted, _marks_of(marks, [*sought.without, *sought.without_tags]))
    every = " AND ".join(wanted)
    return f"(({every}) NOT {_any_of(unwanted)})" if unwanted else f"({every})"


def _fts5_title(asked: _Asked) -> str:
    return " AND ".join(map(_fts5_in_title, asked.sought.terms))


def _fts5_in_title(term: Term) -> str:
    if term.begins or len(term.words) > 1 or len(term.words[0]) == 1:
        return f"title_words : {_fts5_term(term)}"
    return _quoted(index.title_mark(term.words[0]))


def _fts5_term(term: Term) -> str:
    return _quoted(" ".join(term.words)) + (" *" if term.begins else "")


def _quoted(some: str) -> str:
    return f'"{some}"'


def _any_of(expressions: Iterable[str]) -> str:
    return f"({' OR '.join(expressions)})"


# -- PostgreSQL: tsvector (https://www.postgresql.org/docs/current/textsearch.html) ------------------------------------
# Words that stand side by side are found one by one, and then looked for in the text: tsvector keeps 256 places of a
# word. The function is in db.py.


def _look_postgresql(asked: _Asked, limit: int) -> list[_Place]:
    """Look in the newest posts, where words that are in many are found at once, else in all by the index."""
    values, beside = _values_postgresql(asked)
    found: list[_Place] = []
    for tier in range(asked.begin.tier if asked.sought.terms else 1, 2):
        values["begin"] = asked.begin.place if tier == asked.begin.tier else asked.end_of_live
        if len(found) < limit:
            found += _tier_postgresql(tier, limit - len(found), values, beside)
    return found


def _tier_postgresql(tier: int, limit: int, values: dict[str, Any], beside: str) -> list[_Place]:
    values |= {"tier": tier, "most": limit, "newest": NEWEST, "among": PHRASES_AMONG if beside else limit}
    rows: Sequence[Any] = ()
    for statement in (_NEWEST[tier], _ALL):
        rows = ask(text(statement.format(beside=beside)), values)
        if len(rows) == limit:
            break
    return [_Place(tier, *row) for row in rows]


def _values_postgresql(asked: _Asked) -> tuple[dict[str, Any], str]:
    """Give the words, and the clause for those that stand side by side."""
    sought, phrases = asked.sought, _side_by_side(asked.sought)
    in_title = [_lexemes(term) for term in sought.terms] or [_lexeme(*_NOTHING)]
    without = _tsquery_without(asked)
    values = {
        "query": " & ".join([*_tsquery(asked), *(f"!{each}" for each in without)]),
        "title": " & ".join([*in_title, *_tsquery_marks(asked)]),
        "in_title": [_like(term) for sign, term in phrases if not sign],
        "without": " | ".join(without) or None,
    }
    beside = ""
    for number, (sign, term) in enumerate(phrases):
        some = [_like(term), *(f"% {mark} %" for mark in asked.tag_marks.get(term, ()))]
        values[f"phrase{number}"] = some
        beside += f" AND {sign}(words LIKE ANY (:phrase{number}) OR title_words LIKE ANY (:phrase{number}))"
    return values, beside


_TITLED = "fts_title @@ CAST(:title AS tsquery) AND title_words LIKE ALL (CAST(:in_title AS text[]))"
_LATE = (
    "SELECT place, post_id"
    " FROM (SELECT * FROM searchable WHERE place < :begin ORDER BY place DESC LIMIT :newest) AS late"
    " WHERE {match} AND fts_words @@ CAST(:query AS tsquery){beside} ORDER BY place DESC LIMIT :most"
)
_NEWEST = (_LATE.replace("{match}", _TITLED), _LATE.replace("{match}", f"NOT ({_TITLED})"))
_ALL = (
    "SELECT found.place, found.post_id FROM (SELECT place, post_id FROM fts_find(CAST(:query AS tsquery),"
    " CAST(:title AS tsquery), CAST(:in_title AS text[]), CAST(:without AS tsquery), :tier, :begin, :among)"
    # a sub-select for each row, as a join would look at the texts of all posts
    " ORDER BY place DESC OFFSET 0) AS found WHERE (SELECT true{beside} FROM searchable"
    " WHERE searchable.place = found.place) ORDER BY found.place DESC LIMIT :most"
)


def _side_by_side(sought: Sought) -> list[tuple[str, Term]]:
    wanted, unwanted = (("", term) for term in sought.terms), (("NOT ", term) for term in sought.without)
    return [each for each in (*wanted, *unwanted) if len(each[1].words) > 1]


def _tsquery(asked: _Asked) -> list[str]:
    terms, marks = asked.sought.terms, asked.tag_marks
    wanted = [_any([_lexemes(term), *map(_lexeme, marks.get(term, ()))]) for term in terms]
    return wanted + _tsquery_marks(asked)


def _tsquery_marks(asked: _Asked) -> list[str]:
    wanted = [_any(map(_lexeme, asked.tag_marks.get(name, _NOTHING))) for name in asked.sought.tags]
    return [*wanted, _any(map(_lexeme, asked.audience))] if asked.audience else wanted


def _tsquery_without(asked: _Asked) -> list[str]:
    words = [term for term in asked.sought.without if len(term.words) == 1]
    return [*map(_lexemes, words), *map(_lexeme, _marks_of(asked.tag_marks, [*words, *asked.sought.without_tags]))]


def _lexemes(term: Term) -> str:
    *first, last = map(_lexeme, term.words)
    return f"({' & '.join([*first, last + (':*' if term.begins else '')])})"


def _lexeme(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _any(expressions: Iterable[str]) -> str:
    return f"({' | '.join(expressions)})"


def _like(term: Term) -> str:
    """Make the pattern; no word holds a sign that means something in it."""
    return f"% {' '.join(term.words)}{'' if term.begins else ' '}%"


# -- pieces of texts ---------------------------------------------------------------------------------------------------


def mark(line: str, terms: Sequence[Term]) -> list[Part]:
    """Take a text apart into what was looked for and what stands between."""
    parts, at = [], 0
    for begin, end, _ in _spans(line, terms):
        parts += [Part(line[at:begin]), Part(line[begin:end], True)]
        at = end
    return [part for part in (*parts, Part(line[at:])) if part.text]


def snippet(plain: str, terms: Sequence[Term]) -> list[Part]:
    """Cut the piece out of a text that shows best what was looked for: where most of it stands together."""
    best, held = _best(plain[:_FIRST], terms)
    if held < len(terms) and len(plain) > _FIRST:
        best, held = _best(plain, terms)
    begin = _cut_before(plain, best)
    end = _cut_after(plain, begin + SNIPPET)
    parts = mark(plain[begin:end], terms)
    before, after = [Part("… ")] * (begin > 0), [Part(" …")] * (end < len(plain))
    return [*before, *parts, *after] if parts else []


_FIRST = 2_000  # characters, which are nearly always enough
_MOST_SPANS = 100
_LEAD = 60  # characters before what was found
_WORD_LONGEST = 30  # characters, of a word that a piece is not cut into


def _spans(plain: str, terms: Sequence[Term]) -> Iterator[tuple[int, int, int]]:
    """Tell where terms stand, each time, and which."""
    if terms:
        for span in _finder(tuple(terms)).finditer(align(plain)):
            yield span.start(), span.end(), span.lastindex or 0


@lru_cache(maxsize=64)
def _finder(terms: tuple[Term, ...]) -> re.Pattern[str]:
    longest_first = sorted(terms, key=lambda term: -len(pattern(term.words)))
    return re.compile("|".join(f"({pattern(term.words, begins=term.begins)})" for term in longest_first))


def _best(plain: str, terms: Sequence[Term]) -> tuple[int, int]:
    """Find where a piece begins that holds as many different terms as any, the first of these; and how many."""
    best, most = 0, 0
    last: deque[tuple[int, int, int]] = deque()
    for span in islice(_spans(plain, terms), _MOST_SPANS):
        last.append(span)
        while span[1] - last[0][0] > SNIPPET - _LEAD and len(last) > 1:
            last.popleft()
        held = len({term for _, _, term in last})
        if held > most:
            best, most = last[0][0], held
            if most == len(terms):
                break
    return best, most


def _cut_before(plain: str, at: int) -> int:
    if at <= _LEAD:
        return 0
    space = plain.find(" ", at - _LEAD, at - _LEAD + _WORD_LONGEST)
    return space + 1 if space >= 0 else at - _LEAD


def _cut_after(plain: str, at: int) -> int:
    if at >= len(plain):
        return len(plain)
    space = plain.rfind(" ", at - _WORD_LONGEST, at)
    return space if space >= 0 else at
