"""The steps, in their order, for one activity and for those that answer it, inside one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.orm import Session

from activitypub import build
from activitypub.documents import Activity
from app.act import Act
from app.effects import EFFECTS
from app.errors import ForbiddenError
from app.ids import new_id
from app.pipeline.enqueue import enqueue
from app.pipeline.peers import tell_peers
from app.pipeline.publish import publish
from app.pipeline.record import record
from app.pipeline.repeat import is_repeat
from app.queries.actors import get_own
from app.uris import Uris

# An answer may be answered (Create a Person, Join, …); more than this is a loop of ours.
_MAX_DEPTH = 4


class Outcome(msgspec.Struct, frozen=True):
    """What came of an activity. `found` is what its effect learned that a facade may tell (ids of what was made)."""

    id: str
    uri: str
    is_repeat: bool = False
    found: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Made(NamedTuple):
    """The id of what was made, now or, of a request that `is_repeat`, the first time."""

    id: str
    is_repeat: bool


def perform(act: Act, *, depth: int = 0) -> Outcome:
    """Raises AppError where the activity may not be; nothing of it is then kept.

    The order is the promise: who may not act leaves no trace, and who acted is on record before anything changes.
    """
    if depth > _MAX_DEPTH:
        raise RuntimeError("activities answer one another without end")
    if is_repeat(act):
        return Outcome(act.id, act.activity.id or "", is_repeat=True)
    effect = EFFECTS[act.activity.type]
    effect.authorise(act)
    record(act)
    answers = effect.apply(act)
    publish(act)
    tell_peers(act)
    if act.is_local:
        enqueue(act)
    together: dict[Any, Any] = {}
    for answer in answers:
        answering = local_act(act.session, act.uris, answer, now=act.now)
        answering.answered, answering.followers = together, act.followers
        perform(answering, depth=depth + 1)
    return Outcome(act.id, act.activity.id or "", found=act.found)


def local_act(
    session: Session,
    uris: Uris,
    activity: Activity,
    *,
    now: datetime,
    private: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    request_digest: str | None = None,
) -> Act:
    """An act of one of our actors, with an id of ours.

    Raises NotFoundError when the actor is gone, ForbiddenError for one that speaks for itself elsewhere.
    """
    actor = get_own(session, uris, activity.actor)
    if not actor.is_local:
        raise ForbiddenError("this actor is not of this server")
    act_id = new_id("act")
    return Act(
        session=session,
        uris=uris,
        id=act_id,
        activity=build.with_id(activity, uris.activity(act_id)),
        actor=actor,
        is_local=True,
        now=now,
        signed_at=now,
        private=private or {},
        idempotency_key=idempotency_key,
        request_digest=request_digest,
    )
