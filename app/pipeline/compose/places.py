"""Compose what becomes of channels, and who is in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from activitypub import build
from activitypub.documents import Activity
from app.db import reading
from app.errors import ConflictError, InvalidInputError, NotFoundError
from app.ids import new_id
from app.models import Actor
from app.queries.activities import find_by_uri
from app.queries.actors import find_follow, list_keys
from app.queries.channels import get_visible
from app.queries.documents import actor_document
from app.queries.viewers import Viewer
from app.settings import current
from app.uris import Uris


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
    """The activity, and what `submit` is to be given as `private`. Raises InvalidInputError for no name."""
    id_ = new_id("channel")
    uri = Uris(current().origin).channel(id_)
    group = {
        "id": uri,
        "type": "Group",
        "preferredUsername": id_,  # Its handle is made with its row; here only something that may be one.
        "name": name,
        "inbox": f"{uri}/inbox",
        "channelType": type,
    }
    if not name.strip():
        raise InvalidInputError("A channel needs a name.")
    activity = build.create(actor=viewer.uri, object=group, to=[])
    return activity, {"channel_type": type, "is_private": is_private}


def channel_update(viewer: Viewer, channel_id: str, name: str) -> Activity:
    """A channel under another name.

    Raises NotFoundError, InvalidInputError for no name, ConflictError for another server's.
    """
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


def pin(viewer: Viewer, channel_id: str, message_id: str, *, is_pinned: bool) -> Activity:
    """A message among the channel's featured ones, or no longer."""
    with reading() as session:
        _, group = get_visible(session, viewer, channel_id)
    uri = Uris(current().origin).message(message_id)
    build_it = build.add if is_pinned else build.remove
    return build_it(actor=viewer.uri, object=uri, target=f"{group.uri}/featured", to=[group.uri])
