"""Conversations: opened before anything is said in them. Other servers hear of one by its first message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from app.db import reading, transaction
from app.errors import ForbiddenError, InvalidInputError, NotFoundError
from app.projections import events, messages
from app.queries.actors import PEOPLE, find_by_id, is_blocked
from app.queries.placement import conversation_id
from app.queries.viewers import Viewer

MAX_PEOPLE: Final = 50


def open_conversation(viewer: Viewer, actor_ids: Sequence[str]) -> tuple[str, bool]:
    """The id of the conversation between the viewer and these people, and whether it was not there before.

    Raises InvalidInputError for nobody or too many, NotFoundError for who is no person, ForbiddenError for who blocked
    the viewer.
    """
    others = [actor_id for actor_id in dict.fromkeys(actor_ids) if actor_id != viewer.actor_id]
    if not others:
        raise InvalidInputError("A conversation needs somebody else.")
    if len(others) >= MAX_PEOPLE:
        raise InvalidInputError(f"A conversation has {MAX_PEOPLE} people at most.")
    with reading() as session:
        people = [find_by_id(session, actor_id) for actor_id in (viewer.actor_id, *others)]
        known = [person for person in people if person is not None and person.type in PEOPLE]
        if len(known) < len(people):
            raise NotFoundError("There is no such person.")
        if any(is_blocked(session, by=person.id, actor_id=viewer.actor_id) for person in known):
            raise ForbiddenError("This person does not take messages from you.")
    id_ = conversation_id(person.uri for person in known)
    now = datetime.now(UTC)
    with transaction() as session:
        is_new = messages.ensure_conversation(session, id_, known, now=now)
        if is_new:
            events.tell(session, "conversation_created", now=now, conversation_id=id_)
    return id_, is_new
