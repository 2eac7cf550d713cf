"""What came of sending a message, the first time and when the same request comes again."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.db import reading
from app.errors import ConflictError
from app.pipeline import Outcome
from app.queries.messages import MessageView, find_by_uri, get_visible, view_message
from app.queries.viewers import Viewer


def get_sent(
    viewer: Viewer, outcome: Outcome, *, channel_id: str | None = None, conversation_id: str | None = None
) -> MessageView:
    """The message as it was stored; a repeated request finds what the first one made.

    Raises ConflictError when that is deleted, NotFoundError for who no longer sees it.
    """
    view: MessageView | None = None if outcome.is_repeat else outcome.found.get("view")
    if view is None:
        with reading() as session:
            view = _view(session, viewer, outcome)
    if view is None or (view.channel_id, view.conversation_id) != (channel_id, conversation_id):
        raise ConflictError("The message that was sent with this Idempotency-Key is deleted.")
    return view


def _view(session: Session, viewer: Viewer, outcome: Outcome) -> MessageView | None:
    if not outcome.is_repeat:
        return view_message(session, str(outcome.found["message_id"]))
    first = find_by_uri(session, outcome.found["object_uri"])
    if first is None:
        return None
    get_visible(session, viewer, first.id)  # Raises for who no longer sees it.
    return view_message(session, first.id)
