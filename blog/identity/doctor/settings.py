"""What the settings alone tell the doctor; nothing is asked over the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from blog.config import MANUAL, BadSetting, Setting, is_loopback
from blog.errors import LoginRefused
from blog.identity.doctor.finding import Finding, fault, good, noted, warning
from blog.identity.people import NOBODY, ROLES
from blog.identity.signatures import secret_key

FEW_CHARACTERS = 8  # different ones; 32 random hexadecimal digits have fewer than 9 once in 10,000 times
LONG_SESSION = timedelta(days=30)
ENTRA = {  # the public cloud, and those of the United States' government and of China; then the older issuer
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "sts.windows.net",
}


def of_faults(faults: Iterable[BadSetting]) -> list[Finding]:
    """Say why the blog does not start."""
    return [
        fault(
            "setting",
            f"BLOG_{bad.name}: {bad.wrong}.",
            "The blog does not start.",
            f"Set BLOG_{bad.name}; it is explained in {MANUAL}#{bad.name.lower().removesuffix('_file')}.",
        )
        for bad in faults
    ]


def of_settings(values: Mapping[str, Any]) -> list[Finding]:
    """Look at settings that are complete and go together, as ``blog.config.load`` gave them."""
    looks = (
        _insecure,
        _public_url,
        _key,
        _proof,
        _algorithm,
        _response_mode,
        _scopes,
        _roles,
        _author_claim,
        _ages,
        _names,
    )
    return [good("settings", "All settings can be read."), *(finding for look in looks for finding in look(values))]


def _insecure(values: Mapping[str, Any]) -> Iterator[Finding]:
    for name, value in values.items():
        if name.startswith("INSECURE_") and value:
            yield warning(
                "insecure_switch",
                f"BLOG_{name} is on.",
                "It switches a protection off for everybody who logs in.",
                f"Remove BLOG_{name}; {MANUAL}#{name.lower()} says what it does.",
            )


def _public_url(values: Mapping[str, Any]) -> Iterator[Finding]:
    if values["PUBLIC_URL"].startswith("http:"):
        yield noted("https", f"The blog is at {values['PUBLIC_URL']}: plain http, for this machine only.")
    if values["OIDC_ISSUER"].startswith("http:") and is_loopback(values["OIDC_ISSUER"]):
        yield noted("https", f"The provider is at {values['OIDC_ISSUER']}: plain http, on this machine only.")
    if values["PUBLIC_URL"].startswith("https:") and not values["PROXY_HOPS"]:
        yield noted(
            "proxy_setting",
            "BLOG_PROXY_HOPS is 0, though the blog is at an https address.",
            "If a proxy takes the https away, the blog takes every reader for that proxy.",
            "Set BLOG_PROXY_HOPS to the number of your proxies.",
        )


def _key(values: Mapping[str, Any]) -> Iterator[Finding]:
    key = values["SECRET_KEY"]
    if key == values["OIDC_CLIENT_SECRET"]:
        seen = "BLOG_SECRET_KEY is the client secret, which the provider knows, too."
    elif len(set(key)) < FEW_CHARACTERS:
        seen = f"BLOG_SECRET_KEY has only {len(set(key))} different characters."
    else:
        return
    yield warning(
        "secret_key",
        seen,
        "Who guesses or knows it can make sessions of anybody.",
        "Make another: python3 -c 'import secrets; print(secrets.token_hex(32))'. Everybody logs in anew.",
    )


def _proof(values: Mapping[str, Any]) -> Iterator[Finding]:
    issuer, method = urlsplit(values["OIDC_ISSUER"]).hostname, values["OIDC_TOKEN_AUTH_METHOD"]
    if issuer in ENTRA and method == "private_key_jwt":
        yield fault(
            "client_proof",
            "BLOG_OIDC_TOKEN_AUTH_METHOD is private_key_jwt, and the issuer is Entra ID's.",
            "Every login is refused (client_refused): Entra ID wants the thumbprint of a certificate in each proof, and"
            " the blog's keys have no certificate.",
            "Make a client secret in Entra's admin center, and set BLOG_OIDC_TOKEN_AUTH_METHOD=client_secret_post and"
            " BLOG_OIDC_CLIENT_SECRET.",
        )


def _algorithm(values: Mapping[str, Any]) -> Iterator[Finding]:
    alg = values["OIDC_ID_TOKEN_ALG"]
    if not alg.startswith("HS"):
        return
    try:
        secret_key(values["OIDC_CLIENT_SECRET"], alg)
    except LoginRefused:
        yield fault(
            "client_secret",
            f"BLOG_OIDC_CLIENT_SECRET is too short for {alg}, which signs with it.",
            "Every login is refused (weak_client_secret).",
            f"Let the provider make one of at least {int(alg[2:]) // 8} bytes, or sign with a key pair such as RS256.",
        )
    else:
        yield noted(
            "client_secret",
            f"ID tokens are signed with the client secret ({alg}).",
            "Whoever reads the secret can be anybody here.",
            "Prefer a key pair: RS256 or ES256 at the client in the provider's console, and BLOG_OIDC_ID_TOKEN_ALG.",
        )


def _response_mode(values: Mapping[str, Any]) -> Iterator[Finding]:
    if values["OIDC_RESPONSE_MODE"] == "form_post":
        yield noted("response_mode", "Answers come as a form post; its cookie is sent across sites (SameSite=None).")


def _scopes(values: Mapping[str, Any]) -> Iterator[Finding]:
    scopes = values["OIDC_SCOPES"]
    if "profile" not in scopes:
        yield warning(
            "scopes",
            "BLOG_OIDC_SCOPES does not hold profile.",
            "Most providers then tell no name at login, and authors are shown as “Author 7K3F”.",
            "Add profile to BLOG_OIDC_SCOPES.",
        )
    if needless := sorted({"email", "phone", "address"} & set(scopes)):
        yield noted(
            "scopes",
            f"BLOG_OIDC_SCOPES asks for {' and '.join(needless)}, which the blog never uses.",
            "The provider tells more of people than is needed.",
            "Leave it out, unless the provider tells its groups only with it.",
        )


def _roles(values: Mapping[str, Any]) -> Iterator[Finding]:
    given = {role: values[f"ROLE_{role.upper()}"] for role in ROLES}
    if not values["ROLES_CLAIM"]:
        yield noted("roles", "BLOG_ROLES_CLAIM is not set: everybody who can log in may write.")
    elif not any(given[role] for role in ROLES[1:]):
        yield warning(
            "roles",
            "No group gives more than reading.",
            "Nobody can write.",
            "Set BLOG_ROLE_AUTHOR to the groups whose people write.",
        )
    for lower, higher in ((a, b) for at, a in enumerate(ROLES) for b in ROLES[at + 1 :]):
        for group in sorted(set(given[lower]) & set(given[higher])):
            yield noted(
                "roles",
                f"The group “{group}” gives the roles {lower} and {higher}; the higher one counts.",
                "",
                f"Take it out of BLOG_ROLE_{lower.upper()}, or out of BLOG_ROLE_{higher.upper()}.",
            )


def _author_claim(values: Mapping[str, Any]) -> Iterator[Finding]:
    if (claim := values["OIDC_AUTHOR_CLAIM"]) != "sub":
        yield noted(
            "author_claim",
            f"Posts are kept under the claim {claim}.",
            "If that is changed once there are posts, nobody can edit theirs any more.",
            "Leave BLOG_OIDC_AUTHOR_CLAIM as it is from the first post on.",
        )


def _ages(values: Mapping[str, Any]) -> Iterator[Finding]:
    if values["SESSION_LIFETIME"] > LONG_SESSION:
        days = values["SESSION_LIFETIME"].days
        yield noted(
            "sessions",
            f"A login lasts up to {days} days.",
            "Who is disabled at the provider stays logged in for so long, unless it sends logout tokens; and groups"
            " count from the next login.",
            "Lower BLOG_SESSION_LIFETIME, or register the address for back-channel logout.",
        )


def _names(values: Mapping[str, Any]) -> Iterator[Finding]:
    if values["DIRECTORY"] == "claims":
        yield noted(
            "directory",
            "BLOG_DIRECTORY is claims: names are those of the last day's logins.",
            "Who has not logged in for a day, or since a restart, is shown as “Author 7K3F”.",
            "If the provider has a user API, name it in BLOG_DIRECTORY.",
        )
    cache = values["DIRECTORY_CACHE_URL"]
    if cache and urlsplit(cache).scheme == "redis" and not is_loopback(cache):
        yield warning(
            "directory_cache",
            "BLOG_DIRECTORY_CACHE_URL is on another machine and without TLS.",
            "Its password can be read on the way. The names in it are sealed.",
            "Use rediss://.",
        )


def of_sources(environ: Mapping[str, str], rows: Iterable[Setting], folder: Path = Path()) -> list[Finding]:
    """Look at where secrets are kept.

    :param rows: every setting there is.
    :param folder: where the program was started.
    """
    secrets = [row.name for row in rows if row.secret]
    found = [finding for name in secrets for finding in _secret_file(name, environ.get(f"BLOG_{name}_FILE"), environ)]
    file = Path(environ.get("BLOG_CLIENT_SECRETS") or folder / "client_secrets.json")
    if _others_read(file):
        found.append(_readable("client_secrets_file", file, "BLOG_CLIENT_SECRETS"))
    if bare := [name for name in secrets if f"BLOG_{name}" in environ and name != "DATABASE_URL"]:
        names = ", ".join(f"BLOG_{name}" for name in bare)
        advice = "Files suit secrets better: " + ", ".join(f"BLOG_{name}_FILE" for name in bare) + "."
        found.append(noted("secrets", f"In the environment: {names}.", "Child processes inherit them.", advice))
    return found


def _secret_file(name: str, file: str | None, environ: Mapping[str, str]) -> Iterator[Finding]:
    if file and f"BLOG_{name}" not in environ and _others_read(Path(file)):
        yield _readable("secret_file", Path(file), f"BLOG_{name}_FILE")


def _readable(check: str, file: Path, setting: str) -> Finding:
    return warning(
        check,
        f"Everybody on this machine can read {file} ({setting}).",
        "Any other program here can take the secret and pass for the blog.",
        f"chmod 600 {file}, owned by the blog's user.",
    )


def _others_read(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & 0o004)
    except OSError:
        return False


def of_posts(counts: Mapping[str, int], issuer: str) -> list[Finding]:
    """Look whether posts belong to people of another issuer.

    :param counts: issuer → how many posts its people wrote.
    """
    return [
        warning(
            "posts_of_another_issuer",
            f"{count} posts belong to people of {other}, but BLOG_OIDC_ISSUER is {issuer}.",
            "Their authors cannot edit them, and are shown without their names.",
            f"If the provider moved: flask --app blog authors remap --issuer {other} {issuer}"
            " (ids stay; see docs/operations.md); if the setting is wrong, put it right.",
        )
        for other, count in sorted(counts.items())
        if other not in (issuer, NOBODY.issuer)
    ]


def no_database(why: str) -> Finding:
    """Say that nobody could look into the database.

    :param why: the kind of error, which names no address.
    """
    change = "Run flask --app blog upgrade, and look at BLOG_DATABASE_URL."
    return warning("database", f"The posts cannot be counted ({why}).", "The blog does not work without.", change)
