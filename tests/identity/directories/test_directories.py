"""Opening a directory as the settings ask for, and the bylines of a page."""

import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from blog import create_app, db
from blog.config import BadSetting, load
from blog.errors import LoginRefused, Unreachable
from blog.identity.directories import ADAPTERS, SETTINGS, bylines, needs_own_keys, nobody, open_directory
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
EC_KEY = ECKey.generate_key("P-256").as_pem(private=True).decode()
PUBLIC_KEY = ECKey.generate_key("P-256").as_pem(private=False).decode()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    SMALL_KEY = RSAKey.generate_key(1024).as_pem(private=True).decode()
KEYED = {"DIRECTORY_AUTH_METHOD": "private_key_jwt", "DIRECTORY_PRIVATE_KEY": EC_KEY}


def opened(find_token_url=lambda: TOKEN_URL, signing_key=None, **settings):
    """Open a directory from an environment with these settings."""
    environ = NEEDED | {f"BLOG_{name}": value for name, value in settings.items()}
    return open_directory(load(environ, SETTINGS), find_token_url=find_token_url, signing_key=signing_key)


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


def proof(request, keys, algorithm):
    """Check the proof that came with a token request; give the form, and what the proof says."""
    form = {name: value for name, (value,) in parse_qs(request.body).items()}
    assert "Authorization" not in request.headers
    assert "client_secret" not in form
    return form, jwt.decode(form["client_assertion"], keys, algorithms=[algorithm])


def test_a_client_may_prove_itself_with_a_key_of_its_own(server):
    directory = opened(**SCIM, **KEYED, DIRECTORY_CLIENT_ID="reader")
    assert directory.ask([key("amina")])[key("amina")].name == "Amina Okafor"
    directory.close()
    form, token = proof(server.token_requests[0], ECKey.import_key(EC_KEY), "ES256")
    assert form["client_id"] == token.claims["iss"] == token.claims["sub"] == "reader"
    assert token.claims["aud"] == ISSUER
    assert token.claims["exp"] - token.claims["iat"] == 120
    assert token.header["kid"]


def test_a_jwk_keeps_its_name_and_proofs_go_to_the_token_endpoint_where_that_is_set(server):
    own = RSAKey.generate_key(2048, {"kid": "names-1", "alg": "PS256"})
    jwk = json.dumps(own.as_dict(private=True))
    opened(**SCIM, **KEYED | {"DIRECTORY_PRIVATE_KEY": jwk}, OIDC_ASSERTION_AUDIENCE="token_endpoint").ask([key("a")])
    form, token = proof(server.token_requests[0], own, "PS256")
    assert (token.header["kid"], token.claims["aud"], form["client_id"]) == ("names-1", TOKEN_URL, "byline")


@pytest.mark.parametrize("method", ["login", "names"])
def test_the_blogs_own_keys_prove_it_in_any_thread(server, method, tmp_path):
    keyed = {"OIDC_TOKEN_AUTH_METHOD" if method == "login" else "DIRECTORY_AUTH_METHOD": "private_key_jwt"}
    environ = {name.removeprefix("BLOG_"): value for name, value in NEEDED.items()} | SCIM | keyed
    environ |= {"OIDC_TOKEN_URI": TOKEN_URL, "DATABASE_URL": f"sqlite:///{tmp_path}/blog.db"}
    if method == "login":
        del environ["OIDC_CLIENT_SECRET"]
    app = create_app(environ)
    with app.app_context():
        db.db.create_all()
    directory = app.extensions["porch"].directory
    with ThreadPoolExecutor(1) as other:
        assert other.submit(directory.ask, [key("amina")]).result()[key("amina")].name == "Amina Okafor"
    directory.close()
    published = app.test_client().get("/oidc/jwks", headers={"Host": "blog.example"}).json
    proof(server.token_requests[0], KeySet.import_key_set(published), "RS256")


def test_a_client_may_send_its_secret_in_the_form_and_name_the_api(server):
    own = {"DIRECTORY_CLIENT_ID": "reader", "DIRECTORY_CLIENT_SECRET": "own", "DIRECTORY_AUDIENCE": "urn:names"}
    opened(**SCIM, **own, DIRECTORY_AUTH_METHOD="client_secret_post").ask([key("amina")])
    form = parse_qs(server.token_requests[0].body)
    assert "Authorization" not in server.token_requests[0].headers
    assert form == {
        "grant_type": ["client_credentials"],
        "client_id": ["reader"],
        "client_secret": ["own"],
        "audience": ["urn:names"],
    }


def test_the_logins_client_proves_itself_as_at_the_login(server):
    opened(**SCIM, OIDC_TOKEN_AUTH_METHOD="client_secret_post").ask([key("amina")])
    assert parse_qs(server.token_requests[0].body)["client_secret"] == ["login-secret"]


def test_a_token_that_was_given_needs_no_client(server):
    server.valid_tokens.add("hand-made")
    directory = opened(**SCIM, DIRECTORY_TOKEN="hand-made")
    assert directory.ask([key("amina")])[key("amina")].name == "Amina Okafor"
    assert server.token_requests == []


def test_a_given_token_that_is_refused_is_not_tried_again(server):
    directory = opened(**SCIM, DIRECTORY_TOKEN="taken-back")
    with pytest.raises(Unreachable):
        directory.ask([key("amina")])
    assert server.calls == ["/Users/amina"]


def test_keys_that_cannot_be_read_are_an_outage(server):
    def unreadable():
        raise LoginRefused("unreadable_keys")

    directory = opened(signing_key=unreadable, **SCIM, DIRECTORY_AUTH_METHOD="private_key_jwt")
    with pytest.raises(Unreachable, match="unreadable_keys"):
        directory.ask([key("amina")])


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({}, False),
        (SCIM, False),
        (SCIM | {"OIDC_TOKEN_AUTH_METHOD": "private_key_jwt"}, True),
        (SCIM | {"DIRECTORY_AUTH_METHOD": "private_key_jwt"}, True),
        (SCIM | KEYED, False),
        (SCIM | {"DIRECTORY_TOKEN": "t", "OIDC_TOKEN_AUTH_METHOD": "private_key_jwt"}, False),
    ],
)
def test_the_blogs_own_keys_are_needed_where_nothing_else_is_said(settings, needed):
    environ = NEEDED | {f"BLOG_{name}": value for name, value in settings.items()}
    assert needs_own_keys(load(environ, SETTINGS)) is needed


def test_nobody_is_somebody_of_this_issuer_who_is_somebody_else_each_time():
    values = load(NEEDED, SETTINGS)
    assert nobody(values).issuer == ISSUER
    assert nobody(values) != nobody(values)


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
        (SCIM | {"DIRECTORY_AUTH_METHOD": "private_key_jwt"}, "DIRECTORY_PRIVATE_KEY"),
        (SCIM | {"DIRECTORY_AUTH_METHOD": "tls_client_auth"}, "DIRECTORY_AUTH_METHOD"),
        (SCIM | {"DIRECTORY_PRIVATE_KEY": EC_KEY}, "DIRECTORY_PRIVATE_KEY"),
        (SCIM | KEYED | {"DIRECTORY_CLIENT_SECRET": "own"}, "DIRECTORY_CLIENT_SECRET"),
        (SCIM | {"DIRECTORY_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----"}, "DIRECTORY_PRIVATE_KEY"),
        (SCIM | {"DIRECTORY_PRIVATE_KEY": "{}"}, "DIRECTORY_PRIVATE_KEY"),
        (SCIM | {"DIRECTORY_PRIVATE_KEY": "{"}, "DIRECTORY_PRIVATE_KEY"),
        (SCIM | {"DIRECTORY_PRIVATE_KEY": PUBLIC_KEY}, "DIRECTORY_PRIVATE_KEY"),
        (SCIM | {"DIRECTORY_PRIVATE_KEY": SMALL_KEY}, "DIRECTORY_PRIVATE_KEY"),
        (SCIM | {"DIRECTORY_TOKEN": "two words"}, "DIRECTORY_TOKEN"),
        (SCIM | {"DIRECTORY_TOKEN": "t", "DIRECTORY_CLIENT_ID": "reader"}, "DIRECTORY_CLIENT_ID"),
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
@pytest.mark.filterwarnings("ignore:Key size")
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
        "DIRECTORY_PRIVATE_KEY",
        "DIRECTORY_TOKEN",
        "DIRECTORY_SERVICE_ACCOUNT",
        "DIRECTORY_SECRET_ACCESS_KEY",
    ]


def test_everybody_on_a_page_has_a_byline(server):
    server.users["nameless"] = user("nameless")
    directory = opened(**SCIM)
    found, _ = bylines(directory, [key(who) for who in ("amina", "nobody", "nameless", "amina")], SECRET)
    directory.close()
    assert found[key("amina")]._replace(colour=0) == Byline("Amina Okafor", known=True)
    assert found[key("nobody")] == Byline("Former author", known=False, gone=True)
    assert found[key("nameless")].name.startswith("Author ")
    assert len(found) == 3


def test_everybody_on_a_page_has_a_byline_when_the_provider_is_down(server):
    server.broken["*"] = (503, {}, "")
    directory = opened(**SCIM)
    found, _ = bylines(directory, [key("amina"), key("taro")], SECRET)
    directory.close()
    assert [byline.known for byline in found.values()] == [False, False]
