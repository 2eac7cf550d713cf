"""OAuth: clients, what people allowed them, and the sessions of browsers that people do so with."""

from __future__ import annotations

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Id, Name, Time, Uri


class OAuthClient(Base):
    """A program that asks for access. One with a secret is known by its SHA-256 alone.

    `account_id` is set for a bot: whom its own credentials speak for. A bot's without a secret has ended.
    """

    __tablename__ = "oauth_clients"

    id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[Name]
    uri: Mapped[Uri | None]
    secret_digest: Mapped[Name | None]
    auth_method: Mapped[Name]
    redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    grant_types: Mapped[list[str]] = mapped_column(JSON)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    account_id: Mapped[Id | None] = mapped_column(ForeignKey("accounts.actor_id", ondelete="CASCADE"), index=True)
    created_at: Mapped[Time] = mapped_column(index=True)


class OAuthSession(Base):
    """Whose a login session is that a client was given, and all that it may do.

    It never goes without its session, which would then be limited no more: so a client is deleted after its sessions.
    """

    __tablename__ = "oauth_sessions"

    session_id: Mapped[Id] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    client_id: Mapped[Id] = mapped_column(ForeignKey("oauth_clients.id"), index=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)


class OAuthCode(Base):
    """An authorization code, known by its SHA-256. It is good while the browser session that allowed it is, once.

    `opened_id` is the session that was opened with it: a code that comes twice ends that (RFC 6749, section 4.1.2).
    """

    __tablename__ = "oauth_codes"

    digest: Mapped[Name] = mapped_column(primary_key=True)
    client_id: Mapped[Id] = mapped_column(ForeignKey("oauth_clients.id", ondelete="CASCADE"))
    session_id: Mapped[Id] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    redirect_uri: Mapped[Uri]
    scopes: Mapped[list[str]] = mapped_column(JSON)
    code_challenge: Mapped[Name | None]
    code_challenge_method: Mapped[Name | None]
    expires_at: Mapped[Time] = mapped_column(index=True)
    opened_id: Mapped[Id | None]


class OAuthDeviceCode(Base):
    """What a device waits with, known by its SHA-256, until somebody types `user_code` (RFC 8628).

    `session_id` is the browser session that allowed it. `interval` is in seconds.
    """

    __tablename__ = "oauth_device_codes"

    digest: Mapped[Name] = mapped_column(primary_key=True)
    user_code: Mapped[Name]
    client_id: Mapped[Id] = mapped_column(ForeignKey("oauth_clients.id", ondelete="CASCADE"))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    expires_at: Mapped[Time] = mapped_column(index=True)
    interval: Mapped[int]
    polled_at: Mapped[Time | None]
    session_id: Mapped[Id | None] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    denied_at: Mapped[Time | None]

    __table_args__ = (UniqueConstraint("user_code"),)


class OAuthConsent(Base):
    """What somebody allowed a client the last time they were asked."""

    __tablename__ = "oauth_consents"

    actor_id: Mapped[Id] = mapped_column(ForeignKey("accounts.actor_id", ondelete="CASCADE"), primary_key=True)
    client_id: Mapped[Id] = mapped_column(
        ForeignKey("oauth_clients.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    scopes: Mapped[list[str]] = mapped_column(JSON)
    granted_at: Mapped[Time]


class BrowserSession(Base):
    """The cookie of a login session in a browser, known by its SHA-256."""

    __tablename__ = "browser_sessions"

    session_id: Mapped[Id] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[Name]
    expires_at: Mapped[Time] = mapped_column(index=True)

    __table_args__ = (UniqueConstraint("digest"),)


class LoginAddress(Base):
    """An e-mail address that somebody may sign in with in place of their name; `digest` is a MAC, not the address."""

    __tablename__ = "login_addresses"

    digest: Mapped[Name] = mapped_column(primary_key=True)
    actor_id: Mapped[Id] = mapped_column(ForeignKey("accounts.actor_id", ondelete="CASCADE"), index=True)
