"""A fresh login before publishing, deleting and administration, where the operator wants one; nothing typed is lost."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup

from tests.actor import fill


@pytest.fixture
def settings(settings):
    return settings | {"STEP_UP": "publish delete admin", "STEP_UP_AGE": "5"}


def link_onward(response):
    return BeautifulSoup(response.text, "html.parser").select_one("main a.button")["href"]


def asked_of(actor, path):
    response = actor.get(path)
    assert response.status_code == 302, response.text
    return {name: values[-1] for name, values in parse_qs(urlsplit(response.location).query).items()}


def prove(actor, path, sub=None):
    """Log in once more, as asked for at this address; go where that leads."""
    actor.sub = sub or actor.sub
    response = actor.return_with(actor.begin(path))
    assert response.status_code == 303, response.text
    return response.location


def test_who_has_just_logged_in_is_not_asked(ada):
    assert ada.submit("/dashboard/write", "Publish", title="Words", body="Text").status_code == 303


def test_publishing_asks_after_a_while_and_loses_nothing(ada, clock, security_log):
    clock.advance(minutes=6)
    response = ada.submit("/dashboard/write", "Publish", title="Words", body="A long text")
    assert response.status_code == 401
    assert [line["action"] for line in security_log.of("step_up")] == ["publish"]
    assert ada.get("/words").status_code == 404
    back = prove(ada, link_onward(response))
    page = ada.page(back)
    assert "not saved yet" in page.text
    path, fields = fill(page, "/dashboard/write", "Publish")
    assert (fields["title"], fields["body"]) == ("Words", "A long text")
    assert ada.post(path, fields).status_code == 303
    assert ada.get("/words").status_code == 200
    assert "Take it up again" not in ada.get("/dashboard").text


def test_a_draft_does_not_ask(ada, clock):
    clock.advance(minutes=6)
    assert ada.submit("/dashboard/write", "Save draft", title="Words", body="Text").status_code == 303
    assert ada.submit("/words/edit", "Save changes", body="More").status_code == 303


def test_changing_what_is_published_asks(ada, clock):
    slug = ada.publish("Words", "Text")
    clock.advance(minutes=6)
    response = ada.submit(f"/{slug}/edit", "Save changes", body="Other words")
    assert response.status_code == 401
    back = prove(ada, link_onward(response))
    assert back.startswith(f"/{slug}/edit?parked=")
    path, fields = fill(ada.page(back), f"/{slug}/edit", "Save changes")
    assert ada.post(path, fields).status_code == 303
    assert "Other words" in ada.get(f"/{slug}").text


def test_deleting_asks_and_leads_back_to_the_question(ada, clock):
    slug = ada.publish("Words", "Text")
    clock.advance(minutes=6)
    response = ada.submit(f"/{slug}/delete", "Delete")
    assert response.status_code == 401
    assert prove(ada, link_onward(response)) == f"/{slug}/delete"
    assert ada.submit(f"/{slug}/delete", "Delete").status_code == 303


def test_what_was_kept_twice_is_there_once(ada, clock):
    clock.advance(minutes=6)
    response = ada.submit("/dashboard/write", "Publish", title="Words", body="A long text")
    back = prove(ada, link_onward(response))
    clock.advance(minutes=6)
    path, fields = fill(ada.page(back), "/dashboard/write", "Publish")
    response = ada.post(path, fields)
    assert response.status_code == 401
    assert ada.page("/dashboard").text.count("Take it up again") == 1
    path, fields = fill(ada.page(prove(ada, link_onward(response))), "/dashboard/write", "Publish")
    assert ada.post(path, fields).status_code == 303
    assert "Take it up again" not in ada.get("/dashboard").text


def test_what_is_asked_for_is_said_and_a_new_session_begins(ada, clock):
    clock.advance(minutes=6)
    asked = asked_of(ada, "/login/confirm?next=/dashboard")
    assert asked["max_age"] == "300"
    before = ada.client.get_cookie("byline").value
    prove(ada, "/login/confirm")
    after = ada.client.get_cookie("byline").value
    assert before != after
    ada.client.set_cookie("byline", before)
    assert not ada.is_logged_in()


def test_a_login_that_the_provider_remembers_from_before_is_not_fresh(ada, clock, security_log):
    clock.advance(minutes=6)
    params = ada.begin("/login/confirm?next=/dashboard")
    ada.idp.id_token["auth_time"] = int(clock().timestamp()) - 6 * 60 - 61
    assert ada.return_with(params).status_code == 400
    assert security_log.reasons("login_refused") == ["login_too_old"]
    assert ada.is_logged_in(), "the session that was there stays as it was"


def test_nobody_else_can_prove_it(ada, clock, security_log):
    ada.idp.people["bob"] = {"name": "Bob Ross"}
    clock.advance(minutes=6)
    ada.sub = "bob"
    assert ada.return_with(ada.begin("/login/confirm?next=/dashboard")).status_code == 400
    assert security_log.reasons("login_refused") == ["other_subject"]
    assert "Ada Lovelace" in ada.get("/").text


def test_a_provider_that_does_not_tell_when_is_asked_each_time(ada, clock):
    ada.idp.id_token["auth_time"] = None
    ada.log_in() if not ada.is_logged_in() else None
    clock.advance(minutes=6)
    assert ada.submit("/dashboard/write", "Publish", title="Words", body="Text").status_code == 401


def test_a_way_of_proving_it_can_be_demanded(settings, request, clock):
    settings["STEP_UP_ACR"] = "mfa phishing-resistant"
    ada = request.getfixturevalue("ada")
    response = ada.submit("/dashboard/write", "Publish", title="Words", body="Text")
    assert response.status_code == 401, "the first login was by password alone"
    path = link_onward(response)
    assert asked_of(ada, path)["acr_values"] == "mfa phishing-resistant"
    assert ada.return_with(ada.begin(path)).status_code == 400
    ada.idp.id_token["acr"] = "mfa"
    path, fields = fill(ada.page(prove(ada, path)), "/dashboard/write", "Publish")
    assert ada.post(path, fields).status_code == 303


def test_it_is_off_by_default(settings, request, clock):
    del settings["STEP_UP"], settings["STEP_UP_AGE"]
    ada = request.getfixturevalue("ada")
    clock.advance(hours=6)
    assert ada.submit("/dashboard/write", "Publish", title="Words", body="Text").status_code == 303


def test_administration_asks(settings, request, clock):
    settings |= {"ROLES_CLAIM": "groups", "ROLE_ADMIN": "admins"}
    request.getfixturevalue("idp").people["ada"]["groups"] = ["admins"]
    ada = request.getfixturevalue("ada")
    clock.advance(minutes=6)
    response = ada.submit("/dashboard/sessions", "End all of them", author_id="ada")
    assert response.status_code == 401
    path, fields = fill(ada.page(prove(ada, link_onward(response))), "/dashboard/sessions", "End all of them")
    assert fields["author_id"] == "ada"
    assert ada.post(path, fields).status_code == 303


def test_somebody_who_is_logged_out_meanwhile_logs_in_first(visitor):
    assert visitor.get("/login/confirm?next=/dashboard").location == "/login?next=/dashboard"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_it_leads_nowhere_else(ada, target):
    assert prove(ada, f"/login/confirm?next={target}") == "/dashboard"
