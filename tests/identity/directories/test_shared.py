"""The memory that processes share: a real Redis, and one `Cached` in the place of each process."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from functools import partial

import pytest

from blog.config import BadSetting
from blog.errors import Unreachable
from blog.identity.directories.cached import Cached
from blog.identity.directories.claims import Claims
from blog.identity.directories.shared import GENERATION, Shared
from blog.identity.people import Person
from blog.identity.sealing import Seal
from tests.identity.directories.fake_scim import ISSUER, URL, FakeScim, key, user
from tests.identity.directories.test_cached import HOUR, MINUTE, SLACK_S, Clock, Provider, eventually, names, took
from tests.identity.directories.test_directories import opened

SEAL = Seal("a key that only the tests use, long enough")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def provider():
    return Provider(amina="Amina Okafor", taro="山田太郎")


@pytest.fixture
def process(redis_server, provider, clock):
    """Makes processes that share a memory and ask one provider."""
    with ExitStack() as end:

        def start(directory=provider, seal=SEAL, spread=lambda share: 1.0):
            share = partial(Shared, redis_server.url, seal, now=clock)
            cached = Cached(directory, share=share, clock=clock, spread=spread)
            end.callback(cached.close)
            return cached

        yield start
        provider.gate.set()


@pytest.fixture
def settled(redis_server):
    """Waits until so many people stand in Redis."""
    return lambda count: eventually(lambda: len(places(redis_server)) == count)


def places(server):
    """The keys in Redis under which people stand."""
    return [place for place in server.client.scan_iter() if place != GENERATION.encode()]


class TestSharing:
    """What one process learns, the others know."""

    def test_another_process_asks_the_provider_nothing(self, process, provider, settled):
        names(process(), "amina", "taro")
        settled(2)
        assert names(process(), "amina", "taro") == {"amina": "Amina Okafor", "taro": "山田太郎"}
        assert provider.calls == [["amina", "taro"]]

    def test_only_those_whom_no_process_knows_are_asked_for(self, process, provider, settled):
        names(process(), "amina")
        settled(1)
        assert names(process(), "amina", "taro") == {"amina": "Amina Okafor", "taro": "山田太郎"}
        assert provider.calls == [["amina"], ["taro"]]

    def test_a_name_told_at_a_login_is_known_everywhere(self, process, settled):
        process(Claims()).learn(Person(key("amina"), "Amina Okafor", frozenset({"author"})))
        settled(1)
        other = process(Claims())
        assert other.people([key("amina")]) == {key("amina"): Person(key("amina"), "Amina Okafor")}

    def test_a_new_name_spreads_when_the_old_one_is_stale(self, process, provider, settled, clock, redis_server):
        here, there = process(), process()
        names(there, "amina")
        settled(1)
        clock.pass_by(10 * MINUTE)
        (place,) = places(redis_server)
        outdated = redis_server.client.get(place)
        here.learn(Person(key("amina"), "Amina Bello"))
        eventually(lambda: redis_server.client.get(place) != outdated)
        clock.pass_by(5 * MINUTE)
        eventually(lambda: names(there, "amina") == {"amina": "Amina Bello"})
        assert provider.calls == [["amina"]]

    def test_an_older_name_does_not_replace_a_newer_one(self, process, provider, clock, redis_server, settled):
        here = process()
        process().learn(Person(key("amina"), "Amina Bello"))
        settled(1)
        (place,) = places(redis_server)
        outdated = redis_server.client.get(place)
        clock.pass_by(1)
        here.learn(Person(key("amina"), "Amina Okafor"))
        eventually(lambda: redis_server.client.get(place) != outdated)
        redis_server.client.set(place, outdated)
        provider.down = Unreachable("down")
        clock.pass_by(HOUR)
        assert names(here, "amina") == {"amina": "Amina Okafor"}

    def test_who_has_no_name_is_shared_too(self, process, provider, settled):
        provider.names["amina"] = None
        names(process(), "amina")
        settled(1)
        assert names(process(), "amina") == {"amina": None}
        assert len(provider.calls) == 1

    def test_who_is_gone_is_gone_everywhere(self, process, provider, settled):
        provider.names["amina"] = "gone"
        names(process(), "amina")
        settled(1)
        assert names(process(), "amina") == {"amina": "gone"}
        assert len(provider.calls) == 1

    def test_who_was_not_confirmed_is_not_shared(self, process, provider, redis_server, settled):
        names(process(), "amina", "stranger")
        settled(1)
        names(process(), "stranger")
        assert provider.calls == [["amina", "stranger"], ["stranger"]]

    def test_a_mass_exodus_is_not_believed_of_redis_either(self, process, provider, settled, clock, redis_server):
        provider.names = {f"u{n}": f"Somebody {n}" for n in range(4)}
        here = process()
        names(here, *provider.names)
        settled(4)
        everybody = dict(provider.names)
        clock.pass_by(HOUR)
        redis_server.client.flushall()
        provider.names = dict.fromkeys(everybody, "gone")
        assert names(process(), *everybody) == provider.names  # to a process that knew nobody
        settled(4)
        assert names(here, *everybody) == everybody

    def test_blogs_with_other_secrets_share_nothing(self, process, provider, settled):
        names(process(), "amina")
        settled(1)
        names(process(seal=Seal("another key, of another blog at this Redis")), "amina")
        assert len(provider.calls) == 2

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    def test_a_forked_process_has_a_way_of_its_own(self, process, provider, settled, redis_server):
        parent = process()
        names(parent, "amina")
        settled(1)
        with parent._shared._lock:  # as if another thread of the parent were at work just then
            child = os.fork()
            if child == 0:
                signal.alarm(10)  # a child that hangs fails
                names(parent, "amina", "taro")
                settled(2)
                os._exit(0 if provider.calls[1:] == [["taro"]] else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert names(parent, "taro") == {"taro": "山田太郎"}
        assert provider.calls == [["amina"]]


class TestAges:
    """A name that went round is as old as it is."""

    def test_a_name_from_another_process_is_refreshed_at_its_age(self, process, provider, settled, clock):
        names(process(), "amina")
        settled(1)
        clock.pass_by(10 * MINUTE)
        other = process()
        names(other, "amina")
        clock.pass_by(5 * MINUTE - 1)
        names(other, "amina")
        assert len(provider.calls) == 1
        clock.pass_by(1)
        names(other, "amina")
        eventually(lambda: len(provider.calls) == 2)

    def test_a_name_that_goes_from_process_to_process_ends_after_a_day(self, process, provider, settled, clock):
        names(process(), "amina")
        settled(1)
        provider.down = Unreachable("down")
        for _ in range(3):
            clock.pass_by(8 * HOUR - 1)
            other = process()
            assert names(other, "amina") == {"amina": "Amina Okafor"}
        clock.pass_by(3)
        assert names(other, "amina") == {}
        assert names(process(), "amina") == {}

    def test_who_is_gone_is_asked_for_again_five_minutes_after_the_first_process_heard_it(
        self, process, provider, settled, clock
    ):
        provider.names["amina"] = "gone"
        names(process(), "amina")
        settled(1)
        clock.pass_by(4 * MINUTE)
        other = process()
        assert names(other, "amina") == {"amina": "gone"}
        provider.names["amina"] = "Amina Okafor"
        clock.pass_by(MINUTE)
        assert names(other, "amina") == {"amina": "Amina Okafor"}

    def test_an_old_name_is_shown_without_waiting_for_the_provider(self, process, provider, settled, clock):
        names(process(), "amina")
        settled(1)
        clock.pass_by(30 * MINUTE)
        provider.gate.clear()
        other = process()
        assert took(lambda: names(other, "amina")) < SLACK_S
        assert names(other, "amina") == {"amina": "Amina Okafor"}
        eventually(lambda: len(provider.calls) == 2)

    def test_while_the_provider_is_left_alone_names_still_come_from_redis(self, process, provider, settled, clock):
        names(process(), "amina")
        settled(1)
        clock.pass_by(2 * HOUR)
        provider.down = Unreachable("down", retry_after=300)
        other = process()
        assert names(other, "stranger") == {}
        assert names(other, "amina") == {"amina": "Amina Okafor"}
        assert provider.calls[1:] == [["stranger"]]


class TestForgetting:
    """What is to be forgotten goes from Redis too."""

    def test_a_forgotten_name_is_asked_for_anew(self, process, provider, settled, redis_server):
        here = process()
        names(here, "amina", "taro")
        here.forget(key("amina"))
        assert len(places(redis_server)) == 1
        assert names(process(), "amina", "taro") == {"amina": "Amina Okafor", "taro": "山田太郎"}
        assert provider.calls == [["amina", "taro"], ["amina"]]

    def test_everybody_can_be_forgotten(self, process, provider, settled):
        here = process()
        names(here, "amina", "taro")
        here.forget_all()
        names(here, "amina")
        names(process(), "taro")
        assert provider.calls == [["amina", "taro"], ["amina"], ["taro"]]

    def test_names_learnt_after_everybody_was_forgotten_are_shared(self, process, provider, settled):
        here = process()
        names(here, "amina")
        here.forget_all()
        names(here, "amina")
        settled(2)  # one of them out of reach
        names(process(), "amina")
        assert len(provider.calls) == 2

    @pytest.mark.parametrize("forget", [lambda it: it.forget(key("amina")), lambda it: it.forget_all()])
    def test_an_answer_to_an_older_question_does_not_bring_a_forgotten_name_back(self, process, provider, forget):
        here = process()
        provider.gate.clear()
        names(here, "amina")
        flight = here._flights[key("amina")]
        forget(here)
        provider.gate.set()
        assert flight.landed.wait(3)
        here.forget(key("stranger"))  # so that all is written what came before
        assert names(process(), "amina") == {"amina": "Amina Okafor"}
        assert len(provider.calls) == 2

    def test_what_was_read_while_a_name_was_being_forgotten_is_not_kept(self, process, provider, settled):
        here = process()
        names(process(), "amina")
        settled(1)
        remove = here._shared.remove
        here._shared.remove = lambda who: (names(here, "amina"), remove(who))  # a page comes just before
        here.forget(key("amina"))
        provider.names["amina"] = "gone"
        assert names(here, "amina") == {"amina": "gone"}

    @pytest.mark.parametrize(
        ("meanwhile", "known"),
        [
            (lambda it: it.forget(key("amina")), {}),
            (lambda it: it.forget_all(), {}),
            (lambda it: it.learn(Person(key("amina"), "Amina Bello")), {"amina": "Amina Bello"}),
        ],
    )
    def test_what_redis_told_is_outdated_by_what_happens_meanwhile(self, process, settled, meanwhile, known, caplog):
        names(process(), "amina")
        settled(1)
        here = process()
        look_up = here._shared.look_up
        here._shared.look_up = lambda keys: (look_up(keys), meanwhile(here))[0]
        assert names(here, "amina") == known
        assert caplog.messages == []


class TestOutages:
    """Redis does not answer, or not sensibly: as if it were not there."""

    def test_without_redis_the_provider_is_asked(self, process, redis_server, provider, caplog):
        here = process()
        names(here, "amina")
        redis_server.stop()
        with caplog.at_level(logging.WARNING):
            assert names(here, "amina", "taro") == {"amina": "Amina Okafor", "taro": "山田太郎"}
            here.learn(Person(key("amina"), "Amina Bello"))
            here.forget(key("taro"))
            here.forget_all()
            assert names(here, "amina") == {"amina": "Amina Okafor"}
        assert provider.calls == [["amina"], ["taro"], ["amina"]]
        assert caplog.messages == ["bylines: Redis is left alone for a minute: ConnectionError"]

    def test_there_is_one_line_a_minute_in_the_log(self, process, redis_server, clock, caplog):
        here = process()
        redis_server.stop()
        for _ in range(6):
            here.forget_all()
            names(here, "amina")
            clock.pass_by(20)
        assert len(caplog.messages) == 2

    def test_a_redis_that_hangs_is_waited_for_once_and_briefly(self, process, redis_server, provider):
        here = process()
        redis_server.hang()
        assert 0.1 < took(lambda: names(here, "amina")) < 0.2 + SLACK_S
        assert took(lambda: names(here, "taro")) < 0.1
        assert names(here, "amina", "taro") == {"amina": "Amina Okafor", "taro": "山田太郎"}

    def test_a_page_stays_within_its_budget_when_both_hang(self, process, redis_server, provider):
        here = process()
        provider.gate.clear()
        redis_server.hang()
        assert 0.7 < took(lambda: names(here, *(f"u{n}" for n in range(60)))) < 0.8 + SLACK_S

    @pytest.mark.parametrize("call", [lambda it: it.forget(key("amina")), lambda it: it.forget_all()])
    def test_forgetting_does_not_wait_long_for_a_redis_that_hangs(self, process, redis_server, call):
        here = process()
        redis_server.hang()
        assert took(lambda: call(here)) < 0.5 + SLACK_S

    def test_a_login_does_not_wait_for_redis(self, process, redis_server):
        here = process()
        redis_server.hang()
        assert took(lambda: here.learn(Person(key("amina"), "Amina Okafor"))) < 0.05

    def test_a_redis_that_comes_back_is_used_after_a_minute(self, process, redis_server, provider, clock, settled):
        here = process()
        names(here, "amina")
        redis_server.stop()
        names(here, "taro")
        redis_server.start()
        clock.pass_by(60)
        here.learn(Person(key("taro"), "山田太郎"))
        settled(1)
        assert names(process(), "taro") == {"taro": "山田太郎"}
        assert provider.calls == [["amina"], ["taro"]]

    def test_a_restart_that_nobody_noticed_costs_nothing(self, process, redis_server, provider, settled, caplog):
        here = process()
        names(here, "amina")
        settled(1)
        redis_server.stop()
        redis_server.start()
        names(here, "taro")
        settled(1)
        assert caplog.messages == []


NOW = 1_000_000.0


def put_there(redis_server, value):
    """Put this in the place of the one person who is there; what is no bytes is sealed with our own key."""
    place = places(redis_server)[0]
    sealed = value if isinstance(value, bytes) else SEAL.close("shared name", place.decode(), value)
    redis_server.client.set(place, sealed)


class TestJudgement:
    """Whoever writes to Redis may write anything."""

    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b"\xff\xfe",
            b"\x80\x04\x95.",
            b"{",
            b"[" * 100_000,
            b"null",
            b"[]",
            b'"Eve"',
            b"{}",
            json.dumps({"name": "Eve", "gone": False, "learnt": NOW}).encode(),  # as anybody could write it
            *(
                {"name": "Eve", "gone": False, "learnt": NOW} | changed
                for changed in (
                    {"learnt": float("nan")},
                    {"learnt": float("inf")},
                    {"learnt": float("-inf")},
                    {"learnt": 10**300},
                    {"name": 7},
                    {"name": ["Eve"]},
                    {"name": ""},
                    {"name": "eve@example.org"},
                    {"name": "\u202e\u200b"},
                    {"gone": None},
                    {"gone": 0},
                    {"gone": True},
                    {"learnt": None},
                    {"learnt": True},
                    {"learnt": "1000000.0"},
                    {"learnt": int(NOW)},
                    {"learnt": NOW + 1},
                    {"learnt": NOW - 24 * HOUR},
                    {"name": None, "learnt": NOW + 1},
                    {"name": None, "gone": True, "learnt": NOW - 5 * MINUTE},
                )
            ),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_what_was_not_put_there_by_us_is_a_miss(self, process, provider, redis_server, settled, value, caplog):
        names(process(), "amina")
        settled(1)
        put_there(redis_server, value)
        assert names(process(), "amina") == {"amina": "Amina Okafor"}
        assert provider.calls == [["amina"]] * 2
        assert caplog.messages == []

    def test_a_departure_that_is_over_takes_no_name_away(self, process, provider, redis_server, settled, clock):
        here = process()
        names(here, "amina")
        settled(1)
        put_there(redis_server, {"name": None, "gone": True, "learnt": NOW + MINUTE})
        provider.down = Unreachable("down")
        clock.pass_by(HOUR)
        assert names(here, "amina") == {"amina": "Amina Okafor"}

    def test_a_name_is_cleaned_again(self, process, redis_server, settled):
        names(process(), "amina")
        settled(1)
        put_there(redis_server, {"name": "Eve\u202e\n" + "o" * 1000, "gone": False, "learnt": NOW})
        assert names(process(), "amina") == {"amina": ("Eve " + "o" * 1000)[:80]}

    @pytest.mark.parametrize("place", [GENERATION, None])
    def test_a_value_of_another_type_is_a_miss(self, process, provider, redis_server, settled, place):
        names(process(), "amina")
        settled(1)
        place = place or places(redis_server)[0]
        redis_server.client.delete(place)
        redis_server.client.rpush(place, "Eve")
        assert names(process(), "amina") == {"amina": "Amina Okafor"}
        assert provider.calls == [["amina"]] * 2

    def test_names_that_were_lost_with_their_generation_stay_lost(self, process, provider, redis_server, settled):
        here = process()
        names(here, "amina")
        settled(1)
        redis_server.client.delete(GENERATION)  # as a Redis short of memory may do
        here.learn(Person(key("taro"), "山田太郎"))
        settled(2)
        names(process(), "amina")
        assert provider.calls == [["amina"]] * 2


class TestAtRest:
    """What somebody sees who looks into Redis."""

    def test_nobody_can_be_recognised(self, process, redis_server, settled):
        names(process(), "amina", "taro")
        settled(2)
        written = b" ".join([*places(redis_server), *map(redis_server.client.get, places(redis_server))])
        assert not [
            word
            for word in (ISSUER, "id.example", "amina", "taro", "Amina", "Okafor", "山田太郎")
            if word.encode() in written
        ]

    @pytest.mark.parametrize(("name", "longest_s"), [("Amina Okafor", 24 * HOUR), (None, 24 * HOUR), ("gone", 300)])
    def test_everything_ends(self, process, provider, redis_server, settled, name, longest_s):
        provider.names["amina"] = name
        names(process(), "amina")
        settled(1)
        assert longest_s - 10 < redis_server.client.pttl(places(redis_server)[0]) / 1000 <= longest_s

    def test_what_a_login_told_ends_too(self, process, redis_server, settled):
        process().learn(Person(key("amina"), "Amina Okafor"))
        settled(1)
        assert 0 < redis_server.client.ttl(places(redis_server)[0]) <= 24 * HOUR

    def test_what_is_left_for_good_says_nothing(self, process, redis_server, settled):
        names(process(), "amina")
        settled(1)
        assert len(redis_server.client.get(GENERATION)) == 16

    def test_taking_a_name_over_does_not_write_it_anew(self, process, redis_server, settled):
        names(process(), "amina")
        settled(1)
        (place,) = places(redis_server)
        before = redis_server.client.get(place), redis_server.client.expiretime(place)
        names(process(), "amina")
        time.sleep(0.05)
        assert (redis_server.client.get(place), redis_server.client.expiretime(place)) == before


class TestSetting:
    """Switching it on."""

    def test_one_setting_switches_it_on(self, redis_server, settled):
        with FakeScim(user("amina", "Amina Okafor")) as server:
            first, second = (
                opened(DIRECTORY="scim", DIRECTORY_URL=URL, DIRECTORY_CACHE_URL=redis_server.url) for _ in range(2)
            )
            names(first, "amina")
            settled(1)
            asked = len(server.calls)
            assert names(second, "amina") == {"amina": "Amina Okafor"}
            assert len(server.calls) == asked
        first.close()
        second.close()

    def test_nothing_is_asked_before_a_page_does(self, caplog):
        opened(DIRECTORY_CACHE_URL="redis://:password@nowhere.invalid:6379/0").close()
        assert caplog.messages == []

    def test_a_bad_address_is_not_printed(self):
        with pytest.raises(BadSetting) as ended:
            opened(DIRECTORY_CACHE_URL="redis://:pass/word@host:6379/0")
        assert "pass/word" not in str(ended.value)

    def test_the_address_does_not_reach_the_log(self, caplog):
        directory = opened(DIRECTORY_CACHE_URL="redis://:password@127.0.0.1:1/0")
        names(directory, "amina")
        directory.close()
        assert caplog.messages == ["bylines: Redis is left alone for a minute: ConnectionError"]

    def test_without_the_package_the_start_ends_with_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "redis", None)
        monkeypatch.delitem(sys.modules, "blog.identity.directories.shared")
        with pytest.raises(BadSetting, match=r"BLOG_DIRECTORY_CACHE_URL: .*byline\[redis\]"):
            opened(DIRECTORY_CACHE_URL="redis://localhost")

    def test_without_the_setting_the_package_is_not_imported(self):
        script = "import sys, blog; sys.exit('redis' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

    def test_no_thread_is_left(self, process, settled):
        before = threading.active_count()
        here = process()
        names(here, "amina")
        settled(1)
        assert threading.active_count() == before + 3
        here.close()
        assert threading.active_count() == before

    def test_who_was_closed_still_knows_and_still_learns(self, process):
        here = process()
        names(here, "amina")
        here.close()
        threads = threading.active_count()
        here.learn(Person(key("taro"), "山田太郎"))
        assert took(lambda: here.forget(key("amina"))) < SLACK_S
        assert threading.active_count() == threads
        assert names(here, "amina", "taro") == {"taro": "山田太郎"}
