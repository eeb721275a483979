"""Time zones: what a clock on the wall says is the moment that is meant, on the days too when clocks change."""

from datetime import UTC, datetime

import pytest

from blog.errors import Invalid
from blog.web import zones


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "zone", "meant"),
    [
        ("2026-11-21T14:05", "UTC", at(2026, 11, 21, 14, 5)),
        ("2026-11-21T14:05", "Europe/Berlin", at(2026, 11, 21, 13, 5)),
        ("2026-07-21T14:05", "Europe/Berlin", at(2026, 7, 21, 12, 5)),
        ("2026-11-21 14:05:30", "America/New_York", at(2026, 11, 21, 19, 5, 30)),
        ("2026-11-21T14:05", "Asia/Kathmandu", at(2026, 11, 21, 8, 20)),
        ("2026-10-25T02:30", "Europe/Berlin", at(2026, 10, 25, 0, 30)),  # comes twice: the first one
        ("2026-10-25T03:00", "Europe/Berlin", at(2026, 10, 25, 2, 0)),
        ("2026-03-29T03:00", "Europe/Berlin", at(2026, 3, 29, 1, 0)),
        ("2026-04-05T01:45", "Australia/Lord_Howe", at(2026, 4, 4, 14, 45)),  # half an hour comes twice
        ("", "Europe/Berlin", None),
        ("  ", "UTC", None),
    ],
)
def test_a_time_is_understood_by_the_clocks_of_its_zone(typed, zone, meant):
    assert zones.moment_of(typed, zone) == meant


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("2026-03-29T02:30", "Europe/Berlin"),
        ("2026-03-08T02:00", "America/New_York"),
        ("2011-12-30T12:00", "Pacific/Apia"),  # a day that was left out
    ],
)
def test_a_time_that_clocks_skip_is_refused(typed, zone):
    with pytest.raises(Invalid) as invalid:
        zones.moment_of(typed, zone)
    assert "Clocks go forward" in invalid.value.problems["publish_at"]


@pytest.mark.parametrize(
    "typed",
    [
        "soon",
        "2026-13-01T00:00",
        "2026-02-30T00:00",
        "0000-01-01T00:00",
        "2026-11-21T25:00",
        "2026-11-21T14:05Z",
        "2026-11-21T14:05+01:00",
        "٢٠٢٦-11-21T14:05",
        "2026-11-21T14:05\x00",
        "9" * 5000,
        "275760-09-13T00:00",
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_what_is_no_time_is_told_at_its_field(typed, zone):
    with pytest.raises(Invalid) as invalid:
        zones.moment_of(typed, zone)
    assert set(invalid.value.problems) == {"publish_at"}


@pytest.mark.parametrize("stored", [at(2026, 10, 25, 1, 30), at(2026, 11, 21, 13, 5, 17, 250)])
def test_a_field_that_was_left_as_it_was_means_the_stored_moment(stored):
    typed = zones.typed_at(stored, "Europe/Berlin")
    assert zones.moment_of(typed, "Europe/Berlin", stored=stored) == stored
    assert zones.moment_of(typed, "Europe/Berlin") != stored


def test_a_moment_is_shown_by_the_clocks_of_a_zone():
    assert zones.in_words(at(2026, 11, 21, 13, 5), "Europe/Berlin") == "21 November 2026, 14:05 (Europe/Berlin)"
    assert zones.typed_at(at(2026, 7, 21, 12, 5), "Europe/Berlin") == "2026-07-21T14:05"
    assert zones.typed_at(None, "UTC") == ""


def test_a_time_that_comes_twice_is_known():
    assert zones.comes_twice(at(2026, 10, 25, 0, 30), "Europe/Berlin")
    assert zones.comes_twice(at(2026, 10, 25, 1, 30), "Europe/Berlin")
    assert not zones.comes_twice(at(2026, 10, 25, 2, 30), "Europe/Berlin")
    assert not zones.comes_twice(at(2026, 10, 25, 0, 30), "UTC")


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "America/Argentina/Ushuaia"])
def test_zones_are_offered_by_name(name):
    assert name in zones.names()
    assert zones.known(name) == name


@pytest.mark.parametrize("name", [None, "", "Europe/Nowhere", "../etc/passwd", "/etc/localtime", 7, ["UTC"], "utc\x00"])
def test_what_is_no_zone_is_none(name):
    assert zones.known(name) is None
