"""How Markdown becomes safe HTML, and HTML becomes an excerpt; what only reads loads neither (`typed`, `markup`)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import nh3
from markdown_it import MarkdownIt, helpers
from markdown_it.common.utils import isLinkClose, isLinkOpen
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock, lheading
from markdown_it.rules_core import StateCore, normalize
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from blog.content import autolinks, code, headings, mended, pasted, places, signs
from blog.content.labour import is_too_much
from blog.content.markup import FOOTNOTE_MARK, NEW_LINE
from blog.content.typed import fit
from blog.errors import Invalid, Words

# -- Markdown to HTML ------------------------------------------------------------------------------------------------

RENDERER_VERSION = 3
"""Counts the changes to what `render` makes; stored beside the HTML, so that older HTML is found and made anew."""


def render(body_md: str) -> str:
    """Turn Markdown into HTML that is safe on a page, in a feed and in a stored file.

    CommonMark with tables, footnotes, task lists, strikethrough and bare addresses as links. HTML in it is allowed and
    sanitised like everything else; where there is nothing but HTML, it is read as such. No heading is an h1: that one
    is the page's own. Headings can be linked to, and code that names its language is in colour.

    :param body_md: as `typed.passage` returns it.
    :raises Invalid: under the field ``body``, when rendering it would cost more than any honest text does.
    """
    loose = _without_h1(pasted.tidy(body_md) if pasted.is_html(body_md) else _to_html(body_md))
    if is_too_much(loose):
        raise Invalid({"body": Words("The HTML in the body leaves too many tags open. Close them, or write Markdown.")})
    return _finished(_sanitise(loose))


_MOST_COMMENTS = 1_000  # the parser may look for the end of each through all that follows: 9,000 took 8 s
_MOST_STEPS = 200_000  # 50,000 lines need 100,000, the longest real post 700; 100 KB of ">#\na\n" would need 10^8
_MOST_ATTRIBUTES = 1_000_000  # characters: one [a]: with 40 KB of address and 10,000 times [a] would make 400 MB


def _to_html(body_md: str) -> str:
    if body_md.count("<!--") > _MOST_COMMENTS:
        raise Invalid({"body": Words("The body holds too many HTML comments.")})
    env: dict[str, Any] = {}
    tokens = _markdown.parse(body_md, env)
    spans = [span for token in tokens for span in token.children or () if span.attrs]
    if sum(len(str(value)) for span in spans for value in span.attrs.values()) > _MOST_ATTRIBUTES:
        raise Invalid({"body": Words("The body repeats very long link addresses too often.")})
    return str(_markdown.renderer.render(tokens, _markdown.options, env))


def _count_steps(state: StateBlock, _start: int, _end: int, _silent: bool) -> bool:
    """Stop at a body that costs the parser too much; tried first wherever a block might begin, it never matches."""
    state.env["steps"] = state.env.get("steps", 0) + 1
    if state.env["steps"] > _MOST_STEPS:
        raise Invalid({"body": Words("The quotations and lists in the body are too entangled.")})
    return False


_BEFORE_ADDRESSES = re.compile(r"softbreak|hardbreak|(?:em|strong|s)_(?:open|close)")


def _link_addresses(state: StateCore) -> None:
    """Make links of bare addresses in running text."""
    for block in state.tokens:
        if block.children and _may_hold_addresses(block.content):
            block.children = list(_linked(block.children))


def _may_hold_addresses(text: str) -> bool:
    return "://" in text or "www." in text or "@" in text


def _linked(spans: list[Token]) -> Iterator[Token]:
    depth = 0  # inside of other links, written either way
    before = "softbreak"
    for span in spans:
        is_html = span.type == "html_inline"
        depth += span.type == "link_open" or (is_html and isLinkOpen(span.content))
        depth -= span.type == "link_close" or (is_html and isLinkClose(span.content))
        if span.type == "text" and depth <= 0 and _may_hold_addresses(span.content):
            yield from _split_at_addresses(span.content, begins=bool(_BEFORE_ADDRESSES.fullmatch(before)))
        else:
            yield span
        before = span.type


def _split_at_addresses(text: str, *, begins: bool) -> Iterator[Token]:
    at = 0
    for address in autolinks.find(text):
        if address.begin or begins:
            yield Token("text", "", 0, content=text[at : address.begin])
            yield Token("link_open", "a", 1, attrs={"href": _markdown.normalizeLink(address.href)})
            yield Token("text", "", 0, content=text[address.begin : address.end])
            yield Token("link_close", "a", -1)
            at = address.end
    yield Token("text", "", 0, content=text[at:])


def _aligned_cell(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Say a column's alignment by class: the page's policy allows no style attribute."""
    if style := tokens[index].attrs.pop("style", None):
        tokens[index].attrs["class"] = f"align-{str(style).removeprefix('text-align:')}"
    return self.renderToken(tokens, index, options, env)


def _opened_quotation(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Begin a line after the tag also when nothing follows, as the specification's examples have it."""
    return self.renderToken(tokens, index, options, env).rstrip("\n") + "\n"


_LABEL = "[a-z0-9-]{1,63}"
_PLAIN = re.compile(rf"https?://(?:{_LABEL}\.){{0,3}}{_LABEL}(?:/[a-zA-Z0-9/._~+=&#?-]*)?")


class _Markdown(MarkdownIt):
    """The parser, which takes most addresses as they are instead of taking them apart."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802  (its name there)
        """Write an address with what cannot stand in one as %XX."""
        return url if _PLAIN.fullmatch(url) else super().normalizeLink(url)


def _parser() -> MarkdownIt:
    parser = _Markdown("commonmark", {"html": True, "tasklists": True, "maxNesting": 20})
    parser.enable(["table", "strikethrough"]).use(footnote_plugin, inline=False)
    everywhere = ["paragraph", "reference", "blockquote", "list", "table", "footnote_def"]
    parser.block.ruler.before("table", "count_steps", _count_steps, {"alt": everywhere})
    parser.core.ruler.push("link_addresses", _link_addresses)
    parser.add_render_rule("blockquote_open", _opened_quotation)
    parser.add_render_rule("th_open", _aligned_cell)
    parser.add_render_rule("td_open", _aligned_cell)
    return parser


_SIGNS = re.compile(r"[\n\\`~*_\[\]<&]|!(?=\[)")  # where something else than text may begin, or a label end


def _quick(parser: MarkdownIt) -> MarkdownIt:
    """Let a parser make the same of a text with less work: a third of what rendering costs."""
    parser.block.ruler.at("lheading", _underlined)
    parser.core.ruler.at("normalize", _normalized)
    parser.inline.terminator_re = _SIGNS
    names = {name: getattr(helpers, name) for name in helpers.__all__}
    parser.helpers = SimpleNamespace(**names | {"parseLinkDestination": _destination})  # type: ignore[assignment]
    signs.quicken(parser)
    return parser


_DESTINATION = re.compile(r"[\w/.~+=:#?%,;@!$'*-]+(?=[ )\n])", re.ASCII)


def _destination(text: str, at: int, end: int) -> Any:
    """Read most addresses of links at once, and the others as the parser does: sign by sign."""
    if plain := _DESTINATION.match(text, at, end):
        return SimpleNamespace(ok=True, pos=plain.end(), str=plain[0])
    return helpers.parseLinkDestination(text, at, end)


def _normalized(state: StateCore) -> None:
    if "\r" in state.src or "\0" in state.src:  # which nothing has that was typed
        normalize(state)


def _underlined(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Try a heading with a line under it only where one may be, as it costs as much as a paragraph."""
    for line in range(start + 1, state.lineMax):
        if state.isEmpty(line):
            return False
        if state.src[state.bMarks[line] + state.tShift[line]] in "-=":
            return lheading(state, start, end, silent)
    return False


_markdown = _quick(_parser())
_HEADING = re.compile(r"(</?h)([1-5])(?=[\s/>])", re.IGNORECASE)


def _without_h1(loose: str) -> str:
    """Move all headings one level down, unless the author left level one to the page."""
    if not any(heading[2] == "1" for heading in _HEADING.finditer(loose)):
        return loose
    return _HEADING.sub(lambda heading: f"{heading[1]}{int(heading[2]) + 1}", loose)


# -- the sanitiser ---------------------------------------------------------------------------------------------------

_TAGS = set(
    "a abbr b blockquote br caption cite code dd del details dfn div dl dt em figcaption figure h2 h3 h4 h5 h6 hr i img"
    " input ins kbd li mark ol p pre q rp rt ruby s samp section small strong sub summary sup table tbody td tfoot th"
    " thead time tr u ul var".split()
)
_ATTRIBUTES = {
    "a": {"href", "title", "name"},
    "abbr": {"title"},
    "details": {"open"},
    "img": {"src", "alt", "title", "width", "height"},
    "input": {"checked"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
}
_CLASSES = {  # ours, which the stylesheet knows; nobody dresses a post up as the page around it
    "a": "footnote-backref",
    "code": r"language-[\w+#.-]{1,40}",
    "hr": "footnotes-sep",
    "input": "task-list-item-checkbox",
    "li": "task-list-item|footnote-item",
    "ol": "contains-task-list|footnotes-list",
    "section": "footnotes",
    "sup": "footnote-ref",
    "td": "align-(?:left|center|right)",
    "th": "align-(?:left|center|right)",
    "ul": "contains-task-list",
}
_NUMBERS = frozenset(("width", "height", "colspan", "rowspan", "start"))
_FOOTNOTE_ID = re.compile(r"fn(?:ref)?[0-9]+(?::[0-9]+)?")
_PLACES = frozenset("a blockquote div dt figure h2 h3 h4 h5 h6 li p section table".split())  # that links may lead to
_LONGEST_NAME = 200


def _keep(tag: str, attribute: str, value: str) -> str | None:
    """What remains of an attribute that the lists above allow; None when nothing does."""
    if attribute == "class":
        return " ".join(name for name in value.split() if re.fullmatch(_CLASSES.get(tag, ""), name)) or None
    if attribute in {"id", "name"}:  # one of somebody's choice could stand in for one of the page
        is_ours = attribute == "id" and tag in {"a", "li"} and _FOOTNOTE_ID.fullmatch(value)
        return value if is_ours else headings.MARK + value[:_LONGEST_NAME]
    if attribute in _NUMBERS:
        return mended.number(value)
    if attribute == "src" and value.strip().lower().startswith("mailto:"):
        return None
    return mended.address(value) if attribute in {"href", "src"} else value


_POLICY: dict[str, Any] = {
    "url_schemes": {"http", "https", "mailto"},
    "clean_content_tags": {"script", "style", "title"},
    "set_tag_attribute_values": {
        "img": {"loading": "lazy"},
        "input": {"type": "checkbox", "disabled": "", "aria-label": "Task"},  # the only control text has a use for
    },
}


def _allowed(tag: str) -> set[str]:
    names = _ATTRIBUTES.get(tag, set()) | ({"class"} if tag in _CLASSES else set())
    return names | ({"id"} if tag in _PLACES else set())


_ALLOWED = {
    "*": set[str](),  # else nh3 keeps lang and title everywhere
    **{tag: _allowed(tag) for tag in _TAGS},
}
_sanitiser = nh3.Cleaner(tags=_TAGS, attributes=_ALLOWED, attribute_filter=_keep, link_rel=None, **_POLICY)


_FIRST_NEWLINES = re.compile("<pre>\n+")


def _sanitise(loose: str) -> str:
    """Keep what the lists allow, and mend it."""
    clean = _sanitiser.clean(loose)
    # a reference such as &#1; is a control only now; replaced and not removed: "java\1script:" must not close up
    clean = places.keep_linked(fit(clean))
    # parsers drop the first newline of a pre, and would drop the next one each time the post is copied
    return mended.nesting(_FIRST_NEWLINES.sub("<pre>", clean))


# -- what we add ------------------------------------------------------------------------------------------------------

_OUR_IDS = re.compile(headings.PREFIX + "[a-z0-9-]+")
_BACK = re.compile('<a (?=[^<>]*class="footnote-backref")')
_REL = "ugc noopener"
_NO_LINK = re.compile(rf'<a(?= )(?![^<>]* href=)([^<>]*?) rel="{_REL}"')  # HTML, 4.5.1


def _finished(clean: str) -> str:
    """Add what only we may say: ids and what leads to them, labels, colours of code; and sanitise once more.

    The last word is the sanitiser's, so that no mistake in what is added can let anything through. What comes out is a
    fixed point: finished again, it stays as it is.
    """
    labelled = _BACK.sub('<a aria-label="Back to the text" ', clean)
    return _NO_LINK.sub(r"<a\1", _finisher.clean(places.lead(headings.anchor(code.colour(labelled)))))


def _keep_ours(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "id":
        return value if _OUR_IDS.fullmatch(value) or _FOOTNOTE_ID.fullmatch(value) else None
    if attribute == "class" and (tag, value) == ("a", "anchor"):
        return value
    if attribute == "class" and tag == "span":
        return value if value in code.CLASSES else None
    return value if attribute == "aria-label" else _keep(tag, attribute, value)


_finisher = nh3.Cleaner(
    tags=_TAGS | {"span"},
    attributes={
        **_ALLOWED,
        "a": _ALLOWED["a"] - {"name"} | {"aria-label"},
        "span": {"class"},
    },
    attribute_filter=_keep_ours,
    link_rel=_REL,
    **_POLICY,
)


# -- comments --------------------------------------------------------------------------------------------------------

COMMENT_VERSION = 1
"""Counts the changes to what `render_comment` makes."""


def render_comment(body_md: str) -> str:
    """Turn the Markdown of a comment into HTML: paragraphs, emphasis, links, code, quotations and lists.

    Headings, images, tables and HTML stay the signs that were typed. A new line is one on the page too.

    :param body_md: as `typed.passage` returns it.
    :raises Invalid: under the field ``comment``, when rendering it would cost more than any honest text does.
    """
    try:
        loose = str(_comment_markdown.render(body_md))
    except Invalid:
        loose = None
    if loose is None or is_too_much(loose):
        raise Invalid({"comment": Words("The quotations, lists and emphasis in the comment are too entangled.")})
    return _comment_sanitiser.clean(fit(_comment_sanitiser.clean(loose)))


def _comment_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 10}).enable("strikethrough")
    parser.disable(["heading", "lheading", "hr", "html_block", "html_inline", "image", "reference"])
    parser.block.ruler.before("code", "count_steps", _count_steps, {"alt": ["paragraph", "blockquote", "list"]})
    parser.core.ruler.push("link_addresses", _link_addresses)
    return parser


_comment_markdown = _quick(_comment_parser())
_comment_sanitiser = nh3.Cleaner(
    tags=set("a blockquote br code em li ol p pre s strong ul".split()),
    attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https"},
    link_rel="nofollow ugc noopener",
)


# -- HTML to an excerpt ----------------------------------------------------------------------------------------------

_FOOTNOTES = '<section class="footnotes">'
_prose_only = nh3.Cleaner(tags=set(), attributes={}, clean_content_tags={"h2", "h3", "h4", "h5", "h6", "pre", "table"})


def excerpt(body_html: str, longest: int = 280) -> str:
    """The first words of a post as plain text: no markup, no headings, tables, code blocks or footnotes.

    :param body_html: as `render` returns it.
    :param longest: how many characters the result may have, an ellipsis included.
    """
    prose, _, _ = body_html.partition(_FOOTNOTES)
    prose = FOOTNOTE_MARK.sub("", prose)
    words = _prose(prose[: max(0, prose.rfind("<", 0, 4 * longest))])  # most are long enough before the end
    if len(words) <= longest:
        words = _prose(prose)
    if len(words) <= longest:
        return words
    cut = words[: longest - 1]
    at_word, _, _ = cut.rpartition(" ")
    if len(at_word) < longest // 2:  # a script without spaces, or one endless word
        at_word = cut
    return at_word.rstrip(" ,.;:–—-") + "…"


def _prose(part: str) -> str:
    return " ".join(html.unescape(_prose_only.clean(NEW_LINE.sub(" <", part))).split())
