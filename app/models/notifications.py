"""What one account is told apart from the messages themselves: mentions, and pings from somebody."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Bytes, Id, Name, Time, Uri


class Notification(Base):
    """That `actor` mentioned `account` in a message. It goes when the message goes."""

    __tablename__ = "notifications"

    id: Mapped[Id] = mapped_column(primary_key=True)
    account_id: Mapped[Id] = mapped_column(ForeignKey("accounts.actor_id", ondelete="CASCADE"))
    type: Mapped[Name]
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    message_id: Mapped[Id] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[Time]
    read_at: Mapped[Time | None]

    __table_args__ = (
        UniqueConstraint("account_id", "message_id", "type"),
        Index("ix_notifications_account", "account_id", "id"),
    )


class Ping(Base):
    """A short "are you there" from one person to another, or from a person to a server.

    `status` is "delivered", "acked", "failed" or "expired"; latencies are milliseconds. `sealed` is what was
    said with it.
    """

    __tablename__ = "pings"

    id: Mapped[Id] = mapped_column(primary_key=True)
    type: Mapped[Name]
    sender_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    target_id: Mapped[Id | None] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    target_url: Mapped[Uri | None]
    activity_uri: Mapped[Uri | None]
    sealed: Mapped[Bytes | None]
    status: Mapped[Name]
    http_status: Mapped[int | None]
    latency_ms: Mapped[int | None]
    sent_at: Mapped[Time]
    acked_at: Mapped[Time | None]
    expires_at: Mapped[Time] = mapped_column(index=True)

    __table_args__ = (
        Index("ix_pings_sender", "sender_id", "id"),
        Index("ix_pings_target", "target_id", "id"),
    )
