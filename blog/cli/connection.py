"""The connection to the provider: commands for the keys we sign with, and the doctor."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click
from flask import Flask, current_app
from flask.cli import ScriptInfo, pass_script_info, with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from blog import config
from blog.cli.names import some_authors
from blog.cli.report import Report
from blog.content import posts
from blog.errors import LoginRefused, Taken
from blog.identity import directories
from blog.identity.doctor import stages
from blog.identity.keys import ClientKeys, Known

# -- our own keys -----------------------------------------------------------------------------------------------------


@click.command("show-keys")
@click.option("--pem", is_flag=True, help="In PEM, for providers that take no JWK.")
@with_appcontext
def show_keys(pem: bool) -> None:
    """Print the public keys by which the provider knows this blog, as at /oidc/jwks, to be pasted where it wants that.

    What each of them is for goes to standard error.
    """
    with _said_plainly():
        known = _client_keys().all()
    key_set = json.dumps({"keys": [each.jwk for each in known]}, indent=2)
    click.echo("".join(each.pem for each in known).rstrip() if pem else key_set)
    _tell(known, err=True)


@click.command("rotate-keys")
@click.option("--now", "early", is_flag=True, help="Even if the next key was published less than 24 hours ago.")
@click.option(
    "--compromised", is_flag=True, help="Drop every key at once and make new ones: somebody may have read them."
)
@with_appcontext
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


# -- the doctor -------------------------------------------------------------------------------------------------------


# Without an application context, as settings may be so wrong that there is no application.
@click.command("doctor")
@click.option("--login", "by_login", is_flag=True, help="Go through a login in your browser as well.")
@click.option("--offline", is_flag=True, help="Look at the settings only; ask nobody.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@pass_script_info
@click.pass_context
def examine(context: click.Context, info: ScriptInfo, by_login: bool, offline: bool, as_json: bool) -> None:
    """Say what is wrong with signing in, what that breaks, and what to change where.

    Ends with 0 when there is no fault, with 1 when there is one, with 2 when it was called in a wrong way.
    """
    if by_login and offline:
        raise click.UsageError("--login needs the provider: leave --offline out.")
    report = Report()
    app = _examine_settings(info, report)
    if app and not offline:
        _examine_provider(app, report)
        if by_login:
            _examine_login(app, report)
    report.tell(as_json=as_json)
    context.exit(1 if report.count("fault") else 0)


def _examine_settings(info: ScriptInfo, report: Report) -> Flask | None:
    rows = (*config.SETTINGS, *directories.SETTINGS)
    found = report.found["settings"] = []
    try:
        app = info.load_app()
    except config.BadSetting as bad:
        found += stages.of_faults(config.faults(os.environ, directories.SETTINGS) or [bad])
        found += stages.of_sources(os.environ, rows)
        return None
    found += stages.of_settings(app.extensions["settings"])
    found += stages.of_sources(os.environ, rows)
    found += _examine_posts(app)
    report.addresses = _addresses(app)
    return app


def _examine_posts(app: Flask) -> list[stages.Finding]:
    try:
        with app.app_context():
            return stages.of_posts(posts.count_by_issuer(), app.extensions["settings"]["OIDC_ISSUER"])
    except SQLAlchemyError as error:
        return [stages.no_database(type(error).__name__)]


def _authors(app: Flask) -> stages.Authors:
    try:
        with app.app_context():
            return some_authors(app.extensions["settings"]["OIDC_ISSUER"])
    except SQLAlchemyError:  # it was said already
        return stages.Authors()


def _examine_proof(app: Flask) -> list[stages.Finding]:
    try:
        with app.app_context():
            return stages.of_proof(app.extensions["porch"].proof.at(), app.extensions["settings"])
    except SQLAlchemyError:
        return []


# what the provider calls the address → the view behind it
REGISTERED = {
    "redirect_uri": "auth.callback",
    "post_logout_redirect_uri": "blog.index",
    "backchannel_logout_uri": "auth.backchannel_logout",
    "frontchannel_logout_uri": "auth.frontchannel_logout",
    "initiate_login_uri": "auth.initiate",
}


def _addresses(app: Flask) -> dict[str, str]:
    """List what has to be registered at the provider, to the letter."""
    adapter = app.url_map.bind("")
    views = REGISTERED | ({"jwks_uri": "auth.jwks"} if app.extensions["porch"].client_keys else {})
    return {name: app.extensions["settings"]["PUBLIC_URL"] + adapter.build(view) for name, view in views.items()}


def _examine_provider(app: Flask, report: Report) -> None:
    porch, clock = app.extensions["porch"], app.extensions["clock"]
    with app.app_context():  # our own keys, where they prove who we are, are in the database
        report.found["provider"] = stages.of_provider(
            porch.client,
            porch.provider,
            porch.directory,
            authors=_authors(app),
            values=app.extensions["settings"],
            clock=clock,
        )
    report.found["provider"] += _examine_proof(app)
    report.found["blog"] = stages.of_blog(app.extensions["settings"], porch.seal, clock())


def _examine_login(app: Flask, report: Report) -> None:
    porch, clock = app.extensions["porch"], app.extensions["clock"]
    with app.app_context():
        attempt = stages.begin(porch.client, porch.provider, clock())
    if isinstance(attempt, stages.Finding):
        report.found["login"] = [attempt]
        return
    click.echo(HOW_TO_LOG_IN.format(url=attempt.url), err=True)
    pasted = sys.stdin.readline()
    if not pasted.strip():
        raise click.Abort
    with app.app_context():
        report.found["login"] = stages.of_answer(
            porch.client,
            porch.provider,
            porch.directory,
            attempt=attempt,
            pasted=pasted,
            values=app.extensions["settings"],
            rules=porch.role_rules,
            clock=clock,
        )


HOW_TO_LOG_IN = """
Open this address in your browser, and log in:

{url}

You end up on a page of the blog. Copy its whole address from the address bar, paste it here, and press Enter:"""
