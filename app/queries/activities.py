"""Reads of the log."""

from __future__ import annotations

from sqlalchemy import bindparam, exists, or_, select
from sqlalchemy.orm import Session

from app.models import Activity, Tombstone

# Built once, because building a statement takes longer than running it.
_BY_URI = select(Activity).where(Activity.uri == bindparam("uri"))
_IS_NOTED = select(
    or_(exists().where(Activity.uri == bindparam("uri")), exists().where(Tombstone.uri == bindparam("uri")))
)


def is_noted(session: Session, uri: str) -> bool:
    """Whether an activity of this URI was seen, or undone before it came."""
    return bool(session.scalar(_IS_NOTED, {"uri": uri}))


def find_by_uri(session: Session, uri: str) -> Activity | None:
    return session.scalar(_BY_URI, {"uri": uri})


def find_announce(session: Session, actor_id: str, object_uri: str) -> Activity | None:
    """The actor's Announce of the object that it has not taken back."""
    return session.scalar(
        select(Activity).where(
            Activity.object_uri == object_uri,
            Activity.actor_id == actor_id,
            Activity.type == "Announce",
            Activity.undone_at.is_(None),
        )
    )


def find_by_idempotency_key(session: Session, key: str) -> Activity | None:
    return session.scalar(select(Activity).where(Activity.idempotency_key == key))
