"""What machines read beside feeds: the sitemap, robots.txt, llms.txt, and posts in Markdown."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import xmlschema
import yaml
from sqlalchemy import insert, select, update

from blog.content import old_paths, sitemap
from blog.content import posts as content
from blog.db import Post, PostAuthor, writing
from tests.feed_rules import is_rfc3339, tree
from tests.test_blog import Queries

SCHEMA = xmlschema.XMLSchema(Path(__file__).parent / "sitemap.xsd")
NAMESPACE = f"{{{sitemap.NAMESPACE}}}"
ADA = ("https://idp.example", "ada")


def listed(reader, path="/sitemap.xml"):
    answer = reader.get(path)
    assert answer.status_code == 200, path
    SCHEMA.validate(answer.text)
    return [element.text.removeprefix("http://localhost") for element in tree(answer.data).iter(f"{NAMESPACE}loc")]


# -- the sitemap -------------------------------------------------------------------------------------------------------


def test_the_sitemap_of_an_empty_blog_is_valid(visitor):
    assert listed(visitor) == ["/"]


def test_the_sitemap_lists_what_a_stranger_may_read_whoever_asks(desk, ada, anybody):
    eddy = anybody().log_in("eddy")
    ada.publish("Open", tags="Any")
    ada.publish("Inside", visible_to="people", tags="Any, Within")
    ada.publish("Nightly", visible_to="groups", group="Night Desk", tags="Night")
    ada.draft("Draft", tags="Not yet")
    ada.publish("", "A note", kind="note", slug="a-note")
    eddy.publish("About", kind="page", tags="Only here")
    for reader in (anybody(), ada, eddy):
        assert listed(reader) == ["/", "/tag/any", "/open", "/a-note", "/about"]
    for path in listed(anybody()):
        assert anybody().get(path).status_code == 200


def test_dates_are_those_of_the_last_change(ada, visitor, clock):
    ada.publish("One", tags="Any")
    clock.advance(hours=2)
    changed = clock().isoformat()[:13]  # the hour
    ada.submit("/one/edit", "Save changes", body="Other words")
    found = {
        url.findtext(f"{NAMESPACE}loc"): url.findtext(f"{NAMESPACE}lastmod")
        for url in tree(visitor.get("/sitemap.xml").data)
    }
    assert is_rfc3339(found["http://localhost/one"])
    assert found["http://localhost/one"][:13] >= changed
    assert found["http://localhost/"] is None


def test_a_post_is_in_the_sitemap_from_its_moment_on(ada, visitor, clock):
    with ada.app.app_context():
        now = ada.app.extensions["clock"]()
        content.create(ADA, title="Later", body_md="Words", now=now, publish=True, at=now + timedelta(hours=1))
    assert listed(visitor) == ["/"]
    clock.advance(hours=1, seconds=1)
    assert listed(visitor) == ["/", "/later"]


def test_beyond_so_many_addresses_there_is_an_index_of_parts(ada, visitor, monkeypatch):
    for number in range(6):
        ada.publish(f"Number {number}", tags="Even" if number % 2 == 0 else "Odd")
    whole = listed(visitor)
    assert len(whole) == 9
    for most in (1, 2, 3, 4, 8):
        monkeypatch.setattr(sitemap, "MOST", most)
        visitor.app.extensions["pagecache"].close()  # of this change nobody is told
        parts = listed(visitor)
        assert parts == [f"/sitemap-{number}.xml" for number in range(1, len(parts) + 1)]
        found = [listed(visitor, part) for part in parts]
        assert {len(part) for part in found[:-1]} == {most}
        assert [path for part in found for path in part] == whole
        assert visitor.get(f"/sitemap-{len(parts) + 1}.xml").status_code == 404
    monkeypatch.setattr(sitemap, "MOST", 9)
    visitor.app.extensions["pagecache"].close()
    assert listed(visitor) == whole


@pytest.mark.parametrize("number", ["0", "-1", "x", "1000", "9" * 30])
def test_a_senseless_part_is_not_there(visitor, number):
    assert visitor.get(f"/sitemap-{number}.xml").status_code == 404


def test_fifty_thousand_addresses_fit_into_one_file_and_one_more_does_not(ada, visitor):
    def count(path):
        document = visitor.get(path).data
        assert len(document) < 50 * 1024 * 1024
        return len(tree(document))

    ada.publish("First")
    with ada.app.app_context(), writing() as session:
        first = {column.name: value for column, value in _row(session)}
        rows = [first | {"id": number, "slug": f"post-{number}", "form_id": None} for number in range(2, sitemap.MOST)]
        session.execute(insert(Post.__table__), rows)
    assert count("/sitemap.xml") == 50_000
    ada.publish("Last")
    assert listed(visitor) == ["/sitemap-1.xml", "/sitemap-2.xml"]
    assert [count(path) for path in ("/sitemap-1.xml", "/sitemap-2.xml", "/sitemap.xml")] == [50_000, 1, 2]


def _row(session):
    table = Post.__table__
    return zip(table.columns, session.execute(select(table)).one(), strict=True)


def test_the_sitemap_costs_three_queries(ada, visitor, app):
    for number in range(3):
        ada.publish(f"Number {number}", tags="Open, Night")
    with Queries(app) as queries:
        listed(visitor)
    assert len(queries.said) == 3, queries.said


BROKEN = [
    ("<loc>http://localhost/</loc>", "<loc>/</loc>"),
    ("<lastmod>", "<lastmod>on "),
    ("<url>", "<url><title>x</title>"),
    ("<loc>http://localhost/one</loc>", ""),
    ("sitemaps.org/schemas", "sitemaps.example/schemas"),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_the_schema_would_notice(ada, visitor, broken):
    ada.publish("One")
    text = visitor.get("/sitemap.xml").text
    assert broken[0] in text
    assert not SCHEMA.is_valid(text.replace(*broken))


@pytest.mark.parametrize("path", ["/sitemap.xml", "/llms.txt", "/one.md"])
def test_who_has_it_is_told_that_nothing_changed(ada, visitor, path):
    ada.publish("One")
    first = visitor.get(path)
    assert first.headers["Cache-Control"] == "public, no-cache"
    asks = {"If-None-Match": first.headers["ETag"]}
    assert visitor.get(path, headers=asks).status_code == 304
    assert visitor.get(path, headers={"If-Modified-Since": first.headers["Last-Modified"]}).status_code in {200, 304}
    ada.submit("/one/edit", "Save changes", title="Two", body="Other words")
    assert visitor.get(path.replace("one", "two"), headers=asks).status_code == 200


# -- robots.txt --------------------------------------------------------------------------------------------------------


def may_crawl(rules, path):
    """Judge as RFC 9309, section 2.2, says: the longest rule that matches counts, `*` and `$` mean something."""
    best = ("", "allow")
    for line in rules.splitlines():
        kind, _, pattern = (part.strip() for part in line.partition(":"))
        if kind.lower() not in {"allow", "disallow"} or not pattern:
            continue
        expression = re.escape(pattern.removesuffix("$")).replace(r"\*", ".*") + ("$" if pattern.endswith("$") else "")
        if re.match(expression, path) and len(pattern) > len(best[0]):
            best = (pattern, kind.lower())
    return best[1] == "allow"


def test_robots_txt_names_the_sitemap_and_keeps_crawlers_from_what_is_not_for_them(visitor):
    answer = visitor.get("/robots.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=3600"  # RFC 9309, section 2.4: a day at most
    assert re.findall(r"^Sitemap: (.*)$", answer.text, re.MULTILINE) == ["http://localhost/sitemap.xml"]
    assert answer.text.startswith("User-agent: *\n")
    closed = [
        "/dashboard",
        "/dashboard/write",
        "/login",
        "/login?next=/a",
        "/register",
        "/search",
        "/search?q=a",
        "/oidc/jwks",
    ]
    for path in [*closed, "/logout", "/hooks/authors"]:
        assert not may_crawl(answer.text, path), path
    for path in (
        "/",
        "/a-post",
        "/login-problems",
        "/search-engines",
        "/dashboards",
        "/tag/login",
        "/author/search",
        "/feed.xml",
        "/a-post.md",
        "/editing",
        "/media/x.png",
        "/?before=1-1",
    ):
        assert may_crawl(answer.text, path), path


# -- llms.txt ----------------------------------------------------------------------------------------------------------


def test_llms_txt_lists_posts_and_pages_by_their_markdown(desk, ada, anybody):
    eddy = anybody().log_in("eddy")
    ada.publish("A [link](/x) *and* `code`", "First words <b>& more</b>.")
    ada.publish("", "A note.", kind="note", slug="a-note")
    ada.publish("Inside", visible_to="people")
    eddy.publish("About", kind="page")
    for reader in (anybody(), ada):
        answer = reader.get("/llms.txt")
        assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"
        assert answer.text.splitlines()[0] == "# Byline"
        assert answer.text.splitlines()[2].startswith("> ")
        links = re.findall(r"^- \[(.*)\]\(http://localhost/([^)]*)\)(?:: (.*))?$", answer.text, re.MULTILINE)
        assert links[:3] == [
            ("About", "about.md", ""),
            ("A note.", "a-note.md", "A note."),
            (r"A \[link\](/x) \*and\* \`code\`", "a-link-x-and-code.md", r"First words \& more."),
        ]
        assert [link[1] for link in links[3:]] == ["sitemap.xml", "atom.xml"]
        for _, path, _ in links:
            assert anybody().get(f"/{path}").status_code == 200


def test_llms_txt_says_no_name(ada, visitor):
    ada.publish()
    assert "Lovelace" not in visitor.get("/llms.txt").text


# -- posts in Markdown -------------------------------------------------------------------------------------------------


def matter(answer):
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"
    opening, told, body = answer.text.split("---\n", 2)
    assert opening == ""
    return yaml.safe_load(told), body


def test_a_post_in_markdown_is_what_export_writes_but_for_whose_it_is(ada, visitor):
    ada.publish("A title", "# Head\n\nWords with [links](/x).\n\n---\n\nEnd.", tags="Open", lang="de", excerpt="Own")
    with ada.app.app_context(), writing() as session:
        row = {"position": 0, "guest": "Grace Guest"}
        session.execute(insert(PostAuthor).values(post_id=session.scalar(select(Post.id)), **row))
    told, body = matter(visitor.get("/a-title.md"))
    assert body == "# Head\n\nWords with [links](/x).\n\n---\n\nEnd."
    assert list(told) == ["title", "slug", "date", "updated", "tags", "excerpt", "lang", "url"]
    assert (told["title"], told["tags"], told["url"]) == ("A title", ["Open"], "http://localhost/a-title")
    text = visitor.get("/a-title.md").text
    assert not [word for word in ("Ada", "Grace", "idp.example") if word in text]
    assert visitor.get("/a-title.md").headers["Link"] == '<http://localhost/a-title>; rel="canonical"'


def test_a_note_in_markdown_has_no_title(ada, visitor):
    ada.publish("", "Only *words*.", kind="note", slug="a-note")
    told, body = matter(visitor.get("/a-note.md"))
    assert "title" not in told
    assert (told["kind"], body) == ("note", "Only *words*.")


def test_markdown_is_for_whom_the_page_is(desk, ada, anybody):
    for title, choice in (
        ("Open", {}),
        ("Inside", {"visible_to": "people"}),
        ("Nightly", {"visible_to": "groups", "group": "Night Desk"}),
    ):
        ada.publish(title, **choice)
    ada.draft("Draft")
    for sub in (None, "rita", "nina", "bob", "ada", "eddy"):
        reader = anybody().log_in(sub) if sub else anybody()
        for slug in ("open", "inside", "nightly", "draft", "nothing"):
            page, answer = reader.get(f"/{slug}"), reader.get(f"/{slug}.md")
            assert answer.status_code == page.status_code, (sub, slug)
            assert answer.headers["Cache-Control"] == page.headers["Cache-Control"]
            assert ("ETag" in answer.headers) == (answer.status_code == 200 and not sub)
            assert "Cookie" in answer.headers["Vary"]
            if answer.status_code == 200:
                assert not {"visible_to", "groups", "author"} & matter(answer)[0].keys()


def test_a_page_names_its_markdown(ada, visitor):
    ada.publish("Hello there", lang="de")
    ada.draft("Draft")
    for reader, slug in ((visitor, "hello-there"), (ada, "draft")):
        (link,) = reader.page(f"/{slug}").select('link[rel="alternate"][type="text/markdown"]')
        assert link["href"] == f"/{slug}.md"
        assert reader.get(link["href"]).status_code == 200


def test_an_old_address_leads_to_the_markdown_at_the_new_one(ada, visitor):
    ada.publish("Before")
    ada.submit("/before/edit", "Save changes", title="After")
    moved = visitor.get("/before.md")
    assert (moved.status_code, moved.location) == (301, "/after.md")
    ada.submit("/after/delete", "Delete")
    for path in ("/before.md", "/after.md"):
        assert visitor.get(path).status_code == ada.get(path).status_code == 404


def test_an_address_on_another_site_leads_to_the_page_and_to_its_markdown(ada, visitor):
    ada.publish("Here now")
    with ada.app.app_context(), writing() as session:
        post_id = session.scalar(select(Post.id))
        old_paths.keep(session, {"/there-then": post_id, "/as-file.md": post_id})
    for old, new in (("/there-then", "/here-now"), ("/there-then.md", "/here-now.md"), ("/as-file.md", "/here-now")):
        moved = visitor.get(old)
        assert (moved.status_code, moved.location) == (301, new)


def test_the_markdown_of_a_post_that_is_gone_for_good_is_gone(ada, visitor):
    ada.publish("A title")
    with ada.app.app_context():
        content.delete(content.at_slug("a-title", now=ada.app.extensions["clock"]()).id)
    assert visitor.get("/a-title.md").status_code == visitor.get("/a-title").status_code == 410


@pytest.mark.parametrize(
    "path",
    ["/.md", "/A.md", "/a.b.md", "/%00.md", "/é.md", "/a--b.md", "/dashboard.md", "/robots.md", f"/{'a' * 500}.md"],
)
def test_what_is_no_address_of_a_post_has_no_markdown(ada, visitor, path):
    ada.publish("A")
    assert visitor.get(path).status_code == 404


def test_a_lone_surrogate_or_a_control_breaks_no_list(ada, visitor):
    ada.publish("One")
    with ada.app.app_context(), writing() as session:
        session.execute(update(Post).values(title="\u0001 \ufffe <x>", excerpt_own="\u0008\n# head"))
    assert "\ufffd \ufffd \\<x\\>" in visitor.get("/llms.txt").text
    assert "\n# head" not in visitor.get("/llms.txt").text
    assert visitor.get("/one.md").status_code == 200
