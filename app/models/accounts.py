"""Accounts: local logins, their sessions, and the roles they hold."""

from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Id, LongText, Name, Time


class Account(Base):
    """A local account. `username` keeps the case it was given; the actor's local_name is its lower case.

    `status` is whether somebody is there, `status_text` what they say of it. A bot has an owner, and signs in nowhere.
    """

    __tablename__ = "accounts"

    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True)
    username: Mapped[Name]
    password_hash: Mapped[Name]
    about: Mapped[LongText | None]
    status: Mapped[Name] = mapped_column(default="offline")
    status_text: Mapped[LongText | None]
    is_indexed: Mapped[bool] = mapped_column(default=False)
    bot_owner_id: Mapped[Id | None] = mapped_column(index=True)
    last_seen_at: Mapped[Time]
    timed_out_until: Mapped[Time | None]
    timeout_reason: Mapped[LongText | None]
    banned_at: Mapped[Time | None]
    ban_reason: Mapped[LongText | None]


class FormerName(Base):
    """What stood before the @ of somebody's handle, in lower case: it leads to them still, and is nobody else's."""

    __tablename__ = "former_names"

    local_name: Mapped[Name] = mapped_column(primary_key=True)
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))


class RoleGrant(Base):
    """A role an actor holds in a space. Everybody has `user` without a row."""

    __tablename__ = "role_grants"

    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True)
    space_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[Name] = mapped_column(primary_key=True)


class Presence(Base):
    """That somebody has a socket in one web process. A process that is gone no longer moves `seen_at` of its rows."""

    __tablename__ = "presences"

    process_id: Mapped[Id] = mapped_column(primary_key=True)
    actor_id: Mapped[Id] = mapped_column(
        ForeignKey("accounts.actor_id", ondelete="CASCADE"), primary_key=True, index=True
    )
    seen_at: Mapped[Time]


class LoginSession(Base):
    """A signed-in client: the family of refresh tokens that began with one sign-in (RFC 9700, section 4.14.2)."""

    __tablename__ = "sessions"

    id: Mapped[Id] = mapped_column(primary_key=True)
    actor_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[Time]
    revoked_at: Mapped[Time | None]


class RefreshToken(Base):
    """One refresh token, known by its SHA-256 alone; `used_at` marks it rotated."""

    __tablename__ = "refresh_tokens"

    id: Mapped[Id] = mapped_column(primary_key=True)
    session_id: Mapped[Id] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    digest: Mapped[Name]
    expires_at: Mapped[Time]
    used_at: Mapped[Time | None]

    __table_args__ = (UniqueConstraint("digest"),)
