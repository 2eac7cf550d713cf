"""Our own things as the documents other servers read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from activitypub import build
from activitypub.keys import public_key_from_multikey, public_key_to_pem
from activitypub.vocabulary import OBJECT_CONTEXT, PUBLIC
from app.ids import INSTANCE_ID
from app.models import Activity, Actor, ActorKey, Channel, Message, Pin
from app.queries.messages import Content
from app.queries.viewers import Viewer
from app.queries.visibility import Place, may_see, place_of_channel
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
            attributed_to=uris.space(channel.space_id) if channel and channel.space_id else None,
            channel_type=channel.type if channel else None,
        )
    )


def note_document(
    message: Message, author: Actor, content: Content, *, group: Actor | None, people: Sequence[Actor]
) -> Document:
    """A message of one of our people as its home shows it now. `people` are those of a conversation."""
    if group is None:
        to, cc = [person.uri for person in people if person.id != author.id], []
    elif message.audience == "public":
        to, cc = [group.uri, PUBLIC], [group.followers or ""]
    else:
        to, cc = [group.uri], []
    others = [uri for uri in content.mentions if uri not in to]
    return {
        "@context": OBJECT_CONTEXT,
        **build.note(
            id=message.uri,
            author=author.uri,
            content=content.html,
            source=content.text,
            published=message.published_at,
            to=to,
            cc=[*cc, *others],
            audience=[group.uri] if group else [],
            context=f"{group.uri}/messages" if group and group.is_local else None,
            conversation=message.conversation_id,
            in_reply_to=message.in_reply_to,
            mentions=content.mentions,
            updated=message.edited_at,
        ),
    }


def tombstone_document(uri: str, former_type: str, deleted_at: Any) -> Document:
    return {
        "@context": OBJECT_CONTEXT,
        **build.tombstone(id=uri, former_type=former_type, deleted=deleted_at),
    }


def list_outbox(
    session: Session, actor: Actor, viewer: Viewer | None, *, page: int, size: int
) -> tuple[list[Activity], bool]:
    """(a page of the actor's activities that the viewer may see, newest first; whether there are more).

    A page may hold fewer than `size`, because what is hidden is left out of it, and still have a next one.
    """
    query = (
        select(Activity)
        .where(Activity.actor_id == actor.id, Activity.undone_at.is_(None))
        .order_by(Activity.position.desc())
        .limit(size + 1)
        .offset((page - 1) * size)
    )
    if viewer is None:
        query = query.where(Activity.audience == "public")
    rows = list(session.scalars(query))
    return filter_visible(session, viewer, rows[:size]), len(rows) > size


def filter_visible(session: Session, viewer: Viewer | None, rows: Sequence[Activity]) -> list[Activity]:
    """Those the viewer may see; one question for each channel or conversation among them."""
    places = _places(session, [row for row in rows if row.audience in {"members", "direct"}])
    answers = {place: may_see(session, viewer, place) for place in set(places.values())}
    return [
        row
        for row in rows
        if row.audience == "public" or answers.get(places.get(row.id, Place()), False) or _is_party(row, viewer)
    ]


def list_pinned(session: Session, channel_id: str, *, limit: int) -> list[str]:
    return list(
        session.scalars(
            select(Pin.object_uri).where(Pin.channel_id == channel_id).order_by(Pin.created_at).limit(limit)
        )
    )


def _is_party(row: Activity, viewer: Viewer | None) -> bool:
    """A follow, its answer, a block: for the two it is between, and for the server that asks for one of them."""
    if viewer is None or row.audience != "private":
        return False
    named = [uri for uri in (row.object_uri, row.target_uri) if uri]
    if viewer.is_instance and viewer.host is not None:
        return any(uri.startswith(f"https://{viewer.host}/") for uri in named)
    return viewer.uri in named


def _places(session: Session, rows: Sequence[Activity]) -> Mapping[str, Place]:
    """The place of each activity about a message, by the activity's id."""
    by_uri = {row.object_uri: row.id for row in rows if row.object_uri}
    if not by_uri:
        return {}
    found = session.execute(
        select(Message.uri, Message.conversation_id, Message.audience, Channel)
        .outerjoin(Channel, Channel.actor_id == Message.channel_id)
        .where(Message.uri.in_(by_uri))
    )
    places: dict[str, Place] = {}
    for uri, conversation_id, audience, channel in found:
        place = Place(conversation_id=conversation_id)
        if channel is not None:
            base = place_of_channel(channel)
            place = Place(
                channel_id=base.channel_id,
                space_id=base.space_id,
                is_private=base.is_private,
                is_public_message=audience == "public",
            )
        places[by_uri[uri]] = place
    return places
