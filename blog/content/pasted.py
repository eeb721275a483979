"""Bodies that are HTML and not Markdown: how one is told, and what word processors leave in it."""

from __future__ import annotations

import re

_BLOCK = (
    "address|article|aside|blockquote|body|center|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form"
    "|h[1-6]|head|header|hr|html|li|link|main|menu|meta|nav|ol|p|pre|script|section|style|summary|table|tbody|td|tfoot"
    "|th|thead|title|tr|ul|o:p"
)
_DOCUMENT = re.compile(r"\s*(?:<!--StartFragment|<!doctype html|<(?:html|head|body|meta|style)[\s>])", re.IGNORECASE)
_WHOLE = re.compile(  # what may hold empty lines without being Markdown
    r"<!--(?:(?!-->|<!--).)*+-->|<(pre|script|style|textarea)\b(?:(?!</?\1\b).)*+</\1\s*+>", re.IGNORECASE | re.DOTALL
)
_OF_WORD_PROCESSORS = re.compile(r"<[^<>]*\b(?:mso-|Mso[A-Z]|docs-internal-guid-)")
_HTML_ONLY = re.compile(rf"\s*+(?:</?(?:{_BLOCK})(?=[\s/>])|<!|\Z)", re.IGNORECASE)
_BEGINNING = re.compile(" {0,3}<")  # indented further, it is code
_EMPTY_LINES = re.compile(r"\n(?:[ \t]*\n)++")


def is_html(body: str) -> bool:
    """Whether a body is HTML: whether each stretch between empty lines begins with a tag for more than a few words.

    In such a body Markdown would find nothing but code where tags are indented, as HTML from elsewhere often is.
    """
    if not _BEGINNING.match(body):
        return False
    if _DOCUMENT.match(body) or _OF_WORD_PROCESSORS.search(body):
        return True
    return all(_HTML_ONLY.match(stretch) for stretch in _EMPTY_LINES.split(_WHOLE.sub("", body)))


def tidy(body: str) -> str:
    """Make plain HTML of what a word processor wrote: its lists, its bold and italic words, its empty paragraphs.

    Everything else is left to the sanitiser.
    """
    if not _OF_WORD_PROCESSORS.search(body):
        return body
    body = _listed(_CONDITIONAL.sub(_marker, body))
    return _EMPTY_PARAGRAPH.sub("", _dressed(body))


# -- lists of Word: paragraphs, each with a bullet of its own ----------------------------------------------------------

_CONDITIONAL = re.compile(r"<!\[if !supportLists\]>((?:(?!<!\[).)*+)<!\[endif\]>", re.DOTALL)
_MARKUP = re.compile(r"<[^<>]*>|&nbsp;|\s")
_ITEM = re.compile(r"<p\b[^<>]*\bMsoListParagraph[^<>]*>((?:(?!</?p\b).)*+)</p\s*>", re.IGNORECASE | re.DOTALL)
_ITEMS = re.compile(r"(?:\x00[^\x00]*\x00\s*)+")


def _marker(conditional: re.Match[str]) -> str:
    """What stands before an item, told by one character: a number or letter, or else a bullet."""
    shown = _MARKUP.sub("", conditional[1])
    return "\x01" if re.fullmatch(r"\(?\w{1,4}[.)]", shown) else ""


def _listed(body: str) -> str:
    items = _ITEM.sub(lambda item: f"\x00{item[1].replace(chr(0), '')}\x00", body.replace("\x00", ""))
    return _ITEMS.sub(_list, items).replace("\x00", "").replace("\x01", "")


def _list(found: re.Match[str]) -> str:
    items = [item for item in found[0].split("\x00") if item.strip()]
    kind = "ol" if all("\x01" in item for item in items) else "ul"
    return f"<{kind}>" + "".join(f"<li>{item}</li>" for item in items) + f"</{kind}>\n"


# -- dress that means something ----------------------------------------------------------------------------------------

_EMPTY_PARAGRAPH = re.compile(r"<p\b[^<>]*>(?:\s|&nbsp;|</?(?:o:p|span|br)\b[^<>]*>)*+</p\s*>", re.IGNORECASE)
_DRESS = re.compile(r"<(/?)(b|span)\b([^<>]*)>", re.IGNORECASE)
_WEIGHT = re.compile(r"(?<![\w-])font-weight:", re.IGNORECASE)
_BOLD = re.compile(r"(?<![\w-])font-weight:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_ITALIC = re.compile(r"(?<![\w-])font-style:\s*italic", re.IGNORECASE)


def _dressed(body: str) -> str:
    """Bold and italic spans become strong and em, and a b that is not bold is left out: Google wraps a whole text."""
    left: dict[str, list[str]] = {"b": [], "span": []}

    def plain(tag: re.Match[str]) -> str:
        ending, name, attributes = tag[1], tag[2].lower(), tag[3]
        if ending:
            return left[name].pop() if left[name] else ""
        is_bold = _BOLD.search(attributes) or (name == "b" and not _WEIGHT.search(attributes))
        meant = ["strong"] if is_bold else []
        meant += ["em"] if _ITALIC.search(attributes) else []
        left[name].append("".join(f"</{element}>" for element in reversed(meant)))
        return "".join(f"<{element}>" for element in meant)

    return _DRESS.sub(plain, body)
