"""Writes of groups, and of who is in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from app.db import row_count, upsert
from app.models import Conversation, Participant


def add_group(
    session: Session, id: str, uri: str, people: Collection[str], values: Mapping[str, Any], *, now: datetime
) -> None:
    """`people` are actor ids, `values` those of its name and its icon."""
    session.execute(insert(Conversation).values({"id": id, "uri": uri, "head": 0, "created_at": now} | dict(values)))
    session.execute(insert(Participant), [{"conversation_id": id, "actor_id": actor_id} for actor_id in people])


def change_group(session: Session, id: str, values: Mapping[str, Any]) -> None:
    session.execute(update(Conversation).where(Conversation.id == id).values(**values))


def note_thread(session: Session, id: str, thread: str) -> None:
    """What another server calls a conversation that is no group."""
    is_other = or_(Conversation.thread.is_(None), Conversation.thread != thread)
    session.execute(
        update(Conversation)
        .where(Conversation.id == id, is_other)
        .values(thread=thread)
        .execution_options(synchronize_session=False)
    )


def let_in(session: Session, id: str, actor_id: str, *, now: datetime) -> bool:
    """Whether they were not in it before."""
    added = upsert(session, Participant).values(conversation_id=id, actor_id=actor_id, added_at=now)
    return session.scalar(added.on_conflict_do_nothing().returning(Participant.actor_id)) is not None


def take_out(session: Session, id: str, actor_id: str) -> bool:
    """Whether they were in it."""
    participant = delete(Participant).where(Participant.conversation_id == id, Participant.actor_id == actor_id)
    return row_count(session.execute(participant)) > 0


def take_out_of_all(session: Session, actor_id: str) -> None:
    """Of all groups: who else was written to stays in what was written."""
    groups = select(Conversation.id).where(Conversation.uri.is_not(None))
    session.execute(
        delete(Participant)
        .where(Participant.actor_id == actor_id, Participant.conversation_id.in_(groups))
        .execution_options(synchronize_session=False)
    )
