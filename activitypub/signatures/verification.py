"""Who sent this request: reading its signature, and deciding whether to believe it."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from activitypub.errors import KeyMismatchError, SignatureError
from activitypub.keys import PublicKey, is_signed_by
from activitypub.signatures.cavage import parse_cavage, signing_strings
from activitypub.signatures.digests import check_body
from activitypub.signatures.messages import SEAL, HttpRequest, PresentedSignature, Verified
from activitypub.signatures.rfc9421 import parse_rfc9421, signature_base
from activitypub.uris import is_canonical, same_origin

WINDOW: Final = timedelta(minutes=65)


def parse(request: HttpRequest) -> PresentedSignature:
    """Read the signature a request presents, without believing it: enough to know whose key to look up.

    A request with a Signature-Input is read as RFC 9421 and as nothing else, so that no part of one
    scheme can lend itself to the other. Raises ``SignatureError`` for a request that is unsigned, or
    signed in a way that two readers could read differently.
    """
    if not request.target.startswith("/"):
        raise SignatureError("the request target is not a path")
    read = parse_cavage if request.find("signature-input") is None else parse_rfc9421
    presented = read(request)
    if not is_canonical(presented.key_id):
        raise SignatureError("the key id is not an https URI in its one spelling")
    return presented


def check_policy(request: HttpRequest, presented: PresentedSignature, *, origin: str, now: datetime) -> datetime:
    """What can be said of a signature without its key: that it is for us, covers enough, of this hour and this body.

    Asked before a key is, so that what is worth nothing in any case makes us fetch nothing. Returns when the request
    was signed. Raises ``SignatureError``.
    """
    _check_host(request, origin)
    _check_coverage(request, presented)
    signed_at = _check_times(request, presented, now)
    check_body(request, presented.covered)
    return signed_at


def verify(
    request: HttpRequest, presented: PresentedSignature, key: PublicKey, *, origin: str, now: datetime
) -> Verified:
    """Decide that the owner of ``key`` sent this request, to us, in this hour, with this body.

    ``presented`` is what ``parse`` read from the same request, ``origin`` our own public origin. The
    caller has made sure that ``key.owner`` names ``key.id`` as its key; that both are of one origin is
    checked here. Raises ``SignatureError``, or ``KeyMismatchError`` if this is not the key to ask.
    """
    _check_key(presented, key)
    signed_at = check_policy(request, presented, origin=origin, now=now)
    if not is_authentic(request, presented, key, origin=origin):
        raise SignatureError("the signature does not hold")
    return Verified(
        key_id=key.id,
        owner=key.owner,
        scheme=presented.scheme,
        signed_at=signed_at,
        fingerprint=hashlib.sha256(presented.signature).hexdigest(),
        seal=SEAL,
    )


def is_authentic(request: HttpRequest, presented: PresentedSignature, key: PublicKey, *, origin: str) -> bool:
    """Whether the signature is the key's over what it says it covers: arithmetic only, no policy."""
    messages: Iterable[bytes]
    if presented.scheme == "rfc9421":
        messages = [signature_base(request, presented, origin=origin)]
    else:
        messages = signing_strings(request, presented)
    return any(is_signed_by(key.key, presented.signature, message) for message in messages)


def _check_key(presented: PresentedSignature, key: PublicKey) -> None:
    if presented.key_id != key.id:
        raise KeyMismatchError("the key is not the one that the signature names")
    if not same_origin(key.id, key.owner):
        raise KeyMismatchError("the key and its owner are not of one origin")
    if presented.key_kind not in (None, key.kind):
        raise SignatureError("the named algorithm is not one for this key")


def _check_host(request: HttpRequest, origin: str) -> None:
    """A request meant for another server must not be believed here, whoever signed it."""
    scheme, _, authority = origin.partition("://")
    default_port = ":443" if scheme == "https" else ":80"
    hosts = request.values("host")
    if len(hosts) != 1 or hosts[0].lower().removesuffix(default_port) != authority:
        raise SignatureError("the request is for another host")


def _check_coverage(request: HttpRequest, presented: PresentedSignature) -> None:
    covered = set(presented.covered)
    if presented.scheme == "rfc9421":
        is_enough = "@method" in covered and _covers_target_uri(request, covered)
    else:
        is_enough = {"(request-target)", "host"} <= covered
    if not is_enough:
        raise SignatureError("the signature does not cover method, host and target")


def _covers_target_uri(request: HttpRequest, covered: set[str]) -> bool:
    if "@target-uri" in covered:
        return True
    covers_path = "@request-target" in covered or (
        "@path" in covered and ("@query" in covered or "?" not in request.target)
    )
    return covers_path and ("@authority" in covered or "host" in covered)


def _check_times(request: HttpRequest, presented: PresentedSignature, now: datetime) -> datetime:
    """When the request was signed, by a time that the signature itself covers."""
    # Seconds are compared as numbers first: a date of the year 30,000,000 cannot be made.
    if presented.expires is not None and presented.expires < now.timestamp():
        raise SignatureError("the signature has expired")
    # RFC 9421 always covers its parameters, the draft only what it lists.
    covers_created = presented.scheme == "rfc9421" or "(created)" in presented.covered
    if covers_created and presented.created is not None:
        if abs(presented.created - now.timestamp()) > WINDOW.total_seconds():
            raise SignatureError("the signature was created too long ago, or is yet to be")
        return datetime.fromtimestamp(presented.created, UTC)
    if "date" not in presented.covered:
        raise SignatureError("the signature covers no time")
    signed_at = _parse_date(request.get("date"))
    if abs(signed_at - now) > WINDOW:
        raise SignatureError("the Date is too long ago, or is yet to come")
    return signed_at


def _parse_date(value: str) -> datetime:
    try:
        date = parsedate_to_datetime(value)
        in_utc = date.astimezone(UTC)  # The last hours of the year 9999 are in none that can be written.
    except (ValueError, TypeError, OverflowError, IndexError):
        raise SignatureError("the Date cannot be read") from None
    # "-0000" means that the sender does not say what zone its clock is in.
    if date.tzinfo is None:
        raise SignatureError("the Date has no time zone")
    return in_utc
