"""Permission bits: what each allows, and which of them somebody has where (contracts/punctum.md, 5).

One number says all that a member may do. In the home space it is read from the privileges of roles, and a role's
privileges from it, so that both protocols ask the same engine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntFlag
from functools import reduce
from operator import or_
from typing import Final


class Bit(IntFlag):
    """Contracts/punctum.md, 5.1; the last is in the table of emoji alone."""

    SEE = 1
    READ = 2
    SEND = 4
    OWN = 8
    MODERATE = 16
    INVITE = 32
    CHANNELS = 64
    OWN_NICKNAME = 128
    NICKNAMES = 256
    KICK = 512
    BAN = 1024
    ROLES = 2048
    SPACE = 4096
    EMOJI = 8192


ALL: Final = 16383
DEFAULT: Final = 143
_OF_A_CONVERSATION: Final = int(Bit.SEE | Bit.READ | Bit.SEND | Bit.OWN | Bit.CHANNELS)
_IGNORED_IN_A_CONVERSATION: Final = int(Bit.ROLES | Bit.SPACE)

# Each bit is what all of its privileges are together; the built-in roles come out as the contract has them (5.3).
_PRIVILEGES: Final[dict[Bit, frozenset[str]]] = {
    Bit.SEE: frozenset({"view_messages"}),
    Bit.READ: frozenset({"view_messages"}),
    Bit.SEND: frozenset({"send_messages"}),
    Bit.OWN: frozenset({"send_messages"}),
    Bit.MODERATE: frozenset({"delete_messages"}),
    Bit.INVITE: frozenset({"manage_channel_users"}),
    Bit.CHANNELS: frozenset({"create_channels", "edit_channels", "delete_channels"}),
    Bit.OWN_NICKNAME: frozenset({"send_messages"}),
    Bit.NICKNAMES: frozenset({"moderate_content"}),
    Bit.KICK: frozenset({"mute_users"}),
    Bit.BAN: frozenset({"ban_users"}),
    Bit.ROLES: frozenset({"edit_users"}),
    Bit.SPACE: frozenset({"manage_server_settings"}),
}


def combine(
    *,
    space: int,
    channel: int | None = None,
    roles: Iterable[int | None] = (),
    member: int | None = None,
    is_owner: bool = False,
    is_banned: bool = False,
) -> int:
    """What is set for a member: each of space, channel, roles and member overrides the one before, where it is set
    (contracts/punctum.md, 5.3)."""
    if is_banned:
        return 0
    if is_owner:
        return ALL
    if member is not None:
        return member
    of_roles = [role for role in roles if role is not None]
    if of_roles:
        return reduce(or_, of_roles)
    return space if channel is None else channel


def evaluate(
    *,
    space: int,
    channel: int | None = None,
    roles: Iterable[int | None] = (),
    member: int | None = None,
    is_owner: bool = False,
    is_banned: bool = False,
) -> int:
    """What a member may do: what is set, without what takes other bits that are not."""
    set_ = combine(space=space, channel=channel, roles=roles, member=member, is_owner=is_owner, is_banned=is_banned)
    return without_dependents(set_)


def evaluate_conversation(channel: int | None) -> int:
    """What somebody in a conversation may do there."""
    bits = _OF_A_CONVERSATION if channel is None else channel & ~_IGNORED_IN_A_CONVERSATION
    return without_dependents(bits)


def without_dependents(bits: int) -> int:
    """Nobody writes where they do not read, or reads what they do not see."""
    if not bits & Bit.SEE:
        return bits & ~int(Bit.READ | Bit.SEND | Bit.OWN | Bit.MODERATE | Bit.CHANNELS)
    if not bits & Bit.READ:
        return bits & ~int(Bit.SEND | Bit.OWN | Bit.MODERATE)
    return bits


def bits_of(privileges: Collection[str]) -> int:
    """The bits that privileges amount to."""
    held = frozenset(privileges)
    return sum(bit for bit, needed in _PRIVILEGES.items() if needed <= held)
