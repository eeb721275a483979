"""Code in colour: what is marked, what stays plain, that no letter is lost, and that no block keeps us busy."""

import html
import random
import re
import time
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.content import code, text

PYTHON = 'def f(x):\n    """Doc."""\n    return x < 1 and "a&b"  # why\n'


def fenced(language, source):
    return f"~~~~~~~~{language}\n{source}\n~~~~~~~~\n"


def rendered(language, source):
    return BeautifulSoup(text.render(fenced(language, source)), "html.parser").pre.code


def classes(element):
    return {span["class"][0] for span in element.find_all("span")}


def test_code_that_names_its_language_is_marked_and_stays_the_same_code():
    element = rendered("python", PYTHON)
    assert element["class"] == ["language-python"]
    assert element.get_text() == PYTHON + "\n"
    assert {span.get_text().strip(): span["class"][0] for span in element.find_all("span")} == {
        "def": "k",
        "f": "nf",
        '"""Doc."""': "c",
        "return": "k",
        "1": "m",
        "and": "k",
        '"a&b"': "s",
        "# why": "c",
    }


@pytest.mark.parametrize("name", ["python", "py", "Python", "PYTHON3", "js", "c++", "c#", "objective-c", "sh", "yaml"])
def test_a_language_has_many_names(name):
    assert rendered(name, "if 1: 'a' // b\nx = {1}; // c #").find("span")


@pytest.mark.parametrize(
    "body_md",
    [
        fenced("", PYTHON),
        fenced("nosuchlanguage", PYTHON),
        fenced("text", PYTHON),
        "    " + PYTHON.replace("\n", "\n    "),
        '<pre><code class="language-python">def <b>f</b>()</code></pre>',
        fenced("python", PYTHON * 100),
        fenced("python", "x = '" + "a" * 500 + "'"),
        fenced("python", "a\n" * 200),
        "`def f()`",
    ],
    ids=["unnamed", "unknown", "text", "indented", "marked up", "too long", "long line", "no signs", "in a line"],
)
def test_other_code_stays_plain(body_md):
    assert "<span" not in text.render(body_md)


def test_html_from_elsewhere_is_coloured_too():
    assert '<span class="k">def</span>' in text.render(
        '<pre><code class="language-python hljs">def f(): 1</code></pre>'
    )


def test_code_without_a_newline_at_its_end_gets_none():
    body_html = text.render('<pre><code class="language-python">x = 1 # a</code></pre>')
    assert body_html.endswith('<span class="c"># a</span></code></pre>')


def test_no_more_than_so_much_of_a_text_is_coloured():
    body_md = fenced("python", PYTHON * 50) * 20
    page = BeautifulSoup(text.render(body_md), "html.parser")
    coloured = [element for element in page.find_all("code") if element.find("span")]
    assert 0 < sum(len(element.get_text()) for element in coloured) <= code.MOST_IN_ALL
    assert len(coloured) < 20


def test_no_more_than_so_many_languages_of_a_text_are_coloured():
    names = sorted({min(names) for names in by_language().values()})[:40]
    page = BeautifulSoup(text.render("".join(fenced(name, "a 'b' (1) // c #\n") for name in names)), "html.parser")
    assert len([element for element in page.find_all("code") if element.find("span")]) <= 10


def by_language():
    """The names that people may write, by language."""
    found: dict[str, set[str]] = {}
    for name, language in code._languages().items():
        found.setdefault(language, set()).add(name)
    return found


def test_every_language_is_one_that_the_library_knows():
    assert by_language().keys() == code.LANGUAGES


UNITS = (
    *"([{<&$\"'`\\@=-:;,%|#",
    *(
        '"\\',
        "\\'",
        "a\n",
        " \n",
        "\n",
        "a ",
        "a.",
        "a-",
        "i.",
        "0.",
        "$ a\n",
        "$ ",
        "//",
        "/*",
        "<!--",
        "<a ",
        "<style>",
    ),
    *(
        "{{",
        "${",
        "$(",
        "a::",
        "'''",
        '"""',
        "\\begin{",
        "- a\n",
        "a: ",
        "a = ",
        "=begin\n",
        "<<a\n",
        "r#",
        "1_",
        "é",
        "𝒜",
    ),
    *("\n" * 290 + ";", "a\n" * 145 + ";", " " * 290 + ";", " \n" * 145 + ";", "a." * 100 + "\n"),
)


def clean(name, block):
    return f'<pre><code class="language-{name}">{html.escape(block, quote=False)}</code></pre>'


def blocks(unit):
    """The same hostile code as a person could not type it, and broken into lines that look as if."""
    yield (unit * code.MOST_OF_A_BLOCK)[: code.MOST_OF_A_BLOCK - 1]
    lines = ("a " + unit * 300)[:498] + "\n"
    yield (lines * 20)[: code.MOST_OF_A_BLOCK - 1]


def test_no_block_in_any_language_keeps_us_busy():
    """Each language with every unit; the dearest pair found (Java, "$ ") takes about 0.6 s on a shared 2 GHz core."""
    chosen = random.Random(1)  # the same in every run: which of the many units a language is tried with
    slow = {}
    for language, names in by_language().items():
        for unit in chosen.sample(UNITS, 3):
            for block in blocks(unit):
                began = time.thread_time()
                coloured = code.colour(clean(min(names), block))
                if (spent := time.thread_time() - began) > 2:
                    slow[language, unit] = spent
                assert BeautifulSoup(coloured, "html.parser").code.get_text() == block
    assert not slow


def test_a_megabyte_of_code_is_not_looked_at():
    block = clean("java", "$ a\n" * 250_000)
    began = time.thread_time()
    assert code.colour(block) == block
    assert time.thread_time() - began < 0.5


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(code._languages())),
    st.lists(st.sampled_from([*UNITS[:-5], "<", ">", "&lt;", "</code>", "</pre>", "<script>", "x", "\t"]), max_size=30),
)
def test_whatever_the_code_is_no_letter_of_it_is_lost(name, pieces):
    source = "".join(pieces)
    body_html = text.render(fenced(name, source))
    element = BeautifulSoup(body_html, "html.parser").pre
    assert element.get_text().strip("\n") == source.strip("\n")
    assert classes(element) <= code.CLASSES
    assert {found.name for found in element.find_all()} <= {"code", "span"}


STYLE = (Path(__file__).parents[2] / "blog" / "static" / "style.css").read_text("utf-8")


def variables(scheme):
    both = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", STYLE)
    return {name: dark if scheme == "dark" else light for name, light, dark in both}


def light(colour):
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    lighter, darker = sorted((light(one), light(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_can_be_read(scheme):
    known = variables(scheme)
    used = dict(re.findall(r"^\.prose pre \.(\w+) \{ color: var\(--([\w-]+)\);", STYLE, re.MULTILINE))
    assert used.keys() == code.CLASSES
    papers = {"gd": known["cut"], "gi": known["add"]}
    faint = {name: contrast(known[variable], papers.get(name, known["code"])) for name, variable in used.items()}
    assert not {name: ratio for name, ratio in faint.items() if ratio < 4.5}
