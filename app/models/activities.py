"""The log: every activity that was applied here, the queues around it, and the events it caused."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Big, Bytes, Id, LongText, Name, Serial, Time, Uri


class Activity(Base):
    """The envelope of a recorded activity: it stays when the document is erased.

    `digest` is the SHA-256, in hex, of the recorded document, byte for byte and with its proof. `idempotency_key` is a
    local client's own name for the request that made it, hashed with its actor, and `request_digest` tells that request
    from another one under the same name.
    """

    __tablename__ = "activities"

    position: Mapped[Serial]
    id: Mapped[Id] = mapped_column(unique=True)
    uri: Mapped[Uri] = mapped_column(unique=True)
    type: Mapped[Name]
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id"))
    object_uri: Mapped[Uri | None]
    target_uri: Mapped[Uri | None]
    audience: Mapped[Name]
    digest: Mapped[Name]
    idempotency_key: Mapped[Name | None] = mapped_column(unique=True)
    request_digest: Mapped[Name | None]
    signed_at: Mapped[Time]
    recorded_at: Mapped[Time]
    undone_at: Mapped[Time | None]

    __table_args__ = (
        Index("ix_activities_actor", "actor_id", "position"),
        Index("ix_activities_object", "object_uri"),
        {"sqlite_autoincrement": True},
    )


class ActivityDocument(Base):
    """The document of a recorded activity, sealed; erased with the message it carries."""

    __tablename__ = "activity_documents"

    activity_id: Mapped[Id] = mapped_column(primary_key=True)
    scope: Mapped[Name]
    sealed: Mapped[Bytes]


# In the words in which it has to be said for the index to be used.
_IS_TRIED = "state = 'queued' AND attempts > 0"


class InboxItem(Base):
    """A verified request that was answered 202, until a worker has applied it.

    `seen_key` is the activity's URI, for a Follow with the signature's fingerprint: Takahe uses an id again.
    The emptied row stays as the memory that the id was seen.
    """

    __tablename__ = "inbox_items"

    position: Mapped[Serial]
    seen_key: Mapped[Uri]
    host: Mapped[Name]
    activity_uri: Mapped[Uri]
    signer_uri: Mapped[Uri]
    # Who did it, inside whatever passed it on.
    author_uri: Mapped[Uri | None]
    key_id: Mapped[Uri]
    sealed: Mapped[Bytes | None]
    state: Mapped[Name]
    outcome: Mapped[LongText | None]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[Time]
    signed_at: Mapped[Time]
    received_at: Mapped[Time]

    __table_args__ = (
        UniqueConstraint("seen_key", "host"),
        Index("ix_inbox_items_due", "state", "host", "position"),
        Index(
            "ix_inbox_items_tried",
            *("state", "host", "author_uri", "position"),  # SQLite takes the index by which most is the same.
            postgresql_where=text(_IS_TRIED),
            sqlite_where=text(_IS_TRIED),
        ),
        {"sqlite_autoincrement": True},
    )


class Delivery(Base):
    """One activity to one inbox. `position` is the order in which its host must hear."""

    __tablename__ = "deliveries"

    position: Mapped[Serial]
    activity_id: Mapped[Id] = mapped_column(ForeignKey("activities.id"))
    sender_id: Mapped[Id] = mapped_column(ForeignKey("actors.id"))
    host: Mapped[Name]
    inbox: Mapped[Uri]
    is_shared: Mapped[bool] = mapped_column(default=False)
    state: Mapped[Name]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[Time]
    last_status: Mapped[int | None]
    last_error: Mapped[LongText | None]
    created_at: Mapped[Time]
    expires_at: Mapped[Time]
    finished_at: Mapped[Time | None]

    __table_args__ = (
        UniqueConstraint("activity_id", "inbox"),
        Index("ix_deliveries_due", "state", "host", "position"),
        {"sqlite_autoincrement": True},
    )


class Receipt(Base):
    """An inbox that a living message went to, when the delivery that tells so is no longer kept.

    Whoever has a copy is told when it is deleted, however long after (reliability.md, section 5.3).
    """

    __tablename__ = "receipts"

    message_id: Mapped[Id] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    inbox: Mapped[Uri] = mapped_column(primary_key=True)
    host: Mapped[Name]
    is_shared: Mapped[bool]


class Host(Base):
    """Another server: how it has answered lately, and who is talking to it now (a lease, in wall-clock time)."""

    __tablename__ = "hosts"

    host: Mapped[Name] = mapped_column(primary_key=True)
    state: Mapped[Name] = mapped_column(default="up")
    scheme: Mapped[Name | None]
    failures: Mapped[int] = mapped_column(default=0)
    first_failure_at: Mapped[Time | None]
    failing_days: Mapped[int] = mapped_column(default=0)
    last_failing_day: Mapped[Name | None]
    last_success_at: Mapped[Time | None]
    # Probes of a dormant host that failed as if it were no more; a success sets it back.
    absent_probes: Mapped[int] = mapped_column(default=0)
    probe_at: Mapped[Time | None]
    drain_since: Mapped[Time | None]
    delivery_lease: Mapped[Name | None]
    delivery_lease_until: Mapped[Time | None]
    inbox_lease: Mapped[Name | None]
    inbox_lease_until: Mapped[Time | None]
    key_retry_at: Mapped[Time | None]
    dropped: Mapped[Big] = mapped_column(default=0)
    created_at: Mapped[Time]


class Event(Base):
    """What sockets are told. It holds ids and no text: the text is read, and the right to it checked, when sent."""

    __tablename__ = "events"

    position: Mapped[Serial]
    type: Mapped[Name]
    channel_id: Mapped[Id | None]
    conversation_id: Mapped[Id | None]
    message_id: Mapped[Id | None]
    actor_id: Mapped[Id | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[Time] = mapped_column(index=True)

    # SQLite would otherwise give the numbers of pruned rows again, and a position is for ever.
    __table_args__ = ({"sqlite_autoincrement": True},)


class Setting(Base):
    """What an admin set at run time, and what the installation knows of itself."""

    __tablename__ = "settings"

    name: Mapped[Name] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
