"""Ends of login sessions, of node sessions, and of what opens them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.models import LoginSession, NodeChallenge, NodeSession, OAuthClient
from app.projections import events


def end(session: Session, session_id: str, *, now: datetime) -> None:
    """Its sockets end with it, in whichever process they are: the event tells all of them."""
    session.execute(update(LoginSession).where(LoginSession.id == session_id).values(revoked_at=now))
    events.tell(session, "session_ended", now=now, session_id=session_id)


def end_all(session: Session, actor_id: str, *, now: datetime, but: str | None = None) -> None:
    """Every login session of an account, and those of its nodes, also those about to be; `but` one, if it is named.

    Its bots' secrets end, too: whoever had stolen the account could have made one to keep it (hostile case TOK-10).
    """
    alive = select(LoginSession.id).where(LoginSession.actor_id == actor_id, LoginSession.revoked_at.is_(None))
    for session_id in session.scalars(alive.where(LoginSession.id != (but or ""))).all():
        end(session, session_id, now=now)
    drop_challenges(session, actor_id)  # First: it waits for whoever answers one just now, whose session is there then.
    session.execute(
        update(NodeSession)
        .where(NodeSession.account_id == actor_id, NodeSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    session.execute(update(OAuthClient).where(OAuthClient.account_id == actor_id).values(secret_digest=None))


def drop_challenges(session: Session, actor_id: str) -> None:
    """What an account's nodes have not answered yet, so that no session comes of it later."""
    session.execute(
        delete(NodeChallenge).where(NodeChallenge.account_id == actor_id, NodeChallenge.consumed_at.is_(None))
    )
