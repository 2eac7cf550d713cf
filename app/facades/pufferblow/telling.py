"""What sockets are told: what happened, rendered once, to those who may see it when it is sent."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
from cachetools import LRUCache
from msgspec.structs import asdict
from sqlalchemy.orm import Session

from app.actions.presence import StatusChange
from app.db import reading
from app.errors import InvalidInputError
from app.facades.pufferblow.channels import channel_data
from app.facades.pufferblow.notifications import shown as shown_notification
from app.facades.pufferblow.shown import show
from app.live import statuses
from app.live.audiences import Audiences
from app.live.bucket import TokenBucket
from app.live.catching_up import CatchingUp
from app.live.cursor import BATCH, Cursor
from app.live.frames import CloseCode
from app.live.holes import HOLE_SECONDS_MIN
from app.live.hub import Hub, Subscriber
from app.live.pace import Pace
from app.live.process import Live, is_live, live
from app.live.statuses import ToldStatus, tell_status
from app.queries import events, notifications, reports
from app.queries.channels import find_view
from app.queries.events import RecordedEvent
from app.queries.instance import get_instance
from app.queries.messages import MessageView, view_messages
from app.queries.pings import PingView
from app.queries.reports import ReportState
from app.queries.scopes import Scope
from app.services.bus import EPHEMERAL

Body = dict[str, Any]

MAX_MISSED = 1000
# To come back costs nothing, and to be told all again as much as twenty pages: of one person that has a limit, however
# often they come.
MISSED_PER_SECOND, MISSED_BURST = 50.0, 10_000.0
_missed: LRUCache[str, TokenBucket] = LRUCache(maxsize=8192)

_PACE = Pace()

_MESSAGES = frozenset({"message", "direct_message", "message_edited"})
_TOLD_OTHERWISE = frozenset({"channel_id", "conversation_id", "sender_id"})
_SHOWN = _MESSAGES | {"message_reaction_added", "message_reaction_removed"}
_OF_REPORTS = frozenset({"report_created", "report_resolved"})
# What a limited session needs to hear these, as to ask for them: beside what it needs for a socket.
_SCOPES: Mapping[str, Scope] = dict.fromkeys(_OF_REPORTS, "message:moderate")
_SCOPE_OF_PINGS: Scope = "conference:read"
_OF_ITS_ACTOR = frozenset({"delivery_dropped", "member_added", "member_removed"})
_encode = msgspec.json.Encoder().encode


def follow_events(here: Live) -> None:
    """Have this process's sockets told of what happens, here and in other processes."""
    here.feed.register(tell)
    here.attendance.listen(_tell_attendance)
    here.bus.listen(EPHEMERAL, _tell_ephemeral)
    statuses.listen(here, _tell_status)


def tell(session: Session, batch: Sequence[RecordedEvent]) -> None:
    """Everything is read before anything is sent: a batch that fails half way is given again."""
    known = _Batch(session, batch)
    told = [(event, known.audience(event), known.text(event), known.is_of_server(event)) for event in batch]
    hub = live().hub
    for event, seeing, text, is_of_server in told:
        if text is not None:
            place = event.channel_id or event.conversation_id
            users = seeing | (_concerned(event) & hub.viewers("pufferblow"))
            if hub.send(users, text, channel_id=place, position=event.position, scope=_SCOPES.get(event.type)):
                _PACE.keep(text)
        _close_after(hub, event, seeing, is_of_server=is_of_server)


def tell_missed(subscriber: Subscriber, catching_up: CatchingUp, since: int) -> None:
    """Tell one socket all that happened after the event `since` and that its viewer may see now, then what is new.

    When that is too much, or no longer kept, it is told so instead, and loads anew. Raises UnavailableError.
    """
    last_words = None
    cursor = Cursor(since)
    is_told = _is_told_again(subscriber.viewer_id, since)
    is_all = not is_told
    while not is_all:
        with reading() as session:
            batch = cursor.read(session)
            known = _Batch(session, batch, viewers={subscriber.viewer_id})
            told = [(event.position, known.text(event)) for event in batch if _is_for(subscriber, event, known)]
        for position, text in told:
            if text is not None and not catching_up.say(position, text):
                return
        is_all = len(batch) < BATCH and not cursor.waits_for_hole
        if cursor.waits_for_hole:
            time.sleep(HOLE_SECONDS_MIN)
    if not is_told:
        last_words = _encode({"type": "resync", "reason": "too much happened since, or it is no longer kept"}).decode()
    catching_up.finish(last_words=last_words)


def _is_told_again(viewer_id: str, since: int) -> bool:
    """Whether all that happened after it is kept, and is no more than the person is told now."""
    with reading() as session:
        is_kept = events.tail(session) <= since + 1
        missed = events.count_after(session, since, limit=MAX_MISSED + 1)
    whole = TokenBucket(per_second=MISSED_PER_SECOND, burst=MISSED_BURST)
    return is_kept and missed <= MAX_MISSED and _missed.setdefault(viewer_id, whole).take(missed)


def check_since(since: int) -> None:
    """Raises InvalidInputError for an event that has not happened."""
    with reading() as session:
        if not 0 <= since <= events.head(session):
            raise InvalidInputError("since: there is no such event.")


def _is_for(subscriber: Subscriber, event: RecordedEvent, known: _Batch) -> bool:
    is_taken = subscriber.is_for(event.channel_id or event.conversation_id)
    if not (is_taken and subscriber.is_allowed(_SCOPES.get(event.type))):
        return False
    return subscriber.viewer_id in known.audience(event) | _concerned(event)


def tell_typing(user_id: str, username: str, channel_id: str, *, users: Sequence[str]) -> None:
    """To `users`, but not to the one who types; other servers do not hear."""
    body = {"type": "typing", "channel_id": channel_id, "user_id": user_id, "username": username}
    _publish(body, users=[user for user in users if user != user_id], channel_id=channel_id)


def tell_ping(ping: PingView, sender_name: str) -> None:
    """Told to the one who is pinged."""
    body = {
        "type": "ping_received",
        "ping_id": ping.id,
        "receiver_ping_id": ping.id,
        "sender_id": ping.sender_id,
        "sender_username": sender_name,
        "ping_type": ping.type,
        "message": ping.message,
        "sent_at": ping.sent_at.isoformat(),
        "expires_at": ping.expires_at.isoformat(),
    }
    _publish(body, users=[ping.target_id or ""], scope=_SCOPE_OF_PINGS)


def tell_ping_acked(ping: PingView, acker_id: str) -> None:
    """Told to the one who pinged."""
    body = {
        "type": "ping_acked",
        "ping_id": ping.id,
        "sender_ping_id": ping.id,
        "acker_user_id": acker_id,
        "latency_ms": ping.latency_ms,
        "acked_at": ping.acked_at.isoformat() if ping.acked_at else None,
    }
    _publish(body, users=[ping.sender_id], scope=_SCOPE_OF_PINGS)


def _publish(body: Body, *, users: Sequence[str], channel_id: str | None = None, scope: Scope | None = None) -> None:
    """What is not recorded goes to the sockets of `users` in every process."""
    if is_live():
        told = {"body": body, "users": users, "channel_id": channel_id, "scope": scope}
        live().bus.publish(EPHEMERAL, _encode(told))


def _tell_ephemeral(_topic: str, payload: bytes) -> None:
    message = msgspec.json.decode(payload)
    text = _encode(message["body"]).decode()
    live().hub.send(message["users"], text, channel_id=message["channel_id"], scope=message.get("scope"))


def _tell_status(told: ToldStatus) -> None:
    """Told to everybody (contracts/pufferblow.md, 7)."""
    body = {
        "type": "user_status_changed",
        "user_id": told.actor_id,
        "status": told.status,
        "source": told.source,
        "timestamp": told.at.isoformat(),
    }
    live().hub.send(None, _encode(body).decode(), channel_id=None)


def _tell_attendance(change: StatusChange) -> None:
    if change.status == "offline":
        tell_status(change, "ws_disconnect")
    else:
        is_narrowed = live().hub.is_narrowed(change.actor_id)
        tell_status(change, "ws_channel_connect" if is_narrowed else "ws_global_connect")


class _Batch:
    """What the events of a batch are about and who may see it, each read once, however many sockets there are."""

    def __init__(self, session: Session, batch: Sequence[RecordedEvent], viewers: set[str] | None = None) -> None:
        self._session = session
        shown = [event.message_id for event in batch if event.type in _SHOWN and event.message_id]
        self._views = {view.id: view for view in view_messages(session, list(dict.fromkeys(shown)))}
        self._viewers = live().hub.viewers("pufferblow") if viewers is None else viewers
        self._audiences = Audiences(session, batch, self._viewers)
        reported = {event.data["report_id"] for event in batch if event.type in _OF_REPORTS}
        self._reports = reports.find_states(session, reported) if reported else {}
        told = {event.data["notification_id"] for event in batch if event.type == "notification_created"}
        self._notifications = notifications.find_views(session, told) if told else {}

    def audience(self, event: RecordedEvent) -> frozenset[str]:
        """Who is to hear of the event where it happened, of those who have a socket here."""
        seeing = self._audiences.seeing(event)
        match event.type:
            case "notification_created":
                return seeing & {event.data["account_id"]}
            case "report_created":
                return seeing & self._looking_into(event)
            case "report_resolved":
                return seeing & (self._looking_into(event) | self._reporter(event))
            case _:
                return seeing

    def text(self, event: RecordedEvent) -> str | None:
        """The message for the sockets; None where there is nothing to tell of the event, or no longer."""
        body = None if self._is_of_other_space(event) else self._body(event)
        return None if body is None else _encode({"type": event.type, "event_id": event.position} | body).decode()

    def is_of_server(self, event: RecordedEvent) -> bool:
        """Whether the event is of the whole server, not of one of its channels."""
        place = self._audiences.place(event)
        return event.channel_id is None or (place is not None and place.is_of_space and place.needed is None)

    def _is_of_other_space(self, event: RecordedEvent) -> bool:
        """Whether it is of a space as a whole that is not the server: PufferBlow has no word for those."""
        place = self._audiences.place(event)
        return place is not None and place.is_of_space and place.needed is not None

    @cached_property
    def _moderators(self) -> set[str]:
        return reports.list_moderators(self._session, self._viewers)

    def _looking_into(self, event: RecordedEvent) -> set[str]:
        found = self._reports.get(event.data["report_id"])
        return set() if found is None else self._moderators - {found.target_id, found.target_owner_id}

    def _reporter(self, event: RecordedEvent) -> set[str]:
        found = self._reports.get(event.data["report_id"])
        return set() if found is None else {found.reporter_id}

    def _body(self, event: RecordedEvent) -> Body | None:
        if event.type in _SHOWN:
            view = self._views.get(event.message_id or "")
            return None if view is None else _about(event, view)
        body: Body
        match event.type:
            case "message_deleted":
                body = {"message_id": event.message_id, **_whereabouts(event.channel_id, event.conversation_id)}
            case "channel_created" | "channel_updated" | "server_updated":
                return self._description(event)
            case "channel_deleted" | "delivery_dropped":
                body = dict(event.data) if event.channel_id is None else {"channel_id": event.channel_id}
            case "member_added" | "member_removed":
                channel_id = None if self.is_of_server(event) else event.channel_id
                body = {"channel_id": channel_id, "user_id": event.actor_id}
            case "notification_created":
                notification = self._notifications.get(event.data["notification_id"])
                return None if notification is None else {"notification": shown_notification(notification)}
            case "report_created" | "report_resolved":
                report = self._reports.get(event.data["report_id"])
                return None if report is None else _report(report)
            case _:
                return None
        return body

    def _description(self, event: RecordedEvent) -> Body | None:
        """Of a channel or of the whole server, as it is now."""
        if event.type == "server_updated":
            instance = get_instance(self._session)
            return {"server_name": instance.name, "server_description": instance.description}
        channel = find_view(self._session, event.channel_id or "")
        return None if channel is None else {"channel": channel_data(channel)}


def _about(event: RecordedEvent, view: MessageView) -> Body:
    return _message(view) if event.type in _MESSAGES else _reaction(event, view)


def _message(view: MessageView) -> Body:
    """A channel's message is of type `message`; a direct one is not, because the web client would show it in whatever
    channel is open. Attachments are their URLs (contracts/pufferblow.md, 7)."""
    shown = {name: value for name, value in asdict(show(view)).items() if name not in _TOLD_OTHERWISE}
    shown["attachments"] = [attachment.url for attachment in shown["attachments"]]
    shown |= _whereabouts(view.channel_id, view.conversation_id)
    if view.conversation_id is not None:
        shown["federated"] = view.author.host is not None
        if view.author.host is not None:
            shown["remote_actor_uri"] = view.author.uri
    return shown


def _reaction(event: RecordedEvent, view: MessageView) -> Body:
    return {
        "message_id": view.id,
        **_whereabouts(view.channel_id, view.conversation_id),
        "user_id": event.actor_id,
        "emoji": event.data.get("emoji"),
        "reactions": show(view).reactions,
    }


def _report(state: ReportState) -> Body:
    """As it stands now, for its reporter, too: what only moderators may know, they read in the list."""
    return {
        "report_id": state.id,
        "report_type": state.type,
        "category": state.category,
        "status": state.status,
        "resolution": state.resolution,
    }


def _whereabouts(channel_id: str | None, conversation_id: str | None) -> Mapping[str, str | None]:
    """Whichever of the two a message stands in."""
    return {"channel_id": channel_id} if conversation_id is None else {"conversation_id": conversation_id}


def _concerned(event: RecordedEvent) -> set[str]:
    """Who is told without a right to see the place: whoever was let in or put out, or lost a channel, and an author
    whose message did not get through."""
    if event.type == "channel_deleted":
        return set(event.data.get("member_ids", ()))
    return {event.actor_id} if event.type in _OF_ITS_ACTOR and event.actor_id else set()


def _close_after(hub: Hub, event: RecordedEvent, seeing: Collection[str], *, is_of_server: bool) -> None:
    """End the sockets that have no business here after the event."""
    code = CloseCode.POLICY_VIOLATION
    actor_id, channel_id = event.actor_id or "", event.channel_id or ""
    match event.type:
        case "session_ended":
            hub.close_session(event.data["session_id"], "signed out")
        case "network_blocked":
            hub.close_network(event.data["network"], code, "blocked")
        case "channel_deleted":
            hub.close_channel(None, channel_id, code, "the channel is deleted")
        case "member_removed" if actor_id not in seeing and is_of_server:
            hub.close_viewer(actor_id, code, "no longer a member of this server")
        case "member_removed" if actor_id not in seeing:
            hub.close_channel([actor_id], channel_id, code, "no longer in this channel")
