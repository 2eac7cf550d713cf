"""Passwords: bcrypt over SHA-256 of what was typed, off the event loop, two at a time."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from typing import TypeVar

import bcrypt

from app.errors import UnavailableError
from app.services.threads import off_the_loop

COST = 12  # 0.25 s of a core.
_SCHEME = "sha256-bcrypt:"
_AT_ONCE = 2  # More would keep the other requests of a small machine from their turn.
_WAIT_SECONDS = 10.0
# Nobody's: what is compared when there is no such account, so that the time it takes says nothing.
_DECOY = f"{_SCHEME}$2b$12$/.lcnZOzpwq0Y9aOzV4HN.D5NTtd6GdKWK.NBmxDLpQY5s72c7dNi"

_turns = threading.BoundedSemaphore(_AT_ONCE)
T = TypeVar("T")


def hash_password(password: str) -> str:
    """Raises UnavailableError when too many others wait for the same."""
    return _SCHEME + _in_turn(lambda: bcrypt.hashpw(_digest(password), bcrypt.gensalt(COST))).decode()


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether it is the hash's password; takes as long where there is no hash.

    Raises UnavailableError when too many others wait for the same.
    """
    scheme, _, stored = (password_hash or _DECOY).partition(":")
    is_right = _in_turn(lambda: bcrypt.checkpw(_digest(password), stored.encode()))
    return is_right and password_hash is not None and f"{scheme}:" == _SCHEME


def _digest(password: str) -> bytes:
    """What bcrypt is given: it reads 72 bytes and stops at a zero byte, and this is 44 without one."""
    return base64.b64encode(hashlib.sha256(password.encode()).digest())


def _in_turn(work: Callable[[], T]) -> T:
    if not _turns.acquire(timeout=_WAIT_SECONDS):
        raise UnavailableError("Too many people are signing in. Try again.")
    try:
        return off_the_loop(work)  # bcrypt would keep it for a quarter of a second.
    finally:
        _turns.release()
