"""The archive: which months there are, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from blog.content import archive, posts
from blog.content.archive import Span
from blog.content.details import PLAIN
from blog.content.readers import ANYBODY, FOR_EVERYONE, PEOPLE, Audience, Reader
from blog.errors import NotFound

LATER = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
ADA = ("https://id.example", "ada")


def write(*at, audience=FOR_EVERYONE, kind="post"):
    about = PLAIN._replace(kind=kind, may_be_page=True)
    now = datetime(*at, tzinfo=UTC)
    return posts.create(ADA, title="Hello", body_md="Words.", now=now, publish=True, audience=audience, about=about)


def months(reader=ANYBODY, zone="UTC", now=LATER):
    return [span.path for span in archive.months(reader, now=now, zone=zone)]


def test_an_empty_blog_has_no_months(database):
    assert months() == []
    write(2026, 1, 1, kind="page")
    assert months() == []


def test_months_are_those_with_something_to_read(database):
    for at in ((2024, 2, 29), (2025, 12, 31, 23, 30), (2026, 1, 1), (2026, 1, 31)):
        write(*at)
    write(2025, 6, 1, audience=Audience(PEOPLE))
    write(2026, 5, 5)
    assert months() == ["2026/01", "2025/12", "2024/02"]
    assert months(zone="Europe/Berlin") == ["2026/01", "2024/02"]
    assert months(Reader(("https://id.example", "rita"))) == ["2026/01", "2025/12", "2025/06", "2024/02"]
    assert months(now=LATER + timedelta(days=1)) == ["2026/05", "2026/01", "2025/12", "2024/02"]


def test_a_century_is_no_trouble(database):
    for year in (1926, 1999, 2026):
        write(year, 5, 1)
    assert months() == ["2026/05", "1999/05", "1926/05"]


def test_a_month_ends_where_the_next_one_begins():
    ends = Span(2026, 10).ends("Europe/Berlin")
    assert ends == (datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC))
    assert Span(2025, 12).ends("UTC")[1] == Span(2026, 1).ends("UTC")[0]
    assert Span(2025).ends("UTC") == (datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "at", [("0001",), ("9999",), ("-100",), ("２０２６",), ("2026", "0"), ("2026", "13"), ("2026\n",)]
)
def test_what_is_no_month_is_refused(at):
    with pytest.raises(NotFound):
        archive.span(*at)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_first_and_last_years_have_ends_everywhere(zone):
    for year in ("0002", "9998"):
        begins, end = archive.span(year).ends(zone)
        assert begins < end
