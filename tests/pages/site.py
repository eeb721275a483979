"""A blog on the production server with real posts that were brought in, and posts of every kind written by hand."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, Response

from demo import stage
from demo.children import Children, call
from tests import pictures
from tests.conftest import settings_in
from tests.fake_idp import FakeIdp
from tests.http_idp import Door, serve
from tests.interop.visitor import Visitor
from tests.ports import free_ports
from tests.test_import import SITES, WHOLE, day_of, otherwise_read

EVERYTHING = os.environ.get("BYLINE_PAGES") == "all"
"""Whether all posts of the corpus come in, if it lies beside this repository; ``make pages`` says so."""

PEOPLE = {
    "ada": {"name": "Ada Lovelace", "groups": ["writers", "Night Desk"]},
    "bob": {"name": "Bob Ross", "groups": ["writers"]},
    "rita": {"name": "Rita Reader", "groups": []},
    "eddy": {"name": "Eddy Editor", "groups": ["editors"]},
}
SETTINGS = {
    "ROLES_CLAIM": "groups",
    "ROLE_AUTHOR": "writers",
    "ROLE_EDITOR": "editors",
    "COMMENTS": "first",
    "SITE_DESCRIPTION": "What we learn at work, told to whom it may help.",
    "READERSHIP": "yes",
}
CODE = """Some code:

```python
def greet(name: str) -> str:
    # a comment, which is the faintest of all
    return f"Hello, {name}, {1 + 1} times"  if name else None
```

    indented = True

And `words` among words.

```console
$ make a-line-that-is-longer-than-any-screen-of-a-phone-is-wide ARGS="so that it has to be scrolled sideways"
```
"""
EVERY_ELEMENT = """An opening: *emphasis*, **strong**, ~~struck~~, [a link](/code).[^1] And again.[^1] More.[^two]

## A list

- one
  1. first
  2. second
- [x] done
- [ ] to do

## A table

| left | centred | right |
|:---|:---:|---:|
| a | b | 1 |
| a longer cell that needs room | b | 2 |

> A quotation, with `code`.

<details><summary>More</summary>Hidden words.</details>

<dl><dt>term</dt><dd>what it means</dd></dl>

---

The keys <kbd>Ctrl</kbd>+<kbd>C</kbd>, H<sub>2</sub>O, <abbr title="Hypertext">HT</abbr>.

[^1]: A note.
[^two]: Another, with a [link](https://example.org/).
"""
LONG = "\n\n".join(
    f"## Part {part}\n\n{'Words that fill a page. ' * 60}\n\n### Detail of {part}\n\nShort." for part in range(1, 8)
)


@dataclass(frozen=True, slots=True)
class Site:
    """A running blog.

    :param imported: the slugs of the posts that were brought in and are live.
    :param stood: the paths where these stood before, each with a slug; of two at one path the first one keeps it.
    :param door: where people come to the provider.
    """

    url: str
    imported: list[str]
    stood: dict[str, str]
    door: Door
    browser: Browser

    def visitor(self, sub: str) -> Visitor:
        """Log somebody in, who has a browser without JavaScript."""
        self.door.sub = sub
        return Visitor().open(f"{self.url}/login")

    def page(self, sub: str | None = None, language: str = "en") -> Page:
        """Open a browser, of a stranger or of somebody who is logged in; what is put into its pages may run there."""
        context = self.browser.new_context(base_url=self.url, locale=language, bypass_csp=True, reduced_motion="reduce")
        page = context.new_page()
        page.set_default_timeout(60_000)
        if sub:
            self.door.sub = sub
            page.goto("/login")
        return page


@contextmanager
def running(folder: Path, browser: Browser) -> Iterator[Site]:
    """A blog with posts; ends with this context."""
    with ExitStack() as ends:
        issuer = ends.enter_context(serve(door := Door()))
        door.open(FakeIdp(issuer, people=PEOPLE))
        (port,) = free_ports(1)
        url = f"http://localhost:{port}"
        settings = settings_in(folder) | SETTINGS | {"PUBLIC_URL": url, "OIDC_ISSUER": issuer}
        environ = stage.environ_without_blog() | {f"BLOG_{name}": text for name, text in settings.items()}
        environ |= {"PORT": str(port)}
        stage.prepare_database(environ)
        imported = [each for generator, posts in chosen() for each in bring_in(environ, generator, posts, folder)]
        children = ends.enter_context(Children(folder))
        stage.start_blog(children, environ)
        children.wait_for("blog", f"{url}/")
        site = Site(url, [slug for _, slug in imported], dict(reversed(imported)), door, browser)
        write(site)
        yield site


def chosen() -> list[tuple[str, Path]]:
    """Choose what comes in: the samples, or all there is."""
    whole = [(generator, folder) for generator, folder in SITES if folder.is_relative_to(WHOLE)]
    return whole if EVERYTHING and whole else SITES[:2]


def bring_in(environ: dict[str, str], generator: str, posts: Path, folder: Path) -> list[tuple[str, str]]:
    """Import a folder; tell of each post that is live where it stood before, and its slug, in order."""
    report = folder / f"{generator}.txt"
    command = [*stage.python("flask"), "--app", "blog", "import", "markdown", str(posts), "--report", str(report)]
    command += ["--author-rule", f"{generator}-{{}}", "--author", f"{generator}-nobody", "--expired-too"]
    call("import", [*command, "--permalink", "/:year/:month/:day/:slug/"], environ)
    made = re.findall(r"^(\S.*\.md): made live (\S+)$", report.read_text("utf-8"), re.MULTILINE)
    return [(stood(generator, posts / name), slug) for name, slug in made]


def stood(generator: str, file: Path) -> str:
    """Tell the address that a post had on the site that it comes from."""
    return f"/{day_of(file)}/{otherwise_read(generator, file)['slug']}/"


def write(site: Site) -> None:
    """Write posts of each kind, as their authors would."""
    bob, eddy, rita = site.visitor("bob"), site.visitor("eddy"), site.visitor("rita")
    publish(site, bob, title="Of another", body="Words of Bob.", tags="Night")
    page = site.page("ada")
    ada = Visitor()
    for cookie in page.context.cookies():
        ada.plant(cookie["name"], cookie["value"])
    source = upload(page)
    publish(site, ada, title="Code", body=CODE, tags="Open, Night")
    publish(site, ada, title="Every element", body=EVERY_ELEMENT, lang="en", excerpt="What Markdown has.")
    publish(site, ada, title="Long with contents", body=LONG, tags="Open", canonical_url="https://example.org/long")
    picture = {"body": f"A picture:\n\n![A bridge at night]({source})", "image_url": source, "image_alt": "A bridge"}
    publish(site, ada, title="With a picture", **picture)
    publish(site, ada, title="Two wrote this", body="Words of two.", tags="Open")
    publish(site, ada, title="Auf Deutsch", body="## Eine Überschrift\n\nWorte.", lang="de")
    publish(site, ada, title="مرحبا", body="كلمات في سطر.", lang="ar")
    publish(site, ada, title="", body="A *note* of one line, and [a link](https://example.org).", kind="note")
    publish(site, ada, title="For people", body="Words.", visible_to="people")
    publish(site, eddy, title="About us", body="## Who we are\n\nPeople who write.", kind="page")
    publish(site, ada, "Save draft", title="A draft", body="Words to come.")
    at = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%dT09:30}"
    publish(site, ada, "Schedule", title="Due later", body="Words.", publish_at=at, zone="UTC")
    name_two(page)
    for words in ("A *comment* of one line.", "Another."):
        rita.open(f"{site.url}/code").submit("Comment", comment=words)
    ada.open(f"{site.url}/dashboard/comments").submit("Approve")
    ada.open(f"{site.url}/code/edit").submit("Save changes", body=CODE + "\nOne more line.\n")
    publish(site, ada, title="Gone", body="Words that were read.")
    ada.open(f"{site.url}/gone/edit").submit("Delete").submit("Delete")
    ada.open(f"{site.url}/dashboard?state=trash").submit("Delete for good").submit("Delete for good")
    publish(site, ada, title="In the trash", body="Words.")
    ada.open(f"{site.url}/in-the-trash/edit").submit("Delete").submit("Delete")
    page.context.close()


def publish(site: Site, author: Visitor, button: str = "Publish", **fields: str) -> None:
    """Write a post, and press a button."""
    author.open(f"{site.url}/dashboard/write").submit(button, **fields)
    assert author.status == 200, author.page.select(".problem")
    assert author.page.select_one(".notice a"), author.url


def name_two(page: Page) -> None:
    """Put a guest beside the author of a post."""
    page.goto("/two-wrote-this/edit")
    page.locator("[name=add_guest]").fill("Grace Guest")
    for button in ("Add guest", "Save changes"):
        page.get_by_role("button", name=button, exact=True).click()
        page.wait_for_load_state()


def upload(page: Page) -> str:
    """Upload a picture; give its address."""
    page.goto("/dashboard/media")
    file = {"name": "bridge.png", "mimeType": "image/png", "buffer": pictures.png(1_200, 700)}
    page.locator("input[type=file]").set_input_files([file])  # type: ignore[list-item]
    page.get_by_label("What it shows").fill("A bridge at night")
    page.get_by_role("button", name="Upload").click()
    page.locator(".pictures a").first.click()
    found = re.search(r"/media/\S+?(?=\))", page.get_by_label("To put it into a post").input_value())
    assert found
    return found[0]


def conflict(page: Page) -> Response:
    """Save the same post from two tabs; give what the second is shown."""
    other = page.context.new_page()
    for tab, words in ((other, "From the other tab."), (page, "From here.")):
        tab.goto("/every-element/edit")
        tab.get_by_label("Body", exact=True).fill(words)
    for tab in (other, page):
        with tab.expect_response(lambda answer: answer.request.method == "POST" and "/edit" in answer.url) as sent:
            tab.get_by_role("button", name="Save changes").click()
    other.close()
    page.wait_for_load_state()
    return sent.value
