"""The sitemap before the schemas of sitemaps.org themselves, which packages carry; ours is in our own words."""

from __future__ import annotations

import hashlib
import io
import urllib.request
import zipfile

import pytest
import xmlschema

from blog.content import sitemap
from tests.pages import judges
from tests.pages.site import EVERYTHING
from tests.test_sitemap import BROKEN, SCHEMA

INDEX_CARRIER = (
    "https://repo1.maven.org/maven2/com/github/dfabulich/sitemapgen4j/1.1.2/sitemapgen4j-1.1.2.jar",
    "e927447c8520ee131bba774d72165c26929b60f2cb86647ec48a297018be9fe6",  # SHA-256
    "com/redfin/sitemapgenerator/siteindex.xsd",
)
BROKEN_INDEX = [
    ("<loc>http://localhost/sitemap-1.xml</loc>", "<loc>/1.xml</loc>"),
    ("<loc>http://localhost/sitemap-1.xml</loc>", ""),
    ("<sitemap>", "<sitemap><title>x</title>"),
    ("sitemaps.org/schemas", "sitemaps.example/schemas"),
]


@pytest.fixture(scope="module")
def schema():
    """The one of 2008, of a sitemap; the Node package has none of an index."""
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


def test_the_index_is_valid_by_the_schema_of_sitemaps_org(ada, visitor, monkeypatch):
    address, hashed, name = INDEX_CARRIER
    jar = urllib.request.urlopen(address, timeout=60).read()  # noqa: S310  (pinned)
    assert hashlib.sha256(jar).hexdigest() == hashed
    schema = xmlschema.XMLSchema(zipfile.ZipFile(io.BytesIO(jar)).read(name).decode())
    monkeypatch.setattr(sitemap, "MOST", 1)
    ada.publish("One")
    index = visitor.get("/sitemap.xml").text
    assert index.count("<sitemap>") == 2
    for each in (schema, SCHEMA):
        each.validate(index)
        for broken in BROKEN_INDEX:
            assert not each.is_valid(index.replace(*broken)), broken


test_the_index_is_valid_by_the_schema_of_sitemaps_org.__test__ = EVERYTHING  # CI does without Java's packages
