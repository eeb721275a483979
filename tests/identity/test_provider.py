"""Discovery and keys: whom we believe, for how long, and what we do while the provider is down."""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from blog.errors import LoginRefused, Unreachable
from blog.identity.provider import Metadata, Provider
from tests.fake_idp import ABSENT, DEEP, DOWN, EMPTY, ERROR500, HTML, HUGE, SLOW, FakeIdp, answer, make_key, public

HOUR, DAY = 3600, 86400
BROKEN = {
    "down": DOWN,
    "slow": SLOW,
    "html": HTML,
    "huge": HUGE,
    "deep": DEEP,
    "empty": EMPTY,
    "error": ERROR500,
    "redirect": answer({}, 307, Location="https://evil.example/"),
    "not there": answer({}, 404),
    "list": answer([]),
    "null": answer(None),
    "number": answer(1),
}
broken = pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def provider(idp, clock):
    return Provider(idp.issuer, clock=clock)


def kids(provider: Provider, *, fresh: bool = False) -> list[str | None]:
    return [key.kid for key in provider.keys(fresh=fresh)]


# Discovery


@pytest.mark.parametrize(
    "theirs", ["https://evil.example", "https://idp.example/", "HTTPS://idp.example", "", None, 42, ["x"], ABSENT]
)
def test_metadata_of_another_issuer_are_refused(idp, provider, theirs):  # row 1
    idp.metadata["issuer"] = theirs
    with pytest.raises(LoginRefused) as caught:
        provider.metadata()
    assert caught.value.reason == "issuer_mismatch"


@pytest.mark.parametrize("issuer", ["https://idp.example", "https://idp.example/", "https://idp.example/realms/staff"])
def test_the_issuer_may_have_a_path_and_a_final_slash(issuer):
    with FakeIdp(issuer):
        assert Provider(issuer).metadata().issuer == issuer


def test_nothing_is_asked_before_it_is_needed(idp, provider):
    assert not idp.calls


def test_only_what_we_know_is_copied_from_discovery(idp, provider):  # row 17
    idp.metadata |= {
        "verify": False,
        "proxies": {"https": "http://evil.example"},
        "timeout": 1000,
        "token_endpoint_auth_method": "none",
        "client_id": "somebody-else",
    }
    assert dataclasses.asdict(provider.metadata()) == dataclasses.asdict(
        Metadata(
            issuer="https://idp.example",
            authorization_endpoint="https://idp.example/authorize",
            token_endpoint="https://idp.example/token",
            jwks_uri="https://idp.example/jwks",
            userinfo_endpoint="https://idp.example/userinfo",
            end_session_endpoint="https://idp.example/end_session",
            prompt_values_supported=("none", "login", "create"),
            iss_parameter_required=True,
        )
    )


ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint")
UNSAFE = (
    "http://idp.example/x",
    "ftp://idp.example/x",
    "javascript:alert(1)",
    "//idp.example/x",
    "/x",
    "",
    "https://",
    "https://[::1",
    "https://user:password@idp.example/x",
    "https://idp.example/x#fragment",
    "https://ídp.example/x",
    42,
    False,
    ["https://idp.example/x"],
    {},
)


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("url", UNSAFE, ids=str)
def test_an_unsafe_endpoint_is_not_used(idp, provider, name, url):
    idp.metadata[name] = url
    with pytest.raises(Unreachable, match=name):
        provider.metadata()


@pytest.mark.parametrize("name", ENDPOINTS)
def test_without_an_endpoint_we_do_without_or_say_so(idp, provider, name):
    idp.metadata[name] = None
    if name in {"userinfo_endpoint", "end_session_endpoint"}:
        assert getattr(provider.metadata(), name) is None
    else:
        with pytest.raises(Unreachable, match=name):
            provider.metadata()


@pytest.mark.parametrize("host", ["localhost:5001", "127.0.0.1:5001", "[::1]:5001"])
def test_plain_http_is_fine_on_this_machine(host):
    with FakeIdp(f"http://{host}"):
        assert Provider(f"http://{host}").metadata().token_endpoint == f"http://{host}/token"


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("url", ["http://localhost:6379/x", "http://127.0.0.1/x", "http://[::1]:8080/x"])
def test_a_provider_elsewhere_sends_nobody_to_what_listens_on_this_machine(idp, provider, name, url):
    idp.metadata[name] = url
    with pytest.raises(Unreachable, match=name):
        provider.metadata()


def test_but_the_operator_may_name_an_endpoint_on_this_machine(idp):
    overrides = {"token_endpoint": "http://localhost:8080/token"}
    assert Provider(idp.issuer, overrides=overrides).metadata().token_endpoint == "http://localhost:8080/token"


def test_plain_http_elsewhere_needs_the_insecure_switch():
    with FakeIdp("http://idp.example"):
        assert Provider("http://idp.example", insecure_http=True).metadata().token_endpoint
        with pytest.raises(Unreachable):
            Provider("http://idp.example").metadata()


def test_settings_go_before_discovery(idp):
    overrides = {"token_endpoint": "https://inside.example/token", "userinfo_endpoint": ""}
    metadata = Provider(idp.issuer, overrides=overrides).metadata()
    assert metadata.token_endpoint == "https://inside.example/token"
    assert metadata.userinfo_endpoint == "https://idp.example/userinfo"


@pytest.mark.parametrize("value", [None, 42, "create", {"create": True}, ABSENT])
def test_a_strange_list_of_prompts_counts_as_none(idp, provider, value):
    idp.metadata["prompt_values_supported"] = value
    assert provider.metadata().prompt_values_supported == ()


@broken
def test_a_broken_discovery_document_is_unreachable(idp, provider, reply):
    idp.answers["discovery"] = reply
    with pytest.raises(Unreachable):
        provider.metadata()


def test_a_busy_provider_says_when_to_come_back(idp, provider):
    idp.answers["discovery"] = answer({}, 503, Retry_After="7")
    with pytest.raises(Unreachable) as caught:
        provider.metadata()
    assert caught.value.retry_after == 7


# How long things are kept


@pytest.mark.parametrize("what", ["discovery", "jwks"])
def test_metadata_and_keys_are_asked_for_once_an_hour(idp, provider, clock, what):  # row 2
    for later, calls in ((0, 1), (HOUR - 1, 1), (1, 2), (1, 2)):
        clock.seconds += later
        provider.keys()
        assert idp.calls[what] == calls


def test_a_change_at_the_provider_is_seen_within_the_hour(idp, provider, clock):  # row 2
    provider.metadata()
    idp.metadata["token_endpoint"] = "https://idp.example/token2"
    clock.seconds += HOUR
    assert provider.metadata().token_endpoint == "https://idp.example/token2"


@broken
def test_old_metadata_and_keys_help_out_while_the_provider_is_broken(idp, provider, clock, reply):  # row 2
    provider.keys()
    idp.answers |= {"discovery": reply, "jwks": reply}
    clock.seconds += DAY - 1
    assert kids(provider) == ["k0"]
    assert provider.metadata().issuer == idp.issuer


@broken
def test_but_not_for_longer_than_a_day(idp, provider, clock, reply):
    provider.keys()
    idp.answers |= {"discovery": reply, "jwks": reply}
    clock.seconds += DAY
    for ask in (provider.keys, provider.metadata):
        with pytest.raises(Unreachable):
            ask()


@pytest.mark.parametrize("reply", [DOWN, SLOW], ids=["down", "slow"])
def test_nobody_is_sent_to_a_silent_provider_on_the_word_of_an_old_copy(idp, provider, clock, reply):
    provider.metadata()
    idp.answers["discovery"] = reply
    clock.seconds += 2
    for _ in range(2):
        with pytest.raises(Unreachable):
            provider.metadata(fresh=True)
    assert provider.metadata().issuer == idp.issuer


@pytest.mark.parametrize("reply", [HTML, EMPTY, DEEP, ERROR500], ids=["html", "empty", "deep", "500"])
def test_a_provider_that_answers_nonsense_is_there_and_an_old_copy_will_do(idp, provider, clock, reply):
    provider.metadata()
    idp.answers["discovery"] = reply
    clock.seconds += HOUR
    assert provider.metadata(fresh=True).issuer == idp.issuer
    clock.seconds += DAY
    with pytest.raises(Unreachable):
        provider.metadata(fresh=True)


def test_no_lock_is_held_while_an_answer_is_awaited(idp, provider):
    held = []
    for endpoint in ("discovery", "jwks"):
        idp.meanwhile[endpoint] = lambda: held.extend(
            each._lock.locked() for each in (provider._metadata, provider._keys)
        )
    provider.metadata()
    provider.metadata(fresh=True)
    provider.keys()
    provider.keys(fresh=True)
    assert len(held) >= 6
    assert not any(held)


def test_whether_the_provider_answers_is_asked_every_two_seconds_at_most(idp, provider, clock):
    for later, calls in ((0, 1), (1, 1), (1, 2), (1, 2)):
        clock.seconds += later
        provider.metadata(fresh=True)
        assert idp.calls["discovery"] == calls


def test_a_provider_that_becomes_another_is_refused_even_with_an_old_copy(idp, provider, clock):
    provider.metadata()
    idp.metadata["issuer"] = "https://evil.example"
    clock.seconds += HOUR
    with pytest.raises(LoginRefused):
        provider.metadata()


def test_after_a_failure_nobody_waits_for_another_one_at_once(idp, provider, clock):
    idp.answers["discovery"] = answer({}, 503, Retry_After="7")
    for later, calls in ((0, 1), (1, 1), (1, 2)):
        clock.seconds += later
        with pytest.raises(Unreachable) as caught:
            provider.metadata()
        assert (idp.calls["discovery"], caught.value.retry_after) == (calls, 7)


def test_the_provider_is_back_soon_after_it_is_back(idp, provider, clock):
    idp.answers["discovery"] = DOWN
    with pytest.raises(Unreachable):
        provider.metadata()
    del idp.answers["discovery"]
    clock.seconds += 5
    assert provider.metadata().issuer == idp.issuer


def test_a_clock_set_back_keeps_nothing_for_ever(idp, provider, clock):
    provider.metadata()
    clock.seconds -= DAY
    provider.metadata()
    assert idp.calls["discovery"] == 2


def hold(idp, endpoint: str) -> tuple[threading.Event, threading.Event]:
    """Make an endpoint wait: gives the event that says it was asked, and the one it waits for."""
    asked, go_on = threading.Event(), threading.Event()
    view = getattr(idp, f"_{endpoint}")

    def slow(request):
        asked.set()
        go_on.wait(5)
        return view(request)

    path = {"discovery": "/.well-known/openid-configuration", "jwks": "/jwks"}[endpoint]
    idp.responses.remove("GET", idp.issuer + path)
    idp.responses.add_callback("GET", idp.issuer + path, idp._counted(endpoint, slow))
    return asked, go_on


@pytest.mark.parametrize("what", ["discovery", "jwks"])
def test_many_threads_ask_the_provider_once(idp, provider, what):  # row 2
    asked, go_on = hold(idp, what)
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(provider.keys) for _ in range(8)]
        assert asked.wait(5)
        time.sleep(0.05)
        go_on.set()
        assert all(len(each.result(5)) == 1 for each in answers)
    assert idp.calls[what] == 1


def test_nobody_with_an_old_copy_waits_for_the_one_who_fetches(idp, provider, clock):  # row 2
    provider.metadata()
    asked, go_on = hold(idp, "discovery")
    clock.seconds += HOUR
    with ThreadPoolExecutor(1) as threads:
        fetching = threads.submit(provider.metadata)
        assert asked.wait(5)
        assert provider.metadata().issuer == idp.issuer
        assert not fetching.done()
        go_on.set()
    assert idp.calls["discovery"] == 2


# Keys


def test_fresh_keys_are_fetched_but_once_a_minute_at_most(idp, provider, clock):  # row 7
    assert kids(provider) == ["k0"]
    idp.rotate()
    assert kids(provider) == ["k0"]
    assert kids(provider, fresh=True) == ["k1"]
    idp.rotate()
    clock.seconds += 59
    assert kids(provider, fresh=True) == ["k1"]
    clock.seconds += 1
    assert kids(provider, fresh=True) == ["k2"]
    assert idp.calls["jwks"] == 3


def test_keys_that_did_not_do_are_no_answer_while_the_provider_is_down(idp, provider, clock):
    provider.keys()
    idp.answers["jwks"] = DOWN
    with pytest.raises(Unreachable):
        provider.keys(fresh=True)
    assert kids(provider) == ["k0"]
    del idp.answers["jwks"]
    clock.seconds += 5
    assert kids(provider, fresh=True) == ["k0"]


GOOD = public(make_key("RSA"))
EC = public(make_key("EC"))
STRANGE = {
    "an unknown curve": {**EC, "crv": "P-1024"},
    "a curve of another key": {**EC, "crv": "P-384"},
    "a point off the curve": {**EC, "x": EC["y"]},
    "an unknown kind": {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"},
    "no kind": {"kid": "x"},
    "a kind that is no text": {"kty": ["RSA"]},
    "no modulus": {"kty": "RSA", "e": "AQAB"},
    "a modulus that is no text": {"kty": "RSA", "e": "AQAB", "n": 42},
    "a modulus that is no base64": {"kty": "RSA", "e": "AQAB", "n": "!!!"},
    "an exponent of zero": {**GOOD, "e": "AA"},
    "an empty modulus": {**GOOD, "n": ""},
    "a kid that is no text": {**GOOD, "kid": {"a": 1}},
    "an unknown use": {**GOOD, "use": 42},
    "a symmetric key": {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"},
    "a short Ed25519 key": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
    "text": "RSA",
    "a PEM file": make_key("RSA").as_pem().decode(),
    "null": None,
    "a list": [GOOD],
}


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
def test_a_strange_key_costs_us_that_key_only(idp, provider, strange):  # row 8
    idp.jwks = {"keys": [strange, {**GOOD, "kid": "good"}, strange]}
    assert kids(provider) == ["good"]


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # it only warns, we refuse
def test_short_rsa_keys_are_not_used(idp, provider):
    idp.jwks = {"keys": [public(make_key("1024", kid="short")), public(make_key("RSA", kid="long enough"))]}
    assert kids(provider) == ["long enough"]


@broken
def test_a_broken_key_set_is_unreachable(idp, provider, reply):
    idp.answers["jwks"] = reply
    with pytest.raises(Unreachable):
        provider.keys()


@pytest.mark.parametrize("keys", [None, 42, "keys", {"k0": GOOD}, ABSENT])
def test_a_key_set_without_a_list_of_keys_is_unreachable(idp, provider, keys):
    idp.jwks = {} if keys is ABSENT else {"keys": keys}
    with pytest.raises(Unreachable):
        provider.keys()


def test_an_empty_key_set_is_one(idp, provider):
    idp.jwks = {"keys": []}
    assert provider.keys() == ()
