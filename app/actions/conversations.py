"""Conversations that follow from who is in them, opened before anything is said in one.

Other servers hear of one by its first message. Groups are made by an activity.
"""

from __future__ import annotations

from datetime import UTC, datetime

from app.db import transaction
from app.effects.spaces.conversation import take_people
from app.errors import InvalidInputError
from app.pipeline import Made
from app.projections import events, messages
from app.queries.placement import conversation_id
from app.queries.viewers import Viewer


def open_conversation(viewer: Viewer, actor_id: str) -> Made:
    """The conversation between the viewer and somebody, which may have been there before.

    Raises InvalidInputError for oneself, NotFoundError for who is no person, ForbiddenError for who blocked the
    viewer.
    """
    if actor_id == viewer.actor_id:
        raise InvalidInputError("A conversation needs somebody else.")
    now = datetime.now(UTC)
    with transaction() as session:
        people = take_people(session, viewer.actor_id, [viewer.actor_id, actor_id])
        id_ = conversation_id(person.uri for person in people)
        is_new = messages.ensure_conversation(session, id_, people, now=now)
        if is_new:
            events.tell(session, "conversation_created", now=now, conversation_id=id_)
    return Made(id_, is_repeat=not is_new)
