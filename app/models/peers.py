"""Other instances that speak Punctum: whose ids are whose, who is told of what, and what waits to be told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Id, LongText, Name, Serial, Time


class KnownId(Base):
    """What an object of ours is called on another instance, or one of that instance's objects here.

    `is_origin` says that the object comes from there. One that its home has deleted keeps its row, so that what comes
    late under the id stays dead.
    """

    __tablename__ = "known_ids"

    local_id: Mapped[Id] = mapped_column(primary_key=True)
    domain: Mapped[Name] = mapped_column(primary_key=True)
    remote_id: Mapped[Name]
    is_origin: Mapped[bool]
    deleted_at: Mapped[Time | None]

    __table_args__ = (UniqueConstraint("domain", "remote_id"),)


class ToldPerson(Base):
    """What is said over Punctum alone of a person of another instance. `status` is in our words."""

    __tablename__ = "told_people"

    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True)
    status: Mapped[Name]
    status_text: Mapped[LongText | None]
    bot_owner_id: Mapped[Id | None]


class Subscription(Base):
    """An instance that is told of a target of ours: an account, a space with all in it, or a conversation."""

    __tablename__ = "subscriptions"

    target_id: Mapped[Id] = mapped_column(primary_key=True)
    domain: Mapped[Name] = mapped_column(primary_key=True)
    created_at: Mapped[Time]

    __table_args__ = (Index("ix_subscriptions_domain", "domain"),)


class Outgoing(Base):
    """Something that an instance is to be told: the id of what changed, or a request on behalf of one of ours.

    One `key` waits once for each instance, and what is sent is what is true then. `version` grows when the same
    happens again, so that what was being sent meanwhile is not forgotten; `created_at` is the last time that it did.
    `attempts` failed with this alone being sent, and `next_attempt_at` is set where it was to blame.
    """

    __tablename__ = "outgoing"

    position: Mapped[Serial]
    domain: Mapped[Name]
    key: Mapped[Name]
    kind: Mapped[Name]
    object_id: Mapped[Id]
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    version: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Time]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[Time | None]

    __table_args__ = (
        UniqueConstraint("domain", "key"),
        Index("ix_outgoing_domain", "domain", "attempts", "position"),
        {"sqlite_autoincrement": True},
    )


class Peer(Base):
    """An instance that we have met over Punctum: what it speaks besides, and whether it answers.

    `silent_since` is None while it takes what it is told. `leased_until` is the end of the turn of the worker that
    speaks to it, if that does not go on.
    """

    __tablename__ = "peers"

    domain: Mapped[Name] = mapped_column(primary_key=True)
    speaks_activitypub: Mapped[bool] = mapped_column(default=False)
    silent_since: Mapped[Time | None]
    next_probe_at: Mapped[Time | None]
    leased_until: Mapped[Time | None]
    last_error: Mapped[LongText | None]
    created_at: Mapped[Time]


class ToldInstance(Base):
    """What another instance says of itself. `id` is ours for it; texts are plain."""

    __tablename__ = "told_instances"

    domain: Mapped[Name] = mapped_column(ForeignKey("peers.domain", ondelete="CASCADE"), primary_key=True)
    id: Mapped[Id] = mapped_column(unique=True)
    software: Mapped[Name]
    name: Mapped[Name]
    description: Mapped[LongText | None]


class SeenSignature(Base):
    """A signed request that was taken; a second one with the same signature is a replay."""

    __tablename__ = "seen_signatures"

    fingerprint: Mapped[Name] = mapped_column(primary_key=True)
    seen_at: Mapped[Time] = mapped_column(index=True)
