"""Digest (RFC 3230) and Content-Digest (RFC 9530): what ties a signature to a body."""

import base64
import hashlib
from collections.abc import Collection
from typing import Final

from http_message_signatures import ContentDigest, HTTPMessageSignaturesException

from activitypub.errors import SignatureError
from activitypub.signatures.messages import HttpRequest

_HASHES: Final = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


def digest_header(body: bytes) -> str:
    """The value of a Digest header."""
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")


def check_body(request: HttpRequest, covered: Collection[str]) -> None:
    """Compare every covered digest with the raw body; a body there is must be covered by one.

    Of none there needs to be no digest: whoever put a body into such a request would have one that nothing covers.
    """
    if "digest" in covered:
        _check_digest(request.get("digest"), request.body)
    if "content-digest" in covered:
        _check_content_digest(request.get("content-digest"), request.body)
    if "digest" in covered or "content-digest" in covered:
        return
    if request.body:
        raise SignatureError("the body is not covered by a digest")


def _check_digest(header: str, body: bytes) -> None:
    checked = False
    for instance in header.split(","):
        algorithm, _, value = instance.strip(" \t").partition("=")
        make_hash = _HASHES.get(algorithm.lower())
        if make_hash is None:
            continue
        if value != base64.b64encode(make_hash(body).digest()).decode("ascii"):
            raise SignatureError("the Digest is not that of the body")
        checked = True
    if not checked:
        raise SignatureError("no digest of a kind we accept")


def _check_content_digest(header: str, body: bytes) -> None:
    try:
        ContentDigest.verify(header, body)
    except HTTPMessageSignaturesException as error:
        raise SignatureError(f"the Content-Digest does not hold: {error}") from None
