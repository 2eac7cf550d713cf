"""HTTP Message Signatures (RFC 9421), for the peers that have shown they speak them."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from types import MappingProxyType
from typing import Any, Final

import http_sf
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPSignatureComponentResolver,
    MappingKeyResolver,
)
from http_message_signatures.algorithms import ED25519, RSA_V1_5_SHA256
from http_sf.compat import Item

from activitypub.errors import BlockedAddressError, SignatureError
from activitypub.keys import KeyKind, PrivateKey
from activitypub.signatures.messages import HttpRequest, PresentedSignature, read_dictionary, split_url

_KINDS: Final[Mapping[str, KeyKind]] = MappingProxyType({"rsa-v1_5-sha256": "rsa", "ed25519": "ed25519"})
_ANNOUNCEMENTS: Final = frozenset({"signature-input", "accept-signature"})
_COMPONENT_NAME: Final = re.compile(r"@?[a-z0-9!#$%&'*+.^_`|~-]+")

_Parameters = dict[str, Any]


def parse_rfc9421(request: HttpRequest) -> PresentedSignature:
    """Read the one labelled signature; raises ``SignatureError`` if there are more, or it cannot be read."""
    label, (components, parameters) = _only_member(request, "signature-input")
    signature_label, (signature, _) = _only_member(request, "signature")
    if label != signature_label:
        raise SignatureError("Signature-Input and Signature have different labels")
    if not isinstance(components, list) or not isinstance(signature, bytes):
        raise SignatureError("Signature-Input is not a list, or Signature not a byte sequence")
    return PresentedSignature(
        scheme="rfc9421",
        key_id=_typed(parameters, "keyid", str) or "",
        covered=_covered(components),
        signature=signature,
        key_kind=_key_kind(parameters),
        created=_typed(parameters, "created", int),
        expires=_typed(parameters, "expires", int),
        label=label,
        parameters=http_sf.ser([(components, parameters)]),
    )


def signature_base(request: HttpRequest, presented: PresentedSignature, *, origin: str) -> bytes:
    """What the sender must have signed (section 2.5), if ``origin`` is where it meant to send it.

    Raises ``SignatureError``.
    """
    try:
        message = _Message(request.method, origin + request.target, _FieldLines(request.headers))
        resolver = HTTPSignatureComponentResolver(message)  # type: ignore[no-untyped-call]  # it has no types
        lines = [_line(resolver, component) for component in presented.covered]
        return "\n".join([*lines, f'"@signature-params": {presented.parameters}']).encode("ascii")
    except (HTTPMessageSignaturesException, ValueError, TypeError) as error:
        # The library lets Python's own errors out for a component with parameters it does not take.
        raise SignatureError(f"a covered component cannot be resolved: {error}") from None


def sign_rfc9421(
    method: str,
    url: str,
    *,
    key_id: str,
    private_key: PrivateKey,
    now: datetime,
    body: bytes | None = None,
    content_type: str = "application/activity+json",
) -> dict[str, str]:
    """The headers to send with this request: as ``sign_cavage``, with Content-Digest and Signature-Input.

    ``now`` is in UTC. Covers what Mastodon asks for: method, target URI, creation time and, with a body,
    its digest.
    """
    authority, _ = split_url(url)
    headers = {"Host": authority, "Date": format_datetime(now, usegmt=True)}
    if body is not None:
        headers["Content-Type"] = content_type
    signer = HTTPMessageSigner(
        signature_algorithm=RSA_V1_5_SHA256 if isinstance(private_key, RSAPrivateKey) else ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={key_id: private_key}),
    )
    try:
        signer.sign(
            _Message(method, url, headers),
            key_id=key_id,
            created=now,
            label="sig1",
            covered_component_ids=("@method", "@target-uri"),
            body=body,
        )
    except HTTPMessageSignaturesException as error:
        raise BlockedAddressError(f"not a URL we can sign a request for: {error}") from None
    return headers


def announces_rfc9421(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a peer's request or response shows that it speaks RFC 9421.

    It does when it signs that way itself or asks for it (Accept-Signature). On a request, believe it
    only after the signature was verified.
    """
    return any(name.lower() in _ANNOUNCEMENTS for name, _ in headers)


class _FieldLines(msgspec.Struct, frozen=True):
    lines: tuple[tuple[str, str], ...]

    def items(self) -> tuple[tuple[str, str], ...]:
        return self.lines


class _Message(msgspec.Struct, frozen=True):
    """A request in the shape the library reads."""

    method: str
    url: str
    headers: _FieldLines | dict[str, str]


def _only_member(request: HttpRequest, name: str) -> tuple[str, tuple[Any, _Parameters]]:
    members = read_dictionary(request, name)
    if len(members) != 1:
        raise SignatureError("not exactly one signature")
    [(label, member)] = members.items()
    return label, member


def _covered(components: list[tuple[Any, _Parameters]]) -> tuple[str, ...]:
    identities = set()
    for name, parameters in components:
        if not isinstance(name, str) or _COMPONENT_NAME.fullmatch(name) is None:
            raise SignatureError("a component name is not a lower-case string")
        identities.add((name, frozenset(parameters.items())))
    if len(identities) != len(components):
        raise SignatureError("a component is covered twice")
    return tuple(http_sf.ser((name, parameters)) if parameters else name for name, parameters in components)


def _typed(parameters: _Parameters, name: str, kind: type[Any]) -> Any:
    value = parameters.get(name)
    # Not isinstance, because a Token is no String here and True no Integer.
    if value is not None and type(value) is not kind:
        raise SignatureError(f"the parameter {name} is of the wrong type")
    return value


def _key_kind(parameters: _Parameters) -> KeyKind | None:
    algorithm = _typed(parameters, "alg", str)
    if algorithm is None:
        return None
    if algorithm not in _KINDS:
        raise SignatureError("an algorithm we do not accept")
    return _KINDS[algorithm]


def _line(resolver: HTTPSignatureComponentResolver, component: str) -> str:
    item = Item(component)
    if component.startswith('"'):
        item.parse(component.encode("ascii"))
    value = resolver.resolve(item)
    if not isinstance(value, str) or "\n" in value or "\r" in value:
        raise SignatureError("a covered component spans lines")
    return f"{item}: {value}"
