"""Shapes that many answers share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from app.actions.tokens import TokenPair
from app.web.shapes import Shape

Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class Done(Shape):
    """Every success says its status once more in the body."""

    status_code: int
    message: str


class SessionOpened(Done):
    auth_token: str
    refresh_token: str
    token_type: str
    auth_token_expire_time: Time
    refresh_token_expire_time: Time


def session_opened(tokens: TokenPair, *, status_code: int, message: str) -> SessionOpened:
    return SessionOpened(
        status_code=status_code,
        message=message,
        auth_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        token_type="Bearer",  # noqa: S106  A kind of token, not one.
        auth_token_expire_time=iso(tokens.access_expires_at),
        refresh_token_expire_time=iso(tokens.refresh_expires_at),
    )


def iso(at: datetime) -> str:
    """With the offset written as `+00:00`, as clients know it from the reference server."""
    return at.isoformat()
