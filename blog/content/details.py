"""Details: what is said about a post beside its title and text: kind, tags, address, language, image, first place."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from blog.content import slugs, tags
from blog.content.typed import line
from blog.db import Post
from blog.errors import Invalid, Words

POST, NOTE, PAGE = "post", "note", "page"  # the words of Post.kind
KINDS = (POST, NOTE, PAGE)

EXCERPT_LONGEST = 500  # characters
ADDRESS_LONGEST = 2_000  # of addresses elsewhere
ALTERNATIVE_LONGEST = 500
LAST_PLACE = 999


class Details(NamedTuple):
    """What is said about a post beside its title and text; what is empty is not said.

    :param kind: POST, NOTE or PAGE.
    :param tags: their names, as typed.
    :param slug: the address its writer wants; empty for one that is made of the title.
    :param excerpt: what lists show of it; empty for its first words.
    :param lang: the language it is in, as a tag of BCP 47.
    :param canonical_url: where it was published first.
    :param image_url: of the feature image: ``/media/…``, or https on one of `image_hosts`.
    :param image_alt: what can be seen there; empty only for an image that is decoration.
    :param decorative: the image says nothing.
    :param place: of a page in the navigation, the smallest first.
    :param image_hosts: origins whose images posts may show.
    :param may_be_page: whether its writer may put pages in the navigation.
    """

    kind: str = POST
    tags: tuple[str, ...] = ()
    slug: str = ""
    excerpt: str = ""
    lang: str = ""
    canonical_url: str = ""
    image_url: str = ""
    image_alt: str = ""
    decorative: bool = False
    place: str = "0"
    image_hosts: tuple[str, ...] = ()
    may_be_page: bool = False

    def same_as(self, post: Post) -> bool:
        """Whether just this is said about a post already."""
        its = of(post)
        told = its._replace(tags=self.tags, image_hosts=self.image_hosts, may_be_page=self.may_be_page)
        return self == told and {*map(tags.folded, self.tags)} == {*map(tags.folded, its.tags)}


PLAIN = Details()
"""A post of which nothing is said."""


def of(post: Post) -> Details:
    """Tell what is said about a post."""
    return Details(
        kind=post.kind,
        tags=tuple(tag.name for tag in post.tags),
        slug=post.slug if post.own_slug else "",
        excerpt=post.excerpt_own or "",
        lang=post.lang or "",
        canonical_url=post.canonical_url or "",
        image_url=post.image_url or "",
        image_alt=post.image_alt,
        decorative=bool(post.image_url and not post.image_alt),
        place=str(post.place),
    )


def put(post: Post, details: Details) -> None:
    """Say this about a post, but for its tags and its address, which are looked for among others.

    :param details: as `settled` gives them.
    :raises Invalid: under ``kind``, when it becomes a page of somebody who may make none.
    """
    if details.kind == PAGE != post.kind and not details.may_be_page:
        raise Invalid({"kind": Words("Pages stand in the navigation of the whole site; editors make them.")})
    post.kind, post.own_slug, post.place = details.kind, bool(details.slug), int(details.place)
    post.excerpt_own, post.lang = details.excerpt or None, details.lang or None
    post.canonical_url, post.image_url = details.canonical_url or None, details.image_url or None
    post.image_alt = details.image_alt


def settled(details: Details) -> Details:
    """Normalise what was typed.

    :raises Invalid: under ``kind``, ``tags``, ``slug``, ``excerpt``, ``lang``, ``canonical_url``, ``image_url``,
        ``image_alt`` or ``place``, each with its problem.
    """
    problems: dict[str, str] = {}
    found: dict[str, Any] = {}
    for field, check in _CHECKS.items():
        try:
            found[field] = check(details)
        except Invalid as invalid:
            problems |= {field: next(iter(invalid.problems.values()))}
    if problems:
        raise Invalid(problems)
    return details._replace(**found, decorative=bool(found["image_url"] and not found["image_alt"]))


def _kind(details: Details) -> str:
    if details.kind not in KINDS:
        raise Invalid(Words("Choose what this is."))
    return details.kind


def _slug(details: Details) -> str:
    slug = details.slug.strip().strip("/")
    if not slug:
        return ""
    if slugs.is_slug(slug) and slug not in slugs.RESERVED:
        return slug
    if slug in slugs.RESERVED:
        raise Invalid(Words("“%(slug)s” is kept for the site itself. Choose another one.", slug=slug))
    likely = slugs.latin(line(slug, "address", longest=ADDRESS_LONGEST), longest=slugs.LONGEST)
    has = Words("An address has small letters a to z, digits and single hyphens; at most %(most)s.", most=slugs.LONGEST)
    if slugs.is_slug(likely):
        has = Words(
            "An address has small letters a to z, digits and single hyphens, such as “%(likely)s”; at most %(most)s.",
            likely=likely,
            most=slugs.LONGEST,
        )
    raise Invalid(has)


def _excerpt(details: Details) -> str:
    return line(details.excerpt, "excerpt", longest=EXCERPT_LONGEST) if details.excerpt.strip() else ""


# RFC 5646, section 2.1, without what no text of a blog needs: extensions, private use, grandfathered tags
_LANG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<extended>[a-z]{3}))?(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3})){0,3})",
    re.ASCII | re.IGNORECASE,
)


def _lang(details: Details) -> str:
    """Check that a language tag is well-formed, and write it as RFC 5646, section 2.1.1, recommends."""
    typed = details.lang.strip()
    if not typed:
        return ""
    if not (tag := _LANG.fullmatch(typed)):
        raise Invalid(Words("A language is a short tag such as en, de-AT, zh-Hant or he."))
    parts = [tag["language"].lower(), (tag["extended"] or "").lower(), (tag["script"] or "").title()]
    parts += [(tag["region"] or "").upper(), (tag["variants"] or "").lower().lstrip("-")]
    return "-".join(filter(None, parts))


_IN_AN_ADDRESS = re.compile(r"[!-~]+")  # what a browser copies: everything else is percent-encoded there
_HOST = re.compile(r"(?=[^.]*[a-z0-9])[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE)


def _https(typed: str) -> str:
    """Check that this is an https address of some site, by a name, for everybody."""
    url = typed.strip()
    if not url:
        return ""
    if len(url) > ADDRESS_LONGEST:
        raise Invalid(
            Words(
                "The address has %(size)s characters; at most %(longest)s fit.", size=len(url), longest=ADDRESS_LONGEST
            )
        )
    if not _IN_AN_ADDRESS.fullmatch(url) or set(url) & set("\"'<>\\^`{|}"):
        raise Invalid(Words("Copy the address from a browser: it has no spaces and none but plain letters and signs."))
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (looked at, as it is only judged then)
    except ValueError:
        raise Invalid(Words("This is no address of a page.")) from None
    if parts.scheme != "https" or not _HOST.fullmatch(parts.hostname or ""):
        raise Invalid(Words("The whole address is needed, beginning with https://"))
    if "@" in parts.netloc:
        raise Invalid(Words("An address that everybody may see has no user name in it."))
    return parts._replace(scheme="https", netloc=parts.netloc.lower()).geturl()


def _canonical(details: Details) -> str:
    return _https(details.canonical_url)


_OWN_IMAGE = re.compile(r"/media/[A-Za-z0-9_-]{1,100}\.[a-z0-9]{2,5}")


def _image(details: Details) -> str:
    url = details.image_url.strip()
    if _OWN_IMAGE.fullmatch(url):
        return url
    url = _https(url)
    if url and f"https://{urlsplit(url).netloc}" not in details.image_hosts:
        allowed = " or ".join(details.image_hosts)
        elsewhere = Words("Images come from this site (/media/…) or from %(hosts)s.", hosts=allowed)
        raise Invalid(elsewhere if allowed else Words("Images come from this site (/media/…)."))
    return url


def _alternative(details: Details) -> str:
    if not details.image_url.strip() or details.decorative:
        return ""
    if not details.image_alt.strip():
        raise Invalid(Words("Say what can be seen in the image, or that it is decoration."))
    return line(details.image_alt, "alternative text", longest=ALTERNATIVE_LONGEST)


def _place(details: Details) -> str:
    typed = details.place.strip() or "0"
    if not typed.isascii() or not typed.isdigit() or len(typed) > 9 or int(typed) > LAST_PLACE:
        raise Invalid(Words("The place is a number from 0 to %(last)s.", last=LAST_PLACE))
    return str(int(typed))


def _tags(details: Details) -> tuple[str, ...]:
    return tags.settled(details.tags)


_CHECKS: dict[str, Callable[[Details], Any]] = {
    "kind": _kind,
    "tags": _tags,
    "slug": _slug,
    "excerpt": _excerpt,
    "lang": _lang,
    "canonical_url": _canonical,
    "image_url": _image,
    "image_alt": _alternative,
    "place": _place,
}
