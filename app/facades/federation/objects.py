"""Messages and activities by their URIs."""

from __future__ import annotations

from flask import Blueprint, Response

from app.db import reading
from app.errors import NotFoundError
from app.facades.federation.answers import document, missing, raw_document
from app.facades.federation.signed import asking_viewer
from app.queries.activities import find_by_id as find_activity
from app.queries.activities import find_document
from app.queries.actors import find_by_id
from app.queries.documents import filter_visible, note_document, tombstone_document
from app.queries.messages import get_visible, list_participants, open_content
from app.settings import current
from app.uris import Uris

objects = Blueprint("objects", __name__)


@objects.get("/ap/messages/<id>")
def get_message(id: str) -> Response:
    """The message as it is now; 410 and its Tombstone once deleted (activitypub, section 6.4)."""
    uris = Uris(current().origin)
    is_public = True
    with reading() as session:
        try:
            message, channel = get_visible(session, None, id)
        except NotFoundError:
            is_public = False
    if not is_public:
        viewer = asking_viewer()
        if viewer is None:
            raise missing()
        with reading() as session:
            message, channel = get_visible(session, viewer, id)
    if not uris.is_local(message.uri):
        raise missing()
    if message.deleted_at is not None:
        gone = tombstone_document(message.uri, "Note", message.deleted_at)
        return document(gone, status=410, is_public=is_public)
    with reading() as session:
        author = find_by_id(session, message.author_id)
        content = open_content(session, message)
        group = find_by_id(session, channel.actor_id) if channel else None
        people = list_participants(session, message.conversation_id) if message.conversation_id else []
    if author is None or content is None:
        raise missing()
    return document(note_document(message, author, content, group=group, people=people), is_public=is_public)


@objects.get("/ap/activities/<id>")
def get_activity(id: str) -> Response:
    """A recorded activity, byte for byte; 410 where its document was erased with the message it carried."""
    with reading() as session:
        activity = find_activity(session, id)
    if activity is None or not Uris(current().origin).is_local(activity.uri):
        raise missing()
    is_public = activity.audience == "public"
    if not is_public:
        viewer = asking_viewer()
        with reading() as session:
            if viewer is None or not filter_visible(session, viewer, [activity]):
                raise missing()
    with reading() as session:
        body = find_document(session, id)
    if body is None:
        gone = tombstone_document(activity.uri, activity.type, activity.recorded_at)
        return document(gone, status=410, is_public=is_public)
    return raw_document(body, is_public=is_public)
