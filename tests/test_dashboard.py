"""The authors' door: writing, publishing, changing, deleting; and that nothing typed is lost on the way."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import event, text

from blog.db import db
from tests.actor import fill

EVERY_PATH = ["/dashboard/write", "/a-title/edit", "/a-title/delete"]


def soup(response):
    return BeautifulSoup(response.text, "html.parser")


# -- the journey -------------------------------------------------------------------------------------------------------


def test_a_published_post_is_read_under_its_authors_name(ada, visitor):
    slug = ada.publish("Hello, world!", "Some *words*.")
    assert slug == "hello-world"
    page = visitor.page("/hello-world")
    assert page.h1.text == "Hello, world!"
    assert page.select_one(".byline").text == "Ada Lovelace"
    assert page.select_one(".prose em").text == "words"
    assert "Hello, world!" in visitor.get("/").text


def test_a_draft_is_seen_by_its_author_only(ada, bob, visitor):
    slug = ada.draft("Not yet")
    assert "This is a draft" in ada.get(f"/{slug}").text
    assert visitor.get(f"/{slug}").status_code == 404
    assert bob.get(f"/{slug}").status_code == 404
    assert "Not yet" not in visitor.get("/").text


def test_a_draft_can_be_published_later(ada, visitor):
    slug = ada.draft("Not yet")
    ada.submit(f"/{slug}/edit", "Publish")
    assert visitor.get("/not-yet").status_code == 200


def test_a_live_post_can_be_taken_back(ada, visitor):
    slug = ada.publish()
    ada.submit(f"/{slug}/edit", "Unpublish")
    assert visitor.get(f"/{slug}").status_code == 404
    assert "draft" in ada.get(f"/{slug}").text


def test_changes_are_saved_and_the_old_address_leads_to_the_post(ada, visitor):
    slug = ada.publish("First name", "Old words")
    response = ada.submit(f"/{slug}/edit", "Save changes", title="Second name", body="New words")
    assert response.location == "/second-name/edit"
    old = visitor.get("/first-name")
    assert (old.status_code, old.location) == (301, "/second-name")
    assert "New words" in visitor.get("/second-name").text


def test_deleting_asks_first(ada, visitor):
    slug = ada.publish("Going")
    question = ada.page(f"/{slug}/delete")
    assert "Delete this post?" in question.h1.text
    assert visitor.get("/going").status_code == 200
    assert ada.submit(f"/{slug}/delete", "Delete").location == "/dashboard"
    assert visitor.get("/going").status_code == 404
    assert "“Going” is deleted" in ada.get("/dashboard").text


def test_the_dashboard_lists_ones_own_posts_with_state_and_date(ada, bob):
    ada.publish("Mine and live")
    ada.draft("Mine and not")
    bob.publish("Not mine")
    rows = [" ".join(row.text.split()) for row in ada.page("/dashboard").select(".posts li")]
    assert len(rows) == 2
    assert rows[0].startswith("Mine and not Draft saved")
    assert rows[1].startswith("Mine and live Live since")


def test_an_empty_dashboard_says_what_to_do(ada):
    assert "You have not written anything yet" in ada.get("/dashboard").text


def test_the_controls_have_the_names_that_people_and_tools_look_for(ada, visitor):
    assert {"Log in", "Register"} <= {link.text for link in visitor.page("/").select("a")}
    slug = ada.publish()
    dashboard, empty, editor = ada.page("/dashboard"), ada.page("/dashboard/write"), ada.page(f"/{slug}/edit")
    assert "Dashboard" in [link.text for link in dashboard.select("a")]
    assert "Write a post" in [link.text for link in dashboard.select("a")]
    assert {"Log out", "Delete"} <= {button.text for button in dashboard.select("button")}
    assert {"Publish", "Save draft", "Preview"} <= {button.text for button in empty.select("button")}
    assert {"Save changes", "Delete"} <= {button.text for button in editor.select("button")}
    for page in (empty, editor):
        for name in ("Title", "Body"):
            label = next(label for label in page.select("label") if label.text == name)
            assert page.find(id=label["for"])["name"] == name.lower()


@pytest.mark.parametrize(
    ("title", "slug"), [("Dashboard", "dashboard"), ("Static", "static"), ("Login", "login"), ("oidc", "oidc")]
)
def test_a_post_may_be_called_like_one_of_our_pages(ada, visitor, title, slug):
    made = ada.publish(title)
    assert made != slug
    assert visitor.page(f"/{made}").h1.text == title
    assert visitor.get("/dashboard").status_code == 302


def test_two_posts_may_have_the_same_title(ada, bob):
    assert ada.publish("Twice") != bob.publish("Twice")


# -- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EVERY_PATH)
def test_signed_out_every_page_of_authors_leads_to_the_login_and_back(visitor, ada, path):
    ada.publish()
    response = visitor.get(path)
    assert response.status_code == 302
    assert visitor.return_with(visitor.begin(response.location)).location == path


@pytest.mark.parametrize("path", EVERY_PATH)
def test_signed_out_nothing_can_be_written(visitor, ada, path):
    ada.publish()
    response = visitor.post(path, {"title": "x", "body": "y", "end": "1"})
    assert (response.status_code, response.location) == (303, f"/login?next={path}")
    assert "A title" in visitor.get("/a-title").text


@pytest.mark.parametrize("path", EVERY_PATH[1:])
@pytest.mark.parametrize("draft", [True, False])
def test_somebody_elses_post_is_forbidden(ada, bob, path, draft):
    (ada.draft if draft else ada.publish)("A title")
    assert bob.get(path).status_code == 403
    _, fields = bob.filled("/dashboard/write", "Save draft", title="Taken over", body="Hijacked words")
    response = bob.post(path, fields | {"version": "1"})
    assert response.status_code == 403
    assert "Not yours to change" in response.text
    assert "A title" in ada.get("/a-title").text


@pytest.mark.parametrize(
    "path", ["/nothing", "/nothing/edit", "/nothing/delete", "/nothing/at/all", "/%00", "/%ff", "/" + "a" * 300]
)
def test_where_nothing_is_a_page_in_the_sites_look_says_so(ada, path):
    response = ada.get(path)
    assert response.status_code == 404
    assert "Nothing here" in response.text
    assert "Log out" in response.text


# -- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"title": "", "body": "Words to keep"}, "title"),
        ({"title": "   ", "body": "Words to keep"}, "title"),
        ({"title": "x" * 201, "body": "Words to keep"}, "title"),
        ({"title": "Words to keep", "body": ""}, "body"),
        ({"title": "Words to keep", "body": "x" * 100_001}, "body"),
        ({"title": "Words to keep", "body": "a\x00b"}, "body"),
        ({"title": "Words\x07to keep", "body": "Words to keep"}, "title"),
    ],
)
@pytest.mark.parametrize("where", ["new", "old"])
def test_a_mistake_is_told_beside_its_field_and_nothing_typed_is_lost(ada, typed, field, where):
    path, button = ("/dashboard/write", "Publish") if where == "new" else (f"/{ada.publish()}/edit", "Save changes")
    response = ada.submit(path, button, **typed)
    assert response.status_code == 400
    page = soup(response)
    control = page.find(id=field)
    assert control["aria-invalid"] == "true"
    problem = page.find(id=f"{field}-problem")
    assert problem.text
    assert f"{field}-problem" in control["aria-describedby"]
    assert "Words to keep" in (page.find(id="title")["value"] + page.find(id="body").text)


@pytest.mark.parametrize("where", ["new", "old"])
def test_ten_megabytes_are_told_at_the_field_too_and_come_back_whole(ada, where):
    path, button = ("/dashboard/write", "Publish") if where == "new" else (f"/{ada.publish()}/edit", "Save changes")
    body = "ü " * 3_400_000  # 10 MB, and 23 MB as a browser writes them into the form
    response = ada.submit(path, button, title="Words to keep", body=body)
    assert response.status_code == 400
    assert 'id="body-problem"' in response.text
    assert body.strip() in response.text


def test_of_that_much_nothing_is_read_from_who_is_not_logged_in(visitor):
    assert visitor.post("/dashboard/write", {"body": "x" * 5_000_000}).status_code == 401


def test_half_a_surrogate_pair_is_a_mistake_and_no_crash(ada):
    path, fields = ada.filled("/dashboard/write", "Publish", title="Broken", body="")
    encoded = "&".join(f"{name}={value}" for name, value in fields.items() if name != "body") + "&body=%ED%A0%80x"
    response = ada.client.post(
        path, data=encoded.replace("end=1", "") + "&end=1", content_type="application/x-www-form-urlencoded"
    )
    assert response.status_code in {303, 400}  # the server decodes it to replacement characters, or refuses it
    assert ada.get("/dashboard").status_code == 200


def test_a_form_that_did_not_arrive_whole_changes_nothing(ada):
    slug = ada.publish("Whole", "All of the words")
    path, fields = ada.filled(f"/{slug}/edit", "Save changes", body="Half of the")
    del fields["end"]
    response = ada.post(path, fields)
    assert response.status_code == 400
    assert "did not arrive whole" in response.text
    assert "Half of the" in response.text
    assert "All of the words" in ada.get(f"/{slug}").text


@pytest.mark.parametrize("version", ["", "-1", "1.5", "9" * 30, "١"])
def test_a_tampered_version_is_refused_and_the_text_kept(ada, version):
    slug = ada.publish()
    path, fields = ada.filled(f"/{slug}/edit", "Save changes", body="Words to keep")
    response = ada.post(path, fields | {"version": version})
    assert response.status_code == 400
    assert "Words to keep" in response.text


def test_sending_the_same_form_twice_makes_one_post(ada):
    form = ada.filled("/dashboard/write", "Publish", title="Once", body="Only")
    assert [ada.send(form).status_code for _ in range(2)] == [303, 303]
    assert len(ada.page("/dashboard").select(".posts li")) == 1


def test_an_old_form_with_other_words_makes_no_second_post_and_loses_no_words(ada):
    path, fields = ada.filled("/dashboard/write", "Publish", title="Once", body="Only")
    ada.post(path, fields)
    response = ada.post(path, fields | {"body": "Back button, more words"})
    assert response.status_code == 409
    assert "Back button, more words" in response.text
    ada.send(fill(soup(response), path, "Save changes"))
    assert "Back button, more words" in ada.get("/once").text


def test_saving_over_a_newer_version_shows_both_and_loses_neither(ada):
    slug = ada.publish("Shared", "line one\n\nline two")
    first = ada.filled(f"/{slug}/edit", "Save changes", body="line one\n\nfirst tab")
    second = ada.filled(f"/{slug}/edit", "Save changes", body="line one\n\nsecond tab")
    ada.send(first)
    response = ada.send(second)
    assert response.status_code == 409
    page = soup(response)
    assert [area.text.strip() for area in page.select("textarea:not([name=excerpt])")][:2] == [
        "line one\n\nsecond tab",
        "line one\n\nfirst tab",
    ]
    assert "second tab" in page.select_one("ins").text
    assert "first tab" in page.select_one("del").text
    assert "first tab" in ada.get(f"/{slug}").text
    ada.send(fill(page, f"/{slug}/edit", "Save changes"))
    assert "second tab" in ada.get(f"/{slug}").text


def test_a_conflict_in_which_the_other_tab_renamed_the_post_loses_nothing(ada):
    slug = ada.publish("Before", "Old words")
    second = ada.filled(f"/{slug}/edit", "Save changes", body="Words of the second tab")
    ada.submit(f"/{slug}/edit", "Save changes", title="After")
    response = ada.send(second)
    assert response.status_code == 409
    assert "Words of the second tab" in response.text
    ada.send(fill(soup(response), f"/{slug}/edit", "Save changes"))
    assert "Words of the second tab" in ada.get("/after", follow_redirects=True).text


def test_saving_what_was_deleted_in_another_tab_shows_the_words_again(ada):
    slug = ada.publish("Gone")
    form = ada.filled(f"/{slug}/edit", "Save changes", body="Words to keep")
    ada.submit(f"/{slug}/delete", "Delete")
    response = ada.send(form)
    assert response.status_code == 404
    assert "Words to keep" in response.text


def test_a_full_disk_loses_no_words(ada, app):
    form = ada.filled("/dashboard/write", "Publish", title="No room", body="Words to keep. " * 5000)
    with app.app_context():
        pages = db.session.execute(text("PRAGMA page_count")).scalar()
        event.listen(db.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count={pages + 5}").close())
        db.session.remove()
        db.engine.dispose()
    response = ada.send(form)
    assert response.status_code == 503
    assert "Retry-After" in response.headers
    assert "Words to keep. " * 5000 in soup(response).find("textarea", string=re.compile("Words")).text
    assert ada.get("/").status_code == 200


def test_a_long_dashboard_has_pages(settings, request):
    settings["POSTS_PER_PAGE"] = "2"
    ada = request.getfixturevalue("ada")
    for number in range(5):
        ada.draft(f"Number {number}")
    seen, path = [], "/dashboard"
    while path:
        page = ada.page(path)
        seen += [link.text for link in page.select(".posts .name")]
        older = page.select_one('.pages a[rel="next"]')
        path = older["href"] if older else None
    assert seen == [f"Number {number}" for number in (4, 3, 2, 1, 0)]


# -- hostile text ------------------------------------------------------------------------------------------------------


def test_hostile_titles_and_bodies_are_shown_not_run(ada, visitor):
    title = "<script>alert(1)</script>{{7*7}}\"'&"
    body = "<script>alert(2)</script><img src=x onerror=alert(3)>[x](javascript:alert(4))<style>p{}</style>ok"
    slug = ada.publish(title, body)
    for actor, path in (
        (visitor, f"/{slug}"),
        (visitor, "/"),
        (ada, "/dashboard"),
        (ada, f"/{slug}/edit"),
        (ada, f"/{slug}/delete"),
    ):
        page = actor.page(path)
        assert not page.select('main script:not([src^="/static/"]), style, [onerror]'), path
        assert not [link for link in page.select("a[href]") if link["href"].lower().startswith("javascript")], path
        assert title in page.text or title in str(page.select("input")) or page.find("input", value=title), path


# -- who can read a post -----------------------------------------------------------------------------------------------

HOSTILE = "<b>&amp;\u202e"
FOR_DESK = {"visible_to": "groups", "group": ["Night Desk", HOSTILE]}


def choice(page):
    """What a form says of who can read: the radio that is on, the boxes that are ticked, the boxes there are."""
    form = page.select_one("form.editor")
    on = [radio["value"] for radio in form.select("[name=visible_to][checked]")]
    ticked = [box["value"] for box in form.select("[name=group][checked]")]
    return on, ticked, [box["value"] for box in form.select("[name=group]")]


def test_a_new_post_is_for_everyone_unless_its_author_chooses(desk, ada):
    page = ada.page("/dashboard/write")
    assert page.select_one("fieldset legend").text == "Who can read this"
    labels = [" ".join(label.text.split()) for label in page.select("#visible_to label")]
    assert labels[:3] == ["Everyone", "Everybody who is logged in", "Only these groups"]
    assert labels[3:] == choice(page)[2] == [HOSTILE, "Night Desk", "writers"]
    assert choice(page)[:2] == (["everyone"], [])
    assert not page.select("fieldset b")


def test_whom_a_post_is_for_is_kept_shown_and_can_be_changed(desk, ada, visitor):
    slug = ada.publish(**FOR_DESK)
    assert choice(ada.page(f"/{slug}/edit"))[:2] == (["groups"], [HOSTILE, "Night Desk"])
    ada.submit(f"/{slug}/edit", "Save changes", body="Changed, and nothing else")
    assert choice(ada.page(f"/{slug}/edit"))[:2] == (["groups"], [HOSTILE, "Night Desk"])
    assert visitor.get(f"/{slug}").status_code == 404
    ada.submit(f"/{slug}/edit", "Save changes", visible_to="everyone")
    assert visitor.get(f"/{slug}").status_code == 200
    assert choice(ada.page(f"/{slug}/edit"))[:2] == (["everyone"], [])


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"visible_to": "everyone"}, "Published. Everybody can read it now."),
        ({"visible_to": "people"}, "Published. Everybody who is logged in can read it now."),
        (FOR_DESK, "Published. The people in its groups can read it now."),
    ],
)
def test_publishing_says_who_can_read_it_now(desk, ada, chosen, said):
    ada.submit("/dashboard/write", "Publish", title="A", body="B", **chosen)
    assert said in ada.get("/dashboard").text
    ada.draft("C", **chosen)
    ada.submit("/c/edit", "Publish")
    assert said in ada.get("/c/edit").text


def test_who_is_in_no_group_is_told_why_there_is_no_such_choice(ada):
    page = ada.page("/dashboard/write")
    assert choice(page) == (["everyone"], [], [])
    assert [radio["value"] for radio in page.select("[name=visible_to]")] == ["everyone", "people"]
    assert "tells no groups of yours" in page.select_one("fieldset .help").text


@pytest.mark.parametrize(
    "chosen",
    [{"visible_to": "groups"}, {"visible_to": "groups", "group": ["writers", "editors"]}, {"visible_to": "me"}],
)
@pytest.mark.parametrize("where", ["new", "old"])
def test_a_mistaken_choice_is_told_at_its_field_and_nothing_is_lost_or_wider(desk, ada, visitor, chosen, where):
    slug = ada.publish("Kept", **FOR_DESK)
    path, button = ("/dashboard/write", "Publish") if where == "new" else (f"/{slug}/edit", "Save changes")
    response = ada.submit(path, button, title="Words to keep", body="Words to keep", **({"group": []} | chosen))
    assert response.status_code == 400
    page = soup(response)
    assert page.find(id="visible_to-problem").text
    assert page.select_one("fieldset")["aria-describedby"] == "visible_to-problem"
    assert page.find(id="title")["value"] == page.find(id="body").text.strip() == "Words to keep"
    on, ticked, _ = choice(page)
    assert on == ([chosen["visible_to"]] if chosen["visible_to"] == "groups" else [])
    assert ticked == [group for group in chosen.get("group", []) if group == "writers"]
    assert visitor.get("/kept").status_code == visitor.get("/words-to-keep").status_code == 404


@pytest.mark.parametrize("wrong", [{"title": ""}, {"body": ""}])
def test_a_choice_survives_a_mistake_elsewhere(desk, ada, wrong):
    typed = {"title": "T", "body": "B"} | wrong
    assert choice(soup(ada.submit("/dashboard/write", "Publish", **typed, **FOR_DESK)))[:2] == (
        ["groups"],
        [HOSTILE, "Night Desk"],
    )
    path = f"/{ada.publish()}/edit"
    assert choice(soup(ada.submit(path, "Save changes", **typed, **FOR_DESK)))[:2] == (
        ["groups"],
        [HOSTILE, "Night Desk"],
    )


def test_a_choice_survives_an_ended_session(desk, ada, clock, visitor):
    form = ada.filled("/dashboard/write", "Publish", title="Late", body="Words", **FOR_DESK)
    clock.advance(days=8)
    response = ada.send(form)
    assert response.status_code == 401
    link = soup(response).select_one("a.button.main")["href"]
    back = ada.return_with(ada.begin(link)).location
    assert choice(ada.page(back))[:2] == (["groups"], [HOSTILE, "Night Desk"])
    ada.submit(back, "Publish")
    assert choice(ada.page("/late/edit"))[:2] == (["groups"], [HOSTILE, "Night Desk"])
    assert visitor.get("/late").status_code == 404


def test_a_choice_for_groups_never_becomes_wider_when_the_groups_are_gone(desk, ada, clock):
    form = ada.filled("/dashboard/write", "Publish", title="Late", body="Words", **FOR_DESK)
    clock.advance(days=8)
    link = soup(ada.send(form)).select_one("a.button.main")["href"]
    desk["ada"]["groups"] = ["writers"]
    back = ada.return_with(ada.begin(link)).location
    assert choice(ada.page(back)) == (["groups"], [], ["writers"])
    assert ada.submit(back, "Publish").status_code == 400


def test_a_form_in_which_only_a_choice_was_made_is_not_kept(desk, ada, clock):
    form = ada.filled("/dashboard/write", "Publish", visible_to="people")
    clock.advance(days=8)
    assert "Nothing was done" in ada.send(form).text


def test_a_choice_survives_a_conflict_and_both_are_shown(desk, ada):
    slug = ada.publish("Shared", "Words")
    second = ada.filled(f"/{slug}/edit", "Save changes", **FOR_DESK)
    ada.submit(f"/{slug}/edit", "Save changes", visible_to="people")
    response = ada.send(second)
    assert response.status_code == 409
    page = soup(response)
    assert choice(page)[:2] == (["groups"], [HOSTILE, "Night Desk"])
    assert "Logged-in people" in page.find(attrs={"aria-labelledby": "theirs"}).text
    ada.send(fill(page, f"/{slug}/edit", "Save changes"))
    assert choice(ada.page(f"/{slug}/edit"))[:2] == (["groups"], [HOSTILE, "Night Desk"])


def test_the_same_form_for_other_readers_is_a_conflict_and_makes_no_second_post(desk, ada):
    path, fields = ada.filled("/dashboard/write", "Publish", title="Once", body="Only", **FOR_DESK)
    assert [ada.post(path, fields).status_code for _ in range(2)] == [303, 303]
    response = ada.post(path, fields | {"visible_to": "everyone"})
    assert response.status_code == 409
    assert choice(soup(response))[0] == ["everyone"]
    assert len(ada.page("/dashboard").select(".posts li")) == 1


def test_an_editor_who_is_in_no_group_of_a_post_keeps_them_by_saving(desk, ada, anybody):
    slug = ada.publish("Nightly", "Wrods", **FOR_DESK)
    desk["eddy"]["groups"] = ["editors", "owls"]
    eddy = anybody().log_in("eddy")
    assert choice(eddy.page(f"/{slug}/edit")) == (
        ["groups"],
        [HOSTILE, "Night Desk"],
        [HOSTILE, "Night Desk", "editors", "owls"],
    )
    eddy.submit(f"/{slug}/edit", "Save changes", body="Words")
    assert choice(ada.page(f"/{slug}/edit"))[:2] == (["groups"], [HOSTILE, "Night Desk"])
    eddy.submit(f"/{slug}/edit", "Save changes", group=["Night Desk", "owls"])
    assert choice(ada.page(f"/{slug}/edit"))[1:] == (["Night Desk", "owls"], ["Night Desk", "owls", HOSTILE, "writers"])


def test_somebody_elses_hidden_post_is_not_there_to_be_edited(desk, ada, anybody):
    slug, bob = ada.publish("Nightly", **FOR_DESK), anybody().log_in("bob")
    for path in (f"/{slug}/edit", f"/{slug}/delete", "/never-there/edit"):
        assert bob.get(path).status_code == 404
        _, fields = bob.filled("/dashboard/write", "Save draft", title="Taken over", body="Words to keep")
        response = bob.post(path, fields | {"version": "1"})
        assert response.status_code == 404
        assert "Words to keep" in response.text


AWKWARD = [
    "a,b",
    '"quoted"',
    "it's",
    " a space",
    "100%",
    "/staff/desk",
    "x" * 255,
    "میز\u200cها",
    "e\u0301",
    "\u200b",
    "😀",
]


def test_a_group_may_have_any_name(desk, ada, anybody):
    desk["ada"]["groups"] += AWKWARD
    ada.submit("/logout", "Log out")
    ada.log_in("ada")
    for number, group in enumerate(AWKWARD):
        slug = ada.publish(f"Number {number}", visible_to="groups", group=group)
        assert choice(ada.page(f"/{slug}/edit"))[:2] == (["groups"], [group])
        ada.submit(f"/{slug}/edit", "Save changes", body="Saved anew.")
        desk["rita"]["groups"] = [group]
        assert anybody().log_in("rita").page(f"/{slug}").select_one(".limited bdi").text == group
    assert len(anybody().log_in("nina").page("/").select("article")) == 0


def test_an_editor_sees_whose_post_it_is(desk, anybody):
    ada = anybody().log_in("ada")
    slug = ada.publish("Words", "Text")
    editor = anybody().log_in("eddy")
    for page in ("edit", "delete"):
        assert "Ada Lovelace" in editor.page(f"/{slug}/{page}").select_one("main .meta").text
        assert "Ada Lovelace" not in str(ada.page(f"/{slug}/{page}").select_one("main .meta"))


def test_who_may_no_longer_write_is_still_shown_what_they_had_sent(desk, anybody, clock):
    ada = anybody().log_in("ada")
    form = ada.filled("/dashboard/write", "Publish", title="Words", body="All of my words")
    clock.advance(hours=13)
    back = BeautifulSoup(ada.send(form).text, "html.parser").select_one("main a.button")["href"]
    desk["ada"]["groups"] = []
    refused = ada.get(ada.return_with(ada.begin(back)).location)
    assert refused.status_code == 403
    assert "All of my words" in refused.text
    bob = anybody().log_in("rita")
    assert "All of my words" not in bob.get(back.partition("next=")[2]).text
