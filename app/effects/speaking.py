"""Whether one of ours may speak at all, wherever it is."""

from __future__ import annotations

from app.act import Act
from app.errors import ForbiddenError
from app.models import Actor
from app.queries.permissions import Permissions, get_permissions


def authorise_sender(act: Act, author: Actor) -> None:
    """Whether one of ours may speak at all: not while they are banned or timed out. Raises ForbiddenError."""
    check_speaking(act, get_permissions(act.session, author))


def check_speaking(act: Act, permissions: Permissions) -> None:
    """The same for whose permissions are known. Raises ForbiddenError."""
    permissions.require("send_messages")
    until = permissions.timed_out_until
    if until is not None and until > act.now:
        raise ForbiddenError(f"You are timed out until {until.isoformat()} and cannot send messages.")
