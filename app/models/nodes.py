"""Decentralized node auth: devices of an account that prove a key or a shared secret (contracts/pufferblow.md, 2)."""

from __future__ import annotations

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Id, LongText, Name, Time


class NodeChallenge(Base):
    """A nonce that one node of one account may answer once, within two minutes."""

    __tablename__ = "node_challenges"

    id: Mapped[Id] = mapped_column(primary_key=True)
    account_id: Mapped[Id] = mapped_column(ForeignKey("accounts.actor_id", ondelete="CASCADE"))
    node_id: Mapped[Name]
    nonce: Mapped[Name]
    expires_at: Mapped[Time] = mapped_column(index=True)
    consumed_at: Mapped[Time | None]


class NodeTrust(Base):
    """What a node of an account proved itself with the first time, and must ever after.

    `public_key` is its key, or None; `secret_hash` is of its shared secret, or None.
    """

    __tablename__ = "node_trusts"

    account_id: Mapped[Id] = mapped_column(ForeignKey("accounts.actor_id", ondelete="CASCADE"), primary_key=True)
    node_id: Mapped[Name] = mapped_column(primary_key=True)
    public_key: Mapped[LongText | None]
    secret_hash: Mapped[Name | None]
    created_at: Mapped[Time]


class NodeSession(Base):
    """A proved node's session, for 24 hours. The token itself is with the node; `digest` is its SHA-256 in hex."""

    __tablename__ = "node_sessions"

    id: Mapped[Id] = mapped_column(primary_key=True)
    account_id: Mapped[Id] = mapped_column(ForeignKey("accounts.actor_id", ondelete="CASCADE"), index=True)
    node_id: Mapped[Name]
    public_key: Mapped[LongText]
    digest: Mapped[Name]
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[Time]
    expires_at: Mapped[Time]
    revoked_at: Mapped[Time | None]

    __table_args__ = (UniqueConstraint("digest"),)
