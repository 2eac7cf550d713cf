"""Who may see what: the one rule that REST, sockets, ActivityPub GETs, search and push all ask.

A place is a channel or a conversation. Whoever sees the place sees its messages; strangers see the public messages of
public channels and nothing else. Missing and forbidden look the same outside, so callers turn a no into NotFoundError.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, false, or_, select, true
from sqlalchemy.orm import Session

from app.models import Account, Actor, Block, Channel, Follow, Message, Participant, RoleGrant, Space
from app.queries.actors import ACCEPTED
from app.queries.privileges import ROLES
from app.queries.viewers import Viewer

_SEES_PRIVATE = frozenset(role.id for role in ROLES.values() if "view_private_channels" in role.privileges)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands, with as much as the rule needs of it. A channel of another server has no space."""

    channel_id: str | None = None
    conversation_id: str | None = None
    space_id: str | None = None
    is_private: bool = False
    is_public_message: bool = True

    @property
    def is_for_everybody(self) -> bool:
        """Readable without saying who asks: a public channel of ours, and there only what was said in public."""
        is_open_channel = self.channel_id is not None and self.space_id is not None and not self.is_private
        return is_open_channel and self.is_public_message


def place_of_channel(channel: Channel) -> Place:
    return Place(channel_id=channel.actor_id, space_id=channel.space_id, is_private=channel.is_private)


def place_of_message(message: Message, channel: Channel | None) -> Place:
    if channel is None:
        return Place(conversation_id=message.conversation_id)
    return Place(
        channel_id=channel.actor_id,
        space_id=channel.space_id,
        is_private=channel.is_private,
        is_public_message=message.audience == "public",
    )


def find_places(session: Session, *, message_ids: Collection[str], channel_ids: Collection[str]) -> dict[str, Place]:
    """The place of each message and of each channel or space, by its id; at most three queries.

    A message of a deleted channel stands nowhere. The channel itself has a place, so that its end can be told.
    """
    places: dict[str, Place] = {}
    if channel_ids:
        channels = session.scalars(select(Channel).where(Channel.actor_id.in_(channel_ids)))
        places |= {channel.actor_id: place_of_channel(channel) for channel in channels}
        spaces = session.scalars(select(Space.actor_id).where(Space.actor_id.in_(channel_ids)))
        places |= {space_id: Place(channel_id=space_id, space_id=space_id) for space_id in spaces}
    if message_ids:
        rows = session.execute(
            select(Message, Channel)
            .outerjoin(Channel, Channel.actor_id == Message.channel_id)
            .where(Message.id.in_(message_ids), Channel.deleted_at.is_(None))
        )
        places |= {message.id: place_of_message(message, channel) for message, channel in rows}
    return places


def may_see(session: Session, viewer: Viewer | None, place: Place) -> bool:
    """Whether the viewer may see the place now; None is a stranger."""
    if viewer is None:
        return place.is_for_everybody
    if viewer.is_instance and viewer.host is not None:
        return place.is_for_everybody or _someone_may_see(session, place, viewer.host)
    return viewer.actor_id in who_may_see(session, place, [viewer.actor_id])


def may_actor_see(session: Session, actor: Actor, message: Message) -> bool:
    """The same rule for an actor of the pipeline."""
    channel = session.scalar(select(Channel).where(Channel.actor_id == message.channel_id))
    if channel is not None and channel.deleted_at is not None:
        return False
    return actor.id in who_may_see(session, place_of_message(message, channel), [actor.id])


def who_may_see(session: Session, place: Place, candidates: Collection[str]) -> set[str]:
    """Those of `candidates` (actor ids) who may see the place now, in one query."""
    if not candidates:
        return set()
    query = select(Actor.id).where(Actor.id.in_(candidates), _is_welcome(place), _sees(place))
    return set(session.scalars(query))


def _someone_may_see(session: Session, place: Place, host: str) -> bool:
    query = select(Actor.id).where(Actor.host == host, _is_welcome(place), _sees(place)).limit(1)
    return session.scalar(query) is not None


def channel_is_visible(viewer: Viewer) -> ColumnElement[bool]:
    """The rule of `who_may_see` for one viewer over many channels, as a condition on `channels`."""
    follows = exists().where(
        Follow.target_id == Channel.actor_id, Follow.actor_id == viewer.actor_id, Follow.state == ACCEPTED
    )
    is_open = and_(Channel.space_id.is_not(None), Channel.is_private.is_(False))
    sees_private = and_(Channel.space_id.is_not(None), true() if viewer.roles & _SEES_PRIVATE else false())
    is_banned = exists().where(Block.space_id == Channel.space_id, Block.blocked_id == viewer.actor_id)
    return and_(Channel.deleted_at.is_(None), or_(follows, is_open, sees_private), ~is_banned)


def _is_welcome(place: Place) -> ColumnElement[bool]:
    """Not deleted, not banned from the server, not banned from the place's space."""
    account_is_open = or_(
        Actor.host.is_not(None),
        exists().where(Account.actor_id == Actor.id, Account.banned_at.is_(None)),
    )
    is_banned = (
        exists().where(Block.space_id == place.space_id, Block.blocked_id == Actor.id) if place.space_id else false()
    )
    return and_(Actor.deleted_at.is_(None), account_is_open, ~is_banned)


def _sees(place: Place) -> ColumnElement[bool]:
    if place.conversation_id is not None:
        return exists().where(Participant.conversation_id == place.conversation_id, Participant.actor_id == Actor.id)
    follows = exists().where(
        Follow.target_id == place.channel_id, Follow.actor_id == Actor.id, Follow.state == ACCEPTED
    )
    if place.space_id is None:
        return follows
    if not place.is_private:
        return true() if place.is_public_message else or_(follows, Actor.host.is_(None))
    watches = exists().where(
        RoleGrant.actor_id == Actor.id, RoleGrant.space_id == place.space_id, RoleGrant.role.in_(_SEES_PRIVATE)
    )
    return or_(follows, watches)
