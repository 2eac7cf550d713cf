"""Other people's attacks on signatures (Wycheproof): our own wrappers verify what is valid, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from activitypub.errors import UnusableKeyError
from activitypub.keys import (
    KeyMaterial,
    PublicKey,
    is_signed_by,
    public_key_from_multikey,
    public_key_from_pem,
    public_key_to_multikey,
)
from tests.corpus import corpus

ALICE = "https://peer.example/users/alice"

UNDECIDED = "acceptable"  # One signature of RSA, with an old encoding: either answer is right.


def groups(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((corpus("wycheproof") / name).read_text())["testGroups"]
    return found


def read_key(pem: str) -> KeyMaterial:
    """As it comes to us: by PEM, and from then on as the Multikey we keep."""
    key = PublicKey(f"{ALICE}#main-key", ALICE, public_key_from_pem(pem)).key
    return public_key_from_multikey(public_key_to_multikey(key))


def verdicts(name: str) -> Iterator[tuple[str, bool, str]]:
    """(what is wanted, what we say, the case)"""
    for group in groups(name):
        key = read_key(group["publicKeyPem"])
        for test in group["tests"]:
            says = is_signed_by(key, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
            yield test["result"], says, f"{test['tcId']} {test['comment']}"


@pytest.mark.parametrize(
    ("name", "count"),
    [("rsa_signature_2048_sha256_test.json", 259), ("ed25519_test.json", 151)],
    ids=["rsa", "ed25519"],
)
def test_what_is_valid_verifies_and_what_is_invalid_does_not(name: str, count: int) -> None:
    wrong, seen = [], 0

    for wanted, says, case in verdicts(name):
        seen += 1
        if wanted != UNDECIDED and says != (wanted == "valid"):
            wrong.append(case)

    assert wrong == []
    assert seen == count


def test_a_raw_ed25519_key_is_the_one_of_its_pem() -> None:
    for group in groups("ed25519_test.json"):
        raw = Ed25519PublicKey.from_public_bytes(bytes.fromhex(group["publicKey"]["pk"]))
        assert public_key_from_pem(group["publicKeyPem"]) == raw


def test_a_kind_of_key_we_do_not_take_signs_nothing() -> None:
    """ECDSA: all 262 signatures are refused with their keys, the 173 good ones too."""
    refused = 0

    for group in groups("ecdsa_secp256r1_sha256_p1363_test.json"):
        with pytest.raises(UnusableKeyError):
            public_key_from_pem(group["publicKeyPem"])
        refused += len(group["tests"])

    assert refused == 262
