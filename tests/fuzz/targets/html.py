"""The HTML filter: what strangers mark up, to what other people's browsers are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import html5lib

from activitypub.html import from_text, handles_in, sanitise, to_text
from tests.fuzz.shared import json_values, strings
from tests.fuzz.target import Target

_TAGS = frozenset(
    {"p", "br", "a", "b", "i", "u", "s", "code", "pre", "span", "em", "strong", "del", "blockquote", "ul", "ol", "li"}
)
_ATTRIBUTES = {"a": {"href", "rel", "class"}, "span": {"class"}}
_CLASSES = {"a": {"mention", "u-url", "hashtag"}, "span": {"h-card", "invisible", "ellipsis"}}
_REL = "nofollow noopener noreferrer"
_BOB = "https://chat.example/ap/users/bob"
_MENTIONS = {"bob": _BOB, "zoe@pond.example": 'https://pond.example/users/zoe?a=1&b="'}


def check(data: bytes) -> None:
    """Filtered once is filtered for good, for a browser's parser as for ours; and text never turns into markup."""
    text = data.decode("utf-8", "replace")
    clean = sanitise(text)
    assert sanitise(clean) == clean
    _check_safe(clean)
    _check_safe(from_text(to_text(text), _MENTIONS))
    assert len(handles_in(text)) <= 50


def _check_safe(markup: str) -> None:
    """As the WHATWG's parser reads it where a page puts it: among the children of a block."""
    for node in html5lib.parseFragment(markup, container="div", treebuilder="etree", namespaceHTMLElements=True).iter():
        if node.tag == "DOCUMENT_FRAGMENT":
            continue
        assert isinstance(node.tag, str), "a comment"
        namespace, _, tag = node.tag.rpartition("}")
        assert namespace == "{http://www.w3.org/1999/xhtml", node.tag
        assert tag in _TAGS, tag
        _check_attributes(tag, node.attrib)


def _check_attributes(tag: str, attributes: dict[str, Any]) -> None:
    assert attributes.keys() <= _ATTRIBUTES.get(tag, set()), attributes
    assert set(attributes.get("class", "").split()) <= _CLASSES.get(tag, set())
    if "href" not in attributes:
        return
    href = attributes["href"]
    scheme, colon, rest = href.partition("://")
    assert (scheme.lower() in {"http", "https"}, colon) == (True, "://"), href
    assert rest.strip("/\\"), href
    assert not any(character <= " " for character in href), href


def _seeds() -> Iterator[bytes]:
    for name in ("dompurify-expect.json", "xss-payloads.json", "bleach-data.json"):
        for value in json_values(f"html-sanitizer/{name}"):
            for text in strings(value):
                if "<" in text or "&" in text:
                    yield text.encode("utf-8", "replace")


TARGET = Target("html", check, _seeds, max_bytes=1024)
