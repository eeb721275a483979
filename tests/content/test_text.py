"""Text: what Markdown becomes, and that nothing harmful is left of it."""

import html
import re
import time
from contextlib import suppress

import nh3
import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from blog.content import text
from blog.errors import Invalid

# -- Markdown to HTML ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body_md", "body_html"),
    [
        ("*a* **b** `c`", "<p><em>a</em> <strong>b</strong> <code>c</code></p>"),
        ("~~gone~~", "<p><s>gone</s></p>"),
        ("[a](/b 'c')", '<p><a href="/b" title="c" rel="ugc noopener">a</a></p>'),
        ("![a](/b.png 'c')", '<p><img src="/b.png" alt="a" title="c" loading="lazy"></p>'),
        ("```\nx < 1\n```", "<pre><code>x &lt; 1\n</code></pre>"),
        (
            "```python\nx < 1\n```",
            '<pre><code class="language-python">x &lt; <span class="m">1</span>\n</code></pre>',
        ),
        ("<b onclick=x id=y class=z style=w lang=de title=t>a</b>", "<p><b>a</b></p>"),
        ("<span>a</span> <font>b</font>", "<p>a b</p>"),
        ("a<script>alert(1)</script>b", "<p>ab</p>"),
        ("<details open><summary>a</summary>\n\n*b*\n\n</details>", None),
        ("<pre>\n\n\na</pre>", "<pre>a</pre>"),
        ("<p>&#1;&#0;</p>", "<p>\ufffd\ufffd</p>"),
    ],
)
def test_markdown_becomes_html(body_md, body_html):
    rendered = text.render(body_md).strip()
    if body_html is None:
        assert rendered == '<details open=""><summary>a</summary>\n<p><em>b</em></p>\n</details>'
    else:
        assert rendered == body_html


def test_tables_keep_their_alignment_without_a_style():
    rendered = text.render("|a|b|c|\n|:-|:-:|-:|\n|1|2|3|")
    cells = BeautifulSoup(rendered, "html.parser").find_all("td")
    assert [cell["class"] for cell in cells] == [["align-left"], ["align-center"], ["align-right"]]
    assert "style" not in rendered


def test_task_lists_have_boxes_that_nobody_can_tick():
    boxes = BeautifulSoup(text.render("- [x] a\n- [ ] b\n\n<input name=password>"), "html.parser").find_all("input")
    assert [("checked" in box.attrs, box["type"], "disabled" in box.attrs) for box in boxes] == [
        (True, "checkbox", True),
        (False, "checkbox", True),
        (False, "checkbox", True),
    ]


def test_footnotes_lead_there_and_back():
    page = BeautifulSoup(text.render("a[^n] b[^n] c[^m]\n\n[^n]: first\n[^m]: second"), "html.parser")
    targets = {link["href"].removeprefix("#") for link in page.find_all("a")}
    assert targets == {element["id"] for element in page.find_all(id=True)}
    assert len(targets) == 5


@pytest.mark.parametrize(
    ("body_md", "levels"),
    [
        ("# a\n\n## b\n\n###### c", ["h2", "h3", "h6"]),
        ("## a\n\n### b", ["h2", "h3"]),
        ("<H1 class=x>a</H1>\n\n##### b", ["h2", "h6"]),
        ("## a\n\n`<h1>`", ["h2"]),
    ],
)
def test_no_heading_is_the_pages_own(body_md, levels):
    page = BeautifulSoup(text.render(body_md), "html.parser")
    assert [heading.name for heading in page.find_all(re.compile("h[1-6]"))] == levels


@pytest.mark.parametrize(
    ("body_md", "addresses"),
    [
        ("see https://a.example/b.", ["https://a.example/b"]),
        ("(https://a.example/x_(y)?q=1&r=2#s)", ["https://a.example/x_(y)?q=1&r=2#s"]),
        ("**http://a.example/**, http://b.example", ["http://a.example/", "http://b.example"]),
        ("<https://a.example>", ["https://a.example"]),
        ("[https://a.example](https://b.example)", ["https://b.example"]),
        ("<a href='/b'>https://a.example</a>", ["/b"]),
        ("`https://a.example` xhttps://a.example https:// ftp://a.example javascript://a", []),
        ("![https://a.example](/b)", []),
    ],
)
def test_bare_addresses_become_links(body_md, addresses):
    page = BeautifulSoup(text.render(body_md), "html.parser")
    assert [link["href"] for link in page.find_all("a")] == addresses


@given(st.from_regex(text._PLAIN, fullmatch=True))
def test_addresses_that_are_taken_as_they_are_would_stay_so(url):
    assert MarkdownIt("commonmark").normalizeLink(url) == url


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "&#106;avascript:alert(1)",
        "java&#10;script:alert(1)",
        "vbscript:x",
        "data:text/html,x",
        "file:///etc/passwd",
        "blob:x",
    ],
)
def test_links_and_images_lead_to_the_web_only(address):
    page = BeautifulSoup(text.render(f'<a href="{address}">a</a> <img src="{address}">'), "html.parser")
    assert not page.find_all(href=True)
    assert not page.find_all(src=True)


@pytest.mark.parametrize("body_md", ["[a](javascript:b)", "![a](data:b)", "<vbscript:b>", "[a]\n\n[a]: javascript:b"])
def test_markdown_leads_to_the_web_only_too(body_md):
    page = BeautifulSoup(text.render(body_md), "html.parser")
    assert not page.find_all(href=True)
    assert not page.find_all(src=True)


# -- hostile bodies --------------------------------------------------------------------------------------------------

TAGS = (
    "a b p div table tr td th tbody caption li ul ol dl dd dt pre h1 h2 sup section input img svg math style script"
    " iframe textarea title select option button form font details summary ruby rt template noscript plaintext xmp"
    " frameset html body head br hr q code foreignObject mi mtext annotation-xml mglyph nobr object marquee base meta"
).split()
ATTRIBUTES = [
    'href="javascript:alert(1)"',
    "href=#q",
    "href='#x'",
    'href="&#106;avascript:x"',
    'href=" jav\tascript:x"',
    "onclick=x",
    "OnError = 'x'",
    'src="data:text/html,x"',
    "src=//x.example/y",
    'id="fn1"',
    "id=q",
    "name=x",
    'class="footnotes x"',
    'style="a:b"',
    'title="<img src=x onerror=y>"',
    "type=text",
    'encoding="text/html"',
    'xlink:href="javascript:x"',
    "formaction=javascript:x",
    "checked",
]
SNIPPETS = ["<!--", "-->", "]]>", "<![CDATA[", "\n", "\n\n", "x", "&lt;", "&#1;", "> ", "- ", "`", "<", '"', "'", " "]
MARKDOWN = [
    "[a](javascript:x)",
    "```python\n",
    "\n```\n",
    "\n## ",
    "\n\n",
    "![x](y)",
    "|a|\n|-|\n",
    "[^1]",
    "[^1]: z\n",
    "<javascript:x>",
    "[j]: javascript:x\n",
]
OPENINGS = st.builds("<{} {}>".format, st.sampled_from(TAGS), st.sampled_from(ATTRIBUTES))
CLOSINGS = st.sampled_from(TAGS).map("</{}>".format)
HOSTILE = st.lists(OPENINGS | CLOSINGS | st.sampled_from(SNIPPETS + MARKDOWN), max_size=14).map("".join)

ELEMENTS = set(
    "a abbr b blockquote br caption cite code dd del details dfn div dl dt em figcaption figure h2 h3 h4 h5 h6 hr i img"
    " input ins kbd li mark ol p pre q rp rt ruby s samp section small span strong sub summary sup table tbody td tfoot"
    " th thead time tr u ul var".split()
)
NAMES = set(
    "href title id rel open src alt width height loading checked type disabled aria-label start colspan rowspan scope"
    " datetime class".split()
)


def assert_harmless(body_html):
    for element in BeautifulSoup(body_html, "html.parser").find_all():
        assert element.name in ELEMENTS
        assert set(element.attrs) <= NAMES
        for address in (element.get("href"), element.get("src")):
            scheme = re.match(r"[\x00-\x20]*([a-z][a-z0-9+.\s-]*):", address or "", re.IGNORECASE)
            assert scheme is None or scheme[1].lower() in {"http", "https", "mailto"}
    ids = [element["id"] for element in BeautifulSoup(body_html, "html.parser").find_all(id=re.compile("^(?!fn)"))]
    assert all(re.fullmatch("section-[a-z0-9-]+", each) for each in ids)
    assert len(ids) == len(set(ids))
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]", body_html)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HOSTILE | st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_nothing_harmful_is_left_and_sanitising_again_changes_nothing(body_md):
    try:
        rendered = text.render(body_md)
    except Invalid:
        return
    assert_harmless(rendered)
    assert text._finished(rendered) == rendered
    assert text.excerpt(rendered) == text.excerpt(rendered).strip()


BODY = 100_000


def repeated(unit, before=""):
    return before + unit * ((BODY - len(before.encode())) // len(unit.encode()))


ORDINARY = repeated("A sentence with *some* weight, [a link](https://example.org) and `code`.\n\n- one\n- two\n\n")

# Measured for 100 KB each, as multiples of the CPU that ORDINARY takes (0.4 s on a shared 2 GHz core): "code" takes 8,
# "table" 7, "![[" 4, every other less. Without the guards: "mailto:" 50, ">#" 500, "<!--b>-" 20, a reference 20,
# "<b a1>" no end.
PATHOLOGICAL = {
    **{unit: repeated(unit) for unit in [">", "![a](", "[", "*", "_", "`", "``` ", "- ", "1. ", "|", "<", "&", "\\"]},
    **{unit: repeated(unit) for unit in ["![[", "[a][", "[a](b", "**a ", "*a _", "[^a]", "mailto:", "<http:", "[x]:<"]},
    **{unit: repeated(unit) for unit in ["#\n", "a\n", "x\n=\n", "|-|\n", ">#\na\n", "> <p>\n    a\n", "<!--", "<a "]},
    **{unit: repeated(unit) for unit in ["www.", "www.a.b ", "a@b.c ", "_.", "# a\n", "# [a](b)\n", "~~~c\na\n~~~\n"]},
    "code": ("~~~java\n" + "$ a\n" * 1_240 + "~~~\n\n") * 20,
    "comments": repeated('-->"<!--b>-', "1."),
    "addresses": repeated("http://</]*"),
    "backticks": "".join("a" + "`" * length for length in range(440)),
    "deep list": "".join("  " * depth + "- a\n" for depth in range(305)),
    "lazy": repeated("b\n", "> " * 5000 + "a\n"),
    "table": repeated("|\n", "|a" * 200 + "|\n" + "|-" * 200 + "|\n"),
    "reference": repeated("[a]", "[a]: " + "x" * 40_000 + "\n\n"),
    "elements": repeated("<div>"),
    "lists": repeated("<ol>"),
    "formatting": repeated("<p>x", "<p>" + "".join(f"<b a{number}>" for number in range(5_000))),
    "hidden closing": repeated("<b x><object></b></object>"),
    "comment that hides": repeated("<b x><!-- </b> -->", "<div>"),
}


def cpu_of(body_md):
    began = time.thread_time()
    with suppress(Invalid):
        text.excerpt(text.render(body_md))
    return time.thread_time() - began


@pytest.fixture(scope="module")
def usual():
    """What an ordinary body takes when nothing else disturbs it."""
    return min(cpu_of(ORDINARY) for _ in range(3))


@pytest.mark.parametrize("body_md", PATHOLOGICAL.values(), ids=map(repr, PATHOLOGICAL))
def test_no_body_keeps_the_renderer_much_busier_than_an_ordinary_one(body_md, usual):
    assert len(body_md.encode()) <= BODY
    spent = cpu_of(body_md)
    assert spent < 14 * usual or spent < 14 * cpu_of(ORDINARY)  # which this machine may take longer for just now


@pytest.mark.parametrize("name", [">#\na\n", "comments", "reference", "elements", "formatting", "hidden closing"])
def test_a_body_that_would_cost_too_much_is_refused(name):
    with pytest.raises(Invalid) as refusal:
        text.render(PATHOLOGICAL[name])
    assert list(refusal.value.problems) == ["body"]


# -- excerpts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body_md", "words"),
    [
        ("# Head\n\nOne *two*\nthree.\n\nFour.", "One two three. Four."),
        ("a[^1] b 10<sup>th</sup>\n\n[^1]: note", "a b 10th"),
        ("a<br>b\n\n```\ncode\n```\n\n|t|\n|-|\n|u|\n", "a b"),
        ("`<b>` &amp; &lt;i&gt; &amp;lt;", "<b> & <i> &lt;"),
        ("<div>a</div><div>b</div>", "a b"),
        ("![alt](/x.png)", ""),
    ],
)
def test_an_excerpt_is_plain_prose(body_md, words):
    assert text.excerpt(text.render(body_md)) == words


@pytest.mark.parametrize(
    ("words", "cut"),
    [
        ("one two three", "one two…"),
        ("one, two three", "one, two…"),
        ("one two, three", "one two…"),
        ("onetwothreefour", "onetwothr…"),
        ("a 東京の夜東京の夜東京の夜", "a 東京の夜東京の…"),
        ("ten chars!", "ten chars!"),
    ],
)
def test_an_excerpt_ends_with_a_word(words, cut):
    assert text.excerpt(f"<p>{words}</p>", longest=10) == cut
    assert len(cut) <= 10


@given(
    st.lists(
        st.sampled_from(["<p>", "</p>", "<pre>", "</pre>", "a ", "b", "<br>", "a[^1] ", "**c**", "\n\n"]), max_size=60
    ),
    st.integers(2, 30),
)
def test_an_excerpt_is_the_same_however_much_follows(parts, longest):
    body_html = text.render("".join(parts) + "\n\n[^1]: d")
    whole = text.excerpt(body_html, longest=10_000)
    cut = text.excerpt(body_html, longest)
    assert cut == whole if len(whole) <= longest else cut == text.excerpt(f"<p>{html.escape(whole)}</p>", longest)


@given(st.text(alphabet="ab <>&;,.-é東", max_size=60), st.integers(2, 40))
def test_an_excerpt_is_never_too_long(words, longest):
    assert len(text.excerpt(nh3.clean_text(words), longest)) <= longest
