"""Writes of accounts and roles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from app.db import row_count
from app.models import Account, Actor, FormerName, LoginAddress, Ping, RoleGrant, Space
from app.projections import audit, sessions
from app.queries.accounts import Credentials, require_same_password

NO_HASH: Final = "!"
"""Where a password's hash would stand: of no password."""


def add(
    session: Session,
    actor: Actor,
    *,
    username: str,
    password_hash: str,
    now: datetime,
    bot_owner_id: str | None = None,
) -> None:
    session.execute(
        insert(Account).values(
            actor_id=actor.id,
            username=username,
            password_hash=password_hash,
            about=None,
            status="offline",
            last_seen_at=now,
            bot_owner_id=bot_owner_id,
        )
    )


def describe(session: Session, actor: Actor, *, username: str, about: str | None) -> None:
    """The actor's name and what it says of itself; a handle it had stays its own."""
    name = username.lower()
    if name != actor.local_name:
        session.execute(delete(FormerName).where(FormerName.local_name == name, FormerName.actor_id == actor.id))
        session.execute(insert(FormerName).values(local_name=actor.local_name, actor_id=actor.id))
        session.execute(update(Actor).where(Actor.id == actor.id).values(local_name=name, preferred_username=name))
    session.execute(update(Account).where(Account.actor_id == actor.id).values(username=username, about=about))


def set_values(session: Session, actor_id: str, values: Mapping[str, Any]) -> None:
    """Of the account's own columns."""
    if values:
        session.execute(update(Account).where(Account.actor_id == actor_id).values(dict(values)))


def change_access(
    session: Session,
    actor_id: str,
    *,
    now: datetime,
    status: str | None = None,
    password_hash: str | None = None,
    proved: Credentials | None = None,
    session_id: str | None = None,
) -> None:
    """What nobody else needs to hear of. With the old password, which was `proved`, end all sessions but `session_id`.

    Raises UnauthenticatedError where the old password is no longer that.
    """
    if status is not None:
        changed = {"status": status, "last_seen_at": now}
        session.execute(update(Account).where(Account.actor_id == actor_id).values(changed))
    if password_hash is not None:
        if proved is not None:
            require_same_password(session, proved)
        session.execute(update(Account).where(Account.actor_id == actor_id).values(password_hash=password_hash))
        sessions.end_all(session, actor_id, now=now, but=session_id)
        audit.note(session, "password_changed", actor_id=actor_id, now=now)


def ban(session: Session, actor_id: str, *, now: datetime, reason: str | None) -> None:
    """Who has no account here stays as it is."""
    session.execute(update(Account).where(Account.actor_id == actor_id).values(banned_at=now, ban_reason=reason))
    sessions.drop_challenges(session, actor_id)


def time_out(session: Session, actor_id: str, *, until: datetime | None, reason: str | None) -> None:
    """None lets them speak again."""
    changed = {"timed_out_until": until, "timeout_reason": reason}
    session.execute(update(Account).where(Account.actor_id == actor_id).values(changed))


def lift_ban(session: Session, actor_id: str) -> None:
    session.execute(update(Account).where(Account.actor_id == actor_id).values(banned_at=None, ban_reason=None))


def empty(session: Session, actor_id: str) -> None:
    """Of an account that is deleted: what it asked others by pings, what it said of itself, and how it signed in. Its
    name stays taken."""
    gone = {"about": None, "status_text": None, "password_hash": NO_HASH}
    session.execute(update(Account).where(Account.actor_id == actor_id).values(gone))
    session.execute(delete(LoginAddress).where(LoginAddress.actor_id == actor_id))
    session.execute(delete(Ping).where(Ping.sender_id == actor_id))


def claim_ownership(session: Session, actor: Actor, space: Space) -> bool:
    """Make the actor the owner of a space that has none; of two at once only one gets a True."""
    claimed = session.execute(
        update(Space).where(Space.actor_id == space.actor_id, Space.owner_id.is_(None)).values(owner_id=actor.id)
    )
    if row_count(claimed) == 0:
        return False
    grant_role(session, actor, space, "owner")
    return True


def grant_role(session: Session, actor: Actor, space: Space, role: str) -> None:
    session.execute(insert(RoleGrant).values(actor_id=actor.id, space_id=space.actor_id, role=role))
