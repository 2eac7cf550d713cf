"""A request as it was on the wire, and the signature it claims to carry."""

import re
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NoReturn, TypeAlias
from urllib.parse import urlsplit

import http_sf

from activitypub.errors import BlockedAddressError, SignatureError
from activitypub.keys import KeyKind

Scheme: TypeAlias = Literal["draft-cavage", "rfc9421"]

MAX_HEADER: Final = 8192
_PRINTABLE: Final = re.compile(r"https?://[!-~]+")


def split_url(url: str) -> tuple[str, str]:
    """The Host header and the request target to ask for ``url`` with; raises ``BlockedAddressError``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BlockedAddressError("not a URL") from None
    if _PRINTABLE.fullmatch(url) is None or not parts.netloc or "@" in parts.netloc:
        raise BlockedAddressError("not a plain http(s) URL")
    return parts.netloc, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """``target`` is the raw request target, path and query, never decoded; header values are Latin-1 text."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    def values(self, name: str) -> list[str]:
        """The value of each line of that name, in order; ``name`` is in lower case."""
        return [value.strip(" \t") for key, value in self.headers if key.lower() == name]

    def find(self, name: str) -> str | None:
        """The lines of that name as one value (RFC 9110 section 5.3), or None."""
        values = self.values(name)
        return ", ".join(values) if values else None

    def get(self, name: str) -> str:
        """Like ``find``, for a header that must be there; raises ``SignatureError``."""
        value = self.find(name)
        if value is None:
            raise SignatureError(f"no {name} header")
        if len(value) > MAX_HEADER:
            raise SignatureError(f"the {name} header is too long")
        return value


def read_dictionary(request: HttpRequest, name: str) -> dict[str, Any]:
    """The header of that name as a dictionary (RFC 9651 section 3.2), each key of which is there once; raises
    ``SignatureError``."""

    def refuse_duplicate(key: str, context: str) -> NoReturn:
        raise SignatureError(f"the {name} header: a {context} gives the key {key} twice")

    header = request.get(name)
    try:
        members: Any = http_sf.parse(header.encode("ascii"), tltype="dictionary", on_duplicate_key=refuse_duplicate)
    except ValueError as error:
        raise SignatureError(f"the {name} header is not a structured field: {error}") from None
    return dict(members)


@dataclass(frozen=True, slots=True)
class PresentedSignature:
    """What a request says about its own signature, read and unambiguous, but not yet believed.

    ``covered`` has each signed component once: a plain name, or, in RFC 9421 with parameters, the
    serialised item. ``created`` and ``expires`` are seconds since 1970, of whatever size was sent.
    """

    scheme: Scheme
    key_id: str
    covered: tuple[str, ...]
    signature: bytes = field(repr=False)
    # The kind of key the sender says it used; None where it leaves that to the key.
    key_kind: KeyKind | None
    created: int | None
    expires: int | None
    label: str | None = None
    # The serialised value of ``@signature-params``, RFC 9421 only.
    parameters: str = ""


# What `verify` shows to prove that it is the caller.
SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class Verified:
    """Proof, for the rest of the program, that a request was signed by ``owner``; only ``verify`` makes one.

    ``fingerprint`` is the SHA-256 of the signature in hex: two requests that share it are one request,
    sent again.
    """

    key_id: str
    owner: str
    scheme: Scheme
    signed_at: datetime
    fingerprint: str
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not SEAL:
            raise TypeError("only activitypub.signatures.verify makes a Verified")
