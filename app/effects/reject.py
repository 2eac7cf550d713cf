"""Reject: the one who was asked refuses, or puts out, a follower."""

from __future__ import annotations

from activitypub.documents import Activity
from app.act import Act
from app.projections import follows
from app.queries.follows import get_answered


def authorise(act: Act) -> None:
    act.found["follow"] = get_answered(act.session, act.activity, act.actor)


def apply(act: Act) -> list[Activity]:
    follow = act.found.pop("follow")
    follows.remove(act.session, follow.actor_id, follow.target_id)
    return []
