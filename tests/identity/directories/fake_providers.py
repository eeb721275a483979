"""Every provider's user API behind `responses`: its own addresses and forms, made from recorded answers."""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import responses
from joserfc.jwk import RSAKey

from blog.config import load
from blog.identity.directories import ADAPTERS, SETTINGS, Directory
from blog.identity.directories.settings import Lent
from blog.identity.people import Key
from tests.identity.directories.fake_scim import Reply, recorded, replay

TOKEN = "opens-the-api"
SECRET = "s3cret-of-the-client"
CLIENT = {"DIRECTORY_CLIENT_ID": "names", "DIRECTORY_CLIENT_SECRET": SECRET}
ACCOUNT_KEY = RSAKey.generate_key(2048)
ACCOUNT = {
    "type": "service_account",
    "client_email": "names@byline.iam.gserviceaccount.example",
    "private_key_id": "0f1e2d3c",
    "private_key": ACCOUNT_KEY.as_pem(private=True).decode(),
    "token_uri": "https://somewhere.example/token",
}
AWS = {"DIRECTORY_ACCESS_KEY_ID": "AKIAEXAMPLE", "DIRECTORY_SECRET_ACCESS_KEY": SECRET}
UUID = "9f425a8d-7efc-4768-8f23-7647a74f{:04x}"


@dataclass(frozen=True)
class Provider:
    """One provider's user API, as its documents describe it.

    :ivar folder: of its recorded answers.
    :ivar settings: how it is chosen.
    :ivar api: what its addresses begin with.
    :ivar number: makes an id of a number.
    :ivar fields: where the parts of a name stand in a person.
    :ivar one: the path of one person; a group catches the id.
    :ivar search: finds the ids that a search asks for: method, path, query and body come in; None when it is none.
    :ivar listed: wraps the people whom a search found.
    :ivar wrapped: wraps one person.
    :ivar row: where the person stands in the recorded answer about one.
    :ivar id: where the id stands in a person.
    :ivar size: how many fit into one call.
    :ivar header: the header for the token, and what stands before it.
    :ivar told: the token, or what stands in its place where requests are signed.
    :ivar path: the path of one person, where that does not stand in the address; an address and a body come in.
    :ivar kept: makes a person out of one in a recorded answer, where that one has no fields.
    """

    folder: str
    settings: Mapping[str, str]
    api: str
    token_url: str
    number: Callable[[int], str]
    fields: Mapping[str, str]
    one: str
    search: Callable[[str, str, dict[str, list[str]], Any], list[str] | None] = lambda *_: None
    listed: Callable[[list[Any]], Any] = lambda rows: rows
    wrapped: Callable[[Any], Any] = lambda row: row
    row: str = ""
    id: str = "id"
    size: int = 1
    header: tuple[str, str] = ("Authorization", "Bearer ")
    told: str = TOKEN
    path: Callable[[str, Any], str] = lambda path, _body: path
    kept: Callable[[Any], Any] = lambda row: row
    issuer: str = "https://id.example/realms/press"


def _okta(_method: str, path: str, query: dict[str, list[str]], _body: Any) -> list[str] | None:
    return re.findall(r'id eq "([^"]+)"', query["search"][0]) if path == "/api/v1/users" else None


def _keycloak(_method: str, path: str, query: dict[str, list[str]], _body: Any) -> list[str] | None:
    return query["search"][0].removeprefix("id:").split() if path.endswith("/users") else None


def _auth0(_method: str, path: str, query: dict[str, list[str]], _body: Any) -> list[str] | None:
    return re.findall(r'"([^"]+)"', query["q"][0]) if path == "/api/v2/users" else None


def _entra(method: str, path: str, _query: dict[str, list[str]], body: Any) -> list[str] | None:
    return [_id_of(each["url"]) for each in body["requests"]] if (method, path) == ("POST", "/v1.0/$batch") else None


def _id_of(url: str) -> str:
    assert "accountEnabled" not in url  # which would need the right to read everything
    return url.removeprefix("/users/").partition("?")[0]


def _scim(_method: str, path: str, query: dict[str, list[str]], _body: Any) -> list[str] | None:
    return re.findall(r'id eq "([^"]+)"', query["filter"][0]) if path == "/scim/v2/Users" else None


def _zitadel(method: str, path: str, _query: dict[str, list[str]], body: Any) -> list[str] | None:
    return body["queries"][0]["inUserIdsQuery"]["userIds"] if (method, path) == ("POST", "/v2/users") else None


def _cognito(_path: str, body: Any) -> str:
    (found,) = re.findall('^sub = "([^"]+)"$', body["Filter"])
    assert body == {"UserPoolId": "eu-central-1_Example", "Filter": f'sub = "{found}"'}
    return f"/{found}"


def _attributes(row: Any) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in row["Attributes"]} | {"Enabled": row["Enabled"]}


def _cognito_user(row: Any) -> dict[str, Any]:
    pairs = [{"Name": name, "Value": text} for name, text in row.items() if name != "Enabled" and text is not None]
    return {"Username": "amina", "Attributes": pairs, "Enabled": row["Enabled"], "UserStatus": "CONFIRMED"}


PROVIDERS = {
    "okta": Provider(
        folder="okta",
        issuer="https://acme.okta.example/oauth2/default",
        settings={"DIRECTORY": "okta", "DIRECTORY_TOKEN": TOKEN},
        api="https://acme.okta.example/api/v1",
        token_url="https://acme.okta.example/oauth2/v1/token",
        number=lambda n: f"00u{n}amina0000Example",
        fields={
            "display": "profile.displayName",
            "given": "profile.firstName",
            "family": "profile.lastName",
            "language": "profile.preferredLanguage",
        },
        one="/api/v1/users/([^/]+)",
        search=_okta,
        size=50,
        header=("Authorization", "SSWS "),
    ),
    "keycloak": Provider(
        folder="keycloak",
        settings={"DIRECTORY": "keycloak", **CLIENT},
        api="https://id.example/admin/realms/press",
        token_url="https://id.example/realms/press/token",
        number=UUID.format,
        fields={"given": "firstName", "family": "lastName", "language": "attributes.locale.0"},
        one="/admin/realms/press/users/([^/]+)",
        search=_keycloak,
        size=50,
    ),
    "auth0": Provider(
        folder="auth0",
        issuer="https://acme.eu.auth0.example/",
        settings={"DIRECTORY": "auth0", **CLIENT},
        api="https://acme.eu.auth0.example/api/v2",
        token_url="https://acme.eu.auth0.example/oauth/token",
        number=lambda n: f"auth0|65f0c1d2e3a4b5c6d7e8{n:04x}",
        fields={"display": "name", "given": "given_name", "family": "family_name"},
        one="/api/v2/users/([^/]+)",
        search=_auth0,
        size=25,
        id="user_id",
    ),
    "entra": Provider(
        folder="entra",
        settings={"DIRECTORY": "entra", "OIDC_AUTHOR_CLAIM": "oid", **CLIENT},
        api="https://graph.microsoft.com/v1.0",
        token_url="https://id.example/realms/press/token",
        number=UUID.format,
        fields={"display": "displayName", "given": "givenName", "family": "surname"},
        one="/v1.0/users/([^/]+)",
        search=_entra,
        size=20,
    ),
    "google": Provider(
        folder="google",
        issuer="https://accounts.google.com",
        settings={"DIRECTORY": "google", "DIRECTORY_SERVICE_ACCOUNT": json.dumps(ACCOUNT)},
        api="https://admin.googleapis.com/admin/directory/v1",
        token_url="https://oauth2.googleapis.com/token",
        number=lambda n: f"10123456789012345{n:04}",
        fields={
            "display": "name.displayName",
            "given": "name.givenName",
            "family": "name.familyName",
            "language": "languages.0.languageCode",
        },
        one="/admin/directory/v1/users/([^/]+)",
    ),
    "cognito": Provider(
        folder="cognito",
        issuer="https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example",
        settings={"DIRECTORY": "cognito", **AWS},
        api="https://cognito-idp.eu-central-1.amazonaws.com",
        token_url="https://id.example/realms/press/token",
        number=UUID.format,
        fields={"formatted": "name", "given": "given_name", "family": "family_name", "language": "locale"},
        one="/(.+)",
        path=_cognito,
        kept=_attributes,
        wrapped=lambda row: {"Users": [_cognito_user(row)]},
        row="Users.0",
        id="sub",
        header=("Authorization", "AWS4-HMAC-SHA256 "),
        told="Credential=AKIAEXAMPLE/",
    ),
    "scim": Provider(
        folder="scim",
        settings={"DIRECTORY": "scim", "DIRECTORY_URL": "https://id.example/scim/v2", **CLIENT},
        api="https://id.example/scim/v2",
        token_url="https://id.example/realms/press/token",
        number=UUID.format,
        fields={
            "display": "displayName",
            "formatted": "name.formatted",
            "given": "name.givenName",
            "family": "name.familyName",
            "language": "preferredLanguage",
        },
        one="/scim/v2/Users/([^/]+)",
        search=_scim,
        listed=lambda rows: {"totalResults": len(rows)} | ({"Resources": rows} if rows else {}),
        size=20,
    ),
    "zitadel": Provider(
        folder="zitadel",
        settings={"DIRECTORY": "json", "DIRECTORY_PRESET": "zitadel", **CLIENT},
        api="https://id.example/v2",
        token_url="https://id.example/realms/press/token",
        number=lambda n: f"28000000000000{n:04}",
        fields={
            "display": "human.profile.displayName",
            "given": "human.profile.givenName",
            "family": "human.profile.familyName",
            "language": "human.profile.preferredLanguage",
        },
        one="/v2/users/([^/]+)",
        search=_zitadel,
        listed=lambda rows: {"details": {}} | ({"result": rows} if rows else {}),
        wrapped=lambda row: {"details": {}, "user": row},
        row="user",
        id="userId",
        size=50,
    ),
    "authentik": Provider(
        folder="authentik",
        settings={"DIRECTORY": "json", "DIRECTORY_PRESET": "authentik", "DIRECTORY_TOKEN": TOKEN},
        api="https://id.example/api/v3",
        token_url="https://id.example/realms/press/token",
        number=UUID.format,
        fields={"display": "name"},
        one=r"/api/v3/core/users/\?uuid=([^&]+)&.*",
        wrapped=lambda row: {"results": [row]},
        row="results.0",
        id="uuid",
    ),
    "kratos": Provider(
        folder="kratos",
        settings={"DIRECTORY": "json", "DIRECTORY_PRESET": "kratos", "DIRECTORY_URL": "https://kratos.example"},
        api="https://kratos.example/admin",
        token_url="https://id.example/realms/press/token",
        number=UUID.format,
        fields={"given": "traits.name.first", "family": "traits.name.last", "language": "traits.locale"},
        one="/admin/identities/([^/]+)",
        search=lambda _method, path, query, _body: query["ids"] if path == "/admin/identities" else None,
        size=100,
        header=("Authorization", ""),
    ),
    "fusionauth": Provider(
        folder="fusionauth",
        settings={"DIRECTORY": "json", "DIRECTORY_PRESET": "fusionauth", "DIRECTORY_TOKEN": TOKEN},
        api="https://id.example/api",
        token_url="https://id.example/realms/press/token",
        number=UUID.format,
        fields={
            "display": "fullName",
            "given": "firstName",
            "family": "lastName",
            "language": "preferredLanguages.0",
        },
        one="/api/user/([^/]+)",
        search=lambda _method, path, query, _body: query["ids"] if path == "/api/user/search" else None,
        listed=lambda rows: {"total": len(rows), "users": rows},
        wrapped=lambda row: {"user": row},
        row="user",
        size=50,
        header=("Authorization", ""),
    ),
    "gitlab": Provider(
        folder="gitlab",
        settings={"DIRECTORY": "json", "DIRECTORY_PRESET": "gitlab", "DIRECTORY_TOKEN": TOKEN},
        api="https://id.example/api/v4",
        token_url="https://id.example/realms/press/token",
        number=lambda n: str(4000 + n),
        fields={"display": "name"},
        one="/api/v4/users/([^/]+)",
        header=("PRIVATE-TOKEN", ""),
    ),
    "pingone": Provider(
        folder="pingone",
        settings={
            "DIRECTORY": "json",
            "DIRECTORY_PRESET": "pingone",
            "DIRECTORY_URL": "https://api.pingone.example/v1/environments/press/",
            **CLIENT,
        },
        api="https://api.pingone.example/v1/environments/press",
        token_url="https://id.example/realms/press/token",
        number=UUID.format,
        fields={
            "formatted": "name.formatted",
            "given": "name.given",
            "family": "name.family",
            "language": "preferredLanguage",
        },
        one="/v1/environments/press/users/([^/]+)",
    ),
    "onelogin": Provider(
        folder="onelogin",
        settings={"DIRECTORY": "json", "DIRECTORY_PRESET": "onelogin", **CLIENT},
        api="https://id.example/api/2",
        token_url="https://id.example/auth/oauth2/v2/token",
        number=lambda n: str(141_230_000 + n),
        fields={"given": "firstname", "family": "lastname", "language": "preferred_locale_code"},
        one="/api/2/users/([^/]+)",
        search=lambda _method, path, query, _body: query["user_ids"][0].split(",") if path == "/api/2/users" else None,
        size=50,
    ),
    "any other": Provider(
        folder="scim",
        settings={
            "DIRECTORY": "json",
            "DIRECTORY_URL": "https://people.example/v1/",
            "DIRECTORY_PERSON_PATH": "/person?key={id}",
            "DIRECTORY_PEOPLE_PATH": "/people",
            "DIRECTORY_PEOPLE_BODY": '{"where": [{"id": "{ids}"}]}',
            "DIRECTORY_PERSON_FIELD": "data",
            "DIRECTORY_PEOPLE_FIELD": "data.people",
            "DIRECTORY_NAME_FIELDS": "display=displayName formatted=name.formatted given=name.givenName"
            " family=name.familyName language=preferredLanguage language=locale",
            "DIRECTORY_GONE": "detail=not found",
            "DIRECTORY_TOKEN": TOKEN,
            "DIRECTORY_TOKEN_HEADER": "X-Api-Key: key",
        },
        api="https://people.example/v1",
        token_url="https://id.example/realms/press/token",
        number=lambda n: f"p|{n}&=?/é",
        fields={
            "display": "displayName",
            "formatted": "name.formatted",
            "given": "name.givenName",
            "family": "name.familyName",
            "language": "preferredLanguage",
        },
        one=r"/v1/person\?key=(.+)",
        search=lambda _method, path, _query, body: body["where"][0]["id"] if path == "/v1/people" else None,
        listed=lambda rows: {"data": {"people": rows}},
        wrapped=lambda row: {"data": row},
        row="",
        size=50,
        header=("X-Api-Key", "key "),
    ),
}


class FakeProvider:
    """A user API; use it with ``with``.

    :ivar people: who lives here: id → person, in the provider's own form.
    :ivar ignores_filters: a search lists everybody.
    :ivar searches: when not, a search lists nobody.
    :ivar broken: an answer in place of every right one but the token.
    :ivar broken_search: an answer to every search.
    :ivar token: more fields of the answer of the token endpoint.
    :ivar broken_token: an answer in place of that one.
    :ivar headers: more headers of every answer of the API.
    :ivar about_token: what it says of the token that asks.
    :ivar calls: method and address of every call to the API.
    """

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.people: dict[str, Any] = {}
        self.ignores_filters = False
        self.searches = True
        self.broken: Reply | Exception | None = None
        self.broken_search: Reply | None = None
        self.token: dict[str, Any] = {}
        self.broken_token: Reply | None = None
        self.headers: dict[str, str] = {}
        self.about_token: dict[str, Any] | None = None
        self.calls: list[tuple[str, str]] = []
        self.token_requests: list[Any] = []
        self._web = responses.RequestsMock(assert_all_requests_are_fired=False)

    def key(self, number: int) -> Key:
        """The key of the person of this number, who need not live here."""
        return Key(self.provider.issuer, self.provider.number(number))

    def add(self, number: int, **parts: str) -> Key:
        """Let somebody live here who has a name of these parts and of no others."""
        row = self.recorded("user")
        for path in self.provider.fields.values():
            _put(row, path, None)
        for part, text in parts.items():
            _put(row, self.provider.fields[part], text)
        row[self.provider.id] = _of_kind(row.get(self.provider.id), self.provider.number(number))
        self.people[self.provider.number(number)] = row
        return self.key(number)

    def recorded(self, case: str) -> Any:
        """The person in a recorded answer, as it is kept here."""
        told = recorded(f"{self.provider.folder}/{case}")["body"]
        return self.provider.kept(copy.deepcopy(_at(told, self.provider.row)))

    def values(self, **more: str) -> dict[str, Any]:
        """The settings that choose this API, as the program reads them."""
        texts = {
            "PUBLIC_URL": "https://blog.example",
            "SECRET_KEY": "k" * 32,
            "OIDC_ISSUER": self.provider.issuer,
            "OIDC_CLIENT_ID": "byline",
            "OIDC_CLIENT_SECRET": "login-secret",
        }
        texts |= {**self.provider.settings, **more}
        return load({f"BLOG_{name}": text for name, text in texts.items()}, SETTINGS)

    def directory(self, **more: str) -> Directory:
        """Open it as the blog does, without the memory before it."""
        values = self.values(**more)
        return ADAPTERS[values["DIRECTORY"]].from_settings(values, Lent(lambda: self.provider.token_url))

    def __enter__(self) -> Self:
        self._web.start()
        self._web.add_callback(responses.POST, self.provider.token_url, self._issue)
        for method in (responses.GET, responses.POST):
            self._web.add_callback(method, re.compile(re.escape(self.provider.api) + "/.*"), self._serve)
        return self

    def __exit__(self, *_: object) -> None:
        self._web.stop()
        self._web.reset()

    def _issue(self, request: Any) -> Reply:
        self.token_requests.append(request)
        time.sleep(0.02)  # so that who asks at the same time does so
        if self.broken_token is not None:
            return self.broken_token
        return _json(200, {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600} | self.token)

    def _serve(self, request: Any) -> Reply:
        status, headers, body = self._answer(request)
        return status, {**headers, **self.headers}, body

    def _answer(self, request: Any) -> Reply:
        parts = urlsplit(request.url)
        self.calls.append((request.method, request.url))
        name, scheme = self.provider.header
        opens = self.provider.folder == "kratos" or self._opens(request.headers.get(name, ""), scheme)
        if self.broken is not None:
            return self._break()
        if not opens:
            return 401, {}, "{}"
        if parts.path.endswith("/personal_access_tokens/self"):
            return _json(404, {}) if self.about_token is None else _json(200, self.about_token)
        if parts.path.endswith("/ServiceProviderConfig"):
            return _json(200, {"filter": {"supported": True}})
        body = json.loads(request.body) if request.body else None
        asked = self.provider.search(request.method, parts.path, parse_qs(parts.query), body)
        if asked is None:
            return self._one(self.provider.path(parts.path, body) + (f"?{parts.query}" if parts.query else ""))
        return self._list(asked, body)

    def _opens(self, header: str, scheme: str) -> bool:
        if self.provider.told != TOKEN:
            return header.startswith(scheme + self.provider.told)
        return header == scheme + self.token.get("access_token", TOKEN)

    def _break(self) -> Reply:
        if isinstance(self.broken, Exception):
            raise self.broken
        assert self.broken is not None
        return self.broken

    def _one(self, path: str) -> Reply:
        found = re.fullmatch(self.provider.one, path if "?" in self.provider.one else path.partition("?")[0])
        assert found, path
        row = self.people.get(unquote(found[1]))
        if row is None:
            return self._missing()
        return _json(200, self.provider.wrapped(row))

    def _missing(self) -> Reply:
        if "DIRECTORY_PERSON_PATH" in self.provider.settings:
            return _json(404, {"detail": "Person not found."})
        return replay(f"{self.provider.folder}/not_found")

    def _list(self, asked: list[str], body: Any) -> Reply:
        assert len(asked) <= max(self.provider.size, 1)
        if self.broken_search is not None:
            return self.broken_search
        if self.provider.folder == "entra":
            return _json(200, {"responses": [self._item(each) for each in reversed(body["requests"])]})
        if not self.searches:
            return _json(200, self.provider.listed([]))
        rows = [row for person, row in self.people.items() if self.ignores_filters or person in asked]
        return _json(200, self.provider.listed(rows))

    def _item(self, request: Any) -> dict[str, Any]:
        status, headers, body = self._one("/v1.0" + request["url"])
        return {"id": request["id"], "status": status, "headers": headers, "body": json.loads(body)}


def _json(status: int, body: Any) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(body)


def _of_kind(sample: Any, text: str) -> Any:
    return int(text) if isinstance(sample, int) else text


def _at(value: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        value = value[int(name)] if name.isdigit() else value[name]
    return value


def _put(row: Any, path: str, text: str | None) -> None:
    first, _, rest = path.partition(".")
    if rest.isdigit():
        row[first] = [text]
    elif rest.partition(".")[0].isdigit():
        row[first] = [{}]
        _put(row[first][0], rest.partition(".")[2], text)
    elif rest:
        if not isinstance(row.get(first), dict):
            row[first] = {}
        _put(row[first], rest, text)
    else:
        row[first] = text


def form_of(request: Any) -> dict[str, str]:
    """The fields of a token request."""
    return dict(parse_qsl(request.body))
