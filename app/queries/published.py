"""Reads of our own actors, messages and activities by their ids: what other servers may ask for.

Each is read with as much as it takes to decide who may see it, and nothing is decided about a stranger by what cannot
be seen: missing, foreign and forbidden are one answer to the callers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from app.models import Activity, ActivityDocument, Actor, Channel, Message
from app.queries import visibility
from app.queries.conversations import read_talk
from app.queries.documents import note_document
from app.queries.messages import open_content
from app.queries.redaction import redact
from app.queries.viewers import Viewer
from app.queries.visibility import (
    Place,
    is_open_actor,
    is_said_to_everybody,
    may_see,
    place_of_channel,
    place_of_message,
)
from app.sealing import open_row


class OwnActor(msgspec.Struct, frozen=True):
    """An actor of ours, deleted ones too; a Group that is a channel with it."""

    actor: Actor
    channel: Channel | None

    @property
    def is_public(self) -> bool:
        return is_open_actor(self.channel)


class OwnMessage(msgspec.Struct, frozen=True):
    """A message by one of our people. `document` is the Note as it is now, None where it is gone since `gone_at`."""

    uri: str
    is_public: bool
    document: dict[str, Any] | None
    gone_at: datetime
    place: Place
    addressed: frozenset[str]


class OwnActivity(msgspec.Struct, frozen=True):
    """An activity of one of our actors. `document` is what was recorded, byte for byte until an edit.

    It is None where it was erased with the message it carried, where the activity was taken back, and where its channel
    is gone; `gone_at` is then since when.
    """

    uri: str
    type: str
    is_public: bool
    document: bytes | None
    gone_at: datetime
    place: Place | None
    addressed: frozenset[str]


def find_own_actor(session: Session, id: str) -> OwnActor | None:
    row = session.execute(
        select(Actor, Channel)
        .outerjoin(Channel, Channel.actor_id == Actor.id)
        .where(Actor.id == id, Actor.host.is_(None))
    ).one_or_none()
    return None if row is None else OwnActor(row[0], row[1])


def find_own_message(session: Session, id: str) -> OwnMessage | None:
    author, group = aliased(Actor), aliased(Actor)
    row = session.execute(
        select(Message, Channel, author, group)
        .join(author, author.id == Message.author_id)
        .outerjoin(Channel, Channel.actor_id == Message.channel_id)
        .outerjoin(group, group.id == Message.channel_id)
        .where(Message.id == id, author.host.is_(None))
    ).one_or_none()
    return None if row is None else _own_message(session, *row)


def find_own_activity(session: Session, id: str) -> OwnActivity | None:
    """One of a remote actor is not ours to show, though the log has it."""
    row = session.execute(
        select(Activity, ActivityDocument, Message, Channel)
        .join(Actor, Actor.id == Activity.actor_id)
        .outerjoin(ActivityDocument, ActivityDocument.activity_id == Activity.id)
        .outerjoin(Message, Message.uri == Activity.object_uri)
        # Its place is the scope it was sealed for; once it is erased, that of the message it was about, and for a
        # channel's Announce the channel itself.
        .outerjoin(
            Channel,
            Channel.actor_id == func.coalesce(ActivityDocument.scope, Message.channel_id, Activity.actor_id),
        )
        .where(Activity.id == id, Actor.host.is_(None))
    ).one_or_none()
    return None if row is None else _own_activity(session, *row)


def may_see_actor(session: Session, viewer: Viewer | None, own: OwnActor) -> bool:
    return own.is_public or (own.channel is not None and may_see(session, viewer, place_of_channel(own.channel)))


def is_member(session: Session, viewer: Viewer | None, own: OwnActor) -> bool:
    """Whether the viewer is of the channel, and sees what is said there to its members alone."""
    if own.channel is None:
        return False
    return may_see(session, viewer, replace(place_of_channel(own.channel), is_public_message=False))


def may_read(session: Session, viewer: Viewer | None, own: OwnMessage | OwnActivity) -> bool:
    return own.is_public or visibility.may_read(session, viewer, own.place, own.addressed)


def _own_message(
    session: Session, message: Message, channel: Channel | None, author: Actor, group: Actor | None
) -> OwnMessage:
    gone_at = message.deleted_at or (channel.deleted_at if channel else None)
    document = None
    if gone_at is None and (content := open_content(session, message)) is not None:
        document = note_document(
            message,
            author,
            content,
            group=group,
            talk=read_talk(session, message.conversation_id),
        )
    place = place_of_message(message, channel)
    return OwnMessage(
        uri=message.uri,
        is_public=is_said_to_everybody(message.audience, place),
        document=document,
        gone_at=gone_at or message.published_at,
        place=place,
        addressed=_addressed(document) if document else frozenset(),
    )


def _own_activity(
    session: Session,
    activity: Activity,
    recorded: ActivityDocument | None,
    message: Message | None,
    channel: Channel | None,
) -> OwnActivity:
    body = None if recorded is None else open_row(session, recorded.scope, activity.id, recorded.sealed)
    taken_at = activity.undone_at or (channel.deleted_at if channel else None)
    erased_at = message.deleted_at if message else None
    place = _place_of_activity(activity, recorded, message, channel)
    return OwnActivity(
        uri=activity.uri,
        type=activity.type,
        is_public=is_said_to_everybody(activity.audience, place),
        document=redact(session, [body])[0] if body is not None and taken_at is None else None,
        gone_at=taken_at or erased_at or activity.recorded_at,
        place=place,
        addressed=_addressed(msgspec.json.decode(body)) if body is not None else frozenset(),
    )


def _place_of_activity(
    activity: Activity, recorded: ActivityDocument | None, message: Message | None, channel: Channel | None
) -> Place | None:
    if activity.audience == "private":
        return None
    if channel is not None:
        return replace(place_of_channel(channel), is_public_message=activity.audience == "public")
    conversation_id = recorded.scope if recorded else message.conversation_id if message else None
    return Place(conversation_id=conversation_id) if conversation_id else None


def _addressed(document: dict[str, Any]) -> frozenset[str]:
    return frozenset([*document.get("to", []), *document.get("cc", [])])
