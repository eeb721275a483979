"""When a provider is left alone, and for how long."""

import pytest

from blog.identity.directories.breaker import Breaker, jitter


class Clock:
    """Time that passes when told to."""

    now = 500.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker(clock, spread=lambda share: 1.0)


def pause(breaker, clock):
    """Let time pass until it closes; say how long that took."""
    began_at = clock.now
    while breaker.is_open():
        clock.now += 0.5
    return clock.now - began_at


def fail(breaker, times):
    for _ in range(times):
        breaker.failed()


def test_two_failures_are_forgiven(breaker):
    fail(breaker, 2)
    assert not breaker.is_open()


def test_each_pause_is_longer_up_to_a_minute(breaker, clock):
    fail(breaker, 3)
    pauses = []
    for _ in range(7):
        pauses.append(pause(breaker, clock))
        breaker.failed()
    assert pauses == [2, 4, 8, 16, 32, 60, 60]


def test_one_success_closes_it_and_begins_from_the_start(breaker, clock):
    fail(breaker, 3)
    pause(breaker, clock)
    breaker.failed()
    breaker.succeeded()
    assert not breaker.is_open()
    fail(breaker, 2)
    assert not breaker.is_open()
    breaker.failed()
    assert pause(breaker, clock) == 2


def test_calls_that_fail_together_count_as_one_pause(breaker, clock):
    fail(breaker, 10)
    assert pause(breaker, clock) == 2
    breaker.failed()
    assert pause(breaker, clock) == 4


@pytest.mark.parametrize(("told_s", "kept_s"), [(0.5, 0.5), (30, 30), (300, 300), (86_400, 300), (0, 0)])
def test_it_keeps_to_the_time_it_is_told_within_reason(breaker, clock, told_s, kept_s):
    breaker.failed(told_s)
    assert pause(breaker, clock) == kept_s


def test_a_short_time_told_does_not_shorten_a_pause(breaker, clock):
    fail(breaker, 3)
    breaker.failed(0.5)
    assert pause(breaker, clock) == 2


def test_pauses_are_spread(clock):
    shares = []
    breaker = Breaker(clock, spread=lambda share: shares.append(share) or 1 - share)
    fail(breaker, 3)
    assert pause(breaker, clock) == 1
    assert shares == [0.5]


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_jitter_stays_within_its_share(share):
    factors = [jitter(share) for _ in range(1000)]
    assert 1 - share <= min(factors) < 1 < max(factors) <= 1 + share
