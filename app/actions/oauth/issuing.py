"""Tokens for clients: the same two kinds as everybody has, limited to what was allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import insert

from app.actions.oauth.server import Server
from app.actions.tokens import ACCESS_TTL, Grant, begin_session, issue, make_access_token, rotate
from app.models import OAuthSession

Token = Mapping[str, Any]


def begin(server: Server, actor_id: str, client_id: str, scopes: Iterable[str]) -> str:
    """A new login session of a client; returns its id."""
    session_id = begin_session(server.session, actor_id, server.now)
    values = {"session_id": session_id, "client_id": client_id, "scopes": sorted(scopes)}
    server.session.execute(insert(OAuthSession).values(values))
    return session_id


def first_token(server: Server, actor_id: str, session_id: str, grant: Grant, *, refreshable: bool) -> Token:
    """An access token, and with it a refresh token if it can be used."""
    if not refreshable:
        return _token(make_access_token(actor_id, session_id, server.now, grant=grant), grant)
    pair = issue(server.session, actor_id, session_id, server.now, grant=grant)
    return _token(pair.access_token, grant, refresh_token=pair.refresh_token)


def next_token(server: Server, actor_id: str, session_id: str, grant: Grant) -> Token:
    """What a refresh token that was used up is exchanged for."""
    pair = rotate(server.session, actor_id, session_id, server.now, grant=grant)
    return _token(pair.access_token, grant, refresh_token=pair.refresh_token)


def _token(access_token: str, grant: Grant, **more: str) -> Token:
    """RFC 6749, section 5.1."""
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_TTL.total_seconds()),
        "scope": " ".join(sorted(grant.scopes)),
        **more,
    }
