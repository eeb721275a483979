"""The providers' user APIs: which there are, how one is opened, and the bylines of a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from blog.config import BadSetting, Setting, one_of
from blog.identity.directories import auth0, claims, cognito, entra, generic, google, keycloak, okta, scim
from blog.identity.directories.cached import Cached, Lasting, Unshared
from blog.identity.directories.facts import Facts
from blog.identity.directories.question import Directory
from blog.identity.directories.reading import Ids
from blog.identity.directories.settings import Lent, needs_own_keys
from blog.identity.people import Byline, Key, Person, byline
from blog.identity.sealing import Seal

if TYPE_CHECKING:
    from joserfc import jwk

    from blog.identity.directories.shared import Shared

__all__ = [
    "ADAPTERS",
    "SETTINGS",
    "Cached",
    "Directory",
    "bylines",
    "can_be_asked",
    "everything_shared",
    "facts_of",
    "needs_own_keys",
    "nobody",
    "open_directory",
]


class Adapter(Protocol):
    """A module that knows one provider's user API, or one standard."""

    SETTINGS: tuple[Setting, ...]

    def ids_of(self, settings: Mapping[str, Any], /) -> Ids:
        """Say what ids look like there."""
        ...

    def facts_of(self, settings: Mapping[str, Any], /) -> Facts:
        """Tell what is known of the user API beforehand."""
        ...

    def from_settings(self, settings: Mapping[str, Any], lent: Lent, /) -> Directory:
        """Make a directory of settings; may raise BadSetting."""
        ...


ADAPTERS: dict[str, Adapter] = {
    "claims": claims,
    "scim": scim,
    "okta": okta,
    "keycloak": keycloak,
    "auth0": auth0,
    "entra": entra,
    "google": google,
    "cognito": cognito,
    "json": generic,
}


def _redis_address(text: str) -> str:
    """Read where Redis is; without a query, which could undo our time limits and the check of certificates."""
    value = text.strip()
    if value and not _is_redis_address(value):
        raise ValueError("must be an address such as redis://localhost:6379/0 or rediss://:password@host:6380/0")
    return value


def _is_redis_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        here = parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0
        return bool(here and re.fullmatch(r"/?\d*", parts.path) and not parts.query and not parts.fragment)
    except ValueError:  # the port is no number
        return False


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DIRECTORY",
        "claims",
        "Where authors' names come from. `claims`: from logins, kept in memory for a day, for providers without a user "
        "API. The others ask the provider's user API, so that a changed name shows within the hour: `scim` any that "
        "speaks SCIM 2.0, `okta`, `keycloak`, `auth0` and `entra` those products, `google` Google Workspace, "
        "`cognito` Amazon Cognito, "
        "and `json` those of DIRECTORY_PRESET or any other that answers in JSON.",
        one_of(*ADAPTERS),
    ),
    Setting(
        "DIRECTORY_CACHE_URL",
        "",
        "A Redis in which all processes share the names they learnt, so that the provider is asked once for all of "
        "them; if empty, each process remembers for itself. Needs the `redis` extra and a Redis that writes nothing to "
        "disk: see [operations](operations.md#many-processes).",
        _redis_address,
        secret=True,
        example="rediss://:password@redis.example.org:6380/0",
    ),
    # A row that several adapters share stands here once.
    *dict.fromkeys(setting for adapter in ADAPTERS.values() for setting in adapter.SETTINGS),
)


def open_directory(
    settings: Mapping[str, Any],
    *,
    find_token_url: Callable[[], str] | None = None,
    signing_key: Callable[[], jwk.Key] | None = None,
) -> Cached:
    """Make the directory that the settings ask for, with the memory before it. Nothing is asked yet.

    :param settings: name → value, as `blog.config.load` gives them.
    :param find_token_url: looks up the issuer's token endpoint, for when the settings name none; called when it is
        needed, may raise Unreachable.
    :param signing_key: gives the blog's own key, for settings that need one (`needs_own_keys`); called in any thread,
        may raise LoginRefused.
    :raises BadSetting: settings are missing, or do not go together.
    """
    adapter = ADAPTERS[settings["DIRECTORY"]]
    _refuse_settings_of_others(settings)
    return Cached(adapter.from_settings(settings, Lent(find_token_url, signing_key)), share=_share(settings))


def nobody(settings: Mapping[str, Any]) -> Key:
    """Make the key of somebody who does not exist, of the form that ids have there; for the doctor."""
    return Key(settings["OIDC_ISSUER"], ADAPTERS[settings["DIRECTORY"]].ids_of(settings).invent())


def can_be_asked(settings: Mapping[str, Any], keys: Iterable[Key]) -> list[Key]:
    """Pick the keys that are of the issuer, and whose ids are of the form that ids have there."""
    return ADAPTERS[settings["DIRECTORY"]].ids_of(settings).of(settings["OIDC_ISSUER"], keys)


def facts_of(settings: Mapping[str, Any]) -> Facts:
    """Tell what is known of the user API that the settings choose; for the doctor."""
    return ADAPTERS[settings["DIRECTORY"]].facts_of(settings)


def _share(settings: Mapping[str, Any]) -> Callable[[], Shared | Unshared]:
    """Say how a process comes to the shared memory, or to none."""
    if not (url := settings["DIRECTORY_CACHE_URL"]):
        return Unshared
    try:
        from blog.identity.directories.shared import Shared  # noqa: PLC0415  (it imports redis, an extra)
    except ImportError:
        raise BadSetting("DIRECTORY_CACHE_URL", "needs the redis package: pip install 'byline[redis]'") from None
    return partial(Shared, url, Seal(settings["SECRET_KEY"]))


def everything_shared(settings: Mapping[str, Any]) -> Iterator[bytes] | None:
    """Give what stands in the memory that processes share, as it stands there; None where there is none."""
    shared = _share(settings)()
    return None if isinstance(shared, Unshared) else shared.everything()


def _refuse_settings_of_others(settings: Mapping[str, Any]) -> None:
    chosen = settings["DIRECTORY"]
    for setting in SETTINGS:
        owners = [name for name, adapter in ADAPTERS.items() if setting in adapter.SETTINGS]
        if owners and chosen not in owners and settings[setting.name] != setting.default:
            raise BadSetting(setting.name, f"is for DIRECTORY={', '.join(owners)}, but DIRECTORY is {chosen}")


def bylines(
    directory: Cached, keys: Collection[tuple[str, str]], secret: bytes
) -> tuple[Mapping[Key, Byline], Lasting]:
    """Give the bylines of everybody on a page, with one question.

    :param keys: identity keys, as pairs: lists of posts have them so, and what is known is found by pairs as well.
    :param secret: keys the hashes in neutral names; the same at each call.
    :return: a byline for every key, and for how long they can be shown.
    """
    asked = frozenset(keys)

    def make(people: Mapping[Key, Person]) -> dict[Key, Byline]:
        return {key: byline(key, people.get(key), secret=secret) for key in map(Key._make, asked)}

    return directory.told(asked, make)
