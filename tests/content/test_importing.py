"""Importing: what files of other generators say, and that what goes out comes in again as it was; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from blog.content import authorship, exchange, matter, old_paths, posts, tags, trash
from blog.content.authorship import Naming
from blog.content.details import Details
from blog.content.importing import authors, entries, moments, writing
from blog.content.importing.authors import Whose
from blog.content.importing.entries import NoPost, Rules
from blog.content.readers import ANYBODY, Audience, Reader
from blog.db import Handle, Named, Post, PostAuthor, Slug, db
from blog.errors import Gone, Invalid, Moved, NotFound
from tests.conftest import empty

NOW = datetime(2026, 5, 4, 12, 30, 15, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ISSUER = "https://id.example"
ADA, BOB, EVE = ((ISSUER, name) for name in ("ada", "bob", "eve"))
RULES = Rules(NOW)


def understand(text, path="hello.md", rules=RULES):
    return entries.understand(PurePosixPath(path), text, rules)


def front(*lines, body="Words.\n"):
    return "\n".join(["---", *lines, "---", body])


# -- front matter ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: yes\nslug: 007\ntags: [a, 1.0]\ndraft: true\nnothing:\n---\nBody",
        "\ufeff\n\n---\ntitle: yes\nslug: 007\ntags: [a, 1.0]\ndraft: true\nnothing: ~\n...\nBody",
        '+++\ntitle = "yes"\nslug = "007"\ntags = ["a", 1.0]\ndraft = true\nnothing = []\n+++\nBody',
        '{"title": "yes", "slug": "007", "tags": ["a", 1.0], "draft": true, "nothing": null}\nBody',
        '---json\n{"title": "yes", "slug": "007", "tags": ["a", 1.0], "draft": true}\n---\nBody',
    ],
)
def test_front_matter_is_read_in_three_languages_and_words_stay_words(text):
    found, body = matter.read(text)
    assert body == "Body"
    assert not found.pop("nothing", None)
    assert found == {"title": "yes", "slug": "007", "tags": ["a", "1.0"], "draft": "true"}


def test_dates_in_front_matter_stay_as_they_are_written():
    assert matter.read("---\na: 2014-03-12 9:00:00 -0500\nb: 12:30:15\n---\n")[0] == {
        "a": "2014-03-12 9:00:00 -0500",
        "b": "12:30:15",
    }
    assert matter.read("+++\na = 2014-03-12T09:00:00-05:00\n+++\n")[0] == {"a": "2014-03-12T09:00:00-05:00"}


LAUGHS = "---\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("---\ntitle: a: b\n---\n", "no YAML: .*line 2"),
        ("---\ntitle: [a\n---\n", "no YAML"),
        ("---\n- a\n---\n", "no mapping"),
        ("---\n!!python/object/apply:os.system [ls]\n---\n", "no YAML"),
        ("---\ntitle: a\n", "does not end"),
        ("+++\ntitle = a\n+++\n", "no TOML"),
        ('{"title": }', "no JSON"),
        ("---\na: " + "[" * 40 + "]" * 40 + "\n---\n", "entangled"),
        ("---\na: " + "[" * 30_000 + "\n---\n", "entangled|no YAML"),
        ("---json\n" + '{"a":' * 15_000 + "\n---\n", "entangled"),
        (LAUGHS + "---\n", "entangled"),
        ("---\na: " + "x" * 200_000 + "\n---\n", "characters"),
    ],
)
def test_front_matter_that_cannot_be_read_is_refused_with_a_reason(text, why):
    with pytest.raises(Invalid, match=why):
        matter.read(text)


def test_a_text_that_begins_with_a_rule_of_its_own_has_no_front_matter():
    assert matter.read("Words\n---\nmore") == ({}, "Words\n---\nmore")
    assert matter.read("{{< note >}}") == ({}, "{{< note >}}")


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2014-03-12", datetime(2014, 3, 12, tzinfo=UTC)),
        ("2014-3-2 9:05", datetime(2014, 3, 2, 9, 5, tzinfo=UTC)),
        ("2014-03-12 10:11:00 -0400", datetime(2014, 3, 12, 14, 11, tzinfo=UTC)),
        ("2014-03-12T10:11:00-04:00", datetime(2014, 3, 12, 14, 11, tzinfo=UTC)),
        ("2015-03-17 14:00:00 -4", datetime(2015, 3, 17, 18, tzinfo=UTC)),
        ("2014-03-12T10:11:00.25Z", datetime(2014, 3, 12, 10, 11, 0, 250_000, tzinfo=UTC)),
        ("2014-03-12 10:11:00 UTC", datetime(2014, 3, 12, 10, 11, tzinfo=UTC)),
    ],
)
def test_dates_are_read_however_people_write_them(written, moment):
    assert moments.read(written, UTC) == moment


@pytest.mark.parametrize("written", ["soon", "12 March 2014", "2014-13-01", "2014-02-30", "2014-01-01 25:00", "0001"])
def test_what_is_no_date_is_refused(written):
    with pytest.raises(Invalid):
        moments.read(written, UTC)


def test_a_date_without_a_zone_is_one_of_the_site():
    vienna = Rules(NOW, zone=ZoneInfo("Europe/Vienna"))
    entry = understand(front("title: T", "date: 2020-07-01 00:30"), rules=vienna)
    assert entry.times.published_at == datetime(2020, 6, 30, 22, 30, tzinfo=UTC)


# -- what files say ----------------------------------------------------------------------------------------------------


def test_a_post_of_hugo():
    entry = understand(
        front(
            "title: 'CDC&#8217;s app'",
            "slug: an-app",
            "date: 2015-01-02 09:00:00 -0500",
            "lastmod: 2016-01-01",
            "summary: What it *does*.",
            "topics: [health, mobile]",
            "authors: [ann, bea]",
            "aliases: [/old/app/, older]",
            "weight: 1",
            body='See {{< ref "x.md" >}} and {{% note %}}this{{% /note %}}.',
        ),
        "content/news/2015/01/2015-01-02-app.md",
        RULES._replace(permalink="/:year/:month/:day/:slug/"),
    )
    assert (entry.title, entry.slug, entry.about.tags) == ("CDC’s app", "an-app", ("health", "mobile"))
    assert entry.about.slug == "an-app"  # its title would make another one
    assert entry.times.published_at == datetime(2015, 1, 2, 14, tzinfo=UTC)
    assert entry.times.updated_at == datetime(2016, 1, 1, tzinfo=UTC)
    assert entry.about.excerpt == "What it does."
    assert [word.names for word in entry.authors] == [("ann",), ("bea",)]
    assert set(entry.old_paths) == {"/2015/01/02/an-app", "/old/app", "/news/2015/01/older"}
    assert entry.body_md == 'See {{< ref "x.md" >}} and {{% note %}}this{{% /note %}}.'
    assert entry.notes == (("markup", "{{< ref >}}"), ("markup", "{{% note %}}"), ("field", "weight"))


def test_a_post_of_jekyll():
    text = front(
        "layout: post",
        "title: Hello",
        "categories: News Local",
        "tags: one two",
        "author: Ann Example",
        "redirect_from: /before/",
        "comments: false",
        body='Read [on]({{ "/more/" | url }}). {% image "a.png" %} {% raw %}x{% endraw %} {{ site.baseurl }}',
    )
    entry = understand(text, "_posts/2014-03-04-Hello_World.md", RULES._replace(permalink="date"))
    assert (entry.slug, entry.takes_comments) == ("hello-world", False)
    assert entry.times.published_at == datetime(2014, 3, 4, tzinfo=UTC)
    assert entry.about.tags == ("one", "two", "News", "Local")
    dated = {f"/news/local/2014/03/04/{name}.html" for name in ("Hello_World", "hello-world")}
    assert set(entry.old_paths) == {*dated, "/before", "/Hello_World"}
    marks = [what for kind, what in entry.notes if kind == "markup"]
    assert marks == ["{% image %}", "{% raw %}", "{{ … }}", "{{ site.baseurl }}"]
    assert understand(front("title: T"), "_drafts/idea.md").times.published_at is None


def test_a_post_of_eleventy():
    text = front("title: Hi", "date: 2020-01-01", "tags: [posts, cats]", "permalink: /blog/hi.html")
    entry = understand(text, "posts/hi/index.md", RULES._replace(without_tags=frozenset({"posts"})))
    assert (entry.slug, entry.about.tags, entry.old_paths) == ("hi", ("cats",), ("/blog/hi.html",))
    templated = understand(front("title: Hi", 'permalink: "/{{ page.fileSlug }}/"'), "hey.md")
    assert (templated.slug, templated.old_paths) == ("hey", ())
    assert understand(front("title: Hi", "permalink: false"), "hey.md").old_paths == ()


def test_toml_with_its_own_dates():
    entry = understand('+++\ntitle = "T"\ndate = 2014-03-04T05:06:07Z\ndraft = false\n+++\nWords', "a.en.md")
    assert entry.times.published_at == datetime(2014, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert (entry.slug, entry.about.lang) == ("a", "en")


def test_what_readers_did_not_see_they_do_not_see_here():
    for line in ("draft: true", "published: false"):
        assert understand(front("title: T", "date: 2020-01-01", line)).times.published_at is None
    gone = understand(front("title: T", "date: 2020-01-01", "expiryDate: 2021-01-01"))
    assert (gone.times.published_at, gone.times.unpublished_at) == (None, datetime(2021, 1, 1, tzinfo=UTC))
    shown = understand(
        front("title: T", "date: 2020-01-01", "expirydate: 2021-01-01"), rules=Rules(NOW, expired_too=True)
    )
    assert shown.times.published_at
    scheduled = understand(front("title: T", "date: 2027-01-01"))
    assert scheduled.times.published_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert scheduled.times.created_at == NOW
    assert understand(front("title: T", "date: 9999-01-01")).times.published_at is None
    assert understand(front("title: T")).times.published_at is None


def test_what_has_no_place_here_is_left_out_and_noted():
    entry = understand(
        front(
            "title: T",
            "lang: klingonish",
            "canonical: http://plain.example/",
            "image: /assets/a.png",
            f"tags: [ok, {'x' * 60}]",
            f"summary: {'word ' * 200}",
        )
    )
    about = entry.about
    assert (about.lang, about.canonical_url, about.image_url, about.tags) == ("", "", "", ("ok",))
    assert len(about.excerpt) <= 500
    assert {kind for kind, _ in entry.notes} >= {
        "language left out",
        "canonical address left out",
        "image left out",
        "tag left out",
        "excerpt cut",
    }


def test_a_post_that_only_points_elsewhere_says_where():
    entry = understand(
        front("title: T", "summary: Short <b>words</b> & [more]", "source_url: https://x.example/a", body="")
    )
    assert entry.body_md == "Short words & \\[more\\]\n\n<https://x.example/a>".replace("&", "\\&")


@pytest.mark.parametrize(("path", "text"), [("README.md", "# Read me"), ("a/_index.md", front("title: News"))])
def test_what_is_no_post_is_none(path, text):
    with pytest.raises(NoPost):
        understand(text, path)


@pytest.mark.parametrize("raw", ["login", "a" * 300, "ΑΒΓ", "%F0%9F%91%8B", "../../x", "日本語"])
def test_whatever_a_slug_is_an_address_comes_of_it(raw):
    entry = understand(front("title: Something", f'slug: "{raw}"'))
    about = entry.about._replace(slug=entry.slug)
    written = posts.settle(entry.title, entry.body_md, Audience(), Naming(()), about, takes_comments=True)
    assert written.about.slug == entry.slug


# -- whose -------------------------------------------------------------------------------------------------------------


def key(issuer, author_id):
    return (issuer, author_id)


WHOSE = Whose(judge=key, known={"ann example": ADA, "bea": BOB})


def found(lines, whose=WHOSE):
    return authors.find(understand(front("title: T", *lines)), whose)


def test_authors_are_matched_by_name_in_order():
    both = found(["authors: [Bea, {name: ' Ann  EXAMPLE'}]"])
    assert (both.holder, both.named) == (BOB, (Named(BOB), Named(ADA)))
    assert found(["author: bea"]) == (BOB, (), ())
    assert found(["authors: [bea, BEA]"]).named == ()


def test_who_is_not_known_is_left_out_and_told_unless_somebody_says_more():
    assert found(["authors: [Nobody, bea]"]) == (BOB, (), ("Nobody",))
    with pytest.raises(Invalid, match="Nobody"):
        found(["author: Nobody"])
    assert found(["author: Nobody"], WHOSE._replace(holder=ADA)) == (ADA, (), ("Nobody",))
    assert found([], WHOSE._replace(holder=ADA)).holder == ADA
    ruled = WHOSE._replace(rule=lambda name: (ISSUER, f"old-{name}"))
    assert found(["authors: [x, bea]"], ruled).named == (Named((ISSUER, "old-x")), Named(BOB))
    guests = WHOSE._replace(holder=ADA, guests=True)
    assert found(["authors: [Guest Person]"], guests) == (ADA, (Named(None, guest="Guest Person"),), ())


# -- making posts ------------------------------------------------------------------------------------------------------


@pytest.fixture
def tables(database):
    """Empty tables."""


WITH_EVE = WHOSE._replace(holder=EVE)


def bring_in(root, *, whose=WITH_EVE, rules=RULES, dry_run=False):
    return list(
        writing.bring_in(root, rules=rules, whose=whose, handle_of=lambda who: f"reader-{who[1]}", dry_run=dry_run)
    )


def put(root, files):
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def at(slug, reader=ANYBODY):
    return posts.at_slug(slug, now=LATER, reader=reader)


@pytest.mark.usefixtures("tables")
def test_files_become_posts_once(tmp_path):
    put(
        tmp_path,
        {
            "b.md": front("title: Two", "date: 2020-01-02", "authors: [bea, ann example]", "tags: [X, y]", body="*2*"),
            "a.md": front("title: One", "date: 2020-01-01", "tags: [x]"),
            "c.md": front("title: Three", "draft: true"),
        },
    )
    dry = bring_in(tmp_path, dry_run=True)
    assert not db.session.scalars(select(Post.id)).all()
    made = bring_in(tmp_path)
    assert dry == made
    assert [(each.slug, each.became, each.state) for each in made] == [
        ("a", "made", "live"),
        ("b", "made", "live"),
        ("c", "made", "draft"),
    ]
    two = at("b")
    assert (two.title, two.body_html, two.author_key) == ("Two", "<p><em>2</em></p>\n", BOB)
    assert [each.key for each in two.named] == [BOB, ADA]
    assert [tag.name for tag in two.tags] == ["x", "y"]
    assert posts.latest(now=LATER, limit=9).posts[0].title == "Two"
    assert set(db.session.scalars(select(Handle.handle))) == {"reader-ada", "reader-bob", "reader-eve"}
    again = bring_in(tmp_path)
    assert {each.became for each in again} == {"there"}
    assert len(db.session.scalars(select(Post.id)).all()) == 3


@pytest.mark.usefixtures("tables")
def test_a_bad_file_stops_no_other(tmp_path):
    put(tmp_path, {f"{number:03}.md": front(f"title: Number {number}", "date: 2020-01-01") for number in range(60)})
    (tmp_path / "007.md").write_bytes(b"---\ntitle: \xff\n---\nx")
    (tmp_path / "008.md").write_text("---\ntitle: [\n---\nx")
    (tmp_path / "009.md").write_text(front("title: T", body="x" * 100_001))
    (tmp_path / "010.md").unlink()
    (tmp_path / "010.md").symlink_to("/etc/passwd")
    (tmp_path / "011.md").write_text(front("title: bad \x01 title"))
    (tmp_path / "012.md").write_text("x" * 1_000_001)
    results = bring_in(tmp_path)
    refused = {each.path for each in results if each.became == "refused"}
    assert refused == {f"{number:03}.md" for number in range(7, 13)}
    assert all(each.why for each in results if each.became == "refused")
    assert len(db.session.scalars(select(Post.id)).all()) == 54


@pytest.mark.usefixtures("tables")
def test_what_the_database_refuses_costs_only_itself(tmp_path, monkeypatch):
    put(tmp_path, {f"{number}.md": front(f"title: Number {number}", "date: 2020-01-01") for number in range(4)})
    take_in = posts.take_in

    def sometimes(*args, **more):
        if "Number 2" in {new.written.title for new in args[1]}:
            raise Invalid("not this one")
        return take_in(*args, **more)

    monkeypatch.setattr(posts, "take_in", sometimes)
    results = bring_in(tmp_path)
    assert sorted((each.path, each.became) for each in results) == [
        ("0.md", "made"),
        ("1.md", "made"),
        ("2.md", "refused"),
        ("3.md", "made"),
    ]


@pytest.mark.usefixtures("tables")
def test_a_slug_that_is_taken_gets_a_number_and_the_old_address_leads_there(tmp_path):
    mine = posts.create(ADA, title="Hello", body_md="x", now=NOW, publish=True)
    rules = RULES._replace(permalink="/:year/:slug/")
    put(
        tmp_path,
        {
            "2019/hello.md": front("title: A", "date: 2019-01-01"),
            "2020/hello.md": front("title: B", "date: 2020-01-01"),
        },
    )
    results = bring_in(tmp_path, rules=rules)
    assert [each.slug for each in results] == ["hello-2", "hello-3"]
    assert ("address taken, so another one", "/hello → /hello-2") in results[0].notes
    assert at("hello").id == mine.id
    assert old_paths.leads_to("/2020/hello/", now=LATER, reader=ANYBODY) == "hello-3"


@pytest.mark.usefixtures("tables")
def test_files_that_ask_for_one_address_come_in_with_the_others(tmp_path, monkeypatch):
    same = {f"{number}/hello.md": front(f"title: {number}", "date: 2020-01-01") for number in range(3)}
    put(tmp_path, same | {"9/hello-2.md": front("title: 9", "date: 2020-01-01")})
    take_in, calls = posts.take_in, []
    monkeypatch.setattr(posts, "take_in", lambda *args: calls.append(len(args[1])) or take_in(*args))
    assert [each.slug for each in bring_in(tmp_path)] == ["hello", "hello-3", "hello-4", "hello-2"]
    assert calls == [4]


@pytest.mark.usefixtures("tables")
def test_one_bad_post_among_many_costs_few_transactions(tmp_path, monkeypatch):
    put(tmp_path, {f"{number:02}.md": front(f"title: Number {number}", "date: 2020-01-01") for number in range(48)})
    take_in, calls = posts.take_in, []

    def sometimes(*args):
        calls.append(len(args[1]))
        if "Number 31" in {new.written.title for new in args[1]}:
            raise Invalid("not this one")
        return take_in(*args)

    monkeypatch.setattr(posts, "take_in", sometimes)
    results = bring_in(tmp_path)
    assert [each.path for each in results if each.became == "refused"] == ["31.md"]
    assert [each.path for each in results] == [f"{number:02}.md" for number in range(48)]
    assert len(calls) < 14


@pytest.mark.usefixtures("tables")
def test_authors_get_their_handles_at_once_and_a_handle_that_is_taken_gets_a_number(tmp_path):
    posts.create(ADA, title="Hello", body_md="x", now=NOW, publish=True, handle="reader-bob")
    put(tmp_path, {"a.md": front("title: A", "date: 2020-01-01", "authors: [bea, ann example]")})
    bring_in(tmp_path)
    bring_in(put(tmp_path, {"b.md": front("title: B", "date: 2020-01-01", "author: bea")}))
    assert {row.handle for row in db.session.scalars(select(Handle))} == {"reader-bob", "reader-bob-2"}


@pytest.mark.usefixtures("tables")
def test_the_slugs_of_other_sites_may_be_long(tmp_path):
    put(tmp_path, {f"{'word-' * 39}last.md": front("title: Long", "date: 2020-01-01")})
    (made,) = bring_in(tmp_path)
    assert made.slug == f"{'word-' * 39}last"
    assert at(made.slug).title == "Long"


@pytest.mark.usefixtures("tables")
def test_an_import_that_is_broken_off_goes_on_where_it_was(tmp_path, monkeypatch):
    put(tmp_path, {f"{number:03}.md": front(f"title: Number {number}", "date: 2020-01-01") for number in range(25)})
    monkeypatch.setattr(writing, "AT_ONCE", 10)
    take_in, calls = posts.take_in, []

    def once(*args):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return take_in(*args)

    monkeypatch.setattr(posts, "take_in", once)
    with pytest.raises(KeyboardInterrupt):
        bring_in(tmp_path)
    assert len(db.session.scalars(select(Post.id)).all()) == 10
    assert [each.became for each in bring_in(tmp_path)].count("there") == 10
    assert sorted(db.session.scalars(select(Post.slug))) == [f"{number:03}" for number in range(25)]


@pytest.mark.usefixtures("tables")
def test_what_comes_in_meanwhile_by_another_way_comes_in_once(tmp_path, monkeypatch):
    put(tmp_path, {f"{number}.md": front(f"title: Number {number}", "date: 2020-01-01") for number in range(3)})
    monkeypatch.setattr(writing, "_there", lambda *_: set())  # neither of the two saw what the other did
    bring_in(tmp_path)
    results = bring_in(tmp_path)
    assert {each.became for each in results} == {"refused"}
    assert "IntegrityError" in results[0].why
    assert sorted(db.session.scalars(select(Slug.slug))) == ["0", "1", "2"]


@pytest.mark.usefixtures("tables")
def test_the_same_path_from_two_sites_is_two_posts(tmp_path):
    for site, year in (("one", 2019), ("two", 2020)):
        bring_in(put(tmp_path / site, {"hello.md": front(f"title: {site}", f"date: {year}-01-01")}))
    assert (at("hello").title, at("hello-2").title) == ("one", "two")


@pytest.mark.usefixtures("tables")
def test_what_two_sites_published_on_one_day_under_one_slug_is_two_posts(tmp_path):
    for site in ("one", "two"):
        bring_in(put(tmp_path / site, {f"{site}/hello.md": front("title: Hello", "date: 2020-01-01")}))
    assert (at("hello").title, at("hello-2").title) == ("Hello", "Hello")


@pytest.mark.usefixtures("tables")
def test_names_are_stored_only_where_they_are_guests(tmp_path):
    put(tmp_path, {"a.md": front("title: A", "date: 2020-01-01", "author: Zebedee Unknown")})
    bring_in(tmp_path)
    assert not db.session.scalars(select(PostAuthor.guest)).all()
    put(tmp_path, {"b.md": front("title: B", "date: 2020-01-01", "author: Zebedee Unknown")})
    bring_in(tmp_path, whose=WHOSE._replace(holder=EVE, guests=True))
    assert db.session.scalars(select(PostAuthor.guest)).all() == ["Zebedee Unknown"]
    assert [each.guest for each in at("b").named] == ["Zebedee Unknown"]


# -- out and in again --------------------------------------------------------------------------------------------------


def a_site():
    """Make posts of every kind, in every state."""
    groups = frozenset({"Night Desk"})
    first = posts.create(ADA, title="First words", body_md="*1*\n\n---\n\nend", now=NOW, publish=True)
    posts.save(first.id, version=1, title="Second words", body_md="*2*", now=LATER)
    posts.create(ADA, title="null", body_md="---\ntitle: x\n---", now=NOW, publish=False, takes_comments=False)
    posts.create(
        BOB, title="", body_md="A note.", now=NOW, publish=True, about=Details(kind="note", tags=("Quick", "x: y"))
    )
    page = Details(kind="page", slug="about-us", place="7", may_be_page=True, lang="de-AT", excerpt="Who: we are")
    posts.create(BOB, title="About", body_md="We.", now=NOW, publish=True, about=page)
    told = Details(canonical_url="https://first.example/a", tags=("x: Y",), slug="own-one")
    posts.create(BOB, title="Elsewhere", body_md="x", now=NOW, publish=True, audience=Audience("people"), about=told)
    posts.create(
        BOB, title="Desk", body_md="x", now=NOW, publish=True, audience=Audience("groups", groups), own_groups=groups
    )
    posts.create(ADA, title="Due", body_md="x", now=NOW, publish=True, at=NOW + timedelta(days=30))
    named = posts.create(ADA, title="By several", body_md="x", now=NOW, publish=True)
    naming = Naming((Named(None, guest="Ruth: a guest"), Named(BOB), Named(ADA), Named(EVE)))
    posts.save(named.id, version=1, title="By several", body_md="x", now=LATER, naming=naming)
    authorship.agree(named.id, BOB, now=LATER)
    taken = posts.create(ADA, title="Taken back", body_md="x", now=NOW, publish=True)
    posts.turn(taken.id, version=1, publish=False, now=LATER)
    thrown = posts.create(ADA, title="Thrown", body_md="x", now=NOW, publish=True)
    trash.put(thrown.id, now=LATER)
    with writing.writing() as session:
        old_paths.keep(session, dict.fromkeys(("/2014/03/04/título", "/old"), first.id))


def exported():
    return {file.name: file.content for file in exchange.files()}


@pytest.mark.usefixtures("tables")
def test_what_goes_out_comes_in_as_it_was(tmp_path):
    a_site()
    before = exported()
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)
    assert {each.became for each in bring_in(tmp_path)} == {"there"}
    assert exported() == before
    empty()
    results = bring_in(tmp_path, whose=WHOSE, rules=Rules(NOW + timedelta(days=1)))
    assert [each for each in results if each.became != "made"] == []
    assert len(results) == len(before) == 10
    assert exported() == before
    assert old_paths.leads_to("/2014/03/04/título/", now=LATER, reader=ANYBODY) == "second-words"
    with pytest.raises(Moved, match="second-words"):
        at("first-words")
    for hidden in ("own-one", "desk", "due", "null", "taken-back", "thrown"):
        with pytest.raises(NotFound):
            at(hidden)
    assert at("own-one", Reader(EVE)).title == "Elsewhere"
    assert [each.key for each in at("by-several").named] == [None, BOB, ADA]
    assert {each.state for each in results} == {"live", "draft", "scheduled", "unpublished", "trash"}


# -- old addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/2014/03/04/title.html", "/2014/03/04/title.html"),
        ("/blog/x/", "/blog/x"),
        ("blog//x/index.html", "/blog/x"),
        ("https://old.example/a/b/?q=1#c", "/a/b"),
        ("//evil.example/a", "/a"),
        ("/caf%C3%A9/", "/café"),
        ("/cafe\u0301", "/café"),
        ("/a/../b", "/b"),
        ("/", None),
        ("?p=12", None),
        ("", None),
        ("/a\\b", None),
        ("/%00", None),
        ("/%ff", None),
        ("/" + "x" * 600, None),
        ("http://[", None),
    ],
)
def test_an_old_address_is_written_one_way(address, path):
    assert old_paths.settled(address) == path


@pytest.mark.usefixtures("tables")
def test_only_who_may_read_a_post_is_led_to_it():
    post = posts.create(ADA, title="For people", body_md="x", now=NOW, publish=True, audience=Audience("people"))
    with writing.writing() as session:
        assert old_paths.keep(session, {"/2014/x": post.id}) == {"/2014/x"}
    assert old_paths.leads_to("/2014/x", now=LATER, reader=Reader(BOB)) == "for-people"
    with pytest.raises(NotFound):
        old_paths.leads_to("/2014/x", now=LATER, reader=ANYBODY)


@pytest.mark.usefixtures("tables")
def test_the_first_post_keeps_an_old_path_until_it_is_gone():
    one, two = (posts.create(ADA, title=title, body_md="x", now=NOW, publish=True) for title in ("One", "Two"))
    for post, kept in ((one, {"/a", "/b"}), (two, {"/c"}), (one, {"/a", "/b"})):
        with writing.writing() as session:
            assert (
                old_paths.keep(session, dict.fromkeys("/a /b".split() if post is one else "/a /c".split(), post.id))
                == kept
            )
    posts.delete(one.id)
    with writing.writing() as session:
        assert old_paths.keep(session, {"/a": two.id}) == {"/a"}
    assert old_paths.leads_to("/a", now=LATER, reader=ANYBODY) == "two"


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("visible_to", "publish", "remains"),
    [("everyone", True, True), ("everyone", False, False), ("people", True, False)],
)
def test_of_a_deleted_post_only_what_everybody_knew_remains(visible_to, publish, remains):
    post = posts.create(ADA, title="Gone", body_md="x", now=NOW, publish=publish, audience=Audience(visible_to))
    with writing.writing() as session:
        old_paths.keep(session, {"/2014/gone": post.id})
    trash.put(post.id, now=LATER)
    for path in ("/gone", "/2014/gone"):
        with pytest.raises(NotFound):
            old_paths.leads_to(path, now=LATER, reader=ANYBODY)
    trash.delete(post.id)
    for path in ("/gone", "/2014/gone"):
        with pytest.raises(Gone if remains else NotFound):
            old_paths.leads_to(path, now=LATER, reader=ANYBODY)
    assert len(db.session.scalars(select(Slug.slug)).all()) == remains


def test_tags_come_in_whole_as_real_posts_have_them():
    assert tags.MOST >= 23
