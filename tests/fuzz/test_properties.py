"""The same promises as in `make fuzz`, for inputs made to a shape: a few seconds of it in every run of the suite."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from activitypub.signatures import HttpRequest, parse, sign_rfc9421, verify
from tests.fuzz.targets import html, inbox, signatures, urls
from tests.fuzz.targets.signatures import KEY_ID, NOW, PRIVATE

# The clock is not measured here, because the machine may be busy; each check measures its own CPU time.
QUICKLY = settings(max_examples=150, deadline=None)

ACTORS = st.sampled_from([inbox.MALLORY, inbox.VICTIM, inbox.GROUP, f"{inbox.OURS}/u/alice"])
URIS = ACTORS | st.sampled_from(
    [
        "https://evil.test/n/1",
        "https://good.test/n/1",
        "https://groups.test/a/1",
        "https://EVIL.test/n",
        "http://x.test/",
    ]
)
WORDS = (
    URIS | st.sampled_from(["", "x", "text/html", "2026-11-25T12:00:00Z"]) | st.none() | st.booleans() | st.integers()
)
TYPES = st.sampled_from(["Create", "Update", "Delete", "Undo", "Announce", "Follow", "Accept", "Move", "Add", "Offer"])
KEYS = st.sampled_from(["id", "attributedTo", "content", "to", "tag", "inbox", "as:actor", "source", "proof", "url"])


def _or_in_a_list(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, max_size=2)


def _activities(objects: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    required = {
        "id": URIS,
        "type": _or_in_a_list(TYPES | st.just("x")),
        "actor": _or_in_a_list(ACTORS | st.fixed_dictionaries({"id": ACTORS})),
        "object": _or_in_a_list(objects),
    }
    return st.fixed_dictionaries(required, optional={"target": URIS, "proof": st.just({})})


NODES = st.dictionaries(
    KEYS, _or_in_a_list(WORDS | st.dictionaries(KEYS, _or_in_a_list(WORDS), max_size=3)), max_size=4
)
NOTES = st.fixed_dictionaries({"id": URIS, "type": st.just("Note"), "attributedTo": _or_in_a_list(ACTORS)})
DOCUMENTS = _activities(URIS | NODES | NOTES | _activities(URIS | NOTES | NODES))


@QUICKLY
@given(DOCUMENTS)
def test_what_is_believed_is_of_the_origin_of_whoever_said_it(document: dict[str, Any]) -> None:
    inbox.check(json.dumps(document).encode())


@QUICKLY
@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\u0eE1-. \n', max_size=60).map(str.encode))
def test_bytes_that_are_no_document_are_refused(data: bytes) -> None:
    inbox.check(data)


@QUICKLY
@given(
    st.sampled_from(signatures.GENUINE),
    st.lists(st.tuples(st.integers(0, 600), st.sampled_from(b'",;=() \t\n:abzAZ09\x00\xff')), min_size=1, max_size=3),
)
def test_no_change_of_a_request_leaves_it_signed_but_different(
    request_: HttpRequest, changes: list[tuple[int, int]]
) -> None:
    written = bytearray(signatures.write_request(request_))
    for place, byte in changes:
        written[place % len(written)] = byte

    signatures.check(bytes(written))


@QUICKLY
@given(st.text(alphabet="abz09/._~-", max_size=20), st.binary(max_size=40))
def test_what_we_sign_is_read_and_believed(path: str, body: bytes) -> None:
    url = f"{signatures.ORIGIN}/{path}"
    headers = sign_rfc9421("POST", url, key_id=KEY_ID, private_key=PRIVATE, now=NOW, body=body)
    request = HttpRequest("POST", f"/{path}", tuple(headers.items()), body)

    presented = parse(signatures.read_request(signatures.write_request(request)))

    assert verify(request, presented, signatures.KEY, origin=signatures.ORIGIN, now=NOW).key_id == KEY_ID


HOSTS = st.sampled_from(
    ["good.test", "127.1", "0x7f.1", "localhost", "[::1]", "GOOD.test.", "a@good.test", "good。test", "xn--a", "é.test"]
) | st.text(min_size=1, max_size=12)
URLS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["https://", "http://", "//", "https:", "HTTPS://", ""]),
    HOSTS,
    st.sampled_from(["", ":443", ":8443", ":80", ":", ":0443"]),
    st.text(max_size=12).map("/{}".format) | st.sampled_from(["", "/../x", "/%2e%2e/", "\\x", "?\r\nHost: x", "#x"]),
)
ADDRESSES = st.lists(st.ip_addresses().map(str), max_size=3)


@QUICKLY
@given(URLS, ADDRESSES, URLS, ADDRESSES)
def test_nothing_denied_is_connected_to(url: str, names: list[str], next_url: str, more: list[str]) -> None:
    moved = f"HTTP/1.1 302 Found\r\nLocation: {next_url}\r\nContent-Length: 0\r\n\r\n"
    parts = [url, " ".join([*names, *more, "93.184.215.14"]), moved, "HTTP/1.1 204 Fine\r\n\r\n"]

    urls.check("\0".join(part.replace("\0", "") for part in parts).encode())


MARKUP = st.lists(
    st.sampled_from(
        [
            *("<p>", "</p>", "<a href='", "https://x.test/", "'>", "</a>", "<b title='", "<svg>", "<math>", "<mtext>"),
            *("<style>", "</style>", "<!--", "-->", "<table>", "<td>", "<select>", "<template>", "<noscript>", "<pre>"),
            *("<img src=x onerror=y>", "javascript:", "&lt;", "&#x6a;", "]]>", "<![CDATA[", '"', "\n", "\0", "@bob"),
        ]
    )
    | st.text(max_size=4),
    max_size=14,
).map("".join)


@QUICKLY
@given(MARKUP)
def test_filtered_once_is_filtered_for_good(markup: str) -> None:
    html.check(markup.encode("utf-8", "replace"))
