"""What moderators and admins work with: reports, blocked networks, and the audit log of what they did."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Big, Bytes, Id, LongText, Name, Serial, Time, Uri


class Role(Base):
    """A role that an admin made for a space; those that every server has are in app/queries/privileges.py."""

    __tablename__ = "roles"

    id: Mapped[Id] = mapped_column(primary_key=True)
    space_id: Mapped[Id] = mapped_column(ForeignKey("spaces.actor_id", ondelete="CASCADE"))
    name: Mapped[Name]
    # The case-folded name, unique in the home space; elsewhere the id.
    name_key: Mapped[Name]
    privileges: Mapped[list[str]] = mapped_column(JSON)
    # Whether "view_private_channels" is among them, for conditions in SQL (app/queries/rule_of_sight.py).
    sees_private: Mapped[bool]
    # Bits (`app.queries.bits`) of a role outside the home space; None where it sets none.
    permissions: Mapped[int | None]
    color: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    description: Mapped[LongText | None]
    created_at: Mapped[Time]
    updated_at: Mapped[Time]

    __table_args__ = (UniqueConstraint("space_id", "name_key"),)


class Report(Base):
    """A Flag: somebody asks the moderators to look at a person, or at messages of theirs.

    `evidence` is what the messages said when they were reported, sealed, so that deleting them does not end the case.
    `status` is "pending", "resolved" or "dismissed"; `resolution` is the action a moderator took.
    """

    __tablename__ = "reports"

    id: Mapped[Id] = mapped_column(primary_key=True)
    type: Mapped[Name]
    status: Mapped[Name]
    # What was reported, where it is neither a person nor messages: a space, a channel, an invite and so on.
    object_id: Mapped[Id | None]
    reporter_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    target_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), index=True)
    message_ids: Mapped[list[str]] = mapped_column(JSON)
    channel_ids: Mapped[list[str]] = mapped_column(JSON)
    category: Mapped[Name]
    description: Mapped[LongText | None]
    evidence: Mapped[Bytes | None]
    activity_uri: Mapped[Uri]
    created_at: Mapped[Time]
    resolved_at: Mapped[Time | None]
    resolved_by: Mapped[Id | None] = mapped_column(ForeignKey("actors.id", ondelete="SET NULL"))
    resolution: Mapped[Name | None]
    reason: Mapped[LongText | None]

    __table_args__ = (
        Index("ix_reports_status", "status", "id"),
        Index("ix_reports_reporter", "reporter_id", "id"),
    )


class AuditEntry(Base):
    """One thing that was done to the server or by its staff. `data` holds ids and settings, never texts or secrets."""

    __tablename__ = "audit_entries"

    position: Mapped[Serial]
    type: Mapped[Name] = mapped_column(index=True)
    actor_id: Mapped[Id | None] = mapped_column(ForeignKey("actors.id", ondelete="SET NULL"))
    target: Mapped[Uri | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[Time] = mapped_column(index=True)

    __table_args__ = ({"sqlite_autoincrement": True},)


class BlockedNetwork(Base):
    """Addresses that get 403 for everything: one, or a CIDR block, as `ipaddress` writes it.

    What the rate limiter blocked by itself has an end; `blocked_by` is None for it.
    """

    __tablename__ = "blocked_networks"

    network: Mapped[Name] = mapped_column(primary_key=True)
    reason: Mapped[LongText]
    blocked_by: Mapped[Id | None] = mapped_column(ForeignKey("actors.id", ondelete="SET NULL"))
    blocked_at: Mapped[Time]
    expires_at: Mapped[Time | None]
    attempts: Mapped[Big] = mapped_column(default=0)
    last_attempt_at: Mapped[Time | None]
