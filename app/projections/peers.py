"""Writes of what we note of other instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.db import row_count, upsert, wake
from app.models import (
    Channel,
    CustomEmoji,
    Invite,
    KnownId,
    Member,
    Outgoing,
    Peer,
    Role,
    SeenSignature,
    Subscription,
    ToldInstance,
)
from app.queries.peers import LEAVE, is_free, is_given_up

_AT_ONCE: Final = 500


def claim(session: Session, domain: str, remote_id: str, *, now: datetime) -> KnownId | None:
    """What an instance calls so, which nobody else changes, nor keeps for the first time, before the transaction
    ends."""
    hold(session, domain, now=now)
    return session.scalar(select(KnownId).where(KnownId.domain == domain, KnownId.remote_id == remote_id))


def note_origin(session: Session, local_id: str, domain: str, remote_id: str) -> None:
    """The object comes from there, by that name: who came back to a space is a new member at its home."""
    others = delete(KnownId).where(KnownId.domain == domain, KnownId.remote_id == remote_id)
    session.execute(others.where(KnownId.local_id != local_id))
    named = upsert(session, KnownId).values(local_id=local_id, domain=domain, remote_id=remote_id, is_origin=True)
    session.execute(
        named.on_conflict_do_update(
            index_elements=["local_id", "domain"],
            set_={"remote_id": remote_id, "is_origin": True},
        )
    )


def note_name(session: Session, local_id: str, domain: str, remote_id: str) -> None:
    """What another instance calls an object that is not its own; where an object comes from stays as it was."""
    taken = select(KnownId.local_id).where(KnownId.domain == domain, KnownId.remote_id == remote_id, KnownId.is_origin)
    if session.scalar(taken) is not None:
        return
    _forget_name(session, domain, remote_id)
    named = upsert(session, KnownId).values(local_id=local_id, domain=domain, remote_id=remote_id, is_origin=False)
    session.execute(
        named.on_conflict_do_update(
            index_elements=["local_id", "domain"], set_={"remote_id": remote_id}, where=KnownId.is_origin.is_(False)
        )
    )


def mark_deleted(session: Session, local_id: str, domain: str, *, now: datetime) -> None:
    """What its home deleted stays known, so that it does not come back."""
    session.execute(
        update(KnownId).where(KnownId.local_id == local_id, KnownId.domain == domain).values(deleted_at=now)
    )


def mark_children_deleted(session: Session, space_id: str, domain: str, *, now: datetime) -> None:
    """All that is in a space, before it is gone: another space does not bring it back."""
    for id_, of_space in (
        (Channel.actor_id, Channel.space_id),
        (Role.id, Role.space_id),
        (Member.id, Member.space_id),
        (Invite.id, Invite.space_id),
        (CustomEmoji.id, CustomEmoji.space_id),
    ):
        children = KnownId.local_id.in_(select(id_).where(of_space == space_id))
        session.execute(update(KnownId).where(KnownId.domain == domain, children).values(deleted_at=now))


def subscribe(session: Session, target_id: str, domain: str, *, now: datetime) -> None:
    session.execute(
        upsert(session, Subscription)
        .values(target_id=target_id, domain=domain, created_at=now)
        .on_conflict_do_nothing()
    )


def unsubscribe(session: Session, target_id: str, domain: str) -> None:
    session.execute(delete(Subscription).where(Subscription.target_id == target_id, Subscription.domain == domain))


def put(
    session: Session,
    domain: str,
    kind: str,
    object_id: str,
    *,
    now: datetime,
    about: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Have an instance told, once for however often the same happens until it is; `about` tells requests apart.

    One that was given up misses it; but that somebody has left waits until it is heard of again.
    """
    if _note_and_ask(session, domain, now=now) and kind != LEAVE:
        return
    key = f"{kind} {object_id} {about}".strip()
    row = upsert(session, Outgoing).values(
        domain=domain, key=key, kind=kind, object_id=object_id, data=dict(data or {}), version=0, created_at=now
    )
    session.execute(row.on_conflict_do_update(index_elements=["domain", "key"], set_=_again(row)))
    wake(session, "peers", domain)


def settle(session: Session, position: int, version: int) -> None:
    """It was told, unless the same has happened again since."""
    session.execute(delete(Outgoing).where(Outgoing.position == position, Outgoing.version == version))


def put_off(session: Session, position: int, *, until: datetime | None) -> None:
    """It failed by itself, and where that is its own fault it is not tried again before then."""
    failed = update(Outgoing).where(Outgoing.position == position)
    session.execute(failed.values(attempts=Outgoing.attempts + 1, next_attempt_at=until))


def forget_outgoing(session: Session, domain: str) -> None:
    session.execute(delete(Outgoing).where(Outgoing.domain == domain))


def ensure(session: Session, domain: str, *, now: datetime) -> None:
    session.execute(
        upsert(session, Peer).values(domain=domain, speaks_activitypub=False, created_at=now).on_conflict_do_nothing()
    )


def hold(session: Session, domain: str, *, now: datetime) -> None:
    """What is noted of an instance, and who is told of what there, is for this transaction to write until it ends: two
    at once would each miss what the other is about to say."""
    held = select(Peer.domain).where(Peer.domain == domain).with_for_update()
    if session.scalar(held) is None:
        ensure(session, domain, now=now)
        session.execute(held)


def put_all(session: Session, domain: str, kind: str, object_ids: Sequence[str], *, now: datetime) -> None:
    """The same as `put` of each, in a statement for five hundred."""
    if _note_and_ask(session, domain, now=now):
        return
    for start in range(0, len(object_ids), _AT_ONCE):
        values = [
            {"domain": domain, "key": f"{kind} {id_}", "kind": kind, "object_id": id_, "data": {}, "version": 0}
            | {"created_at": now}
            for id_ in object_ids[start : start + _AT_ONCE]
        ]
        row = upsert(session, Outgoing).values(values)
        session.execute(row.on_conflict_do_update(index_elements=["domain", "key"], set_=_again(row)))
    wake(session, "peers", domain)


def lease(session: Session, domain: str, *, now: datetime, until: datetime) -> bool:
    """Whether the instance is ours to speak to until then."""
    free = update(Peer).where(Peer.domain == domain, is_free(now))
    return row_count(session.execute(free.values(leased_until=until))) > 0


def renew(session: Session, domain: str, *, held: datetime, until: datetime | None) -> bool:
    """Have the lease that ends at `held` end then instead, or now; False where it has ended, and may be another's."""
    ours = update(Peer).where(Peer.domain == domain, Peer.leased_until == held)
    return row_count(session.execute(ours.values(leased_until=until))) > 0


def note_silence(session: Session, domain: str, *, now: datetime, next_probe_at: datetime, error: str) -> None:
    """It goes on if it has begun already."""
    silent = update(Peer).where(Peer.domain == domain)
    session.execute(silent.values(next_probe_at=next_probe_at, last_error=error))
    session.execute(silent.where(Peer.silent_since.is_(None)).values(silent_since=now))


def end_silence(session: Session, domain: str) -> None:
    change(session, domain, silent_since=None, next_probe_at=None, last_error=None)


def change(session: Session, domain: str, **values: Any) -> None:
    session.execute(update(Peer).where(Peer.domain == domain).values(**values))


def save_instance(session: Session, id_: str, domain: str, values: Mapping[str, Any]) -> None:
    """What an instance that is noted already says of itself; its id stays what it was."""
    told = {"software": values["server_software"], "name": values["name"], "description": values.get("description")}
    row = upsert(session, ToldInstance).values(told | {"domain": domain, "id": id_})
    session.execute(row.on_conflict_do_update(index_elements=["domain"], set_=told))


def note_signature(session: Session, fingerprint: str, *, now: datetime) -> bool:
    """Whether it is the first request with this signature."""
    noted = upsert(session, SeenSignature).values(fingerprint=fingerprint, seen_at=now)
    return session.scalar(noted.on_conflict_do_nothing().returning(SeenSignature.fingerprint)) is not None


def _note_and_ask(session: Session, domain: str, *, now: datetime) -> bool:
    """Whether the instance, noted if it is new, was given up."""
    peer = session.scalar(select(Peer).where(Peer.domain == domain))
    if peer is None:
        ensure(session, domain, now=now)
    return peer is not None and is_given_up(peer, now)


def _again(row: postgresql.Insert) -> dict[str, Any]:
    """What a row that waits already gets of one that says the same."""
    return {"version": Outgoing.version + 1, "data": row.excluded.data, "created_at": row.excluded.created_at}


def _forget_name(session: Session, domain: str, remote_id: str) -> None:
    """An instance may give a name of another's object to a different one; its own objects keep theirs."""
    named = delete(KnownId).where(KnownId.domain == domain, KnownId.remote_id == remote_id)
    session.execute(named.where(KnownId.is_origin.is_(False)))
