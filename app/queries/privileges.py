"""Roles and what they allow (contracts/pufferblow.md, 0.6): one table for every facade."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import msgspec

# By the categories that clients group them in.
PRIVILEGES: dict[str, tuple[str, ...]] = {
    "user_management": ("create_users", "delete_users", "edit_users", "view_users", "reset_user_tokens"),
    "channel_management": (
        "create_channels",
        "delete_channels",
        "edit_channels",
        "manage_channel_users",
        "view_private_channels",
    ),
    "message_management": ("send_messages", "delete_messages", "edit_messages", "view_messages"),
    "server_management": (
        "manage_server_settings",
        "manage_server_privileges",
        "manage_storage",
        "view_server_stats",
        "manage_background_tasks",
    ),
    "moderation": ("ban_users", "mute_users", "moderate_content", "view_audit_logs", "manage_blocked_ips"),
    "storage_management": ("upload_files", "delete_files", "view_files"),
}
ALL_PRIVILEGES = frozenset(privilege for category in PRIVILEGES.values() for privilege in category)

_USER = frozenset({"send_messages", "view_messages", "upload_files", "view_files", "view_users"})
_MODERATOR = _USER | {
    "create_channels",
    "edit_channels",
    "manage_channel_users",
    "delete_messages",
    "edit_messages",
    "view_private_channels",
    "ban_users",
    "mute_users",
    "moderate_content",
}
_ADMIN = ALL_PRIVILEGES - {"delete_users", "manage_server_privileges", "manage_storage"}


class Role(msgspec.Struct, frozen=True):
    id: str
    name: str
    privileges: frozenset[str]
    is_system: bool = True


# What every server has; others are made by its owner and kept in a table (app/queries/roles.py).
ROLES: dict[str, Role] = {
    role.id: role
    for role in (
        Role("owner", "Server Owner", ALL_PRIVILEGES),
        Role("admin", "Administrator", _ADMIN),
        Role("moderator", "Moderator", _MODERATOR),
        Role("user", "Regular User", _USER),
    )
}
DEFAULT_ROLE = "user"
OF_ADMINS = "manage_server_settings"  # Who holds it is what Punctum calls an admin of the instance.


def privileges_of(roles: Iterable[str]) -> frozenset[str]:
    """Everything that at least one of `roles` allows; an unknown role allows nothing."""
    return _privileges_of(frozenset(roles))


def outranks(privileges: frozenset[str], others: frozenset[str]) -> bool:
    """Whether whoever may do `privileges` may act on somebody who may do `others`: all of it, and more."""
    return others < privileges


@cache
def _privileges_of(roles: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(ROLES[role].privileges for role in roles if role in ROLES))
