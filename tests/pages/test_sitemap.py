"""The sitemap before the schema of sitemaps.org itself, which a Node package carries; ours is in our own words."""

from __future__ import annotations

import pytest
import xmlschema

from tests.pages import judges
from tests.test_sitemap import BROKEN, SCHEMA


@pytest.fixture(scope="module")
def schema():
    """The one of 2008, of a sitemap; the package has none of an index."""
    return xmlschema.XMLSchema(judges.package("sitemap") / "schema" / "sitemap.xsd")


def test_the_sitemap_is_valid_by_the_schema_of_sitemaps_org(ada, visitor, schema):
    schema.validate(visitor.get("/sitemap.xml").text)
    ada.publish("One & <two>", tags="Any, Übung")
    ada.publish("", "A note", kind="note")
    ada.publish("Inside", visible_to="people")
    written = visitor.get("/sitemap.xml").text
    assert written.count("<url>") == 5
    schema.validate(written)


@pytest.mark.parametrize("broken", BROKEN)
def test_what_that_schema_refuses_ours_refuses(ada, visitor, schema, broken):
    ada.publish("One")
    changed = visitor.get("/sitemap.xml").text.replace(*broken)
    assert not schema.is_valid(changed)
    assert not SCHEMA.is_valid(changed)
