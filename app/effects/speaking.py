"""Whether one of ours may speak at all, wherever it is, and whether anybody may in a channel."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.act import Act
from app.errors import ForbiddenError
from app.models import Actor, Channel
from app.queries.actors import is_banned
from app.queries.bits import Bit
from app.queries.permissions import Permissions, get_permissions
from app.queries.spaces import find_bot_owner
from app.queries.standing import find_standing


def authorise_sender(act: Act, author: Actor) -> None:
    """Whether one of ours may speak at all: not while they are banned or timed out. Raises ForbiddenError."""
    check_speaking(get_permissions(act.session, author), now=act.now)


def check_speaking(permissions: Permissions, *, now: datetime) -> None:
    """The same for whose permissions are known. Raises ForbiddenError."""
    permissions.require("send_messages")
    until = _timed_out_until(permissions, now)
    if until is not None:
        raise ForbiddenError(f"You are timed out until {until.isoformat()} and cannot send messages.")


def check_sending(
    session: Session, actor_id: str, channel: Channel, permissions: Permissions | None, *, now: datetime
) -> None:
    """Whether somebody who sees the channel may say something in it; only those of ours have `permissions`. Raises
    ForbiddenError."""
    if permissions is not None:
        check_speaking(permissions, now=now)
    elif channel.has_bits and is_banned(session, actor_id, channel.space_id):
        raise ForbiddenError("you are banned from this server")
    if channel.has_bits:
        find_standing(session, actor_id, channel.space_id or "", channel.actor_id).require(Bit.SEND)


def authorise_naming(act: Act) -> None:
    """Whether one of ours may say how something is called, or what it is: others are told, as of a message. Raises
    ForbiddenError while they are timed out; a bot says what its owner has it say."""
    if not act.is_local:
        return
    for actor in (act.actor, find_bot_owner(act.session, act.actor.id)):
        if actor is not None:
            check_not_timed_out(get_permissions(act.session, actor), now=act.now)


def check_not_timed_out(permissions: Permissions, *, now: datetime) -> None:
    """For what takes no privilege, and still is heard by others. Raises ForbiddenError."""
    until = _timed_out_until(permissions, now)
    if until is not None:
        raise ForbiddenError(f"You are timed out until {until.isoformat()}.")


def _timed_out_until(permissions: Permissions, now: datetime) -> datetime | None:
    until = permissions.timed_out_until
    return until if until is not None and until > now else None
