"""Sealing at rest: AES-256-GCM under one data key a scope, each wrapped by the master key (envelope encryption).

Protects a stolen dump, disk or backup that comes without SHOAL_SECRET_KEY. Protects nothing from the operator or from
a running server: it is not end-to-end encryption. Erasing one row of `data_keys` makes its whole scope unreadable.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from cachetools import LRUCache
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import upsert
from app.keyring import Keyring, WrongKeyError, seal, unseal
from app.models import DataKey

LOG_SCOPE = "log"
KEY_SCOPE = "keys"
INBOX_SCOPE = "inbox"

# Letters alone, which every full-text index takes for one word.
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")

_log = logging.getLogger(__name__)
_keyring: Keyring | None = None
_data_keys: LRUCache[str, bytes] = LRUCache(maxsize=4096)
_data_keys_lock = threading.Lock()
_forgetters: list[Callable[[], None]] = []


def configure(keyring: Keyring) -> None:
    """Use `keyring` in this process; forgets everything that was opened with the one before."""
    global _keyring  # noqa: PLW0603  One process holds one ring.
    _keyring = keyring
    with _data_keys_lock:
        _data_keys.clear()
    for forget in _forgetters:
        forget()


def on_configure(forget: Callable[[], None]) -> None:
    """Register who remembers what it opened, and is to forget it with the ring."""
    _forgetters.append(forget)


def seal_row(session: Session, scope: str, row: str, plaintext: bytes) -> bytes:
    """`plaintext` sealed for one row: moved to another row or scope it no longer opens."""
    return seal(_data_key(session, scope, create=True), plaintext, _context(scope, row))


def unseal_row(session: Session, scope: str, row: str, sealed: bytes) -> bytes:
    """Raises WrongKeyError when the secret that sealed it is gone, or the bytes are not this row's."""
    return unseal(_data_key(session, scope, create=False), sealed, _context(scope, row))


def open_row(session: Session, scope: str, row: str, sealed: bytes | None) -> bytes | None:
    """None for a row that was erased and, with an error in the log, for one that does not open.

    One that was damaged or put in another's place (hostile case STO-04) is as good as erased, and must not take the
    page around it along. Start-up has proved that the secret itself is the right one.
    """
    if sealed is None:
        return None
    try:
        return unseal_row(session, scope, row, sealed)
    except WrongKeyError as error:
        _log.error("row %s does not open: %s", row, error)
        return None


def link_key(file_id: str) -> str:
    """What lets whoever has it read one file: a MAC that the file's id cannot be turned into without our secret."""
    return _mac(_ring().link_secrets[0], file_id)


def is_link_key(file_id: str, given: str) -> bool:
    """Also of a secret that was the first one before."""
    return any(hmac.compare_digest(_mac(secret, file_id), given) for secret in _ring().link_secrets if given.isascii())


def address_digests(address: str) -> list[str]:
    """What an e-mail address is known by under each secret there is, the first one first."""
    return [_mac(secret, address.casefold()) for secret in _ring().address_secrets]


def blind(scope: str, words: Iterable[str]) -> list[str]:
    """Each word as ten letters that say nothing without our secret, and are others in another scope."""
    secret = _ring().search_secrets[0]
    return [_blinded(secret, scope, word) for word in words]


def blinds(scope: str, words: Iterable[str]) -> list[list[str]]:
    """The same under each secret there is: what was stored before the first one came is found, too."""
    given = list(words)
    return [[_blinded(secret, scope, word) for word in given] for secret in _ring().search_secrets]


def _blinded(secret: bytes, scope: str, word: str) -> str:
    digest = hashlib.blake2b(f"{scope}|{word}".encode(), key=secret, digest_size=5).hexdigest()
    return digest.translate(_LETTERS)


def _mac(secret: bytes, text: str) -> str:
    return hmac.digest(secret, text.encode(), "sha256").hex()


def _context(scope: str, row: str) -> bytes:
    return f"shoal|1|{scope}|{row}".encode()


def _data_key(session: Session, scope: str, *, create: bool) -> bytes:
    with _data_keys_lock:
        known = _data_keys.get(scope)
    if known is not None:
        return known
    key = _load(session, scope)
    if key is None and create:
        _insert(session, scope)
        key = _load(session, scope)
    if key is None:
        raise WrongKeyError(f"no data key for {scope}")
    if scope not in session.info.get("new_scopes", ()):  # Its transaction may yet be rolled back.
        with _data_keys_lock:
            _data_keys[scope] = key
    return key


def _load(session: Session, scope: str) -> bytes | None:
    row = session.execute(select(DataKey.master_id, DataKey.wrapped).where(DataKey.scope == scope)).one_or_none()
    return None if row is None else _ring().unwrap(row.master_id, row.wrapped, f"shoal|data key|{scope}".encode())


def _insert(session: Session, scope: str) -> None:
    master_id, wrapped = _ring().wrap(os.urandom(32), f"shoal|data key|{scope}".encode())
    values = {"scope": scope, "master_id": master_id, "wrapped": wrapped, "created_at": datetime.now(UTC)}
    # At once, and not with other rows: what is sealed with it is never stored before it.
    session.execute(upsert(session, DataKey).values(values).on_conflict_do_nothing())
    session.info.setdefault("new_scopes", set()).add(scope)


def _ring() -> Keyring:
    if _keyring is None:
        raise RuntimeError("app.sealing.configure was not called")
    return _keyring
