"""How much work a piece of HTML may make for a parser, so that a hostile one is refused before it is parsed."""

from __future__ import annotations

import re

MOST_LABOUR = 500_000
"""What a post may cost. Parsers open again, in every paragraph, each ``<b title=…>`` that was left open before: 100 KB
can ask for 10^8 elements. Measured: 10^6 units take 0.8 s and 280 MB; the dearest of 2,318 real posts costs 32,000."""

_BLANK_IN_TAG = r"[ \t\n\f\r]"  # what HTML counts as white space; \s is more
_VALUE = r"""(?:"[^"]*+"|'[^']*+'|[^ \t\n\f\r"'=<>`]++)"""
_ATTRIBUTE = rf"{_BLANK_IN_TAG}++[a-z_:@][\w:.@-]*+(?:{_BLANK_IN_TAG}*+={_BLANK_IN_TAG}*+{_VALUE})?+"
_REST_OF_TAG = rf"(?:{_ATTRIBUTE})*+{_BLANK_IN_TAG}*+/?>"
_TEXT_ONLY = "script|style|iframe|textarea|title|noscript|noembed|noframes|xmp"
_MARKUP = re.compile(  # all that every parser reads in the same way, and then whatever is left
    r"<!--(?!-?>)(?:(?!--).)*+-->"
    r"|<(?![a-z/!?])"
    rf"|<(?P<text_only>{_TEXT_ONLY}){_REST_OF_TAG}[^<]*+</(?P=text_only)>"
    rf"|<(?P<close>/?)(?!(?:{_TEXT_ONLY}|plaintext|svg|math|template)\b)(?P<name>[a-z][a-z0-9-]*+){_REST_OF_TAG}"
    r"|(?P<strange><)",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_NEVER_DEEP = frozenset(  # empty elements, and those that the next of their kind closes
    "area base br col embed hr img input link meta source track wbr p li dd dt tr td th thead tbody tfoot".split()
)

_FEW = 999  # tags: none of n can cost more than n, and all of them no more than n (n + 1) / 2, which is less


def is_too_much(loose: str) -> bool:
    """Whether this HTML may cost a parser more than MOST_LABOUR.

    :param loose: HTML as it comes from Markdown, before it is sanitised.
    """
    return loose.count("<") > _FEW and labour(loose) > MOST_LABOUR


def labour(loose: str) -> int:
    """How many steps a parser may need at worst for this HTML: the sum of open elements over all tags; never too low.

    :param loose: HTML as it comes from Markdown, before it is sanitised.

    A closing tag counts only where nothing else was opened in between. From the first markup on that parsers may read
    in different ways, no closing tag counts.
    """
    total = 0
    open_names: list[str] = []
    for markup in _MARKUP.finditer(loose):
        if markup["strange"]:
            rest = loose.count("<", markup.start())
            return total + rest * (len(open_names) + rest // 2)
        name = (markup["name"] or "").lower()
        if not name or name in _NEVER_DEEP:
            pass
        elif not markup["close"]:
            open_names.append(name)
        elif open_names and open_names[-1] == name:
            open_names.pop()
        total += len(open_names)
    return total
