"""Messages and activities by their URIs."""

from __future__ import annotations

from flask import Blueprint, Response

from app.facades.federation.answers import document, keep_apart, recorded_document
from app.facades.federation.opening import open_activity, open_message
from app.queries.documents import tombstone_document

blueprint = Blueprint("objects", __name__)
blueprint.after_request(keep_apart)


@blueprint.get("/ap/messages/<id>")
def get_message(id: str) -> Response:
    """The message as it is now; 410 and its Tombstone once deleted (activitypub, section 6.4)."""
    opened = open_message(id)
    message = opened.found
    if message.document is None:
        gone = tombstone_document(message.uri, "Note", message.gone_at)
        return document(gone, status=410, is_public=opened.is_public)
    return document(message.document, is_public=opened.is_public)


@blueprint.get("/ap/activities/<id>")
def get_activity(id: str) -> Response:
    """A recorded activity, byte for byte; 410 where it was erased with the message it carried, or taken back."""
    opened = open_activity(id)
    activity = opened.found
    if activity.document is None:
        gone = tombstone_document(activity.uri, activity.type, activity.gone_at)
        return document(gone, status=410, is_public=opened.is_public)
    return recorded_document(activity.document, uri=activity.uri, type=activity.type, is_public=opened.is_public)
