"""Compose what people say, and what they do to what was said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import EllipsisType
from typing import Any, TypedDict, Unpack

from sqlalchemy.orm import Session

from activitypub import build, html
from activitypub.attachments import Attachment
from activitypub.documents import Activity
from activitypub.times import write_time
from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.errors import InvalidInputError, NotFoundError
from app.ids import new_id
from app.models import Actor, Message
from app.queries import messages
from app.queries.actors import find_by_id, get_by_id, list_by_handles
from app.queries.channels import get_visible, list_remote_members
from app.queries.conversations import list_participants, read_talk
from app.queries.documents import handle, note_document
from app.queries.embeds import tell_embeds
from app.queries.files import StoredFile, as_attachments, without_key
from app.queries.placement import conversation_id
from app.queries.reactions import find_own
from app.queries.viewers import Viewer
from app.queries.visibility import may_actor_see
from app.settings import current
from app.uris import Uris


class More(TypedDict, total=False):
    """What a direct message carries besides its text; `reply_to` is a message of the same conversation."""

    reply_to: str | None
    files: Sequence[StoredFile]
    links: Sequence[Attachment]
    embeds: Sequence[Any]


def channel_message(
    viewer: Viewer,
    channel_id: str,
    text: str,
    *,
    reply_to: str | None = None,
    files: Sequence[StoredFile] = (),
    links: Sequence[Attachment] = (),
    embeds: Sequence[Any] = (),
) -> Activity:
    """A message in a channel: for everybody in a public one, for its members in a private one.

    `embeds` reach the effect as `private`, and are enough of a message.
    """
    _check_text(text, [*files, *links, *embeds])
    with reading() as session:
        channel, group = get_visible(session, viewer, channel_id, with_viewer=True)
        mentions = _mentioned(session, text)
        members = list_remote_members(session, channel_id) if channel.is_private and group.is_local else []
        parent = _parent(session, viewer, reply_to, channel_id)
    # Whoever is named in a private channel, or wrote what is replied to, hears of it as a member or not at all.
    replied_to = [parent[1]] if parent and not channel.is_private else []
    told = members if channel.is_private else [*replied_to, *mentions.values()]
    people = {actor.uri: handle(actor) for actor in told if actor.id != viewer.actor_id}
    if channel.is_private:
        to, cc = [group.uri, *people], []
    else:
        to, cc = [group.uri, PUBLIC, *(actor.uri for actor in replied_to)], [group.followers or "", *people]
    named = _named(viewer, [*mentions.values(), *([parent[1]] if parent else [])], is_private=channel.is_private)
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
        attachments=[
            *as_attachments(files, is_for_everybody=group.is_local and not channel.is_private),
            *links,
        ],
        embeds=embeds,
    )


def direct_message(viewer: Viewer, people: Sequence[Actor], text: str, **more: Unpack[More]) -> Activity:
    """To exactly these people, in the conversation that follows from who they are."""
    others = {person.uri: handle(person) for person in people if person.id != viewer.actor_id}
    place_id = conversation_id([viewer.uri, *others])
    return _direct(viewer, others, text, place_id=place_id, conversation=place_id, **more)


def conversation_message(viewer: Viewer, place_id: str, text: str, **more: Unpack[More]) -> Activity:
    """To everybody who is in the conversation as this is composed. Raises NotFoundError for who is not in it."""
    with reading() as session:
        people, context, thread = read_talk(session, place_id)
    if viewer.actor_id not in {person.id for person in people}:
        raise NotFoundError("There is no such conversation.")
    others = {person.uri: handle(person) for person in people if person.id != viewer.actor_id}
    named = context or thread or place_id
    return _direct(viewer, others, text, place_id=place_id, context=context, conversation=named, **more)


def _direct(
    viewer: Viewer,
    others: Mapping[str, str],
    text: str,
    *,
    place_id: str,
    conversation: str,
    context: str | None = None,
    reply_to: str | None = None,
    files: Sequence[StoredFile] = (),
    links: Sequence[Attachment] = (),
    embeds: Sequence[Any] = (),
) -> Activity:
    """Each with a Mention: without it GoToSocial drops a direct message."""
    _check_text(text, [*files, *links, *embeds])
    if not others:
        raise InvalidInputError("A direct message needs somebody else to read it.")
    with reading() as session:
        mentions = _mentioned(session, text)
        parent = _parent(session, viewer, reply_to, place_id)
    return _create(
        viewer,
        text,
        mentions,
        to=list(others),
        context=context,
        conversation=conversation,
        in_reply_to=parent[0] if parent else None,
        tags=others,
        attachments=[*as_attachments(files, is_for_everybody=False), *links],
        embeds=embeds,
    )


def edit(
    viewer: Viewer,
    message_id: str,
    text: str | None,
    *,
    links: Sequence[Attachment] | None = None,
    embeds: Sequence[Any] | None = None,
    reply_to: str | EllipsisType | None = ...,
) -> Activity:
    """None leaves the text, what is attached or the embeds as they are, and `...` what it replies to.

    Dated after the edit before it, whatever the clock says by now: servers pass over what is older.
    """
    now = datetime.now(UTC)
    with reading() as session:
        message, channel = messages.get_visible(session, viewer, message_id)
        if message.edited_at is not None:
            now = max(now, message.edited_at + timedelta(milliseconds=1))
        document = _current_note(session, message)
        if text is None:
            text = str(document["source"]["content"])
        if links is not None or embeds is not None:
            document["attachment"] = _attached_anew(session, message, links, embeds)
        if reply_to is not ...:
            parent = _parent(session, viewer, reply_to, messages.scope_of(message))
            document["inReplyTo"] = parent[0] if parent else None
        _check_text(text, document["attachment"])
        mentions = _mentioned(session, text)
        if channel is not None:  # In a conversation all are mentioned already.
            if channel.is_private and channel.space_id is not None:
                members = {member.uri for member in list_remote_members(session, channel.actor_id)}
                document |= _without_former_members(document, members)
            document |= _with_mentions(document, _named(viewer, mentions.values(), is_private=channel.is_private))
    note = {name: value for name, value in document.items() if name != "@context" and value is not None} | {
        "content": html.from_text(text, {name: actor.uri for name, actor in mentions.items()}),
        "source": {"content": text, "mediaType": "text/plain"},
        "updated": write_time(now),
    }
    return build.update(actor=viewer.uri, object=note, to=note["to"], cc=note["cc"])


def deletion(viewer: Viewer, message_id: str, *, place_id: str | None = None) -> Activity:
    """With the id of a channel or a conversation, the message must stand there.

    Raises NotFoundError, InsufficientScopeError for somebody else's in a session that is not for moderating.
    """
    with reading() as session:
        message, _ = messages.get_visible(session, viewer, message_id, to_remove=True)
        if message.author_id != viewer.actor_id:
            viewer.require_scope("message:moderate")
        if message.deleted_at is not None or place_id not in (None, messages.scope_of(message)):
            raise NotFoundError(messages.NO_SUCH_MESSAGE)
        document = _current_note(session, message)
    tombstone = build.tombstone(id=message.uri, former_type="Note", deleted=datetime.now(UTC))
    return build.delete(actor=viewer.uri, object=tombstone, to=document["to"], cc=document["cc"])


def reaction(viewer: Viewer, message_id: str, emoji: str | None) -> Activity:
    """Raises NotFoundError."""
    with reading() as session:
        message, _ = messages.get_visible(session, viewer, message_id)
        return build.like(actor=viewer.uri, object=message.uri, content=emoji, to=_concerned(session, message))


def reaction_taken_back(viewer: Viewer, message_id: str, emoji: str | None) -> Activity:
    """Raises NotFoundError, also where there is no such reaction."""
    with reading() as session:
        message, _ = messages.get_visible(session, viewer, message_id)
        own = find_own(session, message.id, viewer.actor_id, emoji)
        if own is None:
            raise NotFoundError("There is no such reaction of yours.")
        like = build.like(actor=viewer.uri, object=message.uri, content=emoji, to=_concerned(session, message))
    return build.undo(actor=viewer.uri, object=build.with_id(like, own.activity_uri))


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
    embeds: Sequence[Any] = (),
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
        embeds=tell_embeds(embeds),
    )
    return build.create(actor=viewer.uri, object=note)


def _check_text(text: str, attached: Sequence[Any]) -> None:
    if not (text.strip() or attached):
        raise InvalidInputError(messages.EMPTY)


def _mentioned(session: Session, text: str) -> dict[str, Actor]:
    """The actors that `text` mentions and that we know, by the handle as it was typed. No server is asked."""
    if "@" not in text:
        return {}
    return list_by_handles(session, html.handles_in(text), own_host=Uris(current().origin).host)


def _parent(session: Session, viewer: Viewer, reply_to: str | None, place_id: str) -> tuple[str, Actor] | None:
    """(URI of the message replied to, its author), for a living one of the same channel or conversation."""
    if reply_to is None:
        return None
    parent, _ = messages.get_visible(session, viewer, reply_to)
    if messages.scope_of(parent) != place_id or parent.deleted_at is not None:
        raise NotFoundError(messages.NO_SUCH_MESSAGE)
    return parent.uri, get_by_id(session, parent.author_id)


def _current_note(session: Session, message: Message) -> dict[str, Any]:
    """The message's document as its home shows it: the same audience for what edits or deletes it."""
    content = _content_of(session, message)
    group = get_by_id(session, message.channel_id) if message.channel_id else None
    return note_document(
        message,
        get_by_id(session, message.author_id),
        content,
        group=group,
        talk=read_talk(session, message.conversation_id),
    )


def _attached_anew(
    session: Session, message: Message, links: Sequence[Attachment] | None, embeds: Sequence[Any] | None
) -> list[dict[str, Any]]:
    """What a message carries after an edit. Who edits names what is there as it was shown: it stays what it was, with
    its size and its key."""
    content = _content_of(session, message)
    known = {without_key(one.url): one for one in content.attachments}
    linked = content.attachments if links is None else [known.get(link.url, link) for link in links]
    return build.carried(linked, tell_embeds(content.embeds if embeds is None else embeds))


def _content_of(session: Session, message: Message) -> messages.Content:
    """Raises NotFoundError for what was erased."""
    content = messages.open_content(session, message)
    if content is None:
        raise NotFoundError(messages.NO_SUCH_MESSAGE)
    return content


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
    """Whom a reaction is told: the author, and the channel or the others in the conversation.

    An author elsewhere who was put out of a place of ours since, or left it, is not told what goes on there.
    """
    author, group = get_by_id(session, message.author_id), find_by_id(session, message.channel_id or "")
    is_elsewhere = group is not None and not group.is_local
    concerned = [author.uri] if author.is_local or is_elsewhere or may_actor_see(session, author, message) else []
    if group is not None:
        concerned += [group.uri]
        if message.audience == "public":
            concerned.append(PUBLIC)
    elif message.conversation_id:
        concerned += [person.uri for person in list_participants(session, message.conversation_id)]
    return list(dict.fromkeys(concerned))
