"""Compose what becomes of groups of direct messages, and of who is in them.

Nothing of it is addressed to anybody elsewhere: over ActivityPub a group is whom its messages are addressed to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from activitypub import build
from activitypub.documents import Activity
from app.db import reading
from app.ids import new_id
from app.models import Actor
from app.pipeline.compose.spaces import Composed
from app.queries.actors import get_by_id, list_by_ids
from app.queries.viewers import Viewer
from app.settings import current
from app.uris import Uris


def group(viewer: Viewer, actor_ids: Sequence[str], values: Mapping[str, Any]) -> Composed:
    """Of the viewer and these others; `values` are its `name` and `icon_url`, as far as it has them."""
    with reading() as session:
        others = list_by_ids(session, actor_ids)
    uri = Uris(current().origin).conversation(new_id("dm"))
    items = [viewer.uri, *(person.uri for person in others)]
    document = _group(uri, values) | {"items": items}
    return build.create(actor=viewer.uri, object=document, to=[]), {"people": list(actor_ids), "values": dict(values)}


def group_update(viewer: Viewer, uri: str, values: Mapping[str, Any]) -> Composed:
    return build.update(actor=viewer.uri, object=_group(uri, values), to=[]), {"values": dict(values)}


def group_addition(viewer: Viewer, uri: str, actor_id: str) -> Composed:
    """Raises NotFoundError for who is nobody."""
    with reading() as session:
        person: Actor = get_by_id(session, actor_id)
    return build.add(actor=viewer.uri, object=person.uri, target=uri, to=[]), {"person_id": actor_id}


def group_leaving(viewer: Viewer, uri: str) -> Activity:
    return build.leave(actor=viewer.uri, object=uri, to=[])


def _group(uri: str, values: Mapping[str, Any]) -> dict[str, Any]:
    named = {"name": values.get("name"), "icon": {"type": "Image", "url": values.get("icon_url")}}
    if values.get("icon_url") is None:
        del named["icon"]
    return {"id": uri, "type": "Collection"} | {key: value for key, value in named.items() if value is not None}
