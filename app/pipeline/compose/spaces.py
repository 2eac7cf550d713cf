"""Compose what becomes of spaces, of what is in them, and of who is.

What is set goes to `submit` as `private`, by the names of the columns: to other servers it is told as documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from activitypub import build
from activitypub.documents import Activity
from app.db import reading
from app.errors import NotFoundError
from app.ids import new_id
from app.models import Actor
from app.queries.actors import get_by_id
from app.queries.blocks import find_block
from app.queries.viewers import Viewer
from app.settings import current
from app.uris import Uris

Composed = tuple[Activity, Mapping[str, Any]]


def space(viewer: Viewer, values: Mapping[str, Any]) -> Composed:
    uri = _uris().space(new_id("space"))
    group = _group(uri, values["name"])
    return build.create(actor=viewer.uri, object=group, to=[]), {"values": dict(values)}


def space_update(viewer: Viewer, space_id: str, values: Mapping[str, Any]) -> Composed:
    return _update(viewer, _uris().space(space_id), "Group", values)


def space_deletion(viewer: Viewer, space_id: str) -> Activity:
    return _deletion(viewer, _uris().space(space_id), "Group")


def space_channel(viewer: Viewer, space_id: str, values: Mapping[str, Any]) -> Composed:
    uri = _uris().channel(new_id("channel"))
    group = _group(uri, values["name"]) | {"attributedTo": _uris().space(space_id), "channelType": values["type"]}
    return build.create(actor=viewer.uri, object=group, to=[]), {"space_id": space_id, "values": dict(values)}


def space_channel_update(viewer: Viewer, channel_id: str, values: Mapping[str, Any]) -> Composed:
    return _update(viewer, _uris().channel(channel_id), "Group", values)


def space_channel_deletion(viewer: Viewer, channel_id: str) -> Activity:
    return _deletion(viewer, _uris().channel(channel_id), "Group")


def space_role(viewer: Viewer, space_id: str, values: Mapping[str, Any]) -> Composed:
    document = {"id": _uris().role(new_id("role")), "type": "Collection", "name": values["name"]}
    return build.create(actor=viewer.uri, object=document, to=[]), {"space_id": space_id, "values": dict(values)}


def space_role_update(viewer: Viewer, role_id: str, values: Mapping[str, Any]) -> Composed:
    return _update(viewer, _uris().role(role_id), "Collection", values)


def space_role_deletion(viewer: Viewer, role_id: str) -> Activity:
    return _deletion(viewer, _uris().role(role_id), "Collection")


def invite(viewer: Viewer, space_id: str, name: str) -> Composed:
    """The invite's id is the activity's own, beside (`id_beside`)."""
    activity = build.invite(actor=viewer.uri, object=_uris().space(space_id))
    return activity, {"space_id": space_id, "name": name}


def invite_update(viewer: Viewer, invite_id: str, name: str) -> Composed:
    activity, _ = _update(viewer, _uris().invite(invite_id), "Object", {})
    return activity, {"name": name}


def invite_deletion(viewer: Viewer, invite_id: str) -> Activity:
    return _deletion(viewer, _uris().invite(invite_id), "Invite")


def emoji(viewer: Viewer, values: Mapping[str, Any]) -> Composed:
    document = {
        "id": _uris().emoji(new_id("emoji")),
        "type": "Emoji",
        "name": f":{values['shortcode']}:",
        "icon": {"type": "Image", "url": values["image_url"]},
    }
    return build.create(actor=viewer.uri, object=document, to=[]), {"values": dict(values)}


def emoji_update(viewer: Viewer, emoji_id: str, values: Mapping[str, Any]) -> Composed:
    return _update(viewer, _uris().emoji(emoji_id), "Emoji", values)


def emoji_deletion(viewer: Viewer, emoji_id: str) -> Activity:
    return _deletion(viewer, _uris().emoji(emoji_id), "Emoji")


def joining(viewer: Viewer, space_id: str, *, invite_id: str | None) -> Composed:
    activity = build.join(actor=viewer.uri, object=_uris().space(space_id))
    return activity, {} if invite_id is None else {"invite_id": invite_id}


def leaving(viewer: Viewer, space_id: str) -> Activity:
    return build.leave(actor=viewer.uri, object=_uris().space(space_id))


def member_update(viewer: Viewer, member_id: str, values: Mapping[str, Any]) -> Composed:
    return _update(viewer, _uris().member(member_id), "Object", values)


def role_given(viewer: Viewer, person: Actor, role_id: str) -> Activity:
    return build.add(actor=viewer.uri, object=person.uri, target=_uris().role(role_id), to=[])


def role_taken(viewer: Viewer, person: Actor, role_id: str) -> Activity:
    return build.remove(actor=viewer.uri, object=person.uri, target=_uris().role(role_id), to=[])


def space_kick(viewer: Viewer, space_id: str, person: Actor) -> Activity:
    uri = _uris().space(space_id)
    return build.remove(actor=viewer.uri, object=person.uri, target=f"{uri}/followers", to=[uri, person.uri])


def space_ban(viewer: Viewer, space_id: str, person: Actor) -> Activity:
    uri = _uris().space(space_id)
    return build.block(actor=viewer.uri, object=person.uri, target=uri, to=[uri, person.uri])


def space_ban_lifted(viewer: Viewer, space_id: str, person: Actor) -> Activity:
    """Raises NotFoundError for who is not banned."""
    uri = _uris().space(space_id)
    with reading() as session:
        known = find_block(session, by=None, actor_id=person.id, space_id=space_id)
        by = get_by_id(session, known.actor_id) if known else None
    if known is None or by is None:
        raise NotFoundError("This account is not banned.")
    block = build.block(actor=by.uri, object=person.uri, target=uri, to=[uri, person.uri])
    return build.undo(actor=viewer.uri, object=build.with_id(block, known.activity_uri))


def _uris() -> Uris:
    return Uris(current().origin)


def _group(uri: str, name: str) -> dict[str, Any]:
    username = uri.rpartition("/")[2]
    return {"id": uri, "type": "Group", "preferredUsername": username, "name": name, "inbox": f"{uri}/inbox"}


def _update(viewer: Viewer, uri: str, type_: str, values: Mapping[str, Any]) -> Composed:
    document: dict[str, Any] = {"id": uri, "type": type_}
    if type_ == "Group":
        document = _group(uri, str(values.get("name") or "?"))
    return build.update(actor=viewer.uri, object=document, to=[]), {"values": dict(values)}


def _deletion(viewer: Viewer, uri: str, former_type: str) -> Activity:
    tombstone = build.tombstone(id=uri, former_type=former_type, deleted=datetime.now(UTC))
    return build.delete(actor=viewer.uri, object=tombstone, to=[])
