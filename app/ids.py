"""Local ids: a type prefix, an underscore and a time-ordered number in letters and digits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeGuard

import uuid_utils

Prefix = Literal[
    "user",
    "channel",
    "space",
    "dm",
    "msg",
    "act",
    "follow",
    "role",
    "file",
    "session",
    "token",
    "key",
    "inbox",
    "delivery",
    "react",
    "block",
    "report",
    "notification",
    "ping",
    "challenge",
    "node",
    "client",
    "member",
    "invite",
    "emoji",
    "instance",
]

INSTANCE_ID = "0"
OBJECT_ID: Final = r"[A-Za-z0-9_-]{1,64}"
"""What an instance may call an object (contracts/punctum.md, 1.0)."""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, whose order is the numbers' order.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"[a-z]+_[0-9a-z]{26}")


def new_id(prefix: Prefix) -> str:
    """A fresh id; ids made later sort after ids made earlier, to the millisecond (RFC 9562, version 7)."""
    return f"{prefix}_{_digits(uuid_utils.uuid7().int)}"


def id_beside(prefix: Prefix, id: str) -> str:
    """The id of a thing of another kind that was made together with that one, and can always be told from it."""
    return f"{prefix}_{id.rpartition('_')[2]}"


def first_id_at(prefix: Prefix, at: datetime) -> str:
    """What no id made before `at` sorts after, and none made since sorts before; nobody's own id."""
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    return f"{prefix}_{_digits(max(milliseconds, 0) << 80)}"


def made_at(id: str) -> datetime:
    """When an id of ours was made, to the millisecond."""
    number = 0
    for digit in id.rpartition("_")[2]:
        number = number << 5 | _ALPHABET.index(digit)
    return _EPOCH + timedelta(milliseconds=number >> 80)


def _digits(number: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    return text == INSTANCE_ID or _ID.fullmatch(text) is not None


def is_object_id(value: object) -> TypeGuard[str]:
    """Whether an instance, ours or another, may call an object this."""
    return isinstance(value, str) and re.fullmatch(OBJECT_ID, value) is not None
