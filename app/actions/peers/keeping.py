"""What is kept of another instance's objects: the rows that they are here, once each, by where they come from.

Everything is called with what its home says; whether it may say it was decided before. What was said and done goes
through the pipeline as everybody's does, what describes a place or a person is written as it is told. Whatever has a
`Name` raises DeletedError where its home deleted it, and ConflictError where something else has what it alone may have.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from activitypub.documents import Activity
from app.db import despite_deadlocks, reading, transaction
from app.effects.access import REFUSED
from app.errors import ConflictError, ForbiddenError, NotFoundError
from app.ids import new_id
from app.models import Actor, Message
from app.pipeline import Received, compose, receive
from app.pipeline.compose import ToldMessage, uri_of_told
from app.projections import channels, conversations, events, messages, mirrors, peers, pins, roles, spaces
from app.queries.actors import (
    PEOPLE,
    find_any,
    get_by_id,
    is_banned,
    is_blocking_any,
    is_refused_by_any,
    list_by_ids,
)
from app.queries.channels import find_channel, get_home_space, has_pinned
from app.queries.conversations import find_group, list_participants
from app.queries.messages import Content, find_by_id, find_by_uri, open_content
from app.queries.peers import list_leaving
from app.queries.placement import conversation_id
from app.queries.reactions import list_reactions_from_elsewhere, read_emoji
from app.queries.spaces import find_member_of, list_channels_of, list_members_of_space

P = ParamSpec("P")
R = TypeVar("R")


class DeletedError(NotFoundError):
    """Its home deleted it, so it does not come back."""

    def __init__(self) -> None:
        super().__init__("This object was deleted.")


class Name(msgspec.Struct, frozen=True):
    """What an object is called at its home, and over ActivityPub if it is spoken there."""

    domain: str
    id: str
    activitypub_id: str | None = None

    @property
    def uri(self) -> str:
        return self.activitypub_id or uri_of_told(self.domain, self.id)


def _again(keep: Callable[P, R]) -> Callable[P, R]:
    """Another request may keep the same at the same moment and be first; then it is there, and changed."""

    @functools.wraps(keep)
    def keep_again(*given: P.args, **named: P.kwargs) -> R:
        try:
            return despite_deadlocks(lambda: keep(*given, **named))
        except (IntegrityError, ConflictError):
            pass
        try:
            return despite_deadlocks(lambda: keep(*given, **named))
        except IntegrityError as error:
            raise ConflictError("Another object is called so.") from error

    return keep_again


@_again
def keep_person(name: Name, values: Mapping[str, Any], *, met: str | None) -> str:
    """Who is known over ActivityPub already, or was `met` there, is the same, and described by that."""
    now = datetime.now(UTC)
    with transaction() as session:
        known = _claim(session, name, now=now)
        if known is None:
            actor = get_by_id(session, met) if met is not None else find_any(session, name.uri)
            if actor is not None and (actor.deleted_at is not None or actor.type not in PEOPLE):
                raise DeletedError
            known = actor.id if actor else mirrors.add_person(session, name.uri, name.domain, values, now=now)
            peers.note_origin(session, known, name.domain, name.id)
            mirrors.save_told(session, known, values)
            return known
        person = get_by_id(session, known)
        if person.deleted_at is not None:  # As ActivityPub may have said.
            raise DeletedError
        if person.inbox == mirrors.NO_INBOX:
            mirrors.change_person(session, known, values, now=now)
        mirrors.save_told(session, known, values)
        events.tell(session, "account_changed", now=now, account_id=known)
    return known


@_again
def keep_space(name: Name, values: Mapping[str, Any]) -> str:
    now = datetime.now(UTC)
    with transaction() as session:
        known = _claim(session, name, now=now)
        if known is None:
            id_ = mirrors.add_space(session, name.uri, name.domain, values, now=now)
            peers.note_origin(session, id_, name.domain, name.id)
        else:
            id_ = known
            mirrors.change_space(session, id_, values, now=now)
        events.tell(session, "space_changed", channel_id=id_, now=now)
    return id_


@_again
def keep_channel(name: Name, space_id: str, values: Mapping[str, Any]) -> str:
    now = datetime.now(UTC)
    with transaction() as session:
        known = _claim(session, name, now=now)
        if known is None:
            id_ = mirrors.add_channel(session, space_id, name.uri, name.domain, values, now=now)
            peers.note_origin(session, id_, name.domain, name.id)
        else:
            id_ = known
            mirrors.change_channel(session, id_, space_id, values)
        events.tell(session, "channel_updated" if known else "channel_created", channel_id=id_, now=now)
    return id_


@_again
def keep_role(name: Name, space_id: str, values: Mapping[str, Any]) -> str:
    now = datetime.now(UTC)
    with transaction() as session:
        id_ = mirrors.save_role(session, _claim(session, name, now=now), space_id, values, now=now)
        peers.note_origin(session, id_, name.domain, name.id)
        events.tell(session, "role_changed", channel_id=space_id, role_id=id_, now=now)
    return id_


@_again
def keep_member(name: Name, space_id: str, actor_id: str, values: Mapping[str, Any], role_ids: Collection[str]) -> str:
    now = datetime.now(UTC)
    with transaction() as session:
        _claim(session, name, now=now)
        is_new = find_member_of(session, space_id, actor_id) is None
        mirrors.save_member(session, space_id, actor_id, values, role_ids, now=now)
        member = find_member_of(session, space_id, actor_id)
        id_ = member.id if member else ""
        peers.note_origin(session, id_, name.domain, name.id)
        type_ = "member_added" if is_new else "member_changed"
        events.tell(session, type_, channel_id=space_id, member_id=id_, now=now)
    return id_


def ban_member(member_id: str, space_id: str, actor_id: str) -> None:
    """Somebody is banned from a space elsewhere, as its home says."""
    now = datetime.now(UTC)
    with transaction() as session:
        mirrors.ban_member(session, member_id, now=now)
        _tell_of_end(session, space_id, member_id, actor_id, now=now)


@_again
def keep_invite(name: Name, space_id: str, creator_id: str, text: str) -> str:
    now = datetime.now(UTC)
    with transaction() as session:
        id_ = mirrors.save_invite(
            session,
            _claim(session, name, now=now),
            name=text,
            domain=name.domain,
            space_id=space_id,
            creator_id=creator_id,
            now=now,
        )
        peers.note_origin(session, id_, name.domain, name.id)
    return id_


@_again
def keep_emoji(name: Name, space_id: str, creator_id: str, values: Mapping[str, Any]) -> str:
    now = datetime.now(UTC)
    with transaction() as session:
        id_ = mirrors.save_emoji(
            session,
            _claim(session, name, now=now),
            space_id=space_id,
            creator_id=creator_id,
            values=values,
            now=now,
        )
        peers.note_origin(session, id_, name.domain, name.id)
        events.tell(session, "emoji_changed", channel_id=space_id, emoji_id=id_, now=now)
    return id_


@_again
def keep_message(name: Name, author: Actor, to: Sequence[Actor], told: ToldMessage) -> str:
    """Said, or edited if it was said before and is not the same any more; `to` as `compose.told_message` has it.

    Raises what the effects raise where the author may not, DeletedError for what was deleted.
    """
    with reading() as session:
        known = find_by_uri(session, told.uri)
        content = open_content(session, known) if known else None
    if known is not None and known.deleted_at is not None:
        raise DeletedError
    group = to[0] if to[0].type == "Group" else None
    if known is None:
        outcome = do_as(compose.told_message(author, to, told), via=group, private={"embeds": told.embeds})
        id_ = str(outcome["message_id"])
    else:
        id_ = known.id
        said = (told.text, tuple(link.url for link in told.links), list(told.embeds))
        if content is None or (content.text, _urls(content), list(content.embeds)) != said:
            do_as(compose.told_edit(author, to, told), via=group, private={"embeds": told.embeds})
    with transaction() as session:
        peers.hold(session, name.domain, now=datetime.now(UTC))
        peers.note_origin(session, id_, name.domain, name.id)
    return id_


def keep_conversation(name: Name, actor_ids: Collection[str]) -> str:
    """The conversation of these people; it has no home, so each instance has a name for it."""
    now = datetime.now(UTC)
    with transaction() as session:
        peers.hold(session, name.domain, now=now)
        people = list_by_ids(session, actor_ids)
        id_ = conversation_id(person.uri for person in people)
        messages.ensure_conversation(session, id_, people, now=now)
        peers.note_name(session, id_, name.domain, name.id)
    return id_


@_again
def keep_group(name: Name, actor_ids: Collection[str], values: Mapping[str, Any]) -> str:
    """A group as its home has it, but that nobody of ours is put into it by who they block, or after they left, and
    that it is not called anew by those alone who are blocked in it.

    Raises ForbiddenError for a new one that is for nobody here, ConflictError for one by the address of another.
    """
    now = datetime.now(UTC)
    with transaction() as session:
        known = _claim(session, name, now=now)
        id_ = known or new_id("dm")
        before = {person.id for person in list_participants(session, id_)}
        people = list_by_ids(session, actor_ids)
        after = _list_takers(session, name.domain, people, before) - list_leaving(session, name.domain, id_)
        if known is None:
            if not any(person.is_local and person.id in after for person in people):
                raise ForbiddenError(REFUSED)
            if find_group(session, [name.uri]) is not None:
                raise ConflictError("activitypub_id: this is another conversation's.")
            conversations.add_group(session, id_, name.uri, sorted(after), values, now=now)
            peers.note_origin(session, id_, name.domain, name.id)
            events.tell(session, "conversation_created", conversation_id=id_, now=now)
            return id_
        if _may_be_named_so(session, name.domain, before | after):
            conversations.change_group(session, id_, values)
        for actor_id in sorted(after - before):
            conversations.let_in(session, id_, actor_id, now=now)
        for actor_id in sorted(before - after):
            conversations.take_out(session, id_, actor_id)
        events.tell(session, "conversation_changed", conversation_id=id_, left=sorted(before - after), now=now)
    return id_


def _list_takers(session: Session, domain: str, people: Sequence[Actor], before: Collection[str]) -> set[str]:
    """All but those of ours who are new, and block somebody by whom they may have been added, as this server does for
    all of them by a ban."""
    theirs = [person.id for person in people if person.host == domain]
    new = {person.id for person in people if person.is_local and person.id not in before}
    home_id = get_home_space(session).actor_id
    if new and any(is_banned(session, person_id, home_id) for person_id in theirs):
        refusing = new
    else:
        refusing = {person_id for person_id in new if is_blocking_any(session, by=person_id, actor_ids=theirs)}
    return {person.id for person in people} - refusing


def _may_be_named_so(session: Session, domain: str, actor_ids: Collection[str]) -> bool:
    """Whether somebody of the group's home may have called it so whom nobody in it blocks: a name is something said."""
    theirs = [person.id for person in list_by_ids(session, actor_ids) if person.host == domain]
    return any(not is_refused_by_any(session, by=actor_ids, actor_id=person_id) for person_id in theirs)


def keep_reactions(message_id: str, group: Actor, wanted: Collection[tuple[str, str]]) -> None:
    """As the home of the channel has them: pairs of who reacted and the sign. Those of our own people stay, and one
    that is refused here, of somebody whom the author blocks, keeps out no other."""
    wanted = {(id_, read_emoji(sign)) for id_, sign in wanted}
    with reading() as session:
        message = find_by_id(session, message_id)
        now_there = {
            (actor.id, reaction.emoji): (actor, reaction.activity_uri)
            for reaction, actor in list_reactions_from_elsewhere(session, message_id)
        }
        others = {id_: get_by_id(session, id_) for id_, sign in wanted if (id_, sign) not in now_there}
    if message is None or message.deleted_at is not None:
        return
    told = [  # First what is taken back, which may have been as many as there can be.
        compose.told_reaction_taken_back(actor, message.uri, sign, activity_uri=uri)
        for (id_, sign), (actor, uri) in now_there.items()
        if (id_, sign) not in wanted
    ]
    told += [
        compose.told_reaction(others[id_], message.uri, sign)
        for id_, sign in sorted(wanted)
        if (id_, sign) not in now_there and not others[id_].is_local
    ]
    for activity in told:
        with suppress(ConflictError, ForbiddenError, NotFoundError):
            do_as(activity, via=group)


def keep_pin(message: Message, group: Actor, *, is_pinned: bool) -> None:
    """As the home of the channel has it."""
    now = datetime.now(UTC)
    with reading() as session:
        if has_pinned(session, group.id, message.uri) == is_pinned:
            return
    with transaction() as session:
        if is_pinned:
            pins.add(session, group.id, message.uri, now=now)
        else:
            pins.remove(session, group.id, message.uri)
        events.tell(session, "message_pinned", channel_id=group.id, message_id=message.id, now=now)


def note_name(local_id: str, domain: str, remote_id: str) -> None:
    """What an instance calls an object that is not its own."""
    with transaction() as session:
        peers.hold(session, domain, now=datetime.now(UTC))
        peers.note_name(session, local_id, domain, remote_id)


def note_activitypub(domain: str) -> None:
    with transaction() as session:
        peers.ensure(session, domain, now=datetime.now(UTC))
        peers.change(session, domain, speaks_activitypub=True)


def forget(kind: str, local_id: str, domain: str, *, space_id: str | None, actor_id: str | None = None) -> None:
    """Its home has deleted a thing that is no message and no account; what comes late under its name stays dead."""
    now = datetime.now(UTC)
    with transaction() as session:
        peers.hold(session, domain, now=now)
        peers.mark_deleted(session, local_id, domain, now=now)
        match kind:
            case "conference":
                peers.mark_children_deleted(session, local_id, domain, now=now)
                _forget_space(session, local_id, now=now)
            case "channel":
                _forget_channel(session, local_id, now=now)
                events.tell(session, "channel_deleted", channel_id=local_id, member_ids=[], now=now)
            case "role":
                roles.take_from_all(session, space_id or "", local_id)
                roles.delete(session, local_id)
                events.tell(session, "role_deleted", channel_id=space_id, role_id=local_id, now=now)
            case "conference_member":
                spaces.remove_member(session, space_id or "", actor_id or "")
                _tell_of_end(session, space_id or "", local_id, actor_id or "", now=now)
            case "invite":
                spaces.remove_invite(session, local_id)
            case "emoji":
                spaces.remove_emoji(session, local_id)
                events.tell(session, "emoji_deleted", channel_id=space_id, emoji_id=local_id, now=now)


def mark_deleted(local_id: str, domain: str) -> None:
    with transaction() as session:
        peers.mark_deleted(session, local_id, domain, now=datetime.now(UTC))


def do_as(
    activity: Activity, *, via: Actor | None = None, private: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """What somebody elsewhere did, as their instance says; what its effect found. Raises AppError.

    `via` counts for a place elsewhere alone, whose home has passed it on; in one of ours we decide.
    """
    told_by = via.uri if via is not None and not via.is_local else None
    outcome = receive(Received(activity, datetime.now(UTC), via=told_by, private=private or {}))
    return outcome.found if outcome is not None else {}


def _claim(session: Session, name: Name, *, now: datetime) -> str | None:
    """The id that it has here, nobody else's to change or to delete before the transaction ends; None for what is new.

    Raises DeletedError.
    """
    known = peers.claim(session, name.domain, name.id, now=now)
    if known is not None and known.deleted_at is not None:
        raise DeletedError
    return known.local_id if known else None


def _urls(content: Content) -> tuple[str, ...]:
    return tuple(attachment.url for attachment in content.attachments)


def _forget_space(session: Session, space_id: str, *, now: datetime) -> None:
    members = [member.actor_id for member in list_members_of_space(session, space_id)]
    for channel in list_channels_of(session, space_id):
        _forget_channel(session, channel.actor_id, now=now)
    spaces.mark_deleted(session, space_id, now=now)
    events.tell(session, "space_deleted", channel_id=space_id, member_ids=members, now=now)


def _forget_channel(session: Session, channel_id: str, *, now: datetime) -> None:
    channel = find_channel(session, channel_id)
    if channel is not None:
        channels.mark_deleted(session, channel, now=now)
        messages.erase_all_in(session, channel_id, now=now)


def _tell_of_end(session: Session, space_id: str, member_id: str, actor_id: str, *, now: datetime) -> None:
    events.tell(session, "member_kicked", channel_id=space_id, member_id=member_id, account_id=actor_id, now=now)
