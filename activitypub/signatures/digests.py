"""Digest (RFC 3230) and Content-Digest (RFC 9530): what ties a signature to a body."""

import base64
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from activitypub.errors import SignatureError
from activitypub.signatures.messages import HttpRequest, read_dictionary

_HASHES: Final = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


def digest_header(body: bytes) -> str:
    """The value of a Digest header."""
    return "SHA-256=" + _base64(hashlib.sha256(body).digest())


def check_body(request: HttpRequest, covered: Collection[str]) -> None:
    """Compare every covered digest with the raw body; a body there is must be covered by one.

    Of none there needs to be no digest: whoever put a body into such a request would have one that nothing covers.
    Raises ``SignatureError``.
    """
    if "digest" in covered:
        _compare(_in_digest(request.get("digest")), request.body)
    if "content-digest" in covered:
        _compare(_in_content_digest(read_dictionary(request, "content-digest")), request.body)
    if "digest" in covered or "content-digest" in covered:
        return
    if request.body:
        raise SignatureError("the body is not covered by a digest")


def _in_digest(header: str) -> Iterator[tuple[str, str]]:
    for instance in header.split(","):
        algorithm, _, value = instance.strip(" \t").partition("=")
        yield algorithm.lower(), value


def _in_content_digest(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for algorithm, (value, _) in members.items():
        yield algorithm, _base64(value) if isinstance(value, bytes) else ""


def _compare(digests: Iterable[tuple[str, str]], body: bytes) -> None:
    """Each of a kind we accept must hold, and one be there; others beside it are passed over (RFC 9530, section 5)."""
    is_compared = False
    for algorithm, value in digests:
        make_hash = _HASHES.get(algorithm)
        if make_hash is None:
            continue
        if value != _base64(make_hash(body).digest()):
            raise SignatureError("the digest is not that of the body")
        is_compared = True
    if not is_compared:
        raise SignatureError("no digest of a kind we accept")


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
