"""How deep markup is nested, and what only looks as if it closed something."""

from __future__ import annotations

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.nesting import is_deeper

PIECES = [
    *(f"<{end}{name}>" for name in ("b", "p", "li", "td", "table", "svg", "title", "script", "a") for end in ("", "/")),
    *('<b x="', "<i y='", '"', "'", ">", "<", "/", "<!--", "-->", "--!>", "<![CDATA[", "]]>", "<?", "</ ", "<br>", "x"),
    *(f"<b class={number}>" for number in range(5)),
]


@pytest.mark.parametrize(
    "once",
    [
        "<ul><li>",
        "<b></i>",
        '<b title="</b>">',
        '<b title="></b>">',
        "<b><!--</b>-->",
        "<b><!</b>",
        "<b></ </b>",
        "<b><textarea></b></textarea>",
        "<b><object></b></object>",
        "<b><script><!--<script></script></b>-->",
        "<textarea><!--</textarea><b>-->",
        "<b><svg><![CDATA[</svg></b>]]></svg>",
        "<svg><link>",
        "<li\N{KELVIN SIGN}>x",
        "<b/>",
        "<p><b></p>",
    ],
)
def test_what_closes_nothing_makes_nothing_less_deep(once: str) -> None:
    assert is_deeper(once * 100, 99)


def test_in_svg_a_link_is_no_void_element_however_svg_was_opened() -> None:
    assert is_deeper("<svg x=<>" + "<link>" * 100, 99)


@pytest.mark.parametrize(
    "once",
    [
        "<p>one<br>two</p>",
        '<P class="a b" data-x=1 hidden><A HREF=https://x.example/a/>x</a >\n</P>',
        '<p><img src="x"/><a href="https://x.example/?a>b" title=\'1 < 2\'>x</a><hr></p>',
        "<ul>\n<li><input type='checkbox' disabled> done</li>\n</ul>",
        "<!-- wp:paragraph --><p>1 < 2 and <3 --></p><!-- /wp:paragraph -->",
        "<iframe src='x'></iframe><br>",
    ],
)
def test_what_is_closed_in_order_is_not_deep_however_long_it_is(once: str) -> None:
    assert not is_deeper(once * 1000, 3)


def test_what_is_at_the_limit_is_not_past_it() -> None:
    assert not is_deeper("<b>" * 20 + "x", 20)
    assert is_deeper("<b>" * 21 + "x", 20)


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join))
def test_no_parser_opens_much_that_is_not_counted(once: str) -> None:
    markup = once * 20
    read = html5lib.parseFragment(markup, container="div", treebuilder="etree", namespaceHTMLElements=False)

    deepest = _height(read)

    # A cell brings its row and the row's group, and the fragment has a root.
    assert deepest <= 8 or is_deeper(markup, (deepest - 8) // 3)


def _height(root: object) -> int:
    height, level = 0, [root]
    while level := [child for node in level for child in node]:  # type: ignore[attr-defined]  # html5lib has no types
        height += 1
    return height
