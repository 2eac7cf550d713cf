"""Messages (Notes): the row everyone may count on, and the sealed text that can be erased."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Big, Bytes, Id, Name, Time, Uri


class Message(Base):
    """A Note in a channel or in a conversation.

    `position` orders it there and never changes. `audience` is who the author meant: "public" anybody, "members"
    those of the channel, "direct" the participants. A deleted message keeps its row as the tombstone.
    """

    __tablename__ = "messages"

    id: Mapped[Id] = mapped_column(primary_key=True)
    uri: Mapped[Uri] = mapped_column(unique=True)
    author_id: Mapped[Id] = mapped_column(ForeignKey("actors.id"))
    channel_id: Mapped[Id | None] = mapped_column(ForeignKey("channels.actor_id", ondelete="CASCADE"))
    conversation_id: Mapped[Id | None] = mapped_column(ForeignKey("conversations.id"))
    position: Mapped[Big]
    audience: Mapped[Name]
    in_reply_to: Mapped[Uri | None]
    published_at: Mapped[Time]
    edited_at: Mapped[Time | None]
    deleted_at: Mapped[Time | None]

    __table_args__ = (
        UniqueConstraint("channel_id", "position"),
        UniqueConstraint("conversation_id", "position"),
        Index("ix_messages_author", "author_id", "id"),
        Index(
            "ix_messages_in_reply_to",
            "in_reply_to",
            postgresql_where=text("in_reply_to IS NOT NULL"),
            sqlite_where=text("in_reply_to IS NOT NULL"),
        ),
        Index(
            "ix_messages_living",
            "channel_id",
            "position",
            postgresql_where=text("deleted_at IS NULL"),
            sqlite_where=text("deleted_at IS NULL"),
        ),
        CheckConstraint("(channel_id IS NULL) <> (conversation_id IS NULL)", name="one_place"),
    )


class HistoryGap(Base):
    """How many messages of a channel or conversation are deleted among `app.queries.paging.BLOCK` positions.

    Counted in the transaction that deletes them; a block without any has no row.
    """

    __tablename__ = "history_gaps"

    place_id: Mapped[Id] = mapped_column(primary_key=True)
    block: Mapped[Big] = mapped_column(primary_key=True, autoincrement=False)
    deleted: Mapped[Big]


class MessageContent(Base):
    """What a message says, sealed. Erasing this row is what deleting means."""

    __tablename__ = "message_contents"

    message_id: Mapped[Id] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[Bytes]


class Reaction(Base):
    """A Like with or without an emoji (FEP-c0e0); a bare Like is a heart."""

    __tablename__ = "reactions"

    id: Mapped[Id] = mapped_column(primary_key=True)
    message_id: Mapped[Id] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    emoji: Mapped[Name]
    activity_uri: Mapped[Uri] = mapped_column(index=True)
    created_at: Mapped[Time]

    __table_args__ = (UniqueConstraint("message_id", "actor_id", "emoji"),)


class Share(Base):
    """An Announce of a message by somebody."""

    __tablename__ = "shares"

    message_id: Mapped[Id] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True)
    activity_uri: Mapped[Uri] = mapped_column(index=True)
    created_at: Mapped[Time]
