"""Reads of OAuth: clients, codes, and what somebody has signed in with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, and_, literal, select
from sqlalchemy.orm import Session

from app.ids import is_id
from app.models import (
    Account,
    Actor,
    BrowserSession,
    LoginSession,
    OAuthClient,
    OAuthCode,
    OAuthConsent,
    OAuthDeviceCode,
    OAuthSession,
    RefreshToken,
)

MAX_LISTED = 200


class ListedSession(msgspec.Struct, frozen=True):
    """A login session that has not ended. `client_name` is None for one with a password of its own."""

    id: str
    created_at: datetime
    is_browser: bool
    client_id: str | None
    client_name: str | None


class ListedApp(msgspec.Struct, frozen=True):
    """A client that somebody allowed something, or that speaks for them, until it has ended."""

    id: str
    name: str
    uri: str | None
    scopes: tuple[str, ...]
    is_bot: bool
    has_ended: bool = False


def find_client(session: Session, client_id: str) -> OAuthClient | None:
    """A text that is no id of ours is not asked for: PostgreSQL would refuse some."""
    return session.get(OAuthClient, client_id) if is_id(client_id) else None


def is_unused(registered_before: datetime) -> ColumnElement[bool]:
    """Whether a client that has registered itself before then is one that nobody allows anything."""
    session_of_client = select(OAuthSession.session_id).join(LoginSession, LoginSession.id == OAuthSession.session_id)
    return and_(
        OAuthClient.created_at < registered_before,
        OAuthClient.account_id.is_(None),
        ~select(OAuthConsent.actor_id).where(OAuthConsent.client_id == OAuthClient.id).exists(),
        ~session_of_client.where(OAuthSession.client_id == OAuthClient.id, LoginSession.revoked_at.is_(None)).exists(),
    )


def find_code(session: Session, digest: str, client_id: str) -> OAuthCode | None:
    """For whoever is about to use it: a second one waits for the first."""
    found = select(OAuthCode).where(OAuthCode.digest == digest, OAuthCode.client_id == client_id)
    return session.scalar(found.with_for_update())


def find_device_code(session: Session, digest: str) -> OAuthDeviceCode | None:
    """For whoever is about to use it, like `find_code`."""
    return session.scalar(select(OAuthDeviceCode).where(OAuthDeviceCode.digest == digest).with_for_update())


def find_user_code(session: Session, user_code: str, *, now: datetime) -> OAuthDeviceCode | None:
    """One that nobody has decided about yet."""
    return session.scalar(
        select(OAuthDeviceCode).where(
            OAuthDeviceCode.user_code == user_code,
            OAuthDeviceCode.expires_at > now,
            OAuthDeviceCode.session_id.is_(None),
            OAuthDeviceCode.denied_at.is_(None),
        )
    )


def find_browser(session: Session, digest: str, *, now: datetime) -> tuple[str, str] | None:
    """(session id, actor id) of a browser that is signed in."""
    row = session.execute(
        select(LoginSession.id, LoginSession.actor_id)
        .join(BrowserSession, BrowserSession.session_id == LoginSession.id)
        .where(BrowserSession.digest == digest, BrowserSession.expires_at > now, LoginSession.revoked_at.is_(None))
    ).one_or_none()
    return None if row is None else (row.id, row.actor_id)


def find_active_account(session: Session, session_id: str) -> str | None:
    """Whose login session it is, while it has not ended and they are neither banned nor deleted."""
    return session.scalar(
        select(LoginSession.actor_id)
        .join(Account, Account.actor_id == LoginSession.actor_id)
        .join(Actor, Actor.id == LoginSession.actor_id)
        .where(
            LoginSession.id == session_id,
            LoginSession.revoked_at.is_(None),
            Account.banned_at.is_(None),
            Actor.deleted_at.is_(None),
        )
    )


def hold_active_account(session: Session, session_id: str) -> str | None:
    """The same for whoever is about to begin another session by it."""
    _hold_account(session, select(LoginSession.actor_id).where(LoginSession.id == session_id).scalar_subquery())
    return find_active_account(session, session_id)


def hold_active_bot(session: Session, client_id: str, actor_id: str) -> bool:
    """Whether a bot speaks for an account that is neither banned nor deleted, for whoever is about to begin a session
    of it."""
    _hold_account(session, literal(actor_id))
    has_secret = select(OAuthClient.id).where(OAuthClient.id == client_id, OAuthClient.secret_digest.is_not(None))
    return session.scalar(has_secret) is not None and is_active(session, actor_id)


def _hold_account(session: Session, actor_id: ColumnElement[str]) -> None:
    """Who ends all sessions of the account, as with a new password, waits for one that is begun now, or has been waited
    for."""
    held = select(Account.actor_id).where(Account.actor_id == actor_id)
    session.execute(held.with_for_update(key_share=True))


def is_active(session: Session, actor_id: str) -> bool:
    """Whether an account is neither banned nor deleted."""
    found = (
        select(Account.actor_id)
        .join(Actor, Actor.id == Account.actor_id)
        .where(Account.actor_id == actor_id, Account.banned_at.is_(None), Actor.deleted_at.is_(None))
    )
    return session.scalar(found) is not None


def find_bot_session(session: Session, client_id: str) -> str | None:
    """The login session that a bot's tokens belong to, until it is ended."""
    return session.scalar(
        select(LoginSession.id)
        .join(OAuthSession, OAuthSession.session_id == LoginSession.id)
        .where(OAuthSession.client_id == client_id, LoginSession.revoked_at.is_(None))
        .limit(1)
    )


def find_consent(session: Session, actor_id: str, client_id: str) -> frozenset[str] | None:
    consent = session.get(OAuthConsent, (actor_id, client_id))
    return None if consent is None else frozenset(consent.scopes)


def list_sessions(session: Session, actor_id: str, *, now: datetime) -> Sequence[ListedSession]:
    """Those that can still be used: what is not a browser's or a bot's goes on by its refresh tokens."""
    refreshing = select(RefreshToken.session_id).where(RefreshToken.expires_at > now)
    bots = select(OAuthClient.id).where(OAuthClient.account_id == actor_id)
    rows = session.execute(
        select(LoginSession.id, LoginSession.created_at, BrowserSession.digest, OAuthClient.id, OAuthClient.name)
        .outerjoin(BrowserSession, BrowserSession.session_id == LoginSession.id)
        .outerjoin(OAuthSession, OAuthSession.session_id == LoginSession.id)
        .outerjoin(OAuthClient, OAuthClient.id == OAuthSession.client_id)
        .where(
            LoginSession.actor_id == actor_id,
            LoginSession.revoked_at.is_(None),
            (BrowserSession.expires_at > now) | LoginSession.id.in_(refreshing) | OAuthSession.client_id.in_(bots),
        )
        .order_by(LoginSession.id.desc())
        .limit(MAX_LISTED)
    )
    return [ListedSession(row[0], row[1], row[2] is not None, row[3], row[4]) for row in rows]


def list_apps(session: Session, actor_id: str) -> Sequence[ListedApp]:
    """Clients that were allowed something, and bots, by their names."""
    consents = select(OAuthClient, OAuthConsent.scopes).join(OAuthConsent, OAuthConsent.client_id == OAuthClient.id)
    allowed = session.execute(consents.where(OAuthConsent.actor_id == actor_id).limit(MAX_LISTED))
    apps = [ListedApp(client.id, client.name, client.uri, tuple(scopes), is_bot=False) for client, scopes in allowed]
    bots = session.scalars(select(OAuthClient).where(OAuthClient.account_id == actor_id).limit(MAX_LISTED))
    apps += [
        ListedApp(bot.id, bot.name, bot.uri, tuple(bot.scopes), is_bot=True, has_ended=bot.secret_digest is None)
        for bot in bots
    ]
    return sorted(apps, key=lambda app: (app.name.casefold(), app.id))


def list_sessions_of_client(session: Session, actor_id: str, client_id: str) -> Sequence[str]:
    """Their ids, as far as they have not ended."""
    return session.scalars(
        select(LoginSession.id)
        .join(OAuthSession, OAuthSession.session_id == LoginSession.id)
        .where(
            LoginSession.actor_id == actor_id,
            OAuthSession.client_id == client_id,
            LoginSession.revoked_at.is_(None),
        )
    ).all()
