"""Code in colour: what a block of code says in its language, marked by classes that the stylesheet knows."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any

from pygments.token import Token

MOST_OF_A_BLOCK = 5_000  # characters; what is longer stays plain, like what no person writes
MOST_IN_ALL = 20_000  # of all blocks of one text
_NO_CODE = re.compile(r"[^\n]{501}|[\w\s]{301}")  # lines without end, and words without any sign between them
_MOST_LANGUAGES = 10  # in one text: the first use of each in a process costs up to 0.1 s

LANGUAGES = frozenset(
    "Ada|AppleScript|Awk|Bash|Bash Session|Batchfile|BibTeX|C|C#|C++|Clojure|CMake|COBOL|"
    "Common Lisp|CSS|D|Dart|Diff|Django/Jinja|Docker|Elixir|Elm|EmacsLisp|Erlang|F#|Fortran|Gherkin|"
    "Go|GraphQL|Groovy|Haskell|HTML|INI|Java|JavaScript|JSON|JSX|Julia|Kotlin|LessCss|Lua|"
    "Makefile|Markdown|Matlab|MySQL|Nginx configuration file|Nix|Objective-C|OCaml|Perl|PHP|"
    "PowerShell|Prolog|Properties|Protocol Buffer|Python|Python console session|"
    "Python Traceback|Racket|reStructuredText|Ruby|Rust|S|SCSS|Sass|Scheme|Smalltalk|Solidity|"
    "SPARQL|SQL|Standard ML|Swift|Tcl|TeX|Terraform|TOML|TSX|TypeScript|Typst|VB.net|vhdl|"
    "VimL|WebAssembly|XML|XQuery|YAML|Zig".split("|")
)
"""As Pygments calls them. Those that are not here would read a hostile block of 5,000 characters for minutes (Fish,
Scala, Systemd), hand parts of it to a language of its choice (HTTP, PostgreSQL), or were not tried."""

_OTHER_NAMES = {"postgres": "SQL", "postgresql": "SQL", "jsonc": "JavaScript"}

_CLASSES = {
    Token.Comment: "c",
    Token.Comment.Preproc: "cp",
    Token.Comment.Hashbang: "c",
    Token.Keyword: "k",
    Token.Keyword.Constant: "m",
    Token.Keyword.Type: "t",
    Token.Operator.Word: "k",
    Token.Name.Attribute: "na",
    Token.Name.Builtin: "t",
    Token.Name.Class: "t",
    Token.Name.Constant: "m",
    Token.Name.Decorator: "cp",
    Token.Name.Entity: "m",
    Token.Name.Exception: "t",
    Token.Name.Function: "nf",
    Token.Name.Label: "na",
    Token.Name.Namespace: "t",
    Token.Name.Tag: "k",
    Token.Name.Variable: "na",
    Token.Literal: "m",
    Token.Literal.String: "s",
    Token.Literal.String.Doc: "c",
    Token.Literal.String.Escape: "m",
    Token.Literal.String.Interpol: "m",
    Token.Generic.Deleted: "gd",
    Token.Generic.Inserted: "gi",
    Token.Generic.Heading: "k",
    Token.Generic.Subheading: "cp",
    Token.Generic.Prompt: "cp",
    Token.Generic.Output: "c",
    Token.Generic.Traceback: "gd",
    Token.Generic.Error: "gd",
}
CLASSES = frozenset(_CLASSES.values())
"""Of the spans in a block of code."""

_BLOCK = re.compile(r'(<pre><code class="language-([\w+#.-]{1,40})">)([^<]++)(?=</code></pre>)')


def colour(clean: str) -> str:
    """Mark what is what in the blocks of code that name their language.

    A block stays plain when its language is not known, when it is too long or comes after too much of others, and when
    there is other markup in it.

    :param clean: HTML as the sanitiser writes it.
    """
    spent, used = 0, set[str]()

    def coloured(block: re.Match[str]) -> str:
        nonlocal spent
        language = _languages().get(block[2].lower())
        code = html.unescape(block[3])
        fits = len(code) <= MOST_OF_A_BLOCK and spent + len(code) <= MOST_IN_ALL and not _NO_CODE.search(code)
        if not language or not fits or len(used | {language}) > _MOST_LANGUAGES:
            return block[0]
        used.add(language)
        spent += len(code)
        return block[1] + (_marked(code, language) or block[3])

    return _BLOCK.sub(coloured, clean)


@cache
def _languages() -> dict[str, str]:
    """What people write after the fence, and the language they mean."""
    from pygments.lexers import get_all_lexers  # noqa: PLC0415  (4 MB, for who saves code)

    known = [(name, aliases) for name, aliases, _, _ in get_all_lexers(plugins=False) if name in LANGUAGES]
    return {alias: name for name, aliases in known for alias in aliases} | _OTHER_NAMES


def _marked(code: str, language: str) -> str | None:
    """This code as HTML; None when the library cannot cope with it."""
    from pygments.lexers import find_lexer_class  # noqa: PLC0415  (as above)

    lexer = find_lexer_class(language)(stripnl=False, handlecodeblocks=False)  # blocks in it may be in any language
    whole = code if code.endswith("\n") else code + "\n"  # many look for the end of a line again and again
    try:
        tokens = [token for token in lexer.get_tokens(whole) if token[1]]
    except Exception:  # noqa: BLE001  # hundreds of lexers by as many people; whatever it is, the code can be read
        return None
    if "".join(words for _, words in tokens) != whole:
        return None
    if whole != code:
        tokens[-1] = (tokens[-1][0], tokens[-1][1][:-1])
    return "".join(_spans(tokens))


def _spans(tokens: list[tuple[Any, str]]) -> Iterator[str]:
    for name, group in groupby(tokens, key=lambda token: _class(token[0])):
        words = html.escape("".join(value for _, value in group), quote=False)
        yield f'<span class="{name}">{words}</span>' if name else words


@cache
def _class(kind: Any) -> str | None:
    while kind is not None and kind not in _CLASSES:
        kind = kind.parent
    return _CLASSES.get(kind)
