"""Reading signature headers: one meaning or none."""

import dataclasses

import pytest

from activitypub.errors import SignatureError
from activitypub.signatures import HttpRequest, parse
from tests.activitypub.signed import CREATED, KEY_ID, cavage, rfc9421, with_header

SIGNATURE = "c2lnbmF0dXJl"
GOOD = f'keyId="{KEY_ID}",algorithm="rsa-sha256",headers="(request-target) host date digest",signature="{SIGNATURE}"'


def carrying(signature: str | None, signature_input: str | None = None) -> HttpRequest:
    return with_header(with_header(cavage(), "Signature", signature), "Signature-Input", signature_input)


def test_the_draft_header_is_read() -> None:
    presented = parse(carrying(GOOD))

    assert (presented.scheme, presented.key_id, presented.key_kind) == ("draft-cavage", KEY_ID, "rsa")
    assert presented.covered == ("(request-target)", "host", "date", "digest")
    assert presented.signature == b"signature"


def test_the_rfc9421_headers_are_read() -> None:
    presented = parse(
        carrying(
            f"sig1=:{SIGNATURE}:",
            f'sig1=("@method" "@query-param";name="a" "date");created=1;expires=2;keyid="{KEY_ID}";alg="ed25519"',
        )
    )

    assert (presented.scheme, presented.label, presented.key_kind) == ("rfc9421", "sig1", "ed25519")
    assert presented.covered == ("@method", '"@query-param";name="a"', "date")
    assert (presented.created, presented.expires, presented.signature) == (1, 2, b"signature")


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="unsigned"),
        pytest.param("", id="empty"),
        pytest.param(",", id="a comma"),
        pytest.param("Bearer token", id="something else"),
        pytest.param(GOOD.replace("keyId", "key"), id="no keyId"),
        pytest.param(GOOD.replace(KEY_ID, ""), id="empty keyId"),
        pytest.param(GOOD.replace("signature=", "sig="), id="no signature"),
        pytest.param(GOOD.replace(SIGNATURE, ""), id="empty signature"),
        pytest.param(GOOD.replace(SIGNATURE, "c2ln bmF0"), id="a space in the signature"),
        pytest.param(GOOD.replace(SIGNATURE, "c2lnbmF0dXJ"), id="half a signature"),
        pytest.param(GOOD.replace(SIGNATURE, "é"), id="not base64"),
        pytest.param(GOOD.replace("headers=", "header="), id="no headers"),
        pytest.param(GOOD.replace("(request-target) host date digest", ""), id="empty headers"),
        pytest.param(GOOD.replace("host date", "host date host"), id="covered twice"),
        pytest.param(GOOD.replace("host date", "host date Host"), id="covered twice in capitals"),
        pytest.param(f'{GOOD},keyId="https://evil.example/u/m#k"', id="keyId twice"),
        pytest.param(f'keyId="https://evil.example/u/m#k",{GOOD}', id="keyId twice, the good one last"),
        pytest.param(f'{GOOD},keyid="https://evil.example/u/m#k"', id="keyId twice in other capitals"),
        pytest.param(f'headers="date",{GOOD}', id="headers twice"),
        pytest.param(f'{GOOD},algorithm="hs2019"', id="algorithm twice"),
        pytest.param(f"{GOOD}, {GOOD}", id="the whole header twice"),
        pytest.param(GOOD.replace("rsa-sha256", "hmac-sha256"), id="HMAC"),
        pytest.param(GOOD.replace("rsa-sha256", "rsa-sha1"), id="SHA-1"),
        pytest.param(GOOD.replace("rsa-sha256", "none"), id="no algorithm at all"),
        pytest.param(GOOD.replace("rsa-sha256", ""), id="empty algorithm"),
        pytest.param(GOOD.replace('"', ""), id="unquoted"),
        pytest.param(GOOD.replace('"', "'"), id="single quotes"),
        pytest.param(GOOD.removesuffix('"'), id="unclosed"),
        pytest.param(GOOD.replace(KEY_ID, 'a\\"b'), id="escaped quote"),
        pytest.param(f"{GOOD},created=1.5", id="half a second"),
        pytest.param(f"{GOOD},created=01", id="octal"),
        pytest.param(f'{GOOD},created="now"', id="created is no number"),
        pytest.param(f"{GOOD},expires=" + "9" * 5000, id="expires is too long"),
        pytest.param(GOOD.replace("host date", "host (created)") + ",created=1", id="(created) with rsa-sha256"),
        pytest.param(GOOD.replace(KEY_ID, f"{KEY_ID}?" + "a" * 65_000), id="64 kB"),
    ],
)
def test_a_draft_header_without_one_meaning_is_refused(header: str | None) -> None:
    with pytest.raises(SignatureError):
        parse(carrying(header))


LABELLED = f"sig1=:{SIGNATURE}:"
INPUT = f'sig1=("@method" "@target-uri");created={CREATED};keyid="{KEY_ID}"'


@pytest.mark.parametrize(
    ("signature_input", "signature"),
    [
        pytest.param(INPUT, None, id="no Signature"),
        pytest.param("", LABELLED, id="empty input"),
        pytest.param(INPUT, "", id="empty signature"),
        pytest.param(INPUT, LABELLED.replace("sig1", "sig2"), id="other labels"),
        pytest.param(f"{INPUT}, {INPUT.replace('sig1', 'sig2')}", LABELLED, id="two inputs"),
        pytest.param(INPUT, f"{LABELLED}, {LABELLED.replace('sig1', 'sig2')}", id="two signatures"),
        pytest.param(
            f"{INPUT}, {INPUT.replace('sig1', 'sig2')}",
            f"{LABELLED}, {LABELLED.replace('sig1', 'sig2')}",
            id="two labels",
        ),
        pytest.param(f"{INPUT}, {INPUT}", LABELLED, id="a label twice in the input"),
        pytest.param(INPUT, f"{LABELLED}, {LABELLED}", id="a label twice in the signature"),
        pytest.param(f"{INPUT};created=1", LABELLED, id="created twice"),
        pytest.param(f'{INPUT};keyid="https://evil.example/k"', LABELLED, id="keyid twice"),
        pytest.param(INPUT.replace('"@method"', '"@method" "@method"'), LABELLED, id="covered twice"),
        pytest.param(
            INPUT.replace('"@method"', '"date";bs;sf "date";sf;bs'), LABELLED, id="covered twice in another order"
        ),
        pytest.param(INPUT.replace('"@method"', '"Date"'), LABELLED, id="capitals"),
        pytest.param(INPUT.replace('"@method"', "date"), LABELLED, id="a token"),
        pytest.param(INPUT.replace('"@method"', "1"), LABELLED, id="a number"),
        pytest.param(INPUT.replace('"@method"', '"\\"date\\""'), LABELLED, id="quotes in a name"),
        pytest.param(INPUT.replace('"@method"', '""'), LABELLED, id="an empty name"),
        pytest.param(INPUT.replace(f'"{KEY_ID}"', "1"), LABELLED, id="keyid is a number"),
        pytest.param(INPUT.replace(f'"{KEY_ID}"', "token"), LABELLED, id="keyid is a token"),
        pytest.param(INPUT.replace(";keyid", ";key"), LABELLED, id="no keyid"),
        pytest.param(INPUT.replace(str(CREATED), '"1"'), LABELLED, id="created is a string"),
        pytest.param(INPUT.replace(str(CREATED), "1.5"), LABELLED, id="created is a decimal"),
        pytest.param(INPUT.replace(f"={CREATED}", ""), LABELLED, id="created is true"),
        pytest.param(INPUT.replace(str(CREATED), "9" * 16), LABELLED, id="created is too long"),
        pytest.param(f'{INPUT};alg="hmac-sha256"', LABELLED, id="HMAC"),
        pytest.param(f'{INPUT};alg="rsa-pss-sha512"', LABELLED, id="RSA-PSS"),
        pytest.param(f"{INPUT};alg=ed25519", LABELLED, id="alg is a token"),
        pytest.param("sig1", LABELLED, id="a bare label"),
        pytest.param('sig1="date"', LABELLED, id="no list"),
        pytest.param(INPUT, "sig1=c2ln", id="signature is a token"),
        pytest.param(INPUT, 'sig1="c2ln"', id="signature is a string"),
        pytest.param(INPUT, f"sig1=({SIGNATURE})", id="signature is a list"),
        pytest.param(INPUT, "sig1=:é:", id="not ASCII"),
        pytest.param(INPUT, GOOD, id="the draft's signature"),
        pytest.param(INPUT, f"{GOOD}, {LABELLED}", id="the draft's signature too"),
        pytest.param(f"{INPUT};x=" + "1" * 9000, LABELLED, id="too long"),
    ],
)
def test_rfc9421_headers_without_one_meaning_are_refused(signature_input: str, signature: str | None) -> None:
    with pytest.raises(SignatureError):
        parse(carrying(signature, signature_input))


@pytest.mark.parametrize(
    "key_id",
    [
        "acct:mallory@evil.example",
        "urn:uuid:0",
        "/u/mallory#k",
        "#k",
        " ",
        "http://evil.example/u/m#k",
        "https://a:b@evil.example/u/m#k",
        "https://GOOD.example/u/victim#k",
        "https://good.example./u/victim#k",
        "https://good.example:443/u/victim#k",
        "https://good.example%2f@evil.example/u/v#k",
        "https://good.example@evil.example/u/v#k",
        "https://127.0.0.1/u/v#k",
        "https://[::1]/u/v#k",
        "https://localhost/u/v#k",
        "https://good.example/u/../v#k",
        "https://évil.example/u/v#k",
    ],
)
def test_a_key_id_that_is_not_one_servers_uri_is_refused(key_id: str) -> None:
    for request in (cavage(key_id=key_id), rfc9421(parameters=f'created={CREATED};keyid="{key_id}"')):
        with pytest.raises(SignatureError):
            parse(request)


@pytest.mark.parametrize("target", ["", "*", "ap/inbox", "https://chat.example/ap/inbox", "chat.example:443"])
def test_a_target_that_is_no_path_is_refused(target: str) -> None:
    with pytest.raises(SignatureError, match="path"):
        parse(dataclasses.replace(cavage(), target=target))


def test_an_authorization_header_is_not_a_signature() -> None:
    request = with_header(carrying(None), "Authorization", f"Signature {GOOD}")

    with pytest.raises(SignatureError):
        parse(request)
