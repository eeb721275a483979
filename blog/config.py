"""Every setting once: its name, its default, what it is for, and how its text is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

MANUAL = "docs/settings.md"
REQUIRED: Any = object()  # as a default: there is none, the operator must say


class BadSetting(SystemExit):
    """A setting is missing or makes no sense; the start ends with this one line."""

    def __init__(self, name: str, wrong: str) -> None:
        self.name, self.wrong = name, wrong
        super().__init__(f"BLOG_{name}: {wrong} (see {MANUAL}#{name.lower()})")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    :param name: as in ``BLOG_<name>`` and in ``app.config``.
    :param default: a value as the program uses it, or REQUIRED.
    :param help: what it is for, in a sentence or two; printed in the manual and by the doctor.
    :param read: turns the operator's text into a value; raises ValueError with what is wrong.
    :param secret: never shown, never logged, may come from a file.
    :param example: for the manual, where the default does not show the form.
    """

    name: str
    default: Any
    help: str
    read: Callable[[str], Any] = str.strip
    secret: bool = False
    example: str = ""


def time_zone(text: str) -> str:
    """Read the name of a time zone as the IANA database has it."""
    if (value := text.strip()) != "UTC" and (value not in available_timezones() or "/" not in value):
        raise ValueError("must be a time zone such as Europe/Berlin, or UTC")
    return value


def flag(text: str) -> bool:
    """Read yes or no."""
    try:
        return {
            "1": True,
            "true": True,
            "yes": True,
            "on": True,
            "0": False,
            "false": False,
            "no": False,
            "off": False,
        }[text.strip().lower()]
    except KeyError:
        raise ValueError("say yes or no") from None


def number(low: int, high: int) -> Callable[[str], int]:
    """Make a reader of whole numbers within bounds, both included."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError("must be a whole number") from None
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}")
        return value

    return read


def size(low: int, high: int) -> Callable[[str], int]:
    """Make a reader of numbers of bytes, which may be given in kB, MB or GB (thousands, millions, thousand millions)."""
    units = {"kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
    read_number = number(low, high)

    def read(text: str) -> int:
        value = text.strip().lower()
        factor = units.get(value[-2:], 1)
        digits = value[:-2].strip() if factor > 1 else value
        return read_number(str(int(digits) * factor) if digits.isascii() and digits.isdigit() else digits)

    return read


def minutes(low: int, high: int) -> Callable[[str], timedelta]:
    """Make a reader of durations that are given in minutes."""
    read_number = number(low, high)
    return lambda text: timedelta(minutes=read_number(text))


def one_of(*choices: str) -> Callable[[str], str]:
    """Make a reader that takes one of a few words."""

    def read(text: str) -> str:
        if (value := text.strip()) not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return read


def words(text: str) -> tuple[str, ...]:
    """Read words with spaces or commas between them."""
    return tuple(text.replace(",", " ").split())


def groups(text: str) -> tuple[str, ...]:
    """Read the names of groups, which may hold spaces, with commas between them."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


def address(text: str) -> str:
    """Read an absolute http or https address without query or fragment; a trailing slash is kept."""
    value = text.strip()
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an absolute address such as https://id.example.org")
    return value


def public_address(text: str) -> str:
    """Read the blog's own address: scheme and host, with no path."""
    value = address(text).rstrip("/")
    if urlsplit(value).path:
        raise ValueError("must be scheme and host only, such as https://blog.example.org")
    if value.startswith("http:") and not is_loopback(value):
        raise ValueError("must be https; plain http is for localhost only")
    return value


def is_loopback(url: str) -> bool:
    """Whether this address stays on this machine, so that plain http gives nothing away."""
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


def secret_key(text: str) -> str:
    """Read the key everything secret is derived from."""
    if len(text.strip().encode()) < 32:
        raise ValueError(
            "must have at least 32 characters; make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"
        )
    return text.strip()


def hook_secret(text: str) -> str:
    """Read the secret of the webhook, which has to fit into a header; empty for none."""
    value = text.strip()
    if value and not (len(value) >= 32 and value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("must have at least 32 letters, digits and signs of ASCII, without spaces")
    return value


def database(text: str) -> str:
    """Read a database address; bare ``postgresql://`` means the driver we ship with."""
    value = text.strip()
    scheme, colon, rest = value.partition("://")
    if scheme in {"postgres", "postgresql"}:
        return f"postgresql+psycopg{colon}{rest}"
    if scheme not in {"sqlite", "postgresql+psycopg"}:
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return value


_AUTHORITY = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?,\d{4}(?:-\d\d){0,2}")


def authority(text: str) -> str:
    """Read what tag URIs begin with (RFC 4151, section 2.1): a domain and a date; empty for our own."""
    value = text.strip().lower()
    if value and not (value.isascii() and _AUTHORITY.fullmatch(value)):
        raise ValueError("must be a domain, a comma and a date, such as blog.example.org,2026")
    return value


def algorithm(text: str) -> str:
    """Read a signature algorithm; ``none`` is not one."""
    return one_of(
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "EdDSA",
        "HS256",
        "HS384",
        "HS512",
    )(text)


def colour(text: str) -> str:
    """Read a colour in hexadecimal digits, of the form #93391f or #931; empty for none."""
    value = text.strip().lower()
    if value and not re.fullmatch("#(?:[0-9a-f]{3}|[0-9a-f]{6})", value):
        raise ValueError("must be a colour such as #93391f")
    return value if len(value) != 4 else "#" + "".join(2 * digit for digit in value[1:])


def place(text: str) -> str:
    """Read where something stands: a path of the blog itself, or an absolute address; empty for nowhere."""
    value = text.strip()
    if re.fullmatch(r"(?:/(?![/\\])[^\s\\]*)?", value):
        return value
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or re.search(r"\s", value):
        raise ValueError(f"must be a path such as /about or an address such as https://example.org, not {value!r}")
    return value


def links(text: str) -> tuple[tuple[str, str], ...]:
    """Read links with commas between them: a label, an equals sign, and where it leads."""
    found = []
    for part in filter(str.strip, text.split(",")):
        label, equals, target = (piece.strip() for piece in part.partition("="))
        if not (label and equals and target):
            raise ValueError("must be links such as About=/about, Source=https://example.org/source")
        found.append((label, place(target)))
    return tuple(found)


def addresses(text: str) -> tuple[str, ...]:
    """Read absolute addresses with spaces or commas between them."""
    return tuple(address(word) for word in words(text))


def fediverse(text: str) -> str:
    """Read the name of an account in the fediverse, as in @name@example.org; empty for none."""
    value = text.strip()
    if value and not re.fullmatch(r"@[\w.-]+@[\w-]+(?:\.[\w-]+)+", value):
        raise ValueError("must be an account such as @desk@social.example")
    return value


def folder(text: str) -> str:
    """Read the path of a folder that is there; empty for none."""
    value = text.strip()
    if value and not Path(value).is_dir():
        raise ValueError(f"there is no folder {value}")
    return value and str(Path(value).resolve())


def inside(text: str) -> str:
    """Read a path that ends with a slash; empty for none."""
    value = text.strip()
    if value and not re.fullmatch(r"/[\w-]+(?:/[\w-]+)*/", value, re.ASCII):
        raise ValueError(f"must be a path such as /pictures-inside/, not {value!r}")
    return value


STEP_UPS = ("publish", "delete", "admin")  # what may ask for a fresh login


def step_ups(text: str) -> tuple[str, ...]:
    """Read what asks for a fresh login."""
    named = words(text)
    if not set(named) <= set(STEP_UPS):
        raise ValueError(f"must be some of {', '.join(STEP_UPS)}")
    return named


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "PUBLIC_URL",
        REQUIRED,
        "The blog's own address as readers and the provider see it. The redirect address is this plus `/oidc/callback`. With a `client_secrets.json` it is taken from the first redirect address there.",
        public_address,
        example="https://blog.example.org",
    ),
    Setting(
        "SECRET_KEY",
        REQUIRED,
        "At least 32 random characters. Sessions, parked forms and the hashes people are found by are sealed with keys derived from it; whoever has it can read them. Changing it logs everybody out.",
        secret_key,
        secret=True,
    ),
    Setting(
        "DATABASE_URL",
        "sqlite:///blog.db",
        "Where posts are kept: `sqlite:////path/to/blog.db` or `postgresql://user:password@host/name`. A relative path "
        "is one in the folder `instance`.",
        database,
        secret=True,
        example="sqlite:////var/lib/byline/blog.db",
    ),
    Setting(
        "OIDC_ISSUER",
        REQUIRED,
        "The provider's issuer, exactly as its discovery document spells it.",
        address,
        example="https://id.example.org/realms/staff",
    ),
    Setting("OIDC_CLIENT_ID", REQUIRED, "The id under which the blog is registered at the provider.", example="byline"),
    Setting(
        "OIDC_CLIENT_SECRET",
        "",
        "The secret that goes with it. Required, but where OIDC_TOKEN_AUTH_METHOD is `private_key_jwt`.",
        secret=True,
    ),
    Setting("OIDC_SCOPES", ("openid", "profile"), "What to ask for at login. `openid` is always asked for.", words),
    Setting(
        "OIDC_TOKEN_AUTH_METHOD",
        "client_secret_basic",
        "How the blog proves itself to the provider: `client_secret_basic`, `client_secret_post`, or `private_key_jwt`, which needs no secret: the blog signs with keys of its own, whose public parts the provider reads at `/oidc/jwks`.",
        one_of("client_secret_basic", "client_secret_post", "private_key_jwt"),
    ),
    Setting(
        "OIDC_ASSERTION_ALG",
        "RS256",
        "What the blog signs with when it proves itself by `private_key_jwt`: `RS256`, which every provider takes, `PS256` or `ES256`. The keys are made for it.",
        one_of("RS256", "PS256", "ES256"),
    ),
    Setting(
        "OIDC_ASSERTION_AUDIENCE",
        "issuer",
        "To whom the blog addresses such a proof: `issuer`, or `token_endpoint` for providers that accept nothing else.",
        one_of("issuer", "token_endpoint"),
    ),
    Setting(
        "OIDC_PAR",
        "auto",
        "Whether a login's request is pushed to the provider directly (RFC 9126) instead of travelling through the browser: `auto` where the provider offers it, `always`, or `never`.",
        one_of("auto", "always", "never"),
    ),
    Setting(
        "OIDC_ID_TOKEN_ALG",
        "RS256",
        "The only signature algorithm accepted on ID tokens: the one registered for this client. What the provider advertises does not widen it.",
        algorithm,
    ),
    Setting(
        "OIDC_USERINFO_ALG",
        "",
        "The only signature algorithm accepted on a signed userinfo answer; empty when userinfo is plain JSON.",
        lambda text: algorithm(text) if text.strip() else "",
    ),
    Setting(
        "OIDC_RESPONSE_MODE",
        "query",
        "How the provider sends people back: `query` or `form_post`. `form_post` needs https.",
        one_of("query", "form_post"),
    ),
    Setting(
        "OIDC_REGISTRATION_URL",
        "",
        "The provider's registration page, for providers that do not know `prompt=create`.",
        lambda text: address(text) if text.strip() else "",
    ),
    Setting(
        "OIDC_AUTHOR_CLAIM",
        "sub",
        "Which claim is the author id. `sub` for most; `oid` for Entra ID. Decide before the first post: posts are found by it.",
    ),
    Setting(
        "ROLES_CLAIM",
        "",
        "Which claim of ID token or userinfo tells a person's groups, as a string, a list of strings, or an object whose names they are: its whole name, or a dotted path into it. Without it everybody who can log in is an author; with it, who is in none of the groups below is a reader. The same groups are those that a post can be limited to. Roles and groups are those of the login: a change counts from the next one, or from when the provider is asked again (SESSION_REVALIDATE).",
        example="realm_access.roles",
    ),
    Setting(
        "ROLE_READER",
        (),
        "The groups whose people may log in and read. So may everybody whose groups give no other role; naming some makes that plain.",
        groups,
    ),
    Setting(
        "ROLE_AUTHOR",
        (),
        "The groups whose people write posts of their own. Several names have commas between them; each matches to the letter.",
        groups,
        example="staff, Night Desk",
    ),
    Setting("ROLE_EDITOR", (), "The groups whose people change, unpublish and delete everybody's posts, too.", groups),
    Setting("ROLE_ADMIN", (), "The groups whose people look after the blog. They may do all that editors may.", groups),
    Setting(
        "OIDC_AUTH_URI",
        "",
        "The authorization endpoint, where discovery is not to be trusted for it.",
        lambda text: address(text) if text.strip() else "",
    ),
    Setting("OIDC_TOKEN_URI", "", "The token endpoint, likewise.", lambda text: address(text) if text.strip() else ""),
    Setting(
        "OIDC_USERINFO_URI", "", "The userinfo endpoint, likewise.", lambda text: address(text) if text.strip() else ""
    ),
    Setting("OIDC_CLOCK_SKEW", 60, "How many seconds the provider's clock may differ from ours.", number(0, 120)),
    Setting(
        "INSECURE_ISSUER_HTTP",
        False,
        "Accept a provider over plain http that is not on this machine. Anybody on the way can then become anybody. For test networks only.",
        flag,
    ),
    Setting("SITE_TITLE", "Byline", "The blog's name, in the header and in browser tabs."),
    Setting(
        "SITE_DESCRIPTION",
        "",
        "What the blog is about, in a sentence: at the top of the home page, in its feeds, and where it is shown as a link.",
        example="Notes from the people who run the library.",
    ),
    Setting(
        "LOGO",
        "",
        "A picture before the blog's name: a path such as `/theme/logo.svg` ([the look](look.md)), or an address on one of IMAGE_HOSTS.",
        place,
        example="/theme/logo.svg",
    ),
    Setting(
        "ACCENT_COLOUR",
        "",
        "The colour of links and buttons. Where it could not be read well (WCAG 2.2 asks for a contrast of 4.5 to 1), it is made darker for light pages, and lighter for dark ones.",
        colour,
        example="#0b6e4f",
    ),
    Setting(
        "NAVIGATION",
        (),
        "Links at the top of every page, before the pages that editors put there.",
        links,
        example="Archive=/archive, Source=https://git.example.org/blog",
    ),
    Setting(
        "FOOTER",
        "Written by people their own organisation knows. This blog keeps no accounts.",
        "The sentence at the foot of every page.",
    ),
    Setting(
        "FOOTER_LINKS",
        (),
        "Links at the foot of every page.",
        links,
        example="Imprint=/imprint, Privacy=/privacy",
    ),
    Setting(
        "PROFILES",
        (),
        "Where else this blog is: addresses that the home page names with `rel=me`, so that they can show that they belong together.",
        addresses,
        example="https://social.example/@desk",
    ),
    Setting(
        "FEDIVERSE_CREATOR",
        "",
        "The account in the fediverse that posts are credited to where their links are shown (`fediverse:creator`).",
        fediverse,
        example="@desk@social.example",
    ),
    Setting(
        "THEME_FOLDER",
        "",
        "A folder with a stylesheet, templates and files of your own. See [the look](look.md).",
        folder,
        example="/etc/byline/theme",
    ),
    Setting("POSTS_PER_PAGE", 20, "How many posts a list shows at a time.", number(1, 100)),
    Setting(
        "FEED_AUTHORITY",
        "",
        "What the ids of posts in feeds begin with (RFC 4151): a domain of yours, a comma, and a date at which it was yours. Empty means the domain of PUBLIC_URL and 2026. Set it to what it was when the blog moves to another domain, or feed readers show every post once more. See [feeds](feeds.md).",
        authority,
        example="blog.example.org,2026",
    ),
    Setting(
        "READERSHIP",
        True,
        "Whether it is counted how often posts are read, without cookies and without keeping an address; authors see it on their dashboard. See [readership](readership.md).",
        flag,
    ),
    Setting(
        "PAGE_CACHE_MB",
        32,
        "How many megabytes of pages each process keeps ready for who is not logged in; `0` keeps none. See [operations](operations.md#the-page-cache).",
        number(0, 10_000),
    ),
    Setting(
        "TIME_ZONE",
        "UTC",
        "The time zone of the blog: its dates and the months of its archive are told in it, and authors schedule posts in it where neither the provider (`zoneinfo`) nor their browser says another one.",
        time_zone,
        example="Europe/Berlin",
    ),
    Setting(
        "LANGUAGE",
        "",
        "The language of the pages: `en`, `de` or `ar`, whoever reads them. Empty lets each browser say which of these its reader prefers. What is written here keeps its own.",
        one_of("", "en", "de", "ar"),
        example="de",
    ),
    Setting("TRASH_DAYS", 30, "Days for which a deleted post can be restored; then it is gone.", number(1, 3650)),
    Setting("REVISIONS_KEPT", 100, "How many of its texts are kept of a post, the newest.", number(1, 10_000)),
    Setting(
        "SESSION_LIFETIME",
        timedelta(days=7),
        "Minutes after which a login ends, whatever happens.",
        minutes(1, 60 * 24 * 90),
    ),
    Setting(
        "SESSION_IDLE",
        timedelta(hours=12),
        "Minutes without a request after which a login ends.",
        minutes(1, 60 * 24 * 90),
    ),
    Setting(
        "SESSION_REVALIDATE",
        timedelta(),
        "Minutes after which the provider is asked again about somebody who is logged in, with a refresh token, while they look at a page; a refusal ends the session, an outage does not, and groups that changed count at once. 0 never asks. The provider has to give refresh tokens; some do so only with `offline_access` in OIDC_SCOPES.",
        minutes(0, 60 * 24 * 90),
        example="15",
    ),
    Setting(
        "STEP_UP",
        (),
        "What somebody has to have logged in for recently: `publish` (and changing what is published), `delete`, `admin`. Who has not is sent to the provider once more, and nothing typed is lost. The provider has to tell `auth_time`.",
        step_ups,
        example="delete, admin",
    ),
    Setting("STEP_UP_AGE", timedelta(minutes=15), "How many minutes ago that may have been.", minutes(1, 60 * 24)),
    Setting(
        "STEP_UP_ACR",
        (),
        "How they have to have proved who they are: `acr` values, of which the provider names one in its ID token.",
        words,
        example="urn:example:mfa",
    ),
    Setting(
        "HOOK_SECRET",
        "",
        "What the provider proves itself with when it tells at `/hooks/authors` that somebody changed, so that their name is asked for anew at once: at least 32 characters without spaces. Without it there is no such address. See [operations](operations.md#when-identities-move).",
        hook_secret,
        secret=True,
    ),
    Setting(
        "PROXY_HOPS",
        0,
        "How many proxies of yours stand in front and set `X-Forwarded-For`, `-Proto` and `-Host`. 0 ignores those headers.",
        number(0, 5),
    ),
    Setting(
        "PROXY_CACHE",
        0,
        "For how many seconds a proxy of yours may give out a page that is the same for everybody without asking, told by `X-Accel-Expires`; a change is seen that much later by who is not logged in. 0: it asks each time. See [proxies](proxies/README.md).",
        number(0, 3_600),
        example="1",
    ),
    Setting(
        "COMMENTS",
        "held",
        "Whether people who are logged in can comment on posts: `off` (none are shown either), `held` until the post's author or an editor approves each, `first` until somebody has one that was approved, or `open`.",
        one_of("off", "held", "first", "open"),
    ),
    Setting(
        "COMMENTS_CLOSE_AFTER",
        0,
        "How many days after its publication a post takes no more comments. 0 leaves it open.",
        number(0, 36_500),
    ),
    Setting(
        "COMMENT_EDIT_MINUTES",
        timedelta(minutes=15),
        "How many minutes its writer can change a comment. They can delete it at any time.",
        minutes(0, 60 * 24),
    ),
    Setting("COMMENT_LONGEST", 10_000, "How many bytes a comment may have.", number(200, 10_000)),
    Setting(
        "COMMENT_RATE",
        5,
        "How many comments one person can leave in ten minutes, in all processes together.",
        number(1, 1_000),
    ),
    Setting(
        "IMAGE_HOSTS",
        (),
        "Other hosts whose images posts may show, such as `https://img.example.org`. Each of them learns who reads what; none by default.",
        words,
    ),
    Setting(
        "MEDIA_FOLDER",
        "media",
        "Where pictures are kept that authors upload. A relative path is one in the folder `instance`. Every process needs the same one; a backup of the database without it lacks them.",
        example="/var/lib/byline/media",
    ),
    Setting(
        "MEDIA_ACCEL",
        "",
        "A path, known to nobody but your proxy, at which it finds what stands in MEDIA_FOLDER: the blog decides who may see a picture, and the proxy sends it (`X-Accel-Redirect`). Empty: the blog sends it. See [proxies](proxies/README.md).",
        inside,
        example="/pictures-inside/",
    ),
    Setting(
        "MEDIA_LONGEST",
        10_000_000,
        "How many bytes an uploaded picture may have, such as `10 MB`. A proxy in front has to let five times as much through, for several at once. See [operations](operations.md#pictures).",
        size(10_000, 100_000_000),
        example="25 MB",
    ),
    Setting(
        "MEDIA_QUOTA",
        500_000_000,
        "How many bytes the pictures of one author may take together, with the smaller variants that are made of them; `0` for any number.",
        size(0, 10**13),
        example="2 GB",
    ),
)


def load(environ: Mapping[str, str], more: Iterable[Setting] = (), folder: Path = Path()) -> dict[str, Any]:
    """Collect every setting from environment, secret files and client_secrets.json, in this order.

    :param environ: where ``BLOG_<NAME>`` and ``BLOG_<NAME>_FILE`` are looked up. ``BLOG_CLIENT_SECRETS`` names the
        JSON file; without it ``client_secrets.json`` in `folder` is read if it is there.
    :param more: rows declared elsewhere, by the directories' adapters.
    :param folder: where the program was started.
    :return: name → value.
    :raises BadSetting: for the first one that is missing or makes no sense.
    """
    secrets = _client_secrets(environ, folder)
    values = {setting.name: _value(setting, environ, secrets) for setting in (*SETTINGS, *more)}
    for check in CHECKS:
        check(values, secrets)
    return values


def faults(environ: Mapping[str, str], more: Iterable[Setting] = (), folder: Path = Path()) -> list[BadSetting]:
    """Find everything that ``load`` would stumble over, where that ends at the first; parameters as there."""
    found: list[BadSetting] = []
    secrets: dict[str, str] = {}
    try:
        secrets = _client_secrets(environ, folder)
    except BadSetting as bad:
        found.append(bad)
    values = {}
    for setting in (*SETTINGS, *more):
        try:
            values[setting.name] = _value(setting, environ, secrets)
        except BadSetting as bad:
            found.append(bad)
    for check in CHECKS:
        try:
            check(values, secrets)
        except BadSetting as bad:
            found.append(bad)
        except KeyError:  # it needs one of those that were told already
            continue
    return found


def _value(setting: Setting, environ: Mapping[str, str], secrets: Mapping[str, str]) -> Any:
    text = environ.get(f"BLOG_{setting.name}")
    if text is None and (file := environ.get(f"BLOG_{setting.name}_FILE")):
        try:
            text = Path(file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetting(f"{setting.name}_FILE", f"cannot read {file}: {type(error).__name__}") from None
    if text is None:
        text = secrets.get(setting.name)
    if text is None or (setting.default is REQUIRED and not text.strip()):
        if setting.default is REQUIRED:
            raise BadSetting(setting.name, "is missing")
        return setting.default
    try:
        return setting.read(text)
    except ValueError as error:
        raise BadSetting(setting.name, str(error)) from None


FROM_CLIENT_SECRETS = {
    "client_id": "OIDC_CLIENT_ID",
    "client_secret": "OIDC_CLIENT_SECRET",
    "issuer": "OIDC_ISSUER",
    "auth_uri": "OIDC_AUTH_URI",
    "token_uri": "OIDC_TOKEN_URI",
    "userinfo_uri": "OIDC_USERINFO_URI",
}


def _client_secrets(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    named = environ.get("BLOG_CLIENT_SECRETS")
    file = Path(named) if named else folder / "client_secrets.json"
    if not named and not file.exists():
        return {}
    try:
        web = json.loads(file.read_text("utf-8"))["web"]
        values = {FROM_CLIENT_SECRETS[key]: web[key] for key in FROM_CLIENT_SECRETS if web.get(key)}
        redirect_uris = web.get("redirect_uris") or []
        if not all(isinstance(text, str) for text in (*values.values(), *redirect_uris)):
            raise TypeError
    except OSError as error:
        raise BadSetting("CLIENT_SECRETS", f"cannot read {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadSetting("CLIENT_SECRETS", f"{file} is not of the form of client_secrets.example.json") from None
    if redirect_uris:
        values["REDIRECT_URIS"] = " ".join(redirect_uris)
        parts = urlsplit(redirect_uris[0])
        values["PUBLIC_URL"] = f"{parts.scheme}://{parts.netloc}"
    return values


def _check_redirect_address(values: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
    callback = values["PUBLIC_URL"] + "/oidc/callback"
    if "REDIRECT_URIS" in secrets and callback not in secrets["REDIRECT_URIS"].split():
        raise BadSetting("PUBLIC_URL", f"redirect_uris in client_secrets.json does not hold {callback}")


def _check_https(values: Mapping[str, Any], _secrets: Mapping[str, str]) -> None:
    for name in ("OIDC_ISSUER", "OIDC_AUTH_URI", "OIDC_TOKEN_URI", "OIDC_USERINFO_URI"):
        url = values[name]
        if url.startswith("http:") and not is_loopback(url) and not values["INSECURE_ISSUER_HTTP"]:
            raise BadSetting(name, "must be https; plain http is for localhost only")


def _check_response_mode(values: Mapping[str, Any], _secrets: Mapping[str, str]) -> None:
    if values["OIDC_RESPONSE_MODE"] == "form_post" and values["PUBLIC_URL"].startswith("http:"):
        raise BadSetting(
            "OIDC_RESPONSE_MODE", "form_post needs an https PUBLIC_URL: its cookie is sent over https only"
        )


def _check_client_secret(values: Mapping[str, Any], _secrets: Mapping[str, str]) -> None:
    if values["OIDC_CLIENT_SECRET"]:
        return
    if values["OIDC_TOKEN_AUTH_METHOD"] != "private_key_jwt":  # noqa: S105  (the name of a method)
        raise BadSetting("OIDC_CLIENT_SECRET", "is missing")
    for name in ("OIDC_ID_TOKEN_ALG", "OIDC_USERINFO_ALG"):
        if values[name].startswith("HS"):
            raise BadSetting("OIDC_CLIENT_SECRET", f"is missing; {name}={values[name]} signs with it")


def _check_roles(values: Mapping[str, Any], _secrets: Mapping[str, str]) -> None:
    given = [name for name in ("ROLE_READER", "ROLE_AUTHOR", "ROLE_EDITOR", "ROLE_ADMIN") if values[name]]
    if given and not values["ROLES_CLAIM"]:
        raise BadSetting(given[0], "does nothing without ROLES_CLAIM, which says where the groups are")
    if values["ROLES_CLAIM"] and not given:
        raise BadSetting("ROLES_CLAIM", "makes everybody a reader unless ROLE_AUTHOR, ROLE_EDITOR or ROLE_ADMIN is set")


def _check_sessions(values: Mapping[str, Any], _secrets: Mapping[str, str]) -> None:
    if values["STEP_UP_ACR"] and not values["STEP_UP"]:
        raise BadSetting("STEP_UP_ACR", "does nothing without STEP_UP, which says what it is asked for")
    if values["SESSION_IDLE"] > values["SESSION_LIFETIME"]:
        raise BadSetting("SESSION_IDLE", "must not be longer than SESSION_LIFETIME")


def _check_logo(values: Mapping[str, Any], _secrets: Mapping[str, str]) -> None:
    if (logo := values["LOGO"]).startswith("http"):
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(logo))
        if origin not in (values["PUBLIC_URL"], *values["IMAGE_HOSTS"]):
            raise BadSetting(
                "LOGO", f"is on {origin}, which is not among IMAGE_HOSTS, so that no browser would show it"
            )


CHECKS = (
    _check_redirect_address,
    _check_https,
    _check_response_mode,
    _check_client_secret,
    _check_roles,
    _check_sessions,
    _check_logo,
)
"""What settings say of each other; each check raises BadSetting for the first thing that does not fit."""
