"""Our own keys: made once however many begin, sealed, the same everywhere, and rotated without a gap."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from joserfc import jws
from joserfc.jwk import KeySet
from sqlalchemy import delete, select, text

from blog.db import ClientKey, db, writing
from blog.errors import LoginRefused, Taken
from blog.identity.keys import ClientKeys
from blog.identity.sealing import Seal

SECRET = "a key that only the tests use, long enough"
DAY = timedelta(hours=24)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(database: Flask, clock: Clock) -> ClientKeys:
    return of_a_process(clock)


def of_a_process(clock: Clock, alg: str = "ES256", secret: str = SECRET) -> ClientKeys:
    return ClientKeys(Seal(secret), alg=alg, clock=clock)


def stages(keys: ClientKeys) -> dict[str | None, str]:
    return {each.stage: each.kid for each in keys.all()}


def published(keys: ClientKeys) -> list[str]:
    return [each.kid for each in keys.all()]


def test_one_key_signs_and_the_next_one_is_published_along(keys):
    assert [each.stage for each in keys.all()] == ["signing", "next"]
    assert keys.signing_key().kid == stages(keys)["signing"]


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256"])
def test_what_is_published_verifies_what_was_signed_and_holds_nothing_private(database, clock, alg):
    keys = of_a_process(clock, alg)
    jwks = [each.jwk for each in keys.all()]
    members = {"crv", "x", "y"} if alg == "ES256" else {"n", "e"}
    assert all(set(jwk) == {"kty", "use", "alg", "kid"} | members for jwk in jwks)
    assert {(jwk["use"], jwk["alg"]) for jwk in jwks} == {("sig", alg)}
    assert all(jwk["kid"] == each.key.thumbprint() for jwk, each in zip(jwks, keys.all(), strict=True))
    key = keys.signing_key()
    signed = jws.serialize_compact({"alg": alg, "kid": key.kid}, b"words", key, [alg])
    assert jws.deserialize_compact(signed, KeySet.import_key_set({"keys": jwks}), [alg]).payload == b"words"
    if alg != "ES256":
        assert key.raw_value.key_size == 2048


def test_another_process_has_the_same_keys(keys, clock):
    other = of_a_process(clock)
    assert stages(other) == stages(keys)
    keys.rotate(early=True)
    assert other.signing_key().kid == keys.signing_key().kid


def test_processes_that_begin_together_agree(database, clock):
    begin, found, failed = threading.Barrier(6), [], []

    def process() -> None:
        with database.app_context():
            keys = of_a_process(clock)
            begin.wait()
            try:
                found.append((keys.signing_key().kid, tuple(published(keys))))
            except BaseException as error:  # noqa: BLE001
                failed.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=process) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(set(found)) == 1
    assert db.session.scalar(text("SELECT count(*) FROM client_keys")) == 2


# Rotating


def test_the_key_that_was_published_ahead_signs_after_a_rotation(keys, clock):
    before = stages(keys)
    clock.now += DAY
    assert keys.rotate()
    after = stages(keys)
    assert keys.signing_key().kid == after["signing"] == before["next"]
    assert after[None] == before["signing"]
    assert after["next"] not in before.values()


def test_a_key_that_a_provider_may_not_know_yet_does_not_sign(keys, clock):
    before = stages(keys)
    clock.now += DAY - timedelta(seconds=1)
    assert not keys.rotate()
    assert stages(keys) == before
    clock.now += timedelta(seconds=1)
    assert keys.rotate()
    assert not keys.rotate()  # twice in a row does no harm
    assert keys.signing_key().kid == before["next"]


def test_the_operator_need_not_wait(keys):
    before = stages(keys)
    assert keys.rotate(early=True)
    assert keys.signing_key().kid == before["next"]


def test_a_retired_key_stays_published_for_a_day(keys, clock):
    retired = keys.signing_key().kid
    keys.rotate(early=True)
    assert published(keys)[-1] == retired
    assert keys.all()[-1].leaves_at == clock.now + DAY
    clock.now += DAY - timedelta(seconds=1)
    assert retired in published(keys)
    clock.now += timedelta(seconds=1)
    assert retired not in published(keys)
    keys.rotate()
    assert retired not in db.session.scalars(select(ClientKey.kid)).all()


def test_a_retired_key_can_sign_no_more(keys):
    retired = keys.signing_key().kid
    keys.rotate(early=True)
    row = db.session.scalars(select(ClientKey).where(ClientKey.kid == retired)).one()
    assert set(Seal(SECRET).open("client key", retired, row.data)) == {"kty", "crv", "x", "y", "use", "alg", "kid"}


def test_of_two_rotations_at_once_one_counts(keys, clock):
    second = of_a_process(clock)
    known = second.all()
    second.all = lambda: known  # it read before the first one wrote
    assert keys.rotate(early=True)
    after = stages(keys)
    with pytest.raises(Taken):
        second.rotate(early=True)
    assert stages(keys) == after


def test_keys_that_were_read_by_somebody_go_at_once(keys):
    before = published(keys)
    keys.replace()
    assert not set(before) & set(published(keys))
    assert [each.stage for each in keys.all()] == ["signing", "next"]


def test_another_algorithm_means_other_keys_and_the_old_ones_go_with_the_next_rotation(keys, clock):
    before = set(published(keys))
    changed = of_a_process(clock, "PS256")
    assert changed.signing_key().alg == "PS256"
    assert before < set(published(changed))  # a process that was not started anew still signs with the old ones
    assert keys.signing_key().alg == "ES256"
    changed.rotate(early=True)
    assert {each.alg for each in changed.all() if each.leaves_at is None} == {"PS256"}
    assert before < set(published(changed))


# Secrecy


def test_no_private_part_rests_in_the_database_or_is_printed(keys, caplog):
    caplog.set_level("DEBUG")
    key = keys.signing_key()
    secret = key.as_dict(private=True)["d"]
    rows = db.session.execute(select(ClientKey.__table__)).all()
    told = f"{rows} {keys.all()} {keys!r} {vars(keys)} {caplog.text} {[each.pem for each in keys.all()]}"
    assert secret not in told
    assert "PRIVATE" not in told
    assert secret not in json.dumps([each.jwk for each in keys.all()])


def test_with_another_secret_key_it_is_said_and_nothing_is_made(keys, clock):
    before = published(keys)
    for use in (ClientKeys.signing_key, ClientKeys.all, ClientKeys.rotate):
        with pytest.raises(LoginRefused) as refused:
            use(of_a_process(clock, secret="another key that only the tests use"))
        assert (refused.value.reason, "SECRET_KEY" in refused.value.detail) == ("unreadable_keys", True)
    assert published(keys) == before


def test_keys_that_can_be_read_no_more_can_be_replaced(keys, clock):
    keys.all()
    changed = of_a_process(clock, secret="another key that only the tests use")
    changed.replace()
    assert [each.stage for each in changed.all()] == ["signing", "next"]


def test_a_key_that_somebody_put_into_the_database_is_not_published(keys):
    own = keys.all()[0]
    with writing() as session:
        row: Any = session.scalars(select(ClientKey).where(ClientKey.kid == own.kid)).one()
        forged = ClientKey(kid="forged", alg="ES256", data=row.data, made_at=row.made_at, leaves_at=None)
        session.add(forged)
    with pytest.raises(LoginRefused):
        keys.all()
    with writing() as session:
        session.execute(delete(ClientKey).where(ClientKey.kid == "forged"))
    assert published(keys)
