"""Enqueue: one delivery row per inbox, in the transaction that made the activity."""

from __future__ import annotations

from datetime import datetime, timedelta

from activitypub.documents import Activity
from app.act import Act, Inbox
from app.db import wake
from app.insertion import insert_rows
from app.models import Delivery
from app.pipeline.address import address
from app.queries.deliveries import ANSWERS, LASTING_TYPES, is_deliverable, list_held_answers
from app.queries.hosts import find_states

_MESSAGE_LIFE = timedelta(days=7)
_RELATION_LIFE = timedelta(days=30)
# Takahe loses an Accept that arrives while its own Follow request is still open (contracts/peers.md, 10).
_ANSWER_DELAY = timedelta(seconds=1.5)


def enqueue(act: Act) -> None:
    inboxes = _deliverable(act, address(act))
    if not inboxes:
        return
    due_at = _due_times(act, {inbox.host for inbox in inboxes})
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
                "next_attempt_at": due_at[inbox.host],
                "created_at": act.now,
                "expires_at": act.now + (_RELATION_LIFE if _kind(act) in LASTING_TYPES else _MESSAGE_LIFE),
            }
            for inbox in inboxes
        ],
    )
    for inbox in inboxes:
        wake(act.session, "deliver", inbox.host)
    act.found["inboxes"] = [inbox.uri for inbox in inboxes]


def _due_times(act: Act, hosts: set[str]) -> dict[str, datetime]:
    """By host. What an actor says while its answer waits, waits with it: who is not accepted yet would drop it."""
    answered_at = act.now + _ANSWER_DELAY
    if act.activity.type in ANSWERS:
        return dict.fromkeys(hosts, answered_at)
    held = list_held_answers(act.session, act.actor.id, act.now)
    # No later than an answer of now: one that seems to be was made before the clock was put back.
    return {host: min(held.get(host, act.now), answered_at) for host in hosts}


def _deliverable(act: Act, inboxes: list[Inbox]) -> list[Inbox]:
    """Without the servers that were away for so long that only what lasts is kept for them."""
    if not inboxes:
        return []
    states = find_states(act.session, {inbox.host for inbox in inboxes})
    return [inbox for inbox in inboxes if is_deliverable(states[inbox.host], _kind(act))]


def _kind(act: Act) -> str:
    """What is passed on lasts as long as if it were sent itself."""
    announced = act.activity.object
    if act.activity.type == "Announce" and isinstance(announced, Activity):
        return announced.type
    return act.activity.type
