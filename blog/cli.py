"""The operator's door: commands of `flask --app blog`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from flask_migrate import upgrade

from blog.errors import LoginRefused, Taken
from blog.identity.keys import ClientKeys, Known

oidc = AppGroup("oidc", help="What stands between this blog and its provider.")


def init_app(app: Flask) -> None:
    """Give this application its commands."""
    app.cli.add_command(upgrade_database, "upgrade")
    app.cli.add_command(upgrade_database, "init-db")
    app.cli.add_command(oidc)


@click.command()
@with_appcontext
def upgrade_database() -> None:
    """Create the database, or bring it to this version. Safe to repeat."""
    upgrade(directory=str(current_app.extensions["migrate"].directory))


@oidc.command("show-keys")
@click.option("--pem", is_flag=True, help="In PEM, for providers that take no JWK.")
def show_keys(pem: bool) -> None:
    """Print the public keys by which the provider knows this blog, as at /oidc/jwks, to be pasted where it wants that.

    What each of them is for goes to standard error.
    """
    with _said_plainly():
        known = _client_keys().all()
    key_set = json.dumps({"keys": [each.jwk for each in known]}, indent=2)
    click.echo("".join(each.pem for each in known).rstrip() if pem else key_set)
    _tell(known, err=True)


@oidc.command("rotate-keys")
@click.option("--now", "early", is_flag=True, help="Even if the next key was published less than 24 hours ago.")
@click.option(
    "--compromised", is_flag=True, help="Drop every key at once and make new ones: somebody may have read them."
)
def rotate_keys(early: bool, compromised: bool) -> None:
    """Let the next key sign from now on, make the one after it, and retire the one that signed.

    A retired key can sign no more, and is published for another 24 hours. Nothing happens before the next key has been
    published for 24 hours, as a provider may not know it yet, so it does no harm to run this twice.
    """
    keys = _client_keys()
    with _said_plainly():
        if compromised:
            keys.replace()
        elif not keys.rotate(early=early):
            click.echo("Nothing was done: the provider may not know the next key yet. Wait, or say --now.")
        _tell(keys.all())


def _client_keys() -> ClientKeys:
    keys: ClientKeys | None = current_app.extensions["porch"].client_keys
    if keys is None:
        raise click.ClickException("there are no keys: BLOG_OIDC_TOKEN_AUTH_METHOD is not private_key_jwt")
    return keys


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Let what the product knows can go wrong end a command with one line."""
    try:
        yield
    except LoginRefused as error:
        again = "put that back, or make new keys with: flask --app blog oidc rotate-keys --compromised"
        raise click.ClickException(f"{error.detail}; {again}") from None
    except Taken as error:
        raise click.ClickException(str(error)) from None


def _tell(known: list[Known], *, err: bool = False) -> None:
    for each in known:
        click.echo(f"{each.kid} {each.alg} {_what_for(each)}", err=err)


def _what_for(known: Known) -> str:
    if known.leaves_at:
        return f"retired, published until {_when(known.leaves_at)}"
    return "signs" if known.stage == "signing" else f"next, may sign from {_when(known.ready_at)}"


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
