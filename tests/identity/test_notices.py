"""Notices from the provider: which are genuine, and whom they speak of."""

import hashlib
import hmac
import json

import pytest

from blog.errors import Invalid
from blog.identity import notices

SECRET = "a secret of the webhook, long enough".replace(" ", "-")
ISSUER = "https://id.example"
NOW = 1_800_000_000
BODY = b'{"authors": ["ada"]}'
AUTH0 = {"specversion": "1.0", "type": "user.updated", "source": "urn:auth0:example.auth0app.com", "id": "evt_1"}


def sign(body=BODY, timestamp=str(NOW), secret=SECRET):
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def why(body=BODY, timestamp=None, signature=None, authorization=None, now=NOW):
    return notices.why_not_genuine(
        SECRET, body, now=now, timestamp=timestamp, signature=signature, authorization=authorization
    )


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        ({}, "no_secret"),
        ({"authorization": SECRET}, None),
        ({"authorization": f"Bearer {SECRET}"}, None),
        ({"authorization": f"bearer  {SECRET} "}, None),
        ({"authorization": f"Basic {SECRET}"}, "bad_secret"),
        ({"authorization": "Bearer"}, "bad_secret"),
        ({"authorization": ""}, "bad_secret"),
        ({"authorization": SECRET[:-1]}, "bad_secret"),
        ({"authorization": "\xff\ud800"}, "bad_secret"),
        ({"timestamp": str(NOW), "signature": sign()}, None),
        ({"timestamp": str(NOW), "signature": sign().upper()}, None),
        ({"timestamp": str(NOW), "signature": ""}, "bad_signature"),
        ({"timestamp": str(NOW), "signature": "é" * 64}, "bad_signature"),
        ({"timestamp": str(NOW), "signature": sign(b"{}")}, "bad_signature"),
        ({"timestamp": str(NOW + 1), "signature": sign()}, "bad_signature"),
        ({"timestamp": None, "signature": sign()}, "bad_signature"),
        ({"timestamp": str(NOW), "signature": sign(secret="another")}, "bad_signature"),
        ({"timestamp": str(NOW), "signature": "0", "authorization": SECRET}, "bad_signature"),
        ({"timestamp": "now", "signature": sign(timestamp="now")}, "stale"),
        ({"timestamp": "-5", "signature": sign(timestamp="-5")}, "stale"),
        ({"timestamp": "9" * 5000, "signature": sign(timestamp="9" * 5000)}, "stale"),
        ({"timestamp": "", "signature": sign(timestamp="")}, "stale"),
    ],
)
def test_only_who_has_the_secret_is_believed(proof, reason):
    assert why(**proof) == reason


@pytest.mark.parametrize(("off", "reason"), [(300, None), (-300, None), (301, "stale"), (-301, "stale")])
def test_a_signed_notice_is_good_for_five_minutes(off, reason):
    assert why(timestamp=str(NOW), signature=sign(), now=NOW + off) == reason


def okta(*targets):
    return {"eventType": "com.okta.event_hook", "data": {"events": [{"target": list(targets)}]}}


@pytest.mark.parametrize(
    ("told", "ids"),
    [
        ({"authors": ["ada", "bob", "ada"]}, {"ada", "bob"}),
        ({"authors": []}, set()),
        ({"all": True}, None),
        ({"authors": [str(number) for number in range(101)]}, None),
        (okta({"type": "User", "id": "00u1", "displayName": "Ada"}, {"type": "AppUser", "id": "0ua1"}), {"00u1"}),
        (okta({"type": "AppUser", "id": "0ua1"}, "x", {}), set()),
        ({"data": {"events": [None, {"target": None}]}}, set()),
        (AUTH0 | {"data": {"object": {"user_id": "auth0|1", "name": "Ada"}}}, {"auth0|1"}),
        (AUTH0 | {"data": {"object": {"id": "org_1"}}}, set()),
    ],
)
def test_whom_a_notice_speaks_of_is_found(told, ids):
    found = notices.people_in(json.dumps(told).encode(), ISSUER)
    assert found == (None if ids is None else {(ISSUER, each) for each in ids})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b'"ada"',
        b"{}",
        b'{"all": 1}',
        b'{"authors": "ada"}',
        b'{"authors": [1]}',
        b'{"authors": [""]}',
        b'{"authors": ["\\ud800"]}',
        b'{"authors": ["\\u0000"]}',
        b'{"data": {"object": {"user_id": null}}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_notice_is_refused(body):
    with pytest.raises(Invalid):
        notices.people_in(body, ISSUER)


def test_a_provider_that_goes_mad_is_told_to_wait():
    now = [0.0]
    rate = notices.Rate(2, 60, lambda: now[0])
    assert [rate.take() for _ in range(3)] == [True, True, False]
    now[0] = 60
    assert [rate.take() for _ in range(3)] == [True, True, False]
