"""Writes of tombstones: what was deleted or undone stays so, whatever arrives late."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.db import upsert
from app.models import Tombstone


def put(session: Session, uri: str, *, former_type: str, actor_uri: str, signed_at: datetime, now: datetime) -> None:
    """A second removal moves the time on, so that an id used again after the first one stays dead too."""
    values = {
        "uri": uri,
        "former_type": former_type,
        "actor_uri": actor_uri,
        "signed_at": signed_at,
        "deleted_at": now,
    }
    statement = upsert(session, Tombstone).values(values)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["uri"], set_={"signed_at": signed_at}, where=Tombstone.signed_at < signed_at
        )
    )
