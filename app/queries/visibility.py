"""Who may see what: the one rule that REST, sockets and ActivityPub GETs ask, as a question and as a condition in SQL.

A place is a channel or a conversation. Whoever sees the place sees its messages; strangers see the public messages of
public channels and nothing else. Outside the home space, permission bits decide among the members of a space. In
another server's channel our people who are members of it see what is said, and its Group what we said to it: who else
is a member, only its home knows. Missing and forbidden look the same outside, so callers turn a no into NotFoundError.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from app.db import rows_of
from app.models import Activity, ActivityDocument, Actor, Channel, Message, Space
from app.queries.privileges import OF_ADMINS
from app.queries.rule_of_sight import (
    TO_BE_A_MEMBER,
    TO_READ,
    TO_SEE,
    Where,
    Who,
    any_channel,
    anybody,
    constant,
    has_row,
    is_welcome,
    sees,
)
from app.queries.viewers import Viewer


class Shape(NamedTuple):
    """What the statement for a place depends on: each is built once, because building takes longer than running."""

    is_conversation: bool
    is_ours: bool
    is_private: bool
    is_public_message: bool
    needed: int | None = None


class Place(msgspec.Struct, frozen=True):
    """Where a message stands, with as much as the rule needs of it. A channel of another server has no space, unless
    it is of a space that is mirrored here, by whose bits we go as by our own.

    Nobody sees anything at a place that is gone. `needed` are the permission bits that it takes where those decide.
    """

    channel_id: str | None = None
    conversation_id: str | None = None
    space_id: str | None = None
    is_private: bool = False
    is_public_message: bool = True
    is_gone: bool = False
    needed: int | None = None

    @property
    def shape(self) -> Shape:
        return Shape(
            is_conversation=self.conversation_id is not None,
            is_ours=self.space_id is not None,
            is_private=self.is_private,
            is_public_message=self.is_public_message,
            needed=self.needed,
        )

    @property
    def ids(self) -> dict[str, str]:
        """What fills in the statement of its shape."""
        ids = {"place_id": self.channel_id or self.conversation_id, "space_id": self.space_id}
        return {name: value for name, value in ids.items() if value is not None}

    @property
    def is_elsewhere(self) -> bool:
        """Another server's channel."""
        return self.channel_id is not None and self.space_id is None

    @property
    def is_of_space(self) -> bool:
        """Where what is of a whole space is told."""
        return self.space_id is not None and self.channel_id == self.space_id

    @property
    def is_closed(self) -> bool:
        """A private channel of ours: nothing in it is for strangers, whatever it says of itself."""
        return self.space_id is not None and (self.is_private or self.needed is not None)

    @property
    def is_for_everybody(self) -> bool:
        """Readable without saying who asks: a public channel of ours, and there only what was said in public."""
        is_open = self.space_id is not None and not self.is_closed
        return is_open and self.is_public_message and not self.is_gone


class Standing(NamedTuple):
    """What the statement for a viewer depends on. A role may show it every private channel of ours."""

    is_local: bool
    sees_private: bool


def place_of_channel(channel: Channel) -> Place:
    return Place(
        channel_id=channel.actor_id,
        space_id=channel.space_id,
        is_private=channel.is_private,
        is_gone=channel.deleted_at is not None,
        needed=TO_READ if channel.has_bits else None,
    )


def place_of_space(space_id: str, *, is_home: bool) -> Place:
    """Where what is of the whole space is told: to its members."""
    return Place(channel_id=space_id, space_id=space_id, needed=None if is_home else TO_BE_A_MEMBER)


def place_of_message(message: Message, channel: Channel | None) -> Place:
    if channel is None:
        return Place(conversation_id=message.conversation_id)
    return replace(place_of_channel(channel), is_public_message=message.audience == "public")


def find_places(session: Session, *, message_ids: Collection[str], channel_ids: Collection[str]) -> dict[str, Place]:
    """The place of each message and of each channel or space, by its id; at most three queries.

    A deleted channel's own place is what it was, so that its end can be told; its messages' is gone.
    """
    places: dict[str, Place] = {}
    if channel_ids:
        channels = session.scalars(select(Channel).where(Channel.actor_id.in_(channel_ids)))
        places |= {channel.actor_id: replace(place_of_channel(channel), is_gone=False) for channel in channels}
        spaces = session.execute(select(Space.actor_id, Space.is_home).where(Space.actor_id.in_(channel_ids)))
        places |= {space_id: place_of_space(space_id, is_home=is_home) for space_id, is_home in spaces}
    if message_ids:
        rows = session.execute(
            select(Message, Channel)
            .outerjoin(Channel, Channel.actor_id == Message.channel_id)
            .where(Message.id.in_(message_ids))
        )
        places |= {message.id: place_of_message(message, channel) for message, channel in rows}
    return places


# Questions about one place.


def may_see(session: Session, viewer: Viewer | None, place: Place) -> bool:
    """Whether the viewer may see the place now; None is a stranger."""
    if place.is_gone:
        return False
    if viewer is None or (viewer.asks_for_server and place.is_for_everybody):
        return place.is_for_everybody
    if viewer.asks_for_server:
        return session.scalar(_at_host(place.shape), {**place.ids, "host": viewer.host}) is not None
    return viewer.actor_id in who_may_see(session, place, [viewer.actor_id])


def may_remove_unseen(viewer: Viewer | None, place: Place) -> bool:
    """Whether they may take away what stands there without being let in: in spaces with bits of their own, which no
    moderator of the server looks after, its admins do (contracts/punctum.md, 1.6 and 5.3)."""
    is_of_bits = place.needed is not None and not place.is_gone
    return viewer is not None and is_of_bits and viewer.has(OF_ADMINS)


def may_actor_see(session: Session, actor: Actor, message: Message) -> bool:
    """The same rule for an actor of the pipeline."""
    channel = session.scalar(select(Channel).where(Channel.actor_id == message.channel_id))
    return actor.id in who_may_see(session, place_of_message(message, channel), [actor.id])


def who_may_see(session: Session, place: Place, candidates: Collection[str]) -> set[str]:
    """Those of `candidates` (actor ids) who may see the place now, in one query."""
    if place.is_gone or not candidates:
        return set()
    found = rows_of(session, _among_candidates(place.shape), {**place.ids, "candidates": list(candidates)})
    return {row[0] for row in found}


def may_read(session: Session, viewer: Viewer | None, place: Place | None, addressed: Collection[str]) -> bool:
    """Whether the viewer may read a document of ours that not everybody may: of a message or an activity at the place.

    Whoever sees the place does; what has no place, and what was said in another server's channel, is also for whoever
    it was addressed to by name. Having been addressed once is not enough for a place of ours: who was put out of it
    sees nothing of it (hostile case AUZ-11).
    """
    if viewer is None:
        return False
    if (place is None or place.is_elsewhere) and _is_named(viewer, addressed):
        return True
    return place is not None and may_see(session, viewer, place)


def is_said_to_everybody(audience: str, place: Place | None) -> bool:
    """Whether all the world may read it: what was said in public, anywhere but in a private channel of ours.

    Another server's channel is closed to strangers here, but what our people said in it in public is public.
    """
    return audience == "public" and not (place is not None and place.is_closed)


def is_open_actor(channel: Channel | None) -> bool:
    """Whether strangers may know of an actor of ours: of everyone but a private channel."""
    return channel is None or not channel.is_private


# The same as conditions in SQL, for many places at once.


def channel_is_visible(viewer: Viewer) -> ColumnElement[bool]:
    """The rule of `may_see` for one viewer, as a condition on `channels`; who it is will be bound as `viewer_id`.

    To build it takes 5 ms, a second use of it a fifteenth of that.
    """
    return _visible_to_bound(standing_of(viewer))


@cache
def _visible_to_bound(standing: Standing) -> ColumnElement[bool]:
    return channel_is_visible_to(bindparam("viewer_id"), standing)


def standing_of(viewer: Viewer) -> Standing:
    return Standing(is_local=viewer.is_local, sees_private=viewer.has("view_private_channels"))


def channel_is_visible_to(
    viewer_id: ColumnElement[str], standing: Standing, *, needed: int = TO_READ
) -> ColumnElement[bool]:
    who = Who(viewer_id, is_local=constant(standing.is_local), is_watching=constant(standing.sees_private))
    return and_(Channel.deleted_at.is_(None), sees(who, any_channel(needed)))


def pairs_of_sight() -> Select[str, str]:
    """(who, what): each of the `candidates` that will be bound, with each of the channels bound as `channel_ids` that
    it sees."""
    where = any_channel(TO_SEE)
    return select(Actor.id, Channel.actor_id).where(
        Actor.id.in_(bindparam("candidates", expanding=True)),
        Channel.actor_id.in_(bindparam("channel_ids", expanding=True)),
        Channel.deleted_at.is_(None),
        is_welcome(),
        sees(anybody(where), where),
    )


def document_is_shown(viewer: Viewer | None) -> ColumnElement[bool]:
    """The rules of `is_said_to_everybody` and `may_read`, as a condition on `activities` with their documents.

    `channels` is joined by the scope of each document: it is sealed for the place it belongs to. A document with no
    place is listed for nobody, nor is one for who was only named in it: addressees are read in the document alone.
    """
    is_ours = Channel.space_id.is_not(None)
    is_for_all = and_(Activity.audience == "public", ~and_(is_ours, Channel.is_private))
    shown = is_for_all
    if viewer is not None:
        where = Where(
            ActivityDocument.scope,
            Channel.space_id,
            is_conversation=Channel.actor_id.is_(None),
            is_ours=is_ours,
            is_elsewhere=and_(Channel.actor_id.is_not(None), ~is_ours),
            is_private=Channel.is_private,
            is_public_message=Activity.audience == "public",
            has_bits=Channel.has_bits,
        )
        is_asking = Actor.host == viewer.host if viewer.asks_for_server else Actor.id == viewer.actor_id
        is_there = has_row(Actor, is_asking, is_welcome(), sees(anybody(where), where))
        shown = or_(is_for_all, and_(Activity.audience != "private", is_there))
    return and_(Channel.deleted_at.is_(None), shown)


def is_private_channel(actor_id: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """The opposite of `is_open_actor`, as a condition on whatever names the actor."""
    return has_row(Channel, Channel.actor_id == actor_id, Channel.is_private)


@cache
def sees_place(shape: Shape) -> ColumnElement[bool]:
    """Whether the actor bound as `actor_id` sees the place whose `ids` are bound, as part of another statement."""
    return _viewers(shape).where(Actor.id == bindparam("actor_id")).exists()


@cache
def _among_candidates(shape: Shape) -> Select[str]:
    return _viewers(shape).where(Actor.id.in_(bindparam("candidates", expanding=True)))


@cache
def _at_host(shape: Shape) -> Select[str]:
    return _viewers(shape).where(Actor.host == bindparam("host")).limit(1)


def _viewers(shape: Shape) -> Select[str]:
    """Everybody who sees a place of this shape."""
    where = Where(
        bindparam("place_id"),
        bindparam("space_id"),
        is_conversation=constant(shape.is_conversation),
        is_ours=constant(shape.is_ours),
        is_elsewhere=constant(not (shape.is_conversation or shape.is_ours)),
        is_private=constant(shape.is_private),
        is_public_message=constant(shape.is_public_message),
        has_bits=constant(shape.needed is not None),
        needed=shape.needed or 0,
    )
    return select(Actor.id).where(is_welcome(), sees(anybody(where), where))


def _is_named(viewer: Viewer, addressed: Collection[str]) -> bool:
    """An instance asks for all the people of its server."""
    if viewer.asks_for_server:
        return any(uri.startswith(f"https://{viewer.host}/") for uri in addressed)
    return viewer.uri in addressed
