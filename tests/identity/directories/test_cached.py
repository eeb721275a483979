"""The resolver of bylines: ages, single flight, the page's budget, outages, forks."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from blog.errors import Unreachable
from blog.identity.directories.cached import Cached
from blog.identity.people import Person
from tests.identity.directories.fake_scim import key

MINUTE, HOUR = 60.0, 3600.0
SLACK_S = 0.3


class Provider:
    """A directory with knobs.

    :ivar names: id → name; "gone" for somebody who left; who is not here is not confirmed.
    :ivar down: raised by every call.
    :ivar gate: calls wait for it.
    """

    def __init__(self, **names):
        self.names = names
        self.down = None
        self.gate = threading.Event()
        self.gate.set()
        self.calls = []

    def people(self, keys):
        self.calls.append([who.id for who in keys])
        assert self.gate.wait(10)
        if self.down:
            raise self.down
        return {key(who): self._person(who, name) for who, name in self.names.items()}  # everybody, asked for or not

    @staticmethod
    def _person(who, name):
        return Person(key(who), None, gone=True) if name == "gone" else Person(key(who), name)


class Clock:
    """Time that passes when told to."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now

    def pass_by(self, seconds):
        self.now += seconds


@pytest.fixture
def provider():
    return Provider(amina="Amina Okafor", taro="山田太郎")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cached(provider, clock):
    directory = Cached(provider, clock=clock, spread=lambda share: 1.0)
    yield directory
    provider.gate.set()
    directory.close()


def names(directory, *ids):
    """Ask for these; give id → name, or "gone"."""
    people = directory.people([key(who) for who in ids])
    return {who.id: "gone" if person.gone else person.name for who, person in people.items()}


def eventually(condition):
    """Wait until the background has done its work."""
    ends_at = time.monotonic() + 3
    while not condition():
        assert time.monotonic() < ends_at, "it never happened"
        time.sleep(0.002)


def took(call):
    """How many seconds it took."""
    began_at = time.monotonic()
    call()
    return time.monotonic() - began_at


def test_a_page_asks_once_for_everybody(cached, provider):
    assert names(cached, "amina", "taro", "amina") == {"amina": "Amina Okafor", "taro": "山田太郎"}
    assert provider.calls == [["amina", "taro"]]


def test_nobody_who_was_not_asked_for_is_remembered(cached, provider):
    assert names(cached, "amina") == {"amina": "Amina Okafor"}
    names(cached, "taro")
    assert provider.calls == [["amina"], ["taro"]]


def test_a_page_without_authors_asks_nobody(cached, provider):
    assert names(cached) == {}
    assert provider.calls == []


def test_a_long_list_is_asked_for_in_parts(cached, provider):
    provider.names = {f"u{n}": f"Somebody {n}" for n in range(45)}
    assert names(cached, *provider.names) == provider.names
    assert sorted(map(len, provider.calls)) == [5, 20, 20]


class TestAges:
    """How long a name is believed."""

    def test_a_fresh_name_is_not_asked_for(self, cached, provider, clock):
        names(cached, "amina")
        clock.pass_by(15 * MINUTE - 1)
        assert names(cached, "amina") == {"amina": "Amina Okafor"}
        assert len(provider.calls) == 1

    def test_a_stale_name_is_shown_while_a_new_one_is_fetched(self, cached, provider, clock):
        names(cached, "amina")
        provider.names["amina"] = "Amina Bello"
        provider.gate.clear()
        clock.pass_by(15 * MINUTE)
        assert took(lambda: names(cached, "amina")) < SLACK_S
        assert names(cached, "amina") == {"amina": "Amina Okafor"}
        provider.gate.set()
        eventually(lambda: names(cached, "amina") == {"amina": "Amina Bello"})
        assert len(provider.calls) == 2

    def test_after_an_hour_a_page_waits_for_the_new_name(self, cached, provider, clock):
        names(cached, "amina")
        provider.names["amina"] = "Amina Bello"
        clock.pass_by(HOUR)
        assert names(cached, "amina") == {"amina": "Amina Bello"}

    def test_after_an_hour_a_slow_provider_leaves_the_old_name(self, cached, provider, clock):
        names(cached, "amina")
        provider.gate.clear()
        clock.pass_by(HOUR)
        assert 0.7 < took(lambda: names(cached, "amina")) < 0.8 + SLACK_S
        assert names(cached, "amina") == {"amina": "Amina Okafor"}

    def test_a_name_outlives_an_outage_for_a_day_and_no_longer(self, cached, provider, clock):
        names(cached, "amina")
        provider.down = Unreachable("down")
        clock.pass_by(24 * HOUR - 1)
        assert names(cached, "amina") == {"amina": "Amina Okafor"}
        clock.pass_by(1)
        assert names(cached, "amina") == {}

    def test_a_departed_author_is_asked_for_again_after_five_minutes(self, cached, provider, clock):
        provider.names["amina"] = "gone"
        assert names(cached, "amina") == {"amina": "gone"}
        clock.pass_by(5 * MINUTE - 1)
        assert names(cached, "amina") == {"amina": "gone"}
        assert len(provider.calls) == 1
        provider.names["amina"] = "Amina Okafor"
        clock.pass_by(1)
        assert names(cached, "amina") == {"amina": "Amina Okafor"}

    def test_a_name_goes_when_its_person_does(self, cached, provider, clock):
        names(cached, "amina")
        provider.names["amina"] = "gone"
        clock.pass_by(HOUR)
        assert names(cached, "amina") == {"amina": "gone"}

    def test_an_answer_that_leaves_somebody_out_takes_no_name_away(self, cached, provider, clock):
        names(cached, "amina")
        provider.names.clear()
        clock.pass_by(HOUR)
        assert names(cached, "amina") == {"amina": "Amina Okafor"}

    def test_who_is_left_out_is_asked_for_again_after_five_minutes(self, cached, provider, clock):
        names(cached, "amina")
        provider.names.clear()
        for after_s in (HOUR, 5 * MINUTE - 1):
            clock.pass_by(after_s)
            names(cached, "amina", "stranger")
        assert provider.calls == [["amina"], ["amina", "stranger"]]
        clock.pass_by(1)
        names(cached, "amina", "stranger")
        assert provider.calls[2:] == [["amina", "stranger"]]

    def test_somebody_without_a_name_is_not_asked_for_at_every_page(self, cached, provider):
        provider.names["amina"] = None
        for _ in range(3):
            assert names(cached, "amina") == {"amina": None}
        assert len(provider.calls) == 1

    def test_ages_are_spread(self, provider, clock):
        asked = []
        directory = Cached(provider, clock=clock, spread=lambda share: asked.append(share) or 1 - share)
        names(directory, "amina")
        clock.pass_by(12 * MINUTE - 1)
        names(directory, "amina")
        assert len(provider.calls) == 1
        clock.pass_by(1)
        names(directory, "amina")
        eventually(lambda: len(provider.calls) == 2)
        assert set(asked) == {0.2}
        directory.close()

    def test_people_of_one_page_stay_together(self, provider, clock):
        shares = iter([0.9, 1.1])
        directory = Cached(provider, clock=clock, spread=lambda share: next(shares))
        names(directory, "amina", "taro")
        clock.pass_by(14 * MINUTE)
        names(directory, "amina", "taro")
        eventually(lambda: len(provider.calls) == 2)
        directory.close()
        assert provider.calls == [["amina", "taro"]] * 2


class TestSingleFlight:
    """Many readers, one question."""

    def test_ten_pages_at_once_make_one_call(self, cached, provider):
        provider.gate.clear()
        answers = []
        pages = [threading.Thread(target=lambda: answers.append(names(cached, "amina", "taro"))) for _ in range(10)]
        for page in pages:
            page.start()
        eventually(lambda: provider.calls)
        provider.gate.set()
        for page in pages:
            page.join()
        assert answers == [{"amina": "Amina Okafor", "taro": "山田太郎"}] * 10
        assert provider.calls == [["amina", "taro"]]

    def test_a_page_asks_only_for_those_nobody_asks_for_already(self, cached, provider):
        provider.gate.clear()
        first = threading.Thread(target=names, args=(cached, "amina"))
        first.start()
        eventually(lambda: provider.calls)
        second = threading.Thread(target=names, args=(cached, "amina", "taro"))
        second.start()
        eventually(lambda: len(provider.calls) == 2)
        provider.gate.set()
        first.join()
        second.join()
        assert provider.calls == [["amina"], ["taro"]]

    def test_two_calls_run_side_by_side(self, cached, provider):
        provider.gate.clear()
        pages = [threading.Thread(target=names, args=(cached, who)) for who in ("amina", "taro")]
        for page in pages:
            page.start()
        eventually(lambda: len(provider.calls) == 2)
        provider.gate.set()
        for page in pages:
            page.join()


class TestBudget:
    """How long a page waits."""

    def test_a_page_waits_no_longer_than_its_budget(self, cached, provider):
        provider.gate.clear()
        assert 0.7 < took(lambda: names(cached, *(f"u{n}" for n in range(60)))) < 0.8 + SLACK_S

    def test_a_call_for_which_a_page_has_waited_is_not_waited_for_again(self, cached, provider):
        provider.gate.clear()
        names(cached, "amina")
        assert took(lambda: names(cached, "amina")) < SLACK_S

    def test_a_late_answer_is_there_for_the_next_page(self, cached, provider):
        provider.gate.clear()
        assert names(cached, "amina") == {}
        provider.gate.set()
        eventually(lambda: names(cached, "amina") == {"amina": "Amina Okafor"})
        assert len(provider.calls) == 1

    def test_known_names_are_shown_beside_unknown_ones(self, cached, provider):
        names(cached, "amina")
        provider.gate.clear()
        assert names(cached, "amina", "taro") == {"amina": "Amina Okafor"}

    def test_a_provider_that_is_down_costs_no_time(self, cached, provider):
        provider.down = Unreachable("down")
        for _ in range(5):
            assert took(lambda: names(cached, "amina")) < SLACK_S
        assert len(provider.calls) == 3

    def test_known_names_cost_next_to_nothing(self, cached, provider):
        provider.names = {f"u{n}": f"Somebody {n}" for n in range(20)}
        names(cached, *provider.names)
        keys = [key(who) for who in provider.names]
        assert min(took(lambda: cached.people(keys)) for _ in range(20)) < 0.002


class TestOutages:
    """What happens when the provider does not answer, or not sensibly."""

    def test_after_three_failures_nobody_is_asked_until_the_pause_is_over(self, cached, provider, clock):
        provider.down = Unreachable("down")
        for _ in range(6):
            names(cached, "amina")
        assert len(provider.calls) == 3
        provider.down = None
        clock.pass_by(2)
        assert names(cached, "amina") == {"amina": "Amina Okafor"}

    def test_failures_count_only_in_a_row(self, cached, provider):
        for down in (Unreachable("down"), Unreachable("down"), None, Unreachable("down"), Unreachable("down")):
            provider.down = down
            cached.forget_all()
            names(cached, "amina")
        provider.down = None
        cached.forget_all()
        assert names(cached, "amina") == {"amina": "Amina Okafor"}

    def test_who_says_when_to_come_back_is_left_alone_until_then(self, cached, provider, clock):
        provider.down = Unreachable("busy", retry_after=30)
        names(cached, "amina")
        provider.down = None
        clock.pass_by(29)
        assert names(cached, "amina") == {}
        clock.pass_by(1)
        assert names(cached, "amina") == {"amina": "Amina Okafor"}

    def test_calls_that_wait_for_a_thread_are_dropped_when_the_provider_turns_out_to_be_down(self, cached, provider):
        provider.down = Unreachable("down", retry_after=60)
        provider.gate.clear()
        names(cached, *(f"u{n}" for n in range(200)))
        assert len(provider.calls) == 2
        provider.gate.set()
        eventually(lambda: not cached._flights)
        assert len(provider.calls) == 2

    def test_a_fault_in_an_adapter_costs_names_only(self, cached, provider, clock, caplog):
        provider.down = KeyError("Amina Okafor")
        for _ in range(4):
            assert names(cached, "amina") == {}
        assert len(provider.calls) == 3
        assert "KeyError" in caplog.text
        assert "Amina" not in caplog.text
        provider.down = None
        clock.pass_by(2)
        assert names(cached, "amina") == {"amina": "Amina Okafor"}

    def test_an_outage_is_logged_without_names(self, cached, provider, caplog):
        with caplog.at_level(logging.WARNING):
            provider.down = Unreachable("the SCIM API at id.example did not answer: ConnectionError")
            names(cached, "amina")
        assert [record.message for record in caplog.records] == [f"bylines: {provider.down.what}"]

    @pytest.mark.parametrize(
        ("counts", "believed"), [((4, 3), False), ((4, 2), True), ((20, 11), False), ((20, 10), True), ((3, 3), True)]
    )
    def test_a_mass_exodus_is_an_outage(self, cached, provider, clock, counts, believed):
        known, vanish = counts
        everybody = {f"u{n}": f"Somebody {n}" for n in range(known)}
        provider.names = dict(everybody)
        names(cached, *everybody)
        provider.names |= dict.fromkeys([f"u{n}" for n in range(vanish)], "gone")
        clock.pass_by(HOUR)
        assert names(cached, *everybody) == (provider.names if believed else everybody)

    def test_strangers_may_all_be_gone(self, cached, provider):
        provider.names = {f"u{n}": "gone" for n in range(20)}
        assert names(cached, *provider.names) == provider.names


class TestLearning:
    """Names told at login, and names that are to be forgotten."""

    def test_a_login_tells_a_name(self, cached, provider):
        cached.learn(Person(key("amina"), "Amina from Login", frozenset({"author"})))
        assert cached.people([key("amina")]) == {key("amina"): Person(key("amina"), "Amina from Login")}
        assert provider.calls == []

    def test_a_login_changes_a_name(self, cached):
        names(cached, "amina")
        cached.learn(Person(key("amina"), "Amina Bello"))
        assert names(cached, "amina") == {"amina": "Amina Bello"}

    def test_who_logs_in_is_not_gone(self, cached, provider):
        provider.names["amina"] = "gone"
        names(cached, "amina")
        cached.learn(Person(key("amina"), "Amina Okafor"))
        assert names(cached, "amina") == {"amina": "Amina Okafor"}

    def test_a_login_without_a_name_takes_none_away(self, cached):
        names(cached, "amina")
        cached.learn(Person(key("amina"), None))
        assert names(cached, "amina") == {"amina": "Amina Okafor"}

    def test_an_answer_to_an_older_question_does_not_undo_a_login(self, cached, provider):
        provider.gate.clear()
        names(cached, "amina")
        cached.learn(Person(key("amina"), "Amina Bello"))
        provider.gate.set()
        cached.close()
        assert names(cached, "amina") == {"amina": "Amina Bello"}

    def test_a_forgotten_name_is_asked_for_anew(self, cached, provider):
        names(cached, "amina", "taro")
        cached.forget(key("amina"))
        assert names(cached, "amina", "taro") == {"amina": "Amina Okafor", "taro": "山田太郎"}
        assert provider.calls == [["amina", "taro"], ["amina"]]

    def test_everybody_can_be_forgotten(self, cached, provider):
        names(cached, "amina", "taro")
        cached.forget_all()
        names(cached, "amina", "taro")
        assert len(provider.calls) == 2

    @pytest.mark.parametrize("forget", [lambda it: it.forget(key("amina")), lambda it: it.forget_all()])
    def test_an_answer_to_an_older_question_does_not_bring_a_forgotten_name_back(self, cached, provider, forget):
        provider.gate.clear()
        names(cached, "amina")
        forget(cached)
        provider.gate.set()
        cached.close()
        assert names(cached, "amina") == {}

    def test_a_stranger_can_be_forgotten(self, cached):
        cached.forget(key("stranger"))
        assert names(cached, "stranger") == {}


def test_no_more_than_five_thousand_are_remembered(cached, provider):
    for n in range(5001):
        cached.learn(Person(key(f"u{n}"), "Somebody"))
    assert names(cached, "u0", "u1", "u5000") == {"u1": "Somebody", "u5000": "Somebody"}


class TestEnd:
    """What is left when it is over."""

    def test_no_thread_is_left(self, provider):
        before = threading.active_count()
        directory = Cached(provider)
        names(directory, "amina")
        assert threading.active_count() == before + 2
        directory.close()
        assert threading.active_count() == before

    def test_what_is_known_is_still_told(self, cached, provider):
        names(cached, "amina")
        cached.close()
        assert names(cached, "amina", "taro") == {"amina": "Amina Okafor"}
        assert provider.calls == [["amina"]]

    def test_a_directory_that_was_never_asked_closes_too(self, cached):
        cached.close()
        cached.close()

    def test_closing_does_not_wait_for_a_provider_that_hangs(self, cached, provider):
        provider.gate.clear()
        names(cached, "amina")
        assert took(lambda: cached.close(wait_s=0.1)) < 0.2 + SLACK_S

    def test_a_process_ends_while_its_provider_hangs(self):
        script = """
import time
from blog.identity.directories.cached import Cached
from blog.identity.people import Key

class Hanging:
    def people(self, keys):
        time.sleep(60)

Cached(Hanging(), budget_s=0.05).people([Key("https://id.example", str(n)) for n in range(100)])
"""
        assert subprocess.run([sys.executable, "-c", script], timeout=40, check=False).returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_asks_with_threads_of_its_own(cached, provider):
    names(cached, "amina")
    with cached._lock:  # as if another thread of the parent were at work just then
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # a child that hangs fails
            fine = names(cached, "amina", "taro") == {"amina": "Amina Okafor", "taro": "山田太郎"}
            os._exit(0 if fine and provider.calls[1:] == [["amina", "taro"]] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert names(cached, "amina") == {"amina": "Amina Okafor"}


class Made:
    """Counts what is made of people."""

    def __init__(self):
        self.times = 0

    def __call__(self, people):
        self.times += 1
        return {who.id: person.name for who, person in people.items()}


AMINA, TARO = key("amina"), key("taro")


@pytest.fixture
def made():
    return Made()


def test_what_is_made_of_people_is_made_once(cached, provider, clock, made):
    first, lasting = cached.told(frozenset({AMINA, TARO}), made)
    clock.pass_by(MINUTE)
    again, later = cached.told(frozenset({AMINA, TARO}), made)
    assert first == {"amina": "Amina Okafor", "taro": "山田太郎"}
    assert again is first
    assert made.times == 1
    assert (lasting.fresh_s, lasting.known_s) == (15 * MINUTE, 24 * HOUR)
    assert (later.fresh_s, later.known_s) == (14 * MINUTE, 24 * HOUR - MINUTE)


def test_what_was_made_of_people_is_made_anew_when_their_names_are_stale(cached, provider, clock, made):
    cached.told(frozenset({AMINA}), made)
    provider.names["amina"] = "Amina Sow"
    clock.pass_by(15 * MINUTE)
    stale, lasting = cached.told(frozenset({AMINA}), made)
    assert stale == {"amina": "Amina Okafor"}
    assert lasting.fresh_s <= 0
    eventually(lambda: cached.told(frozenset({AMINA}), made)[0] == {"amina": "Amina Sow"})


@pytest.mark.parametrize(
    "change",
    [
        lambda cached: cached.forget(AMINA),
        lambda cached: cached.forget_all(),
        lambda cached: cached.drop({AMINA}),
        lambda cached: cached.learn(Person(AMINA, "Amina Sow")),
    ],
)
def test_what_was_made_of_people_is_kept_no_longer_than_their_names(cached, provider, change, made):
    cached.told(frozenset({AMINA, TARO}), made)
    provider.names["amina"] = "Amina Sow"
    change(cached)
    assert "Amina Okafor" not in repr(cached._told)
    assert cached.told(frozenset({AMINA, TARO}), made)[0]["amina"] == "Amina Sow"


def test_what_was_made_while_somebody_was_forgotten_is_not_kept(cached, made):
    def meanwhile(people):
        cached.forget(AMINA)
        return made(people)

    assert cached.told(frozenset({AMINA}), meanwhile)[0] == {"amina": "Amina Okafor"}
    assert not cached._told


def test_who_is_not_known_is_asked_for_again(cached, provider, clock, made):
    provider.down = Unreachable("away")
    assert cached.told(frozenset({AMINA}), made)[0] == {}
    provider.down = None
    clock.pass_by(MINUTE)
    eventually(lambda: cached.told(frozenset({AMINA}), made)[0] == {"amina": "Amina Okafor"})
