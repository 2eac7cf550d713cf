"""Keys: RSA and Ed25519, as made, stored, published and checked."""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import base58
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_public_key,
)

from activitypub.errors import UnusableKeyError

KeyKind: TypeAlias = Literal["rsa", "ed25519"]
PrivateKey: TypeAlias = RSAPrivateKey | Ed25519PrivateKey
KeyMaterial: TypeAlias = RSAPublicKey | Ed25519PublicKey

_RSA_BITS: Final = 2048
_MAX_RSA_BITS: Final = 8192
# A larger exponent makes each verification cost its sender nothing and us milliseconds.
_MAX_RSA_EXPONENT_BITS: Final = 64
_MAX_TEXT: Final = 4096

# Multicodec prefixes as unsigned varints: ed25519-pub 0xed, rsa-pub 0x1205.
_ED25519_PREFIX: Final = b"\xed\x01"
_RSA_PREFIX: Final = b"\x85\x24"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key under the id it is published by, with the actor that owns it.

    Only a key worth trusting becomes one: RSA of 2048 to 8192 bits, or Ed25519. Anything else raises
    ``UnusableKeyError``. Keep it rather than its text, because reading a key costs more than using it.
    """

    id: str
    owner: str
    key: KeyMaterial = field(repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.key, RSAPublicKey):
            _check_rsa(self.key)
        elif not isinstance(self.key, Ed25519PublicKey):
            raise UnusableKeyError("neither an RSA nor an Ed25519 key")

    @property
    def kind(self) -> KeyKind:
        return "rsa" if isinstance(self.key, RSAPublicKey) else "ed25519"


def generate_rsa() -> RSAPrivateKey:
    """A fresh RSA-2048 key, the one kind that every peer can check. Takes tens of milliseconds and more."""
    return generate_private_key(public_exponent=65537, key_size=_RSA_BITS)


def generate_ed25519() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def sign(key: PrivateKey, message: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519, as the key is."""
    if isinstance(key, RSAPrivateKey):
        return key.sign(message, PKCS1v15(), SHA256())
    return key.sign(message)


def is_signed_by(key: KeyMaterial, signature: bytes, message: bytes) -> bool:
    """Whether ``key`` made ``signature``; the algorithm follows from the key and from nothing else."""
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, message, PKCS1v15(), SHA256())
        else:
            key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def private_key_to_der(key: PrivateKey) -> bytes:
    """PKCS#8, unencrypted: whoever stores it encrypts it."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def private_key_from_der(data: bytes) -> PrivateKey:
    """Read back what ``private_key_to_der`` wrote; raises ``ValueError`` for anything else."""
    # Proving the primes again takes 40 ms, and whoever can change what we store has won already.
    key = load_der_private_key(data, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError("neither an RSA nor an Ed25519 private key")
    return key


def public_key_to_pem(key: KeyMaterial) -> str:
    """SubjectPublicKeyInfo, the form of ``publicKeyPem``."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def public_key_from_pem(pem: str) -> KeyMaterial:
    """Read a ``publicKeyPem``; older software publishes PKCS#1 (``RSA PUBLIC KEY``), which is read too.

    Raises ``UnusableKeyError``.
    """
    if len(pem) > _MAX_TEXT:
        raise UnusableKeyError("the PEM is too long for any key we accept")
    try:
        key = load_pem_public_key(pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableKeyError(f"not a public key in PEM: {error}") from None
    return _accepted(key)


def public_key_to_multikey(key: KeyMaterial) -> str:
    """The ``publicKeyMultibase`` of a Multikey (FEP-521a): base58btc over a multicodec."""
    if isinstance(key, RSAPublicKey):
        data = _RSA_PREFIX + key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    else:
        data = _ED25519_PREFIX + key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return encode_base58btc(data)


def public_key_from_multikey(text: str) -> KeyMaterial:
    """Read a ``publicKeyMultibase`` that holds an Ed25519 or an RSA key. Raises ``UnusableKeyError``."""
    data = decode_base58btc(text, max_length=_MAX_TEXT)
    if data is None:
        raise UnusableKeyError("not a multikey in base58btc")
    prefix, rest = data[:2], data[2:]
    try:
        if prefix == _ED25519_PREFIX:
            return Ed25519PublicKey.from_public_bytes(rest)
        if prefix == _RSA_PREFIX:
            return _accepted(load_der_public_key(rest))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableKeyError(f"the multikey holds no key: {error}") from None
    raise UnusableKeyError("the multikey is of a kind we do not know")


def encode_base58btc(data: bytes) -> str:
    """Multibase text: ``z`` and the base58 of Bitcoin."""
    return "z" + base58.b58encode(data).decode("ascii")


def decode_base58btc(text: str, *, max_length: int) -> bytes | None:
    """The bytes of a multibase ``z`` text, or None if it is none, or longer than ``max_length``."""
    # The length is looked at first because decoding takes quadratic time.
    if len(text) > max_length or not text.startswith("z") or not text.isalnum():
        return None
    try:
        return base58.b58decode(text[1:])
    except ValueError:
        return None


def _accepted(key: object) -> KeyMaterial:
    if not isinstance(key, RSAPublicKey | Ed25519PublicKey):
        raise UnusableKeyError("neither an RSA nor an Ed25519 key")
    return key


def _check_rsa(key: RSAPublicKey) -> None:
    if not _RSA_BITS <= key.key_size <= _MAX_RSA_BITS:
        raise UnusableKeyError(f"an RSA key of {key.key_size} bits")
    if key.public_numbers().e.bit_length() > _MAX_RSA_EXPONENT_BITS:
        raise UnusableKeyError("an RSA key with an oversized exponent")
