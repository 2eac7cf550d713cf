"""Actors: people, channels, spaces and the instance."""

from __future__ import annotations

from flask import Blueprint, Response

from app.actions.keys import RSA, make_keys
from app.db import reading
from app.facades.federation.answers import NO_ACTOR, document, keep_apart, missing
from app.facades.federation.opening import ACTOR_PATH, open_actor
from app.ids import INSTANCE_ID
from app.queries.actors import list_keys
from app.queries.documents import actor_document, tombstone_document
from app.queries.published import OwnActor, find_own_actor
from app.settings import current
from app.uris import Uris

blueprint = Blueprint("actors", __name__)
blueprint.after_request(keep_apart)
# By itself, because it is served where ActivityPub is off, too: Punctum's requests are signed with its key.
instance_blueprint = Blueprint("instance", __name__)
instance_blueprint.after_request(keep_apart)


@instance_blueprint.get("/ap/instance")
def get_instance() -> Response:
    """Public always: whoever we ask for something asks for this, to know who asks."""
    with reading() as session:
        instance = find_own_actor(session, INSTANCE_ID)
    if instance is None:
        raise missing(NO_ACTOR)
    return _answer(instance, is_public=True)


@blueprint.get(ACTOR_PATH)
def get_actor(kind: str, id: str) -> Response:
    """410 and a Tombstone once deleted (activitypub, section 6.4)."""
    opened = open_actor(kind, id)
    actor = opened.found.actor
    if actor.deleted_at is not None:
        gone = tombstone_document(actor.uri, actor.type, actor.deleted_at)
        return document(gone, status=410, is_public=opened.is_public)
    return _answer(opened.found, is_public=opened.is_public)


def _answer(own: OwnActor, *, is_public: bool) -> Response:
    """An actor without publicKey is nobody to most servers, so the key is made now if no worker came to it yet."""
    with reading() as session:
        keys = list_keys(session, own.actor.id)
    if all(key.kind != RSA for key in keys):
        make_keys(own.actor.id)
        with reading() as session:
            keys = list_keys(session, own.actor.id)
    return document(actor_document(Uris(current().origin), own.actor, keys, own.channel), is_public=is_public)
