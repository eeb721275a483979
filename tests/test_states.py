"""States through the doors: scheduling, the trash, revisions, and the list of posts on the dashboard."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import event, select

from blog.db import Post, Revision, db
from tests.test_media import address
from tests.test_readership import read


@pytest.fixture
def log_in(settings, request):
    """Logs somebody in at a blog that has these settings, too."""

    def log_in(sub="ada", **more):
        settings.update(more)
        return request.getfixturevalue("anybody")().log_in(sub)

    return log_in


def local(clock, zone="UTC", **ahead):
    """What stands in the field for a time from now."""
    return f"{(clock() + timedelta(**ahead)).astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


def stored(app, slug):
    with app.app_context():
        return db.session.scalar(select(Post).where(Post.slug == slug))


def notices(actor, path="/dashboard"):
    return [" ".join(each.text.split()) for each in actor.page(path).select(".notice")]


def listed(actor, query=""):
    return [each.text.strip() for each in actor.page(f"/dashboard{query}").select(".posts .name")]


def state_lines(actor, query=""):
    rows = actor.page(f"/dashboard{query}").select(".posts li")
    return {row.select_one(".name").text.strip(): " ".join(row.select_one(".meta").text.split()) for row in rows}


def many(actor, action, *titles, query="", **more):
    """Tick the boxes of these posts in the list, and press a button above it."""
    page = actor.page(f"/dashboard{query}")
    boxes = {row.select_one(".name").text.strip(): row.select_one("[name=chosen]") for row in page.select(".posts li")}
    form = page.select_one("#many")
    fields = {line["name"]: line["value"] for line in form.select("input[name]")}
    chosen = [boxes[title]["value"] for title in titles]
    return actor.post(form["action"], fields | {"action": action, "chosen": chosen} | more)


# -- scheduling -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["new", "old"])
def test_who_types_a_time_and_saves_a_draft_is_told_that_it_is_not_scheduled(ada, clock, where):
    path = "/dashboard/write" if where == "new" else f"/{ada.draft('Soon')}/edit"
    button = "Save draft" if where == "new" else "Save changes"
    at = local(clock, "Europe/Berlin", hours=2)
    ada.submit(path, button, title="Soon", body="Words", publish_at=at, zone="Europe/Berlin")
    (notice,) = notices(ada, "/soon/edit")
    assert "It is not scheduled for" in notice
    assert f"{at[-5:]} (Europe/Berlin)" in notice


def test_a_scheduled_post_appears_at_its_time(ada, visitor, clock):
    slug = ada.draft("Soon")
    at = local(clock, "Europe/Berlin", hours=2)
    response = ada.submit(f"/{slug}/edit", "Schedule", publish_at=at, zone="Europe/Berlin")
    assert response.status_code == 303
    editor = ada.page(f"/{slug}/edit")
    assert "Scheduled for" in editor.select_one(".notice").text
    assert "(Europe/Berlin)" in editor.select_one(".notice").text
    assert editor.select_one("#publish_at")["value"] == at
    assert editor.select_one("#zone option[selected]").text == "Europe/Berlin"
    assert "Scheduled for" in state_lines(ada)["Soon"]
    assert "This is scheduled for" in ada.get("/soon").text
    assert visitor.get("/soon").status_code == 404
    clock.advance(hours=1, minutes=58)
    assert visitor.get("/soon").status_code == 404
    clock.advance(minutes=3)
    assert visitor.get("/soon").status_code == 200
    assert "Soon" in visitor.get("/").text
    assert "Live" in state_lines(ada)["Soon"]


def test_a_new_post_can_be_scheduled_and_a_typed_time_is_never_published_over(ada, visitor, clock):
    for title, button in (("By its button", "Schedule"), ("By publishing", "Publish")):
        at = local(clock, hours=2)
        words = {"title": title, "body": "Words", "publish_at": at, "zone": "UTC"}
        assert ada.submit("/dashboard/write", button, **words).status_code == 303
        assert any("Scheduled for" in each for each in notices(ada))
        assert "Scheduled for" in state_lines(ada)[title]
    assert visitor.get("/by-publishing").status_code == 404


def test_a_schedule_is_moved_kept_and_dropped(ada, visitor, app, clock):
    slug = ada.draft("Soon")
    ada.submit(f"/{slug}/edit", "Schedule", publish_at=local(clock, hours=2), zone="UTC")
    first = stored(app, slug).published_at
    ada.submit(f"/{slug}/edit", "Save changes", body="Other words", zone="UTC")
    assert stored(app, slug).published_at == first
    ada.submit(f"/{slug}/edit", "Save changes", publish_at=local(clock, hours=5), zone="UTC")
    assert stored(app, slug).published_at == first + timedelta(hours=3)
    ada.submit(f"/{slug}/edit", "Reschedule", publish_at=local(clock, hours=3), zone="UTC")
    assert stored(app, slug).published_at == first + timedelta(hours=1)
    ada.submit(f"/{slug}/edit", "Back to draft", zone="UTC")
    assert stored(app, slug).published_at is None
    assert state_lines(ada)["Soon"].startswith("Draft")
    ada.submit(f"/{slug}/edit", "Schedule", publish_at=local(clock, hours=2), zone="UTC")
    ada.submit(f"/{slug}/edit", "Publish now", zone="UTC")
    assert visitor.get("/soon").status_code == 200


@pytest.mark.parametrize("page", ["/dashboard/write", "/old/edit"])
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Say when"),
        ("soon", "no date and time"),
        ("2020-01-01T10:00", "has passed"),
        ("9999-12-31T23:59", "more than ten years"),
        ("2199-01-01T00:00", "more than ten years"),
        ("2027-03-28T02:30", "Clocks go forward"),
    ],
)
def test_a_wrong_time_is_told_at_its_field_and_nothing_typed_is_lost(ada, page, typed, said):
    ada.draft("Old")
    words = {"title": "A new title", "body": "Many words.", "publish_at": typed, "zone": "Europe/Berlin"}
    response = ada.submit(page, "Schedule", **words)
    assert response.status_code == 400
    shown = BeautifulSoup(response.text, "html.parser")
    assert said in shown.select_one("#publish_at-problem").text
    assert "publish_at-problem" in shown.select_one("#publish_at")["aria-describedby"]
    assert shown.select_one("#publish_at")["value"] == typed
    assert shown.select_one("#zone option[selected]").text == "Europe/Berlin"
    assert (shown.select_one("#title")["value"], shown.select_one("#body").text.strip()) == (
        "A new title",
        "Many words.",
    )
    assert shown.select_one("details.later").has_attr("open")
    assert listed(ada) == ["Old"]


def test_the_hour_that_comes_twice_is_told(ada, clock, app):
    clock.advance(days=(datetime(2027, 10, 1, tzinfo=UTC) - clock()).days)
    ada.log_in("ada")
    slug = ada.draft("Twice")
    ada.submit(f"/{slug}/edit", "Schedule", publish_at="2027-10-31T02:30", zone="Europe/Berlin")
    assert "the first of the two is meant" in notices(ada, f"/{slug}/edit")[0]
    assert stored(app, slug).published_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_the_zone_is_the_providers_else_a_setting_and_a_choice_is_remembered(idp, log_in):
    idp.people |= {"ada": {"name": "Ada", "zoneinfo": "Europe/Paris"}, "bob": {"name": "Bob", "zoneinfo": "Mars/Base"}}
    ada, bob = log_in("ada", TIME_ZONE="Asia/Tokyo"), log_in("bob")

    def chosen(actor):
        select = actor.page("/dashboard/write").select_one("#zone")
        return select.select_one("option[selected]").text, select.has_attr("data-guessed")

    assert chosen(ada) == ("Europe/Paris", False)
    assert chosen(bob) == ("Asia/Tokyo", True)
    bob.submit("/dashboard/write", "Save draft", title="Mine", body="Words", zone="America/Lima")
    assert chosen(bob) == ("America/Lima", False)
    bob.submit("/dashboard/write", "Save draft", title="Mine too", body="Words", zone="../../etc/passwd")
    assert chosen(bob) == ("America/Lima", False)


def test_a_typed_time_is_kept_before_it_is_saved(ada, clock):
    slug = ada.draft("Soon")
    at = local(clock, hours=2)
    typed = ada.filled(f"/{slug}/edit", "Save changes", publish_at=at, zone="Europe/Berlin")[1]
    assert ada.post("/dashboard/autosave", typed).status_code == 200
    editor = ada.page(f"/{slug}/edit")
    assert editor.select_one("#editor")["data-state"] == "kept"
    assert editor.select_one("#publish_at")["value"] == at
    assert editor.select_one("#zone option[selected]").text == "Europe/Berlin"


def test_a_typed_time_survives_a_conflict(ada, clock):
    slug = ada.draft("Two tabs")
    at = local(clock, hours=2)
    stale = ada.filled(f"/{slug}/edit", "Schedule", body="From here", publish_at=at, zone="Europe/Berlin")
    ada.submit(f"/{slug}/edit", "Save changes", body="From the other tab")
    response = ada.send(stale)
    assert response.status_code == 409
    shown = BeautifulSoup(response.text, "html.parser")
    form = shown.select_one("form.editor")
    assert form.select_one("[name=publish_at]")["value"] == at
    assert "Schedule" in [each.text for each in form.select("button")]


def test_scheduling_needs_a_fresh_login_where_publishing_does(log_in, clock):
    ada = log_in(STEP_UP="publish delete", STEP_UP_AGE="1")
    slug, live = ada.draft("Soon"), ada.publish("Live")
    form = ada.filled(f"/{slug}/edit", "Schedule", publish_at=local(clock, hours=2), zone="UTC")
    clock.advance(minutes=5)
    assert ada.send(form).status_code == 401
    assert many(ada, "publish", "Soon").status_code == 401
    assert many(ada, "unpublish", "Live").status_code == 401
    assert many(ada, "trash", "Soon").status_code == 401
    assert state_lines(ada)["Soon"].startswith("Draft")
    assert ada.get(f"/{live}").status_code == 200


# -- the trash --------------------------------------------------------------------------------------------------------


def test_what_is_deleted_waits_in_the_trash_and_comes_back_unpublished(ada, visitor, clock):
    slug = ada.publish("Going")
    ada.submit(f"/{slug}/delete", "Delete")
    assert listed(ada) == []
    assert listed(ada, "?state=trash") == ["Going"]
    assert ada.get("/going").status_code == visitor.get("/going").status_code == 404
    assert many(ada, "restore", "Going", query="?state=trash").status_code == 303
    assert visitor.get("/going").status_code == 404
    assert state_lines(ada)["Going"].startswith("Unpublished")
    ada.submit(f"/{slug}/edit", "Publish")
    assert visitor.get("/going").status_code == 200


def test_deleting_for_good_asks_first(ada, app):
    ada.submit(f"/{ada.draft('Going')}/delete", "Delete")
    response = many(ada, "delete", "Going", query="?state=trash")
    assert (response.status_code, stored(app, "going") is None) == (200, False)
    question = BeautifulSoup(response.text, "html.parser")
    assert "Delete this post for good?" in question.h1.text
    fields = {each["name"]: each["value"] for each in question.select("main form input[name]")}
    assert ada.post("/dashboard?state=trash", fields | {"action": "delete"}).status_code == 303
    assert stored(app, "going") is None
    assert "1 post deleted for good." in notices(ada)


def test_after_its_days_a_post_is_gone(log_in, clock):
    ada = log_in(TRASH_DAYS="2")
    ada.submit(f"/{ada.draft('Going')}/delete", "Delete")
    box = ada.page("/dashboard?state=trash").select_one("[name=chosen]")["value"]
    clock.advance(days=1, hours=23)
    ada.log_in()
    assert listed(ada, "?state=trash") == ["Going"]
    clock.advance(hours=2)
    assert listed(ada, "?state=trash") == []
    _, fields = ada.filled("/logout", "Log out")
    late = fields | {"end": "1", "action": "restore", "chosen": box}
    assert ada.post("/dashboard", late).status_code == 303
    assert "not there any more" in " ".join(notices(ada))
    assert stored(ada.app, "going") is None  # who touched the trash has swept it


def test_what_is_in_the_trash_is_nowhere_else_either(desk, anybody):
    ada, rita, visitor = anybody().log_in("ada"), anybody().log_in("rita"), anybody()
    picture = address(ada)
    slug = ada.publish("Going", f"![A picture]({picture})")
    assert read(visitor, f"/{slug}").status_code == 200
    rita.submit(f"/{slug}/comment", "Comment", comment="Well said.")
    typed = ada.filled(f"/{slug}/edit", "Save changes", body="Typed on")[1]
    assert ada.post("/dashboard/autosave", typed).status_code == 200
    ada.app.extensions["readership"].flush()

    def shown():
        return {
            "picture": visitor.get(picture).status_code == 200,
            "comment": "Well said." in ada.get("/dashboard/comments").text,
            "copy": ada.post("/dashboard/autosave", typed).status_code != 404,
            "readership": "Going" in ada.get("/dashboard/readership").text,
        }

    assert set(shown().values()) == {True}
    ada.submit(f"/{slug}/delete", "Delete")
    assert set(shown().values()) == {False}
    many(ada, "restore", "Going", query="?state=trash")
    assert shown() == {"picture": False, "comment": True, "copy": True, "readership": True}
    assert "Typed on" in ada.page(f"/{slug}/edit").select_one("#body").text


# -- several at once --------------------------------------------------------------------------------------------------


def test_several_posts_are_published_taken_back_deleted_and_restored_at_once(ada, visitor):
    for title in ("One", "Two", "Three"):
        ada.draft(title)
    many(ada, "publish", "One", "Two")
    assert "2 posts published." in notices(ada)
    assert [visitor.get(f"/{slug}").status_code for slug in ("one", "two", "three")] == [200, 200, 404]
    many(ada, "unpublish", "One", "Three")
    shown = " ".join(notices(ada))
    assert "1 post unpublished." in shown
    assert "“Three”: it was unpublished already." in shown
    many(ada, "trash", "One", "Three", query="?q=e")
    assert listed(ada) == ["Two"]
    many(ada, "restore", "One", "Three", query="?state=trash")
    assert {title: line.split()[0] for title, line in state_lines(ada).items()} == {
        "One": "Unpublished",
        "Two": "Live",
        "Three": "Draft",
    }


def test_a_post_that_was_saved_meanwhile_is_left_alone_and_named(ada):
    ada.draft("One"), ada.draft("Two")
    page = ada.page("/dashboard")
    form = {each["name"]: each["value"] for each in page.select("#many input[name]")}
    boxes = [each["value"] for each in page.select("[name=chosen]")]
    ada.submit("/two/edit", "Save changes", body="Newer")
    ada.post("/dashboard", form | {"action": "trash", "chosen": boxes})
    shown = " ".join(notices(ada))
    assert "1 post moved to the trash." in shown
    assert "“Two”: it was saved in the meantime." in shown
    assert listed(ada) == ["Two"]


def test_nobody_does_anything_with_somebody_elses_posts(ada, bob):
    ada.publish("Hers")
    box = ada.page("/dashboard").select_one("[name=chosen]")["value"]
    bob.draft("His")
    for action in ("publish", "unpublish", "trash", "restore", "delete"):
        _, fields = bob.filled("/logout", "Log out")
        assert bob.post("/dashboard", fields | {"action": action, "chosen": box, "end": "1"}).status_code == 303
        shown = " ".join(notices(bob))
        assert "not yours" in shown
        assert "Hers" not in shown
    assert "Live" in state_lines(ada)["Hers"]


@pytest.mark.parametrize("chosen", ["", "x-1", "1", "1-x", "99999999999-1", "1-1-1", "²-1"])
def test_a_damaged_choice_is_refused(ada, chosen):
    ada.draft("One")
    _, fields = ada.filled("/logout", "Log out")
    assert ada.post("/dashboard", fields | {"action": "trash", "chosen": chosen, "end": "1"}).status_code == 400
    assert ada.post("/dashboard", fields | {"action": "explode", "end": "1"}).status_code == 400
    assert listed(ada) == ["One"]


def test_choosing_nothing_is_said(ada):
    ada.draft("One")
    assert many(ada, "trash").status_code == 303
    assert "No post was chosen." in notices(ada)


# -- the list ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def one_of_each(ada, clock):
    ada.draft("A draft")
    slug = ada.draft("Due")
    ada.submit(f"/{slug}/edit", "Schedule", publish_at=local(clock, days=2), zone="UTC")
    ada.publish("Read by all")
    ada.submit(f"/{ada.publish('Taken back')}/edit", "Unpublish")
    ada.submit(f"/{ada.draft('Thrown')}/delete", "Delete")


TITLES = {"draft": "A draft", "scheduled": "Due", "live": "Read by all", "unpublished": "Taken back", "trash": "Thrown"}


def test_the_list_is_filtered_by_state_and_counted(ada, one_of_each):
    for state, title in TITLES.items():
        assert listed(ada, f"?state={state}") == [title]
    assert set(listed(ada)) == set(TITLES.values()) - {"Thrown"}
    assert set(listed(ada, "?state=nonsense")) == set(listed(ada))
    links = ada.page("/dashboard?state=live").select("nav[aria-label='Which posts'] a")
    assert [" ".join(each.text.split()) for each in links] == [
        "All",
        "Drafts 1",
        "Scheduled 1",
        "Live 1",
        "Unpublished 1",
        "Trash 1",
    ]
    assert [each.text.split()[0] for each in links if each.get("aria-current")] == ["Live"]


def test_the_list_is_searched_and_links_keep_what_was_asked_for(log_in):
    ada = log_in(POSTS_PER_PAGE="2")
    for number in range(3):
        ada.draft(f"Tulip {number}")
    ada.publish("Rose", "Not a tulip.")
    ada.publish("Oak")
    page = ada.page("/dashboard?q=tulip&state=draft")
    assert listed(ada, "?q=tulip&state=draft") == ["Tulip 2", "Tulip 1"]
    older = page.select_one(".pages a[rel=next]")["href"]
    assert "q=tulip" in older
    assert "state=draft" in older
    assert listed(ada, older.removeprefix("/dashboard")) == ["Tulip 0"]
    assert page.select_one("#many")["action"] == "/dashboard?state=draft&q=tulip"
    assert listed(ada, "?q=tulip")[0] == "Rose"
    assert "Nothing here has “%%”" in " ".join(ada.page("/dashboard?q=%25%25").select_one(".empty").text.split())
    assert ada.get("/dashboard?q=%00%ff&state=%00&before=x").status_code == 404
    assert ada.get("/dashboard?q=%00%ff&state=%00").status_code == 200


def test_the_list_is_filtered_by_tag_together_with_the_rest(ada, bob):
    ada.draft("Rose", tags="Red, In the garden")
    ada.publish("Oak", tags="In the garden")
    ada.draft("Rust", tags="Red")
    ada.draft("Plain")
    bob.draft("Poppy", tags="Secret")
    offered = ada.page("/dashboard").select("#tag option")
    assert [(option["value"], option.text) for option in offered] == [
        ("", "Any tag"),
        ("in-the-garden", "In the garden"),
        ("red", "Red"),
    ]
    assert listed(ada, "?tag=in-the-garden") == ["Oak", "Rose"]
    assert listed(ada, "?tag=in-the-garden&state=draft") == ["Rose"]
    assert listed(ada, "?tag=red&q=rust") == ["Rust"]
    assert listed(ada, "?tag=secret") == []
    page = ada.page("/dashboard?tag=red&state=draft")
    assert page.select_one("#tag option[selected]")["value"] == "red"
    assert all("tag=red" in link["href"] for link in page.select("nav[aria-label='Which posts'] a"))
    assert page.select_one("#many")["action"] == "/dashboard?state=draft&tag=red"
    many(ada, "trash", "Rust", query="?tag=red")
    assert listed(ada, "?tag=red") == ["Rose"]
    assert "Nothing here has this tag" in ada.page("/dashboard?tag=none").select_one(".empty").text


def test_the_tags_to_choose_among_are_those_of_the_posts_that_are_listed(desk, anybody):
    ada, eddy = anybody().log_in("ada"), anybody().log_in("eddy")
    ada.draft("Hers", tags="Quiet")
    assert not eddy.page("/dashboard").select("#tag")
    offered = eddy.page("/dashboard?whose=everybody").select("#tag option")
    assert [option.text for option in offered] == ["Any tag", "Quiet"]
    assert listed(eddy, "?whose=everybody&tag=quiet") == ["Hers"]


def test_what_was_searched_for_is_shown_and_not_run(ada):
    assert "<b>x" not in ada.get("/dashboard?q=%22%3E%3Cb%3Ex&state=live").text


@pytest.mark.parametrize("state", [*TITLES, None])
def test_an_empty_list_says_why_it_is_empty(ada, state):
    said = ada.page(f"/dashboard?state={state}" if state else "/dashboard").select_one(".empty").text
    assert len(said.split()) > 2
    assert not ada.page("/dashboard").select("#many")


def test_editors_have_everybodys_posts_too(desk, anybody):
    ada, eddy = anybody().log_in("ada"), anybody().log_in("eddy")
    ada.draft("Hers"), eddy.draft("His")
    ada.submit(f"/{ada.publish('Thrown')}/delete", "Delete")
    assert listed(eddy) == ["His"]
    assert set(listed(eddy, "?whose=everybody")) == {"Hers", "His"}
    assert listed(eddy, "?whose=everybody&state=trash") == ["Thrown"]
    assert "Ada Lovelace" in eddy.page("/dashboard?whose=everybody").select_one(".posts").text
    assert listed(ada, "?whose=everybody") == ["Hers"]
    assert "Everybody’s" not in ada.page("/dashboard").text
    many(eddy, "publish", "Hers", query="?whose=everybody")
    assert "Live" in state_lines(ada)["Hers"]
    many(eddy, "restore", "Thrown", query="?whose=everybody&state=trash")
    assert "Thrown" in listed(ada)


def test_the_list_costs_the_same_however_long_it_is(ada, app):
    def statements():
        count = []
        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", note := lambda *_: count.append(1))
        ada.get("/dashboard")
        event.remove(engine, "before_cursor_execute", note)
        return len(count)

    ada.draft("One")
    ada.get("/dashboard")
    few = statements()
    for number in range(8):
        ada.draft(f"More {number}")
    ada.get("/dashboard")
    assert statements() == few


# -- revisions --------------------------------------------------------------------------------------------------------


def test_the_texts_of_a_post_are_listed_compared_and_put_back(ada):
    slug = ada.draft("First", "One line.\n\nKept.")
    ada.submit(f"/{slug}/edit", "Save changes", title="Second", body="Another line.\n\nKept.")
    page = ada.page("/second/revisions")
    names = [" ".join(each.text.split()) for each in page.select(".revisions .name")]
    assert names == ["2. Second", "1. First"]
    assert "Ada Lovelace" in page.select_one(".revisions .meta").text
    assert [each["value"] for each in page.select("main input[type=radio][checked]")] == ["2", "1"]
    compared = ada.page("/second/revisions/compare?old=2&new=1")
    assert [each.text for each in compared.select(".changes del")] == ["− One line."]
    assert [each.text for each in compared.select(".changes ins")] == ["+ Another line."]
    assert [each["value"] for each in compared.select("input.title")] == ["First", "Second"]
    form = page.select(".revisions form")[-1]
    fields = {each["name"]: each["value"] for each in form.select("input[name]")}
    response = ada.post(form["action"], fields)
    assert response.location == "/first/edit"
    editor = ada.page("/first/edit")
    assert "One line." in editor.select_one("#body").text
    assert len(ada.page("/first/revisions").select(".revisions li")) == 3
    assert ada.post("/first/revisions", fields).status_code == 303  # sent twice, done once
    assert len(ada.page("/first/revisions").select(".revisions li")) == 3


def test_putting_back_over_a_newer_text_does_nothing(ada):
    slug = ada.draft("Post", "One.")
    ada.submit(f"/{slug}/edit", "Save changes", body="Two.")
    form = ada.page("/post/revisions").select(".revisions form")[-1]
    fields = {each["name"]: each["value"] for each in form.select("input[name]")}
    ada.submit(f"/{slug}/edit", "Save changes", body="Three.")
    assert ada.post(form["action"], fields).location == "/post/revisions"
    assert "saved in the meantime" in notices(ada, "/post/revisions")[-1]
    assert "Three." in ada.page("/post/edit").select_one("#body").text


@pytest.mark.parametrize(
    "query", ["", "?old=1", "?old=1&new=9", "?old=x&new=1", "?old=-1&new=1", "?old=1&new=99999999999"]
)
def test_a_revision_that_is_not_there_is_not_found(ada, query):
    assert ada.get(f"/{ada.draft('Post')}/revisions/compare{query}").status_code == 404


def test_co_authors_and_editors_see_by_whom_a_text_was_saved(desk, anybody):
    ada, eddy = anybody().log_in("ada"), anybody().log_in("eddy")
    slug = ada.draft("Post", "One.")
    eddy.submit(f"/{slug}/edit", "Save changes", body="Two.")
    for actor in (ada, eddy):
        whom = [
            re.sub(r".*by ", "", " ".join(each.text.split()))
            for each in actor.page("/post/revisions").select(".what .meta")
        ]
        assert whom[0] == "Eddy Editor"
        assert whom[2] == "Ada Lovelace"


def test_old_texts_are_pruned_by_the_setting_and_the_list_has_pages(log_in):
    ada = log_in(REVISIONS_KEPT="3", POSTS_PER_PAGE="2")
    slug = ada.draft("Post", "Words 0.")
    for number in range(1, 6):
        ada.submit(f"/{slug}/edit", "Save changes", body=f"Words {number}.")
    with ada.app.app_context():
        assert list(db.session.scalars(select(Revision.number).order_by(Revision.number))) == [4, 5, 6]
    page = ada.page("/post/revisions")
    assert [each.text.strip() for each in page.select(".revisions .name")] == ["6. Post", "5. Post"]
    older = ada.page(page.select_one("a[rel=next]")["href"])
    assert [each.text.strip() for each in older.select(".revisions .name")] == ["4. Post"]


def test_hostile_texts_are_shown_and_not_run(ada):
    slug = ada.draft("<script>alert(1)</script>", "</textarea><script>alert(2)</script>")
    ada.submit(f"/{slug}/edit", "Save changes", body="<img src=x onerror=alert(3)>")
    for path in ("revisions", "revisions/compare?old=1&new=2"):
        page = ada.page(f"/{slug}/{path}")
        assert not page.select("main script, main img")
