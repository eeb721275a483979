"""The demo's identity provider: Canaille on SQLite, one process on loopback; for development and demo only."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.core.endpoints.forms import PROFILE_FORM_FIELDS
from flask import Flask
from sqlalchemy import Engine, event
from werkzeug.serving import WSGIRequestHandler, make_server
from wtforms import fields
from wtforms.validators import DataRequired

from demo import leash, state

KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")


def main() -> None:
    """Serve until terminated, or until standard input ends."""
    arguments = _arguments()
    os.umask(0o077)  # what is written here is nobody else's
    kept = state.load(arguments.folder)
    _leave_the_environment(arguments.folder)
    leash.end_with_parent()
    logging.disable(logging.WARNING - 1)  # below a warning Canaille tells who logs in
    app = create_provider(settings(kept, arguments.folder, arguments.port))
    with app.app_context():
        register_blog(kept, arguments.blog_url)
        add_authors(kept.authors)
    make_server("127.0.0.1", arguments.port, app, threaded=True, request_handler=_Quiet).serve_forever()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m demo.provider", description=__doc__)
    parser.add_argument("--folder", type=lambda text: Path(text).resolve(), default="instance/demo", help="its state")
    parser.add_argument("--port", type=int, default=os.environ.get("IDP_PORT", "5001"))
    parser.add_argument("--blog-url", default="http://localhost:5000", help="where people come from and go back to")
    return parser.parse_args()


def _leave_the_environment(folder: Path) -> None:
    """Forget variables and directory: Canaille reads un-prefixed variables (DEBUG, SECRET_KEY) and ./canaille.toml."""
    for name in set(os.environ) - set(KEPT_VARIABLES):
        del os.environ[name]
    os.environ["CANAILLE_CONFIG"] = str(folder / "no-canaille.toml")
    os.chdir(folder)


def settings(kept: state.State, folder: Path, port: int) -> dict[str, Any]:
    """Say what Canaille needs to know; each line that is not obvious answers a fault seen with 0.3.6."""
    return {
        "SECRET_KEY": kept.provider_secret_key,
        "SERVER_NAME": f"localhost:{port}",
        "PREFERRED_URL_SCHEME": "http",
        "SESSION_COOKIE_NAME": "demo-provider",  # cookies ignore ports, so the blog sees it too
        "CANAILLE": {
            "NAME": "Demo accounts",
            "DATABASE": "sql",  # the memory backend accepts authorization codes that were never issued
            "SMTP": None,  # unset means that it looks for a mail server on this machine
            "EMAIL_CONFIRMATION": False,
            "ENABLE_REGISTRATION": True,
            "ENABLE_PASSWORD_RECOVERY": False,
            "LOGGING": {"version": 1, "disable_existing_loggers": False},
            # No ACL but this one: Canaille's own list makes an administrator of whoever registers as "admin".
            "ACL": {
                "DEFAULT": {
                    "PERMISSIONS": ["edit_self", "use_oidc"],
                    "READ": ["user_name", "emails"],
                    "WRITE": ["display_name", "password"],  # and so the registration form has only these
                }
            },
        },
        "CANAILLE_SQL": {"DATABASE_URI": f"sqlite:///{folder / 'provider.db'}"},
        "CANAILLE_OIDC": {
            "ACTIVE_JWKS": list(kept.signing_keys),
            "DYNAMIC_CLIENT_REGISTRATION_OPEN": False,
            "TRUSTED_DOMAINS": ["localhost"],  # no question of consent for clients that live there
            "USERINFO_MAPPING": {
                "SUB": "{{ user.id }}",  # the user name by default; like this it is also the id in SCIM
                "NAME": "{{ user.display_name or '' }}",
                "PREFERRED_USERNAME": "{{ user.user_name }}",
                "LOCALE": None,
            },
        },
        "CANAILLE_SCIM": {"ENABLE_SERVER": True},
    }


def create_provider(config: Mapping[str, Any]) -> Flask:
    """Make Canaille's application and bring its database up to date."""
    # WAL and NORMAL before anything is opened: the 19 migrations of a first start then take a second instead of ten
    event.listen(Engine, "connect", _open_sqlite)
    app: Flask = create_app(dict(config))
    _ask_for_a_name_and_no_address()
    return app


def _ask_for_a_name_and_no_address() -> None:
    """Shorten the registration form: Canaille asks for an e-mail address always and for a name to show never."""
    PROFILE_FORM_FIELDS["emails"] = HiddenField(default=list)  # registration fails without the field
    PROFILE_FORM_FIELDS["display_name"].kwargs["validators"] = [DataRequired()]


def _open_sqlite(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}").close()


def register_blog(kept: state.State, blog_url: str) -> None:
    """Make the blog's client, or tell the one that is there where the blog lives today."""
    backend = Backend.instance
    client = backend.get(models.Client, client_id=kept.client_id) or models.Client(client_id=kept.client_id)
    backend.update(
        client,
        client_secret=kept.client_secret,
        client_name="Byline",
        client_uri=blog_url,
        redirect_uris=[f"{blog_url}/oidc/callback"],
        post_logout_redirect_uris=[f"{blog_url}/"],
        grant_types=["authorization_code", "refresh_token", "client_credentials"],  # the last one is for SCIM
        response_types=["code"],
        scope=["openid", "profile"],
        token_endpoint_auth_method="client_secret_basic",
        id_token_signed_response_alg="ES256",
    )
    client.audience = [client]
    backend.save(client)


def add_authors(authors: tuple[state.Author, ...]) -> None:
    """Give the demo's authors their accounts; whoever has one keeps it as it is, a changed name too."""
    for author in authors:
        if Backend.instance.get(models.User, id=author.subject) is None:
            user = models.User(
                id=author.subject,
                user_name=author.user_name,
                display_name=author.display_name,
                emails=[author.email],
            )
            Backend.instance.save(user)
            Backend.instance.set_user_password(user, author.password)


class HiddenField(fields.HiddenField):
    """Keeps what it holds, whatever a browser sends; Canaille's templates know it by the name of its class."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take nothing."""


class _Quiet(WSGIRequestHandler):
    """Logs no requests: their addresses hold codes and tokens."""

    protocol_version = "HTTP/1.1"  # the blog's calls then share a connection

    def log_request(self, *_: object) -> None:
        """Keep silent."""


if __name__ == "__main__":
    main()
