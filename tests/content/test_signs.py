"""The quickened parser: what it makes of any text is what the parser makes that tries every rule everywhere."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.content import text
from blog.errors import Invalid

POSTS = sorted((Path(__file__).parents[1] / "corpus").rglob("*.md"))
ALONE = "\n\n\n  \t\\`~*_[]<>&!#()-+=:|.1aé@^\0\r"
TOGETHER = (
    "    ;- ;* ;1. ;2) ;> ;## ;```;~~;**;\n\n;\n===\n;\n---\n;|-|\n;|a|b|\n;[^1];[^1]: ;[a]: b\n;![a](b);- [x] "
    ";](b);](;/x_y(z).w%20?q#a;<x>; 't');<b>;</b>;<!-- ;-->;<a href=x>;</a>;<div>\n;&amp;&#1;;http://a.b/c;www.a.b;a@b.c"
    ";  \n"
)
SIGNS = st.sampled_from([*ALONE, *TOGETHER.split(";")])
PARSERS = [(text._parser, text._markdown), (text._comment_parser, text._comment_markdown)]


def made(parser, body):
    try:
        return parser.render(body)
    except Invalid:
        return None


@settings(max_examples=500)
@given(st.lists(SIGNS, max_size=50).map("".join))
def test_any_signs_become_the_same(body):
    for plain, quick in PARSERS:
        assert made(quick, body) == made(plain(), body)


@pytest.mark.parametrize("post", POSTS, ids=lambda path: path.stem[:40])
def test_real_posts_become_the_same(post):
    for plain, quick in PARSERS:
        assert made(quick, post.read_text()) == made(plain(), post.read_text())
