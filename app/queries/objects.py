"""Anything that has an id, by its id: what kind it is, and who may read it (contracts/punctum.md, 1 and 5.5)."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.ids import INSTANCE_ID, is_object_id
from app.models import Channel, Message, Report
from app.queries.accounts import Profile, get_profile
from app.queries.actors import find_by_id
from app.queries.channels import get_home_space
from app.queries.conversations import find_conversation, list_talkers
from app.queries.peers import find_instance
from app.queries.privileges import ROLES
from app.queries.reports import may_look_into
from app.queries.rule_of_sight import TO_SEE
from app.queries.spaces import SpaceView, find_emoji, find_invite, find_member, find_role, find_space
from app.queries.standing import find_standing
from app.queries.viewers import Viewer
from app.queries.visibility import (
    Place,
    may_remove_unseen,
    may_see,
    place_of_channel,
    place_of_message,
    place_of_space,
)

Kind = Literal[
    "instance",
    "account",
    "conference",
    "conference_member",
    "channel",
    "message",
    "role",
    "invite",
    "report",
    "emoji",
]

# What strangers may read (contracts/punctum.md, 2.0).
OPEN_KINDS: Final = frozenset({"instance", "account", "conference", "role", "invite", "emoji"})


class BuiltInRole(msgspec.Struct, frozen=True):
    """A role that the home space always has."""

    id: str
    space_id: str


class FoundMessage(msgspec.Struct, frozen=True):
    message: Message
    channel: Channel | None


class FoundConversation(msgspec.Struct, frozen=True):
    """`usernames` are those of `people`, in their order; `uri`, `name` and `icon_url` are a group's."""

    id: str
    people: tuple[str, ...]
    usernames: tuple[str, ...]
    uri: str | None
    name: str | None
    icon_url: str | None

    @property
    def is_group(self) -> bool:
        """Whether people come to it and leave it."""
        return self.uri is not None


class Found(msgspec.Struct, frozen=True):
    """`value` is a row or a view, by the kind, and None for this server; `space_id` is the space that it belongs to, if
    it belongs to one."""

    kind: Kind
    id: str
    value: Any
    space_id: str | None = None


def find_object(session: Session, id_: str) -> Found | None:
    """A living thing; None for what is not there or no more."""
    if id_ == INSTANCE_ID:
        return Found("instance", id_, None)
    if id_ in ROLES:
        home = get_home_space(session).actor_id
        return Found("role", id_, BuiltInRole(id_, home), home)
    if not is_object_id(id_):
        return None
    prefix = id_.partition("_")[0] if "_" in id_ else id_.partition("-")[0]
    finder = _FINDERS.get(prefix)
    return finder(session, id_) if finder else None


def find_for(session: Session, viewer: Viewer | None, id_: str) -> Found | None:
    """The same for who names it; nothing where it is a conversation of others, whose id follows from who is in it, and
    would tell that they talk."""
    found = find_object(session, id_)
    is_secret = found is not None and isinstance(found.value, FoundConversation)
    return None if found is None or (is_secret and not may_read(session, viewer, found)) else found


def may_read(session: Session, viewer: Viewer | None, found: Found) -> bool:
    """The rule for each kind; what is for everybody is for strangers, too."""
    if found.kind in OPEN_KINDS:
        return True
    if viewer is None:
        return False
    match found.kind:
        case "conference_member":
            return _may_read_member(session, viewer, found)
        case "channel":
            return may_see(session, viewer, _place(found))
        case "message":
            return may_see(session, viewer, place_of_message(found.value.message, found.value.channel))
        case _:
            report: Report = found.value
            return report.reporter_id == viewer.actor_id or may_look_into(session, viewer, report)


def may_remove(session: Session, viewer: Viewer | None, found: Found) -> bool:
    """Whether they may know enough of it to ask for its end: what they read, and an admin any message of a space."""
    if may_read(session, viewer, found):
        return True
    return found.kind == "message" and may_remove_unseen(
        viewer, place_of_message(found.value.message, found.value.channel)
    )


def _may_read_member(session: Session, viewer: Viewer, found: Found) -> bool:
    """Members read of each other; an instance does where somebody of it is in, and of its own people everywhere."""
    if not viewer.asks_for_server:
        return find_standing(session, viewer.actor_id, found.space_id or "").is_member
    person = find_by_id(session, found.value.actor_id)
    is_own = person is not None and person.host == viewer.host
    return is_own or may_see(session, viewer, place_of_space(found.space_id or "", is_home=False))


def _place(found: Found) -> Place:
    """A channel's own description takes less than its messages."""
    if isinstance(found.value, FoundConversation):
        return Place(conversation_id=found.id)
    place = place_of_channel(found.value)
    return place if place.needed is None else replace(place, needed=TO_SEE)


def _account(session: Session, id_: str) -> Found | None:
    try:
        profile: Profile = get_profile(session, id_)
    except NotFoundError:
        return None
    return Found("account", id_, profile)


def _conference(session: Session, id_: str) -> Found | None:
    space: SpaceView | None = find_space(session, id_)
    return Found("conference", id_, space, id_) if space else None


def _member(session: Session, id_: str) -> Found | None:
    member = find_member(session, id_)
    return Found("conference_member", id_, member, member.space_id) if member else None


def _channel(session: Session, id_: str) -> Found | None:
    channel = session.scalar(select(Channel).where(Channel.actor_id == id_, Channel.deleted_at.is_(None)))
    return Found("channel", id_, channel, channel.space_id) if channel else None


def _conversation(session: Session, id_: str) -> Found | None:
    conversation = find_conversation(session, id_)
    if conversation is None:
        return None
    talkers = list_talkers(session, id_)
    found = FoundConversation(
        id_,
        tuple(talker.id for talker in talkers),
        tuple(talker.username for talker in talkers),
        conversation.uri,
        conversation.name,
        conversation.icon_url,
    )
    return Found("channel", id_, found)


def _message(session: Session, id_: str) -> Found | None:
    row = session.execute(
        select(Message, Channel)
        .outerjoin(Channel, Channel.actor_id == Message.channel_id)
        .where(Message.id == id_, Message.deleted_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    channel: Channel | None = row[1]  # None in a conversation.
    return Found("message", id_, FoundMessage(row[0], channel), None if channel is None else channel.space_id)


def _role(session: Session, id_: str) -> Found | None:
    role = find_role(session, id_)
    return Found("role", id_, role, role.space_id) if role else None


def _invite(session: Session, id_: str) -> Found | None:
    invite = find_invite(session, id_)
    return Found("invite", id_, invite, invite.space_id) if invite else None


def _report(session: Session, id_: str) -> Found | None:
    report = session.scalar(select(Report).where(Report.id == id_))
    return Found("report", id_, report) if report else None


def _emoji(session: Session, id_: str) -> Found | None:
    emoji = find_emoji(session, id_)
    return Found("emoji", id_, emoji, emoji.space_id) if emoji else None


def _instance(session: Session, id_: str) -> Found | None:
    instance = find_instance(session, id_)
    return Found("instance", id_, instance) if instance else None


_FINDERS: Final = {
    "instance": _instance,
    "user": _account,
    "space": _conference,
    "member": _member,
    "channel": _channel,
    "dm": _conversation,
    "msg": _message,
    "role": _role,
    "invite": _invite,
    "report": _report,
    "emoji": _emoji,
}


def behind(session: Session, found: Found) -> str:
    """The person to whom a report about it goes: its author, its maker, or the owner of its conference."""
    match found.kind:
        case "account":
            return found.id
        case "message":
            return str(found.value.message.author_id)
        case "conference_member":
            return str(found.value.actor_id)
        case "invite" | "emoji":
            return str(found.value.creator_id)
        case "channel" if isinstance(found.value, FoundConversation):
            return found.value.people[0]
        case _:
            space = find_space(session, found.space_id or "")
            return space.owner_id or INSTANCE_ID if space else INSTANCE_ID
