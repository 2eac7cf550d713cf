"""Writes of channels."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app.db import upsert
from app.models import Actor, Channel, Follow, Pin
from app.projections import actors
from app.uris import Uris

MAX_NAME = 255  # Characters, in a column that both databases share.


def name_key(name: str) -> str:
    """What two names must not share to stand in one list."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()


def add_local(
    session: Session,
    uris: Uris,
    *,
    id: str,
    space_id: str,
    name: str,
    type: str,
    is_private: bool,
    creator_id: str,
    now: datetime,
    has_bits: bool = False,
) -> Actor:
    """A channel of ours and the Group actor it is to the world."""
    actor = actors.add_local(
        session,
        id=id,
        uri=uris.channel(id),
        type="Group",
        local_name=_local_name(session, name, id, is_private=is_private),
        name=name,
        shared_inbox=uris.shared_inbox,
        now=now,
        manually_approves=is_private,
    )
    session.execute(
        insert(Channel).values(
            actor_id=id,
            space_id=space_id,
            # Names are unique in the home space alone.
            name_key=None if has_bits else name_key(name),
            name=name,
            type=type,
            is_private=is_private,
            has_bits=has_bits,
            creator_id=creator_id,
            head=0,
            created_at=now,
        )
    )
    return actor


def ensure_remote(session: Session, group: Actor, *, now: datetime) -> None:
    """The channel that another server's Group is to us, from the first time somebody here follows it.

    One that lets everybody in is taken to be public: what is said there is meant for the world.
    """
    session.execute(
        upsert(session, Channel)
        .values(
            actor_id=group.id,
            name=f"{group.preferred_username}@{group.host}"[:MAX_NAME],
            type="text",
            is_private=group.manually_approves,
            head=0,
            created_at=now,
        )
        .on_conflict_do_nothing()
    )


def rename(session: Session, channel: Channel, *, name: str) -> None:
    """The handle stays: other servers know the channel by it."""
    session.execute(
        update(Channel).where(Channel.actor_id == channel.actor_id).values(name=name, name_key=name_key(name))
    )
    session.execute(update(Actor).where(Actor.id == channel.actor_id).values(name=name))


def mark_deleted(session: Session, channel: Channel, *, now: datetime) -> None:
    """Gone for everybody; the name may be given again, to another channel with another id."""
    session.execute(update(Channel).where(Channel.actor_id == channel.actor_id).values(deleted_at=now, name_key=None))
    session.execute(update(Actor).where(Actor.id == channel.actor_id).values(deleted_at=now, local_name=None))
    session.execute(delete(Follow).where(Follow.target_id == channel.actor_id))
    session.execute(delete(Pin).where(Pin.channel_id == channel.actor_id))


def _local_name(session: Session, name: str, id: str, *, is_private: bool) -> str:
    """A handle out of a channel's name: users and channels share one space of handles, so it may need a number.

    A private channel takes none that somebody could ask for, whom the refusal would tell that it is there.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9_.-]+", "-", ascii_name).strip("-.")[:40] or "channel"
    candidates = () if is_private else (stem, *(f"{stem}-{number}" for number in range(2, 10)))
    for candidate in candidates:
        if session.scalar(select(Actor.id).where(Actor.local_name == candidate)) is None:
            return candidate
    return f"{stem}-{id[-10:]}"
