"""Reads of tombstones."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from activitypub.documents import Note
from activitypub.uris import same_origin
from app.models import Actor, Tombstone

# Built once, because building a statement takes longer than running it.
_OF_ACTOR = select(Tombstone).where(Tombstone.uri == bindparam("uri"), Tombstone.actor_id == bindparam("actor_id"))
_WHO = select(Actor.uri).join(Tombstone, Tombstone.actor_id == Actor.id).where(Tombstone.uri == bindparam("uri"))


def find_tombstone(session: Session, uri: str, actor_id: str) -> Tombstone | None:
    """What is left of something that the actor itself took back."""
    return session.scalar(_OF_ACTOR, {"uri": uri, "actor_id": actor_id})


def was_deleted(session: Session, note: Note, group: Actor | None) -> bool:
    """Whether a note was deleted before it came: by its author, or by somebody of the server whose channel it is for.

    Of others of its author's server, nobody can know before it comes that it is not theirs.
    """
    deleters = session.scalars(_WHO, {"uri": note.id})
    return any(uri == note.attributed_to or (group is not None and same_origin(uri, group.uri)) for uri in deleters)
