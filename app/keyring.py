"""Keys that never reach the database: derived from the operator's secrets, newest first."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class WrongKeyError(Exception):
    """The bytes were sealed by a key we do not hold, or were changed."""


def _derive(secret: str, purpose: str, length: int = 32) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=f"shoal {purpose} v1".encode()).derive(secret.encode())


def seal(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """AES-256-GCM: a random 96-bit nonce, then the ciphertext bound to `context` (NIST SP 800-38D)."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """The plaintext of `seal`.

    Raises WrongKeyError when key, bytes or context are not those of the sealing.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise WrongKeyError("sealed with another key, or changed since") from error


class MasterKey(msgspec.Struct, frozen=True):
    """One key that wraps data keys. `id` tells which secret made it without telling the secret."""

    id: str
    key: bytes


class Keyring:
    """Master keys and token secrets of an ordered list of secrets; the first one is used for what is new."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._masters = {
            master.id: master
            for secret in reversed(secrets)
            for master in [MasterKey(_derive(secret, "key id", 8).hex(), _derive(secret, "at rest"))]
        }
        self.active = self._masters[_derive(secrets[0], "key id", 8).hex()]
        self.token_secrets = {
            _derive(secret, "token id", 4).hex(): _derive(secret, "access tokens") for secret in secrets
        }
        self.active_token_id = next(iter(self.token_secrets))
        self.link_secrets = [_derive(secret, "file links") for secret in secrets]
        self.address_secrets = [_derive(secret, "login addresses") for secret in secrets]
        self.search_secrets = [_derive(secret, "search") for secret in secrets]

    def wrap(self, data_key: bytes, context: bytes) -> tuple[str, bytes]:
        """(master key id, wrapped key)"""
        return self.active.id, seal(self.active.key, data_key, context)

    def unwrap(self, master_id: str, wrapped: bytes, context: bytes) -> bytes:
        """Raises WrongKeyError when the secret that wrapped it is no longer in the ring."""
        master = self._masters.get(master_id)
        if master is None:
            raise WrongKeyError("wrapped by a secret that is not in SHOAL_SECRET_KEY")
        return unseal(master.key, wrapped, context)
