"""What came of what a test did: a look at the rows behind the server's back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.orm import Session

from activitypub.attachments import Attachment
from app import db
from app.db import Base, reading
from app.models import Activity, ActivityDocument, Actor, Block, Delivery, Event, Follow, Message
from app.models import Channel as ChannelRow
from app.queries.messages import list_reactions, open_content
from app.sealing import unseal_row
from tests.founding import URIS


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, ours or another server's, with its Group actor."""

    id: str
    actor: Actor

    @property
    def uri(self) -> str:
        return self.actor.uri


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery: what is sent, in whose name, to which inbox."""

    type: str
    sender: str
    inbox: str


class Outcomes:
    """Reads only."""

    def message(self, uri: str) -> Message:
        with reading() as session:
            return session.scalars(select(Message).where(Message.uri == uri)).one()

    def text(self, uri: str) -> str | None:
        """What a message says; None where it is erased or never came."""
        with reading() as session:
            message = session.scalar(select(Message).where(Message.uri == uri))
            content = open_content(session, message) if message is not None else None
            return content.text if content else None

    def texts(self, channel: Channel) -> list[str | None]:
        with reading() as session:
            rows = select(Message.uri).where(Message.channel_id == channel.id).order_by(Message.position)
            return [self.text(uri) for uri in session.scalars(rows).all()]

    def attachments(self, uri: str) -> tuple[Attachment, ...]:
        message = self.message(uri)
        with reading() as session:
            content = open_content(session, message)
        return content.attachments if content else ()

    def reactions(self, uri: str) -> dict[str, int]:
        message_id = self.message(uri).id
        with reading() as session:
            found = list_reactions(session, [message_id]).get(message_id, ())
            return {reaction.emoji: len(reaction.actor_ids) for reaction in found}

    def members(self, channel: Channel) -> list[str]:
        return self.followers(channel.actor)

    def followers(self, actor: Actor, *, state: str = "accepted") -> list[str]:
        """The names of those who follow the actor."""
        with reading() as session:
            follows = select(Actor.preferred_username).join(Follow, Follow.actor_id == Actor.id)
            return sorted(session.scalars(follows.where(Follow.target_id == actor.id, Follow.state == state)))

    def blocks(self) -> list[tuple[str, str | None]]:
        """(who is blocked, from which space)"""
        with reading() as session:
            query = select(Actor.preferred_username, Block.space_id).join(Actor, Actor.id == Block.blocked_id)
            return [(row[0], row[1]) for row in session.execute(query)]

    def channel_row(self, channel: Channel) -> ChannelRow:
        with reading() as session:
            return session.scalars(select(ChannelRow).where(ChannelRow.actor_id == channel.id)).one()

    def deliveries(self) -> list[Sent]:
        with reading() as session:
            query = (
                select(Activity.type, Actor.uri, Delivery.inbox)
                .join(Activity, Activity.id == Delivery.activity_id)
                .join(Actor, Actor.id == Delivery.sender_id)
                .order_by(Delivery.position)
            )
            return [Sent(*row) for row in session.execute(query)]

    def delivery_rows(self) -> list[Delivery]:
        with reading() as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.position)))

    def events(self) -> list[str]:
        """The types of what sockets are told."""
        return [event.type for event in self.event_rows()]

    def event_rows(self) -> list[Event]:
        with reading() as session:
            return list(session.scalars(select(Event).order_by(Event.position)))

    def log(self) -> list[Activity]:
        with reading() as session:
            return list(session.scalars(select(Activity).order_by(Activity.position)))

    def logged(self, uri: str) -> Activity:
        (found,) = [row for row in self.log() if row.uri == uri]
        return found

    def document(self, uri: str) -> bytes | None:
        """The recorded document of an activity; None where it was erased."""
        with reading() as session:
            return open_document(session, self.logged(uri).id)

    def json(self, uri: str) -> dict[str, Any]:
        """The recorded document of an activity, read."""
        document: dict[str, Any] = msgspec.json.decode(self.document(uri) or b"")
        return document

    def announced(self) -> list[dict[str, Any]]:
        """What our channels announced and is not erased, as it was recorded."""
        uris = [row.uri for row in self.log() if row.type == "Announce" and URIS.is_local(row.uri)]
        return [self.json(uri) for uri in uris if self.document(uri) is not None]

    def documents(self) -> dict[str, bytes]:
        """Every recorded document, opened, by the activity's id."""
        with reading() as session:
            ids = session.scalars(select(ActivityDocument.activity_id)).all()
            return {id_: open_document(session, id_) or b"" for id_ in ids}

    def stored(self) -> dict[str, list[tuple[Any, ...]]]:
        """All there is in the database, as its driver reads it: each look is at seventy tables."""
        with db.database().engine.connect() as connection:
            cursor = connection.connection.cursor()
            return {name: _rows(cursor, name) for name in Base.metadata.tables}


def _rows(cursor: DBAPICursor, table: str) -> list[tuple[Any, ...]]:
    cursor.execute(f'SELECT * FROM "{table}"')
    return sorted(cursor.fetchall(), key=repr)


def open_document(session: Session, activity_id: str) -> bytes | None:
    """The recorded bytes; None where they were erased. Raises WrongKeyError where they do not open."""
    row = session.get(ActivityDocument, activity_id)
    return None if row is None else unseal_row(session, row.scope, activity_id, row.sealed)
