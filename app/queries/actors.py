"""Reads of actors and of who follows whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, bindparam, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from app.act import Inbox
from app.db import find_loaded
from app.errors import NotFoundError
from app.insertion import LOOKS_ELSEWHERE
from app.models import Actor, ActorKey, Block, Channel, Follow
from app.queries.home import HOME_ID
from app.uris import Uris

ACCEPTED = "accepted"
PENDING = "pending"
# Who writes, is written to and is a member, as against channels and servers.
PEOPLE = frozenset({"Person", "Service"})
NO_SUCH_ACTOR: Final = "The actor does not exist."

# Built once, because building a statement takes longer than running it.
_LIVING = select(Actor).where(Actor.uri == bindparam("uri"), Actor.deleted_at.is_(None))
_HELD = _LIVING.with_for_update(key_share=True)
_IS_PRIVATE_CHANNEL = exists().where(Channel.actor_id == Actor.id, Channel.is_private)
_IS_REMOTE = Actor.host.is_not(None) & Actor.deleted_at.is_(None)
_REMOTE_FOLLOWER = (
    select(Follow.id)
    .where(Follow.target_id == bindparam("target_id"), Follow.state == ACCEPTED, Follow.domain.is_not(None))
    .limit(1)
)


def find_actor(session: Session, uri: str | None) -> Actor | None:
    """The living actor with this URI."""
    if uri is None:
        return None
    return session.scalar(_LIVING, {"uri": uri})


def find_any(session: Session, uri: str) -> Actor | None:
    """Deleted ones too."""
    return session.scalar(select(Actor).where(Actor.uri == uri))


def get_own(session: Session, uris: Uris, uri: str) -> Actor:
    """The living actor of ours with this URI. Raises NotFoundError."""
    loaded = find_loaded(session, Actor, uris.local_id(uri) or "")
    if loaded is not None and loaded.uri == uri and loaded.deleted_at is None:
        return loaded
    return get_actor(session, uri)


def get_actor(session: Session, uri: str | None) -> Actor:
    """The living actor with this URI. Raises NotFoundError."""
    actor = find_actor(session, uri)
    if actor is None:
        raise NotFoundError(NO_SUCH_ACTOR)
    return actor


def hold_actor(session: Session, uri: str) -> Actor:
    """As `get_actor`, held until the commit: what somebody says comes on several ways at once, and what is deleted on
    one of them is looked for on the others."""
    actor = session.scalar(_HELD, {"uri": uri})
    if actor is None:
        raise NotFoundError(NO_SUCH_ACTOR)
    return actor


def find_by_id(session: Session, id: str) -> Actor | None:
    return session.scalar(select(Actor).where(Actor.id == id))


def get_by_id(session: Session, id: str) -> Actor:
    """Deleted ones too. Raises NotFoundError."""
    actor = find_by_id(session, id)
    if actor is None:
        raise NotFoundError(NO_SUCH_ACTOR)
    return actor


def list_by_handles(session: Session, handles: Sequence[str], *, own_host: str) -> dict[str, Actor]:
    """The known actors with these handles (`user` or `user@host`), by the handle as it was written.

    A private channel is not among them: whoever mentions it would learn its URI, and tell it to everybody.
    """
    parts = {
        handle: (name.lower(), host or own_host) for handle in handles for name, _, host in [handle.partition("@")]
    }
    if not parts:
        return {}
    local_names = [name for name, host in parts.values() if host == own_host]
    remote = [
        and_(Actor.host == host, func.lower(Actor.preferred_username) == name)
        for name, host in parts.values()
        if host != own_host
    ]
    found = session.scalars(
        select(Actor).where(
            or_(Actor.local_name.in_(local_names), *remote), Actor.deleted_at.is_(None), ~_IS_PRIVATE_CHANNEL
        )
    )
    known = {(actor.preferred_username.lower(), actor.host or own_host): actor for actor in found}
    return {handle: known[key] for handle, key in parts.items() if key in known}


def find_local(session: Session, name: str) -> Actor | None:
    """One of ours by the name in its handle, in any case."""
    return session.scalar(select(Actor).where(Actor.local_name == name.lower(), Actor.deleted_at.is_(None)))


def find_remote(session: Session, username: str, host: str) -> Actor | None:
    """Another server's actor that we know by its handle; the newest where a name was used again."""
    return session.scalar(
        select(Actor)
        .where(
            Actor.host == host,
            func.lower(Actor.preferred_username) == username.lower(),
            Actor.deleted_at.is_(None),
        )
        .order_by(Actor.id.desc())
        .limit(1)
    )


def list_by_uris(session: Session, uris: Iterable[str]) -> list[Actor]:
    wanted = set(uris)
    if not wanted:
        return []
    return list(session.scalars(select(Actor).where(Actor.uri.in_(wanted), Actor.deleted_at.is_(None))))


def find_key(session: Session, key_id: str) -> tuple[ActorKey, Actor] | None:
    row = session.execute(
        select(ActorKey, Actor).join(Actor, Actor.id == ActorKey.actor_id).where(ActorKey.id == key_id)
    ).one_or_none()
    return (row[0], row[1]) if row else None


def list_keys(session: Session, actor_id: str) -> list[ActorKey]:
    return list(session.scalars(select(ActorKey).where(ActorKey.actor_id == actor_id)))


def find_follow(session: Session, actor_id: str, target_id: str) -> Follow | None:
    return session.scalar(select(Follow).where(Follow.actor_id == actor_id, Follow.target_id == target_id))


def is_blocked(session: Session, *, by: str, actor_id: str) -> bool:
    """Whether `by` blocks the actor for itself; a ban from a space is asked of `is_banned`."""
    return (
        session.scalar(
            select(Block.id)
            .where(Block.actor_id == by, Block.blocked_id == actor_id, Block.space_id.is_(None))
            .limit(1)
        )
        is not None
    )


def is_refused_by_any(session: Session, *, by: Collection[str], actor_id: str) -> bool:
    """Whether one of several people blocks the actor, or the whole server, on behalf of all of its people."""
    is_theirs = and_(Block.actor_id.in_(by), Block.space_id.is_(None))
    refusing = select(Block.id).where(Block.blocked_id == actor_id, or_(is_theirs, Block.space_id == HOME_ID))
    return session.scalar(refusing.limit(1)) is not None


def is_blocking_any(session: Session, *, by: str, actor_ids: Collection[str]) -> bool:
    """Whether somebody blocks one of several actors."""
    blocking = select(Block.id).where(Block.actor_id == by, Block.blocked_id.in_(actor_ids), Block.space_id.is_(None))
    return session.scalar(blocking.limit(1)) is not None


def list_by_ids(session: Session, ids: Collection[str]) -> list[Actor]:
    """The living ones, in no order."""
    return list(session.scalars(select(Actor).where(Actor.id.in_(ids), Actor.deleted_at.is_(None)))) if ids else []


def is_banned(session: Session, actor_id: str, space_id: str | None) -> bool:
    """Whether somebody is banned from a space, or from the home space, which is the whole server; who may speak in
    another instance's space, that one decides."""
    if space_id is None:
        return False
    banned = select(Block.id).where(Block.blocked_id == actor_id, is_ban_from(literal(space_id)))
    return session.scalar(banned.limit(1)) is not None


def is_ban_from(space_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """The same as a condition on `blocks`."""
    space = aliased(Actor)
    is_ours = exists().where(space.id == space_id, space.host.is_(None)).correlate_except(space)
    return or_(Block.space_id == space_id, and_(Block.space_id == HOME_ID, is_ours))


def is_below(domain: str) -> ColumnElement[bool]:
    """Whether an actor's server is at the domain, or below it."""
    return or_(Actor.host == domain, Actor.host.endswith(f".{domain}", autoescape=True))


def list_server_inboxes(session: Session) -> list[Inbox]:
    """One inbox of each server that one of ours follows somebody of, or that has a follower of ours."""
    relation = select(Follow.actor_id).union(select(Follow.target_id)).subquery()
    rows = session.execute(
        select(Actor.host, func.min(Actor.shared_inbox))
        .where(Actor.id.in_(select(relation)), Actor.shared_inbox.is_not(None), _IS_REMOTE)
        .group_by(Actor.host)
    )
    return [Inbox(uri, host, is_shared=True) for host, uri in rows if host and uri]


def has_remote_followers(session: Session, target_id: str) -> bool:
    found = session.scalar(_REMOTE_FOLLOWER, {"target_id": target_id}, execution_options=LOOKS_ELSEWHERE)
    return found is not None


def find_block_of(session: Session, actor_id: str, blocked_id: str) -> Block | None:
    """Somebody's own block of another, which is no ban."""
    return session.scalar(
        select(Block).where(Block.actor_id == actor_id, Block.blocked_id == blocked_id, Block.space_id.is_(None))
    )
