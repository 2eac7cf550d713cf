"""Who may see what: the one rule that REST, sockets, ActivityPub GETs, search and push all ask.

A place is a channel or a conversation. Whoever sees the place sees its messages; strangers see the public messages of
public channels and nothing else. Missing and forbidden look the same outside, so callers turn a no into NotFoundError.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, false, literal, or_, select, true
from sqlalchemy.orm import Session

from app.models import Account, Actor, Block, Channel, Follow, Message, Participant, RoleGrant, Space
from app.queries.actors import ACCEPTED
from app.queries.privileges import ROLES
from app.queries.viewers import Viewer

_SEES_PRIVATE = frozenset(role.id for role in ROLES.values() if "view_private_channels" in role.privileges)


class Shape(NamedTuple):
    """What the statement for a place depends on: each is built once, because building takes longer than running."""

    is_conversation: bool
    is_ours: bool
    is_private: bool
    is_public_message: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands, with as much as the rule needs of it. A channel of another server has no space."""

    channel_id: str | None = None
    conversation_id: str | None = None
    space_id: str | None = None
    is_private: bool = False
    is_public_message: bool = True

    @property
    def shape(self) -> Shape:
        return Shape(
            is_conversation=self.conversation_id is not None,
            is_ours=self.space_id is not None,
            is_private=self.is_private,
            is_public_message=self.is_public_message,
        )

    @property
    def ids(self) -> dict[str, str]:
        """What fills in the statement of its shape."""
        ids = {
            "channel_id": self.channel_id,
            "conversation_id": self.conversation_id,
            "space_id": self.space_id,
        }
        return {name: value for name, value in ids.items() if value is not None}

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
    statement = _among_candidates(place.shape)
    return set(session.scalars(statement, {**place.ids, "candidates": list(candidates)}))


def _someone_may_see(session: Session, place: Place, host: str) -> bool:
    return session.scalar(_at_host(place.shape), {**place.ids, "host": host}) is not None


@cache
def _among_candidates(shape: Shape) -> Select[str]:
    chosen = Actor.id.in_(bindparam("candidates", expanding=True))
    return select(Actor.id).where(chosen, _is_welcome(shape), _sees(shape))


@cache
def _at_host(shape: Shape) -> Select[str]:
    return select(Actor.id).where(Actor.host == bindparam("host"), _is_welcome(shape), _sees(shape)).limit(1)


def channel_is_visible(viewer: Viewer) -> ColumnElement[bool]:
    """The rule of `who_may_see` for one viewer over many channels, as a condition on `channels`."""
    return channel_is_visible_to(literal(viewer.actor_id), sees_all=sees_private(viewer))


def sees_private(viewer: Viewer) -> bool:
    """Whether a role shows the viewer every private channel of ours."""
    return bool(viewer.roles & _SEES_PRIVATE)


def channel_is_visible_to(viewer_id: ColumnElement[str], *, sees_all: bool) -> ColumnElement[bool]:
    follows = exists().where(
        Follow.target_id == Channel.actor_id, Follow.actor_id == viewer_id, Follow.state == ACCEPTED
    )
    is_ours = Channel.space_id.is_not(None)
    is_open = is_ours if sees_all else and_(is_ours, Channel.is_private.is_(False))
    is_banned = exists().where(Block.space_id == Channel.space_id, Block.blocked_id == viewer_id)
    return and_(Channel.deleted_at.is_(None), or_(follows, is_open), ~is_banned)


def _is_welcome(shape: Shape) -> ColumnElement[bool]:
    """Not deleted, not banned from the server, not banned from the place's space."""
    account_is_open = or_(
        Actor.host.is_not(None),
        exists().where(Account.actor_id == Actor.id, Account.banned_at.is_(None)),
    )
    is_banned = (
        exists().where(Block.space_id == bindparam("space_id"), Block.blocked_id == Actor.id)
        if shape.is_ours
        else false()
    )
    return and_(Actor.deleted_at.is_(None), account_is_open, ~is_banned)


def _sees(shape: Shape) -> ColumnElement[bool]:
    if shape.is_conversation:
        return exists().where(
            Participant.conversation_id == bindparam("conversation_id"), Participant.actor_id == Actor.id
        )
    follows = exists().where(
        Follow.target_id == bindparam("channel_id"), Follow.actor_id == Actor.id, Follow.state == ACCEPTED
    )
    if not shape.is_ours:
        return follows
    if not shape.is_private:
        return true() if shape.is_public_message else or_(follows, Actor.host.is_(None))
    watches = exists().where(
        RoleGrant.actor_id == Actor.id,
        RoleGrant.space_id == bindparam("space_id"),
        RoleGrant.role.in_(_SEES_PRIVATE),
    )
    return or_(follows, watches)
