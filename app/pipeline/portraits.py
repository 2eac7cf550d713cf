"""Composing new pictures: a person, or this server, with another avatar or banner."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from activitypub import build
from activitypub.documents import Activity
from activitypub.times import write_time
from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.ids import INSTANCE_ID
from app.models import Actor
from app.queries.actors import get_by_id, list_keys
from app.queries.channels import get_home_space
from app.queries.documents import actor_document
from app.queries.files import storage_url
from app.queries.viewers import Viewer
from app.settings import current
from app.uris import Uris

Kind = Literal["avatar", "banner"]

# What the vocabulary calls them (activitystreams-vocabulary, 4: icon, image).
_PROPERTY = {"avatar": "icon", "banner": "image"}


def portrait(viewer: Viewer, kind: Kind, *, digest: str, media_type: str) -> Activity:
    """The viewer with another picture, which is public in the store."""
    with reading() as session:
        actor = get_by_id(session, viewer.actor_id)
        document = _with_picture(session, actor, kind, digest, media_type)
    return build.update(actor=viewer.uri, object=document, to=[PUBLIC], cc=[actor.followers or ""])


def server_portrait(viewer: Viewer, kind: Kind, *, digest: str, media_type: str) -> Activity:
    with reading() as session:
        document = _with_picture(session, get_by_id(session, INSTANCE_ID), kind, digest, media_type)
        home = get_by_id(session, get_home_space(session).actor_id)
    return build.update(actor=viewer.uri, object=document, to=[PUBLIC], cc=[home.followers or ""])


def _with_picture(session: Session, actor: Actor, kind: Kind, digest: str, media_type: str) -> dict[str, Any]:
    uris = Uris(current().origin)
    document = actor_document(uris, actor, list_keys(session, actor.id), None)
    del document["@context"]
    return document | {
        _PROPERTY[kind]: {"type": "Image", "mediaType": media_type, "url": storage_url(uris, digest)},
        "updated": write_time(datetime.now(UTC)),
    }
