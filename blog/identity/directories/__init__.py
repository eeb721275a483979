"""The providers' user APIs: which there are, how one is opened, and the bylines of a page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from blog.config import BadSetting, Setting, one_of
from blog.identity.directories import claims, scim
from blog.identity.directories.cached import Cached
from blog.identity.directories.question import Directory
from blog.identity.people import Byline, Key, byline

__all__ = ["ADAPTERS", "SETTINGS", "Cached", "Directory", "bylines", "open_directory"]

ADAPTERS = {"claims": claims, "scim": scim}

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DIRECTORY",
        "claims",
        "Where authors' names come from. `claims`: from logins, kept in memory for a day, for providers without a user "
        "API. `scim`: from the provider's SCIM 2.0 API, so that a changed name shows within the hour.",
        one_of(*ADAPTERS),
    ),
    *(setting for adapter in ADAPTERS.values() for setting in adapter.SETTINGS),
)


def open_directory(settings: Mapping[str, Any], *, find_token_url: Callable[[], str] | None = None) -> Cached:
    """Make the directory that the settings ask for, with the memory before it. Nothing is asked yet.

    :param settings: name → value, as `blog.config.load` gives them.
    :param find_token_url: looks up the issuer's token endpoint, for when the settings name none; called when it is
        needed, may raise Unreachable.
    :raises BadSetting: settings are missing, or do not go together.
    """
    chosen = settings["DIRECTORY"]
    _refuse_settings_of_others(settings, chosen)
    return Cached(ADAPTERS[chosen].from_settings(settings, find_token_url))


def _refuse_settings_of_others(settings: Mapping[str, Any], chosen: str) -> None:
    own = {setting.name for setting in ADAPTERS[chosen].SETTINGS}
    for name, adapter in ADAPTERS.items():
        for setting in adapter.SETTINGS:
            if setting.name not in own and settings[setting.name] != setting.default:
                raise BadSetting(setting.name, f"is for DIRECTORY={name}, but DIRECTORY is {chosen}")


def bylines(directory: Directory, keys: Collection[Key], secret: bytes) -> dict[Key, Byline]:
    """Give the bylines of everybody on a page, with one question.

    :param directory: one that does not raise: `Cached`.
    :param secret: keys the hashes in neutral names.
    :return: a byline for every key.
    """
    people = directory.people(keys)
    return {key: byline(key, people.get(key), secret=secret) for key in keys}
