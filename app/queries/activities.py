"""Reads of the log."""

from __future__ import annotations

from sqlalchemy import bindparam, select, union_all
from sqlalchemy.orm import Session

from app.db import rows_of
from app.models import Activity, Actor, Message, Tombstone

# Built once, because building a statement takes longer than running it.
_BY_URI = select(Activity).where(Activity.uri == bindparam("uri"))
_NOTED = union_all(
    select(Activity.uri).where(Activity.uri == bindparam("uri")),
    select(Message.uri).where(Message.uri == bindparam("object_uri")),
    select(Actor.uri).where(Actor.uri == bindparam("object_uri")),
    select(Tombstone.uri).where(Tombstone.uri.in_((bindparam("uri"), bindparam("object_uri")))),
)


def list_noted(session: Session, uri: str, object_uri: str) -> set[str]:
    """Those of the two, of an activity and of its object, that the log, a message or an actor has, or a tombstone: what
    was undone or deleted, also before it came."""
    return {row.uri for row in rows_of(session, _NOTED, {"uri": uri, "object_uri": object_uri})}


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
