"""Whether one of ours may speak at all, wherever it is."""

from __future__ import annotations

from datetime import datetime

from app.act import Act
from app.errors import ForbiddenError
from app.models import Actor
from app.queries.permissions import Permissions, get_permissions


def authorise_sender(act: Act, author: Actor) -> None:
    """Whether one of ours may speak at all: not while they are banned or timed out. Raises ForbiddenError."""
    check_speaking(get_permissions(act.session, author), now=act.now)


def check_speaking(permissions: Permissions, *, now: datetime) -> None:
    """The same for whose permissions are known. Raises ForbiddenError."""
    permissions.require("send_messages")
    check_not_timed_out(permissions, now=now)


def check_not_timed_out(permissions: Permissions, *, now: datetime) -> None:
    """For what takes no privilege, and still is heard by others. Raises ForbiddenError."""
    until = permissions.timed_out_until
    if until is not None and until > now:
        raise ForbiddenError(f"You are timed out until {until.isoformat()} and cannot send messages.")
