"""Keys: which are taken, which are refused, and that they come back as they were written."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

from activitypub.errors import UnusableKeyError
from activitypub.keys import (
    PublicKey,
    encode_base58btc,
    generate_ed25519,
    generate_rsa,
    is_signed_by,
    private_key_from_der,
    private_key_to_der,
    public_key_from_multikey,
    public_key_from_pem,
    public_key_to_multikey,
    public_key_to_pem,
    sign,
)
from tests.corpus import corpus

RSA = generate_rsa()
ED25519 = generate_ed25519()


def spki_pem(key: Any) -> str:
    pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_a_stored_private_key_signs_as_before(key: Any) -> None:
    restored = private_key_from_der(private_key_to_der(key))

    assert sign(restored, b"message") == sign(key, b"message")


def test_a_stored_key_of_another_kind_is_not_ours() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    data = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    with pytest.raises(ValueError, match="neither"):
        private_key_from_der(data)


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_a_published_key_checks_what_its_private_key_signed(key: Any) -> None:
    from_pem = public_key_from_pem(public_key_to_pem(key.public_key()))
    from_multikey = public_key_from_multikey(public_key_to_multikey(key.public_key()))

    assert from_pem == from_multikey == key.public_key()
    assert is_signed_by(from_pem, sign(key, b"message"), b"message")


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("signature", [b"", b"\0", b"\0" * 64, b"\xff" * 256, b"\0" * 4096])
def test_a_wrong_signature_is_an_answer_and_no_error(key: Any, signature: bytes) -> None:
    assert not is_signed_by(key.public_key(), signature, b"message")


def test_a_new_rsa_key_has_2048_bits() -> None:
    assert RSA.key_size == 2048


def test_pkcs1_pem_is_read_too() -> None:
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()

    assert "RSA PUBLIC KEY" in pem
    assert public_key_from_pem(pem) == RSA.public_key()


def test_a_key_knows_its_kind() -> None:
    kinds = [PublicKey("https://a.example/k", "https://a.example/u", key.public_key()).kind for key in (RSA, ED25519)]

    assert kinds == ["rsa", "ed25519"]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(rsa.generate_private_key(65537, 1024).public_key(), id="RSA-1024"),
        pytest.param(rsa.RSAPublicNumbers(65537, 2**8999 + 1).public_key(), id="RSA-9000"),
        pytest.param(rsa.RSAPublicNumbers(2**65 + 1, 2**2047 + 1).public_key(), id="huge exponent"),
        pytest.param(ec.generate_private_key(ec.SECP256R1()).public_key(), id="P-256"),
    ],
)
def test_a_weak_or_foreign_key_never_becomes_a_public_key(key: Any) -> None:
    with pytest.raises(UnusableKeyError):
        PublicKey("https://a.example/k", "https://a.example/u", key)


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param("", id="empty"),
        pytest.param("not a pem", id="text"),
        pytest.param("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", id="no key inside"),
        pytest.param(spki_pem(RSA.public_key()) * 20, id="too long"),
        pytest.param(spki_pem(RSA.public_key()).replace("A", "é"), id="not ASCII"),
        pytest.param(spki_pem(ec.generate_private_key(ec.SECP256K1()).public_key()), id="secp256k1"),
        pytest.param(spki_pem(dsa.generate_private_key(1024).public_key()), id="DSA"),
    ],
)
def test_a_pem_that_holds_no_key_we_take_is_refused(pem: str) -> None:
    with pytest.raises(UnusableKeyError):
        public_key_from_pem(pem)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("z", id="no data"),
        pytest.param("u7QEu", id="another base"),
        pytest.param("z0OIl", id="not base58"),
        pytest.param("z6Mké", id="not ASCII"),
        pytest.param("z" + "1" * 100_000, id="too long"),
        pytest.param(encode_base58btc(b"\xed\x01short"), id="truncated"),
        pytest.param(encode_base58btc(b"\x85\x24no DER"), id="not DER"),
        pytest.param(encode_base58btc(b"\x80\x24" + b"\x02" * 33), id="P-256"),
    ],
)
def test_a_multikey_that_holds_no_key_we_take_is_refused(text: str) -> None:
    with pytest.raises(UnusableKeyError):
        public_key_from_multikey(text)


@pytest.mark.parametrize(
    ("scenario", "read"),
    [(0, Ed25519PublicKey.from_public_bytes), (1, load_der_public_key)],
    ids=["ed25519", "rsa"],
)
def test_the_multikeys_of_fep_521a_round_trip(scenario: int, read: Callable[[bytes], Any]) -> None:
    feature = json.loads((corpus("object-integrity") / "fep-521a.json").read_text())
    given, _, then = feature["scenarios"][scenario]["steps"]
    key = read(bytes.fromhex(given["step"].split('"')[1]))
    text = then["json"]["publicKeyMultibase"]

    assert public_key_from_multikey(text) == key
    assert public_key_to_multikey(key) == text


def test_every_key_that_real_servers_publish_is_taken() -> None:
    actors = [json.loads(path.read_text()) for path in (corpus("real-deliveries") / "actors").glob("*.json")]
    published = [actor["publicKey"] for actor in actors if isinstance(actor.get("publicKey"), dict)]

    keys = [PublicKey(key["id"], key["id"], public_key_from_pem(key["publicKeyPem"])) for key in published]

    assert len(keys) >= 10
    assert {key.kind for key in keys} == {"rsa"}
