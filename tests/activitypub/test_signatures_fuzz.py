"""Whatever a stranger puts into the headers, the answer is ours: believed, or one of our own errors."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from activitypub.errors import ActivityPubError
from activitypub.signatures import HttpRequest, parse, verify
from activitypub.signatures.verification import is_authentic
from tests.activitypub.signed import NOW, ORIGIN, RSA_KEY, cavage, rfc9421, with_header

GOOD_CAVAGE = cavage()
GOOD_RFC9421 = rfc9421()
HEADERS = ["Signature", "Signature-Input", "Date", "Digest", "Content-Digest", "Host"]

# What a header can hold by the time a server hands it over.
LATIN1 = st.text(st.characters(max_codepoint=255), max_size=80)
FRAGMENTS = st.sampled_from(
    [
        *('keyId="https://peer.example/users/alice#main-key"', 'algorithm="hs2019"', "created=1", "expires=9", ","),
        *('headers="(request-target) host date digest"', 'headers="(created) x"', 'signature="AAAA"', "=", '"', " "),
        *("sig1=", '("@method" "@target-uri")', '"@query-param";name="a"', '"date";bs', '"@method";x', ";sf", ":AAAA:"),
        *(';keyid="https://peer.example/users/alice#main-key"', ";created=1", ";alg=", "?1", "@1", "(", ")", "1.5"),
        *("SHA-256=", "sha-256=:", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", ":", "Wed, 25 Nov 2026 12:00:00"),
        *(" GMT", " -0000", " +2600", "99999", "chat.example", ":443", "\\", "\xff", "\0", "\r\n", "\t"),
    ]
)
VALUES = LATIN1 | st.lists(FRAGMENTS, max_size=12).map("".join)


def answer(request: HttpRequest) -> None:
    with contextlib.suppress(ActivityPubError):
        presented = parse(request)
        with contextlib.suppress(ActivityPubError):
            is_authentic(request, presented, RSA_KEY, origin=ORIGIN)
        verify(request, presented, RSA_KEY, origin=ORIGIN, now=NOW)


@given(st.sampled_from([GOOD_CAVAGE, GOOD_RFC9421]), st.sampled_from(HEADERS), VALUES)
def test_one_hostile_header_gives_our_own_error(request_: HttpRequest, name: str, value: str) -> None:
    answer(with_header(request_, name, value))


@given(st.lists(st.tuples(st.sampled_from(HEADERS), VALUES), max_size=6))
def test_hostile_headers_together_give_our_own_error(headers: list[tuple[str, str]]) -> None:
    answer(HttpRequest("POST", "/ap/inbox", tuple(headers), b"{}"))


COMPONENTS = st.sampled_from(
    [
        *("@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query", "@query-param"),
        *("@status", "@signature-params", "@unknown", "host", "date", "content-digest", "set-cookie", "absent"),
    ]
)
PARAMETERS = st.sampled_from(
    ["", ";bs", ";sf", ";tr", ";req", ';key="sha-256"', ';name="x"', ";name", ";self", ";bs;sf"]
)


@given(
    st.lists(st.tuples(COMPONENTS, PARAMETERS), max_size=5, unique=True),
    st.sampled_from(["/ap/inbox", "/a?x=1&x=2", "/%zz", "/a b", "/é", "/?" + "&" * 50, "/\0", "//", "/[", "/#f"]),
    st.sampled_from(["POST", "GET", "get", "OPTIONS", "CONNECT", ""]),
)
def test_any_covered_component_resolves_or_gives_our_own_error(
    components: list[tuple[str, str]], target: str, method: str
) -> None:
    covered = " ".join(f'"{name}"{parameters}' for name, parameters in components)
    signature_input = GOOD_RFC9421.get("signature-input").replace(
        '"@method" "@target-uri" "content-digest"', covered, 1
    )
    request = with_header(GOOD_RFC9421, "Signature-Input", signature_input)

    answer(HttpRequest(method, target, request.headers, request.body))
