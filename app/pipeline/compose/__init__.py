"""Compose: from what a person asks for to the activity that says it, addressed as its place demands.

Facades translate their requests into calls of these and submit what they get. Nothing here decides what may be done;
what the viewer cannot see raises NotFoundError all the same.
"""

from app.pipeline.compose.places import (
    admission,
    channel,
    channel_deletion,
    channel_update,
    expulsion,
    follow,
    unfollow,
)
from app.pipeline.compose.said import (
    channel_message,
    deletion,
    direct_message,
    edit,
    handle,
    reaction,
    reaction_taken_back,
)
from app.pipeline.compose.staff import ban, ban_lifted, profile, report, role, role_deletion, roles_change, server

__all__ = [
    "admission",
    "ban",
    "ban_lifted",
    "channel",
    "channel_deletion",
    "channel_message",
    "channel_update",
    "deletion",
    "direct_message",
    "edit",
    "expulsion",
    "follow",
    "handle",
    "profile",
    "reaction",
    "reaction_taken_back",
    "report",
    "role",
    "role_deletion",
    "roles_change",
    "server",
    "unfollow",
]
