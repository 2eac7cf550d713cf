"""Reads of decentralized node auth: challenges, what a node proved itself with before, sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Account, Actor, NodeChallenge, NodeSession, NodeTrust


def find_challenge(session: Session, challenge_id: str) -> NodeChallenge | None:
    return session.get(NodeChallenge, challenge_id)


def count_open_challenges(session: Session, account_id: str, *, now: datetime) -> int:
    """Those that can still be answered."""
    query = select(func.count()).where(
        NodeChallenge.account_id == account_id, NodeChallenge.consumed_at.is_(None), NodeChallenge.expires_at > now
    )
    return session.execute(query).scalar_one()


def find_trust(session: Session, account_id: str, node_id: str) -> NodeTrust | None:
    return session.get(NodeTrust, (account_id, node_id))


def find_live_session(session: Session, digest: str, *, now: datetime) -> NodeSession | None:
    """The session of a token, known by the token's SHA-256; None when it ended, or its account did or is banned."""
    return session.scalar(
        select(NodeSession)
        .join(Account, Account.actor_id == NodeSession.account_id)
        .join(Actor, Actor.id == NodeSession.account_id)
        .where(
            NodeSession.digest == digest,
            NodeSession.revoked_at.is_(None),
            NodeSession.expires_at > now,
            Account.banned_at.is_(None),
            Actor.deleted_at.is_(None),
        )
    )
