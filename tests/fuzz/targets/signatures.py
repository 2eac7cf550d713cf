"""Signature headers, of draft-cavage and of RFC 9421: a whole request, to who sent it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.errors import SignatureError
from activitypub.keys import PublicKey
from activitypub.signatures import HttpRequest, PresentedSignature, parse, sign_rfc9421, verify
from activitypub.signatures.verification import is_authentic
from tests.activitypub.signed import cavage, rfc9421
from tests.fuzz.shared import files, json_values, strings
from tests.fuzz.target import Target

ORIGIN = "https://chat.example"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEY_ID, OWNER = "https://peer.example/users/alice#main-key", "https://peer.example/users/alice"
# Always the same, so that a kept input stays signed.
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = PublicKey(KEY_ID, OWNER, PRIVATE.public_key())


def check(data: bytes) -> None:
    """Any request has one reading or none; and none is believed but what the key's owner has really sent.

    The input is the request: its line without the version, header lines, an empty line, the body.
    """
    request = read_request(data)
    try:
        presented = parse(request)
    except SignatureError:
        return
    assert parse(with_signature(request, presented)) == presented
    assert len(set(presented.covered)) == len(presented.covered)
    try:
        is_authentic(request, presented, KEY, origin=ORIGIN)
        verified = verify(request, presented, KEY, origin=ORIGIN, now=NOW)
    except SignatureError:
        return
    assert (verified.owner, verified.key_id) == (OWNER, KEY_ID)
    if presented.scheme == "draft-cavage" and request.method in ("GET", "HEAD"):  # Some peers do not sign the query.
        request = replace(request, target=request.target.partition("?")[0])
    assert what_is_said(request) in _SAID


def what_is_said(request: HttpRequest) -> tuple[str, str, str, bytes]:
    """What must not change without the signature breaking."""
    return request.method.upper(), request.target, request.get("host").lower().removesuffix(":443"), request.body


def read_request(data: bytes) -> HttpRequest:
    head, _, body = data.partition(b"\n\n")
    line, *fields = head.decode("latin-1").split("\n")
    method, _, target = line.partition(" ")
    pairs = (field.partition(":") for field in fields)
    return HttpRequest(method, target, tuple((name, value.strip(" \t")) for name, _, value in pairs), body)


def write_request(request: HttpRequest) -> bytes:
    lines = [f"{request.method} {request.target}", *(f"{name}: {value}" for name, value in request.headers)]
    return "\n".join(lines).encode("latin-1") + b"\n\n" + request.body


def with_signature(request: HttpRequest, presented: PresentedSignature) -> HttpRequest:
    """The request with its signature written anew from what was read."""
    headers = [pair for pair in request.headers if pair[0].lower() not in {"signature", "signature-input"}]
    written = _cavage_header(presented) if presented.scheme == "draft-cavage" else _rfc9421_headers(presented)
    return HttpRequest(request.method, request.target, (*headers, *written), request.body)


def _cavage_header(presented: PresentedSignature) -> list[tuple[str, str]]:
    algorithm = {None: "hs2019", "rsa": "rsa-sha256", "ed25519": "ed25519"}[presented.key_kind]
    parameters = [
        f'keyId="{presented.key_id}"',
        f'algorithm="{algorithm}"',
        f'headers="{" ".join(presented.covered)}"',
        f'signature="{base64.b64encode(presented.signature).decode()}"',
        *(f"{name}={value}" for name in ("created", "expires") if (value := getattr(presented, name)) is not None),
    ]
    return [("Signature", ",".join(parameters))]


def _rfc9421_headers(presented: PresentedSignature) -> list[tuple[str, str]]:
    signature = base64.b64encode(presented.signature).decode()
    return [
        ("Signature-Input", f"{presented.label}={presented.parameters}"),
        ("Signature", f"{presented.label}=:{signature}:"),
    ]


def _genuine() -> Iterator[HttpRequest]:
    """What the owner of the key has sent."""
    hs2019 = 'algorithm="hs2019"'
    times = f"{hs2019},created={int(NOW.timestamp())},expires={int(NOW.timestamp()) + 60}"
    yield cavage(signer=PRIVATE.sign, parameters='algorithm="ed25519"')
    yield cavage(signer=PRIVATE.sign, parameters=hs2019, target="/ap/inbox?a=b", key_id=KEY_ID)
    yield cavage(signer=PRIVATE.sign, parameters=times, covered="(request-target) (created) (expires) host digest")
    yield cavage(signer=PRIVATE.sign, parameters=hs2019, method="GET", target="/ap/x", body=b"", covered=_READ)
    yield rfc9421(signer=PRIVATE.sign)
    yield rfc9421(signer=PRIVATE.sign, covered='"@method" "@path" "@query" "@authority" "digest" "date"')
    yield rfc9421(signer=PRIVATE.sign, covered='"@method" "@request-target" "host" "content-digest"')
    body = b'{"type": "Follow"}'
    fields = sign_rfc9421("POST", f"{ORIGIN}/ap/inbox", key_id=KEY_ID, private_key=PRIVATE, now=NOW, body=body)
    yield HttpRequest("POST", "/ap/inbox", tuple(fields.items()), body)


_READ = "(request-target) host date"
GENUINE = tuple(_genuine())
_SAID = frozenset(map(what_is_said, GENUINE))


def _seeds() -> Iterator[bytes]:
    yield from map(write_request, GENUINE)
    for value in json_values("http-signatures/w3c-ccg-cavage-messages.json"):
        for text in strings(value):
            yield text.replace("\r\n", "\n").encode("latin-1", "replace")
    for sent in (file["request"] for file in files("real-deliveries") if "request" in file):
        headers = tuple((name, value) for name, value in sent["raw_headers"])
        yield write_request(HttpRequest(sent["method"], sent["target"], headers, b"{}"))


TARGET = Target("signatures", check, _seeds)
