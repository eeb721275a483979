"""Amazon Cognito: requests that AWS would take, and its recorded answers."""

import hashlib
import hmac
import json
import re
import sys
from datetime import UTC, datetime, timedelta

import pytest

from blog.config import BadSetting
from blog.errors import Unreachable
from blog.identity.directories import open_directory
from blog.identity.people import Key, Person
from tests.identity.directories.fake_providers import PROVIDERS, SECRET, FakeProvider
from tests.identity.directories.fake_scim import replay

COGNITO = PROVIDERS["cognito"]
AMINA = Key(COGNITO.issuer, "f3d4e802-0051-70c5-1111-000000000001")


class Recording(FakeProvider):
    """Keeps the requests themselves."""

    def __init__(self, provider):
        super().__init__(provider)
        self.requests = []

    def _serve(self, request):
        self.requests.append(request)
        return super()._serve(request)


@pytest.fixture
def cognito():
    with Recording(COGNITO) as server:
        yield server


def signed(request, region):
    """What AWS expects to stand in the Authorization header (Signature Version 4), computed here anew."""

    def keyed(key, text):
        return hmac.digest(key, text.encode(), hashlib.sha256)

    at = request.headers["x-amz-date"]
    scope = f"{at[:8]}/{region}/cognito-idp/aws4_request"
    names = re.search("SignedHeaders=([^,]+),", request.headers["Authorization"])[1]
    assert {"host", "x-amz-date", "x-amz-target"} <= set(names.split(";"))
    told = {name.lower(): value for name, value in request.headers.items()} | {"host": request.url.split("/")[2]}
    headers = "".join(f"{name}:{told[name]}\n" for name in names.split(";"))
    whole = f"POST\n/\n\n{headers}\n{names}\n{hashlib.sha256(request.body).hexdigest()}"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(whole.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = keyed(key, part)
    signature = keyed(key, text).hex()
    return f"AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/{scope}, SignedHeaders={names}, Signature={signature}"


def test_a_request_is_signed_as_aws_asks(cognito):
    cognito.directory().people([cognito.add(1, formatted="Amina Okafor")])
    (request,) = cognito.requests
    assert request.headers["Authorization"] == signed(request, "eu-central-1")
    sent_at = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - sent_at) < timedelta(minutes=1)
    assert SECRET not in str(request.headers)


def test_people_are_searched_for_and_never_looked_up(cognito):
    cognito.directory().people([cognito.add(1, formatted="Amina Okafor")])
    (request,) = cognito.requests
    assert request.headers["X-Amz-Target"] == "AWSCognitoIdentityProviderService.ListUsers"  # the other one is billed
    assert request.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert request.url == "https://cognito-idp.eu-central-1.amazonaws.com/"


def test_recorded_people_have_their_names(cognito):
    cognito.broken = replay("cognito/user")
    assert cognito.directory().people([AMINA]) == {AMINA: Person(AMINA, "Amina Okafor")}
    cognito.broken = replay("cognito/user_deactivated")
    priya = Key(COGNITO.issuer, "f3d4e802-0051-70c5-1111-000000000003")
    assert cognito.directory().people([priya]) == {priya: Person(priya, "Priya Raman", deactivated=True)}
    cognito.broken = replay("cognito/not_found")
    assert cognito.directory().people([AMINA]) == {AMINA: Person(AMINA, None, gone=True)}


def test_a_page_of_nobody_with_more_to_come_says_nothing(cognito):
    cognito.broken = (200, {}, json.dumps({"Users": [], "PaginationToken": "CAISexample"}))
    with pytest.raises(Unreachable, match="has not looked at everybody"):
        cognito.directory().people([AMINA])


@pytest.mark.parametrize(
    "kind", ["ResourceNotFoundException", "UserNotFoundException", "UnrecognizedClientException", "NotAuthorized"]
)
def test_a_refusal_is_an_outage_and_no_limit(cognito, kind):
    cognito.broken = (400, {}, json.dumps({"__type": kind, "message": "User pool does not exist."}))
    with pytest.raises(Unreachable, match="HTTP 400") as raised:
        cognito.directory().people([AMINA])
    assert raised.value.retry_after is None


@pytest.mark.parametrize("users", [[None], [[]], [{}], [{"Attributes": "sub"}], [{"Attributes": [None, 1, {}]}], "no"])
def test_a_senseless_list_is_an_outage(cognito, users):
    cognito.broken = (200, {}, json.dumps({"Users": users}))
    with pytest.raises(Unreachable):
        cognito.directory().people([AMINA])


@pytest.mark.parametrize(
    "issuer", ["https://id.example", "https://cognito-idp.eu-central-1.amazonaws.com.evil.example/eu-central-1_Example"]
)
def test_another_issuer_ends_the_start(cognito, issuer):
    with pytest.raises(BadSetting, match=r"^BLOG_OIDC_ISSUER: must be https://cognito-idp\."):
        open_directory(cognito.values(OIDC_ISSUER=issuer))


@pytest.mark.parametrize("name", ["DIRECTORY_ACCESS_KEY_ID", "DIRECTORY_SECRET_ACCESS_KEY"])
def test_a_missing_key_ends_the_start(cognito, name):
    with pytest.raises(BadSetting, match=f"^BLOG_{name}: is missing"):
        open_directory(cognito.values(**{name: ""}))


def test_without_the_library_the_start_says_what_to_install(cognito, monkeypatch):
    monkeypatch.setitem(sys.modules, "requests_aws4auth", None)
    with pytest.raises(BadSetting, match=r"pip install 'byline\[cognito\]'"):
        open_directory(cognito.values())
