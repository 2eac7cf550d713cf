"""What came of sending a message, the first time and when the same request comes again."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.db import reading
from app.errors import ConflictError
from app.pipeline import Outcome
from app.queries.messages import MessageView, find_by_uri, view_message


def get_sent(outcome: Outcome, *, channel_id: str | None = None, conversation_id: str | None = None) -> MessageView:
    """The message as it was stored; a repeated request finds what the first one made.

    Raises ConflictError when that was something else, stood elsewhere or is deleted.
    """
    with reading() as session:
        message_id = _message_id(session, outcome)
        view = view_message(session, message_id) if message_id else None
    if view is None or (view.channel_id, view.conversation_id) != (channel_id, conversation_id):
        raise ConflictError("This Idempotency-Key was used for something else, or for a message that is deleted.")
    return view


def _message_id(session: Session, outcome: Outcome) -> str | None:
    if not outcome.is_repeat:
        return str(outcome.found["message_id"])
    first = find_by_uri(session, outcome.found["object_uri"])
    return first.id if first is not None else None
