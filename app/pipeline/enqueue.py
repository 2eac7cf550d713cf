"""Enqueue: one delivery row per inbox, in the transaction that made the activity."""

from __future__ import annotations

from datetime import timedelta

from app.act import Act, Inbox
from app.db import insert_rows, wake
from app.models import Delivery
from app.pipeline.address import address
from app.queries.deliveries import LASTING_TYPES, is_deliverable
from app.queries.hosts import find_states

_MESSAGE_LIFE = timedelta(days=7)
_RELATION_LIFE = timedelta(days=30)
# Takahe loses an Accept that arrives while its own Follow request is still open (contracts/peers.md, 10).
_ANSWER_DELAY = timedelta(seconds=1.5)


def enqueue(act: Act) -> None:
    type_ = act.activity.type
    inboxes = _deliverable(act, address(act))
    if not inboxes:
        return
    due_at = act.now + _ANSWER_DELAY if type_ in {"Accept", "Reject"} else act.now
    insert_rows(
        act.session,
        Delivery,
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
                "expires_at": act.now + (_RELATION_LIFE if type_ in LASTING_TYPES else _MESSAGE_LIFE),
            }
            for inbox in inboxes
        ],
    )
    for inbox in inboxes:
        wake(act.session, "deliver", inbox.host)
    act.found["inboxes"] = [inbox.uri for inbox in inboxes]


def _deliverable(act: Act, inboxes: list[Inbox]) -> list[Inbox]:
    """Without the servers that were away for so long that only what lasts is kept for them."""
    if not inboxes:
        return []
    states = find_states(act.session, {inbox.host for inbox in inboxes})
    return [inbox for inbox in inboxes if is_deliverable(states[inbox.host], act.activity.type)]
