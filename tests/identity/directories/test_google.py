"""Google Workspace: how the service account asks for its token, what is read, and its recorded answers."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from blog.config import BadSetting
from blog.errors import Unreachable
from blog.identity.directories import open_directory
from blog.identity.people import Key
from tests.identity.directories.fake_providers import ACCOUNT, ACCOUNT_KEY, PROVIDERS, FakeProvider, form_of
from tests.identity.directories.fake_scim import recorded, replay

GOOGLE = PROVIDERS["google"]
EC_KEY = ECKey.generate_key("P-256").as_pem(private=True).decode()


@pytest.fixture
def google():
    with FakeProvider(GOOGLE) as server:
        yield server


def assertion(google):
    """What the account signed, judged with its public key."""
    form = form_of(google.token_requests[0])
    token = jwt.decode(form.pop("assertion"), ACCOUNT_KEY, algorithms=["RS256"])
    assert form == {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    return token


@pytest.mark.parametrize("answer", ["user", "user_deactivated"])
def test_recorded_people_have_their_names(google, answer):
    google.broken = replay(f"google/{answer}")
    body = recorded(f"google/{answer}")["body"]
    author = Key(GOOGLE.issuer, body["id"])
    assert google.directory().people([author])[author].name == body["name"]["fullName"]


def test_who_is_archived_is_deactivated_too(google):
    amina = google.add(1, display="Amina Okafor")
    google.people[amina.id]["archived"] = True
    assert google.directory().people([amina])[amina].deactivated


def test_the_account_signs_what_it_may_do_for_the_token_endpoint(google):
    google.directory().people([google.add(1, display="Amina Okafor")])
    token = assertion(google)
    assert token.header == {"alg": "RS256", "typ": "JWT", "kid": ACCOUNT["private_key_id"]}
    claims = token.claims
    assert claims["aud"] == google.token_requests[0].url == "https://oauth2.googleapis.com/token"
    assert claims["iss"] == ACCOUNT["client_email"]
    assert claims["scope"] == "https://www.googleapis.com/auth/admin.directory.user.readonly"
    assert 0 < claims["exp"] - claims["iat"] <= 3600
    assert "sub" not in claims


def test_it_can_ask_in_an_administrators_name(google):
    directory = google.directory(DIRECTORY_SUBJECT="reader@example.org")
    directory.people([google.add(1, display="Amina Okafor")])
    assert assertion(google).claims["sub"] == "reader@example.org"


def test_the_recorded_token_is_taken():
    server = FakeProvider(GOOGLE)
    server._issue = lambda request: replay("google/token")
    server.broken = replay("google/user")  # whatever the token, which is not the fake's
    with server:
        author = Key(GOOGLE.issuer, recorded("google/user")["body"]["id"])
        assert server.directory().people([author])[author].name == "Amina Okafor"


def test_no_address_and_no_picture_is_read(google):
    google.directory().people([google.add(1, display="Amina Okafor")])
    query = parse_qs(urlsplit(google.calls[0][1]).query)
    assert query == {"fields": ["id,name(displayName,givenName,familyName),languages,suspended,archived"]}


def test_the_name_that_google_puts_together_is_not_shown(google):
    taro = google.add(1, given="太郎", family="山田")
    google.people[taro.id]["name"]["fullName"] = "太郎 山田"
    assert google.directory().people([taro])[taro].name == "山田太郎"


@pytest.mark.parametrize("reason", ["userRateLimitExceeded", "quotaExceeded", "rateLimitExceeded", "forbidden"])
def test_a_limit_is_told_from_a_missing_right(google, reason):
    status, headers, body = replay("google/rate_limited")
    google.broken = status, headers, body.replace("userRateLimitExceeded", reason)
    with pytest.raises(Unreachable, match="HTTP 403" if reason == "forbidden" else "HTTP 429") as raised:
        google.directory().people([google.key(1)])
    assert raised.value.retry_after == (None if reason == "forbidden" else 60)


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "[]",
        "{}",
        json.dumps(ACCOUNT | {"private_key": "nothing"}),
        json.dumps(ACCOUNT | {"private_key": EC_KEY}),
        json.dumps(ACCOUNT | {"client_email": ""}),
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_key_ends_the_start(google, text):
    with pytest.raises(BadSetting, match=r"^BLOG_DIRECTORY_SERVICE_ACCOUNT: must be the JSON file") as raised:
        google.values(DIRECTORY_SERVICE_ACCOUNT=text)
    assert "PRIVATE KEY" not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "blamed"),
    [
        ({"DIRECTORY_SERVICE_ACCOUNT": ""}, "DIRECTORY_SERVICE_ACCOUNT"),
        ({"DIRECTORY_CLIENT_ID": "names"}, "DIRECTORY_CLIENT_ID"),
        ({"DIRECTORY": "claims"}, "DIRECTORY_SERVICE_ACCOUNT"),
    ],
)
def test_settings_that_do_not_go_together_end_the_start(google, settings, blamed):
    with pytest.raises(BadSetting, match=f"^BLOG_{blamed}: "):
        open_directory(google.values(**settings))


def test_the_key_is_never_shown(google):
    account = google.values()["DIRECTORY_SERVICE_ACCOUNT"]
    assert "PRIVATE" not in repr(account)
    assert "RSAKey" not in repr(account)
