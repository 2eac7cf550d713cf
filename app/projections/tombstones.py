"""Writes of tombstones: what was deleted or undone stays so, whatever arrives late."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.db import upsert
from app.models import Tombstone


def put(session: Session, uri: str, *, former_type: str, actor_id: str, signed_at: datetime, now: datetime) -> None:
    """A second removal by the same actor moves the time on, so that an id used again after the first stays dead too."""
    values = {
        "uri": uri,
        "actor_id": actor_id,
        "former_type": former_type,
        "signed_at": signed_at,
        "deleted_at": now,
    }
    statement = upsert(session, Tombstone).values(values)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["uri", "actor_id"], set_={"signed_at": signed_at}, where=Tombstone.signed_at < signed_at
        )
    )
