"""Tokens of clients that come back: whose they are, what they allow, and that one ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from sqlalchemy.orm import Session

from app.actions.oauth.clients import BASIC, NO_SECRET, POST, Client
from app.actions.oauth.server import Request
from app.actions.tokens import find_refresh_token, read_access_token
from app.errors import AppError
from app.models import OAuthSession
from app.projections import sessions
from app.queries.oauth import find_active_account
from app.settings import current


class Issued(msgspec.Struct, frozen=True):
    """A token of a client that is good now."""

    is_access: bool
    actor_id: str
    session_id: str
    client_id: str
    scopes: frozenset[str]
    expires_at: datetime

    def check_client(self, client: Client) -> bool:
        return self.client_id == client.get_client_id()

    def is_expired(self) -> bool:
        """Authlib asks; what ended was not found."""
        return False

    def is_revoked(self) -> bool:
        return False


def find_issued(session: Session, token: str, *, now: datetime) -> Issued | None:
    """An access token or a refresh token; None for what is neither, or not a client's, or has ended."""
    return _find_access(session, token) or _find_refresh(session, token, now)


def _find_access(session: Session, token: str) -> Issued | None:
    try:
        claims = read_access_token(token)
    except AppError:
        return None
    limits = session.get(OAuthSession, claims.session_id)
    if limits is None or find_active_account(session, claims.session_id) != claims.actor_id:
        return None
    scopes = frozenset(limits.scopes)
    if claims.scopes is not None:
        scopes &= claims.scopes
    return Issued(True, claims.actor_id, claims.session_id, limits.client_id, scopes, claims.expires_at)


def _find_refresh(session: Session, token: str, now: datetime) -> Issued | None:
    row = find_refresh_token(session, token)
    if row is None or row.client_id is None or row.used_at is not None or row.expires_at <= now:
        return None
    if find_active_account(session, row.session_id) is None:
        return None
    return _of_refresh_token(row)


def _find_family(session: Session, token: str) -> Issued | None:
    """By any of its refresh tokens: whoever ends a session may have lost the answer with the last one."""
    row = find_refresh_token(session, token)
    return None if row is None or row.client_id is None or row.revoked_at is not None else _of_refresh_token(row)


def _of_refresh_token(row: Any) -> Issued:
    return Issued(False, row.actor_id, row.session_id, row.client_id, frozenset(row.scopes), row.expires_at)


class Revocation(RevocationEndpoint):
    """RFC 7009. Either token ends the session of both."""

    CLIENT_AUTH_METHODS = (BASIC, POST, NO_SECRET)

    def check_params(self, request: Request, client: Client) -> None:
        """The hint is none that we need (section 2.1)."""
        _require_token(request)

    def query_token(self, token_string: str, token_type_hint: str | None) -> Issued | None:
        return _find_access(self.server.session, token_string) or _find_family(self.server.session, token_string)

    def revoke_token(self, token: Issued, request: Request) -> None:
        sessions.end(self.server.session, token.session_id, now=self.server.now)


class Introspection(IntrospectionEndpoint):
    """RFC 7662, for a client with a secret and about its own tokens."""

    CLIENT_AUTH_METHODS = (BASIC, POST)

    def check_params(self, request: Request, client: Client) -> None:
        _require_token(request)

    def query_token(self, token_string: str, token_type_hint: str | None) -> Issued | None:
        return find_issued(self.server.session, token_string, now=self.server.now)

    def check_permission(self, token: Issued, client: Client, request: Request) -> bool:
        return token.check_client(client)

    def introspect_token(self, token: Issued) -> Mapping[str, Any]:
        told = {
            "active": True,
            "client_id": token.client_id,
            "scope": " ".join(sorted(token.scopes)),
            "sub": token.actor_id,
            "exp": int(token.expires_at.timestamp()),
            "iss": current().origin,
        }
        return told | ({"token_type": "Bearer"} if token.is_access else {})


def _require_token(request: Request) -> None:
    if "token" not in request.form:
        raise InvalidRequestError("Missing 'token' in request.")
