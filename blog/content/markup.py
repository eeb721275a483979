"""The HTML of posts as it is stored, read: its words, its addresses, and what tells it from that of other posts."""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin

FOOTNOTE_MARK = re.compile('<sup class="footnote-ref">.*?</sup>')
_LINE = "/?(?:p|div|li|dt|dd|blockquote|figure|figcaption|section|summary|details)|br|hr"
NEW_LINE = re.compile(rf"<(?=(?:{_LINE})\b)")
_APART = re.compile(rf"<(?=(?:{_LINE}|/?(?:h[2-6]|pre|t[dhr]|table|caption|ol|ul))\b)")
_MARKUP = re.compile("<[^<>]*>")


def plain(body_html: str) -> str:
    """All words of a post as plain text in one line: no markup, and no marks of footnotes.

    :param body_html: as `text.render` returns it.
    """
    spaced = _APART.sub(" <", FOOTNOTE_MARK.sub("", body_html))
    return " ".join(html.unescape(_MARKUP.sub("", spaced)).split())


_OPENING = re.compile(r"<[a-z][^<>]*>")
_ADDRESSES = re.compile(r' (href|src|srcset)="([^"]*)"')


def apart(body_html: str, prefix: str) -> str:
    """Make footnotes, and whatever else can be linked to, unlike those of other posts on the same page; once, also when
    it is done again.

    :param body_html: as `text.render` returns it: quotation marks stand around values only.
    """
    linked = re.compile(rf' (?:id="|href="#)(?!{prefix}-)')
    return _OPENING.sub(lambda tag: linked.sub(rf"\g<0>{prefix}-", tag[0]), body_html)


_WITH_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def absolute(body_html: str, page_url: str) -> str:
    """Let every link and picture say its whole address, for who reads the text elsewhere than on its page.

    :param body_html: as `text.render` returns it, dressed or not.
    :param page_url: the whole address of that page.
    """
    site_url = urljoin(page_url, "/").removesuffix("/")

    def whole(address: str) -> str:
        if _WITH_SCHEME.match(address):
            return address
        if address.startswith("#"):
            return page_url + address
        if address.startswith("/") and not address.startswith("//"):
            return site_url + address
        return _joined(page_url, address)

    def told(found: re.Match[str]) -> str:
        several = found[2].split(", ") if found[1] == "srcset" else [found[2]]
        return f' {found[1]}="{", ".join(map(whole, several))}"'

    return _OPENING.sub(lambda tag: _ADDRESSES.sub(told, tag[0]), body_html)


def _joined(page_url: str, escaped: str) -> str:
    try:
        return html.escape(urljoin(page_url, html.unescape(escaped)))
    except ValueError:  # no address at all, such as //[
        return escaped
