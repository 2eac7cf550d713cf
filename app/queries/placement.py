"""Where a Note belongs here: the channel it is addressed to, or the conversation of the people it names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence, Set
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace
from sqlalchemy.orm import Session

from activitypub.documents import Audience, Note
from activitypub.vocabulary import PUBLIC
from app.models import Actor, Channel, Message
from app.queries.actors import PEOPLE, get_by_id, is_refused_by_any, list_by_uris
from app.queries.channels import find_addressed, find_channel_with_actor, find_heard_channel, is_told
from app.queries.conversations import find_conversation, find_group, list_with_arrival
from app.queries.messages import find_by_uri, open_content
from app.queries.viewers import remote_viewer
from app.queries.visibility import may_see, place_of_channel
from app.uris import Uris

_SEPARATOR: Final = "::"


class Placement(msgspec.Struct, frozen=True):
    """Exactly one of channel and conversation. `group` is the channel's actor, and `is_seen` if it was asked and is so
    that its author sees it; `people` are in the conversation, which `is_group` where that is not what makes it the
    conversation that it is."""

    audience: str
    channel: Channel | None = None
    group: Actor | None = None
    conversation_id: str | None = None
    people: tuple[Actor, ...] = ()
    is_group: bool = False
    is_seen: bool = False

    @property
    def channel_id(self) -> str | None:
        return self.channel.actor_id if self.channel else None

    @property
    def scope(self) -> str:
        return self.channel_id or self.conversation_id or ""


def conversation_id(uris: Iterable[str]) -> str:
    """The id that every server derives for a conversation of these people (contracts/pufferblow.md, 0.5).

    A URI with the separator inside could be read as two, and its owner as others: then a space separates them, which no
    URI has.
    """
    people = sorted(uris)
    separator = " " if any(_SEPARATOR in uri for uri in people) else _SEPARATOR
    return "dm-" + hashlib.sha256(separator.join(people).encode()).hexdigest()[:32]


def find_placement(
    session: Session, uris: Uris, note: Note, author: Actor, *, addressed: Audience, via: Actor | None
) -> Placement | None:
    """None for a note that nobody here is meant to read."""
    own = find_own_placement(session, uris, note, author, addressed=addressed, via=via) if via is not None else None
    if own is not None:
        return own
    found = _find_channel(session, uris, note, addressed, via)
    if found is None:
        return _find_conversation(session, uris, note, author, addressed)
    # What is said in a closed channel is for its members, whatever the note says of itself.
    audience = "public" if addressed.is_public and not found[0].is_private else "members"
    place = Placement(audience, channel=found[0], group=found[1])
    if author.is_local or not (found[0].is_private and found[1].is_local):
        return place
    if _lets_in(session, place, author):
        return replace(place, is_seen=True)
    # As if the channel were not there, which is all that who is not in it may know.
    return _find_conversation(session, uris, note, author, addressed) or place


def _find_conversation(
    session: Session, uris: Uris, note: Note, author: Actor, addressed: Audience
) -> Placement | None:
    if not addressed.is_public and (placement := _find_group(session, uris, note, author, addressed)) is not None:
        return placement
    people = [person for person in _find_people(session, uris, note, addressed) if person.id != author.id]
    if not any(person.is_local or author.is_local for person in people):
        return None
    members = [author, *people]
    return Placement("direct", conversation_id=conversation_id(person.uri for person in members), people=tuple(members))


def find_own_placement(
    session: Session, uris: Uris, note: Note, author: Actor, *, addressed: Audience, via: Actor
) -> Placement | None:
    """Where a public note that a channel passes on stands by itself: in a channel of ours, with one of ours, or in
    another channel elsewhere, which passes it on itself.

    None where it answers something in the channel that passes it on, names that channel before ours or beside another
    elsewhere, or would not be let in. Otherwise any channel that is followed here could take from others what was said
    to them.
    """
    if not addressed.is_public:
        return None
    parent = find_by_uri(session, note.in_reply_to)
    if parent is not None and parent.channel_id == via.id:
        return None
    named = [*addressed, *(mention.href for mention in note.mentions), note.context or ""]
    answers_in = find_channel_with_actor(session, parent.channel_id) if parent and parent.audience == "public" else None
    if any(map(uris.is_local, named)) or (answers_in is not None and answers_in[1].is_local):
        own = find_placement(session, uris, note, author, addressed=addressed, via=None)
        if own is not None and _lets_in(session, own, author):
            return own
    return _find_elsewhere(session, uris, [*named, *([answers_in[1].uri] if answers_in else [])], via)


def _find_elsewhere(session: Session, uris: Uris, named: Sequence[str], via: Actor) -> Placement | None:
    """The channel of another server that is named, unless the one that passes it on is, too."""
    others = [uri for uri in named if uri and uri != PUBLIC]
    if not {via.uri, via.followers}.isdisjoint(owner for uri in others for owner in (uri, uri.rpartition("/")[0])):
        return None
    found = find_addressed(session, uris, others)
    if found is None or found[1].is_local or not is_told(session, found[0].actor_id):
        return None
    return Placement("public", channel=found[0], group=found[1])


def _lets_in(session: Session, placement: Placement, author: Actor) -> bool:
    """Whether it is a place of ours that somebody elsewhere may write in."""
    if placement.channel is not None and placement.group is not None:
        place = place_of_channel(placement.channel)
        return placement.group.is_local and may_see(session, remote_viewer(author), place)
    others = [person.id for person in placement.people if person.id != author.id]
    return not is_refused_by_any(session, by=others, actor_id=author.id)


def may_pass_on(group: Actor, addressed: Audience) -> bool:
    """Whether a channel may show its members what it passes on: what is public, or was said to the channel itself.

    The home of a private note shows it to us because of whom it is addressed to here, and to nobody else.
    """
    owners = {owner for uri in addressed for owner in (uri, uri.rpartition("/")[0])}
    return addressed.is_public or not owners.isdisjoint({group.uri, group.followers})


def _find_channel(
    session: Session, uris: Uris, note: Note, addressed: Audience, via: Actor | None
) -> tuple[Channel, Actor] | None:
    """Relayed by a channel, addressed to one, or a public reply in one."""
    if via is not None:
        channel = find_heard_channel(session, via.id) if may_pass_on(via, addressed) else None
        return (channel, via) if channel else None
    named = [*addressed.audience, *addressed.to, *addressed.cc, *addressed.hidden]
    if not addressed.is_public:
        # A private note is shown where it was sent, not wherever it names.
        return find_addressed(session, uris, named)
    contexts = [note.context] if note.context else []
    found = find_addressed(session, uris, [*named, *(mention.href for mention in note.mentions), *contexts])
    if found is not None:
        return found
    parent = find_by_uri(session, note.in_reply_to)
    if parent is None or parent.channel_id is None or parent.audience != "public":
        return None
    return find_addressed(session, uris, [uris.channel(parent.channel_id)])


def _find_group(session: Session, uris: Uris, note: Note, author: Actor, addressed: Audience) -> Placement | None:
    """The group that a private note names as its context, or that it answers in.

    Only for who is in it, and only where the note is for the others in it: else somebody would read what was not said
    to them, or not read what was.
    """
    parent = None if author.is_local else find_by_uri(session, note.in_reply_to)
    # What one of ours says in a conversation that another server calls a group stays in that conversation.
    named = [note.context] if author.is_local else [note.context, note.conversation]
    group = find_group(session, [uri for uri in named if uri and (uris.is_local(uri) or uri.startswith("https:"))])
    if group is None and parent is not None and parent.conversation_id is not None:
        group = find_conversation(session, parent.conversation_id)
    if group is None or not group.is_group:
        return None
    people = list_with_arrival(session, group.id)
    others = [(person, added_at) for person, added_at in people if person.id != author.id]
    if len(others) == len(people):
        return None
    if parent is not None and parent.conversation_id != group.id:
        return None
    if not author.is_local and not _is_for_group(session, uris, others, set(addressed), parent):
        return None
    return Placement("direct", conversation_id=group.id, people=tuple(person for person, _ in people), is_group=True)


def _is_for_group(
    session: Session,
    uris: Uris,
    others: Sequence[tuple[Actor, datetime | None]],
    addressed: Set[str],
    parent: Message | None,
) -> bool:
    """Whether a note from elsewhere is for all others in a group whom its author can know to be in it.

    Whoever writes elsewhere knows who is in it from the message that they answer: who was added since is not missed,
    and who was in it then is not somebody new. People without an inbox cannot be addressed at all.
    """
    since = parent.published_at if parent is not None else None
    known = {
        person.uri
        for person, added_at in others
        if (person.is_local or person.inbox) and (since is None or added_at is None or added_at <= since)
    }
    strangers = {uri for uri in addressed if uris.is_local(uri)} - {person.uri for person, _ in others}
    if not known <= addressed:
        return False
    return not strangers or (parent is not None and strangers <= _heard(session, parent))


def _heard(session: Session, message: Message) -> set[str]:
    """The URIs of who wrote it and of whom it named."""
    content = open_content(session, message)
    return {get_by_id(session, message.author_id).uri, *(content.mentions if content else ())}


def _find_people(session: Session, uris: Uris, note: Note, addressed: Audience) -> Sequence[Actor]:
    """Whom a note speaks to.

    A public one that stands in no channel speaks to the first of ours it mentions, or else names among its recipients,
    which is all that some servers do (contracts/peers.md, 4): a message has one place, and such a mention no better
    one.
    """
    if not addressed.is_public:
        return _in_private(session, addressed)
    named = [uri for uri in (*(mention.href for mention in note.mentions), *addressed) if uris.is_local(uri)]
    known = {person.uri: person for person in list_by_uris(session, named) if person.type in PEOPLE}
    return [known[uri] for uri in named if uri in known][:1]


def _in_private(session: Session, addressed: Audience) -> Sequence[Actor]:
    """Everybody whom a private note is addressed to, here and elsewhere.

    Where none of ours is among them, the first of ours whom it is for in secret, alone: the others are not told.
    """
    people = [person for person in list_by_uris(session, addressed) if person.type in PEOPLE]
    openly = [person for person in people if not addressed.is_in_secret(person.uri)]
    if any(person.is_local for person in openly):
        return openly
    ours = {person.uri: person for person in people if person.is_local}
    secretly = [ours[uri] for uri in addressed.hidden if uri in ours]
    return secretly[:1] or openly
