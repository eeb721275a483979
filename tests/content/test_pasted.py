"""Bodies of HTML: how they are told from Markdown, and what is left of what word processors write."""

import time
from contextlib import suppress

import pytest
from bs4 import BeautifulSoup

from blog.content import pasted, text
from blog.errors import Invalid


@pytest.mark.parametrize(
    "body",
    [
        "<p>a</p>",
        "<div>\n\n    <p>a</p>\n\n    <p>b</p>\n\n</div>",
        "<!doctype html>\n<html><head><title>t</title></head>\n\n    <body>a</body></html>",
        "<!--StartFragment--><b>a</b><!--EndFragment-->",
        '<meta charset="utf-8"><span>a</span>',
        "<p>a</p>\n\n<pre>\n\nb\n\n\nc\n</pre>\n\n<ul>\n\n<li>d</li></ul>",
        "<!-- wp:paragraph -->\n<p>a</p>\n<!-- /wp:paragraph -->\n\n<!-- wp:paragraph -->\n<p>b</p>",
        '<b id="docs-internal-guid-1"><p>a</p></b>',
        "<h1>a</h1>\n   \n\t<p>b</p>",
    ],
)
def test_what_is_nothing_but_html_is_html(body):
    assert pasted.is_html(body)


@pytest.mark.parametrize(
    "body",
    [
        "a",
        "a <p>b</p>",
        "<p>a</p>\n\n*b*",
        "<details>\n<summary>a</summary>\n\n*b*\n\n</details>",
        "<b>a</b> *b*",
        "<https://a.example>",
        "<!-- a -->\n*b*",
        "    <div>code</div>",
        "<p>a</p>\n\n    code",
        "<preface>a</preface>",
        "",
    ],
)
def test_whatever_else_is_markdown(body):
    assert not pasted.is_html(body)


def test_indented_html_is_no_code():
    body_html = text.render("<div>\n\n    <h2>a *b*</h2>\n\n    <ul>\n        <li>c</li>\n\n    </ul>\n</div>")
    page = BeautifulSoup(body_html, "html.parser")
    assert (page.pre, page.h2.get_text(), page.li.get_text()) == (None, "a *b*", "c")


def test_a_whole_page_leaves_its_body():
    page = (
        "<!doctype html><html><head><title>t</title><style>p{}</style></head><body class=x><h1>a</h1><script>b</script>"
    )
    assert text.excerpt(text.render(page + "<p style='c'>d</p></body></html>")) == "d"
    assert "t</" not in text.render(page)


WORD = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><body lang=EN-GB>
<!--[if gte mso 9]><xml><w:WordDocument><w:View>Normal</w:View></w:WordDocument></xml><![endif]-->
<h1>Minutes<o:p></o:p></h1>

<p class=MsoNormal style='margin-left:36.0pt'><b
style='mso-bidi-font-weight:normal'>Present:</b> <span lang=DE>us</span><o:p></o:p></p>

<p class=MsoNormal><o:p>&nbsp;</o:p></p>

<p class=MsoListParagraphCxSpFirst style='mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='mso-list:Ignore'>1.<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp; </span></span><![endif]>One</p>

<p class=MsoListParagraphCxSpLast style='mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='mso-list:Ignore'>2.<span>&nbsp;&nbsp; </span></span><![endif]>Two <i>a</i></p>

<p class=MsoNormal>Then:</p>

<p class=MsoListParagraph style='mso-list:l1 level1 lfo2'><![if !supportLists]><span
style='font-family:Symbol'>·<span>&nbsp;&nbsp; </span></span><![endif]>Three</p>
</body></html>"""

GOOGLE = """<meta charset='utf-8'><b style="font-weight:normal;" id="docs-internal-guid-0"><h2 dir="ltr"><span
style="font-size:16pt;font-weight:400">Head</span></h2>
<p dir="ltr"><span style="font-weight:400">Some </span><span
style="font-weight:700;font-style:normal">bold</span>
<span style="font-weight:400;font-style:italic">slanted</span> <span
style="font-weight:700;font-style:italic">both</span></p>
<ul><li dir="ltr" aria-level="1"><p dir="ltr" role="presentation"><span>one</span></p></li></ul><br /></b>"""


def lines(body):
    return [line.strip() for line in text.render(body).splitlines() if line.strip()]


def test_what_word_writes_becomes_plain_html():
    assert lines(WORD) == [
        '<h2 id="section-minutes"><a class="anchor" href="#section-minutes" rel="ugc noopener">Minutes</a></h2>',
        "<p><strong>Present:</strong> us</p>",
        "<ol><li>One</li><li>Two <i>a</i></li></ol>",
        "<p>Then:</p>",
        "<ul><li>Three</li></ul>",
    ]


def test_what_google_docs_writes_becomes_plain_html():
    assert lines(GOOGLE)[1:] == [
        "<p>Some <strong>bold</strong>",
        "<em>slanted</em> <strong><em>both</em></strong></p>",
        "<ul><li><p>one</p></li></ul><br>",
    ]


MSO = '<p class="MsoNormal">'


@pytest.mark.parametrize(
    "unit",
    [
        "<!--",
        "<pre>",
        "<pre><script>",
        "<p class=MsoListParagraph>",
        "<p class=MsoListParagraph>a</p>",
        "<![if !supportLists]>",
        "<span style=font-weight:bold>",
        "</span>",
        "<b>",
        "<p>&nbsp;",
        "<p><o:p>",
        "\x00",
        "<span ",
        "mso-",
        "\n\n",
        "\n \n<p>",
        "font-weight:",
    ],
)
def test_no_body_keeps_us_busy(unit):
    body = MSO + unit * (100_000 // len(unit))
    began = time.thread_time()
    pasted.is_html(body)
    pasted.tidy(body)
    assert time.thread_time() - began < 1
    with suppress(Invalid):
        text.render(body.replace("\x00", ""))
    assert time.thread_time() - began < 4
