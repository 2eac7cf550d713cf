"""The vectors of the standards: printed strings are rebuilt, printed signatures hold or are refused."""

import dataclasses
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from activitypub.errors import SignatureError, UnusableKeyError
from activitypub.keys import PublicKey, is_signed_by, public_key_from_pem, sign
from activitypub.signatures import HttpRequest, PresentedSignature
from activitypub.signatures.cavage import parse_cavage, signing_strings
from activitypub.signatures.digests import check_body
from activitypub.signatures.rfc9421 import parse_rfc9421, signature_base
from tests.activitypub.signed import base64_text
from tests.corpus import corpus

FOLDER = corpus("http-signatures")
CAVAGE: dict[str, Any] = json.loads((FOLDER / "cavage-appendix-c.json").read_text())
RFC9421: dict[str, Any] = json.loads((FOLDER / "rfc9421-appendix-b.json").read_text())
W3C: dict[str, Any] = json.loads((FOLDER / "w3c-ccg-cavage-messages.json").read_text())

CAVAGE_REQUEST = HttpRequest(
    CAVAGE["request"]["method"],
    CAVAGE["request"]["target"],
    tuple(CAVAGE["request"]["headers"].items()),
    CAVAGE["request"]["body"].encode(),
)


def request_of(message: str) -> HttpRequest:
    head, _, body = message.partition("\n\n")
    start, *lines = head.strip("\n").split("\n")
    method, target, _ = start.split(" ")
    fields = [tuple(line.split(":", 1)) for line in lines]
    # The draft allows both places; the fediverse uses, and we read, the Signature header.
    headers = tuple(
        ("Signature", value.strip().removeprefix("Signature ")) if name == "Authorization" else (name, value)
        for name, value in fields
    )
    return HttpRequest(method, target, headers, body.encode())


def signing_string(request: HttpRequest, presented: PresentedSignature) -> bytes:
    return next(signing_strings(request, presented))


def covering(*names: str) -> PresentedSignature:
    return PresentedSignature("draft-cavage", "Test", names, b"", None, None, None)


@pytest.mark.parametrize("vector", CAVAGE["vectors"], ids=lambda vector: vector["name"])
def test_the_drafts_signing_strings_and_signatures_are_reproduced(vector: dict[str, Any]) -> None:
    key = load_pem_private_key(CAVAGE["private_pem"].encode(), None)
    assert isinstance(key, RSAPrivateKey)
    covered = (vector["headers_param"] or "date").split(" ")

    message = signing_string(CAVAGE_REQUEST, covering(*covered))

    assert message.decode() == vector["signing_string"]
    assert base64_text(sign(key, message)) == vector["signature"]


@pytest.mark.parametrize("vector", CAVAGE["vectors"][1:], ids=lambda vector: vector["name"])
def test_the_drafts_headers_are_read_and_hold_until_a_character_changes(vector: dict[str, Any]) -> None:
    key = public_key_from_pem(CAVAGE["public_pem"])
    headers = (*CAVAGE_REQUEST.headers, ("Signature", vector["signature_header"]))
    request = dataclasses.replace(CAVAGE_REQUEST, headers=headers)
    presented = parse_cavage(request)
    message = signing_string(request, presented)

    assert is_signed_by(key, presented.signature, message)
    for position in range(len(message)):
        other = message[:position] + bytes([message[position] ^ 1]) + message[position + 1 :]
        assert not is_signed_by(key, presented.signature, other)


def test_the_drafts_default_coverage_is_too_little_for_us() -> None:
    headers = (*CAVAGE_REQUEST.headers, ("Signature", CAVAGE["vectors"][0]["signature_header"]))

    with pytest.raises(SignatureError, match="headers"):
        parse_cavage(dataclasses.replace(CAVAGE_REQUEST, headers=headers))


def test_the_drafts_digest_is_that_of_its_body() -> None:
    check_body(CAVAGE_REQUEST, ["digest"])


def test_the_drafts_key_is_too_short_for_us() -> None:
    with pytest.raises(UnusableKeyError):
        PublicKey("Test", "Test", public_key_from_pem(CAVAGE["public_pem"]))


# Of these only the strings can be claimed: no key and hash verifies the signatures printed beside them, and
# the manifest marks none as checked.
@pytest.mark.parametrize("name", ["rsa-signed", "ed25519-signed", "p256-signed", "ecdsa-signed"])
def test_the_w3c_suites_signed_messages_are_read(name: str) -> None:
    request = request_of(W3C["messages"][name])
    presented = parse_cavage(request)

    assert presented.key_kind is None
    assert signing_string(request, presented) == (
        b"host: example.com\ndigest: SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
    )


@pytest.mark.parametrize(("key", "kind"), [("rsa.pub", "RSAPublicKey"), ("ed25519.pub", "Ed25519PublicKey")])
def test_the_w3c_suites_keys_are_read(key: str, kind: str) -> None:
    assert type(public_key_from_pem(W3C["keys"][key])).__name__ == kind


@pytest.mark.parametrize("key", ["P256.pub", "koblitzCurve.pub", "dsa_pub.pem"])
def test_the_w3c_suites_other_keys_are_not_ones_we_take(key: str) -> None:
    with pytest.raises(UnusableKeyError):
        public_key_from_pem(W3C["keys"][key])


@pytest.mark.parametrize("name", [name for name, said in W3C["expected"].items() if said.startswith("reject: ")])
def test_what_the_w3c_suite_rejects_is_refused(name: str) -> None:
    with pytest.raises(SignatureError):
        parse_cavage(request_of(W3C["messages"][name]))


@pytest.mark.parametrize("parameter", ["created", "expires"])
@pytest.mark.parametrize("value", ['"soon"', "1.5", "-1", "1e3", '""'])
def test_times_that_are_not_integers_are_refused(parameter: str, value: str) -> None:
    message = W3C["messages"][parameter].replace(f"{parameter}=", f"{parameter}={value},x=")

    with pytest.raises(SignatureError):
        parse_cavage(request_of(message))


def test_header_lines_are_joined_and_empty_ones_kept() -> None:
    twice = request_of(W3C["messages"]["duplicate-headers-request"])
    empty = request_of(W3C["messages"]["zero-length"])

    assert signing_string(twice, covering("duplicate")) == b"duplicate: one, two"
    assert signing_string(empty, covering("zero")) == b"zero: "


def test_header_names_are_compared_without_case() -> None:
    request = request_of(W3C["messages"]["ignore-case"])

    assert signing_string(request, covering("host", "content-length")) == b"host: example.com\ncontent-length: 18"


# The one vector left out signs a response, which we never read.
OF_REQUESTS = [vector for vector in RFC9421["vectors"] if '"@status"' not in vector["signature_base"]]


def rfc9421_request(vector: dict[str, Any]) -> HttpRequest:
    request = request_of(RFC9421["messages"][vector["message"]])
    signed = ("Signature-Input", vector["Signature-Input"]), ("Signature", vector["Signature"])
    return dataclasses.replace(request, headers=request.headers + signed)


@pytest.mark.parametrize("vector", OF_REQUESTS, ids=lambda vector: vector["id"])
def test_the_signature_bases_of_rfc9421_are_rebuilt(vector: dict[str, Any]) -> None:
    request = rfc9421_request(vector)

    base = signature_base(request, parse_rfc9421(request), origin="https://example.com")

    assert base.decode() == vector["signature_base"]


def test_the_ed25519_signature_of_rfc9421_holds_until_a_character_changes() -> None:
    request = rfc9421_request(OF_REQUESTS[-1])
    public, private = RFC9421["keys"]["test-key-ed25519"]["pem"]
    key, signer = public_key_from_pem(public), load_pem_private_key(private.encode(), None)
    presented = parse_rfc9421(request)
    base = signature_base(request, presented, origin="https://example.com")

    assert isinstance(signer, Ed25519PrivateKey)
    assert sign(signer, base) == presented.signature
    assert is_signed_by(key, presented.signature, base)
    for position in range(len(base)):
        other = base[:position] + bytes([base[position] ^ 1]) + base[position + 1 :]
        assert not is_signed_by(key, presented.signature, other)


def test_the_other_algorithms_of_rfc9421_are_not_believed_for_their_names() -> None:
    pss = public_key_from_pem(RFC9421["keys"]["test-key-rsa-pss"]["pem"][0])
    requests = [rfc9421_request(vector) for vector in OF_REQUESTS[:-1]]
    presented = [(request, parse_rfc9421(request)) for request in requests]

    assert isinstance(pss, RSAPublicKey)
    for request, signature in presented:
        base = signature_base(request, signature, origin="https://example.com")
        assert not is_signed_by(pss, signature.signature, base)


def test_the_content_digest_of_rfc9421_is_that_of_its_body() -> None:
    check_body(request_of(RFC9421["messages"]["test-request"]), ["content-digest"])


def test_the_pkcs1_key_of_rfc9421_is_taken() -> None:
    public, private = RFC9421["keys"]["test-key-rsa"]["pem"]
    signer = load_pem_private_key(private.encode(), None)

    assert isinstance(signer, RSAPrivateKey)
    assert PublicKey("Test", "Test", public_key_from_pem(public)).key == signer.public_key()
