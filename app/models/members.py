"""Who is or was in a space, what lets people in, and the emoji it has."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Id, LongText, Name, Time, Uri


class Member(Base):
    """An actor's membership of a space, with what is its own there.

    Who is banned keeps the row and is no member. `permissions` are bits for this member alone, None where what its
    roles or the space allow holds for it, too.
    """

    __tablename__ = "members"

    id: Mapped[Id] = mapped_column(primary_key=True)
    space_id: Mapped[Id] = mapped_column(ForeignKey("spaces.actor_id", ondelete="CASCADE"))
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    nickname: Mapped[Name | None]
    permissions: Mapped[int | None]
    joined_at: Mapped[Time]
    banned_at: Mapped[Time | None]

    __table_args__ = (UniqueConstraint("space_id", "actor_id"), Index("ix_members_actor", "actor_id"))


class FormerMember(Base):
    """The bits that were set for somebody alone, who left a space or was put out of it: they count on the return."""

    __tablename__ = "former_members"

    space_id: Mapped[Id] = mapped_column(ForeignKey("spaces.actor_id", ondelete="CASCADE"), primary_key=True)
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True, index=True)
    permissions: Mapped[int]


class Invite(Base):
    """Whoever has its id or its name may join the space, as often as it is asked."""

    __tablename__ = "invites"

    id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[Name]
    # The case-folded name.
    name_key: Mapped[Name] = mapped_column(unique=True)
    space_id: Mapped[Id] = mapped_column(ForeignKey("spaces.actor_id", ondelete="CASCADE"), index=True)
    creator_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    created_at: Mapped[Time]


class CustomEmoji(Base):
    """A picture that a shortcode stands for, in one space, or without one on the whole server."""

    __tablename__ = "custom_emoji"

    id: Mapped[Id] = mapped_column(primary_key=True)
    shortcode: Mapped[Name]
    note: Mapped[LongText | None]
    image_url: Mapped[Uri]
    space_id: Mapped[Id | None] = mapped_column(ForeignKey("spaces.actor_id", ondelete="CASCADE"))
    creator_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    created_at: Mapped[Time]
    updated_at: Mapped[Time]

    __table_args__ = (UniqueConstraint("space_id", "shortcode"),)
