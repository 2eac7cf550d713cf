"""Enqueue: one delivery row per inbox, in the transaction that made the activity."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert

from app.act import Act
from app.db import wake
from app.models import Delivery
from app.pipeline.address import address

_MESSAGE_LIFE = timedelta(days=7)
_RELATION_LIFE = timedelta(days=30)
_RELATIONS = frozenset(
    {"Accept", "Block", "Delete", "Flag", "Follow", "Join", "Leave", "Reject", "Undo", "Add", "Remove"}
)
# Takahe loses an Accept that arrives while its own Follow request is still open (contracts/peers.md, 10).
_ANSWER_DELAY = timedelta(seconds=1.5)


def enqueue(act: Act) -> None:
    inboxes = address(act)
    if not inboxes:
        return
    type_ = act.activity.type
    due_at = act.now + _ANSWER_DELAY if type_ in {"Accept", "Reject"} else act.now
    act.session.execute(
        insert(Delivery),
        [
            {
                "activity_id": act.id,
                "sender_id": act.actor.id,
                "host": inbox.host,
                "inbox": inbox.uri,
                "is_shared": inbox.is_shared,
                "state": "queued",
                "attempts": 0,
                "next_attempt_at": due_at,
                "created_at": act.now,
                "expires_at": act.now + (_RELATION_LIFE if type_ in _RELATIONS else _MESSAGE_LIFE),
            }
            for inbox in inboxes
        ],
    )
    for inbox in inboxes:
        wake(act.session, "deliver", inbox.host)
    act.found["inboxes"] = [inbox.uri for inbox in inboxes]
