"""The Signature header of draft-cavage-http-signatures-12, which most of the fediverse speaks."""

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import format_datetime
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from activitypub.errors import SignatureError
from activitypub.keys import KeyKind, sign
from activitypub.signatures.digests import digest_header
from activitypub.signatures.messages import HttpRequest, PresentedSignature, split_url
from activitypub.signatures.signing_string import signing_string_writer

# A backslash would make the value mean different things to different readers; nobody sends one.
_PARAMETER: Final = re.compile(r'[ \t]*([A-Za-z]+)=(?:"([^"\\]*)"|([0-9]+))[ \t]*(?:,|\Z)')
_SECONDS: Final = re.compile(r"0|[1-9][0-9]{0,14}")

# hs2019 leaves the algorithm to the key, and so does saying nothing.
_KINDS: Final[Mapping[str, KeyKind | None]] = MappingProxyType(
    {"hs2019": None, "rsa-sha256": "rsa", "ed25519": "ed25519"}
)


def parse_cavage(request: HttpRequest) -> PresentedSignature:
    """Read the one Signature header; raises ``SignatureError`` if it can be read in two ways, or in none."""
    parameters = _parameters(request.get("signature"))
    algorithm = parameters.get("algorithm", "hs2019").lower()
    if algorithm not in _KINDS:
        raise SignatureError("an algorithm we do not accept")
    # Without `headers` the draft means "(created)", and earlier drafts "date": either way too little.
    covered = tuple(_required(parameters, "headers").lower().split(" "))
    if len(set(covered)) != len(covered):
        raise SignatureError("a component is covered twice")
    if algorithm != "hs2019" and not {"(created)", "(expires)"}.isdisjoint(covered):
        raise SignatureError("(created) and (expires) need hs2019 (section 2.3)")
    return PresentedSignature(
        scheme="draft-cavage",
        key_id=_required(parameters, "keyid"),
        covered=covered,
        signature=_signature_bytes(_required(parameters, "signature")),
        key_kind=_KINDS[algorithm],
        created=_seconds(parameters, "created"),
        expires=_seconds(parameters, "expires"),
    )


def signing_strings(request: HttpRequest, presented: PresentedSignature) -> Iterator[bytes]:
    """What the sender may have signed: the request as it is and, for reads, without its query.

    Some peers leave the query out of ``(request-target)``. A POST gets no such grace, because the
    query of an inbox would otherwise be anyone's to choose.
    """
    yield _signing_string(request, presented, target=request.target)
    path, question_mark, _ = request.target.partition("?")
    if question_mark and request.method in ("GET", "HEAD"):
        yield _signing_string(request, presented, target=path)


def sign_cavage(
    method: str,
    url: str,
    *,
    key_id: str,
    private_key: RSAPrivateKey,
    now: datetime,
    body: bytes | None = None,
    content_type: str = "application/activity+json",
) -> dict[str, str]:
    """The headers to send with this request: Host, Date, Signature and, with a body, Digest and Content-Type.

    ``now`` is in UTC. The header has the one form that every peer accepts: rsa-sha256, and no space
    after a comma, which GoToSocial, Misskey, PieFed and snac refuse.
    """
    authority, target = split_url(url)
    headers = {"Host": authority, "Date": format_datetime(now, usegmt=True)}
    if body is not None:
        headers |= {"Digest": digest_header(body), "Content-Type": content_type}
    covered = ["(request-target)", *(name.lower() for name in headers)]
    signing_string = signing_string_writer()(covered, headers, method=method, path=target)
    signature = base64.b64encode(sign(private_key, signing_string)).decode("ascii")
    headers["Signature"] = (
        f'keyId="{key_id}",algorithm="rsa-sha256",headers="{" ".join(covered)}",signature="{signature}"'
    )
    return headers


def _parameters(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while position < len(header):
        match = _PARAMETER.match(header, position)
        if match is None:
            raise SignatureError("the Signature header cannot be read")
        name = match[1].lower()
        if name in found:
            raise SignatureError(f"the parameter {name} is given twice")
        found[name] = match[2] if match[3] is None else match[3]
        position = match.end()
    return found


def _required(parameters: Mapping[str, str], name: str) -> str:
    value = parameters.get(name)
    if not value:
        raise SignatureError(f"the parameter {name} is missing or empty")
    return value


def _seconds(parameters: Mapping[str, str], name: str) -> int | None:
    value = parameters.get(name)
    if value is None:
        return None
    if _SECONDS.fullmatch(value) is None:
        raise SignatureError(f"the parameter {name} is not a whole number of seconds")
    return int(value)


def _signature_bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise SignatureError("the signature is not base64") from None


def _signing_string(request: HttpRequest, presented: PresentedSignature, *, target: str) -> bytes:
    derived = {
        "(request-target)": f"{request.method.lower()} {target}",
        "(created)": presented.created,
        "(expires)": presented.expires,
    }
    lines = []
    for name in presented.covered:
        value = derived[name] if name in derived else request.find(name)
        if value is None:
            raise SignatureError("a covered component is not in the request")
        lines.append(f"{name}: {value}")
    text = "\n".join(lines)
    # The list of components is not signed itself, so a line must never be able to pass for two.
    if text.count("\n") != len(lines) - 1 or "\r" in text:
        raise SignatureError("a covered component spans lines")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise SignatureError("a covered component is not Latin-1") from None
