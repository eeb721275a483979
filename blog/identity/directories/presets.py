"""The user APIs that `generic` knows, as data: addresses, what opens them, where names stand, what says "gone"."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from blog.identity.directories import reading
from blog.identity.directories.shape import Shape, is_empty, says


@dataclass(frozen=True, slots=True)
class Preset:
    """One user API.

    :param one: the path of one person, with ``{id}`` in it.
    :param shape: of its answers.
    :param many: the path of several: with ``{ids}``, where ids stand with commas between them, or with a parameter that
        holds ``{id}`` and is repeated; empty when each is read alone.
    :param body: what is sent there by POST instead, where ``"{ids}"`` stands for the list of ids.
    :param size: how many ids go into one such call.
    :param needs_url: its address does not follow from the issuer's.
    :param opens: with a token of a ``client``, with a ``token`` made by hand, or with ``nothing`` at all.
    :param header: where the token goes; see `Api`.
    :param token_path: where a client's token is fetched, if that is not the issuer's token endpoint.
    :param hides: it says the same of people who are gone and of those whom the asker may not see.
    """

    one: str
    shape: Shape
    many: str = ""
    body: Any = None
    size: int = 50
    ids: reading.Ids = reading.ANY
    needs_url: bool = False
    opens: str = "client"
    header: str = "Authorization: Bearer"
    token_path: str = ""
    scopes: tuple[str, ...] = ()
    hides: bool = False


PRESETS = {
    "zitadel": Preset(
        one="/v2/users/{id}",
        many="/v2/users",
        body=json.loads('{"query": {"limit": 100}, "queries": [{"inUserIdsQuery": {"userIds": "{ids}"}}]}'),
        ids=reading.NUMBERS,
        scopes=("openid", "urn:zitadel:iam:org:project:id:zitadel:aud"),
        hides=True,
        shape=Shape(
            names={
                "display": "human.profile.displayName",
                "given": "human.profile.givenName",
                "family": "human.profile.familyName",
                "nickname": "human.profile.nickName",
                "language": "human.profile.preferredLanguage",
            },
            is_gone=says("message", "QUERY-"),  # code 5 alone is also what an unknown path gets
            id="userId",
            row="user",
            rows="result",
            logins="username preferredLoginName",
            deactivated={"state": ("USER_STATE_INACTIVE",)},
        ),
    ),
    "authentik": Preset(
        one="/api/v3/core/users/?uuid={id}&include_groups=false&include_roles=false",
        ids=reading.UUIDS,
        opens="token",
        hides=True,
        shape=Shape(
            names={"display": "name", "language": "attributes.settings.locale"},
            is_gone=says("detail", "No User matches"),
            id="uuid",
            row="results",
            logins="username",
            deactivated={"is_active": (False,)},
        ),
    ),
    "kratos": Preset(
        one="/admin/identities/{id}",
        many="/admin/identities?ids={id}",
        size=100,
        ids=reading.UUIDS,
        needs_url=True,
        opens="nothing",
        shape=Shape(  # traits are what the operator's own schema makes them
            names={
                "display": "traits.name traits.display_name",
                "given": "traits.name.first traits.first_name traits.given_name",
                "family": "traits.name.last traits.last_name traits.family_name",
                "language": "traits.locale",
            },
            is_gone=says("error.message", "Unable to locate the resource"),
            logins="traits.username",
            deactivated={"state": ("inactive",)},
        ),
    ),
    "fusionauth": Preset(
        one="/api/user/{id}",
        many="/api/user/search?ids={id}",
        ids=reading.UUIDS,
        opens="token",
        header="Authorization:",
        shape=Shape(
            names={
                "display": "fullName",
                "given": "firstName",
                "family": "lastName",
                "middle": "middleName",
                "language": "preferredLanguages.0",
            },
            is_gone=is_empty,
            row="user",
            rows="users",
            logins="username",
            deactivated={"active": (False,)},
        ),
    ),
    "gitlab": Preset(
        one="/api/v4/users/{id}",
        ids=reading.NUMBERS,
        opens="token",
        header="PRIVATE-TOKEN:",
        shape=Shape(
            names={"display": "name"},
            is_gone=says("message", "User Not Found"),
            logins="username",
            deactivated={"state": ("blocked", "deactivated", "banned", "ldap_blocked")},
        ),
    ),
    "pingone": Preset(
        one="/users/{id}",
        ids=reading.UUIDS,
        needs_url=True,
        shape=Shape(
            names={
                "formatted": "name.formatted",
                "given": "name.given",
                "family": "name.family",
                "middle": "name.middle",
                "language": "preferredLanguage locale",
            },
            is_gone=says("message", "Unable to find User"),
            logins="username",
            deactivated={"enabled": (False,)},
        ),
    ),
    "onelogin": Preset(
        one="/api/2/users/{id}",
        many="/api/2/users?user_ids={ids}&fields=id,firstname,lastname,preferred_locale_code,status&limit=100",
        ids=reading.NUMBERS,
        token_path="/auth/oauth2/v2/token",  # noqa: S106  (a path)
        shape=Shape(
            names={"given": "firstname", "family": "lastname", "language": "preferred_locale_code"},
            is_gone=says("message", "User not found"),
            deactivated={"status": (2,)},  # suspended by an administrator
        ),
    ),
}
