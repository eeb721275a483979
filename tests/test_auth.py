"""The porch: ways in, ways out, several tabs, and what the browser, the log and the database get to see."""

from __future__ import annotations

import base64
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore
from urllib.parse import parse_qs, urlsplit

import pytest
from responses import CallbackResponse
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from blog.db import LoginSession, Parked, Spent, db, writing
from blog.identity import spending
from blog.identity.sessions import Sessions
from blog.porch import LOGINS_AT_A_TIME
from tests.fake_idp import ABSENT, DOWN, ERROR500, HTML, answer


def count(app, table):
    with app.app_context():
        return len(db.session.execute(select(table)).all())


def asked(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


# -- in ---------------------------------------------------------------------------------------------------------------


def test_logging_in_leads_to_the_dashboard(visitor):
    response = visitor.return_with(visitor.begin())
    assert response.status_code == 303
    assert response.location == "/dashboard"
    assert "Ada Lovelace" in visitor.get("/dashboard").text


def test_logging_in_leads_back_to_where_one_was(visitor):
    turned_away = visitor.get("/dashboard?before=x")
    assert turned_away.location == "/login?next=/dashboard?before%3Dx"
    response = visitor.return_with(visitor.begin(turned_away.location))
    assert response.location == "/dashboard?before=x"


def test_somebody_logged_in_is_not_sent_to_the_provider_again(ada):
    assert ada.get("/login?next=/somewhere").location == "/somewhere"
    assert ada.get("/register").location == "/dashboard"


@pytest.mark.parametrize(
    "hostile",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/a b",
        "",
        "x" * 3,
        "/" + "a" * 2000,
        "/\x00",
    ],
)
def test_a_login_never_leads_to_another_site(visitor, hostile):
    response = visitor.get("/login", query_string={"next": hostile})
    params = visitor.idp.authorize(response.location)
    assert visitor.return_with(params).location == "/dashboard"


def test_registering_asks_for_the_registration_page_where_the_provider_has_one(visitor):
    assert asked(visitor.get("/register").location)["prompt"] == "create"


def test_registering_uses_the_operators_address_where_the_provider_has_no_prompt(settings, request):
    settings["OIDC_REGISTRATION_URL"] = "https://idp.example/join"
    visitor = request.getfixturevalue("visitor")
    visitor.idp.metadata["prompt_values_supported"] = ["none", "login"]
    assert visitor.get("/register").location == "https://idp.example/join"


def test_registering_is_logging_in_where_there_is_nothing_else(visitor):
    visitor.idp.metadata["prompt_values_supported"] = ABSENT
    location = visitor.get("/register").location
    assert location.startswith("https://idp.example/authorize?")
    assert "prompt" not in asked(location)


def test_a_person_is_known_by_the_configured_claim(settings, request):
    settings["OIDC_AUTHOR_CLAIM"] = "oid"
    request.getfixturevalue("idp").people["ada"] |= {"oid": "an-object-id"}
    ada = request.getfixturevalue("ada")
    with ada.app.test_request_context(headers={"Cookie": f"byline={ada.client.get_cookie('byline').value}"}):
        from flask import session

        assert session.person.key == ("https://idp.example", "an-object-id")


def test_a_login_without_the_author_claim_is_refused(settings, request):
    settings["OIDC_AUTHOR_CLAIM"] = "oid"
    visitor = request.getfixturevalue("visitor")
    response = visitor.return_with(visitor.begin())
    assert response.status_code == 400
    assert "author_claim_missing" in response.text
    assert not visitor.is_logged_in()


# -- roles -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mapped(settings, idp):
    """Roles come from groups; gives the claims about Ada, who writes."""
    settings |= {"ROLES_CLAIM": "groups", "ROLE_AUTHOR": "night-writers", "ROLE_EDITOR": "night-desk"}
    idp.people["ada"]["groups"] = ["night-writers"]
    return idp.people["ada"]


def test_a_reader_sees_the_site_but_no_way_to_write(mapped, visitor, ada, anybody):
    slug = ada.publish()
    mapped["groups"] = []
    reader = anybody()
    assert reader.return_with(reader.begin()).location == "/"
    for path in ("/", f"/{slug}"):
        page = reader.page(path)
        assert "Ada Lovelace" in page.text
        assert "Log out" in page.text
        assert not page.find_all("a", string=re.compile("Dashboard|Edit"))
    assert reader.get("/login").location == "/"


def test_a_reader_who_comes_to_the_dashboard_is_told_what_is_missing(mapped, visitor):
    mapped["groups"] = []
    response = visitor.return_with(visitor.begin("/login?next=/dashboard"))
    assert response.location == "/dashboard"
    page = visitor.get("/dashboard")
    assert page.status_code == 403
    assert "You may read here; this needs the role of author" in page.text


def test_a_role_taken_away_takes_effect_at_the_next_login_and_loses_no_words(mapped, ada, clock):
    form = ada.filled("/dashboard/write", "Publish", title="Late", body="Written for hours")
    mapped["groups"] = []
    assert ada.get("/dashboard").status_code == 200
    clock.advance(days=8)
    response = ada.log_in().send(form)
    assert response.status_code == 403
    assert "Written for hours" in response.text


def test_a_role_given_takes_effect_at_the_next_login(mapped, anybody):
    mapped["groups"] = []
    reader = anybody().log_in()
    mapped["groups"] = ["night-desk"]
    assert reader.get("/dashboard").status_code == 403
    reader.submit("/logout", "Log out")
    assert reader.log_in().get("/dashboard").status_code == 200


def test_an_editor_works_on_everybodys_posts_and_they_keep_their_author(mapped, ada, idp, anybody):
    slug = ada.publish("Hasty", "Wrods.")
    idp.people["eddy"] = {"name": "Eddy", "groups": ["night-desk"]}
    eddy = anybody().log_in("eddy")
    assert eddy.page(f"/{slug}").find("a", string="Edit")["href"] == f"/{slug}/edit"
    assert eddy.submit(f"/{slug}/edit", "Save changes", body="Words.").status_code == 303
    page = ada.page(f"/{slug}")
    assert "Words." in page.text
    assert "Ada Lovelace" in page.article.text
    assert "Eddy" not in page.article.text
    assert ada.page("/dashboard").select(".posts li")
    assert not eddy.page("/dashboard").select(".posts li")
    eddy.submit(f"/{slug}/edit", "Unpublish")
    assert anybody().get(f"/{slug}").status_code == 404
    assert eddy.get(f"/{slug}").status_code == 200
    eddy.submit(f"/{slug}/delete", "Delete")
    assert ada.get(f"/{slug}").status_code == 404


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"groups": ABSENT}, "roles_claim_absent"),
        ({"groups": ABSENT, "hasgroups": True}, "groups_overage"),
        ({"groups": ABSENT, "_claim_names": {"groups": "src1"}}, "groups_overage"),
        ({"groups": []}, None),
    ],
)
def test_a_login_without_groups_is_a_readers_and_the_log_says_why(mapped, visitor, security_log, told, reason):
    visitor.idp.userinfo |= told
    visitor.log_in()
    assert visitor.get("/dashboard").status_code == 403
    assert [line["role"] for line in security_log.of("login")] == ["reader"]
    assert security_log.reasons("login_without_groups") == ([reason] if reason else [])
    assert [(line["needs"], line["has"]) for line in security_log.of("access_refused")] == [("author", "reader")]
    assert "Ada" not in repr(security_log.lines)


def test_groups_may_stand_in_the_id_token_alone(mapped, visitor):
    del mapped["groups"]
    visitor.idp.id_token["groups"] = "night-writers"
    assert visitor.log_in().get("/dashboard").status_code == 200


def test_groups_are_in_the_sealed_session_only(mapped, app, visitor, caplog, security_log, tmp_path):
    mapped["groups"] = ["night-desk"]
    with caplog.at_level(logging.DEBUG, "blog"):
        visitor.log_in()
        assert "night-desk" in visitor.get("/dashboard/write").text  # to choose: who can read a post
        pages = visitor.get("/").text
    with app.app_context():
        db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    at_rest = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("latin-1")
    log = repr([record.getMessage() for record in caplog.records] + security_log.lines)
    assert "night-desk" not in at_rest + log + pages
    assert '"editor"' not in at_rest
    assert [line["role"] for line in security_log.of("login")] == ["editor"]


# -- row 16: PKCE always, and nothing secret readable in the browser ---------------------------------------------------


def test_nothing_secret_of_an_attempt_is_readable_in_the_browser(visitor):
    params = visitor.begin()
    sent = visitor.idp.authorizations[-1]
    cookies = {cookie.key: cookie.value for cookie in visitor.client._cookies.values()}
    readable = " ".join(
        [
            *cookies,
            *cookies.values(),
            *(base64.urlsafe_b64decode(value + "==").decode("latin-1") for value in cookies.values()),
        ]
    )
    assert sent["state"] not in readable
    assert sent["nonce"] not in readable
    visitor.return_with(params)
    verifier = visitor.idp.token_requests[-1]["code_verifier"]
    assert len(verifier) >= 43
    assert verifier not in readable


def test_the_session_cookie_holds_nothing_but_an_id(ada):
    cookie = ada.client.get_cookie("byline")
    assert re.fullmatch(r"[\w-]{43}", cookie.value)
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert cookie.path == "/"


def test_on_https_the_cookies_are_bound_to_the_host(settings, request):
    settings["PUBLIC_URL"] = "https://localhost"
    visitor = request.getfixturevalue("visitor")
    login = visitor.get("/login", base_url="https://localhost")
    params = visitor.idp.authorize(login.location)
    done = visitor.get("/oidc/callback", query_string=params, base_url="https://localhost")
    for header in (*login.headers.getlist("Set-Cookie"), *done.headers.getlist("Set-Cookie")):
        assert header.startswith("__Host-"), header
        assert {"Secure", "HttpOnly", "Path=/"} <= set(header.split("; ")), header
        assert "Domain" not in header


# -- row 19: several tabs, reloads, the back button --------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_tabs_can_log_in_together_and_finish_in_any_order(visitor, order):
    answers = [visitor.begin("/login?next=/one"), visitor.begin("/login?next=/two")]
    targets = [visitor.return_with(answers[tab]).location for tab in order]
    assert targets == [("/one", "/two")[tab] for tab in order]
    assert visitor.is_logged_in()


@pytest.mark.parametrize(("login", "target"), [("/login?next=/there", "/there"), ("/login", "/dashboard")])
def test_reloading_the_answer_while_logged_in_goes_to_its_target(visitor, login, target):
    params = visitor.begin(login)
    visitor.return_with(params)
    again = visitor.return_with(params)
    assert (again.status_code, again.location) == (303, target)
    assert visitor.idp.calls["token"] == 1


def test_an_answer_that_was_used_opens_nothing_in_another_browser(visitor, anybody):
    params = visitor.begin()
    visitor.return_with(params)
    thief = anybody()
    response = thief.return_with(params)
    assert response.status_code == 400
    assert "state_unknown" in response.text
    assert "Start again" in response.text
    assert not thief.is_logged_in()


def test_an_answer_is_used_once_even_if_its_cookie_is_replayed(visitor):
    params = visitor.begin()
    cookies = {cookie.key: cookie.value for cookie in visitor.client._cookies.values()}
    visitor.return_with(params)
    visitor.client.delete_cookie("byline")
    for name, value in cookies.items():
        visitor.client.set_cookie(name, value)
    assert visitor.return_with(params).status_code == 400
    assert visitor.idp.calls["token"] == 1


def test_somebody_elses_answer_logs_nobody_in(visitor, anybody):
    """Login CSRF: an attacker's own answer, put before a victim."""
    attackers = anybody().begin()
    response = visitor.return_with(attackers)
    assert response.status_code == 400
    assert visitor.idp.calls["token"] == 0
    assert not visitor.is_logged_in()


def test_of_more_than_five_attempts_the_oldest_gives_way(visitor, clock):
    answers = []
    for _ in range(6):
        answers.append(visitor.begin())
        clock.advance(seconds=2)
    assert visitor.return_with(answers[0]).status_code == 400
    assert visitor.return_with(answers[1]).status_code == 303


@pytest.mark.parametrize("target", ["/" + "a" * 900, "/" + "a" * 499, "/" + "\u00fc" * 83, "/" + '"' * 166])
def test_attempts_of_five_tabs_stay_small_enough_for_proxies(visitor, target):
    for _ in range(5):
        visitor.get("/login", query_string={"next": target})
    attempts = [cookie for cookie in visitor.client._cookies.values() if cookie.key.startswith("byline-login-")]
    assert len(attempts) == 5
    assert sum(len(f"{cookie.key}={cookie.value}; ") for cookie in attempts) < 7 * 1024


def test_an_attempt_ends_after_ten_minutes(visitor, clock):
    params = visitor.begin()
    clock.advance(minutes=10, seconds=5)
    assert visitor.return_with(params).status_code == 400
    assert visitor.idp.calls["token"] == 0


def test_looking_at_the_login_page_writes_nothing(visitor, app):
    visitor.begin()
    assert [count(app, table) for table in (LoginSession, Spent, Parked)] == [0, 0, 0]


# -- rows 10 to 12: how refusals are told ------------------------------------------------------------------------------


def test_what_the_address_says_of_an_error_is_never_shown(visitor):
    url = visitor.get("/login").location
    response = visitor.return_with(visitor.idp.authorize(url, error="access_denied"))
    assert response.status_code == 400
    assert "access_denied" in response.text
    assert "words from the address" not in response.text


def test_an_error_from_elsewhere_is_not_believed(visitor):
    response = visitor.get("/oidc/callback?error=access_denied&state=made-up")
    assert "state_unknown" in response.text


def test_a_log_line_of_a_login_is_not_only_for_debugging(ada):
    assert logging.getLogger("blog.security").isEnabledFor(logging.INFO)


def test_a_form_post_is_read_like_a_query(settings, request):
    settings |= {"PUBLIC_URL": "https://localhost", "OIDC_RESPONSE_MODE": "form_post"}
    visitor = request.getfixturevalue("visitor")
    on_https = {"base_url": "https://localhost"}
    login = visitor.get("/login", **on_https)
    assert asked(login.location)["response_mode"] == "form_post"
    assert "SameSite=None" in login.headers["Set-Cookie"]
    from_provider = {"Origin": "https://idp.example", "Sec-Fetch-Site": "cross-site"}
    params = visitor.idp.authorize(login.location)
    done = visitor.post("/oidc/callback", params, headers=from_provider, **on_https)
    assert (done.status_code, done.location) == (303, "/dashboard")


def test_a_form_post_ends_the_session_whose_cookie_it_does_not_bring(settings, request):
    """A browser sends no Lax cookie along with the provider's form, so the session that was there is not seen then."""
    settings |= {"PUBLIC_URL": "https://localhost", "OIDC_RESPONSE_MODE": "form_post"}
    app, idp = request.getfixturevalue("app"), request.getfixturevalue("idp")
    browser, on_https = app.test_client(), {"base_url": "https://localhost"}

    def log_in(path):
        params = idp.authorize(browser.get(path, **on_https).location)
        browser.delete_cookie("__Host-byline")
        assert browser.post("/oidc/callback", data=params, **on_https).status_code == 303
        return browser.get_cookie("__Host-byline").value

    first = log_in("/login")
    second = log_in("/login/confirm")
    assert [is_open(app, first), is_open(app, second)] == [False, True]


def is_open(app, session_id):
    browser = app.test_client()
    browser.set_cookie("__Host-byline", session_id, secure=True)
    return "Dashboard" in browser.get("/", base_url="https://localhost").text


def test_an_error_in_a_form_post_is_told(settings, request):
    settings |= {"PUBLIC_URL": "https://localhost", "OIDC_RESPONSE_MODE": "form_post"}
    visitor = request.getfixturevalue("visitor")
    login = visitor.get("/login", base_url="https://localhost")
    params = visitor.idp.authorize(login.location, error="login_required")
    response = visitor.post("/oidc/callback", params, base_url="https://localhost")
    assert response.status_code == 400
    assert "login_required" in response.text


def test_no_page_shows_the_code_of_a_form_post_that_could_not_be_judged(settings, request, monkeypatch):
    def database_is_away(*_args, **_kwargs):
        raise OperationalError("spend", {}, Exception())

    settings |= {"PUBLIC_URL": "https://localhost", "OIDC_RESPONSE_MODE": "form_post"}
    visitor = request.getfixturevalue("visitor")
    params = visitor.idp.authorize(visitor.get("/login", base_url="https://localhost").location)
    monkeypatch.setattr(spending, "spend", database_is_away)
    response = visitor.post("/oidc/callback", params, base_url="https://localhost")
    assert response.status_code == 503
    assert params["code"] not in response.text


@pytest.mark.parametrize(
    ("endpoint", "reply", "status", "reason"),
    [
        ("discovery", DOWN, 503, "provider_unreachable"),
        ("discovery", HTML, 503, "provider_unreachable"),
        ("token", DOWN, 503, "provider_unreachable"),
        ("token", ERROR500, 503, "provider_unreachable"),
        ("token", answer({"error": "invalid_grant"}, 400), 400, "code_refused"),
        ("jwks", DOWN, 503, "provider_unreachable"),
        ("userinfo", DOWN, 503, "provider_unreachable"),
        ("userinfo", answer({"sub": "eve"}), 400, "userinfo_of_another"),
    ],
)
def test_whatever_goes_wrong_at_the_provider_is_one_page_and_one_log_line(
    visitor, security_log, endpoint, reply, status, reason
):
    visitor.idp.answers[endpoint] = reply
    response = visitor.get("/login")
    if response.status_code == 302:
        response = visitor.return_with(visitor.idp.authorize(response.location))
    assert response.status_code == status
    assert reason in response.text
    assert ("Retry-After" in response.headers) == (status == 503)
    assert "Start again" in response.text
    assert security_log.events() == ["login_refused"]
    assert security_log.reasons("login_refused") == [reason]
    assert security_log.lines[0]["request"] in response.text
    visitor.idp.answers.clear()
    assert not visitor.is_logged_in()


def test_nobody_is_sent_to_a_provider_that_has_gone_away_since(visitor, clock):
    assert visitor.get("/login").status_code == 302
    visitor.idp.answers["discovery"] = DOWN
    clock.advance(seconds=2)
    assert visitor.get("/login").status_code == 503
    assert visitor.get("/register").status_code == 503
    assert visitor.get("/").status_code == 200


def test_a_slow_start_of_the_provider_hinders_nobody(visitor, clock):
    visitor.idp.answers["discovery"] = DOWN
    assert visitor.get("/login").status_code == 503
    assert visitor.get("/").status_code == 200
    visitor.idp.answers.clear()
    clock.advance(seconds=5)
    visitor.log_in()
    assert visitor.is_logged_in()


def test_while_the_provider_is_slow_threads_are_left_for_readers(app, anybody, visitor):
    asked, answered = Semaphore(0), Event()

    def slow(_request):
        asked.release()
        answered.wait(10)
        return ERROR500

    visitor.idp.responses.replace(CallbackResponse("POST", "https://idp.example/token", slow))
    answers = [(browser, browser.begin()) for browser in (anybody() for _ in range(LOGINS_AT_A_TIME + 1))]
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(browser.return_with, params) for browser, params in answers[:-1]]
        for _ in waiting:
            assert asked.acquire(timeout=10)
        browser, params = answers[-1]
        crowded_out = browser.return_with(params)
        assert (crowded_out.status_code, crowded_out.headers["Retry-After"]) == (503, "5")
        assert visitor.get("/").status_code == 200
        answered.set()
        assert {done.result().status_code for done in waiting} == {503}
    assert visitor.get("/login").status_code == 302  # there is room again


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_a_login_gives_a_new_id_and_the_old_one_is_dead(ada, anybody):
    before = ada.client.get_cookie("byline").value
    other_tab = anybody()
    other_tab.client.set_cookie("byline", before)
    assert other_tab.is_logged_in()
    second = anybody()
    params = second.begin()
    second.client.set_cookie("byline", before)
    second.return_with(params)
    assert second.client.get_cookie("byline").value != before
    assert not other_tab.is_logged_in()


def test_an_id_that_somebody_planted_is_never_taken(visitor):
    planted = "A" * 43
    visitor.client.set_cookie("byline", planted)
    visitor.log_in()
    assert visitor.client.get_cookie("byline").value != planted


def test_logging_out_ends_the_session_on_the_server(ada, anybody, app):
    cookie = ada.client.get_cookie("byline").value
    ada.submit("/logout", "Log out")
    thief = anybody()
    thief.client.set_cookie("byline", cookie)
    assert not thief.is_logged_in()
    assert ada.client.get_cookie("byline") is None
    assert count(app, LoginSession) == 0


def test_a_session_ends_when_it_was_idle(ada, clock):
    clock.advance(hours=11)
    assert ada.is_logged_in()
    clock.advance(hours=11)
    assert ada.is_logged_in()
    clock.advance(hours=12, seconds=1)
    assert not ada.is_logged_in()


def test_a_session_ends_at_a_set_age_however_busy(ada, clock):
    for _ in range(20):
        clock.advance(hours=8)
        assert ada.is_logged_in()
    clock.advance(hours=8)
    assert not ada.is_logged_in()


def test_an_eleventh_login_of_one_person_ends_the_longest_unseen(anybody, clock):
    browsers = []
    for _ in range(11):
        browsers.append(anybody().log_in("ada"))
        clock.advance(minutes=1)
    assert [browser.is_logged_in() for browser in browsers] == [False] + [True] * 10


def test_a_session_asks_the_provider_nothing(ada):
    before = ada.idp.calls.total()
    ada.is_logged_in()
    assert ada.idp.calls.total() == before


@pytest.mark.parametrize("error", [OperationalError("select", {}, Exception()), PoolTimeout()], ids=["away", "busy"])
def test_a_database_that_cannot_tell_who_asks_does_not_keep_pages_from_saying_so(ada, monkeypatch, error):
    def fails(*_args):
        raise error

    monkeypatch.setattr(Sessions, "_find", fails)
    assert ada.get("/dashboard").location == "/login?next=/dashboard"


def test_a_fault_before_everything_else_is_a_page_too(ada, monkeypatch):
    def fails(*_args):
        raise ProgrammingError("select", {}, Exception("a secret detail"))

    ada.app.testing = False
    monkeypatch.setattr(Sessions, "_find", fails)
    response = ada.get("/")
    assert response.status_code == 500
    assert "Something broke" in response.text
    assert "secret detail" not in response.text


@pytest.mark.parametrize(
    "change", [{"SECRET_KEY": "quite another key, also long enough"}, {"OIDC_ISSUER": "https://another.example"}]
)
def test_another_secret_key_or_issuer_opens_no_session(settings, ada, clock, change):
    from blog import create_app

    other = create_app(settings | change, now=clock)
    browser = other.test_client()
    browser.set_cookie("byline", ada.client.get_cookie("byline").value)
    assert browser.get("/dashboard").status_code == 302
    other.extensions["porch"].directory.close()
    with other.app_context():
        db.engine.dispose()


def test_a_session_cannot_be_moved_to_another_id(ada, bob, app):
    """Who can write to the database, but has no key, cannot become somebody else."""
    with app.app_context(), writing() as session:
        rows = session.scalars(select(LoginSession)).all()
        rows[0].data, rows[1].data = rows[1].data, rows[0].data
    assert not ada.is_logged_in()
    assert not bob.is_logged_in()


# -- out ---------------------------------------------------------------------------------------------------------------


def test_logging_out_goes_by_the_provider_and_comes_back_home(ada):
    response = ada.submit("/logout", "Log out")
    assert response.status_code == 303
    sent = asked(response.location)
    assert sent["client_id"] == "byline"
    assert sent["id_token_hint"].count(".") == 2
    assert sent["post_logout_redirect_uri"] == "http://localhost/"
    assert ada.get(ada.idp.end_session(response.location)).location == "/"


@pytest.mark.parametrize("back", ["/?state=another", "/?state=", "/"])
def test_coming_back_with_another_state_or_none_leads_home(ada, back):
    ada.submit("/logout", "Log out")
    assert ada.get(back, follow_redirects=True).request.full_path == "/?"


def test_logging_out_where_the_provider_knows_no_logout_leads_home(ada):
    ada.idp.metadata["end_session_endpoint"] = ABSENT
    ada.app.extensions["porch"].provider.__init__(ada.idp.issuer)
    assert ada.submit("/logout", "Log out").location == "http://localhost/"


def test_a_logout_address_elsewhere_is_reached_by_a_page_as_a_form_may_not_lead_there(ada):
    ada.idp.metadata["end_session_endpoint"] = "https://login.elsewhere.example/bye"
    ada.app.extensions["porch"].provider.__init__(ada.idp.issuer)
    response = ada.submit("/logout", "Log out")
    assert response.status_code == 200
    assert 'http-equiv="refresh" content="0; url=https://login.elsewhere.example/bye?' in response.text


def test_logging_out_works_while_the_provider_is_down(ada):
    ada.app.extensions["porch"].provider.__init__(ada.idp.issuer)
    ada.idp.answers["discovery"] = DOWN
    assert ada.submit("/logout", "Log out").location == "http://localhost/"
    assert not ada.is_logged_in()


def test_looking_at_the_logout_page_logs_nobody_out(ada):
    assert "Log out?" in ada.get("/logout").text
    assert ada.is_logged_in()


def test_logging_out_twice_is_no_error(ada):
    form = ada.filled("/logout", "Log out")
    ada.send(form)
    assert ada.send(form).location == "http://localhost/"


def test_the_back_button_shows_no_private_page_after_logging_out(ada):
    assert ada.get("/dashboard").headers["Cache-Control"] == "private, no-store"
    assert ada.get("/").headers["Cache-Control"] == "private, no-store"


# -- writes from elsewhere ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": ""}, 403),
    ],
)
def test_a_write_that_another_site_caused_is_refused(ada, headers, status):
    path, fields = ada.filled("/dashboard/write", "Save draft", title="A title", body="A body")
    assert ada.post(path, fields, headers=headers).status_code == status


@pytest.mark.parametrize("token", [None, "", "made-up", "W10.x"])
def test_a_signed_in_form_needs_its_token_and_shows_what_was_typed(ada, token):
    path, fields = ada.filled("/dashboard/write", "Save draft", title="A title", body="Words I do not want to lose")
    fields.pop("csrf_token")
    response = ada.post(path, fields | ({} if token is None else {"csrf_token": token}))
    assert response.status_code == 403
    assert "Words I do not want to lose" in response.text


def test_somebody_elses_token_is_not_good(ada, bob):
    _, of_bob = bob.filled("/dashboard/write", "Save draft")
    path, fields = ada.filled("/dashboard/write", "Save draft", title="T", body="B")
    assert ada.post(path, fields | {"csrf_token": of_bob["csrf_token"]}).status_code == 403


def test_a_token_has_no_time_limit_and_outlives_the_session(ada, clock):
    form = ada.filled("/dashboard/write", "Save draft", title="Overnight", body="A body")
    clock.advance(days=30)
    ada.log_in()
    assert ada.send(form).status_code == 303


def test_no_page_writes_anything_when_it_is_looked_at(ada, app):
    def rows():
        with app.app_context():
            return {table.name: db.session.execute(select(table)).all() for table in db.metadata.sorted_tables}

    slug, before = ada.publish(), rows()
    rules = [rule.rule for rule in app.url_map.iter_rules() if "GET" in rule.methods]
    assert "/<slug>/delete" in rules
    for rule in rules:
        path = rule.replace("<slug>", slug).replace("<path:filename>", "style.css")
        ada.get(path, headers={"Sec-Fetch-Site": "cross-site"})
    assert rows() == before


# -- a form that is sent while signed out ------------------------------------------------------------------------------


def sent_while_signed_out(actor, clock, **typed):
    form = actor.filled("/dashboard/write", "Publish", **typed)
    clock.advance(days=8)
    return actor.send(form)


def onward(response):
    return re.search(r'href="(/login\?next=[^"]+)"', response.text).group(1).replace("&amp;", "&")


def test_a_form_sent_while_signed_out_is_there_again_after_logging_in(ada, clock):
    response = sent_while_signed_out(ada, clock, title="Late", body="Written for hours & hours")
    assert response.status_code == 401
    assert response.headers["Cache-Control"] == "private, no-store"
    done = ada.return_with(ada.idp.authorize(ada.get(onward(response)).location))
    page = ada.get(done.location)
    assert "What you sent was kept while you logged in" in page.text
    path, fields = ada.filled(done.location, "Publish")
    assert (fields["title"], fields["body"]) == ("Late", "Written for hours & hours")
    assert ada.send((path, fields)).status_code == 303
    assert ada.get("/late").status_code == 200


def edited_while_signed_out(ada, clock, anybody, meanwhile):
    """Words for a post that somebody's other browser renames or deletes before they are back."""
    slug = ada.publish("Before", "Old words")
    form = ada.filled(f"/{slug}/edit", "Save changes", body="Words to keep")
    clock.advance(days=8)
    ada.send(form)
    meanwhile(anybody().log_in(), slug)
    ada.log_in()
    return {link.text: link["href"] for link in ada.page("/dashboard").select(".notice a")}


def test_a_form_sent_while_signed_out_finds_its_post_under_another_name(ada, clock, anybody):
    links = edited_while_signed_out(
        ada, clock, anybody, lambda other, slug: other.submit(f"/{slug}/edit", "Save changes", title="After")
    )
    page = ada.get(links["Take it up again"], follow_redirects=True)
    assert page.request.path == "/after/edit"
    assert "Words to keep" in page.text


def test_a_form_sent_while_signed_out_whose_post_is_gone_can_become_a_new_one(ada, clock, anybody):
    links = edited_while_signed_out(ada, clock, anybody, lambda other, slug: other.submit(f"/{slug}/delete", "Delete"))
    ada.send(ada.filled(links["make it a new post"], "Publish"))
    assert "Words to keep" in ada.get("/before-2").text  # the one in the trash keeps its address


def test_a_form_that_was_saved_in_the_end_is_kept_no_longer(ada, clock, app):
    response = sent_while_signed_out(ada, clock, title="Late", body="Text")
    target = ada.return_with(ada.idp.authorize(ada.get(onward(response)).location)).location
    ada.send(ada.filled(target, "Publish"))
    assert count(app, Parked) == 0


def test_a_form_sent_while_signed_out_is_shown_to_nobody_else(ada, bob, clock):
    response = sent_while_signed_out(ada, clock, title="Late", body="For my eyes only")
    bob.sub = "bob"
    target = bob.return_with(bob.idp.authorize(bob.get(onward(response)).location, sub="bob")).location
    assert "parked" in target
    assert "For my eyes only" not in bob.get(target).text
    ada.log_in()
    assert "Take it up again" in ada.get("/dashboard").text


def test_a_question_answered_while_signed_out_is_asked_again(ada, clock, app):
    form = ada.filled(f"/{ada.publish()}/delete", "Delete")
    clock.advance(days=8)
    response = ada.send(form)
    assert response.status_code == 401
    assert count(app, Parked) == 0
    target = ada.return_with(ada.idp.authorize(ada.get(onward(response)).location)).location
    assert "Delete this post?" in ada.get(target).text


def test_a_form_is_kept_sealed_and_for_a_day(ada, clock, app):
    sent_while_signed_out(ada, clock, title="Late", body="Secret words")
    with app.app_context():
        kept = db.session.scalars(select(Parked)).one()
        assert b"Secret words" not in kept.data
    clock.advance(hours=24, seconds=1)
    ada.log_in()
    assert "Take it up again" not in ada.get("/dashboard").text


def test_strangers_cannot_have_forms_kept(visitor, app):
    response = visitor.post("/dashboard/write", {"title": "x", "body": "x" * 1000, "csrf_token": "made-up", "end": "1"})
    assert response.status_code == 303
    assert response.location == "/login?next=/dashboard/write"
    assert count(app, Parked) == 0


def test_of_more_than_twenty_kept_forms_the_oldest_gives_way(ada, clock, app):
    form = ada.filled("/dashboard/write", "Publish", title="T", body="B")
    clock.advance(days=8)
    for _ in range(23):
        clock.advance(seconds=1)
        ada.send(form)
    assert count(app, Parked) == 20


# -- what is at rest, and what is logged -------------------------------------------------------------------------------


def test_no_name_address_or_token_rests_in_the_database_or_the_log(ada, app, caplog, security_log, settings, tmp_path):
    ada.idp.people["ada"] |= {"email": "ada@example.com", "given_name": "Ada", "family_name": "Lovelace"}
    with caplog.at_level(logging.DEBUG, "blog"):
        ada.submit("/logout", "Log out")
        ada.log_in()
        ada.get("/dashboard")
        ada.submit("/logout", "Log out")
        ada.log_in()
    token = ada.idp.token_requests[-1]
    with app.app_context():
        db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    log = repr([record.getMessage() for record in caplog.records] + security_log.lines)
    session_id = ada.client.get_cookie("byline").value
    assert security_log.events() == ["logout", "login"] * 2
    for secret in ("Lovelace", "ada@example.com", "eyJ", session_id, token["code"], token["code_verifier"]):
        assert secret.encode() not in files
        assert secret not in log
