"""Signs: which rules of Markdown can begin at a sign, so that a parser tries no others where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_Rule = Callable[..., bool]

_BLOCKS = {  # by their names in the parser; what is not here may begin at any sign
    "fence": "`~",
    "footnote_def": "[",
    "blockquote": ">",
    "hr": "*-_",
    "list": "*-+0123456789",
    "reference": "[",
    "html_block": "<",
    "heading": "#",
}
_SPANS = {
    "newline": "\n",
    "escape": "\\",
    "backticks": "`",
    "strikethrough": "~",
    "emphasis": "*_",
    "link": "[",
    "footnote_ref": "[",
    "image": "!",
    "autolink": "<",
    "html_inline": "<",
    "entity": "&",
}


def quicken(parser: Any) -> None:
    """Let a parser try at each sign only the rules that can begin there, in their order, which makes the same of it.

    :param parser: a MarkdownIt that has all its rules.
    """
    parser.block.ruler = _Quick(parser.block.ruler, _BLOCKS, _block)
    parser.inline.ruler = _Quick(parser.inline.ruler, _SPANS, _span)


class _Quick:
    """Stands in for a ruler of the parser: gives one rule, which tries the others."""

    def __init__(self, ruler: Any, signs: Mapping[str, str], make: Callable[..., _Rule]) -> None:
        self.get_active_rules = ruler.get_active_rules
        begins = {rule: signs.get(name) for rule, name in zip(ruler.getRules(), ruler.get_active_rules(), strict=True)}
        self._chains = {}
        for chain in ("", "paragraph", "reference", "blockquote", "list"):
            rules = ruler.getRules(chain)
            by_sign = {
                sign: [rule for rule in rules if sign in (begins[rule] or sign)] for sign in "".join(signs.values())
            }
            self._chains[chain] = [make(by_sign, [rule for rule in rules if not begins[rule]])] if rules else []

    def getRules(self, chain: str = "") -> list[_Rule]:  # noqa: N802  (its name there)
        """Give what is tried in a chain."""
        return self._chains[chain]


def _block(by_sign: Mapping[str, list[_Rule]], others: list[_Rule]) -> _Rule:
    def first(state: Any, line: int, end: int, silent: bool) -> bool:
        at = state.bMarks[line] + state.tShift[line]
        for rule in by_sign.get(state.src[at : at + 1], others):  # noqa: SIM110  (a generator costs as much as a rule)
            if rule(state, line, end, silent):
                return True
        return False

    return first


def _span(by_sign: Mapping[str, list[_Rule]], others: list[_Rule]) -> _Rule:
    def first(state: Any, silent: bool) -> bool:
        for rule in by_sign.get(state.src[state.pos], others):  # noqa: SIM110  (as above)
            if rule(state, silent):
                return True
        return False

    return first
