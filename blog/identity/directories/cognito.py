"""Names from a user pool of Amazon Cognito; needs the extra `cognito`, which signs for AWS."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from blog.config import BadSetting, Setting
from blog.identity.directories import reading
from blog.identity.directories.api import limited
from blog.identity.directories.bearer import DEADLINE_S, TIMEOUT
from blog.identity.directories.facts import Facts, Rights
from blog.identity.directories.settings import Lent, a_token
from blog.identity.directories.shape import Shape, at
from blog.identity.http import Answer, Auth, fetch
from blog.identity.people import Key, Person

ACCESS_KEY_ID = Setting(
    "DIRECTORY_ACCESS_KEY_ID",
    "",
    "The access key id of an IAM user who may do `cognito-idp:ListUsers` on the user pool, and nothing else.",
    a_token,
)
SECRET_ACCESS_KEY = Setting(
    "DIRECTORY_SECRET_ACCESS_KEY", "", "The secret access key that goes with it.", a_token, secret=True
)
SETTINGS: tuple[Setting, ...] = (ACCESS_KEY_ID, SECRET_ACCESS_KEY)
IDS = reading.UUIDS

POOL = re.compile(r"https://cognito-idp\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<pool>[\w-]+)")
# Not AdminGetUser, for which AWS counts each person who is looked up as one who was active that month.
CALL = {
    "X-Amz-Target": "AWSCognitoIdentityProviderService.ListUsers",
    "Content-Type": "application/x-amz-json-1.1",
}
LIMIT_S = 5  # Cognito counts by the second
SHAPE = Shape(
    names={
        "formatted": "name",
        "given": "given_name",
        "family": "family_name",
        "middle": "middle_name",
        "language": "locale",
    },
    is_gone=lambda _answer: False,  # an empty list says that, no status
    id="sub",
    row="Users",
    deactivated={"Enabled": (False,)},
)


RIGHTS = Rights(
    grant="Let a policy of the IAM user allow cognito-idp:ListUsers on the user pool, and nothing else.",
    client_ends="An access key of IAM ends only when somebody deletes it. Change it now and then.",
)


class Cognito:
    """A user pool as a directory. A search by ``sub`` finds one person, so each is asked for alone.

    :param issuer: the pool's, which names its region, too.
    :param sign: makes what signs one request for a region.
    :raises BadSetting: the issuer is none of Cognito's.
    """

    def __init__(self, issuer: str, sign: Callable[[str], Auth]) -> None:
        if (found := POOL.fullmatch(issuer)) is None:
            raise BadSetting("OIDC_ISSUER", "must be https://cognito-idp.REGION.amazonaws.com/POOL for this DIRECTORY")
        self._issuer, self._pool = issuer, found["pool"]
        self._url = issuer.removesuffix(self._pool)
        self._sign = partial(sign, found["region"])

    def people(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are; see `Directory`."""
        return reading.ask(IDS.of(self._issuer, keys), self._read)

    def _read(self, key: Key) -> Person:
        answer = fetch(
            "POST",
            self._url,
            what="Cognito",
            headers=CALL,
            # AttributesToGet would make it an error that somebody lacks one of them.
            json={"UserPoolId": self._pool, "Filter": f'sub = "{key.id}"'},
            auth=self._sign(),
            timeout=TIMEOUT,
            deadline_s=DEADLINE_S,
        )
        return SHAPE.one(_plain(answer), key)


def _plain(answer: Answer) -> Answer:
    """Put a person's attributes, which come as a list, under their names; and tell a limit from other refusals."""
    if answer.status != 200:
        is_limit = answer.status == 400 and "TooManyRequests" in str(at(answer.object(), "__type"))
        return limited(answer, LIMIT_S) if is_limit else answer
    told = answer.object()
    users = told.get("Users")
    if users == [] and told.get("PaginationToken"):
        raise answer.unusable("has not looked at everybody")
    if not isinstance(users, list):
        return answer
    return replace(answer, body=json.dumps({"Users": [_named(user) for user in users]}).encode())


def _named(user: Any) -> dict[str, Any]:
    attributes = at(user, "Attributes")
    pairs = attributes if isinstance(attributes, list) else []
    return {str(at(pair, "Name")): at(pair, "Value") for pair in pairs} | {"Enabled": at(user, "Enabled")}


def ids_of(_settings: Mapping[str, Any]) -> reading.Ids:
    """Say what ids look like there; the same whatever is set."""
    return IDS


def facts_of(_settings: Mapping[str, Any]) -> Facts:
    """Tell what is known of it; the same whatever is set."""
    return Facts(SHAPE, 1, RIGHTS)


def from_settings(settings: Mapping[str, Any], _lent: Lent) -> Cognito:
    """Make a directory of settings; see `open_directory`."""
    for row in SETTINGS:
        if not settings[row.name]:
            raise BadSetting(row.name, "is missing, and DIRECTORY=cognito needs it")
    try:
        from requests_aws4auth import AWS4Auth  # noqa: PLC0415  (an extra)
    except ImportError:
        raise BadSetting(
            "DIRECTORY", "cognito needs the requests-aws4auth package: pip install 'byline[cognito]'"
        ) from None
    access, secret = (settings[row.name] for row in SETTINGS)
    # A new one for each request: one that is shared changes its key at midnight, under the hands of other threads.
    return Cognito(settings["OIDC_ISSUER"], lambda region: AWS4Auth(access, secret, region, "cognito-idp"))
