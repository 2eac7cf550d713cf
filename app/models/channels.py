"""Spaces, channels and conversations: where messages stand."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Big, Id, LongText, Name, Time, Uri


class Space(Base):
    """A group of channels with members, Punctum's conference; its name and its icon are its actor's.

    One of another instance is a mirror, and its actor has a host: its home decides what is in it, and by which bits.
    `owner_id` is None until the first account signs up. `permissions` are the bits (`app.queries.bits`) that members
    have where nothing else is set for them.
    """

    __tablename__ = "spaces"

    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True)
    owner_id: Mapped[Id | None] = mapped_column(ForeignKey("actors.id"))
    is_home: Mapped[bool] = mapped_column(default=False)
    is_listed: Mapped[bool] = mapped_column(default=False)
    permissions: Mapped[int] = mapped_column(default=143)
    description: Mapped[LongText | None]


class Channel(Base):
    """A Group actor's messages, in the order this server stored them.

    `space_id` is None for another server's channel that is followed over ActivityPub. `head` is the position of the
    newest message. With `has_bits`, permission bits decide who sees it and what they may do there
    (`app.queries.standing`), of which `permissions` are its own; without, roles and the list of its members, as in all
    channels of the home space.
    """

    __tablename__ = "channels"

    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True)
    space_id: Mapped[Id | None] = mapped_column(ForeignKey("spaces.actor_id"), index=True)
    # Unique while the channel lives: case-folded name of a local channel, None for remote and deleted ones.
    name_key: Mapped[Name | None] = mapped_column(unique=True)
    name: Mapped[Name]
    type: Mapped[Name] = mapped_column(default="text")
    is_private: Mapped[bool] = mapped_column(default=False)
    has_bits: Mapped[bool] = mapped_column(default=False)
    permissions: Mapped[int | None]
    category_id: Mapped[Id | None]
    description: Mapped[LongText | None]
    creator_id: Mapped[Id | None] = mapped_column(ForeignKey("actors.id"))
    head: Mapped[Big] = mapped_column(default=0)
    created_at: Mapped[Time]
    deleted_at: Mapped[Time | None]


class Conversation(Base):
    """Direct messages between people.

    Most are of the same people for good: the id is derived from their URIs, so any two servers agree on it. A group
    was made with an id of its own; people come and go. It alone has a `uri`, which is the context of what is said in
    it, and may have a name and an icon. `thread` is what another server has called one of several people that is none.
    """

    __tablename__ = "conversations"

    id: Mapped[Id] = mapped_column(primary_key=True)
    head: Mapped[Big] = mapped_column(default=0)
    uri: Mapped[Uri | None]
    name: Mapped[Name | None]
    icon_url: Mapped[Uri | None]
    thread: Mapped[Uri | None]
    created_at: Mapped[Time]

    __table_args__ = (Index("ix_conversations_uri", "uri", unique=True),)

    @property
    def is_group(self) -> bool:
        return self.uri is not None


class Participant(Base):
    """Somebody in a conversation; `added_at` is None for whoever was in it from its beginning."""

    __tablename__ = "participants"

    conversation_id: Mapped[Id] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True)
    added_at: Mapped[Time | None]

    __table_args__ = (Index("ix_participants_actor", "actor_id"),)


class ReadMark(Base):
    """How far an account has read a channel: a position, which only grows."""

    __tablename__ = "read_marks"

    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True)
    channel_id: Mapped[Id] = mapped_column(ForeignKey("channels.actor_id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[Big]
    updated_at: Mapped[Time]


class Pin(Base):
    """A message in a channel's featured collection."""

    __tablename__ = "pins"

    channel_id: Mapped[Id] = mapped_column(ForeignKey("channels.actor_id", ondelete="CASCADE"), primary_key=True)
    object_uri: Mapped[Uri] = mapped_column(primary_key=True)
    created_at: Mapped[Time]
