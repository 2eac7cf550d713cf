"""From clean markup to plain text."""

from __future__ import annotations

import time

import pytest

from activitypub.html import MAX_HTML, sanitise, to_text
from activitypub.words import words_of

_DEPTH = 240


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>one<br>\ntwo</p>\n\n<p>three</p>", "one\ntwo\n\nthree"),
        ("one<br><br><br>two", "one\n\ntwo"),
        (" one <b> two </b> three", "one two three"),
        ("<span>one</span><span>two</span>", "onetwo"),
        ("one\ntwo\n\nthree", "one\ntwo\n\nthree"),
        ("<ul>\n<li>one</li>\n<li>two</li>\n</ul>three", "- one\n- two\nthree"),
        ("<ol><li>one<ol><li>two</li></ol></li><li><p>three</p></li></ol>", "1. one\n1. two\n2. three"),
        ("<ol><li></li><li>two</li></ol>", "1.\n2. two"),
        ("<ul><li><ul><li>one</li></ul></li></ul>", "- one"),
        ("<li>one</li>two", "- one\ntwo"),
        ("one<blockquote>two<p>three</p></blockquote>four", "one\n\ntwo\n\nthree\n\nfour"),
        ("<pre>one\n  two\n\n\n<b> three</b> <b>four</b></pre>five", "one\n  two\n\n three four\n\nfive"),
        ('<a href="http://x.example/&gt;y">one</a>', "one (http://x.example/>y)"),
        ('see <a href="https://x.example/a">it </a>there', "see it (https://x.example/a) there"),
        ('<a href="https://x.example/?a=1&amp;b">https://x.example/?a=1&amp;b</a>', "https://x.example/?a=1&b"),
        ('<a href="https://www.x.example/">x.example</a>', "x.example"),
        ('<a href="https://x.example/long">x.example/lo…</a>', "x.example/lo… (https://x.example/long)"),
        ('<a href="https://evil.example/">https://x.example/</a>', "https://x.example/ (https://evil.example/)"),
        ('<a class="u-url mention" href="https://x.example/zoe">zoe</a>', "zoe"),
        ('<a href="https://x.example/zoe">@zoe@x.example</a>', "@zoe@x.example"),
        ('@<a href="https://x.example/zoe">zoe</a> #<a href="https://x.example/tag">tag</a>', "@zoe #tag"),
        ('<a href="https://x.example/a"><br></a> one <a>two</a></a>', "one two"),
        ('<li><a href="https://x.example/a"><p>one</p></a></li>two', "- one (https://x.example/a)\n\ntwo"),
        ('<li><a href="https://x.example/a">https://x.example/a</a></li>', "- https://x.example/a"),
        ('<ol><li><a href="https://x.example/zoe">@zoe</a></li></ol>', "1. @zoe"),
        ('C# <a href="https://x.example/a">one</a>', "C# one (https://x.example/a)"),
        ("<h2>one</h2>two<div>three</div><div>four</div>", "one\ntwo\nthree\n\nfour"),
        ("<table><tr><th>a</th><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<dl><dt>one</dt><dd>two</dd></dl>a<hr>b", "one\ntwo\na\nb"),
        ("one&nbsp;&amp; &lt;two&gt;", "one & <two>"),
        ("<p> </p><ul></ul>", ""),
    ],
)
def test_lines_lists_and_quotations_are_read(markup: str, text: str) -> None:
    assert to_text(markup) == text


@pytest.mark.parametrize("around", [["blockquote"], ["i"], ["pre", "li", "ul"], ["p", "li", "pre"], ["ol", "li"]])
@pytest.mark.parametrize("inside", ["x\n", "<p>x</p>", "<br> ", "<li>x</li><pre>\n\nx</pre>"])
def test_what_is_deep_takes_no_longer_than_what_is_not(around: list[str], inside: str) -> None:
    """Half a minute, by what read an element's words again for each one around it."""
    times = _DEPTH // len(around)
    opened = "".join(f"<{tag}>" for tag in around) * times
    closed = "".join(f"</{tag}>" for tag in reversed(around)) * times
    clean = sanitise(opened + inside * (MAX_HTML // 2 // len(inside)) + closed)
    assert clean.startswith("<")  # It is not so deep that it is read as its words.
    began = time.process_time()

    words_of(clean)

    assert time.process_time() - began < 2
