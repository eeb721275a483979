"""Names from any user API that answers in JSON: from one of the presets, or as the settings describe it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from blog.config import BadSetting, Setting, one_of, words
from blog.identity.directories import reading
from blog.identity.directories.api import Api
from blog.identity.directories.bearer import Given, Opener
from blog.identity.directories.facts import Facts
from blog.identity.directories.presets import PRESETS, Preset
from blog.identity.directories.settings import AUDIENCE, CLIENT, TOKEN, URL, Lent, opener, origin, safe_address
from blog.identity.directories.shape import Shape, is_empty, says
from blog.identity.http import Answer
from blog.identity.people import Key, Person, display_name

IDS = {"any": reading.ANY, "uuid": reading.UUIDS, "number": reading.NUMBERS}
PARTS = frozenset(inspect.signature(display_name).parameters)
OPEN = "none"
WHOLE = "."


def _path(text: str) -> str:
    if (value := text.strip()) and not value.startswith("/"):
        raise ValueError("must begin with a slash")
    return value


def _person_path(text: str) -> str:
    if (value := _path(text)) and "{id}" not in value:
        raise ValueError("must hold {id}, where the author id goes")
    return value


def _body(text: str) -> str:
    if not (value := text.strip()):
        return ""
    try:
        json.loads(value)
    except ValueError:
        raise ValueError("must be JSON") from None
    if '"{ids}"' not in value:
        raise ValueError('must hold "{ids}", where the list of author ids goes')
    return value


def _name_fields(text: str) -> tuple[str, ...]:
    fields = words(text)
    for field in fields:
        part, equals, path = field.partition("=")
        if part not in PARTS or not equals or not path:
            raise ValueError(f"must be pairs such as display=profile.name, out of {', '.join(sorted(PARTS))}")
    return fields


def _gone(text: str) -> str:
    value = text.strip()
    if value and value != "empty" and not all(part.strip() for part in value.partition("=")):
        raise ValueError("must be a field and what it holds, such as message=User not found, or empty")
    return value


def _header(text: str) -> str:
    value = text.strip()
    name, colon, _ = value.partition(":")
    if value not in {"", OPEN} and not (colon and name.isascii() and name.replace("-", "").isalnum()):
        raise ValueError("must be the name of a header, a colon, and the word before the token, if any")
    return value


SETTINGS: tuple[Setting, ...] = (
    URL,
    *CLIENT,
    AUDIENCE,
    TOKEN,
    Setting(
        "DIRECTORY_PRESET",
        "",
        f"Whose user API it is: {', '.join(f'`{name}`' for name in PRESETS)}. The settings below, where they are set, "
        "count instead of what is known of it. For any other API leave this empty and describe it with them: "
        "DIRECTORY_URL, DIRECTORY_PERSON_PATH, DIRECTORY_NAME_FIELDS and DIRECTORY_GONE at least.",
        lambda text: one_of(*PRESETS)(text) if text.strip() else "",
    ),
    Setting(
        "DIRECTORY_PERSON_PATH",
        "",
        "The path that tells of one person, after DIRECTORY_URL; `{id}` stands for the author id.",
        _person_path,
        example="/v1/people/{id}",
    ),
    Setting(
        "DIRECTORY_PEOPLE_PATH",
        "",
        "The path that tells of several, if there is one: `{ids}` stands for author ids with commas between them; a "
        "parameter with `{id}` in it is repeated for each.",
        _path,
        example="/v1/people?id={id}&limit=100",
    ),
    Setting(
        "DIRECTORY_PEOPLE_BODY",
        "",
        'JSON to send there by POST, for APIs that search like this; `"{ids}"` in it stands for the list of ids.',
        _body,
        example='{"where": {"id": "{ids}"}}',
    ),
    Setting(
        "DIRECTORY_IDS",
        "",
        "What author ids look like there: `any`, `uuid` or `number`. Nobody is asked for by another one, which could "
        "fail a call for many. `any` where nothing is known.",
        lambda text: one_of(*IDS)(text) if text.strip() else "",
    ),
    Setting("DIRECTORY_ID_FIELD", "", "The field of a person that holds the author id; `id` where nothing is known."),
    Setting(
        "DIRECTORY_PERSON_FIELD",
        "",
        "The field of an answer about one person that holds the person, or a list that is empty when there is none; "
        "`.` for the answer itself. Fields can be paths with dots, such as `data.user`.",
    ),
    Setting("DIRECTORY_PEOPLE_FIELD", "", "The field of an answer about several that holds the list; likewise."),
    Setting(
        "DIRECTORY_NAME_FIELDS",
        (),
        "The fields of a person that make the name: pairs of a part and a field. Parts are `display`, `formatted`, "
        "`given`, `middle`, `family`, `nickname` and `language`; of several fields for a part the first that holds "
        "something counts. Never name one that holds a login or an e-mail address.",
        _name_fields,
        example="display=profile.name given=profile.first family=profile.last language=locale",
    ),
    Setting(
        "DIRECTORY_GONE",
        "",
        "What an answer with the status 404 says when there is no such person: a field, and text that it holds; or "
        "`empty`, when the answer has no body. Any other 404 counts as an outage, and takes nobody's name away.",
        _gone,
        example="message=User not found",
    ),
    Setting(
        "DIRECTORY_TOKEN_HEADER",
        "",
        "The header that holds the token, and the word before the token. `Authorization: Bearer` where nothing is "
        "known; `none` for an API that is open to whoever reaches it.",
        _header,
        example="X-Api-Key:",
    ),
)


class Generic:
    """Any user API as a directory.

    :param issuer: whose people live there.
    :param api: its address, and what opens it.
    :param preset: what it looks like.
    """

    def __init__(self, issuer: str, api: Api, preset: Preset) -> None:
        self._issuer = issuer
        self._api = api
        self._preset = preset
        self._sees = not preset.hides

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are; see `Directory`. Where the API hides people, nobody is gone until it showed somebody."""
        asked = self._preset.ids.of(self._issuer, keys)
        many = self._search if self._preset.many else None
        if many is None and len(asked) > 1:
            self._api.open()
        found = reading.ask(asked, self._read, many, size=self._preset.size)
        self._sees = self._sees or any(not person.gone for person in found.values())
        return {key: person for key, person in found.items() if self._sees or not person.gone}

    def _read(self, key: Key) -> Person:
        return self._preset.shape.one(self._api.get(self._preset.one.replace("{id}", quote(key.id, safe=""))), key)

    def _search(self, keys: list[Key]) -> dict[Key, Person] | None:
        return self._preset.shape.several(self._searched([key.id for key in keys]), keys)

    def _searched(self, ids: list[str]) -> Answer:
        path = _filled(self._preset.many, [quote(each, safe="") for each in ids])
        if self._preset.body is None:
            return self._api.get(path)
        return self._api.post(path, _with_ids(self._preset.body, ids))


def _filled(template: str, ids: list[str]) -> str:
    path, mark, query = template.partition("?")
    parts = [part.replace("{id}", each) for part in query.split("&") for each in (ids if "{id}" in part else ids[:1])]
    return (path + mark + "&".join(parts)).replace("{ids}", ",".join(ids))


def _with_ids(body: Any, ids: list[str]) -> Any:
    if isinstance(body, dict):
        return {name: _with_ids(value, ids) for name, value in body.items()}
    if isinstance(body, list):
        return [_with_ids(value, ids) for value in body]
    return ids if body == "{ids}" else body


def ids_of(settings: Mapping[str, Any]) -> reading.Ids:
    """Say what ids look like at the API that the settings describe."""
    return _preset(settings).ids


def facts_of(settings: Mapping[str, Any]) -> Facts:
    """Tell what is known of the API that the settings describe."""
    preset = _preset(settings)
    path, token = preset.rights.told_at, settings["DIRECTORY_TOKEN"]
    about_token = partial(_api(settings, preset, Given(token)).get, path) if path and token else None
    return Facts(preset.shape, preset.size if preset.many else 1, preset.rights, about_token)


def from_settings(settings: Mapping[str, Any], lent: Lent) -> Generic:
    """Make a directory of settings; see `open_directory`."""
    preset = _preset(settings)
    api = _api(settings, preset, _opener(settings, lent, preset, _url(settings, preset)))
    return Generic(settings["OIDC_ISSUER"], api, preset)


def _api(settings: Mapping[str, Any], preset: Preset, opener: Opener) -> Api:
    name = settings["DIRECTORY_PRESET"]
    what = f"the user API of {name}" if name else "the user API"
    return Api(what, _url(settings, preset), opener, header=preset.header)


def _url(settings: Mapping[str, Any], preset: Preset) -> str:
    known = origin(settings["OIDC_ISSUER"]) if settings["DIRECTORY_PRESET"] and not preset.needs_url else ""
    return safe_address(settings, "DIRECTORY_URL", known).rstrip("/")


def _opener(settings: Mapping[str, Any], lent: Lent, preset: Preset, url: str) -> Opener:
    if preset.opens != "client" and not settings["DIRECTORY_TOKEN"] and not settings["DIRECTORY_CLIENT_ID"]:
        if preset.opens == "token":
            raise BadSetting(
                "DIRECTORY_TOKEN", f"is missing, and DIRECTORY_PRESET={settings['DIRECTORY_PRESET']} needs it"
            )
        return Given("")
    token_url = f"{url}{preset.token_path}" if preset.token_path else ""
    return opener(settings, lent, token_url=token_url, scopes=preset.scopes)


def _preset(settings: Mapping[str, Any]) -> Preset:
    """Put together what is known of an API and what the settings say."""
    known = PRESETS.get(settings["DIRECTORY_PRESET"]) or _unknown(settings)
    header = settings["DIRECTORY_TOKEN_HEADER"]
    body = settings["DIRECTORY_PEOPLE_BODY"]
    return replace(
        known,
        one=settings["DIRECTORY_PERSON_PATH"] or known.one,
        many=settings["DIRECTORY_PEOPLE_PATH"] or known.many,
        body=json.loads(body) if body else known.body,
        ids=IDS.get(settings["DIRECTORY_IDS"], known.ids),
        opens="nothing" if header == OPEN else known.opens,
        header=known.header if header in {"", OPEN} else header,
        shape=_shape(settings, known.shape),
    )


def _unknown(settings: Mapping[str, Any]) -> Preset:
    for name in ("DIRECTORY_PERSON_PATH", "DIRECTORY_NAME_FIELDS", "DIRECTORY_GONE"):
        if not settings[name]:
            raise BadSetting(name, "is missing, and DIRECTORY=json without DIRECTORY_PRESET needs it")
    return Preset(one="", shape=Shape({}, is_empty), needs_url=True)


def _shape(settings: Mapping[str, Any], known: Shape) -> Shape:
    def field(name: str, usual: str) -> str:
        told = settings[name]
        return "" if told == WHOLE else told or usual

    return replace(
        known,
        names=_names(settings["DIRECTORY_NAME_FIELDS"]) or known.names,
        is_gone=_test(settings["DIRECTORY_GONE"]) or known.is_gone,
        id=field("DIRECTORY_ID_FIELD", known.id),
        row=field("DIRECTORY_PERSON_FIELD", known.row),
        rows=field("DIRECTORY_PEOPLE_FIELD", known.rows),
    )


def _names(fields: tuple[str, ...]) -> dict[str, str]:
    pairs = [field.split("=", 1) for field in fields]
    return {part: " ".join(path for each, path in pairs if each == part) for part, _ in pairs}


def _test(text: str) -> Callable[[Answer], bool] | None:
    if text == "empty":
        return is_empty
    path, _, holds = text.partition("=")
    return says(path.strip(), holds.strip()) if text else None
