"""The settings that several adapters share, each a row once, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from blog.config import BadSetting, Setting, address, is_loopback, one_of, words
from blog.identity.directories.bearer import Bearer, Credentials, Given, Opener, is_token

if TYPE_CHECKING:
    from joserfc.jwk import Key


def address_or_nothing(text: str) -> str:
    """Read an address that may be left out."""
    return address(text) if text.strip() else ""


def a_token(text: str) -> str:
    """Read a token; what could not stand in a header is refused."""
    if (value := text.strip()) and not is_token(value):
        raise ValueError("must be one word of printable ASCII characters")
    return value


def private_key(text: str) -> Key | None:
    """Read a private key for RS256 or ES256, as PEM or as a JWK (RFC 7517), whose `kid` goes into the proofs."""
    if not (value := text.strip()):
        return None
    from blog.identity.directories import private_keys  # noqa: PLC0415  (it imports joserfc: as in tokens.py)

    return private_keys.read(value)


URL = Setting(
    "DIRECTORY_URL",
    "",
    "The base address of the provider's user API. `scim` needs it: what stands before `/Users`. The others know theirs "
    "where it follows from the issuer; set it where the API is elsewhere: `okta` the organisation's address, "
    "`keycloak` the realm's (`https://…/admin/realms/staff`), `auth0` the tenant's own address behind a custom domain, "
    "`entra` another cloud's Graph with its version, `json` what stands before the paths.",
    address_or_nothing,
    example="https://id.example.org/scim/v2",
)
TOKEN_URL = Setting(
    "DIRECTORY_TOKEN_URL",
    "",
    "Where the token for that API is fetched (client_credentials); if empty, where the adapter knows it is, or the "
    "issuer's token endpoint.",
    address_or_nothing,
)
CLIENT_ID = Setting("DIRECTORY_CLIENT_ID", "", "The client that may read users; the one of the login if empty.")
CLIENT_SECRET = Setting("DIRECTORY_CLIENT_SECRET", "", "The secret that goes with it.", secret=True)
AUTH_METHOD = Setting(
    "DIRECTORY_AUTH_METHOD",
    "",
    "How that client proves itself: `client_secret_basic`, `client_secret_post` or `private_key_jwt`. If empty, as the "
    "login's client does where that is used, else as is usual: `private_key_jwt` for `okta`, `client_secret_post` for "
    "`auth0` and `entra`, `client_secret_basic` for the others.",
    lambda text: one_of("client_secret_basic", "client_secret_post", "private_key_jwt")(text) if text.strip() else "",
)
PRIVATE_KEY = Setting(
    "DIRECTORY_PRIVATE_KEY",
    None,
    "The key that it signs with for `private_key_jwt`, as PEM or JWK; if empty, the blog's own keys, whose public "
    "parts are at `/oidc/jwks`.",
    private_key,
    secret=True,
)
SCOPES = Setting(
    "DIRECTORY_SCOPES",
    (),
    "The scopes to ask for with that token; if empty, what the adapter is known to need.",
    words,
)
AUDIENCE = Setting(
    "DIRECTORY_AUDIENCE",
    "",
    "The API that the token is asked for, where the provider wants to be told (`audience`). `auth0` knows its own.",
)
TOKEN = Setting(
    "DIRECTORY_TOKEN",
    "",
    "A token or API key for that API, where it takes one that is made by hand, instead of a client. It ends one day: "
    "most have a date, and Okta's (SSWS) die after 30 days without use.",
    a_token,
    secret=True,
)
CLIENT = (TOKEN_URL, CLIENT_ID, CLIENT_SECRET, AUTH_METHOD, PRIVATE_KEY, SCOPES)
"""The rows of every adapter that fetches tokens."""

WITHOUT_CLIENT = {"claims", "google", "cognito"}  # they ask nobody, or with what only these products know
USUAL_METHODS = {"okta": "private_key_jwt", "auth0": "client_secret_post", "entra": "client_secret_post"}


@dataclass(frozen=True, slots=True)
class Lent:
    """What the roof lends to adapters.

    :param find_token_url: looks up the issuer's token endpoint; may raise Unreachable.
    :param signing_key: gives the blog's own key at this moment, in any thread.
    """

    find_token_url: Callable[[], str] | None = None
    signing_key: Callable[[], Key] | None = None


def auth_method(settings: Mapping[str, Any]) -> str:
    """Say how the client that asks for names proves itself; empty when there is none."""
    if settings["DIRECTORY"] in WITHOUT_CLIENT or settings["DIRECTORY_TOKEN"]:
        return ""
    if settings["DIRECTORY_AUTH_METHOD"]:
        return str(settings["DIRECTORY_AUTH_METHOD"])
    if settings["DIRECTORY_CLIENT_ID"] or settings["DIRECTORY_CLIENT_SECRET"]:
        return USUAL_METHODS.get(settings["DIRECTORY"], "client_secret_basic")
    return str(settings["OIDC_TOKEN_AUTH_METHOD"])


def needs_own_keys(settings: Mapping[str, Any]) -> bool:
    """Whether names are asked for with the blog's own keys."""
    return auth_method(settings) == "private_key_jwt" and settings["DIRECTORY_PRIVATE_KEY"] is None


def safe_address(settings: Mapping[str, Any], name: str, usual: str = "") -> str:
    """Give the address that is set, or the usual one.

    :raises BadSetting: there is neither, or tokens would go over plain http.
    """
    url: str = settings[name] or usual
    if not url:
        raise BadSetting(name, f"is missing, and DIRECTORY={settings['DIRECTORY']} needs it")
    if url.startswith("http:") and not is_loopback(url) and not settings["INSECURE_ISSUER_HTTP"]:
        raise BadSetting(name, "must be https; plain http is for localhost only")
    return url


def origin(url: str) -> str:
    """Give scheme and host of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def opener(
    settings: Mapping[str, Any],
    lent: Lent,
    *,
    token_url: str = "",
    scopes: tuple[str, ...] = (),
    audience: str = "",
    addressee: str | None = None,
) -> Opener:
    """Make what opens the API: the token that was given, or one to be fetched.

    :param token_url: where this adapter knows the token endpoint.
    :param scopes: what it asks for where nothing else is set.
    :param audience: likewise.
    :param addressee: to whom a signed proof is addressed, empty for the token endpoint; as at the login by default.
    :raises BadSetting: settings are missing, or do not go together.
    """
    if given := settings["DIRECTORY_TOKEN"]:
        for row in CLIENT:
            if settings[row.name] != row.default:
                raise BadSetting(row.name, "does nothing beside DIRECTORY_TOKEN")
        return Given(given)
    if addressee is None:
        addressee = settings["OIDC_ISSUER"] if settings["OIDC_ASSERTION_AUDIENCE"] == "issuer" else ""
    audience = settings["DIRECTORY_AUDIENCE"] or audience
    return Bearer(
        _token_url(settings, lent, token_url),
        _credentials(settings, lent),
        scopes=settings["DIRECTORY_SCOPES"] or scopes,
        form={"audience": audience} if audience else {},
        addressee=addressee,
    )


def _credentials(settings: Mapping[str, Any], lent: Lent) -> Credentials:
    method, own_id = auth_method(settings), settings["DIRECTORY_CLIENT_ID"]
    if method == "private_key_jwt":
        return Credentials(own_id or settings["OIDC_CLIENT_ID"], "", method, _signing_key(settings, lent))
    if settings["DIRECTORY_PRIVATE_KEY"] is not None:
        raise BadSetting("DIRECTORY_PRIVATE_KEY", f"does nothing, as the client proves itself by {method}")
    own_secret = settings["DIRECTORY_CLIENT_SECRET"]
    if bool(own_id) != bool(own_secret):
        missing = "DIRECTORY_CLIENT_SECRET" if own_id else "DIRECTORY_CLIENT_ID"
        raise BadSetting(missing, "is missing: client id and secret go together")
    if not own_id and not settings["OIDC_CLIENT_SECRET"]:
        raise BadSetting("DIRECTORY_CLIENT_ID", "is missing, and there is no OIDC_CLIENT_SECRET to use in its place")
    if own_id:
        return Credentials(own_id, own_secret, method)
    return Credentials(settings["OIDC_CLIENT_ID"], settings["OIDC_CLIENT_SECRET"], method)


def _signing_key(settings: Mapping[str, Any], lent: Lent) -> Callable[[], Key]:
    if settings["DIRECTORY_CLIENT_SECRET"]:
        raise BadSetting("DIRECTORY_CLIENT_SECRET", "does nothing, as the client proves itself by private_key_jwt")
    if (own := settings["DIRECTORY_PRIVATE_KEY"]) is not None:
        return lambda: own
    if lent.signing_key is None:
        raise BadSetting("DIRECTORY_PRIVATE_KEY", "is missing, and nobody lends the blog's own keys")
    return lent.signing_key


def _token_url(settings: Mapping[str, Any], lent: Lent, usual: str) -> Callable[[], str]:
    if known := settings["DIRECTORY_TOKEN_URL"] or usual or settings["OIDC_TOKEN_URI"]:
        url = safe_address(settings, "DIRECTORY_TOKEN_URL", known)
        return lambda: url
    if lent.find_token_url is None:
        raise BadSetting("DIRECTORY_TOKEN_URL", "is missing, and nobody looks up the issuer's")
    return lent.find_token_url
