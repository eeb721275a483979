"""The roof: create_app puts the rooms under one roof."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from blog import (
    auth,
    blog,
    cli,
    comments,
    config,
    dashboard,
    db,
    feeds,
    hooks,
    machines,
    media,
    revisions,
    search,
    sessions,
    tags,
)
from blog.content import posts
from blog.content.readership import Counter
from blog.identity import directories, people
from blog.identity.client import Client
from blog.identity.directories.forgetting import Forgetting
from blog.identity.directories.proof import Proof
from blog.identity.keys import ClientKeys
from blog.identity.provider import Provider
from blog.identity.sealing import Seal
from blog.identity.sessions import Sessions
from blog.porch import Porch, StepUp
from blog.web import (
    answers,
    browsers,
    changes,
    clock,
    csrf,
    headers,
    hosts,
    languages,
    pagecache,
    templating,
    theme,
    turns,
)

LARGEST_FORM = 4 * 1024 * 1024  # far above the longest post, so that one that is too long is shown again, not cut off
CALLBACK = "/oidc/callback"


class _Flask(Flask):
    """Flask, but it need not look at each request whether what it is about to call is a plain function: all are."""

    jinja_environment = templating.Environment

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Give back a view, or what goes before or after one."""
        return func


def create_app(settings: Mapping[str, Any] | None = None, *, now: clock.Clock = clock.utc_now) -> Flask:
    """Build the application.

    :param settings: name → text of the operator, as ``BLOG_<name>`` would give it; the environment by default.
    :param now: the clock (aware UTC), for tests.
    :raises blog.config.BadSetting: which ends the start with one line.
    """
    environ = os.environ if settings is None else {f"BLOG_{name}": text for name, text in settings.items()}
    values = config.load(environ, directories.SETTINGS)
    app = _Flask(__name__)
    app.config.from_mapping(values)
    app.extensions["settings"] = values  # as they are: of Flask's own, SECRET_KEY becomes a derived one
    app.config.update(
        MEDIA_FOLDER=str(Path(app.instance_path) / values["MEDIA_FOLDER"]),
        SQLALCHEMY_DATABASE_URI=values["DATABASE_URL"],
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.logger.setLevel(logging.INFO)  # logins and refusals are told to the operator
    app.url_map.strict_slashes = False
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    _build(app, values, now)
    _take_turns(app)
    _keep_pages(app, values, now)
    if values["PROXY_HOPS"]:
        hops = values["PROXY_HOPS"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _build(app: Flask, values: Mapping[str, Any], now: clock.Clock) -> None:
    """Cellar, hall, porch, doors: each floor stands on the ones before."""
    https = values["PUBLIC_URL"].startswith("https:")
    seal = Seal(values["SECRET_KEY"])
    app.secret_key = seal.key("flask")  # nothing of ours is signed with the setting itself
    db.init_app(app)
    app.session_interface = Sessions(
        seal, lifetime=values["SESSION_LIFETIME"], idle=values["SESSION_IDLE"], clock=now, secure=https
    )
    clock.init_app(app, now)
    answers.init_app(app)
    hosts.init_app(app, public_url=values["PUBLIC_URL"])
    csrf.init_app(app, key=seal.key("form tokens"), origin=values["PUBLIC_URL"])
    languages.init_app(app)
    templating.init_app(app)
    theme.init_app(app, accent=values["ACCENT_COLOUR"], folder=values["THEME_FOLDER"])
    policy = headers.content_security_policy(
        image_hosts=values["IMAGE_HOSTS"],
        form_targets=(csrf.origin_of(values["OIDC_ISSUER"]),),
        scripts=templating.scripts(app).values(),
    )
    headers.init_app(app, policy=policy, https=https, negotiates=not values["LANGUAGE"])
    auth.init_app(app, _porch(app, values, seal, now))
    if values["READERSHIP"]:
        app.extensions["readership"] = Counter(app.app_context, is_robot=browsers.is_robot, now=now)
    for door in (sessions, tags, media, comments, dashboard, revisions, search, feeds, machines, blog):
        app.register_blueprint(door.bp)
    hooks.init_app(app)
    cli.init_app(app)


def _take_turns(app: Flask) -> None:
    """Let what readers ask for be made in turns: another page, while one waits for a database over the network."""
    with app.app_context():
        at_once = 1 if db.db.engine.dialect.name == "sqlite" else 2
    closed = pagecache.first_parts(app.url_map.iter_rules(), open_to=("blog", "feeds", "machines", "search"))
    app.wsgi_app = turns.Turns(app.wsgi_app, at_once=at_once, closed=closed)  # type: ignore[method-assign]


def _keep_pages(app: Flask, values: Mapping[str, Any], now: clock.Clock) -> None:
    """Put the page cache before everything but the proxies, which say who asks for what."""
    with app.app_context():
        url = db.db.engine.url
    if not values["PAGE_CACHE_MB"] or db.is_in_memory(url):
        return
    said, readers = values["LANGUAGE"], app.extensions.get("readership")
    site = pagecache.Site(
        watch=changes.watch(url),
        next_due=posts.next_due,
        names=lambda: app.extensions["porch"].directory.generation,
        seen=lambda post_id, environ: blog.count_reader(readers, post_id, environ),
        now=now,
    )
    rules = pagecache.Rules(
        cookie=app.session_interface.cookie,  # type: ignore[attr-defined]
        is_ours=lambda host: hosts.is_of(values["PUBLIC_URL"], host),
        language=(lambda _: said) if said else languages.best,
        closed=pagecache.first_parts(app.url_map.iter_rules(), open_to=("blog", "feeds", "machines")),
    )
    cache = pagecache.PageCache(app.wsgi_app, site, rules, room=values["PAGE_CACHE_MB"] * 1_000_000)
    app.extensions["pagecache"], app.wsgi_app = cache, cache  # type: ignore[method-assign]


def _porch(app: Flask, values: Mapping[str, Any], seal: Seal, now: clock.Clock) -> Porch:
    keys = _client_keys(values, seal, now)
    client = Client(
        issuer=values["OIDC_ISSUER"],
        client_id=values["OIDC_CLIENT_ID"],
        client_secret=values["OIDC_CLIENT_SECRET"],
        redirect_uri=values["PUBLIC_URL"] + CALLBACK,
        scopes=values["OIDC_SCOPES"],
        token_auth_method=values["OIDC_TOKEN_AUTH_METHOD"],
        id_token_alg=values["OIDC_ID_TOKEN_ALG"],
        userinfo_alg=values["OIDC_USERINFO_ALG"],
        response_mode=values["OIDC_RESPONSE_MODE"],
        skew=values["OIDC_CLOCK_SKEW"],
        assertion_audience=values["OIDC_ASSERTION_AUDIENCE"],
        signing_key=keys.signing_key if keys else None,
        par=values["OIDC_PAR"],
    )
    overrides = {
        "authorization_endpoint": values["OIDC_AUTH_URI"],
        "token_endpoint": values["OIDC_TOKEN_URI"],
        "userinfo_endpoint": values["OIDC_USERINFO_URI"],
    }
    provider = Provider(
        client.issuer,
        overrides={name: url for name, url in overrides.items() if url},
        insecure_http=values["INSECURE_ISSUER_HTTP"],
        clock=lambda: now().timestamp(),
    )
    directory = _directory(app, values, provider, keys)
    rules = people.RoleRules(values["ROLES_CLAIM"], {role: values[f"ROLE_{role.upper()}"] for role in people.ROLES})
    return Porch(
        client=client,
        provider=provider,
        client_keys=keys,
        directory=directory,
        forgetting=Forgetting(directory, seal, now=now),
        proof=Proof(seal, values),
        seal=seal,
        author_claim=values["OIDC_AUTHOR_CLAIM"],
        role_rules=rules,
        registration_url=values["OIDC_REGISTRATION_URL"],
        step_up=StepUp(values["STEP_UP"], values["STEP_UP_AGE"], values["STEP_UP_ACR"]),
        revalidate=values["SESSION_REVALIDATE"] or None,
        public_url=values["PUBLIC_URL"],
    )


def _client_keys(values: Mapping[str, Any], seal: Seal, now: clock.Clock) -> ClientKeys | None:
    at_login = values["OIDC_TOKEN_AUTH_METHOD"] == "private_key_jwt"  # noqa: S105  (the name of a method)
    needed = at_login or directories.needs_own_keys(values)
    return ClientKeys(seal, alg=values["OIDC_ASSERTION_ALG"], clock=now) if needed else None


def _directory(
    app: Flask, values: Mapping[str, Any], provider: Provider, keys: ClientKeys | None
) -> directories.Cached:
    def signing_key() -> Any:  # names are asked for in threads of their own, where there is no request's database
        with app.app_context():
            return keys and keys.signing_key()

    return directories.open_directory(
        values, find_token_url=lambda: provider.metadata().token_endpoint, signing_key=signing_key if keys else None
    )
