"""People in front of a browser, who find everything by its name."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from playwright.sync_api import Locator, Page, expect

from tests.interop.stages import PASSWORD, Stage
from tests.interop.visitor import Visitor

FIRST_NAMES = ("Ines", "Tomasz", "Yuki", "Leila", "Piet", "Noor", "Aoife", "Mato", "Sunniva", "Kofi")
_number = count()


@dataclass
class Author:
    """Somebody with an account at the provider."""

    page: Page
    login: str
    name: str

    @classmethod
    def new(cls, page: Page) -> Author:
        """Somebody who has no account yet."""
        number = next(_number)
        name = f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {'I' * (1 + number // 10)}ngram"
        return cls(page, f"author{number}", name)

    @classmethod
    def arrive(cls, page: Page, stage: Stage) -> Author:
        """Register without looking, as the provider's pages are heavy; stand on the dashboard with the cookies of both.

        What the browser does on this way is what `register` and its journeys are for.
        """
        somebody, before = cls.new(page), Visitor()
        stage.register(before.open(f"{stage.url}/register"), somebody.login, somebody.name)
        page.context.add_cookies([{"domain": "localhost", **cookie} for cookie in before.cookies()])
        page.goto("/dashboard")
        return somebody

    @classmethod
    def register(cls, page: Page) -> Author:
        """Register on the provider's page, and come back to the dashboard."""
        somebody = cls.new(page)
        page.goto("/")
        link(page, "Register").click()
        page.get_by_label("Username", exact=True).fill(somebody.login)
        page.get_by_label("Display Name").fill(somebody.name)
        page.locator("input[type=password]").nth(0).fill(PASSWORD)
        page.locator("input[type=password]").nth(1).fill(PASSWORD)
        button(page, "Submit").click()
        expect(page).to_have_url("/dashboard")
        return somebody

    def prove(self, page: Page | None = None) -> None:
        """Say who one is on the provider's pages."""
        page = page or self.page
        page.locator("input[name=login]").fill(self.login)
        button(page, "Continue").click()
        page.locator("input[type=password]").fill(PASSWORD)
        button(page, "Sign in").click()

    def write(self, title: str, body: str, press: str = "Publish") -> None:
        """Write a post."""
        self.page.goto("/dashboard/write")
        field(self.page, "Title").fill(title)
        field(self.page, "Body").fill(body)
        button(self.page, press).click()
        expect(self.page.get_by_role("status")).to_be_visible()

    def log_out(self) -> None:
        """Log out from wherever one is, and stand on the home page."""
        button(self.page, "Log out").click()
        expect(self.page).to_have_url("/")
        expect(link(self.page, "Log in")).to_be_visible()


def link(page: Page | Locator, name: str) -> Locator:
    """The link with exactly this name."""
    return page.get_by_role("link", name=name, exact=True)


def button(page: Page, name: str) -> Locator:
    """The button with exactly this name."""
    return page.get_by_role("button", name=name, exact=True)


def field(page: Page, name: str) -> Locator:
    """The field with exactly this label."""
    return page.get_by_label(name, exact=True)
