"""Receive: what somebody elsewhere did enters the pipeline here, once it is proved and everything is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, null, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from activitypub.documents import Activity
from activitypub.times import EARLIEST
from activitypub.uris import same_origin
from app import failpoints
from app.act import Act, Gathered, RefusedError
from app.db import despite_deadlocks, reading, transaction
from app.effects import EFFECTS
from app.errors import AppError, ForbiddenError
from app.ids import new_id
from app.insertion import update_with_inserts
from app.models import Actor, InboxItem
from app.pipeline.perform import Outcome, local_act, perform
from app.queries.activities import find_by_uri
from app.queries.actors import find_actor, hold_actor
from app.settings import current
from app.uris import Uris

# Built once, because building a statement takes longer than running it.
_items: Any = InboxItem.__table__
_DONE = (
    update(_items)
    .where(_items.c.position == bindparam("of_position"))
    .values(state=bindparam("new_state"), sealed=null(), outcome=bindparam("outcome"))
)


class Received(msgspec.Struct, frozen=True):
    """An activity whose actor is proved: by the request that carried it, by its proof, or by its home.

    `signed_at` is when its actor signed it, EARLIEST where that is not known. `relayed` are activities inside it (a
    Group's Announce of what its members did, FEP-1b12) that are proved too. `queue_position` names the inbox item it
    came from, which is marked done in the same transaction, `brought_by` the actor (a URI) that signed it. `via` is the
    Group (a URI) whose own server told us of it over Punctum, and `private` what the effect needs besides.
    """

    activity: Activity
    signed_at: datetime
    gathered: Gathered = msgspec.field(default_factory=Gathered)
    relayed: tuple[Activity, ...] = ()
    queue_position: int | None = None
    via: str | None = None
    brought_by: str = ""
    private: Mapping[str, Any] = msgspec.field(default_factory=dict)


def receive(received: Received) -> Outcome | None:
    """Apply it once, in one transaction; None for a type nothing here has an effect for.

    Raises AppError where it may not be; nothing of it is then kept but, of a RefusedError, the answer to it.
    """
    if received.activity.type not in EFFECTS:
        return None
    try:
        return despite_deadlocks(lambda: _receive_once(received))
    except RefusedError as refused:
        _answer(refused.answer)
        raise


def _receive_once(received: Received) -> Outcome:
    try:
        return _receive(received)
    except IntegrityError:
        return _receive(received)  # Its twin was applied at the same moment; now it is seen as a repeat.
    except AppError:
        # A twin may also have committed after our look at the log and before the effect's look at what it changed.
        if not _is_on_record(received.activity):
            raise
        return _receive(received)


def _is_on_record(activity: Activity) -> bool:
    with reading() as session:
        return find_by_uri(session, activity.id or "") is not None


def _answer(answer: Activity) -> None:
    with transaction() as session:
        perform(local_act(session, Uris(current().origin), answer, now=datetime.now(UTC)))


def _receive(received: Received) -> Outcome:
    uris = Uris(current().origin)
    with transaction() as session:
        announcer = hold_actor(session, received.activity.actor)
        for activity in received.relayed:
            _relay(session, uris, received, activity, announcer)
        act = _remote_act(session, uris, received, received.activity, announcer)
        act.via = find_actor(session, received.via)
        outcome = perform(act)
        failpoints.reach("receive.performed")
        why = "repeat" if outcome.is_repeat else None
        is_done = {"of_position": received.queue_position, "new_state": "done", "outcome": why}
        update_with_inserts(session, _DONE, is_done)
    failpoints.reach("receive.committed")
    return outcome


def _relay(session: Session, uris: Uris, received: Received, activity: Activity, announcer: Actor) -> None:
    """One bad activity inside does not undo the Announce of it."""
    if activity.type not in EFFECTS or uris.is_local(activity.actor):
        return
    try:
        with session.begin_nested():
            act = _remote_act(session, uris, received, activity, hold_actor(session, activity.actor))
            act.via, act.signed_at = announcer, EARLIEST  # The Announce may come long after.
            perform(act)
    except AppError:
        return


def _remote_act(session: Session, uris: Uris, received: Received, activity: Activity, actor: Actor) -> Act:
    """Raises ForbiddenError for an activity of one of ours, whoever brought it: those are made here or not at all; and
    for one of a server that is blocked, which others may pass on, and which may have been blocked meanwhile."""
    if actor.is_local or uris.is_local(activity.actor) or uris.is_local(activity.id or ""):
        raise ForbiddenError("an activity of this server cannot come from outside")
    if current().refuses(actor.host or ""):
        raise ForbiddenError("its server is blocked here")
    if not same_origin(activity.id or "", activity.actor):
        raise ForbiddenError("an activity belongs to the origin of its actor")
    return Act(
        session=session,
        uris=uris,
        id=new_id("act"),
        activity=activity,
        actor=actor,
        is_local=False,
        now=datetime.now(UTC),
        signed_at=received.signed_at,
        gathered=received.gathered,
        private=received.private,
        brought_by=received.brought_by,
    )
