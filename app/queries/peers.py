"""Reads of other instances: what is called what there, who is told of what, and what waits to be told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from app.models import Actor, KnownId, Member, Outgoing, Peer, Space, Subscription, ToldInstance
from app.settings import current

# Who has said nothing for this long is not asked any more, until it says something (contracts/punctum.md, 4.3).
LEAVE: Final = "leave"
"""What waits to be told, as a kind of `Outgoing`: that somebody of ours has left what is at home there."""
GIVEN_UP_AFTER: Final = timedelta(days=7)
LEASE: Final = timedelta(minutes=2)
"""For so long at most an instance is one worker's to speak to."""


class Origin(msgspec.Struct, frozen=True):
    """Where an object comes from, and what it is called there."""

    domain: str
    id: str


def find_known(session: Session, domain: str, remote_id: str) -> KnownId | None:
    """What an instance calls `remote_id`, deleted things of its own among them."""
    return session.scalar(select(KnownId).where(KnownId.domain == domain, KnownId.remote_id == remote_id))


def find_origin(session: Session, local_id: str) -> Origin | None:
    """None for what is ours."""
    return list_origins(session, [local_id]).get(local_id)


def list_origins(session: Session, local_ids: Collection[str]) -> dict[str, Origin]:
    """Of those that are not ours."""
    if not local_ids:
        return {}
    query = select(KnownId.local_id, KnownId.domain, KnownId.remote_id)
    rows = session.execute(query.where(KnownId.local_id.in_(local_ids), KnownId.is_origin))
    return {row.local_id: Origin(row.domain, row.remote_id) for row in rows}


def names_at(session: Session, domain: str, local_ids: Collection[str]) -> dict[str, str]:
    """What objects are called on an instance, as far as we have heard."""
    if not local_ids:
        return {}
    query = select(KnownId.local_id, KnownId.remote_id).where(KnownId.domain == domain)
    return {row.local_id: row.remote_id for row in session.execute(query.where(KnownId.local_id.in_(local_ids)))}


def find_home(session: Session, space_id: str) -> str | None:
    """The instance that a space is at home on; None for ours."""
    return session.scalar(select(Actor.host).where(Actor.id == space_id))


def list_subscribers(session: Session, target_id: str) -> list[str]:
    query = select(Subscription.domain).where(Subscription.target_id == target_id)
    return [domain for domain in session.scalars(query.order_by(Subscription.domain)) if not current().refuses(domain)]


def list_listeners(session: Session) -> list[str]:
    """Instances that are told of anything of ours."""
    domains = session.scalars(select(Subscription.domain).distinct().order_by(Subscription.domain))
    return [domain for domain in domains if not current().refuses(domain)]


def list_subscribed_spaces(session: Session, domain: str) -> list[str]:
    query = select(Subscription.target_id).join(Space, Space.actor_id == Subscription.target_id)
    return list(session.scalars(query.where(Subscription.domain == domain).order_by(Subscription.target_id)))


def has_member_at(session: Session, space_id: str, domain: str) -> bool:
    """Whether somebody of that instance is in the space."""
    is_member = exists().where(
        Member.space_id == space_id,
        Member.banned_at.is_(None),
        Actor.id == Member.actor_id,
        Actor.host == domain,
        Actor.deleted_at.is_(None),
    )
    return bool(session.scalar(select(is_member)))


def find_peer(session: Session, domain: str) -> Peer | None:
    return session.scalar(select(Peer).where(Peer.domain == domain))


def find_instance(session: Session, id_: str) -> ToldInstance | None:
    """What another instance has said of itself, by our id for it."""
    return session.scalar(select(ToldInstance).where(ToldInstance.id == id_))


def list_known(session: Session, domains: Collection[str]) -> set[str]:
    """Those that have spoken Punctum with us, or were told something over it."""
    return set(session.scalars(select(Peer.domain).where(Peer.domain.in_(domains)))) if domains else set()


def is_given_up(peer: Peer, now: datetime) -> bool:
    return peer.silent_since is not None and peer.silent_since <= now - GIVEN_UP_AFTER


def list_outgoing(session: Session, domain: str, *, now: datetime, limit: int) -> Sequence[Outgoing]:
    """What has waited longest, and behind it what has failed before, if it is time for that."""
    query = select(Outgoing).where(Outgoing.domain == domain, _is_due(now))
    return session.scalars(query.order_by(Outgoing.attempts, Outgoing.position).limit(limit)).all()


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(Outgoing.next_attempt_at.is_(None), Outgoing.next_attempt_at <= now)


def list_leaving(session: Session, domain: str, conversation_id: str) -> set[str]:
    """Who of ours has left a group of that instance, which has not heard of it yet."""
    waiting = select(Outgoing.data).where(
        Outgoing.domain == domain, Outgoing.kind == LEAVE, Outgoing.object_id == conversation_id
    )
    return {str(data["actor_id"]) for data in session.scalars(waiting)}


def is_free(now: datetime) -> ColumnElement[bool]:
    """Of a peer: nobody speaks to it. A lease that ends later than any we give is of before the clock was put back."""
    return or_(Peer.leased_until.is_(None), Peer.leased_until <= now, Peer.leased_until > now + 2 * LEASE)


def list_due_peers(session: Session, now: datetime) -> list[str]:
    """Instances that something waits for, and that nobody speaks to: those that are silent when it is time to ask."""
    is_waiting = exists().where(Outgoing.domain == Peer.domain, _is_due(now))
    is_time = or_(
        Peer.silent_since.is_(None),
        (Peer.next_probe_at <= now) & (Peer.silent_since > now - GIVEN_UP_AFTER),
    )
    return list(session.scalars(select(Peer.domain).where(is_waiting, is_free(now), is_time)))
