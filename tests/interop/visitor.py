"""A visitor: somebody with a browser without JavaScript, who keeps cookies, reads pages and fills in forms by label."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urljoin

import requests
from bs4 import BeautifulSoup
from bs4.element import Tag

TIMEOUT = 20


class Visitor:
    """Goes from page to page; `url`, `status`, `text` and `page` tell what is on the screen.

    :param trusts: a file with the certificate of a server that nobody else vouches for.
    """

    def __init__(self, trusts: Path | None = None) -> None:
        self._session = requests.Session()
        self._session.verify = str(trusts) if trusts else True
        self._session.trust_env = False  # no proxy stands between this machine and itself

    def open(self, url: str) -> Visitor:
        """Type an address."""
        return self._show(self._session.get(url, timeout=TIMEOUT))

    def copy(self) -> Visitor:
        """Open another window of the same browser."""
        other = Visitor()
        other._session.verify = self._session.verify
        other._session.cookies.update(self._session.cookies)
        return other

    def peek(self, url: str) -> int:
        """Look what an address answers by itself: no redirect is followed, and the screen stays as it is."""
        return self._session.get(url, timeout=TIMEOUT, allow_redirects=False).status_code

    def location_of(self, url: str) -> str:
        """Look where an address leads on to, without going there."""
        return self._session.get(url, timeout=TIMEOUT, allow_redirects=False).headers["Location"]

    def cookie(self, name: str) -> str | None:
        """Read one of the browser's cookies."""
        return self._session.cookies.get(name)

    def cookies(self) -> list[dict[str, str | bool]]:
        """Read all of them, but for whose they are: name, value, path, and whether scripts are kept from them."""
        return [
            {"name": kept.name, "value": kept.value or "", "path": kept.path, "httpOnly": "HttpOnly" in kept._rest}
            for kept in self._session.cookies
        ]

    def plant(self, name: str, value: str) -> None:
        """Put a cookie into the browser."""
        self._session.cookies.set(name, value, domain="localhost.local", path="/")

    def follow(self, name: str) -> Visitor:
        """Click the link with this name."""
        return self.open(urljoin(self.url, str(self._only("a", name)["href"])))

    def submit(self, button: str, **fields: str) -> Visitor:
        """Fill in fields (by label, or by name) and press the button with this name."""
        pressed = self._only("button, input[type=submit]", button)
        form = self.page.find("form", id=pressed["form"]) if pressed.get("form") else pressed.find_parent("form")
        assert form is not None, f"{button} stands in no form"
        values = self._values(form)
        for label, value in fields.items():
            values[self._field_name(form, label)] = value
        if pressed.get("name"):
            values[str(pressed["name"])] = str(pressed.get("value", ""))
        method = str(pressed.get("formmethod") or form.get("method") or "get").lower()
        action = urljoin(self.url, str(pressed.get("formaction") or form.get("action") or ""))
        if method == "get":
            return self._show(self._session.get(action, params=values, timeout=TIMEOUT))
        here = _origin(self.url)
        headers = {"Origin": here, "Sec-Fetch-Site": "same-origin" if _origin(action) == here else "cross-site"}
        return self._show(self._session.post(action, data=values, headers=headers, timeout=TIMEOUT))

    def sees(self, name: str) -> bool:
        """Whether there is a link or a button with this name."""
        return bool(self._all("a, button, input[type=submit]", name))

    def _show(self, answer: requests.Response) -> Visitor:
        self.url, self.status = answer.url, answer.status_code
        self.page = BeautifulSoup(answer.text, "html.parser")
        self.text = " ".join(self.page.get_text(" ").split())
        return self

    def _all(self, what: str, name: str) -> list[Tag]:
        return [tag for tag in self.page.select(what) if _name(tag) == name]

    def _only(self, what: str, name: str) -> Tag:
        found = self._all(what, name)
        names = sorted({_name(tag) for tag in self.page.select(what)})
        assert found, f"no “{name}” on {self.url} ({self.status}); there are {names}"
        return found[0]

    def _values(self, form: Tag) -> dict[str, str]:
        values = {}
        for field in form.select("input[name], textarea[name], select[name]"):
            if field.get("type") in {"submit", "button", "image", "file"}:
                continue
            if field.get("type") in {"checkbox", "radio"} and not field.has_attr("checked"):
                continue
            values[str(field["name"])] = _value(field)
        return values

    def _field_name(self, form: Tag, label: str) -> str:
        if form.select_one(f'[name="{label}"]'):
            return label
        for tag in form.select("label[for]"):
            if _name(tag) == label and (field := self.page.find(id=str(tag["for"]))) is not None:
                return str(field["name"])
        raise AssertionError(f"no field “{label}” on {self.url}")


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])


def _name(tag: Tag) -> str:
    return " ".join(str(tag.get("aria-label") or tag.get_text() or tag.get("value") or "").split())


def _value(field: Tag) -> str:
    if field.name == "textarea":
        return field.get_text().removeprefix("\n")
    if field.name == "select":
        chosen = field.select_one("option[selected]") or field.select_one("option")
        return str(chosen.get("value", "")) if chosen else ""
    return str(field.get("value", ""))
