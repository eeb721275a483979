"""Places in a text that its own links lead to, by whatever name the text has for them; here they have ids of ours."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection
from urllib.parse import unquote

from blog.content.headings import MARK, MOST, NAMED, PREFIX, Anchored, free, id_for

_TAG = re.compile(r"<[a-z][^<>]*>")
_LINK = re.compile(r' href="#([^"]+)"')
_ID = re.compile(rf' id="(?!{MARK})([^"]+)"')


def keep_linked(clean: str) -> str:
    """Leave out the marked names that no link of the text leads to, which are most.

    :param clean: HTML as the sanitiser writes it.
    """
    if f'="{MARK}' not in clean:
        return clean
    wanted = _wanted(clean)
    return _in_tags(NAMED, lambda found: found[0] if html.unescape(found[1]) in wanted else "", clean)


def lead(text: Anchored) -> str:
    """Let links within a text lead to its places.

    A link to a name leads to whatever has that name in the text: a heading, or else another element, which gets an id
    made of the name; and where nothing has it, to the heading whose words it is made of, as other programs make them.
    """
    ids = dict.fromkeys(_ID.findall(text.html))
    lost = dict.fromkeys([name for name in _wanted(text.html) if name not in ids][:MOST])
    if not lost:
        return text.html
    names = {name: text.names[name] for name in lost if name in text.names}

    def placed(found: re.Match[str]) -> str:
        name = html.unescape(found[1])
        if name in names or name not in lost:
            return ""
        names[name] = free(id_for(name), text.taken)
        return f' id="{names[name]}"'

    made = _in_tags(NAMED, placed, text.html)
    names = _by_words([name for name in lost if name not in names], ids) | names
    return _in_tags(_LINK, lambda link: f' href="#{names.get(_name(link[1])) or link[1]}"', made)


def _wanted(clean: str) -> dict[str, None]:
    return dict.fromkeys(map(_name, _LINK.findall(clean)))


def _name(written: str) -> str:
    """The name in a link, which may be written as references and as %XX."""
    return unquote(html.unescape(written))


def _by_words(names: Collection[str], ids: Collection[str]) -> dict[str, str]:
    """Find the headings that names are made of: of "What's new?" some programs make whats-new, others what-s-new."""
    signs = {_signs(each): each for each in reversed([*ids]) if each.startswith(PREFIX)}
    found = {name: signs.get(_signs(id_for(name))) for name in names}
    return {name: each for name, each in found.items() if each}


def _signs(made: str) -> str:
    return made.replace("-", "")


def _in_tags(pattern: re.Pattern[str], change: Callable[[re.Match[str]], str], clean: str) -> str:
    return _TAG.sub(lambda tag: pattern.sub(change, tag[0]), clean)
