"""Opening a directory as the settings ask for, and the bylines of a page."""

import pytest

from blog.config import BadSetting, load
from blog.identity.directories import ADAPTERS, SETTINGS, bylines, open_directory
from blog.identity.people import Byline, Person
from tests.identity.directories.fake_scim import ISSUER, TOKEN_URL, URL, FakeScim, key, user

SECRET = b"k" * 32
NEEDED = {
    "BLOG_PUBLIC_URL": "https://blog.example",
    "BLOG_SECRET_KEY": "k" * 32,
    "BLOG_DATABASE_URL": "sqlite://",
    "BLOG_OIDC_ISSUER": ISSUER,
    "BLOG_OIDC_CLIENT_ID": "byline",
    "BLOG_OIDC_CLIENT_SECRET": "login-secret",
}
SCIM = {"DIRECTORY": "scim", "DIRECTORY_URL": URL}


def opened(find_token_url=lambda: TOKEN_URL, **settings):
    """Open a directory from an environment with these settings."""
    environ = NEEDED | {f"BLOG_{name}": value for name, value in settings.items()}
    return open_directory(load(environ, SETTINGS), find_token_url=find_token_url)


@pytest.fixture
def server():
    with FakeScim(user("amina", "Amina Okafor")) as server:
        yield server


def credentials(server):
    """What the blog proved itself with at the token endpoint."""
    (request,) = server.token_requests
    return request.url, request.headers["Authorization"]


def test_without_settings_names_come_from_logins(server):
    directory = opened()
    directory.learn(Person(key("amina"), "Amina Okafor"))
    assert directory.people([key("amina"), key("taro")]) == {key("amina"): Person(key("amina"), "Amina Okafor")}
    directory.close()
    assert server.calls == []


@pytest.mark.parametrize("url", [URL, URL + "/"])
def test_scim_needs_no_more_than_its_address(server, url):
    directory = opened(DIRECTORY="scim", DIRECTORY_URL=url)
    assert directory.people([key("amina")])[key("amina")].name == "Amina Okafor"
    directory.close()
    assert credentials(server) == (TOKEN_URL, "Basic YnlsaW5lOmxvZ2luLXNlY3JldA==")  # byline:login-secret


def test_nothing_is_asked_before_a_page_does(server):
    opened(**SCIM).close()
    assert server.token_requests == []


def test_scim_may_have_a_client_of_its_own(server):
    own = {"DIRECTORY_CLIENT_ID": "reader", "DIRECTORY_CLIENT_SECRET": "own", "DIRECTORY_SCOPES": "users.read"}
    directory = opened(find_token_url=None, DIRECTORY_TOKEN_URL=TOKEN_URL, **SCIM, **own)
    directory.people([key("amina")])
    directory.close()
    assert credentials(server) == (TOKEN_URL, "Basic cmVhZGVyOm93bg==")  # reader:own
    assert "scope=users.read" in server.token_requests[0].body


def test_the_token_endpoint_of_the_login_serves_too(server):
    directory = opened(find_token_url=None, OIDC_TOKEN_URI=TOKEN_URL, **SCIM)
    directory.people([key("amina")])
    directory.close()
    assert len(server.token_requests) == 1


@pytest.mark.parametrize(
    ("settings", "blamed"),
    [
        ({"DIRECTORY": "ldap"}, "DIRECTORY"),
        ({"DIRECTORY": "scim"}, "DIRECTORY_URL"),
        ({"DIRECTORY": "scim", "DIRECTORY_URL": "id.example/scim"}, "DIRECTORY_URL"),
        ({"DIRECTORY": "scim", "DIRECTORY_URL": "http://id.example/scim"}, "DIRECTORY_URL"),
        (SCIM | {"DIRECTORY_TOKEN_URL": "http://id.example/token"}, "DIRECTORY_TOKEN_URL"),
        (SCIM | {"DIRECTORY_CLIENT_ID": "reader"}, "DIRECTORY_CLIENT_SECRET"),
        (SCIM | {"DIRECTORY_CLIENT_SECRET": "own"}, "DIRECTORY_CLIENT_ID"),
        (SCIM | {"OIDC_CLIENT_SECRET": "", "OIDC_TOKEN_AUTH_METHOD": "private_key_jwt"}, "DIRECTORY_CLIENT_ID"),
        (SCIM | {"find_token_url": None}, "DIRECTORY_TOKEN_URL"),
        ({"DIRECTORY_URL": URL}, "DIRECTORY_URL"),
        ({"DIRECTORY": "claims", "DIRECTORY_CLIENT_ID": "reader"}, "DIRECTORY_CLIENT_ID"),
        *(
            ({"DIRECTORY_CACHE_URL": url}, "DIRECTORY_CACHE_URL")
            for url in (
                "localhost:6379",
                "http://localhost:6379",
                "unix:///run/redis.sock",
                "redis://",
                "redis://:password@/0",
                "redis://host:port",
                "redis://host:66000",
                "redis://host:0",
                "redis://host/names",
                "redis://[host",
                "redis://host/0?socket_timeout=60",
                "rediss://host/0?ssl_cert_reqs=none",
                "redis://host/0#1",
            )
        ),
    ],
)
def test_senseless_settings_end_the_start_with_one_line(settings, blamed):
    with pytest.raises(BadSetting, match=rf"^BLOG_{blamed}: .+ \(see docs/settings.md#{blamed.lower()}\)$"):
        opened(**settings)


@pytest.mark.parametrize("more", [{"DIRECTORY_URL": "http://localhost:5001/scim/v2"}, {"INSECURE_ISSUER_HTTP": "yes"}])
def test_plain_http_is_for_this_machine_and_for_those_who_insist(more):
    opened(**{"DIRECTORY": "scim", "DIRECTORY_URL": "http://id.example/scim"} | more).close()


def test_every_adapter_can_be_chosen_and_every_setting_explains_itself():
    assert {setting.name for setting in SETTINGS} >= {"DIRECTORY", "DIRECTORY_URL"}
    assert all(setting.help.endswith(".") and setting.name.startswith("DIRECTORY") for setting in SETTINGS)
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    assert all(name in SETTINGS[0].help for name in ADAPTERS)
    assert [setting.name for setting in SETTINGS if setting.secret] == [
        "DIRECTORY_CACHE_URL",
        "DIRECTORY_CLIENT_SECRET",
    ]


def test_everybody_on_a_page_has_a_byline(server):
    server.users["nameless"] = user("nameless")
    directory = opened(**SCIM)
    found = bylines(directory, [key(who) for who in ("amina", "nobody", "nameless", "amina")], SECRET)
    directory.close()
    assert found[key("amina")] == Byline("Amina Okafor", known=True)
    assert found[key("nobody")] == Byline("Former author", known=False, gone=True)
    assert found[key("nameless")].name.startswith("Author ")
    assert len(found) == 3


def test_everybody_on_a_page_has_a_byline_when_the_provider_is_down(server):
    server.broken["*"] = (503, {}, "")
    directory = opened(**SCIM)
    found = bylines(directory, [key("amina"), key("taro")], SECRET)
    directory.close()
    assert [byline.known for byline in found.values()] == [False, False]
