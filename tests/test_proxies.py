"""The blog behind nginx, as docs/proxies/nginx.conf configures it: what nginx keeps, sends by itself, and passes on."""

import os
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

import blog
from blog.content import posts
from blog.db import db
from demo.children import Children
from tests.certificate import write_certificate
from tests.pictures import png
from tests.ports import free_ports
from tests.test_media import address

CONFIGURATION = Path(__file__).parents[1] / "docs" / "proxies" / "nginx.conf"
KEPT_S, PATIENCE_S = 4, 30
INSIDE = "/pictures-inside/"
ABOUT_FILES = (
    "Content-Type Cache-Control Content-Security-Policy Cross-Origin-Resource-Policy X-Content-Type-Options".split()
)


@pytest.fixture
def ports():
    """Of the blog, of nginx without and with TLS, and where it says that it is there."""
    return free_ports(4)


@pytest.fixture
def settings(settings, ports):
    return settings | {"PROXY_HOPS": "1", "PROXY_CACHE": str(KEPT_S), "PUBLIC_URL": f"https://localhost:{ports[2]}"}


@pytest.fixture
def nginx(settings, ports, app, tmp_path):
    """The blog in a process of its own, and nginx before it; gives the address of nginx, and the processes."""
    if not shutil.which("nginx"):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no nginx on this machine")
    to_blog, plain, tls, status = ports
    certificate = write_certificate(tmp_path)
    yours = {
        "127.0.0.1:8000": f"127.0.0.1:{to_blog}",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ": f"listen 127.0.0.1:{tls} ",
        "BLOG.EXAMPLE.ORG": "localhost",
        "/etc/ssl/BLOG.pem": str(certificate),
        "/etc/ssl/BLOG.key": str(certificate),
        "/var/cache/nginx/byline": str(tmp_path / "kept"),
        "/OPT/BYLINE/blog": str(Path(blog.__file__).parent),
        "/VAR/LIB/BYLINE/MEDIA": settings["MEDIA_FOLDER"],
    }
    text = CONFIGURATION.read_text()
    for what, mine in yours.items():
        assert what in text
        text = text.replace(what, mine)
    for folder in "body", "proxy", "fastcgi", "uwsgi", "scgi":
        text = f"{'client_' if folder == 'body' else ''}{folder}_temp_path {tmp_path / folder};\n{text}"
    who = "user root;" if os.geteuid() == 0 else ""  # whose files these are
    events = f"{who} daemon off; pid {tmp_path}/pid; events {{}}"
    log = f"access_log off; include /etc/nginx/mime.types; server {{ listen {status}; return 200; }}"
    (tmp_path / "nginx.conf").write_text(f"{events} http {{ {log}\n{text}\n}}")
    environ = os.environ | {f"BLOG_{name}": value for name, value in settings.items()} | {"PORT": str(to_blog)}
    with Children(tmp_path) as children:
        children.start("blog", [sys.executable, "-m", "demo.blog_server"], environ | {"BLOG_MEDIA_ACCEL": INSIDE})
        children.start("nginx", ["nginx", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")], os.environ)
        children.wait_for("blog", f"http://localhost:{to_blog}/archive")
        children.wait_for("nginx", f"http://localhost:{status}/")
        yield f"https://localhost:{tls}", children


@pytest.fixture
def get(nginx, idp, tmp_path):
    """Ask nginx for an address."""
    url, _ = nginx

    def ask(path, **headers):
        idp.responses.add_passthru(url)
        return requests.get(url + path, headers=headers, verify=tmp_path / "server.pem", timeout=20)

    return ask


def publish(app, title):
    with app.app_context():
        now = datetime.now(UTC)
        posts.create(("https://idp.example", "ada"), title=title, body_md="Words.", now=now, publish=True)
        db.session.remove()


def test_pages_come_from_the_cache_until_their_time_is_over(app, get):
    publish(app, "The first")
    assert "The first" in get("/").text
    publish(app, "The second")
    assert "The second" not in get("/").text
    over = time.monotonic() + PATIENCE_S
    while "The second" not in get("/").text:  # nginx asks in the background, and gives what it has until then
        assert time.monotonic() < over
        time.sleep(0.2)


def test_who_is_logged_in_is_answered_by_the_blog(app, get):
    publish(app, "The first")
    assert "The first" in get("/").text
    publish(app, "The second")
    assert "The second" in get("/", Cookie="__Host-byline=one").text


def test_pages_are_there_while_the_blog_is_not(app, get, nginx):
    publish(app, "The first")
    read = [get(path).text for path in ("/", "/the-first", "/feed.xml")]
    nginx[1].stop("blog")
    time.sleep(KEPT_S)
    assert [get(path).text for path in ("/", "/the-first", "/feed.xml")] == read


def test_how_long_a_page_is_kept_is_told_to_nobody_but_nginx(app, get):
    answer = get("/")
    assert "X-Accel-Expires" not in answer.headers
    assert answer.headers["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize("path", ["/login", "/dashboard", "/nothing-here"])
def test_what_is_not_the_same_for_everybody_is_not_kept(get, path, tmp_path):
    get(path)
    assert not [kept for kept in (tmp_path / "kept").rglob("*") if kept.is_file()]


def test_nginx_sends_pictures_with_the_headers_of_the_blog(app, ada, get):
    path = address(ada, png())
    body = f"![A picture]({path})"
    with app.app_context():
        now = datetime.now(UTC)
        posts.create(("https://idp.example", "ada"), title="Shown", body_md=body, now=now, publish=True)
        db.session.remove()
    sent, own = get(path), ada.get(path)
    assert sent.status_code == own.status_code == 200
    assert sent.content == own.data
    assert {name: sent.headers[name] for name in ABOUT_FILES} == {name: own.headers[name] for name in ABOUT_FILES}


def test_a_picture_that_nobody_may_see_is_not_sent(ada, get):
    path = address(ada, png())
    assert get(path).status_code == 404
    name = path.rpartition("/")[2]
    assert get(f"{INSIDE}{name[:2]}/{name}").status_code == 404


def test_nginx_sends_the_scripts(get):
    answer = get("/static/icon.svg")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"


def test_a_reader_cannot_pass_for_somebody_elsewhere(app, get):
    publish(app, "The first")
    text = get("/the-first", **{"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "192.0.2.1"}).text
    assert "evil.example" not in text
