"""One spelling for each origin, or a refusal."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.errors import MalformedDocumentError
from activitypub.uris import (
    ParsedUri,
    host_of,
    is_canonical,
    normalise_host,
    origin_of,
    parse_https,
    same_origin,
)
from tests.corpus import corpus

CANONICAL = [
    "https://good.test",
    "https://good.test/",
    "https://good.test/u/victim",
    "https://good.test/u/victim#main-key",
    "https://good.test/u/victim#likes/1/undo",
    "https://good.test/@victim",
    "https://good.test/?p=1&q=a/b?c",
    "https://good.test/%7Evictim/%E2%82%AC",
    "https://good.test/u/ünï",
    "https://good.test/p/हिन्दी",
    "https://good.test/p/ไทยที่",
    "https://good.test/p/עִברִית?q=עִ#עִ",
    "https://good.test/p/e\u0301",
    "https://good.test/p/💩",
    "https://good.test/a//b",
    "https://good.test/...",
    "https://good.test/(a)*b;c=1,2!$&'~._-",
    "https://good.test:8443/u/victim",
    "https://sub.good-1.test/",
    "https://xn--bcher-kva.example/",
    "https://mastodon.local/",
]

# Each pair names one host, or is a way in which some program reads another host than we do.
OTHER_SPELLINGS = [
    "https://GOOD.test/u/victim",
    "HTTPS://good.test/u/victim",
    "https://good.test:443/u/victim",
    "https://\uff47ood.test/u/victim",
    "https://good\u3002test/u/victim",
    "https://goo\u00add.test/u/victim",
]

REFUSED = [
    "",
    "good.test/u/victim",
    "//good.test/u/victim",
    "/u/victim",
    "http://good.test/u/victim",
    "ftp://good.test/",
    "acct:mallory@evil.test",
    "urn:uuid:0",
    "#k",
    "https:good.test",
    "https:/good.test",
    "https:///good.test",
    "https://",
    "https://good.test./u/victim",
    "https://.good.test/",
    "https://good..test/",
    "https://good.test:/",
    "https://good.test:0/",
    "https://good.test:0443/",
    "https://good.test:65536/",
    "https://good.test:4 43/",
    "https://good.test:8443x/",
    "https://good.test%2f@evil.test/u/v",
    "https://good.test%2eevil.test/",
    "https://%67ood.test/",
    "https://good.test@evil.test/u/v",
    "https://a:b@evil.test/u/m",
    "https://@evil.test/",
    "https://good.test\\@evil.test/u/v",
    "https://good.test\\u\\v",
    "https://good.test/u\\v",
    " https://good.test/",
    "https://good.test/ ",
    "https://good.test/\n",
    "https://good.test/\t",
    "https://good.test/\x00",
    "https://good.test/\x7f",
    "https://good.test/a b",
    "https://good.test/\u202ebad",
    "https://good.test/a\u200bb",
    "https://good.test/a\u00a0b",
    "https://good.test/?a\u2028b",
    "https://good.test/#a\u00adb",
    "https://good.test/\ue000",
    "https://good.test/\ud800",
    "https://good.test/\ufeff",
    "https://good.test/\U000e0041",
    "https://good.test/\x85",
    "https://good.test/<x>",
    'https://good.test/"x"',
    "https://good.test/%",
    "https://good.test/%zz",
    "https://good.test/a/../b",
    "https://good.test/a/./b",
    "https://good.test/a/%2E%2e/b",
    "https://good.test/..",
    "https://good.test#a#b",
    "https://-good.test/",
    "https://good-.test/",
    "https://good_.test/",
    "https://" + "a" * 64 + ".test/",
    "https://" + ".".join(["a" * 60] * 5) + "/",
    "https://xn--.test/",
    "https://xn--good-.test/",
    "https://xn--a.test/",
    "https://\ud800.test/",
    "https://good.test/" + "a" * 2048,
    # Addresses, in any notation, and names without a public owner.
    "https://localhost/",
    "https://localhost./",
    "https://foo/",
    "https://x.localhost/",
    "https://abc.onion/",
    "https://nothing.invalid/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://0/",
    "https://127.0.0.1.2/",
    "https://good.0x7f/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://①②⑦.0.0.①/",
    "https://⑯⑨。②⑤④。⑯⑨｡②⑤④/",
]


@pytest.mark.parametrize("uri", CANONICAL)
def test_canonical_uri_is_kept_as_it_is(uri: str) -> None:
    assert is_canonical(uri)
    assert str(parse_https(uri, allow_fragment=True)) == uri


@pytest.mark.parametrize("uri", OTHER_SPELLINGS)
def test_other_spelling_has_the_same_origin_and_is_not_canonical(uri: str) -> None:
    assert not is_canonical(uri)
    assert str(parse_https(uri)) == "https://good.test/u/victim"
    assert origin_of(uri) == "https://good.test"


@pytest.mark.parametrize("uri", REFUSED, ids=ascii)
def test_doubtful_uri_is_refused_everywhere(uri: str) -> None:
    with pytest.raises(MalformedDocumentError):
        parse_https(uri, allow_fragment=True)
    with pytest.raises(MalformedDocumentError):
        origin_of(uri)
    assert not is_canonical(uri)
    assert not same_origin(uri, uri)


def test_parts_are_those_that_go_on_the_wire() -> None:
    uri = parse_https("https://Good.test:8443/ü?q=ß#main-key", allow_fragment=True)

    assert uri == ParsedUri("good.test", 8443, "/ü", "q=ß", "main-key")
    assert uri.authority == "good.test:8443"
    assert uri.origin == "https://good.test:8443"
    assert uri.target == "/%C3%BC?q=%C3%9F"
    assert uri.document == "https://good.test:8443/ü?q=ß"


def test_target_of_an_empty_path_is_the_root() -> None:
    assert parse_https("https://good.test").target == "/"
    assert parse_https("https://good.test?a=b").target == "/?a=b"


def test_escapes_are_not_escaped_again() -> None:
    assert parse_https("https://good.test/%7Ea%2Fb").target == "/%7Ea%2Fb"


def test_fragment_is_refused_where_it_was_not_expected() -> None:
    with pytest.raises(MalformedDocumentError, match="fragment"):
        parse_https("https://good.test/u#k")


@pytest.mark.parametrize("port", [22, 80, 6379, 8444])
def test_only_the_ports_named_and_443_may_be_dialled(port: int) -> None:
    ports = frozenset({8443})

    assert parse_https("https://good.test/", allow_ports=ports).port == 443
    assert parse_https("https://good.test:8443/", allow_ports=ports).port == 8443
    with pytest.raises(MalformedDocumentError, match="port"):
        parse_https(f"https://good.test:{port}/", allow_ports=ports)


def test_origins_differ_by_host_and_port_only() -> None:
    assert same_origin("https://good.test/a", "https://GOOD.test:443/b#c")
    assert not same_origin("https://good.test/", "https://good.test:8443/")
    assert not same_origin("https://good.test/", "https://sub.good.test/")
    assert not same_origin("https://good.test/", "https://good.test.evil.test/")


def test_host_carries_its_port_where_it_is_not_443() -> None:
    assert host_of("https://Good.test/u/victim#k") == "good.test"
    assert host_of("https://good.test:8443/") == "good.test:8443"


@pytest.mark.parametrize(
    ("host", "normal"),
    [
        ("Bücher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("βόλος.com", "xn--nxasmm1c.com"),
    ],
)
def test_host_is_normalised_by_idna(host: str, normal: str) -> None:
    assert normalise_host(host) == normal


def test_refusal_can_be_logged_whatever_it_quotes() -> None:
    with pytest.raises(MalformedDocumentError) as refused:
        parse_https("https://evil.test/\n\x1b[31m\u202e" + "a" * 100_000)

    assert str(refused.value).isascii()
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000


PIECES = [
    "https://",
    "good.test",
    "GOOD",
    ".",
    ":",
    "443",
    "/",
    "\\",
    "@",
    "%2f",
    "#",
    "?",
    "xn--",
    "127",
    "[::1]",
    "é",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map("".join))
def test_whatever_is_accepted_has_one_canonical_spelling(text: str) -> None:
    try:
        uri = parse_https(text, allow_fragment=True)
    except MalformedDocumentError:
        return

    assert is_canonical(str(uri))
    assert origin_of(str(uri)) == origin_of(text)
    assert uri.host == uri.host.encode("ascii").decode().lower()
    assert uri.target.isascii()


class TestUrlCorpus:
    """What browsers make of 438 odd URLs (web-platform-tests)."""

    def cases(self) -> list[dict[str, Any]]:
        cases: list[dict[str, Any]] = json.loads((corpus("ssrf-urls") / "wpt-urltestdata.json").read_text())
        return [{**case, "input": case["input"].replace("http:", "https:", 1)} for case in cases]

    def test_what_a_browser_refuses_is_refused(self) -> None:
        for case in self.cases():
            if case.get("failure"):
                with pytest.raises(MalformedDocumentError):
                    parse_https(case["input"], allow_fragment=True)

    def test_host_is_the_one_a_browser_would_connect_to(self) -> None:
        accepted = 0
        for case in self.cases():
            try:
                uri = parse_https(case["input"], allow_fragment=True)
            except MalformedDocumentError:
                continue
            accepted += 1
            assert uri.host == case["hostname"], case["input"]

        assert accepted > 10
