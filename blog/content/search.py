"""The search: what somebody typed becomes words to look for, and these find the posts that they may read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Integer, String, TextClause, cast, column, func, literal_column, select, text

from blog.content import index, navigation, pieces, posts, recalled, tags, words
from blog.content.pieces import Part
from blog.content.readers import ANYBODY, EVERYONE, GROUPS, PEOPLE, Reader
from blog.content.recalled import Recalled, TagMarks
from blog.content.shown import Shown
from blog.content.words import Term, tokens
from blog.db import Named, ask, ask_briefly, ask_within, db, one_connection
from blog.errors import NotFound
from blog.questions import NEW_LINE, Question

LONGEST = 200  # characters of what is typed
MOST_WORDS = 10  # and tags, together; more do not count
SHORTEST_PREFIX = 2  # signs before a *
QUICKLY_S = 0.003  # of the processor, within which SQLite finds nearly everything, and tells it all at once
LONGEST_S = 0.02  # with that, where it takes longer; and as much once more where titles took it all
NEWEST = 500  # posts, in which PostgreSQL looks first; and of those with all words, in which it looks how they stand


# -- what is looked for ------------------------------------------------------------------------------------------------


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
    return _read(typed[: LONGEST + 1])


@lru_cache(maxsize=256)
def _read(typed: str) -> Sought:
    fit = "".join(sign if sign.isprintable() else " " for sign in typed)
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


class Result(NamedTuple):
    """A post that was found.

    :param post: as in a list, without its texts.
    :param title: and `snippet`, a piece of its text: in parts, which are plain text and no markup.
    """

    post: Shown
    title: tuple[Part, ...]
    snippet: tuple[Part, ...]

    @property
    def named(self) -> Sequence[Named]:
        """Those whom readers see named above the post."""
        return self.post.named


class Page(NamedTuple):
    """Some of what was found.

    :param more: what to pass as `after` for those that follow; None when there are none.
    :param cut: it was more to look through than a search takes, so there may be others.
    """

    results: list[Result]
    more: str | None = None
    cut: bool = False


class _Place(NamedTuple):
    """Where a post stands among all that was found: those with the words in their title first, the newest first."""

    tier: int  # 0: in the title
    place: int


class _Hit(NamedTuple):
    """A post with the words, of which nobody has said yet that it is for whoever asks."""

    tier: int
    place: int
    post_id: int


class _Seen(NamedTuple):
    """What a look into the index found.

    :param version: of the site, at that moment.
    :param cut: see `Page`.
    """

    version: int
    hits: list[_Hit]
    cut: bool


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
    if not sought:
        return Page([])
    with one_connection():
        known, seen = _look(sought, _audience(reader), begin, index.place(now) + index.PLACES, limit + 1)
        hits = seen.hits[:limit]
        more = f"{hits[-1].tier}-{hits[-1].place}" if len(seen.hits) > limit else None
        return Page(_results(hits, sought.terms, known, now, reader), more, seen.cut)


def longer(sought: Sought, *, now: datetime, reader: Reader = ANYBODY) -> str | None:
    """Give what to type for words that begin as these do, if that finds anything; None where it makes no sense.

    :param sought: nothing but words, by which nothing was found.
    """
    wide = Sought(tuple(term._replace(begins=True) for term in sought.terms))
    if sought != Sought(sought.terms) or any(len(term.words) > 1 or not _may_begin(term.words) for term in wide.terms):
        return None
    found = find(wide, now=now, limit=1, reader=reader).results if wide.terms else []
    return " ".join(f"{term.words[0]}*" for term in wide.terms) if found else None


def _results(
    hits: Sequence[_Hit], terms: tuple[Term, ...], known: Recalled, now: datetime, reader: Reader
) -> list[Result]:
    navigation.hear(known.version)
    found = posts.found([hit.post_id for hit in hits], now=now, reader=reader, version=known.version)
    snippets = recalled.snippets(known, terms, {hit.place: hit.post_id for hit in hits if hit.post_id in found})
    return [
        Result(found[hit.post_id], _marked(found[hit.post_id].title, terms), snippets[hit.place])
        for hit in hits
        if hit.place in snippets
    ]


@lru_cache(maxsize=500)
def _marked(title: str, terms: tuple[Term, ...]) -> tuple[Part, ...]:
    return tuple(pieces.mark(title, terms))


# -- where it stands ---------------------------------------------------------------------------------------------------


class _Asked(NamedTuple):
    sought: Sought
    tag_marks: TagMarks
    audience: list[str]  # marks, of which a post has to have one; none: everything
    begin: _Place
    end_of_live: int


def _look(sought: Sought, audience: list[str], begin: _Place, end_of_live: int, limit: int) -> tuple[Recalled, _Seen]:
    """Look into the index; once more, where something has changed since it was learnt which tags are meant."""
    look = _look_sqlite if db.engine.dialect.name == "sqlite" else _look_postgresql
    names = (sought.tags + sought.without_tags, sought.terms + sought.without)
    known, marks = recalled.tag_marks(names)
    seen = look(_Asked(sought, marks, audience, begin, end_of_live), limit)
    if seen.version != known.version:
        known, marks = recalled.tag_marks(names, anew=True)
        seen = look(_Asked(sought, marks, audience, begin, end_of_live), limit)
    return known, seen


def _audience(reader: Reader) -> list[str]:
    """List the marks of what a reader may read. What they wrote for groups that they are not in has none of these."""
    if reader.everything:
        return []
    if reader.key is None:
        return [index.audience_mark(EVERYONE)]
    groups = (index.audience_mark(GROUPS, group) for group in sorted(reader.groups))
    return [index.audience_mark(EVERYONE), index.audience_mark(PEOPLE), *groups]


def _marks_of(marks: TagMarks, some: Sequence[Term | str]) -> list[str]:
    return [mark for each in some for mark in marks.get(each, ())]


def _phrase(term: Term) -> str:
    """Give what stands in stored words where this does; no word holds a sign that means something to LIKE."""
    return f" {' '.join(term.words)}{'' if term.begins else ' '}"


# -- SQLite: FTS5 (https://sqlite.org/fts5.html) -----------------------------------------------------------------------
# Everything stands in quotation marks, which no word holds: nothing that somebody types is an operator.


def _look_sqlite(asked: _Asked, limit: int) -> _Seen:
    """Find in the order of the index, which is that of publication, and go no further than is needed."""
    terms = asked.sought.terms
    in_title, others = _fts5_titles(terms), _fts5(asked, _fts5_terms(asked))
    beside = any(len(term.words) > 1 for term in terms)
    given = {
        "titled": _fts5(asked, in_title),
        "others": f"{others} NOT ({' AND '.join(in_title)})" if in_title and not beside else others,
        "begin": asked.begin.place,
        "end": asked.end_of_live,
        "most": limit,
        **{f"term{number}": _phrase(term) for number, term in enumerate(terms) if beside},
    }
    statements = _fts5_statements(len(terms) if beside else 0)
    wanted = statements.only_others if not in_title or asked.begin.tier == 1 else statements.titled_first
    if rows := ask_within(_at_once(wanted), given, QUICKLY_S):
        version, told = rows[0]
        return _Seen(version, sorted(_read_hits(told or ""), key=lambda hit: (hit.tier, -hit.place)), cut=False)
    return _look_longer(statements, wanted, given)


def _look_longer(statements: _Statements, wanted: TextClause, given: dict[str, Any]) -> _Seen:
    """Take one after the other, as far as the time goes; begin anew with those without the words in their titles."""
    version = ask(_VERSION)[0][0]
    rows, cut = ask_briefly(wanted, given, LONGEST_S - QUICKLY_S)
    if cut and wanted is statements.titled_first and not any(tier for tier, *_ in rows):
        given |= {"begin": given["end"], "most": given["most"] - len(rows)}
        rows += ask_briefly(statements.only_others, given, LONGEST_S)[0]
    return _Seen(version, [_Hit(*row) for row in rows], cut)


class _Statements(NamedTuple):
    """What asks for those with the words in their titles and then for others, and what asks for others only."""

    titled_first: TextClause
    only_others: TextClause


@lru_cache
def _fts5_statements(terms: int) -> _Statements:
    """Make them.

    :param terms: how many there are, where words have to stand side by side. FTS5 would look for these in the titles of
        all posts before it gives the first; so it finds titles by their words, and how they stand is looked at here.
    """
    beside = " AND ".join(f"instr(searchable.title_words, :term{number}) > 0" for number in range(terms))
    titled = _MATCHES.format(tier=0, expression="titled", begin="begin", sifted=f"AND {beside}" if beside else "")
    sifted = f"AND NOT ({beside})" if beside else ""
    others, only_others = (
        _MATCHES.format(tier=1, expression="others", begin=each, sifted=sifted) for each in ("end", "begin")
    )
    return _Statements(text(_ONE_THEN_THE_OTHER.format(titled=titled, others=others)), text(only_others))


_MATCHES = (
    "SELECT {tier} AS tier, fts_posts.rowid AS place, searchable.post_id AS post_id"
    " FROM fts_posts JOIN searchable ON searchable.place = fts_posts.rowid"
    " WHERE fts_posts MATCH :{expression} AND fts_posts.rowid < :{begin} {sifted}"
    " ORDER BY fts_posts.rowid DESC LIMIT :most"
)
# The others are not looked for where those with the words in their titles are enough.
_ONE_THEN_THE_OTHER = "SELECT * FROM ({titled}) UNION ALL SELECT * FROM ({others}) LIMIT :most"


_VERSION = Question(select(navigation.version()))


@lru_cache
def _at_once(statement: TextClause) -> Question:
    """Make of it what tells the version of the site, and all hits in one text, a line each: one row is read sooner."""
    hit = statement.columns(*(column(name, Integer) for name in _Hit._fields)).subquery()
    parts: list[Any] = [cast(hit.c[name], String) for name in _Hit._fields]
    line = parts[0] + _SPACE + parts[1] + _SPACE + parts[2]
    return Question(select(navigation.version(), func.aggregate_strings(line, NEW_LINE)).select_from(hit))


_SPACE: Any = literal_column("' '")


def _read_hits(told: str) -> Iterator[_Hit]:
    for line in told.splitlines():
        yield _Hit(*map(int, line.split(" ")))


def _fts5(asked: _Asked, terms: Sequence[str]) -> str:
    """Make the expression for posts that have these and all else that is asked for."""
    sought, marks = asked.sought, asked.tag_marks
    wanted = [*terms, *(_any_of(map(_quoted, marks.get(name, _NOTHING))) for name in sought.tags)]
    if asked.audience:
        wanted.append(_any_of(map(_quoted, asked.audience)))
    unwanted = [_fts5_term(term) for term in sought.without]
    unwanted += map(_quoted, _marks_of(marks, [*sought.without, *sought.without_tags]))
    every = f"({' AND '.join(wanted)})"
    return f"({every} NOT {_any_of(unwanted)})" if unwanted else every


def _fts5_terms(asked: _Asked) -> list[str]:
    return [_any_of([_fts5_term(term), *map(_quoted, asked.tag_marks.get(term, ()))]) for term in asked.sought.terms]


def _fts5_titles(terms: Sequence[Term]) -> list[str]:
    """Look for words in titles by their marks, which are in few posts; a sign alone and a beginning have none."""
    made = []
    for term in terms:
        *first, last = term.words
        made += [_quoted(index.title_mark(word)) for word in first]
        if term.begins or (not first and len(last) == 1):
            made.append(f"title_words : {_fts5_term(Term((last,), term.begins))}")
        else:
            made.append(_quoted(index.title_mark(last)))
    return made


def _fts5_term(term: Term) -> str:
    return _quoted(" ".join(term.words)) + (" *" if term.begins else "")


def _quoted(some: str) -> str:
    return f'"{some}"'


def _any_of(expressions: Iterable[str]) -> str:
    return f"({' OR '.join(expressions)})"


# -- PostgreSQL: tsvector (https://www.postgresql.org/docs/current/textsearch.html) ------------------------------------
# Words that stand side by side are found one by one, and then looked for in the text: tsvector keeps 256 places of a
# word. The function is in db.py.


def _look_postgresql(asked: _Asked, limit: int) -> _Seen:
    """Look in the newest posts, where words that are in many are found at once, else in all by the index."""
    version = ask(_VERSION)[0][0]
    values, beside = _values_postgresql(asked)
    found: list[_Hit] = []
    cut = False
    for tier in range(asked.begin.tier if asked.sought.terms else 1, 2):
        values["begin"] = asked.begin.place if tier == asked.begin.tier else asked.end_of_live
        if len(found) < limit:
            more, cut = _tier_postgresql(tier, limit - len(found), values, beside)
            found += more
    return _Seen(version, found, cut)


def _tier_postgresql(tier: int, limit: int, values: dict[str, Any], beside: str) -> tuple[list[_Hit], bool]:
    sifted = beside or (tier == 0 and values["without"])  # what the index finds is looked at one by one
    index_knows = tier == 0 or not values["in_title"]  # which of what it finds belongs to this tier
    values |= {
        "tier": tier,
        "most": limit,
        "newest": NEWEST,
        "among": NEWEST if sifted else limit,
        "by_title": values["title"] if index_knows else _lexeme(*_NOTHING),
    }
    rows = ask(_statement(_NEWEST[tier], beside), values)
    cut = bool(beside and tier == 1 and len(rows) < limit) and ask(_IN_MOST, values)[0][0]
    if len(rows) < limit and not cut:
        rows = ask(_statement(_ALL[tier], beside), values)
    return [_Hit(tier, *row) for row in rows], cut


@lru_cache(maxsize=64)
def _statement(form: str, beside: str) -> TextClause:
    return text(form.format(beside=beside))


def _values_postgresql(asked: _Asked) -> tuple[dict[str, Any], str]:
    """Give the words, and the clause for those that stand side by side."""
    sought, phrases = asked.sought, _side_by_side(asked.sought)
    in_title = [_lexemes(term) for term in sought.terms] or [_lexeme(*_NOTHING)]
    without = _tsquery_without(asked)
    values = {
        "query": " & ".join([*_tsquery(asked), *(f"!{each}" for each in without)]),
        "title": " & ".join([*in_title, *_tsquery_marks(asked)]),
        "in_title": [f"%{_phrase(term)}%" for sign, term in phrases if not sign],
        "without": " | ".join(without) or None,
    }
    beside = ""
    for number, (sign, term) in enumerate(phrases):
        values[f"phrase{number}"] = _phrase(term)
        values[f"tags{number}"] = [f"% {mark} %" for mark in asked.tag_marks.get(term, ())]
        beside += f" AND {sign}({_BESIDE.format(number=number)})"
    return values, beside


_BESIDE = (  # strpos takes half of the time that LIKE takes
    "strpos(words, :phrase{number}) > 0 OR strpos(title_words, :phrase{number}) > 0"
    " OR title_words LIKE ANY (CAST(:tags{number} AS text[]))"
)
_TITLED = "fts_title @@ CAST(:title AS tsquery) AND title_words LIKE ALL (CAST(:in_title AS text[]))"
_LATE = (
    "SELECT place, post_id"
    " FROM (SELECT * FROM searchable WHERE place < :begin ORDER BY place DESC LIMIT :newest) AS late"
    " WHERE {match} AND fts_words @@ CAST(:query AS tsquery){beside} ORDER BY place DESC LIMIT :most"
)
_IN_MOST = text(
    "SELECT count(*) = :newest AND count(*) FILTER (WHERE fts_words @@ CAST(:query AS tsquery)) > :newest / 2"
    " FROM (SELECT fts_words FROM searchable WHERE place < :begin ORDER BY place DESC LIMIT :newest) AS late"
)
_NEWEST = (_LATE.replace("{match}", _TITLED), _LATE.replace("{match}", f"NOT ({_TITLED})"))
_EVERY = (
    # what the function could leave out by itself it would look for in every post with the words
    "SELECT found.place, found.post_id FROM (SELECT place, post_id FROM fts_find(CAST(:query AS tsquery),"
    " CAST(:by_title AS tsquery), '{{}}', NULL, :tier, :begin, :among) ORDER BY place DESC OFFSET 0) AS found"
    # a sub-select for each row, as a join would look at the texts of all posts
    " WHERE (SELECT {sifted} FROM searchable WHERE searchable.place = found.place)"
    " ORDER BY found.place DESC LIMIT :most"
)
_LIKE_TITLED = (
    "title_words LIKE ALL (CAST(:in_title AS text[])) AND (fts_words @@ CAST(:without AS tsquery)) IS NOT TRUE"
)
_ALL = tuple(
    _EVERY.replace("{sifted}", each) for each in (_LIKE_TITLED + "{beside}", f"true{{beside}} AND NOT ({_TITLED})")
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
