"""The pages in several languages: which one, in what direction, and whether the catalogues are whole."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po
from bs4 import BeautifulSoup

from blog import config
from blog.errors import Words
from blog.web import languages

ROOT = Path(__file__).parents[2]
BLOG = ROOT / "blog"
OTHERS = [name for name in languages.LANGUAGES if name != languages.DEFAULT]
TEMPLATES = sorted((BLOG / "templates").rglob("*.html"))


def read(actor, path, headers):
    return BeautifulSoup(actor.get(path, headers=headers).text, "html.parser")


def catalogue(name):
    with (BLOG / "translations" / name / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=name)


def plain(said):
    return said if isinstance(said, str) else tuple(said)


def said_in_english():
    """Every sentence that the pages say, singular and plural."""
    options = {"extensions": "jinja2.ext.i18n", "trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
    found = extract_from_dir(
        BLOG,
        [("**.py", "python"), ("templates/**.html", "jinja2")],
        {"templates/**.html": options},
        {"_": None, "gettext": None, "ngettext": (1, 2), "Words": None},
    )
    said = {plain(message) for _, _, message, _, _ in found}
    return said - {message[0] for message in said if isinstance(message, tuple)}  # one entry speaks for both


@pytest.mark.parametrize("name", OTHERS)
def test_a_catalogue_holds_every_sentence_and_no_other(name):
    held = {plain(message.id) for message in catalogue(name) if message.id}
    assert held == said_in_english()


@pytest.mark.parametrize("name", OTHERS)
def test_every_sentence_is_translated(name):
    for message in catalogue(name):
        texts = message.string if message.pluralizable else (message.string,)
        assert all(texts), message.id
        assert not message.fuzzy, message.id
    assert len(catalogue(name)) > 700


def marks(text):
    """What a translation must keep: values, markup and what is code."""
    return sorted(re.findall(r"%\(\w+\)s|</?\w+(?: [\w-]+=\"[^\"]*\")*>", text))


@pytest.mark.parametrize("name", OTHERS)
def test_a_translation_keeps_values_and_markup(name):
    counts = {"%(num)s", "%(number)s", "%(views)s", "%(readers)s"}  # which a plural may write as a word, such as "two"
    for message in catalogue(name):
        if not message.id:
            continue
        if not message.pluralizable:
            assert marks(message.string) == marks(message.id), message.id
            continue
        for text in message.string:
            assert not set(marks(text)) - set(marks(message.id[1])), message.id
            assert not set(marks(message.id[1])) - set(marks(text)) - counts, message.id


@pytest.mark.parametrize("name", OTHERS)
def test_a_translation_breaks_no_attribute(name):
    for message in catalogue(name):
        texts = message.string if message.pluralizable else (message.string,)
        for text in texts if message.id else ():
            bare = re.sub(r"<[^>]*>", "", text)
            assert '"' not in bare or "<code>" in text, text
            assert bare.count("%") == bare.count("%("), text


@pytest.mark.parametrize("name", OTHERS)
def test_the_compiled_catalogue_says_what_the_written_one_says(name):
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(name))
    compiled.seek(0)
    kept = (BLOG / "translations" / name / "LC_MESSAGES" / "messages.mo").read_bytes()
    said = [
        {plain(message.id): plain(message.string) for message in read_mo(file)} for file in (compiled, io.BytesIO(kept))
    ]
    assert said[0] == said[1]


def test_the_offered_languages_are_those_of_the_setting_and_of_the_catalogues():
    row = next(row for row in config.SETTINGS if row.name == "LANGUAGE")
    assert [row.read(name) for name in ("", *languages.LANGUAGES)] == ["", *languages.LANGUAGES]
    assert {path.name for path in (BLOG / "translations").iterdir()} == set(OTHERS)


def test_what_settings_say_by_themselves_can_be_said_in_every_language():
    defaults = {row.default for row in config.SETTINGS if isinstance(row.default, str)}
    assert set(languages.SAID_BY_SETTINGS) <= defaults


JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


def bare_words(html):
    """Words that a page shows, or reads out, and that no catalogue reaches."""
    quiet = re.sub(r"<(script|code|pre|style)\b.*?</\1>", "", JINJA.sub(" ", html), flags=re.DOTALL)
    shown = re.sub(r"<[^>]*>", "\n", quiet)
    read_out = re.findall(r'\b(?:title|aria-label|placeholder|alt|label)="([^"]*)"', quiet)
    return re.findall(r"[A-Za-z]{2,}", " ".join([re.sub(r"&\w+;|#\w+", "", shown), *read_out]))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(BLOG / "templates").as_posix())
def test_a_template_shows_no_words_of_its_own(path):
    text = re.sub(r"\{% block width %\}wide\{% endblock %\}|<meta[^>]*>|<link[^>]*>", "", path.read_text())
    text = text.replace("<title>{% block title %}", "").replace(' lang="{{ post.lang or own_language }}"', "")
    assert not bare_words(text)


@pytest.mark.parametrize("text", ["<p>Hello</p>", '<a title="Go on">{{ x }}</a>', "{% if a %}Yes{% endif %}"])
def test_words_of_its_own_would_be_seen(text):
    assert bare_words(text)


@pytest.mark.parametrize(
    ("asked", "language", "direction", "said"),
    [
        (None, "en", "ltr", "Nothing has been published yet."),
        ("de-AT,de;q=0.9,en;q=0.5", "de", "ltr", "Es wurde noch nichts veröffentlicht."),
        ("ar", "ar", "rtl", "لم يُنشر شيء بعد."),
        ("fr-FR,fr;q=0.9", "en", "ltr", "Nothing has been published yet."),
        ("fr, ar;q=0.4, de;q=0.7", "de", "ltr", "Es wurde noch nichts veröffentlicht."),
    ],
)
def test_a_page_speaks_the_language_that_the_browser_asks_for(visitor, asked, language, direction, said):
    page = read(visitor, "/", {"Accept-Language": asked} if asked else {})
    assert (page.html["lang"], page.html["dir"]) == (language, direction)
    assert said in page.text


def test_caches_hear_that_pages_differ_by_language(visitor):
    for path in ("/", "/search", "/archive"):
        assert {"Cookie", "Accept-Language"} <= set(visitor.get(path).vary)
    for path in ("/feed.xml", "/sitemap.xml", "/robots.txt"):
        assert "Accept-Language" not in visitor.get(path).vary


@pytest.fixture
def german(settings):
    settings["LANGUAGE"] = "de"


def test_a_blog_of_one_language_speaks_it_to_everybody(german, visitor):
    answer = visitor.get("/", headers={"Accept-Language": "ar"})
    assert '<html lang="de" dir="ltr">' in answer.text
    assert "Accept-Language" not in answer.vary


def test_dates_and_names_follow_the_language(ada, visitor, clock):
    ada.publish("One", "Words.")
    pages = {name: read(visitor, "/one", {"Accept-Language": name}) for name in languages.LANGUAGES}
    at = clock()
    assert pages["en"].select_one("time").text == f"{at:%-d %B %Y}"
    assert re.fullmatch(r"\d+\. \w+ \d{4}", pages["de"].select_one("time").text)
    assert re.fullmatch(r"\d+ [\u0600-\u06ff]+ \d{4}", pages["ar"].select_one("time").text)
    assert len({page.select_one("time")["datetime"] for page in pages.values()}) == 1


def test_a_post_keeps_its_own_language_whoever_reads(ada, visitor):
    ada.publish("One", "Words.")
    page = read(visitor, "/one", {"Accept-Language": "ar"})
    assert page.article["lang"] == "en"
    assert page.article.select_one("p.meta")["lang"] == "ar"
    assert visitor.page("/one").article.get("lang") is None


def test_names_are_joined_as_the_language_does(app):
    for name, joined in {"en": "A, B and C", "de": "A, B und C", "ar": "A وB وC"}.items():
        with app.test_request_context(headers={"Accept-Language": name}):
            first, second = languages.separators(3)
            assert f"A{first}B{second}C" == joined


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "لا مشاهدات"), (1, "مشاهدة واحدة"), (2, "مشاهدتان"), (5, "5 مشاهدات"), (11, "11 مشاهدة"), (100, "100 مشاهدة")],
)
def test_arabic_counts_in_six_ways(app, number, said):
    with app.test_request_context(headers={"Accept-Language": "ar"}):
        assert languages.ngettext("%(views)s view", "%(views)s views", number, views=number) == said


def test_numbers_are_written_as_the_language_does(app):
    for name, written in {"en": "12,345", "de": "12.345", "ar": "12,345"}.items():
        with app.test_request_context(headers={"Accept-Language": name}):
            assert languages.number(12345) == written


def test_what_a_room_says_is_translated_where_it_is_shown(ada):
    path, fields = ada.filled("/dashboard/write", "Publish", title="", body="x")
    answer = ada.post(path, fields, headers={"Accept-Language": "de"})
    assert "„Titel“ ist leer." in answer.text


def test_words_are_english_until_they_are_translated(app):
    words = Words(
        "The %(field)s has %(size)s bytes; at most %(longest)s fit.", field=Words("body"), size=9000, longest=10
    )
    assert words == "The body has 9,000 bytes; at most 10 fit."
    with app.test_request_context(headers={"Accept-Language": "de"}):
        assert languages.translated(words) == "„Text“ hat 9.000 Byte; höchstens 10 sind möglich."
        assert languages.translated("") == ""
        assert languages.translated("50 % of it") == "50 % of it"


def test_a_program_hears_of_an_error_in_its_language(visitor):
    answer = visitor.get("/none", headers={"Accept": "application/json", "Accept-Language": "de"})
    assert (answer.status_code, answer.json["title"]) == (404, "Hier ist nichts")


def test_an_error_page_is_in_the_language_of_the_browser(visitor):
    page = read(visitor, "/none", {"Accept-Language": "ar"})
    assert page.h1.text == "لا شيء هنا"


def imported():
    """The templates whose macros others take: what stands outside of these is read once, in whatever language."""
    named = {name for path in TEMPLATES for name in re.findall(r'from "([^"]+)" import', path.read_text())}
    return sorted(named)


@pytest.mark.parametrize("name", imported())
def test_a_file_of_macros_says_nothing_while_it_is_read(name):
    text = (BLOG / "templates" / name).read_text()
    outside = re.sub(r"\{% macro .*?\{%-? endmacro %\}", "", text, flags=re.DOTALL)
    assert not re.search(r"\b(?:_|ngettext)\(", outside)


def test_the_dashboard_changes_its_language_with_the_browser(ada):
    for name, drafts in {"de": "Entwürfe", "ar": "المسودات", "en": "Drafts"}.items():
        assert drafts in read(ada, "/dashboard", {"Accept-Language": name}).text
