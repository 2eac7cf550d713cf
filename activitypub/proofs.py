"""Integrity proofs in documents: FEP-8b32 with the cryptosuite eddsa-jcs-2022."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from activitypub.canonical import canonical
from activitypub.errors import ProofError
from activitypub.keys import PublicKey, decode_base58btc, encode_base58btc, is_signed_by, sign
from activitypub.strict_json import Json, JsonObject
from activitypub.uris import is_canonical, same_origin

_SUITE: Final = {
    "type": "DataIntegrityProof",
    "cryptosuite": "eddsa-jcs-2022",
    "proofPurpose": "assertionMethod",
}
# A signature has 64 bytes, which is at most 88 characters of base58 after the multibase prefix.
_MAX_PROOF_VALUE: Final = 89
# `signature` is an RsaSignature2017 that other software adds afterwards; it is never trusted.
_NOT_HASHED: Final = frozenset({"proof", "signature"})


def add_proof(
    document: Mapping[str, Json],
    *,
    verification_method: str,
    private_key: Ed25519PrivateKey,
    created: datetime,
) -> JsonObject:
    """The document with a proof by the key published as ``verification_method``, in place of any other.

    Raises ``ProofError`` if the document holds something that has no canonical form.
    """
    options: JsonObject = {
        **_SUITE,
        "verificationMethod": verification_method,
        "created": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if "@context" in document:
        options["@context"] = document["@context"]
    value = encode_base58btc(sign(private_key, signed_bytes(document, options)))
    return {**document, "proof": {**options, "proofValue": value}}


def proof_key_id(document: Mapping[str, Json]) -> str:
    """The id of the key that would have to have made the document's proof: what to fetch.

    It is of one origin with the document and with everyone in whose name it speaks (FEP-fe34). Raises
    ``ProofError`` otherwise, and where there is not exactly one proof, or one of another kind.
    """
    key_id = _proof(document).get("verificationMethod")
    if not isinstance(key_id, str) or not is_canonical(key_id):
        raise ProofError("the verification method is not an https URI in its one spelling")
    identities = [document[name] for name in ("id", "actor", "attributedTo") if name in document]
    if not identities or not all(isinstance(uri, str) and same_origin(uri, key_id) for uri in identities):
        raise ProofError("the key is not of one origin with the document and its owner")
    return key_id


def verify_proof(document: Mapping[str, Json], key: PublicKey, *, now: datetime) -> None:
    """Return if the owner of the document vouched for it with ``key``; raise ``ProofError`` if not.

    The caller has fetched ``key`` as ``proof_key_id`` said, and has made sure that its owner lists it
    under ``assertionMethod``.
    """
    if proof_key_id(document) != key.id:
        raise ProofError("the key is not the one that the proof names")
    if any(owner != key.owner for owner in _owners(document)):
        raise ProofError("the key is not that of the document's owner")
    if not isinstance(key.key, Ed25519PublicKey):
        raise ProofError("eddsa-jcs-2022 needs an Ed25519 key")
    _check_expiry(_proof(document), now)
    check_proof_value(document, key.key)


def check_proof_value(document: Mapping[str, Json], key: Ed25519PublicKey) -> None:
    """Raise ``ProofError`` unless ``key`` made the proof: arithmetic only, whoever the key may belong to."""
    proof = _proof(document)
    value = proof.get("proofValue")
    signature = decode_base58btc(value, max_length=_MAX_PROOF_VALUE) if isinstance(value, str) else None
    if signature is None:
        raise ProofError("the proof value is not a signature in base58btc")
    options = {name: member for name, member in proof.items() if name != "proofValue"}
    if not is_signed_by(key, signature, signed_bytes(document, options)):
        raise ProofError("the proof does not hold")


def signed_bytes(document: Mapping[str, Json], options: Mapping[str, Json]) -> bytes:
    """What the key signs (vc-di-eddsa section 3.3): the hashes of the proof's options and of the document."""
    content = {name: member for name, member in document.items() if name not in _NOT_HASHED}
    if "@context" in options:
        # Whoever relays a document may add to its context, but not change what the author meant.
        _check_context(content.get("@context"), options["@context"])
        content["@context"] = options["@context"]
    return hashlib.sha256(canonical(dict(options))).digest() + hashlib.sha256(canonical(content)).digest()


def _proof(document: Mapping[str, Json]) -> JsonObject:
    proof = document.get("proof")
    if isinstance(proof, list) and len(proof) == 1:
        proof = proof[0]
    if not isinstance(proof, dict):
        raise ProofError("not exactly one proof")
    if any(proof.get(name) != value for name, value in _SUITE.items()):
        raise ProofError("not an eddsa-jcs-2022 proof of an assertion")
    if "previousProof" in proof:
        raise ProofError("the proof depends on another")
    return proof


def _owners(document: Mapping[str, Json]) -> list[Json]:
    """Who the document says it is from; an actor's own document is from itself."""
    return [document[name] for name in ("actor", "attributedTo") if name in document] or [document.get("id")]


def _check_expiry(proof: JsonObject, now: datetime) -> None:
    if "expires" not in proof:
        return
    try:
        expires = datetime.fromisoformat(str(proof["expires"]))
    except ValueError:
        raise ProofError("the proof's expiry cannot be read") from None
    if expires.tzinfo is None or expires < now:
        raise ProofError("the proof has expired, or does not say in which time zone it does")


def _check_context(document_context: Json, proof_context: Json) -> None:
    actual, signed = _as_list(document_context), _as_list(proof_context)
    if actual[: len(signed)] != signed:
        raise ProofError("the document's context does not start with the proof's")


def _as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
