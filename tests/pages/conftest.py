"""One running blog, opened and crawled once for all that is asked of its pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.pages.crawl import Crawl, crawl
from tests.pages.site import Site, running
from tests.pages.visits import Visit, visit_all


@pytest.fixture(scope="session")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A blog with posts of every kind."""
    with running(tmp_path_factory.mktemp("site"), browser) as started:
        yield started


@pytest.fixture(scope="session")
def visits(site: Site) -> list[Visit]:
    """Every kind of page, as those saw it who may."""
    return visit_all(site)


@pytest.fixture(scope="session")
def crawled(site: Site) -> Crawl:
    """Everything that a stranger comes to."""
    return crawl(site.url, "/", "/sitemap.xml", "/llms.txt")
