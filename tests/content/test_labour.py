"""The guard before the sanitiser: it takes what people write, and never thinks a hostile text cheap."""

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from blog.content.labour import MOST_LABOUR, is_too_much, labour


@pytest.mark.parametrize(
    "usual",
    [
        "<p>a <em>b</em></p>" * 5_000,
        "<table>" + "<tr><td>a<td>b" * 5_000 + "</table>",
        "<ul>" + "<li>a" * 5_000 + "</ul>",
        '<iframe src="https://video.example/x" allowfullscreen></iframe><p>a</p>' * 3_000,
        '<!-- wp:paragraph {"a":1} --><p>a</p><!-- /wp:paragraph -->' * 1_000,
        '<div><a href="/x"><img src="/y.png" alt="a > b"></a></div>' * 2_000,
        "1 < 2 <br/> <hr>" * 5_000,
    ],
)
def test_what_people_write_costs_little(usual):
    assert labour(usual) < MOST_LABOUR / 10


@pytest.mark.parametrize(
    "hostile",
    [
        "<div>",
        "<b a=1></i>",
        "<b><object></b></object>",
        "<b><!-- </b> -->",
        "<b><!-- -- ></b> -->",
        '<b><img alt="</b>">',
        "<b><textarea></b></textarea>",
        "<b><style><i></b></style>",
        "<b><![CDATA[</b>]]>",
        "<b/>",
        "<B><b\x0b></b>",
        "<!--><b>-->",
        '<style><img alt="</style><b>',
    ],
)
def test_no_trick_hides_open_elements(hostile):
    assert labour(hostile * 2_000) > MOST_LABOUR


PIECES = st.sampled_from(
    "<b> </b> <i> </i> <div> </div> <p> </p> <ul> </ul> <li> <a> </a> <object> </object> <br> <!-- --> x".split()
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_the_labour_is_at_least_the_depth_of_every_element(loose):
    page = BeautifulSoup(loose, "html.parser")
    deep = [len([outer for outer in element.parents if outer.name not in {"p", "li"}]) - 1 for element in page(True)]
    counted = [depth for depth, element in zip(deep, page(True), strict=True) if element.name not in {"p", "li", "br"}]
    assert labour(loose) >= sum(counted)


@given(st.lists(PIECES, max_size=12).map("".join), st.integers(1, 2_000))
def test_what_is_short_is_not_counted_as_it_cannot_be_too_much(loose, times):
    assert is_too_much(loose * times) == (labour(loose * times) > MOST_LABOUR)


@pytest.mark.parametrize("number", [998, 999, 1_000])
def test_the_longest_that_is_not_counted_is_not_too_much(number):
    for dearest in ("<b>" * number, "<b>" * (number // 2) + "<!" * (number - number // 2), "<!" * number):
        assert is_too_much(dearest) == (labour(dearest) > MOST_LABOUR)
