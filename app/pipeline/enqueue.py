"""Enqueue: one delivery row per inbox, in the transaction that made the activity."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

import msgspec

from activitypub.documents import Activity
from app.act import Act, Inbox
from app.db import wake
from app.insertion import insert_rows, send_inserts
from app.models import Delivery
from app.pipeline.address import address
from app.queries.deliveries import ANSWERS, LASTING_TYPES, is_deliverable
from app.queries.hosts import find_states
from app.settings import current

_MESSAGE_LIFE = timedelta(days=7)
_RELATION_LIFE = timedelta(days=30)
# Takahe loses an Accept that arrives while its own Follow request is still open (contracts/peers.md, 10).
_ANSWER_DELAY = timedelta(seconds=1.5)


class Hearers(msgspec.Struct, frozen=True):
    """Where an activity goes: the inboxes, the state of each host, and when its deliveries are due there."""

    inboxes: list[Inbox]
    states: Mapping[str, str]
    due_at: Mapping[str, datetime]


def enqueue(act: Act) -> None:
    if not current().activitypub:
        return
    hearers = _find_hearers(act)
    kind = _kind(act)
    inboxes = [inbox for inbox in hearers.inboxes if is_deliverable(hearers.states[inbox.host], kind)]
    if not inboxes:
        return
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
                "next_attempt_at": hearers.due_at[inbox.host],
                "created_at": act.now,
                "expires_at": act.now + (_RELATION_LIFE if kind in LASTING_TYPES else _MESSAGE_LIFE),
            }
            for inbox in inboxes
        ],
    )
    if act.activity.type in ANSWERS:
        send_inserts(act.session)  # What the same actor says next looks for them.
    for inbox in inboxes:
        wake(act.session, "deliver", inbox.host)
    act.found["inboxes"] = [inbox.uri for inbox in inboxes]


def _find_hearers(act: Act) -> Hearers:
    """Announces that answer one activity are for the same people, who are looked up once."""
    key = (act.actor.id, *act.activity.addressed)
    is_shared = act.activity.type == "Announce"
    if is_shared and key in act.answered:
        return cast("Hearers", act.answered[key])
    inboxes = address(act)
    hosts = {inbox.host for inbox in inboxes}
    if not hosts:
        return Hearers([], {}, {})
    hearers = Hearers(inboxes, *_find_times(act, hosts))
    if is_shared:
        act.answered[key] = hearers
    return hearers


def _find_times(act: Act, hosts: set[str]) -> tuple[dict[str, str], dict[str, datetime]]:
    """The state of each host, by which those are told apart that were away for so long that only what lasts is kept for
    them, and when the host hears of it: what an actor says while its answer waits, waits with it, for who is not
    accepted yet would drop it.
    """
    states, held = find_states(act.session, hosts, sender_id=act.actor.id, now=act.now)
    answered_at = act.now + _ANSWER_DELAY
    if act.activity.type in ANSWERS:
        return states, dict.fromkeys(hosts, answered_at)
    # No later than an answer of now: one that seems to be was made before the clock was put back.
    return states, {host: min(held.get(host, act.now), answered_at) for host in hosts}


def _kind(act: Act) -> str:
    """What is passed on lasts as long as if it were sent itself."""
    announced = act.activity.object
    if act.activity.type == "Announce" and isinstance(announced, Activity):
        return announced.type
    return act.activity.type
