"""What is counted at the readers' door, and what authors and editors see of it."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, text

from blog import create_app
from blog.db import Post, PostAuthor, Views, db, writing

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def counted(app):
    """Tells what was counted until now: slug → (views, readers)."""

    def tell():
        app.extensions["readership"].flush()
        with app.app_context():
            rows = db.session.execute(select(Post.slug, Views.views, Views.readers).join(Views))
            return {slug: (views, readers) for slug, views, readers in rows}

    return tell


def read(actor, path, agent=FIREFOX, address="192.0.2.1", method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()} | {"User-Agent": agent}
    return actor.client.open(path, method=method, headers=headers, environ_base={"REMOTE_ADDR": address}, buffered=True)


# -- what is counted ---------------------------------------------------------------------------------------------------


def test_a_reader_is_counted(ada, visitor, counted):
    slug = ada.publish()
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        assert read(visitor, f"/{slug}", address=address).status_code == 200
    assert counted() == {slug: (3, 2)}


def test_nothing_is_kept_at_the_reader(ada, visitor):
    response = read(visitor, f"/{ada.publish()}")
    assert "Set-Cookie" not in response.headers
    assert response.headers["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize("agent", ["", "curl/8.5.0", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com)"])
def test_a_robot_is_not_counted(ada, visitor, counted, agent):
    assert read(visitor, f"/{ada.publish()}", agent).status_code == 200
    assert counted() == {}


def test_what_nobody_looks_at_is_not_counted(ada, visitor, counted):
    slug = ada.publish()
    read(visitor, f"/{slug}", method="HEAD")
    read(visitor, f"/{slug}", Sec_Purpose="prefetch;prerender")
    read(visitor, f"/{slug}", method="POST")
    assert counted() == {}


def test_other_pages_are_not_counted(ada, visitor, counted):
    slug = ada.publish()
    moved = ada.submit(f"/{slug}/edit", "Save changes", title="Moved")
    assert moved.status_code == 303
    for path in ("/", "/nothing-here", f"/{slug}", "/static/style.css", "/author/nobody"):
        read(visitor, path)
    assert counted() == {}


def test_authors_and_editors_at_their_work_are_not_readers(desk, app, anybody, counted):
    ada, bob, eddy, rita = (anybody().log_in(sub) for sub in ("ada", "bob", "eddy", "rita"))
    slug = ada.publish()
    with app.app_context(), writing() as session:
        post = session.scalar(select(Post).where(Post.slug == slug))
        row = {"author_issuer": post.author_issuer, "author_id": "bob", "agreed_at": post.created_at}
        session.execute(insert(PostAuthor).values(post_id=post.id, position=0, **row))
    for actor in (ada, bob, eddy):
        assert read(actor, f"/{slug}").status_code == 200
    assert counted() == {}
    assert read(rita, f"/{slug}").status_code == 200
    assert counted() == {slug: (1, 1)}


def test_a_draft_is_not_counted_and_its_asked_author_neither(desk, app, anybody, counted):
    ada, bob = anybody().log_in("ada"), anybody().log_in("bob")
    slug = ada.draft()
    with app.app_context(), writing() as session:
        post = session.scalar(select(Post).where(Post.slug == slug))
        row = {"author_issuer": post.author_issuer, "author_id": "bob", "agreed_at": None}
        session.execute(insert(PostAuthor).values(post_id=post.id, position=0, **row))
    assert read(bob, f"/{slug}").status_code == 200
    assert read(anybody(), f"/{slug}").status_code == 404
    assert counted() == {}


def test_a_post_for_a_group_counts_its_readers_and_nobody_else(desk, anybody, counted):
    slug = anybody().log_in("ada").publish(visible_to="groups", group="Night Desk")
    assert read(anybody(), f"/{slug}").status_code == 404
    assert read(anybody().log_in("rita"), f"/{slug}").status_code == 404
    assert counted() == {}
    assert read(anybody().log_in("nina"), f"/{slug}").status_code == 200
    assert counted() == {slug: (1, 1)}


def test_an_error_page_is_not_counted(ada, visitor, app, counted, monkeypatch):
    slug = ada.publish()
    app.testing = False
    monkeypatch.setattr("blog.blog.render_template", lambda *_, **__: 1 / 0)
    assert read(visitor, f"/{slug}").status_code == 500
    assert counted() == {}


@pytest.mark.parametrize(("hops", "readers"), [("1", 2), ("0", 1)])
def test_readers_behind_a_proxy_are_told_apart_by_what_it_says(settings, clock, idp, anybody, hops, readers):
    from tests.actor import Actor

    app = create_app(settings | {"PROXY_HOPS": hops}, now=clock)
    with app.app_context():
        db.create_all()
    slug = Actor(app, idp).log_in("ada").publish()
    stranger = Actor(app, idp)
    for address in ("192.0.2.1", "192.0.2.2"):
        read(stranger, f"/{slug}", address="127.0.0.1", X_Forwarded_For=address)
    app.extensions["readership"].close(20)
    app.extensions["porch"].directory.close()
    with app.app_context():
        assert db.session.execute(select(Views.views, Views.readers)).all() == [(2, readers)]
        db.engine.dispose()


def test_a_reader_gets_the_post_while_nothing_can_be_counted(ada, visitor, app, counted):
    slug = ada.publish()
    with app.app_context():
        db.session.execute(text("ALTER TABLE views RENAME TO elsewhere"))
        assert read(visitor, f"/{slug}").status_code == 200
        app.extensions["readership"].flush()
        db.session.execute(text("ALTER TABLE elsewhere RENAME TO views"))
    assert counted() == {slug: (1, 1)}


def test_a_request_writes_nothing(ada, visitor, app):
    slug = ada.publish()
    read(visitor, f"/{slug}")
    with app.app_context():
        assert db.session.execute(select(Views)).all() == []


# -- what is shown -----------------------------------------------------------------------------------------------------


def keep(app, clock, slug, views, readers):
    with app.app_context(), writing() as session:
        post_id = session.scalar(select(Post.id).where(Post.slug == slug))
        session.execute(insert(Views).values(post_id=post_id, day=clock().date(), views=views, readers=readers))


def of(page, slug):
    """What the dashboard says of one post."""
    return page.select_one(f'.posts a.name[href="/{slug}"]').find_parent("li").select_one(".read")


def test_the_dashboard_says_how_often_a_post_is_read(ada, app, clock):
    busy, quiet, draft = ada.publish("Busy"), ada.publish("Quiet"), ada.draft("Draft")
    keep(app, clock, busy, 1234, 7)
    page = ada.page("/dashboard")
    assert of(page, busy).text.split()[-5:] == ["1,234", "views", "in", "30", "days"]
    assert of(page, busy).select_one("svg path:last-child")["d"] == "M116 0h3v24h-3z"
    assert of(page, quiet).text.split() == ["No", "views", "in", "30", "days"]
    assert of(page, draft) is None


def test_the_page_of_readership_shows_a_chart_and_its_numbers(ada, app, clock):
    keep(app, clock, ada.publish("Busy"), 1234, 1)
    for days, bars in (("7", 7), ("30", 30), ("365", 73)):
        page = ada.page(f"/dashboard/readership?days={days}")
        assert "1,234 views, 1 reader" in page.select_one("main").text
        assert len(page.select("svg.large g")) == len(page.select("details tbody tr")) == bars
        assert page.select_one("svg.large g:last-of-type title").text.endswith(": 1,234 views, 1 reader")
        assert [cell.text for cell in page.select("section.apart tbody tr > *")] == ["Busy", "1,234", "1"]
        assert page.select_one(".spans [aria-current]").text == f"{days} days"


def test_an_author_sees_their_own_and_an_editor_everybodys(desk, app, anybody, clock):
    ada, bob, eddy = (anybody().log_in(sub) for sub in ("ada", "bob", "eddy"))
    keep(app, clock, ada.publish("By Ada", visible_to="groups", group="Night Desk"), 3, 2)
    keep(app, clock, bob.publish("By Bob"), 5, 4)
    told = {who: who_sees(actor) for who, actor in (("ada", ada), ("bob", bob), ("eddy", eddy))}
    assert told == {"ada": ["By Ada"], "bob": ["By Bob"], "eddy": ["By Bob", "By Ada"]}
    assert "everybody’s posts" in eddy.get("/dashboard/readership").text
    assert "8 views" in eddy.get("/dashboard/readership").text


def who_sees(actor):
    return [link.text for link in actor.page("/dashboard/readership").select("section.apart tbody a")]


def test_a_page_without_views_says_so(ada):
    assert "Nobody has read anything" in ada.page("/dashboard/readership").select_one(".empty").text


@pytest.mark.parametrize("days", ["", "8", "-7", "x", "9" * 5000, "٧"])
def test_only_the_spans_that_are_offered_are_there(ada, days):
    assert ada.get("/dashboard/readership", query_string={"days": days}).status_code == 404


def test_a_title_is_no_markup(ada, app, clock):
    keep(app, clock, ada.publish("<script>alert(1)</script>"), 3, 2)
    assert "<script>alert" not in ada.get("/dashboard/readership").text


class TestSwitchedOff:
    @pytest.fixture
    def settings(self, settings):
        return settings | {"READERSHIP": "no"}

    def test_nothing_is_counted_and_nothing_shown(self, ada, visitor, app):
        slug = ada.publish()
        assert read(visitor, f"/{slug}").status_code == 200
        assert "readership" not in app.extensions
        assert not ada.page("/dashboard").select(".read, a[href='/dashboard/readership']")
        assert ada.get("/dashboard/readership").status_code == 404


def test_erasing_an_author_erases_their_counts(ada, app, clock):
    keep(app, clock, ada.publish(), 3, 2)
    result = app.test_cli_runner().invoke(args=["authors", "erase", "ada", "--yes"])
    assert result.exit_code == 0, result.output
    with app.app_context():
        assert db.session.execute(select(Views)).all() == []
