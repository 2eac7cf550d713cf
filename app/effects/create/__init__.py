"""Create: somebody made a message, a channel or a person."""

from __future__ import annotations

from activitypub.documents import Activity, ActorDocument, Note
from app.act import Act
from app.effects import roles, spaces
from app.effects.create import group, note, person
from app.errors import InvalidInputError


def authorise(act: Act) -> None:
    if (handler := spaces.handler_of(act)) is not None:
        handler.authorise_making(act)
        return
    if roles.is_about_role(act):
        roles.authorise_making(act)
        return
    match act.activity.object:
        case Note():
            note.authorise(act, act.activity.object)
        case ActorDocument(type="Group"):
            group.authorise(act, act.activity.object)
        case ActorDocument(type="Person" | "Service"):
            person.authorise(act, act.activity.object)
        case _:
            raise InvalidInputError("Only messages, channels and people are made here.")


def apply(act: Act) -> list[Activity]:
    if (handler := spaces.handler_of(act)) is not None:
        handler.make(act)
        return []
    if roles.is_about_role(act):
        roles.make(act)
        return []
    match act.activity.object:
        case Note():
            return note.apply(act, act.activity.object)
        case ActorDocument(type="Group"):
            return group.apply(act, act.activity.object)
        case ActorDocument():
            return person.apply(act, act.activity.object)
    return []
