"""Tags: of posts, for readers and for editors, on both databases."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from sqlalchemy import event, func, select, update

from blog.content import details, ownership, posts, tags
from blog.content.details import PLAIN
from blog.content.readers import ANYBODY, FOR_EVERYONE, GROUPS, PEOPLE, Audience, Reader
from blog.db import Post, PostTag, Site, Tag, TagName, db, writing
from blog.errors import Conflict, Invalid, NotFound

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ADA, BOB = (("https://id.example", name) for name in ("ada", "bob"))
DESK = frozenset({"Night Desk"})


@pytest.fixture(autouse=True)
def tables(database):
    """Every test here has empty tables."""


def write(title="Hello", *names, now=NOW, publish=True, audience=FOR_EVERYONE, author_key=ADA, **more):
    return posts.create(
        author_key,
        title=title,
        body_md="Words.",
        now=now,
        publish=publish,
        audience=audience,
        own_groups=DESK,
        about=PLAIN._replace(tags=names, may_be_page=True, **more),
    )


def save(post, *names, **more):
    keep = {"title": post.title, "body_md": post.body_md, "version": post.version, "now": LATER}
    return posts.save(post.id, about=PLAIN._replace(tags=names), **(keep | more))


def names_of(post):
    return [tag.name for tag in posts.at_slug(post.slug, now=LATER, reader=Reader(ADA)).tags]


def under(slug, reader=ANYBODY, limit=50):
    found = posts.latest(now=LATER, limit=limit, reader=reader, tag_id=tags.at(slug).id)
    return [post.title for post in found.posts]


def copies_are_in_step():
    for post_id, published_at, visible_to in db.session.execute(
        select(PostTag.post_id, PostTag.published_at, PostTag.visible_to)
    ):
        post = db.session.execute(select(Post.published_at, Post.visible_to).where(Post.id == post_id)).one()
        assert tuple(post) == (published_at, visible_to)
    return db.session.scalar(select(func.count()).select_from(PostTag))


def test_a_post_has_its_tags_by_name_and_each_once():
    post = write("One", " Zebra ", "apple", "APPLE", "Cafe\u0301", "Café")
    assert names_of(post) == ["apple", "Café", "Zebra"]
    assert names_of(write("Two", "ZEBRA")) == ["Zebra"]  # as it was written first
    assert under("zebra") == ["Two", "One"]


def test_tags_are_changed_and_taken_off():
    post = write("One", "a", "b")
    post = save(post, "b", "c")
    assert (names_of(post), post.version) == (["b", "c"], 2)
    assert save(post, "C", "b").version == 2  # nothing changes
    assert names_of(posts.save(post.id, version=2, title="One", body_md="New", now=LATER)) == ["b", "c"]
    post = save(posts.editable("one", now=LATER, reader=Reader(ADA)))
    assert names_of(post) == []


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["x" * 51], "51 characters"),
        ([f"t{number}" for number in range(31)], "31 tags"),
        (["\x00"], "U+0000"),
        (["\ud800"], "U+D800"),
        (["\u200b"], "empty"),
    ],
)
def test_what_cannot_be_a_tag_is_told_at_its_field(names, words):
    with pytest.raises(Invalid) as caught:
        write("One", *names)
    assert words in caught.value.problems["tags"]
    assert db.session.scalar(select(func.count()).select_from(Tag)) == 0


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("C", "c"),
        ("C++", "c"),
        ("日本", "ri-ben"),
        ("👩‍🚀", None),
        ("<b>&amp;", "b-amp"),
        ("admin", "admin"),
        ("ß", "ss"),
    ],
)
def test_a_tag_of_any_name_has_an_address(name, slug):
    write("One", name)
    found = db.session.execute(select(Tag.name, Tag.slug)).one()
    assert found.name == name
    assert found.slug == slug or (slug is None and found.slug.startswith("tag-"))
    assert tags.at(found.slug).name == name


def test_names_that_come_to_the_same_address_have_different_ones():
    write("One", "C", "C++", "C#")
    assert sorted(db.session.scalars(select(Tag.slug))) == ["c", "c-2", "c-3"]
    write("Two", "Rust", "C--", "go", "Go!")
    made = {"C": "c", "C++": "c-2", "C#": "c-3", "Rust": "rust", "C--": "c-4", "go": "go", "Go!": "go-2"}
    assert dict(tuple(row) for row in db.session.execute(select(Tag.name, Tag.slug))) == made
    assert {name: tags.at(slug).name for name, slug in made.items()} == {name: name for name in made}


def test_tags_are_not_made_together_where_somebody_else_has_just_made_one():
    write("One", "Oxide")
    with writing() as session:
        session.execute(update(TagName).values(folded="rust"))
    with writing() as session:
        assert tags._made_together(session, ["Rust", "Zig"]) == {}
    assert list(db.session.scalars(select(Tag.name))) == ["Oxide"]


@pytest.mark.parametrize("slug", ["nothing", "", "\x00", "é", "a" * 500, "C"])
def test_an_address_of_no_tag_is_not_there(slug):
    with pytest.raises(NotFound):
        tags.at(slug)


# -- lists -------------------------------------------------------------------------------------------------------------

AUDIENCES = {"everyone": FOR_EVERYONE, "people": Audience(PEOPLE), "group": Audience(GROUPS, DESK)}
READERS = {
    "stranger": (ANYBODY, {"everyone"}),
    "stranger with groups": (Reader(None, DESK), {"everyone"}),
    "somebody": (Reader(BOB), {"everyone", "people"}),
    "in the group": (Reader(BOB, DESK), {"everyone", "people", "group"}),
    "the author": (Reader(ADA), {"everyone", "people", "group"}),
    "an editor": (Reader(BOB, everything=True), {"everyone", "people", "group"}),
}


@pytest.mark.parametrize("reader", READERS)
def test_under_a_tag_everybody_finds_what_is_for_them(reader):
    for kind, audience in AUDIENCES.items():
        write(kind, "shared", f"only {kind}", audience=audience)
        write(f"{kind} draft", "shared", "drafts", audience=audience, publish=False)
        write(f"{kind} due", "shared", "due", audience=audience, now=LATER + timedelta(seconds=1))
    write("A page", "shared", kind=details.PAGE)
    who, finds = READERS[reader]
    assert set(under("shared", who)) == finds
    for kind in AUDIENCES:
        assert under(f"only-{kind}", who) == ([kind] if kind in finds else [])
    assert under("drafts", who) == under("due", who) == []
    offered = set(tags.offered(who, now=LATER, limit=99))
    assert {name for name in offered if name.startswith("only")} == {f"only {kind}" for kind in finds}
    assert ("drafts" in offered) == ("due" in offered) == (reader in {"the author", "an editor"})


def test_a_long_list_under_a_tag_has_pages_forth_and_back():
    for number in range(7):
        write(f"Number {number}", "t", now=NOW + timedelta(minutes=number // 2))
    tag_id, seen, before = tags.at("t").id, [], None
    while True:
        page = posts.latest(now=LATER, limit=3, tag_id=tag_id, before=before)
        seen += [post.title for post in page.posts]
        if not (before := page.older):
            break
    assert seen == [f"Number {number}" for number in reversed(range(7))]
    back = posts.latest(now=LATER, limit=3, tag_id=tag_id, after=page.newer)
    assert [post.title for post in back.posts] == ["Number 3", "Number 2", "Number 1"]


def test_a_tag_page_comes_by_the_index_of_the_tag(database):
    statements = []
    write("One", "t")
    tag_id = tags.at("t").id
    event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2:4]))
    for reader in (ANYBODY, Reader(BOB)):
        statements.clear()
        posts.latest(now=LATER, limit=20, tag_id=tag_id, reader=reader)
        if db.engine.dialect.name == "sqlite":
            statement, parameters = statements[0]
            raw = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            plan = " ".join(str(row[-1]) for row in raw)
            assert "ix_post_tags_" in plan
            assert "TEMP B-TREE" not in plan


def test_what_lists_sort_by_follows_the_post_whatever_happens_to_it():
    post = write("One", "t", publish=False)
    write("Two", "t")
    assert copies_are_in_step() == 2
    post = save(post, "t", "u", publish=True)
    assert copies_are_in_step() == 3
    post = save(post, "t", "u", audience=Audience(PEOPLE))
    assert copies_are_in_step() == 3
    post = save(post, "t", "u", publish=False)
    assert copies_are_in_step() == 3
    save(post, "t", "u", publish=True)
    with writing() as session:
        ownership.unpublish(session, ADA, now=LATER)
    db.session.expunge_all()
    assert copies_are_in_step() == 3
    assert under("t") == []
    with writing() as session:
        ownership.delete(session, ADA)
    assert copies_are_in_step() == 0


def test_a_form_that_is_sent_twice_publishes_under_the_tag_too():
    one = {"title": "One", "body_md": "x", "now": NOW, "form_id": "f", "about": PLAIN._replace(tags=("t",))}
    posts.create(ADA, publish=False, **one)
    posts.create(ADA, publish=True, **one)
    assert (under("t"), copies_are_in_step()) == (["One"], 1)
    with pytest.raises(Conflict):
        posts.create(ADA, publish=True, **(one | {"about": PLAIN._replace(tags=("u",))}))


# -- editors -----------------------------------------------------------------------------------------------------------


def test_a_tag_that_is_renamed_keeps_leading_from_its_old_address_and_name():
    post = write("One", "Golang")
    before = db.session.scalar(select(Site.version))
    assert tags.rename(tags.at("golang").id, " Go ") == "Go"
    assert db.session.scalar(select(Site.version)) == before + 1
    db.session.expunge_all()
    assert tags.at("golang") == tags.at("go")
    assert names_of(post) == ["Go"]
    write("Two", "GOLANG")
    assert under("go") == ["Two", "One"]
    tags.rename(tags.at("go").id, "golang")
    assert (tags.at("go").slug, tags.at("go").name) == ("golang", "golang")
    assert db.session.scalar(select(func.count()).select_from(TagName)) == 2


def test_a_tag_is_not_renamed_to_another_one():
    write("One", "a", "b")
    for name in ("B", "", "x" * 51, "a,b"):
        with pytest.raises(Invalid) as caught:
            tags.rename(tags.at("a").id, name)
        assert list(caught.value.problems) == ["name"]
    assert tags.rename(tags.at("a").id, "A") == "A"


def test_tags_that_are_merged_are_one_with_all_posts_names_and_addresses():
    write("One", "js", "JavaScript")
    write("Two", "js")
    write("Three", "javascript")
    assert tags.merge(tags.at("js").id, "JAVASCRIPT") == "JavaScript"
    db.session.expunge_all()
    assert tags.at("js") == tags.at("javascript")
    assert under("javascript") == ["Three", "Two", "One"]
    assert copies_are_in_step() == 3
    write("Four", "JS")
    assert names_of(posts.at_slug("four", now=LATER)) == ["JavaScript"]
    tags.rename(tags.at("js").id, "ECMAScript")
    assert tags.at("js") == tags.at("javascript") == tags.at("ecmascript")


@pytest.mark.parametrize("into", ["a", "A", "nothing", "", "\x00"])
def test_a_tag_is_merged_into_another_one_that_is_there(into):
    write("One", "a", "b")
    with pytest.raises(Invalid) as caught:
        tags.merge(tags.at("a").id, into)
    assert list(caught.value.problems) == ["into"]


def test_a_deleted_tag_is_off_all_posts_and_its_addresses_are_free():
    post = write("One", "a", "b")
    tags.delete(tags.at("a").id)
    tags.delete(99)
    db.session.expunge_all()
    assert names_of(post) == ["b"]
    with pytest.raises(NotFound):
        tags.at("a")
    for change in (lambda: tags.rename(99, "x"), lambda: tags.merge(99, "b")):
        with pytest.raises(NotFound):
            change()


def test_editors_see_how_many_posts_have_a_tag_drafts_too():
    write("One", "a", "b")
    write("Two", "b", publish=False)
    assert [(each.name, each.posts) for each in tags.listed(limit=9)] == [("a", 1), ("b", 2)]
    assert [each.name for each in tags.listed(limit=9, after="a")] == ["b"]
    assert [each.name for each in tags.listed(limit=1, after="\x00")] == ["a"]


def test_sameness_is_an_equivalence():
    names = ["İstanbul", "istanbul", "STRASSE", "straße", "ﬁ", "fi", "É", "e\u0301"]
    for one, other in combinations(names, 2):
        assert (tags.folded(one) == tags.folded(other)) == (tags.folded(other) == tags.folded(one))
        assert len(tags.folded("ΐ" * tags.LONGEST)) <= 150
