"""One's sessions: seeing them, ending them one by one, everywhere or only here, and an admin ending anybody's."""

from __future__ import annotations

import pytest

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def log_in(anybody):
    """Logs somebody in with a browser of this name."""

    def begin(sub="ada", browser=FIREFOX):
        actor = anybody()
        actor.client.environ_base["HTTP_USER_AGENT"] = browser
        return actor.log_in(sub)

    return begin


def listed(actor):
    return [" ".join(item.text.split()) for item in actor.page("/dashboard/sessions").select(".sessions li")]


def test_somebody_sees_their_own_sessions_when_and_in_which_browser(log_in, clock):
    phone, since = log_in(browser=IPHONE), clock()
    clock.advance(hours=1)
    desk = log_in()
    log_in("bob")
    mine = listed(desk)
    assert len(mine) == 2
    assert "Firefox on Linux This browser Since" in mine[0]
    assert "Mobile Safari on iOS Since" in mine[1]
    assert f"{since:%-d %B %Y}" in mine[1]
    assert "This browser" in listed(phone)[1]


def test_one_of_them_can_be_ended_from_another(log_in, security_log):
    phone, desk = log_in(browser=IPHONE), log_in()
    response = desk.submit("/dashboard/sessions", "End")
    assert response.status_code == 303
    assert "That session has ended" in desk.get("/dashboard/sessions").text
    assert [phone.is_logged_in(), desk.is_logged_in()] == [False, True]
    (line,) = security_log.of("sessions_ended")
    assert line["ended"] == 1
    assert line["by"] == line["person"]


def test_nobody_ends_somebody_elses_by_its_name(log_in):
    ada, phone, bob = log_in(), log_in(browser=IPHONE), log_in("bob")
    form = ada.filled("/dashboard/sessions", "End")
    _, fields = bob.filled("/logout", "Log out")
    response = bob.post("/dashboard/sessions", {**fields, "ref": form[1]["ref"]})
    assert response.status_code == 303
    assert [ada.is_logged_in(), phone.is_logged_in()] == [True, True]
    assert "had ended already" in bob.get("/dashboard/sessions").text


def test_the_name_of_a_session_opens_nothing(log_in, anybody):
    ada, _ = log_in(), log_in()
    ref = ada.filled("/dashboard/sessions", "End")[1]["ref"]
    thief = anybody()
    thief.client.set_cookie("byline", ref)
    assert not thief.is_logged_in()


def test_the_one_at_hand_is_left_by_logging_out(log_in):
    ada = log_in()
    page = ada.page("/dashboard/sessions")
    assert not page.find_all("button", string="End")
    assert page.select_one(".sessions a")["href"] == "/logout"


@pytest.mark.parametrize("browser", ["", "<script>alert(1)</script>", "x" * 10_000, "\u00fc"])
def test_whatever_a_browser_calls_itself_is_no_harm(log_in, browser):
    page = log_in(browser=browser).page("/dashboard/sessions")
    assert page.select_one(".sessions .name").text
    assert not page.select("main script")


# -- here and everywhere -----------------------------------------------------------------------------------------------


def test_logging_out_only_here_leaves_the_provider_and_other_browsers_alone(log_in, security_log):
    phone, desk = log_in(browser=IPHONE), log_in()
    response = desk.submit("/logout", "Only here")
    assert (response.status_code, response.location) == (303, "http://localhost/")
    assert [phone.is_logged_in(), desk.is_logged_in()] == [True, False]
    assert [line["where"] for line in security_log.of("logout")] == ["here"]


def test_logging_out_leaves_the_provider_too_and_other_browsers_alone(log_in, security_log):
    phone, desk = log_in(browser=IPHONE), log_in()
    response = desk.submit("/logout", "Log out")
    assert response.location.startswith("https://idp.example/end_session?")
    assert [phone.is_logged_in(), desk.is_logged_in()] == [True, False]
    assert [line["where"] for line in security_log.of("logout")] == ["provider"]


def test_logging_out_everywhere_ends_every_session_and_the_providers(log_in, security_log):
    phone, desk, bob = log_in(browser=IPHONE), log_in(), log_in("bob")
    response = desk.submit("/logout", "Everywhere")
    assert response.location.startswith("https://idp.example/end_session?")
    assert [phone.is_logged_in(), desk.is_logged_in(), bob.is_logged_in()] == [False, False, True]
    assert [line["where"] for line in security_log.of("logout")] == ["everywhere"]


# -- an admin ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def roles(settings, idp):
    settings |= {"ROLES_CLAIM": "groups", "ROLE_EDITOR": "desk", "ROLE_ADMIN": "admins", "ROLE_AUTHOR": "writers"}
    idp.people = {
        "ada": {"name": "Ada Lovelace", "groups": ["writers"]},
        "eddy": {"name": "Eddy Editor", "groups": ["desk"]},
        "amy": {"name": "Amy Admin", "groups": ["admins"]},
    }


def test_an_admin_ends_all_sessions_of_an_author_id(roles, log_in, security_log):
    phone, desk, amy = log_in(browser=IPHONE), log_in(), log_in("amy")
    assert amy.submit("/dashboard/sessions", "End all of them", author_id=" ada ").status_code == 303
    assert "2 sessions have ended" in amy.get("/dashboard/sessions").text
    assert [phone.is_logged_in(), desk.is_logged_in(), amy.is_logged_in()] == [False, False, True]
    (line,) = security_log.of("sessions_ended")
    assert line["ended"] == 2
    assert line["by"] != line["person"]
    assert "ada" not in repr(line)


@pytest.fixture
def object_ids(roles, settings, idp):
    settings["OIDC_AUTHOR_CLAIM"] = "oid"
    for sub, claims in idp.people.items():
        claims["oid"] = f"object-{sub}"


def test_by_the_id_that_posts_are_kept_under(object_ids, log_in):
    ada, amy = log_in(), log_in("amy")
    assert amy.submit("/dashboard/sessions", "End all of them", author_id="ada").status_code == 400
    assert ada.is_logged_in()
    assert amy.submit("/dashboard/sessions", "End all of them", author_id="object-ada").status_code == 303
    assert not ada.is_logged_in()


@pytest.mark.parametrize(("typed", "said"), [("", "Say whose"), ("nobody", "Nobody with this id"), ("<b>", "Nobody")])
def test_an_id_that_ends_nothing_is_told_at_the_field(roles, log_in, typed, said):
    response = log_in("amy").submit("/dashboard/sessions", "End all of them", author_id=typed)
    assert response.status_code == 400
    assert said in response.text
    assert "<b>" not in response.text


@pytest.mark.parametrize("sub", ["ada", "eddy"])
def test_nobody_else_ends_other_peoples(roles, log_in, sub):
    amy, actor = log_in("amy"), log_in(sub)
    assert not actor.page("/dashboard/sessions").find_all("button", string="End all of them")
    _, fields = actor.filled("/logout", "Log out")
    assert actor.post("/dashboard/sessions", {**fields, "author_id": "amy"}).status_code == 403
    assert amy.is_logged_in()
