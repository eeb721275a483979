"""Entries: what a file of another site says, as values that a post can be made of; and what was made of nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple
from urllib.parse import unquote

from blog.content import details, matter, old_paths, slugs, tags
from blog.content.details import EXCERPT_LONGEST, POST, Details
from blog.content.importing import addresses, folder, moments
from blog.content.importing.fields import Fields
from blog.content.media.shelf import File, parse
from blog.content.posts import MOST_AHEAD, Times
from blog.content.readers import Audience
from blog.content.text import excerpt, render
from blog.errors import Invalid

AuthorKey = tuple[str, str]  # issuer and id


class NoPost(Invalid):
    """A file that is none of a post, and is not meant to be."""


class Rules(NamedTuple):
    """What the operator says about all files.

    :param zone: of dates that name none.
    :param permalink: how the site made addresses, as Jekyll and Hugo write it; empty when that is not to be kept.
    :param expired_too: publish what the site showed no more.
    :param without_tags: names of tags that are none here.
    :param image_hosts: origins whose images posts may show.
    :param pictures: whether files of the site can become images.
    """

    now: datetime
    zone: tzinfo = UTC
    permalink: str = ""
    expired_too: bool = False
    without_tags: frozenset[str] = frozenset()
    image_hosts: tuple[str, ...] = ()
    pictures: bool = False


class Word(NamedTuple):
    """How a file names one of its authors.

    :param names: words for them, of which a list may know one.
    :param key: issuer and id, in a file of our own.
    :param guest: in a file of our own, a guest's name.
    :param agreed: False where they were only asked.
    """

    names: tuple[str, ...] = ()
    key: AuthorKey | None = None
    guest: str | None = None
    agreed: bool = True


class Entry(NamedTuple):
    """What one file says.

    :param path: of the file, from the folder on.
    :param holder: in a file of our own, whose post it is.
    :param authors: in order.
    :param slug: the address it shall have; that in `about` is empty where a new title may move the post.
    :param date: as it is written there; empty where there is none.
    :param earlier: slugs that it had before, in a file of our own.
    :param old_paths: where it stood on its site.
    :param notes: what was understood in a way of its own, or not at all: a kind, and what.
    :param pictures: names of those that it used where it was, in a file of our own.
    :param image: the feature image, if that is a file of its site: its address there, and what it shows.
    """

    path: str
    title: str
    body_md: str
    about: Details
    slug: str
    times: Times
    date: str = ""
    audience: Audience = Audience()
    holder: AuthorKey | None = None
    authors: tuple[Word, ...] = ()
    takes_comments: bool = True
    earlier: tuple[str, ...] = ()
    old_paths: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    pictures: tuple[str, ...] = ()
    image: tuple[str, str] | None = None


def understand(path: Any, text: str, rules: Rules) -> Entry:
    """Make of a file what a post can be made of.

    :param path: of the file, from the folder on.
    :param text: of the file.
    :raises NoPost: when it is none.
    :raises Invalid: when that cannot be; says why.
    """
    found, body = matter.read(text)
    fields, name = Fields(found), folder.named(path)
    if not found:
        raise NoPost("it has no front matter")
    reading = _Own if _is_ours(found.get("author")) else _Foreign
    return reading(str(path), fields, name, body, rules).entry()


def _is_ours(author: Any) -> bool:
    return isinstance(author, dict) and author.keys() >= {"issuer", "id"}


class _Own:
    """Reads a file that `exchange` wrote, to the letter."""

    def __init__(self, path: str, fields: Fields, name: folder.Named, body: str, rules: Rules) -> None:
        self.path, self.fields, self.name, self.body, self.rules = path, fields, name, body, rules
        self.notes: list[tuple[str, str]] = []
        self.image: tuple[str, str] | None = None

    def entry(self) -> Entry:
        """Give all that the file says."""
        fields, slug = self.fields, self.fields.text("slug")
        if not slugs.is_slug(slug) or slug in slugs.RESERVED:
            raise Invalid(f"“{slug[:80]}” is no slug of a post")
        earlier = tuple(each for each in fields.texts("earlier_slugs") if slugs.is_slug(each))
        aliases = _paths(fields.texts("aliases"))
        return Entry(
            path=self.path,
            title=fields.value("title") or "",
            body_md=self.body,
            about=self._about(slug if fields.says_yes("own_slug") else ""),
            slug=slug,
            times=self._times(),
            date=fields.text("created"),
            audience=Audience(fields.text("visible_to") or "everyone", frozenset(fields.texts("groups"))),
            holder=self._word(fields.value("author")).key,
            authors=tuple(map(self._word, fields.value("authors") or ())),
            takes_comments=not fields.says_no("comments"),
            earlier=earlier,
            old_paths=tuple(path for path in aliases if path not in {f"/{each}" for each in earlier}),
            pictures=tuple(file.name for file in map(_picture, fields.texts("pictures")) if file),
        )

    def _times(self) -> Times:
        date = self._moment("date")
        created = self._moment("created") or date or self.rules.now
        updated = self._moment("updated") or created
        unpublished, trashed = self._moment("unpublished"), self._moment("trashed")
        return Times(created, updated, date if not trashed else None, unpublished, trashed)

    def _moment(self, *names: str) -> datetime | None:
        written = self.fields.text(*names)
        return moments.read(written, self.rules.zone).astimezone(UTC) if written else None

    def _word(self, said: Any) -> Word:
        if isinstance(said, dict) and isinstance(said.get("guest"), str):
            return Word(guest=said["guest"])
        if not _is_ours(said):
            raise Invalid("an author there is neither a person nor a guest")
        return Word(key=(str(said["issuer"]), str(said["id"])), agreed=said.get("agreed") != "false")

    def _about(self, slug: str) -> Details:
        fields, image = self.fields, self.fields.value("image")
        image = image if isinstance(image, dict) else {}
        return Details(
            kind=fields.text("kind") or POST,
            tags=tuple(fields.texts("tags")),
            slug=slug,
            excerpt=fields.text("excerpt"),
            lang=fields.text("lang"),
            canonical_url=fields.text("canonical"),
            image_url=str(image.get("src") or ""),
            image_alt=str(image.get("alt") or ""),
            decorative=not image.get("alt"),
            place=fields.text("weight") or "0",
            image_hosts=self.rules.image_hosts,
            may_be_page=True,
        )


class _Foreign(_Own):
    """Reads a file of Hugo, Jekyll, Eleventy and their like."""

    def entry(self) -> Entry:
        """Give what of the file has a place here, and note what has none."""
        if self.name.slug == folder.SECTION:
            raise NoPost("it is the page of a section")
        date = self._date()
        times = self._times_from(date)
        title, raw, permalink = self._title(), self.fields.text("slug"), self.fields.text("permalink", "url")
        raw = unquote(raw or _last(permalink) or self.name.slug).strip("/ ")
        slug = _slug(raw.rpartition("/")[2], title)
        about = self._about_from(slug if slug != slugs.slug_for(title) else "")
        body = self.body if self.body.strip() else self._instead_of_body(about)
        old = self._old_paths(permalink, raw, slug, date)
        authors = tuple(_foreign_words(self.fields.value("authors"), self.fields.value("author")))
        takes_comments = not self.fields.says_no("comments")
        self.notes += [("markup", each) for each in dict.fromkeys(_markup(body))]
        self.notes += [("field", each) for each in self.fields.left()]
        return Entry(
            path=self.path,
            title=title,
            body_md=body,
            about=about,
            slug=slug,
            times=times,
            date=self.fields.text("date", "pubdate") or self.name.date,
            authors=authors,
            takes_comments=takes_comments,
            old_paths=old,
            notes=tuple(self.notes),
            image=self.image,
        )

    # -- when ----------------------------------------------------------------------------------------------------------

    def _date(self) -> datetime | None:
        written = self.fields.text("date", "pubdate") or self.name.date
        return moments.read(written, self.rules.zone) if written else None

    def _times_from(self, date: datetime | None) -> Times:
        now, fields = self.rules.now, self.fields
        published = self._moment("publishdate", "publish_date") or (date and date.astimezone(UTC))
        created = min(date.astimezone(UTC) if date else now, now)
        updated = self._moment("lastmod", "last_modified_at", "updated", "modified") or created
        expires = self._moment("expirydate", "expiry_date")
        draft = fields.says_yes("draft") or fields.says_no("published") or self.name.draft
        if draft or published is None:
            self.notes += [] if draft else [("without a date, so a draft", "")]
            return Times(created, min(updated, now))
        if published - now > MOST_AHEAD:
            self.notes.append(("due in more than ten years, so a draft", ""))
            return Times(created, min(updated, now))
        if expires and expires <= now and not self.rules.expired_too:
            self.notes.append(("expired, so unpublished", ""))
            return Times(created, min(updated, now), unpublished_at=expires)
        return Times(created, min(updated, now), published)

    # -- what ----------------------------------------------------------------------------------------------------------

    def _title(self) -> str:
        if title := html.unescape(self.fields.text("title")):
            return " ".join(title.split())
        self.notes.append(("without a title, so named by its file", ""))
        return re.sub(r"[-_]+", " ", self.name.slug).strip().capitalize()

    def _about_from(self, slug: str) -> Details:
        """Say what can be said; what does not fit is noted and left out, as it is not worth a post."""
        about = Details(
            tags=self._tags(),
            slug=slug,
            excerpt=self._excerpt(),
            lang=(self.fields.text("lang", "language", "locale") or self.name.lang).replace("_", "-"),
            canonical_url=self.fields.text("canonical", "canonical_url", "canonicalurl"),
            image_hosts=self.rules.image_hosts,
            **self._image(),
        )
        try:
            return details.settled(about)
        except Invalid as invalid:
            wrong: dict[str, Any] = {name: "" for name in invalid.problems if name not in {"slug", "tags"}}
            self.notes += [(_NAMES.get(name, name), str(getattr(about, name))) for name in wrong]
            return about._replace(**wrong, decorative=True)

    def _image(self) -> dict[str, Any]:
        said = next(filter(None, map(self.fields.value, ("image", "cover", "featured_image"))), None)
        alt = self.fields.text("image_alt", "alt")
        if isinstance(said, dict):
            alt = _first(said, "alt") or alt
            said = _first(said, "src", "url", "image", "path")
        url = said if isinstance(said, str) else ""
        if self.rules.pictures and addresses.local(url):
            self.image = url, alt
            return {}
        return {"image_url": url, "image_alt": alt, "decorative": not alt}

    def _tags(self) -> tuple[str, ...]:
        between = r"[,\s]+" if self.name.jekyll else ","
        said = self.fields.texts("tags", "tag", "topics", "categories", "category", between=between)
        names = [name for name in said if name.casefold() not in self.rules.without_tags]
        try:
            return tags.settled(names)
        except Invalid:  # for one of them, or as they are too many: those go that do not fit
            return self._fitting_tags(names)

    def _fitting_tags(self, names: list[str]) -> tuple[str, ...]:
        fit: tuple[str, ...] = ()
        for name in names:
            try:
                fit = tags.settled([*fit, name])
            except Invalid:
                self.notes.append(("tag left out", name))
        return fit

    def _excerpt(self) -> str:
        said = self.fields.text("excerpt", "summary", "description")
        if re.search(r"[<&*_`\[]", said):
            said = excerpt(render(said), EXCERPT_LONGEST)
        said = " ".join(said.split())
        if len(said) > EXCERPT_LONGEST:
            self.notes.append(("excerpt cut", ""))
            said = said[: EXCERPT_LONGEST - 1].rpartition(" ")[0] + "…"
        return said

    def _instead_of_body(self, about: Details) -> str:
        """Say in a post that only points elsewhere where that is."""
        url = self.fields.text("redirectto", "redirect_to", "source_url", "external_url", "link") or about.canonical_url
        link = f"<{url}>" if re.fullmatch(r"https?://[^\s<>]+", url) else ""
        self.notes.append(("without a text, so made of excerpt and link", ""))
        return "\n\n".join(filter(None, (_plain(about.excerpt), link))) or _plain(self._title())

    # -- where ---------------------------------------------------------------------------------------------------------

    def _old_paths(self, permalink: str, raw: str, slug: str, date: datetime | None) -> tuple[str, ...]:
        fields, values = self.fields, self._values(raw, date)
        cleaned = self._values(slug, date)  # some generators write slugs as we do, whatever is in front
        patterns = [_STYLES.get(each, each) for each in (permalink, self.rules.permalink) if each]
        patterns = [each for each in patterns if "{" not in each and not fields.says_no("permalink")]
        written = [_expanded(each, names) for each in patterns for names in (values, cleaned)]
        for address in fields.texts("aliases", "alias", "redirect_from"):
            beside = "" if "/" in address[:1] or "://" in address else values["sections"]
            written.append(f"{beside}/{address}" if beside else address)
        found = _paths(written, lambda lost: self.notes.append(("old address left out", lost)))
        found += _paths([f"/{raw}", *([f"/{self.name.slug}"] if permalink else [])])
        return tuple(path for path in dict.fromkeys(found) if path != f"/{slug}")

    def _values(self, raw: str, date: datetime | None) -> dict[str, str]:
        among = [part for part in self.path.split("/")[:-1] if part not in {"content", "_posts", "_drafts"}]
        names = {"slug": raw, "title": raw, "filename": self.name.slug, "name": self.name.slug, "output_ext": ".html"}
        names |= {"slugorfilename": raw, "contentbasename": self.name.slug, "basename": self.name.slug}
        names |= {"sections": "/".join(["", *among]), "section": among[0] if among else ""}
        names["categories"] = "/".join(map(str.lower, self.fields.texts("categories", "category", between=r"\s+")))
        if date:
            names |= {"year": f"{date:%Y}", "month": f"{date:%m}", "day": f"{date:%d}", "short_year": f"{date:%y}"}
            names |= {"i_month": str(date.month), "i_day": str(date.day), "y_day": f"{date:%j}"}
            names |= {"hour": f"{date:%H}", "minute": f"{date:%M}", "second": f"{date:%S}"}
        return names


_NAMES = {
    "lang": "language left out",
    "canonical_url": "canonical address left out",
    "image_url": "image left out",
    "image_alt": "image description left out",
}
_STYLES = {  # Jekyll's words for its usual ones
    "date": "/:categories/:year/:month/:day/:title.html",
    "pretty": "/:categories/:year/:month/:day/:title/",
    "ordinal": "/:categories/:year/:y_day/:title.html",
    "none": "/:categories/:title.html",
}
_TOKEN = re.compile(r":([a-z_]+)")
_SIGNS = re.compile(r"([\\`*_\[\]<>&])")


def _expanded(pattern: str, values: dict[str, str]) -> str:
    """Put values into a pattern of addresses; one that needs a value there is not makes none."""
    if any(name not in values for name in _TOKEN.findall(pattern) if "://" not in pattern):
        return ""
    return _TOKEN.sub(lambda token: values.get(token[1], token[0]), pattern)


def _paths(written: list[str], lost: Callable[[str], None] = lambda _: None) -> list[str]:
    found = []
    for address in filter(None, written):
        path = None if "?" in address else old_paths.settled(address)
        found += [path] if path else []
        if path is None:
            lost(address)
    return found


def _last(permalink: str) -> str:
    """Give the last part of a permalink that is one, and no pattern for many."""
    if not permalink.startswith("/") or set(permalink) & set("{:"):
        return ""
    return re.sub(r"(?:/index)?\.html?$", "", permalink.rstrip("/")).rpartition("/")[2]


def _slug(raw: str, title: str) -> str:
    slug = raw if slugs.is_slug(raw) else slugs.latin(raw, longest=slugs.LONGEST)
    if slug in slugs.RESERVED:
        return f"{slug}-post"
    return slug or slugs.slug_for(title)


def _picture(path: str) -> File | None:
    return parse(path.rpartition("/")[2])


def _first(said: dict[str, Any], *names: str) -> str:
    return next((said[name] for name in names if isinstance(said.get(name), str)), "")


def _plain(words: str) -> str:
    return _SIGNS.sub(r"\\\1", words)


def _foreign_words(*said: Any) -> Iterator[Word]:
    seen: set[tuple[str, ...]] = set()
    for each in said:
        for one in each if isinstance(each, list) else [each]:
            names = _names(one)
            if names and names not in seen:
                seen.add(names)
                yield Word(names)


def _names(one: Any) -> tuple[str, ...]:
    if isinstance(one, dict):
        found = [_first(one, name) for name in ("id", "slug", "key", "username", "login", "name", "title")]
    else:
        found = [one] if isinstance(one, str) else []
    return tuple(dict.fromkeys(filter(None, (each.strip() for each in found))))


_SHORTCODE = re.compile(r"\{\{([<%])-?\s*([\w./-]*\w)")
_LIQUID_TAG = re.compile(r"(?<!\{)\{%-?\s*(\w+)")
_LIQUID_VALUE = re.compile(r"\{\{-?\s*([\w.]+|[\"'])")


def _markup(body: str) -> Iterator[str]:
    """Name what a generator would have put something else for."""
    if "{{" not in body and "{%" not in body:
        return
    for opening, name in _SHORTCODE.findall(body):
        if not name.startswith(("/", "end")):
            yield f"{{{{{opening} {name} {'>' if opening == '<' else '%'}}}}}"
    yield from (f"{{% {name} %}}" for name in _LIQUID_TAG.findall(body) if not name.startswith("end"))
    yield from ("{{ … }}" if name in "\"'" else f"{{{{ {name} }}}}" for name in _LIQUID_VALUE.findall(body))
