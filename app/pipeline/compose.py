"""Compose: from what a person asks for to the activity that says it, addressed as its place demands.

Facades translate their requests into calls of these and submit what they get. Nothing here decides what may be done;
what the viewer cannot see raises NotFoundError all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from activitypub import build, html
from activitypub.attachments import Attachment
from activitypub.documents import Activity
from activitypub.times import write_time
from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.errors import ConflictError, InvalidInputError, NotFoundError
from app.ids import INSTANCE_ID, new_id
from app.models import Actor, Channel, Message
from app.queries import messages
from app.queries.accounts import get_profile
from app.queries.activities import find_by_uri
from app.queries.actors import find_follow, get_by_id, list_by_handles, list_keys
from app.queries.blocks import find_block
from app.queries.channels import get_home_space, get_visible, list_remote_members
from app.queries.documents import actor_document, note_document
from app.queries.files import StoredFile, as_attachments
from app.queries.placement import conversation_id
from app.queries.reactions import find_own
from app.queries.viewers import Viewer
from app.settings import current
from app.uris import Uris


def channel_message(
    viewer: Viewer,
    channel_id: str,
    text: str,
    *,
    reply_to: str | None = None,
    files: Sequence[StoredFile] = (),
) -> Activity:
    """A message in a channel: for everybody in a public one, for its members in a private one."""
    _check_text(text, files)
    with reading() as session:
        channel, group = get_visible(session, viewer, channel_id, with_viewer=True)
        mentions = _mentioned(session, text)
        members = list_remote_members(session, channel_id) if channel.is_private and group.is_local else []
        parent = _parent(session, viewer, reply_to, channel)
    replied_to = [parent[1]] if parent and not channel.is_private else []
    # Whoever is named in a private channel, or wrote what is replied to, hears of it as a member or not at all.
    told = members if channel.is_private else [*replied_to, *mentions.values()]
    people = {actor.uri: handle(actor) for actor in told if actor.id != viewer.actor_id}
    named = _named(viewer, [*mentions.values(), *([parent[1]] if parent else [])], is_private=channel.is_private)
    first = people if channel.is_private else [PUBLIC, *(actor.uri for actor in replied_to)]
    to, cc = [group.uri, *first], [] if channel.is_private else [group.followers or "", *people]
    return _create(
        viewer,
        text,
        mentions,
        to=to,
        cc=cc,
        audience=[group.uri],
        context=f"{group.uri}/messages" if group.is_local else None,
        in_reply_to=parent[0] if parent else None,
        tags=people | named,
        attachments=as_attachments(files, is_for_everybody=group.is_local and not channel.is_private),
    )


def direct_message(viewer: Viewer, people: Sequence[Actor], text: str, *, files: Sequence[StoredFile] = ()) -> Activity:
    """To exactly these people, each with a Mention: without it GoToSocial drops a direct message."""
    _check_text(text, files)
    others = {person.uri: handle(person) for person in people if person.id != viewer.actor_id}
    if not others:
        raise InvalidInputError("A direct message needs somebody else to read it.")
    with reading() as session:
        mentions = _mentioned(session, text)
    conversation = conversation_id([viewer.uri, *others])
    attachments = as_attachments(files, is_for_everybody=False)
    return _create(
        viewer, text, mentions, to=list(others), conversation=conversation, tags=others, attachments=attachments
    )


def edit(viewer: Viewer, message_id: str, text: str) -> Activity:
    """Dated after the edit before it, whatever the clock says by now: servers pass over what is older."""
    now = datetime.now(UTC)
    with reading() as session:
        message, channel = messages.get_visible(session, viewer, message_id)
        if message.edited_at is not None:
            now = max(now, message.edited_at + timedelta(milliseconds=1))
        document = _current_note(session, message)
        _check_text(text, document["attachment"])
        mentions = _mentioned(session, text)
        if channel is not None and channel.is_private and channel.space_id is not None:
            members = {member.uri for member in list_remote_members(session, channel.actor_id)}
            document |= _without_former_members(document, members)
        named = _named(viewer, mentions.values(), is_private=channel is None or channel.is_private)
        document |= _with_mentions(document, named)
    note = {name: value for name, value in document.items() if name != "@context"} | {
        "content": html.from_text(text, {name: actor.uri for name, actor in mentions.items()}),
        "source": {"content": text, "mediaType": "text/plain"},
        "updated": write_time(now),
    }
    return build.update(actor=viewer.uri, object=note, to=note["to"], cc=note["cc"])


def deletion(viewer: Viewer, message_id: str, *, channel_id: str | None = None) -> Activity:
    """With `channel_id`, the message must stand there."""
    with reading() as session:
        message, _ = messages.get_visible(session, viewer, message_id)
        if message.deleted_at is not None or (channel_id is not None and message.channel_id != channel_id):
            raise NotFoundError(messages.NO_SUCH_MESSAGE)
        document = _current_note(session, message)
    tombstone = build.tombstone(id=message.uri, former_type="Note", deleted=datetime.now(UTC))
    return build.delete(actor=viewer.uri, object=tombstone, to=document["to"], cc=document["cc"])


def reaction(viewer: Viewer, message_id: str, emoji: str | None) -> Activity:
    with reading() as session:
        message, _ = messages.get_visible(session, viewer, message_id)
        return build.like(actor=viewer.uri, object=message.uri, content=emoji, to=_concerned(session, message))


def reaction_taken_back(viewer: Viewer, message_id: str, emoji: str | None) -> Activity:
    with reading() as session:
        message, _ = messages.get_visible(session, viewer, message_id)
        own = find_own(session, message.id, viewer.actor_id, emoji)
        if own is None:
            raise NotFoundError("There is no such reaction of yours.")
        like = build.like(actor=viewer.uri, object=message.uri, content=emoji, to=_concerned(session, message))
    return build.undo(actor=viewer.uri, object=build.with_id(like, own.activity_uri))


def follow(viewer: Viewer, target: Actor) -> Activity:
    return build.follow(actor=viewer.uri, object=target.uri)


def unfollow(viewer: Viewer, target: Actor) -> Activity:
    """Raises NotFoundError where nothing was followed."""
    with reading() as session:
        known = find_follow(session, viewer.actor_id, target.id)
        logged = find_by_uri(session, known.activity_uri) if known else None
    if known is None:
        raise NotFoundError("You do not follow this actor.")
    undone = build.follow(actor=viewer.uri, object=target.uri)
    return build.undo(actor=viewer.uri, object=build.with_id(undone, logged.uri if logged else known.activity_uri))


def channel(viewer: Viewer, name: str, *, type: str, is_private: bool) -> tuple[Activity, Mapping[str, Any]]:
    """The activity, and what `submit` is to be given as `private`."""
    uri = Uris(current().origin).channel(new_id("channel"))
    group = {
        "id": uri,
        "type": "Group",
        "preferredUsername": name or "?",
        "name": name,
        "inbox": f"{uri}/inbox",
        "channelType": type,
    }
    if not name.strip():
        raise InvalidInputError("A channel needs a name.")
    activity = build.create(actor=viewer.uri, object=group, to=[])
    return activity, {"channel_type": type, "is_private": is_private}


def channel_update(viewer: Viewer, channel_id: str, name: str) -> Activity:
    """A channel under another name. Raises ConflictError for another server's, which only its home renames."""
    with reading() as session:
        found, group = get_visible(session, viewer, channel_id)
        document = actor_document(Uris(current().origin), group, list_keys(session, group.id), found)
    if not group.is_local:
        raise ConflictError("This channel belongs to another server, which alone can change it.")
    if not name.strip():
        raise InvalidInputError("A channel needs a name.")
    changed = {key: value for key, value in document.items() if key != "@context"} | {"name": name}
    return build.update(actor=viewer.uri, object=changed, to=[group.uri])


def channel_deletion(viewer: Viewer, channel_id: str) -> Activity:
    """Raises ConflictError for another server's channel, which only its home deletes."""
    with reading() as session:
        _, group = get_visible(session, viewer, channel_id)
    if not group.is_local:
        raise ConflictError("This channel belongs to another server. Unfollow it instead.")
    tombstone = build.tombstone(id=group.uri, former_type="Group", deleted=datetime.now(UTC))
    return build.delete(actor=viewer.uri, object=tombstone, to=[group.uri], cc=[group.followers or ""])


def admission(viewer: Viewer, channel_id: str, person: Actor) -> Activity:
    with reading() as session:
        _, group = get_visible(session, viewer, channel_id)
    return build.add(actor=viewer.uri, object=person.uri, target=group.followers or "", to=[group.uri, person.uri])


def expulsion(viewer: Viewer, channel_id: str, person: Actor) -> Activity:
    with reading() as session:
        _, group = get_visible(session, viewer, channel_id)
    return build.remove(actor=viewer.uri, object=person.uri, target=group.followers or "", to=[group.uri, person.uri])


def server(viewer: Viewer, *, name: str | None = None, description: str | None = None) -> Activity:
    """This server under another name or with another description (plain text); None leaves it as it is."""
    uris = Uris(current().origin)
    with reading() as session:
        instance = get_by_id(session, INSTANCE_ID)
        document = actor_document(uris, instance, list_keys(session, INSTANCE_ID), None)
        home = get_by_id(session, get_home_space(session).actor_id)
    document["updated"] = write_time(datetime.now(UTC))
    del document["@context"]
    if name is not None:
        document["name"] = name.strip()
    if description is not None:
        document["summary"] = html.from_text(description, {}) if description.strip() else ""
    return build.update(actor=viewer.uri, object=document, to=[PUBLIC], cc=[home.followers or ""])


def role(viewer: Viewer, role_id: str, name: str, *, is_new: bool) -> Activity:
    """A role of the home space, made or changed: to other servers it is a collection of people. What it allows is
    told to nobody, and goes to `submit` as `private`."""
    uris = Uris(current().origin)
    document = {"id": uris.role(role_id), "type": "Collection", "name": name}
    if is_new:
        return build.create(actor=viewer.uri, object=document, to=[])
    return build.update(actor=viewer.uri, object=document, to=[])


def role_deletion(viewer: Viewer, role_id: str) -> Activity:
    uri = Uris(current().origin).role(role_id)
    tombstone = build.tombstone(id=uri, former_type="Collection", deleted=datetime.now(UTC))
    return build.delete(actor=viewer.uri, object=tombstone, to=[])


def roles_change(viewer: Viewer, person: Actor, *, given: Sequence[str], taken: Sequence[str]) -> list[Activity]:
    """One activity for each role, by its id."""
    uris = Uris(current().origin)
    return [
        *(build.add(actor=viewer.uri, object=person.uri, target=uris.role(role_id), to=[]) for role_id in given),
        *(build.remove(actor=viewer.uri, object=person.uri, target=uris.role(role_id), to=[]) for role_id in taken),
    ]


def ban(viewer: Viewer, person: Actor) -> Activity:
    with reading() as session:
        home = get_by_id(session, get_home_space(session).actor_id)
    return build.block(actor=viewer.uri, object=person.uri, target=home.uri, to=[home.uri, person.uri])


def ban_lifted(viewer: Viewer, person: Actor) -> Activity:
    """Raises NotFoundError for who is not banned."""
    with reading() as session:
        home = get_by_id(session, get_home_space(session).actor_id)
        known = find_block(session, by=None, actor_id=person.id, space_id=home.id)
        by = get_by_id(session, known.actor_id) if known else None
    if known is None or by is None:
        raise NotFoundError("The targeted user is not banned.")
    block = build.block(actor=by.uri, object=person.uri, target=home.uri, to=[home.uri, person.uri])
    return build.undo(actor=viewer.uri, object=build.with_id(block, known.activity_uri))


def report(viewer: Viewer, person: Actor, description: str, *, message_ids: Sequence[str] = ()) -> Activity:
    """About a person and, if any are named, messages of theirs. Raises NotFoundError for what the viewer cannot see."""
    with reading() as session:
        found = [messages.get_visible(session, viewer, message_id)[0] for message_id in message_ids]
    if any(message.deleted_at is not None or message.author_id != person.id for message in found):
        raise NotFoundError(messages.NO_SUCH_MESSAGE)
    named = [person.uri, *(message.uri for message in found)]
    return build.flag(actor=viewer.uri, objects=named, content=description)


def profile(viewer: Viewer, *, username: str | None, about: str | None) -> tuple[Activity, Mapping[str, Any]]:
    """The viewer under a new name, with a new description, or both; None leaves what is.

    The activity, and what `submit` is to be given as `private`.
    """
    uris = Uris(current().origin)
    with reading() as session:
        actor = get_by_id(session, viewer.actor_id)
        known = get_profile(session, viewer.actor_id)
        document = actor_document(uris, actor, list_keys(session, actor.id), None)
    username = known.username if username is None else username
    about = known.about if about is None else about or None
    document |= {
        "preferredUsername": username.lower(),
        "name": username,
        "summary": html.from_text(about, {}) if about else "",
        "updated": write_time(datetime.now(UTC)),
    }
    activity = build.update(actor=viewer.uri, object=document, to=[PUBLIC], cc=[actor.followers or ""])
    return activity, {"username": username, "about": about}


def handle(actor: Actor) -> str:
    """`@user@host`, as a Mention tag is named."""
    return f"@{actor.preferred_username}@{actor.host or Uris(current().origin).host}"


def _create(
    viewer: Viewer,
    text: str,
    mentions: Mapping[str, Actor],
    *,
    to: Sequence[str],
    tags: Mapping[str, str],
    cc: Sequence[str] = (),
    audience: Sequence[str] = (),
    context: str | None = None,
    conversation: str | None = None,
    in_reply_to: str | None = None,
    attachments: Sequence[Attachment] = (),
) -> Activity:
    note = build.note(
        id=Uris(current().origin).message(new_id("msg")),
        author=viewer.uri,
        content=html.from_text(text, {name: actor.uri for name, actor in mentions.items()}),
        source=text,
        published=datetime.now(UTC),
        to=list(dict.fromkeys(to)),
        cc=[uri for uri in dict.fromkeys(cc) if uri and uri not in to],
        audience=audience,
        context=context,
        conversation=conversation,
        in_reply_to=in_reply_to,
        mentions=tags,
        attachments=attachments,
    )
    return build.create(actor=viewer.uri, object=note)


def _check_text(text: str, attached: Sequence[Any]) -> None:
    if not (text.strip() or attached):
        raise InvalidInputError("Either a message or attachments must be provided.")


def _mentioned(session: Session, text: str) -> dict[str, Actor]:
    """The actors that `text` mentions and that we know, by the handle as it was typed. No server is asked."""
    if "@" not in text:
        return {}
    return list_by_handles(session, html.handles_in(text), own_host=Uris(current().origin).host)


def _parent(session: Session, viewer: Viewer, reply_to: str | None, channel: Channel) -> tuple[str, Actor] | None:
    """(URI of the message replied to, its author), for one of the same channel."""
    if reply_to is None:
        return None
    parent, _ = messages.get_visible(session, viewer, reply_to)
    if parent.channel_id != channel.actor_id or parent.deleted_at is not None:
        raise NotFoundError(messages.NO_SUCH_MESSAGE)
    return parent.uri, get_by_id(session, parent.author_id)


def _current_note(session: Session, message: Message) -> dict[str, Any]:
    """The message's document as its home shows it: the same audience for what edits or deletes it."""
    content = messages.open_content(session, message)
    if content is None:
        raise NotFoundError(messages.NO_SUCH_MESSAGE)
    group = get_by_id(session, message.channel_id) if message.channel_id else None
    people = messages.list_participants(session, message.conversation_id) if message.conversation_id else []
    author = get_by_id(session, message.author_id)
    return note_document(message, author, content, group=group, people=people)


def _named(viewer: Viewer, actors: Iterable[Actor], *, is_private: bool) -> dict[str, str]:
    """Handles by URI, for Mention tags. Where not everybody reads along, only our own server is told of its people."""
    return {
        actor.uri: handle(actor)
        for actor in actors
        if actor.id != viewer.actor_id and (actor.is_local or not is_private)
    }


def _with_mentions(document: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, Any]:
    """The tags, and in public the audience, with those that an edit mentions for the first time."""
    known = {tag["href"] for tag in document["tag"]}
    added = {uri: name for uri, name in named.items() if uri not in known}
    cc = [*document["cc"], *(uri for uri in added if uri not in document["to"])] if document["cc"] else []
    return {
        "cc": list(dict.fromkeys(cc)),
        "tag": [*document["tag"], *({"type": "Mention", "href": uri, "name": name} for uri, name in added.items())],
    }


def _without_former_members(document: Mapping[str, Any], members: Collection[str]) -> dict[str, Any]:
    """The audience of a private channel's message: whoever was put out since is not told what it says now."""
    stay = {*members, *document["audience"]}
    return {
        "to": [uri for uri in document["to"] if uri in stay],
        "cc": [uri for uri in document["cc"] if uri in stay],
        "tag": [tag for tag in document["tag"] if tag["href"] in stay or Uris(current().origin).is_local(tag["href"])],
    }


def _concerned(session: Session, message: Message) -> list[str]:
    """Whom a reaction is told: the author, and the channel or the others in the conversation."""
    concerned = [get_by_id(session, message.author_id).uri]
    if message.channel_id:
        group = get_by_id(session, message.channel_id)
        concerned += [group.uri]
        if message.audience == "public":
            concerned.append(PUBLIC)
    elif message.conversation_id:
        concerned += [person.uri for person in messages.list_participants(session, message.conversation_id)]
    return list(dict.fromkeys(concerned))
