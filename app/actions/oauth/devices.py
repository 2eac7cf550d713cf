"""Devices without a browser: a code to type elsewhere, and what somebody says to it (RFC 8628)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from app.actions.digests import digest_of
from app.actions.oauth.clients import BASIC, DEVICE, NO_SECRET, POST, Client, get_client
from app.actions.oauth.consents import Asked, asked_for, remember
from app.actions.oauth.server import Request
from app.db import reading, transaction
from app.errors import NotFoundError
from app.models import OAuthDeviceCode
from app.queries.oauth import find_user_code
from app.queries.viewers import Viewer
from app.settings import current

TTL: Final = timedelta(minutes=10)
PAGE: Final = "/auth/device"
NO_SUCH_CODE: Final = "There is no such code, or its time is over."


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    """RFC 8628, section 3.1."""

    CLIENT_AUTH_METHODS = (BASIC, POST, NO_SECRET)
    EXPIRES_IN = int(TTL.total_seconds())

    def authenticate_client(self, request: Request) -> Client:
        client: Client = super().authenticate_client(request)
        if not client.check_grant_type(DEVICE):
            raise UnauthorizedClientError
        allowed = client.get_allowed_scope(request.payload.scope)
        if allowed is None:
            raise InvalidScopeError
        request.scope = allowed
        self._scopes = allowed.split()
        return client

    def generate_device_code(self) -> str:
        return secrets.token_urlsafe(32)

    def get_verification_uri(self) -> str:
        return current().origin + PAGE

    def save_device_credential(self, client_id: str, scope: str, data: Mapping[str, Any]) -> None:
        values = {
            "digest": digest_of(data["device_code"]),
            "user_code": data["user_code"],
            "client_id": client_id,
            "scopes": self._scopes,
            "expires_at": self.server.now + TTL,
            "interval": data["interval"],
        }
        self.server.session.execute(insert(OAuthDeviceCode).values(values))


def spell_user_code(typed: str) -> str:
    """As it was shown, however somebody typed it."""
    letters = re.sub(r"[^A-Z]", "", typed.upper())
    return f"{letters[:4]}-{letters[4:]}"[:64]


def ask_about(user_code: str) -> Asked:
    """What a device asks for. Raises NotFoundError."""
    with reading() as session:
        row = find_user_code(session, spell_user_code(user_code), now=datetime.now(UTC))
        client = None if row is None else get_client(session, row.client_id)
        if row is None or client is None:
            raise NotFoundError(NO_SUCH_CODE)
        return asked_for(client, row.scopes)


def allow_device(viewer: Viewer, user_code: str) -> None:
    """Raises NotFoundError."""
    now = datetime.now(UTC)
    with transaction() as session:
        row = _decide(session, user_code, now, session_id=viewer.session_id)
        remember(session, viewer.actor_id, row.client_id, row.scopes, now=now)


def deny_device(user_code: str) -> None:
    """Raises NotFoundError."""
    now = datetime.now(UTC)
    with transaction() as session:
        _decide(session, user_code, now, denied_at=now)


def _decide(session: Session, user_code: str, now: datetime, **decision: Any) -> OAuthDeviceCode:
    """The first of two answers counts. Raises NotFoundError for the second."""
    row = find_user_code(session, spell_user_code(user_code), now=now)
    if row is None:
        raise NotFoundError(NO_SUCH_CODE)
    is_open = OAuthDeviceCode.session_id.is_(None) & OAuthDeviceCode.denied_at.is_(None)
    decided = update(OAuthDeviceCode).where(OAuthDeviceCode.digest == row.digest, is_open).values(**decision)
    if session.execute(decided.returning(OAuthDeviceCode.digest)).one_or_none() is None:
        raise NotFoundError(NO_SUCH_CODE)
    return row
