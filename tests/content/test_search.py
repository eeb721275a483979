"""The search: which posts are found by which words, in which order, and by whom; the same in both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update

from blog import db as db_module
from blog.content import index, ownership, pieces, posts, recalled, rendering, search, tags, trash, words
from blog.content.details import NOTE, PAGE, Details
from blog.content.pieces import Part
from blog.content.readers import Audience, Reader
from blog.db import Post, Searchable, Tag, db, writing
from blog.errors import NotFound

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA, BOB = ("https://id.example", "ada"), ("https://id.example", "bob")
STRANGER, READER = Reader(), Reader(BOB)
EDITOR = Reader(BOB, everything=True)


def write(title="A title", body="A body.", *, by=ADA, ago=1, publish=True, audience="everyone", groups=(), **about):
    """Publish a post some hours ago."""
    return posts.create(
        by,
        title=title,
        body_md=body,
        now=NOW - timedelta(hours=ago),
        publish=publish,
        audience=Audience(audience, frozenset(groups)),
        own_groups=groups,
        about=Details(**about),
    )


def look(typed, *, reader=STRANGER, now=NOW, limit=20, after=None):
    return search.find(search.read(typed), now=now, limit=limit, reader=reader, after=after)


def found(typed, **more):
    """The titles of what is found."""
    return [each.post.title for each in look(typed, **more).results]


# -- by which words ----------------------------------------------------------------------------------------------------


def test_a_post_is_found_by_words_of_title_and_text(database):
    write("Rivers of Europe", "The Danube flows to the **Black** Sea.")
    write("Mountains", "The Alps.")
    assert found("rivers") == found("danube") == found("black sea") == found("rivers danube") == ["Rivers of Europe"]
    assert found("the") == ["Mountains", "Rivers of Europe"]
    assert found("danube alps") == found("nonsense") == []


def test_words_side_by_side_are_found(database):
    write("One", "a wi-fi network", ago=2)
    write("Two", "network of wi and fi")
    assert found("wi-fi") == found('"wi-fi network"') == found("“WI FI") == ["One"]
    assert found("wi fi network") == ["Two", "One"]


def test_words_side_by_side_are_found_however_often_each_of_them_stands_there(database):
    write("One", "river and bridge " * 1500 + "river bridge")
    write("Two", "river and bridge " * 1500)
    assert found('"river bridge"') == ["One"]


def test_a_beginning_is_found(database):
    write("One", "bridges of wi-fire")
    assert found("bridge") == []
    assert found("bridge*") == found("br*") == found("wi-fi*") == ["One"]
    assert found("b*") == found('"bridg"*') == []
    assert search.read("b* c").short == ("b",)


def test_what_is_left_out_is_not_found(database):
    write("One", "river bridge over there", ago=2)
    write("Two", "river", tags=("Ferries",))
    assert found("river -bridge") == ["Two"]
    assert found('river -"bridge over"') == ["Two"]
    assert found('river -"over bridge"') == ["Two", "One"]
    assert found("river -ferries") == found("river -tag:ferries") == ["One"]
    assert found("-bridge") == found("") == found(" - ") == []


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Crème brûlée", "creme BRULEE"),
        ("naive", "naïve"),
        ("STRASSE", "straße"),
        ("ﬁre №5", "fire no5"),
        ("ｆｕｌｌ", "full"),
        ("Ёлка", "елка"),
        ("Ἀθήνα", "αθηνα"),
        ("مُحَمَّد", "محمد"),
        ("हिन्दी", "हिन्दी"),
        ("don’t", "don't"),
        ("snake_case", "case"),
        ("x" * 3000, "x" * 190),
    ],
)
def test_capital_letters_accents_and_width_make_no_difference(database, written, typed):
    write("One", written)
    assert found(typed) == ["One"]


def test_signs_of_scripts_without_spaces_are_found(database):
    write("日本語の記事", "これは検索の試験です。東京都に住んでいますblogと。")
    for typed in ("検索", "京", "東京都", "日本語", "日本語 検索", "ます", "blog", "京都 東京"):
        assert found(typed) == ["日本語の記事"], typed
    assert found("東都") == found("都東京") == found("検索 犬") == []


def test_korean_and_thai_are_found_within_what_stands_together(database):
    write("One", "서울에서 만나요")
    write("Two", "ภาษาไทยง่าย")
    assert found("서울") == ["One"]
    assert found("ไทย") == ["Two"]


def test_marks_of_markdown_and_addresses_of_links_are_no_words(database):
    write(
        "One", "[words](https://hidden.example/path) `code` <!-- secret -->\n\n| cell | two |\n|---|---|\n| a1 | b2 |"
    )
    assert found("hidden") == found("secret") == found("https") == []
    assert found("words code cell") == found('"cell two"') == found("b2") == ["One"]


def test_notes_and_pages_are_found(database):
    write("", "A note about otters.", kind=NOTE, ago=3)
    write("Imprint", "About otters.", kind=PAGE, may_be_page=True, ago=2)
    write("Otters", "Yes.", ago=9)
    assert found("otters") == ["Otters", "Imprint", "A note about otters."]


# -- by tags -----------------------------------------------------------------------------------------------------------


def test_a_post_is_found_by_its_tags(database):
    write("One", "river", tags=("Wild Otters", "Café"))
    write("Two", "river", ago=2)
    assert found("tag:café") == found('tag:"wild otters"') == found("TAG:CAFÉ river") == ["One"]
    assert found("otters") == found("river otters") == found("wild") == found("cafe") == ["One"]
    assert found("tag:otters") == found("tag:none") == found("tag:none river") == []


def tag(name):
    return db.session.scalar(select(Tag.id).where(Tag.name == name))


def test_tags_that_are_renamed_merged_and_deleted_find_what_they_should(database):
    write("One", tags=("Otters",))
    write("Two", tags=("Seals",), ago=2)
    tags.rename(tag("Otters"), "Beavers")
    assert found("beavers") == found("tag:otters") == found("tag:beavers") == ["One"]
    tags.merge(tag("Seals"), "beavers")
    assert found("tag:beavers") == found("tag:seals") == found("seals") == ["One", "Two"]
    tags.delete(tag("Beavers"))
    assert found("tag:beavers") == found("tag:seals") == found("seals") == []
    write("Three", tags=("Seals",))
    assert found("tag:seals") == ["Three"]


# -- in which order ----------------------------------------------------------------------------------------------------


def test_what_has_the_words_in_its_title_comes_first_then_what_is_newest(database):
    write("An old otter", "Words.", ago=50)
    write("New", "An otter.", ago=1)
    write("Newer", "otter " * 50, ago=2)
    write("An otter, too", "x", ago=40)
    assert found("otter") == ["An otter, too", "An old otter", "New", "Newer"]


def test_words_side_by_side_in_a_title_come_first_and_apart_they_do_not(database):
    write("The otter river", "river otter", ago=3)
    write("A river otter", "x", ago=4)
    write("River and otters", "river otter", ago=2)
    write("New", "river otters, river otter", ago=1)
    assert found('"river otter"') == ["A river otter", "New", "River and otters", "The otter river"]
    assert found('"river otter" new') == ["New"]
    assert found('"river ot"') == []
    assert found("river-ot*") == ["A river otter", "New", "River and otters", "The otter river"]
    page = look('"river otter"', limit=1)
    assert look('"river otter"', after=page.more).results[0].post.title == "New"


def test_pages_of_results_follow_each_other_and_leave_nothing_out(database):
    for number in range(7):
        write(f"Otter {number}", "x", ago=10)
        write(f"Post {number}", "otter", ago=10)
    for limit in (1, 3, 7, 20):
        seen, after = [], None
        while True:
            page = look("otter", limit=limit, after=after)
            seen += [each.post.title for each in page.results]
            after = page.more
            if after is None:
                break
        assert sorted(seen[:7]) == [f"Otter {number}" for number in range(7)]
        assert sorted(seen[7:]) == [f"Post {number}" for number in range(7)]


def test_a_place_that_makes_no_sense_is_not_there(database):
    for after in ("", "2-1", "1-", "x", "1-" + "9" * 19, "1-" + "9" * 20, "1-1; DROP"):
        with pytest.raises(NotFound):
            look("x", after=after)


# -- by whom -----------------------------------------------------------------------------------------------------------

NIGHT, DAY = Reader(BOB, frozenset({"Night Desk"})), Reader(BOB, frozenset({"Day Desk", "x"}))
MAY_FIND = {
    STRANGER: {"everyone"},
    READER: {"everyone", "people"},
    NIGHT: {"everyone", "people", "night"},
    DAY: {"everyone", "people", "day"},
    EDITOR: {"everyone", "people", "night", "day"},
    Reader(ADA, frozenset({"Night Desk", "Day Desk"})): {"everyone", "people", "night", "day"},
}


def test_everybody_finds_what_they_may_read_and_nothing_else(database):
    tagged = {"tags": ("Otters",)}
    write("everyone", "otter", **tagged)
    write("people", "otter", audience="people", **tagged)
    write("night", "otter", audience="groups", groups={"Night Desk"}, **tagged)
    write("day", "otter", audience="groups", groups={"Day Desk", "Noon Desk"}, **tagged)
    write("draft", "otter", publish=False, **tagged)
    thrown = write("thrown", "otter", **tagged)
    trash.put(thrown.id, now=NOW)
    for reader, titles in MAY_FIND.items():
        for typed in ("otter", "tag:otters", "ott*", '"otter"', "otters"):
            assert set(found(typed, reader=reader)) == titles, (reader, typed)
        for limit in (1, 2):  # no page tells of what is not for them
            page = look("otter", reader=reader, limit=limit)
            assert len(page.results) == min(limit, len(titles))
            assert (page.more is None) == (len(titles) <= limit)


def test_what_is_not_public_is_not_in_the_index_at_all(database):
    write("draft", "otter", publish=False)
    assert db.session.scalars(select(Searchable.post_id)).all() == []


def test_the_clause_decides_even_if_the_index_says_otherwise(database):
    post = write("Limited", "otter")
    with writing() as session:
        session.execute(update(Post).where(Post.id == post.id).values(visible_to="people"))
    assert found("otter") == []
    assert found("otter", reader=READER) == ["Limited"]


def test_a_scheduled_post_is_found_when_its_time_has_come(database):
    due = NOW + timedelta(hours=1)
    posts.create(ADA, title="Later", body_md="otter", now=NOW, publish=True, at=due)
    for reader in (STRANGER, EDITOR, Reader(ADA)):
        assert found("otter", reader=reader) == found("later", reader=reader) == []
        assert found("otter", reader=reader, now=due) == found("later", reader=reader, now=due) == ["Later"]


# -- in step -----------------------------------------------------------------------------------------------------------


def save(post, title="A title", body="otter", **more):
    version = db.session.scalar(select(Post.version).where(Post.id == post.id))
    posts.save(post.id, version=version, title=title, body_md=body, now=NOW, writer=Reader(ADA), by=ADA, **more)


def test_a_post_is_found_by_what_it_says_now(database):
    post = write("Old title", "otter", tags=("Old",))
    save(post, "New title", "beaver", about=Details(tags=("New",)))
    assert found("otter") == found("old") == []
    assert found("beaver") == found("tag:new") == found("title") == ["New title"]
    save(post, "New title", "beaver", audience=Audience("people"))
    assert found("beaver") == []
    assert found("beaver", reader=READER) == ["New title"]


def test_what_is_published_taken_back_thrown_away_restored_and_removed_is_found_while_it_is_live(database):
    post = write("One", "otter", publish=False)
    save(post, publish=True)
    assert found("otter") == ["A title"]
    posts.turn(post.id, version=2, publish=False, now=NOW)
    assert found("otter") == []
    posts.turn(post.id, version=3, publish=True, now=NOW)
    assert found("otter") == ["A title"]
    trash.put(post.id, now=NOW)
    assert found("otter") == []
    trash.restore(post.id, now=NOW, trash_from=NOW - timedelta(days=1))
    assert found("otter") == []
    save(post, publish=True)
    assert found("otter") == ["A title"]
    posts.delete(post.id)
    assert found("otter") == []
    assert in_the_index("otter") == 0


def test_what_was_learnt_for_an_earlier_search_is_forgotten_when_something_has_changed(database):
    def piece(typed, **more):
        return [shown(each.snippet) for each in look(typed, **more).results]

    assert found("otter") == found("tag:seas") == []
    post = write("One", "An otter.", tags=("Seas",))
    assert piece("otter") == piece("otter") == ["An [otter]."]
    assert found("tag:seas") == found("seas") == ["One"]
    save(post, "Two", "An otter.", about=Details(tags=("Seas",)))
    assert found("otter") == found("tag:seas") == ["Two"]
    save(post, "Two", "No otter, a seal.", about=Details(tags=("Rivers",)), audience=Audience("people"))
    assert found("otter") == found("tag:rivers") == found("seas") == []
    assert piece("otter", reader=READER) == ["No [otter], a seal."]
    assert found("tag:rivers", reader=READER) == ["Two"]
    tags.rename(tag("Rivers"), "Lakes")
    assert found("lakes", reader=READER) == found("tag:lakes", reader=READER) == ["Two"]


def test_no_more_is_recalled_than_has_room(database, monkeypatch):
    monkeypatch.setattr(recalled, "MOST_NAMES", 2)
    monkeypatch.setattr(recalled, "MOST_POSTS", 1)
    monkeypatch.setattr(recalled, "MOST_SNIPPETS", 2)
    write("One", "an otter")
    write("Two", "an otter and a seal", ago=2)
    for _ in range(2):
        for typed, titles in (("otter", ["One", "Two"]), ("seal", ["Two"]), ("an", ["One", "Two"]), ("none", [])):
            assert found(typed) == titles
    kept, _ = recalled.tag_marks(((), search.read("otter").terms))
    assert len(kept.tags) <= 2
    assert len(kept.posts) <= 2
    assert len(kept.snippets) <= 3


def test_a_form_that_is_sent_again_to_publish_lets_its_post_be_found(database):
    for publish in (False, True):
        posts.create(ADA, title="One", body_md="otter", now=NOW, publish=publish, form_id="f1")
    assert found("otter") == ["One"]


def test_what_a_gone_author_leaves_is_found_no_more(database):
    write("One", "otter")
    write("Two", "otter", by=BOB)
    with writing() as session:
        ownership.unpublish(session, ADA, now=NOW)
        ownership.delete(session, BOB)
    assert found("otter", reader=EDITOR) == []
    assert in_the_index("otter") == 0


def test_html_that_is_made_anew_is_looked_through_anew(database):
    post = write("One", "otter")
    with writing() as session:
        session.execute(update(Post).values(html_version=0, body_md="beaver"))
    rendering.renew()
    assert found("otter") == []
    assert found("beaver") == ["One"]
    assert post.id


def test_what_is_missing_in_the_index_comes_into_it_and_what_is_older_is_made_anew(database):
    for number in range(5):
        write(f"Post {number}", "otter", ago=number + 1)
    write("draft", "otter", publish=False)
    with writing() as session:
        session.execute(delete(Searchable).where(Searchable.post_id < 3))
    assert index.renew(at_once=2) == 2
    assert index.renew() == 0
    assert found("otter") == [f"Post {number}" for number in range(5)]


def in_the_index(word):
    """How many rows the database itself finds, whatever becomes of them."""
    if db.engine.dialect.name == "sqlite":
        with writing() as session:
            session.execute(text("INSERT INTO fts_posts(fts_posts, rank) VALUES ('integrity-check', 1)"))
        return db.session.scalar(text("SELECT count(*) FROM fts_posts WHERE fts_posts MATCH :word"), {"word": word})
    return db.session.scalar(
        text("SELECT count(*) FROM searchable WHERE fts_words @@ plainto_tsquery('simple', :word)"), {"word": word}
    )


# -- whatever is typed -------------------------------------------------------------------------------------------------

HOSTILE = [
    *(
        '"',
        '""',
        '"""',
        "*",
        "-",
        "--",
        "-*",
        "tag:",
        'tag:"',
        "-tag:",
        "tag:*",
        "(",
        ")",
        "^a",
        "a:b",
        "title_words : a",
    ),
    *("a AND", "AND", "OR", "NOT", "NEAR(a b)", "a OR OR b", "{a b}", "a + b", "a & | ! b", "a:*B", "<->", "a <2> b"),
    *(
        "'",
        "''",
        "\\",
        "\\'",
        "a'b",
        "%",
        "_",
        "%%%",
        "; DROP TABLE posts",
        "\x00",
        "a\x00b",
        "\ud800",
        "\u202e",
        "§",
        "§e",
    ),
    *(
        "§everyone",
        "🙂",
        "𒀀",
        "\u0301",
        "\u0301" * 300,
        "ﷺ" * 200,
        "İ",
        "ß" * 300,
        "a " * 500,
        "-a " * 50,
        '"a b" ' * 40,
    ),
    *(":phrase00", "{}", "{0}", "%s", "a" * 100_000, "水" * 300, "tag:" + "x" * 300, "\u200d", "a\u200d", "ＡＮＤ＂"),
]


@pytest.mark.parametrize("typed", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_is_typed_is_an_error_or_an_operator(database, typed):
    write("One", "otter", audience="people")
    assert found(typed) == []


@given(typed=st.text(max_size=40) | st.text(alphabet="a_ é1ा्\u200d\u0301क水가", max_size=20))
def test_words_are_the_same_by_the_short_way(typed):
    folded = words.fold(typed).replace("_", " ")
    if words._JOINING.isdisjoint(folded):
        assert words._PLAIN_WORD.findall(folded) == words._WORD.findall(folded)


@given(typed=st.text(max_size=60) | st.text(alphabet='ab*"-: tag()水京', max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_looked_for_in_peace(database, typed):
    if not db.session.scalar(select(Post.id)):
        write("a b", "ab 水京", audience="people", tags=("a",))
    assert found(typed) == []
    assert len(found(typed, reader=READER)) <= 1


@given(typed=st.text(min_size=1, max_size=50))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_text_is_found_by_itself(typed):
    sought = search.read(typed.replace("-", " ").replace('"', " ").replace("*", " ").replace(":", " "))
    words = search.tokens(" ".join(typed.split()))
    assert all(term.found_in(words) for term in sought.terms)


def test_what_is_more_than_a_search_takes_is_left_out_and_that_is_said(database):
    write("One", "otter")
    assert search.read("otter " * 11).cut
    assert search.read("x" * 201).cut
    assert not search.read("otter " * 10).cut
    assert found("otter " * 40) == ["One"]


def test_longer_words_are_offered_where_they_find_something(database):
    write("One", "bridges over rivers")

    def offered(typed, reader=STRANGER):
        return search.longer(search.read(typed), now=NOW, reader=reader)

    assert offered("bridge river") == "bridge* river*"
    assert offered("bridge lake") is offered('"bridge over"') is offered("bridge -x") is offered("") is None


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_search_that_takes_too_long_ends_and_says_so(database, monkeypatch):
    write("One", "otter")
    monkeypatch.setattr(search, "QUICKLY_S", 0)
    monkeypatch.setattr(search, "LONGEST_S", 0)
    monkeypatch.setattr(db_module, "STEPS", 1)
    page = look("otter")
    assert (page.results, page.more, page.cut) == ([], None, True)
    monkeypatch.undo()
    page = look("otter")
    assert (len(page.results), page.cut) == (1, False)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_search_that_takes_longer_finds_the_same(database, monkeypatch):
    for number in range(9):
        write(f"Otter {number}" if number % 2 else "Post", "An otter by the river.", ago=number % 3)
    typed = ("otter", "otter river", '"by the"', "ott*", "otter -river", "-otter", "nothing")
    at_once = [look(each, limit=limit) for each in typed for limit in (3, 20)]
    monkeypatch.setattr(search, "QUICKLY_S", 0)
    monkeypatch.setattr(db_module, "STEPS", 1)
    assert [look(each, limit=limit) for each in typed for limit in (3, 20)] == at_once


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_words_of_most_posts_are_looked_for_side_by_side_in_the_newest(database, monkeypatch):
    monkeypatch.setattr(search, "NEWEST", 4)
    write("Old", "river bridge and otter", ago=20)
    for number in range(6):
        write(f"New {number}", "bridge over river" + " and otter" * (number < 2), ago=number + 1)
    assert (found('"river bridge"'), look('"river bridge"').cut) == ([], True)
    assert (found('"over river"'), look('"over river"').cut) == ([f"New {number}" for number in range(4)], True)
    assert (found('"and otter"'), look('"and otter"').cut) == (["New 0", "New 1", "Old"], False)
    monkeypatch.setattr(search, "NEWEST", 8)
    assert (found('"river bridge"'), look('"river bridge"').cut) == (["Old"], False)


# -- pieces ------------------------------------------------------------------------------------------------------------


def shown(parts):
    return "".join(f"[{part.text}]" if part.found else part.text for part in parts)


def piece_of(plain, typed):
    return shown(pieces.snippet(plain, search.read(typed).terms))


@pytest.mark.parametrize(
    ("plain", "typed", "piece"),
    [
        ("The Danube flows.", "danube", "The [Danube] flows."),
        ("Crème brûlée", "creme", "[Crème] brûlée"),
        ("wi-fi and wi", '"wi fi"', "[wi-fi] and wi"),
        ("bridges", "bri*", "[bridges]"),
        ("東京都に住む", "京都", "東[京都]に住む"),
        ("東京都に住む", "東京都", "[東京都]に住む"),
        ("東京都に住む", "京", "東[京]都に住む"),
        ("<b>otter</b> & co", "otter", "<b>[otter]</b> & co"),
        ("nothing of it", "otter", "nothing of it"),
        ("", "otter", ""),
    ],
)
def test_what_was_looked_for_is_marked(plain, typed, piece):
    assert piece_of(plain, typed) == piece


def test_a_piece_begins_where_most_of_what_was_looked_for_stands_together():
    plain = "otter " + "filler " * 100 + "the otter met a beaver there " + "filler " * 100
    piece = piece_of(plain, "otter beaver")
    assert piece.startswith("… filler")
    assert piece.endswith(" …")
    assert "the [otter] met a [beaver] there" in piece
    assert len(piece) < pieces.LONGEST + 20


@pytest.mark.parametrize("at", [*range(485, 505), *range(1485, 1505), 2500, 19_000])
def test_a_piece_shows_what_stands_anywhere(at):
    plain = "." * at + " Öld otter " + "." * 30_000
    for typed, marked in (("otter", "Öld [otter] "), ("old", "[Öld] otter "), ('"old otter"', "[Öld otter] ")):
        assert marked in piece_of(plain, typed)


@given(text=st.text(max_size=60) | st.text(alphabet="aÄİǅẞΣσςﬁＡ…Ꭰꭰ京", max_size=20))
def test_every_sign_of_a_text_is_folded_where_it_stands(text):
    aligned = words.align(text)
    assert len(aligned) == len(text)
    for sign, other in zip(text, aligned, strict=True):
        assert other == words.fold(sign) or len(words.fold(sign)) != 1


def test_a_piece_of_endless_signs_is_no_longer_than_others():
    assert len(piece_of("x" * 10_000 + "水" * 10_000, "水")) < pieces.LONGEST * 3 + 20
    assert pieces.mark("水水水", [words.Term(("水水",))]) == [Part("水水", True), Part("水")]


def test_what_stands_far_behind_is_found_and_shown_by_its_beginning(database):
    write("One", "beaver " + "filler " * (recalled.FARTHEST // 7) + "otter")
    assert shown(look("otter").results[0].snippet).startswith("beaver filler")
    assert shown(look("otter beaver").results[0].snippet).startswith("[beaver] filler")


def test_a_result_shows_title_and_text_in_parts(database):
    write("An *Otter*", "The <script>alert(1)</script> otter & <b>beaver</b>")
    result = look("otter beaver").results[0]
    assert shown(result.title) == "An *[Otter]*"
    assert shown(result.snippet) == "The [otter] & [beaver]"
