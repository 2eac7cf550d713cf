"""Refreshing and revoking (contracts/pufferblow.md, 1)."""

from __future__ import annotations

from app.actions import tokens
from app.facades.pufferblow.answers import Done, SessionOpened, session_opened
from app.facades.pufferblow.api import API
from app.web.fields import Params

TAG = "Tokens"


class RefreshTokenGiven(Params):
    refresh_token: str


@API.public(
    "POST",
    "/api/v1/auth/refresh",
    params=RefreshTokenGiven,
    answer=SessionOpened,
    tag=TAG,
    summary="Exchange a refresh token for a new pair of tokens",
    errors={401, 403, 404},
)
def refresh(params: RefreshTokenGiven) -> SessionOpened:
    pair = tokens.refresh(params.refresh_token)
    return session_opened(pair, status_code=200, message="Token refreshed successfully")


@API.public(
    "POST",
    "/api/v1/auth/revoke",
    params=RefreshTokenGiven,
    answer=Done,
    tag=TAG,
    summary="End a login session",
)
def revoke(params: RefreshTokenGiven) -> Done:
    """The same answer for every token, so that it cannot be used to try tokens (RFC 7009, section 2.2)."""
    tokens.revoke(params.refresh_token)
    return Done(status_code=200, message="Refresh token revoked successfully")
