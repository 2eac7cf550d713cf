"""Reads of reactions, for those that take them back."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from activitypub.documents import Activity
from app.models import Actor, Reaction
from app.queries.messages import find_by_uri

# What a Like without an emoji is shown as.
HEART = "❤"


def find_reaction(session: Session, undo: Activity, actor: Actor) -> Reaction | None:
    """The actor's own reaction that its Undo names: by the URI of its Like, or by what the Undo repeats of it."""
    named = undo.object
    if named.id:
        reaction = session.scalar(
            select(Reaction).where(Reaction.activity_uri == named.id, Reaction.actor_id == actor.id)
        )
        if reaction is not None:
            return reaction
    message = find_by_uri(session, named.object_id) if isinstance(named, Activity) else None
    if message is None or not isinstance(named, Activity):
        return None
    return find_own(session, message.id, actor.id, named.content)


def find_own(session: Session, message_id: str, actor_id: str, emoji: str | None) -> Reaction | None:
    """The actor's reaction with this emoji; without one, its heart."""
    return session.scalar(
        select(Reaction).where(
            Reaction.message_id == message_id, Reaction.actor_id == actor_id, Reaction.emoji == (emoji or HEART)
        )
    )


def list_reactions_from_elsewhere(session: Session, message_id: str) -> list[tuple[Reaction, Actor]]:
    """Those of other servers' people, each with who it is by."""
    query = select(Reaction, Actor).join(Actor, Actor.id == Reaction.actor_id)
    rows = session.execute(query.where(Reaction.message_id == message_id, Actor.host.is_not(None)))
    return [(row.Reaction, row.Actor) for row in rows]
