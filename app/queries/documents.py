"""Our own things as the documents other servers read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from activitypub import build
from activitypub.keys import public_key_from_multikey, public_key_to_pem
from activitypub.vocabulary import OBJECT_CONTEXT, PUBLIC
from app.ids import INSTANCE_ID
from app.models import Actor, ActorKey, Channel, Message
from app.queries.conversations import Talk
from app.queries.embeds import tell_embeds
from app.queries.messages import Content
from app.settings import current
from app.uris import Uris

Document = dict[str, Any]


def actor_document(uris: Uris, actor: Actor, keys: Sequence[ActorKey], channel: Channel | None) -> Document:
    """An actor of ours. Its RSA key must have been made (`actions.keys`)."""
    by_kind = {key.kind: key for key in keys}
    rsa, ed25519 = by_kind.get("rsa"), by_kind.get("ed25519")
    return build.actor(
        build.Person(
            uri=actor.uri,
            type=actor.type,
            username=actor.preferred_username,
            name=actor.name,
            summary=actor.summary,
            url=actor.url or actor.uri,
            published=actor.created_at,
            shared_inbox=uris.shared_inbox,
            manually_approves=actor.manually_approves,
            discoverable=actor.discoverable,
            rsa_key=(rsa.id, public_key_to_pem(public_key_from_multikey(rsa.public))) if rsa else None,
            ed25519_key=(ed25519.id, ed25519.public) if ed25519 else None,
            has_collections=actor.id != INSTANCE_ID,
            icon_url=actor.icon_url,
            image_url=actor.image_url,
            attributed_to=uris.space(channel.space_id) if channel and channel.space_id else None,
            channel_type=channel.type if channel else None,
        )
    )


def handle(actor: Actor) -> str:
    """`@user@host`, as a Mention tag is named."""
    return f"@{actor.preferred_username}@{actor.host or Uris(current().origin).host}"


def note_document(
    message: Message,
    author: Actor,
    content: Content,
    *,
    group: Actor | None,
    talk: Talk,
) -> Document:
    """A message of one of our people as its home shows it now, in a channel or a conversation."""
    people, context, thread = talk
    to, cc = _audience(message, author, content, group, people)
    return {
        "@context": OBJECT_CONTEXT,
        **build.note(
            id=message.uri,
            author=author.uri,
            content=content.html,
            source=content.text,
            published=message.published_at,
            to=to,
            cc=cc,
            audience=[group.uri] if group else [],
            context=f"{group.uri}/messages" if group and group.is_local else context,
            conversation=context or thread or message.conversation_id,
            in_reply_to=message.in_reply_to,
            mentions=_of_group(content.mentions, author, people) if context else content.mentions,
            attachments=content.attachments,
            embeds=tell_embeds(content.embeds),
            updated=message.edited_at,
        ),
    }


def tombstone_document(uri: str, former_type: str, deleted_at: datetime) -> Document:
    return {
        "@context": OBJECT_CONTEXT,
        **build.tombstone(id=uri, former_type=former_type, deleted=deleted_at),
    }


def _of_group(mentions: Mapping[str, str], author: Actor, people: Sequence[Actor]) -> dict[str, str]:
    """Whoever is in it now, those whom the message named when it was said by the same name."""
    return {person.uri: mentions.get(person.uri) or handle(person) for person in people if person.id != author.id}


def _audience(
    message: Message, author: Actor, content: Content, group: Actor | None, people: Sequence[Actor]
) -> tuple[list[str], list[str]]:
    """(to, cc) as it was sent: nobody is added who could not read it before, which whoever was added to a group can."""
    if group is None:
        return [person.uri for person in people if person.id != author.id], []
    mentioned = [uri for uri in content.mentions if uri != group.uri]
    if message.audience == "public":
        return [group.uri, PUBLIC], [group.followers or "", *mentioned]
    # A private channel's members elsewhere are addressed one by one; another server's channel addresses its own.
    return [group.uri, *(mentioned if group.is_local else ())], []
