"""Actors: everything with an inbox, ours and the world's, and the keys that speak for them."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Bytes, Id, LongText, Name, Time, Uri


class Actor(Base):
    """`host` is None for actors whose keys we hold."""

    __tablename__ = "actors"

    id: Mapped[Id] = mapped_column(primary_key=True)
    uri: Mapped[Uri] = mapped_column(unique=True)
    type: Mapped[Name]
    # Unique only among our own: what stands before the @ of a handle, in lower case.
    local_name: Mapped[Name | None] = mapped_column(unique=True)
    host: Mapped[Name | None]
    preferred_username: Mapped[Name]
    name: Mapped[Name]
    # HTML, as it is on the wire, with what a message may have and nothing else.
    summary: Mapped[LongText] = mapped_column(default="")
    url: Mapped[Uri | None]
    icon_url: Mapped[Uri | None]
    image_url: Mapped[Uri | None]
    inbox: Mapped[Uri]
    shared_inbox: Mapped[Uri | None]
    followers: Mapped[Uri | None]
    manually_approves: Mapped[bool] = mapped_column(default=False)
    discoverable: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Time]
    updated_at: Mapped[Time]
    fetched_at: Mapped[Time | None]
    deleted_at: Mapped[Time | None]

    __table_args__ = (Index("ix_actors_host_username", "host", "preferred_username"),)

    @property
    def is_local(self) -> bool:
        return self.host is None


class ActorKey(Base):
    """A public key an actor's document lists; `private` is sealed, and there only for our own."""

    __tablename__ = "actor_keys"

    id: Mapped[Uri] = mapped_column(primary_key=True)
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    kind: Mapped[Name]
    public: Mapped[LongText]
    private: Mapped[Bytes | None]
    created_at: Mapped[Time]

    __table_args__ = (UniqueConstraint("actor_id", "kind", "id"),)


class DataKey(Base):
    """The key that seals one scope (a channel, a conversation, the log), wrapped by a master key."""

    __tablename__ = "data_keys"

    scope: Mapped[Name] = mapped_column(primary_key=True)
    master_id: Mapped[Name]
    wrapped: Mapped[Bytes]
    created_at: Mapped[Time]


class Tombstone(Base):
    """A URI that was deleted or undone: what comes late under it stays dead (activitystreams-vocabulary, 3.3).

    What never came here may be anybody's of its server, so each may say for itself that it is gone: who is right, the
    reader decides, by who made it.
    """

    __tablename__ = "tombstones"

    uri: Mapped[Uri] = mapped_column(primary_key=True)
    actor_id: Mapped[Id] = mapped_column(primary_key=True)
    former_type: Mapped[Name]
    # When its sender signed the removal: an id used again is alive only if signed later than this.
    signed_at: Mapped[Time]
    deleted_at: Mapped[Time]


class Follow(Base):
    """`actor` follows `target`; an accepted follow of a channel or a space is a membership.

    Where the actor is of another server, `domain` is that server's and `inbox` where it is told, which
    `is_shared` if it can be: so that not everybody who follows need be looked at to find out who is told.
    """

    __tablename__ = "follows"

    id: Mapped[Id] = mapped_column(primary_key=True)
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    target_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    state: Mapped[Name]
    activity_uri: Mapped[Uri]
    created_at: Mapped[Time]
    domain: Mapped[Name | None]
    inbox: Mapped[Uri | None]
    is_shared: Mapped[bool] = mapped_column(default=False, server_default=false())

    __table_args__ = (
        UniqueConstraint("actor_id", "target_id"),
        Index("ix_follows_target_state", "target_id", "state", "id"),
        Index("ix_follows_activity", "activity_uri"),
        *(
            Index(
                name,
                *("target_id", "state", "domain", last),
                postgresql_where=text("domain IS NOT NULL"),
                sqlite_where=text("domain IS NOT NULL"),
            )
            for name, last in (("ix_follows_inbox", "inbox"), ("ix_follows_first", "id"))
        ),
    )


class Block(Base):
    """`actor` blocks `blocked`; with `space_id` it is a ban from that space, by a moderator."""

    __tablename__ = "blocks"

    id: Mapped[Id] = mapped_column(primary_key=True)
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    blocked_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    space_id: Mapped[Id | None] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    activity_uri: Mapped[Uri]
    created_at: Mapped[Time]

    __table_args__ = (Index("ix_blocks_blocked", "blocked_id", "actor_id"),)
