"""Signed requests made by hand, so that each can be wrong in one chosen way."""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

from activitypub.keys import PublicKey, generate_ed25519, generate_rsa, sign
from activitypub.signatures import HttpRequest

ORIGIN = "https://chat.example"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CREATED = int(NOW.timestamp())
ALICE = "https://peer.example/users/alice"
KEY_ID = f"{ALICE}#main-key"
BODY = b'{"type": "Like"}'

RSA = generate_rsa()
ED25519 = generate_ed25519()
RSA_KEY = PublicKey(KEY_ID, ALICE, RSA.public_key())
ED25519_KEY = PublicKey(KEY_ID, ALICE, ED25519.public_key())

Signer = Callable[[bytes], bytes]


def rsa(message: bytes) -> bytes:
    return sign(RSA, message)


def ed25519(message: bytes) -> bytes:
    return sign(ED25519, message)


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def digest(body: bytes) -> str:
    return f"SHA-256={base64_text(hashlib.sha256(body).digest())}"


def content_digest(body: bytes, algorithm: str = "sha-256") -> str:
    return f"{algorithm}=:{base64_text(hashlib.new(algorithm.replace('-', ''), body).digest())}:"


def cavage(
    *,
    method: str = "POST",
    target: str = "/ap/inbox",
    signed_target: str | None = None,
    covered: str = "(request-target) host date digest",
    headers: dict[str, str] | None = None,
    body: bytes = BODY,
    created: object = CREATED,
    expires: object = CREATED,
    parameters: str = 'algorithm="rsa-sha256"',
    key_id: str = KEY_ID,
    signer: Signer = rsa,
) -> HttpRequest:
    """A request whose draft-cavage signature holds over ``covered``, whatever else is odd about it."""
    fields = {"host": "chat.example", "date": format_datetime(NOW, usegmt=True), "digest": digest(body)}
    fields |= headers or {}
    values = fields | {
        "(request-target)": f"{method.lower()} {signed_target or target}",
        "(created)": str(created),
        "(expires)": str(expires),
    }
    signing_string = "\n".join(f"{name}: {values.get(name, '').strip()}" for name in covered.lower().split(" "))
    signature = base64_text(signer(signing_string.encode("latin-1")))
    header = f'keyId="{key_id}",{parameters},headers="{covered}",signature="{signature}"'
    return HttpRequest(method, target, (*fields.items(), ("Signature", header)), body)


def rfc9421(
    *,
    method: str = "POST",
    target: str = "/ap/inbox",
    target_uri: str | None = None,
    covered: str = '"@method" "@target-uri" "content-digest"',
    headers: dict[str, str] | None = None,
    body: bytes = BODY,
    parameters: str = f'created={CREATED};keyid="{KEY_ID}"',
    label: str = "sig1",
    signer: Signer = rsa,
) -> HttpRequest:
    """As ``cavage``, with a signature of RFC 9421."""
    fields = {
        "host": "chat.example",
        "date": format_datetime(NOW, usegmt=True),
        "content-digest": content_digest(body),
        "digest": digest(body),
    } | (headers or {})
    path, question_mark, query = target.partition("?")
    values = fields | {
        "@method": method,
        "@target-uri": target_uri or ORIGIN + target,
        "@authority": "chat.example",
        "@scheme": "https",
        "@request-target": target,
        "@path": path,
        "@query": f"?{query}" if question_mark else "?",
    }
    lines = [f"{name}: {values.get(name.split(';')[0].strip(chr(34)), '')}" for name in covered.split(" ") if name]
    base = "\n".join([*lines, f'"@signature-params": ({covered});{parameters}'])
    signature = base64_text(signer(base.encode()))
    return HttpRequest(
        method,
        target,
        (
            *fields.items(),
            ("Signature-Input", f"{label}=({covered});{parameters}"),
            ("Signature", f"{label}=:{signature}:"),
        ),
        body,
    )


def with_header(request: HttpRequest, name: str, value: str | None) -> HttpRequest:
    """The request with that header replaced or, for None, removed, after it was signed."""
    kept = tuple((key, old) for key, old in request.headers if key.lower() != name.lower())
    added = () if value is None else ((name, value),)
    return HttpRequest(request.method, request.target, kept + added, request.body)
