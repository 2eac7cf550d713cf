"""Who stood behind an inbox that is no more: its people get the activity themselves, or are followers no longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from activitypub.vocabulary import PUBLIC
from app.db import upsert
from app.models import Actor, Delivery, Follow
from app.queries.actors import ACCEPTED
from app.queries.deliveries import QUEUED, DueDelivery
from app.queries.hearers import MOST_INBOXES_OF_DOMAIN

_AUDIENCE = ("to", "cc", "bto", "bcc", "audience")


def fall_back(session: Session, host: str, due: DueDelivery, body: bytes, now: datetime) -> int:
    """Queue the activity for the own inbox of each person the shared one stood for; returns how many.

    Those people lose the shared inbox, so that the next activity goes to their own at once; fetching their actor
    again gives it back. Only whom the activity addresses gets it: by name, or as a follower of an actor whose
    followers it addresses, or of its sender where it is public; and no more of them than a domain has inboxes that are
    sent what an actor says.
    """
    addressed = set(_addressed(msgspec.json.decode(body)))
    inboxes = session.scalars(
        select(Actor.inbox)
        .where(
            Actor.host == host,
            Actor.shared_inbox == due.inbox,
            Actor.inbox != due.inbox,
            Actor.deleted_at.is_(None),
            or_(Actor.uri.in_(addressed), Actor.id.in_(_followers(addressed, due.sender_id))),
        )
        .group_by(Actor.inbox)
        .order_by(func.min(Actor.id))
        .limit(MOST_INBOXES_OF_DOMAIN)
    ).all()
    session.execute(
        update(Actor)
        .where(Actor.host == host, Actor.shared_inbox == due.inbox)
        .values(shared_inbox=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Follow)
        .where(Follow.inbox == due.inbox, Follow.actor_id == Actor.id, Actor.host == host)
        .values(inbox=Actor.inbox, is_shared=False)
        .execution_options(synchronize_session=False)
    )
    if inboxes:
        rows = [_row(host, due, inbox, now) for inbox in inboxes]
        session.execute(upsert(session, Delivery).values(rows).on_conflict_do_nothing())
    return len(inboxes)


def drop_follows(session: Session, host: str, inbox: str, sender_id: str) -> None:
    """The actor of this inbox, at that host, is gone (410): it follows the sender no longer."""
    gone = select(Actor.id).where(Actor.host == host, Actor.inbox == inbox)
    session.execute(
        delete(Follow)
        .where(Follow.target_id == sender_id, Follow.actor_id.in_(gone))
        .execution_options(synchronize_session=False)
    )


def _followers(addressed: set[str], sender_id: str) -> Select[str]:
    target = aliased(Actor)
    is_addressed: ColumnElement[bool] = target.followers.in_(addressed)
    if PUBLIC in addressed:
        is_addressed = is_addressed | (target.id == sender_id)
    return (
        select(Follow.actor_id)
        .join(target, target.id == Follow.target_id)
        .where(Follow.state == ACCEPTED, target.host.is_(None), is_addressed)
    )


def _addressed(document: dict[str, Any]) -> Iterator[str]:
    for name in _AUDIENCE:
        value = document.get(name, [])
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, str):
                yield entry


def _row(host: str, due: DueDelivery, inbox: str, now: datetime) -> dict[str, Any]:
    return {
        "activity_id": due.activity_id,
        "sender_id": due.sender_id,
        "host": host,
        "inbox": inbox,
        "is_shared": False,
        "state": QUEUED,
        "attempts": 0,
        "next_attempt_at": now,
        "created_at": now,
        "expires_at": due.expires_at,
    }
