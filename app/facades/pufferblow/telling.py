"""What sockets are told: events of the log, each rendered once and shown to those who may see it now."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from app.facades.pufferblow.channels import channel_data
from app.facades.pufferblow.shown import show
from app.live.process import live
from app.queries.channels import find_view
from app.queries.events import RecordedEvent
from app.queries.messages import MessageView, view_messages
from app.queries.visibility import Place, find_places, who_may_see

Told = tuple[set[str] | None, str, str | None]
_MESSAGES = frozenset({"message", "direct_message", "message_edited"})
_REACTIONS = frozenset({"message_reaction_added", "message_reaction_removed"})


def tell(session: Session, batch: Sequence[RecordedEvent]) -> None:
    """Everything is read before anything is sent: a batch that fails half way is given again."""
    views = {view.id: view for view in view_messages(session, [e.message_id for e in batch if e.message_id])}
    audiences = _Audiences(session, batch)
    told = [
        (audiences.of(event), json.dumps(body), event.channel_id or event.conversation_id)
        for event in batch
        if (body := _render(session, event, views)) is not None
    ]
    hub = live().hub
    for users, text, place in told:
        hub.send(users, text, channel_id=place)


def tell_ephemeral(_topic: str, payload: bytes) -> None:
    """Presence and typing, which are not recorded: `{"body": …, "users": [ids] or null, "channel_id": id or null}`."""
    message = msgspec.json.decode(payload)
    users = message["users"]
    live().hub.send(
        None if users is None else set(users), json.dumps(message["body"]), channel_id=message["channel_id"]
    )


class _Audiences:
    """Who may see what the events of one batch are about, asked once for each place."""

    def __init__(self, session: Session, batch: Sequence[RecordedEvent]) -> None:
        self._session = session
        self._viewers = live().hub.viewers()
        self._places = find_places(
            session,
            message_ids=[event.message_id for event in batch if event.message_id],
            channel_ids=[event.channel_id for event in batch if event.channel_id],
        )
        self._answers: dict[Place, set[str]] = {}

    def of(self, event: RecordedEvent) -> set[str]:
        place = self._places.get(event.message_id or "") or self._places.get(event.channel_id or "")
        if place is None:
            return set()
        if place not in self._answers:
            self._answers[place] = who_may_see(self._session, place, self._viewers)
        # Whoever is let in or put out is told, wherever the right to see has gone meanwhile.
        concerned = {event.actor_id} if event.type.startswith("member_") and event.actor_id else set()
        return self._answers[place] | (concerned & self._viewers)


def _render(session: Session, event: RecordedEvent, views: Mapping[str, MessageView]) -> dict[str, Any] | None:
    """The body of an event; None where there is nothing to tell of it, or no longer."""
    if event.type in _MESSAGES:
        view = views.get(event.message_id or "")
        return None if view is None else _message(event, view)
    if event.type in _REACTIONS:
        view = views.get(event.message_id or "")
        return None if view is None else _reaction(event, view)
    render = _OTHERS.get(event.type)
    return None if render is None else render(session, event)


def _message(event: RecordedEvent, view: MessageView) -> dict[str, Any]:
    """A channel's message is of type `message`; a direct one is not, because the web client would show it in whatever
    channel is open (contracts/pufferblow.md, 7)."""
    shown = show(view).model_dump()
    shown["attachments"] = [attachment["url"] for attachment in shown["attachments"]]
    if view.conversation_id is not None:
        shown["federated"] = view.author.host is not None
        if view.author.host is not None:
            shown["remote_actor_uri"] = view.author.uri
    shown["edited_at"] = view.edited_at.isoformat() if view.edited_at else None
    return {"type": event.type, "event_id": event.position, **shown}


def _reaction(event: RecordedEvent, view: MessageView) -> dict[str, Any]:
    return {
        "type": event.type,
        "event_id": event.position,
        "message_id": view.id,
        "channel_id": view.channel_id,
        "conversation_id": view.conversation_id,
        "user_id": event.actor_id,
        "emoji": event.data.get("emoji"),
        "reactions": [reaction.model_dump() for reaction in show(view).reactions],
    }


def _message_deleted(_session: Session, event: RecordedEvent) -> dict[str, Any]:
    return {
        "type": "message_deleted",
        "event_id": event.position,
        "message_id": event.message_id,
        "channel_id": event.channel_id,
        "conversation_id": event.conversation_id,
    }


def _channel(session: Session, event: RecordedEvent) -> dict[str, Any] | None:
    view = find_view(session, event.channel_id or "")
    if view is None:
        return None
    return {"type": event.type, "event_id": event.position, "channel": channel_data(view).model_dump()}


def _channel_deleted(_session: Session, event: RecordedEvent) -> dict[str, Any]:
    return {"type": "channel_deleted", "event_id": event.position, "channel_id": event.channel_id}


def _member(_session: Session, event: RecordedEvent) -> dict[str, Any]:
    """Of a channel, or of the server where the channel is null."""
    channel_id = event.channel_id
    return {
        "type": event.type,
        "event_id": event.position,
        "channel_id": channel_id if channel_id and channel_id.startswith("channel_") else None,
        "user_id": event.actor_id,
    }


_OTHERS: dict[str, Callable[[Session, RecordedEvent], dict[str, Any] | None]] = {
    "message_deleted": _message_deleted,
    "channel_created": _channel,
    "channel_updated": _channel,
    "channel_deleted": _channel_deleted,
    "member_added": _member,
    "member_removed": _member,
}
