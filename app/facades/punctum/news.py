"""What the events of a batch are to each of those who may read of them, as frames for their sockets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from app.facades.punctum.pings import PING, REQUEST
from app.facades.punctum.sights import Change, Sights
from app.ids import INSTANCE_ID
from app.live.audiences import Audiences
from app.queries.bits import Bit
from app.queries.events import RecordedEvent
from app.queries.messages import view_messages
from app.queries.objects import Found, find_object
from app.queries.punctum.federated import MAX_STASH
from app.queries.punctum.shown import Shown, own_keys, show, show_all, show_conference, show_messages, show_role, stash
from app.queries.sight import list_channels_touched, who_sees_each
from app.queries.spaces import find_member_of, find_space, who_meets
from app.queries.standing import who_holds_bit
from app.queries.visibility import Place

_OF_MESSAGES: Final = frozenset(
    {
        "message",
        "direct_message",
        "message_edited",
        "message_pinned",
        "message_reaction_added",
        "message_reaction_removed",
    }
)
_OF_CHANNELS: Final = frozenset({"channel_created", "channel_updated", "channel_deleted"})
# After these, somebody may see other channels of the space than before.
_OF_RIGHTS: Final = frozenset(
    {
        "member_added",
        "member_changed",
        "member_kicked",
        "member_removed",
        "role_changed",
        "role_deleted",
        "space_changed",
    }
)


class Telling(msgspec.Struct, frozen=True):
    """One frame, and who gets it (actor ids)."""

    users: frozenset[str]
    body: Shown


Tellings = Iterator[Telling]


class News:
    """`changes` are of who sees which channel, by its id. What is read is read for all sockets at once: how many
    queries it takes depends on the events alone."""

    def __init__(
        self, session: Session, batch: Sequence[RecordedEvent], viewers: Collection[str], sights: Sights
    ) -> None:
        self._session = session
        self._viewers = frozenset(viewers)
        self._audiences = Audiences(session, batch, viewers)
        ids = [event.message_id for event in batch if event.type in _OF_MESSAGES and event.message_id]
        self._views = {view.id: view for view in view_messages(session, list(dict.fromkeys(ids)))}
        self._messages = {shown["id"]: shown for shown in show_messages(session, None, list(self._views.values()))}
        self._channels: dict[str, Found] = {}
        self._by_space: dict[str, list[str]] = defaultdict(list)
        self.changes = self._compare(batch, sights)
        self._untold = dict(self.changes)

    def of(self, event: RecordedEvent) -> Tellings:
        handle = _HANDLERS.get(event.type)
        if handle is not None:
            yield from (telling for telling in handle(self, event) if telling.users)
        if event.type in _OF_RIGHTS | _OF_CHANNELS and event.channel_id is not None:
            yield from self._of_sight(event)

    # Messages.

    def of_message(self, event: RecordedEvent) -> Tellings:
        view = self._views.get(event.message_id or "")
        if view is None:
            return
        seeing = self._audiences.seeing(event)
        if event.type == "direct_message" and view.position == 1:
            yield from self.of_conversation(event)
        yield Telling(seeing, self._messages[view.id])

    def of_deleted_message(self, event: RecordedEvent) -> Tellings:
        yield Telling(self._audiences.seeing(event), deletion(event.message_id or ""))

    def of_conversation(self, event: RecordedEvent) -> Tellings:
        found = find_object(self._session, event.conversation_id or "")
        if found is not None:
            people = self._audiences.at(Place(conversation_id=found.id))
            yield Telling(people, show(self._session, None, found))

    def of_changed_conversation(self, event: RecordedEvent) -> Tellings:
        """To whoever is in it as it is now, and to who left that it is gone."""
        yield from self.of_conversation(event)
        people = self._audiences.at(Place(conversation_id=event.conversation_id))
        left = self._viewers & frozenset(event.data["left"])
        yield Telling(left - people, deletion(event.conversation_id or ""))

    # Channels.

    def of_channel(self, event: RecordedEvent) -> Tellings:
        """To all who see it; of a channel that is gone, or for those who no longer see it, its sight tells."""
        channel_id = event.channel_id or ""
        found = find_object(self._session, channel_id)
        if found is not None:
            self._forget_gain(channel_id)
            yield Telling(self._seeing.get(channel_id, frozenset()), show(self._session, None, found))

    def _of_sight(self, event: RecordedEvent) -> Tellings:
        """What an event made people see, or no longer see. Who left the conference is not told of each channel in it:
        they are told that it is gone."""
        touched = [event.channel_id or "", *self._by_space.get(event.channel_id or "", ())]
        changes = {channel_id: self._untold.pop(channel_id) for channel_id in touched if channel_id in self._untold}
        gone = self._viewers - self._audiences.seeing(event) if event.channel_id not in changes else frozenset()
        for channel_id, change in changes.items():
            lost = change.lost - gone
            if lost:
                yield Telling(lost, deletion(channel_id))
        yield from self._gains(changes)

    def _gains(self, changes: Mapping[str, Change]) -> Tellings:
        """All that the same people gained, in one stash, or in several if it is much."""
        by_people: dict[frozenset[str], list[Found]] = defaultdict(list)
        for channel_id, change in changes.items():
            if change.gained:
                by_people[change.gained].append(self._channels[channel_id])
        for people, several in by_people.items():
            shown = show_all(self._session, None, several)
            if len(shown) == 1:
                yield Telling(people, shown[0])
                continue
            for start in range(0, len(shown), MAX_STASH):
                yield Telling(people, stash(shown[start : start + MAX_STASH]))

    def _forget_gain(self, channel_id: str) -> None:
        """Who has the object has what was gained."""
        change = self._untold.get(channel_id)
        if change is not None:
            self._untold[channel_id] = Change(gained=frozenset(), lost=change.lost)

    def _compare(self, batch: Sequence[RecordedEvent], sights: Sights) -> dict[str, Change]:
        touching = _OF_RIGHTS | _OF_CHANNELS
        ids = {event.channel_id for event in batch if event.type in touching and event.channel_id}
        channels = list_channels_touched(self._session, space_ids=ids, channel_ids=ids)
        for channel in channels:
            self._by_space[channel.space_id or ""].append(channel.actor_id)
            self._channels[channel.actor_id] = Found("channel", channel.actor_id, channel, channel.space_id)
        self._seeing = who_sees_each(self._session, channels, self._viewers)
        changes = sights.compare(self._seeing)
        return {channel_id: change for channel_id, change in changes.items() if change.gained or change.lost}

    # Conferences, and who and what is in them.

    def of_conference(self, event: RecordedEvent) -> Tellings:
        yield from self._conference(event.channel_id or "", self._audiences.seeing(event))

    def _conference(self, space_id: str, viewers: frozenset[str]) -> Tellings:
        space = find_space(self._session, space_id)
        if space is not None and viewers:
            for shown, people in show_conference(self._session, space, viewers):
                yield Telling(people, shown)

    def of_deleted_conference(self, event: RecordedEvent) -> Tellings:
        yield Telling(self._viewers & frozenset(event.data["member_ids"]), deletion(event.channel_id or ""))

    def of_new_member(self, event: RecordedEvent) -> Tellings:
        space_id, actor_id = event.channel_id or "", event.actor_id or ""
        member = find_member_of(self._session, space_id, actor_id)
        if member is None:
            return
        joined = self._viewers & {actor_id} & self._audiences.seeing(event)
        if joined:
            yield from self._conference(space_id, joined)
            yield from self._own_account(actor_id)
        yield from self._object(event, member.id)

    def of_member(self, event: RecordedEvent) -> Tellings:
        member_id = event.data.get("member_id")
        if member_id is None:
            member = find_member_of(self._session, event.channel_id or "", event.data["account_id"])
            member_id = member.id if member else ""
        yield from self._object(event, member_id)

    def of_lost_member(self, event: RecordedEvent) -> Tellings:
        """Who is banned stays there to be seen by the others."""
        if event.channel_id is None:
            yield Telling(self._viewers, deletion(event.actor_id or ""))
            return
        actor_id = event.data.get("account_id") or event.actor_id or ""
        member = find_member_of(self._session, event.channel_id, actor_id)
        member_id = event.data.get("member_id") or (member.id if member else None)
        if member_id is None:
            return  # Of a channel, or of another server.
        seeing = self._audiences.seeing(event)
        others, person = seeing - {actor_id}, (self._viewers & {actor_id}) - seeing
        found = find_object(self._session, member_id)
        yield Telling(others, deletion(member_id) if found is None else show(self._session, None, found))
        if person:
            yield Telling(person, deletion(member_id))
            yield Telling(person, deletion(event.channel_id))
            yield from self._own_account(actor_id)

    def of_role(self, event: RecordedEvent) -> Tellings:
        role_id = event.data["role_id"]
        found = find_object(self._session, role_id)
        body = deletion(role_id) if found is None else show_role(self._session, found)
        yield Telling(self._audiences.seeing(event), body)

    def of_emoji(self, event: RecordedEvent) -> Tellings:
        yield from self._object(event, event.data["emoji_id"])

    def of_invite(self, event: RecordedEvent) -> Tellings:
        """Whoever has it can let people in, so those are told who may list it: its maker, and who makes invites."""
        invite_id = event.data["invite_id"]
        space = find_space(self._session, event.channel_id or "")
        found = find_object(self._session, invite_id)
        if space is None:
            return
        creator_id = found.value.creator_id if found else event.data.get("creator_id")
        seeing = self._audiences.seeing(event)
        listing = who_holds_bit(self._session, space.id, Bit.INVITE, seeing, is_home=space.is_home)
        body = deletion(invite_id) if found is None else show(self._session, None, found)
        yield Telling(frozenset(listing | (seeing & {creator_id})), body)

    def _object(self, event: RecordedEvent, id_: str) -> Tellings:
        """To all members, as it is now, or that it is no more."""
        found = find_object(self._session, id_)
        body = deletion(id_) if found is None else show(self._session, None, found)
        yield Telling(self._audiences.seeing(event), body)

    # Accounts, and the server itself.

    def of_account(self, event: RecordedEvent) -> Tellings:
        account_id = event.data["account_id"]
        found = find_object(self._session, account_id)
        if found is None:
            return
        own = self._viewers & {account_id, found.value.bot_owner_id}
        shown = show(self._session, None, found)
        if not event.data.get("is_own"):
            # All people of a server are in its home conference.
            is_ours = found.value.host is None
            others = self._viewers if is_ours else who_meets(self._session, account_id, self._viewers)
            yield Telling(frozenset(others - own), shown)
        if own:
            yield Telling(own, shown | own_keys(self._session, account_id))

    def _own_account(self, actor_id: str) -> Tellings:
        """To somebody whose conferences are others now."""
        found = find_object(self._session, actor_id)
        if found is not None:
            shown = show(self._session, None, found) | own_keys(self._session, actor_id)
            yield Telling(self._viewers & {actor_id}, shown)

    def of_server(self, event: RecordedEvent) -> Tellings:
        yield from self.of_conference(event)
        yield Telling(self._viewers, show(self._session, None, Found("instance", INSTANCE_ID, None)))


def deletion(id_: str) -> Shown:
    """As federation says it, too (contracts/punctum.md, D-36)."""
    return {"type": PING, "ping_type": REQUEST, "request_method": "DELETE", "request_target_id": id_}


_HANDLERS: Final[Mapping[str, Callable[[News, RecordedEvent], Tellings]]] = {
    **dict.fromkeys(_OF_MESSAGES, News.of_message),
    "message_deleted": News.of_deleted_message,
    "conversation_created": News.of_conversation,
    "conversation_changed": News.of_changed_conversation,
    "channel_created": News.of_channel,
    "channel_updated": News.of_channel,
    "space_changed": News.of_conference,
    "space_deleted": News.of_deleted_conference,
    "server_updated": News.of_server,
    "member_added": News.of_new_member,
    "member_changed": News.of_member,
    "member_kicked": News.of_lost_member,
    "member_removed": News.of_lost_member,
    "role_changed": News.of_role,
    "role_deleted": News.of_role,
    "invite_changed": News.of_invite,
    "invite_deleted": News.of_invite,
    "emoji_changed": News.of_emoji,
    "emoji_deleted": News.of_emoji,
    "account_changed": News.of_account,
}
