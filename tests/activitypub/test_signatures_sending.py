"""Signing our own requests: in the form every peer takes, and believed by our own verifier."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from activitypub.errors import BlockedAddressError
from activitypub.signatures import HttpRequest, announces_rfc9421, parse, sign_cavage, sign_rfc9421, verify
from tests.activitypub.signed import (
    BODY,
    CREATED,
    ED25519,
    ED25519_KEY,
    KEY_ID,
    NOW,
    ORIGIN,
    RSA,
    RSA_KEY,
    content_digest,
    digest,
)

Sign = Callable[..., dict[str, str]]
INBOX = f"{ORIGIN}/ap/inbox"
SIGNERS = pytest.mark.parametrize("sign", [sign_cavage, sign_rfc9421], ids=["draft-cavage", "rfc9421"])


def sent(sign: Sign, method: str, url: str, **options: Any) -> dict[str, str]:
    return sign(method, url, **{"key_id": KEY_ID, "private_key": RSA, "now": NOW} | options)


@SIGNERS
@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/ap/inbox", BODY),
        ("POST", "/ap/inbox?x=%20y", b""),
        ("GET", "/ap/users/1", None),
        ("GET", "/ap/outbox?page=1&max=a%2Fb", None),
    ],
)
def test_what_we_send_is_believed(sign: Sign, method: str, target: str, body: bytes | None) -> None:
    headers = sent(sign, method, ORIGIN + target, body=body)
    request = HttpRequest(method, target, tuple(headers.items()), body or b"")

    verified = verify(request, parse(request), RSA_KEY, origin=ORIGIN, now=NOW)

    assert (verified.key_id, verified.signed_at) == (KEY_ID, NOW)


def test_a_post_has_exactly_the_header_that_every_peer_takes() -> None:
    headers = sent(sign_cavage, "POST", INBOX, body=BODY)

    assert list(headers) == ["Host", "Date", "Digest", "Content-Type", "Signature"]
    assert headers["Date"] == "Wed, 25 Nov 2026 12:00:00 GMT"
    assert headers["Digest"] == digest(BODY)
    assert headers["Content-Type"] == "application/activity+json"
    assert re.fullmatch(
        rf'keyId="{re.escape(KEY_ID)}",algorithm="rsa-sha256",'
        r'headers="\(request-target\) host date digest content-type",signature="[A-Za-z0-9+/]{342}=="',
        headers["Signature"],
    )


def test_a_get_signs_target_host_and_date() -> None:
    headers = sent(sign_cavage, "GET", f"{ORIGIN}/ap/users/1")

    assert list(headers) == ["Host", "Date", "Signature"]
    assert 'headers="(request-target) host date"' in headers["Signature"]


def test_an_rfc9421_post_covers_what_mastodon_asks_for() -> None:
    headers = sent(sign_rfc9421, "POST", INBOX, body=BODY)

    assert headers["Content-Digest"] == content_digest(BODY)
    assert headers["Signature-Input"] == (
        f'sig1=("@method" "@target-uri" "content-digest");created={CREATED};keyid="{KEY_ID}";alg="rsa-v1_5-sha256"'
    )


def test_an_rfc9421_request_may_be_signed_with_ed25519() -> None:
    headers = sent(sign_rfc9421, "POST", INBOX, body=BODY, private_key=ED25519)
    request = HttpRequest("POST", "/ap/inbox", tuple(headers.items()), BODY)

    assert verify(request, parse(request), ED25519_KEY, origin=ORIGIN, now=NOW).scheme == "rfc9421"


@SIGNERS
def test_a_fragment_is_never_signed(sign: Sign) -> None:
    headers = sent(sign, "GET", f"{ORIGIN}/ap/users/1#main-key")
    request = HttpRequest("GET", "/ap/users/1", tuple(headers.items()), b"")

    assert verify(request, parse(request), RSA_KEY, origin=ORIGIN, now=NOW).key_id == KEY_ID


@SIGNERS
@pytest.mark.parametrize(
    "url",
    [
        "",
        "/ap/inbox",
        "ftp://peer.example/inbox",
        "https://",
        "https://a:b@peer.example/inbox",
        "https://[::1/inbox",
        "https://peer.example/in box",
        "https://peer.example/inbox\r\nX: y",
        "https://péer.example/inbox",
        "https://peer.example/é",
    ],
)
def test_a_url_that_cannot_be_asked_for_is_not_signed(sign: Sign, url: str) -> None:
    with pytest.raises(BlockedAddressError):
        sent(sign, "POST", url, body=BODY)


@pytest.mark.parametrize(
    ("headers", "announced"),
    [
        ([("Signature-Input", 'sig1=();keyid="k"')], True),
        ([("Content-Type", "text/html"), ("accept-signature", "sig1=()")], True),
        ([("Signature", 'keyId="k"'), ("Accept", "*/*")], False),
        ([], False),
    ],
)
def test_a_peer_announces_rfc9421_by_using_or_asking_for_it(headers: list[tuple[str, str]], *, announced: bool) -> None:
    assert announces_rfc9421(headers) == announced
