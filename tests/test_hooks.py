"""The provider's door: notices after which names are asked for anew."""

from __future__ import annotations

import hashlib
import hmac
import json
import re

import pytest
from sqlalchemy import select

from blog import create_app, hooks
from blog.db import Forgotten, Site, db
from blog.identity import notices
from blog.identity.people import Key

SECRET = "the-secret-of-the-webhook-0123456789"
ADA = Key("https://idp.example", "ada")
OKTA = {"data": {"events": [{"eventType": "user.account.update_profile", "target": [{"id": "ada", "type": "User"}]}]}}
AUTH0 = {"specversion": "1.0", "type": "user.updated", "data": {"object": {"user_id": "ada", "name": "Eve"}}}


@pytest.fixture
def hooked(settings):
    settings["HOOK_SECRET"] = SECRET


def tell(app, told=None, body=None, secret=SECRET, **headers):
    body = json.dumps(told if told is not None else {"authors": ["ada"]}).encode() if body is None else body
    headers = headers or {"Authorization": secret}
    return app.test_client().post("/hooks/authors", data=body, headers=headers)


def signed(clock, body, off=0):
    timestamp = str(int(clock().timestamp()) + off)
    text = timestamp.encode() + b"." + body
    signature = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
    return dict(zip(notices.OWN_HEADERS, (timestamp, signature), strict=True))


def known(app):
    return {key.id for key in app.extensions["porch"].directory.known()}


@pytest.mark.parametrize("told", [{"authors": ["ada"]}, OKTA, AUTH0, {"all": True}])
def test_a_genuine_notice_makes_a_name_be_asked_for_anew(hooked, app, ada, security_log, told):
    assert known(app) == {"ada"}
    response = tell(app, told)
    assert (response.status_code, response.data, response.headers["Cache-Control"]) == (204, b"", "no-store")
    assert known(app) == set()
    assert security_log.of("names_forgotten") == [{"by": "hook"} | ({} if "all" in told else {"names": 1})]
    assert ada.is_logged_in()


def test_a_notice_never_sets_a_name(hooked, app, ada, visitor):
    slug = ada.publish()
    tell(app, AUTH0)
    assert not re.search(r"\bEve\b", visitor.get(f"/{slug}").text)


def test_another_process_forgets_too(hooked, app, ada, settings, clock):
    slug = ada.publish()
    other = create_app(settings, now=clock)
    other.extensions["porch"].directory.learn(app.extensions["porch"].directory.people([ADA])[ADA])
    try:
        assert "Ada Lovelace" in other.test_client().get(f"/{slug}").text
        tell(app)
        other.extensions["porch"].forgetting._due = 0  # a second later
        assert "Ada Lovelace" not in other.test_client().get(f"/{slug}").text
    finally:
        other.extensions["porch"].directory.close()
        with other.app_context():
            db.engine.dispose()


def test_a_signed_notice_counts_however_often_it_comes(hooked, app, ada, clock):
    body = b'{"authors": ["ada"]}'
    for _ in range(3):
        assert tell(app, body=body, **signed(clock, body)).status_code == 204


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X-Nothing": "x"}, "no_secret"),
        ({"Authorization": "Bearer x"}, "bad_secret"),
        ({"Byline-Signature": "x", "Authorization": SECRET}, "bad_signature"),
    ],
)
def test_who_does_not_prove_to_have_the_secret_changes_nothing(hooked, app, ada, security_log, headers, reason):
    response = tell(app, **headers)
    assert (response.status_code, response.json) == (401, {"error": reason})
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert security_log.of("hook_refused") == [{"reason": reason}]
    assert known(app) == {"ada"}
    with app.app_context():
        assert db.session.scalars(select(Forgotten)).all() == []


def test_an_old_signature_is_refused(hooked, app, ada, clock, security_log):
    body = b'{"authors": ["ada"]}'
    assert tell(app, body=body, **signed(clock, body, off=-400)).status_code == 401
    assert security_log.reasons("hook_refused") == ["stale"]


@pytest.mark.parametrize(("body", "status"), [(b"x", 400), (b"{}", 400), (b" " * (hooks.LONGEST + 1), 413)])
def test_what_is_no_notice_is_refused(hooked, app, security_log, body, status):
    assert tell(app, body=body).status_code == status
    assert security_log.reasons("hook_refused") == ["too_long" if status == 413 else "malformed"]


def test_too_many_notices_have_to_wait_and_false_ones_do_not_count(hooked, app, monkeypatch):
    app.extensions["hooks"] = notices.Rate(2, 60, lambda: 0.0)
    assert {tell(app, secret="x").status_code for _ in range(5)} == {401}
    answers = [tell(app) for _ in range(3)]
    assert [each.status_code for each in answers] == [204, 204, 429]
    assert answers[2].headers["Retry-After"] == "60"


def test_a_notice_about_nobody_writes_nothing(hooked, app):
    with app.app_context():
        before = db.session.scalar(select(Site.version))
    assert tell(app, {"data": {"events": []}}).status_code == 204
    with app.app_context():
        assert db.session.scalar(select(Site.version)) == before


def test_okta_is_told_that_its_notices_are_wanted(hooked, app):
    client = app.test_client()
    challenge = {"X-Okta-Verification-Challenge": "Me_rShK8"}
    response = client.get("/hooks/authors", headers={**challenge, "Authorization": SECRET})
    assert (response.status_code, response.json) == (200, {"verification": "Me_rShK8"})
    assert client.get("/hooks/authors", headers=challenge).status_code == 401
    assert client.get("/hooks/authors", headers={"Authorization": SECRET}).status_code == 404
    long = {"X-Okta-Verification-Challenge": "x" * 501, "Authorization": SECRET}
    assert client.get("/hooks/authors", headers=long).status_code == 404


def test_without_a_secret_there_is_no_such_address(app):
    assert tell(app, Authorization="").status_code == 404
    headers = {"X-Okta-Verification-Challenge": "x", "Authorization": ""}
    assert app.test_client().get("/hooks/authors", headers=headers).status_code == 404


def test_no_name_or_id_of_a_notice_comes_into_database_or_log(hooked, app, ada, security_log):
    tell(app, AUTH0)
    tell(app, {"authors": ["secret-id"]})
    with app.app_context():
        rows = db.session.scalars(select(Forgotten.ref)).all()
    told = json.dumps([rows, security_log.lines])
    assert len(rows) == 2
    assert not [word for word in ("ada", "Eve", "secret-id", SECRET) if word in told]
