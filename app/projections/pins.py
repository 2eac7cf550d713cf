"""Writes of a channel's featured collection."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.db import row_count, upsert
from app.models import Pin


def add(session: Session, channel_id: str, object_uri: str, *, now: datetime) -> None:
    session.execute(
        upsert(session, Pin)
        .values(channel_id=channel_id, object_uri=object_uri, created_at=now)
        .on_conflict_do_nothing()
    )


def remove(session: Session, channel_id: str, object_uri: str) -> bool:
    """Whether there was one."""
    found = session.execute(delete(Pin).where(Pin.channel_id == channel_id, Pin.object_uri == object_uri))
    return row_count(found) > 0
