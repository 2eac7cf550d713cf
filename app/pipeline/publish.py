"""Publish: the rows our sockets will read after the commit."""

from __future__ import annotations

from app.act import Act
from app.db import wake
from app.insertion import insert_rows
from app.models import Event


def publish(act: Act) -> None:
    if not act.events:
        return
    insert_rows(
        act.session,
        Event,
        [
            {
                "type": event.type,
                "channel_id": event.channel_id,
                "conversation_id": event.conversation_id,
                "message_id": event.message_id,
                "actor_id": event.actor_id,
                "data": dict(event.data),
                "created_at": act.now,
            }
            for event in act.events
        ],
    )
    wake(act.session, "events")
