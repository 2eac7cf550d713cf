"""Documents we send, made from plain values: every field that real peers ask for (contracts/peers.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from activitypub.attachments import Attachment
from activitypub.documents import Activity, parse_activity
from activitypub.embeds import Embed, write_embed
from activitypub.times import write_time
from activitypub.vocabulary import ACTOR_CONTEXT, OBJECT_CONTEXT, RFC9421

Document = dict[str, Any]


class Person(msgspec.Struct, frozen=True):
    """What an actor document of ours is made of. Keys are (id, encoded) pairs; without RSA key no publicKey."""

    uri: str
    type: str
    username: str
    name: str
    summary: str
    url: str
    published: datetime
    shared_inbox: str
    manually_approves: bool
    discoverable: bool
    rsa_key: tuple[str, str] | None
    ed25519_key: tuple[str, str] | None
    has_collections: bool = True
    icon_url: str | None = None
    image_url: str | None = None
    attributed_to: str | None = None
    channel_type: str | None = None


def actor(person: Person) -> Document:
    """An actor document. An Application has neither followers nor a featured collection."""
    document: Document = {
        "@context": ACTOR_CONTEXT,
        "id": person.uri,
        "type": person.type,
        "preferredUsername": person.username,
        "name": person.name,
        "summary": person.summary,
        "url": person.url,
        "published": write_time(person.published),
        "inbox": f"{person.uri}/inbox",
        "outbox": f"{person.uri}/outbox",
        "endpoints": {"sharedInbox": person.shared_inbox},
        "manuallyApprovesFollowers": person.manually_approves,
        "discoverable": person.discoverable,
        "indexable": False,
        "attachment": [],
        "alsoKnownAs": [],
        "generator": {
            "type": "Application",
            "name": "Shoal",
            "implements": [{"href": RFC9421, "name": "RFC-9421: HTTP Message Signatures"}],
        },
    }
    if person.has_collections:
        document |= {name: f"{person.uri}/{name}" for name in ("followers", "following", "featured")}
    if person.rsa_key:
        key_id, pem = person.rsa_key
        document["publicKey"] = {"id": key_id, "owner": person.uri, "publicKeyPem": pem}
    if person.ed25519_key:
        key_id, multibase = person.ed25519_key
        document["assertionMethod"] = [
            {"id": key_id, "type": "Multikey", "controller": person.uri, "publicKeyMultibase": multibase}
        ]
    if person.icon_url:
        document["icon"] = {"type": "Image", "url": person.icon_url}
    if person.image_url:
        document["image"] = {"type": "Image", "url": person.image_url}
    if person.attributed_to:
        document["attributedTo"] = person.attributed_to
    if person.channel_type:
        document["channelType"] = person.channel_type
    return document


def note(
    *,
    id: str,
    author: str,
    content: str,
    source: str,
    published: datetime,
    to: Sequence[str],
    cc: Sequence[str] = (),
    audience: Sequence[str] = (),
    context: str | None = None,
    conversation: str | None = None,
    in_reply_to: str | None = None,
    mentions: Mapping[str, str] | None = None,
    attachments: Sequence[Attachment] = (),
    embeds: Sequence[Embed] = (),
    updated: datetime | None = None,
) -> Document:
    """A Note. `mentions` maps each mentioned actor's URI to its handle, written with its first @."""
    document: Document = {
        "id": id,
        "type": "Note",
        "attributedTo": author,
        "content": content,
        "source": {"content": source, "mediaType": "text/plain"},
        "published": write_time(published),
        "to": list(to),
        "cc": list(cc),
        "tag": [{"type": "Mention", "href": uri, "name": handle} for uri, handle in (mentions or {}).items()],
        "attachment": carried(attachments, embeds),
        "sensitive": False,
        "url": id,
    }
    optional = {
        "audience": list(audience) or None,
        "context": context,
        "conversation": conversation,
        "inReplyTo": in_reply_to,
        "updated": write_time(updated) if updated else None,
    }
    return document | {name: value for name, value in optional.items() if value is not None}


def carried(attachments: Sequence[Attachment], embeds: Sequence[Embed]) -> list[Document]:
    """What a Note has attached."""
    return [*map(attachment, attachments), *map(write_embed, embeds)]


def attachment(attached: Attachment) -> Document:
    """A Document, which every server takes, whatever is in it."""
    optional = {
        "mediaType": attached.media_type,
        "name": attached.name,
        "size": attached.size,
        "width": attached.width,
        "height": attached.height,
        "blurhash": attached.blurhash,
    }
    known = {name: value for name, value in optional.items() if value not in (None, "")}
    return {"type": "Document", "url": attached.url, **known}


def create(*, actor: str, object: Document, to: Sequence[str] | None = None) -> Activity:
    """A Create addressed like its object, or to `to` where the object names nobody (activitypub, section 6.2)."""
    fields = {"to": object.get("to", []), "cc": object.get("cc", [])} if to is None else {"to": list(to), "cc": []}
    if "audience" in object:
        fields["audience"] = object["audience"]
    return _activity("Create", actor, object, published=object.get("published"), **fields)


def update(*, actor: str, object: Document, to: Sequence[str], cc: Sequence[str] = ()) -> Activity:
    return _activity("Update", actor, object, to=list(to), cc=list(cc))


def delete(*, actor: str, object: Document, to: Sequence[str], cc: Sequence[str] = ()) -> Activity:
    return _activity("Delete", actor, object, to=list(to), cc=list(cc))


def tombstone(*, id: str, former_type: str, deleted: datetime) -> Document:
    return {"id": id, "type": "Tombstone", "formerType": former_type, "deleted": write_time(deleted)}


def follow(*, actor: str, object: str) -> Activity:
    return _activity("Follow", actor, object, to=[object])


def join(*, actor: str, object: str) -> Activity:
    return _activity("Join", actor, object, to=[object])


def leave(*, actor: str, object: str, to: Sequence[str] | None = None) -> Activity:
    """Told to what is left, or to `to`."""
    return _activity("Leave", actor, object, to=[object] if to is None else list(to))


def invite(*, actor: str, object: str) -> Activity:
    return _activity("Invite", actor, object, to=[object])


def accept(*, actor: str, object: Activity) -> Activity:
    """The Follow is named with id, type, actor and object as strings: some peers fail on a bare id, some on more."""
    return _activity("Accept", actor, _pointer(object), to=[object.actor])


def reject(*, actor: str, object: Activity) -> Activity:
    return _activity("Reject", actor, _pointer(object), to=[object.actor])


def undo(*, actor: str, object: Activity) -> Activity:
    return _activity("Undo", actor, _pointer(object), to=list(object.addressed.to), cc=list(object.addressed.cc))


def like(*, actor: str, object: str, to: Sequence[str], content: str | None = None) -> Activity:
    extra = {"content": content} if content else {}
    return _activity("Like", actor, object, to=list(to), **extra)


def announce(
    *, actor: str, object: str | Mapping[str, Any], published: datetime, to: Sequence[str], cc: Sequence[str] = ()
) -> Activity:
    """A share of a note's URI, or of a whole activity with its proof (FEP-1b12)."""
    embedded = object if isinstance(object, str) else {k: v for k, v in object.items() if k != "@context"}
    # The proof of an embedded activity was made over its own context, so that stays where there is a proof.
    if not isinstance(object, str) and "proof" in object:
        embedded = dict(object)
    return _activity("Announce", actor, embedded, published=write_time(published), to=list(to), cc=list(cc))


def block(*, actor: str, object: str, target: str | None = None, to: Sequence[str] = ()) -> Activity:
    return _activity("Block", actor, object, to=list(to), **({"target": target} if target else {}))


def flag(*, actor: str, objects: Sequence[str], content: str, to: Sequence[str] = ()) -> Activity:
    """A report: the first of `objects` is whom it is about, the others what they did (contracts/peers.md, 9)."""
    return _activity("Flag", actor, list(objects), to=list(to), content=content)


def add(*, actor: str, object: str, target: str, to: Sequence[str]) -> Activity:
    return _activity("Add", actor, object, target=target, to=list(to))


def remove(*, actor: str, object: str, target: str, to: Sequence[str]) -> Activity:
    return _activity("Remove", actor, object, target=target, to=list(to))


def with_id(activity: Activity, id: str) -> Activity:
    """The activity under another id, which its document says right after its context."""
    document = {"@context": activity.document["@context"], "id": id}
    document |= {name: value for name, value in activity.document.items() if name not in document}
    return replace(activity, id=id, document=document)


def _pointer(activity: Activity) -> Document:
    pointer = {"id": activity.id, "type": activity.type, "actor": activity.actor, "object": activity.object_id}
    return {name: value for name, value in pointer.items() if value is not None}


def _activity(type: str, actor: str, object: str | Sequence[str] | Mapping[str, Any], **fields: Any) -> Activity:
    document = {"@context": OBJECT_CONTEXT, "type": type, "actor": actor, "object": object}
    document |= {name: value for name, value in fields.items() if value is not None}
    return parse_activity(document)
