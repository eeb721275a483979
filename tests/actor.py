"""Somebody with a browser that keeps cookies and fills in the forms it is shown."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag
from flask import Flask
from werkzeug.test import TestResponse

from tests.fake_idp import FakeIdp

OFFERED = re.compile(r"<option\b.*?</option>", re.DOTALL)
"""What may be chosen, every time zone for instance: `fill` reads none of it, and parsing it takes longest."""


class Actor:
    """A person in front of one browser."""

    def __init__(self, app: Flask, idp: FakeIdp) -> None:
        self.app, self.idp = app, idp
        self.client = app.test_client()

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, buffered=True, **more)

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> TestResponse:
        return self.client.post(path, data=data or {}, **more)

    def begin(self, path: str = "/login") -> dict[str, str]:
        """Follow the login link; give what the provider sends back, without going there yet."""
        response = self.get(path)
        assert response.status_code == 302, response.text
        return self.idp.authorize(response.location, sub=getattr(self, "sub", "ada"))

    def return_with(self, params: dict[str, str]) -> TestResponse:
        return self.get("/oidc/callback", query_string=params)

    def log_in(self, sub: str = "ada", path: str = "/login") -> Actor:
        self.sub = sub
        response = self.return_with(self.begin(path))
        assert response.status_code == 303, response.text
        return self

    def is_logged_in(self) -> bool:
        return self.get("/dashboard").status_code == 200

    def page(self, path: str) -> BeautifulSoup:
        return self._parse(path)

    def _parse(self, path: str, *, all_of_it: bool = True) -> BeautifulSoup:
        response = self.get(path)
        assert response.status_code == 200, f"{path}: {response.status_code}"
        return BeautifulSoup(response.text if all_of_it else OFFERED.sub("", response.text), "html.parser")

    def submit(self, path: str, button: str, form: Tag | None = None, **typed: Any) -> TestResponse:
        """Fill in the form that holds this button on this page, and press it."""
        return self.send(self.filled(path, button, **typed))

    def filled(self, path: str, button: str, **typed: Any) -> tuple[str, dict[str, Any]]:
        """Fill in a form, but do not send it yet: its address and fields."""
        return fill(self._parse(path, all_of_it=False), path, button, **typed)

    def send(self, form: tuple[str, dict[str, Any]]) -> TestResponse:
        path, fields = form
        return self.post(path, fields)

    def publish(self, title: str = "A title", body: str = "A body.", **chosen: Any) -> str:
        """Publish a post; give its slug."""
        return self._write("Publish", title, body, chosen)

    def draft(self, title: str = "A title", body: str = "A body.", **chosen: Any) -> str:
        return self._write("Save draft", title, body, chosen)

    def _write(self, button: str, title: str, body: str, chosen: dict[str, Any]) -> str:
        response = self.submit("/dashboard/write", button, title=title, body=body, **chosen)
        assert response.status_code == 303, response.text
        link = self.page("/dashboard").select_one(".notice a")
        assert link is not None
        return str(link["href"]).removeprefix("/")


def fill(page: BeautifulSoup, path: str, button: str, **typed: Any) -> tuple[str, dict[str, Any]]:
    """Fill in the form with this button on a page that was fetched from this path."""
    pressed = next(found for found in page.select("main form button") if found.text.strip() == button)
    form = pressed.find_parent("form")
    assert form is not None
    ticked = {}
    for box in form.select("input[type=radio][checked], input[type=checkbox][checked]"):
        ticked.setdefault(str(box["name"]), []).append(str(box["value"]))
    lines = form.select("input[name]:not([type=radio], [type=checkbox])")
    fields: dict[str, Any] = dict(ticked)
    for line in lines:  # as often as a name is there; what is there once is plain
        name, text = str(line["name"]), str(line.get("value", ""))
        before = fields.get(name)
        fields[name] = text if before is None else [*(before if isinstance(before, list) else [before]), text]
    fields |= {str(area["name"]): area.text.removeprefix("\n") for area in form.select("textarea[name]")}
    if pressed.get("name"):
        fields[str(pressed["name"])] = str(pressed["value"])
    return urlsplit(str(form.get("action", path))).path, {**fields, **typed}
