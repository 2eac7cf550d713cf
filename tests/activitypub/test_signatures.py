"""Signatures: who is believed, and every way in which a request that holds is still refused."""

import dataclasses
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from activitypub.errors import KeyMismatchError, SignatureError
from activitypub.keys import PublicKey, generate_rsa, public_key_to_pem
from activitypub.signatures import HttpRequest, Verified, parse, verify
from tests.activitypub.signed import (
    ALICE,
    BODY,
    CREATED,
    ED25519_KEY,
    KEY_ID,
    NOW,
    ORIGIN,
    RSA_KEY,
    cavage,
    content_digest,
    digest,
    ed25519,
    rfc9421,
    with_header,
)

HOUR = 3600


def check(request: HttpRequest, key: PublicKey = RSA_KEY, *, now: datetime = NOW, origin: str = ORIGIN) -> Verified:
    return verify(request, parse(request), key, origin=origin, now=now)


def http_date(time: datetime) -> str:
    return format_datetime(time, usegmt=True)


def get(**options: Any) -> HttpRequest:
    return cavage(method="GET", body=b"", covered="(request-target) host date", **options)


def hs2019(**options: Any) -> HttpRequest:
    return cavage(parameters=f'algorithm="hs2019",created={CREATED},expires={CREATED + 300}', **options)


BELIEVED = {
    "the common form": cavage(),
    "as GoToSocial signs": cavage(parameters='algorithm="hs2019"'),
    "as Misskey signs": cavage(covered="(request-target) date host digest"),
    "as Takahe orders it": with_header(
        cavage(), "Signature", ", ".join(sorted(cavage().get("signature").split(","), reverse=True))
    ),
    "no algorithm": cavage(parameters='opaque="x"'),
    "capitals in the list": cavage(
        covered="(request-target) host date digest".title().replace("Request-T", "request-t")
    ),
    "created instead of date": hs2019(covered="(request-target) host (created) digest"),
    "created and expires": hs2019(covered="(request-target) host (created) (expires) digest", expires=CREATED + 300),
    "a digest among others": cavage(headers={"digest": f"unixsum=30637,{digest(BODY)}"}),
    "a SHA-512 digest": cavage(headers={"digest": "SHA-512=" + content_digest(BODY, "sha-512").split(":")[1]}),
    "the port written out": cavage(headers={"host": "chat.example:443"}),
    "the host in capitals": cavage(headers={"host": "Chat.Example"}),
    "an empty header": cavage(covered="(request-target) host date digest x", headers={"x": "  "}),
    "a signed GET": get(),
    "a GET with its query": get(target="/ap/outbox?page=1"),
    "a GET signed without its query": get(target="/ap/outbox?page=1", signed_target="/ap/outbox"),
    "a GET with a digest, as snac": cavage(method="GET", body=b""),
    "a POST without body": cavage(body=b""),
    "a POST without body and digest": cavage(body=b"", covered="(request-target) host date"),
    "RFC 9421": rfc9421(),
    "RFC 9421, as Fedify signs": rfc9421(
        covered='"@method" "@target-uri" "@authority" "host" "date" "content-digest"',
        parameters=f'alg="rsa-v1_5-sha256";keyid="{KEY_ID}";created={CREATED}',
    ),
    "RFC 9421 with a path and a query": rfc9421(
        target="/ap/inbox?x=1", covered='"@method" "@authority" "@path" "@query" "content-digest"'
    ),
    "RFC 9421 with a request target": rfc9421(covered='"@method" "host" "@request-target" "content-digest"'),
    "RFC 9421 with Digest": rfc9421(covered='"@method" "@target-uri" "digest"'),
    "RFC 9421 with SHA-512": rfc9421(headers={"content-digest": content_digest(BODY, "sha-512")}),
    "RFC 9421 with a digest of a kind that proves nothing beside a good one": rfc9421(
        headers={"content-digest": f"{content_digest(BODY)}, md5=:XUFAKrxLKna5cZ2REBfFkg==:, crc32c=:AAAAAA==:, new=?0"}
    ),
    "RFC 9421 by its date alone": rfc9421(
        covered='"@method" "@target-uri" "date" "content-digest"', parameters=f'keyid="{KEY_ID}"'
    ),
    "RFC 9421 GET": rfc9421(method="GET", body=b"", covered='"@method" "@target-uri"'),
    "RFC 9421 with other parameters": rfc9421(
        parameters=f'created={CREATED};expires={CREATED};nonce="n";tag="t";keyid="{KEY_ID}"'
    ),
}


@pytest.mark.parametrize("request_", BELIEVED.values(), ids=BELIEVED)
def test_a_well_signed_request_is_believed(request_: HttpRequest) -> None:
    verified = check(request_)

    assert (verified.key_id, verified.owner, verified.signed_at) == (KEY_ID, ALICE, NOW)


@pytest.mark.parametrize(
    "request_",
    [
        cavage(signer=ed25519, parameters='algorithm="ed25519"'),
        cavage(signer=ed25519, parameters='algorithm="hs2019"'),
        rfc9421(signer=ed25519),
        rfc9421(signer=ed25519, parameters=f'created={CREATED};keyid="{KEY_ID}";alg="ed25519"'),
    ],
)
def test_ed25519_is_believed_too(request_: HttpRequest) -> None:
    assert check(request_, ED25519_KEY).owner == ALICE


def test_a_header_on_two_lines_is_signed_as_one() -> None:
    request = cavage(covered="(request-target) host date digest x", headers={"x": "one, two"})
    lines = (*with_header(request, "x", None).headers, ("X", "one"), ("x", " two "))

    assert check(dataclasses.replace(request, headers=lines)).owner == ALICE


def test_a_created_time_that_is_covered_must_be_given() -> None:
    with pytest.raises(SignatureError, match="not in the request"):
        check(cavage(covered="(request-target) host date digest (created)", parameters='algorithm="hs2019"'))


def test_a_covered_header_must_be_there() -> None:
    with pytest.raises(SignatureError, match="not in the request"):
        check(cavage(covered="(request-target) host date digest x"))
    with pytest.raises(SignatureError, match="resolved"):
        check(rfc9421(covered='"@method" "@target-uri" "content-digest" "x"'))


@pytest.mark.parametrize("value", ["one\ntwo", "one\rtwo"])
def test_a_covered_header_must_be_one_line(value: str) -> None:
    for request in (
        cavage(covered="(request-target) host date digest x", headers={"x": value}),
        rfc9421(covered='"@method" "@target-uri" "content-digest" "x"', headers={"x": value}),
    ):
        with pytest.raises(SignatureError, match="spans lines"):
            check(request)


def test_a_header_must_not_be_endless() -> None:
    with pytest.raises(SignatureError, match="too long"):
        check(cavage(parameters=f'opaque="{"x" * 8192}"'))


UNCOVERED = {
    "request target": cavage(covered="host date digest"),
    "host": cavage(covered="(request-target) date digest"),
    "date": cavage(covered="(request-target) host digest"),
    "created": hs2019(covered="(request-target) host digest"),
    "digest": cavage(covered="(request-target) host date"),
    "anything": cavage(covered="date"),
    "digest of a GET with a body": cavage(method="GET", covered="(request-target) host date"),
    "host of a GET": cavage(method="GET", body=b"", covered="(request-target) date"),
    "RFC 9421: method": rfc9421(covered='"@target-uri" "content-digest"'),
    "RFC 9421: target": rfc9421(covered='"@method" "@authority" "content-digest"'),
    "RFC 9421: authority": rfc9421(covered='"@method" "@path" "content-digest"'),
    "RFC 9421: query": rfc9421(target="/ap/inbox?x", covered='"@method" "@authority" "@path" "content-digest"'),
    "RFC 9421: digest": rfc9421(covered='"@method" "@target-uri"'),
    "RFC 9421: digest, but for a member": rfc9421(covered='"@method" "@target-uri" "content-digest";key="sha-256"'),
    "RFC 9421: any time": rfc9421(parameters=f'keyid="{KEY_ID}"'),
    "RFC 9421: anything": rfc9421(covered=""),
}


@pytest.mark.parametrize("request_", UNCOVERED.values(), ids=UNCOVERED)
def test_a_signature_that_leaves_something_open_is_refused(request_: HttpRequest) -> None:
    with pytest.raises(SignatureError, match="cover"):
        check(request_)


def test_a_body_that_was_put_into_a_request_without_one_is_refused() -> None:
    request = dataclasses.replace(cavage(body=b"", covered="(request-target) host date"), body=BODY)

    with pytest.raises(SignatureError, match="cover"):
        check(request)


@pytest.mark.parametrize("sign_request", [cavage, rfc9421])
def test_a_body_swapped_after_signing_is_refused(sign_request: Any) -> None:
    request = dataclasses.replace(sign_request(), body=b'{"type": "Delete"}')

    with pytest.raises(SignatureError, match=r"[Dd]igest"):
        check(request)


@pytest.mark.parametrize(
    "request_",
    [
        cavage(headers={"digest": digest(b"{}")}),
        cavage(headers={"digest": f"{digest(BODY)},{digest(b'{}')}"}),
        cavage(headers={"digest": "SHA-256="}),
        cavage(headers={"digest": "SHA-256"}),
        cavage(headers={"digest": ""}),
        cavage(headers={"digest": "MD5=XUFAKrxLKna5cZ2REBfFkg=="}),
        cavage(headers={"digest": digest(BODY).removesuffix("=")}),
        rfc9421(headers={"content-digest": content_digest(b"{}")}),
        rfc9421(headers={"content-digest": f"{content_digest(BODY)}, {content_digest(b'{}', 'sha-512')}"}),
        rfc9421(headers={"content-digest": f"{content_digest(b'{}')}, {content_digest(BODY)}"}),
        rfc9421(headers={"content-digest": "sha-256=1"}),
        rfc9421(headers={"content-digest": "md5=:XUFAKrxLKna5cZ2REBfFkg==:"}),
        rfc9421(headers={"content-digest": f"{content_digest(BODY)}, {content_digest(b'{}')}"}),
        rfc9421(headers={"content-digest": f"{content_digest(BODY)}, sha-512=1"}),
        rfc9421(headers={"content-digest": f"{content_digest(BODY)}, sha-512=()"}),
        rfc9421(headers={"content-digest": f"{content_digest(BODY)}, nonsense: 1"}),
        rfc9421(headers={"content-digest": ""}),
        rfc9421(headers={"content-digest": "é"}),
        rfc9421(covered='"@method" "@target-uri" "content-digest" "digest"', headers={"digest": digest(b"{}")}),
    ],
)
def test_a_digest_that_is_not_the_bodys_is_refused(request_: HttpRequest) -> None:
    with pytest.raises(SignatureError, match=r"[Dd]igest"):
        check(request_)


@pytest.mark.parametrize("sign_request", [cavage, rfc9421])
@pytest.mark.parametrize(
    "host", ["other.example", "chat.example.evil.example", "chat.example:8443", "chat.example.", ""]
)
def test_a_request_to_another_host_is_refused(sign_request: Any, host: str) -> None:
    with pytest.raises(SignatureError, match="another host"):
        check(sign_request(headers={"host": host}))


def test_a_request_with_two_hosts_or_none_is_refused() -> None:
    for request in (
        with_header(cavage(), "Host", None),
        dataclasses.replace(cavage(), headers=(*cavage().headers, ("Host", "chat.example"))),
    ):
        with pytest.raises(SignatureError, match="another host"):
            check(request)


def test_the_origin_is_ours_and_not_the_requests() -> None:
    with pytest.raises(SignatureError):
        check(rfc9421(), origin="https://other.example")


@pytest.mark.parametrize(
    "uri", ["https://other.example/ap/inbox", "http://chat.example/ap/inbox", f"{ORIGIN}/ap/inbox#k"]
)
def test_a_target_uri_that_is_not_ours_is_refused(uri: str) -> None:
    with pytest.raises(SignatureError, match="hold"):
        check(rfc9421(target_uri=uri))


@pytest.mark.parametrize(
    ("target", "signed_target"),
    [
        ("/ap/inbox?x=1", "/ap/inbox"),
        ("/ap/inbox", "/ap/inbox?x=1"),
        ("/ap/%69nbox", "/ap/inbox"),
        ("/ap//inbox", "/ap/inbox"),
        ("/ap/inbox%0aDate:%20x", "/ap/inbox"),
        ("/ap/users/2/inbox", "/ap/inbox"),
        ("/AP/inbox", "/ap/inbox"),
    ],
)
def test_a_post_to_another_target_is_refused(target: str, signed_target: str) -> None:
    with pytest.raises(SignatureError, match="hold"):
        check(cavage(target=target, signed_target=signed_target))


def test_a_signature_for_another_method_is_refused() -> None:
    request = dataclasses.replace(get(), method="HEAD")

    with pytest.raises(SignatureError, match="hold"):
        check(request)


@pytest.mark.parametrize("age", [timedelta(0), timedelta(minutes=64), timedelta(minutes=-64)])
def test_an_hour_of_difference_between_clocks_is_forgiven(age: timedelta) -> None:
    for request in (cavage(), hs2019(covered="(request-target) host (created) digest"), rfc9421()):
        assert check(without_expiry(request), now=NOW + age).signed_at == NOW


def without_expiry(request: HttpRequest) -> HttpRequest:
    return with_header(request, "Signature", request.get("signature").replace(f",expires={CREATED + 300}", ""))


@pytest.mark.parametrize(
    "age", [timedelta(minutes=66), timedelta(minutes=-66), timedelta(days=-400), timedelta(days=4000)]
)
def test_more_than_an_hour_is_not(age: timedelta) -> None:
    for request in (cavage(), hs2019(covered="(request-target) host (created) digest"), rfc9421()):
        with pytest.raises(SignatureError, match=r"too long ago|yet to"):
            check(without_expiry(request), now=NOW + age)


@pytest.mark.parametrize(
    "request_",
    [
        cavage(parameters=f'algorithm="hs2019",expires={CREATED - 1}'),
        cavage(parameters='algorithm="hs2019",expires=0'),
        rfc9421(parameters=f'created={CREATED};expires={CREATED - 1};keyid="{KEY_ID}"'),
        rfc9421(parameters=f'created={CREATED};expires=-999999999999999;keyid="{KEY_ID}"'),
    ],
)
def test_an_expired_signature_is_refused(request_: HttpRequest) -> None:
    with pytest.raises(SignatureError, match="expired"):
        check(request_)


@pytest.mark.parametrize("seconds", [0, -1, 999_999_999_999_999, -999_999_999_999_999])
def test_an_absurd_creation_time_is_refused(seconds: int) -> None:
    with pytest.raises(SignatureError, match="too long ago"):
        check(rfc9421(parameters=f'created={seconds};keyid="{KEY_ID}"'))


@pytest.mark.parametrize(
    "date",
    [
        "Wed, 25 Nov 2026 12:00:00 -0000",
        "Wed, 25 Nov 2026 12:00:00",
        "Wed, 01 Jan 99999 00:00:00 GMT",
        "Wed, 25 Nov 2026 12:00:00 +9999",
        "Fri, 31 Dec 9999 23:59:59 -1200",
        "Wed, 31 Feb 2026 12:00:00 GMT",
        "Wed, 25 Nov 2026 25:00:00 GMT",
        "0000-00-00T00:00:00Z",
        "yesterday",
        "",
        ",",
        "9" * 10_000,
        f"{http_date(NOW)}, {http_date(NOW)}",
    ],
)
def test_a_date_that_names_no_moment_is_refused(date: str) -> None:
    with pytest.raises(SignatureError):
        check(cavage(headers={"date": date}))


def test_only_the_named_key_is_asked() -> None:
    other = PublicKey(f"{ALICE}#other", ALICE, RSA_KEY.key)

    with pytest.raises(KeyMismatchError):
        check(cavage(), other)


def test_a_key_that_claims_an_owner_elsewhere_is_refused() -> None:
    foreign = PublicKey(KEY_ID, "https://good.example/users/victim", RSA_KEY.key)

    with pytest.raises(KeyMismatchError, match="origin"):
        check(cavage(), foreign)


@pytest.mark.parametrize("sign_request", [cavage, rfc9421])
def test_another_key_of_the_same_name_is_refused(sign_request: Any) -> None:
    impostor = PublicKey(KEY_ID, ALICE, generate_rsa().public_key())

    with pytest.raises(SignatureError, match="hold"):
        check(sign_request(), impostor)


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (cavage(signer=ed25519), ED25519_KEY),
        (cavage(parameters='algorithm="ed25519"'), RSA_KEY),
        (rfc9421(parameters=f'created={CREATED};keyid="{KEY_ID}";alg="ed25519"'), RSA_KEY),
        (rfc9421(signer=ed25519, parameters=f'created={CREATED};keyid="{KEY_ID}";alg="rsa-v1_5-sha256"'), ED25519_KEY),
    ],
)
def test_an_algorithm_that_is_not_the_keys_is_refused(request_: HttpRequest, key: PublicKey) -> None:
    with pytest.raises(SignatureError, match="not one for this key"):
        check(request_, key)


def hmac_with_the_public_key(message: bytes) -> bytes:
    return hmac.digest(public_key_to_pem(RSA_KEY.key).encode(), message, hashlib.sha256)


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "rsa-sha256", "hs2019"])
def test_an_hmac_made_with_the_public_key_is_refused(algorithm: str) -> None:
    forged = cavage(signer=hmac_with_the_public_key, parameters=f'algorithm="{algorithm}"')

    with pytest.raises(SignatureError):
        check(forged)


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "rsa-v1_5-sha256"])
def test_an_rfc9421_hmac_made_with_the_public_key_is_refused(algorithm: str) -> None:
    forged = rfc9421(
        signer=hmac_with_the_public_key, parameters=f'created={CREATED};keyid="{KEY_ID}";alg="{algorithm}"'
    )

    with pytest.raises(SignatureError):
        check(forged)


def test_a_fingerprint_tells_a_replay_from_a_new_request() -> None:
    first, replay, other = check(cavage()), check(cavage()), check(cavage(body=b"{}"))

    assert first.fingerprint == replay.fingerprint != other.fingerprint
    assert len(first.fingerprint) == 64


def test_only_verify_makes_a_verified() -> None:
    with pytest.raises(TypeError):
        Verified(KEY_ID, ALICE, "draft-cavage", datetime.now(UTC), "0" * 64, seal=object())
    with pytest.raises(TypeError):
        dataclasses.replace(check(cavage()), owner="https://good.example/users/victim", seal=None)
