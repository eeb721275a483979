"""The user APIs that `generic` knows, as data: addresses, what opens them, where names stand, what says "gone"."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from blog.identity.directories import reading
from blog.identity.directories.facts import Rights
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
    :param rights: what it wants of who asks.
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
    rights: Rights = field(default_factory=Rights)
    hides: bool = False


PRESETS = {
    "zitadel": Preset(
        one="/v2/users/{id}",
        many="/v2/users",
        body=json.loads('{"query": {"limit": 100}, "queries": [{"inUserIdsQuery": {"userIds": "{ids}"}}]}'),
        ids=reading.NUMBERS,
        scopes=("openid", "urn:zitadel:iam:org:project:id:zitadel:aud"),
        hides=True,
        rights=Rights(
            grant="In Zitadel's console give the service user that asks a role which may read users, such as Org Owner"
            " Viewer, in the organisation where the authors are.",
        ),
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
        rights=Rights(
            grant="Give the service account whose token asks a role that may view users, and nothing else.",
            id="authentik is asked by UUID: the subject mode of the blog's provider there must be “based on the user's"
            " UUID”.",
            ends="The token ends on the day that authentik's list of tokens shows, if it ends at all.",
        ),
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
        rights=Rights(
            grant="Let the blog's machine reach the admin API, or set the API key of Ory Network in"
            " BLOG_DIRECTORY_TOKEN. Nobody else should reach it.",
            id="The sub of a login is an identity's id only if the login application behind Hydra takes that one, and"
            " subjects are public.",
        ),
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
        rights=Rights(
            grant="Limit the API key to GET on /api/user and /api/user/search.",
            ends="The API key ends on the day that FusionAuth's list of keys shows, if it ends at all.",
        ),
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
        rights=Rights(
            enough=frozenset({"read_user"}),
            grant="Make an access token with the scope read_user only.",
            told_at="/api/v4/personal_access_tokens/self",
        ),
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
        rights=Rights(grant="Give the worker application that asks the role Identity Data Read Only, and no other."),
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
        rights=Rights(grant="Make the credential that asks one of the kind “Read users”."),
        shape=Shape(
            names={"given": "firstname", "family": "lastname", "language": "preferred_locale_code"},
            is_gone=says("message", "User not found"),
            deactivated={"status": (2,)},  # suspended by an administrator
        ),
    ),
}
