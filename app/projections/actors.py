"""Writes of actors and of the keys they speak with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from activitypub import html
from activitypub.documents import ActorDocument
from activitypub.keys import PublicKey, generate_ed25519, private_key_to_der, public_key_to_multikey
from activitypub.names import read_name
from app.db import wake
from app.errors import NotFoundError
from app.ids import new_id
from app.models import Actor, ActorKey, Follow, ToldPerson
from app.projections import follows
from app.queries.actors import NO_SUCH_ACTOR
from app.sealing import KEY_SCOPE, seal_row


def hold(session: Session, actor_id: str) -> None:
    """What an actor does once is for this transaction to write until it ends."""
    session.execute(select(Actor.id).where(Actor.id == actor_id).with_for_update(key_share=True))


def keep(session: Session, actor_id: str) -> None:
    """Until the end of the transaction, the actor is not deleted: what it does meanwhile is found by whoever deletes
    it. Raises NotFoundError for one that is gone."""
    living = select(Actor.id).where(Actor.id == actor_id, Actor.deleted_at.is_(None))
    if session.scalar(living.with_for_update(read=True)) is None:
        raise NotFoundError(NO_SUCH_ACTOR)


def add_local(
    session: Session,
    *,
    id: str,
    uri: str,
    type: str,
    local_name: str | None,
    name: str,
    shared_inbox: str,
    now: datetime,
    summary: str = "",
    manually_approves: bool = False,
) -> Actor:
    """An actor of ours with its Ed25519 key; the RSA key costs 100 ms and more, so a worker is asked to make it."""
    actor = Actor(
        id=id,
        uri=uri,
        type=type,
        local_name=local_name,
        host=None,
        preferred_username=local_name or id,
        name=name,
        summary=summary,
        url=uri,
        inbox=f"{uri}/inbox",
        shared_inbox=shared_inbox,
        followers=f"{uri}/followers",
        manually_approves=manually_approves,
        discoverable=True,
        created_at=now,
        updated_at=now,
    )
    session.add(actor)
    session.flush()
    key = generate_ed25519()
    add_key(
        session,
        actor,
        key_id=f"{uri}#ed25519-key",
        kind="ed25519",
        public=public_key_to_multikey(key.public_key()),
        private=private_key_to_der(key),
        now=now,
    )
    wake(session, "keys", id)
    return actor


def add_key(
    session: Session, actor: Actor, *, key_id: str, kind: str, public: str, private: bytes, now: datetime
) -> None:
    session.execute(
        insert(ActorKey).values(
            id=key_id,
            actor_id=actor.id,
            kind=kind,
            public=public,
            private=seal_row(session, KEY_SCOPE, key_id, private),
            created_at=now,
        )
    )


def save_remote(
    session: Session,
    known: Actor | None,
    document: ActorDocument,
    *,
    host: str,
    keys: Sequence[PublicKey],
    now: datetime,
) -> Actor:
    """Another server's actor as its home describes it now; keys it no longer lists are forgotten."""
    values = {
        "type": document.type,
        "host": host,
        "preferred_username": document.preferred_username,
        "name": _shown_name(document),
        "summary": html.sanitise(document.summary),
        "url": document.url,
        "icon_url": document.icon_url,
        "image_url": document.image_url,
        "inbox": document.inbox,
        "shared_inbox": document.shared_inbox,
        "followers": document.followers,
        "manually_approves": document.manually_approves,
        "discoverable": document.discoverable,
        "updated_at": now,
        "fetched_at": now,
    }
    if known is None:
        id_ = new_id("channel" if document.type == "Group" else "user")
        known = Actor(id=id_, uri=document.id, created_at=document.published or now, **values)
        session.add(known)
        session.flush()
    else:
        was_told = known.shared_inbox or known.inbox
        for name, value in values.items():
            setattr(known, name, value)
        session.flush()
        if was_told != (known.shared_inbox or known.inbox):
            follows.move(session, known)
    # What leads to this actor may have led to a neighbour before.
    is_over = (ActorKey.actor_id == known.id) | ActorKey.id.in_([key.id for key in keys])
    session.execute(delete(ActorKey).where(is_over))
    if keys:
        rows = [{"id": key.id, "actor_id": known.id, "kind": key.kind, "public": encode_public(key)} for key in keys]
        session.execute(insert(ActorKey), [{**row, "created_at": now} for row in rows])
    return known


def describe(session: Session, actor: Actor, document: ActorDocument, *, now: datetime) -> None:
    """What an actor says of itself. Where it is reached and what its keys are is read from its home alone."""
    session.execute(
        update(Actor)
        .where(Actor.id == actor.id)
        .values(
            name=_shown_name(document),
            summary=html.sanitise(document.summary),
            icon_url=document.icon_url,
            image_url=document.image_url,
            manually_approves=document.manually_approves,
            discoverable=document.discoverable,
            updated_at=now,
        )
    )


def _shown_name(document: ActorDocument) -> str:
    return read_name(document.name) or document.preferred_username


def encode_public(key: PublicKey) -> str:
    """Both kinds in one form, the Multikey's (FEP-521a)."""
    return public_key_to_multikey(key.key)


def mark_deleted(session: Session, actor: Actor, *, now: datetime) -> None:
    """The row stays, so that what the actor did can still name it; its name is never given again."""
    gone = {"deleted_at": now, "summary": "", "icon_url": None, "image_url": None}
    session.execute(update(Actor).where(Actor.id == actor.id).values(gone))
    session.execute(delete(Follow).where((Follow.actor_id == actor.id) | (Follow.target_id == actor.id)))
    session.execute(delete(ToldPerson).where(ToldPerson.actor_id == actor.id))
