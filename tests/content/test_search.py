"""The search: which posts are found by which words, in which order, and by whom; the same in both databases."""

from datetime import UTC, datetime, timedelta

from blog.content import posts, search
from blog.content.details import Details
from blog.content.readers import Audience, Reader

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA, BOB = ("https://id.example", "ada"), ("https://id.example", "bob")
STRANGER, READER = Reader(), Reader(BOB)
EDITOR = Reader(BOB, everything=True)


def write(title="A title", body="A body.", *, by=ADA, ago=1, publish=True, audience=("everyone",), **about):
    """Publish a post some hours ago."""
    groups = audience[1] if len(audience) > 1 else frozenset()
    return posts.create(
        by,
        title=title,
        body_md=body,
        now=NOW - timedelta(hours=ago),
        publish=publish,
        audience=Audience(audience[0], frozenset(groups)),
        own_groups=groups,
        about=Details(**about),
    )


def found(typed, *, reader=STRANGER, now=NOW, limit=20):
    """The titles of what is found."""
    return [each.post.title for each in search.find(search.read(typed), now=now, limit=limit, reader=reader).results]


def test_a_post_is_found_by_words_of_title_and_text(database):
    write("Rivers of Europe", "The Danube flows to the **Black** Sea.")
    write("Mountains", "The Alps.")
    assert found("rivers") == found("danube") == found("black sea") == found("rivers danube") == ["Rivers of Europe"]
    assert found("the") == ["Mountains", "Rivers of Europe"]
    assert found("danube alps") == found("nonsense") == []


def test_words_side_by_side_are_found(database):
    write("One", "a wi-fi network")
    write("Two", "network of wi and fi")
    assert found("wi-fi") == found('"wi-fi network"') == ["One"]
    assert found("wi fi network") == ["Two", "One"]


def test_a_beginning_is_found(database):
    write("One", "bridges")
    assert found("bridge") == []
    assert found("bridge*") == found("br*") == ["One"]
    assert found('"bridg"*') == []


def test_what_is_left_out_is_not_found(database):
    write("One", "river bridge over there")
    write("Two", "river", tags=("Ferries",))
    assert found("river -bridge") == ["Two"]
    assert found('river -"bridge over"') == ["Two"]
    assert found('river -"over bridge"') == ["Two", "One"]
    assert found("river -ferries") == found("river -tag:ferries") == ["One"]
    assert found("-bridge") == []


def test_signs_of_scripts_without_spaces_are_found(database):
    write("日本語の記事", "これは検索の試験です。東京都に住んでいます。")
    assert found("検索") == found("京") == found("東京都") == found("日本語") == ["日本語の記事"]
    assert found("東都") == found("都東京") == []
